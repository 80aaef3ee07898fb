import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { build } from "vite";

/** The session of src/machine/trace-hash.ts, hashed over every system call, as a classic worker for any page. */
async function bundle(): Promise<string> {
  const outDir = "node_modules/.cache/drydock/hash-worker";
  rmSync(outDir, { recursive: true, force: true });
  await build({
    configFile: false,
    logLevel: "error",
    build: {
      outDir,
      target: "es2023",
      copyPublicDir: false,
      lib: { entry: "src/bench/hash.ts", formats: ["es"], fileName: "hash" },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  });
  return readFileSync(`${outDir}/hash.js`, "utf8");
}

test("the same seed and inputs give the same trace in Node and in Chromium", async ({ page }) => {
  const node = spawnSync("node", [".ci/run-ts.mjs", "src/bench/hash.ts"], { encoding: "utf8" });
  expect(node.status, node.stderr).toBe(0);
  const code = await bundle();
  // A page of the site that runs nothing itself.
  await page.goto("/compatibility.html");
  const browser = await page.evaluate(
    (source) =>
      new Promise<string>((resolve, reject) => {
        const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
        worker.onmessage = (event) => resolve(String(event.data));
        worker.onerror = (event) => reject(new Error(event.message));
      }),
    code,
  );
  expect(browser).toMatch(/^[0-9a-f]{16}$/);
  expect(browser).toBe(node.stdout.trim());
});
