/** poll(2), ppoll(2): Linux `fs/select.c`. */

import { EINVAL } from "../../abi/errno.ts";
import { type PollFd, POLLERR, POLLHUP, POLLNVAL } from "../../abi/poll.ts";
import { RLIMIT_NOFILE } from "../../abi/resource.ts";
import type { SigSet } from "../../abi/signal.ts";
import type { Timespec } from "../../abi/stat.ts";
import type { Wait } from "../../abi/sys.ts";
import { NS_PER_MSEC, NS_PER_SEC } from "../../abi/time.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import { ERESTARTNOHAND, ERESTARTSYS } from "../restart.ts";
import type { WaitQueue } from "../sched/wait-queue.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";

/** Writes `revents`; returns how many are not 0. */
function scan(task: Task, fds: readonly PollFd[], queues?: WaitQueue[]): number {
  let ready = 0;
  for (const entry of fds) {
    const file = entry.fd < 0 ? undefined : task.files.find(entry.fd);
    if (entry.fd < 0) entry.revents = 0;
    else if (file === undefined) entry.revents = POLLNVAL;
    else entry.revents = file.poll(task, queues) & (entry.events | POLLERR | POLLHUP);
    if (entry.revents !== 0) ready++;
  }
  return ready;
}

function checkCount(task: Task, fds: readonly PollFd[]): void {
  if (fds.length > task.rlimit(RLIMIT_NOFILE)) throw EINVAL;
}

/** Sleeps until one is ready or the deadline, which survives restarts, is reached. */
function* wait(task: Task, fds: readonly PollFd[], deadlineNs: number): Generator<Wait, number, void> {
  task.restartDeadlineNs = deadlineNs;
  for (;;) {
    const queues: WaitQueue[] = [];
    const ready = scan(task, fds, queues);
    if (ready > 0) return ready;
    try {
      if ((yield* task.sched.sleep(queues, deadlineNs)) === "timeout") return scan(task, fds);
    } catch (e) {
      throw e === ERESTARTSYS ? ERESTARTNOHAND : e;
    }
  }
}

function poll(_system: System, task: Task, fds: PollFd[], timeoutMs: number): MaySleep<number> {
  checkCount(task, fds);
  const ready = scan(task, fds);
  if (ready > 0 || timeoutMs === 0) return ready;
  const end = timeoutMs < 0 ? Number.POSITIVE_INFINITY : task.sched.clockNs + timeoutMs * NS_PER_MSEC;
  return new Blocked(wait(task, fds, task.restartDeadlineNs ?? end));
}

/** The caller's mask is `mask` while it sleeps; after a signal the gate restores the old one when the handler has run. */
function* waitMasked(task: Task, fds: readonly PollFd[], deadlineNs: number, mask: SigSet): Generator<Wait, number, void> {
  const { signals } = task.system;
  task.savedMask = task.blocked;
  signals.setBlocked(task, mask);
  const ready = yield* wait(task, fds, deadlineNs);
  const before = task.savedMask;
  task.savedMask = undefined;
  if (before !== undefined) signals.setBlocked(task, before);
  return ready;
}

function ppoll(_system: System, task: Task, fds: PollFd[], timeout: Timespec | undefined, mask: SigSet | undefined): MaySleep<number> {
  checkCount(task, fds);
  if (timeout !== undefined && (timeout.sec < 0 || !(timeout.nsec >= 0 && timeout.nsec < NS_PER_SEC))) throw EINVAL;
  const ready = scan(task, fds);
  if (ready > 0) return ready;
  const end = timeout === undefined ? Number.POSITIVE_INFINITY : task.sched.clockNs + timeout.sec * NS_PER_SEC + timeout.nsec;
  const deadlineNs = task.restartDeadlineNs ?? end;
  if (mask !== undefined) return new Blocked(waitMasked(task, fds, deadlineNs, mask));
  return deadlineNs <= task.sched.clockNs ? 0 : new Blocked(wait(task, fds, deadlineNs));
}

export const pollCalls: Handlers<"poll" | "ppoll"> = { poll, ppoll };
