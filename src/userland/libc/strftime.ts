/**
 * Broken-down time and its text: gmtime(3), strftime(3) with the flags, widths and `%N` of GNU date.
 * Left out: time zones other than UTC with a fixed offset and name; locales other than C.
 */

import type { Timespec } from "../../abi/stat.ts";

/** struct tm. */
export interface Tm {
  readonly year: number;
  /** 0 … 11. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** 0 … 365. */
  readonly yearDay: number;
}

/** Where a time is shown. */
export interface Zone {
  readonly name: string;
  /** Seconds east of Greenwich. */
  readonly offsetSec: number;
}

export const UTC: Zone = { name: "UTC", offsetSec: 0 };

export const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
export const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

/** Days from 1970-01-01 to a date of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms"). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = year + Math.floor(month / 12) - (((month % 12) + 12) % 12 < 2 ? 1 : 0);
  const m = (((month % 12) + 12) % 12) + 1;
  const era = Math.floor(y / 400);
  const yoe = y - era * 400;
  const doy = Math.floor((153 * (m + (m > 2 ? -3 : 9)) + 2) / 5);
  const doe = yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy;
  return era * 146097 + doe - 719468 + day - 1;
}

/** Seconds since the epoch; fields may be out of range and carry over, as in timegm(3). `month` counts from 0. */
export function timegm(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  return daysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

export function gmtime(sec: number): Tm {
  const days = Math.floor(sec / 86400);
  const rest = sec - days * 86400;
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 2 : mp - 10;
  const year = yoe + era * 400 + (month < 2 ? 1 : 0);
  return {
    year,
    month,
    day: doy - Math.floor((153 * mp + 2) / 5) + 1,
    hour: Math.floor(rest / 3600),
    minute: Math.floor((rest % 3600) / 60),
    second: rest % 60,
    weekday: (((days + 4) % 7) + 7) % 7,
    yearDay: days - daysFromCivil(year, 0, 1),
  };
}

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

/** Year and week of ISO 8601. */
function isoWeek(tm: Tm): readonly [number, number] {
  const monday = (tm.weekday + 6) % 7;
  const week = Math.floor((tm.yearDay - monday + 10) / 7);
  if (week < 1) {
    const year = tm.year - 1;
    const last = isLeap(year) ? 366 : 365;
    return [year, Math.floor((tm.yearDay + last - monday + 10) / 7)];
  }
  if (week === 53) {
    const left = (isLeap(tm.year) ? 366 : 365) - tm.yearDay;
    if (left <= 3 - monday) return [tm.year + 1, 1];
  }
  return [tm.year, week];
}

function offsetText(zone: Zone, colons: number): string {
  const sign = zone.offsetSec < 0 ? "-" : "+";
  const at = Math.abs(zone.offsetSec);
  const two = (n: number): string => `${Math.floor(n)}`.padStart(2, "0");
  const [h, m, s] = [two(at / 3600), two((at % 3600) / 60), two(at % 60)];
  if (colons === 0) return `${sign}${h}${m}`;
  if (colons === 1) return `${sign}${h}:${m}`;
  if (colons === 2) return `${sign}${h}:${m}:${s}`;
  return `${sign}${h}${m === "00" && s === "00" ? "" : `:${m}`}${s === "00" ? "" : `:${s}`}`;
}

/** What a conversion gives before flags and width: a number with its width and padding, or text. */
type Piece = { readonly number: number; readonly width: number; readonly pad: string } | { readonly text: string } | undefined;

function piece(letter: string, tm: Tm, at: Timespec, zone: Zone, colons: number): Piece {
  const zeros = (number: number, width = 2): Piece => ({ number, width, pad: "0" });
  const blanks = (number: number, width = 2): Piece => ({ number, width, pad: " " });
  const sub = (format: string): Piece => ({ text: strftime(format, at, zone) });
  const hour12 = tm.hour % 12 === 0 ? 12 : tm.hour % 12;
  switch (letter) {
    case "%":
      return { text: "%" };
    case "n":
      return { text: "\n" };
    case "t":
      return { text: "\t" };
    case "a":
      return { text: (weekdays[tm.weekday] ?? "").slice(0, 3) };
    case "A":
      return { text: weekdays[tm.weekday] ?? "" };
    case "b":
    case "h":
      return { text: (months[tm.month] ?? "").slice(0, 3) };
    case "B":
      return { text: months[tm.month] ?? "" };
    case "c":
      return sub("%a %b %e %H:%M:%S %Y");
    case "C":
      return zeros(Math.floor(tm.year / 100));
    case "d":
      return zeros(tm.day);
    case "D":
    case "x":
      return sub("%m/%d/%y");
    case "e":
      return blanks(tm.day);
    case "F":
      return sub("%Y-%m-%d");
    case "g":
      return zeros(((isoWeek(tm)[0] % 100) + 100) % 100);
    case "G":
      return zeros(isoWeek(tm)[0], 4);
    case "H":
      return zeros(tm.hour);
    case "I":
      return zeros(hour12);
    case "j":
      return zeros(tm.yearDay + 1, 3);
    case "k":
      return blanks(tm.hour);
    case "l":
      return blanks(hour12);
    case "m":
      return zeros(tm.month + 1);
    case "M":
      return zeros(tm.minute);
    case "p":
      return { text: tm.hour < 12 ? "AM" : "PM" };
    case "P":
      return { text: tm.hour < 12 ? "am" : "pm" };
    case "q":
      return zeros(Math.floor(tm.month / 3) + 1, 1);
    case "r":
      return sub("%I:%M:%S %p");
    case "R":
      return sub("%H:%M");
    case "s":
      return zeros(at.sec, 1);
    case "S":
      return zeros(tm.second);
    case "T":
    case "X":
      return sub("%H:%M:%S");
    case "u":
      return zeros(tm.weekday === 0 ? 7 : tm.weekday, 1);
    case "U":
      return zeros(Math.floor((tm.yearDay + 7 - tm.weekday) / 7));
    case "V":
      return zeros(isoWeek(tm)[1]);
    case "w":
      return zeros(tm.weekday, 1);
    case "W":
      return zeros(Math.floor((tm.yearDay + 7 - ((tm.weekday + 6) % 7)) / 7));
    case "y":
      return zeros(((tm.year % 100) + 100) % 100);
    case "Y":
      return zeros(tm.year, 4);
    case "z":
      return { text: offsetText(zone, colons) };
    case "Z":
      return { text: zone.name };
    default:
      return undefined;
  }
}

/** `at` in the given format. A conversion that does not exist stays as it is. */
export function strftime(format: string, at: Timespec, zone: Zone = UTC): string {
  const tm = gmtime(at.sec + zone.offsetSec);
  return format.replace(
    /%([_\-0^#+]*)([0-9]*)(:{0,3})[EO]?([a-zA-Z%])/g,
    (all, flags: string, width: string, colons: string, letter: string) => {
      const want = width === "" ? 0 : Number(width);
      if (letter === "N" && colons === "") return nanoseconds(at.nsec, flags, want);
      if (colons !== "" && letter !== "z") return all;
      const made = piece(letter, tm, at, zone, colons.length);
      if (made === undefined) return all;
      let text: string;
      if ("number" in made) text = paddedNumber(made.number, flags, want, made.width, made.pad);
      else {
        text = letter === "z" ? paddedOffset(made.text, flags, want) : made.text.padStart(want, /[0+]/.test(flags) ? "0" : " ");
      }
      if (flags.includes("^")) return text.toUpperCase();
      if (flags.includes("#")) return letter === "p" || letter === "Z" ? text.toLowerCase() : text.toUpperCase();
      return text;
    },
  );
}

function paddedNumber(number: number, flags: string, want: number, width: number, usual: string): string {
  const flag = /[-_0+](?=[^-_0+]*$)/.exec(flags)?.[0];
  const digits = `${Math.abs(number)}`;
  const sign = number < 0 ? "-" : "";
  if (flag === "-") return sign + digits;
  const pad = flag === "_" ? " " : flag === "0" || flag === "+" ? "0" : usual;
  const columns = Math.max(want, want > 0 ? want : width) - sign.length;
  return pad === "0" ? sign + digits.padStart(columns, "0") : (sign + digits).padStart(columns + sign.length, " ");
}

/** `%z`: zeros go between the sign and the digits, blanks before the sign. */
function paddedOffset(text: string, flags: string, want: number): string {
  if (/[-_]/.test(flags)) return text.replace(/^([+-])0+(?=[0-9])/, "$1").padStart(flags.includes("_") ? want : 0);
  return `${text[0] ?? ""}${text.slice(1).padStart(want - 1, "0")}`;
}

/** `%N`: all nine digits, or the first few where a width says so. */
function nanoseconds(nsec: number, flags: string, want: number): string {
  const digits = `${nsec}`.padStart(9, "0");
  if (want === 0) return digits;
  if (/[-_]/.test(flags))
    return digits
      .slice(0, want)
      .replace(/(.)0+$/, "$1")
      .padEnd(flags.includes("_") ? want : 0);
  return digits.slice(0, want).padEnd(want, "0");
}
