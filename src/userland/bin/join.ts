/** join(1) of coreutils 9.1: joins the lines of two sorted files on a common field. busybox has none. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { LineReader, printBytes, toByteString } from "../libc/lines.ts";
import { checkOperands } from "../libc/operands.ts";
import { quote, quotef } from "../libc/quotearg.ts";
import { Input } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";

const usage = `join [OPTION]... FILE1 FILE2
For each pair of lines with equal join fields, write one line. The files must be sorted on the join field, which is the first
unless told otherwise. One of the files may be - for standard input.

  -a FILENUM         also print the lines of file FILENUM (1 or 2) that have no partner
  -e STRING          STRING for empty or missing fields
  -i, --ignore-case  upper and lower case are alike
  -j FIELD           the same as -1 FIELD -2 FIELD
  -o FORMAT          the fields of an output line: FILENUM.FIELD or 0, with commas between; or auto
  -t CHAR            CHAR separates fields
  -v FILENUM         like -a, but no joined lines
  -1 FIELD, -2 FIELD the join field of file 1, of file 2
      --check-order, --nocheck-order  look, do not look, whether the input is sorted
      --header       the first lines are headings
  -z, --zero-terminated  lines end in a zero byte
      --help         show this help and exit`;

interface Row {
  readonly fields: readonly string[];
  readonly key: string;
}

interface Plan {
  readonly join: readonly [number, number];
  readonly tab: string | undefined;
  readonly end: string;
  readonly empty: string;
  /** [0, 0] is the join field. */
  readonly format: readonly (readonly [number, number])[] | undefined;
  readonly fold: boolean;
}

function splitFields(line: string, tab: string | undefined): string[] {
  if (tab === undefined) return line.match(/[^ \t\n]+/g) ?? [];
  if (tab === "") return [line];
  return line.split(tab);
}

function* readRows(c: Command, plan: Plan, name: string, file: 0 | 1): Proc<Row[]> {
  try {
    const input = name === "-" ? c.stdin : new Input(c.sys, yield* open(c.sys, name));
    const reader = new LineReader(c.sys, input, { delimiter: plan.end.charCodeAt(0), nsPerByte: 6 });
    const rows: Row[] = [];
    for (let lines = yield* reader.read(); lines !== undefined; lines = yield* reader.read()) {
      for (const line of lines) {
        const fields = splitFields(line, plan.tab);
        const key = fields[plan.join[file]] ?? "";
        rows.push({ fields, key: plan.fold ? key.toLowerCase() : key });
      }
    }
    return rows;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`${quotef(name)}: ${e.message}`);
  }
}

function outputLine(plan: Plan, a: Row | undefined, b: Row | undefined): string {
  const between = plan.tab === undefined || plan.tab === "" ? " " : plan.tab;
  const shown = (text: string | undefined): string => (text === undefined || text === "" ? plan.empty : text);
  const key = a !== undefined ? a.fields[plan.join[0]] : b?.fields[plan.join[1]];
  if (plan.format !== undefined) {
    return plan.format.map(([file, field]) => shown(file === 0 ? key : (file === 1 ? a : b)?.fields[field - 1])).join(between);
  }
  const parts = [shown(key)];
  for (const [row, at] of [
    [a, plan.join[0]],
    [b, plan.join[1]],
  ] as const) {
    row?.fields.forEach((field, i) => {
      if (i !== at) parts.push(shown(field));
    });
  }
  return parts.join(between);
}

function* fieldNumber(c: Command, text: string): Proc<number> {
  if (!/^[0-9]+$/.test(text) || Number(text) === 0) return yield* c.fail(`invalid field number: ${quote(text)}`);
  return Number(text) - 1;
}

function* parseFormat(c: Command, text: string): Proc<[number, number][]> {
  const format: [number, number][] = [];
  for (const part of text.split(/[, \t]+/)) {
    if (part === "0") format.push([0, 0]);
    else {
      const found = /^([12])\.([0-9]+)$/.exec(part);
      if (found === null)
        return yield* c.fail(
          /^[12]/.test(part) ? `invalid field specifier: ${quote(part)}` : `invalid file number in field spec: ${quote(part)}`,
        );
      format.push([Number(found[1]), Number(found[2])]);
    }
  }
  return format;
}

function* run(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({
    short: "a:e:i1:2:j:o:t:v:z",
    long: [
      { name: "ignore-case", as: "i" },
      { name: "check-order" },
      { name: "nocheck-order" },
      { name: "header" },
      { name: "zero-terminated", as: "z" },
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  let [first, second] = [0, 0];
  let format: [number, number][] | undefined;
  let auto = false;
  let empty = "";
  let tab: string | undefined;
  const alone: [boolean, boolean] = [false, false];
  let joined = true;
  for (const { name, arg } of options) {
    if (name === "1") first = yield* fieldNumber(c, arg);
    else if (name === "2") second = yield* fieldNumber(c, arg);
    else if (name === "j") first = second = yield* fieldNumber(c, arg);
    else if (name === "e") empty = toByteString(arg);
    else if (name === "o") {
      if (arg === "auto") auto = true;
      else format = [...(format ?? []), ...(yield* parseFormat(c, arg))];
    } else if (name === "t") {
      tab = arg === "\\0" ? "\0" : toByteString(arg);
      if (tab.length > 1) return yield* c.fail(`multi-character tab ${quote(arg)}`);
    } else if (name === "a" || name === "v") {
      if (arg !== "1" && arg !== "2") return yield* c.fail(`invalid file number: ${quote(arg)}`);
      alone[Number(arg) - 1] = true;
      if (name === "v") joined = false;
    }
  }
  checkOperands(c, operands, 2, 2);
  const [left, right] = operands as [string, string];
  if (left === "-" && right === "-") return yield* c.fail("both files cannot be standard input: No such file or directory");
  const base: Plan = { join: [first, second], tab, end: has("z") ? "\0" : "\n", empty, format, fold: has("i") };
  const a = yield* readRows(c, base, left, 0);
  const b = yield* readRows(c, base, right, 1);
  const plan = auto ? { ...base, format: autoFormat(base, a[0], b[0]) } : base;
  return yield* joinRows(c, plan, a, b, {
    alone,
    joined,
    header: has("header"),
    check: !has("nocheck-order"),
    strict: has("check-order"),
    names: [left, right],
  });
}

function autoFormat(plan: Plan, a: Row | undefined, b: Row | undefined): [number, number][] {
  const rest = (file: 1 | 2, row: Row | undefined, join: number): [number, number][] =>
    (row?.fields ?? []).map((_, i): [number, number] => [file, i + 1]).filter(([, field]) => field !== join + 1);
  return [[0, 0], ...rest(1, a, plan.join[0]), ...rest(2, b, plan.join[1])];
}

interface How {
  readonly alone: readonly [boolean, boolean];
  readonly joined: boolean;
  readonly header: boolean;
  readonly check: boolean;
  readonly strict: boolean;
  readonly names: readonly [string, string];
}

function* joinRows(c: Command, plan: Plan, a: readonly Row[], b: readonly Row[], how: How): Proc<number> {
  const out: string[] = [];
  let [i, j] = [0, 0];
  if (how.header && (a.length > 0 || b.length > 0)) {
    out.push(outputLine(plan, a[0], b[0]), plan.end);
    [i, j] = [Math.min(1, a.length), Math.min(1, b.length)];
  }
  let unpaired = false;
  while (i < a.length || j < b.length) {
    const [x, y] = [a[i], b[j]];
    if (x !== undefined && y !== undefined && x.key === y.key) {
      let iEnd = i;
      let jEnd = j;
      while (a[iEnd]?.key === x.key) iEnd++;
      while (b[jEnd]?.key === x.key) jEnd++;
      if (how.joined) for (let k = i; k < iEnd; k++) for (let l = j; l < jEnd; l++) out.push(outputLine(plan, a[k], b[l]), plan.end);
      [i, j] = [iEnd, jEnd];
    } else if (y === undefined || (x !== undefined && x.key < y.key)) {
      unpaired = true;
      if (how.alone[0]) out.push(outputLine(plan, x, undefined), plan.end);
      i++;
    } else {
      unpaired = true;
      if (how.alone[1]) out.push(outputLine(plan, undefined, y), plan.end);
      j++;
    }
  }
  yield* printBytes(c, out.join(""));
  return how.check ? yield* reportDisorder(c, a, b, how, unpaired) : 0;
}

function* reportDisorder(c: Command, a: readonly Row[], b: readonly Row[], how: How, unpaired: boolean): Proc<number> {
  if (!unpaired && !how.strict) return 0;
  let bad = false;
  for (const [rows, name] of [
    [a, how.names[0]],
    [b, how.names[1]],
  ] as const) {
    const at = rows.findIndex((row, i) => i > (how.header ? 1 : 0) && row.key < (rows[i - 1] as Row).key);
    if (at < 0) continue;
    bad = true;
    yield* c.stdout.flush();
    yield* c.warn(`${name}:${at + 1}: is not sorted: ${(rows[at] as Row).fields.join(" ")}`);
    if (how.strict) return 1;
  }
  if (bad) yield* c.warn("input is not in sorted order");
  return bad ? 1 : 0;
}

export const join: Executable = {
  name: "join",
  paths: ["/usr/bin/join"],
  sizeBytes: 56304,
  main: command({ help: help(usage) }, run),
};
