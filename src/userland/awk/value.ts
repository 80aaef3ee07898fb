/**
 * The values of awk: numbers, strings, and strings from the outside that count as numbers where they look like one ("strnum").
 * Strings are byte strings, as mawk and busybox have them. An unset variable is undefined: both 0 and "".
 */

import { formatPrintf } from "./format.ts";

/** Input that may be a number: a field, a line of getline, an element of split, ARGV, ENVIRON. */
export class StrNum {
  private looks: boolean | undefined;

  constructor(readonly text: string) {}

  get isNumber(): boolean {
    this.looks ??= LOOKS_NUMERIC.test(this.text);
    return this.looks;
  }
}

const LOOKS_NUMERIC =
  /^[ \t\n\r\f\v]*[-+]?(?:[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|0[xX][0-9a-fA-F]+|inf|nan|infinity)[ \t\n\r\f\v]*$/i;
const LEADING_NUMBER = /^[ \t\n\r\f\v]*([-+]?)(?:(0[xX][0-9a-fA-F]+)|((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)|(inf|nan))/i;

export type Value = number | string | StrNum | undefined;
export type AwkArray = Map<string, Value>;

/** strtod(3) on the beginning of `text`. */
export function textToNumber(text: string): number {
  const quick = +text;
  if (!Number.isNaN(quick) && text.length > 0 && text.length < 16 && /^[0-9]/.test(text) && !/[a-z_]/i.test(text)) return quick;
  const found = LEADING_NUMBER.exec(text);
  if (found === null) return 0;
  const [, sign, hex, decimal, word] = found;
  const value =
    hex !== undefined
      ? Number(hex)
      : decimal !== undefined
        ? Number(decimal)
        : /^i/i.test(word ?? "")
          ? Number.POSITIVE_INFINITY
          : Number.NaN;
  return sign === "-" ? -value : value;
}

export function toNumber(v: Value): number {
  if (typeof v === "number") return v;
  if (v === undefined) return 0;
  return textToNumber(typeof v === "string" ? v : v.text);
}

export function toBoolean(v: Value): boolean {
  if (typeof v === "number") return v !== 0;
  if (v === undefined) return false;
  if (typeof v === "string") return v !== "";
  return v.isNumber ? toNumber(v) !== 0 : v.text !== "";
}

const isNumeric = (v: Value): boolean => typeof v === "number" || v === undefined || (v instanceof StrNum && v.isNumber);

/** Negative, zero or positive; NaN where numbers have no order. */
export function compare(a: Value, b: Value, convfmt: NumberFormat): number {
  if (isNumeric(a) && isNumeric(b)) return toNumber(a) - toNumber(b);
  const [x, y] = [toText(a, convfmt), toText(b, convfmt)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** How numbers that are no integers become text (CONVFMT, OFMT), and up to which size integers are written in full. */
export interface NumberFormat {
  format: string;
  readonly maxInteger: number;
}

export function numberToText(n: number, convfmt: NumberFormat): string {
  if (Number.isInteger(n) && Math.abs(n) <= convfmt.maxInteger)
    return n === 0 ? "0" : n < 1e15 && n > -1e15 ? `${n}` : BigInt(n).toString();
  const text = formatPrintf(convfmt.format, [n], convfmt, true);
  return typeof text === "string" ? text : "";
}

export function toText(v: Value, convfmt: NumberFormat): string {
  if (typeof v === "string") return v;
  if (typeof v === "number") return numberToText(v, convfmt);
  return v === undefined ? "" : v.text;
}
