import { describe, expect, test } from "vitest";
import { isDir, isLnk, S_IFMT } from "../abi/stat.ts";
import type { Answer, FileEntry, Query } from "../bridge/messages.ts";
import { boot, type TestMachine } from "./testing.ts";
import { inspect } from "./inspect.ts";
import { hashTrace } from "./trace-hash.ts";

const HOST = (m: TestMachine): number => m.machine.kernel.init?.leader.mntNs.ino ?? 0;

function ask(m: TestMachine, query: Query): Answer {
  return inspect(m.machine.kernel, query);
}

function list(m: TestMachine, path: string, mntNs = HOST(m)): readonly FileEntry[] {
  const answer = ask(m, { kind: "directory", mntNs, path });
  if (answer.kind !== "directory") throw new Error(JSON.stringify(answer));
  return answer.entries;
}

function errnoOf(m: TestMachine, query: Query): string {
  const answer = ask(m, query);
  return answer.kind === "error" ? answer.errno : answer.kind;
}

const text = (answer: Answer): string => (answer.kind === "file" ? new TextDecoder().decode(answer.bytes) : JSON.stringify(answer));

describe("a directory", () => {
  test("is listed by name, with what ls tells", () => {
    const m = boot();
    m.run("mkdir -m 750 /d; cd /d; echo hello > b; ln -s b a; mkdir c; chown 3:4 b");
    const entries = list(m, "/d");
    expect(entries.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(entries[0]).toMatchObject({ target: "b" });
    expect(isLnk(entries[0]?.mode ?? 0)).toBe(true);
    expect(entries[1]).toMatchObject({ mode: 0o100644, uid: 3, gid: 4, sizeBytes: 6 });
    expect(isDir(entries[2]?.mode ?? 0)).toBe(true);
    expect(String(entries[1]?.ino)).toBe(m.run("stat -c %i /d/b").stdout.trim());
  });

  test("shows where another mount begins, and what is under it from there", () => {
    const m = boot();
    m.run("mkdir -p /d/m; mount -t tmpfs t /d/m; echo x > /d/m/f");
    const answer = ask(m, { kind: "directory", mntNs: HOST(m), path: "/d/m" });
    expect(list(m, "/d")[0]?.mount).toBe(answer.kind === "directory" ? answer.mount : undefined);
    expect(list(m, "/d/m").map(({ name }) => name)).toEqual(["f"]);
  });

  test("is found through symbolic links and .. as the kernel finds it", () => {
    const m = boot();
    m.run("mkdir -p /d/e/f; ln -s /d/e /l; ln -s e/f /d/g; ln -s loop /loop; touch /d/e/f/x");
    expect(list(m, "/l/../g/../../../d/g").map(({ name }) => name)).toEqual(["x"]);
    expect(list(m, "/../../d/./e//f").map(({ name }) => name)).toEqual(["x"]);
    const errno = (path: string) => errnoOf(m, { kind: "directory", mntNs: HOST(m), path });
    expect(errno("/loop")).toBe("ELOOP");
    expect(errno("/d/none/x")).toBe("ENOENT");
    expect(errno("/l/f/x/y")).toBe("ENOTDIR");
    expect(errno("/l/f/x")).toBe("ENOTDIR");
    expect(errno(`/${"x".repeat(5000)}`)).toBe("ENAMETOOLONG");
    expect(errnoOf(m, { kind: "directory", mntNs: 1, path: "/" })).toBe("ENOENT");
  });

  test("of thousands of entries is told in part, with its size", () => {
    const m = boot();
    m.run("mkdir /big; cd /big; seq 3000 | xargs touch");
    const answer = ask(m, { kind: "directory", mntNs: HOST(m), path: "/big" });
    expect(answer).toMatchObject({ kind: "directory", total: 3000 });
    expect(answer.kind === "directory" && answer.entries.length).toBe(1000);
  });

  test("of another mount namespace is seen as its processes see it", () => {
    const m = boot();
    m.run("mkdir /mnt/x; unshare -m sh -c 'mount -t tmpfs t /mnt/x; touch /mnt/x/inside; exec sleep 1000' & sleep 0.1");
    const inner = Number(m.run("readlink /proc/$!/ns/mnt | tr -dc 0-9").stdout);
    expect(list(m, "/mnt/x", inner).map(({ name }) => name)).toEqual(["inside"]);
    expect(list(m, "/mnt/x")).toEqual([]);
  });

  test("of proc, sysfs and cgroup2 can be looked at", () => {
    const m = boot();
    m.run("true");
    expect(list(m, "/proc/1").map(({ name }) => name)).toContain("mountinfo");
    expect(list(m, "/proc").some(({ name, mode }) => name === "1" && isDir(mode))).toBe(true);
    const cgroup = list(m, "/sys/fs/cgroup").find(({ name }) => name === "cgroup.procs");
    expect(cgroup).toMatchObject({ bare: true });
    expect((cgroup?.mode ?? 0) & S_IFMT).toBe(0o100000);
    expect(errnoOf(m, { kind: "directory", mntNs: HOST(m), path: "/proc/1/cwd" })).toBe("EOPNOTSUPP");
  });
});

describe("a file", () => {
  test("is read from an offset, as many bytes as asked for", () => {
    const m = boot();
    m.write("/f", "hello world");
    const mntNs = HOST(m);
    expect(text(ask(m, { kind: "file", mntNs, path: "/f", maxBytes: 5 }))).toBe("hello");
    const rest = ask(m, { kind: "file", mntNs, path: "/f", maxBytes: 99, offset: 6 });
    expect(text(rest)).toBe("world");
    expect(rest).toMatchObject({ sizeBytes: 11, entry: { name: "f" } });
  });

  test("of synthetic bytes costs no more than what is asked", () => {
    const m = boot();
    const answer = ask(m, { kind: "file", mntNs: HOST(m), path: "/bin/bash", maxBytes: 4096 });
    expect(answer.kind === "file" && answer.bytes.length).toBe(4096);
    expect(answer.kind === "file" && answer.sizeBytes).toBeGreaterThan(1_000_000);
    expect(answer.kind === "file" && String.fromCharCode(...answer.bytes.subarray(1, 4))).toBe("ELF");
  });

  test("that is none says why not", () => {
    const m = boot();
    m.run("mkfifo /p");
    const errno = (path: string, offset = 0) => errnoOf(m, { kind: "file", mntNs: HOST(m), path, maxBytes: 10, offset });
    expect(errno("/etc")).toBe("EISDIR");
    expect(errno("/p")).toBe("EINVAL");
    expect(errno("/dev/null")).toBe("EINVAL");
    expect(errno("/etc/passwd", Number.NaN)).toBe("EINVAL");
    expect(errno("/proc/uptime")).toBe("EOPNOTSUPP");
    expect(errno("/sys/fs/cgroup/cgroup.procs")).toBe("EOPNOTSUPP");
  });
});

describe("questions", () => {
  const SCRIPT = [
    "mkdir -p /t/a; echo x > /t/a/f; mount -t tmpfs t /t/a 2>&1",
    "cat /etc/passwd /proc/self/mountinfo | md5sum; head -c 4 /dev/urandom | md5sum",
    "mkdir /sys/fs/cgroup/g; stat -c '%n %i %X %Y %Z' /sys/fs/cgroup/* /etc/* /usr/bin/cat",
    "cat /proc/meminfo /proc/stat /proc/uptime; mkdir /new; stat -c %i /new; sleep 1; stat -c '%X %i' /etc/hostname /new",
  ];

  function digest(between: (m: TestMachine) => void): string {
    const m = boot();
    const hash = hashTrace(m.machine);
    let said = "";
    for (const line of SCRIPT) {
      between(m);
      said += m.run(line).stdout;
    }
    between(m);
    m.machine.run(m.machine.nowNs + 2e9);
    return `${hash.digest} ${m.machine.nowNs} ${said}`;
  }

  test("leave nothing behind: the trace and all that can be seen stay the same", () => {
    const paths = ["/", "/etc", "/etc/passwd", "/proc", "/proc/1/fd", "/proc/self", "/sys/fs/cgroup", "/sys/fs/cgroup/g", "/t/a", "/t/a/f"];
    const more = [
      "/dev/pts",
      "/etc/hostname",
      "/proc/1/ns",
      "/proc/sys/kernel/random",
      "/proc/sys/kernel/random/uuid",
      "/usr/bin/cat",
      "/new",
    ];
    const curious = digest((m) => {
      const before = m.machine.nowNs;
      for (const path of [...paths, ...more]) {
        ask(m, { kind: "directory", mntNs: HOST(m), path });
        ask(m, { kind: "file", mntNs: HOST(m), path, maxBytes: 1e9 });
      }
      expect(m.machine.nowNs).toBe(before);
    });
    expect(curious).toBe(digest(() => {}));
  });
});
