import { expect, test } from "vitest";
import type { TaskEntity } from "../../bridge/messages.ts";
import { layoutProcesses, type ProcessInput, type ProcessShapes } from "./layout.ts";

function task(pid: number, ppid: number, comm: string, more: Partial<TaskEntity> = {}): TaskEntity {
  return {
    ...{ pid, ppid, pgid: pid, sid: 1, comm, argv: [comm], state: "S", uid: 0, nice: 0, threads: 1 },
    ...{ cpuNs: 0, rssBytes: 1024, tty: "pts/0", startNs: pid * 1000, innerPids: [], namespaces: {}, cgroup: 0 },
    ...more,
  };
}

function shapesOf(tasks: readonly TaskEntity[], more: Partial<ProcessInput> = {}): ProcessShapes {
  const byPid = new Map(tasks.map((one) => [one.pid, one]));
  const bornTo = new Map(tasks.map((one) => [one.pid, one.ppid]));
  return layoutProcesses({ tasks: byPid, ghosts: [], shares: new Map(), bornTo, width: 560, height: 600, ...more });
}

const names = (shapes: ProcessShapes): string[] =>
  shapes.nodes.map((node) => `${"  ".repeat(node.depth)}${node.comm}${node.count > 1 ? `×${node.count}` : ` ${node.task.pid}`}`);

const base = [task(1, 0, "init"), task(2, 1, "bash")];

test("the tree stands in order of birth, a parent in the row of its first child", () => {
  const shapes = shapesOf([...base, task(4, 2, "sleep"), task(3, 2, "yes")]);
  expect(names(shapes)).toEqual(["init 1", "  bash 2", "    yes 3", "    sleep 4"]);
  const rows = shapes.nodes.map((node) => node.y);
  expect(rows[0]).toBe(rows[2]);
  expect(rows[3]).toBeGreaterThan(rows[2] ?? 0);
});

test("a new child moves nothing that is there", () => {
  const before = shapesOf([...base, task(3, 2, "a")]);
  const after = shapesOf([...base, task(3, 2, "a"), task(4, 2, "b"), task(5, 1, "c")]);
  for (const node of before.nodes) {
    expect(after.nodes.find((other) => other.key === node.key)).toMatchObject({ x: node.x, y: node.y });
  }
});

test("an exec keeps the key, so that the box stays and changes its name", () => {
  const key = (shapes: ProcessShapes) => shapes.nodes.at(-1)?.key;
  expect(key(shapesOf([...base, task(3, 2, "bash")]))).toBe(key(shapesOf([...base, task(3, 2, "sleep")])));
});

test("eight loops stand alone, nine become one box with their sums", () => {
  const loops = (n: number) => Array.from({ length: n }, (_, i) => task(10 + i, 2, "loop", { state: i === 0 ? "T" : "R" }));
  expect(shapesOf([...base, ...loops(8)]).nodes).toHaveLength(10);
  const shares = new Map(loops(9).map((one) => [one.pid, 0.25]));
  const group = shapesOf([...base, ...loops(9)], { shares }).nodes.at(-1);
  expect(group).toMatchObject({ kind: "group", count: 9, share: 2.25, rssBytes: 9 * 1024 });
  expect(group?.states).toEqual([
    ["R", 8],
    ["T", 1],
  ]);
});

test("a fork bomb of 5,000 is a handful of boxes that account for every process", () => {
  const bomb = Array.from({ length: 5000 }, (_, i) => task(10 + i, i < 40 ? 1 : 10 + Math.floor((i - 40) / 2), "bash"));
  const shapes = shapesOf([...base, ...bomb]);
  expect(shapes.nodes.length).toBeLessThan(20);
  expect(shapes.nodes.reduce((sum, node) => sum + node.count, 0)).toBe(5002);
  expect(shapes.hidden).toBe(0);
  expect(shapes.nodes.some((node) => node.generations > 5)).toBe(true);
  expect(shapes.height).toBe(600);
});

test("a chain of 5,000 generations does not overflow", () => {
  const chain = Array.from({ length: 5000 }, (_, i) => task(10 + i, i === 0 ? 2 : 9 + i, i % 2 === 0 ? "a" : "b"));
  const shapes = shapesOf([...base, ...chain]);
  expect(shapes.nodes.length).toBeLessThan(100);
  expect(shapes.hidden + shapes.nodes.reduce((sum, node) => sum + node.count, 0)).toBe(5002);
});

test("the selected process leaves its group, with its ancestors", () => {
  const many = Array.from({ length: 100 }, (_, i) => task(10 + i, i < 50 ? 2 : i - 40, "bash"));
  const shapes = shapesOf([...base, ...many], { selected: 75 });
  expect(shapes.nodes.filter((node) => node.count === 1).map((node) => node.task.pid)).toEqual([1, 2, 25, 75]);
});

test("an orphan names the parent it was born to", () => {
  const shapes = shapesOf([...base, task(9, 1, "sleep")], { bornTo: new Map([[9, 5]]) });
  expect(shapes.nodes.at(-1)?.orphanOf).toBe(5);
  expect(shapes.links.at(-1)?.orphan).toBe(true);
});

test("what just ended is drawn as a ghost beside the living", () => {
  const shapes = shapesOf(base, { ghosts: [task(3, 2, "ls", { state: "X" })] });
  expect(shapes.nodes.at(-1)).toMatchObject({ kind: "ghost", comm: "ls", depth: 2 });
});

const HOST = 4026531836;
const [OUTER, INNER] = [4026532001, 4026532002];
const spaces = new Map(
  [
    { ino: HOST, kind: "pid" as const, label: "" },
    { ino: OUTER, kind: "pid" as const, parent: HOST, label: "" },
    { ino: INNER, kind: "pid" as const, parent: OUTER, label: "" },
  ].map((ns) => [ns.ino, ns]),
);
const within = (pid: number, ppid: number, comm: string, ino: number, innerPids: readonly number[]) =>
  task(pid, ppid, comm, { namespaces: { pid: ino }, innerPids });
const nested = [
  ...[within(1, 0, "init", HOST, []), within(2, 1, "bash", HOST, []), within(3, 2, "unshare", HOST, []), within(4, 3, "sh", OUTER, [1])],
  ...[within(5, 4, "a", OUTER, [2]), within(6, 4, "b", INNER, [3, 1]), within(7, 2, "after", HOST, [])],
];

test("a compartment stands round what is in another PID namespace than its parent, one within the other", () => {
  const { nodes, compartments } = shapesOf(nested, { namespaces: spaces });
  expect(compartments.map(({ ino }) => ino)).toEqual([OUTER, INNER]);
  const [outer, inner] = compartments;
  if (outer === undefined || inner === undefined) throw new Error("two compartments");
  for (const node of nodes) {
    const isIn =
      node.x > outer.x && node.x + node.width < outer.x + outer.width && node.y > outer.y && node.y + node.height < outer.y + outer.height;
    expect([node.comm, isIn]).toEqual([node.comm, ["sh", "a", "b"].includes(node.comm)]);
  }
  expect(inner.x).toBeGreaterThan(outer.x);
  expect(inner.y + inner.height).toBeLessThan(outer.y + outer.height);
  expect(inner.x + inner.width).toBeLessThan(outer.x + outer.width);
});

test("seen from a PID namespace a process has the number that it has there, and those outside have none", () => {
  const seen = (seenFrom: number | undefined) => {
    const shapes = shapesOf(nested, { namespaces: spaces, seenFrom });
    return [shapes.seen, ...shapes.nodes.map((node) => node.numbers[node.here])];
  };
  expect(seen(undefined)).toEqual([7, 1, 2, 3, 4, 5, 6, 7]);
  expect(seen(HOST)).toEqual([7, 1, 2, 3, 4, 5, 6, 7]);
  expect(seen(OUTER)).toEqual([3, undefined, undefined, undefined, 1, 2, 3, undefined]);
  expect(seen(INNER)).toEqual([1, undefined, undefined, undefined, undefined, undefined, 1, undefined]);
});

test("namesakes of different PID namespaces stand apart, until there are too many", () => {
  const of = (count: number) => {
    const inits = Array.from({ length: count }, (_, i) => within(10 + i, 2, "sh", OUTER + i, [1]));
    const namespaces = new Map(inits.map((one, i) => [OUTER + i, { ino: OUTER + i, kind: "pid" as const, parent: HOST, label: one.comm }]));
    return shapesOf([...nested.slice(0, 2), ...inits], { namespaces });
  };
  expect(of(10).compartments).toHaveLength(10);
  expect(of(1000).nodes.map(({ count }) => count)).toEqual([1, 1, 1000]);
  expect(of(1000).compartments).toHaveLength(0);
});

test("laying out 5,000 processes hides nothing from a short room: rows shrink before they scroll", () => {
  const many = Array.from({ length: 20 }, (_, i) => task(10 + i, 2, `p${i}`));
  expect(shapesOf([...base, ...many]).detail).toBe("compact");
  expect(shapesOf(base).detail).toBe("full");
});
