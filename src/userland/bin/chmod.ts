/** chmod(1) of coreutils, and busybox's: changes permission bits. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";
import { isDir, isLnk, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { joinPath } from "../libc/copy.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { adjustMode, compileMode, type ModeChange, permissionString } from "../libc/mode.ts";
import { missingOperand } from "../libc/operands.ts";
import { quote, quoteaf, quotef } from "../libc/quotearg.ts";
import { lstat, readDir, stat } from "../libc/unistd.ts";

const usage = `chmod [OPTION]... MODE[,MODE]... FILE...
  or:  chmod [OPTION]... OCTAL-MODE FILE...
  or:  chmod [OPTION]... --reference=RFILE FILE...
Change the mode of each FILE to MODE, or to that of RFILE.

  -c, --changes          say what is changed
  -f, --silent, --quiet  suppress most error messages
  -v, --verbose          say what is done with every file
      --no-preserve-root  do not treat '/' specially (the default)
      --preserve-root    refuse to work recursively on '/'
      --reference=RFILE  use the mode of RFILE
  -R, --recursive        change directories with what is in them
      --help             show this help and exit

A MODE is like [ugoa]*([-+=]([rwxXst]*|[ugo]))+ or [-+=][0-7]+.`;

interface Plan {
  readonly change: ModeChange;
  readonly umask: number;
  readonly recursive: boolean;
  readonly say: "errors" | "nothing" | "changes" | "all";
  /** The mode came as -w …: a umask that gets in its way is worth a word. */
  readonly surprising: boolean;
}

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0");
const shown = (mode: number): string => `${octal(mode)} (${permissionString(mode)})`;

class Changer {
  constructor(
    private readonly c: Command,
    private readonly plan: Plan,
  ) {}

  private *complain(what: string, e?: Errno): Proc<void> {
    if (this.plan.say === "nothing") return;
    yield* this.c.warn(e === undefined ? what : `${what}: ${e.message}`);
  }

  *change(path: string, operand: boolean): Proc<boolean> {
    const { c, plan } = this;
    const gnu = c.voice === "gnu";
    let st: Stat;
    try {
      st = yield* operand ? stat(c.sys, path) : lstat(c.sys, path);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      const dangling = e === ENOENT && gnu && (yield* this.isLink(path));
      if (dangling) yield* this.complain(`cannot operate on dangling symlink ${quoteaf(path)}`);
      else yield* this.complain(gnu ? `cannot access ${quoteaf(path)}` : path, e);
      if (plan.say === "all" && gnu) yield* c.print(`${quoteaf(path)} could not be accessed\n`);
      return false;
    }
    // Links met on the way are not followed, and have no mode of their own.
    if (isLnk(st.mode)) {
      if (plan.say === "all" && gnu) yield* c.print(`neither symbolic link ${quoteaf(path)} nor referent has been changed\n`);
      return true;
    }
    const mode = adjustMode(st.mode, plan.change, plan.umask);
    try {
      yield* c.sys.fchmodat(AT_FDCWD, path, mode);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.complain(gnu ? `changing permissions of ${quoteaf(path)}` : path, e);
      if (plan.say === "all" && gnu) yield* c.print(`failed to change mode of ${quoteaf(path)} from ${shown(st.mode)} to ${shown(mode)}\n`);
      return false;
    }
    yield* this.report(path, st.mode, mode);
    let good = true;
    const naive = plan.surprising ? adjustMode(st.mode, plan.change, 0) : mode;
    if (naive !== mode) {
      yield* c.warn(`${quotef(path)}: new permissions are ${permissionString(mode)}, not ${permissionString(naive)}`);
      good = false;
    }
    return plan.recursive && isDir(st.mode) ? (yield* this.changeEntries(path)) && good : good;
  }

  private *isLink(path: string): Proc<boolean> {
    try {
      return isLnk((yield* lstat(this.c.sys, path)).mode);
    } catch (e) {
      if (e instanceof Errno) return false;
      throw e;
    }
  }

  private *report(path: string, before: number, after: number): Proc<void> {
    const { say } = this.plan;
    const same = (before & 0o7777) === after;
    if (say !== "all" && !(say === "changes" && !same)) return;
    if (this.c.voice === "busybox") yield* this.c.print(`mode of '${path}' changed to ${shown(after)}\n`);
    else if (same) yield* this.c.print(`mode of ${quoteaf(path)} retained as ${shown(after)}\n`);
    else yield* this.c.print(`mode of ${quoteaf(path)} changed from ${shown(before)} to ${shown(after)}\n`);
  }

  private *changeEntries(path: string): Proc<boolean> {
    let good = true;
    try {
      for (const { name } of yield* readDir(this.c.sys, path)) {
        if (name !== "." && name !== "..") good = (yield* this.change(joinPath(path, name), false)) && good;
      }
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.complain(this.c.voice === "gnu" ? `cannot read directory ${quoteaf(path)}` : `can't open '${path}'`, e);
      return false;
    }
    return good;
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  // -w, -rx and the like are modes, not options.
  let ended = false;
  const modeWord = c.args.find((arg) => {
    if (arg === "--") ended = true;
    return !ended && /^-[rwxXstugo0-7]/.test(arg) && compileMode(arg) !== undefined;
  });
  const args = modeWord === undefined ? c.args : c.args.filter((_, i) => i !== c.args.indexOf(modeWord));
  const { options, operands } = yield* c.getopt(
    {
      short: "Rcfv",
      long: gnu
        ? [
            { name: "changes", as: "c" },
            { name: "recursive", as: "R" },
            { name: "no-preserve-root" },
            { name: "preserve-root" },
            { name: "quiet", as: "f" },
            { name: "silent", as: "f" },
            { name: "reference", arg: "required" },
            { name: "verbose", as: "v" },
          ]
        : [],
    },
    args,
  );
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const reference = options.findLast((o) => o.name === "reference")?.arg;
  if (reference !== undefined && modeWord !== undefined) throw new UsageError("cannot combine mode and --reference options");
  const files = [...operands];
  let text = modeWord;
  if (reference === undefined && text === undefined) text = files.shift();
  if (files.length === 0) {
    throw text === undefined || modeWord !== undefined ? missingOperand(c) : missingOperand(c, text);
  }
  let change: ModeChange | undefined;
  if (reference !== undefined) {
    try {
      change = [{ kind: "octal", op: "=", bits: (yield* stat(c.sys, reference)).mode & 0o7777, mentioned: 0o7777 }];
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(`failed to get attributes of ${quoteaf(reference)}`, e);
      return 1;
    }
  } else change = compileMode(text ?? "");
  if (change === undefined) {
    if (!gnu) return yield* c.fail(`invalid mode '${text}'`);
    throw new UsageError(`invalid mode: ${quote(text ?? "")}`);
  }
  // busybox sets an octal mode as it is, on directories too.
  if (!gnu) change = change.map((step) => (step.kind === "octal" ? { ...step, mentioned: 0o7777 } : step));
  const umask = yield* c.sys.umask(0);
  yield* c.sys.umask(umask);
  const say = has("f") ? "nothing" : options.findLast((o) => o.name === "v" || o.name === "c")?.name;
  const changer = new Changer(c, {
    change,
    umask,
    recursive: has("R"),
    say: say === "v" ? "all" : say === "c" ? "changes" : say === "nothing" ? "nothing" : "errors",
    surprising: modeWord !== undefined && gnu,
  });
  const root = has("R") && options.findLast((o) => o.name.endsWith("preserve-root"))?.name === "preserve-root";
  let good = true;
  for (const file of files) {
    if (root && file === "/") {
      yield* c.warn("it is dangerous to operate recursively on '/'");
      yield* c.warn("use --no-preserve-root to override this failsafe");
      good = false;
    } else good = (yield* changer.change(file, true)) && good;
  }
  return good ? 0 : 1;
}

export const chmod: Executable = {
  name: "chmod",
  paths: ["/usr/bin/chmod"],
  sizeBytes: 64496,
  applet: "/bin/chmod",
  main: command(
    { version: COREUTILS, help: help(usage, "chmod [-Rcvf] MODE[,MODE]... FILE...\n\nMODE is octal number or [ugoa]{+|-|=}[rwxXst]") },
    run,
  ),
};
