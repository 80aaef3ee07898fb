/**
 * grep(1) of GNU grep 3.8, and busybox grep: lines that match. `../grep/` has the options, the patterns and the search.
 * Left out: -T, --version, --line-buffered on a pipe is honoured per block; GREP_COLORS is not read.
 */

import { EISDIR, Errno } from "../../abi/errno.ts";
import { isDir, isLnk, isReg } from "../../abi/stat.ts";
import type { Proc, Program } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { makeMatcher } from "../grep/matcher.ts";
import { type GrepOptions, parseOptions } from "../grep/options.ts";
import { Search } from "../grep/search.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { fnmatch } from "../libc/fnmatch.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { RegexError } from "../libc/regex.ts";
import { Input, isatty } from "../libc/stdio.ts";
import { basename, lstat, open, readDir, stat } from "../libc/unistd.ts";

const usage = `grep [OPTION]... PATTERNS [FILE]...
Print the lines of each FILE that match one of PATTERNS (separated by newlines).
With no FILE, read standard input, or the working directory with -r.

Patterns:
  -G, --basic-regexp       basic regular expressions (default)
  -E, --extended-regexp    extended regular expressions
  -F, --fixed-strings      plain strings
  -P, --perl-regexp        Perl regular expressions
  -e, --regexp=PATTERNS    a pattern, also one that begins with -
  -f, --file=FILE          patterns from FILE, one a line
  -i, --ignore-case        upper and lower case are alike
  -w, --word-regexp        whole words only
  -x, --line-regexp        whole lines only
  -z, --null-data          lines end in a zero byte

Output:
  -v, --invert-match       the lines that do not match
  -c, --count              only how many lines
  -l, --files-with-matches, -L, --files-without-match
                           only the names of the files
  -o, --only-matching      only the matching parts
  -m, --max-count=NUM      stop after NUM lines of a file
  -n, --line-number        with line numbers
  -b, --byte-offset        with byte offsets
  -H, --with-filename, -h, --no-filename
                           with, without file names
      --label=LABEL        how standard input is called
  -Z, --null               a zero byte after file names
  -q, --quiet, --silent    nothing: the status tells
  -s, --no-messages        no messages about unreadable files
      --color[=WHEN]       mark matches: always, never or auto
      --line-buffered      flush what was printed at once

Files:
  -a, --text               binary files are text
  -I                       binary files do not match
      --binary-files=TYPE  binary, text or without-match
  -r, --recursive          all files below directories
  -R, --dereference-recursive  likewise, following symbolic links
  -d, --directories=ACTION read, recurse or skip
      --include=GLOB, --exclude=GLOB, --exclude-dir=GLOB
                           choose files by name
  -U, --binary             ignored

Context:
  -B, --before-context=NUM  -A, --after-context=NUM  -C, --context=NUM, -NUM
                           NUM lines before, after, around each match

The status is 0 if a line was selected, 1 if none was, 2 after an error.`;

const busyboxUsage = `grep [-HhnlLoqvsrRiwFEz] [-m N] [-A|B|C N] { PATTERN | -e PATTERN... | -f FILE... } [FILE]...

Search for PATTERN in FILEs (or stdin)

\t-H\tAdd 'filename:' prefix
\t-h\tDo not add 'filename:' prefix
\t-n\tAdd 'line_no:' prefix
\t-l\tShow only names of files that match
\t-L\tShow only names of files that don't match
\t-c\tShow only count of matching lines
\t-o\tShow only the matching part of line
\t-q\tQuiet. Return 0 if PATTERN is found, 1 otherwise
\t-v\tSelect non-matching lines
\t-s\tSuppress open and read errors
\t-r\tRecurse
\t-R\tRecurse and dereference symlinks
\t-i\tIgnore case
\t-w\tMatch whole words only
\t-x\tMatch whole lines only
\t-F\tPATTERN is a literal (not regexp)
\t-E\tPATTERN is an extended regexp
\t-z\tNUL terminated input
\t-m N\tMatch up to N times per file
\t-A N\tPrint N lines of trailing context
\t-B N\tPrint N lines of leading context
\t-C N\tSame as '-A N -B N'
\t-e PTRN\tPattern to match
\t-f FILE\tRead pattern from file`;

class Grep {
  private failed = false;
  selected = false;

  constructor(
    private readonly c: Command,
    private readonly o: GrepOptions,
    private readonly search: Search,
  ) {}

  get status(): number {
    if (this.failed && !(this.o.quiet && this.selected)) return 2;
    return this.selected ? 0 : 1;
  }

  private get finished(): boolean {
    return this.o.quiet && this.selected;
  }

  *operand(name: string): Proc<void> {
    if (this.finished) return;
    if (name === "-") {
      this.note(yield* this.search.file(this.readable(this.c.stdin, "-"), this.o.label));
      return;
    }
    try {
      const st = yield* stat(this.c.sys, name);
      if (!isDir(st.mode) && !this.wanted(name)) return;
      if (isDir(st.mode) && this.o.recursive !== "no") {
        if (!this.excludesDir(name)) yield* this.directory(name);
        return;
      }
      if (isDir(st.mode) && this.o.directories === "skip") return;
      yield* this.file(name);
    } catch (e) {
      yield* this.complain(name, e);
    }
  }

  *directory(path: string): Proc<void> {
    let entries: readonly { readonly name: string }[];
    try {
      entries = yield* readDir(this.c.sys, path === "" ? "." : path);
    } catch (e) {
      yield* this.complain(path, e);
      return;
    }
    for (const { name } of entries) {
      if (name === "." || name === "..") continue;
      if (this.finished) return;
      const child = path === "" ? name : path.endsWith("/") ? path + name : `${path}/${name}`;
      try {
        const own = yield* lstat(this.c.sys, child);
        if (isLnk(own.mode) && this.o.recursive !== "following") continue;
        const st = isLnk(own.mode) ? yield* stat(this.c.sys, child) : own;
        if (isDir(st.mode)) {
          if (!this.excludesDir(name)) yield* this.directory(child);
        } else if (isReg(st.mode) && this.wanted(name)) yield* this.file(child, this.o.names !== "never");
      } catch (e) {
        yield* this.complain(child, e);
      }
    }
  }

  private wanted(path: string): boolean {
    const name = basename(path);
    const matches = (glob: string): boolean => fnmatch(glob, name) || fnmatch(glob, path);
    if (this.o.exclude.some(matches)) return false;
    return this.o.include.length === 0 || this.o.include.some(matches);
  }

  private excludesDir(path: string): boolean {
    return this.o.excludeDir.some((glob) => fnmatch(glob, path) || fnmatch(glob, basename(path)));
  }

  private *file(path: string, named?: boolean): Proc<void> {
    const fd = yield* open(this.c.sys, path);
    this.note(yield* this.search.file(this.readable(new Input(this.c.sys, fd), path), path, named));
    yield* this.c.sys.close(fd);
  }

  /** The stream with read errors reported: an EISDIR ends it like an empty file. */
  private readable(input: Input, name: string): { read(): Proc<Uint8Array | undefined> } {
    const complain = (e: unknown): Proc<void> => this.complain(name, e);
    return {
      *read() {
        try {
          return yield* input.read();
        } catch (e) {
          yield* complain(e);
          return undefined;
        }
      },
    };
  }

  private note(selected: number): void {
    // With -L, busybox succeeds where a file is listed.
    if (this.o.list === "others" && this.c.voice === "busybox" ? selected === 0 : selected > 0) this.selected = true;
  }

  private *complain(name: string, e: unknown): Proc<void> {
    if (!(e instanceof Errno)) throw e;
    // busybox skips directories in silence.
    if (e === EISDIR && this.c.voice === "busybox") return;
    this.failed = true;
    if (!this.o.noMessages) yield* this.c.perror(name, e);
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  let o: GrepOptions;
  try {
    o = yield* parseOptions(c);
  } catch (e) {
    if (!gnu || !(e instanceof UsageError)) throw e;
    if (e.message !== "") yield* c.warn(e.message);
    yield* c.eprint("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n");
    throw new Exit(2);
  }
  let matcher: ReturnType<typeof makeMatcher>;
  try {
    matcher = makeMatcher(o.patterns ?? [], { ...o, dialect: gnu ? "grep" : "posix" });
  } catch (e) {
    if (!(e instanceof RegexError)) throw e;
    if (gnu) return yield* c.fail(e.message, 2);
    return yield* c.fail(`bad regex '${o.patterns?.[0] ?? ""}'`, 2);
  }
  for (const warning of matcher.warnings) yield* c.warn(`warning: ${warning}`);
  const operands = o.operands.length > 0 ? o.operands : o.recursive === "no" || !gnu ? ["-"] : [];
  // Files found in directories are always named; a single operand that is a file is not.
  const several = operands.length > 1;
  const withNames = o.names === "always" || (o.names === "auto" && several);
  const color = o.color === "always" || (o.color === "auto" && c.env.get("TERM") !== "dumb" && (yield* isatty(c.sys, 1)));
  const binaryNote = (name: string): Proc<void> => c.eprint(`grep: ${name}: binary file matches\n`);
  const grep = new Grep(c, o, new Search(c.sys, c.stdout, matcher, o, withNames, color, binaryNote));
  if (operands.length === 0) yield* grep.directory("");
  for (const operand of operands) yield* grep.operand(operand);
  return grep.status;
}

const main = command({ help: help(usage, busyboxUsage), usageStatus: 2, writeError: { status: 2 } }, run);

/** egrep and fgrep are scripts that run `grep -E` and `grep -F`: their messages say grep. */
const withOption =
  (option: string): Program =>
  (sys, argv, env, auxv) =>
    main(sys, auxv.voice === "gnu" ? ["grep", option, ...argv.slice(1)] : [argv[0] ?? "", option, ...argv.slice(1)], env, auxv);

export const grep: Executable = {
  name: "grep",
  paths: ["/usr/bin/grep"],
  needed: ["libpcre2-8.so.0", "libc.so.6"],
  sizeBytes: 203152,
  applet: "/bin/grep",
  main,
};

/** Differs from Linux: a program, not a shell script. */
export const egrep: Executable = { name: "egrep", paths: ["/usr/bin/egrep"], sizeBytes: 41, applet: "/bin/egrep", main: withOption("-E") };

/** Differs from Linux: a program, not a shell script. */
export const fgrep: Executable = { name: "fgrep", paths: ["/usr/bin/fgrep"], sizeBytes: 41, applet: "/bin/fgrep", main: withOption("-F") };
