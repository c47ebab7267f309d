import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // On a busy machine a process takes seconds to start. Nothing waits this long where things go well.
    testTimeout: 30_000,
    setupFiles: ["src/testing/setup.ts"],
    expect: { poll: { timeout: 15_000 } },
  },
});
