/** The tests and options of find(1) by name: findutils `parser.c`, `pred.c`. Actions are in `actions.ts`. */

import { ENOENT, ENOTDIR, Errno } from "../../abi/errno.ts";
import { AT_EACCESS, AT_FDCWD, R_OK, W_OK, X_OK } from "../../abi/fcntl.ts";
import { isDir, isLnk, isReg, S_IFMT, type Stat, type Timespec } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { fnmatch } from "../libc/fnmatch.ts";
import { parseDatetime } from "../libc/getdate.ts";
import { adjustMode, compileMode } from "../libc/mode.ts";
import { getgrnam, getpwnam } from "../libc/passwd.ts";
import { quote } from "../libc/quotearg.ts";
import { RegexError, regcomp } from "../libc/regex.ts";
import { lstat, readDir, readlink, stat } from "../libc/unistd.ts";
import { ExpressionError } from "./expression.ts";
import { fsTypeOf } from "./fstype.ts";
import type { Parsing } from "./parsing.ts";
import { findTypeLetter } from "./printf.ts";
import type { Visit } from "./walk.ts";

type Test = (visit: Visit) => Proc<boolean>;
/** Reads its arguments and gives the test; undefined for an option that is always true. */
export type Maker = (p: Parsing) => Proc<Test>;

const always = function* (): Proc<boolean> {
  return true;
};

/** A test of the file's status. */
const onStat = (test: (st: Stat) => boolean): Test =>
  function* (visit) {
    return test(yield* visit.stat());
  };

interface Comparison {
  readonly sign: "+" | "-" | "";
  readonly number: number;
}

const compare = (c: Comparison, value: number): boolean =>
  c.sign === "+" ? value > c.number : c.sign === "-" ? value < c.number : value === c.number;

/** `N`, `+N`, `-N`. */
function numeric(p: Parsing, fraction = false): Comparison {
  const text = p.argument();
  const match = (fraction ? /^([-+]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)$/ : /^([-+]?)([0-9]+)$/).exec(text);
  if (match === null) throw p.busybox ? invalidNumber(text) : new ExpressionError(`invalid argument \`${text}' to \`${p.name}'`);
  return { sign: match[1] as "+" | "-" | "", number: Number(match[2]) };
}

const invalidNumber = (text: string): ExpressionError => new ExpressionError(`invalid number '${text}'`);

const count = (field: (st: Stat) => number): Maker =>
  function* (p) {
    const want = numeric(p);
    return onStat((st) => compare(want, field(st)));
  };

const glob = (subject: (visit: Visit) => string, ignoreCase: boolean): Maker =>
  function* (p) {
    const pattern = p.argument();
    if (!p.busybox && p.warns && p.name.endsWith("name") && pattern.includes("/") && pattern !== "/") {
      yield* p.c.warn(
        `warning: ${quote(p.name)} matches against basenames only, but the given pattern contains a directory separator (${quote("/")}), thus the expression will evaluate to false all the time.  Did you mean ${quote(p.name.replace("name", "wholename"))}?`,
      );
    }
    return function* (visit) {
      return fnmatch(pattern, subject(visit), { ignoreCase });
    };
  };

const linkName = (ignoreCase: boolean): Maker =>
  function* (p) {
    const pattern = p.argument();
    return function* (visit) {
      return isLnk(yield* visit.type()) && fnmatch(pattern, yield* readlink(p.c.sys, visit.path), { ignoreCase });
    };
  };

const TYPES = "bcdpfls";

const type = (target: boolean): Maker =>
  function* (p) {
    const text = p.argument();
    if (p.busybox && !/^[bcdpfls]$/.test(text)) throw new ExpressionError(`invalid argument '${text}' to '${p.name}'`);
    if (text === "") throw new ExpressionError(`Arguments to ${p.name} should contain at least one letter`);
    const letters: string[] = [];
    for (let i = 0; i < text.length; i += 2) {
      const letter = text[i] as string;
      if (letter === "D")
        throw new ExpressionError(
          `${p.name} D is not supported because Solaris doors are not supported on the platform find was compiled on.`,
        );
      if (!TYPES.includes(letter)) throw new ExpressionError(`Unknown argument to ${p.name}: ${letter}`);
      if (letters.includes(letter)) throw new ExpressionError(`Duplicate file type '${letter}' in the argument list to ${p.name}.`);
      letters.push(letter);
      if (text[i + 1] === undefined) break;
      if (text[i + 1] !== ",") throw new ExpressionError(`Must separate multiple arguments to ${p.name} using: ','`);
      if (i + 2 >= text.length)
        throw new ExpressionError(`Last file type in list argument to ${p.name} is missing, i.e., list is ending on: ','`);
    }
    return function* (visit) {
      if (!target) return letters.includes(findTypeLetter(yield* visit.type()));
      return letters.includes(findTypeLetter(yield* otherType(p, visit)));
    };
  };

/** -xtype: of the link where links are followed, of its target where they are not. */
function* otherType(p: Parsing, visit: Visit): Proc<number> {
  if (visit.follows) return (yield* lstat(p.c.sys, visit.path)).mode;
  try {
    return (yield* stat(p.c.sys, visit.path)).mode & S_IFMT;
  } catch (e) {
    if (e === ENOENT || e === ENOTDIR) return yield* visit.type();
    throw e;
  }
}

const UNITS: Readonly<Record<string, number>> = { b: 512, c: 1, w: 2, k: 1024, M: 1024 ** 2, G: 1024 ** 3 };

function* size(p: Parsing): Proc<Test> {
  const text = p.argument();
  if (text === "") throw new ExpressionError("invalid null argument to -size");
  const match = /^([-+]?)([0-9]*)([bcwkMG]?)$/.exec(text);
  const allowed = p.busybox ? "bck" : "bcwkMG";
  if (match === null || match[2] === "" || (match[3] !== "" && !allowed.includes(match[3] as string))) {
    if (p.busybox) throw invalidNumber(text);
    const last = text.at(-1) as string;
    if (/[bcwkMG0-9]/.test(last)) throw new ExpressionError(`Invalid argument \`${text}' to -size`);
    throw new ExpressionError(`invalid -size type \`${last}'`);
  }
  const unit = UNITS[match[3] || "b"] as number;
  const want: Comparison = { sign: match[1] as "+" | "-" | "", number: Number(match[2]) };
  // busybox does not round up.
  if (p.busybox) return onStat((st) => compare({ ...want, number: want.number * unit }, st.size));
  return onStat((st) => compare(want, Math.ceil(st.size / unit)));
}

const seconds = (t: Timespec): number => t.sec + t.nsec / 1e9;

/** -mtime and its kin: whole days ago, counted from now or (-daystart) from the end of today. */
const days = (field: (st: Stat) => Timespec): Maker =>
  function* (p) {
    const want = numeric(p, true);
    const now = p.daystart ? Math.floor(p.nowSec / 86400) * 86400 + 86400 : p.nowSec;
    return onStat((st) => {
      const age = (now - seconds(field(st))) / 86400;
      const whole = Math.floor(want.number);
      return compare({ ...want, number: whole }, Math.floor(age - (want.number - whole)));
    });
  };

/** -mmin and its kin: `+N` is older than N minutes, `N` between N and N+1. */
const minutes = (field: (st: Stat) => Timespec): Maker =>
  function* (p) {
    const want = numeric(p, true);
    const now = p.daystart ? Math.floor(p.nowSec / 86400) * 86400 + 86400 : p.nowSec;
    return onStat((st) => {
      const age = (now - seconds(field(st))) / 60;
      if (want.sign === "+") return age > want.number;
      if (want.sign === "-") return age < want.number;
      return age > want.number && age <= want.number + 1;
    });
  };

const after = (a: Timespec, b: Timespec): boolean => a.sec > b.sec || (a.sec === b.sec && a.nsec > b.nsec);

const FIELDS: Readonly<Record<string, (st: Stat) => Timespec>> = {
  a: (st) => st.atime,
  B: (st) => st.btime,
  c: (st) => st.ctime,
  m: (st) => st.mtime,
};

function* reference(p: Parsing): Proc<Stat> {
  const path = p.argument();
  try {
    return yield* p.options.follow === "never" ? lstat(p.c.sys, path) : stat(p.c.sys, path);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    throw new ExpressionError(p.busybox ? `can't stat '${path}': ${e.message}` : `${quote(path)}: ${e.message}`);
  }
}

const newer = (mine: string, theirs: string): Maker =>
  function* (p) {
    const field = FIELDS[mine] as (st: Stat) => Timespec;
    if (theirs === "t") {
      const text = p.argument();
      const time = parseDatetime(text, { sec: Math.floor(p.nowSec), nsec: 0 });
      if (time === undefined) throw new ExpressionError(`I cannot figure out how to interpret ${quote(text)} as a date or time`);
      return onStat((st) => after(field(st), time));
    }
    const time = (FIELDS[theirs] as (st: Stat) => Timespec)(yield* reference(p));
    return onStat((st) => after(field(st), time));
  };

/** `-newerXY`; undefined where the letters make no sense. */
export function findNewer(name: string): Maker | undefined {
  const match = /^-newer([aBcm])([aBcmt])$/.exec(name);
  return match === null ? undefined : newer(match[1] as string, match[2] as string);
}

function* perm(p: Parsing): Proc<Test> {
  const text = p.argument();
  const match = /^([-/]?)([\s\S]*)$/.exec(p.busybox ? text.replace(/^\+/, "/") : text) as RegExpExecArray;
  const change = match[2] === "" ? undefined : compileMode(match[2] as string);
  if (change === undefined) throw new ExpressionError(p.busybox ? `invalid mode '${match[2]}'` : `invalid mode ${quote(text)}`);
  const bits = [false, true].map((dir) => adjustMode(0, change, 0, dir));
  return onStat((st) => {
    const want = bits[isDir(st.mode) ? 1 : 0] as number;
    const have = st.mode & 0o7777;
    if (match[1] === "-") return (have & want) === want;
    if (match[1] === "/") return want === 0 || (have & want) !== 0;
    return have === want;
  });
}

function* user(p: Parsing): Proc<Test> {
  const text = p.argument();
  if (text === "" && !p.busybox) throw new ExpressionError(`The argument to ${p.name} should not be empty`);
  const uid = (yield* getpwnam(p.c.sys, text))?.uid ?? (/^[0-9]+$/.test(text) ? Number(text) : undefined);
  if (uid === undefined) throw new ExpressionError(p.busybox ? `unknown user ${text}` : `${quote(text)} is not the name of a known user`);
  return onStat((st) => st.uid === uid);
}

function* group(p: Parsing): Proc<Test> {
  const text = p.argument();
  if (text === "" && !p.busybox) throw new ExpressionError(`The argument to ${p.name} should not be empty`);
  const gid = (yield* getgrnam(p.c.sys, text))?.gid ?? (/^[0-9]+$/.test(text) ? Number(text) : undefined);
  if (gid === undefined)
    throw new ExpressionError(p.busybox ? `unknown group ${text}` : `${quote(text)} is not the name of an existing group`);
  return onStat((st) => st.gid === gid);
}

function* empty(p: Parsing): Proc<Test> {
  return function* (visit) {
    const mode = yield* visit.type();
    if (isDir(mode)) {
      try {
        return (yield* readDir(p.c.sys, visit.path)).every(({ name }) => name === "." || name === "..");
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* p.failed(p.busybox ? visit.path : quote(visit.path), e);
        return false;
      }
    }
    return isReg(mode) && (yield* visit.stat()).size === 0;
  };
}

const access = (mode: number): Maker =>
  function* (p) {
    return function* (visit) {
      try {
        yield* p.c.sys.faccessat2(AT_FDCWD, visit.path, mode, AT_EACCESS);
        return true;
      } catch (e) {
        if (e instanceof Errno) return false;
        throw e;
      }
    };
  };

/** Emacs syntax, find's default, in terms of an extended regular expression: groups and alternatives are `\( \| \)`, braces plain. */
const emacsToExtended = (pattern: string): string =>
  pattern.replace(/\[\^?\]?[^\]]*\]|\\([\s\S])|[(){}|]/g, (all, escaped: string | undefined) => {
    if (all.startsWith("[")) return all;
    if (escaped === undefined) return `\\${all}`;
    return "()|".includes(escaped) ? escaped : all;
  });

const EXTENDED = new Set(["posix-extended", "posix-egrep", "egrep", "posix-awk", "awk", "gnu-awk"]);
const BASIC = new Set(["posix-basic", "posix-minimal-basic", "ed", "sed", "grep"]);
const REGEX_TYPES = [
  "findutils-default",
  "ed",
  "emacs",
  "gnu-awk",
  "grep",
  "posix-awk",
  "awk",
  "posix-basic",
  "posix-egrep",
  "egrep",
].concat(["posix-extended", "posix-minimal-basic", "sed"]);

function* regextype(p: Parsing): Proc<Test> {
  const text = p.argument();
  if (!REGEX_TYPES.includes(text))
    throw new ExpressionError(`Unknown regular expression type ${quote(text)}; valid types are ${REGEX_TYPES.map(quote).join(", ")}.`);
  p.regextype = text;
  return always;
}

const regex = (icase: boolean): Maker =>
  function* (p) {
    const text = p.argument();
    const extended = !BASIC.has(p.regextype) && !p.busybox;
    const source = extended && !EXTENDED.has(p.regextype) ? emacsToExtended(text) : text;
    try {
      // The whole path is to match: the longest match at its beginning must reach its end.
      const compiled = regcomp(extended ? `^(${source})$` : `^\\(${source}\\)$`, { extended, icase });
      return function* (visit) {
        const found = compiled.exec(visit.path);
        return found !== undefined && found.start === 0 && found.end === visit.path.length;
      };
    } catch (e) {
      if (!(e instanceof RegexError)) throw e;
      throw new ExpressionError(
        p.busybox ? `bad regex '${text}': ${e.message}` : `failed to compile regular expression '${text}': ${e.message}`,
      );
    }
  };

function* samefile(p: Parsing): Proc<Test> {
  const want = yield* reference(p);
  return onStat((st) => st.ino === want.ino && st.dev === want.dev);
}

function* fstype(p: Parsing): Proc<Test> {
  const want = p.argument();
  return function* (visit) {
    return (yield* fsTypeOf(p.c.sys, (yield* visit.stat()).dev)) === want;
  };
}

function* used(p: Parsing): Proc<Test> {
  const want = numeric(p, true);
  return onStat((st) => compare(want, Math.ceil((seconds(st.atime) - seconds(st.ctime)) / 86400)));
}

const level = (key: "maxdepth" | "mindepth"): Maker =>
  function* (p) {
    const text = p.argument();
    if (!/^[0-9]+$/.test(text)) {
      throw p.busybox
        ? invalidNumber(text)
        : new ExpressionError(`Expected a positive decimal integer argument to ${p.name}, but got ${quote(text)}`);
    }
    p.options[key] = Number(text);
    return always;
  };

const set = (change: (p: Parsing) => void): Maker =>
  function* (p) {
    change(p);
    return always;
  };

const constant = (value: boolean): Maker =>
  function* () {
    return function* () {
      return value;
    };
  };

const base = (visit: Visit): string => visit.name;
const whole = (visit: Visit): string => visit.path;

export const tests: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ["-name", glob(base, false)],
  ["-iname", glob(base, true)],
  ["-path", glob(whole, false)],
  ["-wholename", glob(whole, false)],
  ["-ipath", glob(whole, true)],
  ["-iwholename", glob(whole, true)],
  ["-lname", linkName(false)],
  ["-ilname", linkName(true)],
  ["-regex", regex(false)],
  ["-iregex", regex(true)],
  ["-type", type(false)],
  ["-xtype", type(true)],
  ["-size", size],
  ["-mtime", days((st) => st.mtime)],
  ["-atime", days((st) => st.atime)],
  ["-ctime", days((st) => st.ctime)],
  ["-mmin", minutes((st) => st.mtime)],
  ["-amin", minutes((st) => st.atime)],
  ["-cmin", minutes((st) => st.ctime)],
  ["-newer", newer("m", "m")],
  ["-anewer", newer("a", "m")],
  ["-cnewer", newer("c", "m")],
  ["-perm", perm],
  ["-user", user],
  ["-group", group],
  ["-uid", count((st) => st.uid)],
  ["-gid", count((st) => st.gid)],
  [
    "-nouser",
    function* (p) {
      return function* (visit) {
        return (yield* p.names.user((yield* visit.stat()).uid)) === undefined;
      };
    },
  ],
  [
    "-nogroup",
    function* (p) {
      return function* (visit) {
        return (yield* p.names.group((yield* visit.stat()).gid)) === undefined;
      };
    },
  ],
  ["-empty", empty],
  ["-links", count((st) => st.nlink)],
  ["-inum", count((st) => st.ino)],
  ["-samefile", samefile],
  ["-fstype", fstype],
  ["-used", used],
  ["-readable", access(R_OK)],
  ["-writable", access(W_OK)],
  ["-executable", access(X_OK)],
  ["-true", constant(true)],
  ["-false", constant(false)],
]);

/** Options: they hold for the whole walk or for what follows, and are true as tests. */
export const settings: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ["-maxdepth", level("maxdepth")],
  ["-mindepth", level("mindepth")],
  ["-depth", set((p) => (p.options.depthFirst = p.explicitDepth = true))],
  ["-d", set((p) => (p.options.depthFirst = p.explicitDepth = true))],
  ["-xdev", set((p) => (p.options.xdev = true))],
  ["-mount", set((p) => (p.options.xdev = true))],
  ["-follow", set((p) => (p.options.follow = "always"))],
  ["-daystart", set((p) => (p.daystart = true))],
  ["-warn", set((p) => (p.warns = true))],
  ["-nowarn", set((p) => (p.warns = false))],
  ["-noleaf", set(() => undefined)],
  ["-ignore_readdir_race", set(() => undefined)],
  ["-noignore_readdir_race", set(() => undefined)],
  ["-regextype", regextype],
]);
