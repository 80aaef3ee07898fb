/** stat(1) of coreutils, and busybox's: what stat(2) and statfs(2) say. Left out: SELinux contexts (%C). */

import { Errno } from "../../abi/errno.ts";
import { isBlk, isChr, isLnk, major, minor, type Stat, type Statfs, type Timespec } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { filesystemName, findMount } from "../libc/mntent.ts";
import { modeString } from "../libc/mode.ts";
import { IdNames } from "../libc/passwd.ts";
import { quoteaf, quotearg, quotingStyles } from "../libc/quotearg.ts";
import { fileType } from "../libc/remove.ts";
import { strftime } from "../libc/strftime.ts";
import { lstat, readlink, stat as follow } from "../libc/unistd.ts";
import { wcswidth } from "../libc/wcwidth.ts";

const usage = `stat [OPTION]... FILE...
Show the status of files or of filesystems.

  -L, --dereference     follow links
  -f, --file-system     show the status of the filesystem
      --cached=MODE     default, never or always: there is nothing cached here
  -c, --format=FORMAT   use FORMAT, with a newline after each
      --printf=FORMAT   the same with escapes and without the newline
  -t, --terse           print it in terse form
      --help            show this help and exit

For files: %a %A access rights, %b %B blocks and their size, %d %D %Hd %Ld device, %f raw mode, %F type, %g %G group, %h links,
%i inode, %m mount point, %n %N name, %o I/O size, %s size, %t %T %r %R device type, %u %U owner, %w %W birth, %x %X access,
%y %Y modification, %z %Z change. For filesystems: %a %b %c %d %f %i %l %n %s %S %t %T.`;

/** One conversion: text, a number, or a time with its fraction. */
type Value = string | { readonly number: number; readonly base?: 8 | 16 } | { readonly at: Timespec };

const human = (at: Timespec): string => strftime("%Y-%m-%d %H:%M:%S.%N %z", at);

class Printer {
  private readonly names: IdNames;

  constructor(
    private readonly c: Command,
    private readonly dereference: boolean,
  ) {
    this.names = new IdNames(c.sys);
  }

  private quotedName(name: string): string {
    const style = quotingStyles.find((s) => s === this.c.env.get("QUOTING_STYLE"));
    return this.c.voice === "busybox" ? `'${name}'` : quotearg(name, style ?? "shell-escape-always");
  }

  *file(format: string, path: string, escapes: boolean): Proc<string> {
    const st =
      path === "-" && this.c.voice === "gnu"
        ? yield* this.c.sys.fstat(0)
        : yield* this.dereference ? follow(this.c.sys, path) : lstat(this.c.sys, path);
    return yield* this.expand(format, escapes, (letter, modifier, width) => this.fileValue(letter, modifier, path, st, width));
  }

  *filesystem(format: string, path: string, escapes: boolean): Proc<string> {
    const fs = yield* this.c.sys.statfs(path);
    return yield* this.expand(format, escapes, function* (letter) {
      return fsValue(letter, path, fs);
    });
  }

  private *fileValue(letter: string, modifier: string, path: string, st: Stat, width: string): Proc<Value> {
    const dev = (n: number): Value => ({ number: modifier === "H" ? major(n) : modifier === "L" ? minor(n) : n });
    const packed = (n: number): number => ((minor(n) & 0xff) | (major(n) << 8)) + Math.floor(minor(n) / 256) * 0x100000;
    switch (letter) {
      case "a":
        return { number: st.mode & 0o7777, base: 8 };
      case "A":
        return modeString(st.mode);
      case "b":
        return { number: st.blocks };
      case "B":
        return { number: 512 };
      case "C":
        return "?";
      case "d":
        return modifier === "" ? { number: packed(st.dev) } : dev(st.dev);
      case "D":
        return { number: packed(st.dev), base: 16 };
      case "f":
        return { number: st.mode, base: 16 };
      case "F":
        return fileType(st);
      case "g":
        return { number: st.gid };
      case "G":
        return (yield* this.names.group(st.gid)) ?? "UNKNOWN";
      case "h":
        return { number: st.nlink };
      case "i":
        return { number: st.ino };
      case "m":
        return (yield* findMount(this.c.sys, path))?.dir ?? "?";
      case "n":
        return path;
      case "N": {
        if (!isLnk(st.mode)) return this.c.voice === "gnu" ? this.quotedName(path) : path;
        const name = this.quotedName(path);
        const target = this.quotedName(yield* readlink(this.c.sys, path));
        // Both names take the width.
        return `${this.c.voice === "gnu" ? pad(name, width) : name} -> ${this.c.voice === "gnu" ? pad(target, width) : target}`;
      }
      case "o":
        return { number: st.blksize };
      case "r":
        return modifier === "" ? { number: packed(st.rdev) } : dev(st.rdev);
      case "R":
        return { number: packed(st.rdev), base: 16 };
      case "s":
        return { number: st.size };
      case "t":
        return { number: major(st.rdev), base: 16 };
      case "T":
        return { number: minor(st.rdev), base: 16 };
      case "u":
        return { number: st.uid };
      case "U":
        return (yield* this.names.user(st.uid)) ?? "UNKNOWN";
      case "w":
        return st.btime.sec === 0 ? "-" : human(st.btime);
      case "W":
        return { at: st.btime };
      case "x":
        return human(st.atime);
      case "X":
        return { at: st.atime };
      case "y":
        return human(st.mtime);
      case "Y":
        return { at: st.mtime };
      case "z":
        return human(st.ctime);
      case "Z":
        return { at: st.ctime };
      default:
        return this.c.voice === "gnu" ? "?" : letter;
    }
  }

  private *expand(format: string, escapes: boolean, value: (letter: string, modifier: string, width: string) => Proc<Value>): Proc<string> {
    let out = "";
    for (let i = 0; i < format.length; i++) {
      const ch = format[i] as string;
      const directive = ch === "%" ? /^%([-+ #0']*)([0-9]*)(\.[0-9]*)?([HL]?)([a-zA-Z%])/.exec(format.slice(i)) : null;
      if (directive !== null) {
        const [all, flags = "", width = "", precision, modifier = "", letter = ""] = directive;
        i += all.length - 1;
        if (letter === "%") out += "%";
        else out += formatted(yield* value(letter, modifier, width), flags, letter === "N" ? "" : width, precision);
      } else if (ch === "\\" && escapes) {
        const escape = /^\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)/.exec(format.slice(i));
        i += (escape?.[0].length ?? 1) - 1;
        out += unescape(escape?.[1] ?? "\\");
      } else out += ch;
    }
    return out;
  }
}

function unescape(escape: string): string {
  if (/^[0-7]/.test(escape)) return String.fromCharCode(Number.parseInt(escape, 8));
  if (/^x./.test(escape)) return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
  return { a: "\x07", b: "\b", e: "\x1b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", '"': '"', "\\": "\\" }[escape] ?? escape;
}

const pad = (text: string, width: string): string => " ".repeat(Math.max(0, Number(width) - wcswidth(text))) + text;

function formatted(value: Value, flags: string, width: string, precision: string | undefined): string {
  let text: string;
  let zero = flags.includes("0");
  if (typeof value === "string") {
    text = precision === undefined ? value : value.slice(0, Number(precision.slice(1)));
    zero = false;
  } else if ("at" in value) {
    const digits = precision === undefined ? 0 : precision === "." ? 9 : Number(precision.slice(1));
    text = `${value.at.sec}${digits === 0 ? "" : `.${`${value.at.nsec}`.padStart(9, "0").slice(0, digits).padEnd(digits, "0")}`}`;
  } else {
    text = value.number.toString(value.base ?? 10);
    if (flags.includes("#") && value.base !== undefined)
      text = value.base === 8 ? `0${text.replace(/^0+/, "")}` : text === "0" ? text : `0x${text}`;
  }
  const columns = Number(width);
  if (flags.includes("-")) return text + " ".repeat(Math.max(0, columns - wcswidth(text)));
  return zero ? text.padStart(columns, "0") : pad(text, width);
}

function fsValue(letter: string, path: string, fs: Statfs): Value {
  switch (letter) {
    case "a":
      return { number: fs.bavail };
    case "b":
      return { number: fs.blocks };
    case "c":
      return { number: fs.files };
    case "d":
      return { number: fs.ffree };
    case "f":
      return { number: fs.bfree };
    case "i":
      // Differs from Linux: statfs(2) here has no f_fsid.
      return { number: 0, base: 16 };
    case "l":
      return { number: fs.namelen };
    case "n":
      return path;
    case "s":
    case "S":
      return { number: fs.bsize };
    case "t":
      return { number: fs.type, base: 16 };
    case "T":
      return filesystemName(fs.type);
    default:
      return "?";
  }
}

/** The usual picture of a file; busybox's differs in the device. */
function defaultFormat(st: Stat, gnu: boolean): string {
  const device = isChr(st.mode) || isBlk(st.mode);
  return [
    `  File: ${gnu || isLnk(st.mode) ? (gnu ? "%QN" : "%N") : "%n"}`,
    "  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F",
    gnu
      ? `Device: %Hd,%Ld\tInode: %-10i  Links: ${device ? "%-5h Device type: %Hr,%Lr" : "%h"}`
      : `Device: %Dh/%dd\tInode: %-10i  Links: ${device ? "%-5h Device type: %t,%T" : "%h"}`,
    "Access: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)",
    "Access: %x",
    "Modify: %y",
    "Change: %z",
    ...(gnu ? [" Birth: %w"] : []),
    "",
  ].join("\n");
}

const fsFormat = (gnu: boolean): string =>
  `  File: "%n"\n    ID: %-8i Namelen: %-7l Type: %T\nBlock size: %-10s${gnu ? " Fundamental block size: %S" : ""}\n` +
  "Blocks: Total: %-10b Free: %-10f Available: %a\nInodes: Total: %-10c Free: %d\n";

function* show(
  c: Command,
  printer: Printer,
  path: string,
  how: { fs: boolean; terse: boolean; format?: string; escapes: boolean; dereference: boolean },
): Proc<void> {
  const gnu = c.voice === "gnu";
  if (how.format !== undefined) {
    yield* c.print(yield* how.fs ? printer.filesystem(how.format, path, how.escapes) : printer.file(how.format, path, how.escapes));
    return;
  }
  if (how.fs) {
    yield* c.print(yield* printer.filesystem(how.terse ? "%n %i %l %t %s %S %b %f %a %c %d\n" : fsFormat(gnu), path, false));
    return;
  }
  if (how.terse) {
    yield* c.print(
      yield* printer.file(
        gnu ? "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o\n" : "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %o\n",
        path,
        false,
      ),
    );
    return;
  }
  const st = path === "-" && gnu ? yield* c.sys.fstat(0) : yield* how.dereference ? follow(c.sys, path) : lstat(c.sys, path);
  // The name stands without quotes in the picture, where it needs none.
  const shown = isLnk(st.mode)
    ? `${quotearg(path, "shell-escape")} -> ${quotearg(yield* readlink(c.sys, path), "shell-escape")}`
    : quotearg(path, "shell-escape");
  const format = defaultFormat(st, gnu).replace("%QN", shown.replace(/%/g, "%%"));
  yield* c.print(yield* printer.file(format, path, false));
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: "c:fLt",
    long: gnu
      ? [
          { name: "dereference", as: "L" },
          { name: "file-system", as: "f" },
          { name: "format", arg: "required", as: "c" },
          { name: "printf", arg: "required" },
          { name: "terse", as: "t" },
          { name: "cached", arg: "required" },
        ]
      : [],
  });
  if (operands.length === 0) throw new UsageError(gnu ? "missing operand" : "");
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const chosen = options.findLast((o) => o.name === "c" || o.name === "printf");
  const escapes = chosen?.name === "printf";
  const printer = new Printer(c, has("L"));
  const how = {
    fs: has("f"),
    terse: has("t"),
    escapes,
    dereference: has("L"),
    ...(chosen === undefined ? {} : { format: escapes ? chosen.arg : `${chosen.arg}\n` }),
  };
  let status = 0;
  for (const path of operands) {
    try {
      yield* show(c, printer, path, how);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.stdout.flush();
      if (!gnu) yield* c.perror(`can't ${how.fs ? "read file system information for" : "stat"} '${path}'`, e);
      else yield* c.perror(how.fs ? `cannot read file system information for ${quoteaf(path)}` : `cannot statx ${quoteaf(path)}`, e);
      status = 1;
    }
  }
  return status;
}

export const stat: Executable = {
  name: "stat",
  paths: ["/usr/bin/stat"],
  needed: ["libselinux.so.1", "libc.so.6", "libpcre2-8.so.0"],
  sizeBytes: 97488,
  applet: "/bin/stat",
  main: command(
    { version: COREUTILS, help: help(usage, "stat [-ltf] [-c FMT] FILE...\n\nDisplay file (default) or filesystem status") },
    run,
  ),
};
