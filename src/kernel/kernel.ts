/**
 * The kernel as a whole: makes what all tasks share, hands the lower layers what they need of the higher ones, starts
 * PID 1 and runs. Linux `init/main.c`.
 */

import { MS_RELATIME } from "../abi/mount.ts";
import { Errno } from "../abi/errno.ts";
import { SIGCHLD, SIGKILL, SIGSEGV } from "../abi/signal.ts";
import type { Timespec } from "../abi/stat.ts";
import type { Body, Sys, Voice } from "../abi/sys.ts";
import { exitedStatus } from "../abi/wait.ts";
import { CgroupTree } from "./cgroup/tree.ts";
import { AddressSpace } from "./mm/address-space.ts";
import { AnonAccount, Memory } from "./mm/memory.ts";
import { NET } from "./net/module.ts";
import { NetNamespace } from "./net/net-namespace.ts";
import { IpcNamespace } from "./ns/ipc.ts";
import { CgroupNamespace, NsProxy, type PlainNamespace, TimeNamespace, UtsNamespace } from "./ns/nsproxy.ts";
import { PidNamespace } from "./ns/pid.ts";
import {
  PROC_CGROUP_INIT_INO,
  PROC_IPC_INIT_INO,
  PROC_MNT_INIT_INO,
  PROC_NET_INIT_INO,
  PROC_PID_INIT_INO,
  PROC_TIME_INIT_INO,
  PROC_USER_INIT_INO,
  PROC_UTS_INIT_INO,
  rootCred,
  UserNamespace,
} from "./ns/user.ts";
import {
  CGROUP_FILES_MAX,
  RLIMIT_NOFILE_DEFAULT,
  RLIMIT_NOFILE_HARD,
  ROOT_BYTES,
  TASK_KERNEL_BYTES,
  UTS_RELEASE,
  UTS_VERSION,
} from "./params.ts";
import { Random } from "./random.ts";
import { Scheduler } from "./sched/scheduler.ts";
import { Timer } from "./sched/timer.ts";
import { charDevices } from "./fs/devtmpfs/devices.ts";
import { filesystemTypes } from "./fs/filesystems.ts";
import { sysctlNumber } from "./fs/sysctl.ts";
import { mountTmpfs, type TmpfsSuperBlock } from "./fs/tmpfs/tmpfs.ts";
import { createSys, KernelPanic } from "./syscalls/gate.ts";
import { handlers } from "./syscalls/table.ts";
import { exitKilled, exitTask, groupExit } from "./task/exit.ts";
import { FilesStruct } from "./task/files.ts";
import { forkTask } from "./task/fork.ts";
import { KernelLog } from "./task/log.ts";
import { type FindModule, requestModule } from "./task/module.ts";
import { memoryFault, outOfMemory } from "./task/oom.ts";
import { Signals } from "./task/signals.ts";
import type { DeviceDriver, FilesystemType, ProgramLookup, System, SystemConfig } from "./task/system.ts";
import { defaultRlimits, SigHand, Task, ThreadGroup } from "./task/task.ts";
import { Tracer } from "./trace.ts";
import { FsStruct } from "./vfs/caller.ts";
import { hang, Mount, MountNamespace, Mounts } from "./vfs/mount.ts";

export type FindProgram = (name: string, argv: readonly string[], voice: Voice) => ProgramLookup;

/** Why run() came back. */
export type RunResult =
  /** All that happens before the given time has happened. */
  | "until"
  /** The caller's budget is spent. */
  | "budget"
  /** A system call waits for code: `kernel.stalledFor`. */
  | "stalled"
  | "halted"
  | "panic";

/** Sampling interval of the load averages: LOAD_FREQ. */
const LOAD_FREQ_NS = 5_000_000_000;

export class Kernel implements System {
  readonly sched: Scheduler;
  readonly trace: Tracer;
  readonly random: Random;
  readonly memory: Memory;
  readonly cgroups: CgroupTree;
  readonly log: KernelLog;
  readonly signals: Signals;
  readonly sys: Sys;
  readonly initUserNs = new UserNamespace(PROC_USER_INIT_INO, undefined, 0);
  readonly initPidNs: PidNamespace;
  readonly initNetNs: NetNamespace;
  readonly tasks = new Set<Task>();
  init: ThreadGroup | undefined;
  forks = 0;
  readonly loads: [number, number, number] = [0, 0, 0];
  readonly filesystems = new Map<string, FilesystemType>();
  readonly mounts = new Mounts(() => sysctlNumber(this, "fs/mount-max"));
  readonly charDevices = new Map<number, DeviceDriver>();
  readonly sysctl = new Map<string, string>();
  realtimeOffset: Timespec;
  panic: string | undefined;
  halted: string | undefined;
  /** Set by what is outside, while the machine runs, to get control back after the present step. */
  stopRequested = false;
  stalledFor: System["stalledFor"];
  readonly modules = new Map<string, unknown>();
  /** The root tmpfs, empty until boot fills it. */
  readonly rootfs: TmpfsSuperBlock;
  /** JavaScript errors thrown by programs: bugs of ours, which tests look at. */
  readonly crashes: string[] = [];
  private readonly absoluteRoot: Mount;
  private readonly rootMount: Mount;
  private anonIno = 1;
  /** Where Linux's ida starts after the initial namespaces and what the boot has used. */
  private namespaceIno = 4026532160;
  private cgroupsMade = 0;
  private anonDev = 1;

  constructor(
    readonly config: SystemConfig,
    readonly findProgram: FindProgram,
    readonly findModuleCode: FindModule,
  ) {
    this.sched = new Scheduler(config.cpus, {
      ended: (task, status) => groupOrThreadExit(task as Task, status),
      killed: (task) => exitKilled(task as Task),
      crashed: (task, thrown) => this.crashed(task as Task, thrown),
      charged: (task, userNs, systemNs) => this.cgroups.chargeCpu(task as Task, userNs, systemNs),
      moved: (task, running, waiting) => this.cgroups.noteMoved(task as Task, running, waiting),
    });
    const { sched } = this;
    this.trace = new Tracer(
      () => sched.clockNs,
      () => {
        const task = sched.current as Task | undefined;
        return task === undefined ? undefined : { pid: task.tg.pid.nr, comm: task.comm, syscall: task.syscall };
      },
    );
    this.random = new Random(config.seed);
    this.initUserNs.live.ended = (ns) => this.trace.emit({ name: "namespace_destroy", kind: ns.kind, ino: ns.ino });
    this.memory = new Memory(config.memoryBytes);
    this.memory.outOfMemory = () => outOfMemory(this);
    this.log = new KernelLog(() => sched.clockNs);
    this.signals = new Signals(this);
    this.cgroups = new CgroupTree(sched, {
      freeze: (task) => this.signals.freezeChanged(task as Task),
      kill: (task) => this.signals.sendToProcess(SIGKILL, (task as Task).tg),
      outOfMemory: (memcg) => outOfMemory(this, memcg),
      nextIno: () => this.nextCgroupIno(),
      emit: (name, { ino, path }, value) => this.trace.emit({ name, id: ino, path, value }),
      attached: (task, { ino, path }) => {
        const { pid, comm } = task as Task;
        this.trace.emit({ name: "cgroup_attach_task", pid: pid.nr, comm, id: ino, path });
      },
      forkRejected: ({ path }) => this.log.printk(6, `cgroup: fork rejected by pids controller in ${path}`),
    });
    this.memory.cgroups = this.cgroups;
    this.signals.groupExit = groupExit;
    this.initPidNs = new PidNamespace(PROC_PID_INIT_INO, undefined, this.initUserNs);
    this.initNetNs = new NetNamespace(this, PROC_NET_INIT_INO, this.initUserNs);
    this.realtimeOffset = { sec: config.startSec, nsec: 0 };
    for (const type of filesystemTypes) this.filesystems.set(type.name, type);
    for (const [dev, driver] of charDevices) this.charDevices.set(dev, driver);
    this.rootfs = mountTmpfs(this, { sizeBytes: ROOT_BYTES, mode: 0o755 });
    // Below what everybody sees as the root is the one that never goes: the empty rootfs of the kernel itself.
    const absolute = mountTmpfs(this, { mode: 0o755 }, "rootfs");
    this.absoluteRoot = new Mount(1, absolute, absolute.rootDentry, "none", MS_RELATIME);
    this.rootMount = new Mount(this.mounts.nextId(), this.rootfs, this.rootfs.rootDentry, "rootfs", MS_RELATIME);
    hang(this.rootMount, this.absoluteRoot.rootPath);
    this.sys = createSys(this, handlers);
  }

  nextAnonIno(): number {
    return this.anonIno++;
  }

  /** Inode numbers: each directory's, then those of its files. */
  private nextCgroupIno(): number {
    return 1 + CGROUP_FILES_MAX * this.cgroupsMade++;
  }

  requireNetNamespaces(): (ino: number, userNs: UserNamespace) => PlainNamespace<"net"> {
    return requestModule(this, NET).newNamespace;
  }

  nextNamespaceIno(): number {
    return this.namespaceIno++;
  }

  nextAnonDev(): number {
    return this.anonDev++;
  }

  memoryFault(task: Task, addr: number, length: number): number {
    return memoryFault(this, task, addr, length);
  }

  /** Starts PID 1, which becomes /sbin/init. The root filesystem is filled. */
  boot(): void {
    const { log, config } = this;
    log.printk(5, `Linux version ${UTS_RELEASE} (drydock) ${UTS_VERSION}`);
    log.printk(6, `Memory: ${Math.floor(this.memory.freeBytes / 1024)}K/${Math.floor(config.memoryBytes / 1024)}K available`);
    log.printk(6, `smp: Brought up 1 node, ${config.cpus} CPUs`);
    log.printk(6, "Run /sbin/init as init process");
    const { sys } = this;
    const env = new Map([
      ["HOME", "/"],
      ["TERM", "linux"],
    ]);
    const task = this.createInit(() =>
      (function* () {
        return yield* sys.execve("/sbin/init", ["/sbin/init"], env);
      })(),
    );
    this.init = task.tg;
    this.armLoadAverage();
    this.sched.wake(task);
  }

  private createInit(body: Body): Task {
    const userNs = this.initUserNs;
    const tg = new ThreadGroup(defaultRlimits(RLIMIT_NOFILE_DEFAULT, RLIMIT_NOFILE_HARD));
    const pid = this.initPidNs.alloc();
    const task = new Task(this, pid.get(), tg, body()[Symbol.iterator]());
    tg.leader = task;
    tg.threads.add(task);
    pid.task = task;
    tg.pgrp = pid.get();
    tg.session = pid.get();
    pid.groupMembers.add(tg);
    pid.sessionMembers.add(tg);
    const root = { mnt: this.rootMount, dentry: this.rootMount.root };
    const time = new TimeNamespace(PROC_TIME_INIT_INO, userNs);
    task.ns = new NsProxy({
      uts: new UtsNamespace(PROC_UTS_INIT_INO, userNs, "(none)", "(none)"),
      ipc: new IpcNamespace(PROC_IPC_INIT_INO, userNs),
      net: this.initNetNs,
      cgroup: new CgroupNamespace(PROC_CGROUP_INIT_INO, userNs, this.cgroups.root),
      time,
      timeForChildren: time,
      mnt: new MountNamespace(this.mounts, PROC_MNT_INIT_INO, userNs, this.absoluteRoot),
      pidForChildren: this.initPidNs,
    }).get();
    task.cred = rootCred(userNs);
    task.fs = new FsStruct(root, root, 0o022);
    task.files = new FilesStruct();
    task.mm = new AddressSpace(new AnonAccount(this.memory, task));
    task.comm = "swapper";
    this.cgroups.enter(task, this.cgroups.root);
    task.kernelMemoryOf = this.cgroups.root.memory;
    this.memory.tryCharge("kernel", TASK_KERNEL_BYTES, task.kernelMemoryOf);
    this.tasks.add(task);
    return task;
  }

  /**
   * Starts a child of init that runs `body`, as the kernel's usermode helper does. From outside of any task.
   * Errors: as fork.
   */
  spawnHelper(comm: string, body: Body): Task {
    if (this.init === undefined) throw new Error("the machine has not booted");
    const task = forkTask(this, this.init.leader, 0, SIGCHLD, body);
    task.comm = comm;
    // Nothing of init but its namespaces: no handlers, no blocked signals, no descriptors.
    task.tg.sighand = new SigHand();
    task.blocked = 0n;
    for (const file of task.files.takeAll()) file.put();
    return task;
  }

  /** Runs until `untilNs`; asks `spent` now and then whether to come back earlier. */
  run(untilNs: number, spent: () => boolean): RunResult {
    this.stalledFor = undefined;
    this.stopRequested = false;
    const { sched } = this;
    for (let n = 1; ; n++) {
      if (this.panic !== undefined) return "panic";
      if (this.halted !== undefined) return "halted";
      if (this.stalledFor !== undefined) return "stalled";
      if (!sched.step(untilNs)) {
        sched.idleUntil(untilNs);
        return "until";
      }
      if (this.stopRequested) return "budget";
      if ((sched.single || (n & 63) === 0) && spent()) return "budget";
    }
  }

  private crashed(task: Task, thrown: unknown): void {
    if (thrown instanceof KernelPanic) return;
    if (this.sched.current !== task) return;
    const errno = thrown instanceof Errno;
    const detail = thrown instanceof Error ? (thrown.stack ?? thrown.message) : errno ? thrown.name : String(thrown);
    this.crashes.push(`${task.comm}: ${detail}`);
    this.log.printk(6, `${task.comm}[${task.pid.nr}]: segfault: ${detail}`);
    groupExit(task, SIGSEGV);
  }

  /** Linux `kernel/sched/loadavg.c`: exponentially decaying averages of the tasks that run or wait for a CPU. */
  private armLoadAverage(): void {
    const timer = new Timer(() => {
      const active = this.sched.root.runnable;
      const decays = [1884 / 2048, 2014 / 2048, 2037 / 2048] as const;
      decays.forEach((decay, i) => {
        this.loads[i] = (this.loads[i] as number) * decay + active * (1 - decay);
      });
      this.sched.timers.arm(timer, this.sched.clockNs + LOAD_FREQ_NS);
    });
    this.sched.timers.arm(timer, LOAD_FREQ_NS);
  }
}

/** The body of a task has returned: a thread ends alone, a process with all its threads. */
function groupOrThreadExit(task: Task, status: number): void {
  if (task.isLeader) groupExit(task, exitedStatus(status));
  else exitTask(task, exitedStatus(status));
}
