/** End-to-end tests of the built page in a real Chromium: the system's where there is one, else Playwright's own. */
import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const PORT = Number(process.env.DRYDOCK_E2E_PORT ?? 4173);
const chromium = [process.env.CHROMIUM ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));

// biome-ignore lint/style/noDefaultExport: Playwright reads the default export.
export default defineConfig({
  testDir: "e2e",
  // The machine runs flat out in some of these: one at a time, on whatever computer this is.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 60_000 },
  reporter: [["list"]],
  use: {
    baseURL: `http://localhost:${PORT}`,
    viewport: { width: 1280, height: 800 },
    launchOptions: { args: ["--no-sandbox"], ...(chromium === undefined ? {} : { executablePath: chromium }) },
  },
  webServer: {
    command: `npx vite preview --port ${PORT} --strictPort --outDir ${process.env.DRYDOCK_DIST ?? "dist"}`,
    url: `http://localhost:${PORT}`,
    reuseExistingServer: true,
  },
});
