/** Spans and points in time as people write them in filters and options. Go's time.ParseDuration(), moby `api/types/time`. */

import { invalidParameter } from "./errors.ts";

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
const DURATION = /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/;

/** Nanoseconds of `1h30m`; undefined for what is none. */
export function findDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let ns = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g))
    ns += Number(number) * (UNITS[unit as string] ?? 0);
  return text.startsWith("-") ? -ns : ns;
}

/** Errors: invalidParameter in Go's words. */
export function requireDuration(text: string): number {
  const ns = findDuration(text);
  if (ns !== undefined) return ns;
  const unitless = /^[+-]?\d+(\.\d*)?$/.test(text);
  throw invalidParameter(`time: ${unitless ? "missing unit in" : "invalid"} duration ${JSON.stringify(text)}`);
}
