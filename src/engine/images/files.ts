/** Small helps around files that the stores of images and layers share. Go's `os` and `path/filepath`, moby `pkg/directory`, `pkg/stringid`. */

import { Errno } from "../../abi/errno.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { lstat, optional, readDir, readText } from "../../userland/libc/unistd.ts";
import { systemError, wordsOf } from "../errors.ts";

/** stringid.GenerateRandomID(): 64 hexadecimal digits, the first twelve of which are no number. */
export function* randomId(sys: Sys): Proc<string> {
  const bytes = new Uint8Array(32);
  for (;;) {
    yield* sys.getrandom(bytes, 0);
    const id = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (!/^[0-9]{12}/.test(id)) return id;
  }
}

/** The short form of an id: twelve digits, without the algorithm. */
export const shortId = (id: string): string => id.slice(id.indexOf(":") + 1).slice(0, 12);

/** The digits of `sha256:…`. */
export const hexOf = (digest: string): string => digest.slice(digest.indexOf(":") + 1);

/** The text of a small file; undefined if there is none. */
export const readIfThere = (sys: Sys, path: string): Proc<string | undefined> => optional(readText(sys, path));

export function* exists(sys: Sys, path: string): Proc<boolean> {
  return (yield* optional(lstat(sys, path))) !== undefined;
}

/** The names in a directory, sorted by their bytes; none if it is not there. */
export function* namesIn(sys: Sys, path: string): Proc<string[]> {
  const entries = (yield* optional(readDir(sys, path))) ?? [];
  return entries
    .map(({ name }) => name)
    .filter((name) => name !== "." && name !== "..")
    .sort(byBytes);
}

/** Go compares strings by their UTF-8 bytes, which is the order of code points. */
export function byBytes(a: string, b: string): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    // Surrogates stand for what is above all others.
    if (x !== y) return (x >= 0xd800 && x < 0xe000 ? x + 0x10000 : x) - (y >= 0xd800 && y < 0xe000 ? y + 0x10000 : y);
  }
  return a.length - b.length;
}

/** Bytes of all files below a directory, a file with several names once; directories count for nothing. */
export function* treeSize(sys: Sys, path: string, seen = new Set<number>()): Proc<number> {
  let size = 0;
  for (const name of yield* namesIn(sys, path)) {
    const full = `${path}/${name}`;
    const st = yield* optional(lstat(sys, full));
    if (st === undefined) continue;
    if (isDir(st.mode)) size += yield* treeSize(sys, full, seen);
    else if (!seen.has(st.ino)) {
      seen.add(st.ino);
      size += st.size;
    }
  }
  return size;
}

/** The call, its errno told in the manner of Go's PathError: `open /path: no such file or directory`. */
export function* pathError<T>(operation: string, path: string, call: Proc<T>): Proc<T> {
  try {
    return yield* call;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    throw systemError(`${operation} ${path}: ${wordsOf(e)}`);
  }
}
