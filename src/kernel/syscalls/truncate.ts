/** truncate(2), fallocate(2): Linux `fs/open.c`. */

import { EBADF, EFBIG, EINVAL, EISDIR, ENODEV, EOPNOTSUPP, ESPIPE } from "../../abi/errno.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, O_PATH, W_OK } from "../../abi/fcntl.ts";
import { IN_MODIFY } from "../../abi/poll.ts";
import { RLIMIT_FSIZE } from "../../abi/resource.ts";
import { SIGXFSZ } from "../../abi/signal.ts";
import { isDir, isFifo, isReg } from "../../abi/stat.ts";
import type { Task } from "../task/task.ts";
import type { Inode } from "../vfs/inode.ts";
import { resolve } from "../vfs/namei.ts";
import { notifyDentry } from "../vfs/notify.ts";
import { checkPermission, dropPrivileges, wantWrite } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";
import { refuseRunning } from "./open.ts";

/** Modes that some filesystem of Linux knows: keep size, punch hole, collapse, zero, insert, unshare. */
const FALLOC_MODES = 0x7b;

export const truncateCalls: Handlers<"truncate" | "ftruncate" | "fallocate"> = {
  truncate(system, task, path, length) {
    if (length < 0) throw EINVAL;
    const { mnt, dentry } = resolve(task, undefined, path, true);
    const { inode } = dentry;
    if (isDir(inode.mode)) throw EISDIR;
    if (!isReg(inode.mode)) throw EINVAL;
    wantWrite(mnt);
    checkPermission(task, inode, W_OK);
    refuseRunning(system, inode);
    checkSize(task, inode, length);
    dropPrivileges(task, inode);
    inode.truncate(length, task);
    notifyDentry(dentry, IN_MODIFY);
  },

  ftruncate(_system, task, fd, length) {
    if (length < 0) throw EINVAL;
    const file = task.files.require(fd);
    if ((file.flags & O_PATH) !== 0) throw EBADF;
    if (!isReg(file.inode.mode) || !file.writable) throw EINVAL;
    checkSize(task, file.inode, length);
    file.truncate(task, length);
  },

  fallocate(_system, task, fd, mode, offset, length) {
    const file = task.files.require(fd);
    if ((file.flags & O_PATH) !== 0) throw EBADF;
    if (offset < 0 || length <= 0) throw EINVAL;
    if ((mode & ~FALLOC_MODES) !== 0 || (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) === FALLOC_FL_PUNCH_HOLE) throw EOPNOTSUPP;
    if (!file.writable) throw EBADF;
    if (isFifo(file.inode.mode)) throw ESPIPE;
    if (isDir(file.inode.mode)) throw EISDIR;
    if (!isReg(file.inode.mode)) throw ENODEV;
    if (offset + length > Number.MAX_SAFE_INTEGER) throw EFBIG;
    checkSize(task, file.inode, offset + length);
    file.fallocate(task, mode, offset, length);
  },
};

/** inode_newsize_ok(): RLIMIT_FSIZE stands against growing, not against shrinking. */
function checkSize(task: Task, inode: Inode, length: number): void {
  if (length <= inode.size || length <= task.rlimit(RLIMIT_FSIZE)) return;
  task.raise(SIGXFSZ);
  throw EFBIG;
}
