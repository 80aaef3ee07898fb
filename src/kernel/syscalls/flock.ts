/** flock(2): Linux `fs/locks.c`. */

import { EBADF, EINVAL } from "../../abi/errno.ts";
import { LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, O_PATH } from "../../abi/fcntl.ts";
import { locksOf } from "../vfs/locks.ts";
import type { Handlers } from "./handler.ts";

export const flockCalls: Handlers<"flock"> = {
  flock(_system, task, fd, operation) {
    const kind = operation & ~LOCK_NB;
    if (kind !== LOCK_SH && kind !== LOCK_EX && kind !== LOCK_UN) throw EINVAL;
    const file = task.files.require(fd);
    if ((file.flags & O_PATH) !== 0) throw EBADF;
    if (kind === LOCK_UN) {
      file.inode.locks?.unlockFlock(file);
      return;
    }
    return locksOf(file.inode).flock(task, file, kind === LOCK_EX, (operation & LOCK_NB) !== 0);
  },
};
