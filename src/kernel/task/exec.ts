/** Program loading: execve(2), Linux `fs/exec.c`, `fs/binfmt_elf.c`, `fs/binfmt_script.c`. */

import { CAP_SYS_PTRACE } from "../../abi/capability.ts";
import { type ElfImage, parseElf } from "../../abi/elf.ts";
import { E2BIG, EACCES, ELIBBAD, ELOOP, ENOEXEC, ETXTBSY } from "../../abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_RDONLY, X_OK } from "../../abi/fcntl.ts";
import { MS_NOEXEC, MS_NOSUID } from "../../abi/mount.ts";
import { SIG_IGN } from "../../abi/signal.ts";
import { isReg, S_ISGID, S_ISUID } from "../../abi/stat.ts";
import type { Auxv, Env, Program, Wait } from "../../abi/sys.ts";
import { byteLength, decodeUtf8 } from "../../abi/utf8.ts";
import { Blocked } from "../blocked.ts";
import { AddressSpace } from "../mm/address-space.ts";
import { AnonAccount } from "../mm/memory.ts";
import { idsMapped } from "../ns/idmap.ts";
import { isWithin, nsCapable } from "../ns/user.ts";
import { ARG_MAX, BINPRM_MAX_RECURSION, IMAGE_BYTES, MAX_ARG_STRLEN } from "../params.ts";
import type { Path } from "../vfs/dentry.ts";
import { File } from "../vfs/file.ts";
import { resolve } from "../vfs/namei.ts";
import { checkPermission } from "../vfs/permission.ts";
import { credAfterExec, readFileCaps } from "./capability.ts";
import { exitTask } from "./exit.ts";
import { enterTimeNamespace } from "./fork.ts";
import { never } from "./signals.ts";
import type { System } from "./system.ts";
import { SigHand, type Task } from "./task.ts";

/** As much of a file as the loaders look at. */
const HEAD_BYTES = 1024;
/** BINPRM_BUF_SIZE: the length of a `#!` line. */
const SCRIPT_BYTES = 256;

interface Binary {
  /** What is executed in the end: for a script, its interpreter. */
  readonly path: Path;
  readonly elf: ElfImage;
  readonly argv: readonly string[];
  readonly sizeBytes: number;
}

/** execve(2). Does not return where it succeeds. */
export function execve(
  system: System,
  task: Task,
  dirfd: number,
  filename: string,
  argv: readonly string[],
  env: ReadonlyMap<string, string>,
  flags: number,
): Blocked<never> {
  checkSizes(argv, env);
  const target = findTarget(task, dirfd, filename, flags);
  const args = argv.length === 0 ? [""] : argv;
  const binary = load(task, target, filename, args, 0);
  const loader = binary.elf.interp === undefined ? undefined : loadInterpreter(task, binary.elf.interp);
  return new Blocked(enter(system, task, filename, binary, loader, new Map(env)));
}

/** execveat(2): a path below a directory, or, with AT_EMPTY_PATH, the descriptor itself (fexecve). */
function findTarget(task: Task, dirfd: number, filename: string, flags: number): Path {
  const start = dirfd === AT_FDCWD ? undefined : task.files.require(dirfd).path;
  if (filename === "" && (flags & AT_EMPTY_PATH) !== 0 && start !== undefined) return start;
  return resolve(task, start, filename, (flags & AT_SYMLINK_NOFOLLOW) === 0);
}

function checkSizes(argv: readonly string[], env: ReadonlyMap<string, string>): void {
  let total = 0;
  const add = (text: string): void => {
    const length = byteLength(text) + 1;
    if (length > MAX_ARG_STRLEN) throw E2BIG;
    total += length + 8;
  };
  for (const arg of argv) add(arg);
  for (const [name, value] of env) add(`${name}=${value}`);
  if (total > ARG_MAX) throw E2BIG;
}

/** Linux `do_open_execat` and the binary formats, in their order of errors. */
function load(task: Task, path: Path, name: string, argv: readonly string[], depth: number): Binary {
  const { inode } = path.dentry;
  if (!isReg(inode.mode) || (path.mnt.flags & MS_NOEXEC) !== 0) throw EACCES;
  checkPermission(task, path.dentry.inode, X_OK);
  if (inode.writers > 0) throw ETXTBSY;
  const known = findElf(inode);
  if (known !== undefined) return { path, elf: known, argv, sizeBytes: inode.size };
  const head = readHead(task, path);
  if (head[0] === 0x23 && head[1] === 0x21) {
    if (depth > BINPRM_MAX_RECURSION) throw ELOOP;
    const { interpreter, argument } = parseScript(head);
    const interpreterPath = resolve(task, undefined, interpreter, true);
    const rest = argument === undefined ? [name] : [argument, name];
    return load(task, interpreterPath, interpreter, [interpreter, ...rest, ...argv.slice(1)], depth + 1);
  }
  const elf = parseElf(head);
  if (elf?.program === undefined) throw ENOEXEC;
  remember(inode, elf);
  return { path, elf, argv, sizeBytes: inode.size };
}

/** Executables that were read before, as long as their content has not changed since. */
const elfCache = new WeakMap<object, { readonly version: number; readonly elf: ElfImage }>();

function findElf({ real }: Path["dentry"]["inode"]): ElfImage | undefined {
  const known = elfCache.get(real);
  return known !== undefined && known.version === real.contentVersion ? known.elf : undefined;
}

function remember(inode: Path["dentry"]["inode"], elf: ElfImage): void {
  const { real } = inode;
  if (real.contentVersion !== undefined) elfCache.set(real, { version: real.contentVersion, elf });
}

function readHead(task: Task, path: Path): Uint8Array {
  const file = path.dentry.inode.open(path, O_RDONLY, task);
  if (!(file instanceof File)) throw EACCES;
  file.get();
  try {
    const head = new Uint8Array(HEAD_BYTES);
    return head.subarray(0, file.readAt(task, head, 0));
  } finally {
    file.put();
  }
}

/** `#! interpreter [argument]`: blanks around, everything after the first word is one argument. */
function parseScript(head: Uint8Array): { interpreter: string; argument: string | undefined } {
  const line = decodeUtf8(head.subarray(2, SCRIPT_BYTES));
  const end = line.indexOf("\n");
  if (end < 0 && head.length >= SCRIPT_BYTES && !/^[ \t]*[^ \t\0]+[ \t]/.test(line)) throw ENOEXEC;
  const text = (end < 0 ? line : line.slice(0, end)).replace(/\0.*$/s, "").replace(/^[ \t]+|[ \t]+$/g, "");
  if (text === "") throw ENOEXEC;
  const blank = text.search(/[ \t]/);
  if (blank < 0) return { interpreter: text, argument: undefined };
  return { interpreter: text.slice(0, blank), argument: text.slice(blank).replace(/^[ \t]+/, "") };
}

function loadInterpreter(task: Task, interp: string): ElfImage {
  const path = resolve(task, undefined, interp, true);
  if (!isReg(path.dentry.inode.mode)) throw EACCES;
  checkPermission(task, path.dentry.inode, X_OK);
  const { inode } = path.dentry;
  const known = findElf(inode);
  if (known !== undefined) return known;
  const elf = parseElf(readHead(task, path));
  if (elf?.program === undefined) throw ELIBBAD;
  remember(inode, elf);
  return elf;
}

/** Finds the code, waiting outside of virtual time where it is not loaded yet. Errors: ENOEXEC if there is none. */
function* findCode(system: System, elf: ElfImage, argv: readonly string[]): Generator<Wait, Program, void> {
  const name = elf.program as string;
  for (;;) {
    const found = system.findProgram(name, argv, elf.voice);
    if (found === undefined) throw ENOEXEC;
    if (found !== "loading") return found;
    system.stalledFor = { kind: "program", name, argv };
    yield* system.sched.stall();
  }
}

function* enter(
  system: System,
  task: Task,
  filename: string,
  binary: Binary,
  loader: ElfImage | undefined,
  env: Env,
): Generator<Wait, never, void> {
  const { argv, elf } = binary;
  const main = yield* findCode(system, elf, argv);
  const start = loader === undefined ? main : yield* findCode(system, loader, argv);
  const { cred, secure } = newCred(task, binary.path);

  // The point of no return.
  endOtherThreads(task);
  for (const file of unshareFiles(task).takeCloexec()) {
    file.flush(task);
    file.put();
  }
  resetSignals(task);
  replaceMemory(system, task, binary);
  task.cred = cred;
  if (secure) task.pdeathSignal = 0;
  enterTimeNamespace(task);
  task.comm = filename.slice(filename.lastIndexOf("/") + 1).slice(0, 15);
  task.image = { exe: binary.path, argv, env: new Map(env) };
  system.mounts.sweep();
  task.tg.execed = true;
  task.vforkDone?.wake();
  task.vforkDone = undefined;
  system.trace.emit({ name: "sched_process_exec", pid: task.tg.pid.nr, filename, comm: task.comm, argv });
  const auxv: Auxv = {
    voice: elf.voice,
    execfn: filename,
    secure,
    ...(loader === undefined ? {} : { dynamic: { entry: main, needed: elf.needed } }),
  };
  task.syscall = "";
  task.restartDeadlineNs = undefined;
  task.body = start(system.sys, argv, env, auxv)[Symbol.iterator]();
  return yield* never();
}

/** mnt_may_suid(): not on a mount of another namespace, nor on a filesystem of a user namespace that one is not below. */
function maySuid(task: Task, { mnt }: Path): boolean {
  const { userNs } = mnt.sb;
  const below = userNs === undefined || isWithin(task.cred.userNs, userNs);
  return (mnt.flags & MS_NOSUID) === 0 && mnt.ns === task.mntNs && below;
}

/** Set-user-ID bits and file capabilities of what is executed in the end, where the mount and no_new_privs let them count. */
function newCred(task: Task, binary: Path): ReturnType<typeof credAfterExec> {
  const old = task.cred;
  const { inode } = binary.dentry;
  const suid = maySuid(task, binary);
  const counts = suid && !old.noNewPrivs && idsMapped(old.userNs, inode.uid, inode.gid);
  const setuid = counts && (inode.mode & S_ISUID) !== 0;
  const setgid = counts && (inode.mode & (S_ISGID | 0o010)) === (S_ISGID | 0o010);
  const tracer = task.ptrace?.tracer.leader;
  return credAfterExec(old, {
    euid: setuid ? inode.uid : old.euid,
    egid: setgid ? inode.gid : old.egid,
    caps: suid ? readFileCaps(inode, old) : undefined,
    mayGain: !old.noNewPrivs && (tracer === undefined || nsCapable(tracer.cred, old.userNs, CAP_SYS_PTRACE)),
  });
}

function endOtherThreads(task: Task): void {
  for (const other of [...task.tg.threads]) {
    if (other === task) continue;
    other.killPending = true;
    task.system.signals.notify(other);
  }
  if (task.tg.leader === task) return;
  // The survivor takes over the identity of the leader.
  const leader = task.tg.leader;
  if (leader.state !== "dead") exitTask(leader, 0);
}

function unshareFiles(task: Task): Task["files"] {
  if (task.files.users > 1) {
    task.files.users--;
    task.files = task.files.copy();
  }
  return task.files;
}

/** Handlers go back to their defaults; what is ignored stays ignored; the mask and pending signals stay. */
function resetSignals(task: Task): void {
  const kept = new SigHand();
  task.tg.sighand.actions.forEach((action, sig) => {
    if (action?.handler === SIG_IGN) kept.actions[sig] = { ...action, flags: 0, mask: 0n };
  });
  task.tg.sighand = kept;
}

function replaceMemory(system: System, task: Task, binary: Binary): void {
  if (--task.mm.users === 0) task.mm.free();
  const { inode } = binary.path.dentry;
  task.mm = new AddressSpace(new AnonAccount(system.memory, task));
  task.mm.load(binary.path, inode.sb.dev, inode.ino, Math.max(binary.sizeBytes, 4096));
  task.mm.touchImage(IMAGE_BYTES);
}
