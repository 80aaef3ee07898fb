/** The mounts of a container, in the order in which its configuration has them. runc `libcontainer/rootfs_linux.go`, `specconv`. */

import { EBUSY, EEXIST, ENOENT, EPERM, Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_CREAT, O_PATH, O_WRONLY } from "../../abi/fcntl.ts";
import { MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REC, MS_REMOUNT, MS_SLAVE } from "../../abi/mount.ts";
import { S_IFDIR, S_IFMT } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { type MountOptions, parseMountOptions } from "../../userland/libc/mountflags.ts";
import { dirname, mkdir, open, optional, stat } from "../../userland/libc/unistd.ts";
import { goError, RuncError, withPath, wrap } from "../error.ts";
import type { SpecMount } from "../spec.ts";
import { secureJoin } from "./secure-join.ts";

/** Errors: RuncError for an option that runc has and this one has not. */
function parseOptions(options: readonly string[]): MountOptions {
  if (options.includes("tmpcopyup")) throw new RuncError("mount option tmpcopyup is not supported");
  return parseMountOptions(options.join(","));
}

/** mkdir -p. */
export function* mkdirAll(sys: Sys, path: string, mode: number): Proc<void> {
  const found = yield* optional(stat(sys, path));
  if (found !== undefined) {
    if ((found.mode & S_IFMT) === S_IFDIR) return;
    throw new RuncError(`mkdir ${path}: not a directory`);
  }
  if (path !== "/" && path !== "") yield* mkdirAll(sys, dirname(path), mode);
  yield* withPath("mkdir", path, optional(mkdir(sys, path, mode), [EEXIST]));
}

/**
 * Mounts on a path below the root filesystem, through a descriptor, so that what the path leads to cannot be exchanged on the way.
 * Errors: RuncError in Go's words.
 */
export function* mountInto(sys: Sys, source: string, dest: string, shown: string, fstype: string, flags: number, data: string): Proc<void> {
  const fd = yield* withPath("open", dest, open(sys, dest, O_PATH | O_CLOEXEC));
  try {
    yield* sys.mount(source, `/proc/self/fd/${fd}`, fstype, flags, data);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    const extra = `${flags === 0 ? "" : `, flags: 0x${flags.toString(16)}`}${data === "" ? "" : `, data: ${data}`}`;
    throw new RuncError(`mount ${source}:${shown} (via /proc/self/fd/${fd})${extra}: ${goError(e)}`);
  } finally {
    yield* sys.close(fd);
  }
}

/** One mount of the configuration. Errors: RuncError. */
export function* mountEntry(sys: Sys, rootfs: string, mount: SpecMount): Proc<void> {
  const { source = "", destination } = mount;
  yield* wrap(`error mounting ${JSON.stringify(source)} to rootfs at ${JSON.stringify(destination)}`, mountOne(sys, rootfs, mount));
}

function* mountOne(sys: Sys, rootfs: string, mount: SpecMount): Proc<void> {
  const { source = "", destination, options = [] } = mount;
  const parsed = parseOptions(options);
  const isBind = mount.type === "bind" || (parsed.flags & MS_BIND) !== 0;
  const fstype = isBind ? "bind" : (mount.type ?? "");
  const dest = yield* secureJoin(sys, rootfs, destination);
  if (isBind) {
    checkProc(rootfs, dest, fstype, source);
    yield* mountBind(sys, source, dest, destination, parsed);
    return;
  }
  yield* mkdirAll(sys, dest, 0o755);
  if (fstype === "cgroup" || fstype === "cgroup2") yield* mountCgroup(sys, dest, destination, parsed);
  else yield* mountInto(sys, source, dest, destination, fstype, parsed.flags, parsed.data);
  yield* spread(sys, yield* secureJoin(sys, rootfs, destination), parsed.propagation);
}

function* spread(sys: Sys, dest: string, propagation: readonly number[]): Proc<void> {
  for (const flags of propagation) yield* mountInto(sys, "", dest, dest, "", flags, "");
}

/** Only some files of /proc may be covered: what else is there, a container could be made to believe. */
const PROC_ALLOWED = [
  "cpuinfo",
  "diskstats",
  "meminfo",
  "stat",
  "swaps",
  "uptime",
  "loadavg",
  "slabinfo",
  "net/dev",
  "sys/kernel/ns_last_pid",
];

function checkProc(rootfs: string, dest: string, fstype: string, source: string): void {
  const proc = `${rootfs}/proc`;
  if (dest !== proc && !dest.startsWith(`${proc}/`)) return;
  if (dest === proc && (fstype === "proc" || source === "/proc")) return;
  if (PROC_ALLOWED.some((name) => dest === `${proc}/${name}`)) return;
  throw new RuncError(`${JSON.stringify(dest)} cannot be mounted because it is ${dest === proc ? "not of type proc" : "inside /proc"}`);
}

function* mountBind(sys: Sys, source: string, dest: string, shown: string, { flags, propagation, data }: MountOptions): Proc<void> {
  const from = yield* withPath("stat", source, stat(sys, source));
  if ((from.mode & S_IFMT) === S_IFDIR) yield* mkdirAll(sys, dest, 0o755);
  else if ((yield* optional(stat(sys, dest))) === undefined) {
    // What is there may be on something read-only.
    yield* mkdirAll(sys, dirname(dest), 0o755);
    yield* sys.close(yield* withPath("open", dest, open(sys, dest, O_WRONLY | O_CREAT | O_CLOEXEC, 0o755)));
  }
  yield* mountInto(sys, source, dest, shown, "bind", (flags & MS_REC) | MS_BIND, "");
  // A bind mount takes its other flags by a second call.
  const rest = flags & ~(MS_REC | MS_BIND | MS_REMOUNT);
  if (rest !== 0 || data !== "") yield* mountInto(sys, source, dest, shown, "bind", rest | MS_BIND | MS_REMOUNT, data);
  yield* spread(sys, dest, propagation);
}

function* mountCgroup(sys: Sys, dest: string, shown: string, { flags, data }: MountOptions): Proc<void> {
  try {
    yield* sys.mount("cgroup", dest, "cgroup2", flags, data);
  } catch (e) {
    if (e !== EPERM && e !== EBUSY) throw e;
    // Where it may not be mounted anew, the host's is shown.
    yield* mountInto(sys, "/sys/fs/cgroup", dest, shown, "bind", MS_BIND | MS_REC, "");
  }
}

/** Covers a path so that it tells nothing: a file by /dev/null, a directory by an empty read-only tmpfs. */
export function* maskPath(sys: Sys, path: string): Proc<void> {
  const found = yield* optional(stat(sys, path));
  if (found === undefined) return;
  if ((found.mode & S_IFMT) === S_IFDIR) yield* withPath("mount tmpfs on", path, sys.mount("tmpfs", path, "tmpfs", MS_RDONLY, ""));
  else yield* withPath("mount /dev/null on", path, sys.mount("/dev/null", path, "", MS_BIND, ""));
}

/** Makes a path read-only, with the flags that its mount has. */
export function* readonlyPath(sys: Sys, path: string): Proc<void> {
  try {
    yield* sys.mount(path, path, "", MS_BIND | MS_REC, "");
  } catch (e) {
    if (e === ENOENT) return;
    throw new RuncError(`can't make ${JSON.stringify(path)} read-only: mount ${path}:${path}, flags: 0x5000: ${goError(e)}`);
  }
  const { flags } = yield* sys.statfs(path);
  yield* sys.mount(path, path, "", (flags & (MS_NOSUID | MS_NODEV | MS_NOEXEC)) | MS_BIND | MS_REC | MS_RDONLY | MS_REMOUNT, "");
}

/** Of `linux.rootfsPropagation`: slave unless it says otherwise, so that nothing leads out of the container. */
export function rootPropagation(asked: string | undefined): number {
  if (asked === undefined || asked === "") return MS_SLAVE | MS_REC;
  const [flags] = parseMountOptions(asked).propagation;
  if (flags === undefined) throw new RuncError(`rootfsPropagation=${asked} is not supported`);
  return flags | MS_REC;
}
