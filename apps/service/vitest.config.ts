import { defineConfig } from "vitest/config";

export default defineConfig({ test: { setupFiles: ["src/service-process.setup.ts"] } });
