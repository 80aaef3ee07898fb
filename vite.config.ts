/**
 * The build of the page: static files that work from any sub-path, without special headers, and inside a sandboxed third-party iframe.
 *
 * Two builds of the same page: ES modules (`dist/assets`), and one classic script (`--mode classic`, `dist/classic`). A frame with an opaque origin
 * may load scripts from its server but not modules, which need CORS; the loader in `index.html` takes the classic one there.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin, runnerImport } from "vite";
import type { Executable } from "./src/userland/executable.ts";
import { collectDifferences, renderCompatibility } from "./src/machine/compatibility.ts";

const MACHINE_WORKER = fileURLToPath(new URL("./src/machine/worker.ts", import.meta.url));

/** Fonts that the first screen draws; the others load when something asks for them. */
const FIRST_FONTS = [
  /plex-sans-latin-500-normal.*\.woff2$/,
  /plex-mono-latin-400-normal.*\.woff2$/,
  /plex-mono-latin-600-normal.*\.woff2$/,
];

/** Replaces the module script by a loader that picks modules or the classic script, and preloads the fonts of the first screen. */
function pageLoader(): Plugin {
  return {
    name: "page-loader",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, context) {
        const entry = /<script type="module"[^>]*src="([^"]+)"[^>]*><\/script>/.exec(html);
        if (entry === null) return html;
        const fonts = Object.keys(context.bundle ?? {}).filter((name) => FIRST_FONTS.some((font) => font.test(name)));
        const preloads = fonts.map((name) => `<link rel="preload" as="font" type="font/woff2" crossorigin href="./${name}">`);
        const module = JSON.stringify(entry[1]);
        // Early, so that the script is there when the body is; an opaque origin would only be refused.
        const early = `<script>if(self.origin!=="null"){const l=document.createElement("link");l.rel="modulepreload";l.href=${module};document.head.append(l)}</script>`;
        const loader =
          `<script>{const s=document.createElement("script");` +
          `if(self.origin==="null")s.src="./classic/page.js";else{s.type="module";s.src=${module}}document.body.append(s)}</script>`;
        return html
          .replace(entry[0], () => [...preloads, early].join("\n    "))
          .replace("</body>", () => `  ${loader}\n  </body>`)
          .replace(/<link rel="stylesheet" crossorigin/g, '<link rel="stylesheet"');
      },
    },
  };
}

/** Prints what a first visit transfers until the prompt is there. */
function firstPromptSize(): Plugin {
  return {
    name: "first-prompt-size",
    apply: "build",
    writeBundle(options, bundle) {
      const directory = options.dir ?? "dist";
      const first = new Set<string>(["index.html"]);
      const addChunk = (name: string): void => {
        const chunk = bundle[name];
        if (chunk?.type !== "chunk" || first.has(name)) return;
        first.add(name);
        for (const dependency of chunk.imports) addChunk(dependency);
      };
      for (const [name, item] of Object.entries(bundle)) {
        if (item.type === "chunk" && item.isEntry) addChunk(name);
        if (/index-.*\.css$|worker-.*\.js$/.test(name) || FIRST_FONTS.some((font) => font.test(name))) first.add(name);
      }
      // A worker is a bundle of its own: its chunks are found in its text.
      for (const name of first) {
        if (!name.endsWith(".js")) continue;
        for (const [, chunk] of readFileSync(`${directory}/${name}`, "utf8").matchAll(/(?:from|import)\s*["'`]\.\/([\w.-]+\.js)["'`]/g))
          first.add(`assets/${chunk}`);
      }
      const sizes = [...first].map((name) => ({ name, bytes: gzipSync(readFileSync(`${directory}/${name}`), { level: 9 }).length }));
      for (const { name, bytes } of sizes) console.log(`  ${String(Math.round(bytes / 102.4) / 10).padStart(6)} KB gz  ${name}`);
      console.log(`first prompt: ${Math.round(sizes.reduce((sum, { bytes }) => sum + bytes, 0) / 1024)} KB gz`);
    },
  };
}

/** The list of programs, and those of them that run before the first prompt. */
const PROGRAMS = fileURLToPath(new URL("./src/machine/executables.ts", import.meta.url));
const FIRST_PROGRAMS = ["bash", "init"];
const KERNEL_LATER = fileURLToPath(new URL("./src/machine/later.ts", import.meta.url));
const LATER = "\0later";
/** Brings the parts below, before anything that uses them. */
const LATER_PARTS = "\0later-parts";
/** Stands in the worker for a part, by its place in the list. */
const STAND_IN = "\0stand-in:";

/** What the shell is made of but runs none of before a key is typed. Nobody extends their classes. */
const PARTS = [
  ...["echo", "printf", "regex", "strftime"].map((name) => `./src/userland/libc/${name}.ts`),
  ...["directory", "lookup", "read", "session"].map((name) => `./src/userland/sh/builtins/${name}.ts`),
  ...["brace", "history-expansion", "print", "readline/completion"].map((name) => `./src/userland/sh/${name}.ts`),
]
  .map((path) => new URL(path, import.meta.url))
  .concat(new URL("arithmetic.js", import.meta.resolve("unbash")))
  .map((url) => fileURLToPath(url));

/**
 * A module that has the exports of a part and no code: constants as they are; functions, also those of objects that are described by plain fields (builtins), pass on
 * to the code that `provide` brings; everything else is undefined until then.
 */
function standIn(part: Record<string, unknown>): string {
  const passOn = (path: string): string => `(...args) => real.${path}(...args)`;
  const isClass = (value: unknown): boolean => typeof value === "function" && value.toString().startsWith("class");
  const lines = ["let real;"];
  const provided: string[] = [];
  for (const [name, value] of Object.entries(part)) {
    if (typeof value === "function" && !isClass(value)) lines.push(`export const ${name} = ${passOn(name)};`);
    else if (value?.constructor === Object) {
      const fields = Object.entries(value).map(
        ([key, field]) => `${key}: ${typeof field === "function" ? passOn(`${name}.${key}`) : JSON.stringify(field)}`,
      );
      lines.push(`export const ${name} = { ${fields.join(", ")} };`);
    } else if (typeof value === "number" || typeof value === "string") lines.push(`export const ${name} = ${JSON.stringify(value)};`);
    else {
      lines.push(`export let ${name};`);
      provided.push(`${name} = part.${name};`);
    }
  }
  return [...lines, `export function provide(part) { real = part; ${provided.join(" ")} }`].join("\n");
}

/**
 * Of all programs but the first ones, the worker starts with the facts only (name, paths, sizes: what the root filesystem is made of); their code comes
 * as one chunk while the visitor reads the prompt, and with it the modules of the kernel, and the parts of the shell that it
 * needs once it is typed to. The worker holds typed input back until then (`worker.ts`); what needs the chunk earlier stops the virtual clock.
 * Everywhere else the list is a plain array, and the modules are imported as any code.
 */
function laterCode(): Plugin {
  return {
    name: "later-code",
    apply: "build",
    enforce: "pre",
    async resolveId(id, importer) {
      if (id === LATER || id === LATER_PARTS || id.startsWith(STAND_IN)) return id;
      if (id.endsWith("?all")) return null;
      const resolved = await this.resolve(id, importer, { skipSelf: true });
      const at = PARTS.indexOf(resolved?.id ?? "");
      return at < 0 ? resolved : `${STAND_IN}${at}`;
    },
    async load(id) {
      if (id.startsWith(STAND_IN)) {
        const part = PARTS[Number(id.slice(STAND_IN.length))] as string;
        return standIn((await runnerImport<Record<string, unknown>>(part)).module);
      }
      if (id === LATER_PARTS)
        return PARTS.map(
          (part, i) =>
            `import * as part${i} from ${JSON.stringify(`${part}?all`)}; import { provide as provide${i} } from "${STAND_IN}${i}"; provide${i}(part${i});`,
        ).join("\n");
      if (id === LATER) {
        return [
          `import ${JSON.stringify(LATER_PARTS)};`,
          `export { executables } from ${JSON.stringify(`${PROGRAMS}?all`)};`,
          `export { later } from ${JSON.stringify(`${KERNEL_LATER}?all`)};`,
        ].join("\n");
      }
      if (id === KERNEL_LATER)
        return `export let later; export async function loadLater() { ({ later } = await import(${JSON.stringify(LATER)})); }`;
      if (id !== PROGRAMS) return null;
      const { module } = await runnerImport<{ executables: readonly Executable[] }>(PROGRAMS);
      const entries = module.executables.map((executable) => {
        if (FIRST_PROGRAMS.includes(executable.name)) return executable.name;
        const { main: _main, load: _load, ...facts } = executable;
        return `later(${JSON.stringify(facts)})`;
      });
      return [
        ...FIRST_PROGRAMS.map((name) => `import { ${name} } from "../userland/bin/${name}.ts";`),
        // One that has code of its own even there is fetched at once with the others.
        `const find = async (name) => (await import(${JSON.stringify(LATER)})).executables.find((e) => e.name === name);`,
        "const load = async (name) => { const found = await find(name); return found.main === undefined ? found.load() : found; };",
        "const later = (facts) => ({ ...facts, load: () => load(facts.name) });",
        `export const executables = [${entries.join(",\n")}];`,
      ].join("\n");
    },
  };
}

/** The page that tells how the machine differs from Linux, made from the code. */
function compatibilityPage(): Plugin {
  const page = (): string => renderCompatibility(collectDifferences(fileURLToPath(new URL("./src", import.meta.url))));
  return {
    name: "compatibility-page",
    configureServer(server) {
      server.middlewares.use("/compatibility.html", (_request, response) => {
        response.setHeader("Content-Type", "text/html; charset=utf-8");
        response.end(page());
      });
    },
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "compatibility.html", source: page() });
    },
  };
}

/** Libraries that only the machine imports. */
const MACHINE_LIBRARIES = [
  ...["blake2", "legacy", "sha2", "utils"].map((name) => `@noble/hashes/${name}.js`),
  ...["diff", "docker-names", "fflate", "re2js", "unbash"],
];

// biome-ignore lint/style/noDefaultExport: Vite reads the default export.
export default defineConfig(({ mode }) => {
  const classic = mode === "classic";
  return {
    base: "./",
    define: { "process.env.NODE_ENV": JSON.stringify(mode === "development" ? "development" : "production") },
    resolve: { alias: [{ find: /^machine-worker(?=\?)/, replacement: MACHINE_WORKER }] },
    plugins: classic ? [react()] : [react(), pageLoader(), compatibilityPage(), firstPromptSize()],
    // Modules in chunks; or one classic script, which loads by importScripts from a blob where an opaque origin forbids a worker from the server.
    worker: { format: classic ? "iife" : "es", plugins: () => (classic ? [] : [laterCode()]) },
    // What the worker fetches late: found only then, the server would load the page anew in the middle of a session.
    optimizeDeps: { include: MACHINE_LIBRARIES },
    publicDir: classic ? false : "public",
    build: {
      target: "es2023",
      outDir: classic ? "dist/classic" : "dist",
      emptyOutDir: true,
      modulePreload: classic ? false : { polyfill: false },
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 2000,
      reportCompressedSize: false,
      rolldownOptions: classic
        ? // Only the loader of lazy chunks asks for import.meta, and here there are none.
          {
            checks: { emptyImportMeta: false },
            input: "src/ui/main.tsx",
            output: { format: "iife", entryFileNames: "page.js", codeSplitting: false },
          }
        : { input: "index.html" },
    },
    server: { port: 5173, strictPort: false },
    preview: { port: 4173, strictPort: false },
  };
});
