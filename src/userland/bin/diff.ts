/** diff(1) of GNU diffutils 3.8, and busybox's. Comparing and printing lines is in `userland/diff/`. */

import { ENOENT, ENOTDIR, Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_RDONLY } from "../../abi/fcntl.ts";
import { isBlk, isChr, isDir, isFifo, isLnk, isReg, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { compareLines, type CompareOptions, splitLines } from "../diff/compare.ts";
import * as print from "../diff/print.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, type Option, UsageError } from "../libc/getopt.ts";
import { fnmatch } from "../libc/fnmatch.ts";
import { help } from "../libc/help.ts";
import { quotearg } from "../libc/quotearg.ts";
import { type Regex, RegexError, regcomp } from "../libc/regex.ts";
import { Input, isatty } from "../libc/stdio.ts";
import { readUpTo } from "../libc/stream.ts";
import { strftime } from "../libc/strftime.ts";
import { basename, lstat, open, readDir, readlink, readText, stat } from "../libc/unistd.ts";

const TROUBLE = 2;
/** Both files are held in memory; larger ones are refused. */
const MAX_BYTES = 64 << 20;

const text = help(
  `diff [OPTION]... FILES
Compare FILES line by line.

      --normal                  normal format (the default)
  -q, --brief                   report only whether files differ
  -s, --report-identical-files  report also that files are the same
  -c, -C NUM, --context[=NUM]   copied context of NUM (default 3) lines
  -u, -U NUM, --unified[=NUM]   unified context of NUM (default 3) lines
  -e, --ed                      an ed script
  -n, --rcs                     RCS format
  -y, --side-by-side            two columns
  -W, --width=NUM               at most NUM (default 130) columns for -y
      --left-column             show common lines in the left column only
      --suppress-common-lines   do not show common lines
  -p, --show-c-function         show which C function a change is in
  -F, --show-function-line=RE   show the last line that matches RE
      --label LABEL             use LABEL instead of file name and time (may be repeated)
  -t, --expand-tabs             expand tabs in the output
  -T, --initial-tab             put a tab in front of lines
  -r, --recursive               compare subdirectories too
      --no-dereference          compare symbolic links themselves
  -N, --new-file                treat absent files as empty
  -x, --exclude=PAT             leave out files that match PAT
  -X, --exclude-from=FILE       leave out files that match a pattern in FILE
  -S, --starting-file=FILE      begin with FILE in directories
  -i, --ignore-case             ignore case
  -E, --ignore-tab-expansion    ignore changes due to tab expansion
  -Z, --ignore-trailing-space   ignore blanks at line ends
  -b, --ignore-space-change     ignore changes in the amount of blanks
  -w, --ignore-all-space        ignore all blanks
  -B, --ignore-blank-lines      ignore changes of blank lines
  -I, --ignore-matching-lines=RE  ignore changes whose lines all match RE
  -a, --text                    treat all files as text
      --strip-trailing-cr       ignore carriage returns at line ends
  -d, --minimal                 accepted; changes are always as few as found
      --color[=WHEN]            color the output: never, always or auto
      --help                    display this help and exit
  -v, --version                 output version information and exit

If a FILE is '-', standard input is read.
Exit status is 0 if inputs are the same, 1 if different, 2 if trouble.`,
  `diff [-abBdiNqrTstw] [-L LABEL] [-S FILE] [-U LINES] FILE1 FILE2

Compare files line by line and output the differences between them.
This implementation supports unified diffs only.

	-a	Treat all files as text
	-b	Ignore changes in the amount of whitespace
	-B	Ignore changes whose lines are all blank
	-d	Try hard to find a smaller set of changes
	-i	Ignore case differences
	-L	Use LABEL instead of the filename in the unified header
	-N	Treat absent files as empty
	-q	Output only whether files differ
	-r	Recurse
	-S	Start with FILE when comparing directories
	-T	Make tabs line up by prefixing a tab when necessary
	-s	Report when two files are the same
	-t	Expand tabs to spaces in output
	-U	Output LINES lines of context
	-w	Ignore all whitespace`,
);

const LONG = [
  { name: "normal" },
  { name: "brief", as: "q" },
  { name: "report-identical-files", as: "s" },
  { name: "context", arg: "optional", as: "C" },
  { name: "unified", arg: "optional", as: "U" },
  { name: "ed", as: "e" },
  { name: "rcs", as: "n" },
  { name: "side-by-side", as: "y" },
  { name: "width", arg: "required", as: "W" },
  { name: "left-column" },
  { name: "suppress-common-lines" },
  { name: "show-c-function", as: "p" },
  { name: "show-function-line", arg: "required", as: "F" },
  { name: "label", arg: "required", as: "L" },
  { name: "expand-tabs", as: "t" },
  { name: "initial-tab", as: "T" },
  { name: "recursive", as: "r" },
  { name: "no-dereference" },
  { name: "new-file", as: "N" },
  { name: "exclude", arg: "required", as: "x" },
  { name: "exclude-from", arg: "required", as: "X" },
  { name: "starting-file", arg: "required", as: "S" },
  { name: "ignore-case", as: "i" },
  { name: "ignore-tab-expansion", as: "E" },
  { name: "ignore-trailing-space", as: "Z" },
  { name: "ignore-space-change", as: "b" },
  { name: "ignore-all-space", as: "w" },
  { name: "ignore-blank-lines", as: "B" },
  { name: "ignore-matching-lines", arg: "required", as: "I" },
  { name: "text", as: "a" },
  { name: "strip-trailing-cr" },
  { name: "minimal", as: "d" },
  { name: "speed-large-files", as: "H" },
  { name: "color", arg: "optional" },
  { name: "version", as: "v" },
  { name: "help", as: "--help" },
] as const;

type Style = "normal" | "unified" | "context" | "ed" | "rcs" | "side";

interface Settings {
  style: Style | undefined;
  brief: boolean;
  same: boolean;
  recursive: boolean;
  newFile: boolean;
  follow: boolean;
  asText: boolean;
  blankLines: boolean;
  matching: Regex[];
  exclude: string[];
  startingFile: string | undefined;
  labels: string[];
  compare: { -readonly [K in keyof CompareOptions]: CompareOptions[K] };
  print: { -readonly [K in keyof print.PrintOptions]: print.PrintOptions[K] };
  /** The options as typed, for the `diff …` lines of a recursive comparison. */
  switches: string;
}

/** A file, directory or nothing, to be compared. */
interface Side {
  readonly path: string;
  /** undefined where -N treats it as empty. */
  readonly st: Stat | undefined;
}

function* chooseStyle(c: Command, s: Settings, style: Style): Proc<void> {
  if (s.style !== undefined && s.style !== style) yield* usage(c, "conflicting output style options");
  s.style = style;
}

/** GNU diff puts its name before the hint, too. */
function* usage(c: Command, message: string): Proc<never> {
  yield* c.warn(message);
  if (c.voice === "gnu") yield* c.warn("Try 'diff --help' for more information.");
  else yield* c.eprint(text("busybox"));
  throw new Exit(TROUBLE);
}

function* regex(c: Command, source: string): Proc<Regex> {
  try {
    return regcomp(source);
  } catch (e) {
    if (!(e instanceof RegexError)) throw e;
    return yield* c.fail(`${source}: ${e.message}`, TROUBLE);
  }
}

function* apply(c: Command, s: Settings, o: Option): Proc<void> {
  switch (o.name) {
    case "normal":
      return yield* chooseStyle(c, s, "normal");
    case "u":
    case "U":
    case "c":
    case "C": {
      yield* chooseStyle(c, s, o.name.toLowerCase() === "u" ? "unified" : "context");
      if (o.hasArg && !/^[0-9]+$/.test(o.arg)) yield* usage(c, `invalid context length '${o.arg}'`);
      // -u leaves a greater context that was asked for.
      s.print.context = o.hasArg ? Number(o.arg) : Math.max(s.print.context, 3);
      return;
    }
    case "e":
      return yield* chooseStyle(c, s, "ed");
    case "n":
      return yield* chooseStyle(c, s, "rcs");
    case "y":
      return yield* chooseStyle(c, s, "side");
    case "W":
      if (!/^[1-9][0-9]*$/.test(o.arg)) yield* usage(c, `invalid width '${o.arg}'`);
      s.print.width = Number(o.arg);
      return;
    case "p":
    case "F": {
      const re = yield* regex(c, o.name === "p" ? "^[[:alpha:]$_]" : o.arg);
      s.print.functionLine = (line) => re.test(line);
      if (o.name === "p" && s.style === undefined) {
        s.style = "context";
        s.print.context = 3;
      }
      return;
    }
    case "L":
      s.labels.push(o.arg);
      return;
    case "x":
      s.exclude.push(o.arg);
      return;
    case "X":
      for (const line of (yield* readText(c.sys, o.arg)).split("\n")) if (line !== "") s.exclude.push(line);
      return;
    case "S":
      s.startingFile = o.arg;
      return;
    case "I":
      s.matching.push(yield* regex(c, o.arg));
      return;
    case "color":
      if (o.hasArg && !["never", "always", "auto"].includes(o.arg)) yield* usage(c, `invalid color '${o.arg}'`);
      s.print.color = o.arg === "always" || (o.arg !== "never" && (yield* isatty(c.sys, 1)));
      return;
    case "--help":
      return yield* c.help();
    case "v":
      yield* c.print("diff (GNU diffutils) 3.8\n");
      throw new Exit(0);
  }
  applyFlag(s, o.name);
}

function applyFlag(s: Settings, name: string): void {
  if (name === "q") s.brief = true;
  else if (name === "s") s.same = true;
  else if (name === "left-column") s.print.leftColumn = true;
  else if (name === "suppress-common-lines") s.print.suppressCommon = true;
  else if (name === "t") s.print.expandTabs = true;
  else if (name === "T") s.print.initialTab = true;
  else if (name === "r") s.recursive = true;
  else if (name === "no-dereference") s.follow = false;
  else if (name === "N") s.newFile = true;
  else if (name === "i") s.compare.ignoreCase = true;
  else if (name === "E") s.compare.ignoreTabExpansion = true;
  else if (name === "Z") s.compare.ignoreTrailingSpace = true;
  else if (name === "b") s.compare.ignoreSpaceChange = true;
  else if (name === "w") s.compare.ignoreAllSpace = true;
  else if (name === "B") s.blankLines = true;
  else if (name === "a") s.asText = true;
  else if (name === "strip-trailing-cr") s.compare.stripTrailingCr = true;
}

function newSettings(): Settings {
  return {
    style: undefined,
    brief: false,
    same: false,
    recursive: false,
    newFile: false,
    follow: true,
    asText: false,
    blankLines: false,
    matching: [],
    exclude: [],
    startingFile: undefined,
    labels: [],
    compare: {
      ignoreCase: false,
      ignoreSpaceChange: false,
      ignoreAllSpace: false,
      ignoreTrailingSpace: false,
      ignoreTabExpansion: false,
      stripTrailingCr: false,
    },
    print: {
      context: 0,
      width: 130,
      leftColumn: false,
      suppressCommon: false,
      expandTabs: false,
      initialTab: false,
      color: false,
      headers: ["", ""],
      functionLine: undefined,
    },
    switches: "",
  };
}

/** What a file is called when two of different kinds meet. */
function kindOf(c: Command, st: Stat): string {
  if (isReg(st.mode)) return st.size === 0 && c.voice === "gnu" ? "regular empty file" : "regular file";
  if (isDir(st.mode)) return "directory";
  if (isLnk(st.mode)) return "symbolic link";
  if (isFifo(st.mode)) return "fifo";
  if (isBlk(st.mode)) return "block special file";
  return isChr(st.mode) ? "character special file" : "socket";
}

/** A file name that would be misread stands in quotes as in C. */
const shown = (path: string): string => (/[\s"\\]/.test(path) ? quotearg(path, "c") : path);

/** The name and time in the header of a unified or context diff. */
function header(c: Command, s: Settings, side: Side, at: 0 | 1): string {
  const label = s.labels[at];
  if (label !== undefined) return label;
  if (c.voice === "busybox") return side.st === undefined ? "/dev/null" : side.path;
  return `${shown(side.path)}\t${strftime("%Y-%m-%d %H:%M:%S.%N %z", side.st?.mtime ?? { sec: 0, nsec: 0 })}`;
}

function* content(c: Command, side: Side): Proc<Uint8Array> {
  if (side.st === undefined) return new Uint8Array(0);
  const fd = side.path === "-" ? 0 : yield* open(c.sys, side.path, O_RDONLY | O_CLOEXEC);
  try {
    const bytes = yield* readUpTo(side.path === "-" ? c.stdin : new Input(c.sys, fd), MAX_BYTES);
    return bytes ?? (yield* c.fail("memory exhausted", TROUBLE));
  } finally {
    if (fd !== 0) yield* c.sys.close(fd);
  }
}

const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** What GNU diff looks at to tell text from other things: its first buffer. */
const isBinary = (bytes: Uint8Array): boolean => bytes.subarray(0, 65536).includes(0);

/** Compares two files; 0 if they are the same. `inTree` asks for a line that names them first. */
function* compareFiles(c: Command, s: Settings, a: Side, b: Side, inTree: boolean): Proc<number> {
  const same = function* (): Proc<number> {
    // busybox does not even look at a file that it is to compare with itself.
    const itself = c.voice === "busybox" && a.st?.ino === b.st?.ino && a.st?.dev === b.st?.dev;
    if (s.same && !itself) yield* c.print(`Files ${a.path} and ${b.path} are identical\n`);
    return 0;
  };
  // A file is the same as itself: it is not read.
  if (a.st !== undefined && a.st.ino === b.st?.ino && a.st.dev === b.st.dev && s.style !== "side") return yield* same();
  const bytesA = yield* content(c, a);
  const bytesB = a.path === "-" && b.path === "-" ? bytesA : yield* content(c, b);
  yield* c.sys.spend((bytesA.length + bytesB.length) * 3);
  if (equalBytes(bytesA, bytesB) && s.style !== "side") return yield* same();
  if (!s.asText && (isBinary(bytesA) || isBinary(bytesB))) {
    if (equalBytes(bytesA, bytesB)) return yield* same();
    yield* c.print(`${s.brief || c.voice === "busybox" ? "Files" : "Binary files"} ${a.path} and ${b.path} differ\n`);
    return 1;
  }
  const linesA = splitLines(bytesA);
  const linesB = splitLines(bytesB);
  const script = compareLines(linesA, linesB, s.compare, s.print.context);
  for (const change of script) {
    const touched = [
      ...linesA.lines.slice(change.line0, change.line0 + change.deleted),
      ...linesB.lines.slice(change.line1, change.line1 + change.inserted),
    ];
    change.ignore =
      (s.blankLines || s.matching.length > 0) &&
      touched.every((line) => (s.blankLines && line === "") || s.matching.some((re) => re.test(line)));
  }
  // Comparing costs more the more there is to tell apart.
  yield* c.sys.spend((linesA.lines.length + linesB.lines.length) * (100 + 10 * script.length));
  const differs = script.some((change) => !change.ignore);
  if (!differs && s.style !== "side") return yield* same();
  if (s.brief) {
    yield* c.print(`Files ${a.path} and ${b.path} differ\n`);
    return 1;
  }
  if (inTree && c.voice === "gnu") yield* c.print(`diff${s.switches} ${shown(a.path)} ${shown(b.path)}\n`);
  const options = { ...s.print, headers: [header(c, s, a, 0), header(c, s, b, 1)] as const };
  const style = {
    normal: print.normal,
    unified: print.unified,
    context: print.context,
    ed: print.ed,
    rcs: print.rcs,
    side: print.sideBySide,
  };
  for (const line of style[s.style ?? "normal"](linesA, linesB, script, options)) yield* c.print(line);
  if (s.style === "ed") {
    for (const [side, lines] of [
      [a, linesA],
      [b, linesB],
    ] as const) {
      if (!lines.noNewline) continue;
      yield* c.warn(`${side.path}: No newline at end of file\n`);
      return TROUBLE;
    }
  }
  return differs ? 1 : 0;
}

/** Compares what two names stand for. */
function* compare(c: Command, s: Settings, a: Side, b: Side, inTree: boolean): Proc<number> {
  const modeA = (a.st ?? b.st)?.mode ?? 0;
  const modeB = (b.st ?? a.st)?.mode ?? 0;
  if (isDir(modeA) && isDir(modeB)) {
    if (inTree && !s.recursive) {
      yield* c.print(`Common subdirectories: ${a.path} and ${b.path}\n`);
      return 0;
    }
    if (a.st && b.st && a.st.ino === b.st.ino && a.st.dev === b.st.dev) return 0;
    return yield* compareDirs(c, s, a, b);
  }
  if (isLnk(modeA) && isLnk(modeB) && a.st && b.st) {
    if ((yield* readlink(c.sys, a.path)) === (yield* readlink(c.sys, b.path))) return 0;
    yield* c.print(`Symbolic links ${a.path} and ${b.path} differ\n`);
    return 1;
  }
  const plain = (mode: number): boolean => isReg(mode) || (!inTree && !isDir(mode));
  if (plain(modeA) && plain(modeB)) {
    try {
      return yield* compareFiles(c, s, a, b, inTree);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.stdout.flush();
      yield* c.perror(a.path, e);
      return TROUBLE;
    }
  }
  if (c.voice === "busybox" && !isDir(modeA) && !isDir(modeB)) {
    yield* c.print(`File ${isReg(modeA) ? b.path : a.path} is not a regular file or directory and was skipped\n`);
    return 1;
  }
  const [stA, stB] = [a.st ?? b.st, b.st ?? a.st];
  if (stA === undefined || stB === undefined) return 0;
  yield* c.print(`File ${a.path} is a ${kindOf(c, stA)} while file ${b.path} is a ${kindOf(c, stB)}\n`);
  return 1;
}

function* names(c: Command, s: Settings, side: Side): Proc<string[]> {
  if (side.st === undefined) return [];
  const all = (yield* readDir(c.sys, side.path)).map((entry) => entry.name).filter((name) => name !== "." && name !== "..");
  return all.filter((name) => !s.exclude.some((pattern) => fnmatch(pattern, name))).sort();
}

const join = (dir: string, name: string): string => (dir.endsWith("/") ? dir + name : `${dir}/${name}`);

function* compareDirs(c: Command, s: Settings, a: Side, b: Side): Proc<number> {
  const inA = new Set(yield* names(c, s, a));
  const inB = new Set(yield* names(c, s, b));
  let status = 0;
  for (const name of [...new Set([...inA, ...inB])].sort()) {
    if (s.startingFile !== undefined && name < s.startingFile) continue;
    const hasA = inA.has(name);
    const hasB = inB.has(name);
    if ((!hasA || !hasB) && !s.newFile) {
      yield* c.print(`Only in ${hasA ? a.path : b.path}: ${name}\n`);
      status = Math.max(status, 1);
      continue;
    }
    const sideA = yield* look(c, s, join(a.path, name), hasA);
    const sideB = yield* look(c, s, join(b.path, name), hasB);
    if (sideA === undefined || sideB === undefined) status = TROUBLE;
    else if (sideA.st === undefined && sideB.st !== undefined && isDir(sideB.st.mode) && !s.recursive) {
      yield* c.print(`Only in ${b.path}: ${name}\n`);
      status = Math.max(status, 1);
    } else if (sideB.st === undefined && sideA.st !== undefined && isDir(sideA.st.mode) && !s.recursive) {
      yield* c.print(`Only in ${a.path}: ${name}\n`);
      status = Math.max(status, 1);
    } else status = Math.max(status, yield* compare(c, s, sideA, sideB, true));
  }
  return status;
}

/** The status of a name; undefined after an error message. */
function* look(c: Command, s: Settings, path: string, exists: boolean): Proc<Side | undefined> {
  if (!exists) return { path, st: undefined };
  if (path === "-") return { path, st: yield* c.sys.fstat(0) };
  try {
    return { path, st: yield* s.follow ? stat(c.sys, path) : lstat(c.sys, path) };
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.stdout.flush();
    yield* c.warn(c.voice === "gnu" ? `${path}: ${e.message}` : `can't stat '${path}': ${e.message}`);
    return undefined;
  }
}

/** The operands; where one is a directory and the other is not, the file of that name in it. */
function* operands(c: Command, s: Settings, pathA: string, pathB: string): Proc<readonly [Side, Side] | undefined> {
  const exists = function* (path: string): Proc<boolean> {
    if (!s.newFile || path === "-") return true;
    try {
      yield* stat(c.sys, path);
      return true;
    } catch (e) {
      if (e === ENOENT || e === ENOTDIR) return false;
      throw e;
    }
  };
  const [hasA, hasB] = [yield* exists(pathA), yield* exists(pathB)];
  const neither = !hasA && !hasB;
  let a = yield* look(c, s, pathA, hasA || neither);
  let b = yield* look(c, s, pathB, hasB || neither);
  if (a === undefined || b === undefined) return undefined;
  const dirA = a.st !== undefined && isDir(a.st.mode);
  const dirB = b.st !== undefined && isDir(b.st.mode);
  if (dirA && !dirB && b.st !== undefined) a = yield* look(c, s, join(pathA, basename(pathB)), true);
  else if (dirB && !dirA && a.st !== undefined) b = yield* look(c, s, join(pathB, basename(pathA)), true);
  return a === undefined || b === undefined ? undefined : [a, b];
}

function* main(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const short = gnu ? "qsucC:U:enyW:pF:L:tTrNx:X:S:iEZbwBI:adHv0123456789" : "abBdiL:NqrsS:tTU:wu";
  const s = newSettings();
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = getopt(c.args, { short, long: LONG }, c.voice);
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    return yield* usage(c, e.message);
  }
  let digits = "";
  for (const o of parsed.options) {
    if (/^[0-9]$/.test(o.name)) digits += o.name;
    else yield* apply(c, s, o);
  }
  if (digits !== "") s.print.context = Number(digits);
  if (!gnu) {
    if (s.style === undefined) s.print.context = 3;
    s.style = "unified";
  }
  const rest = [...c.args];
  for (const operand of parsed.operands) rest.splice(rest.lastIndexOf(operand), 1);
  s.switches = rest
    .filter((word) => word !== "--")
    .map((word) => ` ${quotearg(word, "shell")}`)
    .join("");
  const [pathA, pathB, extra] = parsed.operands;
  if (pathA === undefined || pathB === undefined) return yield* usage(c, gnu ? `missing operand after '${c.argv.at(-1)}'` : "");
  if (extra !== undefined) return yield* usage(c, `extra operand '${extra}'`);
  const sides = yield* operands(c, s, pathA, pathB);
  if (sides === undefined) return TROUBLE;
  return yield* compare(c, s, sides[0], sides[1], false);
}

export const diff: Executable = {
  name: "diff",
  main: command({ help: text, usageStatus: TROUBLE }, main),
  paths: ["/usr/bin/diff"],
  sizeBytes: 155216,
  applet: "/usr/bin/diff",
};
