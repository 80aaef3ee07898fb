/** What becomes of programs that want too much: fork bombs, memory hogs, spinners; with nothing but a shell, as one would try it. */

import { describe, expect, test } from "vitest";
import { boot, type TestMachine } from "../../../machine/testing.ts";

function machine(): TestMachine {
  const m = boot({ memoryBytes: 512 * 1024 * 1024 });
  m.run("cd /sys/fs/cgroup && echo '+cpu +cpuset +memory +pids' > cgroup.subtree_control && mkdir a");
  return m;
}

function all(m: TestMachine, text: string): string {
  const { stdout, stderr } = m.run(`{ ${text}\n} 2>&1`, { limitNs: 300e9 });
  return stdout + stderr;
}

const inside = (command: string): string => `bash -c 'echo 0 > a/cgroup.procs; ${command}'`;
const field = (m: TestMachine, file: string, name: string): number =>
  Number(new RegExp(`^${name} (\\d+)`, "m").exec(m.run(`cat ${file}`).stdout)?.[1]);

describe("pids.max", () => {
  test("bash tries a fork again after 1, 2, 4 and 8 seconds, and gives up", () => {
    const m = machine();
    const start = m.machine.nowNs;
    const retry = "bash: fork: retry: Resource temporarily unavailable\n";
    // The one that is there already is all that there may be.
    expect(all(m, `echo 1 > a/pids.max; ${inside("/bin/true; echo not reached")}; echo $?`)).toBe(
      `${retry.repeat(4)}bash: fork: Resource temporarily unavailable\n254\n`,
    );
    expect((m.machine.nowNs - start) / 1e9).toBeGreaterThan(14.9);
    expect(field(m, "a/pids.events", "max")).toBe(5);
    expect(m.run("dmesg | tail -1").stdout).toMatch(/\] cgroup: fork rejected by pids controller in \/a\n$/);
  });

  test("a child that ends interrupts the wait, and bash gives up", () => {
    const m = machine();
    expect(all(m, `echo 2 > a/pids.max; ${inside("sleep 1.5 & /bin/true; echo not reached")}; echo $?`)).toBe(
      `${"bash: fork: retry: Resource temporarily unavailable\n".repeat(2)}bash: fork: Interrupted system call\n254\n`,
    );
  });

  test("dash gives up at once", () => {
    expect(all(machine(), "echo 1 > a/pids.max; dash -c 'echo 0 > a/cgroup.procs; /bin/true; echo not reached'; echo $?")).toBe(
      "dash: 1: Cannot fork\n2\n",
    );
  });

  test("a fork bomb stays within it, the machine goes on, and cgroup.kill ends it", () => {
    const m = machine();
    m.run(`echo 40 > a/pids.max; ${inside(":(){ :|:& };:")} >/dev/null 2> /tmp/said`);
    expect(all(m, "sleep 3; echo still here; cat a/pids.max")).toBe("still here\n40\n");
    expect(Number(m.run("cat a/pids.current").stdout)).toBeGreaterThan(20);
    expect(Number(m.run("cat a/pids.peak").stdout)).toBe(40);
    expect(field(m, "a/pids.events", "max")).toBeGreaterThan(20);
    expect(m.run("sort -u /tmp/said").stdout).toContain("environment: fork: retry: Resource temporarily unavailable\n");
    expect(m.run("ps -e | wc -l").stdout).toMatch(/^[34]\d\n$/);
    m.check();
    expect(all(m, "echo 1 > a/cgroup.kill; sleep 0.2; cat a/cgroup.events a/pids.current; rmdir a; echo $?")).toBe(
      "populated 0\nfrozen 0\n0\n0\n",
    );
    m.check();
  });
});

describe("memory.max", () => {
  /** The lines of the kernel log since `dmesg -C`, without times. */
  const log = (m: TestMachine): string[] =>
    m
      .run("dmesg")
      .stdout.replace(/^\[ *[\d.]+\] /gm, "")
      .trimEnd()
      .split("\n");

  test("tail /dev/zero is killed with 137, and the report in dmesg is that of Linux 6.1", () => {
    const m = machine();
    expect(all(m, `dmesg -C; echo 32M > a/memory.max; ${inside("exec tail /dev/zero")}; echo $?`)).toMatch(/Killed.*\n137\n$/);
    const lines = log(m);
    expect(lines[0]).toBe("tail invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0");
    expect(lines[1]).toMatch(/^CPU: \d PID: \d+ Comm: tail Not tainted 6\.1\.0-drydock #1$/);
    expect(lines[2]).toMatch(/^memory: usage 32\d\d\dkB, limit 32768kB, failcnt 1$/);
    expect(lines[3]).toBe("swap: usage 0kB, limit 9007199254740988kB, failcnt 0");
    expect(lines[4]).toBe("Memory cgroup stats for /a:");
    expect(lines[5]).toMatch(/^anon 3\d{7}$/);
    const table = lines.indexOf("Tasks state (memory values in pages):");
    expect(lines[table + 1]).toBe("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
    expect(lines[table + 2]).toMatch(/^\[ +\d+\] {5}0 +\d+ +\d+ +\d+ +\d+ {8}0 {13}0 tail$/);
    expect(lines[table + 3]).toMatch(
      /^oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=\(null\),cpuset=a,mems_allowed=0,oom_memcg=\/a,task_memcg=\/a,task=tail,pid=\d+,uid=0$/,
    );
    expect(lines[table + 4]).toMatch(
      /^Memory cgroup out of memory: Killed process \d+ \(tail\) total-vm:\d+kB, anon-rss:3\d{4}kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:\d+kB oom_score_adj:0$/,
    );
    expect(lines.length).toBe(table + 5);
    expect(field(m, "a/memory.events", "oom_kill")).toBe(1);
    expect(field(m, "a/memory.events", "max")).toBe(1);
    expect(field(m, "a/memory.events.local", "oom")).toBe(1);
    expect(Number(m.run("cat a/memory.peak").stdout)).toBeLessThanOrEqual(32 * 1024 * 1024);
    m.check();
  });

  test("a tmpfs that is filled counts for who fills it: dd is killed, the file stays, and its removal gives the memory back", () => {
    const m = machine();
    expect(all(m, `echo 16M > a/memory.max; ${inside("exec dd if=/dev/zero of=/tmp/big bs=1M count=100")}; echo $?`)).toMatch(/\n137\n$/);
    const current = Number(m.run("cat a/memory.current").stdout);
    expect(current).toBeGreaterThan(15e6);
    expect(current).toBeLessThan(17.5e6);
    expect(all(m, "stat -c %s /tmp/big | grep -c '^1[56]'; rm /tmp/big; cat a/memory.current")).toBe("1\n0\n");
    m.check();
  });

  test("one write of more than fits ends at the limit", () => {
    const m = machine();
    expect(all(m, `echo 16M > a/memory.max; ${inside("exec dd if=/dev/zero of=/tmp/big bs=64M count=1")}; echo $?`)).toMatch(/137\n$/);
    expect(Number(m.run("cat a/memory.peak").stdout)).toBeLessThan(17.5e6);
    m.run("rm /tmp/big");
    m.check();
  });

  test("what a lazily detached tmpfs holds comes back with its last user", () => {
    const m = machine();
    expect(
      all(
        m,
        `mkdir /mnt/t; mount -t tmpfs none /mnt/t; ${inside("head -c 5M /dev/zero > /mnt/t/f")}; exec 5< /mnt/t/f; umount -l /mnt/t; test $(cat a/memory.current) -ge 5242880 && echo held; exec 5<&-; cat a/memory.current`,
      ),
    ).toBe("held\n0\n");
    m.check();
  });

  test("memory.oom.group kills all that belong together, and says so", () => {
    const m = machine();
    expect(
      all(
        m,
        `dmesg -C; echo 24M > a/memory.max; echo 1 > a/memory.oom.group; ${inside("sleep 99 & exec tail /dev/zero")}; echo $?; sleep 0.1; cat a/cgroup.events`,
      ),
    ).toMatch(/137\npopulated 0\nfrozen 0\n$/);
    expect(m.run("dmesg | cut -c16- | grep -c '^Memory cgroup out of memory: Killed process'").stdout).toBe("2\n");
    expect(m.run("dmesg | cut -c16- | grep '^Tasks in'").stdout).toBe("Tasks in /a are going to be killed due to memory.oom.group set\n");
    expect(field(m, "a/memory.events", "oom_group_kill")).toBe(1);
    expect(field(m, "a/memory.events", "oom_kill")).toBe(2);
  });

  test("the victim is the one with the most memory, unless oom_score_adj says otherwise; -1000 is never killed", () => {
    const m = machine();
    const hog = (mib: number, adj: number): string =>
      `(echo ${adj} > /proc/self/oom_score_adj; exec stress --vm 1 --vm-bytes ${mib}M --vm-keep) >/dev/null 2>&1 &`;
    all(m, `echo 64M > a/memory.max; ${inside(`${hog(30, 0)} sleep 2; ${hog(10, 900)} sleep 2; exec tail /dev/zero`)}`);
    const killed = m.run("dmesg | grep -o 'oom_score_adj:[-0-9]*$'").stdout.split("\n");
    expect(killed[0]).toBe("oom_score_adj:900");
    m.run("echo 1 > a/cgroup.kill");
    m.check();
  });

  test("lowering memory.max below what is used kills until it fits", () => {
    const m = machine();
    expect(
      all(
        m,
        `${inside("exec stress --vm 1 --vm-bytes 40M --vm-keep")} >/dev/null 2>&1 & sleep 2; test $(cat a/memory.current) -gt 40000000 && echo uses; echo 8M > a/memory.max; sleep 0.1; test $(cat a/memory.current) -le 8388608 && echo fits`,
      ),
    ).toContain("uses\nfits\n");
    m.check();
  });

  test("memory.high throttles and never kills; the stall is in memory.pressure", () => {
    const m = machine();
    const script = `echo 16M > a/memory.high; ${inside("exec timeout -s KILL 5 tail /dev/zero")}; echo $?`;
    expect(all(m, script)).toContain("137\n");
    expect(field(m, "a/memory.events", "high")).toBeGreaterThan(0);
    expect(field(m, "a/memory.events", "oom_kill")).toBe(0);
    expect(m.run("grep -o '^full.*total=[1-9][0-9]*' a/memory.pressure | wc -l").stdout).toBe("1\n");
    expect(Number(m.run("cat a/memory.peak").stdout)).toBeLessThan(64 * 1024 * 1024);
  });

  test("memory stays charged where it was touched: a task that moves leaves it behind, and its exit gives it back", () => {
    const m = machine();
    expect(
      all(
        m,
        `mkdir b; ${inside("exec stress --vm 1 --vm-bytes 20M --vm-keep")} >/dev/null 2>&1 & sleep 2; for p in $(cat a/cgroup.procs); do echo $p > b/cgroup.procs; done; test $(cat a/memory.current) -gt 20000000 && echo stays; test $(cat b/memory.current) -lt 2000000 && echo clean; echo 1 > b/cgroup.kill; wait 2>/dev/null; cat a/memory.current b/memory.current`,
      ),
    ).toBe("stays\nclean\n0\n0\n");
    m.check();
  });

  test("without a limit the machine's own end is found: Out of memory", () => {
    const m = machine();
    expect(all(m, "dmesg -C; tail /dev/zero; echo $?")).toMatch(/137\n$/);
    const lines = log(m);
    expect(lines[0]).toMatch(
      /^tail invoked oom-killer: gfp_mask=0x140dca\(GFP_HIGHUSER_MOVABLE\|__GFP_COMP\|__GFP_ZERO\), order=0, oom_score_adj=0$/,
    );
    expect(lines.at(-2)).toMatch(
      /^oom-kill:constraint=CONSTRAINT_NONE,nodemask=\(null\),cpuset=\/,mems_allowed=0,global_oom,task_memcg=\/,task=tail,pid=\d+,uid=0$/,
    );
    expect(lines.at(-1)).toMatch(/^Out of memory: Killed process \d+ \(tail\) /);
    m.check();
  });
});

describe("cpu.max", () => {
  test("a spinner gets its share and is throttled in every period; the counters tell", () => {
    const m = machine();
    const script = `echo '20000 100000' > a/cpu.max; ${inside('exec timeout 5 sh -c "while :; do :; done"')}; echo $?`;
    expect(all(m, script)).toBe("124\n");
    const usage = field(m, "a/cpu.stat", "usage_usec");
    expect(Math.abs(usage / 1e6 - 1)).toBeLessThan(0.03);
    const periods = field(m, "a/cpu.stat", "nr_periods");
    expect(periods).toBeGreaterThanOrEqual(49);
    expect(periods).toBeLessThanOrEqual(52);
    expect(field(m, "a/cpu.stat", "nr_throttled")).toBeGreaterThan(periods - 3);
    expect(Math.abs(field(m, "a/cpu.stat", "throttled_usec") / 1e6 - 4)).toBeLessThan(0.2);
    // All of the time in which it is throttled it waits, and nobody of its group runs.
    expect(m.run("sed -n 's/^full.*total=//p' a/cpu.pressure").stdout).toMatch(/^(39|40)\d{5}\n$/);
    m.check();
  });

  test("a deeper limit never gives more than the one above", () => {
    const m = machine();
    expect(
      all(
        m,
        "mkdir a/b; echo +cpu > a/cgroup.subtree_control; echo '50000 100000' > a/cpu.max; echo '300000 100000' > a/b/cpu.max; for i in 1 2 3; do sh -c 'echo 0 > a/b/cgroup.procs; exec timeout 3 sh -c \"while :; do :; done\"' & done; wait",
      ),
    ).toBe("");
    expect(Math.abs(field(m, "a/cpu.stat", "usage_usec") / 1.5e6 - 1)).toBeLessThan(0.04);
  });
});
