/**
 * What the scheduler schedules: tasks and groups of tasks (Linux `struct sched_entity`, `struct task_group`).
 * Weights and virtual run time as in CFS and EEVDF: vruntime advances by time × 1024 / weight.
 */

import type { Wait } from "../../abi/sys.ts";
import { type Queued, RunQueue } from "./run-queue.ts";
import type { WaitQueue, Waiter } from "./wait-queue.ts";

/** Weight of nice 0 and of cpu.weight 100. */
export const NICE_0_WEIGHT = 1024;

/** Linux `sched_prio_to_weight`: each nice level is about 10 % of CPU. */
const NICE_WEIGHTS = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277, 1024,
  820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
];

/** The weight of a nice value from -20 to 19. */
export function niceWeight(nice: number): number {
  return NICE_WEIGHTS[nice + 20] ?? NICE_0_WEIGHT;
}

/** WEIGHT_IDLEPRIO: of SCHED_IDLE tasks and of groups with cpu.idle. */
export const IDLE_WEIGHT = 3;

export function taskWeight(idle: boolean, nice: number): number {
  return idle ? IDLE_WEIGHT : niceWeight(nice);
}

export abstract class SchedEntity implements Queued {
  /** Place in the run queue of `group`; -1 while running, sleeping or throttled. */
  heapIndex = -1;
  /** Virtual run time, nanoseconds at nice 0. */
  vruntime = 0;
  weight = NICE_0_WEIGHT;
  /** Tie-break: first queued, first served. */
  queuedSeq = 0;
  group: SchedGroup | undefined;
  filed: Queued["filed"];

  abstract readonly cpuMask: number;
}

/** The run queue of a cgroup (Linux `struct cfs_rq` and `struct task_group`), one for all CPUs. */
export class SchedGroup extends SchedEntity {
  readonly queue = new RunQueue<SchedEntity>();
  /** Never decreases; where newcomers and sleepers join. */
  minVruntime = 0;
  /** CPU time used by all tasks below, nanoseconds. */
  usageNs = 0;
  /** Tasks below that are queued or running. */
  runnable = 0;
  throttled = false;
  /** When it was last unthrottled: nothing of it runs before. */
  readyAtNs = 0;

  constructor(parent: SchedGroup | undefined) {
    super();
    this.group = parent;
  }

  override get cpuMask(): number {
    return this.queue.cpuMask;
  }
}

/**
 * - `running`: on a run queue or on a CPU.
 * - `sleeping`: waits for an event or a signal.
 * - `stopped`: by a stop signal; `traced`: by its tracer.
 * - `dead`: will never run again; a zombie until its parent has waited for it.
 */
export type RunState = "running" | "sleeping" | "stopped" | "traced" | "dead";

/** The part of a task that the scheduler knows. */
export abstract class SchedTask extends SchedEntity implements Waiter {
  /** Sole writer besides this class: scheduler.ts, and exit. */
  state: RunState = "sleeping";
  /** The suspended program. Replaced by execve. */
  abstract body: Iterator<Wait, number, void>;
  /** Queues that hold this task while it sleeps. */
  readonly waits: WaitQueue[] = [];
  /** Why the sleep ended; read by sleep(). */
  wakeReason: "event" | "timeout" | "signal" = "event";
  /** A signal that is not blocked, or a stop, waits for delivery: interruptible sleeps end, the gate takes the slow way out. */
  signalPending = false;
  /** When it became runnable: it does not run before. */
  readyAtNs = 0;
  /** Time used since it was last put on a CPU. */
  sliceUsedNs = 0;
  /** CPU that runs it, or ran it last. */
  cpu = 0;
  /** Bit mask of CPUs that it may use. */
  affinity = 0xffffffff;
  nice = 0;
  /** User-mode and kernel-mode time, nanoseconds. */
  utimeNs = 0;
  stimeNs = 0;
  /** Context switches: given up, taken away. */
  nvcsw = 0;
  nivcsw = 0;
  /** Set where the machine runs it: ends it without resuming the body. */
  killPending = false;

  override get cpuMask(): number {
    return this.affinity;
  }

  abstract wakeUp(): boolean;
}
