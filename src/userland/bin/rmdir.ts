/** rmdir(1) of coreutils, and busybox's: removes empty directories. */

import { EEXIST, ENOTDIR, ENOTEMPTY, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR } from "../../abi/fcntl.ts";
import { isDir, isLnk } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { quoteaf } from "../libc/quotearg.ts";
import { lstat, optional, stat } from "../libc/unistd.ts";

const usage = `rmdir [OPTION]... DIRECTORY...
Remove the DIRECTORYs if they are empty.

      --ignore-fail-on-non-empty  do not fail only because a directory is not empty
  -p, --parents  remove DIRECTORY and its ancestors
  -v, --verbose  say what is done
      --help     show this help and exit`;

/** rmdir(2) says ENOTDIR of `link/`; coreutils explains it unless the link leads to something that is no directory. */
function* isUnfollowedLink(c: Command, path: string): Proc<boolean> {
  if (!path.endsWith("/")) return false;
  const link = yield* optional(lstat(c.sys, path.replace(/\/+$/, "")));
  if (link === undefined || !isLnk(link.mode)) return false;
  const target = yield* optional(stat(c.sys, path.replace(/\/+$/, "")));
  return target === undefined || isDir(target.mode);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "pv" : "p",
    long: [
      { name: "ignore-fail-on-non-empty" },
      { name: "parents", as: "p" },
      ...(gnu
        ? [
            { name: "path", as: "p" },
            { name: "verbose", as: "v" },
          ]
        : []),
    ],
  });
  checkOperands(c, operands, 1);
  const has = (name: string): boolean => options.some((o) => o.name === name);
  let status = 0;
  for (const operand of operands) {
    let path = operand;
    for (let first = true; ; first = false) {
      if (has("v")) yield* c.print(`${c.name}: removing directory, ${quoteaf(path)}\n`);
      try {
        yield* c.sys.unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        if (!((e === ENOTEMPTY || e === EEXIST) && has("ignore-fail-on-non-empty"))) {
          const reason = gnu && e === ENOTDIR && (yield* isUnfollowedLink(c, path)) ? "Symbolic link not followed" : e.message;
          yield* c.warn(`${gnu ? `failed to remove ${first ? "" : "directory "}${quoteaf(path)}` : `'${path}'`}: ${reason}`);
          status = 1;
        }
        break;
      }
      if (!has("p")) break;
      const at = path.replace(/\/+$/, "").lastIndexOf("/");
      if (at <= 0) break;
      path = path.slice(0, at).replace(/\/+$/, "");
      if (path === "") break;
    }
  }
  return status;
}

export const rmdir: Executable = {
  name: "rmdir",
  paths: ["/usr/bin/rmdir"],
  sizeBytes: 56240,
  applet: "/bin/rmdir",
  main: command({ version: COREUTILS, help: help(usage, "rmdir [-p] DIRECTORY...\n\nRemove DIRECTORY if it is empty") }, run),
};
