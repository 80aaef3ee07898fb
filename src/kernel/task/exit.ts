/** The end of tasks: _exit(2), exit_group(2), wait(2); Linux `kernel/exit.c`. */

import { ECHILD } from "../../abi/errno.ts";
import { CLD_DUMPED, CLD_EXITED, CLD_KILLED, SA_NOCLDWAIT, SIG_IGN, SIGCHLD, SIGCONT, SIGHUP, SIGKILL } from "../../abi/signal.ts";
import type { Wait } from "../../abi/sys.ts";
import {
  WCONTINUED,
  WNOHANG,
  WNOWAIT,
  WUNTRACED,
  type WaitResult,
  wCoreDump,
  wExitStatus,
  wIfExited,
  wTermSig,
  stoppedStatus,
  continuedStatus,
} from "../../abi/wait.ts";
import { TASK_KERNEL_BYTES } from "../params.ts";
import type { Pid } from "../ns/pid.ts";
import { childInfo, isOrphaned, uidFor } from "./signals.ts";
import type { System } from "./system.ts";
import { addUsage, groupMembers, groupUsage, type Task, type ThreadGroup } from "./task.ts";

/** Ends the whole process with a wait status: the calling thread now, the others before they run again. */
export function groupExit(task: Task, waitStatus: number): void {
  const tg = task.tg;
  tg.groupExit ??= waitStatus;
  task.system.signals.killThreads(tg);
  exitTask(task, tg.groupExit);
}

/** do_exit(): ends one thread. The caller never resumes its body. */
export function exitTask(task: Task, waitStatus: number): void {
  if (task.state === "dead") return;
  const { system, tg } = task;
  if (task === system.sched.current) system.sched.account();
  if (task.heapIndex >= 0) throw new Error("exit of a task that is queued");
  system.sched.leaveQueues(task);
  if (tg === system.init && tg.threads.size === 1) {
    system.panic = `Kernel panic - not syncing: Attempted to kill init! exitcode=0x${waitStatus.toString(16).padStart(8, "0")}`;
  }
  task.state = "dead";
  system.cgroups.leave(task);
  task.vforkDone?.wake();
  task.vforkDone = undefined;
  closeAll(task);
  detachTracer(task, tg.groupExit ?? waitStatus);
  const usage = task.usage();
  task.mm.users--;
  if (task.mm.users === 0) task.mm.free();
  if (tg.threads.size === 1) tg.semUndo?.exit();
  task.ns.put();
  task.leavePlaces();
  system.mounts.sweep();
  tg.deadThreads = addUsage(tg.deadThreads, usage);
  tg.threads.delete(task);
  if (tg.threads.size === 0) exitProcess(system, tg, tg.groupExit ?? waitStatus);
  if (task !== tg.leader) releaseTask(task);
}

function closeAll(task: Task): void {
  if (--task.files.users > 0) return;
  for (const file of task.files.takeAll()) {
    file.flush(task);
    file.put();
  }
}

/** As a tracee it is let go; as a tracer it lets go. */
function detachTracer(task: Task, waitStatus: number): void {
  const tracer = task.ptrace?.tracer;
  if (tracer !== undefined) {
    tracer.tracees.delete(task);
    task.ptrace = undefined;
    if (tracer !== task.tg.parent || task !== task.tg.leader) {
      const pid = task.pid.nrIn(tracer.leader.pidNs);
      tracer.endedTracees.push({ pid, status: waitStatus, rusage: task.usage(), uid: uidFor(tracer.leader, task) });
      tracer.childExit.wake();
    }
  }
  if (task.tg.threads.size > 1) return;
  for (const tracee of task.tg.tracees) {
    tracee.ptrace = undefined;
    if (tracee.state === "traced") task.system.sched.wake(tracee);
  }
  task.tg.tracees.clear();
  task.tg.endedTracees.length = 0;
}

/** The last thread has ended. The init of a PID namespace takes all that is in it along, and is done when they are gone. */
function exitProcess(system: System, tg: ThreadGroup, waitStatus: number): void {
  const ns = tg.leader.pidNs;
  if (ns.parent === undefined || tg.leader.tid !== 1) {
    finishProcess(system, tg, waitStatus);
    return;
  }
  // Linux `zap_pid_ns_processes`.
  ns.dead = true;
  for (const child of [...tg.children]) {
    if (child.zombie) release(child);
  }
  for (const [nr, pid] of ns.sorted()) if (nr !== 1) killNow(system, pid);
  // reboot(2) inside decides how it ends.
  const finish = (): void => finishProcess(system, tg, ns.rebootSignal || waitStatus);
  if (ns.count === 1) finish();
  else {
    ns.onlyInitLeft = () => {
      ns.onlyInitLeft = undefined;
      finish();
    };
  }
}

function killNow(system: System, pid: Pid): void {
  const task = pid.task as Task | undefined;
  if (task === undefined || task.state === "dead") return;
  system.signals.killThreads(task.tg);
}

function finishProcess(system: System, tg: ThreadGroup, waitStatus: number): void {
  system.trace.emit({ name: "sched_process_exit", pid: tg.pid.nr, comm: tg.leader.comm, waitStatus });
  if (tg.realTimer !== undefined) system.sched.timers.cancel(tg.realTimer.timer);
  tg.exitStatus = waitStatus;
  if (tg.session === tg.pid) leaveTerminal(system, tg);
  tg.tty = undefined;
  reparentChildren(system, tg);
  // kill_orphaned_pgrp(): only the end of its last tie to another group of the session can orphan a group.
  const { parent } = tg;
  if (parent !== undefined && parent.pgrp !== tg.pgrp && parent.session === tg.session) hangupOrphans(system, tg.pgrp, tg);
  notifyParent(system, tg, waitStatus);
}

/** disassociate_ctty(): a session leader exits. Where its terminal was hung up before, what was in the foreground learns of it now. */
function leaveTerminal(system: System, tg: ThreadGroup): void {
  if (tg.tty !== undefined) tg.tty.disassociate();
  else if (tg.ttyOldPgrp !== undefined) {
    system.signals.sendToPgrp(SIGHUP, tg.ttyOldPgrp);
    system.signals.sendToPgrp(SIGCONT, tg.ttyOldPgrp);
  }
}

/** To the nearest living subreaper above, else to the init of its PID namespace. */
function reparentChildren(system: System, tg: ThreadGroup): void {
  if (tg.children.size === 0) return;
  const heir = findReaper(system, tg);
  for (const child of [...tg.children]) {
    tg.children.delete(child);
    child.parent = heir;
    if (heir === undefined) {
      if (child.zombie) release(child);
      continue;
    }
    heir.children.add(child);
    system.trace.emit({ name: "sched_process_reparent", pid: child.pid.nr, newParentPid: heir.pid.nr });
    if (child.leader.pdeathSignal !== 0) system.signals.sendToProcess(child.leader.pdeathSignal, child);
    child.exitSignal = SIGCHLD;
    if (child.zombie) notifyParent(system, child, child.exitStatus as number);
    else if (child.pgrp !== tg.pgrp && child.session === tg.session) hangupOrphans(system, child.pgrp);
  }
}

function findReaper(system: System, tg: ThreadGroup): ThreadGroup | undefined {
  const ns = tg.leader.pidNs;
  for (let up = tg.parent; up !== undefined; up = up.parent) {
    if (up.leader.pidNs !== ns) break;
    if (up.subreaper && !up.zombie) return up;
  }
  const init = ns.find(1)?.task as Task | undefined;
  // Inside a namespace whose init is dying nobody is left to wait: the zombies go at once.
  if (ns.dead) return undefined;
  const heir = init === undefined || init.tg === tg ? system.init : init.tg;
  return heir === tg ? undefined : heir;
}

/** A group that just became orphaned and has a stopped member is woken and told to end. */
function hangupOrphans(system: System, pgrp: Pid, leaving?: ThreadGroup): void {
  if (!isOrphaned(pgrp, leaving)) return;
  const stopped = [...groupMembers(pgrp)].some((tg) => tg !== leaving && tg.stopSignal !== 0);
  if (!stopped) return;
  system.signals.sendToPgrp(SIGHUP, pgrp);
  system.signals.sendToPgrp(SIGCONT, pgrp);
}

function notifyParent(system: System, tg: ThreadGroup, waitStatus: number): void {
  const parent = tg.parent;
  if (parent === undefined) {
    release(tg);
    return;
  }
  const action = parent.sighand.get(SIGCHLD);
  const code = wIfExited(waitStatus) ? CLD_EXITED : wCoreDump(waitStatus) ? CLD_DUMPED : CLD_KILLED;
  const status = wIfExited(waitStatus) ? wExitStatus(waitStatus) : wTermSig(waitStatus);
  const ignores = tg.exitSignal === SIGCHLD && (action.handler === SIG_IGN || (action.flags & SA_NOCLDWAIT) !== 0);
  if (tg.exitSignal !== 0)
    system.signals.sendToProcess(tg.exitSignal, parent, { ...childInfo(tg, parent, code, status), signo: tg.exitSignal });
  // A parent without threads is the dying init of a PID namespace: it waits for no one.
  if (ignores || parent.threads.size === 0) release(tg);
  parent.childExit.wake();
}

/** Removes the last traces of a process: its zombie was collected. */
export function release(tg: ThreadGroup): void {
  tg.parent?.children.delete(tg);
  tg.pgrp.groupMembers.delete(tg);
  tg.session.sessionMembers.delete(tg);
  const { pgrp, session } = tg;
  releaseTask(tg.leader);
  pgrp.put();
  session.put();
}

function releaseTask(task: Task): void {
  task.system.tasks.delete(task);
  task.pid.task = undefined;
  task.system.cgroups.released(task);
  task.pid.put();
  task.cred.userNs.put();
  task.system.memory.uncharge("kernel", TASK_KERNEL_BYTES, task.kernelMemoryOf);
}

/** How wait4's first argument chooses among the children. */
export type ChildChoice =
  | { readonly kind: "any" }
  | { readonly kind: "pid"; readonly pid: number }
  | { readonly kind: "pgrp"; readonly pgrp: Pid | undefined };

function matches(choice: ChildChoice, task: Task, tg: ThreadGroup): boolean {
  if (choice.kind === "any") return true;
  if (choice.kind === "pgrp") return tg.pgrp === choice.pgrp;
  return tg.pid.nrIn(task.pidNs) === choice.pid;
}

/** A child as wait4 or waitid will report it. */
export interface Collected extends WaitResult {
  readonly uid: number;
}

/** Blocks until a chosen child has something to report. Errors: ECHILD if there is none to wait for. */
export function* waitForChild(
  task: Task,
  choice: ChildChoice,
  options: number,
  exited: boolean,
): Generator<Wait, Collected | undefined, void> {
  for (;;) {
    const found = collect(task, choice, options, exited);
    if (found === "none") throw ECHILD;
    if (found !== "later") return found;
    if ((options & WNOHANG) !== 0) return undefined;
    yield* task.sched.sleep([task.tg.childExit]);
  }
}

/** The non-blocking part of wait. */
export function collect(task: Task, choice: ChildChoice, options: number, exited: boolean): Collected | "none" | "later" {
  const tg = task.tg;
  let any = false;
  for (const child of tg.children) {
    if (!matches(choice, task, child)) continue;
    any = true;
    const result = collectChild(task, child, options, exited);
    if (result !== undefined) return result;
  }
  const ended = tg.endedTracees.findIndex(({ pid }) => choice.kind !== "pid" || pid === choice.pid);
  if (ended >= 0) return tg.endedTracees.splice(ended, 1)[0] as Collected;
  for (const tracee of tg.tracees) {
    if (choice.kind === "pid" && tracee.pid.nrIn(task.pidNs) !== choice.pid) continue;
    any = true;
    const report = tracee.ptrace?.report;
    if (report === undefined || tracee.ptrace === undefined) continue;
    tracee.ptrace.report = undefined;
    return { pid: tracee.pid.nrIn(task.pidNs), status: report, rusage: tracee.usage(), uid: uidFor(task, tracee) };
  }
  return any ? "later" : "none";
}

function collectChild(task: Task, child: ThreadGroup, options: number, exited: boolean): Collected | undefined {
  const pid = child.pid.nrIn(task.pidNs);
  const uid = uidFor(task, child.leader);
  if (child.exitStatus !== undefined) {
    if (!exited) return undefined;
    const rusage = addUsage(child.deadThreads, child.childrenUsage);
    if ((options & WNOWAIT) === 0) {
      task.tg.childrenUsage = addUsage(task.tg.childrenUsage, rusage);
      task.system.trace.emit({ name: "sched_process_wait", pid: child.pid.nr, parentPid: task.tg.pid.nr });
      release(child);
    }
    return { pid, status: child.exitStatus, rusage, uid };
  }
  const wanted = child.stopReport === "stopped" ? WUNTRACED : child.stopReport === "continued" ? WCONTINUED : 0;
  if ((options & wanted) === 0) return undefined;
  const status = child.stopReport === "stopped" ? stoppedStatus(child.stopSignal) : continuedStatus;
  if ((options & WNOWAIT) === 0) child.stopReport = "none";
  return { pid, status, rusage: groupUsage(child), uid };
}

/** A fatal signal found the task asleep or about to run. */
export function exitKilled(task: Task): void {
  exitTask(task, task.tg.groupExit ?? SIGKILL);
}
