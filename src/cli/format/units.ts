/** Sizes and spans of time for people. Real counterpart: docker/go-units. */

import { parseFloat64 } from "../strconv.ts";

/** `%.<digits>g` of Go. */
export function formatG(value: number, digits: number): string {
  if (value === 0) return "0";
  const exponent = Number(value.toExponential(digits - 1).split("e")[1]);
  if (exponent < -4 || exponent >= digits) {
    const [mantissa, power] = value.toExponential(digits - 1).split("e") as [string, string];
    const trimmed = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
    return `${trimmed}e${power.startsWith("-") ? "-" : "+"}${power.replace(/^[+-]/, "").padStart(2, "0")}`;
  }
  const fixed = value.toPrecision(digits);
  return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
}

const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

function scaled(size: number, base: number, names: readonly string[], digits: number): string {
  let i = 0;
  let value = size;
  while (value >= base && i < names.length - 1) {
    value /= base;
    i++;
  }
  return `${formatG(value, digits)}${names[i]}`;
}

/** `1.98MB`: powers of 1000. */
export const humanSize = (size: number, digits = 4): string => scaled(size, 1000, DECIMAL, digits);
/** `1.887MiB`: powers of 1024. */
export const bytesSize = (size: number): string => scaled(size, 1024, BINARY, 4);

const POWERS: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 };

/** Bytes of `64m`, `1.5GiB`: powers of 1024. Errors: Error. */
export function ramInBytes(text: string): number {
  const at = Math.max(...[..."0123456789. "].map((c) => text.lastIndexOf(c)));
  if (at < 0) throw new Error(`invalid size: '${text}'`);
  const suffix = text.slice(at + 1).toLowerCase();
  const size = parseFloat64(text.slice(0, text[at] === " " ? at : at + 1));
  if (size < 0) throw new Error(`invalid size: '${text}'`);
  if (suffix === "" || suffix === "b") return Math.trunc(size);
  const match = /^([a-z])(b|ib)?$/.exec(suffix);
  const power = POWERS[match?.[1] ?? ""];
  if (power === undefined) throw new Error(`invalid suffix: '${suffix.length > 3 ? text.slice(at + 1) : suffix}'`);
  return Math.trunc(size * 1024 ** power);
}

/** `About a minute`, `3 hours`. */
export function humanDuration(seconds: number): string {
  const s = Math.trunc(seconds);
  if (s < 1) return "Less than a second";
  if (s === 1) return "1 second";
  if (s < 60) return `${s} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(seconds / 3600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(seconds / 3600 / 24 / 365)} years`;
}
