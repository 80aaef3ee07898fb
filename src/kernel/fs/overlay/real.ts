/**
 * Changes of a layer's own files, below the overlay: they go through the dentry cache of the layer's filesystem, so that whoever looks
 * at the layer itself sees them. Permissions were asked for on the overlay's inodes. Linux `fs/overlayfs/dir.c:ovl_create_real` and the like.
 */

import { EBUSY } from "../../../abi/errno.ts";
import { RENAME_EXCHANGE } from "../../../abi/fcntl.ts";
import { S_IFDIR, S_IFLNK, S_IFMT } from "../../../abi/stat.ts";
import { callerTask } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import { type Dentry, dropDentry, moveDentries } from "../../vfs/dentry.ts";
import { dropInode } from "../../vfs/file.ts";
import type { Inode } from "../../vfs/inode.ts";
import { detachMountsOn, isLocalMountpoint } from "../../vfs/mount-tree.ts";
import { addChild, lookup } from "../../vfs/namei.ts";
import { notifyCreate, notifyDelete, notifyLinkCount, notifyMove } from "../../vfs/notify.ts";

/** What is to be made. */
export interface Making {
  /** Type and permissions. */
  readonly mode: number;
  readonly rdev: number;
  /** Of a symbolic link. */
  readonly target?: string;
  /** A further name of this inode, in place of a new one. */
  readonly hardlink?: Inode;
}

export function makeReal(dir: Dentry, name: string, making: Making, caller: Caller): Dentry {
  const { mode, hardlink } = making;
  const type = mode & S_IFMT;
  let inode: Inode;
  if (hardlink !== undefined) {
    dir.inode.link(name, hardlink, caller);
    inode = hardlink;
    notifyLinkCount(inode);
  } else if (type === S_IFDIR) inode = dir.inode.mkdir(name, mode & ~S_IFMT, caller);
  else if (type === S_IFLNK) inode = dir.inode.symlink(name, making.target ?? "", caller);
  else inode = dir.inode.mknod(name, mode, making.rdev, caller);
  const dentry = addChild(dir, name, inode);
  notifyCreate(dir.inode, inode, name);
  return dentry;
}

/** Errors: ENOTEMPTY for a directory with anything in it; EBUSY where the caller sees something mounted on it. */
export function removeReal(victim: Dentry, caller: Caller): void {
  const dir = victim.parent;
  const { inode, name } = victim;
  if (isLocalMountpoint(victim, caller.mntNs)) throw EBUSY;
  if (inode.isDirectory) dir.inode.rmdir(name, caller);
  else dir.inode.unlink(name, caller);
  detachMountsOn(callerTask(caller).system.mounts, victim);
  dropDentry(victim);
  notifyLinkCount(inode);
  dropInode(inode);
  notifyDelete(dir.inode, inode, name);
}

/** rename(2) below the overlay. RENAME_WHITEOUT leaves a whiteout under the old name. */
export function renameReal(moved: Dentry, newDir: Dentry, newName: string, flags: number, caller: Caller): void {
  const oldDir = moved.parent;
  const oldName = moved.name;
  const replaced = lookup(caller, newDir, newName);
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  oldDir.inode.rename(oldName, newDir.inode, newName, flags, caller);
  moveDentries(moved, newDir, newName, replaced, exchange);
  notifyMove(caller.sched, oldDir.inode, oldName, newDir.inode, newName, moved.inode);
  if (replaced === undefined || exchange) return;
  notifyLinkCount(replaced.inode);
  dropInode(replaced.inode);
}

/** Removes a directory of a layer and all below it. */
export function removeTree(victim: Dentry, caller: Caller): void {
  if (victim.inode.isDirectory) {
    for (const { name } of victim.inode.readdir(caller)) {
      const child = lookup(caller, victim, name);
      if (child !== undefined) removeTree(child, caller);
    }
  }
  removeReal(victim, caller);
}
