/** inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2), and the reading of decoded events. */

import { EINVAL, ENOTDIR } from "../../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK, R_OK } from "../../abi/fcntl.ts";
import { IN_DONT_FOLLOW, IN_MASK_ADD, IN_MASK_CREATE, IN_ONLYDIR } from "../../abi/poll.ts";
import { InotifyFile } from "../fs/anon/inotify.ts";
import type { Task } from "../task/task.ts";
import { resolve } from "../vfs/namei.ts";
import { checkPermission } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";
import { installFile } from "./install.ts";

export const inotifyCalls: Handlers<"inotify_init1" | "inotify_add_watch" | "inotify_rm_watch" | "inotify_read"> = {
  inotify_init1(system, task, flags) {
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) throw EINVAL;
    return installFile(task, new InotifyFile(system, flags & O_NONBLOCK, task), (flags & O_CLOEXEC) !== 0);
  },

  inotify_add_watch(_system, task, fd, path, mask) {
    const file = task.files.require(fd);
    if ((mask & (IN_MASK_ADD | IN_MASK_CREATE)) === (IN_MASK_ADD | IN_MASK_CREATE)) throw EINVAL;
    if (!(file instanceof InotifyFile)) throw EINVAL;
    const { inode } = resolve(task, undefined, path, (mask & IN_DONT_FOLLOW) === 0).dentry;
    if ((mask & IN_ONLYDIR) !== 0 && !inode.isDirectory) throw ENOTDIR;
    checkPermission(task, inode, R_OK);
    return file.watch(inode, mask);
  },

  inotify_rm_watch(_system, task, fd, wd) {
    requireInotify(task, fd).unwatch(wd);
  },

  inotify_read(_system, task, fd) {
    return requireInotify(task, fd).take(task);
  },
};

/** Errors: EBADF, EINVAL. */
function requireInotify(task: Task, fd: number): InotifyFile {
  const file = task.files.require(fd);
  if (!(file instanceof InotifyFile)) throw EINVAL;
  return file;
}
