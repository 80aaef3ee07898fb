/**
 * switch_root(8) of util-linux, and busybox's: leaves the initial root filesystem for another one, moving the kernel's filesystems along.
 *
 * Differs from Linux: the files of the old root are not removed, which real ones do where it is the initramfs.
 */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { MNT_DETACH, MS_MOVE } from "../../abi/mount.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { isMountPoint } from "../libc/mntent.ts";
import { execvp, optional, stat } from "../libc/unistd.ts";

const usage = `
 switch_root [options] <newrootdir> <init> <args to init>

Makes newrootdir, which must be a mount point, the root filesystem, and becomes init.
/dev, /proc, /sys and /run go along.

Options:
 -h, --help     display this help
 -V, --version  display version`;

const busyboxUsage = `switch_root [-c CONSOLE_DEV] NEW_ROOT NEW_INIT [ARGS]

Free initramfs and switch to another root fs:
chroot to NEW_ROOT, delete all in /, move NEW_ROOT to /,
execute NEW_INIT. PID must be 1. NEW_ROOT must be a mountpoint.

	-c DEV	Reopen stdio to DEV after switch`;

/** What is moved into the new root, or given up where that has one of its own. */
const MOVED = ["/dev", "/proc", "/sys", "/run"];

/** Says which step failed and why, then that it is over. */
function* give(c: Command, message: string, e: Errno): Proc<number> {
  yield* c.perror(message, e);
  yield* c.warn("failed. Sorry.");
  return 1;
}

function* switchRoot(c: Command, newRoot: string): Proc<number> {
  const { sys } = c;
  let step = `stat of ${newRoot} failed`;
  try {
    const { dev } = yield* stat(sys, newRoot);
    for (const dir of MOVED) {
      if (!(yield* optional(isMountPoint(sys, dir)))) continue;
      const there = yield* optional(stat(sys, newRoot + dir));
      if (there?.dev !== dev) yield* sys.umount2(dir, MNT_DETACH);
      else yield* sys.mount(dir, newRoot + dir, "", MS_MOVE, "");
    }
    step = `failed to change directory to ${newRoot}`;
    yield* sys.chdir(newRoot);
    step = `failed to mount moving ${newRoot} to /`;
    yield* sys.mount(newRoot, "/", "", MS_MOVE, "");
    step = "failed to change root";
    yield* sys.chroot(".");
    yield* sys.chdir("/");
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* give(c, step, e);
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({ short: gnu ? "+hV" : "+c:", long: gnu ? [{ name: "version", as: "V" }] : [] });
  if (options.some((o) => o.name === "h")) return yield* c.help();
  if (options.some((o) => o.name === "V")) {
    yield* c.print("switch_root from util-linux 2.38.1\n");
    return 0;
  }
  const [newRoot, init] = operands;
  if (newRoot === undefined || init === undefined) throw new UsageError(gnu ? "not enough arguments" : "");
  if (!gnu && (yield* c.sys.getpid()) !== 1) throw new UsageError("");
  const status = yield* switchRoot(c, newRoot);
  if (status !== 0) return status;
  try {
    return yield* execvp(c.sys, init, operands.slice(1), c.env);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.perror(`failed to execute ${init}`, e);
    return e === ENOENT ? 127 : 126;
  }
}

export const switchRootProgram: Executable = {
  name: "switch_root",
  paths: ["/usr/sbin/switch_root"],
  sizeBytes: 18744,
  applet: "/sbin/switch_root",
  main: command({ help: help(usage, busyboxUsage) }, run),
};
