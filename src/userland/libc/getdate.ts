/**
 * Dates as people type them: gnulib's parse_datetime (`date -d`, `touch -d`), POSIX stamps (`touch -t`, `date MMDDhhmm`)
 * and what busybox takes. Times are UTC unless a zone is named.
 * Left out: rarer zone names, daylight saving, embedded TZ="…" other than UTC.
 */

import type { Timespec } from "../../abi/stat.ts";
import { daysFromCivil, gmtime, timegm } from "./strftime.ts";

const monthNames = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const zones: Readonly<Record<string, number>> = {
  utc: 0,
  ut: 0,
  gmt: 0,
  z: 0,
  wet: 0,
  bst: 1,
  west: 1,
  cet: 1,
  met: 1,
  cest: 2,
  mest: 2,
  eet: 2,
  sast: 2,
  eest: 3,
  msk: 3,
  ist: 5.5,
  sgt: 8,
  jst: 9,
  kst: 9,
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
  akst: -9,
  hst: -10,
};
const units: Readonly<Record<string, readonly [keyof Relative, number]>> = {
  year: ["years", 1],
  month: ["months", 1],
  fortnight: ["days", 14],
  week: ["days", 7],
  day: ["days", 1],
  hour: ["seconds", 3600],
  minute: ["seconds", 60],
  min: ["seconds", 60],
  second: ["seconds", 1],
  sec: ["seconds", 1],
};
const ordinals: Readonly<Record<string, number>> = {
  last: -1,
  this: 0,
  next: 1,
  first: 1,
  third: 3,
  fourth: 4,
  fifth: 5,
  sixth: 6,
  seventh: 7,
  eighth: 8,
  ninth: 9,
  tenth: 10,
  eleventh: 11,
  twelfth: 12,
};

interface Relative {
  years: number;
  months: number;
  days: number;
  seconds: number;
}

/** What was found so far. */
interface Found {
  date?: { year?: number; month: number; day: number };
  time?: { hour: number; minute: number; second: number; nsec: number };
  zoneSec?: number;
  weekday?: { day: number; ordinal: number };
  relative: Relative;
  relativeNsec: number;
  hasRelative: boolean;
}

type Rule = readonly [RegExp, (m: RegExpExecArray, f: Found) => boolean];

const fullYear = (text: string): number => (text.length > 2 ? Number(text) : Number(text) + (Number(text) < 69 ? 2000 : 1900));
const fraction = (text: string | undefined): number => (text === undefined ? 0 : Number(text.padEnd(9, "0").slice(0, 9)));

function findMonth(word: string): number {
  const at = monthNames.findIndex((name) => word.toLowerCase().startsWith(name));
  const full = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
  return at >= 0 && (word.length === 3 || full[at] === word.toLowerCase() || /^sept$/i.test(word)) ? at : -1;
}

function findWeekday(word: string): number {
  const at = dayNames.findIndex((name) => word.toLowerCase().startsWith(name));
  const full = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
  return at >= 0 && (word.length === 3 || full[at] === word.toLowerCase() || /^(tues|wednes|thur|thurs)$/i.test(word)) ? at : -1;
}

function setDate(f: Found, month: number, day: number, year?: number): boolean {
  if (f.date !== undefined || month < 0 || month > 11 || day < 1 || day > 31) return false;
  f.date = year === undefined ? { month, day } : { year, month, day };
  return true;
}

function setTime(f: Found, hour: number, minute: number, second: number, nsec: number, meridian?: string): boolean {
  if (f.time !== undefined || minute > 59 || second > 59) return false;
  let h = hour;
  if (meridian !== undefined && meridian !== "") {
    if (h < 1 || h > 12) return false;
    h = (h % 12) + (/^p/i.test(meridian) ? 12 : 0);
  } else if (h > 23) return false;
  f.time = { hour: h, minute, second, nsec };
  return true;
}

function setZone(f: Found, sign: string, hours: string, minutes: string | undefined): boolean {
  const h = hours.length > 2 ? Math.floor(Number(hours) / 100) : Number(hours);
  const m = minutes !== undefined ? Number(minutes) : hours.length > 2 ? Number(hours) % 100 : 0;
  if (h > 24 || m > 59) return false;
  f.zoneSec = (f.zoneSec ?? 0) + (sign === "-" ? -1 : 1) * (h * 3600 + m * 60);
  return true;
}

function addRelative(f: Found, amount: number, unit: string, nsec = 0): boolean {
  const found = units[unit.toLowerCase().replace(/s$/, "")] ?? units[unit.toLowerCase()];
  if (found === undefined) return false;
  f.relative[found[0]] += amount * found[1];
  if (found[0] === "seconds" && found[1] === 1) f.relativeNsec += nsec;
  f.hasRelative = true;
  return true;
}

const unitWord = "(years?|months?|fortnights?|weeks?|days?|hours?|minutes?|mins?|seconds?|secs?)\\b";
const zonePart = "(?:\\s*([-+])(\\d{1,4})(?::(\\d\\d))?)?";

/** Tried in order at the start of what is left. */
const rules: readonly Rule[] = [
  [/^\([^()]*\)/, () => true],
  [/^tz="(?:utc[0-9]*|gmt|)"/i, () => true],
  [
    // 2024-01-02, 2024-01-02T03:04
    /^(\d{4,})-(\d{1,2})-(\d{1,2})(?=$|[\sT,Z+-])(?:T(?=\d))?/i,
    (m, f) => setDate(f, Number(m[2]) - 1, Number(m[3]), Number(m[1])),
  ],
  [/^(\d{1,2})-(\d{1,2})-(\d{1,2})(?=$|\s)/, (m, f) => setDate(f, Number(m[2]) - 1, Number(m[3]), fullYear(m[1] ?? ""))],
  [/^(\d{4})\/(\d{1,2})\/(\d{1,2})(?=$|\s)/, (m, f) => setDate(f, Number(m[2]) - 1, Number(m[3]), Number(m[1]))],
  [/^(\d{1,2})\/(\d{1,2})\/(\d{2,4})(?=$|\s)/, (m, f) => setDate(f, Number(m[1]) - 1, Number(m[2]), fullYear(m[3] ?? ""))],
  [/^(\d{1,2})\/(\d{1,2})(?=$|\s)/, (m, f) => setDate(f, Number(m[1]) - 1, Number(m[2]))],
  [
    new RegExp(`^(\\d{1,2}):(\\d{1,2})(?::(\\d{1,2})(?:[.,](\\d+))?)?(?:\\s*([ap])\\.?m\\.?(?![a-z]))?${zonePart}(?![\\d:])`, "i"),
    (m, f) =>
      setTime(f, Number(m[1]), Number(m[2]), Number(m[3] ?? 0), fraction(m[4]), m[5]) &&
      (m[6] === undefined || !/^\d\d?$/.test(m[7] ?? "") || m[8] !== undefined || f.zoneSec === undefined) &&
      (m[6] === undefined || setZone(f, m[6], m[7] ?? "", m[8])),
  ],
  [/^(\d{1,2})\s*([ap])\.?m\.?(?![a-z])/i, (m, f) => setTime(f, Number(m[1]), 0, 0, 0, m[2])],
  [
    /^(\d{1,2})[-\s]*([a-z]{3,9})\.?(?:[-\s,]*(\d{4}|(?<=-)\d{2}))?(?=$|[\s,])/i,
    (m, f) => setDate(f, findMonth(m[2] ?? ""), Number(m[1]), m[3] === undefined ? undefined : fullYear(m[3])),
  ],
  [
    /^([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:\s*,\s*(\d{4}))?(?=$|[\s,])/i,
    (m, f) => setDate(f, findMonth(m[1] ?? ""), Number(m[2]), m[3] === undefined ? undefined : Number(m[3])),
  ],
  [/^([a-z]{3,9})-(\d{1,2})-(\d{2,4})/i, (m, f) => setDate(f, findMonth(m[1] ?? ""), Number(m[2]), fullYear(m[3] ?? ""))],
  [/^(?:today|now)\b/i, (_, f) => (f.hasRelative = true)],
  [/^yesterday\b/i, (_, f) => addRelative(f, -1, "day")],
  [/^tomorrow\b/i, (_, f) => addRelative(f, 1, "day")],
  [
    new RegExp(`^([-+]?)\\s*(\\d+)(?:[.,](\\d+))?\\s*${unitWord}(\\s+ago\\b)?`, "i"),
    (m, f) => {
      const sign = (m[1] === "-" ? -1 : 1) * (m[5] === undefined ? 1 : -1);
      return addRelative(f, sign * Number(m[2]), m[4] ?? "", sign * fraction(m[3]));
    },
  ],
  [
    new RegExp(
      `^(last|this|next|first|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth)\\s+${unitWord}(\\s+ago\\b)?`,
      "i",
    ),
    (m, f) => addRelative(f, (ordinals[(m[1] ?? "").toLowerCase()] ?? 0) * (m[3] === undefined ? 1 : -1), m[2] ?? ""),
  ],
  [
    /^(last|this|next|first|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth)\s+([a-z]+)/i,
    (m, f) => {
      const day = findWeekday(m[2] ?? "");
      if (day < 0 || f.weekday !== undefined) return false;
      f.weekday = { day, ordinal: ordinals[(m[1] ?? "").toLowerCase()] ?? 0 };
      return true;
    },
  ],
  [new RegExp(`^${unitWord}(\\s+ago\\b)?`, "i"), (m, f) => addRelative(f, m[2] === undefined ? 1 : -1, m[1] ?? "")],
  [/^([-+])(\d{1,2}):(\d\d)(?=$|\s)/, (m, f) => f.time !== undefined && setZone(f, m[1] ?? "", m[2] ?? "", m[3])],
  [/^([-+])(\d{1,4})(?=$|\s)/, (m, f) => f.time !== undefined && setZone(f, m[1] ?? "", m[2] ?? "", undefined)],
  [
    /^([a-z]+)\.?(?:([-+])(\d{1,4})(?::(\d\d))?)?(?=$|[\s,])/i,
    (m, f) => {
      const word = (m[1] ?? "").toLowerCase();
      const day = findWeekday(word);
      if (day >= 0 && m[2] === undefined) {
        if (f.weekday !== undefined) return false;
        f.weekday = { day, ordinal: 0 };
        return true;
      }
      const zone = zones[word];
      if (zone === undefined || f.zoneSec !== undefined) return false;
      f.zoneSec = zone * 3600;
      return m[2] === undefined || setZone(f, m[2], m[3] ?? "", m[4]);
    },
  ],
  [
    // Here a T is no separator but the military time zone, as the real one reads it.
    /^(\d{4})(\d{2})(\d{2})(T(?=\d))?(?=$|\s|\d)/i,
    (m, f) => {
      if (m[4] !== undefined) f.zoneSec = -7 * 3600;
      return setDate(f, Number(m[2]) - 1, Number(m[3]), Number(m[1]));
    },
  ],
  [
    // A bare number: a year after a date with a time, else hours, or hours and minutes.
    /^(\d{1,4})(?=$|\s|Z)/i,
    (m, f) => {
      const text = m[1] ?? "";
      if (f.date !== undefined && f.date.year === undefined && !f.hasRelative && (f.time !== undefined || text.length > 2)) {
        f.date.year = Number(text);
        return true;
      }
      return text.length <= 2 ? setTime(f, Number(text), 0, 0, 0) : setTime(f, Math.floor(Number(text) / 100), Number(text) % 100, 0, 0);
    },
  ],
];

/** The time that `text` names, seen from `now`; undefined where it names none. */
export function parseDatetime(text: string, now: Timespec): Timespec | undefined {
  const epoch = /^\s*@(-?\d+)(?:[.,](\d+))?\s*$/.exec(text);
  if (epoch !== null) {
    const nsec = fraction(epoch[2]);
    const sec = Number(epoch[1]);
    return (epoch[1] ?? "").startsWith("-") && nsec > 0 ? { sec: sec - 1, nsec: 1e9 - nsec } : { sec, nsec };
  }
  const found: Found = { relative: { years: 0, months: 0, days: 0, seconds: 0 }, relativeNsec: 0, hasRelative: false };
  let rest = text.trim();
  while (rest !== "") {
    const used = rules.find(([pattern, apply]) => {
      const before = { ...found, relative: { ...found.relative } };
      const match = pattern.exec(rest);
      if (match === null) return false;
      if (apply(match, found)) {
        rest = rest.slice(match[0].length);
        return true;
      }
      if (before.date === undefined) delete found.date;
      if (before.time === undefined) delete found.time;
      if (before.zoneSec === undefined) delete found.zoneSec;
      return false;
    });
    if (used === undefined) return undefined;
    rest = rest.replace(/^[\s,]+/, "");
  }
  return resolve(found, now);
}

function resolve(f: Found, now: Timespec): Timespec | undefined {
  const zone = f.zoneSec ?? 0;
  const today = gmtime(now.sec);
  const year = f.date?.year ?? today.year;
  const month = f.date?.month ?? today.month;
  const day = f.date?.day ?? today.day;
  if (f.date !== undefined && gmtime(timegm(year, month, day, 0, 0, 0)).day !== day) return undefined;
  const keepTime = f.time === undefined && f.date === undefined && f.weekday === undefined && f.hasRelative;
  const time =
    f.time ??
    (keepTime
      ? { hour: today.hour, minute: today.minute, second: today.second, nsec: now.nsec }
      : { hour: 0, minute: 0, second: 0, nsec: 0 });
  let days = day;
  if (f.weekday !== undefined && f.date === undefined) {
    const weekday = gmtime(timegm(year, month, day, 0, 0, 0)).weekday;
    const { day: want, ordinal } = f.weekday;
    days += ((want - weekday + 7) % 7) + 7 * (ordinal - (ordinal > 0 && weekday !== want ? 1 : 0));
  }
  const { relative } = f;
  const sec =
    daysFromCivil(year + relative.years, month + relative.months, days) * 86400 +
    relative.days * 86400 +
    time.hour * 3600 +
    time.minute * 60 +
    time.second +
    relative.seconds -
    zone;
  const nsec = time.nsec + f.relativeNsec;
  return { sec: sec + Math.floor(nsec / 1e9), nsec: ((nsec % 1e9) + 1e9) % 1e9 };
}

/** `[[CC]YY]MMDDhhmm[.ss]` of touch -t; undefined where it is none. */
export function parsePosixTime(text: string, now: Timespec): Timespec | undefined {
  const m = /^(\d{2}|\d{4})?(\d{2})(\d{2})(\d{2})(\d{2})(?:\.(\d{2}))?$/.exec(text);
  return m === null ? undefined : posixFields(m[1], m.slice(2, 7), now);
}

/** `MMDDhhmm[[CC]YY][.ss]`, how date sets the clock. */
export function parseDateOperand(text: string, now: Timespec): Timespec | undefined {
  const m = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{4}|\d{2})?(?:\.(\d{2}))?$/.exec(text);
  return m === null ? undefined : posixFields(m[5], [m[1], m[2], m[3], m[4], m[6]], now);
}

function posixFields(yearText: string | undefined, fields: readonly (string | undefined)[], now: Timespec): Timespec | undefined {
  const year = yearText === undefined ? gmtime(now.sec).year : fullYear(yearText);
  const [month = 1, day = 1, hour = 0, minute = 0, second = 0] = fields.map((field) => Number(field ?? 0));
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return undefined;
  const sec = timegm(year, month - 1, day, hour, minute, second);
  return gmtime(timegm(year, month - 1, day, 0, 0, 0)).day === day ? { sec, nsec: 0 } : undefined;
}

/** The formats that busybox documents; undefined for others. */
export function parseBusyboxDate(text: string, now: Timespec): Timespec | undefined {
  const today = gmtime(now.sec);
  const at = (y: number, mo: number, d: number, h: number, mi: number, s: number): Timespec | undefined =>
    mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || s > 60 ? undefined : { sec: timegm(y, mo - 1, d, h, mi, s), nsec: 0 };
  let m = /^@(-?\d+)$/.exec(text);
  if (m !== null) return { sec: Number(m[1]), nsec: 0 };
  m = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (m !== null) return at(today.year, today.month + 1, today.day, Number(m[1]), Number(m[2]), Number(m[3] ?? 0));
  m = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (m !== null) return at(Number(m[1]), Number(m[2]), Number(m[3]), Number(m[4] ?? 0), Number(m[5] ?? 0), Number(m[6] ?? 0));
  m = /^(?:(\d{4})\.)?(\d{1,2})\.(\d{1,2})-(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (m !== null)
    return at(m[1] === undefined ? today.year : Number(m[1]), Number(m[2]), Number(m[3]), Number(m[4]), Number(m[5]), Number(m[6] ?? 0));
  return parsePosixTime(text, now);
}
