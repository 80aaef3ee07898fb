/** New tasks: fork(2), clone(2); Linux `kernel/fork.c`. */

import { EAGAIN, EINVAL, ENOMEM } from "../../abi/errno.ts";
import { CAP_SYS_ADMIN, CAP_SYS_RESOURCE } from "../../abi/capability.ts";
import { PTRACE_O_TRACECLONE, PTRACE_O_TRACEFORK, PTRACE_O_TRACEVFORK } from "../../abi/ptrace.ts";
import { RLIMIT_NPROC } from "../../abi/resource.ts";
import {
  CLONE_FILES,
  CLONE_FS,
  CLONE_NEWIPC,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_PARENT,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
} from "../../abi/sched.ts";
import type { Body, Proc } from "../../abi/sys.ts";
import type { Cgroup } from "../cgroup/cgroup.ts";
import { AnonAccount } from "../mm/memory.ts";
import { NsProxy } from "../ns/nsproxy.ts";
import type { Pid } from "../ns/pid.ts";
import { nsCapable } from "../ns/user.ts";
import { TASK_KERNEL_BYTES, THREADS_MAX } from "../params.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { announceNamespaces, NAMESPACE_FLAGS, newNamespaces, type Unshared } from "./namespaces.ts";
import type { System } from "./system.ts";
import { SigHand, Task, ThreadGroup } from "./task.ts";

/** Flags that clone(2) does not allow without each other. Errors: EINVAL. */
function checkFlags(parent: Task, flags: number): void {
  if ((flags & CLONE_THREAD) !== 0 && (flags & CLONE_SIGHAND) === 0) throw EINVAL;
  if ((flags & CLONE_SIGHAND) !== 0 && (flags & CLONE_VM) === 0) throw EINVAL;
  if ((flags & CLONE_NEWNS) !== 0 && (flags & CLONE_FS) !== 0) throw EINVAL;
  if ((flags & CLONE_NEWUSER) !== 0 && (flags & CLONE_FS) !== 0) throw EINVAL;
  if ((flags & CLONE_NEWIPC) !== 0 && (flags & CLONE_SYSVSEM) !== 0) throw EINVAL;
  const { pidForChildren, time, timeForChildren } = parent.ns;
  if ((flags & CLONE_THREAD) !== 0 && ((flags & (CLONE_NEWUSER | CLONE_NEWPID)) !== 0 || pidForChildren !== parent.pidNs)) throw EINVAL;
  if ((flags & (CLONE_THREAD | CLONE_VM)) !== 0 && time !== timeForChildren) throw EINVAL;
  // A sibling of init would have no one to wait for it.
  if ((flags & CLONE_PARENT) !== 0 && parent.tid === 1) throw EINVAL;
}

function countTasksOf(system: System, uid: number): number {
  let n = 0;
  for (const t of system.tasks) if (t.cred.uid === uid) n++;
  return n;
}

/** Errors: EAGAIN for limits of processes, ENOMEM for memory. Nothing has changed where it throws. */
function checkLimits(system: System, parent: Task): void {
  if (system.tasks.size >= THREADS_MAX) throw EAGAIN;
  const cred = parent.cred;
  const free = cred.uid === 0 || nsCapable(cred, system.initUserNs, CAP_SYS_RESOURCE) || nsCapable(cred, system.initUserNs, CAP_SYS_ADMIN);
  if (!free && countTasksOf(system, cred.uid) >= parent.rlimit(RLIMIT_NPROC)) throw EAGAIN;
}

/** What C's runtime does around a body: a thread calls exit(2) when it returns, a process exit_group(2). */
function* toItsEnd(system: System, body: Body, thread: boolean): Proc<number> {
  const status = yield* body();
  return yield* thread ? system.sys.exit(status) : system.sys.exit_group(status);
}

/** Makes a runnable child of `parent`, in its cgroup unless another is given (CLONE_INTO_CGROUP). */
export function forkTask(system: System, parent: Task, flags: number, exitSignal: number, body: Body, into?: Cgroup): Task {
  checkFlags(parent, flags);
  checkLimits(system, parent);
  const cgroup = into ?? parent.cgroup;
  system.cgroups.checkFork(cgroup);
  const fs = (flags & CLONE_FS) !== 0 ? parent.fs : parent.fs.copy();
  const unshared = (flags & NAMESPACE_FLAGS) === 0 ? { cred: parent.cred, ns: parent.ns, fs } : newNamespaces(system, parent, flags, fs);
  const pid = allocPid(system, cgroup, unshared);
  const thread = (flags & CLONE_THREAD) !== 0;
  const tg = thread ? parent.tg : new ThreadGroup(parent.tg.rlimits);
  const child = new Task(system, pid.get(), tg, toItsEnd(system, body, thread)[Symbol.iterator]());
  child.cgroup = cgroup;
  copyTask(child, parent, flags, unshared);
  tg.threads.add(child);
  pid.task = child;
  if (!thread) startProcess(tg, child, parent, flags, exitSignal);
  system.tasks.add(child);
  system.cgroups.enter(child, cgroup);
  child.kernelMemoryOf = cgroup.memcg;
  child.affinity = system.cgroups.affinityOf(child);
  system.forks++;
  announceNamespaces(system, unshared, parent, "clone", tg.pid.nr);
  system.trace.emit({ name: "sched_process_fork", pid: parent.tg.pid.nr, childPid: child.pid.nr, comm: child.comm, thread });
  followTrace(child, parent);
  if ((flags & CLONE_VFORK) !== 0) child.vforkDone = new WaitQueue();
  system.sched.wake(child);
  return child;
}

/** Errors: as PidNamespace.alloc; ENOMEM. Where it throws, the namespaces that were made for the child are gone again. */
function allocPid(system: System, cgroup: Cgroup, { ns }: Unshared): Pid {
  try {
    const pid = ns.pidForChildren.alloc();
    if (system.memory.tryCharge("kernel", TASK_KERNEL_BYTES, cgroup.memcg)) return pid;
    pid.get().put();
    throw ENOMEM;
  } catch (e) {
    ns.get().put();
    throw e;
  }
}

/** PTRACE_O_TRACEFORK and its like: the child is traced from its first call on. */
function followTrace(child: Task, parent: Task): void {
  const trace = parent.ptrace;
  if (trace === undefined || (trace.options & (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)) === 0) return;
  child.ptrace = { ...trace, stop: { op: "none" }, report: undefined, signal: 0 };
  trace.tracer.tracees.add(child);
}

function copyTask(child: Task, parent: Task, flags: number, unshared: Unshared): void {
  const share = (flag: number): boolean => (flags & flag) !== 0;
  child.ns = unshared.ns.get();
  child.cred = unshared.cred;
  child.fs = unshared.fs;
  enterTimeNamespace(child);
  if (share(CLONE_FILES)) {
    child.files = parent.files;
    child.files.users++;
  } else child.files = parent.files.copy();
  if (share(CLONE_VM)) {
    child.mm = parent.mm;
    child.mm.users++;
  } else child.mm = parent.mm.copy(new AnonAccount(parent.system.memory, child));
  child.image = parent.image;
  child.comm = parent.comm;
  child.blocked = parent.blocked;
  child.seccomp = parent.seccomp;
  child.vruntime = parent.vruntime;
  child.nice = parent.nice;
  child.weight = parent.weight;
  child.policy = parent.policy;
  child.ioprio = parent.ioprio;
  child.wantedAffinity = parent.wantedAffinity;
}

/** A child, and a program that execve starts, is in the time namespace chosen for children; its offsets are fixed from then on. */
export function enterTimeNamespace(child: Task): void {
  const { time, timeForChildren } = child.ns;
  if (time === timeForChildren) return;
  timeForChildren.frozen = true;
  const { uts, ipc, net, cgroup, mnt, pidForChildren } = child.ns;
  const entered = new NsProxy({ uts, ipc, net, cgroup, mnt, pidForChildren, time: timeForChildren, timeForChildren });
  const before = child.ns;
  child.ns = entered.get();
  before.put();
}

function startProcess(tg: ThreadGroup, leader: Task, creator: Task, flags: number, exitSignal: number): void {
  const from = creator.tg;
  tg.leader = leader;
  tg.exitSignal = exitSignal;
  tg.parent = (flags & CLONE_PARENT) !== 0 ? from.parent : from;
  tg.parent?.children.add(tg);
  tg.pgrp = from.pgrp.get();
  tg.pgrp.groupMembers.add(tg);
  tg.session = from.session.get();
  tg.session.sessionMembers.add(tg);
  tg.tty = from.tty;
  tg.oomScoreAdj = from.oomScoreAdj;
  tg.sighand = (flags & CLONE_SIGHAND) !== 0 ? from.sighand : new SigHand(from.sighand.actions);
}
