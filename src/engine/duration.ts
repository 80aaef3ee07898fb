/** Spans of time as people write them in filters and options. Go's time.ParseDuration(), moby `api/types/time`. */

import { durationFault, findDuration } from "../builder/duration.ts";
import { invalidParameter } from "./errors.ts";

export { findDuration };

/** Errors: invalidParameter in Go's words. */
export function requireDuration(text: string): number {
  const ns = findDuration(text);
  if (ns === undefined) throw invalidParameter(durationFault(text));
  return ns;
}
