import { expect, test } from "vitest";
import { layoutFrame } from "./frame.ts";

test("zones are even in number, numbered along the top and lettered down the side", () => {
  const { labels, inner } = layoutFrame(1440, 900, 22);
  expect(inner).toEqual({ x: 21.5, y: 21.5, width: 1397, height: 857 });
  expect([...new Set(labels.map((label) => label.text))]).toEqual([
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "10",
    "A",
    "B",
    "C",
    "D",
    "E",
    "F",
  ]);
});

test("a small sheet still has two zones a side", () => {
  expect(new Set(layoutFrame(200, 150, 18).labels.map((label) => label.text))).toEqual(new Set(["1", "2", "A", "B"]));
});
