import { describe, expect, test } from "vitest";
import { AT_FDCWD, O_RDWR } from "../../abi/fcntl.ts";
import { POLLPRI, type PollFd } from "../../abi/poll.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { TimerQueue } from "../sched/timer.ts";
import { boot } from "../../machine/testing.ts";
import { GroupPressure, Pressure } from "./psi.ts";

const SECOND = 1e9;

class Clock {
  clockNs = 0;
  readonly timers = new TimerQueue();
  readonly cpus = { length: 4 };

  /** Lets time go by, with the timers that fall into it. */
  until(ns: number): void {
    while (this.timers.nextNs <= ns) {
      const timer = this.timers.pop();
      this.clockNs = timer?.atNs ?? ns;
      timer?.fire();
    }
    this.clockNs = ns;
  }
}

describe("averages", () => {
  test("of a lasting stall they go towards 100, each in its own time, as those of Linux do", () => {
    const clock = new Clock();
    const pressure = new Pressure(clock);
    pressure.set(1, 0);
    clock.until(10 * SECOND);
    expect(pressure.text()).toBe(
      "some avg10=63.18 avg60=15.32 avg300=3.37 total=10000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    );
    clock.until(60 * SECOND);
    pressure.set(0, 0);
    const [a10, a60, a300] = pressure.averages("some");
    expect(a10).toBeGreaterThan(99);
    expect(Math.abs(a60 - 63.2)).toBeLessThan(1);
    expect(Math.abs(a300 - 18.1)).toBeLessThan(1.5);
    clock.until(3600 * SECOND);
    expect(pressure.text()).toMatch(/^some avg10=0\.00 avg60=0\.00 avg300=0\.00 total=60000000\n/);
  });
});

describe("some and full", () => {
  test("with more tasks than CPUs the share of those that are delayed counts; the system as a whole is never stalled in full for CPUs", () => {
    const clock = new Clock();
    const [root, group] = [new GroupPressure(clock, true), new GroupPressure(clock, false)];
    for (const g of [root, group]) g.note(4, 1, 0);
    expect([root.cpu.rate("some"), root.cpu.rate("full")]).toEqual([0.25, 0]);
    expect([group.cpu.rate("some"), group.cpu.rate("full")]).toEqual([0.25, 0]);
    for (const g of [root, group]) g.note(-4, 1, 0);
    expect([root.cpu.rate("some"), root.cpu.rate("full")]).toEqual([1, 0]);
    expect([group.cpu.rate("some"), group.cpu.rate("full")]).toEqual([1, 1]);
  });

  test("waiting for memory is full only as far as nobody else of the group can go on", () => {
    const group = new GroupPressure(new Clock(), false);
    group.note(1, 0, 1);
    expect([group.memory.rate("some"), group.memory.rate("full")]).toEqual([0.5, 0.5]);
    group.note(-1, 0, 0);
    expect([group.memory.rate("some"), group.memory.rate("full")]).toEqual([1, 1]);
    group.note(0, 0, -1);
    expect([group.memory.rate("some"), group.memory.rate("full")]).toEqual([0, 0]);
  });

  test("six spinners on four CPUs: half of the threads wait", () => {
    const m = boot();
    m.run("for i in 1 2 3 4 5 6; do timeout 3 sh -c 'while :; do :; done' & done; wait", { limitNs: 60e9 });
    const total = Number(/some .*total=(\d+)/.exec(m.run("cat /proc/pressure/cpu").stdout)?.[1]);
    expect(Math.abs(total / 1.5e6 - 1)).toBeLessThan(0.08);
    expect(m.run("grep -c . /proc/pressure/io").stdout).toBe("2\n");
    m.check();
  });
});

test("a trigger tells when the stall grows by its threshold within its window, once a window", () => {
  const m = boot({ cpus: 1 });
  const { kernel } = m.machine;
  const { sys } = kernel;
  const told: number[] = [];
  m.run("mkdir /sys/fs/cgroup/a");
  kernel.spawnHelper("watcher", function* () {
    const fd = yield* sys.openat(AT_FDCWD, "/sys/fs/cgroup/a/cpu.pressure", O_RDWR);
    yield* sys.write(fd, encodeUtf8("some 150000 1000000"));
    const polled: PollFd = { fd, events: POLLPRI, revents: 0 };
    for (;;) if ((yield* sys.poll([polled], -1)) > 0) told.push(kernel.sched.clockNs);
  });
  m.run("sleep 5");
  expect(told).toEqual([]);
  const start = m.machine.nowNs;
  m.run("for i in 1 2; do sh -c 'echo 0 > /sys/fs/cgroup/a/cgroup.procs; exec timeout 3 sh -c \"while :; do :; done\"' & done; wait", {
    limitNs: 30e9,
  });
  expect(told.length).toBeGreaterThanOrEqual(2);
  expect(told.length).toBeLessThanOrEqual(4);
  expect(((told[0] as number) - start) / SECOND).toBeLessThan(0.8);
  const after = told.length;
  m.run("sleep 10");
  expect(told.length - after).toBeLessThanOrEqual(1);
  m.check();
});
