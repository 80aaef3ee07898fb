import { expect, test } from "vitest";
import type { CgroupEntity, MountEntity, NamespaceEntity, OverlayEntity, TaskEntity, TraceEntity } from "../bridge/messages.ts";
import { SAMPLES_KEPT } from "./cgroup-history.ts";
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
  const version = live.versions.tasks;
  live.apply(frame(2e6), 16);
  expect(live.versions.tasks).toBe(version);
  live.apply(frame(3e6, { tasks: { upsert: [task(2, 1, "vi")], remove: [] } }), 32);
  expect([...live.tasks.values()].map((one) => one.comm)).toEqual(["init", "vi"]);
  expect(live.versions.tasks).toBe(version + 1);
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

const uts: NamespaceEntity = { ino: 4026532001, kind: "uts", owner: 4026531837, label: "box" };
const mount: MountEntity = {
  ...{ id: 21, mntNs: 4026531841, target: "/", root: "/", fstype: "ext4", source: "/dev/vda1", options: "rw" },
  ...{ unbindable: false, covered: false },
};
const overlay: OverlayEntity = { id: 40, lowerdirs: ["/l"], upperdir: "/u", copiedUpBytes: 0, copiedUp: 0, whiteouts: 0, version: 1 };

function cgroup(id: number, usageNs: number, more: Partial<CgroupEntity> = {}): CgroupEntity {
  const limits = { weight: 100, quotaUsec: Number.POSITIVE_INFINITY, periodUsec: 100_000, periods: 0, throttledPeriods: 0, throttledNs: 0 };
  return {
    ...{ id, name: "lab", path: "/lab", type: "domain", controllers: [], subtreeControl: [], processes: 0, populated: 0, frozen: false },
    cpu: { ...limits, usageNs, pressure: 0 },
    ...more,
  };
}

test("namespaces, cgroups, mounts and overlays merge, each with a version of its own", () => {
  const live = new LiveMachine();
  live.apply(frame(1e6, { namespaces: { upsert: [uts], remove: [] }, mounts: { upsert: [mount], remove: [] } }), 0);
  expect(live.versions).toMatchObject({ namespaces: 1, cgroups: 0, mounts: 1, overlays: 0 });
  live.apply(frame(2e6, { cgroups: { upsert: [cgroup(7, 0)], remove: [] }, overlays: { upsert: [overlay], remove: [] } }), 16);
  expect(live.versions).toMatchObject({ namespaces: 1, cgroups: 1, mounts: 1, overlays: 1 });
  live.apply(frame(3e6, { namespaces: { upsert: [{ ...uts, label: "keel" }], remove: [] }, mounts: { upsert: [], remove: [21] } }), 32);
  expect(live.namespaces.get(uts.ino)?.label).toBe("keel");
  expect(live.mounts.size).toBe(0);
  expect([...live.cgroups.keys(), ...live.overlays.keys()]).toEqual([7, 40]);
  live.clear();
  expect(live.namespaces.size + live.cgroups.size + live.overlays.size).toBe(0);
});

test("an inode number that was removed and given out again within a frame is the new one", () => {
  const live = new LiveMachine();
  live.apply(frame(1e6, { namespaces: { upsert: [uts], remove: [] } }), 0);
  live.apply(frame(2e6, { namespaces: { upsert: [{ ...uts, label: "new" }], remove: [uts.ino] } }), 16);
  expect(live.namespaces.get(uts.ino)?.label).toBe("new");
});

test("the history of a cgroup is CPUs used over virtual time, bounded, and ends with it", () => {
  const live = new LiveMachine();
  live.apply(frame(1e9, { cgroups: { upsert: [cgroup(7, 5e9)], remove: [] } }), 0);
  expect(live.histories.get(7).at(-1)).toMatchObject({ cpus: 0 });
  live.apply(frame(1.5e9, { cgroups: { upsert: [cgroup(7, 5.25e9)], remove: [] } }), 300);
  expect(live.histories.get(7).at(-1)).toMatchObject({ atNs: 1.5e9, cpus: 0.5 });
  live.apply(frame(1.6e9), 310);
  expect(live.histories.get(7)).toHaveLength(2);
  for (let i = 0; i < 300; i++) live.apply(frame(2e9 + i * 3e8), 1000 + i * 300);
  expect(live.histories.get(7)).toHaveLength(SAMPLES_KEPT);
  live.apply(frame(200e9, { cgroups: { upsert: [], remove: [7] } }), 200_000);
  expect(live.histories.get(7)).toHaveLength(0);
});

test("who was killed for memory is remembered, with the cgroup it was in", () => {
  const live = new LiveMachine();
  live.apply(frame(2e6, { events: [event("mm_oom_kill", 5, "hog", "pid=5 comm=hog rssBytes=4096 cgroup=7")] }), 16);
  expect(live.oomKills).toEqual([{ atNs: 5, pid: 5, comm: "hog", rssBytes: 4096, cgroup: 7 }]);
});
