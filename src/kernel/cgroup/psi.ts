/**
 * Pressure stall information: Documentation/accounting/psi.rst, Linux `kernel/sched/psi.c`. A stall is time in which a task of the group could
 * have gone on but for the resource. With `threads = min(tasks that are not idle, CPUs)`, "some" is `min(delayed / threads, 1)` of the time and
 * "full" `(threads - productive) / threads` of it, as psi.c defines them before it approximates them CPU by CPU.
 *
 * Nothing is done while nothing changes: averages that are due are computed when somebody looks, or when a rate changes.
 */

import { EINVAL } from "../../abi/errno.ts";
import { Timer, type TimerQueue } from "../sched/timer.ts";
import { WaitQueue } from "../sched/wait-queue.ts";

/** PSI_FREQ: how often the averages move on. */
const PERIOD_NS = 2_000_000_000;
/** EXP_10s, EXP_60s, EXP_300s: the decay of one period in 1/2048. */
const DECAYS = [1677, 1981, 2034] as const;
const FIXED_1 = 2048;
/** WINDOW_MIN_US, WINDOW_MAX_US. */
const WINDOW_MIN_US = 500_000;
const WINDOW_MAX_US = 10_000_000;
/** UPDATES_PER_WINDOW. */
const UPDATES = 10;

interface Clock {
  readonly clockNs: number;
  readonly timers: TimerQueue;
  readonly cpus: { readonly length: number };
}

export type StallKind = "some" | "full";

class Stall {
  /** Share of the time that is stalled, from `sinceNs` on. */
  rate = 0;
  private totalNs = 0;
  private sinceNs = 0;
  private sampledNs = 0;
  /** Of 10, 60 and 300 seconds, in 1/2048 per cent. */
  readonly averages: [number, number, number] = [0, 0, 0];

  set(rate: number, nowNs: number): void {
    this.totalNs = this.totalAt(nowNs);
    this.rate = rate;
    this.sinceNs = nowNs;
  }

  totalAt(nowNs: number): number {
    return this.totalNs + (nowNs - this.sinceNs) * this.rate;
  }

  /** Whether more periods like this one would change nothing. */
  get idle(): boolean {
    const [a10, a60, a300] = this.averages;
    return this.rate === 0 && this.sampledNs === this.totalNs && a10 + a60 + a300 === 0;
  }

  /** Linux `calc_avgs`, `calc_load`: one period ended at `atNs`. */
  sample(atNs: number): void {
    const total = this.totalAt(atNs);
    const active = Math.min(100, Math.floor(((total - this.sampledNs) * 100) / PERIOD_NS)) * FIXED_1;
    this.sampledNs = total;
    for (const [i, decay] of DECAYS.entries()) {
      const before = this.averages[i] as number;
      const sum = before * decay + active * (FIXED_1 - decay) + (active >= before ? FIXED_1 - 1 : 0);
      this.averages[i] = Math.floor(sum / FIXED_1);
    }
  }
}

function showAverage(value: number): string {
  return `${Math.floor(value / FIXED_1)}.${String(Math.floor(((value % FIXED_1) * 100) / FIXED_1)).padStart(2, "0")}`;
}

/** One resource of one group. */
export class Pressure {
  private readonly stalls: Readonly<Record<StallKind, Stall>> = { some: new Stall(), full: new Stall() };
  private nextNs: number;
  /** Made with the first one. */
  private triggers: Set<PsiTrigger> | undefined;

  constructor(private readonly clock: Clock) {
    this.nextNs = clock.clockNs + PERIOD_NS;
  }

  /** What holds from now on, as shares of the time. */
  set(some: number, full: number): void {
    const { stalls } = this;
    if (some === stalls.some.rate && full === stalls.full.rate) return;
    const now = this.clock.clockNs;
    this.advance(now);
    stalls.some.set(some, now);
    stalls.full.set(full, now);
    if (this.triggers !== undefined && some > 0) for (const trigger of this.triggers) trigger.start();
  }

  private advance(now: number): void {
    const { some, full } = this.stalls;
    while (now >= this.nextNs) {
      if (some.idle && full.idle) {
        this.nextNs += (Math.floor((now - this.nextNs) / PERIOD_NS) + 1) * PERIOD_NS;
        return;
      }
      some.sample(this.nextNs);
      full.sample(this.nextNs);
      this.nextNs += PERIOD_NS;
    }
  }

  totalNs(kind: StallKind): number {
    return this.stalls[kind].totalAt(this.clock.clockNs);
  }

  rate(kind: StallKind): number {
    return this.stalls[kind].rate;
  }

  /** Averages over 10, 60 and 300 seconds, per cent. */
  averages(kind: StallKind): readonly [number, number, number] {
    this.advance(this.clock.clockNs);
    const [a10, a60, a300] = this.stalls[kind].averages;
    return [a10 / FIXED_1, a60 / FIXED_1, a300 / FIXED_1];
  }

  /** The two lines of a pressure file; totals in microseconds. */
  text(): string {
    const now = this.clock.clockNs;
    this.advance(now);
    const line = (kind: StallKind): string => {
      const stall = this.stalls[kind];
      const [a10, a60, a300] = stall.averages.map(showAverage) as [string, string, string];
      return `${kind} avg10=${a10} avg60=${a60} avg300=${a300} total=${Math.floor(stall.totalAt(now) / 1000)}\n`;
    };
    return line("some") + line("full");
  }

  /** `some 150000 1000000`: to be told when the stall grows by a threshold within a window. Errors: EINVAL. */
  addTrigger(text: string): PsiTrigger {
    const match = /^(some|full) +(\d+) +(\d+)/.exec(text);
    if (match === null) throw EINVAL;
    const [threshold, window] = [Number(match[2]), Number(match[3])];
    if (window < WINDOW_MIN_US || window > WINDOW_MAX_US || threshold === 0 || threshold > window) throw EINVAL;
    const trigger = new PsiTrigger(this, this.clock, match[1] as StallKind, threshold * 1000, window * 1000);
    this.triggers ??= new Set();
    this.triggers.add(trigger);
    if (this.stalls.some.rate > 0) trigger.start();
    return trigger;
  }

  forget(trigger: PsiTrigger): void {
    this.triggers?.delete(trigger);
  }
}

/** Linux `struct psi_trigger`. While its resource stalls it looks ten times a window. */
export class PsiTrigger {
  readonly event = new WaitQueue();
  /** Something happened that poll has not told of yet. */
  private pending = false;
  private readonly timer: Timer;
  private startNs: number;
  private startTotal: number;
  private previousGrowth = 0;
  private lastEventNs = Number.NEGATIVE_INFINITY;
  private untilNs = 0;

  constructor(
    private readonly pressure: Pressure,
    private readonly clock: Clock,
    private readonly kind: StallKind,
    private readonly thresholdNs: number,
    private readonly windowNs: number,
  ) {
    this.timer = new Timer(() => this.look());
    this.startNs = clock.clockNs;
    this.startTotal = pressure.totalNs(kind);
  }

  start(): void {
    this.untilNs = this.clock.clockNs + this.windowNs;
    if (this.timer.armed) return;
    this.restart(0);
    this.clock.timers.arm(this.timer, this.clock.clockNs + this.windowNs / UPDATES);
  }

  /** Whether something happened since the last look: poll. */
  take(): boolean {
    const { pending } = this;
    this.pending = false;
    return pending;
  }

  /** Its descriptor was closed. */
  remove(): void {
    this.clock.timers.cancel(this.timer);
    this.pressure.forget(this);
  }

  private restart(growth: number): void {
    this.startNs = this.clock.clockNs;
    this.startTotal = this.pressure.totalNs(this.kind);
    this.previousGrowth = growth;
  }

  /** Linux `window_update`, `update_triggers`. */
  private look(): void {
    const now = this.clock.clockNs;
    const elapsed = now - this.startNs;
    let growth = this.pressure.totalNs(this.kind) - this.startTotal;
    if (elapsed > this.windowNs) this.restart(growth);
    else growth += (this.previousGrowth * (this.windowNs - elapsed)) / this.windowNs;
    if (growth >= this.thresholdNs && now >= this.lastEventNs + this.windowNs) {
      this.lastEventNs = now;
      this.pending = true;
      this.event.wake();
    }
    if (this.pressure.rate("some") > 0) this.untilNs = now + this.windowNs;
    if (now < this.untilNs) this.clock.timers.arm(this.timer, now + this.windowNs / UPDATES);
  }
}

/** The tasks of a group that run, wait for a CPU or wait for memory, and the pressures that follow from them. */
export class GroupPressure {
  readonly cpu: Pressure;
  readonly memory: Pressure;
  /** Differs from Linux: no file is on a disk, so nothing ever waits for one. */
  readonly io: Pressure;
  /** On a CPU; runnable but not on one; held back for want of memory. */
  running = 0;
  waiting = 0;
  stalledForMemory = 0;
  /** cgroup.pressure. */
  enabled = true;

  constructor(
    private readonly clock: Clock,
    /** The system as a whole is never stalled in full for CPUs. */
    private readonly isRoot: boolean,
  ) {
    this.cpu = new Pressure(clock);
    this.memory = new Pressure(clock);
    this.io = new Pressure(clock);
  }

  note(running: number, waiting: number, stalledForMemory: number): void {
    this.running += running;
    this.waiting += waiting;
    this.stalledForMemory += stalledForMemory;
    this.update();
  }

  enable(on: boolean): void {
    this.enabled = on;
    this.update();
  }

  private update(): void {
    const { running, waiting, stalledForMemory: stalled, clock } = this;
    const threads = Math.min(running + waiting + stalled, clock.cpus.length);
    if (!this.enabled || threads === 0) {
      this.cpu.set(0, 0);
      this.memory.set(0, 0);
      return;
    }
    const cpuFull = this.isRoot || waiting === 0 ? 0 : (threads - Math.min(running, threads)) / threads;
    this.cpu.set(Math.min(waiting / threads, 1), cpuFull);
    const productive = Math.min(running + waiting, threads);
    this.memory.set(Math.min(stalled / threads, 1), stalled === 0 ? 0 : (threads - productive) / threads);
  }
}
