/** What one decision of the scheduler costs: with more and more runnable tasks, in deep and in wide trees of cgroups, and for wake-ups. */

import type { Wait } from "../abi/sys.ts";
import { SchedGroup, SchedTask } from "../kernel/sched/entity.ts";
import { Scheduler } from "../kernel/sched/scheduler.ts";

class Spinner extends SchedTask {
  override body: Iterator<Wait, number, void>;

  constructor(sched: Scheduler, group: SchedGroup | undefined, sleepNs: number) {
    super();
    this.group = group;
    this.body = sleepNs > 0 ? sleeper(sched, sleepNs) : spinner(sched);
  }

  override wakeUp(): boolean {
    return false;
  }
}

function* spinner(sched: Scheduler): Generator<Wait, number, void> {
  for (;;) {
    sched.clockNs = sched.quantumEndNs;
    yield;
  }
}

function* sleeper(sched: Scheduler, ns: number): Generator<Wait, number, void> {
  for (;;) {
    sched.clockNs += 10_000;
    yield* sched.sleep([], sched.clockNs + ns);
  }
}

function makeScheduler(): Scheduler {
  const nothing = (): void => {};
  return new Scheduler(4, { ended: nothing, killed: nothing, crashed: nothing, charged: nothing, moved: nothing });
}

/** Real nanoseconds a step of the scheduler, over `steps` of them. */
function cost(sched: Scheduler, steps: number): number {
  for (let i = 0; i < steps / 4; i++) sched.step(Number.POSITIVE_INFINITY);
  const start = performance.now();
  for (let i = 0; i < steps; i++) sched.step(Number.POSITIVE_INFINITY);
  return ((performance.now() - start) * 1e6) / steps;
}

const STEPS = 200_000;

/** `tasks` spinners: nanoseconds a quantum, a switch every third. */
export function runnableCost(tasks: number): number {
  const sched = makeScheduler();
  for (let i = 0; i < tasks; i++) sched.wake(new Spinner(sched, sched.root, 0));
  return cost(sched, STEPS);
}

/** As runnableCost, half of the tasks bound to one CPU or another. */
export function boundCost(tasks: number): number {
  const sched = makeScheduler();
  for (let i = 0; i < tasks; i++) {
    const task = new Spinner(sched, sched.root, 0);
    if (i % 2 === 0) task.affinity = 1 << ((i >> 1) % 4);
    sched.wake(task);
  }
  return cost(sched, STEPS);
}

/** Tasks in groups: `wide` groups beside each other, each `deep` levels down. */
export function treeCost(wide: number, deep: number): number {
  const sched = makeScheduler();
  for (let i = 0; i < wide; i++) {
    let group = sched.root;
    for (let level = 0; level < deep; level++) group = new SchedGroup(group);
    sched.wake(new Spinner(sched, group, 0));
  }
  return cost(sched, STEPS);
}

/** `tasks` that sleep most of the time: nanoseconds a step; a timer, a wake-up, a run. */
export function wakeCost(tasks: number): number {
  const sched = makeScheduler();
  for (let i = 0; i < tasks; i++) sched.wake(new Spinner(sched, sched.root, tasks * 50_000));
  return cost(sched, STEPS);
}
