import { expect, test } from "vitest";
import { AT_FDCWD, AT_SYMLINK_FOLLOW, O_RDONLY, O_RDWR, O_TMPFILE, O_TRUNC, O_WRONLY } from "../../../abi/fcntl.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { boot } from "../../../machine/testing.ts";
import type { TraceEvent } from "../../trace.ts";
import { COPY_NS_PER_BYTE } from "../../params.ts";
import type { Kernel } from "../../kernel.ts";
import type { Task } from "../../task/task.ts";
import { runKernel } from "../../testing.ts";
import type { Mount } from "../../vfs/mount.ts";
import type { TmpfsInode } from "../tmpfs/inode.ts";
import { OverlayInode } from "./inode.ts";
import type { OverlaySuperBlock } from "./super.ts";

const MIB = 1024 ** 2;

/** The one mount of a type, besides the root. */
function mountOf(kernel: Kernel, fstype: string): Mount {
  const task = kernel.init?.leader as Task;
  return task.mntNs.mounts.find((m) => m.sb.fstype === fstype && (m.mountpoint?.name === "mnt" || fstype === "overlay")) as Mount;
}

/** Layers on a tmpfs at /mnt, and the overlay of them mounted at /mnt/m. */
function* prepare(sys: Sys, lowers: readonly string[]): Proc<void> {
  yield* sys.mount("none", "/mnt", "tmpfs", 0, "mode=755");
  yield* sys.chdir("/mnt");
  for (const dir of [...lowers, "u", "w", "m"]) yield* sys.mkdirat(AT_FDCWD, dir, 0o755);
}

function* put(sys: Sys, path: string, text: string): Proc<void> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_WRONLY | 0o100 | O_TRUNC, 0o644);
  yield* sys.write(fd, new TextEncoder().encode(text));
  yield* sys.close(fd);
}

test("copying up a large file shares its content and takes time in proportion to it", () => {
  const size = 100 * MIB;
  const { value } = runKernel(function* (sys, kernel) {
    yield* prepare(sys, ["l"]);
    yield* put(sys, "l/big", "");
    const root = mountOf(kernel, "tmpfs").root.inode as TmpfsInode;
    const file = root.lookup("l")?.lookup("big") as TmpfsInode;
    file.grow((content) => content.appendSynthetic(7, size));
    yield* sys.mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w");
    const before = { host: file.sb.store.hostBytes, ns: kernel.sched.clockNs, shmem: kernel.memory.usedBytes.shmem };
    yield* sys.fchmodat(AT_FDCWD, "m/big", 0o600);
    const took = kernel.sched.clockNs - before.ns;
    const now = { host: file.sb.store.hostBytes, shmem: kernel.memory.usedBytes.shmem };
    return {
      took,
      host: now.host - before.host,
      shmem: now.shmem - before.shmem,
      size: (yield* sys.newfstatat(AT_FDCWD, "u/big", 0)).size,
    };
  }, 512 * MIB);
  expect(value.size).toBe(size);
  expect(value.took).toBeGreaterThanOrEqual(size * COPY_NS_PER_BYTE);
  expect(value.took).toBeLessThan(size * COPY_NS_PER_BYTE * 1.1);
  expect(value.host).toBe(0);
  expect(value.shmem).toBe(0);
});

test("an open that truncates copies no content", () => {
  const { value } = runKernel(function* (sys, kernel) {
    yield* prepare(sys, ["l"]);
    yield* put(sys, "l/f", "x".repeat(50_000));
    yield* sys.mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w");
    const events: TraceEvent[] = [];
    kernel.trace.listen((e) => events.push(e));
    yield* put(sys, "m/f", "new");
    return events.filter(({ name }) => name.startsWith("overlay_"));
  });
  expect(value).toMatchObject([{ name: "overlay_copy_up", path: "/f", layer: 1, bytes: 0 }]);
});

test("copy-up and whiteouts are traced with their paths, directories first", () => {
  const { value } = runKernel(function* (sys, kernel) {
    yield* prepare(sys, ["l1", "l2"]);
    yield* sys.mkdirat(AT_FDCWD, "l2/d", 0o755);
    yield* put(sys, "l2/d/f", "12345");
    yield* put(sys, "l1/g", "1");
    yield* sys.mount("overlay", "m", "overlay", 0, "lowerdir=l1:l2,upperdir=u,workdir=w");
    const events: TraceEvent[] = [];
    kernel.trace.listen((e) => events.push(e));
    yield* sys.fchmodat(AT_FDCWD, "m/d/f", 0o600);
    yield* sys.unlinkat(AT_FDCWD, "m/g", 0);
    yield* sys.renameat2(AT_FDCWD, "m/d/f", AT_FDCWD, "m/h", 0);
    const { sb } = mountOf(kernel, "overlay");
    const o = sb as OverlaySuperBlock;
    return { events: events.filter(({ name }) => name.startsWith("overlay_")), o, counts: [o.copiedUp, o.copiedUpBytes, o.whiteouts] };
  });
  const { o } = value;
  expect(value.events).toMatchObject([
    { name: "overlay_copy_up", dev: o.dev, path: "/d", layer: 2, bytes: 0, cause: { syscall: "fchmodat" } },
    { name: "overlay_copy_up", dev: o.dev, path: "/d/f", layer: 2, bytes: 5 },
    { name: "overlay_whiteout", dev: o.dev, path: "/g", cause: { syscall: "unlinkat" } },
    { name: "overlay_whiteout", dev: o.dev, path: "/d/f" },
  ]);
  expect(value.counts).toEqual([2, 5, 2]);
  expect([o.lowerdirs, o.upperdir, o.workdir]).toEqual([["l1", "l2"], "u", "w"]);
  expect(o.layers.map(({ dir, upper }) => [dir, upper])).toEqual([
    ["u", true],
    ["l1", false],
    ["l2", false],
  ]);
});

test("a name that was looked up is not looked for in the layers again", () => {
  const { value } = runKernel(function* (sys, kernel) {
    const lowers = Array.from({ length: 50 }, (_, i) => `l${i}`);
    yield* prepare(sys, lowers);
    yield* put(sys, "l49/f", "x");
    yield* sys.mount("overlay", "m", "overlay", 0, `lowerdir=${lowers.join(":")},upperdir=u,workdir=w`);
    yield* sys.newfstatat(AT_FDCWD, "m/f", 0);
    const m = mountOf(kernel, "overlay");
    let asked = 0;
    const { root } = m.sb;
    root.lookup = () => {
      asked++;
      return undefined;
    };
    for (let i = 0; i < 10; i++) yield* sys.newfstatat(AT_FDCWD, "m/f", 0);
    return { asked, root };
  });
  expect(value.asked).toBe(0);
  expect(value.root).toBeInstanceOf(OverlayInode);
});

test("a file without a name can get one in the upper layer", () => {
  const { value } = runKernel(function* (sys) {
    yield* prepare(sys, ["l"]);
    yield* sys.mkdirat(AT_FDCWD, "l/d", 0o755);
    yield* sys.mount("proc", "/proc", "proc", 0, "");
    yield* sys.mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w");
    const fd = yield* sys.openat(AT_FDCWD, "m/d", O_TMPFILE | O_RDWR, 0o640);
    yield* sys.write(fd, new TextEncoder().encode("text"));
    const nameless = (yield* sys.fstat(fd)).nlink;
    yield* sys.linkat(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, "m/d/f", AT_SYMLINK_FOLLOW);
    const { nlink, size, mode } = yield* sys.newfstatat(AT_FDCWD, "u/d/f", 0);
    yield* sys.unlinkat(AT_FDCWD, "m/d/f", 0);
    return { nameless, nlink, size, mode, left: (yield* sys.fstat(fd)).size };
  });
  expect(value).toEqual({ nameless: 0, nlink: 1, size: 4, mode: 0o100640, left: 4 });
});

test("unmounting gives all back, though the layers' filesystem was unmounted before", () => {
  const { value } = runKernel(function* (sys, k) {
    const before = { ...k.memory.usedBytes };
    yield* prepare(sys, ["l"]);
    yield* put(sys, "l/f", "lower");
    yield* sys.mount("overlay", "/tmp", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w");
    yield* put(sys, "/tmp/n", "upper");
    yield* sys.chdir("/");
    yield* sys.umount2("/mnt", 0);
    const fd = yield* sys.openat(AT_FDCWD, "/tmp/f", O_RDONLY);
    const buf = new Uint8Array(9);
    const n = yield* sys.read(fd, buf);
    yield* sys.close(fd);
    const between = k.memory.usedBytes.slab > before.slab;
    yield* sys.umount2("/tmp", 0);
    return { before, after: { ...k.memory.usedBytes }, between, text: new TextDecoder().decode(buf.subarray(0, n)) };
  });
  expect(value.text).toBe("lower");
  expect(value.between).toBe(true);
  expect(value.after).toEqual(value.before);
});

test("a watched file of an overlay tells of writes that copy it up, its lower file tells of nothing", () => {
  const m = boot();
  const script = `mkdir /t && mount -t tmpfs t /t && cd /t && mkdir l u w m && echo x >l/f && mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m
tail -f -n +1 m/f >out & sleep 0.1; echo y >>m/f; sleep 1.5; kill %1; cat out`;
  expect(m.run(script)).toMatchObject({ stdout: "x\ny\n", status: 0 });
});

test("whoever changes the layers below a mounted overlay confuses it, but breaks nothing", () => {
  const m = boot();
  const script = `mkdir /t && mount -t tmpfs t /t && cd /t && mkdir -p l/d u w m && echo x >l/d/f && mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m
echo y >>m/d/f; ls m/d >/dev/null; rm -rf u/d l/d; ls m/d; touch m/d/n; rm m/d/f; rmdir m/d; mv m/d m/e; mkdir m/d; echo z >m/d/f; rm -rf w/work; rm m/d/f; ls m >/dev/null; umount m; echo done`;
  expect(m.run(script).stdout).toMatch(/done\n$/);
  m.check();
});
