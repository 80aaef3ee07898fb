/** epoll_create1(2), epoll_ctl(2), epoll_wait(2). */

import { EINTR, EINVAL } from "../../abi/errno.ts";
import { O_CLOEXEC } from "../../abi/fcntl.ts";
import { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, type EpollEvent } from "../../abi/poll.ts";
import type { Wait } from "../../abi/sys.ts";
import { NS_PER_MSEC } from "../../abi/time.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import { EpollFile } from "../fs/anon/epoll.ts";
import { ERESTARTSYS } from "../restart.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";
import { installFile } from "./install.ts";

function requireEpoll(task: Task, fd: number): EpollFile {
  const file = task.files.require(fd);
  if (!(file instanceof EpollFile)) throw EINVAL;
  return file;
}

function epollCreate(system: System, task: Task, flags: number): number {
  if ((flags & ~O_CLOEXEC) !== 0) throw EINVAL;
  return installFile(task, new EpollFile(system, task), (flags & O_CLOEXEC) !== 0);
}

function epollCtl(_system: System, task: Task, epfd: number, op: number, fd: number, event: EpollEvent | undefined): void {
  task.files.require(epfd);
  const file = task.files.require(fd);
  const epoll = requireEpoll(task, epfd);
  if (op === EPOLL_CTL_DEL) epoll.remove(file, fd);
  else if (event === undefined) throw EINVAL;
  else if (op === EPOLL_CTL_ADD) epoll.add(task, file, fd, event);
  else if (op === EPOLL_CTL_MOD) epoll.modify(task, file, fd, event);
  else throw EINVAL;
}

function epollWait(_system: System, task: Task, epfd: number, max: number, timeoutMs: number): MaySleep<readonly EpollEvent[]> {
  const epoll = requireEpoll(task, epfd);
  if (!(max > 0)) throw EINVAL;
  const events = epoll.collect(task, max);
  if (events.length > 0 || timeoutMs === 0) return events;
  const deadlineNs = timeoutMs < 0 ? Number.POSITIVE_INFINITY : task.sched.clockNs + timeoutMs * NS_PER_MSEC;
  return new Blocked(waitForEvents(task, epoll, max, deadlineNs));
}

/** Ended by any signal with EINTR: epoll_wait is never restarted. */
function* waitForEvents(task: Task, epoll: EpollFile, max: number, deadlineNs: number): Generator<Wait, readonly EpollEvent[], void> {
  for (;;) {
    try {
      const end = yield* task.sched.sleep(epoll.waitQueues, deadlineNs);
      const events = epoll.collect(task, max);
      if (events.length > 0 || end === "timeout") return events;
    } catch (e) {
      throw e === ERESTARTSYS ? EINTR : e;
    }
  }
}

export const epollCalls: Handlers<"epoll_create1" | "epoll_ctl" | "epoll_wait"> = {
  epoll_create1: epollCreate,
  epoll_ctl: epollCtl,
  epoll_wait: epollWait,
};
