/** cat(1) of coreutils, and busybox's: files one after the other on standard output. */

import { Errno } from "../../abi/errno.ts";
import { O_APPEND, F_GETFL, SEEK_CUR } from "../../abi/fcntl.ts";
import { isReg, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quotef } from "../libc/quotearg.ts";
import { open } from "../libc/unistd.ts";

const usage = `cat [OPTION]... [FILE]...
Print FILEs one after the other; standard input where there is none or where FILE is -.

  -A, --show-all          same as -vET
  -b, --number-nonblank   number the lines that are not empty
  -e                      same as -vE
  -E, --show-ends         show $ at the end of each line
  -n, --number            number all lines
  -s, --squeeze-blank     show several empty lines as one
  -t                      same as -vT
  -T, --show-tabs         show TAB as ^I
  -u                      ignored
  -v, --show-nonprinting  show other control characters as ^X, bytes above 127 as M-x
      --help              show this help and exit`;

/** Bytes read and written at once, as the real one does. */
const BLOCK = 131072;

interface Style {
  readonly number: "none" | "all" | "nonblank";
  readonly squeeze: boolean;
  readonly ends: boolean;
  readonly tabs: boolean;
  readonly visible: boolean;
}

/** The text of a byte under -v and -T. */
function visibleByte(byte: number, style: Style): string {
  if (byte === 9) return style.tabs ? "^I" : "\t";
  if (!style.visible) return String.fromCharCode(byte);
  if (byte >= 128) return `M-${byte === 137 ? "^I" : byte - 128 === 127 ? "^?" : visibleLow(byte - 128)}`;
  return visibleLow(byte);
}

const visibleLow = (byte: number): string =>
  byte === 127 ? "^?" : byte < 32 ? `^${String.fromCharCode(byte + 64)}` : String.fromCharCode(byte);

/** What runs from file to file: line numbers and empty lines. */
class Formatter {
  private line = 0;
  private atStart = true;
  private blanks = 0;
  /** -E without -v: a carriage return that may stand before a newline, and then shows as ^M. */
  private heldReturn = false;
  private readonly table: (readonly number[])[] = [];

  constructor(private readonly style: Style) {
    for (let byte = 0; byte < 256; byte++) {
      const text = visibleByte(byte, style);
      this.table.push(text.length === 1 ? [byte] : [...text].map((ch) => ch.charCodeAt(0)));
    }
  }

  /** The block as it is to be shown. */
  format(bytes: Uint8Array): Uint8Array {
    const { style } = this;
    const out: number[] = [];
    for (const byte of bytes) {
      if (this.heldReturn) {
        if (byte === 10) out.push(94, 77);
        else out.push(13);
        this.heldReturn = false;
      }
      if (byte === 10) {
        if (this.atStart && ++this.blanks > 1 && style.squeeze) continue;
        if (this.atStart && style.number === "all") this.pushNumber(out);
        if (style.ends) out.push(36);
        out.push(10);
        this.atStart = true;
        continue;
      }
      if (this.atStart) {
        this.blanks = 0;
        this.atStart = false;
        if (style.number !== "none") this.pushNumber(out);
      }
      if (byte === 13 && style.ends && !style.visible) this.heldReturn = true;
      else for (const shown of this.table[byte] ?? []) out.push(shown);
    }
    return Uint8Array.from(out);
  }

  /** What is still held at the very end. */
  finish(): Uint8Array {
    return Uint8Array.from(this.heldReturn ? [13] : []);
  }

  private pushNumber(out: number[]): void {
    for (const ch of `${++this.line}`.padStart(6)) out.push(ch.charCodeAt(0));
    out.push(9);
  }
}

/** Copies one descriptor; returns false after saying what failed. */
function* copy(c: Command, fd: number, name: string, out: Stat, formatter: Formatter | undefined): Proc<boolean> {
  const gnu = c.voice === "gnu";
  const st = yield* c.sys.fstat(fd);
  if (gnu && isReg(out.mode) && st.dev === out.dev && st.ino === out.ino) {
    const append = ((yield* c.sys.fcntl(1, F_GETFL)) & O_APPEND) !== 0;
    const from = yield* c.sys.lseek(fd, 0, SEEK_CUR);
    const to = append ? st.size : yield* c.sys.lseek(1, 0, SEEK_CUR);
    if (from < to || (append && st.size > 0)) {
      yield* c.warn(`${quotef(name)}: input file is output file`);
      return false;
    }
  }
  const buffer = new Uint8Array(BLOCK);
  for (;;) {
    let n: number;
    try {
      n = yield* c.sys.read(fd, buffer);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(gnu ? quotef(name) : "read error", e);
      return false;
    }
    if (n === 0) return true;
    const block = buffer.subarray(0, n);
    if (formatter !== undefined) yield* c.sys.spend(2 * n);
    yield* c.stdout.put(formatter === undefined ? block : formatter.format(block));
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "benstuvAET" : "nbvteAu",
    long: gnu
      ? [
          { name: "number-nonblank", as: "b" },
          { name: "number", as: "n" },
          { name: "squeeze-blank", as: "s" },
          { name: "show-nonprinting", as: "v" },
          { name: "show-ends", as: "E" },
          { name: "show-tabs", as: "T" },
          { name: "show-all", as: "A" },
        ]
      : [],
  });
  const has = (...names: string[]): boolean => options.some((o) => names.includes(o.name));
  const style: Style = {
    number: has("b") ? "nonblank" : has("n") ? "all" : "none",
    squeeze: has("s"),
    ends: has("E", "A", "e"),
    tabs: has("T", "A", "t"),
    visible: has("v", "A", "e", "t"),
  };
  const plain = style.number === "none" && !style.squeeze && !style.ends && !style.tabs && !style.visible;
  const formatter = plain ? undefined : new Formatter(style);
  const out = yield* c.sys.fstat(1);
  let good = true;
  for (const name of operands.length === 0 ? ["-"] : operands) {
    if (name === "-") {
      good = (yield* copy(c, 0, name, out, formatter)) && good;
      continue;
    }
    let fd: number;
    try {
      fd = yield* open(c.sys, name);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(gnu ? quotef(name) : `can't open '${name}'`, e);
      good = false;
      continue;
    }
    good = (yield* copy(c, fd, name, out, formatter)) && good;
    yield* c.sys.close(fd);
  }
  if (formatter !== undefined) yield* c.stdout.put(formatter.finish());
  return good ? 0 : 1;
}

export const cat: Executable = {
  name: "cat",
  paths: ["/usr/bin/cat"],
  sizeBytes: 44016,
  applet: "/bin/cat",
  main: command({ version: COREUTILS, help: help(usage, "cat [-nbvteA] [FILE]...\n\nPrint FILEs to stdout") }, run),
};
