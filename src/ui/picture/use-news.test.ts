import { expect, test } from "vitest";
import { tellNews } from "./use-news.ts";

test("a few are named, many counted, none is nothing", () => {
  expect(tellNews({ came: ["uts namespace 4026532001"], went: [] })).toBe("uts namespace 4026532001 came.");
  expect(tellNews({ came: ["a", "b"], went: ["c"] })).toBe("a, b came. c went.");
  expect(tellNews({ came: ["a", "b", "c", "d"], went: [] })).toBe("4 came.");
  expect(tellNews({ came: [], went: [] })).toBe("");
});
