/** kill(2), tgkill(2), sigaction(2), sigprocmask(2), sigpending(2), sigsuspend(2), sigtimedwait(2), pause(2). */

import { CAP_KILL } from "../../abi/capability.ts";
import { EAGAIN, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import {
  getDefaultAction,
  SI_TKILL,
  SIG_BLOCK,
  SIG_DFL,
  SIG_IGN,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGCONT,
  SIGKILL,
  SIGRTMAX,
  SIGSTOP,
  type SigInfo,
  type SigSet,
  sigBit,
} from "../../abi/signal.ts";
import type { Wait } from "../../abi/sys.ts";
import type { Timespec } from "../../abi/stat.ts";
import { NS_PER_SEC } from "../../abi/time.ts";
import { Blocked } from "../blocked.ts";
import { nsCapable } from "../ns/user.ts";
import { ERESTARTNOHAND, ERESTARTSYS } from "../restart.ts";
import { userInfo } from "../task/signals.ts";
import { groupMembers, processOf, type Task, type ThreadGroup } from "../task/task.ts";
import type { System } from "../task/system.ts";
import type { Handlers } from "./handler.ts";

function checkSignal(sig: number): void {
  if (!Number.isInteger(sig) || sig < 0 || sig > SIGRTMAX) throw EINVAL;
}

/** Linux `check_kill_permission`. */
export function mayKill(sender: Task, target: ThreadGroup, sig: number): boolean {
  const from = sender.cred;
  const to = target.leader.cred;
  if (from.euid === to.suid || from.euid === to.uid || from.uid === to.suid || from.uid === to.uid) return true;
  if (nsCapable(from, to.userNs, CAP_KILL)) return true;
  return sig === SIGCONT && sender.tg.session === target.session;
}

function sendTo(system: System, task: Task, sig: number, tg: ThreadGroup): void {
  if (!mayKill(task, tg, sig)) throw EPERM;
  if (sig !== 0) system.signals.sendToProcess(sig, tg, userInfo(sig, task, tg.leader));
}

/** Sends to many: succeeds if one could be signalled; EPERM if none may be, ESRCH if there is none. */
function sendToAll(system: System, task: Task, sig: number, all: Iterable<ThreadGroup>): void {
  let sent = false;
  let refused = false;
  for (const tg of [...all]) {
    if (!mayKill(task, tg, sig)) {
      refused = true;
      continue;
    }
    sent = true;
    if (sig !== 0) system.signals.sendToProcess(sig, tg, userInfo(sig, task, tg.leader));
  }
  if (!sent) throw refused ? EPERM : ESRCH;
}

function kill(system: System, task: Task, pid: number, sig: number): void {
  checkSignal(sig);
  if (pid > 0) {
    const tg = processOf(task.pidNs.find(pid));
    if (tg === undefined) throw ESRCH;
    sendTo(system, task, sig, tg);
    return;
  }
  if (pid === -1) {
    const all = [...system.tasks].filter((t) => t.isLeader && t.tg !== task.tg && t.pid.nrIn(task.pidNs) > 1).map((t) => t.tg);
    sendToAll(system, task, sig, all);
    return;
  }
  const pgrp = pid === 0 ? task.tg.pgrp : task.pidNs.find(-pid);
  if (pgrp === undefined) throw ESRCH;
  sendToAll(system, task, sig, groupMembers(pgrp));
}

function tgkill(system: System, task: Task, tgid: number, tid: number, sig: number): void {
  checkSignal(sig);
  if (tgid <= 0 || tid <= 0) throw EINVAL;
  const target = task.pidNs.find(tid)?.task as Task | undefined;
  if (target === undefined || target.tg.pid.nrIn(task.pidNs) !== tgid) throw ESRCH;
  if (!mayKill(task, target.tg, sig)) throw EPERM;
  if (sig !== 0) system.signals.sendToTask(sig, target, userInfo(sig, task, target, SI_TKILL));
}

/** Waits for any signal to be handled, with `mask` in force meanwhile. */
function* suspend(task: Task, mask: SigSet | undefined): Generator<Wait, never, void> {
  if (mask !== undefined) {
    task.savedMask = task.blocked;
    task.system.signals.setBlocked(task, mask);
  }
  try {
    for (;;) yield* task.sched.sleep([]);
  } catch (e) {
    if (e === ERESTARTSYS) throw ERESTARTNOHAND;
    throw e;
  }
}

function* timedWait(task: Task, set: SigSet, timeout: Timespec | undefined): Generator<Wait, SigInfo, void> {
  const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : task.sched.clockNs + timeout.sec * NS_PER_SEC + timeout.nsec;
  const blocked = task.blocked;
  for (;;) {
    const info = task.pending.take(~set) ?? task.tg.pending.take(~set);
    if (info !== undefined) {
      task.system.signals.recalc(task);
      return info;
    }
    if (deadline <= task.sched.clockNs) throw EAGAIN;
    // Unblocked while waiting, so that an arrival wakes the task.
    task.system.signals.setBlocked(task, blocked & ~set);
    task.realBlocked = blocked;
    try {
      yield* task.sched.sleep([], deadline);
    } catch (e) {
      if (e !== ERESTARTSYS || ((task.pending.set | task.tg.pending.set) & set) === 0n) throw e;
    } finally {
      task.realBlocked = 0n;
      task.system.signals.setBlocked(task, blocked);
    }
  }
}

export const signalCalls: Handlers<
  "kill" | "tgkill" | "rt_sigaction" | "rt_sigprocmask" | "rt_sigpending" | "rt_sigsuspend" | "rt_sigtimedwait" | "pause"
> = {
  kill,
  tgkill,
  rt_sigaction: (_system, task, sig, action) => {
    if (!Number.isInteger(sig) || sig < 1 || sig > SIGRTMAX) throw EINVAL;
    const old = task.tg.sighand.get(sig);
    if (action === undefined) return old;
    if (sig === SIGKILL || sig === SIGSTOP) throw EINVAL;
    task.tg.sighand.actions[sig] = action;
    const ignores = action.handler === SIG_IGN || (action.handler === SIG_DFL && getDefaultAction(sig) === "Ign");
    if (ignores) {
      task.tg.pending.remove(sigBit(sig));
      for (const t of task.tg.threads) t.pending.remove(sigBit(sig));
    }
    return old;
  },
  rt_sigprocmask: (system, task, how, set) => {
    const old = task.blocked;
    if (set === undefined) return old;
    if (how === SIG_BLOCK) system.signals.setBlocked(task, old | set);
    else if (how === SIG_UNBLOCK) system.signals.setBlocked(task, old & ~set);
    else if (how === SIG_SETMASK) system.signals.setBlocked(task, set);
    else throw EINVAL;
    return old;
  },
  rt_sigpending: (_system, task) => (task.pending.set | task.tg.pending.set) & task.blocked,
  rt_sigsuspend: (_system, task, mask) => new Blocked(suspend(task, mask)),
  rt_sigtimedwait: (_system, task, set, timeout) => new Blocked(timedWait(task, set, timeout)),
  pause: (_system, task) => new Blocked(suspend(task, undefined)),
};
