/** Paths inside a container's root filesystem, whose links must not lead out of it. moby `pkg/symlink.FollowSymlinkInScope`. */

import { EEXIST, EINVAL, ELOOP, ENOENT, ENOTDIR } from "../abi/errno.ts";
import { S_IFDIR, S_IFLNK, S_IFMT } from "../abi/stat.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { lstat, mkdir, optional, readlink } from "../userland/libc/unistd.ts";
import { systemError } from "./errors.ts";

const MAX_LINKS = 255;

/**
 * Where `path` is below `root`, with every symbolic link taken as if `root` were the root; the last component's own only with `follow`. What does not exist is taken as it is
 * written. Errors: ELOOP.
 */
export function* pathInRoot(sys: Sys, root: string, path: string, follow = true): Proc<string> {
  const todo = path.split("/").filter((part) => part !== "" && part !== ".");
  const inside: string[] = [];
  for (let links = 0; todo.length > 0; ) {
    const part = todo.shift() as string;
    if (part === "..") {
      inside.pop();
      continue;
    }
    inside.push(part);
    if (todo.length === 0 && !follow) break;
    const here = `${root}/${inside.join("/")}`;
    const found = yield* optional(lstat(sys, here), [ENOENT, ENOTDIR, EINVAL]);
    if (found === undefined || (found.mode & S_IFMT) !== S_IFLNK) continue;
    if (++links > MAX_LINKS) throw ELOOP;
    const target = yield* readlink(sys, here);
    inside.pop();
    if (target.startsWith("/")) inside.length = 0;
    todo.unshift(...target.split("/").filter((one) => one !== "" && one !== "."));
  }
  return inside.length === 0 ? root : `${root}/${inside.join("/")}`;
}

/** mkdir -p inside the root. Errors: system if something on the way is no directory. */
export function* makeDirsInRoot(sys: Sys, root: string, path: string, mode = 0o755): Proc<void> {
  const full = yield* pathInRoot(sys, root, path);
  for (let at = full.indexOf("/", root.length + 1); ; at = full.indexOf("/", at + 1)) {
    const part = at < 0 ? full : full.slice(0, at);
    yield* optional(mkdir(sys, part, mode), [EEXIST]);
    const found = yield* optional(lstat(sys, part), [ENOENT, ENOTDIR]);
    if (found === undefined || (found.mode & S_IFMT) !== S_IFDIR) throw systemError(`Cannot mkdir: ${path} is not a directory`);
    if (at < 0) return;
  }
}
