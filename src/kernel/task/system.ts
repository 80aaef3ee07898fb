/** What all tasks of one machine share: the globals of a Linux kernel, in one object. Made by `kernel.ts`. */

import type { Program, Sys, Voice } from "../../abi/sys.ts";
import type { Timespec } from "../../abi/stat.ts";
import { NS_PER_SEC } from "../../abi/time.ts";
import type { CgroupTree } from "../cgroup/tree.ts";
import type { Memory } from "../mm/memory.ts";
import { TICK_NS } from "../params.ts";
import type { PlainNamespace } from "../ns/nsproxy.ts";
import type { PidNamespace } from "../ns/pid.ts";
import type { UserNamespace } from "../ns/user.ts";
import type { Random } from "../random.ts";
import type { Scheduler } from "../sched/scheduler.ts";
import type { Tracer } from "../trace.ts";
import type { File } from "../vfs/file.ts";
import type { Dentry, Path } from "../vfs/dentry.ts";
import type { SuperBlock } from "../vfs/inode.ts";
import type { Mounts } from "../vfs/mount.ts";
import type { MaySleep } from "../blocked.ts";
import type { Caller } from "../vfs/caller.ts";
import type { KernelLog } from "./log.ts";
import type { FindModule } from "./module.ts";
import type { Signals } from "./signals.ts";
import type { Task, ThreadGroup } from "./task.ts";

/** What a note in an executable leads to: code, code that is still on its way (the clock stands still), or nothing. */
export type ProgramLookup = Program | "loading" | undefined;

/** Code that is on its way: what execve was to start, or a part of the kernel. */
export type MissingCode =
  | { readonly kind: "program"; readonly name: string; readonly argv: readonly string[] }
  | { readonly kind: "module"; readonly name: string };

/** A filesystem type, as in /proc/filesystems. */
export interface FilesystemType {
  readonly name: string;
  /** No block device is needed. */
  readonly nodev: boolean;
  /**
   * FS_USERNS_MOUNT: the user namespace in which the mounter needs CAP_SYS_ADMIN, and to which a new instance belongs. Without it only
   * the initial one counts.
   */
  usernsMount?(mounter: Task): UserNamespace;
  /** SB_I_USERNS_VISIBLE: outside of the initial user namespace, only who sees one of it wholly may mount another (proc, sysfs). */
  readonly usernsVisible?: boolean;
  /** Makes or finds the instance. `data` is the option string of mount(2). Errors: EINVAL for unknown options. */
  mount(system: System, source: string, data: string, flags: number, mounter: Task): SuperBlock;
  /** The part of the instance that a new mount shows: its root unless given (cgroup2: the root of the mounter's cgroup namespace). */
  rootFor?(sb: SuperBlock, mounter: Task): Dentry;
}

/** A device driver: what opening a character or block device node does. */
export interface DeviceDriver {
  readonly name: string;
  open(path: Path, flags: number, caller: Caller, rdev: number): MaySleep<File>;
}

export interface SystemConfig {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** CLOCK_REALTIME at boot, seconds since 1970. */
  readonly startSec: number;
  readonly hostname: string;
  readonly seed: number;
}

export interface System {
  readonly config: SystemConfig;
  readonly sched: Scheduler;
  readonly trace: Tracer;
  readonly random: Random;
  readonly memory: Memory;
  readonly cgroups: CgroupTree;
  readonly log: KernelLog;
  readonly signals: Signals;
  readonly initUserNs: UserNamespace;
  readonly initPidNs: PidNamespace;
  /** Every task that was not yet collected, zombies too, in the order of their birth. */
  readonly tasks: Set<Task>;
  /** PID 1 of the machine. */
  init: ThreadGroup | undefined;
  /** Number of forks since boot (/proc/stat). */
  forks: number;
  /** Load averages over 1, 5 and 15 minutes. */
  readonly loads: [number, number, number];
  readonly filesystems: Map<string, FilesystemType>;
  /** Character devices by makedev() number; a major number alone by makedev(major, -1). */
  readonly charDevices: Map<number, DeviceDriver>;
  /** The system calls, for the programs that execve starts. */
  readonly sys: Sys;
  /** Makes pages of the current task resident (task/oom.ts). Returns for how long memory.high holds the task back, nanoseconds. */
  memoryFault(task: Task, addr: number, length: number): number;
  findProgram(name: string, argv: readonly string[], voice: Voice): ProgramLookup;
  /** A kernel panic: its text. Nothing runs any more. */
  panic: string | undefined;
  /** reboot(2) was called: nothing runs any more. */
  halted: string | undefined;
  /** A system call met code that is not loaded: run() returns at once, and the call is repeated when it goes on. */
  stalledFor: MissingCode | undefined;
  /** The modules that are set up, by name: what they give (task/module.ts). */
  readonly modules: Map<string, unknown>;
  readonly findModuleCode: FindModule;
  /** Settable values under /proc/sys, by path below it. */
  readonly sysctl: Map<string, string>;
  /** CLOCK_REALTIME minus CLOCK_MONOTONIC, seconds. Written by clock_settime. */
  realtimeOffset: Timespec;
  /** There from the boot on, and empty until the network is set up. */
  readonly initNetNs: PlainNamespace<"net">;
  /** The way to make network namespaces, each with nothing but its loopback device. Errors: ELOADING. */
  requireNetNamespaces(): (ino: number, userNs: UserNamespace) => PlainNamespace<"net">;
  /** An inode number for an object without a filesystem: pipes, sockets, namespaces. */
  nextAnonIno(): number;
  readonly mounts: Mounts;
  /** An inode number of nsfs for a new namespace. */
  nextNamespaceIno(): number;
  /** A device number for a filesystem instance without a device: 0:N. */
  nextAnonDev(): number;
}

/** CLOCK_REALTIME with the granularity of a tick, for inode times. The same object within one tick. */
export function coarseNow(system: System): Timespec {
  const tick = Math.floor(system.sched.clockNs / TICK_NS);
  const cached = coarse.get(system);
  if (cached !== undefined && cached.tick === tick && cached.offset === system.realtimeOffset) return cached.time;
  const time = realtimeAt(system, tick * TICK_NS);
  coarse.set(system, { tick, offset: system.realtimeOffset, time });
  return time;
}

const coarse = new WeakMap<System, { tick: number; offset: Timespec; time: Timespec }>();

/** CLOCK_REALTIME at a time since boot. */
export function realtimeAt(system: System, ns: number): Timespec {
  const { sec, nsec } = system.realtimeOffset;
  const total = (ns % NS_PER_SEC) + nsec;
  return { sec: sec + Math.floor(ns / NS_PER_SEC) + (total >= NS_PER_SEC ? 1 : 0), nsec: total % NS_PER_SEC };
}
