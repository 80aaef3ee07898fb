import { expect, test } from "vitest";
import type { TraceEntity } from "../../bridge/messages.ts";
import { findStep, getMarkKind, layoutTimeline } from "./layout.ts";

const event = (seq: number, atNs: number, name: string): TraceEntity => ({ seq, atNs, name, pid: 1, comm: "x", text: "" });

test("the steps of the ruler are 1, 2 and 5 times powers of ten", () => {
  expect([1, 1.5, 3, 7, 92e6, 2e9].map(findStep)).toEqual([1, 2, 5, 10, 1e8, 2e9]);
});

test("now is at the right, the span reaches to the left edge, boot is its earliest", () => {
  const { ticks, nowX } = layoutTimeline([], 6e9, 20e9, 1014);
  expect(nowX).toBe(1000);
  expect(ticks[0]).toEqual({ x: 700, major: true, label: "0:00" });
  expect(ticks.at(-1)?.x).toBe(1000);
});

test("events of a kind on one spot are one mark with a count, other kinds stay apart", () => {
  const events = [event(1, 1e9, "sched_process_exec"), event(2, 1.001e9, "sched_process_exec"), event(3, 1.001e9, "sched_process_exit")];
  const { marks } = layoutTimeline(events, 2e9, 20e9, 1014);
  expect(marks.map(({ kind, count }) => [kind, count])).toEqual([
    ["exit", 1],
    ["exec", 2],
  ]);
});

test("a flood of events draws a bounded number of marks", () => {
  const flood = Array.from({ length: 50_000 }, (_, i) => event(i, i * 4e5, i % 2 === 0 ? "sched_process_fork" : "sched_process_exit"));
  expect(layoutTimeline(flood, 20e9, 20e9, 1014).marks.length).toBeLessThan(260);
});

test("out-of-memory kills are danger", () => {
  expect(["mm_oom_kill", "oom_mark_victim", "signal_deliver", "sys_enter"].map(getMarkKind)).toEqual([
    "danger",
    "danger",
    "signal",
    "call",
  ]);
});
