/** Redirections: POSIX 2.7, with bash's `&>`, `<<<`, `{fd}>`, `n>&m-`. Undone after builtins and compound commands. */

import { EBADF, EEXIST, ENAMETOOLONG, ENOENT, ENOTDIR, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, F_DUPFD_CLOEXEC, O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import { isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { writeAll } from "../libc/stdio.ts";
import { optional, stat } from "../libc/unistd.ts";
import { expandPieces, expandString, expandWords, StringSink } from "./expand.ts";
import type { CompiledWord, Piece } from "./node.ts";
import { fork } from "./process.ts";
import { type Shell, ShellError } from "./shell.ts";

export interface Redirection {
  readonly operator: ">" | ">>" | "<" | "<>" | "<&" | ">&" | ">|" | "&>" | "&>>" | "<<" | "<<<";
  /** The descriptor; undefined for the operator's own. */
  readonly fd: number | undefined;
  /** `{name}>`. */
  readonly variable: string | undefined;
  readonly target: CompiledWord | undefined;
  /** Body of a here-document. */
  readonly body: readonly Piece[] | undefined;
  readonly line: number;
  /** The text ended before this delimiter came: said by bash. */
  readonly missing?: { readonly delimiter: string; readonly lastLine: number };
}

/** What undoes redirections: the descriptor and the copy of what it was (-1: it was closed). */
export type Saved = { fd: number; copy: number }[];

/** Pipes hold this much without a reader; a longer here-document needs a process that feeds it. */
const PIPE_BYTES = 65536;

/** Applies redirections in order. With `saved`, notes there how to undo them. Throws ShellError with the right words. */
export function* redirect(sh: Shell, list: readonly Redirection[], saved: Saved | undefined): Proc<void> {
  for (const r of list) yield* redirectOne(sh, r, saved);
}

/** Puts the descriptors back, last first. */
export function* restore(sh: Shell, saved: Saved): Proc<void> {
  for (let i = saved.length - 1; i >= 0; i--) {
    const { fd, copy } = saved[i] as { fd: number; copy: number };
    if (copy < 0) yield* optional(sh.sys.close(fd), [EBADF]);
    else {
      yield* sh.sys.dup2(copy, fd);
      yield* sh.sys.close(copy);
    }
  }
  saved.length = 0;
}

function* redirectOne(sh: Shell, r: Redirection, saved: Saved | undefined): Proc<void> {
  if (r.operator === "<<" || r.operator === "<<<") {
    if (r.missing !== undefined && sh.flavour === "bash")
      yield* sh.eprint(
        `${sh.arg0}: line ${r.missing.lastLine}: warning: here-document at line ${r.line} delimited by end-of-file (wanted \`${r.missing.delimiter}')\n`,
      );
    const text = r.body !== undefined ? yield* expandBody(sh, r.body) : `${yield* expandString(sh, r.target as CompiledWord)}\n`;
    yield* place(sh, r, yield* openText(sh, text), 0, saved);
    return;
  }
  if (r.operator === "<&" || r.operator === ">&") {
    const word = yield* expandString(sh, r.target as CompiledWord);
    if (r.operator === "<&" || /^([0-9]+-?|-)$/.test(word) || r.fd !== undefined || sh.flavour === "dash") {
      yield* duplicate(sh, r, word, saved);
      return;
    }
  }
  const path = yield* expandTarget(sh, r);
  if (r.operator === "&>" || r.operator === "&>>" || r.operator === ">&") {
    const fd = yield* open(sh, path, O_WRONLY | O_CREAT | (r.operator === "&>>" ? O_APPEND : O_TRUNC), "create");
    yield* keep(sh, 2, saved);
    yield* place(sh, { ...r, fd: 1 }, fd, 1, saved);
    yield* sh.sys.dup2(1, 2);
    return;
  }
  if (r.operator === "<") yield* place(sh, r, yield* openInput(sh, path), 0, saved);
  else if (r.operator === "<>") yield* place(sh, r, yield* open(sh, path, O_RDWR | O_CREAT, "create"), 0, saved);
  else if (r.operator === ">>") yield* place(sh, r, yield* open(sh, path, O_WRONLY | O_CREAT | O_APPEND, "create"), 1, saved);
  else yield* place(sh, r, yield* openOutput(sh, path, r.operator === ">|"), 1, saved);
}

function* expandBody(sh: Shell, pieces: readonly Piece[]): Proc<string> {
  const sink = new StringSink(sh.ifs);
  yield* expandPieces(sh, pieces, sink);
  return sink.text;
}

function* expandTarget(sh: Shell, r: Redirection): Proc<string> {
  const target = r.target as CompiledWord;
  if (sh.flavour !== "bash") return yield* expandString(sh, target);
  const words = yield* expandWords(sh, [target]);
  if (words.length !== 1) throw new ShellError(`${target.text}: ambiguous redirect`, 1);
  return words[0] as string;
}

export function* openInput(sh: Shell, path: string): Proc<number> {
  return yield* open(sh, path, O_RDONLY, "open");
}

function* openOutput(sh: Shell, path: string, force: boolean): Proc<number> {
  if (force || !sh.options.has("noclobber")) return yield* open(sh, path, O_WRONLY | O_CREAT | O_TRUNC, "create");
  const s = yield* optional(stat(sh.sys, path), [ENAMETOOLONG, ENOENT, ENOTDIR]);
  if (s !== undefined && isReg(s.mode)) {
    if (sh.flavour === "bash") throw new ShellError(`${path}: cannot overwrite existing file`, 1);
    throw redirectError(sh, path, EEXIST, "create");
  }
  return yield* open(sh, path, s === undefined ? O_WRONLY | O_CREAT | O_EXCL : O_WRONLY, "create");
}

function* open(sh: Shell, path: string, flags: number, verb: "open" | "create"): Proc<number> {
  try {
    return yield* sh.sys.openat(AT_FDCWD, path, flags, 0o666);
  } catch (e) {
    if (e instanceof Errno) throw redirectError(sh, path, e, verb);
    throw e;
  }
}

function redirectError(sh: Shell, path: string, e: Errno, verb: "open" | "create"): ShellError {
  if (sh.flavour === "bash") return new ShellError(`${path}: ${e.message}`, 1);
  const gone = verb === "open" ? "No such file" : sh.flavour === "dash" ? "Directory nonexistent" : "nonexistent directory";
  const missing = e === ENOENT || e === ENOTDIR;
  if (sh.flavour === "dash") return new ShellError(`cannot ${verb} ${path}: ${missing ? gone : e.message}`, 2);
  return new ShellError(`can't ${verb} ${path}: ${missing ? (verb === "open" ? "no such file" : gone) : e.message}`, 1);
}

/** `n>&m`, `n>&-`, `n>&m-`. */
function* duplicate(sh: Shell, r: Redirection, word: string, saved: Saved | undefined): Proc<void> {
  const own = r.operator === "<&" ? 0 : 1;
  if (word === "-") {
    const fd = r.variable !== undefined ? Number(sh.get(r.variable) ?? -1) : (r.fd ?? own);
    if (r.variable === undefined) yield* keep(sh, fd, saved);
    yield* optional(sh.sys.close(fd), [EBADF]);
    return;
  }
  const m = /^([0-9]+)(-?)$/.exec(word);
  if (m === null || (m[2] !== "" && sh.flavour !== "bash")) {
    if (sh.flavour === "bash") throw new ShellError(`${(r.target as CompiledWord).text}: ambiguous redirect`, 1);
    throw sh.flavour === "dash"
      ? new ShellError("Syntax error: Bad fd number", 2, "shell")
      : new ShellError(`syntax error: bad fd number`, 2, "shell");
  }
  const from = Number(m[1]);
  try {
    if (r.variable !== undefined) {
      sh.set(r.variable, String(yield* sh.sys.fcntl(from, 0, 10)));
      return;
    }
    const fd = r.fd ?? own;
    yield* sh.sys.fcntl(from, 1);
    yield* keep(sh, fd, saved);
    if (from !== fd) yield* sh.sys.dup2(from, fd);
    if (m[2] === "-" && from !== fd) {
      yield* keep(sh, from, saved);
      yield* sh.sys.close(from);
    }
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    const shown =
      sh.flavour === "bash"
        ? /^[0-9-]*$/.test((r.target as CompiledWord).text)
          ? String(from)
          : (r.target as CompiledWord).text
        : String(from);
    throw new ShellError(`${shown}: ${e.message}`, sh.flavour === "dash" ? 2 : 1);
  }
}

/** Remembers what a descriptor is, out of the way. */
function* keep(sh: Shell, fd: number, saved: Saved | undefined): Proc<void> {
  if (saved === undefined || saved.some((s) => s.fd === fd)) return;
  let copy = -1;
  try {
    copy = yield* sh.sys.fcntl(fd, F_DUPFD_CLOEXEC, 10);
  } catch (e) {
    if (e !== EBADF) throw e;
  }
  saved.push({ fd, copy });
}

/** Moves an open descriptor to where the redirection wants it. */
function* place(sh: Shell, r: Redirection, from: number, own: number, saved: Saved | undefined): Proc<void> {
  if (r.variable !== undefined) {
    const high = yield* sh.sys.fcntl(from, 0, 10);
    yield* sh.sys.close(from);
    sh.set(r.variable, String(high));
    return;
  }
  const fd = r.fd ?? own;
  if (from === fd) {
    // It was closed, so open(2) gave out that very number.
    if (saved !== undefined && !saved.some((s) => s.fd === fd)) saved.push({ fd, copy: -1 });
    return;
  }
  yield* keep(sh, fd, saved);
  yield* sh.sys.dup2(from, fd);
  yield* sh.sys.close(from);
}

/** A descriptor from which `text` can be read: a pipe, fed by a child if it does not fit. */
function* openText(sh: Shell, text: string): Proc<number> {
  const bytes = encodeUtf8(text);
  const [readEnd, writeEnd] = yield* sh.sys.pipe2(0);
  if (bytes.length <= PIPE_BYTES) yield* writeAll(sh.sys, writeEnd, bytes);
  else {
    yield* fork(sh, function* () {
      yield* sh.sys.close(readEnd);
      yield* writeAll(sh.sys, writeEnd, bytes);
      return 0;
    });
  }
  yield* sh.sys.close(writeEnd);
  return readEnd;
}
