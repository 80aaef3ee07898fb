/** mkdir(2), mknod(2), unlink(2), rmdir(2), getdents(2): Linux `fs/namei.c`, `fs/readdir.c`. */

import { CAP_MKNOD } from "../../abi/capability.ts";
import { EBADF, EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM } from "../../abi/errno.ts";
import { AT_REMOVEDIR, O_PATH } from "../../abi/fcntl.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK } from "../../abi/stat.ts";
import { nsCapable } from "../ns/user.ts";
import type { Task } from "../task/task.ts";
import { type Dentry, dropDentry, type Path } from "../vfs/dentry.ts";
import { dropInode } from "../vfs/file.ts";
import type { Inode } from "../vfs/inode.ts";
import { detachMountsOn, isLocalMountpoint } from "../vfs/mount-tree.ts";
import { addChild, lookup, resolveParent, startAt } from "../vfs/namei.ts";
import { notifyCreate, notifyDelete, notifyLinkCount } from "../vfs/notify.ts";
import { checkCreate, checkDelete, wantWrite } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";

/** What glibc's readdir(3) asks for at a time. */
const GETDENTS_BYTES = 32_768;

export const dirCalls: Handlers<"getdents64" | "mkdirat" | "mknodat" | "unlinkat"> = {
  getdents64(_system, task, fd, count = GETDENTS_BYTES) {
    const file = task.files.require(fd);
    if ((file.flags & O_PATH) !== 0) throw EBADF;
    return file.readdir(task, count);
  },

  mkdirat(_system, task, dirfd, path, mode) {
    createEntry(task, dirfd, path, true, (dir, name) => dir.mkdir(name, mode & 0o1777 & ~task.fs.umask, task));
  },

  mknodat(_system, task, dirfd, path, mode, dev) {
    const type = mode & S_IFMT;
    if (type === S_IFDIR) throw EPERM;
    if (type !== 0 && type !== S_IFREG && type !== S_IFCHR && type !== S_IFBLK && type !== S_IFIFO && type !== S_IFSOCK) throw EINVAL;
    const device = type === S_IFCHR || type === S_IFBLK;
    createEntry(task, dirfd, path, false, (dir, name) => {
      // 0:0 is a whiteout of overlayfs, which anybody may make.
      if (device && !(type === S_IFCHR && dev === 0) && !nsCapable(task.cred, task.system.initUserNs, CAP_MKNOD)) throw EPERM;
      return dir.mknod(name, (type === 0 ? S_IFREG : type) | (mode & 0o7777 & ~task.fs.umask), device ? dev : 0, task);
    });
  },

  unlinkat(_system, task, dirfd, path, flags) {
    if ((flags & ~AT_REMOVEDIR) !== 0) throw EINVAL;
    if ((flags & AT_REMOVEDIR) !== 0) rmdir(task, dirfd, path);
    else unlink(task, dirfd, path);
  },
};

/**
 * filename_create(): makes an entry by `make`; `check` comes before the permission of the directory. Errors: EEXIST, ENOENT for a name
 * with a slash unless it is for a directory, EROFS, EACCES. Returns the new dentry.
 */
export function createEntry(
  task: Task,
  dirfd: number,
  path: string,
  wantDir: boolean,
  make: (dir: Inode, name: string) => Inode,
  check?: (dir: Path) => void,
): Dentry {
  const last = resolveParent(task, startAt(task, dirfd, path), path);
  if (last.kind !== "norm") throw EEXIST;
  const dir = last.dir.dentry;
  if (lookup(task, dir, last.name) !== undefined) throw EEXIST;
  if (last.slash && !wantDir) throw ENOENT;
  wantWrite(last.dir.mnt);
  check?.(last.dir);
  if (dir.deleted) throw ENOENT;
  checkCreate(task, dir.inode);
  const inode = make(dir.inode, last.name);
  const dentry = addChild(dir, last.name, inode);
  notifyCreate(dir.inode, inode, last.name);
  return dentry;
}

function rmdir(task: Task, dirfd: number, path: string): void {
  const last = resolveParent(task, startAt(task, dirfd, path), path);
  if (last.kind === "dotdot") throw ENOTEMPTY;
  if (last.kind === "dot") throw EINVAL;
  if (last.kind === "root") throw EBUSY;
  wantWrite(last.dir.mnt);
  const dir = last.dir.dentry;
  const victim = lookup(task, dir, last.name);
  if (victim === undefined) throw ENOENT;
  checkDelete(task, dir.inode, victim.inode);
  if (!victim.inode.isDirectory) throw ENOTDIR;
  if (isLocalMountpoint(victim, task.mntNs)) throw EBUSY;
  dir.inode.rmdir(last.name, task);
  forget(dir, victim);
  detachMountsOn(task.system.mounts, victim);
}

function unlink(task: Task, dirfd: number, path: string): void {
  const last = resolveParent(task, startAt(task, dirfd, path), path);
  if (last.kind !== "norm") throw EISDIR;
  wantWrite(last.dir.mnt);
  const dir = last.dir.dentry;
  const victim = lookup(task, dir, last.name);
  if (victim === undefined) throw ENOENT;
  if (last.slash) throw victim.inode.isDirectory ? EISDIR : ENOTDIR;
  checkDelete(task, dir.inode, victim.inode);
  if (victim.inode.isDirectory) throw EISDIR;
  if (isLocalMountpoint(victim, task.mntNs)) throw EBUSY;
  dir.inode.unlink(last.name, task);
  forget(dir, victim);
  detachMountsOn(task.system.mounts, victim);
}

/** The name is gone: out of the dentry cache, and the inode too unless it is still open or has other names. */
function forget(dir: Dentry, victim: Dentry): void {
  dropDentry(victim);
  notifyLinkCount(victim.inode);
  dropInode(victim.inode);
  notifyDelete(dir.inode, victim.inode, victim.name);
}
