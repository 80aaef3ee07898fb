/** PID namespaces: pid_namespaces(7), Linux `kernel/pid.c`, `kernel/pid_namespace.c`. */

import { EAGAIN, ENOMEM } from "../../abi/errno.ts";
import { PID_MAX, RESERVED_PIDS } from "../params.ts";
import { Namespace } from "./namespace.ts";
import type { UserNamespace } from "./user.ts";

/** The number that one PID has in one namespace. */
interface Upid {
  readonly ns: PidNamespace;
  readonly nr: number;
}

/** A task, as far as its identity goes; `task/task.ts` has the whole. */
export interface PidBearer {
  readonly pid: Pid;
}

/** An identity that outlives its task: it stays while a task, a process group or a session bears it. */
export class Pid {
  /** The thread with this id. Written by fork and by release. */
  task: PidBearer | undefined;
  /** Processes whose process group, or whose session, it is. Written by setpgid, setsid, fork and exit. */
  readonly groupMembers = new Set<PidBearer>();
  readonly sessionMembers = new Set<PidBearer>();
  /** Outermost namespace first. */
  readonly numbers: readonly Upid[];
  /** Bearers: tasks by thread id, groups by process group and by session. Freed when none is left. */
  private references = 0;

  constructor(numbers: readonly Upid[]) {
    this.numbers = numbers;
  }

  /** The number in the outermost namespace. */
  get nr(): number {
    return (this.numbers[0] as Upid).nr;
  }

  /** The number as seen in `ns`; 0 if it is not visible there. */
  nrIn(ns: PidNamespace): number {
    const upid = this.numbers[ns.level];
    return upid !== undefined && upid.ns === ns ? upid.nr : 0;
  }

  get(): this {
    this.references++;
    return this;
  }

  put(): void {
    if (--this.references > 0) return;
    for (const { ns, nr } of this.numbers) {
      ns.free(nr);
      ns.put();
    }
  }
}

export class PidNamespace extends Namespace {
  readonly kind = "pid";
  readonly level: number;
  private readonly pids = new Map<number, Pid>();
  private last = 0;
  declare readonly parent: PidNamespace | undefined;
  /** Set once its init has died: fork fails with ENOMEM. */
  dead = false;
  /** reboot(2) was called inside: the signal that its init is to die of. Written by reboot. */
  rebootSignal = 0;
  /** Called when only its dying init is left in it. Written by exit. */
  onlyInitLeft: (() => void) | undefined;

  constructor(
    ino: number,
    parent: PidNamespace | undefined,
    readonly userNs: UserNamespace,
  ) {
    super(ino, userNs, parent);
    this.level = parent === undefined ? 0 : parent.level + 1;
  }

  find(nr: number): Pid | undefined {
    return this.pids.get(nr);
  }

  get count(): number {
    return this.pids.size;
  }

  /** The number given out last (`/proc/sys/kernel/ns_last_pid`, the fifth field of /proc/loadavg). */
  get lastPid(): number {
    return this.last;
  }

  /** ns_last_pid was written: the next number is sought after `nr`. */
  continueAfter(nr: number): void {
    this.last = nr;
  }

  /** All PIDs, ascending. */
  sorted(): readonly (readonly [number, Pid])[] {
    return [...this.pids].sort((a, b) => a[0] - b[0]);
  }

  /** A new PID with a number in this namespace and in each one above. Errors: EAGAIN if no number is free; ENOMEM once its init has died. */
  alloc(): Pid {
    if (this.dead) throw ENOMEM;
    const numbers: Upid[] = [];
    for (let ns: PidNamespace | undefined = this; ns !== undefined; ns = ns.parent) numbers.unshift({ ns, nr: ns.next() });
    const pid = new Pid(numbers);
    for (const { ns, nr } of numbers) {
      ns.pids.set(nr, pid);
      ns.last = nr;
      ns.get();
    }
    return pid;
  }

  /** Cyclic, as idr_alloc_cyclic: the next free number after the last; low ones are reserved after a wrap-around. */
  private next(): number {
    if (this.pids.size >= PID_MAX - RESERVED_PIDS) throw EAGAIN;
    let nr = this.last + 1;
    for (;;) {
      if (nr >= PID_MAX) nr = RESERVED_PIDS;
      if (!this.pids.has(nr)) return nr;
      nr++;
    }
  }

  /** Called by Pid.put() only. */
  free(nr: number): void {
    this.pids.delete(nr);
    if (this.pids.size === 1) this.onlyInitLeft?.();
  }
}
