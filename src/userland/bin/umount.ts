/** umount(8) of util-linux, and busybox's: takes mounts away by umount2(2). */

import { EBUSY, EINVAL, ENOENT, EPERM, Errno } from "../../abi/errno.ts";
import { MNT_DETACH, MNT_FORCE, MS_RDONLY, MS_REMOUNT } from "../../abi/mount.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { readMounts } from "../libc/mntent.ts";
import { canonicalize } from "../libc/realpath.ts";
import { optional } from "../libc/unistd.ts";

const usage = `
 umount [-hV]
 umount -a [options]
 umount [options] <source> | <directory>

Unmount filesystems.

Options:
 -a, --all               unmount all filesystems
     --fake              dry run; skip the umount(2) syscall
 -f, --force             force unmount
 -l, --lazy              detach the filesystem now, clean up things later
 -n, --no-mtab           don't write to /etc/mtab
 -q, --quiet             suppress 'not mounted' error messages
 -R, --recursive         recursively unmount a target with all its children
 -r, --read-only         in case unmounting fails, try to remount read-only
 -t, --types <list>      limit the set of filesystem types
 -v, --verbose           say what is being done

 -h, --help              display this help`;

interface How {
  readonly flags: number;
  readonly fake: boolean;
  readonly readOnly: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

function* unmount(c: Command, dir: string, how: How): Proc<number> {
  const gnu = c.voice === "gnu";
  try {
    // The file is set-user-ID root: only root may use it so.
    if ((yield* c.sys.getuid()) !== 0) throw EPERM;
    if (!how.fake) yield* c.sys.umount2(dir, how.flags);
    if (how.verbose && gnu) yield* c.warn(`${dir} unmounted`);
    else if (how.verbose) yield* c.print(`${dir} unmounted\n`);
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (how.readOnly && e === EBUSY) {
      yield* c.sys.mount("none", dir, "none", MS_REMOUNT | MS_RDONLY, "");
      return 0;
    }
    if (!gnu) {
      yield* c.warn(`can't unmount ${dir}: ${e.message}`);
      return 1;
    }
    if (e === EINVAL && how.quiet) return 0;
    const words =
      e === EINVAL
        ? "not mounted."
        : e === EBUSY
          ? "target is busy."
          : e === EPERM
            ? "must be superuser to unmount."
            : e === ENOENT
              ? "no mount point specified."
              : `umount(2) system call failed: ${e.message}.`;
    yield* c.warn(`${dir}: ${words}`);
    return 32;
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "afhlnqrRt:v" : "rlfant:v",
    long: [
      { name: "all", as: "a" },
      { name: "fake" },
      { name: "force", as: "f" },
      { name: "lazy", as: "l" },
      { name: "no-mtab", as: "n" },
      { name: "quiet", as: "q" },
      { name: "recursive", as: "R" },
      { name: "read-only", as: "r" },
      { name: "types", arg: "required", as: "t" },
      { name: "verbose", as: "v" },
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  const how: How = {
    flags: (has("l") ? MNT_DETACH : 0) | (has("f") ? MNT_FORCE : 0),
    fake: has("fake"),
    readOnly: has("r"),
    verbose: has("v"),
    quiet: has("q"),
  };
  const types = options.findLast((o) => o.name === "t")?.arg.split(",");
  let status = 0;
  if (has("a")) {
    const all = (yield* readMounts(c.sys)).filter((m) =>
      types === undefined ? !["proc", "sysfs", "devtmpfs", "devpts"].includes(m.type) : types.includes(m.type),
    );
    for (const mount of all.reverse()) if (mount.dir !== "/") status = Math.max(status, yield* unmount(c, mount.dir, how));
    return status;
  }
  if (operands.length === 0) throw new UsageError(gnu ? "bad usage" : "");
  for (const operand of operands) {
    const mounts = yield* readMounts(c.sys);
    const real = (yield* optional(canonicalize(c.sys, operand, "existing"))) ?? operand;
    const found = mounts.findLast((m) => m.dir === real) ?? mounts.findLast((m) => m.source === operand);
    const dir = found?.dir ?? real;
    if (has("R")) {
      const below = mounts.filter((m) => m.dir === dir || m.dir.startsWith(`${dir}/`)).reverse();
      for (const mount of below) status = Math.max(status, yield* unmount(c, mount.dir, how));
      if (below.length > 0) continue;
    }
    const exists = found !== undefined || (yield* optional(canonicalize(c.sys, operand, "existing"))) !== undefined;
    if (!exists && gnu) {
      yield* c.warn(`${operand}: no mount point specified.`);
      status = Math.max(status, 32);
    } else status = Math.max(status, yield* unmount(c, dir, how));
  }
  return status;
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
