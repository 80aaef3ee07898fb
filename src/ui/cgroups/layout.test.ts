import { expect, test } from "vitest";
import type { CgroupEntity } from "../../bridge/messages.ts";
import type { CgroupSample } from "../cgroup-history.ts";
import { type CgroupInput, type CgroupShapes, layoutCgroups } from "./layout.ts";
import { fitWords, formatCpus, getDirectory, tellCpu, tellMemory } from "./words.ts";

const MIB = 1024 ** 2;

function cgroup(id: number, path: string, parent: number | undefined, more: Partial<CgroupEntity> = {}): CgroupEntity {
  const cpu = { usageNs: 0, weight: 100, quotaUsec: Number.POSITIVE_INFINITY, periodUsec: 100_000, periods: 0, throttledPeriods: 0 };
  const memory = { currentBytes: 30 * MIB, peakBytes: 30 * MIB, maxBytes: Number.POSITIVE_INFINITY, highBytes: Number.POSITIVE_INFINITY };
  return {
    ...{ id, name: path.split("/").at(-1) ?? "", path, type: "domain", controllers: ["cpu", "memory", "pids"], subtreeControl: [] },
    ...(parent === undefined ? {} : { parent }),
    ...{ processes: 0, populated: 0, frozen: false },
    cpu: { ...cpu, throttledNs: 0, pressure: 0 },
    memory: { ...memory, lowBytes: 0, minBytes: 0, anonBytes: 20 * MIB, fileBytes: 10 * MIB, kernelBytes: 0, oomKills: 0, pressure: 0 },
    pids: { current: 3, max: Number.POSITIVE_INFINITY, peak: 3 },
    ...more,
  };
}

const sample = (atNs: number, more: Partial<CgroupSample> = {}): CgroupSample => ({
  ...{ atNs, usageNs: 0, cpus: 0, memoryBytes: 0, throttled: 0, oomKills: 0 },
  ...more,
});

function shapesOf(cgroups: readonly CgroupEntity[], more: Partial<CgroupInput> = {}): CgroupShapes {
  return layoutCgroups({
    cgroups: new Map(cgroups.map((one) => [one.id, one])),
    getHistory: () => [],
    ...{ width: 560, height: 600, cpus: 4, memoryBytes: 2048 * MIB },
    ...more,
  });
}

const root = cgroup(1, "/", undefined);

test("each cgroup is a strip below its parent, in order of its making, and hangs on its parent's post", () => {
  const { strips } = shapesOf([root, cgroup(9, "/b", 1), cgroup(4, "/a", 1), cgroup(12, "/b/x", 9)]);
  expect(strips.map(({ cgroup: { path }, depth, kind }) => [path, depth, kind])).toEqual([
    ["/", 0, "full"],
    ["/a", 1, "full"],
    ["/b", 1, "full"],
    ["/b/x", 2, "full"],
  ]);
  expect(strips.map(({ post }) => post !== undefined)).toEqual([false, true, true, true]);
  expect(strips[3]?.post?.y).toBeLessThan(0);
});

test("a vessel fills towards its limit's line", () => {
  const limited = cgroup(4, "/a", 1);
  const { strips } = shapesOf([root, { ...limited, memory: { ...(limited.memory as never as object), maxBytes: 60 * MIB } as never }]);
  const memory = strips[1]?.memory;
  if (memory?.limitY === undefined) throw new Error("a limit");
  const filled = memory.contents.reduce((sum, { height }) => sum + height, 0);
  expect(filled / (memory.height - memory.limitY)).toBeCloseTo(0.5, 1);
  expect(memory.contents.map(({ part }) => part)).toEqual(["anon", "file", "kernel"]);
});

test("without a limit there is no line, and the root's limit is the machine", () => {
  const { strips } = shapesOf([root, cgroup(4, "/a", 1)]);
  expect(strips[0]?.cpu.limitY).toBeDefined();
  expect(strips[0]?.memory?.limitY).toBeDefined();
  expect(strips[1]?.cpu.limitY).toBeUndefined();
  expect(strips[1]?.memory?.limitY).toBeUndefined();
});

test("the past runs from right to left; throttled and killed moments are marked on it", () => {
  const past = [sample(1e9), sample(2e9, { cpus: 0.5, throttled: 0.4 }), sample(3e9, { cpus: 0.5, oomKills: 1 })];
  const { strips } = shapesOf([root, cgroup(4, "/a", 1)], { getHistory: () => past });
  const { cpu, memory } = strips[1] ?? {};
  expect(cpu?.edge.match(/[ML]/g)?.join("")).toBe("MLL");
  expect(cpu?.throttled).toHaveLength(1);
  expect(cpu?.kills).toEqual([]);
  expect(memory?.kills).toEqual([memory?.width]);
  expect(memory?.throttled).toEqual([]);
});

test("where strips do not fit they become lines, but for the selected one", () => {
  const many = Array.from({ length: 12 }, (_, i) => cgroup(10 + i, `/g${i}`, 1));
  const { strips } = shapesOf([root, ...many], { selected: 13 });
  expect(strips.filter(({ kind }) => kind === "full").map(({ cgroup: { id } }) => id)).toEqual([13]);
  expect(strips).toHaveLength(13);
});

test("a thousand siblings are one rack of vessels; the selected one leaves it", () => {
  const many = Array.from({ length: 1000 }, (_, i) => cgroup(10 + i, `/g${i}`, 1));
  const { strips, racks } = shapesOf([root, ...many], { selected: 500 });
  expect(strips.map(({ cgroup: { id } }) => id)).toEqual([1, 500]);
  expect(racks).toHaveLength(1);
  expect((racks[0]?.ids.length ?? 0) + (racks[0]?.hidden ?? 0)).toBe(999);
  expect(racks[0]?.ids).not.toContain(500);
});

test("tasks are squares, free places too; too many are a bar", () => {
  const of = (current: number, max: number) =>
    shapesOf([root, cgroup(4, "/a", 1, { pids: { current, max, peak: current } })]).strips[1]?.pids;
  expect(of(5, 20)).toMatchObject({ squares: { used: 5, all: 20 }, filled: 0.25 });
  expect(of(5, Number.POSITIVE_INFINITY)).toMatchObject({ squares: { used: 5, all: 5 }, filled: undefined });
  expect(of(500, 4000)).toMatchObject({ squares: undefined, filled: 0.125 });
});

test("a cgroup without the controllers has no instrument for them", () => {
  const { memory: _memory, pids: _pids, ...bare } = cgroup(4, "/a", 1);
  expect(shapesOf([root, bare]).strips[1]).toMatchObject({ memory: undefined, pids: undefined });
});

test("the words tell use, limit and what hinders, as many as fit", () => {
  const busy = cgroup(4, "/a", 1, { cpu: { ...root.cpu, quotaUsec: 20_000, weight: 300, pressure: 12.3 } });
  const words = tellCpu(busy, [sample(1e9, { cpus: 0.2, throttled: 1 })], 4);
  expect(words.map(({ text }) => text)).toEqual(["0.20 of 0.20", "throttled 100%", "weight 300", "waits 12%"]);
  expect(fitWords(words, 30).map(({ text }) => text)).toEqual(["0.20 of 0.20", "throttled 100%"]);
  expect(fitWords(words, 24).map(({ text }) => text)).toEqual(["0.20 of 0.20", "throttled"]);
  expect(fitWords(words, 3)).toHaveLength(1);
  expect(tellMemory(root, 2048 * MIB).map(({ text }) => text)).toEqual(["30M of 2.0G"]);
  expect([formatCpus(0), formatCpus(1), formatCpus(12.3)]).toEqual(["0", "1.00", "12"]);
});

test("a directory is quoted where the shell would take it for something else", () => {
  expect(getDirectory(root)).toBe("/sys/fs/cgroup");
  expect(getDirectory(cgroup(4, "/a/b", 1))).toBe("/sys/fs/cgroup/a/b");
  expect(getDirectory(cgroup(4, "/it's; rm", 1))).toBe("'/sys/fs/cgroup/it'\\''s; rm'");
});
