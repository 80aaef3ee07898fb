/**
 * Pressure stall information: Documentation/accounting/psi.rst, Linux `kernel/sched/psi.c`. A stall is time in which a task of the group could
 * have gone on but for the resource: "some" while at least one waits, "full" while none of those that could run does.
 */

import { Timer, type TimerQueue } from "../sched/timer.ts";

/** PSI_FREQ: how often the averages move on. */
const PERIOD_NS = 2_000_000_000;
/** Decay of the averages over 10, 60 and 300 seconds in one period. */
const DECAYS = [10, 60, 300].map((s) => Math.exp(-2 / s));

interface Clock {
  readonly clockNs: number;
  readonly timers: TimerQueue;
}

class Stall {
  /** Total stall time up to `since`, nanoseconds. */
  totalNs = 0;
  private sinceNs = 0;
  private active = false;
  private sampledNs = 0;
  readonly averages: number[] = [0, 0, 0];

  set(active: boolean, nowNs: number): void {
    if (active === this.active) return;
    if (this.active) this.totalNs += nowNs - this.sinceNs;
    this.active = active;
    this.sinceNs = nowNs;
  }

  totalAt(nowNs: number): number {
    return this.active ? this.totalNs + (nowNs - this.sinceNs) : this.totalNs;
  }

  /** One period is over. Returns whether anything is left to decay. */
  sample(nowNs: number): boolean {
    const total = this.totalAt(nowNs);
    const share = Math.min(1, (total - this.sampledNs) / PERIOD_NS) * 100;
    this.sampledNs = total;
    DECAYS.forEach((decay, i) => {
      this.averages[i] = (this.averages[i] as number) * decay + share * (1 - decay);
    });
    return this.active || this.averages.some((a) => a >= 0.005);
  }
}

/** One resource of one group. */
export class Pressure {
  private readonly some = new Stall();
  private readonly full = new Stall();
  private readonly timer: Timer;

  constructor(private readonly clock: Clock) {
    this.timer = new Timer(() => {
      const now = this.clock.clockNs;
      const busy = [this.some.sample(now), this.full.sample(now)];
      if (busy.includes(true)) this.clock.timers.arm(this.timer, now + PERIOD_NS);
    });
  }

  /** What holds from now on. */
  set(some: boolean, full: boolean): void {
    const now = this.clock.clockNs;
    this.some.set(some, now);
    this.full.set(full, now);
    if (some && !this.timer.armed) this.clock.timers.arm(this.timer, now + PERIOD_NS);
  }

  /** The two lines of a pressure file; totals in microseconds. */
  text(): string {
    const now = this.clock.clockNs;
    const line = (name: string, s: Stall): string => {
      const [a10, a60, a300] = s.averages.map((a) => a.toFixed(2)) as [string, string, string];
      return `${name} avg10=${a10} avg60=${a60} avg300=${a300} total=${Math.floor(s.totalAt(now) / 1000)}\n`;
    };
    return line("some", this.some) + line("full", this.full);
  }

  release(): void {
    this.clock.timers.cancel(this.timer);
  }
}
