import { expect, test } from "vitest";
import { findNeighbour } from "./navigate.ts";

const items = [
  { key: "a", x: 0, y: 0 },
  { key: "b", x: 100, y: 4 },
  { key: "c", x: 0, y: 30 },
  { key: "d", x: 50, y: 200 },
];

test("an arrow leads to what lies straight ahead before what lies aside", () => {
  expect(findNeighbour(items, "a", "ArrowRight")?.key).toBe("b");
  expect(findNeighbour(items, "a", "ArrowDown")?.key).toBe("c");
  expect(findNeighbour(items, "c", "ArrowUp")?.key).toBe("a");
  expect(findNeighbour(items, "c", "ArrowDown")?.key).toBe("d");
});

test("at the edge, for another key, or from nowhere, it leads nowhere", () => {
  expect(findNeighbour(items, "a", "ArrowLeft")).toBeUndefined();
  expect(findNeighbour(items, "a", "Enter")).toBeUndefined();
  expect(findNeighbour(items, undefined, "ArrowUp")).toBeUndefined();
});
