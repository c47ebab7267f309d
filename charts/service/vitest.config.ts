import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Every test starts helm, several times some of them: 0.1 s each, and far more where two cores have other work.
    testTimeout: 60_000,
    // No test changes anything that another one reads, and a process for each file costs more than what it does here.
    isolate: false,
  },
});
