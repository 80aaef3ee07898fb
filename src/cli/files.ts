/** Directories and paths as several commands need them. */

import { EEXIST, ENOENT } from "../abi/errno.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { AT_FDCWD, AT_REMOVEDIR } from "../abi/fcntl.ts";
import { isDir } from "../abi/stat.ts";
import { dirname, lstat, mkdir, readDir, unlink } from "../userland/libc/unistd.ts";

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

/** rm -r. Errors: those of unlink(2). */
export function* removeTree(sys: Sys, path: string): Proc<void> {
  if (!isDir((yield* lstat(sys, path)).mode)) {
    yield* unlink(sys, path);
    return;
  }
  for (const { name } of yield* readDir(sys, path)) if (name !== "." && name !== "..") yield* removeTree(sys, `${path}/${name}`);
  yield* sys.unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}
