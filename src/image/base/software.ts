/**
 * What the machine has to put into images: its programs, the libraries that they need, the text files of its Debian. The composition root hands it over,
 * since images know no program.
 */

import type { ElfImage } from "../../abi/elf.ts";
import type { Tree } from "./tree.ts";

/** The facts of `userland/executable.ts` that files are made of. */
export interface Tool {
  readonly name: string;
  readonly paths?: readonly string[];
  readonly needed?: readonly string[];
  readonly sizeBytes?: number;
  /** Where busybox has its link. */
  readonly applet?: string;
  readonly mode?: number;
}

export interface Library {
  readonly soname: string;
  readonly file: string;
  readonly sizeBytes: number;
  readonly needed: readonly string[];
}

export interface Software {
  readonly tools: readonly Tool[];
  /** By soname. */
  readonly libraries: ReadonlyMap<string, Library>;
  /** Text files of a Debian 12: absolute path → content. */
  readonly debianFiles: ReadonlyMap<string, string>;
}

export const GNU_INTERP = "/lib64/ld-linux-x86-64.so.2";
export const GNU_LIB_DIR = "usr/lib/x86_64-linux-gnu";
export const MUSL_INTERP = "/lib/ld-musl-x86_64.so.1";
const MUSL_LIBC = "libc.musl-x86_64.so.1";
/** The program that is the dynamic loader of both. */
const LOADER = "ld-linux-x86-64.so.2";

/** Runs where a program of that name is not built yet, and says so. */
export const NOT_HERE = "not-here";

/** The program that a file of an image is; one that says that it is not there yet where the machine has none of that name. */
export function programOf(software: Software, name: string): string {
  return software.tools.some((tool) => tool.name === name) ? name : NOT_HERE;
}

/** An executable of Debian that is linked with glibc. */
export const gnuElf = (program: string, needed: readonly string[] = ["libc.so.6"]): ElfImage => ({
  type: "ET_DYN",
  program,
  voice: "gnu",
  needed,
  ...(needed.length === 0 ? {} : { interp: GNU_INTERP }),
});

/** An executable of Alpine that is linked with musl. */
export const muslElf = (program: string): ElfImage => ({
  type: "ET_DYN",
  program,
  voice: "busybox",
  needed: [MUSL_LIBC],
  interp: MUSL_INTERP,
});

/** An executable without libraries, as Go makes them. */
export const staticElf = (program: string): ElfImage => ({ type: "ET_EXEC", program, voice: "gnu", needed: [] });

/** A link beside its target names it alone, as Debian's packages do. */
function linkTarget(link: string, target: string): string {
  const dir = link.slice(0, link.lastIndexOf("/") + 1);
  return target.startsWith(dir) && !target.slice(dir.length).includes("/") ? target.slice(dir.length) : target;
}

/** Puts the named tools where Debian has them, with the libraries that they need. */
export function addGnuTools(tree: Tree, software: Software, names: readonly string[]): void {
  const wanted = new Set(names);
  const sonames = ["libc.so.6"];
  for (const { name, paths, needed = ["libc.so.6"], sizeBytes = 14_648, mode = 0o755 } of software.tools) {
    const [file, ...others] = paths ?? [];
    if (file === undefined || !wanted.has(name)) continue;
    tree.elf(file.slice(1), { ...gnuElf(name, needed), ...(name === LOADER ? { soname: name } : {}) }, sizeBytes, mode);
    for (const path of others) tree.link(path.slice(1), linkTarget(path, file));
    sonames.push(...needed);
  }
  addGnuLibraries(tree, software, sonames);
}

/** Puts libraries and what they need in turn. */
export function addGnuLibraries(tree: Tree, software: Software, sonames: readonly string[]): void {
  const wanted = [...sonames];
  const seen = new Set<string>();
  for (let soname = wanted.pop(); soname !== undefined; soname = wanted.pop()) {
    const library = software.libraries.get(soname);
    if (library === undefined || seen.has(soname)) continue;
    seen.add(soname);
    wanted.push(...library.needed);
    const mode = soname === "libc.so.6" ? 0o755 : 0o644;
    tree.elf(`${GNU_LIB_DIR}/${library.file}`, { type: "ET_DYN", needed: library.needed, soname, voice: "gnu" }, library.sizeBytes, mode);
    if (library.file !== soname) tree.link(`${GNU_LIB_DIR}/${soname}`, library.file);
  }
}

/** musl: one file that is library and loader. */
export function addMusl(tree: Tree): void {
  tree.elf(MUSL_INTERP.slice(1), { type: "ET_DYN", needed: [], soname: MUSL_LIBC, voice: "busybox", program: LOADER }, 650_752);
  tree.link(`lib/${MUSL_LIBC}`, "ld-musl-x86_64.so.1");
}
