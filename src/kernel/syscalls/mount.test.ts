/** What the recordings of mount calls do not show: when a filesystem is really given up, and limits. */

import { expect, test } from "vitest";
import { Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_CREAT, O_RDWR } from "../../abi/fcntl.ts";
import { MNT_DETACH, MS_BIND, MS_PRIVATE, MS_REC } from "../../abi/mount.ts";
import { CLONE_NEWNS } from "../../abi/sched.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";

const SIZE = 65_536;

function* openFull(sys: Sys): Proc<number> {
  yield* sys.mount("t", "/mnt", "tmpfs", 0, "");
  const fd = yield* sys.openat(AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT, 0o644);
  yield* sys.write(fd, new Uint8Array(SIZE));
  return fd;
}

function* errnoOf(call: () => Proc<unknown>): Proc<string> {
  try {
    yield* call();
    return "ok";
  } catch (e) {
    if (e instanceof Errno) return e.name;
    throw e;
  }
}

/** Memory that `body` leaves behind at each of its steps. */
function charges(body: (sys: Sys, note: () => void) => Proc<void>): number[] {
  const k = new KernelUnderTest();
  const start = k.kernel.memory.usedBytes.shmem;
  const seen: number[] = [];
  k.run((sys) => body(sys, () => seen.push(k.kernel.memory.usedBytes.shmem - start)));
  seen.push(k.kernel.memory.usedBytes.shmem - start);
  k.check();
  return seen;
}

test("a detached filesystem is given up with the last descriptor", () => {
  const seen = charges(function* (sys, note) {
    const fd = yield* openFull(sys);
    yield* sys.umount2("/mnt", MNT_DETACH);
    note();
    yield* sys.close(fd);
    note();
  });
  expect(seen).toEqual([SIZE, 0, 0]);
});

test("a detached filesystem is given up when the last process leaves its directory, or ends there", () => {
  const leave = charges(function* (sys, note) {
    yield* sys.close(yield* openFull(sys));
    yield* sys.chdir("/mnt");
    yield* sys.umount2("/mnt", MNT_DETACH);
    note();
    yield* sys.chdir("/");
    note();
  });
  expect(leave).toEqual([SIZE, 0, 0]);
  const end = charges(function* (sys, note) {
    yield* sys.close(yield* openFull(sys));
    const child = yield* sys.fork(function* () {
      yield* sys.chdir("/mnt");
      yield* sys.umount2("/mnt", MNT_DETACH);
      note();
      return 0;
    });
    yield* sys.wait4(child, 0);
    note();
  });
  expect(end).toEqual([SIZE, 0, 0]);
});

test("what a mount namespace alone has mounted ends with its last process", () => {
  const seen = charges(function* (sys, note) {
    const child = yield* sys.fork(function* () {
      yield* sys.unshare(CLONE_NEWNS);
      yield* sys.mount("none", "/", "", MS_PRIVATE | MS_REC, "");
      yield* openFull(sys);
      yield* sys.mount("/mnt", "/srv", "", MS_BIND, "");
      note();
      return 0;
    });
    yield* sys.wait4(child, 0);
    note();
  });
  expect(seen).toEqual([SIZE, 0, 0]);
});

test("a namespace has no more than fs.mount-max mounts, and one call that would make too many makes none", () => {
  const k = new KernelUnderTest();
  k.kernel.sysctl.set("fs/mount-max", "40");
  const before = k.kernel.init?.leader.mntNs.size ?? 0;
  const errno = k.run(function* (sys) {
    yield* sys.mount("t", "/mnt", "tmpfs", 0, "");
    for (let i = 0; ; i++) {
      const name = yield* errnoOf(() => sys.mount("/mnt", "/mnt", "", MS_BIND | MS_REC, ""));
      if (name !== "ok" || i === 100) return name;
    }
  });
  expect(errno).toBe("ENOSPC");
  expect(k.kernel.init?.leader.mntNs.size).toBeLessThanOrEqual(40);
  expect(before).toBeGreaterThan(5);
  k.check();
});
