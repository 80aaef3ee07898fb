/** What the options and the environment tell ls to do: coreutils `src/ls.c`, decode_switches. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Command } from "../libc/command.ts";
import { type Option, type OptionSpec, UsageError } from "../libc/getopt.ts";
import { type BlockSize, parseBlockSize } from "../libc/humansize.ts";
import { argmatch } from "../libc/operands.ts";
import { quote, type QuotingStyle, quotingStyles } from "../libc/quotearg.ts";
import { isatty } from "../libc/stdio.ts";
import { parseCount } from "../libc/xstrtol.ts";

export type Format = "long" | "one" | "columns" | "across" | "commas";
export type Sort = "name" | "none" | "time" | "size" | "extension" | "version" | "width";
export type WhichTime = "mtime" | "ctime" | "atime" | "btime";
export type Indicator = "none" | "slash" | "file-type" | "classify";

export interface Settings {
  readonly format: Format;
  readonly sort: Sort;
  readonly reverse: boolean;
  readonly time: WhichTime;
  /** Formats for old and for recent files. */
  readonly timeFormat: readonly [string, string];
  readonly hidden: "skip" | "almost" | "all";
  readonly ignore: readonly string[];
  readonly hide: readonly string[];
  readonly backups: boolean;
  readonly directory: boolean;
  readonly recursive: boolean;
  /** Which symbolic links are followed. */
  readonly dereference: "never" | "operand-directories" | "operands" | "always";
  readonly indicator: Indicator;
  readonly color: boolean;
  readonly quoting: QuotingStyle;
  readonly questionMarks: boolean;
  readonly width: number;
  readonly tab: number;
  readonly inode: boolean;
  readonly blocks: boolean;
  readonly context: boolean;
  readonly author: boolean;
  readonly owner: boolean;
  readonly group: boolean;
  readonly numeric: boolean;
  /** How -s and the total count. */
  readonly blockSize: BlockSize;
  /** How sizes of files are shown; undefined: in bytes. */
  readonly fileSize: BlockSize | undefined;
  readonly directoriesFirst: boolean;
  readonly end: string;
}

export const gnuSpec: OptionSpec = {
  short: "abcdfghiklmnopqrstuvw:xABCDFGHI:LNQRST:UXZ1",
  long: [
    { name: "all", as: "a" },
    { name: "almost-all", as: "A" },
    { name: "author" },
    { name: "block-size", arg: "required" },
    { name: "classify", arg: "optional", as: "F" },
    { name: "color", arg: "optional" },
    { name: "context", as: "Z" },
    { name: "dereference", as: "L" },
    { name: "dereference-command-line", as: "H" },
    { name: "dereference-command-line-symlink-to-dir" },
    { name: "directory", as: "d" },
    { name: "escape", as: "b" },
    { name: "file-type" },
    { name: "format", arg: "required" },
    { name: "full-time" },
    { name: "group-directories-first" },
    { name: "hide", arg: "required" },
    { name: "hide-control-chars", as: "q" },
    { name: "human-readable", as: "h" },
    { name: "ignore", arg: "required", as: "I" },
    { name: "ignore-backups", as: "B" },
    { name: "indicator-style", arg: "required" },
    { name: "inode", as: "i" },
    { name: "kibibytes", as: "k" },
    { name: "literal", as: "N" },
    { name: "no-group", as: "G" },
    { name: "numeric-uid-gid", as: "n" },
    { name: "quote-name", as: "Q" },
    { name: "quoting-style", arg: "required" },
    { name: "recursive", as: "R" },
    { name: "reverse", as: "r" },
    { name: "show-control-chars" },
    { name: "si" },
    { name: "size", as: "s" },
    { name: "sort", arg: "required" },
    { name: "tabsize", arg: "required", as: "T" },
    { name: "time", arg: "required" },
    { name: "time-style", arg: "required" },
    { name: "width", arg: "required", as: "w" },
    { name: "zero" },
  ],
};

export const busyboxSpec: OptionSpec = {
  short: "1AaCxdLHRFplinshrSXvctuw:kqN",
  long: [{ name: "full-time" }, { name: "group-directories-first" }, { name: "color", arg: "optional" }],
};

const pairs = <T extends string>(...names: T[]): readonly (readonly [string, T])[] => names.map((name) => [name, name] as const);
const whens = [
  ["always", "always"],
  ["yes", "always"],
  ["force", "always"],
  ["never", "never"],
  ["no", "never"],
  ["none", "never"],
  ["auto", "auto"],
  ["tty", "auto"],
  ["if-tty", "auto"],
] as const;
const timeWords = [
  ["atime", "atime"],
  ["access", "atime"],
  ["use", "atime"],
  ["ctime", "ctime"],
  ["status", "ctime"],
  ["birth", "btime"],
  ["creation", "btime"],
] as const;
const formats = [
  ["verbose", "long"],
  ["long", "long"],
  ["commas", "commas"],
  ["horizontal", "across"],
  ["across", "across"],
  ["vertical", "columns"],
  ["single-column", "one"],
] as const;
const sorts = pairs("none", "time", "size", "extension", "version", "width");
const indicators = pairs("none", "slash", "file-type", "classify");
const localeTimes: readonly [string, string] = ["%b %e  %Y", "%b %e %H:%M"];

/** The formats of a --time-style; ends the program in the words of ls where it is none. */
function* timeStyle(c: Command, text: string): Proc<readonly [string, string]> {
  const style = text.replace(/^posix-/, "");
  if (style.startsWith("+")) {
    const [old = "", recent, more] = style.slice(1).split("\n");
    if (more !== undefined) return yield* c.fail(`invalid time style format ${quote(style.slice(1))}`, 2);
    return [old, recent ?? old];
  }
  if (style === "full-iso") return ["%Y-%m-%d %H:%M:%S.%N %z", "%Y-%m-%d %H:%M:%S.%N %z"];
  if (style === "long-iso") return ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M"];
  if (style === "iso") return ["%Y-%m-%d ", "%m-%d %H:%M"];
  if (style === "locale") return localeTimes;
  yield* c.warn(`invalid argument ${quote(text)} for ${quote("time style")}`);
  yield* c.eprint(
    "Valid arguments are:\n  - [posix-]full-iso\n  - [posix-]long-iso\n  - [posix-]iso\n  - [posix-]locale\n  - +FORMAT (e.g., +%H:%M) for a 'date'-style format\n",
  );
  throw new UsageError("", 2);
}

/** Without LS_COLORS, only terminals that dircolors(1) lists are given colours. */
function isColorTerminal(c: Command): boolean {
  if (c.env.has("LS_COLORS") || (c.env.get("COLORTERM") ?? "") !== "") return true;
  const known =
    /^(?:Eterm|ansi|.*color.*|con[0-9].*x[0-9].*|cons25|console|cygwin|.*direct.*|dtterm|gnome|hurd|jfbterm|konsole|kterm|linux|linux-c|mlterm|putty|rxvt.*|screen.*|st|terminator|tmux.*|vt100|xterm.*)$/;
  return known.test(c.env.get("TERM") ?? "");
}

function* lineWidth(c: Command, options: readonly Option[]): Proc<number> {
  const asked = options.findLast((o) => o.name === "w")?.arg;
  if (asked !== undefined) {
    const width = parseCount(asked);
    if (width === undefined) return yield* c.fail(`invalid line width: ${quote(asked)}`, 2);
    return width;
  }
  const columns = parseCount(c.env.get("COLUMNS") ?? "");
  if (columns !== undefined && columns > 0) return columns;
  try {
    const { cols } = yield* c.sys.ioctl(1, "TIOCGWINSZ");
    return cols > 0 ? cols : 80;
  } catch (e) {
    if (e instanceof Errno) return 80;
    throw e;
  }
}

/** Everything that the options say, the later over the earlier. */
export function* settingsOf(c: Command, options: readonly Option[]): Proc<Settings> {
  const gnu = c.voice === "gnu";
  const tty = yield* isatty(c.sys, 1);
  const has = (...names: string[]): boolean => options.some((o) => names.includes(o.name));
  let format: Format = tty ? "columns" : "one";
  let sort: Sort | undefined;
  let time: WhichTime = "mtime";
  let hidden: Settings["hidden"] = "skip";
  let indicator: Indicator = "none";
  let color: "always" | "never" | "auto" = gnu ? "never" : "auto";
  let quoting: QuotingStyle | undefined;
  let questionMarks: boolean | undefined;
  let style = c.env.get("TIME_STYLE");
  let dereference: Settings["dereference"] | undefined;
  let blockSize: BlockSize | undefined;
  let fileSize: BlockSize | undefined;
  let tab = 8;
  let unsorted = false;
  for (const o of options) {
    switch (o.name) {
      case "a":
        hidden = "all";
        break;
      case "A":
        if (hidden === "skip" || !gnu) hidden = "almost";
        break;
      case "f":
        [hidden, sort, color, unsorted] = ["all", "none", "never", true];
        if (format === "long") format = tty ? "columns" : "one";
        break;
      case "l":
      case "n":
      case "o":
      case "g":
        if (gnu || o.name === "l" || o.name === "n") format = "long";
        break;
      case "1":
        if (format !== "long") format = "one";
        break;
      case "C":
        format = "columns";
        break;
      case "x":
        format = "across";
        break;
      case "m":
        format = "commas";
        break;
      case "format":
        format = argmatch(c, "--format", o.arg, formats);
        break;
      case "full-time":
        [format, style] = ["long", "full-iso"];
        break;
      case "t":
        sort = "time";
        break;
      case "S":
        sort = "size";
        break;
      case "X":
        sort = "extension";
        break;
      case "v":
        sort = "version";
        break;
      case "U":
        [sort, unsorted] = ["none", true];
        break;
      case "sort":
        sort = argmatch(c, "--sort", o.arg, sorts);
        break;
      case "c":
        time = "ctime";
        break;
      case "u":
        time = "atime";
        break;
      case "time":
        time = argmatch(c, "--time", o.arg, timeWords);
        break;
      case "time-style":
        style = o.arg;
        break;
      case "F": {
        const when = o.hasArg ? argmatch(c, "--classify", o.arg, whens) : "always";
        if (when === "always" || (when === "auto" && tty)) indicator = "classify";
        break;
      }
      case "p":
        indicator = "slash";
        break;
      case "file-type":
        indicator = "file-type";
        break;
      case "indicator-style":
        indicator = argmatch(c, "--indicator-style", o.arg, indicators);
        break;
      case "color":
        color = o.hasArg ? argmatch(c, "--color", o.arg, whens) : "always";
        break;
      case "b":
        quoting = "escape";
        break;
      case "N":
        quoting = "literal";
        break;
      case "Q":
        quoting = "c";
        break;
      case "quoting-style":
        quoting = argmatch(c, "--quoting-style", o.arg, pairs(...quotingStyles));
        break;
      case "q":
        questionMarks = true;
        break;
      case "show-control-chars":
        questionMarks = false;
        break;
      case "L":
        dereference = "always";
        break;
      case "H":
        dereference = "operands";
        break;
      case "dereference-command-line-symlink-to-dir":
        dereference = "operand-directories";
        break;
      case "h":
        [blockSize, fileSize] = ["human", "human"];
        break;
      case "si":
        [blockSize, fileSize] = ["si", "si"];
        break;
      case "k":
        blockSize ??= { unit: 1024, suffix: "" };
        break;
      case "block-size": {
        const size = parseBlockSize(o.arg);
        if (size === undefined) return yield* c.fail(`invalid --block-size argument '${o.arg}'`, 2);
        [blockSize, fileSize] = [size, size];
        break;
      }
      case "T": {
        const size = parseCount(o.arg);
        if (size === undefined) return yield* c.fail(`invalid tab size: ${quote(o.arg)}`, 2);
        tab = size;
        break;
      }
      case "zero":
        if (format !== "long") format = "one";
        [color, quoting, questionMarks] = ["never", "literal", false];
        break;
    }
  }
  const long = format === "long";
  // -c and -u choose the time shown; alone, without -l, they sort by it too.
  sort ??= !long && time !== "mtime" && gnu ? "time" : "name";
  const envStyle = quotingStyles.find((name) => name === c.env.get("QUOTING_STYLE"));
  quoting ??= envStyle ?? (tty && gnu ? "shell-escape" : "literal");
  const directory = has("d");
  const colorOn = (color === "always" || (color === "auto" && tty)) && (!gnu || isColorTerminal(c));
  dereference ??= directory || indicator === "classify" || long ? "never" : "operand-directories";
  return {
    format,
    sort: unsorted && sort === "none" ? "none" : sort,
    reverse: has("r"),
    time,
    timeFormat: style === undefined || style === "" ? localeTimes : yield* timeStyle(c, style),
    hidden,
    ignore: options.filter((o) => o.name === "I").map((o) => o.arg),
    hide: options.filter((o) => o.name === "hide").map((o) => o.arg),
    backups: has("B"),
    directory,
    recursive: has("R") && !directory,
    dereference,
    indicator,
    color: colorOn,
    quoting,
    questionMarks: questionMarks ?? (tty && quoting === "literal" && gnu),
    width: yield* lineWidth(c, options),
    tab: colorOn ? 0 : tab,
    inode: has("i"),
    blocks: has("s"),
    context: has("Z"),
    author: has("author"),
    owner: !(gnu && has("g")),
    group: !(gnu && has("o", "G")),
    numeric: has("n"),
    blockSize: blockSize ?? parseBlockSize(c.env.get("BLOCK_SIZE") ?? "") ?? { unit: 1024, suffix: "" },
    fileSize,
    directoriesFirst: has("group-directories-first"),
    end: has("zero") ? "\0" : "\n",
  };
}
