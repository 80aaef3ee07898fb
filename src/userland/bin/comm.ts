/** comm(1) of coreutils 9.1, and busybox comm: two sorted files line by line. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { LineReader, printBytes, toByteString } from "../libc/lines.ts";
import { checkOperands } from "../libc/operands.ts";
import { quotef } from "../libc/quotearg.ts";
import { Input } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";

const usage = `comm [OPTION]... FILE1 FILE2
Compare the sorted files FILE1 and FILE2 line by line: column 1 has lines only in FILE1, column 2 those only in FILE2, column 3 those in both.

  -1, -2, -3              without that column
      --check-order       complain if the input is not sorted
      --nocheck-order     do not look whether it is
      --output-delimiter=STR  STR between columns
      --total             print how many lines each column has
  -z, --zero-terminated   lines end in a zero byte
      --help              show this help and exit`;

const busyboxUsage = `comm [-123] FILE1 FILE2

Compare FILE1 with FILE2

\t-1\tSuppress lines unique to FILE1
\t-2\tSuppress lines unique to FILE2
\t-3\tSuppress lines common to both files`;

function* readLines(c: Command, name: string, delimiter: number): Proc<string[]> {
  try {
    const input = name === "-" ? c.stdin : new Input(c.sys, yield* open(c.sys, name));
    const reader = new LineReader(c.sys, input, { delimiter });
    const all: string[] = [];
    for (let lines = yield* reader.read(); lines !== undefined; lines = yield* reader.read()) for (const line of lines) all.push(line);
    return all;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(c.voice === "gnu" ? `${quotef(name)}: ${e.message}` : `can't open '${name}': ${e.message}`);
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "123z" : "123",
    long: [
      { name: "check-order" },
      { name: "nocheck-order" },
      { name: "output-delimiter", arg: "required" },
      { name: "total" },
      { name: "zero-terminated", as: "z" },
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  checkOperands(c, operands, 2, 2);
  const end = has("z") ? "\0" : "\n";
  const given = options.findLast((o) => o.name === "output-delimiter")?.arg;
  const tab = given === undefined ? "\t" : given === "" ? "\0" : toByteString(given);
  const prefix2 = has("1") ? "" : tab;
  const prefix3 = (has("1") ? "" : tab) + (has("2") ? "" : tab);
  const a = yield* readLines(c, operands[0] as string, end.charCodeAt(0));
  const b = yield* readLines(c, operands[1] as string, end.charCodeAt(0));
  const counts = [0, 0, 0] as [number, number, number];
  let out: string[] = [];
  let [i, j] = [0, 0];
  const checks = gnu && !has("nocheck-order");
  const reported = [false, false];
  let unpairable = false;
  /** Looks at the line that comes next in a file: disorder matters once the files differ, or if it was asked for. */
  const check = function* (file: 0 | 1, lines: readonly string[], at: number): Proc<void> {
    if (!checks || at >= lines.length || reported[file] || !(has("check-order") || unpairable)) return;
    if ((lines[at] as string) >= (lines[at - 1] as string)) return;
    yield* printBytes(c, out.join(""));
    out = [];
    yield* c.stdout.flush();
    yield* c.warn(`file ${file + 1} is not in sorted order`);
    reported[file] = true;
    if (has("check-order")) throw new Exit(1);
  };
  while (i < a.length || j < b.length) {
    const [x, y] = [a[i], b[j]];
    const order = y === undefined || (x !== undefined && x < y) ? -1 : x === undefined || y < x ? 1 : 0;
    if (order < 0) {
      counts[0]++;
      if (!has("1")) out.push(x as string, end);
    } else if (order > 0) {
      counts[1]++;
      if (!has("2")) out.push(prefix2, y as string, end);
    } else {
      counts[2]++;
      if (!has("3")) out.push(prefix3, x as string, end);
    }
    if (order !== 0) unpairable = true;
    if (order <= 0) yield* check(0, a, ++i);
    if (order >= 0) yield* check(1, b, ++j);
    if (out.length > 4000) {
      yield* printBytes(c, out.join(""));
      out = [];
    }
  }
  yield* printBytes(c, out.join(""));
  if (has("total")) yield* printBytes(c, `${counts.join(tab)}${tab}total${end}`);
  const bad = reported.some((one) => one);
  if (bad) yield* c.warn("input is not in sorted order");
  return bad ? 1 : 0;
}

export const comm: Executable = {
  name: "comm",
  paths: ["/usr/bin/comm"],
  sizeBytes: 48048,
  applet: "/usr/bin/comm",
  main: command({ help: help(usage, busyboxUsage) }, run),
};
