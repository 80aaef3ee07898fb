/** find(1) of GNU findutils 4.9, and busybox's. The expression, the walk and the actions are in `userland/find/`. */

import type { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { actions, Quit, silentActions } from "../find/actions.ts";
import {
  evaluate,
  type Expression,
  ExpressionError,
  hasAction,
  isOperator,
  parseExpression,
  type Token,
  unrecognized,
} from "../find/expression.ts";
import { Parsing } from "../find/parsing.ts";
import { findNewer, type Maker, settings, tests } from "../find/predicates.ts";
import { type Visit, type Walker, walk } from "../find/walk.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { IdNames } from "../libc/passwd.ts";
import { quote } from "../libc/quotearg.ts";
import { isatty } from "../libc/stdio.ts";
import { lstat, optional } from "../libc/unistd.ts";

const text = help(
  `find [-H] [-L] [-P] [path...] [expression]

Walks over each path (default: the current directory) and evaluates the expression (default: -print) for every file.

Operators, binding ever less tightly:
      ( EXPR )   ! EXPR   -not EXPR   EXPR1 [-a] EXPR2   EXPR1 -o EXPR2   EXPR1 , EXPR2

Options:
      -daystart -depth -follow -maxdepth LEVELS -mindepth LEVELS -mount -noleaf -nowarn -regextype TYPE -warn -xdev

Tests (N can be +N or -N or N):
      -amin N -anewer FILE -atime N -cmin N -cnewer FILE -ctime N -empty -executable -false -fstype TYPE -gid N
      -group NAME -ilname PATTERN -iname PATTERN -inum N -ipath PATTERN -iregex PATTERN -links N -lname PATTERN
      -mmin N -mtime N -name PATTERN -newer FILE -newerXY REFERENCE -nogroup -nouser -path PATTERN -perm [-/]MODE
      -readable -regex PATTERN -samefile FILE -size N[bcwkMG] -true -type [bcdpfls] -uid N -used N -user NAME
      -writable -xtype [bcdpfls]

Actions:
      -delete -exec COMMAND ; -exec COMMAND {} + -execdir COMMAND ; -execdir COMMAND {} + -fls FILE -fprint FILE
      -fprint0 FILE -fprintf FILE FORMAT -ls -ok COMMAND ; -okdir COMMAND ; -print -print0 -printf FORMAT -prune -quit

      --help       display this help and exit
      --version    output version information and exit`,
  `find [-HL] [PATH]... [OPTIONS] [ACTIONS]

Search for files and perform actions on them.
First failed action stops processing of current file.
Defaults: PATH is current directory, action is '-print'

	-L,-follow	Follow symlinks
	-H		...on command line only
	-xdev		Don't descend directories on other filesystems
	-maxdepth N	Descend at most N levels. -maxdepth 0 applies
			actions to command line arguments only
	-mindepth N	Don't act on first N levels
	-depth		Act on directory *after* traversing it

Actions: ( ) ! -a -o -name -iname -path -ipath -regex -type -executable -perm -mtime -atime -ctime
-mmin -amin -cmin -newer -inum -samefile -user -group -size -links -empty -prune -print -print0
-exec CMD ARG ; -exec CMD ARG + -delete -quit`,
);

/** What busybox has built in: Debian's, and -delete, which Alpine's has and its users need. */
const BUSYBOX = new Set(
  `-name -iname -path -wholename -ipath -iwholename -regex -type -executable -perm -mtime -atime -ctime -mmin -amin -cmin -newer -inum -samefile
   -user -group -size -links -empty -prune -print -print0 -exec -delete -quit -xdev -follow -maxdepth -mindepth -depth -d -noleaf`.split(
    /\s+/,
  ),
);

function makerOf(p: Parsing): Maker | undefined {
  if (p.busybox && !BUSYBOX.has(p.name)) return undefined;
  const maker = tests.get(p.name) ?? settings.get(p.name) ?? actions.get(p.name);
  if (maker !== undefined || p.busybox) return maker;
  if (p.name === "-context") throw new ExpressionError("invalid predicate -context: SELinux is not enabled.");
  const newer = findNewer(p.name);
  if (newer === undefined && p.name.startsWith("-newer")) throw new ExpressionError(`invalid predicate \`${p.name}'`);
  return newer;
}

/** Reads the expression's words. */
function* readTokens(p: Parsing): Proc<Token[]> {
  const tokens: Token[] = [];
  let previous: string | undefined;
  while (p.at < p.args.length) {
    const word = p.args[p.at] as string;
    p.at++;
    p.name = word;
    if (isOperator(word)) tokens.push({ kind: "operator", text: word });
    else {
      if (word === "--help" || word === "-help") yield* p.c.help();
      const maker = makerOf(p);
      if (maker === undefined) throw yield* wordError(p, word, previous);
      const test = yield* maker(p);
      tokens.push({ kind: "test", predicate: { name: word, action: actions.has(word) && !silentActions.has(word), test } });
    }
    previous = word;
  }
  return tokens;
}

/** Why a word cannot stand where it stands. */
function* wordError(p: Parsing, word: string, previous: string | undefined): Proc<unknown> {
  if (p.busybox) return unrecognized(word);
  if (word.startsWith("-")) return new ExpressionError(`unknown predicate \`${word}'`);
  yield* p.c.warn(`paths must precede expression: \`${word}'`);
  // The shell has probably expanded a pattern: the word is a file, and the predicate before it takes a pattern.
  const exists = (yield* optional(lstat(p.c.sys, word))) !== undefined;
  if (exists && previous !== undefined && tests.has(previous))
    return new ExpressionError(`possible unquoted pattern after predicate \`${previous}'?`);
  return new ExpressionError("");
}

/** -H, -L, -P and -O before the paths. */
function readLeading(p: Parsing): void {
  for (; p.at < p.args.length; p.at++) {
    const word = p.args[p.at] as string;
    if (word === "-H") p.options.follow = "arguments";
    else if (word === "-L") p.options.follow = "always";
    else if (word === "-P") p.options.follow = "never";
    else if (word === "--") {
      p.at++;
      return;
    } else if (/^-O[0-9]+$/.test(word) && !p.busybox) {
      // The order of tests is never changed here, so every level is served.
    } else return;
  }
}

const looksLikeExpression = (word: string, leading: boolean): boolean => {
  if (word.startsWith("-")) return word.length > 1;
  if (word === ")" || word === ",") return !leading;
  return word === "(" || word === "!";
};

function readPaths(p: Parsing): string[] {
  const paths: string[] = [];
  for (; p.at < p.args.length; p.at++) {
    const word = p.args[p.at] as string;
    if (looksLikeExpression(word, true)) break;
    paths.push(word);
  }
  return paths.length === 0 ? ["."] : paths;
}

function* main(c: Command): Proc<number> {
  let status = 0;
  const shown = (path: string): string => (c.voice === "gnu" ? quote(path) : path);
  const failed = function* (subject: string, e: Errno): Proc<void> {
    yield* c.stdout.flush();
    yield* c.perror(subject, e);
    status = 1;
  };
  const now = yield* c.sys.clock_gettime(CLOCK_REALTIME);
  const p = new Parsing(c, c.args, new IdNames(c.sys), now.sec + now.nsec / 1e9, failed);
  if (c.voice === "gnu" && c.args.includes("--version")) {
    yield* c.print("find (GNU findutils) 4.9.0\n");
    return 0;
  }
  p.warns = c.voice === "gnu" && (yield* isatty(c.sys, 0));
  let expression: Expression | undefined;
  let paths: string[];
  try {
    readLeading(p);
    paths = readPaths(p);
    expression = parseExpression(yield* readTokens(p), c.voice);
    if (p.deletes && p.prunes && !p.explicitDepth) {
      throw new ExpressionError(
        "The -delete action automatically turns on -depth, but -prune does nothing when -depth is in effect.  If you want to carry on anyway, just explicitly use the -depth option.",
      );
    }
  } catch (e) {
    if (!(e instanceof ExpressionError)) throw e;
    if (e.message !== "") yield* c.warn(e.message);
    return 1;
  }
  const prints = expression === undefined || !hasAction(expression);
  const walker: Walker = {
    sys: c.sys,
    options: p.options,
    *visit(visit: Visit) {
      if ((expression === undefined || (yield* evaluate(expression, visit))) && prints) yield* c.print(`${visit.path}\n`);
    },
    *failed(path, e) {
      yield* failed(shown(path), e);
    },
    *loop(path, ancestor) {
      yield* c.stdout.flush();
      if (c.voice === "gnu")
        yield* c.warn(`File system loop detected; ${quote(path)} is part of the same file system loop as ${quote(ancestor)}.`);
      else yield* c.warn(`${path}: Too many levels of symbolic links`);
      status = 1;
    },
    *left(dir) {
      for (const batch of p.batches) yield* batch.leave(dir);
    },
  };
  try {
    for (const path of paths) yield* walk(walker, path);
  } catch (e) {
    if (!(e instanceof Quit)) throw e;
  }
  for (const batch of p.batches) {
    yield* batch.flush();
    if (batch.failed) status = 1;
  }
  for (const output of p.files.values()) yield* output.flush();
  return status;
}

export const find: Executable = {
  name: "find",
  main: command({ help: text }, main),
  paths: ["/usr/bin/find"],
  needed: ["libselinux.so.1", "libm.so.6", "libc.so.6"],
  sizeBytes: 224848,
  applet: "/usr/bin/find",
};
