/** Times of image configurations: RFC 3339 read and compared without a calendar of the host. */

import type { Timespec } from "../../abi/stat.ts";

/** What Go has for a time that was never set: the first of January of the year 1. */
export const ZERO_TIME: Timespec = { sec: -62_135_596_800, nsec: 0 };

/** `2026-11-22T05:20:34.598153741Z`; ZERO_TIME for what is none. */
export function parseRfc3339(text: string | undefined): Timespec {
  const match = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):(\d\d))$/.exec(text ?? "");
  if (match === null) return ZERO_TIME;
  const number = (i: number): number => Number(match[i] ?? 0);
  const zone = (match[8] === "-" ? -1 : 1) * (number(9) * 3600 + number(10) * 60);
  const days = daysFromCivil(number(1), number(2), number(3));
  const nsec = Number((match[7] ?? "").padEnd(9, "0"));
  return { sec: days * 86_400 + number(4) * 3600 + number(5) * 60 + number(6) - zone, nsec };
}

/** Days since 1970 in the Gregorian calendar. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

/** Below zero where `a` is before `b`. */
export const compareTimes = (a: Timespec, b: Timespec): number => a.sec - b.sec || a.nsec - b.nsec;
