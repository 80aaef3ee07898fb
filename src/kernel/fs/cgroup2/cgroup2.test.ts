/** Each case holds a sentence of the kernel's Documentation/admin-guide/cgroup-v2.rst, or of cgroups(7). */

import { describe, expect, test } from "vitest";
import { EBADF } from "../../../abi/errno.ts";
import { AT_FDCWD, O_RDONLY } from "../../../abi/fcntl.ts";
import { decodeUtf8 } from "../../../abi/utf8.ts";
import { boot, type TestMachine } from "../../../machine/testing.ts";

function machine(): TestMachine {
  const m = boot();
  m.run("cd /sys/fs/cgroup && echo '+cpu +cpuset +memory +pids' > cgroup.subtree_control");
  return m;
}

/** Standard output of shell text; what it complains about fails the test. */
function out(m: TestMachine, text: string): string {
  const { stdout, stderr } = m.run(text, { limitNs: 120e9 });
  expect(stderr).toBe("");
  return stdout;
}

const usage = (text: string): number => Number(/usage_usec (\d+)/.exec(text)?.[1]);

describe("the tree", () => {
  test("a child cgroup can be created by creating a sub-directory, and destroyed by removing it once it has no processes", () => {
    const m = machine();
    expect(
      out(
        m,
        "mkdir a && cat a/cgroup.events && sh -c 'echo 0 > a/cgroup.procs; cat a/cgroup.events /proc/self/cgroup' && rmdir a && ls -d a 2>&1",
      ),
    ).toBe("populated 0\nfrozen 0\npopulated 1\nfrozen 0\n0::/a\nls: cannot access 'a': No such file or directory\n");
  });

  test("a cgroup which doesn't have any children and is associated only with zombie processes is considered empty and can be removed", () => {
    const m = machine();
    // The parent becomes a program that never waits.
    out(m, "mkdir z; dash -c 'sleep 0.2 & echo $! > z/cgroup.procs; exec sleep 5' & sleep 1");
    expect(out(m, "cat z/cgroup.procs z/cgroup.events; ps -e -o stat= | grep -c Z; rmdir z; echo $?")).toBe(
      "populated 0\nfrozen 0\n1\n0\n",
    );
  });

  test("only controllers which are listed in cgroup.controllers can be enabled", () => {
    const m = machine();
    expect(m.run("mkdir -p a/b; echo +memory > a/b/cgroup.subtree_control").stderr).toContain("No such file or directory");
    expect(m.run("echo +nonsense > a/cgroup.subtree_control").stderr).toContain("Invalid argument");
  });

  test("non-root cgroups can distribute domain resources to their children only when they don't have any processes of their own", () => {
    const m = machine();
    expect(
      out(m, "mkdir -p a/b; sleep 1000 & echo $! > a/cgroup.procs; (echo +memory > a/cgroup.subtree_control) 2>&1 | cut -d: -f4-"),
    ).toBe(" write error: Device or resource busy\n");
    expect(
      out(
        m,
        "echo $! > a/b/cgroup.procs; echo +memory > a/cgroup.subtree_control; (echo $! > a/cgroup.procs) 2>&1 | cut -d: -f4-; kill -9 $!; wait $! 2>/dev/null",
      ),
    ).toBe(" write error: Device or resource busy\n");
  });

  test("a controller can't be disabled if one or more children have it enabled", () => {
    const m = machine();
    expect(
      out(m, "mkdir -p a/b; echo +memory > a/cgroup.subtree_control; (echo -memory > cgroup.subtree_control) 2>&1 | cut -d: -f4-"),
    ).toBe(" write error: Device or resource busy\n");
  });

  test("trying to create a new cgroup beyond cgroup.max.descendants or cgroup.max.depth fails", () => {
    const m = machine();
    const script =
      "mkdir a; echo 1 > a/cgroup.max.descendants; mkdir a/b; mkdir a/c 2>&1; echo max > a/cgroup.max.descendants; echo 1 > a/cgroup.max.depth; mkdir a/b/c 2>&1";
    expect(m.run(script).stdout).toBe(
      "mkdir: cannot create directory ‘a/c’: Resource temporarily unavailable\nmkdir: cannot create directory ‘a/b/c’: Resource temporarily unavailable\n",
    );
  });

  test("writing 1 to cgroup.freeze stops all processes below, and cgroup.events tells when it is done", () => {
    const m = machine();
    out(m, "mkdir -p f/g; bash -c 'echo 0 > f/g/cgroup.procs; while :; do :; done' & sleep 0.5; echo 1 > f/cgroup.freeze; sleep 0.1");
    expect(out(m, "cat f/cgroup.events f/g/cgroup.freeze")).toBe("populated 1\nfrozen 1\n0\n");
    const before = usage(out(m, "cat f/cpu.stat"));
    expect(usage(out(m, "sleep 1; cat f/cpu.stat"))).toBe(before);
    expect(usage(out(m, "echo 0 > f/cgroup.freeze; sleep 1; cat f/cpu.stat"))).toBeGreaterThan(before + 900_000);
    expect(out(m, "echo 1 > f/cgroup.kill; wait 2>/dev/null; cat f/cgroup.events")).toBe("populated 0\nfrozen 0\n");
    m.check();
  });
});

describe("the cpu controller", () => {
  test("cpu.weight: CPU cycles are distributed in proportion to the weights of the active children", () => {
    const m = boot({ cpus: 1 });
    m.run("cd /sys/fs/cgroup && echo +cpu > cgroup.subtree_control; mkdir h l; echo 300 > h/cpu.weight");
    const spin =
      "for g in h l; do for i in 1 2 3; do bash -c \"echo 0 > $g/cgroup.procs; exec timeout 4 bash -c 'while :; do :; done'\" & done; done; wait";
    m.run(spin);
    const [h, l] = [usage(out(m, "cat h/cpu.stat")), usage(out(m, "cat l/cpu.stat"))];
    expect(Math.abs(h / (h + l) - 0.75)).toBeLessThan(0.02);
  });

  test("cpu.max: the group may consume up to $MAX in each $PERIOD duration", () => {
    const m = machine();
    const script =
      "mkdir a; echo '25000 50000' > a/cpu.max; bash -c \"echo 0 > a/cgroup.procs; exec timeout 4 bash -c 'while :; do :; done'\"; cat a/cpu.stat";
    const text = out(m, script);
    expect(Math.abs(usage(text) / 2e6 - 1)).toBeLessThan(0.02);
    expect(Number(/nr_throttled (\d+)/.exec(text)?.[1])).toBeGreaterThan(70);
    m.check();
  });

  test("malformed limits are refused and change nothing", () => {
    const m = machine();
    out(m, "mkdir a");
    for (const text of ["0", "x", "100 5", "1 2 3", "1000 2000000"])
      expect(m.run(`echo '${text}' > a/cpu.max`).stderr).toContain("Invalid argument");
    expect(m.run("echo 10001 > a/cpu.weight").stderr).toContain("Numerical result out of range");
    expect(out(m, "cat a/cpu.max a/cpu.weight")).toBe("max 100000\n100\n");
  });
});

describe("the pids controller", () => {
  test("fork fails with EAGAIN at pids.max, here or above, and pids.events counts it", () => {
    const m = machine();
    const script =
      "mkdir a; echo 3 > a/pids.max; dash -c 'echo 0 > a/cgroup.procs; for i in 1 2 3 4 5; do sleep 9 & done; wait' 2>&1; cat a/pids.events; cat a/pids.peak";
    expect(m.run(script, { limitNs: 60e9 }).stdout).toBe("dash: 1: Cannot fork\nmax 1\n3\n");
  });
});

describe("the memory controller", () => {
  test("if a cgroup's memory usage reaches memory.max and can't be reduced, the OOM killer is invoked in the cgroup", () => {
    const m = machine();
    const script =
      "mkdir a; echo 20M > a/memory.max; bash -c 'echo 0 > a/cgroup.procs; exec stress --vm 1 --vm-bytes 64M --timeout 2' >/dev/null 2>&1; cat a/memory.events";
    const text = m.run(script, { limitNs: 60e9 }).stdout;
    expect(text).toMatch(/oom_kill [1-9]/);
    expect(out(m, "dmesg | grep -c 'Killed process'")).toMatch(/^[1-9]/);
    m.check();
  });

  test("memory is charged to the cgroup that first touched it, and adds up along the tree", () => {
    const m = machine();
    out(m, "mkdir -p a/b; echo +memory > a/cgroup.subtree_control; bash -c 'echo 0 > a/b/cgroup.procs; head -c 8M /dev/zero > /tmp/big'");
    const [b, a] = out(m, "cat a/b/memory.current a/memory.current").trim().split("\n").map(Number) as [number, number];
    expect(b).toBeGreaterThanOrEqual(8 * 1024 * 1024);
    expect(a).toBeGreaterThanOrEqual(b);
    out(m, "rm /tmp/big");
    expect(Number(out(m, "cat a/memory.current"))).toBeLessThan(100_000);
    m.check();
  });
});

describe("the cpuset controller", () => {
  test("cpuset.cpus confines the tasks, and an empty value means the parent's", () => {
    const m = machine();
    expect(
      out(
        m,
        "mkdir a; cat a/cpuset.cpus.effective; echo 1-2 > a/cpuset.cpus; cat a/cpuset.cpus.effective; bash -c 'echo 0 > a/cgroup.procs; nproc'",
      ),
    ).toBe("0-3\n1-2\n2\n");
    expect(m.run("echo 9 > a/cpuset.cpus").stderr).toContain("Numerical result out of range");
    expect(m.run("echo 2-1 > a/cpuset.cpus").stderr).toContain("Invalid argument");
  });
});

test("CLONE_INTO_CGROUP starts a child in the cgroup behind a descriptor, and refuses what is no cgroup", () => {
  const m = machine();
  out(m, "mkdir into");
  const { kernel } = m.machine;
  const { sys } = kernel;
  const seen: unknown[] = [];
  kernel.spawnHelper("clone", function* () {
    const fd = yield* sys.openat(AT_FDCWD, "/sys/fs/cgroup/into", O_RDONLY);
    const body = function* () {
      const file = yield* sys.openat(AT_FDCWD, "/proc/self/cgroup", O_RDONLY);
      const buf = new Uint8Array(64);
      seen.push(decodeUtf8(buf, 0, yield* sys.read(file, buf)));
      return 0;
    };
    yield* sys.wait4(yield* sys.clone3({ flags: 0, cgroup: fd }, body), 0);
    try {
      yield* sys.clone3({ flags: 0, cgroup: yield* sys.openat(AT_FDCWD, "/tmp", O_RDONLY) }, body);
    } catch (e) {
      seen.push(e);
    }
    return 0;
  });
  m.machine.run(m.machine.nowNs + 1e9);
  expect(seen).toEqual(["0::/into\n", EBADF]);
  m.check();
});
