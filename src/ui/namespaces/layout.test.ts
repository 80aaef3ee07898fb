import { expect, test } from "vitest";
import type { NamespaceEntity, NamespaceKind, TaskEntity } from "../../bridge/messages.ts";
import { layoutNamespaces, type NamespaceInput, type NamespaceShapes } from "./layout.ts";

const FIRST: Readonly<Record<NamespaceKind, number>> = {
  time: 4026531834,
  cgroup: 4026531835,
  pid: 4026531836,
  user: 4026531837,
  uts: 4026531838,
  ipc: 4026531839,
  net: 4026531840,
  mnt: 4026531841,
};

const boot: readonly NamespaceEntity[] = (Object.keys(FIRST) as NamespaceKind[]).map((kind) => ({ ino: FIRST[kind], kind, label: "" }));

function task(pid: number, ppid: number, comm: string, own: Partial<Record<NamespaceKind, number>> = {}): TaskEntity {
  return {
    ...{ pid, ppid, pgid: pid, sid: 1, comm, argv: [comm], state: "S", uid: 0, nice: 0, threads: 1, cpuNs: 0, rssBytes: 0, tty: "" },
    ...{ startNs: pid * 1000, innerPids: [], namespaces: { ...FIRST, ...own }, cgroup: 1 },
  };
}

function shapesOf(
  tasks: readonly TaskEntity[],
  more: readonly NamespaceEntity[] = [],
  size: Partial<NamespaceInput> = {},
): NamespaceShapes {
  return layoutNamespaces({
    tasks: new Map(tasks.map((one) => [one.pid, one])),
    namespaces: new Map([...boot, ...more].map((ns) => [ns.ino, ns])),
    width: 560,
    height: 560,
    ...size,
  });
}

const told = ({ plates }: NamespaceShapes): string[] =>
  plates.map(({ kind, ino, row, level }) => `${kind} ${ino} row ${row} level ${level}`);

const init = task(1, 0, "init");
const shell = task(2, 1, "bash");

test("processes in the first namespaces are points on eight lines, without a plate", () => {
  const shapes = shapesOf([init, shell]);
  expect(shapes.rows.map(({ label, points }) => [label, points.length])).toEqual([
    ["init", 8],
    ["bash", 8],
  ]);
  expect(shapes.plates).toEqual([]);
  expect(shapes.columns.map(({ kind }) => kind)).toEqual(["user", "mnt", "pid", "uts", "ipc", "net", "cgroup", "time"]);
});

test("processes in one namespace stand together, and one plate joins them", () => {
  const uts: NamespaceEntity = { ino: 5001, kind: "uts", label: "box" };
  const shapes = shapesOf(
    [init, shell, task(3, 2, "a", { uts: 4026532001 }), task(4, 2, "b"), task(5, 2, "c", { uts: 4026532001 })],
    [{ ...uts, ino: 4026532001 }],
  );
  expect(shapes.rows.map(({ label }) => label)).toEqual(["init", "bash", "b", "a", "c"]);
  expect(told(shapes)).toEqual(["uts 4026532001 row 3 level 1"]);
  const [plate] = shapes.plates;
  expect(plate?.words).toMatchObject({ text: "2001", label: "box" });
  expect(plate?.height).toBeGreaterThan(2 * (shapes.rows[0]?.height ?? 0) - 10);
});

test("a PID namespace within another is a plate within the other's", () => {
  const shapes = shapesOf(
    [init, shell, task(3, 2, "outer", { pid: 4026532001 }), task(4, 3, "inner", { pid: 4026532002 })],
    [
      { ino: 4026532001, kind: "pid", parent: FIRST.pid, label: "" },
      { ino: 4026532002, kind: "pid", parent: 4026532001, label: "" },
    ],
  );
  expect(told(shapes)).toEqual(["pid 4026532001 row 2 level 1", "pid 4026532002 row 3 level 2"]);
  const [outer, inner] = shapes.plates;
  if (outer === undefined || inner === undefined) throw new Error("two plates");
  expect(inner.x).toBeGreaterThan(outer.x);
  expect(inner.x + inner.width).toBeLessThan(outer.x + outer.width + 1);
  expect(inner.y + inner.height).toBeLessThanOrEqual(outer.y + outer.height);
});

test("sets that share a namespace are brought together; what cannot be is joined by a line", () => {
  const mnt = (ino: number): NamespaceEntity => ({ ino, kind: "mnt", label: "" });
  const tasks = [
    ...[init, shell, task(3, 2, "a", { mnt: 4026532001 }), task(4, 3, "b", { mnt: 4026532002, uts: 4026532003 })],
    ...[task(5, 3, "c", { mnt: 4026532001, net: 4026532004 }), task(6, 2, "d", { net: 4026532004, uts: 4026532003 })],
  ];
  const shapes = shapesOf(tasks, [mnt(4026532001), mnt(4026532002)]);
  expect(shapes.rows.map(({ label }) => label)).toEqual(["init", "bash", "a", "c", "d", "b"]);
  expect(shapes.joins).toEqual([]);
  const apart = shapesOf([...tasks, task(7, 2, "e", { mnt: 4026532001, uts: 4026532005 })], [mnt(4026532001), mnt(4026532002)]);
  expect(apart.rows.map(({ label }) => label)).toEqual(["init", "bash", "a", "c", "d", "b", "e"]);
  expect(apart.joins.map(({ kind }) => kind)).toEqual(["mnt"]);
});

test("a namespace that only a file keeps has a row of its own", () => {
  const shapes = shapesOf([init, shell], [{ ino: 4026532009, kind: "net", label: "" }]);
  expect(shapes.rows.at(-1)).toMatchObject({ kind: "empty", label: "no process", pids: [], points: [] });
  expect(told(shapes)).toEqual(["net 4026532009 row 2 level 1"]);
});

test("a zombie has no cell where it has no namespace any more", () => {
  const zombie = { ...task(3, 2, "gone"), namespaces: { pid: FIRST.pid, user: FIRST.user } };
  expect(shapesOf([init, shell, zombie]).rows.at(-1)?.points).toEqual(["user", "pid"]);
});

test("many processes in one set are one row, while others keep theirs", () => {
  const many = Array.from({ length: 200 }, (_, i) => task(10 + i, 2, "sleep"));
  const shapes = shapesOf([init, shell, ...many, task(500, 2, "box", { uts: 4026532001 })], [{ ino: 4026532001, kind: "uts", label: "" }]);
  expect(shapes.rows.map(({ kind, label, pids }) => [kind, label, pids.length])).toEqual([
    ["set", "init, bash, sleep", 202],
    ["process", "box", 1],
  ]);
});

test("a thousand containers are a handful of rows that account for every process", () => {
  const tasks = [init, shell];
  const more: NamespaceEntity[] = [];
  for (let i = 0; i < 1000; i++) {
    const own = { mnt: 4026540000 + 3 * i, pid: 4026540001 + 3 * i, uts: 4026540002 + 3 * i };
    tasks.push(task(10 + i, 2, "nginx", own));
    for (const [kind, ino] of Object.entries(own)) more.push({ ino, kind: kind as NamespaceKind, label: "" });
  }
  const shapes = shapesOf(tasks, more);
  expect(shapes.rows.map(({ kind, sets, pids }) => [kind, sets, pids.length])).toEqual([
    ["set", 1, 2],
    ["fold", 1000, 1000],
  ]);
  expect(shapes.plates.map(({ kind, count }) => [kind, count])).toEqual([
    ["mnt", 1000],
    ["pid", 1000],
    ["uts", 1000],
  ]);
  expect(shapes.hidden).toBe(0);
});

test("the columns fit a phone", () => {
  expect(shapesOf([init, shell], [], { width: 390 }).width).toBe(390);
});
