/** The command line of grep(1) 3.8 and of busybox grep. */

import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { Errno } from "../../abi/errno.ts";
import { type Command, Exit } from "../libc/command.ts";
import { type LongOption, UsageError } from "../libc/getopt.ts";
import { readFile } from "../libc/unistd.ts";
import type { PatternKind } from "./matcher.ts";

export interface GrepOptions {
  kind: PatternKind;
  patterns: string[] | undefined;
  icase: boolean;
  invert: boolean;
  whole: "line" | "word" | undefined;
  list: "none" | "matching" | "others";
  count: boolean;
  only: boolean;
  quiet: boolean;
  noMessages: boolean;
  lineNumbers: boolean;
  byteOffsets: boolean;
  names: "auto" | "always" | "never";
  nulAfterName: boolean;
  before: number;
  after: number;
  max: number;
  nulData: boolean;
  /** What a file of bytes that are no text gives: a note, its lines, or nothing. */
  binary: "note" | "text" | "skip";
  recursive: "no" | "yes" | "following";
  directories: "read" | "skip";
  color: "never" | "auto" | "always";
  label: string;
  lineBuffered: boolean;
  include: string[];
  exclude: string[];
  excludeDir: string[];
  operands: readonly string[];
}

const long: readonly LongOption[] = [
  { name: "extended-regexp", as: "E" },
  { name: "fixed-strings", as: "F" },
  { name: "basic-regexp", as: "G" },
  { name: "perl-regexp", as: "P" },
  { name: "regexp", arg: "required", as: "e" },
  { name: "file", arg: "required", as: "f" },
  { name: "ignore-case", as: "i" },
  { name: "no-ignore-case" },
  { name: "word-regexp", as: "w" },
  { name: "line-regexp", as: "x" },
  { name: "null-data", as: "z" },
  { name: "no-messages", as: "s" },
  { name: "invert-match", as: "v" },
  { name: "max-count", arg: "required", as: "m" },
  { name: "byte-offset", as: "b" },
  { name: "line-number", as: "n" },
  { name: "line-buffered" },
  { name: "with-filename", as: "H" },
  { name: "no-filename", as: "h" },
  { name: "label", arg: "required" },
  { name: "only-matching", as: "o" },
  { name: "quiet", as: "q" },
  { name: "silent", as: "q" },
  { name: "binary-files", arg: "required" },
  { name: "text", as: "a" },
  { name: "directories", arg: "required", as: "d" },
  { name: "recursive", as: "r" },
  { name: "dereference-recursive", as: "R" },
  { name: "include", arg: "required" },
  { name: "exclude", arg: "required" },
  { name: "exclude-dir", arg: "required" },
  { name: "files-without-match", as: "L" },
  { name: "files-with-matches", as: "l" },
  { name: "count", as: "c" },
  { name: "null", as: "Z" },
  { name: "before-context", arg: "required", as: "B" },
  { name: "after-context", arg: "required", as: "A" },
  { name: "context", arg: "required", as: "C" },
  { name: "color", arg: "optional" },
  { name: "colour", arg: "optional", as: "color" },
  { name: "binary", as: "U" },
];

const kinds: Readonly<Record<string, PatternKind>> = { E: "extended", F: "fixed", G: "basic", P: "perl" };

/** The first operand is the pattern unless -e or -f gave some. */
export function* parseOptions(c: Command): Proc<GrepOptions> {
  const gnu = c.voice === "gnu";
  const spec = gnu
    ? { short: "0123456789EFGPe:f:iywxzsvm:bnHhoqaId:rRLlcZB:A:C:U", long }
    : { short: "HhnlLoqvsrRiwFExzcm:A:B:C:e:f:", long: [] };
  const parsed = yield* c.getopt(spec);
  const o: GrepOptions = {
    kind: "basic",
    patterns: undefined,
    icase: false,
    invert: false,
    whole: undefined,
    list: "none",
    count: false,
    only: false,
    quiet: false,
    noMessages: false,
    lineNumbers: false,
    byteOffsets: false,
    names: "auto",
    nulAfterName: false,
    before: -1,
    after: -1,
    max: Number.POSITIVE_INFINITY,
    nulData: false,
    binary: gnu ? "note" : "text",
    recursive: "no",
    directories: "read",
    color: "never",
    label: "(standard input)",
    lineBuffered: false,
    include: [],
    exclude: [],
    excludeDir: [],
    operands: [],
  };
  let kindGiven: string | undefined;
  let context = -1;
  let digits = "";
  for (const { name, arg, hasArg } of parsed.options) {
    if (/^[0-9]$/.test(name)) {
      digits += name;
      context = Number(digits);
      continue;
    }
    digits = "";
    if (kinds[name] !== undefined) {
      if (kindGiven === "P" ? name !== "P" : kindGiven !== undefined && name === "P") yield* c.fail("conflicting matchers specified", 2);
      kindGiven = name;
      o.kind = kinds[name] as PatternKind;
    } else if (name === "f") o.patterns = [...(o.patterns ?? []), ...(yield* patternsOf(c, arg))];
    else if (name === "A" || name === "B" || name === "C") {
      const n = yield* contextLength(c, arg);
      if (name === "A") o.after = n;
      else if (name === "B") o.before = n;
      else context = n;
    } else if (name === "m") {
      if (!/^-?[0-9]+$/.test(arg)) yield* c.fail(gnu ? "invalid max count" : `invalid number '${arg}'`, 2);
      o.max = Number(arg) < 0 ? Number.POSITIVE_INFINITY : Number(arg);
    } else if (name === "color") yield* setColor(c, o, hasArg ? arg : "auto");
    else if (name === "d") {
      if (arg === "recurse") o.recursive = "yes";
      else if (arg === "skip" || arg === "read") o.directories = arg;
      else yield* c.fail(`invalid argument ‘${arg}’ for ‘--directories’`, 2);
    } else if (name === "binary-files") {
      if (arg === "text") o.binary = "text";
      else if (arg === "binary") o.binary = "note";
      else if (arg === "without-match") o.binary = "skip";
      else yield* c.fail("invalid argument ‘unknown binary-files type’", 2);
    } else setFlag(o, name, arg);
  }
  o.before = o.before >= 0 ? o.before : Math.max(context, 0);
  o.after = o.after >= 0 ? o.after : Math.max(context, 0);
  let operands = parsed.operands;
  if (o.patterns === undefined) {
    const [first, ...others] = operands;
    if (first === undefined) throw new UsageError("", 2);
    o.patterns = first.split("\n");
    operands = others;
  }
  o.operands = operands;
  return o;
}

function setFlag(o: GrepOptions, name: string, arg: string): void {
  switch (name) {
    case "e":
      o.patterns = [...(o.patterns ?? []), ...arg.split("\n")];
      break;
    case "i":
    case "y":
      o.icase = true;
      break;
    case "no-ignore-case":
      o.icase = false;
      break;
    case "v":
      o.invert = true;
      break;
    case "w":
      o.whole ??= "word";
      break;
    case "x":
      o.whole = "line";
      break;
    case "l":
      o.list = "matching";
      break;
    case "L":
      o.list = "others";
      break;
    case "c":
      o.count = true;
      break;
    case "o":
      o.only = true;
      break;
    case "q":
      o.quiet = true;
      break;
    case "s":
      o.noMessages = true;
      break;
    case "n":
      o.lineNumbers = true;
      break;
    case "b":
      o.byteOffsets = true;
      break;
    case "H":
      o.names = "always";
      break;
    case "h":
      o.names = "never";
      break;
    case "Z":
      o.nulAfterName = true;
      break;
    case "z":
      o.nulData = true;
      break;
    case "a":
      o.binary = "text";
      break;
    case "I":
      o.binary = "skip";
      break;
    case "r":
      o.recursive = "yes";
      break;
    case "R":
      o.recursive = "following";
      break;
    case "label":
      o.label = arg;
      break;
    case "line-buffered":
      o.lineBuffered = true;
      break;
    case "include":
      o.include.push(arg);
      break;
    case "exclude":
      o.exclude.push(arg);
      break;
    case "exclude-dir":
      o.excludeDir.push(arg.replace(/\/+$/, ""));
      break;
    default: // -U: there is no difference between text and binary files on Linux.
      break;
  }
}

function* setColor(c: Command, o: GrepOptions, arg: string): Proc<void> {
  if (["always", "yes", "force"].includes(arg)) o.color = "always";
  else if (["never", "no", "none"].includes(arg)) o.color = "never";
  else if (["auto", "tty", "if-tty"].includes(arg)) o.color = "auto";
  else {
    yield* c.usageError(new UsageError(""));
    throw new Exit(2);
  }
}

function* contextLength(c: Command, arg: string): Proc<number> {
  if (/^[0-9]+$/.test(arg)) return Number(arg);
  return yield* c.fail(c.voice === "gnu" ? `${arg}: invalid context length argument` : `invalid number '${arg}'`, 2);
}

function* patternsOf(c: Command, path: string): Proc<string[]> {
  try {
    const bytes = path === "-" ? yield* c.stdin.readAll() : yield* readFile(c.sys, path);
    const text = decodeUtf8(bytes);
    if (text === "") return [];
    return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.perror(path, e);
    throw new Exit(2);
  }
}
