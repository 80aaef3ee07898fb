/**
 * sort(1) of coreutils 9.1, and busybox sort: lines in order, by keys. Locale C: by bytes. `../sort/keys.ts` has the keys.
 * Left out: --debug, --files0-from, --compress-program, the old `+POS` syntax. -S, -T, --parallel and --batch-size tune only memory and speed.
 */

import { Errno } from "../../abi/errno.ts";
import { O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { type LongOption, type Option, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { fromLatin1, LineReader, printBytes, toByteString } from "../libc/lines.ts";
import { argmatch } from "../libc/operands.ts";
import { quote, quotef } from "../libc/quotearg.ts";
import { Input, Output } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";
import {
  applyLetter,
  type Comparable,
  comparable,
  compareKeys,
  hasOptions,
  type Key,
  type KeyOptions,
  keyText,
  plainOptions,
} from "../sort/keys.ts";

const usage = `sort [OPTION]... [FILE]...
Write the sorted lines of all FILEs. With no FILE, or when FILE is -, read standard input.

Ordering:
  -b, --ignore-leading-blanks  skip blanks before keys
  -d, --dictionary-order       only blanks, letters and digits count
  -f, --ignore-case            lower case counts as upper case
  -g, --general-numeric-sort   by floating-point value
  -i, --ignore-nonprinting     only printable characters count
  -M, --month-sort             unknown < JAN < ... < DEC
  -h, --human-numeric-sort     sizes such as 2K 1G
  -n, --numeric-sort           by numeric value
  -R, --random-sort            shuffled, but equal keys together
  -r, --reverse                the other way round
      --sort=WORD              general-numeric, human-numeric, month, numeric, random, version
  -V, --version-sort           numbers within text as numbers

Other:
  -c, --check                  say where the input is out of order; do not sort
  -C, --check=quiet            likewise, but say nothing
  -k, --key=KEYDEF             sort by a key: F[.C][OPTS][,F[.C][OPTS]]
  -m, --merge                  the files are sorted already
  -o, --output=FILE            write to FILE
  -s, --stable                 equal keys keep their order
  -S, --buffer-size=SIZE, -T, --temporary-directory=DIR, --parallel=N, --batch-size=N
                               accepted; nothing depends on them
  -t, --field-separator=SEP    fields end at SEP
  -u, --unique                 one line of each run of equal ones
  -z, --zero-terminated        lines end in a zero byte
      --help                   show this help and exit`;

const busyboxUsage = `sort [-nrughMcszbdfiokt] [-o FILE] [-k START[.OFS][OPTS][,END[.OFS][OPTS]]] [-t CHAR] [FILE]...

Sort lines of text

\t-o FILE\tOutput FILE
\t-c\tCheck whether input is sorted
\t-b\tIgnore leading blanks
\t-f\tIgnore case
\t-i\tIgnore unprintable characters
\t-d\tDictionary order (blank or alphanumeric only)
\t-n\tSort numbers
\t-g\tGeneral numerical sort
\t-h\tSort human readable numbers (2K 1G)
\t-M\tSort month
\t-V\tSort version
\t-t CHAR\tField separator
\t-k N[,M] Sort by Nth field
\t-r\tReverse sort order
\t-s\tStable (don't sort ties alphabetically)
\t-u\tSuppress duplicate lines
\t-z\tNUL terminated input and output`;

const long: readonly LongOption[] = [
  { name: "ignore-leading-blanks", as: "b" },
  { name: "dictionary-order", as: "d" },
  { name: "ignore-case", as: "f" },
  { name: "general-numeric-sort", as: "g" },
  { name: "ignore-nonprinting", as: "i" },
  { name: "month-sort", as: "M" },
  { name: "human-numeric-sort", as: "h" },
  { name: "numeric-sort", as: "n" },
  { name: "random-sort", as: "R" },
  { name: "reverse", as: "r" },
  { name: "sort", arg: "required" },
  { name: "version-sort", as: "V" },
  { name: "check", arg: "optional", as: "c" },
  { name: "key", arg: "required", as: "k" },
  { name: "merge", as: "m" },
  { name: "output", arg: "required", as: "o" },
  { name: "stable", as: "s" },
  { name: "buffer-size", arg: "required", as: "S" },
  { name: "temporary-directory", arg: "required", as: "T" },
  { name: "parallel", arg: "required", as: "S" },
  { name: "batch-size", arg: "required", as: "S" },
  { name: "field-separator", arg: "required", as: "t" },
  { name: "unique", as: "u" },
  { name: "zero-terminated", as: "z" },
];

interface Plan {
  readonly keys: readonly Key[];
  readonly tab: string | undefined;
  readonly reverse: boolean;
  readonly stable: boolean;
  readonly unique: boolean;
  readonly merge: boolean;
  readonly check: "no" | "yes" | "quiet";
  readonly output: string | undefined;
  readonly delimiter: string;
  readonly salt: number;
  readonly operands: readonly string[];
}

function* parseKey(c: Command, text: string): Proc<Key> {
  const bad = (why: string): Proc<never> => {
    if (c.voice === "busybox") return c.fail("bad field specification", 2);
    return c.fail(`${why}: invalid field specification ${quote(text)}`, 2);
  };
  const count = function* (rest: string, where: string): Proc<[number, string]> {
    const digits = /^[0-9]+/.exec(rest)?.[0];
    if (digits === undefined) {
      if (c.voice === "busybox") return yield* bad("");
      return yield* c.fail(`invalid number ${where}: invalid count at start of ${quote(rest)}`, 2);
    }
    return [Number(digits), rest.slice(digits.length)];
  };
  const key: Key = { ...plainOptions(), startField: 0, startChar: 0, endField: Number.POSITIVE_INFINITY, endChar: 0 };
  const letters = (rest: string, blanks: "start" | "end"): string => {
    let at = 0;
    while (at < rest.length && applyLetter(key, rest[at] as string, blanks)) at++;
    return rest.slice(at);
  };
  let [field, rest] = yield* count(text, "at field start");
  if (field === 0) yield* bad("field number is zero");
  key.startField = field - 1;
  if (rest.startsWith(".")) {
    let at: number;
    [at, rest] = yield* count(rest.slice(1), "after '.'");
    if (at === 0) yield* bad("character offset is zero");
    key.startChar = at - 1;
  }
  rest = letters(rest, "start");
  if (rest.startsWith(",")) {
    [field, rest] = yield* count(rest.slice(1), "after ','");
    if (field === 0) yield* bad("field number is zero");
    key.endField = field - 1;
    if (rest.startsWith(".")) [key.endChar, rest] = yield* count(rest.slice(1), "after '.'");
    rest = letters(rest, "end");
  }
  if (rest !== "") yield* bad("stray character in field spec");
  return key;
}

const words: readonly (readonly [string, string])[] = [
  ["general-numeric", "g"],
  ["human-numeric", "h"],
  ["month", "M"],
  ["numeric", "n"],
  ["random", "R"],
  ["version", "V"],
];

function* makePlan(c: Command): Proc<Plan> {
  const gnu = c.voice === "gnu";
  const short = gnu ? "bdfghiMnRrVcCk:mo:sS:T:t:uz" : "ngMucszbrdfiho:k:t:S:T:mV";
  const { options, operands } = yield* c.getopt({ short, long: gnu ? long : [] });
  const global = plainOptions();
  const keys: Key[] = [];
  let check: Plan["check"] = "no";
  let tab: string | undefined;
  let output: string | undefined;
  let [stable, unique, zero] = [false, false, false];
  for (const o of options) {
    if (o.name === "k") keys.push(yield* parseKey(c, o.arg));
    else if (o.name === "t") tab = yield* separator(c, o);
    else if (o.name === "o") output = o.arg;
    else if (o.name === "s") stable = true;
    else if (o.name === "u") unique = true;
    else if (o.name === "z") zero = true;
    else if (o.name === "C") check = "quiet";
    else if (o.name === "c") check = o.arg === "quiet" || o.arg === "silent" ? "quiet" : "yes";
    else if (o.name === "sort") {
      try {
        applyLetter(global, argmatch(c, "--sort", o.arg, words), "both");
      } catch (e) {
        throw e instanceof UsageError ? new UsageError(e.message, 1) : e;
      }
    } else applyLetter(global, o.name, "both");
  }
  if (gnu) yield* checkCompatible(c, options);
  // Keys without options of their own take the global ones.
  const all = keys.map((key) => (hasOptions(key) ? key : { ...key, ...global }));
  if (all.length === 0 && hasOptions({ ...global, reverse: false }))
    all.push({ ...global, startField: 0, startChar: 0, endField: Number.POSITIVE_INFINITY, endChar: 0 });
  if (!gnu) for (const key of all) if (key.ordering === "numeric") key.ordering = "float";
  const random = new Uint8Array(4);
  if (all.some((key) => key.ordering === "random")) yield* c.sys.getrandom(random, 0);
  return {
    keys: all,
    tab,
    reverse: global.reverse,
    stable: stable || (gnu && unique && all.length > 0),
    unique,
    merge: gnu && options.some((o) => o.name === "m"),
    check,
    output,
    delimiter: zero ? "\0" : "\n",
    salt: new DataView(random.buffer).getUint32(0, true),
    operands,
  };
}

function* separator(c: Command, o: Option): Proc<string> {
  const text = toByteString(o.arg);
  if (c.voice === "gnu") {
    if (text === "") yield* c.fail("empty tab", 2);
    if (text === "\\0") return "\0";
    if (text.length > 1) yield* c.fail(`multi-character tab ${quote(o.arg)}`, 2);
  } else if (text.length !== 1) yield* c.fail("bad -t parameter", 2);
  return text;
}

/** Two orderings at once, or -c with -o, are refused. */
function* checkCompatible(c: Command, options: readonly Option[]): Proc<void> {
  const orderings = [...new Set(options.map((o) => o.name).filter((name) => /^[ghMnRV]$/.test(name)))];
  const ignoring = options.some((o) => o.name === "d" || o.name === "i");
  const special = orderings.filter((name) => name !== "R" && name !== "V");
  if (orderings.length > 1 && special.length > 0) {
    const letters = "bdfghiMnRrV".split("").filter((l) => orderings.includes(l) || (l === "i" && options.some((o) => o.name === "i")));
    yield* c.fail(`options '-${letters.join("")}' are incompatible`, 2);
  }
  if (ignoring && special.length > 0) {
    const letters = "dfghiMnRV".split("").filter((l) => options.some((o) => o.name === l));
    yield* c.fail(`options '-${letters.join("")}' are incompatible`, 2);
  }
}

/** A line with its keys in comparable form. */
interface Entry {
  readonly line: string;
  readonly keys: readonly Comparable[];
}

function entryMaker(plan: Plan): (line: string) => Entry {
  const { keys, tab, salt } = plan;
  return (line) => ({ line, keys: keys.map((key) => comparable(keyText(line, key, tab), key, salt)) });
}

function comparator(plan: Plan): (a: Entry, b: Entry) => number {
  const { keys } = plan;
  const options: readonly KeyOptions[] = keys;
  return (a, b) => {
    for (let i = 0; i < options.length; i++) {
      const order = compareKeys(a.keys[i] as Comparable, b.keys[i] as Comparable, options[i] as KeyOptions);
      if (order !== 0) return order;
    }
    if (plan.stable && keys.length > 0) return 0;
    const order = a.line < b.line ? -1 : a.line > b.line ? 1 : 0;
    return plan.reverse ? -order : order;
  };
}

function* readLines(c: Command, plan: Plan, name: string): Proc<string[]> {
  const gnu = c.voice === "gnu";
  const delimiter = plan.delimiter.charCodeAt(0);
  let fd = 0;
  try {
    if (name !== "-") fd = yield* open(c.sys, name);
    const reader = new LineReader(c.sys, fd === 0 ? c.stdin : new Input(c.sys, fd), { delimiter, nsPerByte: 4 });
    let all: string[] = [];
    for (let first = true; ; first = false) {
      const lines = yield* reader.read();
      if (lines === undefined) break;
      if (first) all = lines;
      else for (const line of lines) all.push(line);
    }
    if (fd !== 0) yield* c.sys.close(fd);
    return all;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    const shown = gnu ? quotef(name) : name;
    yield* c.fail(gnu ? `${fd === 0 ? "cannot read" : "read failed"}: ${shown}: ${e.message}` : `${shown}: ${e.message}`, 2);
    throw new Exit(2);
  }
}

function* checkOrder(c: Command, plan: Plan): Proc<number> {
  const name = plan.operands[0] ?? "-";
  if (plan.operands.length > 1 && c.voice === "gnu")
    throw new UsageError(`extra operand ${quote(plan.operands[1] as string)} not allowed with -c`, 2);
  const make = entryMaker(plan);
  const compare = comparator(plan);
  let before: Entry | undefined;
  let number = 0;
  for (const line of yield* readLines(c, plan, name)) {
    number++;
    const entry = make(line);
    const order = before === undefined ? -1 : compare(before, entry);
    if (order > 0 || (plan.unique && order === 0)) {
      if (plan.check === "quiet") return 1;
      if (c.voice === "busybox") {
        yield* c.eprint(`Check line ${number - 1}\n`);
        return 1;
      }
      yield* c.eprint(`${c.name}: ${quotef(name)}:${number}: disorder: `);
      yield* c.sys.write(2, fromLatin1(`${line}\n`));
      return 1;
    }
    before = entry;
  }
  return 0;
}

const BLOCK_LINES = 2000;

function* run(c: Command): Proc<number> {
  const plan = yield* makePlan(c);
  if (plan.check !== "no") return yield* checkOrder(c, plan);
  if (plan.merge) return yield* print(c, plan, yield* mergeFiles(c, plan));
  let lines: string[] = [];
  for (const name of plan.operands.length === 0 ? ["-"] : plan.operands) {
    const some = yield* readLines(c, plan, name);
    if (lines.length === 0) lines = some;
    else for (const line of some) lines.push(line);
  }
  // n log n comparisons of some tens of nanoseconds.
  yield* c.sys.spend(Math.ceil(lines.length * Math.log2(lines.length + 2) * (plan.keys.length === 0 ? 30 : 80)));
  if (plan.keys.length === 0) {
    lines.sort();
    if (plan.reverse) lines.reverse();
    if (plan.unique) lines = lines.filter((line, i) => i === 0 || line !== lines[i - 1]);
  } else {
    const compare = comparator(plan);
    const entries = lines.map(entryMaker(plan)).sort(compare);
    const kept = plan.unique ? entries.filter((e, i) => i === 0 || compare(entries[i - 1] as Entry, e) !== 0) : entries;
    lines = kept.map((e) => e.line);
  }
  return yield* print(c, plan, lines);
}

/** -m: the first of the lines at hand comes next, whether the files are in order or not. */
function* mergeFiles(c: Command, plan: Plan): Proc<string[]> {
  const make = entryMaker(plan);
  const compare = comparator(plan);
  let merged: Entry[] = [];
  for (const name of plan.operands.length === 0 ? ["-"] : plan.operands) {
    const more = (yield* readLines(c, plan, name)).map(make);
    const both: Entry[] = [];
    let [i, j] = [0, 0];
    while (i < merged.length || j < more.length) {
      const [a, b] = [merged[i], more[j]];
      if (a !== undefined && (b === undefined || compare(a, b) <= 0)) {
        both.push(a);
        i++;
      } else if (b !== undefined) {
        both.push(b);
        j++;
      }
    }
    merged = both;
  }
  const kept = plan.unique ? merged.filter((e, i) => i === 0 || compare(merged[i - 1] as Entry, e) !== 0) : merged;
  return kept.map((e) => e.line);
}

function* print(c: Command, plan: Plan, lines: readonly string[]): Proc<number> {
  let out = c.stdout;
  if (plan.output !== undefined) {
    try {
      out = new Output(c.sys, yield* open(c.sys, plan.output, O_WRONLY | O_CREAT | O_TRUNC));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(
        c.voice === "gnu" ? `open failed: ${quotef(plan.output)}: ${e.message}` : `can't open '${plan.output}': ${e.message}`,
        2,
      );
    }
  }
  for (let at = 0; at < lines.length; at += BLOCK_LINES) {
    const text = lines.slice(at, at + BLOCK_LINES).join(plan.delimiter) + plan.delimiter;
    if (out === c.stdout) yield* printBytes(c, text);
    else yield* out.write(fromLatin1(text));
  }
  if (out !== c.stdout) yield* out.flush();
  return 0;
}

export const sort: Executable = {
  name: "sort",
  paths: ["/usr/bin/sort"],
  sizeBytes: 118456,
  applet: "/usr/bin/sort",
  main: command(
    {
      help: help(usage, busyboxUsage),
      usageStatus: 2,
      writeError: {
        status: 2,
        during: (why) => [`write failed: 'standard output': ${why}`, "write error"],
        last: (why) => [`fflush failed: 'standard output': ${why}`, "write error"],
      },
    },
    run,
  ),
};
