/** Points in time as `--since` and `--until` take them: RFC 3339 in parts, seconds since 1970, or an age. Real counterpart: moby `api/types/time`. */

import { timegm } from "../userland/libc/strftime.ts";
import { CliError } from "./errors.ts";
import { parseDurationNs } from "./strconv.ts";

const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(\.\d+)?)?)?)?(Z|[+-]\d{2}:\d{2})?$/;

/** `seconds.nanoseconds`; undefined for an empty text. Errors: CliError, which names the flag if it is given. */
export function timeParameter(name: string | undefined, text: string, now: number): string | undefined {
  if (text === "") return undefined;
  const wrong = (why: string): CliError => new CliError(name === undefined ? why : `invalid value for ${JSON.stringify(name)}: ${why}`);
  const age = ageOf(text);
  if (age !== undefined) {
    const at = now - age / 1e9;
    const seconds = Math.floor(at);
    return `${seconds}.${String(Math.floor((at - seconds) * 1e9)).padStart(9, "0")}`;
  }
  const match = DATE.exec(text);
  if (match === null) {
    const number = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text);
    if (number === null) throw wrong(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
    return text;
  }
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const n = (part: string | undefined): number => Number(part ?? 0);
  const shift =
    zone === undefined || zone === "Z" ? 0 : (zone.startsWith("-") ? -1 : 1) * (n(zone.slice(1, 3)) * 3600 + n(zone.slice(4)) * 60);
  const seconds = timegm(n(year), n(month) - 1, n(day), n(hour), n(minute), n(second)) - shift;
  return `${seconds}.${(fraction ?? ".").slice(1).padEnd(9, "0").slice(0, 9)}`;
}

function ageOf(text: string): number | undefined {
  try {
    return parseDurationNs(text);
  } catch {
    return undefined;
  }
}
