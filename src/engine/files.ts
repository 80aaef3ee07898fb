/** Files of the daemon's own: written beside and renamed, so that a reader sees the old or the new. moby `pkg/ioutils.AtomicWriteFile`. */

import { EEXIST, Errno } from "../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } from "../abi/fcntl.ts";
import { type Dirent, DT_DIR } from "../abi/stat.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { encodeUtf8 } from "../abi/utf8.ts";
import { writeAll } from "../userland/libc/stdio.ts";
import { mkdir, open, optional, readDir, readOpenDir, readText, rename, unlink } from "../userland/libc/unistd.ts";

export function* writeAtomically(sys: Sys, path: string, content: string | Uint8Array, mode = 0o600): Proc<void> {
  const temporary = `${path}.tmp${yield* sys.gettid()}`;
  const fd = yield* open(sys, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  try {
    yield* writeAll(sys, fd, typeof content === "string" ? encodeUtf8(content) : content);
    yield* sys.fsync(fd);
  } finally {
    yield* sys.close(fd);
  }
  yield* rename(sys, temporary, path);
}

/** What a daemon that was killed while it wrote has left in a directory. */
export function* removeTemporaries(sys: Sys, dir: string): Proc<void> {
  for (const { name } of (yield* optional(readDir(sys, dir))) ?? [])
    if (/\.tmp\d+$/.test(name)) yield* optional(unlink(sys, `${dir}/${name}`));
}

/** A JSON file; undefined where there is none, or nothing that can be read. */
export function* readJson<T>(sys: Sys, path: string): Proc<T | undefined> {
  const text = yield* optional(readText(sys, path));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

/** mkdir -p. */
export function* makeDirs(sys: Sys, path: string, mode = 0o710): Proc<void> {
  for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1))
    yield* optional(mkdir(sys, path.slice(0, at), mode), [EEXIST]);
  yield* optional(mkdir(sys, path, mode), [EEXIST]);
}

/** rm -rf, that does not complain of what is not there. Errors: EBUSY for a mount point. */
export function* removeAll(sys: Sys, path: string): Proc<void> {
  const entries = yield* readDirOrNothing(sys, path);
  if (entries === undefined) {
    yield* optional(unlink(sys, path));
    return;
  }
  for (const { name, type } of entries) {
    if (name === "." || name === "..") continue;
    if (type === DT_DIR) yield* removeAll(sys, `${path}/${name}`);
    else yield* optional(unlink(sys, `${path}/${name}`));
  }
  yield* optional(sys.unlinkat(AT_FDCWD, path, AT_REMOVEDIR));
}

function* readDirOrNothing(sys: Sys, path: string): Proc<readonly Dirent[] | undefined> {
  try {
    // Not through a symbolic link: that itself is to go.
    const fd = yield* open(sys, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    try {
      return yield* readOpenDir(sys, fd);
    } finally {
      yield* sys.close(fd);
    }
  } catch (e) {
    if (e instanceof Errno) return undefined;
    throw e;
  }
}
