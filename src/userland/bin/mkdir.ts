/** mkdir(1) of coreutils, and busybox's. Left out: -Z. */

import { EEXIST, Errno } from "../../abi/errno.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { adjustMode, compileMode } from "../libc/mode.ts";
import { checkOperands } from "../libc/operands.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { mkdir as make, stat } from "../libc/unistd.ts";

const usage = `mkdir [OPTION]... DIRECTORY...
Create the DIRECTORYs.

  -m, --mode=MODE  set the permissions as chmod does, instead of a=rwx less the umask
  -p, --parents    no error if a directory exists; make parents as needed
  -v, --verbose    say which directories are made
      --help       show this help and exit`;

class Maker {
  constructor(
    private readonly c: Command,
    private readonly umask: number,
    private readonly mode: number | undefined,
    private readonly verbose: boolean,
  ) {}

  *make(path: string, parents: boolean): Proc<boolean> {
    const { c } = this;
    try {
      if (!parents) yield* make(c.sys, path, this.mode ?? 0o777);
      else if (!(yield* this.makeAll(path))) return true;
      if (this.verbose) yield* c.print(`${c.name}: created directory ${quoteaf(path)}\n`);
      // The umask was for mkdir(2); a mode that was asked for holds as it is.
      if (this.mode !== undefined) yield* c.sys.fchmodat(AT_FDCWD, path, this.mode);
      return true;
    } catch (e) {
      if (e instanceof Failure) return yield* this.failed(e.path, e.errno);
      if (!(e instanceof Errno)) throw e;
      return yield* this.failed(path, e);
    }
  }

  private *failed(path: string, e: Errno): Proc<false> {
    const { c } = this;
    yield* c.perror(c.voice === "gnu" ? `cannot create directory ${quote(path)}` : `can't create directory '${path}'`, e);
    return false;
  }

  /** Makes what is missing of `path`; false where it was all there. */
  private *makeAll(path: string): Proc<boolean> {
    const { c } = this;
    const parts = path.split("/");
    let at = path.startsWith("/") ? "/" : "";
    const real = parts.filter((part) => part !== "");
    for (const [i, part] of real.entries()) {
      const last = i === real.length - 1;
      at = at === "" || at === "/" ? at + part : `${at}/${part}`;
      try {
        // Parents must stay usable for their maker.
        yield* make(c.sys, at, last ? (this.mode ?? 0o777) : 0o777);
        if (!last && this.umask & 0o300) yield* c.sys.fchmodat(AT_FDCWD, at, (0o777 & ~this.umask) | 0o300);
        if (last) return true;
        if (this.verbose) yield* c.print(`${c.name}: created directory ${quoteaf(at)}\n`);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        if (e === EEXIST && isDir((yield* stat(c.sys, at)).mode)) continue;
        if (e === EEXIST && last) throw new Failure(path, e);
        if (e !== EEXIST) throw new Failure(c.voice === "gnu" ? at : path, e);
        // A file in the way: the next step says "Not a directory" of it.
        const next = `${at}/${real[i + 1] ?? ""}`;
        try {
          yield* make(c.sys, next);
        } catch (f) {
          if (f instanceof Errno) throw new Failure(c.voice === "gnu" ? at : `${at}/`, f);
          throw f;
        }
      }
    }
    return false;
  }
}

/** Which part of a path could not be made. */
class Failure {
  constructor(
    readonly path: string,
    readonly errno: Errno,
  ) {}
}

export const mkdir: Executable = {
  name: "mkdir",
  paths: ["/usr/bin/mkdir"],
  needed: ["libselinux.so.1", "libc.so.6", "libpcre2-8.so.0"],
  sizeBytes: 97552,
  applet: "/bin/mkdir",
  main: command({ version: COREUTILS, help: help(usage, "mkdir [-m MODE] [-p] DIRECTORY...\n\nCreate DIRECTORY") }, function* (c) {
    const { options, operands } = yield* c.getopt({
      short: c.voice === "gnu" ? "m:pv" : "m:p",
      long: [
        { name: "mode", arg: "required", as: "m" },
        { name: "parents", as: "p" },
        { name: "verbose", as: "v" },
      ],
    });
    checkOperands(c, operands, 1);
    const umask = yield* c.sys.umask(0);
    yield* c.sys.umask(umask);
    const text = options.findLast((o) => o.name === "m")?.arg;
    let mode: number | undefined;
    if (text !== undefined) {
      const change = compileMode(text);
      if (change === undefined) return yield* c.fail(c.voice === "gnu" ? `invalid mode ${quote(text)}` : `invalid mode '${text}'`);
      mode = adjustMode(0o777, change, umask, true);
    }
    const has = (name: string): boolean => options.some((o) => o.name === name);
    const maker = new Maker(c, umask, mode, has("v"));
    let good = true;
    for (const path of operands) good = (yield* maker.make(path, has("p"))) && good;
    return good ? 0 : 1;
  }),
};
