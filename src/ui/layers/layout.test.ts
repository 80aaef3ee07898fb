import { describe, expect, test } from "vitest";
import type { LayerEntry } from "../../bridge/messages.ts";
import { type Change, findShownName, type Layered, layoutLayers, type LayersInput, parseOverlayEvent } from "./layout.ts";
import { explain, summarise } from "./words.ts";

const LAYERS: readonly Layered[] = [
  { index: 0, label: "upper", directory: "/u", upper: true },
  { index: 1, label: "lower 1", directory: "/a", upper: false },
  { index: 2, label: "lower 2", directory: "/b", upper: false },
];

/** `0 changed, 2 added hidden`. */
function entry(name: string, told: string, seen = true, mode = 0o100644): LayerEntry {
  const layers = told.split(", ").map((part) => {
    const [layer = "0", change = "added", hidden] = part.split(" ");
    return { layer: Number(layer), change: change as Change, hidden: hidden !== undefined, mode, sizeBytes: 6 };
  });
  const merged = { name, mode, uid: 0, gid: 0, sizeBytes: 6, ino: 1 };
  return seen ? { name, merged, layers } : { name, layers };
}

const ENTRIES = [
  entry("changed", "0 changed, 2 added hidden"),
  entry("deep", "2 added"),
  entry("etc", "0 merged, 1 merged, 2 added", true, 0o040755),
  entry("gone", "0 removed, 1 added hidden", false),
  entry("new", "0 added"),
];

function layout(more: Partial<LayersInput> = {}) {
  return layoutLayers({
    layers: LAYERS,
    entries: ENTRIES,
    focus: undefined,
    selected: undefined,
    looked: undefined,
    width: 560,
    height: 600,
    ...more,
  });
}

describe("the stack", () => {
  test("has what is seen on top, then the layers as mounted, clear of each other", () => {
    const { slabs, height } = layout();
    expect(slabs.map(({ layer }) => layer)).toEqual(["merged", 0, 1, 2]);
    for (const [i, slab] of slabs.entries()) if (i > 0) expect(slab.labelY - 12).toBeGreaterThan(slabs[i - 1]?.bottom ?? 0);
    expect(slabs.at(-1)?.bottom).toBeLessThan(height);
  });

  test("has each name in the same place on every slab, inside of its face", () => {
    const { slabs } = layout();
    for (const slab of slabs) {
      for (const cell of slab.cells) {
        expect(cell.y).toBeGreaterThan(slab.top);
        expect(cell.y).toBeLessThan(slab.bottom);
        expect(cell.x + cell.width).toBeLessThanOrEqual(slab.right + slab.slant);
        for (const other of slabs)
          for (const twin of other.cells)
            if (twin.name === cell.name) expect([twin.x, twin.y - other.top]).toEqual([cell.x, cell.y - slab.top]);
      }
    }
  });

  test("shows on each slab what its layer has, and counts it", () => {
    const { slabs } = layout();
    expect(slabs.map(({ cells }) => cells.map(({ name }) => name).join(" "))).toEqual([
      "changed deep etc new",
      "changed etc gone new",
      "etc gone",
      "changed deep etc",
    ]);
    expect(slabs[1]?.counts).toMatchObject({ added: 1, changed: 1, removed: 1, merged: 1 });
  });

  test("counts the bytes that are covered", () => {
    expect(layout().coveredBytes).toBe(12);
  });

  test("is thin where a layer has nothing, and where another is looked at alone", () => {
    expect(layout({ entries: [entry("deep", "2 added")] }).slabs.map(({ thin }) => thin)).toEqual([false, false, true, false]);
    expect(layout({ focus: 1 }).slabs.map(({ thin }) => thin)).toEqual([true, true, false, true]);
  });

  test("of a crowded directory shows first what more than one layer has a word about", () => {
    const crowd = Array.from({ length: 400 }, (_, i) => entry(`f${String(i).padStart(3, "0")}`, "2 added"));
    const { slabs, hiddenNames } = layout({ entries: [...crowd, entry("zz", "0 changed, 2 added hidden")] });
    const shown = slabs[0]?.cells.map(({ name }) => name) ?? [];
    expect(shown).toContain("zz");
    expect(shown.length + hiddenNames).toBe(401);
    expect(shown.length).toBeLessThan(40);
  });

  test("is drawn on a phone, and with a hundred layers", () => {
    const many = Array.from({ length: 100 }, (_, index) => ({ index, label: `lower ${index}`, directory: "/x", upper: false }));
    expect(layout({ width: 320, height: 300 }).slabs.every(({ right, x }) => right > x)).toBe(true);
    expect(layout({ layers: many }).slabs).toHaveLength(101);
  });
});

describe("the line of sight", () => {
  test("goes through what has nothing of the name, to what provides it", () => {
    const { sight, slabs } = layout({ looked: "deep" });
    expect(sight?.blocked).toBe(false);
    expect(sight?.holes).toHaveLength(2);
    expect(sight?.to).toBe(slabs[3]?.cells.find(({ name }) => name === "deep")?.y);
    expect(sight?.segments.map(({ hidden }) => hidden)).toEqual([false, true, false, true, false, true, false]);
  });

  test("ends at the topmost that has it", () => {
    const { sight, slabs } = layout({ looked: "changed" });
    expect(sight?.to).toBe(slabs[1]?.cells.find(({ name }) => name === "changed")?.y);
  });

  test("is blocked by a whiteout", () => {
    const { sight, slabs } = layout({ looked: "gone" });
    expect(sight?.blocked).toBe(true);
    expect(sight?.to).toBe(slabs[1]?.cells.find(({ name }) => name === "gone")?.y);
  });
});

describe("the answer in words", () => {
  const say = (name: string) => {
    const found = ENTRIES.find((one) => one.name === name) as LayerEntry;
    const steps = explain(found, LAYERS);
    return { sentence: summarise(found, steps), steps: steps.map(({ layer, provides }) => `${layer.label}${provides ? " *" : ""}`) };
  };

  test("names the layer that provides a file", () => {
    expect(say("deep")).toEqual({
      sentence: "It is seen because lower 2 has it, and no layer above has anything of its name.",
      steps: ["upper", "lower 1", "lower 2 *"],
    });
    expect(say("changed").steps).toEqual(["upper *", "lower 2"]);
  });

  test("names all that a directory is merged from", () => {
    expect(say("etc").sentence).toBe("It is a directory, merged from upper, lower 1 and lower 2.");
  });

  test("names the whiteout that hides it", () => {
    expect(say("gone")).toEqual({ sentence: "It is not seen: upper has a whiteout for it.", steps: ["upper", "lower 1"] });
  });
});

test("trace events lead to the name in the shown directory", () => {
  expect(parseOverlayEvent("overlay_copy_up", "dev=31 path=/etc/a b layer=2 bytes=12")).toEqual({
    overlay: 31,
    path: "/etc/a b",
    layer: 2,
  });
  expect(parseOverlayEvent("overlay_whiteout", "dev=31 path=/etc/x")).toEqual({ overlay: 31, path: "/etc/x", layer: undefined });
  expect(parseOverlayEvent("mount", "source=t target=/x fstype=tmpfs")).toBeUndefined();
  expect(["/etc/a/b", "/etc", "/x"].map((path) => findShownName(path, "/etc"))).toEqual(["a", undefined, undefined]);
  expect(findShownName("/etc/a", "/")).toBe("etc");
});
