/** hexdump(1) and hd(1) of util-linux (bsdextrautils), and busybox's. Left out: -e and -f (own formats), -L (colour). */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { FileBytes, InputFiles, skipBytes } from "../libc/lines.ts";
import { ExactSource } from "../libc/stream.ts";
import { parseSize } from "../libc/xstrtol.ts";

const usage = `hexdump [options] <file>...

Show the contents of files in hexadecimal, decimal, octal or ascii.

Options:
 -b, --one-byte-octal      octal bytes
 -c, --one-byte-char       characters
 -C, --canonical           hexadecimal bytes and characters
 -d, --two-bytes-decimal   decimal pairs of bytes
 -o, --two-bytes-octal     octal pairs of bytes
 -x, --two-bytes-hex       hexadecimal pairs of bytes
 -n, --length <length>     stop after that many bytes
 -s, --skip <offset>       skip that many bytes first
 -v, --no-squeezing        show repeated lines
 -h, --help                show this help`;
const busyboxUsage = `hexdump [-bcdoxCv] [-n LEN] [-s OFS] [FILE]...

Display FILEs (or stdin) in a user specified format

\t-b\t\t1-byte octal display
\t-c\t\t1-byte character display
\t-d\t\t2-byte decimal display
\t-o\t\t2-byte octal display
\t-x\t\t2-byte hex display
\t-C\t\thex+ASCII 16 bytes per line
\t-v\t\tShow all (no dup folding)
\t-n LENGTH\tShow only first LENGTH bytes
\t-s OFFSET\tSkip OFFSET bytes`;

type Style = "b" | "c" | "C" | "d" | "o" | "x" | "default";
const ESCAPES: Readonly<Record<number, string>> = { 0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r" };

const hex = (n: number, width: number): string => n.toString(16).padStart(width, "0");
const bytes256 = Array.from({ length: 256 }, (_, byte) => byte);
const hexTexts = bytes256.map((byte) => hex(byte, 2));
const printables = bytes256.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "."));

/** How a pair of bytes (or one) shows, and in how many columns with its leading blanks. */
const unitForms: Readonly<Record<Exclude<Style, "C">, { readonly bytes: 1 | 2; readonly width: number; show(n: number): string }>> = {
  b: { bytes: 1, width: 4, show: (n) => ` ${n.toString(8).padStart(3, "0")}` },
  c: {
    bytes: 1,
    width: 4,
    show: (n) => (ESCAPES[n] ?? (n >= 32 && n < 127 ? String.fromCharCode(n) : n.toString(8).padStart(3, "0"))).padStart(4),
  },
  d: { bytes: 2, width: 8, show: (n) => `   ${String(n).padStart(5, "0")}` },
  o: { bytes: 2, width: 8, show: (n) => `  ${n.toString(8).padStart(6, "0")}` },
  x: { bytes: 2, width: 8, show: (n) => `    ${hex(n, 4)}` },
  default: { bytes: 2, width: 5, show: (n) => ` ${hex(n, 4)}` },
};

function formatLine(style: Style, bytes: Uint8Array, offset: number): string {
  if (style === "C") {
    let line = `${hex(offset, 8)} `;
    for (let i = 0; i < 16; i++) line += (i === 8 ? "  " : " ") + (i < bytes.length ? hexTexts[bytes[i] as number] : "  ");
    line += "  |";
    for (let i = 0; i < bytes.length; i++) line += printables[bytes[i] as number];
    return `${line}|\n`;
  }
  const { bytes: size, width, show } = unitForms[style];
  let line = hex(offset, 7);
  for (let at = 0; at < 16; at += size) {
    if (at >= bytes.length) line += " ".repeat(width);
    else line += show((bytes[at] as number) + (size === 2 ? (bytes[at + 1] ?? 0) * 256 : 0));
  }
  return `${line}\n`;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "bcCdoxn:s:vh" : "bcdoxCvn:s:",
    long: gnu
      ? [
          { name: "one-byte-octal", as: "b" },
          { name: "one-byte-char", as: "c" },
          { name: "canonical", as: "C" },
          { name: "two-bytes-decimal", as: "d" },
          { name: "two-bytes-octal", as: "o" },
          { name: "two-bytes-hex", as: "x" },
          { name: "length", arg: "required", as: "n" },
          { name: "skip", arg: "required", as: "s" },
          { name: "no-squeezing", as: "v" },
        ]
      : [],
  });
  const styles: Style[] = [];
  let limit = Number.POSITIVE_INFINITY;
  let skip = 0;
  let all = false;
  for (const { name, arg } of options) {
    if (name === "v") all = true;
    else if (name === "h") return yield* c.help();
    else if (name === "n" || name === "s") {
      const value = /^0[xX]/.test(arg) ? Number(arg) : parseSize(arg);
      if (value === undefined || Number.isNaN(value))
        throw new UsageError(`failed to parse ${name === "n" ? "length" : "offset"}: '${arg}'`);
      if (name === "n") limit = value;
      else skip = value;
    } else styles.push(name as Style);
  }
  if (styles.length === 0) styles.push(c.name === "hd" ? "C" : "default");
  const files = new InputFiles(c, operands, (name) => name);
  const source = new ExactSource(new FileBytes(files));
  yield* skipBytes(source, skip);
  let offset = source.position;
  let before: Uint8Array | undefined;
  let starred = false;
  let left = limit;
  let out: string[] = [];
  for (;;) {
    const buffer = new Uint8Array(Math.min(16, left));
    const n = buffer.length === 0 ? 0 : yield* source.fill(buffer);
    if (n === 0) break;
    const bytes = buffer.subarray(0, n);
    if (!all && n === 16 && before?.every((byte, i) => byte === bytes[i])) {
      if (!starred) out.push("*\n");
      starred = true;
    } else {
      starred = false;
      for (const [i, style] of styles.entries()) {
        const line = formatLine(style, bytes, offset);
        out.push(i === 0 ? line : line.replace(/^[0-9a-f]+/, (address) => " ".repeat(address.length)));
      }
    }
    before = bytes;
    offset += n;
    left -= n;
    if (out.length >= 200) {
      yield* c.sys.spend(out.length * 3000);
      yield* c.print(out.join(""));
      out = [];
    }
  }
  if (offset > 0) out.push(`${hex(offset, styles.includes("C") ? 8 : 7)}\n`);
  yield* c.print(out.join(""));
  if (gnu && files.status !== 0 && offset === 0) {
    yield* c.stdout.flush();
    yield* c.warn("all input file arguments failed");
  }
  return files.status;
}

const main = command({ help: help(usage, busyboxUsage) }, run);

export const hexdump: Executable = {
  name: "hexdump",
  paths: ["/usr/bin/hexdump", "/usr/bin/hd"],
  needed: ["libtinfo.so.6", "libc.so.6"],
  sizeBytes: 59720,
  applet: "/usr/bin/hexdump",
  main,
};

/** busybox has hd as an applet of its own. */
export const hd: Executable = { name: "hd", applet: "/usr/bin/hd", main };
