/** getxattr(2), setxattr(2), listxattr(2), removexattr(2): xattr(7), Linux `fs/xattr.c`. */

import { CAP_SETFCAP, CAP_SYS_ADMIN } from "../../abi/capability.ts";
import { E2BIG, EEXIST, EINVAL, ENODATA, EOPNOTSUPP, EPERM, ERANGE } from "../../abi/errno.ts";
import { R_OK, W_OK, XATTR_CREATE, XATTR_REPLACE } from "../../abi/fcntl.ts";
import { IN_ATTRIB } from "../../abi/poll.ts";
import { isDir, isReg, S_ISVTX } from "../../abi/stat.ts";
import { byteLength } from "../../abi/utf8.ts";
import { nsCapable } from "../ns/user.ts";
import { CAPS_XATTR, showFileCaps, storeFileCaps } from "../task/capability.ts";
import type { Task } from "../task/task.ts";
import type { Path } from "../vfs/dentry.ts";
import type { Inode } from "../vfs/inode.ts";
import { resolve } from "../vfs/namei.ts";
import { notifyDentry } from "../vfs/notify.ts";
import { capableToward, checkPermission, isOwnerOrCapable, wantWrite } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";

const XATTR_NAME_MAX = 255;
const XATTR_SIZE_MAX = 65_536;
const PREFIXES = ["user.", "trusted.", "security."];

export const xattrCalls: Handlers<"getxattr" | "setxattr" | "listxattr" | "removexattr"> = {
  getxattr(_system, task, path, name, follow = true) {
    checkName(name);
    const { dentry } = resolve(task, undefined, path, follow);
    checkXattr(task, dentry.inode, name, R_OK);
    const value = dentry.inode.getxattr(name);
    return name === CAPS_XATTR ? showFileCaps(dentry.inode, task.cred, value) : value.slice();
  },

  setxattr(_system, task, path, name, value, flags, follow = true) {
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) throw EINVAL;
    checkName(name);
    if (value.length > XATTR_SIZE_MAX) throw E2BIG;
    change(task, path, name, follow, (inode) => {
      const exists = inode.findxattr(name) !== undefined;
      if ((flags & XATTR_CREATE) !== 0 && exists) throw EEXIST;
      if ((flags & XATTR_REPLACE) !== 0 && !exists) throw ENODATA;
      inode.setxattr(name, name === CAPS_XATTR ? storeFileCaps(inode, task.cred, value) : value.slice());
    });
  },

  listxattr(_system, task, path, follow = true) {
    const { inode } = resolve(task, undefined, path, follow).dentry;
    const trusted = nsCapable(task.cred, task.system.initUserNs, CAP_SYS_ADMIN);
    return inode
      .listxattr()
      .filter((name) => trusted || !name.startsWith("trusted."))
      .sort();
  },

  removexattr(_system, task, path, name, follow = true) {
    checkName(name);
    change(task, path, name, follow, (inode) => {
      inode.getxattr(name);
      inode.removexattr(name);
    });
  },
};

function checkName(name: string): void {
  const length = byteLength(name);
  if (length === 0 || length > XATTR_NAME_MAX) throw ERANGE;
}

function change(task: Task, path: string, name: string, follow: boolean, apply: (inode: Inode) => void): void {
  const { mnt, dentry }: Path = resolve(task, undefined, path, follow);
  wantWrite(mnt);
  checkXattr(task, dentry.inode, name, W_OK);
  apply(dentry.inode);
  dentry.inode.setattr({ ctime: task.now() });
  notifyDentry(dentry, IN_ATTRIB);
}

/** xattr_permission(). Errors: EPERM, EACCES; ENODATA for reading what may not even be known; EOPNOTSUPP for an unknown class. */
function checkXattr(task: Task, inode: Inode, name: string, mask: number): void {
  const writing = (mask & W_OK) !== 0;
  if (name.startsWith("trusted.")) {
    if (!nsCapable(task.cred, task.system.initUserNs, CAP_SYS_ADMIN)) throw writing ? EPERM : ENODATA;
  } else if (name.startsWith("user.")) {
    if (!isReg(inode.mode) && !isDir(inode.mode)) throw writing ? EPERM : ENODATA;
    if (isDir(inode.mode) && (inode.mode & S_ISVTX) !== 0 && writing && !isOwnerOrCapable(task, inode)) throw EPERM;
    checkPermission(task, inode, mask);
  } else if (!name.startsWith("security.") && !name.startsWith("system.")) {
    checkPermission(task, inode, mask);
  } else if (name.startsWith("security.")) {
    const may =
      name === CAPS_XATTR
        ? capableToward(task.cred, inode, CAP_SETFCAP)
        : nsCapable(task.cred, inode.sb.userNs ?? task.system.initUserNs, CAP_SYS_ADMIN);
    if (writing && !may) throw EPERM;
  }
  if (!PREFIXES.some((prefix) => name.startsWith(prefix))) throw EOPNOTSUPP;
  if (PREFIXES.includes(name)) throw EINVAL;
}
