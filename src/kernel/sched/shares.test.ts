/** Who gets how much CPU time: weights, quotas, bursts, idle groups and CPU sets, measured over a virtual second on 1 to 4 CPUs. */

import { describe, expect, test } from "vitest";
import type { Proc, Sys } from "../../abi/sys.ts";
import { boot, type TestMachine } from "../../machine/testing.ts";
import type { Cgroup } from "../cgroup/cgroup.ts";
import type { Task } from "../task/task.ts";
import { taskWeight } from "./entity.ts";

const SECOND = 1e9;

class Lab {
  private readonly m: TestMachine;

  constructor(readonly cpus: number) {
    this.m = boot({ cpus });
    this.m.machine.run(2e9);
    this.tree.setSubtreeControl(this.tree.root, "+cpu +cpuset");
  }

  get kernel() {
    return this.m.machine.kernel;
  }

  get tree() {
    return this.kernel.cgroups;
  }

  group(name: string, weight = 100, parent: Cgroup = this.tree.root): Cgroup {
    if (!parent.isRoot && parent.subtreeMask === 0) this.tree.setSubtreeControl(parent, "+cpu +cpuset");
    const made = this.tree.create(parent, name);
    made.cpu.setWeight(weight);
    return made;
  }

  /** Tasks that never sleep. */
  spin(n: number, cgroup: Cgroup, nice = 0): Task[] {
    const { kernel } = this;
    const body = function* (sys: Sys): Proc<number> {
      for (;;) yield* sys.spend(10_000);
    };
    return Array.from({ length: n }, () => {
      const task = kernel.spawnHelper("spin", () => body(kernel.sys));
      this.tree.move(task, cgroup);
      task.nice = nice;
      kernel.sched.reweight(task, taskWeight(false, nice));
      return task;
    });
  }

  /** Lets time go by; returns what each has used of all CPUs since, as a share of one CPU. */
  measure(who: readonly (Task | Cgroup)[], ns = SECOND): number[] {
    const { machine } = this.m;
    // The first moments, in which everybody comes to where they belong, do not count.
    machine.run(machine.nowNs + 0.3 * SECOND);
    const used = (one: Task | Cgroup): number =>
      "cpu" in one && typeof one.cpu === "object" ? one.cpu.usageNs : (one as Task).utimeNs + (one as Task).stimeNs;
    const before = who.map(used);
    machine.run(machine.nowNs + ns);
    this.m.check();
    return who.map((one, i) => (used(one) - (before[i] as number)) / ns);
  }
}

/** Within two per cent of the whole machine's time. */
function expectShares(measured: readonly number[], expected: readonly number[]): void {
  const show = (shares: readonly number[]): string => shares.map((s) => s.toFixed(3)).join(" ");
  for (const [i, share] of expected.entries())
    expect(Math.abs((measured[i] as number) - share), `${show(measured)}, not ${show(expected)}`).toBeLessThan(0.02 * Math.max(1, share));
}

describe("weights", () => {
  test.each([1, 2, 3, 4])("groups of 100, 200 and 500 share %i CPUs by weight while each has enough to run", (cpus) => {
    const lab = new Lab(cpus);
    const groups = [100, 200, 500].map((weight) => lab.group(`w${weight}`, weight));
    for (const group of groups) lab.spin(6, group);
    expectShares(
      lab.measure(groups),
      [100, 200, 500].map((weight) => (cpus * weight) / 800),
    );
  });

  test("the tree is shared level by level, whatever the number of tasks", () => {
    const lab = new Lab(2);
    const a = lab.group("a", 300);
    const b = lab.group("b", 100);
    const [aa, ab] = [lab.group("a", 100, a), lab.group("b", 400, a)];
    lab.spin(9, aa);
    lab.spin(3, ab);
    lab.spin(5, b);
    expectShares(lab.measure([a, b, aa, ab]), [1.5, 0.5, 0.3, 1.2]);
  });

  test("nice counts within a group, and not beyond it", () => {
    const lab = new Lab(1);
    const a = lab.group("a");
    const b = lab.group("b");
    const [nice0] = lab.spin(1, a) as [Task];
    const [nice5] = lab.spin(1, a, 5) as [Task];
    const [nice19] = lab.spin(1, b, 19) as [Task];
    const half = 0.5 / (1024 + 335);
    expectShares(lab.measure([nice0, nice5, nice19]), [1024 * half, 335 * half, 0.5]);
  });

  test("a task in the root competes with the groups as one of them", () => {
    const lab = new Lab(1);
    const a = lab.group("a");
    lab.spin(4, a);
    const [bare] = lab.spin(1, lab.tree.root) as [Task];
    expectShares(lab.measure([a, bare]), [0.5, 0.5]);
  });

  test("what a group cannot use goes to the others, and is not owed to it later", () => {
    const lab = new Lab(4);
    const heavy = lab.group("heavy", 10_000);
    const light = lab.group("light", 100);
    lab.spin(1, heavy);
    lab.spin(6, light);
    expectShares(lab.measure([heavy, light], 3 * SECOND), [1, 3]);
    const equal = lab.group("equal", 100);
    lab.spin(6, equal);
    expectShares(lab.measure([heavy, light, equal]), [1, 1.5, 1.5]);
  });

  test("an idle group gets next to nothing while others run, and all when they do not", () => {
    const lab = new Lab(1);
    const [busy, idle] = [lab.group("busy"), lab.group("idle")];
    idle.cpu.setIdle(true);
    const tasks = lab.spin(1, busy);
    lab.spin(2, idle);
    expectShares(lab.measure([busy, idle]), [1, 0]);
    lab.tree.setFreeze(busy, true);
    expectShares(lab.measure([...tasks, idle]), [0, 1]);
  });

  test("a changed weight counts from then on", () => {
    const lab = new Lab(1);
    const [a, b] = [lab.group("a"), lab.group("b")];
    lab.spin(2, a);
    lab.spin(2, b);
    expectShares(lab.measure([a, b]), [0.5, 0.5]);
    b.cpu.setWeight(900);
    expectShares(lab.measure([a, b]), [0.1, 0.9]);
  });

  test("a task that moves takes up the share of its new group", () => {
    const lab = new Lab(1);
    const [a, b] = [lab.group("a", 100), lab.group("b", 300)];
    const [first, second] = lab.spin(2, a) as [Task, Task];
    expectShares(lab.measure([first, second]), [0.5, 0.5]);
    lab.tree.move(second, b);
    expectShares(lab.measure([first, second]), [0.25, 0.75]);
  });
});

describe("quotas", () => {
  test.each([
    [1, 20_000, 100_000, 1],
    [4, 250_000, 100_000, 6],
    [2, 10_000, 20_000, 3],
    [4, 5_000, 10_000, 4],
  ])("on %i CPUs, %i of %i microseconds for %i tasks", (cpus, quotaUsec, periodUsec, tasks) => {
    const lab = new Lab(cpus);
    const a = lab.group("a");
    a.cpu.setBandwidth(quotaUsec * 1000, periodUsec * 1000, 0);
    lab.spin(tasks, a);
    expectShares(lab.measure([a], 2 * SECOND), [quotaUsec / periodUsec]);
    expect(a.cpu.nrThrottled / a.cpu.nrPeriods).toBeGreaterThan(0.95);
  });

  test("the least quota of all levels counts", () => {
    const lab = new Lab(2);
    const a = lab.group("a");
    a.cpu.setBandwidth(50e6, 100e6, 0);
    const [b, c] = [lab.group("b", 100, a), lab.group("c", 100, a)];
    b.cpu.setBandwidth(10e6, 100e6, 0);
    lab.spin(1, b);
    lab.spin(2, c);
    expectShares(lab.measure([a, b, c], 2 * SECOND), [0.5, 0.1, 0.4]);
  });

  test("who is throttled leaves the CPU to the others", () => {
    const lab = new Lab(1);
    const [a, b] = [lab.group("a", 1000), lab.group("b", 10)];
    a.cpu.setBandwidth(30e6, 100e6, 0);
    lab.spin(2, a);
    lab.spin(1, b);
    expectShares(lab.measure([a, b], 2 * SECOND), [0.3, 0.7]);
  });

  test("what was not used may be used later up to cpu.max.burst, and is counted", () => {
    const lab = new Lab(1);
    const { kernel } = lab;
    const a = lab.group("a");
    a.cpu.setBandwidth(20e6, 100e6, 20e6);
    // 5 ms in most periods, 40 ms in every tenth: within the quota on average, beyond it in one period.
    const body = function* (sys: Sys): Proc<number> {
      for (let n = 0; ; n++) {
        const start = kernel.sched.clockNs;
        yield* sys.spend(n % 10 === 9 ? 38e6 : 5e6);
        yield* sys.nanosleep(Math.max(1, 100e6 - (kernel.sched.clockNs - start)));
      }
    };
    const task = kernel.spawnHelper("bursty", () => body(kernel.sys));
    lab.tree.move(task, a);
    expectShares(lab.measure([a], 4 * SECOND), [0.083]);
    expect(a.cpu.nrBursts).toBeGreaterThanOrEqual(4);
    expect(a.cpu.nrThrottled).toBe(0);
    expect(a.cpu.burstUsedNs / a.cpu.nrBursts).toBeGreaterThan(15e6);
    expect(a.cpu.burstUsedNs / a.cpu.nrBursts).toBeLessThanOrEqual(20e6);
  });
});

describe("CPU sets", () => {
  test("a group bound to one CPU of four leaves three to the rest", () => {
    const lab = new Lab(4);
    const [a, b] = [lab.group("a"), lab.group("b")];
    a.cpuset.cpus = 0b0001;
    b.cpuset.cpus = 0b1110;
    for (const group of [a, b]) lab.tree.applyCpus(group);
    lab.spin(5, a);
    lab.spin(5, b);
    expectShares(lab.measure([a, b]), [1, 3]);
  });

  test("weights count on the CPUs that are shared", () => {
    const lab = new Lab(2);
    const [a, b] = [lab.group("a", 300), lab.group("b", 100)];
    for (const group of [a, b]) {
      group.cpuset.cpus = 0b01;
      lab.tree.applyCpus(group);
    }
    lab.spin(3, a);
    lab.spin(3, b);
    expectShares(lab.measure([a, b]), [0.75, 0.25]);
    expect(lab.kernel.sched.cpus[1]?.current).toBeUndefined();
  });

  test("a task that changes its affinity while it waits is found by its new CPU", () => {
    const lab = new Lab(2);
    const a = lab.group("a");
    const tasks = lab.spin(4, a);
    lab.measure([a]);
    for (const task of tasks) {
      task.wantedAffinity = task.affinity = 0b10;
      lab.kernel.sched.affinityChanged(task);
    }
    expectShares(lab.measure(tasks), [0.25, 0.25, 0.25, 0.25]);
  });
});
