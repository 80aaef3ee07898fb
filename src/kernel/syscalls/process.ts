/** fork(2), clone(2), exit(2), wait(2), waitid(2), prctl(2), futex(2). */

import { EAGAIN, EBADF, EINVAL, ESRCH, ETIMEDOUT } from "../../abi/errno.ts";
import { CLONE_THREAD, CLONE_VFORK } from "../../abi/sched.ts";
import { CLD_CONTINUED, CLD_DUMPED, CLD_EXITED, CLD_KILLED, CLD_STOPPED, CLD_TRAPPED, SIGCHLD, type SigInfo } from "../../abi/signal.ts";
import { NS_PER_SEC } from "../../abi/time.ts";
import type { Body, Wait } from "../../abi/sys.ts";
import type { Timespec } from "../../abi/stat.ts";
import {
  exitedStatus,
  P_ALL,
  P_PGID,
  P_PID,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WUNTRACED,
  wCoreDump,
  wExitStatus,
  wIfContinued,
  wIfExited,
  wIfStopped,
  wStopSig,
  wTermSig,
} from "../../abi/wait.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import type { Cgroup } from "../cgroup/cgroup.ts";
import { checkAttach } from "../fs/cgroup2/core-files.ts";
import { CgroupDirectory } from "../fs/cgroup2/inode.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { type ChildChoice, type Collected, collect, exitTask, groupExit, waitForChild } from "../task/exit.ts";
import { forkTask } from "../task/fork.ts";
import { NO_USAGE, type Task } from "../task/task.ts";
import type { System } from "../task/system.ts";
import { noReturn } from "./gate.ts";
import type { Handlers } from "./handler.ts";

function fork(system: System, task: Task, body: Body): number {
  return forkTask(system, task, 0, SIGCHLD, body).pid.nrIn(task.pidNs);
}

/** Blocks until the child has called execve or has ended; only death ends the wait earlier. */
function* vforkWait(task: Task, child: Task): Generator<Wait, number, void> {
  const pid = child.pid.nrIn(task.pidNs);
  while (child.vforkDone !== undefined && child.state !== "dead") {
    child.vforkDone.add(task);
    task.waits.push(child.vforkDone);
    task.state = "sleeping";
    yield;
    task.sched.leaveQueues(task);
    if (task.killPending) break;
  }
  return pid;
}

function clone(system: System, task: Task, flags: number, exitSignal: number, body: Body, into?: Cgroup): MaySleep<number> {
  const child = forkTask(system, task, flags, exitSignal, body, into);
  return (flags & CLONE_VFORK) !== 0 ? new Blocked(vforkWait(task, child)) : child.pid.nrIn(task.pidNs);
}

/** CLONE_INTO_CGROUP: the cgroup behind a directory's descriptor. Errors: EBADF; EBUSY and EOPNOTSUPP as for cgroup.procs. */
function cgroupOf(task: Task, fd: number): Cgroup {
  const { inode } = task.files.require(fd);
  if (!(inode instanceof CgroupDirectory)) throw EBADF;
  checkAttach(task.cgroup, inode.cgroup, task, { cred: task.cred, cgroupNs: task.ns.cgroup });
  inode.cgroup.tree.checkDestination(inode.cgroup);
  return inode.cgroup;
}

function choose(task: Task, pid: number): ChildChoice {
  if (pid > 0) return { kind: "pid", pid };
  if (pid === -1) return { kind: "any" };
  return { kind: "pgrp", pgrp: pid === 0 ? task.tg.pgrp : task.pidNs.find(-pid) };
}

function wait4(_system: System, task: Task, pid: number, options: number): ReturnType<Handlers<"wait4">["wait4"]> {
  if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED | 0xe0000000)) !== 0) throw EINVAL;
  const choice = choose(task, pid);
  const now = collect(task, choice, options, true);
  if (now !== "none" && now !== "later") return now;
  return new Blocked(
    (function* () {
      const found = yield* waitForChild(task, choice, options, true);
      return found ?? { pid: 0, status: 0, rusage: NO_USAGE };
    })(),
  );
}

function waitid(_system: System, task: Task, idtype: number, id: number, options: number): ReturnType<Handlers<"waitid">["waitid"]> {
  if ((options & (WEXITED | WUNTRACED | WCONTINUED)) === 0) throw EINVAL;
  if ((options & ~(WNOHANG | WNOWAIT | WEXITED | WUNTRACED | WCONTINUED)) !== 0) throw EINVAL;
  if (idtype !== P_ALL && idtype !== P_PID && idtype !== P_PGID) throw EINVAL;
  const choice = idtype === P_ALL ? choose(task, -1) : idtype === P_PID ? choose(task, id) : choose(task, -id);
  return new Blocked(
    (function* () {
      const found = yield* waitForChild(task, choice, options, (options & WEXITED) !== 0);
      return found === undefined ? undefined : toSigInfo(found);
    })(),
  );
}

function toSigInfo(c: Collected): SigInfo {
  const of = (code: number, status: number): SigInfo => ({ signo: SIGCHLD, code, pid: c.pid, uid: c.uid, status });
  if (wIfContinued(c.status)) return of(CLD_CONTINUED, 18);
  if (wIfStopped(c.status)) return of((c.status & 0x8000) !== 0 ? CLD_TRAPPED : CLD_STOPPED, wStopSig(c.status));
  if (wIfExited(c.status)) return of(CLD_EXITED, wExitStatus(c.status));
  return of(wCoreDump(c.status) ? CLD_DUMPED : CLD_KILLED, wTermSig(c.status));
}

const futexes = new WeakMap<object, WaitQueue>();

function futex(
  _system: System,
  task: Task,
  word: { value: number },
  op: "FUTEX_WAIT" | "FUTEX_WAKE",
  value: number,
  timeout?: Timespec,
): MaySleep<number> {
  let queue = futexes.get(word);
  if (op === "FUTEX_WAKE") {
    let woken = 0;
    // Who was woken stays in the queue until it runs.
    while (woken < value && queue?.wakeOne() === true) woken++;
    return woken;
  }
  if (word.value !== value) throw EAGAIN;
  if (queue === undefined) {
    queue = new WaitQueue();
    futexes.set(word, queue);
  }
  const waiting = queue;
  const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : task.sched.clockNs + timeout.sec * NS_PER_SEC + timeout.nsec;
  return new Blocked(
    (function* () {
      if ((yield* task.sched.sleep([waiting], deadline)) === "timeout") throw ETIMEDOUT;
      return 0;
    })(),
  );
}

export const processCalls: Handlers<
  "fork" | "vfork" | "clone3" | "exit" | "exit_group" | "wait4" | "waitid" | "getpid" | "gettid" | "getppid" | "futex"
> = {
  fork,
  vfork: (system, task, body) => clone(system, task, CLONE_VFORK, SIGCHLD, body),
  clone3: (system, task, args, body) => {
    const into = args.cgroup === undefined ? undefined : cgroupOf(task, args.cgroup);
    return clone(system, task, args.flags, args.exitSignal ?? (args.flags & CLONE_THREAD ? 0 : SIGCHLD), body, into);
  },
  exit: (_system, task, status) => {
    exitTask(task, exitedStatus(status));
    return noReturn();
  },
  exit_group: (_system, task, status) => {
    groupExit(task, exitedStatus(status));
    return noReturn();
  },
  wait4,
  waitid,
  getpid: (_system, task) => task.tg.pid.nrIn(task.pidNs),
  gettid: (_system, task) => task.tid,
  getppid: (_system, task) => task.tg.parent?.pid.nrIn(task.pidNs) ?? 0,
  futex,
};

/** The thread with this number in the caller's namespace; 0 is the caller. Errors: ESRCH. */
export function requireTask(task: Task, pid: number): Task {
  if (pid === 0) return task;
  const found = task.pidNs.find(pid)?.task as Task | undefined;
  if (found === undefined) throw ESRCH;
  return found;
}
