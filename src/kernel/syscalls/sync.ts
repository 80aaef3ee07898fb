/** fsync(2), sync(2). All files live in memory: there is nothing to write back. */

import { EBADF, EINVAL } from "../../abi/errno.ts";
import { O_PATH } from "../../abi/fcntl.ts";
import { isDir, isReg } from "../../abi/stat.ts";
import type { Handlers } from "./handler.ts";

export const syncCalls: Handlers<"fsync" | "sync"> = {
  fsync(_system, task, fd) {
    const file = task.files.require(fd);
    if ((file.flags & O_PATH) !== 0) throw EBADF;
    if (!isReg(file.inode.mode) && !isDir(file.inode.mode)) throw EINVAL;
  },

  sync() {},
};
