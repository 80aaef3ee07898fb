/** head(1) of coreutils, and busybox's: the first part of files. */

import { ESPIPE, Errno } from "../../abi/errno.ts";
import { SEEK_CUR } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { open } from "../libc/unistd.ts";
import { parseSize } from "../libc/xstrtol.ts";

const usage = `head [OPTION]... [FILE]...
Print the first 10 lines of each FILE, with a header before each where there are several.

  -c, --bytes=[-]NUM        print the first NUM bytes, or all but the last NUM
  -n, --lines=[-]NUM        print the first NUM lines, or all but the last NUM
  -q, --quiet, --silent     never print headers
  -v, --verbose             always print headers
  -z, --zero-terminated     lines end with NUL, not newline
      --help                show this help and exit

NUM may have a suffix: b 512, kB 1000, K 1024, MB, M, GB, G and so on.`;

interface Amount {
  readonly unit: "lines" | "bytes";
  readonly count: number;
  /** All but the last `count`. */
  readonly butLast: boolean;
}

const BLOCK = 8192;

function* parseAmount(c: Command, unit: "lines" | "bytes", text: string): Proc<Amount> {
  const butLast = text.startsWith("-");
  const count = parseSize(butLast ? text.slice(1) : text);
  if (count === undefined || count > Number.MAX_SAFE_INTEGER) {
    const tail = count === undefined ? "" : ": Value too large for defined data type";
    if (c.voice === "busybox") return yield* c.fail(`invalid number '${text}'`);
    return yield* c.fail(`invalid number of ${unit}: ${quote(butLast ? text.slice(1) : text)}${tail}`);
  }
  return { unit, count, butLast };
}

/** Where the `count`-th delimiter of `block` ends, or how many are missing. */
function cutAfter(block: Uint8Array, delimiter: number, count: number): { end: number } | { missing: number } {
  let left = count;
  for (let at = block.indexOf(delimiter); at >= 0; at = block.indexOf(delimiter, at + 1)) if (--left === 0) return { end: at + 1 };
  return { missing: left };
}

function* firstPart(c: Command, fd: number, amount: Amount, delimiter: number): Proc<void> {
  let left = amount.count;
  const buffer = new Uint8Array(BLOCK);
  while (left > 0) {
    const n = yield* c.sys.read(fd, amount.unit === "bytes" && left < BLOCK ? buffer.subarray(0, left) : buffer);
    if (n === 0) return;
    const block = buffer.subarray(0, n);
    if (amount.unit === "bytes") {
      left -= n;
      yield* c.stdout.write(block);
      continue;
    }
    const cut = cutAfter(block, delimiter, left);
    if ("missing" in cut) {
      left = cut.missing;
      yield* c.stdout.write(block);
      continue;
    }
    yield* c.stdout.write(block.subarray(0, cut.end));
    // What was read too much goes back, so that the next reader of this file gets it.
    if (cut.end < n) {
      try {
        yield* c.sys.lseek(fd, cut.end - n, SEEK_CUR);
      } catch (e) {
        if (e !== ESPIPE) throw e;
      }
    }
    return;
  }
}

function* allButLast(c: Command, fd: number, amount: Amount, delimiter: number): Proc<void> {
  // Blocks are kept until enough follows them.
  const kept: Uint8Array[] = [];
  let held = 0;
  const unitsOf = (block: Uint8Array): number => {
    if (amount.unit === "bytes") return block.length;
    let lines = 0;
    for (let at = block.indexOf(delimiter); at >= 0; at = block.indexOf(delimiter, at + 1)) lines++;
    return lines;
  };
  for (;;) {
    const buffer = new Uint8Array(BLOCK);
    const n = yield* c.sys.read(fd, buffer);
    if (n === 0) break;
    const block = buffer.subarray(0, n);
    kept.push(block);
    held += unitsOf(block);
    // An unterminated last line counts as a line too, so one more is kept.
    for (let first = kept[0]; first !== undefined && kept.length > 1; first = kept[0]) {
      const units = unitsOf(first);
      if (held - units < amount.count + (amount.unit === "lines" ? 1 : 0)) break;
      yield* c.stdout.write(first);
      held -= units;
      kept.shift();
    }
  }
  const last = kept.at(-1);
  const unterminated = amount.unit === "lines" && last !== undefined && last[last.length - 1] !== delimiter;
  let left = held + (unterminated ? 1 : 0) - amount.count;
  for (const block of kept) {
    if (left <= 0) return;
    const units = unitsOf(block);
    if (units <= left && !(amount.unit === "lines" && units === left)) {
      yield* c.stdout.write(block);
      left -= units;
      continue;
    }
    if (amount.unit === "bytes") {
      yield* c.stdout.write(block.subarray(0, left));
      return;
    }
    const cut = cutAfter(block, delimiter, left);
    yield* c.stdout.write("end" in cut ? block.subarray(0, cut.end) : block);
    return;
  }
}

/** `-5`, `-5c`, `-10qv`: the option syntax of old. Returns it in the present one. */
function modernize(c: Command, args: readonly string[]): readonly string[] {
  const [first = "", ...rest] = args;
  const old = /^-([0-9]+)([a-zA-Z]*)$/.exec(first);
  if (old === null) return args;
  const [, digits = "", tail = ""] = old;
  const more: string[] = [];
  let unit = "-n";
  let suffix = "";
  for (const letter of tail) {
    if (letter === "c") unit = "-c";
    else if (letter === "l") unit = "-n";
    else if (/[bkm]/.test(letter)) [unit, suffix] = ["-c", letter];
    else if (/[qvz]/.test(letter)) more.push(`-${letter}`);
    else throw new UsageError(c.voice === "gnu" ? `invalid trailing option -- ${letter}` : "");
  }
  return [`${unit}${digits}${suffix}`, ...more, ...rest];
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt(
    {
      short: gnu ? "c:n:qvz" : "c:n:qv",
      long: gnu
        ? [
            { name: "bytes", arg: "required", as: "c" },
            { name: "lines", arg: "required", as: "n" },
            { name: "quiet", as: "q" },
            { name: "silent", as: "q" },
            { name: "verbose", as: "v" },
            { name: "zero-terminated", as: "z" },
          ]
        : [],
    },
    modernize(c, c.args),
  );
  let amount: Amount = { unit: "lines", count: 10, butLast: false };
  for (const o of options) if (o.name === "c" || o.name === "n") amount = yield* parseAmount(c, o.name === "c" ? "bytes" : "lines", o.arg);
  const delimiter = options.some((o) => o.name === "z") ? 0 : 10;
  const files = operands.length === 0 ? ["-"] : operands;
  const headers = options.findLast((o) => o.name === "q" || o.name === "v")?.name ?? (files.length > 1 ? "v" : "q");
  let status = 0;
  let shown = false;
  for (const file of files) {
    let fd = 0;
    if (file !== "-") {
      try {
        fd = yield* open(c.sys, file);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.stdout.flush();
        yield* c.perror(gnu ? `cannot open ${quoteaf(file)} for reading` : file, e);
        status = 1;
        continue;
      }
    }
    if (headers === "v") {
      yield* c.print(`${shown ? "\n" : ""}==> ${file === "-" ? "standard input" : file} <==\n`);
      shown = true;
    }
    try {
      yield* amount.butLast ? allButLast(c, fd, amount, delimiter) : firstPart(c, fd, amount, delimiter);
    } catch (e) {
      if (!(e instanceof Errno) || e === c.stdout.failure) throw e;
      yield* c.stdout.flush();
      yield* c.perror(gnu ? `error reading ${quoteaf(file)}` : file, e);
      status = 1;
    }
    if (fd !== 0) yield* c.sys.close(fd);
  }
  return status;
}

export const head: Executable = {
  name: "head",
  paths: ["/usr/bin/head"],
  sizeBytes: 48080,
  applet: "/usr/bin/head",
  main: command(
    {
      version: COREUTILS,
      writeError: { during: (why) => [`error writing 'standard output': ${why}`] },
      help: help(
        usage,
        "head [OPTIONS] [FILE]...\n\nPrint first 10 lines of FILEs (or stdin).\n\n\t-n N[bkm]\tPrint first N lines\n\t-n -N[bkm]\tPrint all except N last lines\n\t-c [-]N[bkm]\tPrint first N bytes\n\t-q\t\tNever print headers\n\t-v\t\tAlways print headers",
      ),
    },
    run,
  ),
};
