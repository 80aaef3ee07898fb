import { expect, test } from "vitest";
import type { CgroupEntity, NamespaceEntity } from "../bridge/messages.ts";
import { FrameBuilder } from "./frame.ts";
import { boot, type TestMachine } from "./testing.ts";

/** What a page knows that has merged every frame. */
class Watcher {
  readonly namespaces = new Map<number, NamespaceEntity>();
  readonly cgroups = new Map<number, CgroupEntity>();
  private readonly frames: FrameBuilder;

  constructor(m: TestMachine) {
    this.frames = new FrameBuilder(m.machine);
  }

  /** Takes frames for a tenth of a second. Returns how many entities came. */
  look(): number {
    let came = 0;
    for (let i = 0; i < 6; i++) {
      const { namespaces, cgroups } = this.frames.build({ kind: "asap" }, 1);
      for (const ino of namespaces?.remove ?? []) this.namespaces.delete(ino);
      for (const ns of namespaces?.upsert ?? []) this.namespaces.set(ns.ino, ns);
      for (const id of cgroups?.remove ?? []) this.cgroups.delete(id);
      for (const cgroup of cgroups?.upsert ?? []) this.cgroups.set(cgroup.id, cgroup);
      came += (namespaces?.upsert.length ?? 0) + (cgroups?.upsert.length ?? 0);
    }
    return came;
  }

  of(path: string): CgroupEntity | undefined {
    return [...this.cgroups.values()].find((one) => one.path === path);
  }
}

test("the eight initial namespaces are there, and tell what sets them apart", () => {
  const m = boot();
  m.run("true");
  const watcher = new Watcher(m);
  watcher.look();
  const kinds = [...watcher.namespaces.values()].map(({ kind }) => kind);
  expect(kinds.sort()).toEqual(["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"]);
  expect(watcher.namespaces.get(4026531838)).toMatchObject({ kind: "uts", label: "drydock", owner: 4026531837 });
  expect(watcher.namespaces.get(4026531837)).toMatchObject({ kind: "user", label: "0 0 4294967295" });
});

test("a namespace comes with unshare, is told anew when its host name is set, and goes with its last process", () => {
  const m = boot();
  const watcher = new Watcher(m);
  watcher.look();
  m.run("unshare -u sleep 100 & sleep 0.1");
  watcher.look();
  const made = [...watcher.namespaces.values()].find(({ kind, ino }) => kind === "uts" && ino !== 4026531838);
  expect(made).toMatchObject({ label: "drydock", owner: 4026531837 });
  m.run("nsenter -u -t $! hostname box");
  watcher.look();
  expect(watcher.namespaces.get(made?.ino ?? 0)?.label).toBe("box");
  m.run("kill %1; wait");
  watcher.look();
  expect(watcher.namespaces.size).toBe(8);
});

test("nested PID and user namespaces name their parents", () => {
  const m = boot();
  const watcher = new Watcher(m);
  m.run("unshare -Upf --map-root-user sleep 100 & sleep 0.2");
  watcher.look();
  const nested = [...watcher.namespaces.values()].filter(({ parent }) => parent !== undefined);
  expect(nested.map(({ kind, parent, label }) => ({ kind, parent, label }))).toEqual(
    expect.arrayContaining([
      { kind: "user", parent: 4026531837, label: "0 0 1" },
      { kind: "pid", parent: 4026531836, label: "" },
    ]),
  );
});

test("cgroups come with mkdir, their limits when written, their use as it grows, and go with rmdir", () => {
  const m = boot();
  const watcher = new Watcher(m);
  m.run(
    "cd /sys/fs/cgroup; echo '+cpu +memory +pids' > cgroup.subtree_control; mkdir lab; echo 64M > lab/memory.max; echo '20000 100000' > lab/cpu.max",
  );
  watcher.look();
  expect(watcher.of("/")).toMatchObject({ type: "domain", subtreeControl: ["cpu", "memory", "pids"] });
  expect(watcher.of("/lab")).toMatchObject({
    name: "lab",
    controllers: ["cpu", "memory", "pids"],
    processes: 0,
    cpu: { quotaUsec: 20_000, periodUsec: 100_000, weight: 100 },
    memory: { maxBytes: 64 * 1024 ** 2, currentBytes: 0 },
    pids: { current: 0, max: Number.POSITIVE_INFINITY },
  });
  expect(watcher.of("/lab")?.parent).toBe(watcher.of("/")?.id);
  m.run("bash -c 'echo $$ > lab/cgroup.procs; exec yes > /dev/null' & sleep 1");
  watcher.look();
  const busy = watcher.of("/lab");
  expect(busy).toMatchObject({ processes: 1, populated: 1, pids: { current: 1 } });
  expect(busy?.cpu.throttledPeriods).toBeGreaterThan(5);
  expect(busy?.cpu.usageNs).toBeGreaterThan(1.5e8);
  m.run("kill %1; wait; rmdir lab");
  watcher.look();
  expect(watcher.of("/lab")).toBeUndefined();
});

test("an idle machine sends nothing, however many cgroups it has", () => {
  const m = boot();
  const watcher = new Watcher(m);
  m.run("cd /sys/fs/cgroup; echo +memory +pids > cgroup.subtree_control; for i in $(seq 1000); do mkdir c$i; done");
  expect(watcher.look()).toBeGreaterThan(1000);
  expect(watcher.cgroups.size).toBeGreaterThan(1000);
  m.machine.run(m.machine.nowNs + 1e9);
  watcher.look();
  expect(watcher.look()).toBe(0);
});
