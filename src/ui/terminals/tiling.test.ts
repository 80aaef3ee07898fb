import { expect, test } from "vitest";
import { activateTab, activeTerminal, addTab, cycleTab, emptyTiling, removeTab, splitWith, tabSets, type Tile } from "./tiling.ts";

const draw = (tile: Tile): string =>
  tile.kind === "tabs"
    ? `[${tile.tabs.map((tab) => (tab === tile.active ? `*${tab}` : `${tab}`)).join(" ")}]`
    : `${tile.direction === "horizontal" ? "H" : "V"}(${tile.children.map(draw).join(" ")})`;

test("a new tab becomes the active one of the focused tab set", () => {
  const tiling = addTab(addTab(emptyTiling, 1), 2);
  expect(draw(tiling.root)).toBe("[1 *2]");
  expect(activeTerminal(tiling)).toBe(2);
});

test("splitting in the same direction adds a sibling, in the other one nests", () => {
  const two = splitWith(addTab(emptyTiling, 1), 2, "horizontal");
  expect(draw(splitWith(two, 3, "horizontal").root)).toBe("H([*1] [*2] [*3])");
  expect(draw(splitWith(two, 3, "vertical").root)).toBe("H([*1] V([*2] [*3]))");
});

test("closing the last tab of a tab set gives its room to its neighbour", () => {
  const tiling = splitWith(splitWith(addTab(emptyTiling, 1), 2, "horizontal"), 3, "vertical");
  expect(draw(removeTab(tiling, 2).root)).toBe("H([*1] [*3])");
  expect(draw(removeTab(removeTab(tiling, 2), 1).root)).toBe("[*3]");
});

test("closing the last terminal of all leaves one empty tab set that can be opened into again", () => {
  const empty = removeTab(addTab(emptyTiling, 1), 1);
  expect(draw(empty.root)).toBe("[]");
  expect(draw(addTab(empty, 4).root)).toBe("[*4]");
});

test("closing a tab activates its right neighbour, else its left one", () => {
  const tiling = activateTab(addTab(addTab(addTab(emptyTiling, 1), 2), 3), 2);
  expect(draw(removeTab(tiling, 2).root)).toBe("[1 *3]");
  expect(draw(removeTab(removeTab(tiling, 2), 3).root)).toBe("[*1]");
});

test("cycling goes around all tab sets in reading order", () => {
  let tiling = addTab(splitWith(addTab(emptyTiling, 1), 2, "horizontal"), 3);
  const seen: (number | undefined)[] = [];
  for (let i = 0; i < 3; i++) {
    tiling = cycleTab(tiling, 1);
    seen.push(activeTerminal(tiling));
  }
  expect(seen).toEqual([1, 2, 3]);
  expect(tabSets(tiling.root)).toHaveLength(2);
});
