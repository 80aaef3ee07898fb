/** getcwd(2), chdir(2), chroot(2): Linux `fs/d_path.c`, `fs/open.c`. */

import { CAP_SYS_CHROOT } from "../../abi/capability.ts";
import { ENOTDIR, EPERM } from "../../abi/errno.ts";
import { X_OK } from "../../abi/fcntl.ts";
import { nsCapable } from "../ns/user.ts";
import type { Task } from "../task/task.ts";
import type { Path } from "../vfs/dentry.ts";
import { resolve } from "../vfs/namei.ts";
import { cwdPath } from "../vfs/path.ts";
import { checkPermission } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";

export const cwdCalls: Handlers<"getcwd" | "chdir" | "fchdir" | "chroot"> = {
  getcwd(_system, task) {
    return cwdPath(task);
  },

  chdir(system, task, path) {
    task.fs.cwd = directoryAt(task, path);
    system.mounts.sweep();
  },

  fchdir(system, task, fd) {
    const { path, inode } = task.files.require(fd);
    if (path === undefined || !inode.isDirectory) throw ENOTDIR;
    checkPermission(task, inode, X_OK);
    task.fs.cwd = path;
    system.mounts.sweep();
  },

  chroot(system, task, path) {
    const root = directoryAt(task, path);
    if (!nsCapable(task.cred, task.cred.userNs, CAP_SYS_CHROOT)) throw EPERM;
    task.fs.root = root;
    system.mounts.sweep();
  },
};

/** Errors: ENOTDIR; EACCES without search permission. */
function directoryAt(task: Task, name: string): Path {
  const path = resolve(task, undefined, name, true);
  if (!path.dentry.inode.isDirectory) throw ENOTDIR;
  checkPermission(task, path.dentry.inode, X_OK);
  return path;
}
