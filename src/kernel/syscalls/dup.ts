/** dup(2), dup2(2), dup3(2): Linux `fs/file.c`. */

import { EBADF, EINVAL } from "../../abi/errno.ts";
import { O_CLOEXEC } from "../../abi/fcntl.ts";
import { RLIMIT_NOFILE } from "../../abi/resource.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";
import { closeFile } from "./open.ts";

export const dupCalls: Handlers<"dup" | "dup2" | "dup3"> = {
  dup(_system, task, fd) {
    return task.files.install(task.files.require(fd), false, task.rlimit(RLIMIT_NOFILE));
  },

  dup2(_system, task, oldfd, newfd) {
    if (oldfd === newfd) {
      task.files.require(oldfd);
      return newfd;
    }
    return duplicate(task, oldfd, newfd, false);
  },

  dup3(_system, task, oldfd, newfd, flags) {
    if ((flags & ~O_CLOEXEC) !== 0 || oldfd === newfd) throw EINVAL;
    return duplicate(task, oldfd, newfd, (flags & O_CLOEXEC) !== 0);
  },
};

function duplicate(task: Task, oldfd: number, newfd: number, cloexec: boolean): number {
  if (newfd < 0 || newfd >= task.rlimit(RLIMIT_NOFILE)) throw EBADF;
  const replaced = task.files.replace(newfd, task.files.require(oldfd), cloexec);
  if (replaced !== undefined) closeFile(task, replaced);
  return newfd;
}
