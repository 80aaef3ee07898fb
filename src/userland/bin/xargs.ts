/** xargs(1) of GNU findutils 4.9, and busybox's. How the input is taken apart is in `userland/xargs/items.ts`. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_RDONLY } from "../../abi/fcntl.ts";
import type { Env, Proc } from "../../abi/sys.ts";
import { byteLength } from "../../abi/utf8.ts";
import { wExitStatus, wIfSignaled, wTermSig } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { type Option, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { quote, quotearg } from "../libc/quotearg.ts";
import { Input } from "../libc/stdio.ts";
import { execvp, open } from "../libc/unistd.ts";
import { type Item, ItemError, Items } from "../xargs/items.ts";

/** Bytes of a command line unless -s says less, and at most (ARG_MAX less some room). */
const DEFAULT_CHARS = 131072;
const ARG_MAX = 2097152 - 2048;

const SOME_FAILED = 123;
const SAID_STOP = 124;
const KILLED = 125;
const CANNOT_RUN = 126;
const NOT_FOUND = 127;

const text = help(
  `xargs [OPTION]... COMMAND [INITIAL-ARGS]...
Run COMMAND with INITIAL-ARGS and more arguments read from standard input.

  -0, --null                   items end with a NUL; quotes and backslashes are plain
  -a, --arg-file=FILE          read items from FILE instead of standard input
  -d, --delimiter=CHARACTER    items end with CHARACTER; quotes and backslashes are plain
  -E END                       an item END ends the input
  -e, --eof[=END]              the same if END is given; else there is no end item
  -I R                         the same as --replace=R
  -i, --replace[=R]            replace R (default {}) in INITIAL-ARGS by each line of input
  -L, --max-lines=MAX-LINES    use at most MAX-LINES non-blank lines per command line
  -l[MAX-LINES]                the same; one line unless MAX-LINES is given
  -n, --max-args=MAX-ARGS      use at most MAX-ARGS arguments per command line
  -o, --open-tty               let the command read from /dev/tty
  -P, --max-procs=MAX-PROCS    run at most MAX-PROCS commands at a time (0: as many as possible)
  -p, --interactive            ask before each command
      --process-slot-var=VAR   set VAR in the environment of the commands to their slot
  -r, --no-run-if-empty        do not run COMMAND if there are no items
  -s, --max-chars=MAX-CHARS    limit the length of a command line
      --show-limits            show the limits on the length of a command line
  -t, --verbose                print commands before running them
  -x, --exit                   exit if a command line would be longer than -s allows
      --help                   display this help and exit
      --version                output version information and exit`,
  `xargs [OPTIONS] [PROG ARGS]

Run PROG on every item given by stdin

	-0	NUL terminated input
	-a FILE	Read from FILE instead of stdin
	-r	Don't run command if input is empty
	-t	Print the command on stderr before execution
	-p	Ask user whether to run each command
	-E STR,-e[STR]	STR stops input processing
	-I STR	Replace STR within PROG ARGS with input line
	-n N	Pass no more than N args to PROG
	-s N	Pass command line of no more than N bytes
	-P N	Run up to N PROGs in parallel
	-x	Exit if size is exceeded`,
);

const LONG = [
  { name: "null", as: "0" },
  { name: "arg-file", arg: "required", as: "a" },
  { name: "delimiter", arg: "required", as: "d" },
  { name: "eof", arg: "optional", as: "e" },
  { name: "replace", arg: "optional", as: "i" },
  { name: "max-lines", arg: "optional", as: "l" },
  { name: "max-args", arg: "required", as: "n" },
  { name: "open-tty", as: "o" },
  { name: "max-procs", arg: "required", as: "P" },
  { name: "interactive", as: "p" },
  { name: "process-slot-var", arg: "required" },
  { name: "no-run-if-empty", as: "r" },
  { name: "max-chars", arg: "required", as: "s" },
  { name: "show-limits" },
  { name: "verbose", as: "t" },
  { name: "exit", as: "x" },
  { name: "version" },
] as const;

interface Settings {
  delimiter: number | undefined;
  file: string | undefined;
  eof: string | undefined;
  replace: string | undefined;
  maxLines: number;
  maxArgs: number;
  maxChars: number;
  maxProcs: number;
  asks: boolean;
  verbose: boolean;
  exits: boolean;
  skipEmpty: boolean;
  openTty: boolean;
  slotVar: string | undefined;
  showLimits: boolean;
}

function number(c: Command, o: Option, least: number): number {
  if (!/^[-+]?[0-9]+$/.test(o.arg)) {
    throw c.voice === "busybox" ? new Exit(1) : new UsageError(`invalid number "${o.arg}" for -${o.name} option`);
  }
  const n = Number(o.arg);
  if (n < least) throw new UsageError(`value ${n} for -${o.name} option should be >= ${least}`);
  return n;
}

/** busybox's words for a bad number; it ends there. */
function* checkBusyboxNumber(c: Command, o: Option, least: number): Proc<void> {
  if (c.voice !== "busybox" || !"nsP".includes(o.name)) return;
  if (!/^[0-9]+$/.test(o.arg)) yield* c.fail(`invalid number '${o.arg}'`);
  if (Number(o.arg) < least) yield* c.fail(`number ${o.arg} is not in ${least}..2147483647 range`);
}

/** The byte that -d names: a character, `\n` and the like, `\xHH`, `\0OOO`. */
function* delimiterOf(c: Command, word: string): Proc<number> {
  if (byteLength(word) === 1) return word.charCodeAt(0);
  const letter = /^\\([abfnrtv\\0])$/.exec(word)?.[1];
  if (letter !== undefined) return "\x07\b\f\n\r\t\v\\\0".charCodeAt("abfnrtv\\0".indexOf(letter));
  const hex = /^\\x([0-9a-fA-F]{1,2})$/.exec(word)?.[1];
  if (hex !== undefined) return Number.parseInt(hex, 16);
  const octal = /^\\([0-7]{1,4})$/.exec(word)?.[1];
  if (octal !== undefined) return Number.parseInt(octal, 8) & 0xff;
  if (word.startsWith("\\")) return yield* c.fail(`Invalid escape sequence ${word} in input delimiter specification.`);
  return yield* c.fail(
    `Invalid input delimiter specification ${word}: the delimiter must be either a single character or an escape sequence starting with \\.`,
  );
}

function* readSettings(c: Command, options: readonly Option[]): Proc<Settings> {
  const s: Settings = {
    delimiter: undefined,
    file: undefined,
    eof: undefined,
    replace: undefined,
    maxLines: 0,
    maxArgs: 0,
    maxChars: DEFAULT_CHARS,
    maxProcs: 1,
    asks: false,
    verbose: false,
    exits: false,
    skipEmpty: false,
    openTty: false,
    slotVar: undefined,
    showLimits: false,
  };
  const clash = function* (option: string, previous: string): Proc<void> {
    yield* c.warn(`warning: options ${previous} and ${option} are mutually exclusive, ignoring previous ${previous.split("/")[0]} value`);
  };
  for (const o of options) {
    yield* checkBusyboxNumber(c, o, o.name === "P" ? 0 : 1);
    if (o.name === "0") s.delimiter = 0;
    else if (o.name === "d") s.delimiter = yield* delimiterOf(c, o.arg);
    else if (o.name === "a") s.file = o.arg;
    else if (o.name === "E" || o.name === "e") s.eof = o.hasArg && o.arg !== "" ? o.arg : undefined;
    else if (o.name === "I" || o.name === "i") {
      if (s.maxArgs > 0) yield* clash("--replace/-I/-i", "--max-args");
      if (s.maxLines > 0) yield* clash("--replace/-I/-i", "--max-lines");
      s.replace = o.hasArg ? o.arg : "{}";
      s.maxArgs = s.maxLines = 0;
    } else if (o.name === "L" || o.name === "l") {
      if (s.maxArgs > 0) yield* clash(o.name === "L" ? "-L" : "--max-lines/-l", "--max-args");
      if (s.replace !== undefined) yield* clash(o.name === "L" ? "-L" : "--max-lines/-l", "--replace");
      s.maxLines = o.hasArg ? number(c, o, 1) : 1;
      s.maxArgs = 0;
      s.replace = undefined;
    } else if (o.name === "n") {
      if (s.maxLines > 0) yield* clash("--max-args/-n", "--max-lines");
      s.maxArgs = number(c, o, 1);
      s.maxLines = 0;
      // `-I R -n 1` is what -I does anyway; GNU lets it stand.
      if (s.replace !== undefined && s.maxArgs === 1) s.maxArgs = 0;
      else if (s.replace !== undefined) {
        yield* clash("--max-args/-n", "--replace");
        s.replace = undefined;
      }
    } else if (o.name === "s") {
      s.maxChars = number(c, o, 1);
      if (s.maxChars > ARG_MAX && c.voice === "gnu") {
        yield* c.warn(`value ${s.maxChars} for -s option should be <= ${ARG_MAX}`);
        s.maxChars = ARG_MAX;
      }
    } else if (o.name === "P") s.maxProcs = number(c, o, 0) || Number.POSITIVE_INFINITY;
    else if (o.name === "p") s.asks = s.verbose = true;
    else if (o.name === "t") s.verbose = true;
    else if (o.name === "x") s.exits = true;
    else if (o.name === "r") s.skipEmpty = true;
    else if (o.name === "o") s.openTty = true;
    else if (o.name === "process-slot-var") s.slotVar = o.arg;
    else if (o.name === "show-limits") s.showLimits = true;
  }
  return s;
}

/** Starts commands, at most so many at once, and keeps the exit status. */
class Runner {
  private readonly running = new Map<number, { readonly slot: number; readonly program: string }>();
  private tty: Input | undefined;
  status = 0;

  constructor(
    private readonly c: Command,
    private readonly s: Settings,
  ) {}

  *run(argv: readonly string[]): Proc<void> {
    const { c, s } = this;
    if (s.verbose) {
      yield* c.eprint(argv.map((word) => (c.voice === "gnu" ? quotearg(word, "shell") : word)).join(" ") + (s.asks ? "" : "\n"));
      if (s.asks && !(yield* this.confirmed())) return;
    }
    while (this.running.size >= s.maxProcs) yield* this.reap();
    yield* c.stdout.flush();
    let slot = 0;
    while ([...this.running.values()].some((child) => child.slot === slot)) slot++;
    const env: Env = new Map(c.env);
    if (s.slotVar !== undefined) env.set(s.slotVar, `${slot}`);
    // Memory is shared until the child has executed, as after vfork(2): the child leaves its failure here.
    let failure: Errno | undefined;
    const pid = yield* c.sys.vfork(function* () {
      try {
        if (s.file === undefined || s.openTty) {
          const fd = yield* open(c.sys, s.openTty ? "/dev/tty" : "/dev/null", O_RDONLY);
          yield* c.sys.dup2(fd, 0);
          yield* c.sys.close(fd);
        }
        yield* execvp(c.sys, argv[0] ?? "", argv, env);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        failure = e;
      }
      return failure === ENOENT ? NOT_FOUND : CANNOT_RUN;
    });
    if (failure !== undefined) {
      yield* c.perror(argv[0] ?? "", failure);
      yield* c.sys.wait4(pid, 0);
      throw new Exit(failure === ENOENT ? NOT_FOUND : CANNOT_RUN);
    }
    this.running.set(pid, { slot, program: argv[0] ?? "" });
    if (s.maxProcs === 1) yield* this.reap();
  }

  /** Blocks until all commands have ended. */
  *finish(): Proc<void> {
    while (this.running.size > 0) yield* this.reap();
  }

  private *reap(): Proc<void> {
    const { pid, status } = yield* this.c.sys.wait4(-1, 0);
    const child = this.running.get(pid);
    if (child === undefined) return;
    this.running.delete(pid);
    const gnu = this.c.voice === "gnu";
    if (wIfSignaled(status)) {
      yield* this.c.warn(
        gnu ? `${child.program}: terminated by signal ${wTermSig(status)}` : `'${child.program}' terminated by signal ${wTermSig(status)}`,
      );
      throw new Exit(KILLED);
    }
    const code = wExitStatus(status);
    if (code === 255) {
      yield* this.c.warn(`${child.program}: exited with status 255; aborting`);
      throw new Exit(SAID_STOP);
    }
    if (code !== 0) this.status = SOME_FAILED;
  }

  private *confirmed(): Proc<boolean> {
    const { c } = this;
    if (this.tty === undefined) {
      try {
        this.tty = new Input(c.sys, yield* open(c.sys, "/dev/tty", O_RDONLY | O_CLOEXEC));
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.warn(c.voice === "gnu" ? `failed to open /dev/tty for reading: ${e.message}` : `can't open '/dev/tty': ${e.message}`);
        throw new Exit(1);
      }
    }
    yield* c.eprint(c.voice === "gnu" ? "?..." : " ?...");
    return /^[yY]/.test((yield* this.tty.readLine()) ?? "");
  }
}

function* showLimits(c: Command, s: Settings): Proc<void> {
  let environment = 0;
  for (const [key, value] of c.env) environment += byteLength(key) + byteLength(value) + 2;
  yield* c.eprint(
    `Your environment variables take up ${environment} bytes\n` +
      `POSIX upper limit on argument length (this system): ${ARG_MAX - environment}\n` +
      "POSIX smallest allowable upper limit on argument length (all systems): 4096\n" +
      `Maximum length of command we could actually use: ${ARG_MAX - 2 * environment}\n` +
      `Size of command buffer we are actually using: ${s.maxChars}\n` +
      "Maximum parallelism (--max-procs must be no greater): 2147483647\n",
  );
}

const sizeOf = (words: readonly string[]): number => words.reduce((sum, word) => sum + byteLength(word) + 1, 0);

/** One command per line of input, with the line in place of the mark. */
function* replaceLines(c: Command, s: Settings, items: Items, runner: Runner, initial: readonly string[]): Proc<void> {
  for (let item = yield* items.next(); item !== undefined; item = yield* items.next()) {
    const { text: line } = item;
    const argv = initial.map((word, i) => (i === 0 || s.replace === "" ? word : word.replaceAll(s.replace ?? "", () => line)));
    if (sizeOf(argv) > s.maxChars) yield* c.fail(c.voice === "gnu" ? "argument list too long" : "argument line too long");
    yield* runner.run(argv);
  }
}

/** As many items a command as the limits let. */
function* appendItems(c: Command, s: Settings, items: Items, runner: Runner, initial: readonly string[]): Proc<void> {
  const fixed = sizeOf(initial);
  if (fixed > s.maxChars) yield* c.fail("cannot fit single argument within argument list size limit");
  let words: string[] = [];
  let size = fixed;
  let lines = 0;
  let ran = false;
  const run = function* (): Proc<void> {
    const argv = [...initial, ...words];
    words = [];
    size = fixed;
    lines = 0;
    ran = true;
    yield* runner.run(argv);
  };
  const next = function* (): Proc<Item | undefined> {
    try {
      return yield* items.next();
    } catch (e) {
      // What was collected before an unmatched quote is run by GNU xargs, as at the end of the input.
      if (e instanceof ItemError && words.length > 0 && c.voice === "gnu") yield* run();
      throw e;
    }
  };
  for (let item = yield* next(); item !== undefined; item = yield* next()) {
    const bytes = byteLength(item.text) + 1;
    if (size + bytes > s.maxChars) {
      if (words.length === 0 || (s.exits && (s.maxArgs > 0 || s.maxLines > 0))) yield* c.fail("argument line too long");
      yield* run();
    }
    if (size + bytes > s.maxChars) yield* c.fail("argument line too long");
    words.push(item.text);
    size += bytes;
    if (item.endsLine) lines++;
    if ((s.maxArgs > 0 && words.length >= s.maxArgs) || (s.maxLines > 0 && lines >= s.maxLines)) yield* run();
    yield* c.sys.spend(bytes * 10);
  }
  if (words.length > 0 || (!ran && !s.skipEmpty)) yield* run();
}

function* main(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const parsed = yield* c.getopt(gnu ? { short: "+0a:E:e::i::I:l::L:n:prs:txP:d:o", long: LONG } : { short: "+0a:rtpE:e::I:n:s:P:xo" });
  if (parsed.options.some((o) => o.name === "version")) {
    yield* c.print("xargs (GNU findutils) 4.9.0\n");
    return 0;
  }
  const s = yield* readSettings(c, parsed.options);
  if (s.showLimits) yield* showLimits(c, s);
  const initial = parsed.operands.length === 0 ? ["echo"] : parsed.operands;
  let input = c.stdin;
  if (s.file !== undefined) {
    try {
      input = new Input(c.sys, yield* open(c.sys, s.file, O_RDONLY | O_CLOEXEC));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(gnu ? `Cannot open input file ${quote(s.file)}: ${e.message}` : `can't open '${s.file}': ${e.message}`);
    }
  }
  const items = new Items(input, {
    delimiter: s.delimiter,
    lines: s.replace !== undefined,
    eof: s.eof,
    busybox: !gnu,
    maxBytes: s.maxChars,
  });
  const runner = new Runner(c, s);
  try {
    if (s.replace !== undefined) yield* replaceLines(c, s, items, runner, initial);
    else yield* appendItems(c, s, items, runner, initial);
  } catch (e) {
    if (!(e instanceof ItemError)) throw e;
    yield* runner.finish();
    return yield* c.fail(e.message);
  }
  if (items.sawNul && gnu) {
    yield* c.warn(
      "WARNING: a NUL character occurred in the input.  It cannot be passed through in the argument list.  Did you mean to use the --null option?",
    );
  }
  yield* runner.finish();
  return runner.status;
}

export const xargs: Executable = {
  name: "xargs",
  main: command({ help: text }, main),
  paths: ["/usr/bin/xargs"],
  sizeBytes: 72136,
  applet: "/usr/bin/xargs",
};
