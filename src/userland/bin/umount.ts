/** umount(8) of util-linux, and busybox's: takes mounts away by umount2(2). Left out: --test-opts, --namespace, mount helpers. */

import { EBUSY, EINVAL, ENOENT, EPERM, Errno } from "../../abi/errno.ts";
import { MNT_DETACH, MNT_FORCE, MS_RDONLY, MS_REMOUNT } from "../../abi/mount.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { type MountInfo, readMountinfo } from "../libc/mountinfo.ts";
import { canonicalize } from "../libc/realpath.ts";
import { optional, stat } from "../libc/unistd.ts";
import { LIBMOUNT, matchesTypes } from "../libc/utillinux.ts";

const usage = `
 umount [-hV]
 umount -a [options]
 umount [options] <source> | <directory>

Unmount filesystems.

Options:
 -a, --all               unmount all filesystems
 -A, --all-targets       unmount all mountpoints for the given device in the
                           current namespace
 -d, --detach-loop       if mounted loop device, also free this loop device
     --fake              dry run; skip the umount(2) syscall
 -f, --force             force unmount
 -l, --lazy              detach the filesystem now, clean up things later
 -n, --no-mtab           don't write to /etc/mtab
 -q, --quiet             suppress 'not mounted' error messages
 -R, --recursive         recursively unmount a target with all its children
 -r, --read-only         in case unmounting fails, try to remount read-only
 -t, --types <list>      limit the set of filesystem types
 -v, --verbose           say what is being done

 -h, --help              display this help
 -V, --version           display version`;

interface How {
  readonly flags: number;
  readonly fake: boolean;
  readonly readOnly: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** Why it failed, in the words of libmount. */
function reason(e: Errno): string {
  if (e === EINVAL) return "not mounted.";
  if (e === EBUSY) return "target is busy.";
  if (e === EPERM) return "must be superuser to unmount.";
  if (e === ENOENT) return "no mount point specified.";
  return `umount(2) system call failed: ${e.message}.`;
}

/** To a user who is not root the table of mounts is all that counts. */
function* sayUnknown(c: Command, dir: string): Proc<number> {
  const there = yield* optional(stat(c.sys, dir));
  yield* c.warn(`${dir}: ${there === undefined ? ENOENT.message : reason(EINVAL)}`);
  return 32;
}

/** Unmounts `dir`; `source` is shown where it is known. */
function* unmount(c: Command, dir: string, source: string | undefined, how: How): Proc<number> {
  const gnu = c.voice === "gnu";
  try {
    // The file is set-user-ID root: only root may use it so.
    if ((yield* c.sys.getuid()) !== 0) throw EPERM;
    if (!how.fake) yield* unmountOrRemount(c, dir, source, how);
    if (how.verbose && gnu) yield* c.warn(`${dir}${source === undefined ? "" : ` (${source})`} unmounted`);
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (!gnu) {
      yield* c.warn(`can't unmount ${dir}: ${e.message}`);
      return 1;
    }
    if (e !== EINVAL || !how.quiet) yield* c.warn(`${dir}: ${reason(e)}`);
    return 32;
  }
}

/** With -r, what is busy is made read-only instead; where that fails too, it is the first error that counts. */
function* unmountOrRemount(c: Command, dir: string, source: string | undefined, how: How): Proc<void> {
  try {
    yield* c.sys.umount2(dir, how.flags);
  } catch (e) {
    if (e !== EBUSY || !how.readOnly) throw e;
    try {
      yield* c.sys.mount(source ?? "none", dir, "", MS_REMOUNT | MS_RDONLY, "");
    } catch (second) {
      throw second instanceof Errno ? e : second;
    }
  }
}

/** The mounts at and below `top`, the last first, and before each what is on it. */
function treeOf(mounts: readonly MountInfo[], top: MountInfo): MountInfo[] {
  const below = mounts.filter((m) => m.parent === top.id && m.id !== top.id);
  return [...below.reverse().flatMap((m) => treeOf(mounts, m)), top];
}

/** umount -R: everything from the topmost mount at `operand` on. */
function* unmountTree(c: Command, operand: string, how: How): Proc<number> {
  const mounts = yield* readMountinfo(c.sys);
  const real = yield* optional(canonicalize(c.sys, operand, "existing"));
  if (real === undefined) return yield* c.fail(`${operand}: not found`);
  const top = mounts.findLast((m) => m.target === real);
  if (top === undefined) return yield* c.fail(`${operand}: not mounted`);
  for (const mount of treeOf(mounts, top)) {
    const status = yield* unmount(c, mount.target, undefined, how);
    if (status !== 0) return status;
  }
  return 0;
}

/** umount -A: every mount of the filesystem at `operand`. */
function* unmountAllTargets(c: Command, operand: string, how: How): Proc<number> {
  const mounts = yield* readMountinfo(c.sys);
  const real = (yield* optional(canonicalize(c.sys, operand, "existing"))) ?? operand;
  const device = mounts.findLast((m) => m.target === real || m.source === operand)?.device;
  if (device === undefined) return yield* c.fail(`${operand}: not mounted`);
  let status = 0;
  for (const mount of mounts.filter((m) => m.device === device).reverse()) status += yield* unmount(c, mount.target, undefined, how);
  return status;
}

/** umount -a. */
function* unmountAll(c: Command, types: string | undefined, how: How): Proc<number> {
  let status = 0;
  for (const mount of (yield* readMountinfo(c.sys)).reverse()) {
    const kept = ["rootfs", "devfs", "devpts", "devtmpfs", "nfs", "proc", "selinux", "smb", "sysfs", "tmpfs"].includes(mount.type);
    if (types === undefined ? kept && mount.type !== "tmpfs" : !matchesTypes(mount.type, types)) continue;
    if (mount.target !== "/") status = Math.max(status, yield* unmount(c, mount.target, mount.source, how));
  }
  return status;
}

function* unmountOne(c: Command, operand: string, how: How): Proc<number> {
  const real = (yield* optional(canonicalize(c.sys, operand, "existing"))) ?? operand;
  const mounts = yield* readMountinfo(c.sys);
  const found = mounts.findLast((m) => m.target === real) ?? mounts.findLast((m) => m.source === operand);
  if (found === undefined && c.voice === "gnu" && (yield* c.sys.getuid()) !== 0) return yield* sayUnknown(c, operand);
  const dir = found === undefined || c.voice === "busybox" ? operand : found.target;
  return yield* unmount(c, found !== undefined && real !== found.target ? found.target : dir, found?.source, how);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "aAdfhilnqrRt:vV" : "rlfdant:v",
    long: [
      { name: "all", as: "a" },
      { name: "all-targets", as: "A" },
      { name: "detach-loop", as: "d" },
      { name: "fake" },
      { name: "force", as: "f" },
      { name: "internal-only", as: "i" },
      { name: "lazy", as: "l" },
      { name: "no-mtab", as: "n" },
      { name: "quiet", as: "q" },
      { name: "recursive", as: "R" },
      { name: "read-only", as: "r" },
      { name: "types", arg: "required", as: "t" },
      { name: "verbose", as: "v" },
      { name: "version", as: "V" },
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print(`umount from ${LIBMOUNT}\n`);
    return 0;
  }
  const how: How = {
    flags: (has("l") ? MNT_DETACH : 0) | (has("f") ? MNT_FORCE : 0),
    fake: has("fake"),
    readOnly: has("r"),
    verbose: has("v"),
    quiet: has("q"),
  };
  if (has("a")) return yield* unmountAll(c, options.findLast((o) => o.name === "t")?.arg, how);
  if (operands.length === 0) throw new UsageError(gnu ? "bad usage" : "");
  let status = 0;
  for (const operand of operands) {
    const act = has("R") ? unmountTree : has("A") ? unmountAllTargets : unmountOne;
    status += yield* act(c, operand, how);
  }
  return gnu ? status & 0xff : Math.min(status, 1);
}

export const umount: Executable = {
  name: "umount",
  paths: ["/usr/bin/umount"],
  needed: ["libmount.so.1", "libc.so.6", "libblkid.so.1", "libselinux.so.1", "libpcre2-8.so.0"],
  sizeBytes: 35128,
  mode: 0o4755,
  applet: "/bin/umount",
  main: command({ help: help(usage, "umount [-rlfa] [-t FSTYPE] FILESYSTEM|DIRECTORY\n\nUnmount filesystems") }, run),
};
