/** Paths inside a root filesystem that is not trusted: symbolic links are followed as if it were the root. Go `cyphar/filepath-securejoin`. */

import { EINVAL, ELOOP, ENOENT, ENOTDIR } from "../../abi/errno.ts";
import { S_IFLNK, S_IFMT } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { lstat, optional, readlink } from "../../userland/libc/unistd.ts";

const MAX_LINKS = 255;

/** Where `path` is below `root`, whatever links it holds. What does not exist is taken as it is written. Errors: ELOOP. */
export function* secureJoin(sys: Sys, root: string, path: string): Proc<string> {
  const todo = path.split("/").reverse();
  let inside: string[] = [];
  let links = 0;
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      inside.pop();
      continue;
    }
    const next = [...inside, part];
    const at = `${root}/${next.join("/")}`;
    const found = yield* optional(lstat(sys, at), [ENOENT, ENOTDIR, EINVAL]);
    if (found === undefined || (found.mode & S_IFMT) !== S_IFLNK) {
      inside = next;
      continue;
    }
    if (++links > MAX_LINKS) throw ELOOP;
    const target = yield* readlink(sys, at);
    if (target.startsWith("/")) inside = [];
    todo.push(...target.split("/").reverse());
  }
  return inside.length === 0 ? root : `${root}/${inside.join("/")}`;
}
