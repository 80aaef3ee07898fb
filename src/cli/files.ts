/** Directories and paths as several commands need them. */

import { EEXIST, ENOENT } from "../abi/errno.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { dirname, mkdir } from "../userland/libc/unistd.ts";

/** mkdir -p. Errors: those of mkdir(2). */
export function* makeDirectories(sys: Sys, path: string, mode = 0o755): Proc<void> {
  try {
    yield* mkdir(sys, path, mode);
  } catch (e) {
    if (e === EEXIST) return;
    if (e !== ENOENT || dirname(path) === path) throw e;
    yield* makeDirectories(sys, dirname(path), mode);
    yield* mkdir(sys, path, mode);
  }
}

/** path.Clean of Go: without `.`, `..` and doubled slashes. */
export function cleanPath(path: string): string {
  const absolute = path.startsWith("/");
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") out.push(part);
    else if (out.length > 0 && out[out.length - 1] !== "..") out.pop();
    else if (!absolute) out.push("..");
  }
  const clean = `${absolute ? "/" : ""}${out.join("/")}`;
  return clean === "" ? "." : clean;
}

/** filepath.Abs. */
export function* absolutePath(sys: Sys, path: string): Proc<string> {
  return cleanPath(path.startsWith("/") ? path : `${yield* sys.getcwd()}/${path}`);
}
