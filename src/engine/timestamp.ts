/** Times in queries: seconds since 1970, `1609459200.000000001`. moby `api/types/time`; what is relative or a date the client has made a number already. */

import { systemError } from "./errors.ts";

/** Nanoseconds since 1970; undefined where nothing is said. Errors: system. */
export function parseTimestamp(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  // Go's API parses no other form here: what is relative or a date the client has made a number of already.
  if (match === null) throw systemError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(match[1]) * 1e9 + Number((match[2] ?? "").padEnd(9, "0").slice(0, 9));
}
