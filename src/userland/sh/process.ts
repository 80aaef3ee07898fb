/** Children: forking subshells and programs, finding commands in PATH, replacing the process by a program. */

import { E2BIG, EACCES, EAGAIN, EINTR, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOEXEC, ENOTDIR, Errno } from "../../abi/errno.ts";
import { SIG_BLOCK, SIG_IGN, SIG_SETMASK, SIGCHLD, SIGINT, SIGQUIT, sigSet } from "../../abi/signal.ts";
import { isDir, isReg, type Stat } from "../../abi/stat.ts";
import type { Body, Proc } from "../../abi/sys.ts";
import { byteLength } from "../../abi/utf8.ts";
import { optional, readFile, stat } from "../libc/unistd.ts";
import { runExitTrap } from "./run.ts";
import { Interrupted, type Shell, ShellError, ShellExit } from "./shell.ts";
import { resetSignals } from "./traps.ts";

export interface ChildOptions {
  /** Process group to join with job control: 0 for one of its own; undefined to stay in the shell's. */
  readonly pgid?: number | undefined;
  /** The terminal is given to the group. */
  readonly foreground?: boolean;
  /** Runs asynchronously without job control: ^C and ^\ do not reach it. */
  readonly background?: boolean;
}

/** What a child does first, before it acts as a subshell or becomes a program. */
export function* enterChild(sh: Shell, o: ChildOptions): Proc<void> {
  const { sys } = sh;
  if (o.pgid !== undefined) {
    yield* sys.setpgid(0, o.pgid);
    if (o.foreground === true) yield* giveTerminal(sh, yield* sys.getpgid(0));
  }
  if (sh.traps.installed.size > 0) yield* resetSignals(sys, sh.traps.fork());
  if (o.background === true && o.pgid === undefined) {
    for (const sig of [SIGINT, SIGQUIT]) yield* sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
  }
}

/** Makes a process group the terminal's foreground one. Silent where the shell has no terminal. */
export function* giveTerminal(sh: Shell, pgid: number): Proc<void> {
  if (sh.terminal < 0) return;
  try {
    yield* sh.sys.ioctl(sh.terminal, "TIOCSPGRP", pgid);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

/** Forks a subshell that runs `body` on its own copy of the shell's state. Returns its pid. */
export function* forkShell(sh: Shell, o: ChildOptions, body: (child: Shell) => Proc<number>): Proc<number> {
  yield* sh.settle();
  const child = sh.fork();
  return yield* fork(sh, function* () {
    child.selfPid = yield* sh.sys.getpid();
    yield* enterChild(child, o);
    child.traps.installed.clear();
    return yield* childMain(child, body);
  });
}

/** Forks; says so where the system has no room for another process. */
export function* fork(sh: Shell, body: Body): Proc<number> {
  try {
    return yield* sh.sys.fork(body);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (sh.flavour === "bash") return yield* forkAgain(sh, body, e);
    throw new ShellError(sh.flavour === "dash" ? "Cannot fork" : `can't fork: ${e.message}`, 2, "shell");
  }
}

/** FORKSLEEP_MAX: bash gives up when it would have to wait that long. */
const FORK_SLEEP_MAX_SEC = 16;

/** bash's make_child(): tries again after 1, 2, 4 and 8 seconds, unless a child ends or a signal comes meanwhile. */
function* forkAgain(sh: Shell, body: Body, failure: Errno): Proc<number> {
  let e = failure;
  for (let seconds = 1; e === EAGAIN && seconds < FORK_SLEEP_MAX_SEC; seconds *= 2) {
    yield* sh.jobs.poll(false);
    yield* sh.eprint(`${sh.messageName()}: fork: retry: ${e.message}\n`);
    if (yield* isInterrupted(sh, seconds)) e = EINTR;
    else {
      try {
        return yield* sh.sys.fork(body);
      } catch (again) {
        if (!(again instanceof Errno)) throw again;
        e = again;
      }
    }
  }
  throw new ShellError(`fork: ${e.message}`, 254, sh.interactiveShell ? "line" : "shell", true);
}

/** Sleeps; a child that ends interrupts it, whether or not a handler is installed. */
function* isInterrupted(sh: Shell, seconds: number): Proc<boolean> {
  const { sys } = sh;
  const before = yield* sys.rt_sigprocmask(SIG_BLOCK, sigSet(SIGCHLD));
  try {
    yield* sys.rt_sigtimedwait(sigSet(SIGCHLD), { sec: seconds, nsec: 0 });
    return true;
  } catch (e) {
    if (e !== EAGAIN && e !== EINTR) throw e;
    return e === EINTR;
  } finally {
    yield* sys.rt_sigprocmask(SIG_SETMASK, before);
  }
}

/** Runs a subshell's body to its exit status, with the errors that end a shell said and the EXIT trap run. */
export function* childMain(child: Shell, body: (child: Shell) => Proc<number>): Proc<number> {
  let status: number;
  try {
    status = yield* body(child);
  } catch (e) {
    if (e instanceof ShellExit) status = e.status;
    else if (e instanceof ShellError) {
      yield* child.complain(e);
      status = e.status;
    } else if (e instanceof Interrupted) status = 130;
    else throw e;
  }
  status = yield* runExitTrap(child, status);
  yield* child.settle();
  return status;
}

/** Bytes of a name in a directory. */
const NAME_MAX = 255;

/** A file that execve may run, or why there is none. */
export type Found = { readonly path: string } | { readonly failure: Errno };

/** What is at a path; undefined where nothing is, or nothing that one can get at. */
export const statOf = (sh: Shell, path: string): Proc<Stat | undefined> =>
  optional(stat(sh.sys, path), [EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR]);

/** Looks a command up in PATH, with the shell's memory of earlier finds. */
export function* findCommand(sh: Shell, name: string, path?: string): Proc<string | undefined> {
  if (name.includes("/")) return name;
  if (name === "") return undefined;
  if (path === undefined) {
    const known = sh.recall(name);
    if (known !== undefined) return known;
  }
  const found = yield* searchPath(sh, name, path ?? sh.get("PATH") ?? "");
  if (found !== undefined && path === undefined) sh.commandHash.set(name, { path: found, hits: 1 });
  return found;
}

/** The first executable file of that name; failing that, the first plain file, so that the error is "Permission denied". */
export function* searchPath(sh: Shell, name: string, path: string): Proc<string | undefined> {
  let second: string | undefined;
  for (const dir of path.split(":")) {
    const candidate = dir === "" ? `./${name}` : dir.endsWith("/") ? dir + name : `${dir}/${name}`;
    const s = yield* statOf(sh, candidate);
    if (s === undefined || !isReg(s.mode)) continue;
    if ((s.mode & 0o111) !== 0 && (yield* mayExecute(sh, candidate))) return candidate;
    second ??= candidate;
  }
  return second;
}

function* mayExecute(sh: Shell, path: string): Proc<boolean> {
  try {
    yield* sh.sys.faccessat2(-100, path, 1, 0x200);
    return true;
  } catch (e) {
    if (e instanceof Errno) return false;
    throw e;
  }
}

/** Replaces the process by a program; never returns. Failing that, says why and ends with 126 or 127. */
export function* execute(
  sh: Shell,
  name: string,
  path: string | undefined,
  argv: readonly string[],
  env: ReadonlyMap<string, string>,
): Proc<number> {
  if (path === undefined) return yield* sayMissing(sh, name);
  try {
    yield* sh.sys.execve(path, argv, env);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (e === ENOEXEC) return yield* executeScript(sh, name, path, argv, env);
    return yield* sayFailure(sh, name, path, e);
  }
  return 126;
}

export function* sayMissing(sh: Shell, name: string): Proc<number> {
  const other = byteLength(name) > NAME_MAX ? ENAMETOOLONG.message : "not found";
  const why = sh.flavour !== "bash" ? other : sh.get("PATH") === undefined ? ENOENT.message : "command not found";
  yield* sh.warn(`${name}: ${why}`);
  return 127;
}

function* sayFailure(sh: Shell, name: string, path: string, e: Errno): Proc<number> {
  const s = yield* statOf(sh, path);
  if (sh.flavour !== "bash") {
    const missing = e === ENOENT || e === ENOTDIR;
    yield* sh.warn(`${name}: ${missing ? "not found" : e === E2BIG ? "Argument list too long" : e.message}`);
    return missing ? 127 : 126;
  }
  if (s !== undefined && isDir(s.mode)) yield* sh.warn(`${name}: ${EISDIR.message}`);
  else if (e === ENOENT && s !== undefined) yield* sh.warn(`${name}: cannot execute: required file not found`);
  else yield* sh.warn(`${e === E2BIG || e === EACCES ? name : path}: ${e.message}`);
  return e === ENOENT && s === undefined ? 127 : e === ENOENT ? 127 : 126;
}

/** A text file without `#!`: a shell script. Differs from Linux: a new image of the shell reads it; the real ones start over in place. */
function* executeScript(sh: Shell, name: string, path: string, argv: readonly string[], env: ReadonlyMap<string, string>): Proc<number> {
  const bytes = (yield* optional(readFile(sh.sys, path), [EACCES, ENOENT, EISDIR])) ?? new Uint8Array();
  const end = bytes.indexOf(10);
  if (bytes.subarray(0, end < 0 ? 80 : end).includes(0)) {
    if (sh.flavour === "bash") yield* sh.warn(`${path}: cannot execute binary file: ${ENOEXEC.message}`);
    else yield* sh.warn(`${name}: ${ENOEXEC.message}`);
    return 126;
  }
  const shell = sh.flavour === "bash" ? "/bin/bash" : sh.flavour === "dash" ? "/bin/dash" : "/bin/sh";
  yield* sh.sys.execve(shell, [argv[0] ?? shell, path, ...argv.slice(1)], env);
  return 126;
}
