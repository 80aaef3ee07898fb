/** link(2), symlink(2), rename(2): Linux `fs/namei.c`. */

import { CAP_DAC_READ_SEARCH, CAP_MKNOD } from "../../abi/capability.ts";
import { EACCES, EBUSY, EEXIST, EINVAL, EISDIR, EMLINK, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EXDEV } from "../../abi/errno.ts";
import { AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, R_OK, W_OK } from "../../abi/fcntl.ts";
import { isReg, S_ISGID, S_ISUID } from "../../abi/stat.ts";
import { byteLength } from "../../abi/utf8.ts";
import { sysctlNumber } from "../fs/sysctl.ts";
import { nsCapable } from "../ns/user.ts";
import { PATH_MAX } from "../params.ts";
import type { Task } from "../task/task.ts";
import { type Dentry, moveDentries } from "../vfs/dentry.ts";
import { dropInode } from "../vfs/file.ts";
import type { Inode } from "../vfs/inode.ts";
import { detachMountsOn, isLocalMountpoint } from "../vfs/mount-tree.ts";
import { type LastName, lookup, lookupAt, resolveParent, startAt } from "../vfs/namei.ts";
import { notifyLinkCount, notifyMove } from "../vfs/notify.ts";
import { checkCreate, checkDelete, checkPermission, isOwnerOrCapable, wantWrite } from "../vfs/permission.ts";
import { createEntry } from "./dir.ts";
import type { Handlers } from "./handler.ts";

const LINK_MAX = 0x7fffffff;

export const linkCalls: Handlers<"linkat" | "symlinkat" | "renameat2"> = {
  linkat(_system, task, olddirfd, oldpath, newdirfd, newpath, flags) {
    if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) throw EINVAL;
    const empty = (flags & AT_EMPTY_PATH) !== 0;
    if (empty && oldpath === "" && !nsCapable(task.cred, task.cred.userNs, CAP_DAC_READ_SEARCH)) throw ENOENT;
    const old = lookupAt(task, olddirfd, oldpath, { follow: (flags & AT_SYMLINK_FOLLOW) !== 0, empty });
    const { inode } = old.dentry;
    const make = (dir: Inode, name: string): Inode => {
      if (inode.isDirectory) throw EPERM;
      if (inode.nlink === 0 && !old.dentry.name.startsWith("#")) throw ENOENT;
      if (inode.nlink >= LINK_MAX) throw EMLINK;
      dir.link(name, inode, task);
      notifyLinkCount(inode);
      return inode;
    };
    createEntry(task, newdirfd, newpath, false, make, (at) => {
      if (at.mnt !== old.mnt) throw EXDEV;
      checkLinkable(task, inode);
    });
  },

  symlinkat(_system, task, target, newdirfd, linkpath) {
    if (target === "") throw ENOENT;
    if (byteLength(target) >= PATH_MAX) throw ENAMETOOLONG;
    createEntry(task, newdirfd, linkpath, false, (dir, name) => dir.symlink(name, target, task));
  },

  renameat2(_system, task, olddirfd, oldpath, newdirfd, newpath, flags) {
    const exchange = (flags & RENAME_EXCHANGE) !== 0;
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) throw EINVAL;
    if (exchange && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) !== 0) throw EINVAL;
    if ((flags & RENAME_WHITEOUT) !== 0 && !nsCapable(task.cred, task.system.initUserNs, CAP_MKNOD)) throw EPERM;
    const from = resolveParent(task, startAt(task, olddirfd, oldpath), oldpath);
    const to = resolveParent(task, startAt(task, newdirfd, newpath), newpath);
    rename(task, from, to, flags);
  },
};

/** may_linkat(): with fs.protected_hardlinks, a file of somebody else must be a harmless one that the caller may read and write. */
function checkLinkable(task: Task, inode: Inode): void {
  if (sysctlNumber(task.system, "fs/protected_hardlinks") === 0 || isOwnerOrCapable(task, inode)) return;
  const { mode } = inode;
  const setgid = S_ISGID | 0o010;
  if (!isReg(mode) || (mode & S_ISUID) !== 0 || (mode & setgid) === setgid) throw EPERM;
  try {
    checkPermission(task, inode, R_OK | W_OK);
  } catch (e) {
    throw e === EACCES ? EPERM : e;
  }
}

function rename(task: Task, from: LastName, to: LastName, flags: number): void {
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  if (from.dir.mnt !== to.dir.mnt) throw EXDEV;
  if (from.kind !== "norm") throw EBUSY;
  if (to.kind !== "norm") throw (flags & RENAME_NOREPLACE) !== 0 ? EEXIST : EBUSY;
  wantWrite(from.dir.mnt);
  const [oldDir, newDir] = [from.dir.dentry, to.dir.dentry];
  const moved = lookup(task, oldDir, from.name);
  if (moved === undefined) throw ENOENT;
  const replaced = lookup(task, newDir, to.name);
  if ((flags & RENAME_NOREPLACE) !== 0 && replaced !== undefined) throw EEXIST;
  if (exchange && replaced === undefined) throw ENOENT;
  if (exchange && replaced?.inode.isDirectory === false && to.slash) throw ENOTDIR;
  if (!moved.inode.isDirectory && (from.slash || (!exchange && to.slash))) throw ENOTDIR;
  if (isAncestor(moved, newDir)) throw EINVAL;
  if (replaced !== undefined && isAncestor(replaced, oldDir)) throw exchange ? EINVAL : ENOTEMPTY;
  // Two names of one file: nothing to do.
  if (replaced?.inode === moved.inode) return;
  checkRename(task, oldDir, moved, newDir, replaced, exchange);
  oldDir.inode.rename(from.name, newDir.inode, to.name, flags, task);
  moveDentries(moved, newDir, to.name, replaced, exchange);
  notifyMove(task.sched, oldDir.inode, from.name, newDir.inode, to.name, moved.inode);
  if (replaced === undefined) return;
  if (exchange) notifyMove(task.sched, newDir.inode, to.name, oldDir.inode, from.name, replaced.inode);
  else {
    notifyLinkCount(replaced.inode);
    dropInode(replaced.inode);
    detachMountsOn(task.system.mounts, replaced);
  }
}

/** The tests of vfs_rename(), in its order. */
function checkRename(task: Task, oldDir: Dentry, moved: Dentry, newDir: Dentry, replaced: Dentry | undefined, exchange: boolean): void {
  const isDir = moved.inode.isDirectory;
  checkDelete(task, oldDir.inode, moved.inode);
  if (replaced === undefined) {
    if (newDir.deleted) throw ENOENT;
    checkCreate(task, newDir.inode);
  } else {
    checkDelete(task, newDir.inode, replaced.inode);
    if (!exchange && isDir && !replaced.inode.isDirectory) throw ENOTDIR;
    if (!exchange && !isDir && replaced.inode.isDirectory) throw EISDIR;
  }
  // `..` of a directory changes with its parent: that is a write to it.
  if (newDir !== oldDir) {
    if (isDir) checkPermission(task, moved.inode, W_OK);
    if (exchange && replaced?.inode.isDirectory === true) checkPermission(task, replaced.inode, W_OK);
  }
  if (isLocalMountpoint(moved, task.mntNs) || (replaced !== undefined && isLocalMountpoint(replaced, task.mntNs))) throw EBUSY;
}

/** Whether `dentry` is `of` or above it. */
function isAncestor(dentry: Dentry, of: Dentry): boolean {
  for (let at = of; ; at = at.parent) {
    if (at === dentry) return true;
    if (at.isRoot) return false;
  }
}
