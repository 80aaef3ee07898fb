// Runs a TypeScript program in Node: `node .ci/run-ts.mjs src/machine/headless.ts [argument…]`. Bundles it as the page's build does, so that
// what is measured is what is shipped, and keeps the bundle until a source changes.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [entry, ...args] = process.argv.slice(2);
const root = resolve(import.meta.dirname, "..");
const cache = join(root, "node_modules", ".cache", "drydock");
const name = entry.replaceAll("/", "-").replace(/\.ts$/, "");
const output = join(cache, name, "main.mjs");
const stampFile = join(cache, name, "stamp");

function newest(dir) {
  let latest = 0;
  for (const item of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, item.name);
    const time = item.isDirectory() ? newest(path) : statSync(path).mtimeMs;
    if (time > latest) latest = time;
  }
  return latest;
}

const stamp = String(Math.max(newest(join(root, "src")), statSync(join(root, "package-lock.json")).mtimeMs));
if (!existsSync(output) || !existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) {
  const { build } = await import("vite");
  mkdirSync(join(cache, name), { recursive: true });
  await build({
    root,
    configFile: false,
    logLevel: "error",
    // Our own code and the libraries of the machine in one file; what only tools use stays where it is.
    ssr: { noExternal: true, external: ["vite", "@playwright/test"] },
    build: {
      ssr: entry,
      outDir: join(cache, name),
      emptyOutDir: true,
      target: "node20",
      minify: false,
      rolldownOptions: { output: { entryFileNames: "main.mjs" } },
    },
  });
  writeFileSync(stampFile, stamp);
}
process.argv.splice(1, process.argv.length, join(root, entry), ...args);
await import(pathToFileURL(output).href);
