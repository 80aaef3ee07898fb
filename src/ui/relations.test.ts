import { expect, test } from "vitest";
import type { CgroupEntity, ContainerEntity, MountEntity, NamespaceEntity, OverlayEntity, TaskEntity } from "../bridge/messages.ts";
import { findRelated } from "./relations.ts";
import type { Selection } from "./selection.ts";

const task = (pid: number, ppid: number, pidNs: number, mnt: number, cgroup: number): TaskEntity => ({
  ...{ pid, ppid, pgid: pid, sid: 1, comm: "x", argv: [], state: "S", uid: 0, nice: 0, threads: 1, cpuNs: 0, rssBytes: 0, tty: "" },
  ...{ startNs: 0, innerPids: [], namespaces: { pid: pidNs, mnt }, cgroup },
});
const byKey = <T>(things: readonly T[], key: (thing: T) => number): Map<number, T> => new Map(things.map((one) => [key(one), one]));

const mount = (id: number, mntNs: number, more: Partial<MountEntity> = {}) => ({ id, mntNs, ...more }) as MountEntity;
const cgroup = (id: number, parent?: number) => ({ id, ...(parent === undefined ? {} : { parent }) }) as CgroupEntity;

const entities = {
  tasks: byKey([task(1, 0, 100, 200, 1), task(2, 1, 100, 200, 2), task(3, 2, 101, 201, 3), task(4, 2, 100, 200, 2)], (one) => one.pid),
  namespaces: byKey<NamespaceEntity>(
    [
      { ino: 100, kind: "pid", label: "" },
      { ino: 101, kind: "pid", parent: 100, label: "" },
      { ino: 200, kind: "mnt", label: "" },
      { ino: 201, kind: "mnt", label: "" },
    ],
    (one) => one.ino,
  ),
  cgroups: byKey([cgroup(1), cgroup(2, 1), cgroup(3, 2)], (one) => one.id),
  mounts: byKey([mount(20, 200), mount(21, 201, { overlay: 40 })], (one) => one.id),
  overlays: byKey([{ id: 40 } as OverlayEntity], (one) => one.id),
  containers: new Map([["c0ffee", { id: "c0ffee", pid: 3 } as ContainerEntity]]),
};

const told = (selection: Selection) => {
  const { pids, namespaces, cgroups, mounts, overlays } = findRelated(entities, selection);
  return [pids, namespaces, cgroups, mounts, overlays].map((keys) => [...keys].sort((a, b) => a - b));
};

test("a process goes with its ancestors and descendants, not its siblings, and with what it is in itself", () => {
  expect(told({ kind: "task", pid: 3 })).toEqual([[1, 2, 3], [100, 101, 201], [1, 2, 3], [21], [40]]);
  expect(told({ kind: "task", pid: 4 })[0]).toEqual([1, 2, 4]);
});

test("a PID namespace goes with all that it sees: those nested in it too", () => {
  expect(told({ kind: "namespace", ino: 100 }).slice(0, 2)).toEqual([
    [1, 2, 3, 4],
    [100, 101],
  ]);
  expect(told({ kind: "namespace", ino: 101 })[0]).toEqual([3]);
});

test("a mount namespace goes with its mounts and their overlays", () => {
  expect(told({ kind: "namespace", ino: 201 }).slice(3)).toEqual([[21], [40]]);
});

test("a cgroup goes with those above and below it, and with all processes in them that are below", () => {
  expect(told({ kind: "cgroup", id: 2 }).slice(0, 3)).toEqual([
    [2, 3, 4],
    [100, 101, 200, 201],
    [1, 2, 3],
  ]);
});

test("a container goes with the processes in the cgroup of its first one", () => {
  expect(told({ kind: "container", id: "c0ffee" }).slice(0, 2)).toEqual([[3], [100, 101, 201]]);
  expect(told({ kind: "container", id: "beef" })).toEqual([[], [], [], [], []]);
});

test("a mount and an overlay go with the processes that see them", () => {
  expect(told({ kind: "mount", id: 20 })[0]).toEqual([1, 2, 4]);
  expect(told({ kind: "overlay", id: 40 })).toEqual([[3], [100, 101, 201], [1, 2, 3], [21], [40]]);
});

test("what is gone relates to nothing", () => {
  expect(told({ kind: "namespace", ino: 999 })[0]).toEqual([]);
});
