/** od(1) of coreutils 9.1, and busybox od: files in octal and other forms. Left out: long doubles, --endian, the old offset operand. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { FileBytes, InputFiles, skipBytes } from "../libc/lines.ts";
import { quote } from "../libc/quotearg.ts";
import { ExactSource } from "../libc/stream.ts";
import { parseSize } from "../libc/xstrtol.ts";

const usage = `od [OPTION]... [FILE]...
Write an unambiguous form, octal unless told otherwise, of the FILEs. With no FILE, or when FILE is -, read standard input.

  -A, --address-radix=RADIX   offsets in d, o, x, or none (n)
  -j, --skip-bytes=BYTES      skip BYTES first
  -N, --read-bytes=BYTES      at most BYTES
  -S, --strings[=BYTES]       only strings of at least BYTES (3) characters
  -t, --format=TYPE           a, c, d[SIZE], f[SIZE], o[SIZE], u[SIZE], x[SIZE]; z after it adds the characters
  -v, --output-duplicates     do not write * for repeated lines
  -w[BYTES], --width[=BYTES]  BYTES a line (16; 32 if BYTES is left out)
      --help                  show this help and exit

Old forms: -a -b -c -d -f -i -l -o -s -x stand for -t a, o1, c, u2, fF, dI, dL, o2, d2, x2.`;
const busyboxUsage = `od [-abcdfhilovxs] [-t TYPE] [-A RADIX] [-N SIZE] [-j SKIP] [-S MINSTR] [-w WIDTH] [FILE]...

Print FILEs (or stdin) unambiguously, as octal bytes by default`;

interface Format {
  readonly letter: string;
  readonly size: number;
  readonly withText: boolean;
  /** Columns of one value without its leading blank. */
  readonly width: number;
}

const NAMES = "nul soh stx etx eot enq ack bel bs ht nl vt ff cr so si dle dc1 dc2 dc3 dc4 nak syn etb can em sub esc fs gs rs us sp".split(
  " ",
);
const ESCAPES: Readonly<Record<number, string>> = { 0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r" };
const sizes: Readonly<Record<string, number>> = { C: 1, S: 2, I: 4, L: 8, F: 4, D: 8 };

const widths: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  o: { 1: 3, 2: 6, 4: 11, 8: 22 },
  d: { 1: 4, 2: 6, 4: 11, 8: 20 },
  u: { 1: 3, 2: 5, 4: 10, 8: 20 },
  x: { 1: 2, 2: 4, 4: 8, 8: 16 },
  f: { 4: 15, 8: 24 },
};

function makeFormat(letter: string, size: number, withText: boolean): Format | undefined {
  const width = letter === "a" || letter === "c" ? 3 : widths[letter]?.[size];
  return width === undefined ? undefined : { letter, size, withText, width };
}

/** The formats of a -t argument, or what is wrong. */
function parseFormats(text: string): Format[] | string {
  const formats: Format[] = [];
  let rest = text;
  while (rest !== "") {
    const found = /^([acdfoux])([0-9]+|[CSILFD])?(z?)/.exec(rest);
    if (found === null) return `invalid character '${rest[0]}' in type string ${quote(text)}`;
    const [all, letter = "", sizeText, z] = found;
    if ((letter === "a" || letter === "c") && sizeText !== undefined)
      return `invalid character '${sizeText[0]}' in type string ${quote(text)}`;
    const standard = letter === "a" || letter === "c" ? 1 : letter === "f" ? 8 : 4;
    const size = sizeText === undefined ? standard : (sizes[sizeText] ?? Number(sizeText));
    const format = makeFormat(letter, size, z === "z");
    if (format === undefined) {
      const kind = letter === "f" ? "floating point" : "integral";
      return `invalid type string ${quote(text)};\nthis system doesn't provide a ${size}-byte ${kind} type`;
    }
    formats.push(format);
    rest = rest.slice(all.length);
  }
  return formats;
}

/** The shortest decimal that gives the same float back, as coreutils prints. */
function shortest(n: number, size: number): string {
  if (!Number.isFinite(n)) return Number.isNaN(n) ? "nan" : n < 0 ? "-inf" : "inf";
  let text = "";
  for (let digits = size === 4 ? 6 : 15; digits <= 17; digits++) {
    text = n.toPrecision(digits);
    if (size === 4 ? Math.fround(Number(text)) === n : Number(text) === n) break;
  }
  const [mantissa = "", exponent] = text.split("e");
  const precise = Number(text);
  const power = exponent === undefined ? (precise === 0 ? 0 : Math.floor(Math.log10(Math.abs(precise)))) : Number(exponent);
  const limit = mantissa.replace(/[-.]/g, "").replace(/^0+/, "").length;
  const trim = (t: string): string => (t.includes(".") ? t.replace(/\.?0+$/, "") : t);
  if (power >= -4 && power < Math.max(limit, size === 4 ? 6 : 15))
    return trim(Number(text).toFixed(Math.min(100, Math.max(0, limit - 1 - power))));
  const scaled = precise.toExponential(Math.max(limit - 1, 0));
  const [m = "", e = "0"] = scaled.split("e");
  return `${trim(m)}e${Number(e) < 0 ? "-" : "+"}${String(Math.abs(Number(e))).padStart(2, "0")}`;
}

function valueText(view: DataView, at: number, f: Format): string {
  const { letter, size } = f;
  const byte = view.getUint8(at);
  switch (letter) {
    case "a":
      return (byte & 0x7f) === 127 ? "del" : (NAMES[byte & 0x7f] ?? String.fromCharCode(byte & 0x7f));
    case "c":
      return ESCAPES[byte] ?? (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : byte.toString(8).padStart(3, "0"));
    case "f":
      return size === 4 ? shortest(view.getFloat32(at, true), 4) : shortest(view.getFloat64(at, true), 8);
    case "d":
      return `${size === 1 ? view.getInt8(at) : size === 2 ? view.getInt16(at, true) : size === 4 ? view.getInt32(at, true) : view.getBigInt64(at, true)}`;
    default: {
      const value =
        size === 1 ? byte : size === 2 ? view.getUint16(at, true) : size === 4 ? view.getUint32(at, true) : view.getBigUint64(at, true);
      if (letter === "u") return `${value}`;
      return value.toString(letter === "o" ? 8 : 16).padStart(f.width, "0");
    }
  }
}

const printable = (byte: number): string => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".");

interface Plan {
  readonly formats: readonly Format[];
  readonly radix: string;
  readonly perLine: number;
  readonly duplicates: boolean;
}

function address(plan: Plan, offset: number): string {
  if (plan.radix === "n") return "";
  return plan.radix === "x" ? offset.toString(16).padStart(6, "0") : offset.toString(plan.radix === "d" ? 10 : 8).padStart(7, "0");
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
};

/** The bytes with zeros behind, so that a last value that is cut off can be read. */
function paddedView(bytes: Uint8Array, length: number): DataView {
  const padded = new Uint8Array(length);
  padded.set(bytes);
  return new DataView(padded.buffer);
}

const textTables = new Map<string, string[]>();

/** What each of the 256 bytes looks like, in `width` columns. */
function byteTexts(letter: string, width: number): readonly string[] {
  const key = `${letter}${width}`;
  let table = textTables.get(key);
  if (table === undefined) {
    const view = new DataView(Uint8Array.from({ length: 256 }, (_, i) => i).buffer);
    const format = makeFormat(letter, 1, false) as Format;
    table = Array.from({ length: 256 }, (_, i) => valueText(view, i, format).padStart(width));
    textTables.set(key, table);
  }
  return table;
}

function formatLine(plan: Plan, bytes: Uint8Array, offset: number): string {
  let view: DataView | undefined;
  // Columns of different formats are aligned: each takes the width that the widest needs for its bytes.
  const perByte = Math.max(...plan.formats.map((f) => (f.width + 1) / f.size));
  const prefix = address(plan, offset);
  return plan.formats
    .map((f, index) => {
      const width = Math.round(perByte * f.size);
      let line = index === 0 ? prefix : " ".repeat(prefix.length);
      if (f.size === 1) {
        const texts = byteTexts(f.letter, width);
        for (let at = 0; at < bytes.length; at++) line += texts[bytes[at] as number] as string;
      } else {
        view ??= paddedView(bytes, plan.perLine + 8);
        for (let at = 0; at < bytes.length; at += f.size) line += valueText(view, at, f).padStart(width);
      }
      if (f.withText) {
        const missing = Math.floor((plan.perLine - Math.ceil(bytes.length / f.size) * f.size) / f.size);
        line += `${" ".repeat(missing * width)}  >${Array.from(bytes, printable).join("")}<`;
      }
      return `${line}\n`;
    })
    .join("");
}

const oldForms: Readonly<Record<string, readonly [string, number]>> = {
  a: ["a", 1],
  b: ["o", 1],
  c: ["c", 1],
  d: ["u", 2],
  D: ["u", 4],
  e: ["f", 8],
  f: ["f", 4],
  F: ["f", 8],
  h: ["x", 2],
  H: ["x", 4],
  i: ["d", 4],
  I: ["d", 8],
  l: ["d", 8],
  L: ["d", 8],
  o: ["o", 2],
  O: ["o", 4],
  s: ["d", 2],
  x: ["x", 2],
  X: ["x", 4],
};

function* run(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({
    short: "A:j:N:S:t:vw::abcdDefFhHiIlLoOsxX",
    long: [
      { name: "address-radix", arg: "required", as: "A" },
      { name: "skip-bytes", arg: "required", as: "j" },
      { name: "read-bytes", arg: "required", as: "N" },
      { name: "strings", arg: "optional", as: "S" },
      { name: "format", arg: "required", as: "t" },
      { name: "output-duplicates", as: "v" },
      { name: "width", arg: "optional", as: "w" },
    ],
  });
  const formats: Format[] = [];
  let radix = "o";
  let perLine = 0;
  let [skip, limit, strings] = [0, Number.POSITIVE_INFINITY, 0];
  let duplicates = false;
  const size = function* (text: string, option: string): Proc<number> {
    const hex = /^0[xX][0-9a-fA-F]+$/.test(text) ? Number(text) : undefined;
    const value = hex ?? (/^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : parseSize(text));
    return value ?? (yield* c.fail(`invalid -${option} argument '${text}'`));
  };
  for (const { name, arg, hasArg } of options) {
    if (name === "t") {
      const more = parseFormats(arg);
      if (typeof more === "string") return yield* c.fail(more);
      formats.push(...more);
    } else if (name === "A") {
      if (!/^[doxn]/.test(arg))
        return yield* c.fail(`invalid output address radix '${arg[0] ?? ""}'; it must be one character from [doxn]`);
      radix = arg[0] as string;
    } else if (name === "j") skip = yield* size(arg, "j");
    else if (name === "N") limit = yield* size(arg, "N");
    else if (name === "S") strings = hasArg ? yield* size(arg, "S") : 3;
    else if (name === "v") duplicates = true;
    else if (name === "w") perLine = hasArg ? yield* size(arg, "w") : 32;
    else {
      const [letter, bytes] = oldForms[name] as readonly [string, number];
      formats.push(makeFormat(letter, bytes, false) as Format);
    }
  }
  if (formats.length === 0) formats.push(makeFormat("o", 2, false) as Format);
  const largest = Math.max(...formats.map((f) => f.size));
  if (perLine === 0) perLine = 16;
  if (perLine % largest !== 0) {
    yield* c.warn(`warning: invalid width ${perLine}; using ${largest} instead`);
    perLine = largest;
  }
  const files = new InputFiles(c, operands);
  const source = new ExactSource(new FileBytes(files));
  const skipped = yield* skipBytes(source, skip);
  if (skipped < skip) return yield* c.fail("cannot skip past end of combined input");
  const plan: Plan = { formats, radix, perLine, duplicates };
  if (strings > 0) yield* dumpStrings(c, plan, source, strings, skip + limit);
  else yield* dump(c, plan, source, skip, limit, files);
  return files.status;
}

function* dump(c: Command, plan: Plan, source: ExactSource, start: number, limit: number, files: InputFiles): Proc<void> {
  let offset = start;
  let left = limit;
  let before: Uint8Array | undefined;
  let starred = false;
  let out: string[] = [];
  for (;;) {
    const buffer = new Uint8Array(Math.min(plan.perLine, left));
    const n = buffer.length === 0 ? 0 : yield* source.fill(buffer);
    if (n === 0) break;
    const bytes = buffer.subarray(0, n);
    if (!plan.duplicates && n === plan.perLine && before !== undefined && isSame(bytes, before)) {
      if (!starred) out.push("*\n");
      starred = true;
    } else {
      starred = false;
      out.push(formatLine(plan, bytes, offset));
    }
    before = bytes;
    offset += n;
    left -= n;
    if (out.length >= 200) {
      yield* c.sys.spend(out.length * 3000);
      yield* c.print(out.join(""));
      out = [];
    }
    if (n < plan.perLine) break;
  }
  // With no file that could be read there is nothing to tell the length of.
  if (plan.radix !== "n" && !(files.status !== 0 && offset === start)) out.push(`${address(plan, offset)}\n`);
  yield* c.print(out.join(""));
}

function* dumpStrings(c: Command, plan: Plan, source: ExactSource, least: number, until: number): Proc<void> {
  let text = "";
  let start = 0;
  while (source.position < until) {
    const at = source.position;
    const part = yield* source.some(until - at);
    if (part === undefined) break;
    for (let i = 0; i < part.length; i++) {
      const byte = part[i] as number;
      if (byte >= 32 && byte < 127) {
        if (text === "") start = at + i;
        text += String.fromCharCode(byte);
      } else {
        // A string ends in a zero byte.
        if (byte === 0 && text.length >= least) yield* c.print(`${address(plan, start)}${plan.radix === "n" ? "" : " "}${text}\n`);
        text = "";
      }
    }
  }
}

export const od: Executable = {
  name: "od",
  paths: ["/usr/bin/od"],
  sizeBytes: 80912,
  applet: "/usr/bin/od",
  main: command({ help: help(usage, busyboxUsage), writeError: { during: (why) => ["write error", `write error: ${why}`] } }, run),
};
