/** Names without symbolic links, `.` and `..`: realpath(3), gnulib's canonicalize_filename_mode. */

import { ELOOP, ENOENT, ENOTDIR, Errno } from "../../abi/errno.ts";
import { isDir, isLnk, type Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { lstat, readlink } from "./unistd.ts";

/** Which components must exist: all, all but the last, or none. */
export type CanonicalizeMode = "existing" | "all-but-last" | "missing";

/** MAXSYMLINKS */
const MAX_LINKS = 40;

/** The absolute name of `path`. `follow` false (realpath -s) leaves symbolic links as they are. Throws the errno. */
export function* canonicalize(sys: Sys, path: string, mode: CanonicalizeMode, follow = true): Proc<string> {
  if (path === "") throw ENOENT;
  const done: string[] = path.startsWith("/") ? [] : (yield* sys.getcwd()).split("/").filter((part) => part !== "");
  const todo = path
    .split("/")
    .filter((part) => part !== "")
    .reverse();
  let links = 0;
  let lost = false;
  const slash = path.endsWith("/");
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const here = `/${[...done, part].join("/")}`;
    let st: Stat | undefined;
    if (!lost) {
      try {
        st = yield* lstat(sys, here);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        const last = todo.every((rest) => rest === ".");
        if (mode === "existing" || (mode === "all-but-last" && !(last && e === ENOENT))) throw e;
        if (mode === "missing" && e !== ENOENT && e !== ENOTDIR) throw e;
        lost = true;
      }
    }
    if (st !== undefined && isLnk(st.mode) && follow) {
      if (++links > MAX_LINKS) {
        if (mode === "missing") {
          done.push(part);
          continue;
        }
        throw ELOOP;
      }
      const target = yield* readlink(sys, here);
      if (target.startsWith("/")) done.length = 0;
      todo.push(
        ...target
          .split("/")
          .filter((p) => p !== "")
          .reverse(),
      );
      continue;
    }
    if (st !== undefined && !isDir(st.mode) && !isLnk(st.mode) && (todo.length > 0 || slash) && mode !== "missing") throw ENOTDIR;
    done.push(part);
  }
  return `/${done.join("/")}`;
}

/** How to reach `path` from the directory `from`; both absolute and canonical. */
export function relativePath(path: string, from: string): string {
  const to = path.split("/").filter((part) => part !== "");
  const base = from.split("/").filter((part) => part !== "");
  let common = 0;
  while (common < to.length && common < base.length && to[common] === base[common]) common++;
  const parts = [...base.slice(common).map(() => ".."), ...to.slice(common)];
  return parts.length === 0 ? "." : parts.join("/");
}
