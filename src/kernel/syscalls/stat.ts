/** stat(2), access(2), readlink(2): Linux `fs/stat.c`, `fs/open.c:do_faccessat`. */

import { EACCES, EINVAL, ENOENT, EROFS } from "../../abi/errno.ts";
import { AT_EACCESS, AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, R_OK, W_OK, X_OK } from "../../abi/fcntl.ts";
import { MS_NOEXEC, MS_RDONLY } from "../../abi/mount.ts";
import { isLnk, isReg, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, type Stat } from "../../abi/stat.ts";
import { shownId } from "../ns/idmap.ts";
import type { Cred } from "../ns/user.ts";
import { SECBIT_NO_SETUID_FIXUP } from "../task/capability.ts";
import type { Task } from "../task/task.ts";
import { touchAtime } from "../vfs/atime.ts";
import type { Inode } from "../vfs/inode.ts";
import { type AtCaller, lookupAt, resolveInode, startAt } from "../vfs/namei.ts";
import { checkPermission } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";

export const statCalls: Handlers<"newfstatat" | "fstat" | "faccessat2" | "readlinkat"> = {
  newfstatat(_system, task, dirfd, path, flags) {
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) !== 0) throw EINVAL;
    return seenBy(task.cred, inodeAt(task, dirfd, path, flags).getattr());
  },

  fstat(_system, task, fd) {
    return seenBy(task.cred, task.files.require(fd).inode.getattr());
  },

  faccessat2(_system, task, dirfd, path, mode, flags) {
    if ((mode & ~(R_OK | W_OK | X_OK)) !== 0 || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) throw EINVAL;
    const caller = (flags & AT_EACCESS) !== 0 ? task : withRealIds(task);
    const { mnt, dentry } = lookupAt(caller, dirfd, path, {
      follow: (flags & AT_SYMLINK_NOFOLLOW) === 0,
      empty: (flags & AT_EMPTY_PATH) !== 0,
    });
    const inode = dentry.inode;
    if ((mode & X_OK) !== 0 && isReg(inode.mode) && (mnt.flags & MS_NOEXEC) !== 0) throw EACCES;
    if (mode === 0) return;
    checkPermission(caller, inode, mode);
    const type = inode.mode & S_IFMT;
    const stored = type === S_IFREG || type === S_IFDIR || type === S_IFLNK;
    if ((mode & W_OK) !== 0 && stored && (mnt.flags & MS_RDONLY) !== 0) throw EROFS;
  },

  readlinkat(_system, task, dirfd, path) {
    // An empty path reads the link that an O_PATH descriptor stands on.
    const link = lookupAt(task, dirfd, path, { follow: false, empty: dirfd !== AT_FDCWD });
    const inode = link.dentry.inode;
    if (!isLnk(inode.mode)) throw path === "" ? ENOENT : EINVAL;
    touchAtime(task, link.mnt, inode, 0);
    return inode.readlink(task);
  },
};

/** cp_new_stat(): owner and group as numbered in the caller's user namespace. */
function seenBy({ userNs }: Cred, stat: Stat): Stat {
  if (userNs.parent === undefined) return stat;
  return { ...stat, uid: shownId(userNs, "uidMap", stat.uid), gid: shownId(userNs, "gidMap", stat.gid) };
}

/** What a path, or with AT_EMPTY_PATH a descriptor, stands for; a descriptor may be of something without a path. */
export function inodeAt(task: Task, dirfd: number, path: string, flags: number): Inode {
  if (path.length === 0 && (flags & AT_EMPTY_PATH) !== 0) {
    return dirfd === AT_FDCWD ? task.fs.cwd.dentry.inode : task.files.require(dirfd).inode;
  }
  return resolveInode(task, startAt(task, dirfd, path), path, (flags & AT_SYMLINK_NOFOLLOW) === 0);
}

/** access(2) asks for the real user: the same caller with the ids and capabilities of the real one. */
function withRealIds(task: Task): AtCaller {
  const { cred } = task;
  const fixup = (cred.securebits & SECBIT_NO_SETUID_FIXUP) === 0;
  const effective = !fixup ? cred.effective : cred.uid === 0 ? cred.permitted : 0n;
  if (cred.fsuid === cred.uid && cred.fsgid === cred.gid && effective === cred.effective) return task;
  const real: Cred = { ...cred, fsuid: cred.uid, fsgid: cred.gid, effective };
  return Object.create(task, { cred: { value: real } }) as Task;
}
