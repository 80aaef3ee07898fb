/** nanosleep(2), clock_gettime(2), alarm(2), setitimer(2). */

import { CAP_SYS_TIME } from "../../abi/capability.ts";
import { EINVAL, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import { SIGALRM } from "../../abi/signal.ts";
import type { Timespec } from "../../abi/stat.ts";
import type { Wait } from "../../abi/sys.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_THREAD_CPUTIME_ID,
  ITIMER_REAL,
  type Itimer,
  NS_PER_SEC,
  TIMER_ABSTIME,
} from "../../abi/time.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import { nsCapable } from "../ns/user.ts";
import { ERESTARTNOHAND, ERESTARTSYS } from "../restart.ts";
import { Timer } from "../sched/timer.ts";
import { realtimeAt, type System } from "../task/system.ts";
import { groupUsage, type Task, type ThreadGroup } from "../task/task.ts";
import type { Handlers } from "./handler.ts";

/** Sleeps to a deadline that survives restarts. */
function* sleepUntil(task: Task, deadlineNs: number): Generator<Wait, void, void> {
  task.restartDeadlineNs = deadlineNs;
  try {
    while (task.sched.clockNs < deadlineNs) yield* task.sched.sleep([], deadlineNs);
  } catch (e) {
    if (e === ERESTARTSYS) throw ERESTARTNOHAND;
    throw e;
  }
}

function sleepFor(task: Task, ns: number): MaySleep<void> {
  if (!(ns >= 0)) throw EINVAL;
  return new Blocked(sleepUntil(task, task.restartDeadlineNs ?? task.sched.clockNs + ns));
}

const spanNs = (t: Timespec): number => t.sec * NS_PER_SEC + t.nsec;
const fromNs = (ns: number): Timespec => ({ sec: Math.floor(ns / NS_PER_SEC), nsec: Math.floor(ns % NS_PER_SEC) });

function clockGettime(system: System, task: Task, clock: number): Timespec {
  switch (clock) {
    case CLOCK_REALTIME:
      return realtimeAt(system, system.sched.clockNs);
    case CLOCK_MONOTONIC:
      return fromNs(system.sched.clockNs + task.ns.time.monotonicNs);
    case CLOCK_BOOTTIME:
      return fromNs(system.sched.clockNs + task.ns.time.boottimeNs);
    case CLOCK_PROCESS_CPUTIME_ID: {
      const usage = groupUsage(task.tg);
      return fromNs(usage.utimeNs + usage.stimeNs);
    }
    case CLOCK_THREAD_CPUTIME_ID: {
      const usage = task.usage();
      return fromNs(usage.utimeNs + usage.stimeNs);
    }
    default:
      throw EINVAL;
  }
}

function clockNanosleep(system: System, task: Task, clock: number, flags: number, time: Timespec): MaySleep<void> {
  if (!(time.nsec >= 0 && time.nsec < NS_PER_SEC) || time.sec < 0) throw EINVAL;
  if (clock !== CLOCK_REALTIME && clock !== CLOCK_MONOTONIC && clock !== CLOCK_BOOTTIME) throw EOPNOTSUPP;
  if ((flags & TIMER_ABSTIME) === 0) return sleepFor(task, spanNs(time));
  const { time: timeNs } = task.ns;
  const offset =
    clock === CLOCK_REALTIME ? system.realtimeOffset : fromNs(clock === CLOCK_MONOTONIC ? timeNs.monotonicNs : timeNs.boottimeNs);
  const deadline = (time.sec - offset.sec) * NS_PER_SEC + (time.nsec - offset.nsec);
  return new Blocked(sleepUntil(task, deadline));
}

function readTimer(system: System, tg: ThreadGroup): Itimer {
  const t = tg.realTimer;
  if (t === undefined || !t.timer.armed) return { intervalNs: t?.intervalNs ?? 0, valueNs: 0 };
  return { intervalNs: t.intervalNs, valueNs: t.timer.atNs - system.sched.clockNs };
}

function setRealTimer(system: System, tg: ThreadGroup, value: Itimer): Itimer {
  const old = readTimer(system, tg);
  if (tg.realTimer === undefined) {
    const timer = new Timer(() => {
      system.signals.sendToProcess(SIGALRM, tg);
      const interval = tg.realTimer?.intervalNs ?? 0;
      if (interval > 0 && !tg.zombie) system.sched.timers.arm(timer, system.sched.clockNs + interval);
    });
    tg.realTimer = { timer, intervalNs: 0 };
  }
  const { timer } = tg.realTimer;
  tg.realTimer.intervalNs = value.intervalNs;
  if (value.valueNs > 0) system.sched.timers.arm(timer, system.sched.clockNs + value.valueNs);
  else system.sched.timers.cancel(timer);
  return old;
}

function requireReal(which: number): void {
  // Differs from Linux: ITIMER_VIRTUAL and ITIMER_PROF are refused.
  if (which !== ITIMER_REAL) throw EINVAL;
}

export const timeCalls: Handlers<
  "nanosleep" | "clock_nanosleep" | "clock_gettime" | "clock_settime" | "alarm" | "setitimer" | "getitimer"
> = {
  nanosleep: (_system, task, ns) => sleepFor(task, ns),
  clock_nanosleep: clockNanosleep,
  clock_gettime: clockGettime,
  clock_settime: (system, task, clock, time) => {
    if (clock !== CLOCK_REALTIME || !(time.nsec >= 0 && time.nsec < NS_PER_SEC)) throw EINVAL;
    if (!nsCapable(task.cred, system.initUserNs, CAP_SYS_TIME)) throw EPERM;
    const now = fromNs(system.sched.clockNs);
    const nsec = time.nsec - now.nsec;
    system.realtimeOffset = { sec: time.sec - now.sec - (nsec < 0 ? 1 : 0), nsec: nsec < 0 ? nsec + NS_PER_SEC : nsec };
  },
  alarm: (system, task, seconds) => {
    const old = setRealTimer(system, task.tg, { intervalNs: 0, valueNs: seconds * NS_PER_SEC });
    return old.valueNs === 0 ? 0 : Math.max(1, Math.round(old.valueNs / NS_PER_SEC));
  },
  setitimer: (system, task, which, value) => {
    requireReal(which);
    if (!(value.intervalNs >= 0) || !(value.valueNs >= 0)) throw EINVAL;
    return setRealTimer(system, task.tg, value);
  },
  getitimer: (system, task, which) => {
    requireReal(which);
    return readTimer(system, task.tg);
  },
};
