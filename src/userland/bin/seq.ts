/**
 * seq(1) of coreutils: numbers from one to another.
 * Numbers are decimal fractions of any length, so that 0.1 steps add up as with the long double of the real one.
 * Left out: %a formats, hexadecimal fractions.
 */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { extraOperand } from "../libc/operands.ts";
import { quote } from "../libc/quotearg.ts";

const usage = `seq [OPTION]... LAST
  or:  seq [OPTION]... FIRST LAST
  or:  seq [OPTION]... FIRST INCREMENT LAST
Print the numbers from FIRST to LAST in steps of INCREMENT; both are 1 unless given.

  -f, --format=FORMAT     a printf format for floating point: %f, %e or %g
  -s, --separator=STRING  put STRING between numbers, not a newline
  -w, --equal-width       pad with leading zeros
      --help              show this help and exit`;

/** User time to format and buffer one number. */
const NUMBER_NS = 60;

/** value / 10**places; infinite where `infinite` is its sign. */
interface Decimal {
  readonly value: bigint;
  readonly places: number;
  readonly infinite?: 1 | -1;
  /** Columns and fraction digits as typed, for -w; places is -1 where the number had an exponent. */
  readonly width: number;
}

function* parse(c: Command, text: string): Proc<Decimal> {
  const trimmed = text.trim();
  if (/^[-+]?nan$/i.test(trimmed)) throw new UsageError(`invalid ${quote("not-a-number")} argument: ${quote(text)}`);
  const inf = /^([-+]?)inf(inity)?$/i.exec(trimmed);
  if (inf !== null) return { value: 0n, places: 0, infinite: inf[1] === "-" ? -1 : 1, width: 0 };
  const hex = /^([-+]?)(0[xX][0-9a-fA-F]+)$/.exec(trimmed);
  if (hex !== null) {
    const value = BigInt(hex[2] ?? "0") * (hex[1] === "-" ? -1n : 1n);
    return { value, places: 0, width: `${value}`.length };
  }
  const m = /^([-+]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([-+]?[0-9]+))?$/.exec(trimmed);
  if (m === null || (m[2] === "" && (m[3] ?? "") === "")) {
    if (c.voice === "busybox") return yield* c.fail(`invalid number '${text}'`);
    throw new UsageError(`invalid floating point argument: ${quote(text)}`);
  }
  const fraction = m[3] ?? "";
  const exponent = Number(m[4] ?? 0);
  let value = BigInt(`${m[2] ?? ""}${fraction}` || "0") * (m[1] === "-" ? -1n : 1n);
  let places = fraction.length - exponent;
  if (places < 0) {
    value *= 10n ** BigInt(-places);
    places = 0;
  }
  const whole = m[2] === "" ? 1 : (m[2] ?? "").length;
  return { value, places, width: (m[1] === "-" ? 1 : 0) + whole + (places > 0 ? places + 1 : 0) };
}

const scale = (d: Decimal, places: number): bigint => d.value * 10n ** BigInt(places - d.places);

function fixed(value: bigint, places: number): string {
  const sign = value < 0n ? "-" : "";
  const digits = `${value < 0n ? -value : value}`.padStart(places + 1, "0");
  return places === 0 ? sign + digits : `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

interface Format {
  readonly before: string;
  readonly flags: string;
  readonly width: number;
  readonly precision: number;
  readonly letter: string;
  readonly after: string;
}

/** The one % directive of a format. Throws UsageError or ends the program in the words of seq. */
function* parseFormat(c: Command, text: string): Proc<Format> {
  const m = /^((?:[^%]|%%)*)%([-+#0 ']*)([0-9]*)(?:\.([0-9]*))?L?([a-zA-Z])(.*)$/s.exec(text);
  if (m === null) {
    const bare = /^(?:[^%]|%%)*$/.test(text);
    return yield* c.fail(`format ${quote(text)} ${bare ? "has no % directive" : "ends in %"}`);
  }
  const [, before = "", flags = "", width = "", precision, letter = "", after = ""] = m;
  if (!/[aefgAEFG]/.test(letter)) yield* c.fail(`format ${quote(text)} has unknown %${letter} directive`);
  if (/[aA]/.test(letter)) yield* c.fail(`format ${quote(text)}: %${letter} is not supported`);
  if (!/^(?:[^%]|%%)*$/.test(after)) yield* c.fail(`format ${quote(text)} has too many % directives`);
  const plain = (s: string): string => s.replace(/%%/g, "%");
  return {
    before: plain(before),
    flags,
    width: Number(width),
    precision: precision === undefined ? 6 : Number(precision),
    letter,
    after: plain(after),
  };
}

function formatNumber(value: bigint, places: number, f: Format): string {
  const number = Number(fixed(value, places));
  let text: string;
  const lower = f.letter.toLowerCase();
  if (lower === "f") {
    const drop = places - f.precision;
    const unit = 10n ** BigInt(Math.max(0, drop));
    const magnitude = value < 0n ? -value : value;
    // Rounded half to even, as the exact decimal that it is.
    const whole = magnitude / unit;
    const rest = (magnitude % unit) * 2n;
    const up = rest > unit || (rest === unit && (whole & 1n) === 1n && drop > 0);
    const rounded = drop > 0 ? whole + (up ? 1n : 0n) : magnitude * 10n ** BigInt(-drop);
    text = fixed(rounded, f.precision);
  } else if (lower === "e") text = exponential(Math.abs(number), f.precision);
  else {
    const precision = Math.max(1, f.precision);
    const exponent =
      number === 0
        ? 0
        : Number(
            Math.abs(number)
              .toExponential(precision - 1)
              .split("e")[1],
          );
    text =
      exponent < -4 || exponent >= precision
        ? exponential(Math.abs(number), precision - 1)
        : Math.abs(number).toFixed(precision - 1 - exponent);
    if (!f.flags.includes("#") && text.includes(".")) text = text.replace(/\.?0+(e|$)/, "$1");
  }
  if (f.letter !== lower) text = text.toUpperCase();
  const sign = value < 0n ? "-" : f.flags.includes("+") ? "+" : f.flags.includes(" ") ? " " : "";
  if (f.flags.includes("-")) text = (sign + text).padEnd(f.width);
  else if (f.flags.includes("0")) text = sign + text.padStart(f.width - sign.length, "0");
  else text = (sign + text).padStart(f.width);
  return f.before + text + f.after;
}

const exponential = (n: number, digits: number): string => n.toExponential(digits).replace(/e([-+])(\d)$/, "e$10$2");

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  // A negative number is no option.
  let at = 0;
  while (/^-[^.0-9]/.test(c.args[at] ?? "")) at += /^-[sf]$/.test(c.args[at] ?? "") ? 2 : 1;
  const negative = gnu && /^-[.0-9]/.test(c.args[at] ?? "") && !c.args.slice(0, at).includes("--");
  const args = negative ? [...c.args.slice(0, at), "--", ...c.args.slice(at)] : c.args;
  const { options, operands } = yield* c.getopt(
    {
      short: gnu ? "+f:s:w" : "+s:w",
      long: [
        { name: "format", arg: "required", as: "f" },
        { name: "separator", arg: "required", as: "s" },
        { name: "equal-width", as: "w" },
      ],
    },
    args,
  );
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const equal = options.some((o) => o.name === "w");
  if (operands.length === 0) throw new UsageError(gnu ? "missing operand" : "");
  if (operands.length > 3) throw extraOperand(c, operands[3] ?? "");
  const formatText = arg("f");
  const format = formatText === undefined ? undefined : yield* parseFormat(c, formatText);
  if (equal && format !== undefined) throw new UsageError("format string may not be specified when printing equal width strings");
  const numbers: Decimal[] = [];
  for (const word of operands) numbers.push(yield* parse(c, word));
  const one: Decimal = { value: 1n, places: 0, width: 1 };
  const first = numbers.length > 1 ? (numbers[0] ?? one) : one;
  const step = numbers.length > 2 ? (numbers[1] ?? one) : one;
  const last = numbers.at(-1) ?? one;
  if (step.value === 0n && step.infinite === undefined && gnu)
    throw new UsageError(`invalid Zero increment value: ${quote(operands[1] ?? "0")}`);
  const places = Math.max(first.places, step.places);
  const all = Math.max(places, last.places);
  const [from, by, to] = [scale(first, all), scale(step, all), scale(last, all)];
  const widthOf = (d: Decimal): number => d.width - (d.places > 0 ? d.places + 1 : 0) + (places > 0 ? places + 1 : 0);
  const width = equal ? Math.max(widthOf(first), widthOf(last)) : 0;
  const separator = arg("s") ?? "\n";
  const show = (value: bigint): string => {
    if (format !== undefined) return formatNumber(value, all, format);
    const text = fixed(value / 10n ** BigInt(all - places), places);
    return text.startsWith("-") ? `-${text.slice(1).padStart(width - 1, "0")}` : text.padStart(width, "0");
  };
  const beyond = (value: bigint): boolean => {
    if (last.infinite !== undefined) return last.infinite !== (by < 0n ? -1 : 1);
    return by < 0n ? value < to : value > to;
  };
  if (beyond(from)) return 0;
  let count = 0;
  for (let value = from; ; value += by) {
    const text = show(value);
    if (beyond(value + by)) {
      yield* c.print(`${text}\n`);
      return 0;
    }
    yield* c.print(text + separator);
    if (++count % 256 === 0) yield* c.sys.spend(256 * NUMBER_NS);
  }
}

export const seq: Executable = {
  name: "seq",
  paths: ["/usr/bin/seq"],
  sizeBytes: 60336,
  applet: "/usr/bin/seq",
  main: command(
    { version: COREUTILS, help: help(usage, "seq [-w] [-s SEP] [FIRST [INC]] LAST\n\nPrint numbers from FIRST to LAST, in steps of INC") },
    run,
  ),
};
