/**
 * The scheduler: discrete events over N virtual CPUs. Linux `kernel/sched/core.c`, `fair.c`.
 *
 * Each CPU has a clock of its own. The busy CPU that is furthest behind runs its task for one quantum; a timer fires once
 * all CPUs have reached it. Picking is by least virtual run time, group by group, O(log n).
 *
 * Differs from Linux: one run queue serves all CPUs (no load balancing, no migration cost); picks the least vruntime, where
 * EEVDF takes the earliest virtual deadline among the eligible. Wake-ups across CPUs may be early by less than QUANTUM_NS.
 */

import { ERESTARTSYS } from "../restart.ts";
import type { Wait } from "../../abi/sys.ts";
import { QUANTUM_NS, SLICE_NS, SWITCH_NS, WAKEUP_CREDIT_NS } from "../params.ts";
import { type SchedEntity, SchedGroup, type SchedTask } from "./entity.ts";
import { Timer, TimerQueue } from "./timer.ts";
import type { WaitQueue } from "./wait-queue.ts";

export interface Cpu {
  readonly id: number;
  /** Time up to which this CPU has run. */
  clockNs: number;
  current: SchedTask | undefined;
  busyNs: number;
  /** Busy time by class, for /proc/stat. */
  userNs: number;
  niceNs: number;
  systemNs: number;
}

/** What the scheduler asks of the layers above it. */
export interface SchedHooks {
  /** The body of `task` returned `status`: exit. */
  ended(task: SchedTask, status: number): void;
  /** A fatal signal hit while the task did not run: exit without resuming it. */
  killed(task: SchedTask): void;
  /** The body threw something that is no errno of its own handling. */
  crashed(task: SchedTask, thrown: unknown): void;
  /** CPU time was used: bandwidth control, CPU limits, profiling timers. */
  charged(task: SchedTask, userNs: number, systemNs: number): void;
  /** `task` began (+1) or ended (-1) to run on a CPU, or to wait for one. */
  moved(task: SchedTask, running: number, waiting: number): void;
}

export class Scheduler {
  readonly cpus: readonly Cpu[];
  readonly timers = new TimerQueue();
  readonly root = new SchedGroup(undefined);
  /** Now: the clock of the CPU that runs, or the instant of the event that is handled. */
  clockNs = 0;
  /** The gate hands the CPU back once clockNs reaches it. */
  quantumEndNs = 0;
  current: SchedTask | undefined;
  contextSwitches = 0;
  /** One system call at a time: the gate hands the CPU back after each, within the same quantum. */
  single = false;
  /** The CPU whose quantum was interrupted by single stepping, or by a stall. */
  private interrupted: Cpu | undefined;
  private stalled = false;
  realQuantumEndNs = 0;
  private utimeAtStart = 0;
  private startNs = 0;
  private seq = 0;

  constructor(
    cpuCount: number,
    private readonly hooks: SchedHooks,
  ) {
    this.cpus = Array.from({ length: cpuCount }, (_, id) => ({
      id,
      clockNs: 0,
      current: undefined,
      busyNs: 0,
      userNs: 0,
      niceNs: 0,
      systemNs: 0,
    }));
  }

  // ── Run queues ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Makes a new or sleeping task runnable. */
  wake(task: SchedTask, reason: "event" | "timeout" | "signal" = "event"): void {
    task.state = "running";
    task.wakeReason = reason;
    task.readyAtNs = this.clockNs;
    const group = task.group ?? this.root;
    task.vruntime = Math.max(task.vruntime, group.minVruntime - WAKEUP_CREDIT_NS);
    this.countRunnable(group, 1);
    this.enqueue(task);
    this.hooks.moved(task, 0, 1);
  }

  private countRunnable(group: SchedGroup, by: number): void {
    for (let g: SchedGroup | undefined = group; g !== undefined; g = g.group) g.runnable += by;
  }

  private enqueue(entity: SchedEntity): void {
    let e = entity;
    for (;;) {
      const group = e.group;
      if (group === undefined) return;
      e.queuedSeq = this.seq++;
      group.queue.add(e);
      // A group is queued in its parent while it has queued members and is not throttled.
      if (group.throttled || group.group === undefined) return;
      if (group.heapIndex >= 0) {
        this.refile(group);
        return;
      }
      group.vruntime = Math.max(group.vruntime, group.group.minVruntime - WAKEUP_CREDIT_NS);
      e = group;
    }
  }

  private dequeue(entity: SchedEntity): void {
    let e = entity;
    for (;;) {
      const group = e.group;
      if (group === undefined) return;
      group.queue.remove(e);
      if (group.heapIndex < 0) return;
      if (group.queue.size > 0) {
        this.refile(group);
        return;
      }
      e = group;
    }
  }

  /** What is queued in `group` has changed, and so perhaps the CPUs that can run something of it. */
  private refile(group: SchedGroup): void {
    for (let g = group; g.group !== undefined && g.heapIndex >= 0 && g.filed?.cpuMask !== g.cpuMask; g = g.group) {
      g.group.queue.remove(g);
      g.group.queue.add(g);
    }
  }

  /** The task that `cpu` should run next, taken off its queue. */
  private pick(cpu: Cpu): SchedTask | undefined {
    const bit = 1 << cpu.id;
    let found = this.root.queue.first(bit);
    while (found instanceof SchedGroup) found = found.queue.first(bit);
    if (found !== undefined) this.dequeue(found);
    return found as SchedTask | undefined;
  }

  /** Moves a task to another group (cgroup migration); its lag is kept. */
  moveTask(task: SchedTask, to: SchedGroup): void {
    const from = task.group ?? this.root;
    const queued = task.heapIndex >= 0;
    if (queued) this.dequeue(task);
    if (task.state === "running") {
      this.countRunnable(from, -1);
      this.countRunnable(to, 1);
    }
    task.vruntime += to.minVruntime - from.minVruntime;
    task.group = to;
    if (!queued) return;
    task.readyAtNs = Math.max(task.readyAtNs, this.clockNs);
    this.enqueue(task);
  }

  /** The CPUs that a task may use have changed. */
  affinityChanged(task: SchedTask): void {
    if (task.heapIndex < 0 || task.filed?.cpuMask === task.cpuMask) return;
    this.dequeue(task);
    this.enqueue(task);
  }

  /** Takes a group with all below it off its parent's queue: bandwidth used up, or frozen. */
  throttle(group: SchedGroup): void {
    if (group.throttled) return;
    group.throttled = true;
    if (group.heapIndex >= 0) this.dequeue(group);
  }

  unthrottle(group: SchedGroup): void {
    if (!group.throttled) return;
    group.throttled = false;
    group.readyAtNs = this.clockNs;
    if (group.queue.size > 0 && group.group !== undefined) {
      group.vruntime = Math.max(group.vruntime, group.group.minVruntime - WAKEUP_CREDIT_NS);
      this.enqueue(group);
    }
  }

  isThrottled(task: SchedTask): boolean {
    for (let g: SchedGroup | undefined = task.group; g !== undefined; g = g.group) if (g.throttled) return true;
    return false;
  }

  /** Applies a new nice value or weight. */
  reweight(entity: SchedEntity, weight: number): void {
    this.account();
    entity.weight = weight;
  }

  // ── Sleeping ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Blocks the current task until one of `queues` is woken or the clock reaches `deadlineNs`. The caller tests its
   * condition again. Throws ERESTARTSYS if a signal waits for delivery.
   */
  *sleep(queues: readonly WaitQueue[], deadlineNs: number = Number.POSITIVE_INFINITY): Generator<Wait, "event" | "timeout", void> {
    const task = this.current as SchedTask;
    if (task.signalPending) throw ERESTARTSYS;
    if (deadlineNs <= this.clockNs) return "timeout";
    for (const queue of queues) {
      queue.add(task);
      task.waits.push(queue);
    }
    task.state = "sleeping";
    const timer = this.sleepTimer(task, deadlineNs);
    yield;
    if (timer !== undefined) this.timers.cancel(timer);
    this.leaveQueues(task);
    const reason = task.wakeReason;
    if (reason === "signal") throw ERESTARTSYS;
    return reason;
  }

  private sleepTimer(task: SchedTask, deadlineNs: number): Timer | undefined {
    if (deadlineNs === Number.POSITIVE_INFINITY) return undefined;
    const timer = new Timer(() => {
      if (task.state === "sleeping") this.wake(task, "timeout");
    });
    this.timers.arm(timer, deadlineNs);
    return timer;
  }

  /** Takes a task off all wait queues: after its sleep, or at its death. */
  leaveQueues(task: SchedTask): void {
    for (const queue of task.waits) queue.remove(task);
    task.waits.length = 0;
  }

  // ── Time ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Books the running task's time up to now. */
  account(): void {
    const task = this.current;
    if (task === undefined) return;
    const delta = this.clockNs - this.startNs;
    if (delta <= 0) return;
    this.startNs = this.clockNs;
    const user = task.utimeNs - this.utimeAtStart;
    const system = Math.max(0, delta - user);
    task.stimeNs += system;
    this.utimeAtStart = task.utimeNs;
    task.sliceUsedNs += delta;
    const cpu = this.cpus[task.cpu] as Cpu;
    cpu.busyNs += delta;
    cpu.systemNs += system;
    if (task.nice > 0) cpu.niceNs += delta - system;
    else cpu.userNs += delta - system;
    this.chargeVruntime(task, delta);
    this.hooks.charged(task, delta - system, system);
  }

  private chargeVruntime(task: SchedTask, delta: number): void {
    task.vruntime += (delta * 1024) / task.weight;
    let below: SchedEntity = task;
    for (let group = task.group; group !== undefined; group = group.group) {
      group.usageNs += delta;
      const first = group.queue.first();
      const least = first === undefined ? below.vruntime : Math.min(below.vruntime, first.vruntime);
      if (least > group.minVruntime) group.minVruntime = least;
      if (group.group !== undefined) {
        group.vruntime += (delta * 1024) / group.weight;
        if (group.heapIndex >= 0) group.group.queue.update(group);
      }
      below = group;
    }
  }

  /** The earliest instant at which something is left to do; Infinity if the machine is idle for good. */
  get nextEventNs(): number {
    let next = this.timers.nextNs;
    for (const cpu of this.cpus) if (cpu.current !== undefined && cpu.clockNs < next) next = cpu.clockNs;
    const ready = this.root.queue.size > 0 ? this.clockNs : Number.POSITIVE_INFINITY;
    return Math.min(next, ready);
  }

  /** No CPU has run past it. */
  get latestNs(): number {
    let latest = this.clockNs;
    for (const cpu of this.cpus) if (cpu.clockNs > latest) latest = cpu.clockNs;
    return latest;
  }

  /**
   * Does the next thing that happens before `untilNs`: fires a timer, or runs one task for a quantum.
   * Returns false where there is nothing to do before then.
   */
  step(untilNs: number): boolean {
    if (this.interrupted !== undefined) {
      this.continueQuantum(this.interrupted);
      return true;
    }
    this.dispatch();
    let cpu: Cpu | undefined;
    for (const c of this.cpus) if (c.current !== undefined && (cpu === undefined || c.clockNs < cpu.clockNs)) cpu = c;
    const timerNs = this.timers.nextNs;
    if (timerNs <= (cpu?.clockNs ?? Number.POSITIVE_INFINITY)) {
      if (timerNs >= untilNs) return false;
      const timer = this.timers.pop() as Timer;
      this.clockNs = timerNs;
      timer.fire();
      return true;
    }
    if (cpu === undefined || cpu.clockNs >= untilNs) return false;
    this.runQuantum(cpu, timerNs);
    return true;
  }

  /** Nothing is left to do before `untilNs`: whatever comes from outside next comes then. */
  idleUntil(untilNs: number): void {
    if (Number.isFinite(untilNs)) this.clockNs = Math.max(this.clockNs, untilNs);
  }

  /** Gives queued tasks to idle CPUs. */
  private dispatch(): void {
    if (this.root.queue.size === 0) return;
    for (const cpu of this.cpus) {
      if (cpu.current !== undefined) continue;
      const task = this.pick(cpu);
      if (task === undefined) continue;
      let readyAtNs = task.readyAtNs;
      for (let g = task.group; g !== undefined; g = g.group) if (g.readyAtNs > readyAtNs) readyAtNs = g.readyAtNs;
      cpu.clockNs = Math.max(cpu.clockNs, readyAtNs) + SWITCH_NS;
      cpu.current = task;
      task.cpu = cpu.id;
      task.sliceUsedNs = 0;
      this.contextSwitches++;
      this.hooks.moved(task, 1, -1);
      if (this.root.queue.size === 0) return;
    }
  }

  private runQuantum(cpu: Cpu, timerNs: number): void {
    const task = cpu.current as SchedTask;
    this.clockNs = cpu.clockNs;
    this.startNs = cpu.clockNs;
    this.utimeAtStart = task.utimeNs;
    this.realQuantumEndNs = Math.min(cpu.clockNs + QUANTUM_NS, timerNs);
    this.continueQuantum(cpu);
  }

  private continueQuantum(cpu: Cpu): void {
    const task = cpu.current as SchedTask;
    // A nanosecond more than now: the task leaves the call that it paused in, and pauses again at the end of the next.
    this.quantumEndNs = this.single ? Math.min(this.clockNs + 1, this.realQuantumEndNs) : this.realQuantumEndNs;
    this.current = task;
    this.stalled = false;
    if (task.killPending) this.hooks.killed(task);
    else this.resume(task);
    const stepped = this.single && task.state === "running" && this.clockNs < this.realQuantumEndNs;
    this.interrupted = this.stalled || stepped ? cpu : undefined;
    if (this.interrupted === undefined) this.endQuantum(cpu, task);
  }

  /** The task meets code that is not loaded: its quantum stops where it is, and goes on with the next step as if nothing had been. */
  *stall(): Generator<Wait, void, void> {
    this.stalled = true;
    yield;
  }

  /** An event was set from outside for `atNs`, while a quantum was interrupted: it ends there, as in a replay. */
  limitQuantum(atNs: number): void {
    if (this.interrupted !== undefined) this.realQuantumEndNs = Math.min(this.realQuantumEndNs, atNs);
  }

  private endQuantum(cpu: Cpu, task: SchedTask): void {
    this.account();
    this.current = undefined;
    cpu.clockNs = this.clockNs;
    const group = task.group ?? this.root;
    if (task.state !== "running") {
      cpu.current = undefined;
      task.nvcsw++;
      this.countRunnable(group, -1);
      this.hooks.moved(task, -1, 0);
      return;
    }
    if (this.shouldYield(task, group)) {
      cpu.current = undefined;
      task.nivcsw++;
      task.readyAtNs = cpu.clockNs;
      this.enqueue(task);
      this.hooks.moved(task, -1, 1);
    }
  }

  private resume(task: SchedTask): void {
    try {
      const result = task.body.next();
      if (result.done === true) this.hooks.ended(task, result.value);
    } catch (thrown) {
      this.hooks.crashed(task, thrown);
    }
  }

  /** Whether the task leaves its CPU to another one that is queued. */
  private shouldYield(task: SchedTask, group: SchedGroup): boolean {
    const bit = 1 << task.cpu;
    if (this.isThrottled(task) || (task.affinity & bit) === 0) return true;
    if (this.root.queue.first(bit) === undefined) return false;
    if (task.sliceUsedNs >= SLICE_NS) return true;
    // Wake-up preemption: someone in the same queue, or a group beside one of its own, is behind by more than the credit of a waker.
    let e: SchedEntity = task;
    for (let g: SchedGroup | undefined = group; g !== undefined; g = g.group) {
      const first = g.queue.first(bit);
      if (first !== undefined && first !== e && first.vruntime + WAKEUP_CREDIT_NS / 2 < e.vruntime) return true;
      e = g;
    }
    return false;
  }
}
