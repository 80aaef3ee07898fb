/** The format of find's -printf, and its -ls lines: findutils `print.c`, gnulib `listfile.c`. */

import { ELOOP, ENOENT, ENOTDIR, Errno } from "../../abi/errno.ts";
import { isBlk, isChr, isLnk, major, minor, S_IFMT, type Stat, type Timespec } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { modeString, typeLetter } from "../libc/mode.ts";
import type { IdNames } from "../libc/passwd.ts";
import { quotearg } from "../libc/quotearg.ts";
import { strftime } from "../libc/strftime.ts";
import { dirname, optional, readlink, stat } from "../libc/unistd.ts";
import { fsTypeOf } from "./fstype.ts";
import type { Visit } from "./walk.ts";

interface Context {
  readonly sys: Sys;
  readonly names: IdNames;
  readonly nowSec: number;
}

type Segment =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "stop" }
  | {
      readonly kind: "field";
      readonly letter: string;
      readonly sub: string;
      readonly flags: string;
      readonly width: number;
      readonly precision?: number;
    };

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "0": "\0",
  "\\": "\\",
};
const FIELDS = "abcdDfFgGhHiklmMnpPsStuUyY";

export interface Format {
  readonly segments: readonly Segment[];
  readonly warnings: readonly string[];
}

/** Compiles a format. Throws a string, the message, if it cannot be. */
export function compileFormat(format: string): Format {
  const segments: Segment[] = [];
  const warnings: string[] = [];
  const text = (part: string): void => {
    const last = segments.at(-1);
    if (last?.kind === "text") segments[segments.length - 1] = { kind: "text", text: last.text + part };
    else segments.push({ kind: "text", text: part });
  };
  for (let i = 0; i < format.length; i++) {
    const ch = format[i] as string;
    if (ch === "\\") {
      const octal = /^[0-7]{1,3}/.exec(format.slice(i + 1))?.[0];
      const next = format[i + 1];
      if (next === undefined) {
        warnings.push("warning: escape `\\' followed by nothing at all");
        text("\\");
      } else if (octal !== undefined) {
        text(String.fromCharCode(Number.parseInt(octal, 8) & 0xff));
        i += octal.length;
      } else {
        i++;
        if (next === "c") {
          segments.push({ kind: "stop" });
          return { segments, warnings };
        }
        const escaped = ESCAPES[next];
        if (escaped === undefined) warnings.push(`warning: unrecognized escape \`\\${next}'`);
        text(escaped ?? `\\${next}`);
      }
      continue;
    }
    if (ch !== "%") {
      text(ch);
      continue;
    }
    const match = /^%([-+ #0]*)([0-9]*)(?:\.([0-9]+))?([\s\S]?)/.exec(format.slice(i)) as RegExpExecArray;
    const letter = match[4] as string;
    if (letter === "") throw "error: % at end of format string";
    i += match[0].length - 1;
    if (letter === "%") text("%");
    else if ("ABCT".includes(letter)) {
      const sub = format[i + 1];
      if (sub === undefined) {
        warnings.push(`warning: format directive \`%${letter}' should be followed by another character`);
        text(match[0]);
        continue;
      }
      i++;
      segments.push(field(match, letter, sub));
    } else if (FIELDS.includes(letter)) segments.push(field(match, letter, ""));
    else if (letter === "Z") throw "error: the format directive `%Z' is reserved for SELinux, which this system does not have";
    else {
      warnings.push(`warning: unrecognized format directive \`${match[0]}'`);
      text(match[0]);
    }
  }
  return { segments, warnings };
}

function field(match: RegExpExecArray, letter: string, sub: string): Segment {
  const precision = match[3] === undefined ? {} : { precision: Number(match[3]) };
  return { kind: "field", letter, sub, flags: match[1] ?? "", width: Number(match[2] ?? 0), ...precision };
}

/** One line (or whatever the format makes) for a file. */
export function* format(c: Context, segments: readonly Segment[], visit: Visit): Proc<string> {
  let out = "";
  for (const segment of segments) {
    if (segment.kind === "stop") break;
    if (segment.kind === "text") {
      out += segment.text;
      continue;
    }
    let value = yield* fieldOf(c, segment.letter, segment.sub, visit);
    if (segment.precision !== undefined) value = "fhHlpPgudi".includes(segment.letter) ? value.slice(0, segment.precision) : value;
    // Only the depth and the mode are numbers to printf(3); the others are text already.
    const zero = segment.flags.includes("0") && "dm".includes(segment.letter) ? "0" : " ";
    out += segment.flags.includes("-") ? value.padEnd(segment.width) : value.padStart(segment.width, zero);
  }
  return out;
}

function* fieldOf(c: Context, letter: string, sub: string, visit: Visit): Proc<string> {
  const { path } = visit;
  const bare = path.replace(/\/+$/, "") || path;
  switch (letter) {
    case "p":
      return path;
    case "f":
      return bare === "/"
        ? "/"
        : bare.slice(bare.lastIndexOf("/") + 1) + (visit.depth === 0 && path !== bare ? path.slice(bare.length) : "");
    case "h":
      return bare.includes("/") ? (bare === "/" ? "" : dirname(bare) === "/" ? "" : bare.slice(0, bare.lastIndexOf("/"))) : ".";
    case "H":
      return visit.argument;
    case "P":
      return visit.depth === 0 ? "" : path.slice(visit.argument.length).replace(/^\/+/, "");
    case "d":
      return `${visit.depth}`;
    case "l":
      return isLnk(yield* visit.type()) ? yield* readlink(c.sys, path) : "";
    case "y":
      return findTypeLetter(yield* visit.type());
    case "Y":
      return yield* targetType(c.sys, visit);
  }
  const st = yield* visit.stat();
  switch (letter) {
    case "a":
      return longTime(st.atime);
    case "c":
      return longTime(st.ctime);
    case "t":
      return longTime(st.mtime);
    case "A":
      return timeField(sub, st.atime);
    case "B":
      return timeField(sub, st.btime);
    case "C":
      return timeField(sub, st.ctime);
    case "T":
      return timeField(sub, st.mtime);
    case "b":
      return `${st.blocks}`;
    case "k":
      return `${Math.ceil(st.blocks / 2)}`;
    case "D":
      return `${major(st.dev) * 256 + minor(st.dev)}`;
    case "F":
      return (yield* fsTypeOf(c.sys, st.dev)) ?? "unknown";
    case "g":
      return (yield* c.names.group(st.gid)) ?? `${st.gid}`;
    case "G":
      return `${st.gid}`;
    case "u":
      return (yield* c.names.user(st.uid)) ?? `${st.uid}`;
    case "U":
      return `${st.uid}`;
    case "i":
      return `${st.ino}`;
    case "m":
      return (st.mode & 0o7777).toString(8);
    case "M":
      return modeString(st.mode);
    case "n":
      return `${st.nlink}`;
    case "s":
      return `${st.size}`;
    case "S":
      return st.size === 0 ? (st.blocks === 0 ? "1" : "-inf") : shortNumber((512 * st.blocks) / st.size);
    default:
      return "";
  }
}

/** The letters of -type: `f` where ls shows `-`. */
export const findTypeLetter = (mode: number): string => typeLetter(mode & S_IFMT).replace("-", "f");

function* targetType(sys: Sys, visit: Visit): Proc<string> {
  if (!isLnk(yield* visit.type())) return findTypeLetter(yield* visit.type());
  try {
    return findTypeLetter((yield* stat(sys, visit.path)).mode);
  } catch (e) {
    if (e === ENOENT || e === ENOTDIR) return "N";
    if (e === ELOOP) return "L";
    if (e instanceof Errno) return "?";
    throw e;
  }
}

/** printf's %g. */
function shortNumber(n: number): string {
  return `${Number(n.toPrecision(6))}`;
}

const nanos = (t: Timespec): string => `${String(t.nsec).padStart(9, "0")}0`;

const longTime = (t: Timespec): string => strftime("%a %b %e %H:%M:%S.", t) + nanos(t) + strftime(" %Y", t);

function timeField(sub: string, t: Timespec): string {
  if (sub === "@") return `${t.sec}.${nanos(t)}`;
  if (sub === "+") return `${strftime("%Y-%m-%d+%H:%M:%S", t)}.${nanos(t)}`;
  if (sub === "S" || sub === "T" || sub === "X") return `${strftime(`%${sub}`, t)}.${nanos(t)}`;
  if (sub === "c") return longTime(t);
  if ("aAbBdDFgGhHIjklmMnpqrRstuUVwWxyYzZ".includes(sub)) return strftime(`%${sub}`, t);
  return `%${sub}`;
}

const SIX_MONTHS = 31556952 / 2;

/** A line of -ls: inode, KiB, mode, links, user, group, size, time, name. */
export function* lsLine(c: Context, visit: Visit): Proc<string> {
  const st: Stat = yield* visit.stat();
  const user = (yield* c.names.user(st.uid)) ?? `${st.uid}`;
  const group = (yield* c.names.group(st.gid)) ?? `${st.gid}`;
  const size =
    isChr(st.mode) || isBlk(st.mode) ? `${`${major(st.rdev)}`.padStart(3)}, ${`${minor(st.rdev)}`.padStart(3)}` : `${st.size}`.padStart(8);
  const recent = st.mtime.sec > c.nowSec - SIX_MONTHS && st.mtime.sec <= c.nowSec;
  const time = strftime(recent ? "%b %e %H:%M" : "%b %e  %Y", st.mtime);
  const target = isLnk(st.mode) ? yield* optional(readlink(c.sys, visit.path)) : undefined;
  const name = quotearg(visit.path, "escape") + (target === undefined ? "" : ` -> ${quotearg(target, "escape")}`);
  return (
    `${`${st.ino}`.padStart(9)} ${`${Math.ceil(st.blocks / 2)}`.padStart(6)} ${modeString(st.mode)} ${`${st.nlink}`.padStart(3)} ` +
    `${user.padEnd(8)} ${group.padEnd(8)} ${size} ${time} ${name}\n`
  );
}
