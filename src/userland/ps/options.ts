/**
 * The command line of ps in its three manners: UNIX (`-ef`), BSD (`aux`) and GNU (`--forest`). procps `src/ps/parser.c`
 * and `sortformat.c`. A word that is wrong as UNIX options is tried as BSD ones, so `-aux` works.
 */

import { aixNames, columns, shortKeys } from "./format.ts";

/** A column as asked for: its heading and width may have been given. */
export interface Asked {
  readonly name: string;
  readonly head?: string;
  readonly width?: number;
}

export interface SortKey {
  readonly name: string;
  readonly descending: boolean;
}

export type ListKind = "pid" | "ppid" | "sid" | "pgrp" | "euid" | "ruid" | "egid" | "rgid" | "tty" | "comm" | "session-or-group";

export interface Selection {
  readonly kind: ListKind;
  readonly values: readonly string[];
}

export class PsOptions {
  bsd = false;
  all = false;
  negate = false;
  running = false;
  ownTty = false;
  /** UNIX `-a`, `-d`; BSD `a`, `x`. */
  readonly simple = new Set<"-a" | "-d" | "a" | "x">();
  readonly selections: Selection[] = [];
  quick: readonly string[] | undefined;
  /** Letters of format options: UNIX `f F l j`, BSD `l u j s v X`. */
  readonly unix = new Set<string>();
  readonly bsdFormats: string[] = [];
  /** UNIX `c y P M`. */
  readonly modifiers = new Set<string>();
  asked: Asked[] = [];
  /** `-O`, `O`: a few columns in the midst of the default ones. */
  preloaded: Asked[] | undefined;
  readonly sort: SortKey[] = [];
  threads: "none" | "L" | "T" | "H" | "m" = "none";
  threadConflict = false;
  forest: "none" | "lines" | "blanks" = "none";
  header: "once" | "never" | "paged" = "once";
  wide = 0;
  cols: number | undefined;
  rows: number | undefined;
  trueName = false;
  environment = false;
  numeric = false;
  withChildren = false;
  listSpecifiers = false;
}

/** Said after `error: `, with the usage; status 1. */
export class PsError {
  constructor(readonly message: string) {}
}

/** `--help`, `--version`, `L`. */
export class PsInfo {
  constructor(readonly what: "version" | { readonly help: string }) {}
}

const splitList = (text: string): string[] => text.split(/[, \t]+/).filter((word) => word !== "");

function widthOf(text: string): number {
  if (!/^[0-9]+$/.test(text) || Number(text) === 0) throw new PsError("column widths must be unsigned decimal numbers");
  return Number(text);
}

/** The argument of `-o`: column names (`%cpu` is one), or failing that, descriptors of AIX. */
export function parseFormat(text: string): Asked[] {
  if (text === "") throw new PsError("format specification must follow -o");
  try {
    return parseNames(text);
  } catch (e) {
    if (!(e instanceof PsError) || !text.includes("%")) throw e;
    return parseAix(text);
  }
}

function parseNames(text: string): Asked[] {
  const list: Asked[] = [];
  let rest = text;
  for (;;) {
    const match = /^([^,\s=]*)(?:=([^,\s]*))?/.exec(rest);
    const word = match?.[1] ?? "";
    if (word === "") throw new PsError("improper format list");
    const [name = "", width] = word.split(":");
    if (!columns.has(name)) throw new PsError(`unknown user-defined format specifier "${name}"`);
    const head = match?.[2];
    list.push({ name, ...(width === undefined ? {} : { width: widthOf(width) }), ...(head === undefined ? {} : { head }) });
    rest = rest.slice(match?.[0].length);
    if (rest === "") return list;
    rest = rest.replace(/^(,|\s+)/, "");
    if (rest === "") return list;
  }
}

function parseAix(text: string): Asked[] {
  const list: Asked[] = [];
  const pieces = text.match(/%[A-Za-z]|[^%]+|%/g) ?? [];
  for (const piece of pieces) {
    const name = piece.startsWith("%") ? aixNames.get(piece.slice(1)) : undefined;
    if (name === undefined)
      throw new PsError(piece.startsWith("%") && piece.length > 1 ? "unknown AIX field descriptor" : "improper AIX field descriptor");
    list.push({ name });
  }
  return list;
}

function parseSort(options: PsOptions, text: string): void {
  for (const word of splitList(text)) {
    const name = word.replace(/^[+-]/, "");
    if (columns.get(name) === undefined) throw new PsError("unknown sort specifier");
    options.sort.push({ name, descending: word.startsWith("-") });
  }
}

/** BSD's `k` also takes single letters run together. */
function parseBsdSort(options: PsOptions, text: string): void {
  if (columns.has(text.replace(/^[+-]/, "").split(",")[0] ?? "")) {
    parseSort(options, text);
    return;
  }
  const keys: SortKey[] = [];
  let descending = false;
  for (const letter of text) {
    if (letter === "+" || letter === "-") {
      descending = letter === "-";
      continue;
    }
    const name = shortKeys.get(letter);
    if (name === undefined || !columns.has(name)) throw new PsError("unknown sort specifier");
    keys.push({ name, descending });
    descending = false;
  }
  options.sort.push(...keys);
}

const syntax: Readonly<Partial<Record<ListKind, string>>> = {
  pid: "process ID list syntax error",
  ppid: "process ID list syntax error",
  sid: "process ID list syntax error",
  pgrp: "process ID list syntax error",
};

function select(options: PsOptions, kind: ListKind, text: string): void {
  const values = splitList(text);
  if (values.length === 0) throw new PsError("improper list");
  if (syntax[kind] !== undefined)
    for (const value of values) {
      if (!/^-?[0-9]+$/.test(value)) throw new PsError(syntax[kind] ?? "");
      if (Number(value) < 1 || Number(value) > 0x7fffffff) throw new PsError("process ID out of range");
    }
  options.selections.push({ kind, values });
}

/** Walks one word of single letters; `argument` takes what follows the letter, or the next word. */
class Letters {
  at: number;
  private usedNext = false;

  constructor(
    private readonly word: string,
    private readonly next: string | undefined,
    start: number,
  ) {
    this.at = start;
  }

  letter(): string | undefined {
    return this.word[this.at++];
  }

  argument(missing: string): string {
    const rest = this.word.slice(this.at);
    this.at = this.word.length;
    if (rest !== "") return rest;
    if (this.next === undefined) throw new PsError(missing);
    this.usedNext = true;
    return this.next;
  }

  /** How many words were used up. */
  used(): number {
    return this.usedNext ? 2 : 1;
  }
}

function parseUnix(o: PsOptions, word: string, next: string | undefined): number {
  const w = new Letters(word, next, 1);
  for (let letter = w.letter(); letter !== undefined; letter = w.letter()) {
    if (unixFlag(o, letter)) continue;
    switch (letter) {
      case "C":
        select(o, "comm", w.argument("list of command names must follow -C"));
        break;
      case "G":
        select(o, "rgid", w.argument("list of real groups must follow -G"));
        break;
      case "g":
        select(o, "session-or-group", w.argument("list of session leaders OR effective group names must follow -g"));
        break;
      case "O":
        o.preloaded = parseFormat(w.argument("format specification must follow -O"));
        break;
      case "o":
        o.asked.push(...parseFormat(w.argument("format specification must follow -o")));
        break;
      case "p":
        select(o, "pid", w.argument("list of process IDs must follow -p"));
        break;
      case "q":
        o.quick = splitList(w.argument("list of process IDs must follow -q"));
        break;
      case "s":
        select(o, "sid", w.argument("list of session IDs must follow -s"));
        break;
      case "t":
        select(o, "tty", w.argument("list of terminals (pty, tty...) must follow -t"));
        break;
      case "U":
        select(o, "ruid", w.argument("list of real users must follow -U"));
        break;
      case "u":
        select(o, "euid", w.argument("list of users must follow -u"));
        break;
      case "V":
        throw new PsInfo("version");
      default:
        throw new PsError("unsupported SysV option");
    }
  }
  return w.used();
}

/** UNIX letters without an argument. */
function unixFlag(o: PsOptions, letter: string): boolean {
  if (letter === "A" || letter === "e") o.all = true;
  else if (letter === "a" || letter === "d") o.simple.add(`-${letter}`);
  else if (letter === "N") o.negate = true;
  else if ("Fflj".includes(letter)) o.unix.add(letter === "F" ? "F" : letter);
  else if ("cyPMZ".includes(letter)) o.modifiers.add(letter === "Z" ? "M" : letter);
  else if (letter === "H") o.forest = "blanks";
  else if (letter === "L" || letter === "T") {
    if (o.threads !== "none" && o.threads !== letter) o.threadConflict = true;
    o.threads = letter;
  } else if (letter === "m") o.threads = "m";
  else if (letter === "n") o.numeric = true;
  else if (letter === "w") o.wide++;
  else return false;
  return true;
}

function parseBsd(o: PsOptions, word: string, next: string | undefined, start: number): number {
  const w = new Letters(word, next, start);
  o.bsd = true;
  for (let letter = w.letter(); letter !== undefined; letter = w.letter()) {
    if (bsdFlag(o, letter)) continue;
    switch (letter) {
      case "O": {
        const text = w.argument("format or sort specification must follow O");
        if (columns.has(splitList(text)[0]?.split(/[:=]/)[0] ?? "")) o.preloaded = parseFormat(text);
        else parseBsdSort(o, text);
        break;
      }
      case "o":
        o.asked.push(...parseFormat(w.argument("format specification must follow o")));
        break;
      case "p":
        select(o, "pid", w.argument("list of process IDs must follow p"));
        break;
      case "q":
        o.quick = splitList(w.argument("list of process IDs must follow q"));
        break;
      case "k":
        parseBsdSort(o, w.argument("long sort specification must follow 'k'"));
        break;
      case "t":
        if (w.at >= word.length && (next === undefined || next.startsWith("-"))) o.ownTty = true;
        else select(o, "tty", w.argument("list of terminals (pty, tty...) must follow t"));
        break;
      case "U":
        select(o, "euid", w.argument("list of users must follow U"));
        break;
      case "V":
        throw new PsInfo("version");
      default:
        throw new PsError("unsupported option (BSD syntax)");
    }
  }
  return w.used();
}

/** BSD letters without an argument. */
function bsdFlag(o: PsOptions, letter: string): boolean {
  if (letter === "a" || letter === "x") o.simple.add(letter);
  else if (letter === "r") o.running = true;
  else if (letter === "T") o.ownTty = true;
  else if ("ljusvX".includes(letter)) {
    if (o.bsdFormats.length > 0 && !o.bsdFormats.includes(letter)) throw new PsError("conflicting format options");
    o.bsdFormats.push(letter);
  } else if (letter === "f") o.forest = "lines";
  else if (letter === "H") o.threads = "H";
  else if (letter === "m") o.threads = "m";
  else if (letter === "L") o.listSpecifiers = true;
  else if (letter === "Z") o.modifiers.add("M");
  else if (letter === "c") o.trueName = true;
  else if (letter === "e") o.environment = true;
  else if (letter === "h") o.header = "never";
  else if (letter === "n") o.numeric = true;
  else if (letter === "S") o.withChildren = true;
  else if (letter === "w") o.wide++;
  else if (letter !== "g") return false;
  return true;
}

interface Long {
  readonly missing?: string;
  readonly apply: (o: PsOptions, arg: string) => void;
}

const number = (text: string, message: string): number => {
  if (!/^[0-9]+$/.test(text) || Number(text) === 0) throw new PsError(message);
  return Number(text);
};
const cols: Long = {
  missing: "number of columns must follow --cols, --width, or --columns",
  apply: (o, arg) => {
    o.cols = number(arg, "number of columns must follow --cols, --width, or --columns");
  },
};
const rows: Long = {
  missing: "number of rows must follow --rows or --lines",
  apply: (o, arg) => {
    o.rows = number(arg, "number of rows must follow --rows or --lines");
  },
};
const lists = (kind: ListKind, missing: string): Long => ({ missing, apply: (o, arg) => select(o, kind, arg) });
const flag = (apply: (o: PsOptions) => void): Long => ({ apply });
const headers = flag((o) => {
  o.header = "paged";
});
const noHeaders = flag((o) => {
  o.header = "never";
});

const longOptions: Readonly<Record<string, Long>> = {
  Group: lists("rgid", "list of real groups must follow --Group"),
  User: lists("ruid", "list of real users must follow --User"),
  cols,
  columns: cols,
  context: flag((o) => {
    o.asked.push({ name: "pid" }, { name: "context" }, { name: "command" });
  }),
  cumulative: flag((o) => {
    o.withChildren = true;
  }),
  deselect: flag((o) => {
    o.negate = true;
  }),
  forest: flag((o) => {
    o.forest = "lines";
  }),
  format: {
    missing: "format specification must follow --format",
    apply: (o, arg) => {
      o.asked.push(...parseFormat(arg));
    },
  },
  group: lists("egid", "list of effective groups must follow --group"),
  header: headers,
  headers,
  heading: headers,
  headings: headers,
  lines: rows,
  "no-header": noHeaders,
  "no-headers": noHeaders,
  "no-heading": noHeaders,
  "no-headings": noHeaders,
  noheader: noHeaders,
  noheaders: noHeaders,
  noheading: noHeaders,
  noheadings: noHeaders,
  pid: lists("pid", "list of process IDs must follow --pid"),
  ppid: lists("ppid", "list of process IDs must follow --ppid"),
  "quick-pid": {
    missing: "list of process IDs must follow --quick-pid",
    apply: (o, arg) => {
      o.quick = splitList(arg);
    },
  },
  rows,
  sid: lists("sid", "some sid thing(s) must follow --sid"),
  sort: { missing: "long sort specification must follow --sort", apply: parseSort },
  tty: lists("tty", "list of terminals must follow --tty"),
  user: lists("euid", "list of effective users must follow --user"),
  width: cols,
};

function parseGnu(o: PsOptions, word: string, next: string | undefined): number {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  if (name === "version") throw new PsInfo("version");
  if (name === "help") throw new PsInfo({ help: equals < 0 ? (next ?? "") : word.slice(equals + 1) });
  const option = Object.hasOwn(longOptions, name) ? longOptions[name] : undefined;
  if (option === undefined) throw new PsError("unknown gnu long option");
  if (option.missing === undefined) {
    if (equals >= 0) throw new PsError(`option --${name} does not take an argument`);
    option.apply(o, "");
    return 1;
  }
  const arg = equals < 0 ? next : word.slice(equals + 1);
  if (arg === undefined || arg === "") throw new PsError(option.missing);
  option.apply(o, arg);
  return equals < 0 ? 2 : 1;
}

function parseWords(args: readonly string[], dashIsBsd: boolean): PsOptions {
  const o = new PsOptions();
  for (let i = 0; i < args.length; ) {
    const word = args[i] as string;
    const next = args[i + 1];
    if (word === "--") i++;
    else if (word.startsWith("--")) i += parseGnu(o, word, next);
    else if (word.startsWith("-") && !dashIsBsd) i += word === "-" ? bad() : parseUnix(o, word, next);
    else if (/^[0-9]/.test(word)) {
      o.bsd = true;
      select(o, "pid", word);
      i++;
    } else i += parseBsd(o, word, next, word.startsWith("-") ? 1 : 0);
  }
  return o;
}

function bad(): never {
  throw new PsError("garbage option");
}

/** The options, or what is wrong with them. */
export function parseOptions(args: readonly string[]): PsOptions {
  let o: PsOptions;
  try {
    o = parseWords(args, false);
  } catch (first) {
    if (!(first instanceof PsError)) throw first;
    try {
      o = parseWords(args, true);
    } catch (second) {
      throw second instanceof PsInfo ? second : first;
    }
  }
  if (o.quick !== undefined && (o.selections.length > 0 || o.all)) throw new PsError("quick");
  if (o.threadConflict) throw new PsError("thread flags conflict; can't use both -L and -T");
  if (o.modifiers.has("y") && !o.unix.has("l")) throw new PsError("modifier -y without format -l makes no sense");
  if (o.bsdFormats.length > 0 && o.unix.size > 0) throw new PsError("conflicting format options");
  if (o.threads !== "none" && o.forest !== "none") throw new PsError("thread display conflicts with forest display");
  return o;
}
