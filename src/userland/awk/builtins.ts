/** The functions of awk: those that answer at once. What sleeps (system, close, fflush, systime) is in `compile.ts`. */

import { strftime, timegm } from "../libc/strftime.ts";
import type { Regex } from "../libc/regex.ts";
import { fromByteString, toByteString } from "../libc/lines.ts";
import { AwkRuntimeError, makeSplitter, type Runtime, splitText } from "./runtime.ts";
import { type AwkArray, StrNum, textToNumber, toNumber, type Value } from "./value.ts";

/** A regular expression given as text; the last one is kept. */
export class DynamicRegex {
  private source: string | undefined;
  private regex: Regex | undefined;

  constructor(private readonly rt: Runtime) {}

  get(source: string): Regex {
    if (this.regex === undefined || this.source !== source) {
      this.regex = this.rt.regex(source);
      this.source = source;
    }
    return this.regex;
  }
}

export function substr(rt: Runtime, args: readonly Value[]): string {
  const text = rt.text(args[0]);
  let start = Math.trunc(toNumber(args[1]));
  if (args.length < 3) return start < 1 ? text : text.slice(start - 1);
  let length = toNumber(args[2]);
  if (Number.isNaN(length)) return "";
  if (start < 1) {
    // mawk 1.3.4 20200120 lengthens the piece by what stands before the beginning; busybox just begins at 1.
    if (rt.voice === "gnu") length -= start;
    start = 1;
  }
  length = Math.trunc(length);
  return length <= 0 ? "" : text.slice(start - 1, start - 1 + length);
}

/** Replaces the first match (or all) in `text`. Returns the new text and how many were replaced. */
export function replaceMatches(
  rt: Runtime,
  text: string,
  regex: Regex,
  replacement: string,
  all: boolean,
): { text: string; count: number } {
  const parts = replacementParts(replacement);
  let out = "";
  let copied = 0;
  let count = 0;
  let lastEnd = -1;
  for (let from = 0; from <= text.length; ) {
    const match = regex.exec(text, from);
    if (match === undefined) break;
    const empty = match.end === match.start;
    // Right behind another match an empty one does not count, but for busybox.
    if (!(empty && match.start === lastEnd) || rt.voice === "busybox") {
      out += text.slice(copied, match.start) + (parts.length === 1 ? parts[0] : parts.join(match.groups[0]));
      copied = match.end;
      count++;
      if (!all) break;
    }
    lastEnd = match.end;
    from = empty ? match.end + 1 : match.end;
  }
  return { text: count === 0 ? text : out + text.slice(copied), count };
}

/** The pieces between the `&` that stand for the match. */
function replacementParts(replacement: string): string[] {
  if (!replacement.includes("&") && !replacement.includes("\\")) return [replacement];
  const parts: string[] = [""];
  const add = (text: string): void => {
    parts[parts.length - 1] += text;
  };
  for (let i = 0; i < replacement.length; i++) {
    const c = replacement[i] as string;
    if (c === "&") parts.push("");
    else if (c === "\\" && replacement[i + 1] === "&") {
      add("&");
      i++;
    } else if (c === "\\" && replacement[i + 1] === "\\") {
      add("\\");
      i++;
    } else add(c);
  }
  return parts;
}

export function splitInto(rt: Runtime, array: AwkArray, text: string, separator: Regex | Value, isRegex: boolean): number {
  const splitter = isRegex
    ? ({ kind: "regex", regex: separator as Regex } as const)
    : makeSplitter(rt.text((separator as Value) ?? rt.getGlobal("FS")), (source) => rt.regex(source));
  const parts = splitText(text, splitter);
  array.clear();
  parts.forEach((part, i) => {
    array.set(`${i + 1}`, new StrNum(part));
  });
  return parts.length;
}

const maths: Readonly<Record<string, (x: number, y: number) => number>> = {
  sin: Math.sin,
  cos: Math.cos,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  int: Math.trunc,
  atan2: Math.atan2,
  and: (x, y) => (x & y) >>> 0,
  or: (x, y) => (x | y) >>> 0,
  xor: (x, y) => (x ^ y) >>> 0,
  compl: (x) => ~x >>> 0,
  lshift: (x, y) => (x << y) >>> 0,
  rshift: (x, y) => x >>> y,
};

/** The function by name, for those that need nothing but the values of their arguments. */
export function plainBuiltin(rt: Runtime, name: string): ((args: readonly Value[]) => Value) | undefined {
  const math = maths[name];
  if (math !== undefined) return (args) => math(toNumber(args[0]), toNumber(args[1]));
  switch (name) {
    case "index":
      return (args) => {
        const wanted = rt.text(args[1]);
        if (wanted === "" && rt.voice === "busybox") return 0;
        return rt.text(args[0]).indexOf(wanted) + 1;
      };
    case "substr":
      return (args) => substr(rt, args);
    case "sprintf":
      return (args) => rt.format(args, "sprintf");
    case "tolower":
      return (args) => rt.text(args[0]).replace(/[A-Z]+/g, (s) => s.toLowerCase());
    case "toupper":
      return (args) => rt.text(args[0]).replace(/[a-z]+/g, (s) => s.toUpperCase());
    case "rand":
      if (rt.voice === "busybox") return () => busyboxRandom(rt);
      return () => rt.random.next() / 2147483647;
    case "mktime":
      return (args) => mktime(rt.text(args[0]));
    default:
      return undefined;
  }
}

/** 63 random bits of three draws. */
function busyboxRandom(rt: Runtime): number {
  const low = ((rt.random.next() << 16) ^ rt.random.next()) >>> 0;
  return (rt.random.next() * 2 ** 32 + low) / 2 ** 63;
}

/** `YYYY MM DD HH MM SS`, in UTC as the machine's zone is. */
function mktime(text: string): number {
  const parts = text.trim().split(/\s+/).map(textToNumber);
  if (parts.length < 6) return -1;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  return timegm(year, month - 1, day, hour, minute, second);
}

export function formatTime(format: string, seconds: number): string {
  return toByteString(strftime(fromByteString(format), { sec: Math.trunc(seconds), nsec: 0 }));
}

/** gensub(re, replacement, how, target) of busybox. */
export function gensub(regex: Regex, replacement: string, how: string, text: string): string {
  const global = /^g/i.test(how);
  const wanted = global ? 1 : Math.max(Math.trunc(textToNumber(how)), 1);
  let out = "";
  let copied = 0;
  let count = 0;
  let lastEnd = -1;
  for (let from = 0; from <= text.length; ) {
    const match = regex.exec(text, from);
    if (match === undefined) break;
    const empty = match.end === match.start;
    if (!(empty && match.start === lastEnd) && ++count >= wanted) {
      out +=
        text.slice(copied, match.start) +
        replacement.replace(/\\([0-9&\\])|&/g, (_, c: string | undefined) =>
          c === undefined || c === "0" ? (match.groups[0] ?? "") : /[0-9]/.test(c) ? (match.groups[Number(c)] ?? "") : c,
        );
      copied = match.end;
      if (!global) break;
    }
    lastEnd = match.end;
    from = empty ? match.end + 1 : match.end;
  }
  return out + text.slice(copied);
}

/** The keys in the order in which the real table is walked: by hash bucket, newest first. */
export function keysInOrder(rt: Runtime, array: AwkArray): string[] {
  const keys = [...array.keys()].reverse();
  const bucketOf = rt.voice === "gnu" ? fnvBucket(keys.length) : busyboxBucket(keys.length);
  const buckets = new Map(keys.map((key) => [key, bucketOf(key)]));
  return keys.sort((a, b) => (buckets.get(a) as number) - (buckets.get(b) as number));
}

/** mawk: FNV-1a, a table of 64 that doubles when its lists are longer than 12 on average. */
function fnvBucket(size: number): (key: string) => number {
  let mask = 63;
  while (size > (mask + 1) * 12) mask = mask * 2 + 1;
  return (key) => {
    let hash = 2166136261;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 16777619);
    return (hash >>> 0) & mask;
  };
}

/** busybox: base 63, tables of prime size. */
function busyboxBucket(size: number): (key: string) => number {
  const prime = [61, 251, 1021, 4093, 16381, 65521].find((p) => size <= p * 10) ?? 65521;
  return (key) => {
    let hash = 0;
    for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 63) + key.charCodeAt(i)) >>> 0;
    return hash % prime;
  };
}

export function divide(rt: Runtime, a: number, b: number): number {
  if (b === 0 && rt.voice === "busybox") throw new AwkRuntimeError("Division by zero");
  return a / b;
}
