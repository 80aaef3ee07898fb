/** The core of cgroup v2: each case holds a sentence of Documentation/admin-guide/cgroup-v2.rst or of cgroups(7), which is its name. */

import { describe, expect, test } from "vitest";
import { AT_FDCWD, O_RDONLY, O_WRONLY } from "../../../abi/fcntl.ts";
import { IN_MODIFY, POLLERR, POLLIN, POLLOUT, POLLPRI, type PollFd } from "../../../abi/poll.ts";
import { SIGKILL } from "../../../abi/signal.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../../abi/utf8.ts";
import { KernelUnderTest } from "../../../machine/kernel-testing.ts";
import { boot, type TestMachine } from "../../../machine/testing.ts";

function machine(): TestMachine {
  const m = boot();
  m.run("cd /sys/fs/cgroup && echo '+cpu +cpuset +memory +pids' > cgroup.subtree_control");
  return m;
}

/** What shell text prints, errors among it without their place. */
function all(m: TestMachine, text: string): string {
  const { stdout, stderr } = m.run(`{ ${text}\n} 2>&1`, { limitNs: 120e9 });
  return (stdout + stderr).replace(/bash: line \d+: /g, "");
}

const ROOT = "/sys/fs/cgroup";

function* read(sys: Sys, path: string): Proc<string> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY);
  const buf = new Uint8Array(4096);
  const n = yield* sys.read(fd, buf);
  yield* sys.close(fd);
  return decodeUtf8(buf, 0, n);
}

function* write(sys: Sys, path: string, text: string): Proc<void> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_WRONLY);
  try {
    yield* sys.write(fd, encodeUtf8(text));
  } finally {
    yield* sys.close(fd);
  }
}

describe("organizing processes", () => {
  test("when a process forks a child process, the new process is born into the cgroup that the forking process belongs to", () => {
    expect(all(machine(), "mkdir a; sh -c 'echo 0 > a/cgroup.procs; sh -c \"cat /proc/self/cgroup\"'")).toBe("0::/a\n");
  });

  test("if a process is composed of multiple threads, writing the PID of any thread migrates all threads of the process", () => {
    const k = new KernelUnderTest();
    const counts = k.run(function* (sys) {
      yield* sys.mkdirat(AT_FDCWD, `${ROOT}/a`, 0o755);
      const word = { value: 0 };
      const tid = yield* sys.clone3({ flags: 0x10f00, exitSignal: 0 }, function* () {
        yield* sys.futex(word, "FUTEX_WAIT", 0);
        return 0;
      });
      yield* write(sys, `${ROOT}/a/cgroup.procs`, `${tid}`);
      const lines = (text: string): number => text.split("\n").length - 1;
      const found = [lines(yield* read(sys, `${ROOT}/a/cgroup.procs`)), lines(yield* read(sys, `${ROOT}/a/cgroup.threads`))];
      word.value = 1;
      yield* sys.futex(word, "FUTEX_WAKE", 1);
      return found;
    });
    expect(counts).toEqual([1, 2]);
    k.check();
  });

  test("only one process can be migrated on a single write(2) call", () => {
    const m = machine();
    expect(all(m, "mkdir a; sleep 9 & sleep 9 & echo $(jobs -p) > a/cgroup.procs; wc -l < a/cgroup.procs")).toBe(
      "echo: write error: Invalid argument\n0\n",
    );
  });

  test("Threads of a process can be put in different cgroups inside a threaded subtree, and /proc/PID/task/TID/cgroup tells", () => {
    const k = new KernelUnderTest();
    const places = k.run(function* (sys) {
      for (const dir of ["", "/x", "/y"]) yield* sys.mkdirat(AT_FDCWD, `${ROOT}/a${dir}`, 0o755);
      const word = { value: 0 };
      yield* write(sys, `${ROOT}/a/cgroup.procs`, "0");
      const tid = yield* sys.clone3({ flags: 0x10f00, exitSignal: 0 }, function* () {
        yield* sys.futex(word, "FUTEX_WAIT", 0);
        return 0;
      });
      for (const dir of ["x", "y"]) yield* write(sys, `${ROOT}/a/${dir}/cgroup.type`, "threaded");
      yield* write(sys, `${ROOT}/a/x/cgroup.threads`, `${tid}`);
      yield* write(sys, `${ROOT}/a/y/cgroup.threads`, "0");
      const pid = yield* sys.getpid();
      const found: (string | boolean | number)[] = [
        yield* read(sys, `/proc/self/task/${tid}/cgroup`),
        yield* read(sys, `/proc/self/task/${pid}/cgroup`),
        (yield* read(sys, `${ROOT}/a/cgroup.procs`)) === `${pid}\n`,
        yield* read(sys, `${ROOT}/a/cgroup.type`),
      ];
      // "writing … from anywhere in the subtree to migrate all threads of the matching process to the cgroup"
      yield* write(sys, `${ROOT}/a/x/cgroup.procs`, "0");
      found.push((yield* read(sys, `${ROOT}/a/x/cgroup.threads`)).split("\n").length - 1);
      word.value = 1;
      yield* sys.futex(word, "FUTEX_WAKE", 1);
      return found;
    });
    expect(places).toEqual(["0::/a/x\n", "0::/a/y\n", true, "domain threaded\n", 2]);
    k.check();
  });
});

describe("threaded mode", () => {
  test("a threaded domain can't have populated child cgroups which aren't threaded", () => {
    expect(
      all(machine(), "mkdir -p a/t a/d; echo threaded > a/t/cgroup.type; cat a/d/cgroup.type; sleep 9 & echo $! > a/d/cgroup.procs"),
    ).toBe("domain invalid\necho: write error: Operation not supported\n");
  });

  test("the root cgroup can serve both as a threaded domain and a parent to domain cgroups", () => {
    expect(
      all(machine(), "mkdir t d; echo threaded > t/cgroup.type; sleep 9 & echo $! > d/cgroup.procs; cat t/cgroup.type d/cgroup.type"),
    ).toBe("threaded\ndomain\n");
  });

  test("when the parent is an unthreaded domain, it must not have any domain controllers enabled", () => {
    expect(
      all(
        machine(),
        "mkdir -p a/t; echo +memory > a/cgroup.subtree_control; echo threaded > a/t/cgroup.type; echo -memory > a/cgroup.subtree_control; echo threaded > a/t/cgroup.type; cat a/t/cgroup.type",
      ),
    ).toBe("echo: write error: Operation not supported\nthreaded\n");
  });

  test("a domain cgroup is turned into a threaded domain when threaded controllers are enabled while there are processes in it, and reverts", () => {
    const m = machine();
    expect(
      all(
        m,
        "mkdir -p a/b; sleep 99 & echo $! > a/cgroup.procs; echo +cpu > a/cgroup.subtree_control; cat a/cgroup.type a/b/cgroup.type; echo $! > cgroup.procs; cat a/cgroup.type a/b/cgroup.type",
      ),
    ).toBe("domain threaded\ndomain invalid\ndomain\ndomain\n");
    m.check();
  });

  test("only threaded controllers can be enabled in a threaded subtree", () => {
    expect(
      all(
        machine(),
        "mkdir -p a/t; echo threaded > a/t/cgroup.type; echo +cpu > a/cgroup.subtree_control; echo +memory > a/cgroup.subtree_control; cat a/t/cgroup.controllers; mkdir r; echo threaded > r/cgroup.type; cat r/cgroup.controllers; ls r | grep -c memory.max",
      ),
    ).toBe("echo: write error: Operation not supported\ncpu\ncpuset cpu pids\n0\n");
  });

  test("in a threaded cgroup, writing cgroup.kill fails with EOPNOTSUPP, and reading cgroup.procs too", () => {
    expect(all(machine(), "mkdir t; echo threaded > t/cgroup.type; echo 1 > t/cgroup.kill; cat t/cgroup.procs")).toBe(
      "echo: write error: Operation not supported\ncat: t/cgroup.procs: Operation not supported\n",
    );
  });
});

describe("[un]populated notification", () => {
  test("poll and inotify events are triggered when the value changes, here and above", () => {
    const k = new KernelUnderTest();
    const seen = k.run(function* (sys) {
      yield* sys.mkdirat(AT_FDCWD, `${ROOT}/a`, 0o755);
      yield* sys.mkdirat(AT_FDCWD, `${ROOT}/a/b`, 0o755);
      const fd = yield* sys.openat(AT_FDCWD, `${ROOT}/a/cgroup.events`, O_RDONLY);
      const buf = new Uint8Array(64);
      yield* sys.read(fd, buf);
      const inotify = yield* sys.inotify_init1(0);
      yield* sys.inotify_add_watch(inotify, `${ROOT}/a/cgroup.events`, IN_MODIFY);
      const polled: PollFd = { fd, events: POLLPRI, revents: 0 };
      const before = [yield* sys.poll([polled], 0), polled.revents];
      const pid = yield* sys.fork(function* () {
        yield* write(sys, `${ROOT}/a/b/cgroup.procs`, "0");
        return yield* sys.pause();
      });
      const populated = [yield* sys.poll([polled], 1000), polled.revents];
      const first = (yield* sys.inotify_read(inotify)).map((e) => e.mask);
      yield* sys.kill(pid, SIGKILL);
      yield* sys.wait4(pid, 0);
      yield* sys.pread64(fd, buf, 0);
      const after = [yield* sys.poll([polled], 0), polled.revents];
      return { before, populated, first, after, second: (yield* sys.inotify_read(inotify)).map((e) => e.mask) };
    });
    expect(seen).toEqual({
      before: [0, 0],
      populated: [1, POLLPRI | POLLERR],
      first: [IN_MODIFY],
      after: [0, 0],
      second: [IN_MODIFY],
    });
  });

  test("poll before the first read answers at once, as kernfs does", () => {
    const k = new KernelUnderTest();
    const revents = k.run(function* (sys) {
      yield* sys.mkdirat(AT_FDCWD, `${ROOT}/a`, 0o755);
      const polled: PollFd = {
        fd: yield* sys.openat(AT_FDCWD, `${ROOT}/a/cgroup.events`, O_RDONLY),
        events: POLLPRI | POLLIN | POLLOUT,
        revents: 0,
      };
      yield* sys.poll([polled], -1);
      return polled.revents;
    });
    expect(revents).toBe(POLLIN | POLLOUT | POLLPRI | POLLERR);
  });
});

describe("controlling controllers", () => {
  test("if a controller appears more than once on the list, the last one is effective; either all succeed or all fail", () => {
    expect(
      all(
        machine(),
        "mkdir a; echo '+cpu -cpu +pids' > a/cgroup.subtree_control; cat a/cgroup.subtree_control; echo '+memory +nonsense' > a/cgroup.subtree_control; echo '+cpu +io' > a/cgroup.subtree_control; cat a/cgroup.subtree_control",
      ),
    ).toBe("pids\necho: write error: Invalid argument\necho: write error: No such file or directory\npids\n");
  });

  test("enabling it creates the controller's interface files in the child cgroups, and disabling removes them", () => {
    expect(
      all(
        machine(),
        "mkdir -p a/b; ls a/b | grep -c '^memory.max'; echo +memory > a/cgroup.subtree_control; ls a/b | grep -c '^memory.max'; exec 3< a/b/memory.max; echo -memory > a/cgroup.subtree_control; cat a/b/memory.max",
      ),
    ).toBe("0\n1\ncat: a/b/memory.max: No such file or directory\n");
  });

  test("settings do not outlive their controller", () => {
    expect(
      all(
        machine(),
        'mkdir a; echo 300 > a/cpu.weight; echo 5 > a/pids.max; echo 1-2 > a/cpuset.cpus; echo 9M > a/memory.max; for s in - +; do echo $s"cpu "$s"pids "$s"cpuset "$s"memory" > cgroup.subtree_control; done; cat a/cpu.weight a/pids.max a/cpuset.cpus a/memory.max',
      ),
    ).toBe("100\nmax\n\nmax\n");
  });

  test("a cgroup can't be used while its topology is invalid: EOPNOTSUPP for controllers too", () => {
    expect(
      all(machine(), "mkdir -p a/b/c; echo threaded > a/b/cgroup.type; echo +pids > a/b/c/cgroup.subtree_control; cat a/b/c/cgroup.type"),
    ).toBe("echo: write error: No such file or directory\ndomain invalid\n");
  });
});

describe("delegation", () => {
  const delegated =
    "mkdir -p C0/C00 C1/C10; chown -R user C0 C1; su user -c 'sleep 99' & sleep 0.5; p=$(pgrep -n sleep); echo $p > C1/C10/cgroup.procs;";

  test("U0 has write access to the file; however, the common ancestor is above the points of delegation and the write will be denied with -EACCES", () => {
    const m = machine();
    m.run("useradd user 2>/dev/null || echo 'user:x:1000:1000::/:/bin/sh' >> /etc/passwd");
    expect(all(m, `${delegated} setpriv --reuid 1000 --clear-groups bash -c "echo $p > C0/C00/cgroup.procs"`)).toContain(
      "Permission denied",
    );
    expect(all(m, 'setpriv --reuid 1000 --clear-groups bash -c "echo $p > C1/cgroup.procs" && cat C1/cgroup.procs | wc -l')).toBe("1\n");
  });

  test("the credentials are those of who opened the file: a descriptor that was handed on is no stolen right", () => {
    const m = machine();
    expect(
      all(
        m,
        "mkdir -p d/e; sleep 99 & setpriv --reuid 1000 --clear-groups bash -c 'test -w d/e/cgroup.procs || echo cannot write'; exec 4> d/e/cgroup.procs; setpriv --reuid 1000 --clear-groups bash -c \"echo $! >&4\"; wc -l < d/e/cgroup.procs",
      ),
    ).toBe("cannot write\n1\n");
  });

  test("with nsdelegate the kernel rejects writes to all files on a namespace root from inside the cgroup namespace, except for those that are delegated", () => {
    const m = machine();
    const inside = "echo 5 > n/pids.max; echo 1 > n/cgroup.freeze; echo +pids > n/cgroup.subtree_control; echo ok";
    expect(all(m, `mkdir -p n/k; sh -c 'echo 0 > n/k/cgroup.procs; echo 0 > n/cgroup.procs; exec unshare -C bash -c "${inside}"'`)).toBe(
      "echo: write error: Operation not permitted\necho: write error: Operation not permitted\nok\n",
    );
    expect(all(m, "cat n/pids.max n/cgroup.freeze; grep -o nsdelegate /proc/mounts")).toBe("max\n0\nnsdelegate\n");
  });

  test("containment is achieved by requiring that both the source and destination cgroups are reachable from the namespace, else -ENOENT", () => {
    const m = machine();
    expect(
      all(
        m,
        "mkdir -p n/k out; sleep 99 & p=$!; echo $p > out/cgroup.procs; sh -c \"echo 0 > n/cgroup.procs; exec unshare -C bash -c 'echo $p > n/k/cgroup.procs; echo 0 > out/cgroup.procs; echo 0 > n/k/cgroup.procs && cat /proc/self/cgroup'\"",
      ),
    ).toBe("echo: write error: No such file or directory\necho: write error: No such file or directory\n0::/k\n");
  });

  test("without nsdelegate a cgroup namespace is no border", () => {
    const m = machine();
    expect(
      all(
        m,
        "mount -o remount,memory_recursiveprot cgroup2 /sys/fs/cgroup; mkdir n; sh -c 'echo 0 > n/cgroup.procs; exec unshare -C bash -c \"echo 5 > n/pids.max; cat n/pids.max\"'",
      ),
    ).toBe("5\n");
  });
});

describe("core interface files", () => {
  test("cgroup.stat: a removed cgroup is dying as long as something of it is charged", () => {
    const m = machine();
    expect(
      all(
        m,
        "mkdir a; sh -c 'echo 0 > a/cgroup.procs; head -c 3M /dev/zero > /tmp/kept'; rmdir a; cat cgroup.stat; rm /tmp/kept; cat cgroup.stat",
      ),
    ).toBe("nr_descendants 0\nnr_dying_descendants 1\nnr_descendants 0\nnr_dying_descendants 0\n");
    m.check();
  });

  test("frozen: if any of ancestor cgroups is frozen, the cgroup will remain frozen; it's possible to create and delete below", () => {
    const m = machine();
    expect(
      all(
        m,
        "mkdir -p a/b; echo 1 > a/cgroup.freeze; echo 0 > a/b/cgroup.freeze; sleep 99 & echo $! > a/b/cgroup.procs; sleep 0.1; cat a/b/cgroup.events; mkdir a/c; cat a/c/cgroup.events; rmdir a/c; kill -9 $!; wait $! 2>/dev/null; cat a/b/cgroup.events",
      ),
    ).toBe("populated 1\nfrozen 1\npopulated 0\nfrozen 1\npopulated 0\nfrozen 1\n");
  });

  test("a process that is killed while its cgroup is frozen dies; a stop signal waits until it is thawed", () => {
    const m = machine();
    expect(
      all(
        m,
        "mkdir a; sleep 99 & echo $! > a/cgroup.procs; echo 1 > a/cgroup.freeze; sleep 0.1; kill -TERM $!; sleep 0.2; cat a/cgroup.events; echo 0 > a/cgroup.freeze; wait $! 2>/dev/null; echo $?",
      ),
    ).toBe("populated 1\nfrozen 1\n143\n");
  });

  test("cgroup.pressure: writing 0 disables the accounting of this cgroup and hides its files", () => {
    const m = boot({ cpus: 1 });
    const script =
      "cd /sys/fs/cgroup; mkdir -p a/b; echo 0 > a/cgroup.pressure; for i in 1 2; do sh -c 'echo 0 > a/b/cgroup.procs; exec timeout 2 sh -c \"while :; do :; done\"' & done; wait; ls a | grep -c pressure; echo 1 > a/cgroup.pressure; grep -o 'total=.*' a/cpu.pressure; grep -o 'total=[1-9]' a/b/cpu.pressure | wc -l";
    expect(all(m, script)).toBe("1\ntotal=0\ntotal=0\n2\n");
  });

  test("a change of limits or of members is marked, a use of CPU time is not", () => {
    const m = machine();
    m.run("mkdir a; sleep 99 & p=$!");
    const a = m.machine.kernel.cgroups.root.children.get("a");
    const versions: number[] = [];
    for (const step of ["echo 5 > a/pids.max", "echo $p > a/cgroup.procs", "cat a/cpu.stat", "echo x > a/pids.max", "mkdir a/b"]) {
      const before = a?.version ?? 0;
      m.run(step);
      versions.push((a?.version ?? 0) - before);
    }
    expect(versions.map((n) => n > 0)).toEqual([true, true, false, false, true]);
    expect(a?.ino).toBe(Number(m.run("stat -c %i a").stdout));
  });
});

test("the trace tells what happens to cgroups", () => {
  const m = machine();
  const events: string[] = [];
  m.machine.kernel.trace.listen((e) => {
    if (e.name.startsWith("cgroup_"))
      events.push(`${e.name.slice(7)} ${"path" in e ? e.path : ""}${"value" in e && e.name.includes("notify") ? ` ${e.value}` : ""}`);
  });
  m.run(
    "mkdir a; sleep 9 & echo $! > a/cgroup.procs; echo 1 > a/cgroup.freeze; echo 0 > a/cgroup.freeze; echo 1 > a/cgroup.kill; wait $! 2>/dev/null; echo '2000 10000' > a/cpu.max; sh -c 'echo 0 > a/cgroup.procs; exec timeout 0.02 sh -c \"while :; do :; done\"'; rmdir a",
  );
  expect(events.filter((e) => !e.startsWith("throttle") && !e.startsWith("unthrottle"))).toEqual([
    "mkdir /a",
    "notify_populated /a 1",
    "attach_task /a",
    "freeze /a",
    "notify_frozen /a 1",
    "unfreeze /a",
    "notify_frozen /a 0",
    "notify_populated /a 0",
    "notify_populated /a 1",
    "attach_task /a",
    "notify_populated /a 0",
    "rmdir /a",
  ]);
  expect(events).toContain("throttle /a");
  expect(events).toContain("unthrottle /a");
});
