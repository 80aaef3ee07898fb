/** What the real tool shows in a batch, taken from systemd 252 on a machine with all controllers in one tree. */

import { expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

test("a batch shows tasks and memory at once, and the CPU load from the second round on; parents before children, the busiest first", () => {
  const m = boot();
  m.run(
    "cd /sys/fs/cgroup; echo '+cpu +memory +pids' > cgroup.subtree_control; mkdir -p busy/one idle; echo '+pids' > busy/cgroup.subtree_control",
  );
  m.run("sleep 1000 & echo $! > idle/cgroup.procs; sh -c 'echo 0 > busy/one/cgroup.procs; while :; do :; done' &");
  const { stdout } = m.run("sleep 1; systemd-cgtop -b -n 2 -d 1", { limitNs: 20e9 });
  const [first, second] = stdout.split("\n\n").map((text) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/\s+/)),
  ) as [string[][], string[][]];
  expect(first.map((row) => row.slice(0, 3))).toEqual([
    ["/", expect.stringMatching(/^\d+$/), "-"],
    ["/busy", "1", "-"],
    ["/busy/one", "1", "-"],
    ["/idle", "1", "-"],
  ]);
  expect(second.map(([path]) => path)).toEqual(["/", "/busy", "/busy/one", "/idle"]);
  expect(Number(second[1]?.[2])).toBeCloseTo(100, 0);
  expect(second[3]?.[2]).toBe("0.0");
  expect(second[3]?.[3]).toMatch(/^[\d.]+[KM]$/);
  m.run("echo 1 > busy/cgroup.kill; echo 1 > idle/cgroup.kill");
  m.check();
});

test("on a terminal it has a heading, and q ends it", () => {
  const m = boot();
  const t = m.terminal(24, 80);
  t.type("systemd-cgtop\r", 2500);
  expect(t.output).toContain("\x1b[0;4mControl Group");
  expect(t.output).toMatch(/\n\/ +\d+ +[\d.]+ +[\d.]+M/);
  expect(t.type("q", 500)).toContain("# ");
});
