/** What an image has where a new volume comes: copied into it, with owners, modes, times and extended attributes. moby `container/container_unix.go` copyExistingContents(). */

import { EINVAL, ENOSYS, EOPNOTSUPP, Errno, EXDEV } from "../../abi/errno.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_CREAT, O_EXCL, O_WRONLY } from "../../abi/fcntl.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, type Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import { lstat, mkdir, open, optional, readDir, readFile, readlink, symlink } from "../../userland/libc/unistd.ts";

/** Into an empty directory only. */
export function* copyContents(sys: Sys, from: string, to: string): Proc<void> {
  if ((yield* readDir(sys, to)).some(({ name }) => name !== "." && name !== "..")) return;
  yield* copyDirectory(sys, from, to, yield* lstat(sys, from), new Map());
}

function* copyDirectory(sys: Sys, from: string, to: string, found: Stat, links: Map<string, string>): Proc<void> {
  for (const { name } of yield* readDir(sys, from))
    if (name !== "." && name !== "..") yield* copyEntry(sys, `${from}/${name}`, `${to}/${name}`, links);
  yield* copyInfo(sys, from, to, found);
}

function* copyEntry(sys: Sys, from: string, to: string, links: Map<string, string>): Proc<void> {
  const found = yield* lstat(sys, from);
  const key = `${found.dev}:${found.ino}`;
  const type = found.mode & S_IFMT;
  if (type === S_IFDIR) {
    yield* mkdir(sys, to, found.mode & 0o7777);
    yield* copyDirectory(sys, from, to, found, links);
    return;
  }
  const earlier = links.get(key);
  if (earlier !== undefined) {
    yield* sys.linkat(AT_FDCWD, earlier, AT_FDCWD, to, 0);
    return;
  }
  if (found.nlink > 1) links.set(key, to);
  if (type === S_IFREG) yield* copyFile(sys, from, to, found.size);
  else if (type === S_IFLNK) yield* symlink(sys, yield* readlink(sys, from), to);
  else yield* sys.mknodat(AT_FDCWD, to, found.mode, found.rdev);
  yield* copyInfo(sys, from, to, found);
}

function* copyFile(sys: Sys, from: string, to: string, size: number): Proc<void> {
  const target = yield* open(sys, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600);
  try {
    const source = yield* open(sys, from);
    try {
      for (let left = size; left > 0; ) {
        const n = yield* sys.copy_file_range(source, undefined, target, undefined, left);
        if (n === 0) break;
        left -= n;
      }
    } finally {
      yield* sys.close(source);
    }
  } catch (e) {
    if (!(e instanceof Errno) || ![EXDEV, EINVAL, EOPNOTSUPP, ENOSYS].includes(e)) throw e;
    yield* writeAll(sys, target, yield* readFile(sys, from));
  } finally {
    yield* sys.close(target);
  }
}

function* copyInfo(sys: Sys, from: string, to: string, { uid, gid, mode, atime, mtime }: Stat): Proc<void> {
  yield* sys.fchownat(AT_FDCWD, to, uid, gid, AT_SYMLINK_NOFOLLOW);
  if ((mode & S_IFMT) !== S_IFLNK) yield* sys.fchmodat(AT_FDCWD, to, mode & 0o7777);
  for (const name of (yield* optional(sys.listxattr(from, false), [EOPNOTSUPP])) ?? [])
    if (!name.startsWith("trusted.overlay.")) yield* sys.setxattr(to, name, yield* sys.getxattr(from, name, false), 0, false);
  yield* sys.utimensat(AT_FDCWD, to, atime, mtime, AT_SYMLINK_NOFOLLOW);
}
