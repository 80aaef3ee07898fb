/** Numbers as Go's package `strconv` and time.ParseDuration read them, with their error texts. */

const quote = (text: string): string => JSON.stringify(text);

function syntax(fn: string, text: string, why = "invalid syntax"): Error {
  return new Error(`strconv.${fn}: parsing ${quote(text)}: ${why}`);
}

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

export function parseBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw syntax("ParseBool", text);
}

/** An integer of any base by its prefix; undefined where it is none. */
function magnitude(text: string): bigint | undefined {
  const plain = text.replace(/(?<=[0-9a-fA-FxXoObB])_(?=[0-9a-fA-F])/g, "");
  if (plain !== text && !/^0/.test(text)) return undefined;
  if (/^0[xX][0-9a-fA-F]+$|^0[bB][01]+$|^0[oO][0-7]+$/.test(plain)) return BigInt(plain.toLowerCase());
  if (/^0[0-7]+$/.test(plain)) return BigInt(`0o${plain.slice(1)}`);
  return /^(0|[1-9][0-9]*)$/.test(plain) ? BigInt(plain) : undefined;
}

/** strconv.ParseInt with base 0. */
export function parseInteger(text: string, bits: number, fn = "ParseInt"): number {
  const value = magnitude(text.replace(/^[+-]/, ""));
  if (value === undefined) throw syntax(fn, text);
  const signed = text.startsWith("-") ? -value : value;
  const limit = 1n << BigInt(bits - 1);
  if (signed >= limit || signed < -limit) throw syntax(fn, text, "value out of range");
  return Number(signed);
}

/** strconv.Atoi, whose base is 10. */
export function atoi(text: string): number {
  if (!/^[+-]?[0-9]+$/.test(text)) throw syntax("Atoi", text);
  return Number(text);
}

/** strconv.ParseUint with base 0. */
export function parseUnsigned(text: string, bits: number): number {
  const value = magnitude(text);
  if (value === undefined) throw syntax("ParseUint", text);
  if (value >= 1n << BigInt(bits)) throw syntax("ParseUint", text, "value out of range");
  return Number(value);
}

export function parseFloat64(text: string): number {
  if (!/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(inf(inity)?|nan)$/i.test(text)) throw syntax("ParseFloat", text);
  const named = /^([+-]?)(inf|nan)/i.exec(text);
  if (named === null) return Number(text);
  return named[2]?.toLowerCase() === "nan" ? Number.NaN : named[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** time.ParseDuration: nanoseconds. */
export function parseDurationNs(text: string): number {
  const bad = new Error(`time: invalid duration ${quote(text)}`);
  let rest = text.replace(/^[+-]/, "");
  if (rest === "0") return 0;
  if (rest === "") throw bad;
  let total = 0;
  while (rest !== "") {
    const number = /^([0-9]+\.?[0-9]*|\.[0-9]+)/.exec(rest)?.[0];
    if (number === undefined) throw bad;
    rest = rest.slice(number.length);
    const unit = /^[^.0-9]+/.exec(rest)?.[0];
    if (unit === undefined) throw new Error(`time: missing unit in duration ${quote(text)}`);
    const scale = UNITS[unit];
    if (scale === undefined) throw new Error(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
    rest = rest.slice(unit.length);
    total += Number(number) * scale;
  }
  return (text.startsWith("-") ? -1 : 1) * Math.round(total);
}

/** time.Duration's String. */
export function formatDuration(ns: number): string {
  const sign = ns < 0 ? "-" : "";
  const n = Math.abs(ns);
  if (n === 0) return "0s";
  const trim = (value: number, digits: number): string => value.toFixed(digits).replace(/\.?0+$/, "");
  if (n < 1e3) return `${sign}${n}ns`;
  if (n < 1e6) return `${sign}${trim(n / 1e3, 3)}µs`;
  if (n < 1e9) return `${sign}${trim(n / 1e6, 6)}ms`;
  const hours = Math.floor(n / 3600e9);
  const minutes = Math.floor((n % 3600e9) / 60e9);
  const seconds = n % 60e9 === 0 ? "0" : trim((n % 60e9) / 1e9, 9);
  return `${sign}${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}

/** A decimal number or fraction as billionths of one. */
export function parseRational(text: string): number {
  const bad = new Error(`failed to parse ${text} as a rational number`);
  const fraction = /^([+-]?[0-9]+)\/([0-9]+)$/.exec(text);
  if (fraction !== null) {
    const [top, bottom] = [BigInt(fraction[1] as string) * 1_000_000_000n, BigInt(fraction[2] as string)];
    if (bottom === 0n) throw bad;
    if (top % bottom !== 0n) throw new Error("value is too precise");
    return Number(top / bottom);
  }
  const match = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/.exec(text);
  if (match === null || (match[2] === "" && (match[3] ?? "") === "")) throw bad;
  const digits = `${match[2]}${match[3] ?? ""}`;
  const shift = 9 - (match[3] ?? "").length + Number(match[4] ?? 0);
  const whole = shift >= 0 ? digits + "0".repeat(shift) : digits.padStart(1 - shift, "0").slice(0, shift);
  if (shift < 0 && /[1-9]/.test(digits.slice(shift))) throw new Error("value is too precise");
  return (match[1] === "-" ? -1 : 1) * Number(whole);
}
