import { expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

test("pidstat tells what a busy process used, interval by interval and on average", () => {
  const { stdout } = boot().run("while :; do :; done & pidstat -p $! 1 2 | tail -n +3; kill %1", { limitNs: 20e9 });
  const lines = stdout.trim().split("\n");
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d {6}UID {7}PID {4}%usr %system {2}%guest {3}%wait {4}%CPU {3}CPU {2}Command$/);
  expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d {8}0 {9}\d {2,3}(100|99)\.\d\d {4}0\.00 {4}0\.00 {4}0\.00 {2,3}(100|99)\.\d\d {5}\d {2}bash$/);
  expect(lines.at(-1)).toMatch(/^Average: .* - {2}bash$/);
});

test("pidstat refuses what it does not know", () => {
  expect(boot().run("pidstat -x").status).toBe(1);
});
