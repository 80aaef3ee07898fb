/** From a dentry to its name: d_path(), getcwd(2). Linux `fs/d_path.c`. */

import { ENAMETOOLONG, ENOENT } from "../../abi/errno.ts";
import { byteLength } from "../../abi/utf8.ts";
import { PATH_MAX } from "../params.ts";
import type { Caller } from "./caller.ts";
import type { Path } from "./dentry.ts";
import type { Mount } from "./mount.ts";

/** The names from `root` down to `path`, and whether the climb arrived at `root`. */
function climb(path: Path, root: Path): { readonly text: string; readonly reached: boolean } {
  let { mnt, dentry } = path;
  let text = "";
  for (;;) {
    if (mnt === root.mnt && dentry === root.dentry) return { text: text === "" ? "/" : text, reached: true };
    if (dentry === mnt.root || dentry.isRoot) {
      if (mnt.parent === undefined || mnt.mountpoint === undefined || dentry !== mnt.root)
        return { text: text === "" ? "/" : text, reached: false };
      dentry = mnt.mountpoint;
      mnt = mnt.parent;
      continue;
    }
    text = `/${dentry.name}${text}`;
    dentry = dentry.parent;
  }
}

/** The path as seen from `root`; ends in " (deleted)" where the name is gone. */
export function dPath(path: Path, root: Path): string {
  const { text } = climb(path, root);
  return path.dentry.deleted ? `${text} (deleted)` : text;
}

/** Where a mount is as seen from `root`, whatever has become of the directory that it shows. */
export const mountPath = (mount: Mount, root: Path): string => climb(mount.rootPath, root).text;

/** Whether `path` can be reached from `root`; mounts that cannot are left out of /proc/PID/mounts. */
export function isReachable(path: Path, root: Path): boolean {
  return climb(path, root).reached;
}

/** What is handed to programs fits into a page. Errors: ENAMETOOLONG. */
export function checkLength(path: string): string {
  if (path.length * 3 >= PATH_MAX && byteLength(path) >= PATH_MAX) throw ENAMETOOLONG;
  return path;
}

/** getcwd(2). Errors: ENOENT if the directory was removed, ENAMETOOLONG. Begins with "(unreachable)" where it is outside the root. */
export function cwdPath(caller: Caller): string {
  const { root, cwd } = caller.fs;
  if (cwd.dentry.deleted) throw ENOENT;
  const { text, reached } = climb(cwd, root);
  return checkLength(reached ? text : `(unreachable)${text}`);
}
