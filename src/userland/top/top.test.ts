/** Columns and the fields screen of top; headings and screens as procps-ng 4.0.2 shows them. */

import { expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

const heading = (text: string): string => text.split("\n").find((line) => line.includes("PID USER")) ?? "";

test("a batch sorts by any field, shown or not, and scales memory", () => {
  const m = boot();
  m.run("mkdir /sys/fs/cgroup/zz; sleep 100 & echo $! > /sys/fs/cgroup/zz/cgroup.procs");
  const { stdout } = m.run("top -b -n1 -o +%MEM -w 200");
  expect(heading(stdout).trimEnd()).toBe("  PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND");
  const first = m.run("top -b -n1 -o CGROUPS").stdout.split("\n")[7] ?? "";
  expect(first).toMatch(/ sleep *$/);
  expect(m.run("top -b -n1 -e m").stdout).toMatch(/ +\d+\.\dm +\d+\.\dm +\d+\.\dm S /);
  expect(m.run("top -b -n1 -e x")).toEqual({ stdout: "", stderr: "top: bad memory scaling arg 'x'\n", status: 1 });
  expect(m.run("top -b -n1 -o bogus")).toEqual({ stdout: "", stderr: "top: unrecognized field name 'bogus'\n", status: 1 });
});

test("f shows the control groups and namespaces, moves a column, and sorts", () => {
  const m = boot();
  m.run("mkdir /sys/fs/cgroup/box; sleep 100 & echo $! > /sys/fs/cgroup/box/cgroup.procs");
  const t = m.terminal(30, 140);
  t.type("top\r", 1500);
  const screen = t.type("f", 200);
  expect(screen).toContain("whose current sort field is \x1b[1m%CPU");
  expect(screen).toContain("CGROUPS  = Control Groups");
  expect(screen).toContain("nsTIME   = TIME namespace Inode");
  // From %CPU down to CGROUPS; it is shown, becomes the sort field, and goes up over the column above.
  for (let i = 0; i < 19; i++) t.type("\x1b[B", 20);
  expect(t.type("ds", 200)).toContain("whose current sort field is \x1b[1mCGROUPS");
  const shown = t.type("q", 1500);
  expect(shown).toMatch(/TIME\+ COMMAND +CGROUPS/);
  expect(shown).toMatch(/sleep +0::\/box/);
  t.type("f", 100);
  t.type("\x1b[C", 100);
  for (let i = 0; i < 16; i++) t.type("\x1b[A", 20);
  t.type("\r", 100);
  expect(t.type("q", 1500)).toMatch(/TIME\+ CGROUPS +COMMAND/);
  t.type("q", 300);
});
