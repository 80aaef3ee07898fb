import { describe, expect, test } from "vitest";
import { EAGAIN, EINVAL, ENOMEM, EPERM, Errno, ESRCH } from "../../abi/errno.ts";
import { AT_FDCWD, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { MS_BIND, MS_PRIVATE, MS_REC } from "../../abi/mount.ts";
import { CLONE_FS, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS } from "../../abi/sched.ts";
import { SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM } from "../../abi/signal.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { RLIMIT_NPROC } from "../../abi/resource.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";
import { checkInvariants } from "../../machine/invariants.ts";
import { boot } from "../../machine/testing.ts";

/** Runs `body` as root in a fresh machine and returns what it returned. */
function inside<T>(body: (sys: Sys) => Proc<T>): T {
  const { machine } = boot();
  machine.run(2e9);
  let outcome: { value: T } | { errno: Errno } | undefined;
  const { kernel } = machine;
  kernel.spawnHelper("test", function* () {
    try {
      outcome = { value: yield* body(kernel.sys) };
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      outcome = { errno: e };
    }
    return 0;
  });
  machine.run(machine.nowNs + 60e9);
  checkInvariants(kernel);
  if (outcome === undefined) throw new Error("the body did not end");
  if ("errno" in outcome) throw new Error(outcome.errno.name);
  return outcome.value;
}

function* errnoOf(call: Proc<unknown>): Proc<Errno | undefined> {
  try {
    yield* call;
    return undefined;
  } catch (e) {
    if (e instanceof Errno) return e;
    throw e;
  }
}

function* read(sys: Sys, path: string): Proc<string> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY);
  const buf = new Uint8Array(4096);
  const n = yield* sys.read(fd, buf);
  yield* sys.close(fd);
  return decodeUtf8(buf, 0, n);
}

function* write(sys: Sys, path: string, text: string): Proc<void> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_WRONLY);
  yield* sys.write(fd, encodeUtf8(text));
  yield* sys.close(fd);
}

/** Forks with flags, and waits: the child's exit status. */
function* inChild(sys: Sys, flags: number, body: () => Proc<number>): Proc<number> {
  const pid = yield* sys.clone3({ flags, exitSignal: SIGCHLD }, body);
  return (yield* sys.wait4(pid, 0)).status;
}

describe("UTS namespaces", () => {
  test("a host name set after unshare is seen inside only", () => {
    const names = inside(function* (sys) {
      const seen: string[] = [];
      yield* inChild(sys, 0, function* () {
        yield* sys.unshare(CLONE_NEWUTS);
        yield* sys.sethostname("box");
        seen.push((yield* sys.uname()).nodename);
        return 0;
      });
      seen.push((yield* sys.uname()).nodename);
      return seen;
    });
    expect(names).toEqual(["box", "drydock"]);
  });

  test("a bind mount keeps a namespace that no process is in, and setns joins it", () => {
    const name = inside(function* (sys) {
      yield* sys.close(yield* sys.openat(AT_FDCWD, "/run/uts", 0o102, 0o644));
      yield* inChild(sys, 0, function* () {
        yield* sys.unshare(CLONE_NEWUTS);
        yield* sys.sethostname("kept");
        yield* sys.mount("/proc/self/ns/uts", "/run/uts", "", MS_BIND, "");
        return 0;
      });
      const fd = yield* sys.openat(AT_FDCWD, "/run/uts", O_RDONLY);
      yield* sys.setns(fd, CLONE_NEWUTS);
      return (yield* sys.uname()).nodename;
    });
    expect(name).toBe("kept");
  });
});

describe("PID namespaces", () => {
  test("the first child is 1 inside and has another number outside", () => {
    const seen = inside(function* (sys) {
      const out: number[] = [];
      const outer = yield* sys.clone3({ flags: CLONE_NEWPID, exitSignal: SIGCHLD }, function* () {
        out.push(yield* sys.getpid(), yield* sys.getppid());
        const child = yield* sys.fork(function* () {
          return 0;
        });
        out.push(child);
        yield* sys.wait4(child, 0);
        return 0;
      });
      yield* sys.wait4(outer, 0);
      return [...out, outer > 1];
    });
    expect(seen).toEqual([1, 0, 2, true]);
  });

  test("when its init dies, everything in it is killed before the parent hears of it", () => {
    const left = inside(function* (sys) {
      const pids: number[] = [];
      const status = yield* inChild(sys, CLONE_NEWPID, function* () {
        for (let i = 0; i < 3; i++) {
          yield* sys.fork(function* () {
            yield* sys.setsid();
            yield* sys.nanosleep(1e12);
            return 0;
          });
        }
        return 7;
      });
      for (let pid = 2; pid < 100; pid++) if ((yield* errnoOf(sys.kill(pid, 0))) === undefined) pids.push(pid);
      return { status, others: pids.length };
    });
    // The test's own process is left, and perhaps init's child that forked it; none of the sleepers.
    expect(left.status).toBe(7 << 8);
    expect(left.others).toBe(1);
  });

  test("its init ignores SIGTERM and SIGKILL from inside and dies of SIGKILL from outside", () => {
    const status = inside(function* (sys) {
      const init = yield* sys.clone3({ flags: CLONE_NEWPID, exitSignal: SIGCHLD }, function* () {
        yield* sys.fork(function* () {
          yield* sys.kill(1, SIGTERM);
          yield* sys.kill(1, SIGKILL);
          return 0;
        });
        yield* sys.wait4(-1, 0);
        yield* sys.nanosleep(1e12);
        return 0;
      });
      yield* sys.nanosleep(1e9);
      yield* sys.kill(init, SIGKILL);
      return (yield* sys.wait4(init, 0)).status;
    });
    expect(status).toBe(SIGKILL);
  });

  test("after unshare the next child is init; once it is gone, fork fails with ENOMEM", () => {
    const result = inside(function* (sys) {
      yield* sys.unshare(CLONE_NEWPID);
      const first = yield* inChild(sys, 0, function* () {
        return yield* sys.getpid();
      });
      const second = yield* errnoOf(
        sys.fork(function* () {
          return 0;
        }),
      );
      return { first: first >> 8, second };
    });
    expect(result).toEqual({ first: 1, second: ENOMEM });
  });

  test("processes outside cannot be seen from inside", () => {
    const errno = inside(function* (sys) {
      let seen: Errno | undefined;
      yield* inChild(sys, CLONE_NEWPID, function* () {
        seen = yield* errnoOf(sys.kill(5, 0));
        return 0;
      });
      return seen;
    });
    expect(errno).toBe(ESRCH);
  });
});

describe("mount namespaces", () => {
  test("a mount made inside is not seen outside once it is private", () => {
    const seen = inside(function* (sys) {
      let within = false;
      yield* inChild(sys, CLONE_NEWNS, function* () {
        yield* sys.mount("none", "/", "", MS_PRIVATE | MS_REC, "");
        yield* sys.mount("none", "/mnt", "tmpfs", 0, "");
        within = (yield* read(sys, "/proc/self/mounts")).includes(" /mnt tmpfs");
        return 0;
      });
      return [within, (yield* read(sys, "/proc/self/mounts")).includes(" /mnt tmpfs")];
    });
    expect(seen).toEqual([true, false]);
  });

  test("CLONE_NEWNS with CLONE_FS is EINVAL", () => {
    const errno = inside(function* (sys) {
      return yield* errnoOf(
        sys.clone3({ flags: CLONE_NEWNS | CLONE_FS }, function* () {
          return 0;
        }),
      );
    });
    expect(errno).toBe(EINVAL);
  });
});

describe("user namespaces", () => {
  test("an ordinary user becomes root inside by a map of his own id, and nobody before that", () => {
    const seen = inside(function* (sys) {
      const out: unknown[] = [];
      yield* inChild(sys, 0, function* () {
        yield* sys.setresgid(1000, 1000, 1000);
        yield* sys.setresuid(1000, 1000, 1000);
        out.push(yield* errnoOf(sys.unshare(CLONE_NEWUTS)));
        yield* sys.unshare(CLONE_NEWUSER);
        out.push(yield* sys.getuid());
        out.push(yield* errnoOf(write(sys, "/proc/self/gid_map", "0 1000 1")));
        yield* write(sys, "/proc/self/setgroups", "deny");
        yield* write(sys, "/proc/self/gid_map", "0 1000 1");
        yield* write(sys, "/proc/self/uid_map", "0 1000 1");
        out.push(yield* sys.getuid(), yield* sys.getgid());
        out.push(yield* errnoOf(write(sys, "/proc/self/uid_map", "0 1000 1")));
        yield* sys.unshare(CLONE_NEWUTS);
        yield* sys.sethostname("mine");
        out.push((yield* sys.uname()).nodename, yield* read(sys, "/proc/self/uid_map"));
        return 0;
      });
      return out;
    });
    expect(seen).toEqual([EPERM, 65534, EPERM, 0, 0, EPERM, "mine", "         0       1000          1\n"]);
  });

  test("a foreign id cannot be mapped without CAP_SETUID in the parent", () => {
    const errno = inside(function* (sys) {
      let seen: Errno | undefined;
      yield* inChild(sys, 0, function* () {
        yield* sys.setresuid(1000, 1000, 1000);
        yield* sys.unshare(CLONE_NEWUSER);
        seen = yield* errnoOf(write(sys, "/proc/self/uid_map", "0 0 1"));
        return 0;
      });
      return seen;
    });
    expect(errno).toBe(EPERM);
  });
});

describe("time namespaces", () => {
  test("offsets apply to children, and are fixed once one has entered", () => {
    const seen = inside(function* (sys) {
      yield* sys.unshare(CLONE_NEWTIME);
      yield* write(sys, "/proc/self/timens_offsets", "monotonic 1000 0");
      let within = 0;
      const outside = (yield* sys.clock_gettime(1)).sec;
      yield* inChild(sys, 0, function* () {
        within = (yield* sys.clock_gettime(1)).sec;
        return 0;
      });
      return { shift: within - outside, late: (yield* errnoOf(write(sys, "/proc/self/timens_offsets", "monotonic 5 0")))?.name };
    });
    expect(seen.late).toBe("EACCES");
    expect(seen.shift).toBeGreaterThanOrEqual(1000);
    expect(seen.shift).toBeLessThan(1002);
  });
});

describe("live namespaces", () => {
  test("events tell of their making, joining and end; the list is what there is", () => {
    const k = new KernelUnderTest();
    const { live } = k.kernel.initUserNs;
    const events: string[] = [];
    k.kernel.trace.listen((e) => {
      if (e.name === "namespace_create") events.push(`create ${e.kind} ${e.how}`);
      else if (e.name === "namespace_join" || e.name === "namespace_destroy") events.push(`${e.name.slice(10)} ${e.kind}`);
    });
    const before = [...live.all()].length;
    const counts = k.run(function* (sys) {
      const seen: number[] = [];
      const pid = yield* sys.clone3({ flags: CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWPID }, function* () {
        seen.push([...live.all()].length - before);
        yield* sys.unshare(CLONE_NEWUTS);
        seen.push([...live.all()].length - before);
        yield* sys.fork(function* () {
          yield* sys.nanosleep(1e9);
          return 0;
        });
        return 0;
      });
      yield* sys.wait4(pid, 0);
      const fd = yield* sys.openat(AT_FDCWD, "/proc/1/ns/uts", O_RDONLY);
      yield* sys.setns(fd, 0);
      return [...seen, [...live.all()].length - before];
    });
    expect(counts).toEqual([3, 3, 0]);
    expect(events).toEqual([
      "create user clone",
      "create uts clone",
      "create pid clone",
      "create uts unshare",
      "destroy uts",
      "destroy uts",
      "destroy pid",
      "destroy user",
      "join uts",
    ]);
    expect(live.version).toBeGreaterThan(0);
    k.check();
  });

  test("a fork that fails leaves nothing of the namespaces made for it", () => {
    const k = new KernelUnderTest();
    const { live } = k.kernel.initUserNs;
    const before = [...live.all()].length;
    k.run(function* (sys) {
      yield* sys.prlimit64(0, RLIMIT_NPROC, { cur: 0, max: 0 });
      yield* sys.mkdirat(AT_FDCWD, "/sys/fs/cgroup/x", 0o755);
      yield* write(sys, "/sys/fs/cgroup/cgroup.subtree_control", "+pids");
      yield* write(sys, "/sys/fs/cgroup/x/cgroup.procs", "0");
      yield* write(sys, "/sys/fs/cgroup/x/pids.max", "1");
      const body = function* (): Proc<number> {
        yield* sys.getpid();
        return 0;
      };
      expect(yield* errnoOf(sys.clone3({ flags: CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWUSER }, body))).toBe(EAGAIN);
    });
    expect([...live.all()].length).toBe(before);
    k.check();
  });

  test("reboot inside a PID namespace ends its init by a signal that says which", () => {
    const k = new KernelUnderTest();
    const statuses = k.run(function* (sys) {
      const seen: number[] = [];
      for (const cmd of [0x01234567, 0x4321fedc]) {
        const pid = yield* sys.clone3({ flags: CLONE_NEWPID }, function* () {
          const child = yield* sys.fork(function* () {
            yield* sys.reboot(cmd);
            return 0;
          });
          yield* sys.wait4(child, 0);
          yield* sys.nanosleep(1e9);
          return 0;
        });
        seen.push((yield* sys.wait4(pid, 0)).status);
      }
      return seen;
    });
    expect(statuses).toEqual([SIGHUP, SIGINT]);
    k.check();
  });

  test("related namespaces by ioctl", () => {
    const k = new KernelUnderTest();
    const seen = k.run(function* (sys) {
      const inos: number[] = [];
      const ino = function* (fd: number): Proc<number> {
        return (yield* sys.fstat(fd)).ino;
      };
      yield* sys.unshare(CLONE_NEWUSER | CLONE_NEWUTS);
      const uts = yield* sys.openat(AT_FDCWD, "/proc/self/ns/uts", O_RDONLY);
      const user = yield* sys.openat(AT_FDCWD, "/proc/self/ns/user", O_RDONLY);
      inos.push(yield* ino(yield* sys.ioctl(uts, "NS_GET_USERNS")), yield* ino(user));
      const outside = yield* errnoOf(sys.ioctl(user, "NS_GET_PARENT"));
      const none = yield* errnoOf(sys.ioctl(uts, "NS_GET_PARENT"));
      return [inos[0] === inos[1], outside, none, yield* sys.ioctl(uts, "NS_GET_NSTYPE"), yield* sys.ioctl(user, "NS_GET_OWNER_UID")];
    });
    expect(seen).toEqual([true, EPERM, EINVAL, CLONE_NEWUTS, 65_534]);
    k.check();
  });
});
