/** mount(2), umount2(2): Linux `fs/namespace.c`. What happens to other mounts by propagation is in `vfs/mount-tree.ts`. */

import { CAP_SYS_ADMIN } from "../../abi/capability.ts";
import { EAGAIN, EBUSY, EINVAL, ELOOP, ENODEV, ENOENT, ENOTDIR, EPERM } from "../../abi/errno.ts";
import {
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MS_BIND,
  MS_DIRSYNC,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
  UMOUNT_NOFOLLOW,
} from "../../abi/mount.ts";
import { nsCapable } from "../ns/user.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Dentry, Path } from "../vfs/dentry.ts";
import type { SuperBlock } from "../vfs/inode.ts";
import { countMounts, Mount } from "../vfs/mount.ts";
import {
  ATIME_FLAGS,
  attachTree,
  cloneMount,
  copyTree,
  dropTree,
  isSubdir,
  isTreeBusy,
  mountNamespaceAt,
  umountTree,
} from "../vfs/mount-tree.ts";
import { crossMounts, resolve } from "../vfs/namei.ts";
import { dPath } from "../vfs/path.ts";
import { changePropagation, makeShared, type PropagationType } from "../vfs/propagation.ts";
import type { Handlers } from "./handler.ts";

/** MS_MGC_VAL: old programs put it into the upper half. */
const MAGIC = 0xc0ed0000;
const PROPAGATION = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
const PROPAGATION_TYPES: ReadonlyMap<number, PropagationType> = new Map([
  [MS_SHARED, "shared"],
  [MS_SLAVE, "slave"],
  [MS_PRIVATE, "private"],
  [MS_UNBINDABLE, "unbindable"],
]);
/** Flags of a mount, other than those of access times. */
/** MS_RMT_MASK without MS_RDONLY: flags of a filesystem that a remount may change; dirsync stays. */
const REMOUNT_SYNC_FLAGS = MS_SYNCHRONOUS | MS_MANDLOCK | MS_LAZYTIME;
const PLAIN_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW;

export const mountCalls: Handlers<"mount" | "umount2"> = {
  mount(system, task, source, target, fstype, asked, data) {
    const flags = (asked & 0xffff0000) >>> 0 === MAGIC ? asked & 0xffff : asked;
    const at = resolve(task, undefined, target, true);
    requireMountAdmin(task);
    if ((flags & (MS_REMOUNT | MS_BIND)) === (MS_REMOUNT | MS_BIND)) remountMount(task, at, flags);
    else if ((flags & MS_REMOUNT) !== 0) remount(task, at, flags, data);
    else if ((flags & MS_BIND) !== 0) bind(system, task, at, source, flags);
    else if ((flags & PROPAGATION) !== 0) setPropagation(system, task, at, flags);
    else if ((flags & MS_MOVE) !== 0) move(system, task, at, source);
    else mountNew(system, task, at, source, fstype, flags, data);
  },

  umount2(system, task, target, flags) {
    if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) !== 0) throw EINVAL;
    const at = crossMounts(resolve(task, undefined, target, (flags & UMOUNT_NOFOLLOW) === 0));
    requireMountAdmin(task);
    const { mnt } = at;
    if (at.dentry !== mnt.root || mnt.ns !== task.mntNs || mnt.locked) throw EINVAL;
    if ((flags & MNT_FORCE) !== 0 && !nsCapable(task.cred, system.initUserNs, CAP_SYS_ADMIN)) throw EPERM;
    const isRoot = mnt === task.fs.root.mnt;
    if ((flags & MNT_EXPIRE) !== 0) expire(system, mnt, isRoot || (flags & (MNT_FORCE | MNT_DETACH)) !== 0);
    if (isRoot && (flags & MNT_DETACH) === 0) {
      // The root is not unmounted but made read-only: what a shutdown wants.
      requireOwner(task, mnt.sb);
      setReadonly(mnt, true);
      return;
    }
    // The absolute root stays.
    if (mnt.parent === undefined) throw EINVAL;
    const sync = (flags & MNT_DETACH) === 0;
    if (sync && isTreeBusy(system.mounts, mnt)) throw EBUSY;
    const name = dPath(at, task.fs.root);
    umountTree(system.mounts, mnt, { propagate: true, sync });
    system.trace.emit({ name: "umount", target: name });
  },
};

/** Which mounts an unmount with MNT_EXPIRE has marked, and how often they had been walked to then. */
const expired = new WeakMap<Mount, number>();

/** MNT_EXPIRE: the first call marks, the next one unmounts, unless a path has led there in between. */
function expire(system: System, mnt: Mount, refused: boolean): void {
  if (refused) throw EINVAL;
  if (mnt.children.size > 0 || system.mounts.isBusy(mnt)) throw EBUSY;
  const marked = expired.get(mnt);
  expired.set(mnt, mnt.walks);
  // The walk of this call itself is one.
  if (marked === undefined || mnt.walks - marked > 1) throw EAGAIN;
}

/** may_mount(). Errors: EPERM. */
export function requireMountAdmin(task: Task): void {
  if (!nsCapable(task.cred, task.mntNs.userNs, CAP_SYS_ADMIN)) throw EPERM;
}

/** What changes a whole filesystem asks for rights over the user namespace that mounted it. Errors: EPERM. */
function requireOwner(task: Task, sb: SuperBlock): void {
  if (!nsCapable(task.cred, sb.userNs ?? task.system.initUserNs, CAP_SYS_ADMIN)) throw EPERM;
}

/** The flags of a mount; relatime is the default. */
function mountFlags(flags: number): number {
  const times = flags & (MS_NOATIME | MS_NODIRATIME);
  const plain = flags & PLAIN_FLAGS;
  if ((flags & MS_STRICTATIME) !== 0) return plain | (flags & MS_NODIRATIME);
  return plain | times | ((flags & MS_NOATIME) === 0 ? MS_RELATIME : 0);
}

/** lock_mount(): where a mount on `at` goes: on top of what is mounted there already. Errors: ENOENT where the directory was removed. */
export function lockMount(at: Path): Path {
  const top = crossMounts(at);
  if (top.dentry.deleted) throw ENOENT;
  return top;
}

/** Instances that were mounted before: whoever mounted them first owns them. */
const known = new WeakSet<SuperBlock>();

function mountNew(system: System, task: Task, at: Path, source: string, fstype: string, flags: number, data: string): void {
  if (fstype === "") throw EINVAL;
  const type = system.filesystems.get(fstype);
  if (type === undefined) throw ENODEV;
  const userNs = type.usernsMount?.(task) ?? system.initUserNs;
  if (!nsCapable(task.cred, userNs, CAP_SYS_ADMIN)) throw EPERM;
  const sb = type.mount(system, source, data, flags, task);
  if (!known.has(sb) && userNs !== system.initUserNs) sb.userNs = userNs;
  known.add(sb);
  try {
    const lockedFlags = type.usernsVisible === true ? visibleLocks(system, task, sb, flags) : 0;
    const top = lockMount(at);
    if (top.mnt.ns !== task.mntNs) throw EINVAL;
    const root = type.rootFor?.(sb, task) ?? sb.rootDentry;
    if (top.mnt.sb === sb && top.mnt.root === top.dentry) throw EBUSY;
    // The root of a filesystem is a directory.
    if (!top.dentry.inode.isDirectory) throw ENOTDIR;
    // An instance that is mounted elsewhere stays as it is there.
    if (countMounts(sb) === 0) {
      if ((flags & MS_RDONLY) !== 0) sb.readonly = true;
      sb.syncFlags = flags & (REMOUNT_SYNC_FLAGS | MS_DIRSYNC);
    }
    const mount = new Mount(system.mounts.nextId(), sb, root, source === "" ? "none" : source, mountFlags(flags));
    mount.lockedFlags = lockedFlags;
    attach(system, task, mount, top);
  } finally {
    if (countMounts(sb) === 0) sb.unmounted();
  }
  system.trace.emit({ name: "mount", source, target: dPath(at, task.fs.root), fstype });
}

/** Attaches a new tree, or gives it up where that is not allowed. */
function attach(system: System, task: Task, tree: Mount, top: Path): void {
  try {
    attachTree(system.mounts, tree, top, task.mntNs.userNs);
  } catch (e) {
    dropTree(system.mounts, tree);
    throw e;
  }
}

/**
 * mnt_already_visible(): in a user namespace proc and sysfs can be mounted where one that hides nothing is there already. Returns the flags
 * that stay locked as they are there. Errors: EPERM.
 */
function visibleLocks(system: System, task: Task, sb: SuperBlock, asked: number): number {
  if (task.mntNs.userNs === system.initUserNs) return 0;
  const flags = mountFlags(asked);
  for (const mnt of task.mntNs.mounts) {
    if (mnt.sb.fstype !== sb.fstype || mnt.root !== mnt.sb.rootDentry) continue;
    const locks = mnt.lockedFlags | (mnt.sb.readonly ? MS_RDONLY : 0);
    if ((locks & MS_RDONLY) !== 0 && (flags & MS_RDONLY) === 0) continue;
    if ((locks & ATIME_FLAGS) !== 0 && (flags & ATIME_FLAGS) !== (mnt.flags & ATIME_FLAGS)) continue;
    const hides = ([at, child]: readonly [Dentry, Mount]): boolean =>
      child.locked && (!at.inode.isDirectory || at.inode.readdir(task).length > 0);
    if ([...mnt.children].some(hides)) continue;
    return locks & (MS_RDONLY | ATIME_FLAGS);
  }
  throw EPERM;
}

/** do_loopback(). Errors: EINVAL for what is unbindable, hidden or outside of the caller's namespace; those of attachTree. */
function bind(system: System, task: Task, at: Path, source: string, flags: number): void {
  if (source === "") throw EINVAL;
  const from = resolve(task, undefined, source, true);
  const { mnt, dentry } = from;
  // A namespace that holds itself, or an older one that holds it, would never end.
  const held = mountNamespaceAt(dentry);
  if (held !== undefined && held.ino <= task.mntNs.ino) throw EINVAL;
  const top = lockMount(at);
  if (top.mnt.ns !== task.mntNs) throw EINVAL;
  // A namespace may be pinned wherever its link leads.
  if (mnt.unbindable || (mnt.ns !== task.mntNs && mnt.sb.fstype !== "nsfs")) throw EINVAL;
  const recursive = (flags & MS_REC) !== 0;
  if (!recursive && [...mnt.children].some(([mountpoint, child]) => child.locked && isSubdir(mountpoint, dentry))) throw EINVAL;
  const { mounts } = system;
  const copy = recursive ? copyTree(mounts, mnt, dentry, { mntNsFiles: true }) : cloneMount(mounts, mnt, dentry, {});
  if (top.dentry.inode.isDirectory !== dentry.inode.isDirectory) {
    dropTree(mounts, copy);
    throw ENOTDIR;
  }
  attach(system, task, copy, top);
  system.trace.emit({ name: "mount", source: dPath(from, task.fs.root), target: dPath(at, task.fs.root), fstype: "none" });
}

function requireMountRoot(task: Task, at: Path): void {
  if (at.dentry !== at.mnt.root || at.mnt.ns !== task.mntNs) throw EINVAL;
}

/** can_change_locked_flags(). Errors: EPERM. */
function checkLocked({ lockedFlags, flags }: Mount, wanted: number): void {
  if ((lockedFlags & PLAIN_FLAGS & ~wanted) !== 0) throw EPERM;
  if ((lockedFlags & ATIME_FLAGS) !== 0 && (flags & ATIME_FLAGS) !== (wanted & ATIME_FLAGS)) throw EPERM;
}

/** do_reconfigure_mnt(): the flags of this one mount. Errors: EBUSY while a file of it is open for writing. */
function remountMount(task: Task, at: Path, flags: number): void {
  requireMountRoot(task, at);
  const { mnt } = at;
  const wanted = remountedFlags(mnt, flags);
  checkLocked(mnt, wanted);
  if ((wanted & ~mnt.flags & MS_RDONLY) !== 0 && mnt.writers > 0) throw EBUSY;
  setFlags(mnt, wanted);
}

/** do_remount(): the options of the filesystem, and the flags of the mount. */
function remount(task: Task, at: Path, flags: number, data: string): void {
  requireMountRoot(task, at);
  const { mnt } = at;
  const wanted = remountedFlags(mnt, flags);
  checkLocked(mnt, wanted);
  requireOwner(task, mnt.sb);
  const readonly = (flags & MS_RDONLY) !== 0;
  if (readonly && !mnt.sb.readonly && mnt.sb.writers > 0) throw EBUSY;
  mnt.sb.remount(data);
  setReadonly(mnt, readonly);
  mnt.sb.syncFlags = (mnt.sb.syncFlags & ~REMOUNT_SYNC_FLAGS) | (flags & REMOUNT_SYNC_FLAGS);
  setFlags(mnt, wanted);
}

function setFlags(mnt: Mount, flags: number): void {
  mnt.flags = flags;
  mnt.ns?.changed();
}

/** Errors: EBUSY while a file is open for writing. */
function setReadonly({ sb }: Mount, readonly: boolean): void {
  if (readonly && !sb.readonly && sb.writers > 0) throw EBUSY;
  sb.readonly = readonly;
}

/** Without a word about access times, these stay as they are. */
function remountedFlags(mnt: Mount, flags: number): number {
  if ((flags & (ATIME_FLAGS | MS_STRICTATIME)) !== 0) return mountFlags(flags);
  return (flags & PLAIN_FLAGS) | (mnt.flags & ATIME_FLAGS);
}

/** do_change_type(). */
function setPropagation(system: System, task: Task, at: Path, flags: number): void {
  const type = PROPAGATION_TYPES.get(flags & ~(MS_REC | MS_SILENT));
  if (at.dentry !== at.mnt.root || type === undefined) throw EINVAL;
  if (at.mnt.ns === undefined) throw EINVAL;
  if (!nsCapable(task.cred, at.mnt.ns.userNs, CAP_SYS_ADMIN)) throw EPERM;
  const mounts = (flags & MS_REC) !== 0 ? [...at.mnt.tree()] : [at.mnt];
  const { groupIds } = system.mounts;
  if (type === "shared") for (const mnt of mounts) makeShared(groupIds, mnt);
  else for (const mnt of mounts) changePropagation(groupIds, mnt, type);
  at.mnt.ns.changed();
}

/** do_move_mount(). Errors: EINVAL below a shared mount and for what is locked; ELOOP into itself. */
function move(system: System, task: Task, at: Path, source: string): void {
  if (source === "") throw EINVAL;
  const from = resolve(task, undefined, source, true);
  const { mnt } = from;
  if (from.dentry !== mnt.root || from.dentry.inode.isDirectory !== at.dentry.inode.isDirectory) throw EINVAL;
  const top = lockMount(at);
  requireMountRoot(task, from);
  if (top.mnt.ns !== task.mntNs || mnt.parent === undefined || mnt.locked || mnt.parent.group !== undefined) throw EINVAL;
  // What may not be copied cannot go where copies would be made.
  if (top.mnt.group !== undefined && [...mnt.tree()].some((m) => m.unbindable)) throw EINVAL;
  if ([...mnt.tree()].some((m) => (mountNamespaceAt(m.root)?.ino ?? Infinity) <= task.mntNs.ino)) throw ELOOP;
  for (let m: Mount | undefined = top.mnt; m !== undefined; m = m.parent) if (m === mnt) throw ELOOP;
  attachTree(system.mounts, mnt, top, task.mntNs.userNs);
  task.mntNs.changed();
  system.trace.emit({ name: "mount", source, target: dPath(at, task.fs.root), fstype: "none" });
}
