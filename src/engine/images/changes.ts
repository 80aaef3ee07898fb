/** What differs between two trees: `docker diff`. moby `pkg/archive/changes.go`, `changes_linux.go`, `changes_unix.go`. */

import { ENODATA, ENOENT, ENOTDIR, EOPNOTSUPP } from "../../abi/errno.ts";
import { isDir, type Stat, type Timespec } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { lstat, optional } from "../../userland/libc/unistd.ts";
import type { FilesystemChange } from "../api/container.ts";
import { byBytes, namesIn } from "./files.ts";

const MODIFIED = 0;
const ADDED = 1;
const DELETED = 2;

/** The changes from `oldDir` to `newDir`, sorted by path. */
export function* changesBetween(sys: Sys, newDir: string, oldDir: string): Proc<FilesystemChange[]> {
  const changes: FilesystemChange[] = [];
  yield* compareDirectories(sys, newDir, oldDir, "", changes);
  return changes.sort((a, b) => byBytes(a.Path, b.Path));
}

/** `path` is a directory in the new tree; of the old one it is `oldDir`, undefined if that has none there. */
function* compareDirectories(sys: Sys, newDir: string, oldDir: string | undefined, path: string, changes: FilesystemChange[]): Proc<void> {
  const gone = new Set(oldDir === undefined ? [] : yield* namesIn(sys, oldDir + path));
  for (const name of yield* namesIn(sys, newDir + path)) {
    const child = `${path}/${name}`;
    const after = yield* optional(lstat(sys, newDir + child));
    if (after === undefined) continue;
    const before = gone.delete(name) && oldDir !== undefined ? yield* optional(lstat(sys, oldDir + child)) : undefined;
    const start = changes.length;
    const own = before === undefined ? ADDED : (yield* differs(sys, newDir, oldDir as string, child, before, after)) ? MODIFIED : undefined;
    if (own !== undefined) changes.push({ Path: child, Kind: own });
    if (!isDir(after.mode)) continue;
    // What was no directory, or is new, has nothing in it that could be compared.
    yield* compareDirectories(sys, newDir, before !== undefined && isDir(before.mode) ? oldDir : undefined, child, changes);
    // A directory in which something changed is told, for its own permissions are saved with it.
    if (own === undefined && changes.length > start) changes.push({ Path: child, Kind: MODIFIED });
  }
  for (const name of gone) changes.push({ Path: `${path}/${name}`, Kind: DELETED });
}

function* differs(sys: Sys, newDir: string, oldDir: string, path: string, before: Stat, after: Stat): Proc<boolean> {
  if (before.mode !== after.mode || before.uid !== after.uid || before.gid !== after.gid || before.rdev !== after.rdev) return true;
  if (!isDir(before.mode) && (before.size !== after.size || !sameTime(before.mtime, after.mtime))) return true;
  return (yield* capability(sys, newDir + path)) !== (yield* capability(sys, oldDir + path));
}

/** Times of layers have whole seconds only. */
const sameTime = (a: Timespec, b: Timespec): boolean => a.sec === b.sec && (a.nsec === b.nsec || a.nsec === 0 || b.nsec === 0);

function* capability(sys: Sys, path: string): Proc<string> {
  const value = yield* optional(sys.getxattr(path, "security.capability", false), [ENODATA, EOPNOTSUPP, ENOENT, ENOTDIR]);
  return value === undefined ? "" : value.join();
}
