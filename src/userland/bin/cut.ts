/** cut(1) of coreutils 9.1, and busybox cut: parts of each line. Characters are bytes, as in both. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { InputFiles, LineReader, printBytes, toByteString } from "../libc/lines.ts";
import { quote } from "../libc/quotearg.ts";

const usage = `cut OPTION... [FILE]...
Print the chosen parts of each line of each FILE.

  -b, --bytes=LIST          these bytes
  -c, --characters=LIST     these characters
  -d, --delimiter=DELIM     DELIM instead of TAB separates fields
  -f, --fields=LIST         these fields, and lines without a delimiter unless -s is given
  -n                        ignored
      --complement          all but the chosen
  -s, --only-delimited      no lines without delimiters
      --output-delimiter=STRING  STRING between the parts
  -z, --zero-terminated     lines end in a zero byte
      --help                show this help and exit

LIST is N, N-, N-M or -M, or several of them with commas between. With no FILE, or when FILE is -, read standard input.`;

const busyboxUsage = `cut [OPTIONS] [FILE]...

Print selected fields from FILEs to stdout

\t-b LIST\tOutput only bytes from LIST
\t-c LIST\tOutput only characters from LIST
\t-d SEP\tField delimiter for input (default -f TAB, -F run of whitespace)
\t-O SEP\tField delimiter for output (default = -d for -f, one space for -F)
\t-D\tDon't sort/collate sections or match -fF lines without delimiter
\t-f LIST\tPrint only these fields (-d is single char)
\t-s\tOutput only lines containing delimiter
\t-n\tIgnored`;

type Range = readonly [number, number];

/** Parses and merges. Errors: UsageError in cut's words. */
function parseList(c: Command, list: string, fields: boolean): Range[] {
  const what = fields ? "field" : "byte/character position";
  const ranges: [number, number][] = [];
  if (c.voice === "busybox" && list === "") throw new UsageError("");
  for (const part of list.split(/[,\s]/)) {
    const found = /^([0-9]*)(-?)([0-9]*)$/.exec(part);
    if (found === null) {
      const bad = /[^0-9-].*$/.exec(part)?.[0] ?? part;
      if (c.voice === "busybox") throw new UsageError("");
      if (/^[0-9]*-[0-9]*-/.test(part)) throw new UsageError(`invalid ${fields ? "field" : "byte or character"} range`);
      throw new UsageError(
        `invalid ${what} ${quote(bad)}`.replace("field ", "field value ").replace("byte/character position ", "byte/character position "),
      );
    }
    const [, low = "", dash = "", high = ""] = found;
    if (dash === "" && low === "")
      throw new UsageError(fields ? "fields are numbered from 1" : "byte/character positions are numbered from 1");
    if (dash !== "" && low === "" && high === "") throw new UsageError("invalid range with no endpoint: -");
    const first = low === "" ? 1 : Number(low);
    const last = dash === "" ? first : high === "" ? Number.POSITIVE_INFINITY : Number(high);
    if (first === 0) throw new UsageError(fields ? "fields are numbered from 1" : "byte/character positions are numbered from 1");
    if (last < first) throw new UsageError("invalid decreasing range");
    ranges.push([first, last]);
  }
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return ranges;
}

/** Overlapping ranges become one; touching ones stay apart, as --output-delimiter shows. */
function merge(ranges: readonly Range[]): Range[] {
  const merged: [number, number][] = [];
  for (const [low, high] of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1]) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

function complement(ranges: readonly Range[]): Range[] {
  const out: Range[] = [];
  let from = 1;
  for (const [low, high] of ranges) {
    if (low > from) out.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  if (from !== Number.POSITIVE_INFINITY) out.push([from, Number.POSITIVE_INFINITY]);
  return out;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "b:c:d:f:nsz" : "b:c:d:O:f:ns",
    long: gnu
      ? [
          { name: "bytes", arg: "required", as: "b" },
          { name: "characters", arg: "required", as: "c" },
          { name: "fields", arg: "required", as: "f" },
          { name: "delimiter", arg: "required", as: "d" },
          { name: "only-delimited", as: "s" },
          { name: "output-delimiter", arg: "required", as: "O" },
          { name: "complement" },
          { name: "zero-terminated", as: "z" },
        ]
      : [],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const lists = options.filter((o) => "bcf".includes(o.name) && o.name.length === 1);
  if (lists.length > 1) throw new UsageError(gnu ? "only one list may be specified" : "");
  const list = lists[0];
  if (list === undefined) {
    if (gnu) throw new UsageError("you must specify a list of bytes, characters, or fields");
    return yield* c.fail("expected a list of bytes, characters, or fields");
  }
  const fields = list.name === "f";
  const given = arg("d");
  const delimiter = given === undefined ? "\t" : given === "" ? "\0" : toByteString(given);
  if (delimiter.length > 1) throw new UsageError(gnu ? "the delimiter must be a single character" : "");
  if (!fields && !gnu) {
    if (given !== undefined) return yield* c.fail("a delimiter may be specified only when operating on fields");
    if (has("s")) return yield* c.fail("suppressing non-delimited lines makes sense only when operating on fields");
  }
  if (!fields && gnu) {
    if (given !== undefined) throw new UsageError("an input delimiter may be specified only when operating on fields");
    if (has("s")) throw new UsageError("suppressing non-delimited lines makes sense\n\tonly when operating on fields");
  }
  let ranges = merge(parseList(c, list.arg, fields));
  if (has("complement")) ranges = complement(ranges);
  const outGiven = arg("O");
  const outDelimiter = outGiven === undefined ? (fields ? delimiter : "") : toByteString(outGiven);
  const end = has("z") ? "\0" : "\n";
  const pick = fields ? fieldPicker(ranges, delimiter, outDelimiter, has("s")) : bytePicker(ranges, outDelimiter);
  const files = new InputFiles(c, operands);
  for (let file = yield* files.next(); file !== undefined; file = yield* files.next()) {
    const reader = new LineReader(c.sys, file, { delimiter: end.charCodeAt(0), nsPerByte: 3 });
    for (let lines = yield* reader.read(); lines !== undefined; lines = yield* reader.read()) {
      const out: string[] = [];
      for (const line of lines) {
        const picked = pick(line);
        if (picked !== undefined) out.push(picked, end);
      }
      yield* printBytes(c, out.join(""));
    }
  }
  return files.status;
}

function bytePicker(ranges: readonly Range[], between: string): (line: string) => string {
  const only = ranges[0];
  if (ranges.length === 1 && only !== undefined) return (line) => line.slice(only[0] - 1, only[1]);
  return (line) => {
    const parts: string[] = [];
    for (const [low, high] of ranges) {
      if (low > line.length) break;
      parts.push(line.slice(low - 1, high));
    }
    return parts.join(between);
  };
}

function fieldPicker(
  ranges: readonly Range[],
  delimiter: string,
  between: string,
  onlyDelimited: boolean,
): (line: string) => string | undefined {
  return (line) => {
    if (!line.includes(delimiter)) return onlyDelimited ? undefined : line;
    const fields = line.split(delimiter);
    const picked: string[] = [];
    for (const [low, high] of ranges) for (let i = low; i <= high && i <= fields.length; i++) picked.push(fields[i - 1] as string);
    return picked.join(between);
  };
}

export const cut: Executable = {
  name: "cut",
  paths: ["/usr/bin/cut"],
  sizeBytes: 48112,
  applet: "/usr/bin/cut",
  main: command({ help: help(usage, busyboxUsage) }, run),
};
