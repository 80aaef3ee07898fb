/**
 * Ways out of a container that are known of Linux: those that work there work here, and what stops them there stops them here.
 * chroot(2), pivot_root(2), mount_namespaces(7), user_namespaces(7).
 */

import { describe, expect, test } from "vitest";
import { Errno } from "../abi/errno.ts";
import { AT_FDCWD, O_DIRECTORY, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import { MNT_DETACH, MS_BIND, MS_PRIVATE, MS_REC } from "../abi/mount.ts";
import { CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER } from "../abi/sched.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { KernelUnderTest } from "./kernel-testing.ts";
import { boot } from "./testing.ts";

function* names(sys: Sys, path: string): Proc<string[]> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  const entries = (yield* sys.getdents64(fd, 65536)).map((e) => e.name).filter((n) => n !== "." && n !== "..");
  yield* sys.close(fd);
  return entries.sort();
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

const mkdir = (sys: Sys, path: string): Proc<void> => sys.mkdirat(AT_FDCWD, path, 0o755);
const openDir = (sys: Sys, path: string): Proc<number> => sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);

/** mkdir x, chroot x, and then up from where one still stands: the root is nowhere on the way. */
function* classicEscape(sys: Sys): Proc<string[]> {
  yield* mkdir(sys, "x");
  yield* sys.chroot("x");
  for (let i = 0; i < 50; i++) yield* sys.chdir("..");
  yield* sys.chroot(".");
  return yield* names(sys, "/");
}

/** A process in a directory `/tmp/jail` with nothing but `inside`, and in a mount namespace of its own. */
function jailed<T>(body: (sys: Sys) => Proc<T>): T {
  const k = new KernelUnderTest();
  const result = k.run(function* (sys) {
    yield* sys.unshare(CLONE_NEWNS);
    yield* sys.mount("none", "/", "", MS_PRIVATE | MS_REC, "");
    yield* mkdir(sys, "/tmp/jail");
    yield* sys.mount("jail", "/tmp/jail", "tmpfs", 0, "");
    yield* mkdir(sys, "/tmp/jail/inside");
    return yield* body(sys);
  });
  k.check();
  return result;
}

function* enterChroot(sys: Sys): Proc<void> {
  yield* sys.chroot("/tmp/jail");
  yield* sys.chdir("/");
}

function* enterPivot(sys: Sys): Proc<void> {
  yield* sys.chdir("/tmp/jail");
  yield* sys.pivot_root(".", ".");
  yield* sys.umount2(".", MNT_DETACH);
  yield* sys.chdir("/");
}

describe("chroot", () => {
  test("root leaves a chroot by a second one", () => {
    const seen = jailed(function* (sys) {
      yield* enterChroot(sys);
      const before = yield* names(sys, "/");
      return [before, (yield* classicEscape(sys)).includes("usr")];
    });
    expect(seen).toEqual([["inside"], true]);
  });

  test("a descriptor of a directory outside is a way out", () => {
    const seen = jailed(function* (sys) {
      const outside = yield* openDir(sys, "/");
      yield* enterChroot(sys);
      yield* sys.fchdir(outside);
      return (yield* names(sys, ".")).includes("usr");
    });
    expect(seen).toBe(true);
  });

  test("a directory that is moved away under a process is a way out, with no chroot of its own", () => {
    const seen = jailed(function* (sys) {
      yield* mkdir(sys, "/tmp/other");
      yield* sys.umount2("/tmp/jail", 0);
      yield* mkdir(sys, "/tmp/jail/inside");
      yield* enterChrootBelow(sys, "/tmp/jail", "inside");
      return yield* names(sys, "../../..");
    });
    expect(seen).toContain("other");
  });

  /** Goes into `jail/dir`, which somebody outside then moves out of the jail. */
  function* enterChrootBelow(sys: Sys, jail: string, dir: string): Proc<void> {
    const [reader, writer] = yield* sys.pipe2(0);
    yield* sys.fork(function* () {
      yield* sys.read(reader, new Uint8Array(1));
      yield* mkdir(sys, "/tmp/other/deep");
      yield* sys.renameat2(AT_FDCWD, `${jail}/${dir}`, AT_FDCWD, "/tmp/other/deep/moved", 0);
      return 0;
    });
    yield* sys.chroot(jail);
    yield* sys.chdir(`/${dir}`);
    yield* sys.write(writer, new Uint8Array(1));
    yield* sys.wait4(-1, 0);
  }

  test("without CAP_SYS_CHROOT there is no chroot, and so no way out by one", () => {
    const { stdout } = boot().run(
      "mkdir /tmp/d; setpriv --bounding-set -sys_chroot --inh-caps -sys_chroot chroot /tmp/d true 2>&1; echo $?",
    );
    expect(stdout).toBe("chroot: cannot change root directory to '/tmp/d': Operation not permitted\n125\n");
  });
});

describe("pivot_root", () => {
  test("the second chroot leads to the new root and no further", () => {
    const seen = jailed(function* (sys) {
      yield* enterPivot(sys);
      return yield* classicEscape(sys);
    });
    expect(seen).toEqual(["inside", "x"]);
  });

  test("what is mounted over a directory cannot be seen, but a descriptor from before leads out all the same", () => {
    const seen = jailed(function* (sys) {
      const outside = yield* openDir(sys, "/");
      yield* enterPivot(sys);
      const at = yield* errnoOf(() => sys.newfstatat(AT_FDCWD, "/usr", 0));
      yield* sys.fchdir(outside);
      return [at, (yield* names(sys, ".")).includes("usr")];
    });
    expect(seen).toEqual(["ENOENT", true]);
  });

  test("a directory moved out of a bind mount under a process has no parent", () => {
    const seen = jailed(function* (sys) {
      yield* mkdir(sys, "/tmp/jail/a");
      yield* mkdir(sys, "/tmp/jail/a/b");
      yield* mkdir(sys, "/tmp/view");
      yield* sys.mount("/tmp/jail/a", "/tmp/view", "", MS_BIND, "");
      yield* sys.chdir("/tmp/view/b");
      yield* sys.renameat2(AT_FDCWD, "/tmp/jail/a/b", AT_FDCWD, "/tmp/jail/b", 0);
      const up = yield* errnoOf(() => sys.chdir(".."));
      yield* sys.chdir("/");
      return up;
    });
    expect(seen).toBe("ENOENT");
  });
});

describe("/proc/1/root", () => {
  /** A directory with what `ls` needs, and /proc. */
  const jail =
    "mkdir -p /tmp/j; cd /tmp/j; for d in bin lib lib64 usr proc; do mkdir -p $d; [ $d = proc ] || mount --bind /$d $d; done; echo out > /tmp/secret";
  const run = (how: string): string => {
    const m = boot();
    const { stdout } = m.run(`unshare -m sh -c '${jail}; ${how}' 2>&1`);
    m.check();
    return stdout;
  };
  const look = "cat /proc/1/root/tmp/secret";

  test("leads out of a chroot that shares the PID namespace", () => {
    expect(run(`mount -t proc p proc; chroot . ${look}`)).toBe("out\n");
  });

  test("leads nowhere in a PID namespace of one's own", () => {
    expect(run(`unshare -pf chroot . sh -c "mount -t proc p /proc; ${look}; ls -d /proc/1/root/bin"`)).toBe(
      "cat: /proc/1/root/tmp/secret: No such file or directory\n/proc/1/root/bin\n",
    );
  });

  test("is closed to those who may not trace the process", () => {
    const denied = "cat: /proc/1/root/tmp/secret: Permission denied\n";
    expect(run(`mount -t proc p proc; setpriv --reuid 1000 --regid 1000 --clear-groups ${look}`)).toBe(denied);
    expect(run("mount -t proc p proc; unshare -Ur cat /proc/1/root/tmp/secret")).toBe(denied);
  });
});

describe("mounts and devices", () => {
  test("mknod asks for CAP_MKNOD, and a user namespace never has it", () => {
    const m = boot();
    expect(
      m.run("cd /tmp; setpriv --bounding-set -mknod --inh-caps -mknod mknod d b 254 0 2>&1; unshare -Ur mknod d c 1 3 2>&1; ls"),
    ).toMatchObject({
      stdout: "mknod: d: Operation not permitted\nmknod: d: Operation not permitted\n",
    });
  });

  test("a user namespace cannot look under what was mounted outside, nor make it writable", () => {
    const m = boot();
    m.run("cd /tmp; mkdir a b; echo hidden > a/secret; mount -t tmpfs -o ro cover a");
    const inside = [
      "umount a; echo $?",
      "umount -l a; echo $?",
      "mount -o remount,bind,rw a; echo $?",
      "mount --bind /tmp b; echo $?",
      "mount --rbind /tmp b && cat b/a/secret; umount b/a; echo $?",
      "mount --move a b; echo $?",
    ];
    const { stdout } = m.run(`cd /tmp; unshare -Urm sh -c '${inside.join("; ")}' 2>/dev/null`);
    expect(stdout).toBe("32\n32\n32\n32\n32\n32\n");
    m.check();
  });

  test("what a namespace has mounted is gone with it, and nothing of it is left", () => {
    const m = boot();
    const { mounts } = m.machine.kernel;
    m.run("true");
    const before = { lingering: mounts.lingering.size, groups: mounts.groupIds.size };
    m.run(
      "unshare -m sh -c 'mount -t tmpfs x /mnt; mount --make-shared /mnt; mkdir /mnt/a; mount -t tmpfs y /mnt/a; mount --rbind /mnt /tmp'",
    );
    m.run("unshare -Urm sh -c 'mount -t tmpfs x /mnt; mount --rbind / /mnt'; unshare -m --propagation slave sh -c 'mount -t tmpfs x /mnt'");
    m.check();
    expect({ lingering: mounts.lingering.size, groups: mounts.groupIds.size }).toEqual(before);
  });
});

describe("identities and other namespaces", () => {
  const asNobody = (script: string): string => `su nobody -s /bin/sh -c '${script}'`;

  test("the host's devices cannot be made without CAP_MKNOD, nor in a user namespace", () => {
    const m = boot();
    const mknod = "mknod /tmp/sda b 8 0; mknod /tmp/mem c 1 1";
    const refused = "mknod: /tmp/sda: Operation not permitted\nmknod: /tmp/mem: Operation not permitted\n";
    expect(m.run(`setpriv --bounding-set=-mknod sh -c '${mknod}'`).stderr).toBe(refused);
    expect(m.run(`unshare -r sh -c '${mknod}'`).stderr).toBe(refused);
    expect(m.run(`unshare -rm sh -c 'mount -t tmpfs t /tmp; ${mknod}'`).stderr).toBe(refused);
    // One that is there already is dead on a filesystem that a user namespace has mounted.
    m.run("cp -a /dev/null /run/null");
    expect(m.run("unshare -rm sh -c 'mount -o remount,bind,dev / 2>/dev/null; mount -t tmpfs t /mnt; cp -a /run/null /mnt'").status).toBe(
      1,
    );
  });

  test("the parent's root is mapped by who may, and by nobody else", () => {
    const k = new KernelUnderTest();
    function* map(sys: Sys, text: string): Proc<string> {
      const fd = yield* sys.openat(AT_FDCWD, "/proc/self/uid_map", O_WRONLY);
      return yield* errnoOf(() => sys.write(fd, new TextEncoder().encode(text)));
    }
    const outcomes = k.run(function* (sys) {
      const seen: string[] = [];
      for (const text of ["0 0 1", "0 1000 2", "0 999 1", "0 1000 1"]) {
        const pid = yield* sys.fork(function* () {
          yield* sys.setresuid(1000, 1000, 1000);
          yield* sys.unshare(CLONE_NEWUSER);
          seen.push(yield* map(sys, text));
          return 0;
        });
        yield* sys.wait4(pid, 0);
      }
      return seen;
    });
    expect(outcomes).toEqual(["EPERM", "EPERM", "EPERM", "ok"]);
    k.check();
  });

  test("setns does not lead out of a PID namespace", () => {
    const k = new KernelUnderTest();
    const outcome = k.run(function* (sys) {
      const fd = yield* sys.openat(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY);
      let seen = "";
      const pid = yield* sys.clone3({ flags: CLONE_NEWPID }, function* () {
        seen = yield* errnoOf(() => sys.setns(fd, 0));
        return 0;
      });
      yield* sys.wait4(pid, 0);
      return seen;
    });
    expect(outcome).toBe("EINVAL");
  });

  test("who is root in a user namespace traces and looks into nobody outside, who is outside sees in", () => {
    const m = boot();
    const look = (pid: string): string => `readlink /proc/${pid}/exe >/dev/null; echo $?; strace -p ${pid} 2>&1 | head -n 1`;
    expect(m.run(`sleep 9 & unshare -r sh -c '${look("$0")}' $!; kill $!`).stdout).toMatch(/^1\nstrace: .*Operation not permitted/);
    expect(m.run(`unshare -r sleep 9 & sleep 1; readlink /proc/$!/exe; kill $!`).stdout).toBe("/usr/bin/sleep\n");
    expect(m.run(`${asNobody("sleep 9 & unshare -U readlink /proc/$!/exe; echo $?; kill $!")}`).stdout).toBe("1\n");
  });

  test("what lies outside of a PID namespace cannot be signalled", () => {
    const m = boot();
    m.run("sleep 99 &");
    const { stdout } = m.run(
      "unshare -p -f sh -c 'for p in 1 2 3 4 5 6 7 8 9 10 20; do kill -9 $p 2>/dev/null; done; kill -9 -1 2>/dev/null; echo alive'; pgrep -c sleep",
    );
    expect(stdout).toBe("alive\n1\n");
    m.check();
  });

  test("cgroup v2 has no release_agent to run something outside with", () => {
    const m = boot();
    expect(
      m.run("mkdir /sys/fs/cgroup/x; ls /sys/fs/cgroup /sys/fs/cgroup/x | grep -c -e release_agent -e notify_on_release"),
    ).toMatchObject({ stdout: "0\n" });
    expect(m.run("unshare -Cm sh -c 'mount -t cgroup none /mnt'").status).toBe(32);
  });

  test("a cgroup namespace shows nothing above its root", () => {
    const m = boot();
    m.run("mkdir -p /sys/fs/cgroup/a/b");
    const script =
      'echo $$ > /sys/fs/cgroup/a/cgroup.procs; unshare -Cm sh -c "mount -t cgroup2 c /mnt; ls -d /mnt/b; ls -d /mnt/a; cat /proc/self/cgroup; ls /mnt/.."';
    expect(m.run(`sh -c '${script}' 2>/dev/null | head -n 2`).stdout).toBe("/mnt/b\n0::/\n");
  });

  test("set-user-ID programs and file capabilities of a user namespace give nothing outside", () => {
    const m = boot();
    m.run(
      "mkdir -m 777 /var/tmp/d; cp /usr/bin/id /var/tmp/d; cp /bin/grep /var/tmp/d; chmod 777 /var/tmp/d/grep; chown nobody /var/tmp/d/grep",
    );
    expect(m.run(asNobody("unshare -r setcap cap_sys_admin+ep /var/tmp/d/grep; /var/tmp/d/grep CapEff /proc/self/status")).stdout).toBe(
      "CapEff:\t0000000000000000\n",
    );
    expect(m.run(asNobody('unshare -r sh -c "chown 0 /var/tmp/d/id; chmod 4755 /var/tmp/d/id"; /var/tmp/d/id -u')).stdout).toBe("65534\n");
  });
});

test("a map that a user has opened is not written by a privileged program's hand", () => {
  const k = new KernelUnderTest();
  const outcome = k.run(function* (sys) {
    let seen = "";
    const pid = yield* sys.fork(function* () {
      yield* sys.setresuid(1000, 1000, 0);
      yield* sys.unshare(CLONE_NEWUSER);
      yield* sys.nanosleep(1e9);
      return 0;
    });
    yield* sys.nanosleep(1_000_000);
    yield* sys.setresuid(-1, 1000, -1);
    const fd = yield* sys.openat(AT_FDCWD, `/proc/${pid}/uid_map`, O_WRONLY);
    yield* sys.setresuid(-1, 0, -1);
    seen = yield* errnoOf(() => sys.write(fd, new TextEncoder().encode("0 5 10")));
    yield* sys.wait4(pid, 0);
    return seen;
  });
  expect(outcome).toBe("EPERM");
});
