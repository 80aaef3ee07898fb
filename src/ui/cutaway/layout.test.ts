import { expect, test } from "vitest";
import type { CgroupEntity, ContainerEntity, ImageEntity, TaskEntity } from "../../bridge/messages.ts";
import { type CutawayInput, layoutCutaway } from "./layout.ts";

const id = (n: number): string => n.toString(16).padStart(64, "0");

function container(n: number, fields: Partial<ContainerEntity> = {}): ContainerEntity {
  return {
    ...{ id: id(n), name: `c${n}`, image: "base", imageId: "base", command: "sh", state: "running", pid: 100 * n, exitCode: 0 },
    ...{ oomKilled: false, health: "", created: `2026-01-01T00:00:0${n % 10}Z`, started: "", finished: "", restartCount: 0, tty: false },
    ...{ networkMode: "bridge", networks: [], ports: [], mounts: [], limits: { memoryBytes: 0, cpus: 0, pids: 0 } },
    ...fields,
  };
}

const image = (name: string, diffIds: readonly string[]): ImageEntity => ({
  ...{ id: name, tags: [name], created: "", diffIds },
  history: diffIds.map((diffId) => ({ createdBy: `made ${diffId}`, comment: "", empty: false })),
});

const task = (pid: number, ppid: number, cgroup: number, innerPids: readonly number[] = []): TaskEntity => ({
  ...{ pid, ppid, pgid: pid, sid: pid, comm: `p${pid}`, argv: [], state: "S", uid: 0, nice: 0, threads: 1, cpuNs: 0, rssBytes: 0 },
  ...{ tty: "", startNs: 0, innerPids, namespaces: {}, cgroup },
});

function input(containers: readonly ContainerEntity[], fields: Partial<CutawayInput> = {}): CutawayInput {
  const cgroups = new Map<number, CgroupEntity>([[1, { id: 1, path: "/" } as CgroupEntity]]);
  const tasks = new Map([[1, task(1, 0, 1)]]);
  for (const [i, { id: key, pid }] of containers.entries()) {
    cgroups.set(10 + i, { id: 10 + i, path: `/docker/${key}` } as CgroupEntity);
    tasks.set(pid, task(pid, 1, 10 + i, [1]));
    tasks.set(pid + 1, task(pid + 1, pid, 10 + i, [7]));
  }
  const images = [image("base", ["a"]), image("web", ["a", "b"]), image("other", ["z"])];
  return {
    ...{ containers: new Map(containers.map((one) => [one.id, one])), images: new Map(images.map((one) => [one.id, one])) },
    ...{ tasks, cgroups, shares: new Map([[100, 0.5]]), width: 900, height: 700, cpus: 4, memoryBytes: 2 ** 31 },
    ...fields,
  };
}

test("a process stands in the compartment of its cgroup, with the number that it has in there", () => {
  const { host, compartments } = layoutCutaway(input([container(1)]));
  expect(host.rows.map(({ pid }) => pid)).toEqual([1]);
  expect(compartments[0]?.rows.map(({ pid, inner, depth }) => [pid, inner, depth])).toEqual([
    [100, 1, 0],
    [101, 7, 1],
  ]);
  expect(compartments[0]?.cpuShare).toBe(0.5);
});

test("a layer that several containers stand on is drawn once, below all of them", () => {
  const containers = [container(1, { imageId: "base" }), container(2, { imageId: "other" }), container(3, { imageId: "web" })];
  const { compartments, slabs } = layoutCutaway(input(containers));
  expect(compartments.map((shape) => shape.container?.name)).toEqual(["c1", "c3", "c2"]);
  const shared = slabs.find(({ label }) => label === "made a");
  expect(shared?.sharers).toBe(2);
  expect(shared?.x).toBe(compartments[0]?.x);
  expect((shared?.x ?? 0) + (shared?.width ?? 0)).toBe((compartments[1]?.x ?? 0) + (compartments[1]?.width ?? 0));
  expect(slabs.map(({ label }) => label).sort()).toEqual(["made a", "made b", "made z"]);
});

test("compartments and what is under them do not overlap, whatever comes, on a desk as on a phone", () => {
  const images = ["base", "web", "other"];
  for (const count of [1, 2, 3, 5, 6, 9, 14])
    for (const [width, height] of [
      [900, 700],
      [420, 560],
      [380, 560],
    ] as const) {
      const containers = Array.from({ length: count }, (_, i) => container(i + 1, { imageId: images[i % 3] as string }));
      const { compartments, pods, podSize, slabs, keel, hidden } = layoutCutaway(input(containers, { width, height }));
      const boxes = [
        ...compartments.map(({ x, y, width: wide, height: high, upper }) => ({
          x,
          y,
          right: x + wide,
          bottom: y + high + (upper?.height ?? 0),
        })),
        ...pods.map(({ x, y }) => ({ x, y, right: x + podSize.width - 4, bottom: y + podSize.height - 4 })),
        ...slabs.map(({ x, y, width: wide, height: high }) => ({ x, y, right: x + wide, bottom: y + high })),
      ];
      expect(compartments.length + pods.length + hidden).toBe(count);
      for (const [i, a] of boxes.entries()) {
        expect(a.right).toBeLessThanOrEqual(width);
        expect(a.bottom).toBeLessThanOrEqual(keel.y);
        for (const b of boxes.slice(i + 1))
          expect(a.x >= b.right - 0.01 || b.x >= a.right - 0.01 || a.y >= b.bottom - 0.01 || b.y >= a.bottom - 0.01).toBe(true);
      }
    }
});

test("what does not fit side by side with its processes is stacked on its layers", () => {
  const { compartments, slabs } = layoutCutaway(
    input(
      [1, 2, 3, 4].map((n) => container(n)),
      { width: 560 },
    ),
  );
  expect(compartments.every(({ kind }) => kind === "full")).toBe(true);
  expect(new Set(compartments.map(({ y }) => y)).size).toBe(2);
  expect(slabs.map(({ sharers }) => sharers)).toEqual([4]);
});

test("images that nothing runs from lie beside, on the layers that they share", () => {
  const { slabs, resting } = layoutCutaway(input([container(1, { imageId: "base" })]));
  expect(resting.map(({ name }) => name)).toEqual(["web", "other"]);
  expect(slabs.find(({ label }) => label === "made b")?.sharers).toBe(0);
});

test("a shim is told by the container that it is the parent of", () => {
  const state = input([container(1)]);
  const tasks = new Map(state.tasks).set(50, { ...task(50, 1, 1), comm: "containerd-shim" }).set(100, task(100, 50, 10, [1]));
  expect(layoutCutaway({ ...state, tasks }).host.rows.map(({ pid, serves }) => [pid, serves])).toEqual([
    [1, undefined],
    [50, "c1"],
  ]);
});

test("very many are small vessels, the selected one keeps its compartment, and none is lost", () => {
  const containers = Array.from({ length: 1000 }, (_, i) => container(i + 1));
  const { compartments, pods, hidden } = layoutCutaway(input(containers, { selected: id(500) }));
  expect(compartments.map(({ key }) => key)).toEqual([id(500)]);
  expect(compartments.length + pods.length + hidden).toBe(1000);
  expect(pods.length).toBeGreaterThan(60);
});

test("containers without processes stand apart, with how they ended", () => {
  const { compartments, stopped } = layoutCutaway(input([container(1), container(2, { state: "exited", exitCode: 3, pid: 0 })]));
  expect(compartments.length).toBe(1);
  expect(stopped.map(({ container: one }) => [one.name, one.exitCode])).toEqual([["c2", 3]]);
});

test("a port is one pipe for both families of addresses", () => {
  const ports = [
    { container: "80/tcp", hostIp: "0.0.0.0", hostPort: 8080 },
    { container: "80/tcp", hostIp: "::", hostPort: 8080 },
  ];
  expect(layoutCutaway(input([container(1, { ports })])).compartments[0]?.ports.map(({ label }) => label)).toEqual(["8080→80"]);
});
