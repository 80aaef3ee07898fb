/** copy_file_range(2): Linux `fs/read_write.c`. Content is shared by copy-on-write; the time is that of a copy. */

import { EBADF, EINVAL, EISDIR, EXDEV } from "../../abi/errno.ts";
import { O_APPEND } from "../../abi/fcntl.ts";
import { isDir, isReg } from "../../abi/stat.ts";
import { TmpfsFile } from "../fs/tmpfs/file.ts";
import { COPY_NS_PER_BYTE } from "../params.ts";
import type { Handlers } from "./handler.ts";

export const copyCalls: Handlers<"copy_file_range"> = {
  copy_file_range(system, task, fdIn, offIn, fdOut, offOut, length) {
    const source = task.files.require(fdIn);
    const target = task.files.require(fdOut);
    if (isDir(source.inode.mode) || isDir(target.inode.mode)) throw EISDIR;
    if (!isReg(source.inode.mode) || !isReg(target.inode.mode)) throw EINVAL;
    if (!source.readable || !target.writable || (target.flags & O_APPEND) !== 0) throw EBADF;
    const from = offIn ?? source.pos;
    const to = offOut ?? target.pos;
    if (from < 0 || to < 0 || length < 0) throw EINVAL;
    if (source.inode.sb !== target.inode.sb) throw EXDEV;
    const { backing } = source;
    const into = target.backing;
    if (!(backing instanceof TmpfsFile) || !(into instanceof TmpfsFile) || backing.inode.sb !== into.inode.sb) throw EXDEV;
    const count = Math.min(length, backing.inode.size - from);
    if (backing.inode === into.inode && from < to + count && to < from + count) throw EINVAL;
    const n = into.cloneFrom(task, backing, from, to, length);
    if (offIn === undefined) source.pos = from + n;
    if (offOut === undefined) target.pos = to + n;
    system.sched.clockNs += n * COPY_NS_PER_BYTE;
    return n;
  },
};
