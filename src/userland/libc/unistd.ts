/** Short forms of common calls, as in glibc: open(3p), stat(3p), opendir(3), execvp(3), system(3). */

import { EACCES, ENOENT, ENOEXEC, ENOTDIR, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_RDONLY, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import type { Dirent, Stat } from "../../abi/stat.ts";
import type { Env, Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { Input, writeAll } from "./stdio.ts";

export const open = (sys: Sys, path: string, flags = O_RDONLY, mode = 0o666): Proc<number> => sys.openat(AT_FDCWD, path, flags, mode);
export const stat = (sys: Sys, path: string): Proc<Stat> => sys.newfstatat(AT_FDCWD, path, 0);
export const lstat = (sys: Sys, path: string): Proc<Stat> => sys.newfstatat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
export const mkdir = (sys: Sys, path: string, mode = 0o777): Proc<void> => sys.mkdirat(AT_FDCWD, path, mode);
export const unlink = (sys: Sys, path: string): Proc<void> => sys.unlinkat(AT_FDCWD, path, 0);
export const readlink = (sys: Sys, path: string): Proc<string> => sys.readlinkat(AT_FDCWD, path);
export const symlink = (sys: Sys, target: string, path: string): Proc<void> => sys.symlinkat(target, AT_FDCWD, path);
export const rename = (sys: Sys, from: string, to: string): Proc<void> => sys.renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);

/** The result of `call`, or undefined where it fails with one of `errnos` (ENOENT and ENOTDIR unless given). */
export function* optional<T>(call: Proc<T>, errnos: readonly Errno[] = [ENOENT, ENOTDIR]): Proc<T | undefined> {
  try {
    return yield* call;
  } catch (e) {
    if (e instanceof Errno && errnos.includes(e)) return undefined;
    throw e;
  }
}

export function* readFile(sys: Sys, path: string): Proc<Uint8Array> {
  const fd = yield* open(sys, path, O_RDONLY | O_CLOEXEC);
  try {
    return yield* new Input(sys, fd).readAll();
  } finally {
    yield* sys.close(fd);
  }
}

export function* readText(sys: Sys, path: string): Proc<string> {
  return decodeUtf8(yield* readFile(sys, path));
}

export function* writeFile(sys: Sys, path: string, content: string | Uint8Array, mode = 0o666): Proc<void> {
  const fd = yield* open(sys, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  try {
    yield* writeAll(sys, fd, typeof content === "string" ? encodeUtf8(content) : content);
  } finally {
    yield* sys.close(fd);
  }
}

/** All entries of a directory in the order of the filesystem, with `.` and `..`. */
export function* readDir(sys: Sys, path: string): Proc<Dirent[]> {
  const fd = yield* open(sys, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  try {
    return yield* readOpenDir(sys, fd);
  } finally {
    yield* sys.close(fd);
  }
}

/** The rest of an open directory. One that was removed has no entries, as readdir(3) has it. */
export function* readOpenDir(sys: Sys, fd: number): Proc<Dirent[]> {
  const all: Dirent[] = [];
  for (;;) {
    let some: readonly Dirent[];
    try {
      some = yield* sys.getdents64(fd);
    } catch (e) {
      if (e === ENOENT) return all;
      throw e;
    }
    if (some.length === 0) return all;
    for (const entry of some) all.push(entry);
  }
}

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Replaces the program by one looked up in PATH; a file without a known format is given to /bin/sh. Throws the errno if none can run. */
export function* execvp(sys: Sys, file: string, argv: readonly string[], env: Env): Proc<never> {
  const dirs = file.includes("/") ? [""] : (env.get("PATH") ?? DEFAULT_PATH).split(":");
  let failure: Errno = ENOENT;
  for (const dir of dirs) {
    const path = file.includes("/") ? file : dir === "" ? `./${file}` : `${dir}/${file}`;
    try {
      yield* sys.execve(path, argv, env);
    } catch (e) {
      if (e === ENOEXEC) yield* sys.execve("/bin/sh", ["/bin/sh", path, ...argv.slice(1)], env);
      else if (e === EACCES) failure = EACCES;
      else if (e !== ENOENT && e !== ENOTDIR) throw e;
    }
  }
  throw failure;
}

/** The last component, as basename(3) of POSIX. */
export function basename(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed === "") return path === "" ? "" : "/";
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** All but the last component, as dirname(3). */
export function dirname(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  const at = trimmed.lastIndexOf("/");
  if (at < 0) return trimmed === "" && path !== "" ? "/" : ".";
  return trimmed.slice(0, at).replace(/\/+$/, "") || "/";
}
