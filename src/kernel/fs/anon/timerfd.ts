/** timerfd_create(2): Linux `fs/timerfd.c`. An interval timer counts on read what it missed, as Linux does. */

import { EAGAIN, EINVAL } from "../../../abi/errno.ts";
import { O_NONBLOCK } from "../../../abi/fcntl.ts";
import { POLLIN, TFD_TIMER_ABSTIME } from "../../../abi/poll.ts";
import type { Wait } from "../../../abi/sys.ts";
import { CLOCK_BOOTTIME, CLOCK_REALTIME, type Itimer, NS_PER_SEC } from "../../../abi/time.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import type { TimeNamespace } from "../../ns/nsproxy.ts";
import { Timer } from "../../sched/timer.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import type { System } from "../../task/system.ts";
import type { Caller } from "../../vfs/caller.ts";
import { AnonFile } from "./anon-file.ts";
import { view } from "./eventfd.ts";

const SIZE = 8;

export class TimerFile extends AnonFile {
  private readonly expired = new WaitQueue();
  private readonly timer = new Timer(() => {
    this.ticks++;
    this.expired.wake();
  });
  private intervalNs = 0;
  /** Expirations since the last read, without those of an interval that went on meanwhile. */
  private ticks = 0;

  constructor(
    system: System,
    private readonly clock: number,
    flags: number,
    owner: Caller,
  ) {
    super(system, "timerfd", flags, owner);
  }

  /** timerfd_settime(2), an absolute time by the clocks of `timeNs`; returns what was set before. */
  set(flags: number, value: Itimer, timeNs: TimeNamespace): Itimer {
    const { sched } = this.system;
    const old = this.remaining();
    this.ticks = 0;
    this.intervalNs = value.intervalNs;
    sched.timers.cancel(this.timer);
    if (value.valueNs > 0) {
      const atNs = (flags & TFD_TIMER_ABSTIME) === 0 ? sched.clockNs + value.valueNs : value.valueNs - this.offsetNs(timeNs);
      sched.timers.arm(this.timer, Math.max(atNs, sched.clockNs));
    }
    return old;
  }

  private offsetNs(timeNs: TimeNamespace): number {
    const { sec, nsec } = this.system.realtimeOffset;
    if (this.clock === CLOCK_REALTIME) return sec * NS_PER_SEC + nsec;
    return this.clock === CLOCK_BOOTTIME ? timeNs.boottimeNs : timeNs.monotonicNs;
  }

  private remaining(): Itimer {
    const { clockNs } = this.system.sched;
    const { intervalNs } = this;
    if (this.timer.armed) return { intervalNs, valueNs: this.timer.atNs - clockNs };
    if (this.ticks === 0 || intervalNs === 0) return { intervalNs, valueNs: 0 };
    return { intervalNs, valueNs: intervalNs - ((clockNs - this.timer.atNs) % intervalNs) };
  }

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    if (buf.length < SIZE) throw EINVAL;
    if (this.ticks > 0) return this.take(buf);
    if ((this.flags & O_NONBLOCK) !== 0) throw EAGAIN;
    return new Blocked(this.readSlowly(caller, buf));
  }

  private *readSlowly(caller: Caller, buf: Uint8Array): Generator<Wait, number, void> {
    while (this.ticks === 0) yield* caller.sched.sleep([this.expired]);
    return this.take(buf);
  }

  private take(buf: Uint8Array): number {
    let { ticks } = this;
    if (this.intervalNs > 0) {
      const { sched } = this.system;
      const missed = Math.floor((sched.clockNs - this.timer.atNs) / this.intervalNs);
      ticks += missed;
      sched.timers.arm(this.timer, this.timer.atNs + (missed + 1) * this.intervalNs);
    }
    this.ticks = 0;
    view(buf).setBigUint64(0, BigInt(ticks), true);
    return SIZE;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.expired);
    return this.ticks > 0 ? POLLIN : 0;
  }

  protected override release(): void {
    this.system.sched.timers.cancel(this.timer);
    super.release();
  }
}
