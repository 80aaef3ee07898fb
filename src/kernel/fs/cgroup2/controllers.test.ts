/** The files of the controllers: each case holds a sentence of Documentation/admin-guide/cgroup-v2.rst, or a rule of the code that it tells of. */

import { describe, expect, test } from "vitest";
import { boot, type TestMachine } from "../../../machine/testing.ts";

function machine(): TestMachine {
  const m = boot();
  m.run("cd /sys/fs/cgroup && echo '+cpu +cpuset +io +memory +pids' > cgroup.subtree_control && mkdir a");
  return m;
}

/** What shell text prints; of errors the last words. */
function all(m: TestMachine, text: string): string {
  const { stdout, stderr } = m.run(`{ ${text}\n} 2>&1`, { limitNs: 60e9 });
  return (stdout + stderr).replace(/bash: line \d+: (echo: write error: )?/g, "");
}

/** Writes each value to a file; shows what it says then. */
function writes(m: TestMachine, file: string, values: readonly string[]): string[] {
  return values.map((value) => all(m, `echo '${value}' > ${file} && cat ${file}`).trimEnd());
}

const EINVAL = "Invalid argument";
const ERANGE = "Numerical result out of range";

test("root is exempt from control and doesn't have resource control interface files", () => {
  const m = machine();
  expect(all(m, "ls | grep -E '^(cpu|cpuset|io|memory|pids)\\.'").split("\n").slice(0, -1)).toEqual([
    "cpu.pressure",
    "cpu.stat",
    "cpuset.cpus.effective",
    "cpuset.mems.effective",
    "io.pressure",
    "io.stat",
    "memory.pressure",
    "memory.reclaim",
    "memory.stat",
  ]);
  expect(all(m, "cat cgroup.controllers")).toBe("cpuset cpu io memory pids\n");
});

test("all files of a cgroup with all controllers, and nothing of what there is not: rdma, hugetlb, misc, zswap, uclamp", () => {
  expect(all(machine(), "ls a | tr '\\n' ' '")).toBe(
    "cgroup.controllers cgroup.events cgroup.freeze cgroup.kill cgroup.max.depth cgroup.max.descendants cgroup.pressure cgroup.procs cgroup.stat " +
      "cgroup.subtree_control cgroup.threads cgroup.type cpu.idle cpu.max cpu.max.burst cpu.pressure cpu.stat cpu.weight cpu.weight.nice cpuset.cpus " +
      "cpuset.cpus.effective cpuset.cpus.partition cpuset.mems cpuset.mems.effective io.max io.pressure io.stat io.weight memory.current memory.events " +
      "memory.events.local memory.high memory.low memory.max memory.min memory.oom.group memory.peak memory.pressure memory.reclaim memory.stat " +
      "memory.swap.current memory.swap.events memory.swap.high memory.swap.max pids.current pids.events pids.max pids.peak ",
  );
});

describe("cpu", () => {
  test("cpu.weight is in the range [1, 10000], the default is 100", () => {
    expect(writes(machine(), "a/cpu.weight", ["1", "10000", "0", "10001", "x", "-5", "0x10"])).toEqual([
      "1",
      "10000",
      ERANGE,
      ERANGE,
      EINVAL,
      EINVAL,
      "16",
    ]);
  });

  test("cpu.weight.nice allows setting weight using the same values used by nice(2); the read value is the closest approximation", () => {
    const m = machine();
    expect(writes(m, "a/cpu.weight.nice", ["-20", "19", "5", "20", "-21", "x"])).toEqual(["-20", "19", "5", ERANGE, ERANGE, EINVAL]);
    expect(["-20", "0", "10", "19"].map((nice) => all(m, `echo ${nice} > a/cpu.weight.nice; cat a/cpu.weight`))).toEqual([
      "8668\n",
      "100\n",
      "11\n",
      "1\n",
    ]);
    expect(["1", "50", "200", "10000"].map((w) => all(m, `echo ${w} > a/cpu.weight; cat a/cpu.weight.nice`))).toEqual([
      "19\n",
      "3\n",
      "-3\n",
      "-20\n",
    ]);
  });

  test("cpu.idle: the weight will show as a 0 and cannot be set; what it was before is forgotten", () => {
    const m = machine();
    expect(
      all(
        m,
        "echo 300 > a/cpu.weight; echo 1 > a/cpu.idle; cat a/cpu.weight; echo 50 > a/cpu.weight; echo 0 > a/cpu.idle; cat a/cpu.weight",
      ),
    ).toBe(`0\n${EINVAL}\n100\n`);
    expect(writes(m, "a/cpu.idle", ["2", "-1", "x", "1"])).toEqual([EINVAL, EINVAL, EINVAL, "1"]);
  });

  test("cpu.max: if only one number is written, $MAX is updated", () => {
    expect(
      writes(machine(), "a/cpu.max", [
        "50000",
        "20000 50000",
        "30000",
        "max",
        "max 100000",
        "999",
        "1000 999",
        "1000 1000001",
        "x",
        "",
        "5000 10000 more",
      ]),
    ).toEqual([
      "50000 100000",
      "20000 50000",
      "30000 50000",
      "max 50000",
      "max 100000",
      EINVAL,
      EINVAL,
      EINVAL,
      EINVAL,
      EINVAL,
      "5000 10000",
    ]);
  });

  test("cpu.max.burst: the burst is in the range [0, $MAX]", () => {
    const m = machine();
    m.run("echo 20000 > a/cpu.max");
    expect(writes(m, "a/cpu.max.burst", ["20000", "20001", "-1", "x", "0"])).toEqual(["20000", EINVAL, EINVAL, EINVAL, "0"]);
    expect(all(m, "echo 20000 > a/cpu.max.burst; echo 10000 > a/cpu.max; cat a/cpu.max")).toBe(`${EINVAL}\n20000 100000\n`);
  });

  test("cpu.stat exists whether the controller is enabled or not: three stats always, five more when it is", () => {
    const m = machine();
    expect(all(m, "mkdir a/b; cut -d' ' -f1 a/cpu.stat | tr '\\n' ' '; cut -d' ' -f1 a/b/cpu.stat | tr '\\n' ' '")).toBe(
      "usage_usec user_usec system_usec nr_periods nr_throttled throttled_usec nr_bursts burst_usec usage_usec user_usec system_usec ",
    );
  });
});

describe("cpuset", () => {
  test("an empty value indicates that the cgroup is using the same setting as the nearest ancestor; effective is what is granted", () => {
    const m = machine();
    expect(
      all(
        m,
        "mkdir a/b; echo +cpuset > a/cgroup.subtree_control; echo 0-1,3 > a/cpuset.cpus; cat a/cpuset.cpus a/b/cpuset.cpus a/b/cpuset.cpus.effective; echo 2-3 > a/b/cpuset.cpus; cat a/b/cpuset.cpus a/b/cpuset.cpus.effective; echo 2 > a/b/cpuset.cpus; cat a/b/cpuset.cpus.effective; echo > a/cpuset.cpus; cat a/cpuset.cpus.effective a/b/cpuset.cpus.effective",
      ),
    ).toBe("0-1,3\n\n0-1,3\n2-3\n3\n0-1,3\n0-3\n2\n");
  });

  test("cpuset.mems names memory nodes, of which there is one; partitions other than member are refused", () => {
    const m = machine();
    expect(writes(m, "a/cpuset.mems", ["0", "1", "x", ""])).toEqual(["0", ERANGE, EINVAL, ""]);
    expect(writes(m, "a/cpuset.cpus.partition", ["member", "root", "x"])).toEqual(["member", EINVAL, EINVAL]);
  });

  test("a task keeps the CPUs that it asked for as far as the set allows", () => {
    const m = machine();
    expect(
      all(
        m,
        "echo 1-2 > a/cpuset.cpus; sleep 99 & taskset -cp 2,3 $! >/dev/null; echo $! > a/cgroup.procs; taskset -cp $! | sed 's/.*: //'; echo 0 > a/cpuset.cpus; taskset -cp $! | sed 's/.*: //'; echo $! > cgroup.procs; taskset -cp $! | sed 's/.*: //'; kill $!",
      ),
    ).toBe("2\n0\n2,3\n");
  });
});

describe("memory", () => {
  test("amounts may end in a unit, are in whole pages, and `max` is no limit; nothing written is 0", () => {
    expect(writes(machine(), "a/memory.high", ["10M", "1G", "5000", "0x100000", "2t", "max", "-1", "1X", "10 M", ""])).toEqual([
      "10485760",
      "1073741824",
      "4096",
      "1048576",
      "2199023255552",
      "max",
      EINVAL,
      EINVAL,
      EINVAL,
      "0",
    ]);
  });

  test("memory.min and memory.low default to 0, limits to max, memory.oom.group to 0", () => {
    const m = machine();
    expect(
      all(
        m,
        "cd a; cat memory.min memory.low memory.high memory.max memory.swap.max memory.swap.high memory.swap.current memory.oom.group memory.swap.events; cd ..",
      ),
    ).toBe("0\n0\nmax\nmax\nmax\nmax\n0\n0\nhigh 0\nmax 0\nfail 0\n");
    expect(writes(m, "a/memory.oom.group", ["1", "2", "x", "0"])).toEqual(["1", EINVAL, EINVAL, "0"]);
  });

  test("memory.reclaim: if less bytes are reclaimed than the specified amount, -EAGAIN is returned", () => {
    expect(all(machine(), "echo 1M > a/memory.reclaim; echo 0 > a/memory.reclaim && echo ok; echo x > a/memory.reclaim")).toBe(
      `Resource temporarily unavailable\nok\n${EINVAL}\n`,
    );
  });

  test("memory.events is hierarchical, memory.events.local is not; with memory_localevents neither is", () => {
    const m = machine();
    const hog = "{ bash -c 'echo 0 > a/b/cgroup.procs; exec tail /dev/zero'; } 2>/dev/null";
    expect(
      all(
        m,
        `mkdir a/b; echo +memory > a/cgroup.subtree_control; echo 8M > a/b/memory.max; ${hog}; grep -h oom_kill a/memory.events a/memory.events.local a/b/memory.events`,
      ),
    ).toBe("oom_kill 1\noom_kill 0\noom_kill 1\n");
    expect(all(m, `mount -o remount,memory_localevents /sys/fs/cgroup; ${hog}; grep -h oom_kill a/memory.events a/b/memory.events`)).toBe(
      "oom_kill 1\noom_kill 2\n",
    );
  });

  test("what was charged before the controller was enabled stays where it was charged", () => {
    const m = machine();
    expect(
      all(
        m,
        "mkdir a/b; bash -c 'echo 0 > a/b/cgroup.procs; head -c 4M /dev/zero > /tmp/early'; echo +memory > a/cgroup.subtree_control; cat a/b/memory.current; test $(cat a/memory.current) -ge 4194304 && echo above; rm /tmp/early; cat a/memory.current",
      ),
    ).toBe("0\nabove\n0\n");
    m.check();
  });
});

describe("io", () => {
  test("there is no device: statistics are empty and limits refused; weights are in the range [1, 10000]", () => {
    const m = machine();
    expect(all(m, "cat a/io.stat a/io.max a/io.weight; echo '8:0 rbps=1000' > a/io.max; echo x > a/io.max")).toBe(
      `default 100\nNo such device\n${EINVAL}\n`,
    );
    expect(writes(m, "a/io.weight", ["200", "default 50", "0", "10001", "8:0 100"])).toEqual([
      "default 200",
      "default 50",
      EINVAL,
      EINVAL,
      "No such device",
    ]);
  });
});

describe("pids", () => {
  test("pids.max: a hard limit on the number of processes", () => {
    expect(writes(machine(), "a/pids.max", ["5", "max", "0", "-1", "x", "4194305", "0x20"])).toEqual([
      "5",
      "max",
      "0",
      EINVAL,
      EINVAL,
      EINVAL,
      "32",
    ]);
  });

  test("it is possible to have pids.current > pids.max, by moving enough processes in or by lowering the limit", () => {
    expect(
      all(
        machine(),
        "echo 1 > a/pids.max; sleep 9 & echo $! > a/cgroup.procs; sleep 9 & echo $! > a/cgroup.procs; cat a/pids.current a/pids.peak a/pids.events",
      ),
    ).toBe("2\n2\nmax 0\n");
  });

  test("a zombie counts until it is waited for", () => {
    expect(
      all(
        machine(),
        "dash -c 'sleep 0.1 & echo $! > a/cgroup.procs; exec sleep 2' & sleep 0.5; cat a/pids.current a/cgroup.procs; sleep 2; cat a/pids.current",
      ),
    ).toBe("1\n0\n");
  });
});
