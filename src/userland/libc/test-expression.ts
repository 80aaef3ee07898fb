/**
 * The expressions of test(1) and `[`: POSIX's rules by the number of arguments, and -a, -o, ( ) beyond. One evaluator,
 * five sets of words for errors: the builtins of bash, dash and ash, and the programs of coreutils and busybox.
 */

import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from "../../abi/errno.ts";
import { AT_EACCESS, AT_FDCWD } from "../../abi/fcntl.ts";
import { isBlk, isChr, isDir, isFifo, isLnk, isReg, isSock, S_ISGID, S_ISUID, S_ISVTX, type Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { isatty } from "./stdio.ts";
import { lstat, optional, stat } from "./unistd.ts";

export type TestDialect = "bash" | "dash" | "ash" | "coreutils" | "busybox";

/** What only a shell knows: `-v name`, `-o option`. */
export interface TestShell {
  isSet(name: string): boolean;
  isOption(name: string): boolean;
}

export class TestError {
  constructor(readonly message: string) {}
}

const FILE_UNARY = "abcdefgGhkLNOprsStuwx";
const INTEGER = new Set(["-eq", "-ne", "-lt", "-le", "-gt", "-ge"]);
const FILES = new Set(["-nt", "-ot", "-ef"]);
const STRINGS = new Set(["=", "==", "!=", "<", ">"]);

export function isUnary(op: string, dialect: TestDialect): boolean {
  if (op.length !== 2 || op[0] !== "-") return false;
  const c = op[1] as string;
  if (c === "n" || c === "z") return true;
  if (c === "v" || c === "R" || c === "o") return dialect === "bash";
  if (c === "N" || c === "a") return dialect === "bash" || (c === "N" && dialect === "coreutils");
  return FILE_UNARY.includes(c);
}

export function isBinary(op: string, dialect: TestDialect): boolean {
  if (op === "==") return dialect !== "dash";
  return STRINGS.has(op) || INTEGER.has(op) || FILES.has(op);
}

/** Value of `-eq` and its kin. */
export function compareIntegers(a: bigint | number, op: string, b: bigint | number): boolean {
  switch (op) {
    case "-eq":
      // biome-ignore lint/suspicious/noDoubleEquals: numbers and bigints are compared by value.
      return a == b;
    case "-ne":
      // biome-ignore lint/suspicious/noDoubleEquals: as above.
      return a != b;
    case "-lt":
      return a < b;
    case "-le":
      return a <= b;
    case "-gt":
      return a > b;
    default:
      return a >= b;
  }
}

function smallInteger(text: string): number {
  return text.length < 16 && /^[-+]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
}

/**
 * The status (0 or 1) of a whole command `[ … ]` or `test …`, name included, if it needs neither files nor an error
 * message; -1 otherwise. Covers the forms that loops use.
 */
export function evaluateTestSync(args: readonly string[]): number {
  let n = args.length - 1;
  if (args[0] === "[") {
    if (args[n] !== "]") return -1;
    n--;
  }
  const a = args[1] as string;
  if (n === 3) {
    const op = args[2] as string;
    const b = args[3] as string;
    if (INTEGER.has(op)) {
      const x = smallInteger(a);
      const y = smallInteger(b);
      return Number.isNaN(x) || Number.isNaN(y) ? -1 : compareIntegers(x, op, y) ? 0 : 1;
    }
    if (op === "=") return a === b ? 0 : 1;
    if (op === "!=") return a !== b ? 0 : 1;
    return -1;
  }
  if (n === 2) {
    const b = args[2] as string;
    if (a === "-n") return b !== "" ? 0 : 1;
    if (a === "-z") return b === "" ? 0 : 1;
    return -1;
  }
  if (n === 1) return a !== "" ? 0 : 1;
  return n === 0 ? 1 : -1;
}

/** Whether the expression holds. Throws TestError for a wrong one. `args` are without the name and the closing `]`. */
export function* evaluateTest(sys: Sys, args: readonly string[], dialect: TestDialect, shell?: TestShell): Proc<boolean> {
  return yield* new Evaluator(sys, args, dialect, shell).run();
}

class Evaluator {
  private at = 0;

  constructor(
    private readonly sys: Sys,
    private readonly args: readonly string[],
    private readonly dialect: TestDialect,
    private readonly shell: TestShell | undefined,
  ) {}

  *run(): Proc<boolean> {
    const { args } = this;
    if (this.dialect === "bash" || this.dialect === "coreutils") {
      const short = yield* this.byCount(0, args.length);
      if (short !== undefined) return short;
    }
    if (args.length === 0) return false;
    const value = yield* this.or();
    if (this.at < args.length) throw this.tooMany();
    return value;
  }

  private arg(i: number): string {
    return this.args[i] as string;
  }

  /** POSIX: up to four arguments are told apart by their number alone. Undefined for more. */
  private *byCount(from: number, n: number): Proc<boolean | undefined> {
    if (n === 0) return false;
    const a = this.arg(from);
    if (n === 1) return a !== "";
    const b = this.arg(from + 1);
    if (n === 2) {
      if (a === "!") return b === "";
      if (isUnary(a, this.dialect)) return yield* this.unary(a, b);
      throw this.dialect === "coreutils"
        ? /^-[a-zA-Z]$/.test(a)
          ? new TestError(`‘${a}’: unary operator expected`)
          : new TestError(`missing argument after ‘${b}’`)
        : new TestError(`${a}: unary operator expected`);
    }
    const c = this.arg(from + 2);
    if (n === 3) {
      if (isBinary(b, this.dialect)) return yield* this.binary(a, b, c);
      if (b === "-a") return a !== "" && c !== "";
      if (b === "-o") return a !== "" || c !== "";
      if (a === "!") return !(yield* this.byCount(from + 1, 2));
      if (a === "(" && c === ")") return b !== "";
      throw this.dialect === "coreutils"
        ? new TestError(`‘${b}’: binary operator expected`)
        : new TestError(`${b}: binary operator expected`);
    }
    if (n === 4) {
      if (a === "!") return !(yield* this.byCount(from + 1, 3));
      if (a === "(" && this.arg(from + 3) === ")") return yield* this.byCount(from + 1, 2);
    }
    return undefined;
  }

  private *or(): Proc<boolean> {
    let value = yield* this.and();
    while (this.args[this.at] === "-o") {
      this.at++;
      const right = yield* this.and();
      value = value || right;
    }
    return value;
  }

  private *and(): Proc<boolean> {
    let value = yield* this.not();
    while (this.args[this.at] === "-a") {
      this.at++;
      const right = yield* this.not();
      value = value && right;
    }
    return value;
  }

  private *not(): Proc<boolean> {
    if (this.args[this.at] === "!" && !(this.at + 2 < this.args.length && isBinary(this.arg(this.at + 1), this.dialect))) {
      this.at++;
      return !(yield* this.not());
    }
    return yield* this.primary();
  }

  private *primary(): Proc<boolean> {
    const { args, dialect } = this;
    const left = args.length - this.at;
    if (left === 0) {
      // dash takes a missing operand for false.
      if (dialect === "dash") return false;
      throw dialect === "coreutils"
        ? new TestError(`missing argument after ‘${this.args[this.args.length - 1]}’`)
        : new TestError("argument expected");
    }
    const a = this.arg(this.at);
    const next = args[this.at + 1];
    if (left >= 3 && next !== undefined && isBinary(next, dialect)) {
      this.at += 3;
      return yield* this.binary(a, next, this.arg(this.at - 1));
    }
    if (a === "(" && left > 1) {
      this.at++;
      const value = yield* this.or();
      if (args[this.at] !== ")")
        throw new TestError(
          dialect === "dash" || dialect === "ash" || dialect === "busybox"
            ? "closing paren expected"
            : dialect === "coreutils"
              ? "‘)’ expected"
              : "`)' expected",
        );
      this.at++;
      return value;
    }
    if (left >= 2 && isUnary(a, dialect)) {
      this.at += 2;
      return yield* this.unary(a, this.arg(this.at - 1));
    }
    if (left === 2 && next !== undefined && isBinary(next, dialect) && dialect !== "bash")
      throw dialect === "coreutils" ? new TestError(`missing argument after ‘${next}’`) : new TestError(`${next}: argument expected`);
    this.at++;
    if (this.at < args.length && args[this.at] !== "-a" && args[this.at] !== "-o" && args[this.at] !== ")") throw this.unexpected(a);
    return a !== "";
  }

  /** An operand where an operator should follow. */
  private unexpected(a: string): TestError {
    const next = this.arg(this.at);
    if (this.dialect === "dash") return new TestError(`${a}: unexpected operator`);
    if (this.dialect === "ash" || this.dialect === "busybox") return new TestError(`${next}: unknown operand`);
    return this.tooMany();
  }

  private tooMany(): TestError {
    const a = this.arg(this.at);
    switch (this.dialect) {
      case "bash":
        return new TestError("too many arguments");
      case "dash":
        return new TestError(`${this.arg(this.at - 1)}: unexpected operator`);
      case "coreutils":
        return new TestError(`extra argument ‘${a}’`);
      default:
        return new TestError(`${a}: unknown operand`);
    }
  }

  private integer(text: string): bigint {
    if (/^[ \t\n]*[-+]?[0-9]+[ \t\n]*$/.test(text)) {
      const value = BigInt(text.trim().replace(/^\+/, ""));
      if (value === BigInt.asIntN(64, value) || this.dialect === "coreutils") return value;
      if (this.dialect === "ash" || this.dialect === "busybox") throw new TestError(`${text}: out of range`);
    }
    switch (this.dialect) {
      case "bash":
        throw new TestError(`${text}: integer expression expected`);
      case "dash":
        throw new TestError(`Illegal number: ${text}`);
      case "coreutils":
        throw new TestError(`invalid integer ‘${text}’`);
      default:
        throw new TestError(text === "" ? "bad number" : `${text}: bad number`);
    }
  }

  private *binary(a: string, op: string, b: string): Proc<boolean> {
    if (op === "=" || op === "==") return a === b;
    if (op === "!=") return a !== b;
    if (op === "<") return a < b;
    if (op === ">") return a > b;
    if (INTEGER.has(op)) return compareIntegers(this.integer(a), op, this.integer(b));
    return yield* compareFiles(this.sys, a, op, b);
  }

  private *unary(op: string, operand: string): Proc<boolean> {
    if (op === "-t") {
      if (this.dialect === "bash" && !/^[0-9]+$/.test(operand)) return false;
      return yield* isTerminal(this.sys, Number(this.integer(operand)));
    }
    return yield* evaluateUnary(this.sys, op, operand, this.shell);
  }
}

function* isTerminal(sys: Sys, fd: number): Proc<boolean> {
  return (yield* optional(isatty(sys, fd), NONE)) ?? false;
}

const NONE = [ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG];

/** A unary primary, as `[[` has it too. */
export function* evaluateUnary(sys: Sys, op: string, operand: string, shell?: TestShell): Proc<boolean> {
  switch (op) {
    case "-n":
      return operand !== "";
    case "-z":
      return operand === "";
    case "-v":
    case "-R":
      return shell?.isSet(operand) ?? false;
    case "-o":
      return shell?.isOption(operand) ?? false;
    case "-t":
      return yield* isTerminal(sys, Number(operand));
    case "-r":
      return yield* mayAccess(sys, operand, 4);
    case "-w":
      return yield* mayAccess(sys, operand, 2);
    case "-x":
      return yield* mayAccess(sys, operand, 1);
    case "-h":
    case "-L": {
      const s = yield* optional(lstat(sys, operand), NONE);
      return s !== undefined && isLnk(s.mode);
    }
  }
  const s = yield* optional(stat(sys, operand), NONE);
  return s !== undefined && (yield* fileHas(sys, op, s));
}

function* fileHas(sys: Sys, op: string, s: Stat): Proc<boolean> {
  switch (op) {
    case "-a":
    case "-e":
      return true;
    case "-f":
      return isReg(s.mode);
    case "-d":
      return isDir(s.mode);
    case "-b":
      return isBlk(s.mode);
    case "-c":
      return isChr(s.mode);
    case "-p":
      return isFifo(s.mode);
    case "-S":
      return isSock(s.mode);
    case "-s":
      return s.size > 0;
    case "-g":
      return (s.mode & S_ISGID) !== 0;
    case "-u":
      return (s.mode & S_ISUID) !== 0;
    case "-k":
      return (s.mode & S_ISVTX) !== 0;
    case "-O":
      return s.uid === (yield* sys.geteuid());
    case "-G":
      return s.gid === (yield* sys.getegid());
    default:
      return s.mtime.sec > s.atime.sec || (s.mtime.sec === s.atime.sec && s.mtime.nsec > s.atime.nsec);
  }
}

function* mayAccess(sys: Sys, path: string, mode: number): Proc<boolean> {
  const allowed = (yield* optional(succeeds(sys, path, mode), NONE)) ?? false;
  return allowed;
}

function* succeeds(sys: Sys, path: string, mode: number): Proc<boolean> {
  yield* sys.faccessat2(AT_FDCWD, path, mode, AT_EACCESS);
  return true;
}

/** `-nt`, `-ot`, `-ef`. */
export function* compareFiles(sys: Sys, a: string, op: string, b: string): Proc<boolean> {
  const x = yield* optional(stat(sys, a), NONE);
  const y = yield* optional(stat(sys, b), NONE);
  if (op === "-ef") return x !== undefined && y !== undefined && x.dev === y.dev && x.ino === y.ino;
  const newer = (p: Stat | undefined, q: Stat | undefined): boolean => {
    if (p === undefined) return false;
    if (q === undefined) return true;
    return p.mtime.sec > q.mtime.sec || (p.mtime.sec === q.mtime.sec && p.mtime.nsec > q.mtime.nsec);
  };
  return op === "-nt" ? newer(x, y) : newer(y, x);
}
