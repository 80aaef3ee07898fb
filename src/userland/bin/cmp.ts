/** cmp(1) of diffutils 3.8, and busybox cmp: the first place where two files differ, or all. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { skipBytes } from "../libc/lines.ts";
import { Input } from "../libc/stdio.ts";
import { ExactSource } from "../libc/stream.ts";
import { open } from "../libc/unistd.ts";
import { parseSize } from "../libc/xstrtol.ts";

const usage = `cmp [OPTION]... FILE1 [FILE2 [SKIP1 [SKIP2]]]
Compare two files byte by byte.

  -b, --print-bytes          show the bytes that differ
  -i, --ignore-initial=SKIP[:SKIP2]  skip the first SKIP bytes of each file
  -l, --verbose              the numbers and values of all bytes that differ
  -n, --bytes=LIMIT          compare at most LIMIT bytes
  -s, --quiet, --silent      no output: the status tells
      --help                 show this help and exit

FILE2 is standard input if it is left out or -. The status is 0 if the files are equal, 1 if they differ, 2 after trouble.`;
const busyboxUsage = `cmp [-ls] [-n NUM] FILE1 [FILE2 [SKIP1 [SKIP2]]]

Compare FILE1 with FILE2 (or stdin)

\t-l\tWrite the byte numbers (decimal) and values (octal)
\t\tfor all differing bytes
\t-s\tQuiet
\t-n NUM\tCompare at most NUM bytes`;

/** A byte as `cmp -b` shows it: `^A`, `M-a`. */
function visible(byte: number): string {
  const meta = byte >= 128 ? "M-" : "";
  const low = byte & 127;
  return meta + (low < 32 ? `^${String.fromCharCode(low + 64)}` : low === 127 ? "^?" : String.fromCharCode(low));
}

function* openSource(c: Command, name: string): Proc<ExactSource> {
  if (name === "-") return new ExactSource(c.stdin);
  try {
    return new ExactSource(new Input(c.sys, yield* open(c.sys, name)));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.perror(c.voice === "gnu" ? name : `can't open '${name}'`, e);
    throw new Exit(2);
  }
}

const BLOCK = 32768;

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "bi:ln:s" : "lsn:",
    long: gnu
      ? [
          { name: "print-bytes", as: "b" },
          { name: "ignore-initial", arg: "required", as: "i" },
          { name: "verbose", as: "l" },
          { name: "bytes", arg: "required", as: "n" },
          { name: "quiet", as: "s" },
          { name: "silent", as: "s" },
        ]
      : [],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const size = (text: string, what: string): number => {
    const value = parseSize(text);
    if (value === undefined) throw new UsageError(`invalid ${what} value '${text}'`);
    return value;
  };
  if (operands.length === 0) throw new UsageError(gnu ? `missing operand after '${c.argv.at(-1) ?? "cmp"}'` : "");
  if (operands.length > 4) throw new UsageError(gnu ? `extra operand '${operands[4]}'` : "");
  const [one = "", two = "-", first = "0", second] = operands;
  const initial = options.findLast((o) => o.name === "i")?.arg.split(":");
  const skips = [
    size(initial?.[0] ?? first, "--ignore-initial"),
    size(initial?.[1] ?? initial?.[0] ?? second ?? "0", "--ignore-initial"),
  ] as const;
  const limitText = options.findLast((o) => o.name === "n")?.arg;
  let left = limitText === undefined ? Number.POSITIVE_INFINITY : size(limitText, "--bytes");
  const sources = [yield* openSource(c, one), yield* openSource(c, two)] as const;
  yield* skipBytes(sources[0], skips[0]);
  yield* skipBytes(sources[1], skips[1]);
  let at = 0;
  let line = 1;
  let differ = false;
  let endedInNewline = false;
  for (;;) {
    const want = Math.min(BLOCK, left);
    if (want === 0) return differ ? 1 : 0;
    const [a, b] = [new Uint8Array(want), new Uint8Array(want)];
    const [n, m] = [yield* sources[0].fill(a), yield* sources[1].fill(b)];
    yield* c.sys.spend(n * 2);
    const common = Math.min(n, m);
    const out: string[] = [];
    for (let i = 0; i < common; i++) {
      const [x, y] = [a[i] as number, b[i] as number];
      if (x !== y) {
        if (has("s")) return 1;
        differ = true;
        const octal = (byte: number): string => byte.toString(8).padStart(3);
        if (!has("l")) {
          const bytes = has("b") ? ` is ${octal(x)} ${visible(x)} ${octal(y)} ${visible(y)}` : "";
          yield* c.print(`${one} ${two} differ: ${gnu ? "byte" : "char"} ${at + i + 1}, line ${line}${bytes}\n`);
          return 1;
        }
        const number = gnu ? String(at + i + 1).padStart(numberWidth) : String(at + i + 1);
        out.push(
          has("b") ? `${number} ${octal(x)} ${visible(x).padEnd(4)} ${octal(y)} ${visible(y)}\n` : `${number} ${octal(x)} ${octal(y)}\n`,
        );
      }
      if (x === 10) line++;
      endedInNewline = x === 10;
    }
    yield* c.print(out.join(""));
    at += common;
    left -= common;
    if (n !== m) {
      if (has("s")) return 1;
      yield* c.stdout.flush();
      const short = n < m ? one : two;
      if (!gnu) yield* c.warn(`EOF on ${short}`);
      else if (at === 0) yield* c.warn(`EOF on ${short} which is empty`);
      else if (has("l")) yield* c.warn(`EOF on ${short} after byte ${at}`);
      else yield* c.warn(`EOF on ${short} after byte ${at}, ${endedInNewline ? `line ${line - 1}` : `in line ${line}`}`);
      return 1;
    }
    if (n < want) return differ ? 1 : 0;
  }
}

/** Differs from Linux: -l pads byte numbers to the width of the larger file's size there; here always to two columns. */
const numberWidth = 2;

const main = command({ help: help(usage, busyboxUsage), usageStatus: 2 }, function* (c) {
  try {
    return yield* run(c);
  } catch (e) {
    if (!(e instanceof UsageError) || c.voice !== "gnu") throw e;
    yield* c.warn(e.message);
    yield* c.warn(`Try '${c.name} --help' for more information.`);
    throw new Exit(2);
  }
});

export const cmp: Executable = { name: "cmp", paths: ["/usr/bin/cmp"], sizeBytes: 52176, applet: "/usr/bin/cmp", main };
