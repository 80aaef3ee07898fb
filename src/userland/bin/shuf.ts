/** shuf(1) of coreutils: lines in random order, drawn from getrandom(2). */

import { Errno } from "../../abi/errno.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { extraOperand } from "../libc/operands.ts";
import { quote, quotef } from "../libc/quotearg.ts";
import { Input, Output } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";
import { parseCount } from "../libc/xstrtol.ts";
import { O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";

const usage = `shuf [OPTION]... [FILE]
  or:  shuf -e [OPTION]... [ARG]...
  or:  shuf -i LO-HI [OPTION]...
Write a random permutation of the input lines.

  -e, --echo             the ARGs are the lines
  -i, --input-range=LO-HI  the numbers LO to HI are the lines
  -n, --head-count=COUNT at most COUNT lines
  -o, --output=FILE      write to FILE
      --random-source=FILE  take random bytes from FILE
  -r, --repeat           lines may come again
  -z, --zero-terminated  lines end with NUL
      --help             show this help and exit`;

/** Uniform numbers below a bound, from 6 random bytes each, biased ones rejected. */
class Random {
  private readonly bytes = new Uint8Array(6);

  constructor(
    private readonly sys: Sys,
    private readonly source: number | undefined,
  ) {}

  *below(bound: number): Proc<number> {
    const range = 2 ** 48;
    const limit = range - (range % bound);
    for (;;) {
      if (this.source === undefined) yield* this.sys.getrandom(this.bytes, 0);
      else if ((yield* this.sys.read(this.source, this.bytes)) < this.bytes.length) throw new Exhausted();
      let value = 0;
      for (const byte of this.bytes) value = value * 256 + byte;
      if (value < limit) return value % bound;
    }
  }
}

/** The random source has no more bytes. */
class Exhausted {}

function* readLines(c: Command, file: string | undefined, end: number): Proc<string[]> {
  let input = c.stdin;
  if (file !== undefined && file !== "-") {
    try {
      input = new Input(c.sys, yield* open(c.sys, file));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(`${quotef(file)}: ${e.message}`);
    }
  }
  const text = decodeUtf8(yield* input.readAll());
  const lines = text.split(String.fromCharCode(end));
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function* range(c: Command, text: string): Proc<readonly [number, number]> {
  const match = /^([0-9]+)-([0-9]+)$/.exec(text);
  if (match !== null && Number(match[1]) <= Number(match[2]) + 1) return [Number(match[1]), Number(match[2])];
  if (c.voice === "busybox") throw new UsageError("");
  const at = text.indexOf("-");
  const shown = match !== null || at < 0 ? text : /^[0-9]+$/.test(text.slice(0, at)) ? text.slice(at + 1) : text.slice(0, at);
  return yield* c.fail(`invalid input range: ${quote(shown)}`);
}

function* run(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({
    short: c.voice === "gnu" ? "ei:n:o:rz" : "ei:n:o:z",
    long: [
      { name: "echo", as: "e" },
      { name: "input-range", arg: "required", as: "i" },
      { name: "head-count", arg: "required", as: "n" },
      { name: "output", arg: "required", as: "o" },
      { name: "random-source", arg: "required" },
      { name: "repeat", as: "r" },
      { name: "zero-terminated", as: "z" },
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  let count = Number.POSITIVE_INFINITY;
  for (const o of options) {
    if (o.name !== "n") continue;
    const n = parseCount(o.arg);
    if (n === undefined) return yield* c.fail(c.voice === "gnu" ? `invalid line count: ${quote(o.arg)}` : `invalid number '${o.arg}'`);
    count = Math.min(count, n);
  }
  const spanText = arg("i");
  const span = spanText === undefined ? undefined : yield* range(c, spanText);
  if (has("e") && span !== undefined) throw new UsageError("cannot combine -e and -i options");
  const extra = has("e") ? undefined : operands[span === undefined ? 1 : 0];
  if (extra !== undefined) throw extraOperand(c, extra);
  const end = has("z") ? 0 : 10;
  const lines = has("e") ? [...operands] : span === undefined ? yield* readLines(c, operands[0], end) : undefined;
  const total = lines?.length ?? (span === undefined ? 0 : span[1] - span[0] + 1);
  const at = (i: number): string => lines?.[i] ?? `${(span?.[0] ?? 0) + i}`;
  const source = arg("random-source");
  const random = new Random(c.sys, source === undefined ? undefined : yield* open(c.sys, source, O_RDONLY));
  const file = arg("o");
  const out = file === undefined ? c.stdout : new Output(c.sys, yield* open(c.sys, file, O_WRONLY | O_CREAT | O_TRUNC), "full");
  const newline = String.fromCharCode(end);
  try {
    if (has("r")) {
      if (total === 0 && count > 0) return yield* c.fail("no lines to repeat");
      for (let i = 0; i < count; i++) yield* out.print(at(yield* random.below(total)) + newline);
    } else {
      // Fisher and Yates, remembering only the places that were touched.
      const moved = new Map<number, number>();
      for (let i = 0; i < Math.min(count, total); i++) {
        const j = i + (yield* random.below(total - i));
        const chosen = moved.get(j) ?? j;
        moved.set(j, moved.get(i) ?? i);
        yield* out.print(at(chosen) + newline);
      }
    }
  } catch (e) {
    if (!(e instanceof Exhausted)) throw e;
    return yield* c.fail(`${quotef(source ?? "")}: end of file`);
  }
  yield* out.flush();
  return 0;
}

export const shuf: Executable = {
  name: "shuf",
  paths: ["/usr/bin/shuf"],
  sizeBytes: 60400,
  applet: "/usr/bin/shuf",
  main: command(
    { version: COREUTILS, help: help(usage, "shuf [-n NUM] [-o FILE] [-z] [FILE | -e [ARG...] | -i L-H]\n\nRandomly permute lines") },
    run,
  ),
};
