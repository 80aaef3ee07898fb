/** cmp(1) of GNU diffutils 3.8, and busybox's: compares two files byte by byte. */

import { Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_RDONLY } from "../../abi/fcntl.ts";
import { isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { Input } from "../libc/stdio.ts";
import { ExactSource } from "../libc/stream.ts";
import { open } from "../libc/unistd.ts";
import { parseSize } from "../libc/xstrtol.ts";

const TROUBLE = 2;

const text = help(
  `cmp [OPTION]... FILE1 [FILE2 [SKIP1 [SKIP2]]]
Compare two files byte by byte.

  -b, --print-bytes           print differing bytes
  -i, --ignore-initial=SKIP[:SKIP2]   skip the first bytes
  -l, --verbose               output all byte numbers and differing values
  -n, --bytes=LIMIT           compare at most LIMIT bytes
  -s, --quiet, --silent       print nothing
      --help                  display this help and exit
  -v, --version               output version information and exit

If a FILE is '-' or missing, read standard input.
Exit status is 0 if inputs are the same, 1 if different, 2 if trouble.`,
  `cmp [-ls] [-n NUM] FILE1 [FILE2 [SKIP1 [SKIP2]]]

Compare FILE1 with FILE2 (or stdin)

	-l	Write the byte numbers (decimal) and values (octal)
		for all differing bytes
	-s	Quiet
	-n NUM	Compare at most NUM bytes`,
);

const LONG = [
  { name: "print-bytes", as: "b" },
  { name: "ignore-initial", arg: "required", as: "i" },
  { name: "verbose", as: "l" },
  { name: "bytes", arg: "required", as: "n" },
  { name: "quiet", as: "s" },
  { name: "silent", as: "s" },
  { name: "version", as: "v" },
  { name: "help", as: "--help" },
] as const;

function* usage(c: Command, message: string): Proc<never> {
  if (c.voice === "busybox") throw new UsageError(message, TROUBLE);
  yield* c.warn(message);
  yield* c.warn("Try 'cmp --help' for more information.");
  throw new Exit(TROUBLE);
}

/** A byte as cat -v shows it. */
function visible(byte: number): string {
  if (byte >= 0x80) return `M-${visible(byte - 0x80)}`;
  if (byte === 0x7f) return "^?";
  return byte < 0x20 ? `^${String.fromCharCode(byte + 64)}` : String.fromCharCode(byte);
}

const octal = (byte: number): string => byte.toString(8).padStart(3);

interface Side {
  readonly name: string;
  readonly source: ExactSource;
  /** Bytes of a regular file behind what is skipped; undefined for a pipe. */
  readonly size: number | undefined;
}

function* openSide(c: Command, name: string, skip: number, silent: boolean): Proc<Side> {
  try {
    const input = name === "-" ? c.stdin : new Input(c.sys, yield* open(c.sys, name, O_RDONLY | O_CLOEXEC));
    const st = yield* c.sys.fstat(input.fd);
    const source = new ExactSource(input);
    for (let left = skip; left > 0; ) {
      const part = yield* source.some(left);
      if (part === undefined) break;
      left -= part.length;
    }
    return { name, source, size: isReg(st.mode) ? Math.max(0, st.size - skip) : undefined };
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (!silent) yield* c.perror(name, e);
    throw new Exit(TROUBLE);
  }
}

interface Settings {
  readonly bytes: boolean;
  readonly all: boolean;
  readonly silent: boolean;
  readonly limit: number;
}

function* compare(c: Command, s: Settings, a: Side, b: Side): Proc<number> {
  const gnu = c.voice === "gnu";
  // Byte numbers of -l are as wide as the largest can be.
  const most = Math.min(s.limit, a.size ?? Number.MAX_SAFE_INTEGER, b.size ?? Number.MAX_SAFE_INTEGER);
  const width = gnu ? `${most}`.length : 1;
  const bufferA = new Uint8Array(32768);
  const bufferB = new Uint8Array(32768);
  let offset = 0;
  let line = 1;
  let last = 10;
  let status = 0;
  while (offset < s.limit) {
    const want = Math.min(bufferA.length, s.limit - offset);
    const n = yield* a.source.fill(bufferA.subarray(0, want));
    const m = yield* b.source.fill(bufferB.subarray(0, want));
    const both = Math.min(n, m);
    yield* c.sys.spend(both);
    for (let i = 0; i < both; i++) {
      const x = bufferA[i] as number;
      const y = bufferB[i] as number;
      if (x !== y) {
        status = 1;
        if (s.silent) return 1;
        if (!s.all) {
          const values = s.bytes ? ` is ${octal(x)} ${visible(x)} ${octal(y)} ${visible(y)}` : "";
          yield* c.print(`${a.name} ${b.name} differ: ${gnu ? "byte" : "char"} ${offset + i + 1}, line ${line}${values}\n`);
          return 1;
        }
        yield* c.print(
          `${`${offset + i + 1}`.padStart(width)} ${octal(x)}${s.bytes ? ` ${visible(x).padEnd(4)}` : ""} ${octal(y)}${s.bytes ? ` ${visible(y)}` : ""}\n`,
        );
      }
      if (x === 10) line++;
      last = x;
    }
    offset += both;
    if (n === m) {
      if (n < want) return status;
      continue;
    }
    if (!s.silent) {
      yield* c.stdout.flush();
      const short = n < m ? a.name : b.name;
      if (!gnu) yield* c.warn(`EOF on ${short}`);
      else if (offset === 0) yield* c.warn(`EOF on ${short} which is empty`);
      else if (s.all) yield* c.warn(`EOF on ${short} after byte ${offset}`);
      // The line that the end is in, or the one that it ends.
      else yield* c.warn(`EOF on ${short} after byte ${offset}, ${last === 10 ? `line ${line - 1}` : `in line ${line}`}`);
    }
    return 1;
  }
  return status;
}

function* main(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    parsed = getopt(c.args, { short: c.voice === "gnu" ? "bi:ln:sv" : "lsn:", long: LONG }, c.voice);
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    return yield* usage(c, e.message);
  }
  const has = (name: string): boolean => parsed.options.some((o) => o.name === name);
  if (has("--help")) return yield* c.help();
  if (has("v")) {
    yield* c.print("cmp (GNU diffutils) 3.8\n");
    return 0;
  }
  const [one, two = "-", skip1, skip2, extra] = parsed.operands;
  if (one === undefined) return yield* usage(c, `missing operand after '${c.argv.at(-1)}'`);
  if (extra !== undefined) return yield* usage(c, `extra operand '${extra}'`);
  const size = function* (word: string, option: string): Proc<number> {
    return parseSize(word, "B") ?? (yield* usage(c, `invalid ${option} value '${word}'`));
  };
  const skips: [number, number] = [0, 0];
  let limit = Number.POSITIVE_INFINITY;
  for (const o of parsed.options) {
    if (o.name === "n") limit = yield* size(o.arg, "--bytes");
    if (o.name !== "i") continue;
    const [first = "", second = first] = o.arg.split(":");
    skips[0] = yield* size(first, "--ignore-initial");
    skips[1] = yield* size(second, "--ignore-initial");
  }
  if (skip1 !== undefined) skips[0] = yield* size(skip1, "--ignore-initial");
  if (skip2 !== undefined) skips[1] = yield* size(skip2, "--ignore-initial");
  const s: Settings = { bytes: has("b"), all: has("l"), silent: has("s"), limit };
  const a = yield* openSide(c, one, skips[0], s.silent);
  const b = yield* openSide(c, two, skips[1], s.silent);
  try {
    return yield* compare(c, s, a, b);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.perror(one, e);
    return TROUBLE;
  }
}

export const cmp: Executable = {
  name: "cmp",
  main: command({ help: text, usageStatus: TROUBLE }, main),
  paths: ["/usr/bin/cmp"],
  sizeBytes: 52176,
  applet: "/usr/bin/cmp",
};
