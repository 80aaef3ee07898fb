/** printf(3) for awk's values: numbers are doubles, `%c` takes a number or the first byte of a string. */

import { type NumberFormat, toNumber, toText, type Value } from "./value.ts";

/** A decimal string with more digits than asked for, cut to `digits` of them with round-half-even, as C's printf rounds. */
function roundDecimal(text: string, keep: number): { digits: string; carried: boolean } {
  const head = text.slice(0, keep);
  const rest = text.slice(keep);
  const half = rest.localeCompare(`5${"0".repeat(Math.max(rest.length - 1, 0))}`);
  const odd = (head.charCodeAt(head.length - 1) & 1) === 1;
  if (rest === "" || half < 0 || (half === 0 && !odd)) return { digits: head, carried: false };
  const more = (BigInt(head || "0") + 1n).toString().padStart(head.length, "0");
  return { digits: more, carried: more.length > head.length };
}

/** `%.<precision>f` of a finite number that is not negative. */
function fixed(x: number, precision: number): string {
  if (x >= 1e21) return BigInt(x).toString() + (precision > 0 ? `.${"0".repeat(precision)}` : "");
  const exact = x.toFixed(Math.min(100, precision + 50)).replace(".", "");
  const whole = exact.length - Math.min(100, precision + 50);
  const { digits, carried } = roundDecimal(exact, whole + precision);
  const point = carried ? whole + 1 : whole;
  return precision > 0 ? `${digits.slice(0, point)}.${digits.slice(point)}` : digits;
}

/** `%.<precision>e`. */
function exponential(x: number, precision: number): string {
  const [mantissa = "0", exponentText = "0"] = x.toExponential(Math.min(100, precision + 40)).split("e");
  let exponent = Number(exponentText);
  const { digits, carried } = roundDecimal(mantissa.replace(".", ""), precision + 1);
  const used = carried ? digits.slice(0, -1) : digits;
  if (carried) exponent++;
  const sign = exponent < 0 ? "-" : "+";
  return `${used[0] ?? "0"}${precision > 0 ? `.${used.slice(1)}` : ""}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function general(x: number, precision: number, keepZeros: boolean): string {
  const p = precision === 0 ? 1 : precision;
  const exp = exponential(x, p - 1);
  const exponent = Number(exp.slice(exp.indexOf("e") + 1));
  let text: string;
  let tail = "";
  if (exponent < -4 || exponent >= p) {
    text = exp.slice(0, exp.indexOf("e"));
    tail = exp.slice(exp.indexOf("e"));
  } else text = fixed(x, p - 1 - exponent);
  if (!keepZeros && text.includes(".")) text = text.replace(/\.?0+$/, "");
  return text + tail;
}

interface Spec {
  readonly flags: string;
  readonly width: number;
  readonly precision: number;
  readonly letter: string;
}

function pad(body: string, sign: string, spec: Spec, zeros: boolean): string {
  const missing = spec.width - body.length - sign.length;
  if (missing <= 0) return sign + body;
  if (spec.flags.includes("-")) return sign + body + " ".repeat(missing);
  return zeros ? sign + "0".repeat(missing) + body : " ".repeat(missing) + sign + body;
}

const signOf = (negative: boolean, flags: string): string => (negative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "");

function formatFloat(n: number, spec: Spec): string {
  const negative = n < 0 || Object.is(n, -0);
  const upper = spec.letter !== spec.letter.toLowerCase();
  if (!Number.isFinite(n)) {
    // Arithmetic on x86-64 gives NaNs whose sign bit is set.
    const word = Number.isNaN(n) ? "nan" : "inf";
    return pad(upper ? word.toUpperCase() : word, Number.isNaN(n) ? "-" : signOf(negative, spec.flags), spec, false);
  }
  const precision = spec.precision < 0 ? 6 : spec.precision;
  const x = Math.abs(n);
  let body: string;
  switch (spec.letter.toLowerCase()) {
    case "f":
      body = fixed(x, precision);
      break;
    case "e":
      body = exponential(x, precision);
      break;
    default:
      body = general(x, precision, spec.flags.includes("#"));
  }
  return pad(upper ? body.toUpperCase() : body, signOf(negative, spec.flags), spec, spec.flags.includes("0") && !spec.flags.includes("-"));
}

function formatInteger(n: number, spec: Spec, maxInteger: number): string {
  const signed = spec.letter === "d" || spec.letter === "i";
  // mawk on x86-64: values are clamped to an int, unsigned ones to 0 … 0xffffffff; busybox has 64 bits.
  const narrow = maxInteger < 2 ** 32;
  let value = Number.isNaN(n) ? (narrow ? -2147483648 : 0) : Math.trunc(n);
  if (narrow) {
    const [low, high] = signed ? [-2147483648, 2147483647] : [0, 4294967295];
    value = Math.min(Math.max(value, low), high);
  }
  if (!Number.isFinite(value)) value = value > 0 ? 2 ** 63 - 1024 : -(2 ** 63);
  let big = BigInt(value);
  // busybox passes an unsigned int where the value fits one.
  if (!narrow && !signed && value < 0 && value >= -2147483648) big = BigInt.asUintN(32, big);
  if (!signed && big < 0n) big = BigInt.asUintN(64, big);
  const negative = big < 0n;
  const magnitude = negative ? -big : big;
  let body = magnitude.toString(spec.letter === "o" ? 8 : spec.letter === "x" || spec.letter === "X" ? 16 : 10);
  if (spec.letter === "X") body = body.toUpperCase();
  if (spec.precision >= 0) body = magnitude === 0n && spec.precision === 0 ? "" : body.padStart(spec.precision, "0");
  let prefix = signed ? signOf(negative, spec.flags) : "";
  if (spec.flags.includes("#") && magnitude !== 0n) {
    if (spec.letter === "o" && !body.startsWith("0")) body = `0${body}`;
    else if (spec.letter === "x" || spec.letter === "X") prefix = `0${spec.letter}`;
  }
  return pad(body, prefix, spec, spec.flags.includes("0") && !spec.flags.includes("-") && spec.precision < 0);
}

/**
 * The formatted text, or what comes before a missing argument (mawk refuses that, and busybox takes empty ones: `lenient`).
 * Differs from Linux: an unknown conversion letter is copied as it stands.
 */
export function formatPrintf(
  format: string,
  args: readonly Value[],
  convfmt: NumberFormat,
  lenient = false,
): string | { readonly before: string } {
  let out = "";
  let next = 0;
  let missing = false;
  const take = (): Value => {
    if (next >= args.length) missing = true;
    return args[next++];
  };
  const re = /%([-+ #0]*)(\*|[0-9]+)?(?:\.(\*|-?[0-9]*))?[hlLjzt]*([\s\S])?/g;
  let copied = 0;
  for (let found = re.exec(format); found !== null; found = re.exec(format)) {
    const before = out + format.slice(copied, found.index);
    out += format.slice(copied, found.index);
    copied = re.lastIndex;
    let flags = found[1] ?? "";
    const letter = found[4] ?? "";
    if (letter === "%") {
      out += "%";
      continue;
    }
    let width = found[2] === "*" ? Math.trunc(toNumber(take())) : Number(found[2] ?? 0);
    if (width < 0) {
      flags += "-";
      width = -width;
    }
    const precision = found[3] === undefined ? -1 : found[3] === "*" ? Math.trunc(toNumber(take())) : Number(found[3] || 0);
    const spec: Spec = { flags, width, precision, letter };
    switch (letter) {
      case "d":
      case "i":
      case "o":
      case "x":
      case "X":
      case "u":
        out += formatInteger(toNumber(take()), spec, convfmt.maxInteger);
        break;
      case "e":
      case "E":
      case "f":
      case "F":
      case "g":
      case "G":
        out += formatFloat(toNumber(take()), spec);
        break;
      case "c": {
        const v = take();
        const text = typeof v === "number" ? String.fromCharCode(v & 0xff) : toText(v, convfmt).slice(0, 1);
        out += pad(text, "", spec, false);
        break;
      }
      case "s": {
        const text = toText(take(), convfmt);
        out += pad(precision >= 0 ? text.slice(0, precision) : text, "", spec, false);
        break;
      }
      default:
        out += found[0];
    }
    if (missing && !lenient) return { before };
  }
  return out + format.slice(copied);
}
