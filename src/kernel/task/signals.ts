/**
 * Sending and delivering signals: signal(7), Linux `kernel/signal.c`. Delivery happens at the return of a system call
 * (`syscalls/gate.ts`), in the context of the task.
 *
 * Differs from Linux: handlers have no alternate stacks and no ucontext; a core dump is noted in the status but not written.
 */

import {
  CLD_CONTINUED,
  CLD_STOPPED,
  getDefaultAction,
  SA_NOCLDSTOP,
  SA_NODEFER,
  SA_RESETHAND,
  SA_RESTART,
  SI_KERNEL,
  SI_USER,
  SIG_DFL,
  SIG_IGN,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  SIGTRAP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  type SigAction,
  type SigInfo,
  type SigSet,
  sigBit,
  sigSet,
} from "../../abi/signal.ts";
import type { Wait } from "../../abi/sys.ts";
import { continuedStatus, stoppedStatus } from "../../abi/wait.ts";
import { shownId } from "../ns/idmap.ts";
import type { Pid } from "../ns/pid.ts";
import type { ERESTARTNOHAND } from "../restart.ts";
import { ERESTARTSYS } from "../restart.ts";
import type { System } from "./system.ts";
import { DEFAULT_ACTION, groupMembers, type Task, type ThreadGroup } from "./task.ts";

const STOP_SIGNALS: SigSet = sigSet(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU);
const UNBLOCKABLE: SigSet = sigSet(SIGKILL, SIGSTOP);

/** How a fatal signal ends the process; `exit.ts` hands it over. */
export type GroupExit = (task: Task, waitStatus: number) => void;

export class Signals {
  groupExit!: GroupExit;

  constructor(private readonly system: System) {}

  // ── Sending ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** From the kernel to one thread. */
  sendToTask(sig: number, task: Task, info: SigInfo = kernelInfo(sig)): void {
    this.generate(sig, info, task.tg, task);
  }

  /** From the kernel, or with the sender's `info`, to a process. */
  sendToProcess(sig: number, tg: ThreadGroup, info: SigInfo = kernelInfo(sig)): void {
    this.generate(sig, info, tg, undefined);
  }

  /** To all processes of a group, as the terminal does for ^C. */
  sendToPgrp(sig: number, pgrp: Pid, info: SigInfo = kernelInfo(sig)): void {
    for (const tg of groupMembers(pgrp)) this.generate(sig, info, tg, undefined);
  }

  private generate(sig: number, info: SigInfo, tg: ThreadGroup, thread: Task | undefined): void {
    if (tg.zombie || sig === 0) return;
    this.system.trace.emit({ name: "signal_generate", sig, pid: tg.pid.nr, comm: tg.leader.comm, group: thread === undefined });
    const bit = sigBit(sig);
    if (sig === SIGCONT) {
      this.forEachPending(tg, (p) => p.remove(STOP_SIGNALS));
      this.continueGroup(tg);
    } else if ((STOP_SIGNALS & bit) !== 0n) this.forEachPending(tg, (p) => p.remove(sigBit(SIGCONT)));
    if (this.isIgnored(sig, info, tg, thread)) return;
    (thread?.pending ?? tg.pending).add(info);
    tg.signalWait?.wake();
    if (sig === SIGKILL) {
      this.killThreads(tg);
      return;
    }
    const target = thread ?? this.chooseThread(tg, bit);
    if (target === undefined || (target.blocked & bit) !== 0n) return;
    this.notify(target);
  }

  private forEachPending(tg: ThreadGroup, act: (p: Task["pending"]) => void): void {
    act(tg.pending);
    for (const t of tg.threads) act(t.pending);
  }

  /** Whether the signal vanishes at once. */
  private isIgnored(sig: number, info: SigInfo, tg: ThreadGroup, thread: Task | undefined): boolean {
    const bit = sigBit(sig);
    const blocked = thread === undefined ? everyThreadBlocks(tg, bit) : ((thread.blocked | thread.realBlocked) & bit) !== 0n;
    if (tg.leader.ptrace !== undefined && sig !== SIGKILL) return false;
    // What is blocked waits, even for an init: there may be a handler by the time it is let in, or a sigtimedwait(2).
    if (blocked && sig !== SIGKILL && sig !== SIGSTOP) return false;
    const { handler } = tg.sighand.get(sig);
    // The init of a PID namespace gets no signal that would end it from its own namespace (SIGNAL_UNKILLABLE).
    if (handler === SIG_DFL && this.isProtectedInit(tg, info, sig)) return true;
    if (blocked) return false;
    return handler === SIG_IGN || (handler === SIG_DFL && getDefaultAction(sig) === "Ign");
  }

  private isProtectedInit(tg: ThreadGroup, info: SigInfo, sig: number): boolean {
    const leader = tg.leader;
    if (leader.tid !== 1) return false;
    // From the kernel, or from an ancestor namespace, where the sender has no number in this one, SIGKILL and SIGSTOP work.
    const fromOutside = leader.pidNs.parent !== undefined && (info.code === SI_KERNEL || info.pid === 0);
    return !(fromOutside && (sig === SIGKILL || sig === SIGSTOP));
  }

  private chooseThread(tg: ThreadGroup, bit: SigSet): Task | undefined {
    if ((tg.leader.blocked & bit) === 0n && tg.leader.state !== "dead") return tg.leader;
    for (const t of tg.threads) if ((t.blocked & bit) === 0n && t.state !== "dead") return t;
    return undefined;
  }

  /** SIGKILL: every thread ends without running again. */
  killThreads(tg: ThreadGroup): void {
    for (const t of tg.threads) {
      if (t.state === "dead") continue;
      t.killPending = true;
      t.signalPending = true;
      if (t.state !== "running") this.system.sched.wake(t, "signal");
    }
  }

  /** Tells a thread that it has something to deliver. */
  notify(task: Task): void {
    task.signalPending = true;
    if (task.state === "sleeping") this.system.sched.wake(task, "signal");
  }

  /** Recomputes `signalPending` after the mask or the pending sets changed. */
  recalc(task: Task): void {
    const open = (task.pending.set | task.tg.pending.set) & ~task.blocked;
    task.signalPending = open !== 0n || task.killPending || task.tg.stopSignal !== 0 || task.frozen;
  }

  /** The freezer caught a task, or let it go. */
  freezeChanged(task: Task): void {
    this.recalc(task);
    if (task.state === "sleeping") this.system.sched.wake(task, "signal");
  }

  setBlocked(task: Task, mask: SigSet): void {
    task.blocked = mask & ~UNBLOCKABLE;
    this.recalc(task);
  }

  // ── Stop and continue ──────────────────────────────────────────────────────────────────────────────────────────────

  private continueGroup(tg: ThreadGroup): void {
    if (tg.stopSignal === 0) return;
    const wasStopped = [...tg.threads].some((t) => t.state === "stopped");
    tg.stopSignal = 0;
    for (const t of tg.threads) {
      this.recalc(t);
      if (t.state === "stopped") this.system.sched.wake(t);
    }
    if (!wasStopped) return;
    this.system.trace.emit({ name: "sched_process_continue", pid: tg.pid.nr });
    tg.stopReport = "continued";
    this.tellParent(tg, CLD_CONTINUED, SIGCONT);
  }

  /** The calling thread joins the stop of its group; the last one tells the parent. Blocks until SIGCONT or SIGKILL. */
  private *stop(task: Task): Generator<Wait, void> {
    const tg = task.tg;
    const sig = tg.stopSignal;
    task.state = "stopped";
    if ([...tg.threads].every((t) => t.state === "stopped" || t.state === "dead")) {
      this.system.trace.emit({ name: "sched_process_stop", pid: tg.pid.nr, sig });
      tg.stopReport = "stopped";
      this.tellParent(tg, CLD_STOPPED, sig);
    }
    yield;
    this.recalc(task);
  }

  private startGroupStop(tg: ThreadGroup, sig: number): void {
    tg.stopSignal = sig;
    for (const t of tg.threads) if (t.state !== "dead") this.notify(t);
  }

  private tellParent(tg: ThreadGroup, code: number, status: number): void {
    const parent = tg.parent;
    if (parent === undefined) return;
    parent.childExit.wake();
    if ((parent.sighand.get(SIGCHLD).flags & SA_NOCLDSTOP) === 0) this.sendToProcess(SIGCHLD, parent, childInfo(tg, parent, code, status));
  }

  // ── Delivery ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Delivers what is pending to the current task. `code` is how the interrupted call ended. Returns whether the call is to
   * be made again. Blocks while the task is stopped; does not return if it ends.
   */
  *deliver(task: Task, code: typeof ERESTARTSYS | typeof ERESTARTNOHAND | undefined): Generator<Wait, boolean> {
    let handled: SigAction | undefined;
    for (;;) {
      if (task.killPending) {
        this.groupExit(task, task.tg.groupExit ?? SIGKILL);
        yield* never();
      }
      if (task.frozen) {
        // cgroup.freeze: held here until thawed; only SIGKILL gets through.
        task.state = "sleeping";
        yield;
        continue;
      }
      if (task.tg.stopSignal !== 0) {
        yield* this.stop(task);
        continue;
      }
      let info = task.pending.take(task.blocked) ?? task.tg.pending.take(task.blocked);
      if (info === undefined) break;
      if (task.ptrace !== undefined && info.signo !== SIGKILL) {
        info = yield* this.signalStop(task, info);
        if (info === undefined) continue;
      }
      const action = task.tg.sighand.get(info.signo);
      if (action.handler === SIG_IGN) {
        this.system.trace.emit({ name: "signal_deliver", sig: info.signo, pid: task.pid.nr, action: "ignore" });
        continue;
      }
      if (action.handler === SIG_DFL) {
        yield* this.defaultAction(task, info);
        continue;
      }
      handled ??= action;
      yield* this.runHandler(task, info, action);
    }
    this.recalc(task);
    if (task.savedMask !== undefined) {
      const mask = task.savedMask;
      task.savedMask = undefined;
      this.setBlocked(task, mask);
    }
    if (code === undefined || handled === undefined) return code !== undefined;
    return code === ERESTARTSYS && (handled.flags & SA_RESTART) !== 0;
  }

  private *defaultAction(task: Task, info: SigInfo): Generator<Wait, void> {
    const sig = info.signo;
    const tg = task.tg;
    const action = getDefaultAction(sig);
    if (action === "Ign" || action === "Cont" || this.isProtectedInit(tg, info, sig)) return;
    this.system.trace.emit({ name: "signal_deliver", sig, pid: task.pid.nr, action: "default" });
    if (action === "Stop") {
      if (sig !== SIGSTOP && isOrphaned(tg.pgrp)) return;
      this.startGroupStop(tg, sig);
      return;
    }
    // Differs from Linux: core files are never written, whatever RLIMIT_CORE says.
    this.groupExit(task, sig);
    yield* never();
  }

  private *runHandler(task: Task, info: SigInfo, action: SigAction): Generator<Wait, void> {
    const sig = info.signo;
    this.system.trace.emit({ name: "signal_deliver", sig, pid: task.pid.nr, action: "handler" });
    const before = task.savedMask ?? task.blocked;
    task.savedMask = undefined;
    if ((action.flags & SA_RESETHAND) !== 0) task.tg.sighand.actions[sig] = DEFAULT_ACTION;
    this.setBlocked(task, task.blocked | action.mask | ((action.flags & SA_NODEFER) !== 0 ? 0n : sigBit(sig)));
    try {
      if (typeof action.handler === "function") yield* action.handler(sig, info);
    } finally {
      this.setBlocked(task, before);
    }
  }

  /** Shows a signal to the tracer; it may suppress or change it. */
  private *signalStop(task: Task, info: SigInfo): Generator<Wait, SigInfo | undefined> {
    const injected = yield* this.ptraceStop(task, { op: "signal", sig: info.signo, info }, stoppedStatus(info.signo));
    if (injected === 0) return undefined;
    return injected === info.signo ? info : kernelInfo(injected);
  }

  /** Stops a traced task until its tracer continues it; returns the signal that the tracer gave. */
  *ptraceStop(task: Task, stop: NonNullable<Task["ptrace"]>["stop"], report: number): Generator<Wait, number> {
    const ptrace = task.ptrace;
    if (ptrace === undefined) return 0;
    ptrace.stop = stop;
    ptrace.report = report;
    ptrace.signal = 0;
    task.state = "traced";
    ptrace.tracer.childExit.wake();
    this.sendToProcess(SIGCHLD, ptrace.tracer, {
      signo: SIGCHLD,
      code: 4,
      pid: task.pid.nrIn(ptrace.tracer.leader.pidNs),
      uid: uidFor(ptrace.tracer.leader, task),
      status: SIGTRAP,
    });
    yield;
    ptrace.stop = { op: "none" };
    return ptrace.signal;
  }

  /** A stopped or continued child as wait4 reports it. */
  static reportStatus(tg: ThreadGroup): number {
    return tg.stopReport === "continued" ? continuedStatus : stoppedStatus(tg.stopSignal);
  }
}

function everyThreadBlocks(tg: ThreadGroup, bit: SigSet): boolean {
  for (const t of tg.threads) if (((t.blocked | t.realBlocked) & bit) === 0n) return false;
  return true;
}

export function kernelInfo(sig: number): SigInfo {
  return { signo: sig, code: SI_KERNEL, pid: 0, uid: 0, status: 0 };
}

/** siginfo of kill(2) from `task` to a process in `receiver`'s namespace. */
export function userInfo(sig: number, task: Task, receiver: Task, code = SI_USER): SigInfo {
  return { signo: sig, code, pid: task.tg.pid.nrIn(receiver.pidNs), uid: uidFor(receiver, task), status: 0 };
}

/** Numbers as the parent has them. */
export function childInfo(child: ThreadGroup, parent: ThreadGroup, code: number, status: number): SigInfo {
  const reader = parent.leader;
  return { signo: SIGCHLD, code, pid: child.pid.nrIn(reader.pidNs), uid: uidFor(reader, child.leader), status };
}

/** The user of `task` as numbered where `reader` is. */
export const uidFor = (reader: Task, task: Task): number => shownId(reader.cred.userNs, "uidMap", task.cred.uid);

/**
 * A process group is orphaned if no member has a parent in another group of the same session: nobody could continue it.
 * `ignoring` is left out: it is about to exit or to leave. Linux `will_become_orphaned_pgrp`.
 */
export function isOrphaned(pgrp: Pid, ignoring?: ThreadGroup): boolean {
  for (const tg of groupMembers(pgrp)) {
    if (tg === ignoring || tg.zombie) continue;
    const parent = tg.parent;
    if (parent !== undefined && parent.pid.nr !== 1 && parent.pgrp !== pgrp && parent.session === tg.session) return false;
  }
  return true;
}

/** For tasks that will never run again. */
export function* never(): Generator<Wait, never> {
  for (;;) yield;
}
