import { expect, test } from "vitest";
import type { TaskEntity } from "../../bridge/messages.ts";
import { findRelated, layoutProcesses, type ProcessInput, type ProcessShapes } from "./layout.ts";

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

test("hovering relates ancestors and descendants, not siblings", () => {
  const { nodes } = shapesOf([...base, task(3, 2, "a"), task(4, 3, "b"), task(5, 2, "c")]);
  expect([...findRelated(nodes, "p3")].sort()).toEqual(["p1", "p2", "p3", "p4"]);
});

test("laying out 5,000 processes hides nothing from a short room: rows shrink before they scroll", () => {
  const many = Array.from({ length: 20 }, (_, i) => task(10 + i, 2, `p${i}`));
  expect(shapesOf([...base, ...many]).detail).toBe("compact");
  expect(shapesOf(base).detail).toBe("full");
});
