/** uniq(1) of coreutils 9.1, and busybox uniq: runs of equal lines. */

import { Errno } from "../../abi/errno.ts";
import { O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { fromLatin1, LineReader } from "../libc/lines.ts";
import { argmatch, extraOperand } from "../libc/operands.ts";
import { quotef } from "../libc/quotearg.ts";
import { Input, Output } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";

const usage = `uniq [OPTION]... [INPUT [OUTPUT]]
Reduce runs of equal lines of INPUT (or standard input) to one line each.

  -c, --count            precede each line by how often it occurred
  -d, --repeated         only lines that occurred more than once, one of each
  -D                     all lines of runs of more than one
      --all-repeated[=METHOD]  likewise, runs set apart: none, prepend, separate
  -f, --skip-fields=N    compare without the first N fields
      --group[=METHOD]   all lines, runs set apart: separate, prepend, append, both
  -i, --ignore-case      upper and lower case are alike
  -s, --skip-chars=N     compare without the first N characters
  -u, --unique           only lines that occurred once
  -z, --zero-terminated  lines end in a zero byte
  -w, --check-chars=N    compare at most N characters
      --help             show this help and exit`;

const busyboxUsage = `uniq [-cduiz] [-f,s,w N] [FILE [OUTFILE]]

Discard duplicate lines

\t-c\tPrefix lines by the number of occurrences
\t-d\tOnly print duplicate lines
\t-u\tOnly print unique lines
\t-i\tIgnore case
\t-z\tNUL terminated output
\t-f N\tSkip first N fields
\t-s N\tSkip first N chars (after any skipped fields)
\t-w N\tCompare N characters in line`;

type Grouping = "none" | "prepend" | "separate" | "append" | "both";
const repeatedMethods: readonly (readonly [string, Grouping])[] = [
  ["none", "none"],
  ["prepend", "prepend"],
  ["separate", "separate"],
];
const groupMethods: readonly (readonly [string, Grouping])[] = [
  ["prepend", "prepend"],
  ["append", "append"],
  ["separate", "separate"],
  ["both", "both"],
];

interface UniqOptions {
  count: boolean;
  once: boolean;
  repeated: boolean;
  /** All lines of repeated runs, or of all runs. */
  all: "no" | "repeated" | "runs";
  grouping: Grouping;
  icase: boolean;
  fields: number;
  chars: number;
  width: number;
  delimiter: string;
}

function* parse(c: Command): Proc<{ o: UniqOptions; operands: readonly string[] }> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "cdDf:is:uw:z" : "cduf:s:w:iz",
    long: [
      { name: "count", as: "c" },
      { name: "repeated", as: "d" },
      { name: "ignore-case", as: "i" },
      { name: "unique", as: "u" },
      { name: "skip-fields", arg: "required", as: "f" },
      { name: "skip-chars", arg: "required", as: "s" },
      { name: "check-chars", arg: "required", as: "w" },
      { name: "zero-terminated", as: "z" },
      { name: "all-repeated", arg: "optional", as: "D" },
      { name: "group", arg: "optional" },
    ],
  });
  const o: UniqOptions = {
    count: false,
    once: false,
    repeated: false,
    all: "no",
    grouping: "none",
    icase: false,
    fields: 0,
    chars: 0,
    width: Number.POSITIVE_INFINITY,
    delimiter: "\n",
  };
  const number = function* (text: string, what: string): Proc<number> {
    if (/^[0-9]+$/.test(text)) return Number(text);
    return yield* c.fail(gnu ? `${text}: invalid number of ${what}` : `invalid number '${text}'`);
  };
  for (const { name, arg, hasArg } of options) {
    if (name === "c") o.count = true;
    else if (name === "d") o.repeated = true;
    else if (name === "u") o.once = true;
    else if (name === "i") o.icase = true;
    else if (name === "z") o.delimiter = "\0";
    else if (name === "f") o.fields = yield* number(arg, "fields to skip");
    else if (name === "s") o.chars = yield* number(arg, "bytes to skip");
    else if (name === "w") o.width = yield* number(arg, "bytes to compare");
    else if (name === "D") {
      o.all = "repeated";
      o.grouping = hasArg ? argmatch(c, "--all-repeated", arg, repeatedMethods) : "none";
    } else {
      o.all = "runs";
      o.grouping = hasArg ? argmatch(c, "--group", arg, groupMethods) : "separate";
    }
  }
  if (o.all === "runs" && (o.count || o.repeated || o.once)) throw new UsageError("--group is mutually exclusive with -c/-d/-D/-u");
  if (o.all === "repeated" && o.count) throw new UsageError("printing all duplicated lines and repeat counts is meaningless");
  if (operands.length > 2) throw extraOperand(c, operands[2] as string);
  return { o, operands };
}

/** The part of a line that is compared. */
function keyOf(o: UniqOptions): (line: string) => string {
  if (o.fields === 0 && o.chars === 0 && o.width === Number.POSITIVE_INFINITY)
    return o.icase ? (line) => line.toLowerCase() : (line) => line;
  return (line) => {
    let at = 0;
    for (let n = o.fields; n > 0 && at < line.length; n--) {
      while (line[at] === " " || line[at] === "\t") at++;
      while (at < line.length && line[at] !== " " && line[at] !== "\t") at++;
    }
    const key = line.slice(at + o.chars, at + o.chars + o.width);
    return o.icase ? key.toLowerCase() : key;
  };
}

/** Collects the runs and says what is printed of each. */
class Runs {
  private key: string | undefined;
  private run: string[] = [];
  private size = 0;
  private printed = false;

  constructor(private readonly o: UniqOptions) {}

  add(line: string, key: string, out: string[]): void {
    if (key !== this.key) {
      this.end(out);
      this.key = key;
      this.run = [line];
      this.size = 1;
      return;
    }
    this.size++;
    if (this.o.all !== "no") this.run.push(line);
  }

  end(out: string[]): void {
    const { o } = this;
    const first = this.run[0];
    if (first === undefined) return;
    if (o.all !== "no") {
      if (o.all === "repeated" && (this.size === 1 || o.once)) return;
      const before = o.grouping === "prepend" || o.grouping === "both" || (o.grouping === "separate" && this.printed);
      if (before && !(o.grouping === "both" && this.printed)) out.push("");
      out.push(...this.run);
      if (o.grouping === "append" || o.grouping === "both") out.push("");
      this.printed = true;
      return;
    }
    if (o.repeated && this.size === 1) return;
    if (o.once && this.size > 1) return;
    out.push(o.count ? `${String(this.size).padStart(7)} ${first}` : first);
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { o, operands } = yield* parse(c);
  const [from, to] = operands;
  let input = c.stdin;
  let output = c.stdout;
  for (const [name, side] of [
    [from, "in"],
    [to, "out"],
  ] as const) {
    if (name === undefined || name === "-") continue;
    try {
      if (side === "in") input = new Input(c.sys, yield* open(c.sys, name));
      else output = new Output(c.sys, yield* open(c.sys, name, O_WRONLY | O_CREAT | O_TRUNC));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(gnu ? `${quotef(name)}: ${e.message}` : `can't open '${name}': ${e.message}`);
    }
  }
  const reader = new LineReader(c.sys, input, { delimiter: o.delimiter.charCodeAt(0), nsPerByte: 3 });
  const runs = new Runs(o);
  const key = keyOf(o);
  const print = function* (out: readonly string[]): Proc<void> {
    if (out.length > 0) yield* output.write(fromLatin1(out.join(o.delimiter) + o.delimiter));
  };
  try {
    for (;;) {
      const lines = yield* reader.read();
      const out: string[] = [];
      if (lines === undefined) {
        runs.end(out);
        yield* print(out);
        break;
      }
      for (const line of lines) runs.add(line, key(line), out);
      yield* print(out);
    }
  } catch (e) {
    if (!(e instanceof Errno) || input === c.stdin) throw e;
    return yield* c.fail(gnu ? `error reading '${from as string}'` : `${from as string}: ${e.message}`);
  }
  yield* output.flush();
  return 0;
}

export const uniq: Executable = {
  name: "uniq",
  paths: ["/usr/bin/uniq"],
  sizeBytes: 48080,
  applet: "/usr/bin/uniq",
  main: command({ help: help(usage, busyboxUsage) }, run),
};
