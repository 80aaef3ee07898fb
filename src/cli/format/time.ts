/** Points in time as docker's lists print them. */

import { strftime, timegm } from "../../userland/libc/strftime.ts";
import { humanDuration } from "./units.ts";

/** time.Time's String: `2024-05-01 12:00:00 +0000 UTC`. */
export const goTime = (seconds: number): string => strftime("%Y-%m-%d %H:%M:%S +0000 UTC", { sec: Math.floor(seconds), nsec: 0 });

/** RFC 3339 with seconds. */
export const isoTime = (seconds: number): string => strftime("%Y-%m-%dT%H:%M:%SZ", { sec: Math.floor(seconds), nsec: 0 });

/** `3 hours ago`. */
export const ago = (then: number, now: number): string => `${humanDuration(now - then)} ago`;

/** Seconds since 1970 of `2024-05-01T12:00:00.5Z`; 0 where it is no such time. */
export function parseTime(text: string): number {
  const match = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/.exec(text)?.slice(1).map(Number);
  if (match === undefined) return 0;
  const [year, month, day, hour, minute, second] = match as [number, number, number, number, number, number];
  return timegm(year, month - 1, day, hour, minute, second);
}
