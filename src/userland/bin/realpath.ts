/** realpath(1) of coreutils, and busybox's: absolute names without links, `.` and `..`. */

import { Errno } from "../../abi/errno.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { quoteaf, quotef } from "../libc/quotearg.ts";
import { type CanonicalizeMode, canonicalize, relativePath } from "../libc/realpath.ts";
import { stat } from "../libc/unistd.ts";

const usage = `realpath [OPTION]... FILE...
Print the resolved absolute name of each FILE; all but the last component must exist.

  -e, --canonicalize-existing  all components must exist
  -m, --canonicalize-missing   no component need exist or be a directory
  -L, --logical                resolve '..' before symbolic links
  -P, --physical               resolve symbolic links as they come (the default)
  -q, --quiet                  suppress most error messages
      --relative-to=DIR        print names relative to DIR
      --relative-base=DIR      print absolute names unless they are below DIR
  -s, --strip, --no-symlinks   do not follow symbolic links
  -z, --zero                   end each line with NUL, not newline
      --help                   show this help and exit`;

interface Resolution {
  readonly mode: CanonicalizeMode;
  readonly logical: boolean;
  readonly follow: boolean;
}

function* resolve(c: Command, path: string, how: Resolution): Proc<string> {
  const first = how.logical || !how.follow ? yield* canonicalize(c.sys, path, how.mode, false) : path;
  return how.follow ? yield* canonicalize(c.sys, first, how.mode) : first;
}

/** The directory that an option names, resolved. Ends the program where it is none. */
function* directory(c: Command, path: string, how: Resolution): Proc<string> {
  try {
    const resolved = yield* resolve(c, path, how);
    if (how.mode !== "missing" && how.mode === "existing" && !isDir((yield* stat(c.sys, resolved)).mode)) {
      return yield* c.fail(`${quotef(path)}: Not a directory`);
    }
    return resolved;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`${path === "" ? quoteaf(path) : quotef(path)}: ${e.message}`);
  }
}

const isBelow = (path: string, base: string): boolean => base === "/" || path === base || path.startsWith(`${base}/`);

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "eLmPqsz" : "",
    long: gnu
      ? [
          { name: "canonicalize-existing", as: "e" },
          { name: "canonicalize-missing", as: "m" },
          { name: "logical", as: "L" },
          { name: "physical", as: "P" },
          { name: "quiet", as: "q" },
          { name: "relative-to", arg: "required" },
          { name: "relative-base", arg: "required" },
          { name: "strip", as: "s" },
          { name: "no-symlinks", as: "s" },
          { name: "zero", as: "z" },
        ]
      : [],
  });
  checkOperands(c, operands, 1);
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const mode = options.findLast((o) => o.name === "e" || o.name === "m")?.name;
  const links = options.findLast((o) => /^[LPs]$/.test(o.name))?.name;
  const how: Resolution = {
    mode: mode === "e" ? "existing" : mode === "m" ? "missing" : "all-but-last",
    logical: links === "L",
    follow: links !== "s",
  };
  const toOption = options.findLast((o) => o.name === "relative-to")?.arg;
  const baseOption = options.findLast((o) => o.name === "relative-base")?.arg;
  const base = baseOption === undefined ? undefined : yield* directory(c, baseOption, how);
  const to = toOption === undefined ? base : yield* directory(c, toOption, how);
  const relative = to !== undefined && (base === undefined || isBelow(to, base)) ? to : undefined;
  const end = has("z") ? "\0" : "\n";
  let status = 0;
  for (const file of operands) {
    try {
      const path = yield* resolve(c, file, how);
      const near = relative !== undefined && (base === undefined || isBelow(path, base));
      yield* c.print((near ? relativePath(path, relative) : path) + end);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (!has("q")) yield* c.perror(gnu ? (file === "" ? quoteaf(file) : quotef(file)) : file, e);
      status = 1;
    }
  }
  return status;
}

export const realpath: Executable = {
  name: "realpath",
  paths: ["/usr/bin/realpath"],
  sizeBytes: 52144,
  applet: "/usr/bin/realpath",
  main: command({ version: COREUTILS, help: help(usage, "realpath FILE...\n\nPrint absolute pathnames of FILEs") }, run),
};
