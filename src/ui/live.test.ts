import { expect, test } from "vitest";
import type { TaskEntity, TraceEntity } from "../bridge/messages.ts";
import { type Frame, LiveMachine } from "./live.ts";

const task = (pid: number, ppid: number, comm: string, more: Partial<TaskEntity> = {}): TaskEntity => ({
  ...{ pid, ppid, pgid: pid, sid: 1, comm, argv: [comm], state: "S", uid: 0, nice: 0, threads: 1 },
  ...{ cpuNs: 0, rssBytes: 1024, tty: "pts/0", startNs: 0, innerPids: [], namespaces: {}, cgroup: 0 },
  ...more,
});

const event = (name: string, pid: number, comm: string, text: string): TraceEntity => ({ seq: 0, atNs: 5, name, pid, comm, text });

const frame = (nowNs: number, more: Partial<Frame> = {}): Frame => ({
  ...{ type: "frame", nowNs, achieved: 1, pace: { kind: "speed", factor: 1 }, output: [], events: [], eventsDropped: 0 },
  tasks: { upsert: [], remove: [] },
  ...more,
});

test("deltas merge; a frame without changes changes no version", () => {
  const live = new LiveMachine();
  live.apply(frame(1e6, { tasks: { upsert: [task(1, 0, "init"), task(2, 1, "bash")], remove: [] } }), 0);
  const { version } = live;
  live.apply(frame(2e6), 16);
  expect(live.version).toBe(version);
  live.apply(frame(3e6, { tasks: { upsert: [task(2, 1, "vi")], remove: [] } }), 32);
  expect([...live.tasks.values()].map((one) => one.comm)).toEqual(["init", "vi"]);
  expect(live.version).toBe(version + 1);
});

test("a process that ended stays as a ghost for a moment", () => {
  const live = new LiveMachine();
  live.apply(frame(1e6, { tasks: { upsert: [task(5, 2, "ls")], remove: [] } }), 0);
  live.apply(frame(2e6, { tasks: { upsert: [], remove: [5] } }), 100);
  expect(live.ghosts.get(5)?.task).toMatchObject({ comm: "ls", ppid: 2, state: "X" });
  live.apply(frame(3e6), 3000);
  expect(live.ghosts.size).toBe(0);
});

test("a process that was born and gone between two frames is known from its events", () => {
  const live = new LiveMachine();
  const events = [
    event("sched_process_fork", 2, "bash", "pid=2 childPid=7 comm=bash thread=false"),
    event("sched_process_exec", 7, "true", "pid=7 filename=/usr/bin/true comm=true"),
    event("sched_process_exit", 7, "true", "pid=7 comm=true waitStatus=0"),
  ];
  live.apply(frame(1e6, { events }), 0);
  expect(live.ghosts.get(7)?.task).toMatchObject({ comm: "true", ppid: 2 });
});

test("an orphan remembers the parent it was born to", () => {
  const live = new LiveMachine();
  live.apply(frame(1e6, { tasks: { upsert: [task(9, 5, "sleep")], remove: [] } }), 0);
  live.apply(frame(2e6, { tasks: { upsert: [task(9, 1, "sleep")], remove: [] } }), 16);
  expect(live.bornTo.get(9)).toBe(5);
});

test("CPU shares are CPU time over virtual time, whatever the speed", () => {
  const live = new LiveMachine();
  live.apply(frame(1e9, { tasks: { upsert: [task(3, 1, "yes", { cpuNs: 0 })], remove: [] } }), 300);
  live.apply(frame(1.1e9, { tasks: { upsert: [task(3, 1, "yes", { cpuNs: 5e7 })], remove: [] } }), 600);
  expect(live.shares.get(3)).toBeCloseTo(0.5);
  live.apply(frame(1.2e9), 900);
  expect(live.shares.has(3)).toBe(false);
});

test("events are kept up to a bound", () => {
  const live = new LiveMachine();
  const flood = Array.from({ length: 200 }, () => event("sched_process_exec", 3, "x", ""));
  for (let i = 0; i < 100; i++) live.apply(frame(i, { events: flood }), i);
  expect(live.events.length).toBeLessThanOrEqual(9000);
});
