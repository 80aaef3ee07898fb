/** numfmt(1) of coreutils 9.1: numbers with unit suffixes and back. Left out: --grouping (locale C has none), --invalid other than abort and fail. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { LineReader } from "../libc/lines.ts";
import { argmatch } from "../libc/operands.ts";
import { quote } from "../libc/quotearg.ts";

const usage = `numfmt [OPTION]... [NUMBER]...
Reformat NUMBERs, or those from standard input.

  -d, --delimiter=X     X separates fields instead of blanks
      --field=FIELDS    the fields to convert (1): N, N-, N-M, -M, lists of them
      --format=FORMAT   printf-like, with one %f: %10.2f
      --from=UNIT       scale input numbers: none, auto, si, iec, iec-i
      --from-unit=N     the unit of input numbers
      --grouping        ignored in this locale
      --header[=N]      the first N lines (1) are left as they are
      --invalid=MODE    abort or fail
      --padding=N       pad to N columns; at the left if negative
      --round=METHOD    up, down, from-zero, towards-zero, nearest
      --suffix=SUFFIX   SUFFIX after output numbers, and accepted in input
      --to=UNIT         scale output numbers: none, si, iec, iec-i
      --to-unit=N       the unit of output numbers
  -z, --zero-terminated lines end in a zero byte
      --help            show this help and exit`;

type Unit = "none" | "auto" | "si" | "iec" | "iec-i";
type Rounding = "up" | "down" | "from-zero" | "towards-zero" | "nearest";
const LETTERS = "KMGTPEZY";

interface Plan {
  readonly from: Unit;
  readonly to: Unit;
  readonly fromUnit: number;
  readonly toUnit: number;
  readonly round: Rounding;
  readonly suffix: string;
  readonly padding: number;
  readonly precision: number | undefined;
  readonly prefix: string;
  readonly postfix: string;
  readonly zeros: boolean;
  readonly delimiter: string | undefined;
  readonly fields: readonly (readonly [number, number])[];
  readonly fail: boolean;
}

/** A text that is no number here. */
class BadNumber {
  constructor(readonly message: string) {}
}

function parseNumber(text: string, plan: Plan): { readonly value: number; readonly decimals: number } {
  const bare = plan.suffix !== "" && text.endsWith(plan.suffix) ? text.slice(0, -plan.suffix.length) : text;
  const found = /^([-+]?[0-9]+(?:\.[0-9]+)?)(.*)$/.exec(bare);
  if (found === null) throw new BadNumber(`invalid number: ${quote(text)}`);
  const [, digits = "", rest = ""] = found;
  const decimals = digits.includes(".") ? digits.length - digits.indexOf(".") - 1 : 0;
  const power = LETTERS.indexOf(rest[0] === "k" ? "K" : (rest[0] ?? " ")) + 1;
  if (rest === "") {
    return { value: Number(digits), decimals };
  }
  if (power === 0) throw new BadNumber(`invalid suffix in input: ${quote(text)}`);
  if (plan.from === "none") throw new BadNumber(`rejecting suffix in input: ${quote(text)} (consider using --from)`);
  const binary = rest[1] === "i";
  if (plan.from === "iec-i" && !binary) throw new BadNumber(`missing 'i' suffix in input: ${quote(text)} (e.g Ki/Mi/Gi)`);
  const used = binary && (plan.from === "auto" || plan.from === "iec-i") ? 2 : 1;
  if (rest.length > used) throw new BadNumber(`invalid suffix in input ${quote(text)}: ${quote(rest.slice(used))}`);
  const base = plan.from === "si" || (plan.from === "auto" && !binary) ? 1000 : 1024;
  return { value: Number(digits) * base ** power, decimals: 0 };
}

function rounded(x: number, how: Rounding): number {
  switch (how) {
    case "up":
      return Math.ceil(x);
    case "down":
      return Math.floor(x);
    case "from-zero":
      return x < 0 ? Math.floor(x) : Math.ceil(x);
    case "towards-zero":
      return Math.trunc(x);
    case "nearest":
      return x < 0 ? -Math.round(-x) : Math.round(x);
  }
}

function formatNumber(value: number, decimals: number, plan: Plan): string {
  if (plan.to === "none") {
    const precision = plan.precision ?? decimals;
    const scale = 10 ** precision;
    return (rounded(value * scale, plan.round) / scale).toFixed(precision);
  }
  const base = plan.to === "si" ? 1000 : 1024;
  let scaled = value;
  let power = 0;
  while (Math.abs(scaled) >= base && power < LETTERS.length) {
    scaled /= base;
    power++;
  }
  // One decimal below ten, unless the format says otherwise; rounding may reach the next unit.
  const digits = plan.precision ?? (power > 0 && Math.abs(scaled) < 10 ? 1 : 0);
  scaled = rounded(scaled * 10 ** digits, plan.round) / 10 ** digits;
  if (Math.abs(scaled) >= base) {
    scaled /= base;
    power++;
  }
  const shown = plan.precision ?? (power > 0 && Math.abs(scaled) < 10 ? 1 : 0);
  const letter = power === 0 ? "" : (LETTERS[power - 1] as string) + (plan.to === "iec-i" ? "i" : "");
  return scaled.toFixed(shown) + letter;
}

function convert(text: string, plan: Plan, width: number): string {
  const { value, decimals } = parseNumber(text.trim(), plan);
  const made = plan.prefix + pad(formatNumber((value * plan.fromUnit) / plan.toUnit, decimals, plan) + plan.suffix, plan) + plan.postfix;
  return made.padStart(width);
}

function pad(text: string, plan: Plan): string {
  if (plan.padding < 0) return text.padEnd(-plan.padding);
  return text.padStart(plan.padding, plan.zeros ? "0" : " ");
}

const inFields = (plan: Plan, field: number): boolean => plan.fields.some(([low, high]) => field >= low && field <= high);

/** A line with its fields converted; blanks before a field are part of its width. */
function convertLine(line: string, plan: Plan): string {
  if (plan.delimiter !== undefined) {
    return line
      .split(plan.delimiter)
      .map((field, i) => (inFields(plan, i + 1) ? convert(field, plan, 0) : field))
      .join(plan.delimiter);
  }
  let field = 0;
  return line.replace(/([ \t]*)([^ \t]+)/g, (all, blanks: string, text: string) => {
    field++;
    if (!inFields(plan, field)) return all;
    if (field === 1 && blanks === "") return convert(text, plan, 0);
    // The width of the field, but for one blank that separates it, is kept.
    const lead = field === 1 ? "" : " ";
    const width = blanks.length - lead.length > 0 ? blanks.length - lead.length + text.length : 0;
    return lead + convert(text, plan, width);
  });
}

function* makePlan(c: Command): Proc<{ plan: Plan; header: number; end: string; operands: readonly string[] }> {
  const { options, operands } = yield* c.getopt({
    short: "d:z",
    long: [
      { name: "delimiter", arg: "required", as: "d" },
      { name: "field", arg: "required" },
      { name: "format", arg: "required" },
      { name: "from", arg: "required" },
      { name: "from-unit", arg: "required" },
      { name: "grouping" },
      { name: "header", arg: "optional" },
      { name: "invalid", arg: "required" },
      { name: "padding", arg: "required" },
      { name: "round", arg: "required" },
      { name: "suffix", arg: "required" },
      { name: "to", arg: "required" },
      { name: "to-unit", arg: "required" },
      { name: "zero-terminated", as: "z" },
    ],
  });
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const units = (name: string, auto: boolean): Unit => {
    const text = arg(name);
    const choices: (readonly [string, Unit])[] = [
      ["none", "none"],
      ...(auto ? ([["auto", "auto"]] as const) : []),
      ["si", "si"],
      ["iec", "iec"],
      ["iec-i", "iec-i"],
    ];
    return text === undefined ? "none" : argmatch(c, `--${name}`, text, choices);
  };
  const unitSize = function* (name: string): Proc<number> {
    const text = arg(name) ?? "1";
    const found = /^([0-9]+)([KMGTPEZY])?(i)?$/.exec(text);
    if (found === null || Number(found[1]) === 0) return yield* c.fail(`invalid unit size: ${quote(text)}`);
    return Number(found[1]) * (found[3] === undefined ? 1000 : 1024) ** (LETTERS.indexOf(found[2] ?? " ") + 1);
  };
  const roundings: readonly (readonly [string, Rounding])[] = (["up", "down", "from-zero", "towards-zero", "nearest"] as const).map(
    (r) => [r, r] as const,
  );
  let padding = 0;
  const paddingText = arg("padding");
  if (paddingText !== undefined) {
    if (!/^-?[0-9]+$/.test(paddingText) || Number(paddingText) === 0) return yield* c.fail(`invalid padding value ${quote(paddingText)}`);
    padding = Number(paddingText);
  }
  const format = arg("format");
  const parts = format === undefined ? undefined : /^((?:[^%]|%%)*)%(['0]*)(-?[0-9]*)(?:\.([0-9]+))?f((?:[^%]|%%)*)$/.exec(format);
  if (parts === null) return yield* c.fail(`invalid format ${quote(format as string)}, directive must be %[0]['][-][N][.][N]f`);
  if (parts?.[3] !== undefined && parts[3] !== "") padding = Number(parts[3]);
  const fields = (arg("field") ?? "1").split(",").map((word): [number, number] => {
    const found = /^([0-9]*)(-?)([0-9]*)$/.exec(word);
    if (found === null || word === "" || found[1] === "0") throw new UsageError(`invalid field value ${quote(word)}`);
    const low = found[1] === "" ? 1 : Number(found[1]);
    return [low, found[2] === "" ? low : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3])];
  });
  const headerOption = options.findLast((o) => o.name === "header");
  const header = headerOption === undefined ? 0 : headerOption.hasArg ? Number(headerOption.arg) : 1;
  if (!Number.isInteger(header) || (headerOption !== undefined && header <= 0))
    return yield* c.fail(`invalid header value ${quote(headerOption?.arg ?? "")}`);
  const plan: Plan = {
    from: units("from", true),
    to: units("to", false),
    fromUnit: yield* unitSize("from-unit"),
    toUnit: yield* unitSize("to-unit"),
    round: argmatch(c, "--round", arg("round") ?? "from-zero", roundings),
    suffix: arg("suffix") ?? "",
    padding,
    precision: parts?.[4] === undefined ? undefined : Number(parts[4]),
    prefix: parts?.[1]?.replaceAll("%%", "%") ?? "",
    postfix: parts?.[5]?.replaceAll("%%", "%") ?? "",
    zeros: parts?.[2]?.includes("0") ?? false,
    delimiter: arg("d"),
    fields,
    fail: arg("invalid") === "fail",
  };
  return { plan, header, end: options.some((o) => o.name === "z") ? "\0" : "\n", operands };
}

function* run(c: Command): Proc<number> {
  const { plan, header, end, operands } = yield* makePlan(c);
  let status = 0;
  const one = function* (line: string): Proc<void> {
    try {
      yield* c.print(convertLine(line, plan) + end);
    } catch (e) {
      if (!(e instanceof BadNumber)) throw e;
      yield* c.stdout.flush();
      yield* c.warn(e.message);
      if (!plan.fail) throw new Exit(2);
      status = 2;
      yield* c.print(line + end);
    }
  };
  if (operands.length > 0) {
    for (const operand of operands) yield* one(operand);
    return status;
  }
  const reader = new LineReader(c.sys, c.stdin, { delimiter: end.charCodeAt(0), encoding: "utf8", nsPerByte: 20 });
  let skip = header;
  for (let lines = yield* reader.read(); lines !== undefined; lines = yield* reader.read()) {
    for (const line of lines) {
      if (skip-- > 0) yield* c.print(line + end);
      else yield* one(line);
    }
  }
  return status;
}

export const numfmt: Executable = {
  name: "numfmt",
  paths: ["/usr/bin/numfmt"],
  sizeBytes: 68624,
  main: command({ help: help(usage) }, run),
};
