import { defineConfig } from "vitest/config";

// Apart from vite.config.ts, whose plugins belong to the page. Machines are booted in every test: threads share the compiled code, and files of a thread the modules,
// which hold no state between machines: to load them for each file took longer than the tests.
// biome-ignore lint/style/noDefaultExport: Vitest reads the default export.
export default defineConfig({
  test: { include: ["src/**/*.test.{ts,tsx}"], pool: "threads", isolate: false, testTimeout: 60_000, maxWorkers: 2 },
});
