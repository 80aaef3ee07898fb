/** Tasks and thread groups: Linux `struct task_struct`, `struct signal_struct`, `struct sighand_struct`. */

import type { Env, Wait } from "../../abi/sys.ts";
import type { Rlimit, Rusage } from "../../abi/resource.ts";
import type { Timespec } from "../../abi/stat.ts";
import { SIG_DFL, type SigAction, type SigInfo, type SigSet, sigBit } from "../../abi/signal.ts";
import type { PtraceStop } from "../../abi/ptrace.ts";
import { THREADS_MAX } from "../params.ts";
import type { Cgroup, CgroupTask } from "../cgroup/cgroup.ts";
import type { MemoryController } from "../cgroup/memory.ts";
import type { AddressSpace } from "../mm/address-space.ts";
import type { NsProxy } from "../ns/nsproxy.ts";
import type { Pid, PidBearer, PidNamespace } from "../ns/pid.ts";
import type { Cred } from "../ns/user.ts";
import { SchedTask } from "../sched/entity.ts";
import type { Scheduler } from "../sched/scheduler.ts";
import type { Timer } from "../sched/timer.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { type Caller, type FsStruct, moveInhabitant } from "../vfs/caller.ts";
import type { Path } from "../vfs/dentry.ts";
import type { MountNamespace } from "../vfs/mount.ts";
import type { FilesStruct } from "./files.ts";
import type { Seccomp } from "./seccomp.ts";
import { coarseNow, type System } from "./system.ts";

export const DEFAULT_ACTION: SigAction = { handler: SIG_DFL, flags: 0, mask: 0n };

/** Signal dispositions; shared by threads (CLONE_SIGHAND). */
export class SigHand {
  readonly actions: SigAction[];

  constructor(actions?: readonly SigAction[]) {
    this.actions = actions ? [...actions] : [];
  }

  get(sig: number): SigAction {
    return this.actions[sig] ?? DEFAULT_ACTION;
  }
}

/** Signals sent and not yet delivered. Standard ones are kept once, real-time ones queue. */
export class SigPending {
  set: SigSet = 0n;
  readonly queue: SigInfo[] = [];

  add(info: SigInfo): void {
    const bit = sigBit(info.signo);
    if (info.signo < 32 && (this.set & bit) !== 0n) return;
    this.set |= bit;
    this.queue.push(info);
  }

  /** Takes out the first signal that `mask` does not block; lowest number first. */
  take(mask: SigSet): SigInfo | undefined {
    const open = this.set & ~mask;
    if (open === 0n) return undefined;
    let sig = 1;
    while ((open & sigBit(sig)) === 0n) sig++;
    const at = this.queue.findIndex((info) => info.signo === sig);
    const [info] = this.queue.splice(at, 1);
    if (!this.queue.some((other) => other.signo === sig)) this.set &= ~sigBit(sig);
    return info;
  }

  remove(signals: SigSet): void {
    if ((this.set & signals) === 0n) return;
    this.set &= ~signals;
    for (let i = this.queue.length - 1; i >= 0; i--) {
      if ((signals & sigBit((this.queue[i] as SigInfo).signo)) !== 0n) this.queue.splice(i, 1);
    }
  }
}

/** The terminal side of a session, as the tty layer gives it. */
export interface ControllingTty {
  /** Name below /dev, such as `pts/0`. */
  readonly name: string;
  readonly dev: number;
  /** The session leader exits: SIGHUP and SIGCONT to the foreground group, the session loses the terminal. */
  disassociate(): void;
  readonly foreground: Pid | undefined;
}

export interface IntervalTimer {
  readonly timer: Timer;
  intervalNs: number;
}

/** A process: what its threads share. */
export class ThreadGroup {
  readonly threads = new Set<Task>();
  /** First thread; the process bears its id. Changed by an execve of another thread. */
  leader!: Task;
  /** Its parent process; init's is undefined. Written by fork, exit and ptrace. */
  parent: ThreadGroup | undefined;
  readonly children = new Set<ThreadGroup>();
  pgrp!: Pid;
  session!: Pid;
  sighand = new SigHand();
  readonly pending = new SigPending();
  rlimits: Rlimit[];
  tty: ControllingTty | undefined;
  /** Of a session leader whose terminal was hung up: the group that was in the foreground, told when the leader exits. Written by tty/jobctrl.ts. */
  ttyOldPgrp: Pid | undefined;
  /** Waited on by wait4 of this process's threads. */
  readonly childExit = new WaitQueue();
  /** Woken when a signal is queued for the process or a thread of it: signalfd. Made on first use. */
  signalWait: WaitQueue | undefined;
  /** Set once the group is exiting, as a wait status: all threads end with it. */
  groupExit: number | undefined;
  /** Stopped by job control, with the signal. */
  stopSignal = 0;
  /** A stop or continue that the parent has not been told of yet. */
  stopReport: "none" | "stopped" | "continued" = "none";
  /** PR_SET_CHILD_SUBREAPER. */
  subreaper = false;
  /** execve has happened since fork: setpgid by the parent fails. */
  execed = false;
  /** What it has to give back to semaphores (SEM_UNDO). Made and emptied by ipc/sem.ts. */
  semUndo: { exit(): void } | undefined;
  exitSignal = 0;
  oomScoreAdj = 0;
  /** Threads that a thread of this process traces. */
  readonly tracees = new Set<Task>();
  /** Ends of tracees that were no children, for wait4 to tell. Written by exit, emptied by wait. */
  readonly endedTracees: { readonly pid: number; readonly status: number; readonly rusage: Rusage; readonly uid: number }[] = [];
  /** Times and faults of threads that have ended, and of children that were waited for. */
  deadThreads: Rusage = NO_USAGE;
  childrenUsage: Rusage = NO_USAGE;
  realTimer: IntervalTimer | undefined;
  /** Ended: the wait status; a zombie until the parent has collected it. */
  exitStatus: number | undefined;

  constructor(rlimits: readonly Rlimit[]) {
    this.rlimits = [...rlimits];
  }

  get pid(): Pid {
    return this.leader.pid;
  }

  get zombie(): boolean {
    return this.exitStatus !== undefined;
  }
}

export const NO_USAGE: Rusage = { utimeNs: 0, stimeNs: 0, maxrss: 0, minflt: 0, majflt: 0, nvcsw: 0, nivcsw: 0 };

export function addUsage(a: Rusage, b: Rusage): Rusage {
  return {
    utimeNs: a.utimeNs + b.utimeNs,
    stimeNs: a.stimeNs + b.stimeNs,
    maxrss: Math.max(a.maxrss, b.maxrss),
    minflt: a.minflt + b.minflt,
    majflt: a.majflt + b.majflt,
    nvcsw: a.nvcsw + b.nvcsw,
    nivcsw: a.nivcsw + b.nivcsw,
  };
}

/** What execve left of a program: for /proc and the views. */
export interface Image {
  readonly exe: Path | undefined;
  readonly argv: readonly string[];
  readonly env: Env;
}

/** The tracer's side of ptrace(2). */
export interface Ptrace {
  readonly tracer: ThreadGroup;
  options: number;
  /** Stop at the next system call entry or exit. */
  syscalls: boolean;
  /** Where it stands while its state is `traced`. */
  stop: PtraceStop;
  /** Wait status that the tracer has not collected yet. */
  report: number | undefined;
  /** Signal that the tracer continued it with; 0 for none. */
  signal: number;
}

/** A thread. */
export class Task extends SchedTask implements Caller, CgroupTask {
  override body: Iterator<Wait, number, void>;
  cgroup!: Cgroup;
  /** Where its stack and tables are charged. Written by fork. */
  kernelMemoryOf!: MemoryController;
  frozen = false;
  wantedAffinity: number;
  /** Shared namespaces; replaced as a whole by unshare and setns. */
  ns!: NsProxy<MountNamespace>;
  private credentials: Cred | undefined;
  private place: FsStruct | undefined;
  files!: FilesStruct;
  mm!: AddressSpace;
  private program: Image = { exe: undefined, argv: [], env: new Map() };
  /** /proc/PID/comm, at most 15 bytes. */
  comm = "";
  blocked: SigSet = 0n;
  readonly pending = new SigPending();
  /** Mask to restore after the handlers of a sigsuspend or ppoll have run. */
  savedMask: SigSet | undefined;
  /** What is blocked but for the time of a sigtimedwait: such a signal is not thrown away as ignored. */
  realBlocked: SigSet = 0n;
  /** While a call that was interrupted is repeated: the deadline that it had. */
  restartDeadlineNs: number | undefined;
  /** Name of the system call it is in, for causes and /proc/PID/syscall; empty in user mode. */
  syscall = "";
  ptrace: Ptrace | undefined;
  /** vfork: the parent sleeps here until execve or exit. */
  vforkDone: WaitQueue | undefined;
  /** System calls that filters refuse; undefined without any. */
  seccomp: Seccomp | undefined;
  pdeathSignal = 0;
  /** SCHED_OTHER … */
  policy = 0;
  /** I/O class and level: ioprio_set(2). There is no disk whose queue it could order. */
  ioprio = 0;
  readonly startNs: number;

  constructor(
    readonly system: System,
    readonly pid: Pid,
    readonly tg: ThreadGroup,
    body: Iterator<Wait, number, void>,
  ) {
    super();
    this.body = body;
    this.startNs = system.sched.clockNs;
    this.affinity = 2 ** system.sched.cpus.length - 1;
    this.wantedAffinity = this.affinity;
  }

  get process(): ThreadGroup {
    return this.tg;
  }

  get cred(): Cred {
    return this.credentials as Cred;
  }

  /** Replaced as a whole. Its user namespace lives until the task is released. */
  set cred(cred: Cred) {
    const before = this.credentials?.userNs;
    this.credentials = cred;
    if (cred.userNs === before) return;
    cred.userNs.get();
    before?.put();
  }

  get fs(): FsStruct {
    return this.place as FsStruct;
  }

  set fs(to: FsStruct) {
    if (to === this.place) return;
    to.enter();
    this.place?.leave();
    this.place = to;
  }

  get image(): Image {
    return this.program;
  }

  set image(to: Image) {
    moveInhabitant(this.program.exe, to.exe);
    this.program = to;
  }

  /** It stands nowhere any more and runs from nothing: by exit. What it was can still be read. */
  leavePlaces(): void {
    this.place?.leave();
    moveInhabitant(this.program.exe, undefined);
  }

  get sched(): Scheduler {
    return this.system.sched;
  }

  get mntNs(): MountNamespace {
    return this.ns.mnt;
  }

  /** The PID namespace that it lives in. */
  get pidNs(): PidNamespace {
    return (this.pid.numbers[this.pid.numbers.length - 1] as { ns: PidNamespace }).ns;
  }

  /** Its thread id as it sees it itself. */
  get tid(): number {
    return this.pid.nrIn(this.pidNs);
  }

  get isLeader(): boolean {
    return this.tg.leader === this;
  }

  now(): Timespec {
    return coarseNow(this.system);
  }

  rlimit(resource: number): number {
    return this.tg.rlimits[resource]?.cur ?? Number.POSITIVE_INFINITY;
  }

  raise(sig: number): void {
    this.system.signals.sendToTask(sig, this);
  }

  /** Ends an interruptible sleep. */
  override wakeUp(): boolean {
    if (this.state !== "sleeping") return false;
    this.sched.wake(this, "event");
    return true;
  }

  usage(): Rusage {
    if (this.sched.current === this) this.sched.account();
    return {
      utimeNs: this.utimeNs,
      stimeNs: this.stimeNs,
      maxrss: Math.floor(this.mm.peakResidentBytes / 1024),
      minflt: this.mm.minorFaults,
      majflt: 0,
      nvcsw: this.nvcsw,
      nivcsw: this.nivcsw,
    };
  }
}

/** Times and faults of a whole process, RUSAGE_SELF. */
export function groupUsage(tg: ThreadGroup): Rusage {
  let sum = tg.deadThreads;
  for (const task of tg.threads) sum = addUsage(sum, task.usage());
  return sum;
}

/** Every caller of the VFS is a task; what stands above the VFS may know it. */
export function callerTask(caller: Caller): Task {
  return caller as Task;
}

/** The thread with this id. */
export function taskOf(pid: Pid | undefined): Task | undefined {
  return pid?.task as Task | undefined;
}

/** The process whose leader bears this id. */
export function processOf(pid: Pid | undefined): ThreadGroup | undefined {
  const task = taskOf(pid);
  return task?.isLeader === true ? task.tg : undefined;
}

/** The members of a process group. */
export function groupMembers(pgrp: Pid): ReadonlySet<ThreadGroup> {
  return pgrp.groupMembers as Set<PidBearer> as Set<ThreadGroup>;
}

export function sessionMembers(session: Pid): ReadonlySet<ThreadGroup> {
  return session.sessionMembers as Set<PidBearer> as Set<ThreadGroup>;
}

/** Default limits as systemd leaves them to a root shell. */
export function defaultRlimits(nofile: number, nofileHard: number): Rlimit[] {
  const no = { cur: Number.POSITIVE_INFINITY, max: Number.POSITIVE_INFINITY };
  const nproc = { cur: THREADS_MAX / 2, max: THREADS_MAX / 2 };
  return [
    no,
    no,
    no,
    { cur: 8_388_608, max: Number.POSITIVE_INFINITY },
    { cur: 0, max: Number.POSITIVE_INFINITY },
    no,
    nproc,
    { cur: nofile, max: nofileHard },
    { cur: 67_108_864, max: 67_108_864 },
    no,
    no,
    nproc,
    { cur: 819_200, max: 819_200 },
    { cur: 0, max: 0 },
    { cur: 0, max: 0 },
    no,
  ];
}
