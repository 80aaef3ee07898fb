import { expect, test } from "vitest";
import { layoutKeel } from "./layout.ts";

const sample = (busy: readonly number[]) => ({ busy, memoryUsedBytes: 512 * 1024 ** 2, memoryTotalBytes: 2 * 1024 ** 3, load1: 0.5 });

test("each CPU has a gauge, memory fills to its share of the limit", () => {
  const { gauges, memory, load } = layoutKeel(sample([0, 0.5, 1, 2]), 560);
  expect(gauges.map((gauge) => gauge.filled)).toEqual([0, 0.5, 1, 1]);
  expect(memory).toMatchObject({ filled: 0.25, label: "MEMORY 512M OF 2.0G" });
  expect(load).toBe("load 0.50");
  expect((gauges.at(-1)?.x ?? 0) + (gauges.at(-1)?.width ?? 0)).toBeLessThan(memory.x);
});

test("many CPUs are one gauge with their mean", () => {
  const { gauges } = layoutKeel(sample(Array.from({ length: 64 }, (_, i) => i % 2)), 560);
  expect(gauges).toMatchObject([{ filled: 0.5, label: "64 CPUs" }]);
});
