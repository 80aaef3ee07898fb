/**
 * How terminals share the middle of the page: a tree of splits whose leaves are tab sets, as in a tiling window manager.
 * Pure: every function returns a new tree. A split has at least two children; a tab set at least one tab, except the last one of all.
 */

export interface TabSet {
  readonly kind: "tabs";
  readonly id: number;
  /** Terminal numbers, left to right. */
  readonly tabs: readonly number[];
  readonly active: number | undefined;
}

export interface Split {
  readonly kind: "split";
  readonly id: number;
  readonly direction: "horizontal" | "vertical";
  readonly children: readonly Tile[];
}

export type Tile = TabSet | Split;

export interface Tiling {
  readonly root: Tile;
  /** The tab set that new terminals go to and commands are typed into. */
  readonly focused: number;
  readonly nextId: number;
}

export const emptyTiling: Tiling = { root: { kind: "tabs", id: 1, tabs: [], active: undefined }, focused: 1, nextId: 2 };

/** Tab sets in reading order. */
export function tabSets(tile: Tile): readonly TabSet[] {
  return tile.kind === "tabs" ? [tile] : tile.children.flatMap(tabSets);
}

function mapTabSets(tile: Tile, change: (set: TabSet) => Tile): Tile {
  if (tile.kind === "tabs") return change(tile);
  return { ...tile, children: tile.children.map((child) => mapTabSets(child, change)) };
}

/** Drops empty tab sets and splits of one child; undefined where nothing is left. */
function prune(tile: Tile): Tile | undefined {
  if (tile.kind === "tabs") return tile.tabs.length > 0 ? tile : undefined;
  const children = tile.children.map(prune).filter((child) => child !== undefined);
  return children.length <= 1 ? children[0] : { ...tile, children };
}

export function findTabSet(tiling: Tiling, id: number): TabSet | undefined {
  return tabSets(tiling.root).find((set) => set.id === id);
}

export function focusedTabSet(tiling: Tiling): TabSet | undefined {
  return findTabSet(tiling, tiling.focused) ?? tabSets(tiling.root)[0];
}

/** The terminal that commands are typed into. */
export function activeTerminal(tiling: Tiling): number | undefined {
  return focusedTabSet(tiling)?.active;
}

export function addTab(tiling: Tiling, terminal: number, setId = tiling.focused): Tiling {
  const target = findTabSet(tiling, setId) ?? tabSets(tiling.root)[0];
  if (target === undefined) return tiling;
  const root = mapTabSets(tiling.root, (set) => (set.id === target.id ? { ...set, tabs: [...set.tabs, terminal], active: terminal } : set));
  return { ...tiling, root, focused: target.id };
}

/** Splits the focused tab set; the new terminal gets the new half. */
export function splitWith(tiling: Tiling, terminal: number, direction: Split["direction"]): Tiling {
  const target = focusedTabSet(tiling);
  if (target === undefined || target.tabs.length === 0) return addTab(tiling, terminal);
  const fresh: TabSet = { kind: "tabs", id: tiling.nextId, tabs: [terminal], active: terminal };
  const place = (tile: Tile): Tile => {
    if (tile.kind === "tabs") {
      return tile.id === target.id ? { kind: "split", id: tiling.nextId + 1, direction, children: [tile, fresh] } : tile;
    }
    const at = tile.children.findIndex((child) => child.kind === "tabs" && child.id === target.id);
    if (tile.direction !== direction || at < 0) return { ...tile, children: tile.children.map(place) };
    return { ...tile, children: [...tile.children.slice(0, at + 1), fresh, ...tile.children.slice(at + 1)] };
  };
  return { root: place(tiling.root), focused: fresh.id, nextId: tiling.nextId + 2 };
}

/** Removes a terminal; its tab set, when empty, gives its room to its neighbours. */
export function removeTab(tiling: Tiling, terminal: number): Tiling {
  const root = mapTabSets(tiling.root, (set) => {
    const at = set.tabs.indexOf(terminal);
    if (at < 0) return set;
    const tabs = set.tabs.filter((tab) => tab !== terminal);
    return { ...set, tabs, active: set.active === terminal ? tabs[Math.min(at, tabs.length - 1)] : set.active };
  });
  const pruned = prune(root);
  if (pruned === undefined) return { ...emptyTiling, nextId: tiling.nextId };
  const sets = tabSets(pruned);
  const focused = sets.some((set) => set.id === tiling.focused) ? tiling.focused : (sets[0]?.id ?? 1);
  return { ...tiling, root: pruned, focused };
}

export function activateTab(tiling: Tiling, terminal: number): Tiling {
  const owner = tabSets(tiling.root).find((set) => set.tabs.includes(terminal));
  if (owner === undefined) return tiling;
  if (owner.active === terminal && tiling.focused === owner.id) return tiling;
  const root = mapTabSets(tiling.root, (set) => (set.id === owner.id ? { ...set, active: terminal } : set));
  return { ...tiling, root, focused: owner.id };
}

/** The next (or, with -1, previous) terminal in reading order, going around. */
export function cycleTab(tiling: Tiling, by: 1 | -1): Tiling {
  const all = tabSets(tiling.root).flatMap((set) => set.tabs);
  const at = all.indexOf(activeTerminal(tiling) ?? -1);
  const next = all[(at + by + all.length) % all.length];
  return next === undefined ? tiling : activateTab(tiling, next);
}
