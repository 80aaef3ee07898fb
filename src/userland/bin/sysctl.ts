/** sysctl(8) of procps-ng: reads and writes /proc/sys. */

import { EACCES, ENOENT, EPERM, Errno } from "../../abi/errno.ts";
import { isDir, isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { readProcDir } from "../libc/libproc.ts";
import { procpsGetopt, usageTail } from "../libc/procps.ts";
import { open, optional, readText, stat } from "../libc/unistd.ts";
import { writeAll } from "../libc/stdio.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { O_WRONLY } from "../../abi/fcntl.ts";

const usage = `
Usage:
 sysctl [options] [variable[=value] ...]

Options:
  -a, --all            display all variables
  -A                   alias of -a
  -X                   alias of -a
  -b, --binary         print value without new line
  -e, --ignore         ignore unknown variables errors
  -N, --names          print variable names without values
  -n, --values         print only values of the given variable(s)
  -p, --load[=<file>]  read values from file
  -f                   alias of -p
  -q, --quiet          do not echo variable set
  -w, --write          only enable writing a value to variable
  -o                   does nothing
  -x                   does nothing
  -d                   alias of -h
${usageTail("sysctl").replace(" -h,", "  -h,").replace(" -V,", "  -V,").replace("sysctl(1)", "sysctl(8)")}`;

const busyboxUsage = `sysctl -p [-enq] [FILE...] / [-enqaw] [KEY[=VALUE]]...

Show/set kernel parameters

	-p	Set values from FILEs (default /etc/sysctl.conf)
	-e	Don't warn about unknown keys
	-n	Don't show key names
	-q	Quiet
	-a	Show all values
	-w	Set values`;

const long = [
  { name: "all", as: "a" },
  { name: "binary", as: "b" },
  { name: "ignore", as: "e" },
  { name: "names", as: "N" },
  { name: "values", as: "n" },
  { name: "load", as: "p", arg: "optional" },
  { name: "quiet", as: "q" },
  { name: "write", as: "w" },
] as const;

const ROOT = "/proc/sys";

/** `net.ipv4.ip_forward` and `net/ipv4/ip_forward` name the same file; what comes first tells which character parts. */
function pathOf(name: string): string {
  const slash = name.indexOf("/");
  const dot = name.indexOf(".");
  if (slash >= 0 && (dot < 0 || slash < dot)) return `${ROOT}/${name}`;
  return `${ROOT}/${name.replace(/[./]/g, (ch) => (ch === "." ? "/" : "."))}`;
}

const nameOf = (path: string): string => path.slice(ROOT.length + 1).replace(/[./]/g, (ch) => (ch === "/" ? "." : "/"));

class Sysctl {
  failed = false;

  constructor(
    private readonly c: Command,
    private readonly has: (letter: string) => boolean,
  ) {}

  private *complain(name: string, path: string, e: Errno, verb: "cannot stat" | "reading key" | "setting key"): Proc<void> {
    if (e === ENOENT && this.has("e")) return;
    this.failed = true;
    if (verb === "cannot stat") {
      if (this.c.voice === "busybox") yield* this.c.warn(`error: '${nameOf(path)}' is an unknown key`);
      else yield* this.c.warn(`cannot stat ${path}: ${e.message}`);
    } else if (verb === "setting key" && (e === EACCES || e === EPERM)) yield* this.c.warn(`permission denied on key "${name}"`);
    else yield* this.c.warn(`${verb} "${name}": ${e.message}`);
  }

  /** Prints one value, or all below a directory. */
  *show(path: string, all: boolean): Proc<void> {
    const { c } = this;
    let mode: number;
    try {
      mode = (yield* stat(c.sys, path)).mode;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.complain(nameOf(path), path, e, "cannot stat");
    }
    if (isDir(mode)) {
      for (const entry of (yield* readProcDir(c.sys, path)).sort()) yield* this.show(`${path}/${entry}`, all);
      return;
    }
    const name = nameOf(path);
    // Values that can only be written are left out of a list.
    if (!isReg(mode) || (all && (mode & 0o444) === 0)) return;
    if (this.has("N")) return yield* c.print(`${name}\n`);
    let text: string;
    try {
      text = yield* readText(c.sys, path);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (all) return;
      return yield* this.complain(name, path, e, "reading key");
    }
    if (this.has("b")) return yield* c.print(text.replace(/\n$/, ""));
    for (const line of text.replace(/\n$/, "").split("\n")) yield* c.print(this.has("n") ? `${line}\n` : `${name} = ${line}\n`);
  }

  *set(setting: string): Proc<void> {
    const { c } = this;
    const equals = setting.indexOf("=");
    const name = setting.slice(0, equals).trim();
    const value = setting.slice(equals + 1).trim();
    const path = pathOf(name);
    if ((yield* optional(stat(c.sys, path))) === undefined) return yield* this.complain(name, path, ENOENT, "cannot stat");
    try {
      const fd = yield* open(c.sys, path, O_WRONLY);
      try {
        yield* writeAll(c.sys, fd, encodeUtf8(`${value}\n`));
      } finally {
        yield* c.sys.close(fd);
      }
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.complain(nameOf(path), path, e, "setting key");
    }
    if (!this.has("q")) yield* c.print(this.has("n") ? `${value}\n` : `${nameOf(path)} = ${value}\n`);
  }

  *load(file: string): Proc<void> {
    let text: string;
    try {
      text = yield* readText(this.c.sys, file);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      this.failed = true;
      return yield* this.c.warn(`cannot open "${file}": ${e.message}`);
    }
    for (const [i, line] of text.split("\n").entries()) {
      const trimmed = line.trim();
      if (trimmed === "" || /^[#;]/.test(trimmed)) continue;
      if (trimmed.includes("=")) yield* this.set(trimmed);
      else yield* this.c.warn(`${file}(${i + 1}): invalid syntax, continuing...`);
    }
  }
}

function* run(c: Command): Proc<number> {
  const spec = { short: "aAbdefhnNoPp::qwxXV", long };
  const { options, operands } = c.voice === "busybox" ? yield* c.getopt({ short: "neAapwq" }) : yield* procpsGetopt(c, spec, usage);
  const has = (letter: string): boolean => options.some((o) => o.name === letter);
  if (has("h") || has("d")) {
    yield* c.print(usage);
    return 0;
  }
  const sysctl = new Sysctl(c, has);
  if (has("p") || has("f")) {
    const given = options.findLast((o) => o.name === "p")?.arg;
    const files = given ? [given, ...operands] : operands;
    for (const file of files.length === 0 ? ["/etc/sysctl.conf"] : files) yield* sysctl.load(file);
  } else if (has("a") || has("A") || has("X")) yield* sysctl.show(ROOT, true);
  else if (operands.length === 0) {
    yield* c.eprint(usage);
    return 1;
  }
  if (has("p") || has("f")) return sysctl.failed ? 1 : 0;
  for (const operand of operands) {
    if (operand.includes("=")) yield* sysctl.set(operand);
    else if (has("w")) {
      yield* c.warn(`"${operand}" must be of the form name=value`);
      sysctl.failed = true;
    } else yield* sysctl.show(pathOf(operand), false);
  }
  return sysctl.failed ? 1 : 0;
}

export const sysctl: Executable = {
  name: "sysctl",
  main: command({ help: help("sysctl [options] [variable[=value] ...]", busyboxUsage) }, run),
  paths: ["/usr/sbin/sysctl"],
  sizeBytes: 31040,
  applet: "/sbin/sysctl",
};
