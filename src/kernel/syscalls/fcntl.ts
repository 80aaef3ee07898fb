/** fcntl(2): Linux `fs/fcntl.c`. Leases, seals, owners and open file description locks are left out: EINVAL. */

import { EBADF, EINVAL } from "../../abi/errno.ts";
import {
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_GETLK,
  F_GETPIPE_SZ,
  F_RDLCK,
  F_SETFD,
  F_SETFL,
  F_SETLK,
  F_SETLKW,
  F_SETPIPE_SZ,
  F_UNLCK,
  F_WRLCK,
  FD_CLOEXEC,
  type Flock,
  O_APPEND,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
  O_PATH,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from "../../abi/fcntl.ts";
import { RLIMIT_NOFILE } from "../../abi/resource.ts";
import type { Wait } from "../../abi/sys.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import { PIPES } from "../fs/pipefs/module.ts";
import { requestModule } from "../task/module.ts";
import type { Task } from "../task/task.ts";
import type { File } from "../vfs/file.ts";
import { locksOf, type RecordLock } from "../vfs/locks.ts";
import { requireOwner } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";

const SETTABLE = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;

export const fcntlCalls: Handlers<"fcntl"> = {
  fcntl(system, task, fd, cmd, arg = 0) {
    const file = task.files.require(fd);
    if (typeof arg !== "number") return recordLock(task, file, cmd, arg);
    switch (cmd) {
      case F_DUPFD:
      case F_DUPFD_CLOEXEC:
        if (arg < 0 || arg >= task.rlimit(RLIMIT_NOFILE)) throw EINVAL;
        return task.files.install(file, cmd === F_DUPFD_CLOEXEC, task.rlimit(RLIMIT_NOFILE), arg);
      case F_GETFD:
        return task.files.cloexec(fd) ? FD_CLOEXEC : 0;
      case F_SETFD:
        task.files.setCloexec(fd, (arg & FD_CLOEXEC) !== 0);
        return 0;
      case F_GETFL:
        return file.flags;
    }
    if ((file.flags & O_PATH) !== 0) throw EBADF;
    switch (cmd) {
      case F_SETFL:
        if ((arg & ~file.flags & O_NOATIME) !== 0) requireOwner(task, file.inode);
        file.flags = (file.flags & ~SETTABLE) | (arg & SETTABLE);
        return 0;
      case F_SETPIPE_SZ:
      case F_GETPIPE_SZ:
        return requestModule(system, PIPES).capacity(file, task, cmd === F_SETPIPE_SZ ? arg : undefined);
      default:
        throw EINVAL;
    }
  },
};

/** F_GETLK, F_SETLK, F_SETLKW. Blocks with F_SETLKW. */
function recordLock(task: Task, file: File, cmd: number, arg: Flock): MaySleep<number> {
  if (cmd !== F_GETLK && cmd !== F_SETLK && cmd !== F_SETLKW) throw EINVAL;
  if ((file.flags & O_PATH) !== 0) throw EBADF;
  const wanted = toRecord(task, file, arg);
  const locks = locksOf(file.inode);
  if (cmd === F_GETLK) {
    if (arg.type === F_UNLCK) throw EINVAL;
    const holder = locks.conflicting(wanted);
    if (holder === undefined) arg.type = F_UNLCK;
    else {
      arg.type = holder.exclusive ? F_WRLCK : F_RDLCK;
      arg.whence = SEEK_SET;
      arg.start = holder.start;
      arg.len = holder.end === Number.POSITIVE_INFINITY ? 0 : holder.end - holder.start;
      arg.pid = holder.pid;
    }
    return 0;
  }
  if (arg.type === F_UNLCK) {
    locks.setRecord(wanted.owner, wanted.start, wanted.end, undefined);
    return 0;
  }
  if (wanted.exclusive ? !file.writable : !file.readable) throw EBADF;
  const locked = locks.lockRecord(task, wanted, cmd === F_SETLKW);
  return locked instanceof Blocked ? new Blocked(zeroAfter(locked)) : 0;
}

function* zeroAfter(locked: Blocked<void>): Generator<Wait, number, void> {
  yield* locked.run;
  return 0;
}

function toRecord(task: Task, file: File, arg: Flock): RecordLock {
  if (arg.type !== F_RDLCK && arg.type !== F_WRLCK && arg.type !== F_UNLCK) throw EINVAL;
  if (arg.whence !== SEEK_SET && arg.whence !== SEEK_CUR && arg.whence !== SEEK_END) throw EINVAL;
  const base = arg.whence === SEEK_SET ? 0 : arg.whence === SEEK_CUR ? file.pos : file.inode.size;
  const at = base + arg.start;
  const [start, end] = arg.len === 0 ? [at, Number.POSITIVE_INFINITY] : arg.len > 0 ? [at, at + arg.len] : [at + arg.len, at];
  if (start < 0) throw EINVAL;
  return { owner: task.files, pid: task.tg.pid.nr, exclusive: arg.type === F_WRLCK, start, end };
}
