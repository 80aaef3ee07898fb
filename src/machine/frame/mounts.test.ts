import { expect, test } from "vitest";
import type { MountEntity, OverlayEntity } from "../../bridge/messages.ts";
import { boot, type TestMachine } from "../testing.ts";
import { MountSource } from "./mounts.ts";

/** What a page knows that has merged every frame. */
class Watcher {
  readonly mounts = new Map<number, MountEntity>();
  readonly overlays = new Map<number, OverlayEntity>();
  private readonly source: MountSource;

  constructor(m: TestMachine) {
    this.source = new MountSource(m.machine.kernel);
  }

  /** Takes one frame. Returns how many mounts came and went. */
  look(): number {
    const mounts = this.source.collect();
    const overlays = this.source.collectOverlays();
    for (const id of mounts?.remove ?? []) this.mounts.delete(id);
    for (const mount of mounts?.upsert ?? []) this.mounts.set(mount.id, mount);
    for (const id of overlays?.remove ?? []) this.overlays.delete(id);
    for (const overlay of overlays?.upsert ?? []) this.overlays.set(overlay.id, overlay);
    return (mounts?.upsert.length ?? 0) + (mounts?.remove.length ?? 0);
  }

  at(target: string): MountEntity[] {
    return [...this.mounts.values()].filter((mount) => mount.target === target);
  }
}

function watched(): { m: TestMachine; watcher: Watcher } {
  const m = boot();
  m.run("true");
  const watcher = new Watcher(m);
  watcher.look();
  return { m, watcher };
}

test("mounts are told as mountinfo tells them", () => {
  const { m, watcher } = watched();
  m.run("mount -t tmpfs -o ro,nosuid,size=64k data /mnt; mount --bind /etc /media; mount --make-private /media");
  watcher.look();
  const lines = m.run("cat /proc/self/mountinfo").stdout.trimEnd().split("\n");
  const told = [...watcher.mounts.values()].map((e) => `${e.id} ${e.root} ${e.target} ${e.fstype} ${e.source} ${e.shared ?? ""}`).sort();
  const real = lines
    .map((line) => {
      const [head = "", tail = ""] = line.split(" - ");
      const [id, , , root, target, , tag = ""] = head.split(" ");
      const [fstype, source] = tail.split(" ");
      return `${id} ${root} ${target} ${fstype} ${source} ${/shared:(\d+)/.exec(tag)?.[1] ?? ""}`;
    })
    .sort();
  expect(told).toEqual(real);
  expect(watcher.at("/mnt")[0]).toMatchObject({ options: "ro,nosuid,relatime,size=64k", covered: false });
  expect(watcher.at("/media")[0]).toMatchObject({ root: "/etc", unbindable: false });
});

test("only what changed is sent", () => {
  const { m, watcher } = watched();
  expect(watcher.look()).toBe(0);
  m.run("ls /proc > /dev/null; echo x > /tmp/f");
  expect(watcher.look()).toBe(0);
  m.run("mount -t tmpfs t /mnt");
  expect(watcher.look()).toBe(1);
  m.run("mount -o remount,ro /mnt");
  expect(watcher.look()).toBe(1);
  expect(watcher.at("/mnt")[0]?.options).toMatch(/^ro/);
  m.run("umount /mnt");
  expect(watcher.look()).toBe(1);
  expect(watcher.at("/mnt")).toEqual([]);
});

test("what another mount hides is covered", () => {
  const { m, watcher } = watched();
  m.run("mkdir -p /a/b; mount -t tmpfs one /a; mkdir /a/b; mount -t tmpfs two /a/b; mount -t tmpfs three /a");
  watcher.look();
  const covered = (source: string) => [...watcher.mounts.values()].find((mount) => mount.source === source)?.covered;
  expect(["one", "two", "three"].map(covered)).toEqual([true, true, false]);
  m.run("umount /a");
  watcher.look();
  expect(["one", "two"].map(covered)).toEqual([false, false]);
});

test("propagation ties mounts of namespaces", () => {
  const { m, watcher } = watched();
  m.run("mount -t tmpfs t /mnt; mount --make-shared /mnt");
  m.run("unshare -m --propagation unchanged sleep 1000 & unshare -m --propagation slave sleep 1000 & sleep 0.1");
  watcher.look();
  const [host, ...others] = watcher.at("/mnt");
  expect(host?.shared).toBeDefined();
  expect(
    others.map(({ shared, master }) => (shared === host?.shared ? "peer" : master === host?.shared ? "slave" : "none")).sort(),
  ).toEqual(["peer", "slave"]);
  m.run("mkdir /mnt/x; mount -t tmpfs below /mnt/x");
  watcher.look();
  expect(watcher.at("/mnt/x")).toHaveLength(3);
  m.run("kill %1 %2; wait");
  watcher.look();
  expect(watcher.at("/mnt")).toHaveLength(1);
});

test("overlays tell what happened to them", () => {
  const { m, watcher } = watched();
  m.run("mkdir -p /o/{l,u,w,m}; echo hello > /o/l/f; echo x > /o/l/g; mount -t overlay o -o lowerdir=/o/l,upperdir=/o/u,workdir=/o/w /o/m");
  watcher.look();
  const [id] = [...watcher.overlays.keys()];
  expect(watcher.at("/o/m")[0]?.overlay).toBe(id);
  const before = watcher.overlays.get(id ?? 0);
  expect(before).toMatchObject({ lowerdirs: ["/o/l"], upperdir: "/o/u", workdir: "/o/w", copiedUp: 0, whiteouts: 0 });
  m.run("echo more >> /o/m/f; rm /o/m/g");
  watcher.look();
  const after = watcher.overlays.get(id ?? 0);
  expect(after).toMatchObject({ copiedUp: 1, copiedUpBytes: 6, whiteouts: 1 });
  expect(after?.version).toBeGreaterThan(before?.version ?? 0);
  m.run("umount /o/m");
  watcher.look();
  expect(watcher.overlays.size).toBe(0);
});
