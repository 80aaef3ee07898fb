import { expect, test } from "vitest";
import type { ReachWay } from "../../bridge/messages.ts";
import { sumUp, tellMark, tellReach, tellRewrite, tellWay } from "./reach.ts";

const way = (more: Partial<ReachWay>): ReachWay => ({
  ...{ to: 2, protocol: "icmp", dst: "10.0.0.2", state: "answered", by: [2], rewrites: [] },
  ...more,
});
const dropped = { netNs: 1, words: "the policy of FORWARD (filter) drops it", byRule: true };
const name = (ino: number): string => (ino === 1 ? "host" : `n${ino}`);
const verdict = (...ways: ReachWay[]): readonly string[] =>
  [...sumUp(ways).values()].map((reach) => `${tellMark(reach)}: ${tellReach(reach, name)}`);

test("who answers an echo is reached", () => {
  expect(verdict(way({ state: "none", dst: "10.9.0.2", halt: dropped }), way({}), way({ protocol: "tcp", dst: "10.0.0.2:80" }))).toEqual([
    "reached: reaches 10.0.0.2",
  ]);
});

test("a port may be all that is reached", () => {
  const published = way({ protocol: "tcp", dst: "192.168.7.1:8080" });
  expect(verdict(way({ state: "none", halt: dropped }), published)).toEqual(["port 8080: reaches 192.168.7.1:8080 by TCP"]);
});

test("what keeps one out is said: a rule, or the lack of a way", () => {
  expect(verdict(way({ state: "none", halt: dropped }))).toEqual(["filtered: cannot: host the policy of FORWARD (filter) drops it"]);
  const lost = { netNs: 2, words: "has no route to 10.0.0.1", byRule: false };
  expect(verdict(way({ state: "there", halt: lost }))).toEqual(["no way back: 10.0.0.2 one way: n2 has no route to 10.0.0.1"]);
  expect(verdict(way({ state: "none", halt: lost }), way({ to: 3, state: "there", halt: dropped }))).toEqual([
    "not reached: cannot: n2 has no route to 10.0.0.1",
    "no answer: 10.0.0.2 one way: host the policy of FORWARD (filter) drops it",
  ]);
});

test("each way and each rewrite in words", () => {
  expect(tellWay(way({}), name)).toBe("answered");
  expect(tellWay(way({ state: "none", halt: dropped }), name)).toBe("no: host the policy of FORWARD (filter) drops it");
  expect(tellRewrite({ netNs: 1, what: "DNAT", rule: "nat DOCKER 2 (DNAT)", before: "1.1.1.1:80", after: "2.2.2.2:8" }, name)).toBe(
    "1.1.1.1:80 → 2.2.2.2:8 by nat DOCKER 2 (DNAT) of host",
  );
});
