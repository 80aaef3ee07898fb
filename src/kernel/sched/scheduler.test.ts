import { describe, expect, test } from "vitest";
import type { Proc, Sys } from "../../abi/sys.ts";
import { boot } from "../../machine/testing.ts";
import type { Task } from "../task/task.ts";

/** Starts `n` tasks of a body on a machine with `cpus` CPUs and lets a virtual second go by. */
function spinners(cpus: number, nices: readonly number[]): Task[] {
  const { machine } = boot({ cpus });
  machine.run(2e9);
  const { kernel } = machine;
  const spin = function* (sys: Sys, nice: number): Proc<number> {
    yield* sys.setpriority(0, 0, nice);
    for (;;) yield* sys.spend(10_000);
  };
  const tasks = nices.map((nice) => kernel.spawnHelper("spin", () => spin(kernel.sys, nice)));
  machine.run(machine.nowNs + 1e9);
  return tasks;
}

const used = (t: Task): number => t.utimeNs + t.stimeNs;

describe("the scheduler", () => {
  test("two equal spinners share one CPU within two per cent", () => {
    const [a, b] = spinners(1, [0, 0]) as [Task, Task];
    expect(Math.abs(used(a) / used(b) - 1)).toBeLessThan(0.02);
  });

  test("nice 10 gets 110 / 1024 of the time of nice 0", () => {
    const [a, b] = spinners(1, [0, 10]) as [Task, Task];
    expect(Math.abs(used(b) / used(a) - 110 / 1024)).toBeLessThan(0.02);
  });

  test("four spinners on four CPUs run all the time", () => {
    for (const t of spinners(4, [0, 0, 0, 0])) expect(used(t)).toBeGreaterThan(0.98e9);
  });

  test("six spinners on four CPUs share them evenly", () => {
    const times = spinners(4, [0, 0, 0, 0, 0, 0]).map(used);
    for (const t of times) expect(Math.abs(t / (4e9 / 6) - 1)).toBeLessThan(0.02);
  });

  test("a task bound to one CPU leaves the others to the rest", () => {
    const { machine } = boot({ cpus: 2 });
    machine.run(2e9);
    const { kernel } = machine;
    const bound = function* (sys: Sys): Proc<number> {
      yield* sys.sched_setaffinity(0, [1]);
      for (;;) yield* sys.spend(10_000);
    };
    const [a, b] = [0, 1].map(() => kernel.spawnHelper("bound", () => bound(kernel.sys))) as [Task, Task];
    machine.run(machine.nowNs + 1e9);
    expect(used(a) + used(b)).toBeLessThan(1.02e9);
    expect(kernel.sched.cpus[0]?.current).toBeUndefined();
  });

  test("an idle machine does nothing: the clock goes from timer to timer", () => {
    const { machine } = boot();
    machine.run(2e9);
    const switches = machine.kernel.sched.contextSwitches;
    machine.run(3602e9);
    expect(machine.kernel.sched.contextSwitches - switches).toBeLessThan(10);
  });
});
