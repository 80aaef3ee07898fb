/** read(2), write(2), pread(2), lseek(2): Linux `fs/read_write.c`. */

import { EBADF, EINVAL, ESPIPE } from "../../abi/errno.ts";
import { O_PATH, SEEK_HOLE } from "../../abi/fcntl.ts";
import { isFifo } from "../../abi/stat.ts";
import type { Wait } from "../../abi/sys.ts";
import { Blocked } from "../blocked.ts";
import { COPY_NS_PER_BYTE } from "../params.ts";
import type { System } from "../task/system.ts";
import type { Handlers } from "./handler.ts";

export const readCalls: Handlers<"read" | "write" | "pread64" | "pwrite64" | "lseek"> = {
  read(system, task, fd, buf) {
    const file = task.files.require(fd);
    if (!file.readable) throw EBADF;
    const n = file.read(task, buf);
    if (n instanceof Blocked) return new Blocked(copied(system, n));
    system.sched.clockNs += n * COPY_NS_PER_BYTE;
    return n;
  },

  write(system, task, fd, buf) {
    const file = task.files.require(fd);
    if (!file.writable) throw EBADF;
    const n = file.write(task, buf);
    if (n instanceof Blocked) return new Blocked(copied(system, n));
    system.sched.clockNs += n * COPY_NS_PER_BYTE;
    return n;
  },

  pread64(system, task, fd, buf, offset) {
    if (offset < 0) throw EINVAL;
    const file = task.files.require(fd);
    if (!file.readable) throw isFifo(file.inode.mode) ? ESPIPE : EBADF;
    const n = file.readAt(task, buf, offset);
    system.sched.clockNs += n * COPY_NS_PER_BYTE;
    return n;
  },

  pwrite64(system, task, fd, buf, offset) {
    if (offset < 0) throw EINVAL;
    const file = task.files.require(fd);
    if (!file.writable) throw isFifo(file.inode.mode) ? ESPIPE : EBADF;
    const n = file.writeAt(task, buf, offset);
    system.sched.clockNs += n * COPY_NS_PER_BYTE;
    return n;
  },

  lseek(_system, task, fd, offset, whence) {
    const file = task.files.require(fd);
    if ((file.flags & O_PATH) !== 0) throw EBADF;
    if (!Number.isInteger(whence) || whence < 0 || whence > SEEK_HOLE) throw EINVAL;
    return file.seek(task, offset, whence);
  },
};

function* copied(system: System, sleeping: Blocked<number>): Generator<Wait, number, void> {
  const n = yield* sleeping.run;
  system.sched.clockNs += n * COPY_NS_PER_BYTE;
  return n;
}
