/**
 * mount(8) of util-linux, and busybox's: shows the mounts, or makes one by mount(2). Left out: loop devices, LABEL= and UUID=, mount
 * helpers, user mounts, --options-source, --namespace; /etc/fstab is read for the names in it.
 */

import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENOTBLK, ENOTDIR, EPERM, EROFS, Errno } from "../../abi/errno.ts";
import { MS_BIND, MS_MOVE, MS_RDONLY, MS_REC, MS_REMOUNT, MS_SILENT } from "../../abi/mount.ts";
import { isDir, isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { type Fstab, type FstabEntry, readFstab } from "../libc/fstab.ts";
import { type Option, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { readMounts } from "../libc/mntent.ts";
import { type MountOptions, MS_PROPAGATION, parseMountOptions, propagationNames } from "../libc/mountflags.ts";
import { mergedOptions, type MountInfo, readMountinfo } from "../libc/mountinfo.ts";
import { canonicalize } from "../libc/realpath.ts";
import { lstat, mkdir, optional, readText, stat } from "../libc/unistd.ts";
import { LIBMOUNT, matchesTypes } from "../libc/utillinux.ts";

const usage = `
 mount [-lhV]
 mount -a [options]
 mount [options] [--source] <source> | [--target] <directory>
 mount [options] <source> <directory>
 mount <operation> <mountpoint> [<target>]

Mount a filesystem.

Options:
 -a, --all               mount all filesystems mentioned in fstab
 -B, --bind              mount a subtree somewhere else (same as -o bind)
 -f, --fake              dry run; skip the mount(2) syscall
 -T, --fstab <path>      alternative file to /etc/fstab
 -i, --internal-only     don't call the mount.<type> helpers
 -l, --show-labels       show also filesystem labels
 -M, --move              move a subtree to some other place
 -m, --mkdir             make the mount point where it is missing (same as -o X-mount.mkdir)
 -n, --no-mtab           don't write to /etc/mtab
 -o, --options <list>    comma-separated list of mount options
 -r, --read-only         mount the filesystem read-only (same as -o ro)
 -R, --rbind             mount a subtree and all submounts somewhere else
     --source <src>      explicitly specifies source
     --target <target>   explicitly specifies mountpoint
 -s                      ignored
 -t, --types <list>      limit the set of filesystem types
 -v, --verbose           say what is being done
 -w, --rw, --read-write  mount the filesystem read-write (default)
     --make-[r]{shared,slave,private,unbindable}  mark a subtree

 -h, --help              display this help
 -V, --version           display version`;

/** What is to be mounted; without a source for what concerns a mount that is there already. */
interface Request {
  readonly source: string | undefined;
  readonly target: string;
  readonly type: string;
  readonly options: string;
}

interface How {
  readonly fake: boolean;
  readonly verbose: boolean;
  /** Flags by options of their own: --bind, --move … */
  readonly flags: number;
  /** Flags of --make-…, each a call. */
  readonly propagation: readonly number[];
  /** -m: makes the mount point. */
  readonly mkdir: boolean;
}

function* show(c: Command, types: string | undefined): Proc<number> {
  for (const mount of yield* readMounts(c.sys)) {
    if (types === undefined || matchesTypes(mount.type, types)) {
      yield* c.print(`${mount.source} on ${mount.dir} type ${mount.type} (${mount.options})\n`);
    }
  }
  return 0;
}

/** Why a mount failed, in the words of libmount. */
function* explain(c: Command, { source = "", target, type }: Request, flags: number, e: Errno): Proc<string> {
  const there = yield* optional(stat(c.sys, target));
  const from = yield* optional(stat(c.sys, source));
  const onlyPropagation = (flags & MS_PROPAGATION) !== 0;
  switch (e) {
    case EPERM:
      // Set-user-ID root: libmount has gone on as the user by now.
      return (yield* c.sys.getuid()) === 0 ? "permission denied." : "must be superuser to use mount.";
    case EBUSY:
      return (flags & MS_REMOUNT) !== 0 ? "mount point is busy." : `${source} already mounted or mount point busy.`;
    case ENOENT:
      if ((yield* optional(lstat(c.sys, target))) === undefined) return "mount point does not exist.";
      if (there === undefined) return "mount point is a symbolic link to nowhere.";
      if (from === undefined && !onlyPropagation && source !== "") return `special device ${source} does not exist.`;
      break;
    case ENOTDIR:
      if (there === undefined || !isDir(there.mode)) return "mount point is not a directory.";
      if (from === undefined) return `special device ${source} does not exist (a path prefix is not a directory).`;
      break;
    case EINVAL:
      if (onlyPropagation) return "not mount point or bad option.";
      if ((flags & MS_REMOUNT) !== 0) return "mount point not mounted or bad option.";
      if ((flags & MS_MOVE) !== 0 && (yield* underShared(c, source)))
        return "bad option; moving a mount residing under a shared mount is unsupported.";
      return `wrong fs type, bad option, bad superblock on ${source}, missing codepage or helper program, or other error.`;
    case ENODEV:
      return `unknown filesystem type '${type}'.`;
    case ENOTBLK:
      return `${source} is not a block device${from !== undefined && isReg(from.mode) ? '; try "-o loop"' : ""}.`;
    case EACCES:
    case EROFS:
      if ((flags & MS_RDONLY) !== 0) return `cannot mount ${source} read-only.`;
      if ((flags & MS_REMOUNT) !== 0) return `cannot remount ${source} read-write, is write-protected.`;
      if ((flags & MS_BIND) !== 0) return `bind ${source} failed.`;
  }
  return `mount(2) system call failed: ${e.message}.`;
}

/** Whether the mount at `dir` sits on a shared one. */
function* underShared(c: Command, dir: string): Proc<boolean> {
  const mounts = yield* readMountinfo(c.sys);
  const parent = mounts.findLast((m) => m.target === dir)?.parent;
  return mounts.find((m) => m.id === parent)?.tags.some((tag) => tag.startsWith("shared:")) === true;
}

function* failed(c: Command, request: Request, flags: number, e: Errno): Proc<number> {
  const { source, target } = request;
  if (c.voice === "busybox") {
    if (e === EPERM) yield* c.warn("permission denied (are you root?)");
    else yield* c.warn(`mounting ${source ?? "none"} on ${target} failed: ${e.message}`);
    return e === EPERM ? 1 : 255;
  }
  yield* c.warn(`${target}: ${yield* explain(c, request, flags, e)}`);
  yield* c.eprint("       dmesg(1) may have more information after failed mount system call.\n");
  return 32;
}

/** The absolute name where there is such a file, else as it was given. */
function* absolute(c: Command, path: string): Proc<string> {
  return (yield* optional(canonicalize(c.sys, path, "existing"), [ENOENT, ENOTDIR, EACCES])) ?? path;
}

/** The types to try where none was named: those of /proc/filesystems that need a device. */
function* typesToTry(c: Command, type: string): Proc<string[]> {
  const listed = type.split(",");
  // A name such as nosuch is a list of all but "such", for util-linux.
  if (type !== "auto" && (!type.startsWith("no") || c.voice === "busybox")) return listed;
  const known = (yield* readText(c.sys, "/proc/filesystems")).split("\n").filter((line) => line.startsWith("\t"));
  return known.map((line) => line.trim()).filter((name) => type === "auto" || matchesTypes(name, type));
}

/** The calls of one request, in libmount's order: the mount, its propagation, the flags of a bind mount. */
function* mountOne(c: Command, request: Request, how: How): Proc<number> {
  const { sys } = c;
  const parsed = parseMountOptions(request.options);
  const flags = parsed.flags | how.flags;
  const target = yield* absolute(c, request.target);
  const operation = (flags & (MS_BIND | MS_MOVE | MS_REMOUNT)) !== 0;
  const types = operation ? ["none"] : yield* typesToTry(c, request.type);
  const plain = types.length === 1 && !operation;
  let { source } = request;
  if (source !== undefined && (flags & (MS_BIND | MS_MOVE)) !== 0 && (flags & MS_REMOUNT) === 0) source = yield* absolute(c, source);
  else if (source !== undefined && request.type === "auto") source = yield* absolute(c, source);
  const full = { ...request, source, target };
  let doing = flags;
  try {
    // The file is set-user-ID root: only root may use it so.
    if ((yield* sys.getuid()) !== 0) throw EPERM;
    if (how.mkdir && (yield* optional(stat(sys, request.target))) === undefined) yield* makeDirectories(c, request.target);
    const propagation = [...parsed.propagation, ...how.propagation];
    if (!how.fake) {
      if (source !== undefined || operation) {
        if (types.length === 0) return yield* c.fail(`${target}: no filesystem type specified.`);
        yield* tryTypes(c, full, types, plain ? flags : flags | (operation ? 0 : MS_SILENT), parsed);
      }
      for (const change of propagation) {
        doing = change;
        yield* sys.mount("none", target, "", change, "");
      }
      // A bind mount takes flags of its own by a second call.
      const own = flags & ~(MS_BIND | MS_REC);
      doing = flags | MS_REMOUNT;
      if ((flags & MS_BIND) !== 0 && (flags & MS_REMOUNT) === 0 && own !== 0) yield* sys.mount("none", target, "", flags | MS_REMOUNT, "");
    }
    if (how.verbose && c.voice === "gnu") yield* c.print(`${c.name}: ${success(full, flags)}\n`);
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* failed(c, c.voice === "gnu" ? full : request, doing, e);
  }
}

function success({ source, target }: Request, flags: number): string {
  if (source === undefined) return `${target} propagation flags changed.`;
  if ((flags & MS_MOVE) !== 0) return `${source} moved to ${target}.`;
  return (flags & MS_BIND) !== 0 && (flags & MS_REMOUNT) === 0 ? `${source} bound on ${target}.` : `${source} mounted on ${target}.`;
}

function* tryTypes(c: Command, request: Request, types: readonly string[], flags: number, parsed: MountOptions): Proc<void> {
  let failure: Errno = ENODEV;
  for (const type of types) {
    try {
      return yield* c.sys.mount(request.source ?? "", request.target, type, flags, parsed.data);
    } catch (e) {
      if (!(e instanceof Errno) || types.length === 1) throw e;
      failure = e;
    }
  }
  throw failure;
}

function* makeDirectories(c: Command, path: string): Proc<void> {
  const parts = path.split("/");
  for (let n = 1; n <= parts.length; n++) {
    const dir = parts.slice(0, n).join("/");
    if (dir !== "" && (yield* optional(stat(c.sys, dir))) === undefined) yield* mkdir(c.sys, dir, 0o755);
  }
}

function* parseFstab(c: Command, asked: string | undefined): Proc<Fstab> {
  const path = asked ?? "/etc/fstab";
  if (asked !== undefined && (yield* optional(stat(c.sys, path))) === undefined) yield* c.fail(`${path}: failed to parse`);
  const fstab = yield* readFstab(c.sys, path);
  for (const line of fstab.badLines) yield* c.warn(`${path}: parse error at line ${line} -- ignored`);
  return fstab;
}

/** Exit status of mount -a where some could be mounted and others not. */
const SOME_FAILED = 64;

/** mount -a. */
function* mountAll(c: Command, fstab: Fstab, types: string | undefined, how: How): Proc<number> {
  const statuses: number[] = [];
  const say = (target: string, word: string): Proc<void> => c.print(`${target.padEnd(25)}: ${word}\n`);
  for (const line of fstab.entries) {
    if (types !== undefined && !matchesTypes(line.type, types)) continue;
    if (line.options.split(",").includes("noauto") || line.type === "swap" || line.target === "none") {
      if (how.verbose) yield* say(line.target, "ignored");
      continue;
    }
    if ((yield* readMounts(c.sys)).some((m) => m.dir === line.target && m.source === line.source)) {
      if (how.verbose) yield* say(line.target, "already mounted");
      continue;
    }
    const one = yield* mountOne(c, line, { ...how, verbose: false });
    if (one === 0 && how.verbose) yield* say(line.target, "successfully mounted");
    statuses.push(one);
  }
  if (statuses.every((one) => one === 0)) return 0;
  return statuses.includes(0) ? SOME_FAILED : Math.max(...statuses);
}

/** A remount of what is mounted: what it has already counts as asked for, and what is asked for wins. */
function remountRequest(mounted: MountInfo, target: string, text: string): Request {
  const access = text.split(",").findLast((o) => o === "rw" || o === "ro");
  const named = new Set(text.split(",").map((o) => o.split("=")[0]));
  const kept = mergedOptions(mounted)
    .split(",")
    .filter((o) => (o !== "rw" && o !== "ro") || access === undefined)
    .filter((o) => !named.has(o.split("=")[0]));
  return { source: mounted.source, target, type: mounted.type, options: [...kept, text].join(",") };
}

function* mountNamed(c: Command, fstab: Fstab, name: string, text: string, how: How, byTarget: boolean): Proc<number> {
  const full = yield* absolute(c, name);
  const line: FstabEntry | undefined = fstab.entries.find((l) => l.target === full || l.target === name || l.source === name);
  if (line !== undefined) return yield* mountOne(c, { ...line, options: [line.options, text].join(",") }, how);
  const where = byTarget ? "can't find mount point in" : "can't find in";
  yield* c.warn(c.voice === "gnu" ? `${name}: ${where} /etc/fstab.` : `can't find ${name} in /etc/fstab`);
  return 1;
}

const long = [
  { name: "all", as: "a" },
  { name: "bind", as: "B" },
  { name: "fake", as: "f" },
  { name: "fstab", arg: "required", as: "T" },
  { name: "internal-only", as: "i" },
  { name: "mkdir", as: "m" },
  { name: "show-labels", as: "l" },
  { name: "move", as: "M" },
  { name: "no-mtab", as: "n" },
  { name: "options", arg: "required", as: "o" },
  { name: "read-only", as: "r" },
  { name: "rbind", as: "R" },
  { name: "source", arg: "required" },
  { name: "target", arg: "required" },
  { name: "types", arg: "required", as: "t" },
  { name: "verbose", as: "v" },
  { name: "version", as: "V" },
  { name: "rw", as: "w" },
  { name: "read-write", as: "w" },
  ...propagationNames.map((name) => ({ name: `make-${name}` })),
] as const;

/** Options that stand for words of -o or flags, in the order in which they were given. */
function collect(options: readonly Option[]): { readonly text: string; readonly how: How } {
  const words: string[] = [];
  const propagation: number[] = [];
  let flags = 0;
  for (const { name, arg } of options) {
    if (name === "o") words.push(arg);
    else if (name === "r") words.push("ro");
    else if (name === "w") words.push("rw");
    else if (name === "B") flags |= MS_BIND;
    else if (name === "R") flags |= MS_BIND | MS_REC;
    else if (name === "M") flags |= MS_MOVE;
    else if (name.startsWith("make-")) propagation.push(...parseMountOptions(name.slice(5)).propagation);
  }
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const text = words.join(",");
  const mkdirWord = /(^|,)X-mount\.mkdir/.test(text);
  return { text, how: { fake: has("f"), verbose: has("v"), flags, propagation, mkdir: has("m") || mkdirWord } };
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({ short: gnu ? "aBfhilmMno:rRsT:t:vVw" : "afio:rt:T:vwn", long });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print(`mount from ${LIBMOUNT}\n`);
    return 0;
  }
  const type = arg("t");
  const { text, how } = collect(options);
  const operation = how.flags !== 0 || how.propagation.length > 0;
  if (gnu && operation && type !== undefined && how.flags !== 0) throw new UsageError("bad usage");
  const fstabPath = arg("T");
  if (has("a")) return yield* mountAll(c, yield* parseFstab(c, fstabPath), type, how);
  const named = { source: arg("source"), target: arg("target") };
  const words = [...operands];
  if (words.length + (named.source === undefined ? 0 : 1) + (named.target === undefined ? 0 : 1) === 0) {
    if (text !== "" || operation) throw new UsageError(gnu ? "bad usage" : "");
    return yield* show(c, type);
  }
  const source = named.source ?? (words.length === 2 || (named.target !== undefined && words.length === 1) ? words.shift() : undefined);
  const target = named.target ?? words.shift();
  if (words.length > 0) throw new UsageError(gnu ? "bad usage" : "");
  if (source !== undefined && target !== undefined) return yield* mountOne(c, { source, target, type: type ?? "auto", options: text }, how);
  const only = target ?? source ?? "";
  const { flags } = parseMountOptions(text);
  if (((flags | how.flags) & MS_REMOUNT) !== 0) {
    const full = yield* absolute(c, only);
    const mounted = (yield* readMountinfo(c.sys)).findLast((m) => m.target === full || m.source === only);
    const request =
      mounted === undefined ? { source: "none", target: only, type: "none", options: text } : remountRequest(mounted, mounted.target, text);
    return yield* mountOne(c, request, how);
  }
  if (operation) return yield* mountOne(c, { source: undefined, target: only, type: "none", options: text }, how);
  return yield* mountNamed(c, yield* parseFstab(c, fstabPath), only, text, how, named.target !== undefined);
}

export const mount: Executable = {
  name: "mount",
  paths: ["/usr/bin/mount"],
  needed: ["libmount.so.1", "libselinux.so.1", "libc.so.6", "libblkid.so.1", "libpcre2-8.so.0"],
  sizeBytes: 59704,
  mode: 0o4755,
  applet: "/bin/mount",
  main: command({ help: help(usage, "mount [OPTIONS] [-o OPT] DEVICE NODE\n\nMount a filesystem") }, run),
};
