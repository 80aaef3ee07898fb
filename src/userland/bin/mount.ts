/**
 * mount(8) of util-linux, and busybox's: shows the mounts, or makes one by mount(2).
 * Left out: loop devices, LABEL= and UUID=, mount helpers, user mounts; /etc/fstab is read for the names in it.
 */

import { EBUSY, EINVAL, ENODEV, ENOENT, ENOTBLK, ENOTDIR, EPERM, Errno } from "../../abi/errno.ts";
import { MS_BIND, MS_MOVE, MS_RDONLY, MS_REC, MS_REMOUNT } from "../../abi/mount.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { readMounts } from "../libc/mntent.ts";
import { MS_PROPAGATION, parseMountOptions } from "../libc/mountflags.ts";
import { canonicalize } from "../libc/realpath.ts";
import { optional, readText, stat } from "../libc/unistd.ts";

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
 -l, --show-labels       show also filesystem labels
 -M, --move              move a subtree to some other place
 -n, --no-mtab           don't write to /etc/mtab
 -o, --options <list>    comma-separated list of mount options
 -r, --read-only         mount the filesystem read-only (same as -o ro)
 -R, --rbind             mount a subtree and all submounts somewhere else
 -t, --types <list>      limit the set of filesystem types
 -v, --verbose           say what is being done
 -w, --rw, --read-write  mount the filesystem read-write (default)
     --make-[r]{shared,slave,private,unbindable}  mark a subtree

 -h, --help              display this help`;

const propagations = ["shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"];

interface Request {
  source: string;
  target: string;
  type: string;
  options: string;
}

function* show(c: Command, types: string | undefined): Proc<number> {
  const wanted = types?.split(",");
  for (const mount of yield* readMounts(c.sys)) {
    if (wanted === undefined || wanted.includes(mount.type)) {
      yield* c.print(`${mount.source} on ${mount.dir} type ${mount.type} (${mount.options})\n`);
    }
  }
  return 0;
}

/** The lines of /etc/fstab. */
function* readFstab(c: Command): Proc<Request[]> {
  const text = (yield* optional(readText(c.sys, "/etc/fstab"))) ?? "";
  return text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([first = "", target]) => first !== "" && !first.startsWith("#") && target !== undefined)
    .map(([source = "", target = "", type = "auto", options = "defaults"]) => ({ source, target, type, options }));
}

/** Why a mount failed, in the words of libmount. */
function* explain(c: Command, request: Request, flags: number, e: Errno): Proc<number> {
  const { source, target, type } = request;
  if (c.voice === "busybox") {
    if (e === EPERM) yield* c.warn("permission denied (are you root?)");
    else yield* c.warn(`mounting ${source} on ${target} failed: ${e.message}`);
    return e === EPERM ? 1 : 255;
  }
  const there = yield* optional(stat(c.sys, target));
  const from = yield* optional(stat(c.sys, source));
  let message: string;
  if (e === EPERM) message = "must be superuser to use mount.";
  else if (e === ENOENT && there === undefined) message = "mount point does not exist.";
  else if (e === ENOENT && from === undefined && (flags & (MS_BIND | MS_MOVE)) !== 0) message = `special device ${source} does not exist.`;
  else if (e === ENOTDIR) message = "mount point is not a directory.";
  else if (e === ENODEV) message = `unknown filesystem type '${type}'.`;
  else if (e === EBUSY) message = `${source} already mounted or mount point busy.`;
  else if (e === ENOTBLK) message = `${source} is not a block device.`;
  else if (e === EINVAL && (flags & MS_REMOUNT) !== 0) message = "mount point not mounted or bad option.";
  else if (e === EINVAL && (flags & MS_MOVE) !== 0) message = `bad option; moving a mount residing under a shared mount is unsupported.`;
  else if (e === EINVAL) {
    message = `wrong fs type, bad option, bad superblock on ${source}, missing codepage or helper program, or other error.`;
  } else message = `mount(2) system call failed: ${e.message}.`;
  yield* c.warn(`${target}: ${message}`);
  yield* c.eprint("       dmesg(1) may have more information after failed mount system call.\n");
  return 32;
}

function* mountOne(c: Command, request: Request, extra: number, fake: boolean, verbose: boolean): Proc<number> {
  const { flags: fromWords, data } = parseMountOptions(request.options);
  const flags = fromWords | extra;
  // The file is set-user-ID root: only root may use it so.
  if ((yield* c.sys.getuid()) !== 0) return yield* explain(c, request, flags, EPERM);
  try {
    const target = (yield* optional(canonicalize(c.sys, request.target, "existing"))) ?? request.target;
    const plain = (flags & (MS_BIND | MS_MOVE | MS_REMOUNT | MS_PROPAGATION)) === 0;
    if (!fake) {
      const propagation = flags & MS_PROPAGATION;
      const rest = flags & ~MS_PROPAGATION;
      const real = plain ? request.source : ((yield* optional(canonicalize(c.sys, request.source, "existing"))) ?? request.source);
      if ((rest & ~MS_REC) !== 0 || plain) {
        const bind = (rest & MS_BIND) !== 0 && (rest & MS_REMOUNT) === 0;
        const first = bind ? rest & (MS_BIND | MS_REC) : propagation === 0 ? rest : rest & ~MS_REC;
        yield* c.sys.mount(real, target, plain ? request.type : "none", first, data);
        // A bind mount takes its own flags by a second call.
        const own = rest & ~(MS_BIND | MS_REC);
        if (bind && own !== 0) yield* c.sys.mount("none", target, "none", own | MS_REMOUNT | MS_BIND, data);
      }
      if (propagation !== 0) yield* c.sys.mount("none", target, "none", propagation | (rest & MS_REC), "");
    }
    if (verbose) yield* c.print(`${c.name}: ${request.source} mounted on ${request.target}.\n`);
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* explain(c, request, flags, e);
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "aBfhlMno:rRt:vw" : "afio:rt:vwn",
    long: [
      { name: "all", as: "a" },
      { name: "bind", as: "B" },
      { name: "fake", as: "f" },
      { name: "show-labels", as: "l" },
      { name: "move", as: "M" },
      { name: "no-mtab", as: "n" },
      { name: "options", arg: "required", as: "o" },
      { name: "read-only", as: "r" },
      { name: "rbind", as: "R" },
      { name: "types", arg: "required", as: "t" },
      { name: "verbose", as: "v" },
      { name: "rw", as: "w" },
      { name: "read-write", as: "w" },
      ...propagations.map((name) => ({ name: `make-${name}` })),
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  const words = options.filter((o) => o.name === "o").map((o) => o.arg);
  for (const name of propagations) if (has(`make-${name}`)) words.push(name);
  if (has("r")) words.push("ro");
  const extra = (has("B") ? MS_BIND : 0) | (has("R") ? MS_BIND | MS_REC : 0) | (has("M") ? MS_MOVE : 0);
  const type = options.findLast((o) => o.name === "t")?.arg;
  const text = words.join(",");
  if (has("a")) {
    let status = 0;
    for (const line of yield* readFstab(c)) {
      if (line.options.split(",").includes("noauto") || line.type === "swap") continue;
      if ((yield* readMounts(c.sys)).some((m) => m.dir === line.target)) continue;
      status = Math.max(status, yield* mountOne(c, line, extra, has("f"), has("v")));
    }
    return status;
  }
  const [first, second] = operands;
  if (first === undefined) {
    if (text !== "") throw new UsageError(gnu ? "bad usage" : "");
    return yield* show(c, type);
  }
  if (operands.length > 2) throw new UsageError(gnu ? "bad usage" : "");
  if (second !== undefined) {
    return yield* mountOne(c, { source: first, target: second, type: type ?? "auto", options: text }, extra, has("f"), has("v"));
  }
  const { flags } = parseMountOptions(text);
  const mounted = (yield* readMounts(c.sys)).findLast((m) => m.dir === first);
  if ((flags & (MS_REMOUNT | MS_PROPAGATION)) !== 0) {
    const source = mounted?.source ?? "none";
    // A remount without rw or ro keeps what the mount has.
    const kept =
      (flags & MS_REMOUNT) !== 0 && mounted?.options.split(",").includes("ro") && !text.split(",").includes("rw") ? MS_RDONLY : 0;
    return yield* mountOne(c, { source, target: first, type: mounted?.type ?? "none", options: text }, extra | kept, has("f"), has("v"));
  }
  const line = (yield* readFstab(c)).find((l) => l.target === first || l.source === first);
  if (line === undefined) {
    yield* c.warn(gnu ? `${first}: can't find in /etc/fstab.` : `can't find ${first} in /etc/fstab`);
    return 1;
  }
  return yield* mountOne(c, { ...line, options: [line.options, text].join(",") }, extra, has("f"), has("v"));
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
