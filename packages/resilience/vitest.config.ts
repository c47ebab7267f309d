import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Real sockets on two cores that other workspaces' tests use, too: slow is no failure, hanging is.
    testTimeout: 20_000,
  },
});
