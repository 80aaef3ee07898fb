/** xxd(1) of vim 9.0, and busybox xxd: a hex dump and its reverse. Left out: -E (EBCDIC), -R (colour). */

import { Errno } from "../../abi/errno.ts";
import { O_CREAT, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { skipBytes } from "../libc/lines.ts";
import { Input, Output } from "../libc/stdio.ts";
import { ExactSource } from "../libc/stream.ts";
import { open } from "../libc/unistd.ts";

const options = `Options:
    -a          a single * for runs of lines of zeros
    -b          binary digits
    -c cols     cols bytes a line: 16, 12 with -i, 30 with -ps, 6 with -b
    -d          offsets in decimal
    -e          little-endian groups
    -g bytes    bytes in a group: 2, 4 with -e, 1 with -b
    -h          show this help and exit
    -i          as the contents of a C array
    -l len      stop after len bytes
    -n name     the name of the array of -i
    -o off      add off to the offsets shown
    -ps         plain hex digits
    -r          reverse: from a dump to bytes
    -s [-]seek  begin at byte seek (from the end if negative)
    -u          upper case hex letters
    -v          show version`;
const usage = `xxd [options] [infile [outfile]]

${options}`;
const busyboxUsage = `xxd [-pri] [-g N] [-c N] [-l LEN] [-s OFS] [-o OFS] [FILE]

Hex dump FILE (or stdin)

\t-g N\tBytes per group
\t-c N\tBytes per line
\t-p\tShow only hex bytes, assumes -c30
\t-i\tC include file style
\t-l LENGTH\tShow only first LENGTH bytes
\t-s OFFSET\tSkip OFFSET bytes
\t-o OFFSET\tAdd OFFSET to displayed offset
\t-r\tReverse (with -p, assumes no offsets in input)`;

interface Plan {
  style: "normal" | "plain" | "include" | "bits" | "little";
  reverse: boolean;
  columns: number;
  group: number;
  length: number;
  seek: number;
  fromEnd: boolean;
  shown: number;
  upper: boolean;
  decimal: boolean;
  autoskip: boolean;
  name: string | undefined;
}

const toNumber = (text: string): number => (/^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text));

function* parse(c: Command): Proc<{ plan: Plan; operands: string[] }> {
  const plan: Plan = {
    style: "normal",
    reverse: false,
    columns: -1,
    group: -1,
    length: Number.POSITIVE_INFINITY,
    seek: 0,
    fromEnd: false,
    shown: 0,
    upper: false,
    decimal: false,
    autoskip: false,
    name: undefined,
  };
  const operands: string[] = [];
  const args = [...c.args];
  const wrong = function* (): Proc<never> {
    if (c.voice === "busybox") throw new UsageError("");
    yield* c.eprint(
      `Usage:\n       ${c.name} [options] [infile [outfile]]\n    or\n       ${c.name} -r [-s [-]offset] [-c cols] [-ps] [infile [outfile]]\n${options}\n`,
    );
    throw new Exit(1);
  };
  // xxd reads its options itself: by their first letters, one a word.
  while (args.length > 0) {
    const word = args[0] as string;
    if (!word.startsWith("-") || word === "-") break;
    args.shift();
    if (word === "--") break;
    const letters = word.startsWith("--") ? word.slice(1) : word;
    const letter = letters[1] as string;
    if (/^[cglsno]$/.test(letter)) {
      const long = /^-(?:cols|group|groupsize|len|length|seek|skip|name|offset)$/.test(letters);
      const value = letters.length > 2 && !long ? letters.slice(2) : args.shift();
      if (value === undefined) return yield* wrong();
      if (letter === "n") {
        plan.name = value;
        continue;
      }
      const n = toNumber(value.replace(/^\+/, ""));
      if (Number.isNaN(n)) return yield* wrong();
      if (letter === "c") plan.columns = n;
      else if (letter === "g") plan.group = n;
      else if (letter === "l") plan.length = n;
      else if (letter === "o") plan.shown = n;
      else {
        plan.seek = Math.abs(n);
        plan.fromEnd = n < 0;
      }
      continue;
    }
    if (letters === "-ps" || letters.startsWith("-plain") || letters.startsWith("-postscript")) {
      plan.style = "plain";
      continue;
    }
    for (const one of letters.slice(1)) {
      if (one === "p") plan.style = "plain";
      else if (one === "i") plan.style = "include";
      else if (one === "b") plan.style = "bits";
      else if (one === "e") plan.style = "little";
      else if (one === "r") plan.reverse = true;
      else if (one === "u") plan.upper = true;
      else if (one === "d") plan.decimal = true;
      else if (one === "a") plan.autoskip = true;
      else if (one === "v") {
        yield* c.eprint("xxd 2022-01-14 by Juergen Weigert et al.\n");
        throw new Exit(0);
      } else return yield* one === "h" && word === "--help" ? c.help() : wrong();
      if (word === "--help") return yield* c.help();
    }
  }
  operands.push(...args);
  const standard = { normal: [16, 2], plain: [30, 0], include: [12, 0], bits: [6, 1], little: [16, 4] } as const;
  if (plan.columns <= 0) plan.columns = standard[plan.style][0];
  if (plan.group < 0) plan.group = standard[plan.style][1];
  return { plan, operands };
}

const bytes256 = Array.from({ length: 256 }, (_, byte) => byte);
const hexTexts = bytes256.map((byte) => byte.toString(16).padStart(2, "0"));
const upperTexts = hexTexts.map((text) => text.toUpperCase());
const printables = bytes256.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "."));
const bitTexts = bytes256.map((byte) => byte.toString(2).padStart(8, "0"));

function dumpLine(plan: Plan, bytes: Uint8Array, offset: number): string {
  const at = offset + plan.shown;
  const address = plan.decimal ? String(at).padStart(8, "0") : at.toString(16).padStart(8, "0");
  const group = plan.group === 0 ? plan.columns : plan.group;
  const digits = plan.style === "bits" ? 8 : 2;
  const blank = " ".repeat(digits);
  const shown = plan.style === "bits" ? bitTexts : plan.upper ? upperTexts : hexTexts;
  let line = `${address}:`;
  for (let i = 0; i < plan.columns; i += group) {
    const end = Math.min(i + group, plan.columns);
    line += " ";
    if (plan.style === "little") {
      let text = "";
      for (let k = Math.min(end, bytes.length) - 1; k >= i; k--) text += shown[bytes[k] as number];
      const width = (end - i) * digits;
      line += text === "" ? " ".repeat(width) : text.padStart(width);
    } else for (let k = i; k < end; k++) line += k < bytes.length ? shown[bytes[k] as number] : blank;
  }
  line += "  ";
  for (let i = 0; i < bytes.length; i++) line += printables[bytes[i] as number];
  return `${line}\n`;
}

const BLOCK_LINES = 256;

function* dump(c: Command, plan: Plan, source: ExactSource, start: number, out: Output): Proc<void> {
  let offset = start;
  let left = plan.length;
  let zeros = 0;
  let held: string | undefined;
  let lines: string[] = [];
  const show = (text: string): void => {
    lines.push(text);
  };
  for (;;) {
    const buffer = new Uint8Array(Math.min(plan.columns, left));
    const n = buffer.length === 0 ? 0 : yield* source.fill(buffer);
    if (n === 0) break;
    const bytes = buffer.subarray(0, n);
    const line = dumpLine(plan, bytes, offset);
    if (lines.length >= BLOCK_LINES) {
      yield* c.sys.spend(lines.length * 1500);
      yield* out.print(lines.join(""));
      lines = [];
    }
    offset += n;
    left -= n;
    // With -a the first line of zeros shows, then a star, then the last one.
    if (plan.autoskip && bytes.every((b) => b === 0) && n === plan.columns) {
      zeros++;
      if (zeros === 1) show(line);
      else held = line;
      continue;
    }
    if (held !== undefined) show(zeros > 2 ? "*\n" : held);
    held = undefined;
    zeros = 0;
    show(line);
  }
  if (held !== undefined) show(zeros > 2 ? `*\n${held}` : held);
  yield* out.print(lines.join(""));
}

function* dumpPlain(plan: Plan, source: ExactSource, out: Output): Proc<void> {
  let left = plan.length;
  for (;;) {
    const buffer = new Uint8Array(Math.min(plan.columns, left));
    const n = buffer.length === 0 ? 0 : yield* source.fill(buffer);
    if (n === 0) return;
    const hex = Array.from(buffer.subarray(0, n), (b) => b.toString(16).padStart(2, "0")).join("");
    yield* out.print(`${plan.upper ? hex.toUpperCase() : hex}\n`);
    left -= n;
  }
}

function* dumpInclude(plan: Plan, source: ExactSource, out: Output, file: string | undefined): Proc<void> {
  const name = (plan.name ?? (file === undefined || file === "-" ? undefined : file))
    ?.replace(/[^A-Za-z0-9_]/g, "_")
    .replace(/^([0-9])/, "__$1");
  if (name !== undefined) yield* out.print(`unsigned char ${name}[] = {\n`);
  let left = plan.length;
  let total = 0;
  for (;;) {
    const buffer = new Uint8Array(Math.min(plan.columns, left));
    const n = buffer.length === 0 ? 0 : yield* source.fill(buffer);
    if (n === 0) break;
    const hex = Array.from(buffer.subarray(0, n), (b) => {
      const text = b.toString(16).padStart(2, "0");
      return plan.upper ? `0X${text.toUpperCase()}` : `0x${text}`;
    });
    yield* out.print(`${total === 0 ? "" : ",\n"}  ${hex.join(", ")}`);
    total += n;
    left -= n;
  }
  if (total > 0) yield* out.print("\n");
  if (name !== undefined) yield* out.print(`};\nunsigned int ${name}_len = ${total};\n`);
}

/** From a dump to bytes. Bytes go where their offsets say; gaps are filled with zeros. */
function reverse(plan: Plan, text: string): Uint8Array {
  const bytes: number[] = [];
  if (plan.style === "plain") {
    const hex = text.replace(/[^0-9a-fA-F]/g, "");
    for (let i = 0; i + 1 < hex.length; i += 2) bytes.push(Number.parseInt(hex.slice(i, i + 2), 16));
    return Uint8Array.from(bytes);
  }
  for (const line of text.split("\n")) {
    const found = /^\s*([0-9a-fA-F]+):?[ \t]*(.*)$/.exec(line);
    if (found === null) continue;
    const at = Number.parseInt(found[1] ?? "0", plan.decimal ? 10 : 16) - plan.seek;
    const dumped = /^(?:[0-9a-fA-F]+ ?)*/.exec((found[2] ?? "").split("  ")[0] ?? "")?.[0] ?? "";
    const digits = dumped.replace(/ /g, "").slice(0, plan.columns * (plan.style === "bits" ? 8 : 2));
    while (bytes.length < at) bytes.push(0);
    const width = plan.style === "bits" ? 8 : 2;
    for (let i = 0; i + width <= digits.length; i += width)
      bytes[at + i / width] = Number.parseInt(digits.slice(i, i + width), width === 8 ? 2 : 16);
  }
  return Uint8Array.from(bytes);
}

function* run(c: Command): Proc<number> {
  const { plan, operands } = yield* parse(c);
  const [from, to] = operands;
  let input = c.stdin;
  let out = c.stdout;
  try {
    if (from !== undefined && from !== "-") input = new Input(c.sys, yield* open(c.sys, from));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`${from}: ${e.message}`, c.voice === "gnu" ? 2 : 1);
  }
  if (to !== undefined && to !== "-") {
    try {
      out = new Output(c.sys, yield* open(c.sys, to, O_WRONLY | O_CREAT));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(`${to}: ${e.message}`, 3);
    }
  }
  if (plan.reverse) {
    const bytes = yield* input.readAll();
    yield* c.sys.spend(bytes.length * 5);
    yield* out.write(reverse(plan, decodeUtf8(bytes)));
    yield* out.flush();
    return 0;
  }
  let source = new ExactSource(input);
  let start = plan.seek;
  if (plan.fromEnd) {
    const all = yield* input.readAll();
    start = Math.max(all.length - plan.seek, 0);
    source = new ExactSource(onePiece(all.subarray(start)));
  } else if ((yield* skipBytes(source, plan.seek)) < plan.seek) return yield* c.fail("Sorry, cannot seek.", 4);
  if (plan.style === "plain") yield* dumpPlain(plan, source, out);
  else if (plan.style === "include") yield* dumpInclude(plan, source, out, from);
  else yield* dump(c, plan, source, start, out);
  yield* out.flush();
  return 0;
}

function onePiece(bytes: Uint8Array): { read(): Proc<Uint8Array | undefined> } {
  let given = false;
  return {
    *read() {
      if (given) return undefined;
      given = true;
      return bytes;
    },
  };
}

export const xxd: Executable = {
  name: "xxd",
  paths: ["/usr/bin/xxd"],
  sizeBytes: 18648,
  applet: "/usr/bin/xxd",
  main: command({ help: help(usage, busyboxUsage), writeError: { status: 3, during: (why) => [why], last: (why) => [why] } }, run),
};
