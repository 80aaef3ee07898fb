/** The cpu controller: "CPU" in Documentation/admin-guide/cgroup-v2.rst, Linux `kernel/sched/fair.c` (CFS bandwidth control). */

import { NICE_0_WEIGHT, niceWeight, SchedGroup } from "../sched/entity.ts";
import type { Scheduler } from "../sched/scheduler.ts";
import { Timer } from "../sched/timer.ts";
import { Pressure } from "./psi.ts";

export const CPU_WEIGHT_DEFAULT = 100;
const PERIOD_DEFAULT_NS = 100_000_000;
/** Weight of a group with cpu.idle. */
const IDLE_WEIGHT = 3;

export class CpuController {
  /** Run queue of its own while the controller is enabled for the cgroup; else its tasks are in that of an ancestor. */
  group: SchedGroup | undefined;
  /** cpu.weight, 1 … 10000. */
  weight = CPU_WEIGHT_DEFAULT;
  idle = false;
  /** cpu.max; Infinity for "max". */
  quotaNs = Number.POSITIVE_INFINITY;
  periodNs = PERIOD_DEFAULT_NS;
  burstNs = 0;
  userNs = 0;
  systemNs = 0;
  nrPeriods = 0;
  nrThrottled = 0;
  throttledNs = 0;
  nrBursts = 0;
  burstUsedNs = 0;
  /** Tasks below that are on a CPU, and that could be. For the pressure. */
  running = 0;
  waiting = 0;
  readonly pressure: Pressure;
  private readonly timer: Timer;
  /** What is left of the quota in this period; negative is owed to the next. */
  private runtimeNs = 0;
  private throttledSinceNs: number | undefined;
  private usedInPeriod = false;

  constructor(private readonly sched: Scheduler) {
    this.pressure = new Pressure(sched);
    this.timer = new Timer(() => this.refill());
  }

  /** Creates the run queue. */
  enable(parent: SchedGroup): void {
    this.group = new SchedGroup(parent);
    this.applyWeight();
  }

  /** The queue is empty and goes. */
  disable(): void {
    this.release();
    this.group = undefined;
    this.weight = CPU_WEIGHT_DEFAULT;
    this.idle = false;
    this.quotaNs = Number.POSITIVE_INFINITY;
    this.periodNs = PERIOD_DEFAULT_NS;
    this.burstNs = 0;
  }

  release(): void {
    this.sched.timers.cancel(this.timer);
    this.pressure.release();
    this.unthrottle();
  }

  setWeight(weight: number): void {
    this.weight = weight;
    this.applyWeight();
  }

  setIdle(idle: boolean): void {
    this.idle = idle;
    this.applyWeight();
  }

  private applyWeight(): void {
    if (this.group !== undefined)
      this.sched.reweight(this.group, this.idle ? IDLE_WEIGHT : (this.weight * NICE_0_WEIGHT) / CPU_WEIGHT_DEFAULT);
  }

  /** cpu.weight.nice: the nice value whose weight is nearest. */
  get weightNice(): number {
    const wanted = (this.weight * NICE_0_WEIGHT) / CPU_WEIGHT_DEFAULT;
    let best = 0;
    for (let nice = -20; nice <= 19; nice++) {
      if (Math.abs(niceWeight(nice) - wanted) < Math.abs(niceWeight(best) - wanted)) best = nice;
    }
    return best;
  }

  setBandwidth(quotaNs: number, periodNs: number): void {
    this.quotaNs = quotaNs;
    this.periodNs = periodNs;
    this.sched.timers.cancel(this.timer);
    this.runtimeNs = 0;
    this.unthrottle();
    this.usedInPeriod = false;
    if (Number.isFinite(quotaNs)) this.runtimeNs = quotaNs;
  }

  /** Time was used below. Throttles the queue once the quota is used up. */
  charge(userNs: number, systemNs: number): void {
    this.userNs += userNs;
    this.systemNs += systemNs;
    if (this.quotaNs === Number.POSITIVE_INFINITY || this.group === undefined) return;
    if (!this.timer.armed) {
      // A period begins with its first use after an idle time.
      this.runtimeNs = Math.max(this.runtimeNs, this.quotaNs);
      this.sched.timers.arm(this.timer, this.sched.clockNs + this.periodNs);
    }
    this.usedInPeriod = true;
    this.runtimeNs -= userNs + systemNs;
    if (this.runtimeNs > 0 || this.throttledSinceNs !== undefined) return;
    this.throttledSinceNs = this.sched.clockNs;
    this.sched.throttle(this.group);
  }

  private refill(): void {
    this.nrPeriods++;
    if (this.throttledSinceNs !== undefined) this.nrThrottled++;
    else if (!this.usedInPeriod) {
      this.nrPeriods--;
      return;
    }
    if (this.runtimeNs < 0 && this.burstNs > 0) {
      this.nrBursts++;
      this.burstUsedNs -= this.runtimeNs;
    }
    this.usedInPeriod = false;
    this.runtimeNs = Math.min(this.runtimeNs + this.quotaNs, this.quotaNs + this.burstNs);
    this.sched.timers.arm(this.timer, this.sched.clockNs + this.periodNs);
    if (this.runtimeNs > 0) this.unthrottle();
  }

  private unthrottle(): void {
    if (this.throttledSinceNs === undefined) return;
    this.throttledNs += this.sched.clockNs - this.throttledSinceNs;
    this.throttledSinceNs = undefined;
    if (this.group !== undefined) this.sched.unthrottle(this.group);
  }

  /** cpu.stat; the bandwidth lines only where the controller is enabled. */
  stat(): string {
    const usec = (ns: number): number => Math.floor(ns / 1000);
    const base = `usage_usec ${usec(this.userNs + this.systemNs)}\nuser_usec ${usec(this.userNs)}\nsystem_usec ${usec(this.systemNs)}\n`;
    if (this.group === undefined) return base;
    return (
      `${base}nr_periods ${this.nrPeriods}\nnr_throttled ${this.nrThrottled}\nthrottled_usec ${usec(this.throttledNs)}\n` +
      `nr_bursts ${this.nrBursts}\nburst_usec ${usec(this.burstUsedNs)}\n`
    );
  }

  /** A task below began or ended to run or to wait. */
  noteTasks(running: number, waiting: number, isRoot: boolean): void {
    this.running += running;
    this.waiting += waiting;
    this.pressure.set(this.waiting > 0, !isRoot && this.waiting > 0 && this.running === 0);
  }
}
