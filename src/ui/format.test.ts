import { expect, test } from "vitest";
import { formatBytes, formatCount, formatScale, formatShare, formatSpan, formatUptime } from "./format.ts";

test("bytes keep at most three digits", () => {
  expect([0, 512, 1024, 4_400_000, 1023 * 1024, 2 * 1024 ** 3].map(formatBytes)).toEqual(["0", "512B", "1.0K", "4.2M", "1.0M", "2.0G"]);
});

test("shares, counts, spans and scales", () => {
  expect([0, 0.004, 0.9949, 4].map(formatShare)).toEqual(["0%", "0.4%", "99%", "400%"]);
  expect([7, 5000, 1234567].map(formatCount)).toEqual(["7", "5 000", "1 234 567"]);
  expect([20e9, 5e6, 2e5, 30].map(formatSpan)).toEqual(["20 s", "5 ms", "200 µs", "30 ns"]);
  expect([0.01, 1, 100].map(formatScale)).toEqual(["1:100", "1:1", "100:1"]);
});

test("uptime is written to the microsecond", () => {
  expect(formatUptime(83_456_789_012)).toBe("00:01:23.456 789");
  expect(formatUptime(83_456_789_012, true)).toBe("00:01:23.456 789 012");
});
