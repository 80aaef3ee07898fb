/** Holds the table of layers and scans every import against it: who may know whom. `import type` counts. */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { expect, test } from "vitest";

const src = import.meta.dirname;

/** Folder of src/ → what it may import besides itself. A path with a slash allows just that part. */
const layers: Readonly<Record<string, readonly string[]>> = {
  abi: [],
  kernel: ["abi"],
  userland: ["abi"],
  runtime: ["abi", "userland/libc", "userland/executable"],
  image: ["abi", "userland/libc", "userland/executable"],
  builder: ["abi", "userland/libc", "image"],
  engine: ["abi", "userland/libc", "userland/executable", "image", "builder", "runtime/spec"],
  cli: ["abi", "userland/libc", "userland/executable", "engine/api", "image/reference", "image/platform", "builder/dockerignore"],
  machine: ["abi", "kernel", "userland", "runtime", "image", "builder", "engine", "cli", "bridge"],
  bridge: ["abi", "kernel/trace", "engine/api"],
  lessons: ["bridge"],
  ui: ["bridge", "lessons"],
};

/** Inside kernel/: a later one may import an earlier one. Files at its top are shared by all, except those that put the kernel together. */
const kernelOrder = ["sched", "cgroup", "ns", "mm", "vfs", "task", "tty", "net", "ipc", "fs", "syscalls"];
const composed = new Set(["kernel/kernel.ts", "kernel/modules.ts", "kernel/testing.ts"]);

/** The bench and the parity replay sit beside the layers: they drive a machine from outside. */
const outside = new Set(["parity", "bench"]);

function sourceFiles(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) return sourceFiles(path);
    return /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name) ? [path] : [];
  });
}

interface Import {
  readonly from: string;
  readonly to: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^"';]*?from\s*"(\.[^"]+)"|import\(\s*"(\.[^"]+)"\s*\)|(?:^|\n)\s*import\s*"(\.[^"]+)"/g,
  );
  const from = relative(src, file);
  return [...found].map((m) => ({ from, to: normalize(join(dirname(from), (m[1] ?? m[2] ?? m[3]) as string)) }));
}

const files = sourceFiles(src).filter((file) => !outside.has(relative(src, file).split("/")[0] as string));
const imports = files.flatMap(importsOf);

test("every folder of src is a layer of the table", () => {
  const folders = readdirSync(src).filter((name) => statSync(join(src, name)).isDirectory() && !outside.has(name));
  expect(folders.filter((name) => layers[name] === undefined)).toEqual([]);
});

test("imports follow the table of layers", () => {
  const wrong = imports.filter(({ from, to }) => {
    const folder = from.split("/")[0] as string;
    const target = to.split("/")[0] as string;
    if (folder === target) return false;
    return !(layers[folder] ?? []).some((allowed) => to === allowed || to.startsWith(`${allowed}/`) || to.startsWith(`${allowed}.`));
  });
  expect(wrong).toEqual([]);
});

test("inside the kernel, later folders import earlier ones", () => {
  const rank = (path: string): number => kernelOrder.indexOf(path.split("/")[1] as string);
  const wrong = imports.filter(({ from, to }) => {
    if (!from.startsWith("kernel/") || composed.has(from)) return false;
    return composed.has(to) || rank(to) > rank(from);
  });
  expect(wrong).toEqual([]);
});

test("programs use nothing that waits for wall time", () => {
  const inside = files.filter((file) =>
    ["abi", "kernel", "userland", "runtime", "image", "builder", "engine", "cli"].includes(relative(src, file).split("/")[0] as string),
  );
  const banned =
    /\b(?:new Date|Date\.now|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|performance\.now|async function|await )/;
  const wrong = inside.filter((file) => banned.test(readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "")));
  expect(wrong.map((file) => relative(src, file))).toEqual([]);
});
