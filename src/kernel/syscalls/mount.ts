/**
 * mount(2), umount2(2): Linux `fs/namespace.c`. Propagation between mounts is left out as yet: every mount is private, and asking
 * for a shared or slave one fails with EINVAL.
 */

import { CAP_SYS_ADMIN } from "../../abi/capability.ts";
import { EAGAIN, EBUSY, EINVAL, ELOOP, ENODEV, ENOTDIR, EPERM } from "../../abi/errno.ts";
import {
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MS_BIND,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
  UMOUNT_NOFOLLOW,
} from "../../abi/mount.ts";
import { nsCapable } from "../ns/user.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Dentry, Path } from "../vfs/dentry.ts";
import type { SuperBlock } from "../vfs/inode.ts";
import { Mount } from "../vfs/mount.ts";
import { crossMounts, resolve } from "../vfs/namei.ts";
import { dPath } from "../vfs/path.ts";
import type { Handlers } from "./handler.ts";

/** MS_MGC_VAL: old programs put it into the upper half. */
const MAGIC = 0xc0ed0000;
/** Flags that belong to a mount rather than to the filesystem. */
const MOUNT_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME;
const PROPAGATION = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;

export const mountCalls: Handlers<"mount" | "umount2"> = {
  mount(system, task, source, target, fstype, asked, data) {
    const flags = (asked & 0xffff0000) >>> 0 === MAGIC ? asked & 0xffff : asked;
    const at = resolve(task, undefined, target, true);
    requireAdmin(task);
    if ((flags & (MS_REMOUNT | MS_BIND)) === (MS_REMOUNT | MS_BIND)) remountMount(task, at, flags);
    else if ((flags & MS_REMOUNT) !== 0) remount(task, at, flags, data);
    else if ((flags & MS_BIND) !== 0) bind(system, task, at, source, flags);
    else if ((flags & PROPAGATION) !== 0) changePropagation(at, flags);
    else if ((flags & MS_MOVE) !== 0) move(task, at, source);
    else mountNew(system, task, at, source, fstype, flags, data);
  },

  umount2(system, task, target, flags) {
    if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) !== 0) throw EINVAL;
    const at = crossMounts(resolve(task, undefined, target, (flags & UMOUNT_NOFOLLOW) === 0));
    requireAdmin(task);
    const { mnt } = at;
    if (at.dentry !== mnt.root || mnt.ns !== task.mntNs) throw EINVAL;
    const isRoot = mnt === task.fs.root.mnt;
    if ((flags & MNT_EXPIRE) !== 0) expire(system, mnt, isRoot || (flags & (MNT_FORCE | MNT_DETACH)) !== 0);
    if (isRoot && (flags & MNT_DETACH) === 0) {
      // The root is not unmounted but made read-only: what a shutdown wants.
      setReadonly(system, mnt, true);
      return;
    }
    if ((flags & MNT_DETACH) === 0 && (mnt.children.size > 0 || isBusy(system, mnt))) throw EBUSY;
    const name = dPath(at, task.fs.root);
    task.mntNs.detach(mnt, (m) => isBusy(system, m));
    system.trace.emit({ name: "umount", target: name });
  },
};

/** Mounts that an unmount with MNT_EXPIRE has marked. */
const expired = new WeakSet<Mount>();

/** MNT_EXPIRE: the first call marks, the second one unmounts. Differs from Linux: use in between does not take the mark away. */
function expire(system: System, mnt: Mount, refused: boolean): void {
  if (refused) throw EINVAL;
  if (mnt.children.size > 0 || isBusy(system, mnt)) throw EBUSY;
  if (expired.has(mnt)) return;
  expired.add(mnt);
  throw EAGAIN;
}

function requireAdmin(task: Task): void {
  if (!nsCapable(task.cred, task.mntNs.userNs, CAP_SYS_ADMIN)) throw EPERM;
}

/** The flags of a mount; relatime is the default. */
function mountFlags(flags: number): number {
  const atime = (flags & (MS_NOATIME | MS_STRICTATIME)) === 0 ? MS_RELATIME : 0;
  return (flags & MOUNT_FLAGS & ~MS_RELATIME) | atime;
}

/** Whether some process stands in it or holds a file of it open. */
function isBusy(system: System, mnt: Mount): boolean {
  if (mnt.opens > 0) return true;
  for (const task of system.tasks) {
    if (task.state === "dead") continue;
    if (task.fs.cwd.mnt === mnt || task.fs.root.mnt === mnt || task.image.exe?.mnt === mnt) return true;
  }
  return false;
}

function mountNew(system: System, task: Task, at: Path, source: string, fstype: string, flags: number, data: string): void {
  if (fstype === "") throw EINVAL;
  const type = system.filesystems.get(fstype);
  if (type === undefined) throw ENODEV;
  if (at.mnt.ns !== task.mntNs) throw EINVAL;
  // The root of a filesystem is a directory.
  if (!at.dentry.inode.isDirectory) throw ENOTDIR;
  if (!nsCapable(task.cred, type.usernsMount === true ? task.cred.userNs : system.initUserNs, CAP_SYS_ADMIN)) throw EPERM;
  const sb = type.mount(system, source, data, flags, task);
  if (task.cred.userNs !== system.initUserNs && sb.mounted === 0) sb.userNs = task.cred.userNs;
  const top = crossMounts(at);
  if (top.mnt.sb === sb && top.mnt.root === top.dentry) throw EBUSY;
  const readonly = (flags & MS_RDONLY) !== 0;
  if (readonly) sb.readonly = true;
  // On top of what is mounted there already.
  task.mntNs.attach(new Mount(system.nextMountId(), sb, sb.rootDentry, source === "" ? "none" : source, mountFlags(flags)), top);
  system.trace.emit({ name: "mount", source, target: dPath(at, task.fs.root), fstype });
}

/** The tests of graft_tree(). Errors: ENOTDIR where a directory meets something else; EINVAL outside of the caller's namespace. */
function checkGraft(task: Task, root: Dentry, at: Path): void {
  if (at.mnt.ns !== task.mntNs) throw EINVAL;
  if (at.dentry.inode.isDirectory !== root.inode.isDirectory) throw ENOTDIR;
}

function bind(system: System, task: Task, at: Path, source: string, flags: number): void {
  if (source === "") throw EINVAL;
  const from = resolve(task, undefined, source, true);
  // A namespace may be pinned wherever its link leads.
  if ((from.mnt.ns !== task.mntNs && from.mnt.sb.fstype !== "nsfs") || from.mnt.propagation === "unbindable") throw EINVAL;
  checkGraft(task, from.dentry, at);
  const copy = clone(system, from.mnt, from);
  if ((flags & MS_REC) !== 0) cloneChildren(system, from, copy);
  task.mntNs.attach(copy, crossMounts(at));
  system.trace.emit({ name: "mount", source: dPath(from, task.fs.root), target: dPath(at, task.fs.root), fstype: "none" });
}

function clone(system: System, mnt: Mount, from: Path): Mount {
  return new Mount(system.nextMountId(), mnt.sb, from.dentry, mnt.source, mnt.flags);
}

/** copy_tree(): what is mounted below `from`. */
function cloneChildren(system: System, from: Path, copy: Mount): void {
  for (const [mountpoint, child] of from.mnt.children) {
    if (child.propagation === "unbindable" || !isBelow(mountpoint, from)) continue;
    const childCopy = clone(system, child, child.rootPath);
    childCopy.hangOn({ mnt: copy, dentry: mountpoint });
    cloneChildren(system, child.rootPath, childCopy);
  }
}

function isBelow(dentry: Dentry, from: Path): boolean {
  for (let d = dentry; ; d = d.parent) {
    if (d === from.dentry) return true;
    if (d.isRoot) return false;
  }
}

function requireMountRoot(task: Task, at: Path): void {
  if (at.dentry !== at.mnt.root || at.mnt.ns !== task.mntNs) throw EINVAL;
}

/** do_reconfigure_mnt(): the flags of this one mount. */
function remountMount(task: Task, at: Path, flags: number): void {
  requireMountRoot(task, at);
  at.mnt.flags = remountedFlags(at.mnt, flags);
}

/** do_remount(): the options of the filesystem, and the flags of the mount. */
function remount(task: Task, at: Path, flags: number, data: string): void {
  requireMountRoot(task, at);
  const { mnt } = at;
  const readonly = (flags & MS_RDONLY) !== 0;
  if (readonly && !mnt.sb.readonly && hasWriters(task.system, mnt.sb)) throw EBUSY;
  mnt.sb.remount(data);
  setReadonly(task.system, mnt, readonly);
  mnt.flags = remountedFlags(mnt, flags);
}

/** Errors: EBUSY while a file is open for writing. */
function setReadonly(system: System, { sb }: Mount, readonly: boolean): void {
  if (readonly && !sb.readonly && hasWriters(system, sb)) throw EBUSY;
  sb.readonly = readonly;
}

/** Without a word about access times, these stay as they are. */
function remountedFlags(mnt: Mount, flags: number): number {
  const times = MS_NOATIME | MS_NODIRATIME | MS_RELATIME;
  if ((flags & (times | MS_STRICTATIME)) !== 0) return mountFlags(flags);
  return (flags & MOUNT_FLAGS & ~times) | (mnt.flags & times);
}

function hasWriters(system: System, sb: SuperBlock): boolean {
  for (const task of system.tasks) for (const [, file] of task.files.entries()) if (file.path?.mnt.sb === sb && file.writable) return true;
  return false;
}

function changePropagation(at: Path, flags: number): void {
  if (at.dentry !== at.mnt.root || (flags & (MS_SHARED | MS_SLAVE)) !== 0) throw EINVAL;
  const mounts = (flags & MS_REC) !== 0 ? at.mnt.tree() : [at.mnt];
  for (const mnt of mounts) mnt.propagation = (flags & MS_UNBINDABLE) !== 0 ? "unbindable" : "private";
}

/** do_move_mount(). */
function move(task: Task, at: Path, source: string): void {
  if (source === "") throw EINVAL;
  const from = resolve(task, undefined, source, true);
  requireMountRoot(task, from);
  if (at.mnt.ns !== task.mntNs || from.mnt.parent === undefined) throw EINVAL;
  if (from.dentry.inode.isDirectory !== at.dentry.inode.isDirectory) throw EINVAL;
  for (let m: Mount | undefined = at.mnt; m !== undefined; m = m.parent) if (m === from.mnt) throw ELOOP;
  task.mntNs.move(from.mnt, crossMounts(at));
  task.system.trace.emit({ name: "mount", source, target: dPath(at, task.fs.root), fstype: "none" });
}
