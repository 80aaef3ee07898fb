/**
 * The cpu controller: "CPU" in Documentation/admin-guide/cgroup-v2.rst; Linux `kernel/sched/core.c`, `fair.c` (group shares, CFS bandwidth control).
 *
 * Differs from Linux: a quota is taken from as it is used, not handed to CPUs in slices, so up to one quantum a CPU is overdrawn; that is owed
 * to the next period.
 */

import { EINVAL } from "../../abi/errno.ts";
import { IDLE_WEIGHT, NICE_0_WEIGHT, niceWeight, SchedGroup } from "../sched/entity.ts";
import type { Scheduler } from "../sched/scheduler.ts";
import { Timer } from "../sched/timer.ts";

/** CGROUP_WEIGHT_DFL: cpu.weight of NICE_0_WEIGHT. */
const CGROUP_WEIGHT_DFL = 100;
const PERIOD_DEFAULT_NS = 100_000_000;
/** min_cfs_quota_period, max_cfs_quota_period: bounds of cpu.max. */
const MIN_PERIOD_NS = 1_000_000;
const MAX_PERIOD_NS = 1_000_000_000;
/** max_cfs_runtime. */
const MAX_RUNTIME_NS = Number.MAX_SAFE_INTEGER;

export class CpuController {
  /** Run queue of its own while the controller is enabled for the cgroup; else its tasks are in that of an ancestor. */
  group: SchedGroup | undefined;
  /** CPU time of all tasks below, whether or not the controller is enabled. */
  userNs = 0;
  systemNs = 0;
  /** Weight of the group, on the scale of NICE_0_WEIGHT. */
  private shares = NICE_0_WEIGHT;
  idle = false;
  /** cpu.max; Infinity for "max". */
  quotaNs = Number.POSITIVE_INFINITY;
  periodNs = PERIOD_DEFAULT_NS;
  burstNs = 0;
  nrPeriods = 0;
  nrThrottled = 0;
  throttledNs = 0;
  nrBursts = 0;
  burstUsedNs = 0;
  private readonly timer: Timer;
  /** What is left of the quota in this period; negative is owed to the next. */
  private runtimeNs = 0;
  /** What the period began with. */
  private runtimeAtStartNs = 0;
  private throttledSinceNs: number | undefined;
  private usedInPeriod = false;

  constructor(
    private readonly sched: Scheduler,
    private readonly emit: (event: "cgroup_throttle" | "cgroup_unthrottle") => void,
  ) {
    this.timer = new Timer(() => this.periodEnded());
  }

  /** Creates the run queue. */
  enable(parent: SchedGroup): void {
    this.group = new SchedGroup(parent);
    this.applyShares();
  }

  /** The queue is empty and goes, and its settings with it. */
  disable(): void {
    this.release();
    this.group = undefined;
    this.shares = NICE_0_WEIGHT;
    this.idle = false;
    this.quotaNs = Number.POSITIVE_INFINITY;
    this.periodNs = PERIOD_DEFAULT_NS;
    this.burstNs = 0;
    this.nrPeriods = this.nrThrottled = this.throttledNs = this.nrBursts = this.burstUsedNs = 0;
  }

  release(): void {
    this.sched.timers.cancel(this.timer);
    this.unthrottle();
  }

  get usageNs(): number {
    return this.userNs + this.systemNs;
  }

  // ── Weight ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** cpu.weight, 1 … 10000; 0 for an idle group. */
  get weight(): number {
    return Math.round((this.shares * CGROUP_WEIGHT_DFL) / NICE_0_WEIGHT);
  }

  /** Errors: EINVAL for an idle group. */
  setWeight(weight: number): void {
    this.setShares(Math.round((weight * NICE_0_WEIGHT) / CGROUP_WEIGHT_DFL));
  }

  /** cpu.weight.nice: the nice value whose weight is nearest. */
  get weightNice(): number {
    let last = Number.POSITIVE_INFINITY;
    for (let nice = -20; nice <= 19; nice++) {
      const delta = Math.abs(niceWeight(nice) - this.shares);
      if (delta >= last) return nice - 1;
      last = delta;
    }
    return 19;
  }

  setWeightNice(nice: number): void {
    this.setShares(niceWeight(nice));
  }

  private setShares(shares: number): void {
    if (this.idle) throw EINVAL;
    this.shares = shares;
    this.applyShares();
  }

  /** cpu.idle. Linux `sched_group_set_idle`: what was the weight before is forgotten. */
  setIdle(idle: boolean): void {
    if (idle === this.idle) return;
    this.idle = idle;
    this.shares = idle ? IDLE_WEIGHT : NICE_0_WEIGHT;
    this.applyShares();
  }

  private applyShares(): void {
    if (this.group === undefined) return;
    this.sched.reweight(this.group, this.shares);
  }

  // ── Bandwidth ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Linux `tg_set_cfs_bandwidth`. Errors: EINVAL for what is out of bounds. */
  setBandwidth(quotaNs: number, periodNs: number, burstNs: number): void {
    const limited = quotaNs !== Number.POSITIVE_INFINITY;
    if (quotaNs < MIN_PERIOD_NS || periodNs < MIN_PERIOD_NS || periodNs > MAX_PERIOD_NS) throw EINVAL;
    if (limited && (quotaNs > MAX_RUNTIME_NS || burstNs > quotaNs || burstNs + quotaNs > MAX_RUNTIME_NS)) throw EINVAL;
    this.sched.account();
    this.quotaNs = quotaNs;
    this.periodNs = periodNs;
    this.burstNs = burstNs;
    this.sched.timers.cancel(this.timer);
    this.unthrottle();
    this.usedInPeriod = false;
    this.runtimeNs = this.runtimeAtStartNs = limited ? quotaNs : 0;
  }

  /** Time was used below. Throttles the queue once the quota is used up. */
  charge(userNs: number, systemNs: number): void {
    this.userNs += userNs;
    this.systemNs += systemNs;
    if (this.quotaNs === Number.POSITIVE_INFINITY || this.group === undefined) return;
    // A period begins with its first use after an idle time.
    if (!this.timer.armed) this.sched.timers.arm(this.timer, this.sched.clockNs + this.periodNs);
    this.usedInPeriod = true;
    this.runtimeNs -= userNs + systemNs;
    if (this.runtimeNs > 0 || this.throttledSinceNs !== undefined) return;
    this.throttledSinceNs = this.sched.clockNs;
    this.sched.throttle(this.group);
    this.emit("cgroup_throttle");
  }

  /** Linux `do_sched_cfs_period_timer`, `__refill_cfs_bandwidth_runtime`. */
  private periodEnded(): void {
    const throttled = this.throttledSinceNs !== undefined;
    this.nrPeriods++;
    if (throttled) this.nrThrottled++;
    const usedBeyond = this.runtimeAtStartNs - Math.max(0, this.runtimeNs) - this.quotaNs;
    if (usedBeyond > 0 && this.burstNs > 0) {
      this.nrBursts++;
      this.burstUsedNs += usedBeyond;
    }
    this.runtimeNs = Math.min(this.runtimeNs + this.quotaNs, this.quotaNs + this.burstNs);
    this.runtimeAtStartNs = this.runtimeNs;
    if (this.usedInPeriod || throttled) this.sched.timers.arm(this.timer, this.sched.clockNs + this.periodNs);
    this.usedInPeriod = false;
    if (this.runtimeNs > 0) this.unthrottle();
  }

  /** On every CPU that has tasks of it waiting the throttled time counts. */
  private unthrottle(): void {
    if (this.throttledSinceNs === undefined) return;
    const queues = Math.max(1, Math.min(this.sched.cpus.length, this.group?.runnable ?? 1));
    this.throttledNs += (this.sched.clockNs - this.throttledSinceNs) * queues;
    this.throttledSinceNs = undefined;
    if (this.group !== undefined) this.sched.unthrottle(this.group);
    this.emit("cgroup_unthrottle");
  }

  /** cpu.stat; the bandwidth lines only where the controller is enabled. */
  stat(enabled: boolean): string {
    const usec = (ns: number): number => Math.floor(ns / 1000);
    const base = `usage_usec ${usec(this.usageNs)}\nuser_usec ${usec(this.userNs)}\nsystem_usec ${usec(this.systemNs)}\n`;
    if (!enabled) return base;
    return (
      `${base}nr_periods ${this.nrPeriods}\nnr_throttled ${this.nrThrottled}\nthrottled_usec ${usec(this.throttledNs)}\n` +
      `nr_bursts ${this.nrBursts}\nburst_usec ${usec(this.burstUsedNs)}\n`
    );
  }
}
