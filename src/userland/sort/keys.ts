/** The keys of sort(1): `-k F[.C][OPTS][,F[.C][OPTS]]`, what part of a line they are, and how two of them compare. */

import { filevercmp } from "../libc/filevercmp.ts";

/** How keys compare. `string` is by bytes, as in the C locale; `float` is busybox's -n. */
export type Ordering = "string" | "numeric" | "float" | "general" | "human" | "month" | "random" | "version";

export interface KeyOptions {
  ordering: Ordering;
  reverse: boolean;
  fold: boolean;
  dictionary: boolean;
  printable: boolean;
  skipStartBlanks: boolean;
  skipEndBlanks: boolean;
}

export interface Key extends KeyOptions {
  startField: number;
  startChar: number;
  /** Infinity: to the end of the line. */
  endField: number;
  endChar: number;
}

export const plainOptions = (): KeyOptions => ({
  ordering: "string",
  reverse: false,
  fold: false,
  dictionary: false,
  printable: false,
  skipStartBlanks: false,
  skipEndBlanks: false,
});

export const hasOptions = (o: KeyOptions): boolean =>
  o.ordering !== "string" || o.reverse || o.fold || o.dictionary || o.printable || o.skipStartBlanks || o.skipEndBlanks;

const orderings: Readonly<Record<string, Ordering>> = { n: "numeric", g: "general", h: "human", M: "month", R: "random", V: "version" };

/** Sets what an option letter says; false where it is none. */
export function applyLetter(o: KeyOptions, letter: string, blanks: "start" | "end" | "both"): boolean {
  const ordering = orderings[letter];
  if (ordering !== undefined) o.ordering = ordering;
  else if (letter === "r") o.reverse = true;
  else if (letter === "f") o.fold = true;
  else if (letter === "d") o.dictionary = true;
  else if (letter === "i") o.printable = true;
  else if (letter === "b") {
    if (blanks !== "end") o.skipStartBlanks = true;
    if (blanks !== "start") o.skipEndBlanks = true;
  } else return false;
  return true;
}

const isBlank = (c: number): boolean => c === 32 || c === 9 || c === 10;

function skipBlanks(line: string, at: number): number {
  let i = at;
  while (i < line.length && isBlank(line.charCodeAt(i))) i++;
  return i;
}

function skipField(line: string, at: number): number {
  let i = skipBlanks(line, at);
  while (i < line.length && !isBlank(line.charCodeAt(i))) i++;
  return i;
}

function keyStart(line: string, key: Key, tab: string | undefined): number {
  let at = 0;
  for (let field = key.startField; field > 0 && at < line.length; field--) {
    if (tab === undefined) at = skipField(line, at);
    else {
      const found = line.indexOf(tab, at);
      at = found < 0 ? line.length : found + 1;
    }
  }
  if (key.skipStartBlanks) at = skipBlanks(line, at);
  return Math.min(line.length, at + key.startChar);
}

function keyEnd(line: string, key: Key, tab: string | undefined): number {
  if (key.endField === Number.POSITIVE_INFINITY) return line.length;
  let at = 0;
  let fields = key.endChar === 0 ? key.endField + 1 : key.endField;
  while (at < line.length && fields-- > 0) {
    if (tab === undefined) at = skipField(line, at);
    else {
      const found = line.indexOf(tab, at);
      at = found < 0 ? line.length : found;
      if (at < line.length && (fields > 0 || key.endChar > 0)) at++;
    }
  }
  if (key.endChar > 0) {
    if (key.skipEndBlanks) at = skipBlanks(line, at);
    at = Math.min(line.length, at + key.endChar);
  }
  return at;
}

export function keyText(line: string, key: Key, tab: string | undefined): string {
  const start = keyStart(line, key, tab);
  return line.slice(start, Math.max(start, keyEnd(line, key, tab)));
}

// ── Comparing ────────────────────────────────────────────────────────────────────────────────────────────────────────

const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const SUFFIXES = "kKMGTPEZY";
const suffixRank = (c: string): number => (c === "k" ? 1 : Math.max(SUFFIXES.indexOf(c), 0));

/** What of a key is compared: computed once a line. */
export type Comparable = string | number | readonly [number, number];

/** A number as `-n` reads it; as text where it has too many digits for a double. */
function numericOf(text: string): Comparable {
  const found = /^[ \t\n]*(-?)0*([0-9]*)(?:\.([0-9]*))?/.exec(text);
  const [, sign = "", whole = "", fraction = ""] = found ?? [];
  if (whole.length + fraction.length <= 15) return Number(`${sign}${whole || "0"}.${fraction || "0"}`) + 0;
  return `${sign}${whole}.${fraction.replace(/0+$/, "")}`;
}

function compareNumeric(a: Comparable, b: Comparable): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [x, y] = [`${a}`, `${b}`];
  const [nx, ny] = [x.startsWith("-"), y.startsWith("-")];
  if (nx !== ny) return nx ? -1 : 1;
  const [wx = "", fx = ""] = x.replace("-", "").split(".");
  const [wy = "", fy = ""] = y.replace("-", "").split(".");
  const order = wx.length !== wy.length ? wx.length - wy.length : byBytes(wx, wy) || byBytes(fx, fy);
  return nx ? -order : order;
}

/** 32 bits that look random, from a salt and the text: FNV-1a with a final mix. */
function hash(text: string, salt: number): number {
  let h = 2166136261 ^ salt;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The comparable form of a key's text. */
export function comparable(text: string, o: KeyOptions, salt: number): Comparable {
  switch (o.ordering) {
    case "numeric":
      return numericOf(text);
    case "float": {
      const found = /^[ \t\n]*([-+]?(?:[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?))/.exec(text)?.[1];
      return Number(found ?? 0);
    }
    case "general": {
      const found = /^[ \t\n]*([-+]?(?:[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|inf(?:inity)?|nan))/i.exec(
        text,
      )?.[1];
      // What is no number comes first, then NaN, then the numbers.
      if (found === undefined) return [0, 0];
      if (/nan/i.test(found)) return [1, 0];
      return [2, /inf/i.test(found) ? (found.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY) : Number(found)];
    }
    case "human": {
      const found = /^[ \t\n]*(-?)([0-9]*\.?[0-9]*)([kKMGTPEZY]?)/.exec(text);
      const value = Number(found?.[2] || "0") || 0;
      const rank = value === 0 ? 0 : suffixRank(found?.[3] ?? "");
      return found?.[1] === "-" && value !== 0 ? [-rank, -value] : [rank, value];
    }
    case "month": {
      const name = text.trimStart().slice(0, 3).toUpperCase();
      return MONTHS.indexOf(name) + 1;
    }
    case "random":
      return hash(text, salt);
    default: {
      let made = text;
      if (o.dictionary) made = made.replace(/[^A-Za-z0-9 \t\n]+/g, "");
      else if (o.printable) made = made.replace(/[^ -~]+/g, "");
      return o.fold ? made.replace(/[a-z]+/g, (s) => s.toUpperCase()) : made;
    }
  }
}

/** Compares two comparable forms made with the same options. */
export function compareKeys(a: Comparable, b: Comparable, o: KeyOptions): number {
  let order: number;
  if (o.ordering === "numeric") order = compareNumeric(a, b);
  else if (o.ordering === "version") order = filevercmp(a as string, b as string);
  else if (typeof a === "string") order = byBytes(a, b as string);
  else if (typeof a === "number") order = a - (b as number);
  else {
    const [x, y] = [a, b as readonly [number, number]];
    // Equal infinities have no difference.
    order = x[0] !== y[0] ? x[0] - y[0] : x[1] === y[1] ? 0 : x[1] - y[1];
  }
  return o.reverse ? -order : order;
}
