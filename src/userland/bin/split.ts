/** split(1) of coreutils 9.1, and busybox split: a file in pieces. Left out: --filter, -u, round robin (-n r/N), -e. */

import { Errno } from "../../abi/errno.ts";
import { O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { extraOperand } from "../libc/operands.ts";
import { quote, quotef } from "../libc/quotearg.ts";
import { concat, Input, writeAll } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";
import { parseSize } from "../libc/xstrtol.ts";

const usage = `split [OPTION]... [FILE [PREFIX]]
Write the pieces of FILE to PREFIXaa, PREFIXab, ...; a piece has 1000 lines, and PREFIX is x, unless told otherwise.
With no FILE, or when FILE is -, read standard input.

  -a, --suffix-length=N    suffixes of N letters (2)
      --additional-suffix=SUFFIX  SUFFIX at the end of the names
  -b, --bytes=SIZE         SIZE bytes in each piece
  -C, --line-bytes=SIZE    at most SIZE bytes of whole lines in each piece
  -d                       numbers instead of letters
  -x                       hexadecimal numbers
  -l, --lines=NUMBER       NUMBER lines in each piece
  -n, --number=CHUNKS      N pieces; l/N without breaking lines; K/N or l/K/N: only piece K, to standard output
      --verbose            say which file is begun
      --help               show this help and exit`;
const busyboxUsage = `split [OPTIONS] [INPUT [PREFIX]]

\t-b N[k|m]\tSplit by N (kilo|mega)bytes
\t-l N\t\tSplit by N lines
\t-a N\t\tUse N letters as suffix`;

const ALPHABETS = { letters: "abcdefghijklmnopqrstuvwxyz", decimal: "0123456789", hex: "0123456789abcdef" } as const;

/** The files that come out, one after the other. */
class Pieces {
  private fd = -1;
  private index = 0;
  private length: number;
  /** The last letters that were used up while names grew. */
  private lead = "";
  private readonly grows: boolean;

  constructor(
    private readonly c: Command,
    private readonly prefix: string,
    private readonly alphabet: string,
    length: number | undefined,
    private readonly extra: string,
    private readonly verbose: boolean,
  ) {
    this.length = length ?? 2;
    this.grows = length === undefined;
  }

  /** The next name; undefined where a fixed length has no more. */
  private name(): string | undefined {
    const { alphabet } = this;
    const base = alphabet.length;
    let index = this.index++;
    if (this.grows) {
      // Names grow when only the last letter's are left: xyz is followed by xzaaa.
      const most = base ** this.length - base ** (this.length - 1);
      if (index >= most) {
        this.lead += alphabet[base - 1] as string;
        this.length++;
        index -= most;
        this.index = index + 1;
      }
    } else if (index >= base ** this.length) return undefined;
    let suffix = "";
    for (let i = 0; i < this.length; i++) {
      suffix = (alphabet[index % base] as string) + suffix;
      index = Math.floor(index / base);
    }
    return this.prefix + this.lead + suffix + this.extra;
  }

  *begin(): Proc<void> {
    yield* this.end();
    const name = this.name();
    if (name === undefined) {
      yield* this.c.fail(this.c.voice === "gnu" ? "output file suffixes exhausted" : "suffixes exhausted");
      return;
    }
    if (this.verbose) yield* this.c.print(`creating file '${name}'\n`);
    try {
      this.fd = yield* open(this.c.sys, name, O_WRONLY | O_CREAT | O_TRUNC);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.c.fail(`${quotef(name)}: ${e.message}`);
    }
  }

  *write(bytes: Uint8Array): Proc<void> {
    yield* writeAll(this.c.sys, this.fd, bytes);
  }

  *end(): Proc<void> {
    if (this.fd >= 0) yield* this.c.sys.close(this.fd);
    this.fd = -1;
  }
}

function* byLines(input: Input, count: number, pieces: Pieces): Proc<void> {
  let left = 0;
  for (let bytes = yield* input.read(); bytes !== undefined; bytes = yield* input.read()) {
    for (let at = 0; at < bytes.length; ) {
      if (left === 0) {
        yield* pieces.begin();
        left = count;
      }
      let end = at;
      while (left > 0 && end < bytes.length) {
        const newline = bytes.indexOf(10, end);
        if (newline < 0) {
          end = bytes.length;
          break;
        }
        end = newline + 1;
        left--;
      }
      yield* pieces.write(bytes.subarray(at, end));
      at = end;
    }
  }
}

function* byBytes(input: Input, size: number, pieces: Pieces): Proc<void> {
  let left = 0;
  for (let bytes = yield* input.read(); bytes !== undefined; bytes = yield* input.read()) {
    for (let at = 0; at < bytes.length; ) {
      if (left === 0) {
        yield* pieces.begin();
        left = size;
      }
      const end = Math.min(bytes.length, at + left);
      yield* pieces.write(bytes.subarray(at, end));
      left -= end - at;
      at = end;
    }
  }
}

/** Whole lines up to `size` bytes a piece; a longer line is broken. */
function* byLineBytes(input: Input, size: number, pieces: Pieces): Proc<void> {
  let used = size;
  for (let line = yield* input.readDelimited(10); line !== undefined; line = yield* input.readDelimited(10)) {
    let rest: Uint8Array = line;
    while (rest.length > 0) {
      if (used + rest.length > size && (used > 0 || rest.length <= size)) {
        yield* pieces.begin();
        used = 0;
      }
      const part = rest.subarray(0, size - used);
      yield* pieces.write(part);
      used += part.length;
      rest = rest.subarray(part.length);
    }
  }
}

/** -n: N pieces of equal size, or of whole lines. */
function chunks(all: Uint8Array, n: number, lines: boolean): Uint8Array[] {
  const out: Uint8Array[] = [];
  const size = Math.floor(all.length / n);
  let start = 0;
  for (let k = 1; k <= n; k++) {
    let end = k === n ? all.length : size * k;
    if (lines && k < n && end > start) {
      const newline = all.indexOf(10, Math.max(end - 1, 0));
      end = newline < 0 ? all.length : newline + 1;
    }
    end = Math.max(end, start);
    out.push(all.subarray(start, end));
    start = end;
  }
  return out;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "a:b:C:dxl:n:" : "l:b:a:",
    long: gnu
      ? [
          { name: "suffix-length", arg: "required", as: "a" },
          { name: "additional-suffix", arg: "required" },
          { name: "bytes", arg: "required", as: "b" },
          { name: "line-bytes", arg: "required", as: "C" },
          { name: "numeric-suffixes", as: "d" },
          { name: "hex-suffixes", as: "x" },
          { name: "lines", arg: "required", as: "l" },
          { name: "number", arg: "required", as: "n" },
          { name: "verbose" },
        ]
      : [],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const modes = options.filter((o) => /^[bCln]$/.test(o.name));
  if (modes.length > 1 && gnu) throw new UsageError("cannot split in more than one way");
  const [name = "-", prefix = "x", extra] = operands;
  if (extra !== undefined) throw extraOperand(c, extra);
  const mode = modes.at(-1) ?? { name: "l", arg: "1000" };
  const what = mode.name === "l" ? "lines" : mode.name === "n" ? "chunks" : "bytes";
  const chunk = /^(l\/)?(?:([0-9]+)\/)?([0-9]+)$/.exec(mode.arg);
  const count = mode.name === "n" ? Number(chunk?.[3] ?? Number.NaN) : (parseSize(mode.arg) ?? Number.NaN);
  if (Number.isNaN(count) || count === 0)
    return yield* c.fail(gnu ? `invalid number of ${what}: ${quote(mode.arg)}` : `invalid number '${mode.arg}'`);
  const lengthText = arg("a");
  if (lengthText !== undefined && !/^[0-9]+$/.test(lengthText)) return yield* c.fail(`invalid suffix length: ${quote(lengthText)}`);
  const alphabet = has("x") ? ALPHABETS.hex : has("d") ? ALPHABETS.decimal : ALPHABETS.letters;
  const fixed = lengthText !== undefined && lengthText !== "0" ? Number(lengthText) : gnu ? undefined : 2;
  const pieces = new Pieces(c, prefix, alphabet, fixed, arg("additional-suffix") ?? "", has("verbose"));
  let input = c.stdin;
  if (name !== "-") {
    try {
      input = new Input(c.sys, yield* open(c.sys, name));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(
        gnu
          ? `cannot open ${quotef(name).startsWith("'") ? quotef(name) : `'${name}'`} for reading: ${e.message}`
          : `can't open '${name}': ${e.message}`,
      );
    }
  }
  if (mode.name === "l") yield* byLines(input, count, pieces);
  else if (mode.name === "b") yield* byBytes(input, count, pieces);
  else if (mode.name === "C") yield* byLineBytes(input, count, pieces);
  else {
    const parts = chunks(concat([yield* input.readAll()]), count, chunk?.[1] !== undefined);
    if (chunk?.[2] !== undefined) {
      const wanted = parts[Number(chunk[2]) - 1];
      if (wanted === undefined) return yield* c.fail(`invalid chunk number: ${quote(chunk[2])}`);
      yield* c.stdout.write(wanted);
      return 0;
    }
    for (const part of parts) {
      yield* pieces.begin();
      yield* pieces.write(part);
    }
  }
  yield* pieces.end();
  return 0;
}

export const split: Executable = {
  name: "split",
  paths: ["/usr/bin/split"],
  sizeBytes: 60984,
  applet: "/usr/bin/split",
  main: command({ help: help(usage, busyboxUsage) }, run),
};
