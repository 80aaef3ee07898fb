/**
 * An overlay as a stack of slabs: a pure function of what its layers have in one directory and of the room there is.
 *
 * What a process sees lies on top, below it the upper layer, then the lower ones. A name has the same place on every slab, so that whoever looks
 * straight down at it sees through the slabs that have nothing there, to the one that has: that line of sight is the answer to "why do I see this?".
 */
import type { LayerEntry } from "../../bridge/messages.ts";
import { isRegular, isWithin } from "../files/names.ts";

export type Change = LayerEntry["layers"][number]["change"];

/** A layer as mounted. */
export interface Layered {
  readonly index: number;
  readonly label: string;
  readonly directory: string;
  readonly upper: boolean;
  /** How it was made, where it is a layer of an image. */
  readonly made?: string;
}

export interface LayersInput {
  readonly layers: readonly Layered[];
  readonly entries: readonly LayerEntry[];
  /** The one slab that is shown in full. */
  readonly focus: number | "merged" | undefined;
  readonly selected: string | undefined;
  /** The name whose line of sight is drawn: what is pointed at, else the selected one. */
  readonly looked: string | undefined;
  readonly width: number;
  readonly height: number;
}

export interface CellShape {
  readonly key: string;
  readonly name: string;
  readonly layer: number | "merged";
  /** Of its mark. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Undefined on the merged slab. */
  readonly change: Change | undefined;
  readonly hidden: boolean;
  readonly directory: boolean;
  readonly sizeBytes: number;
}

export interface SlabShape {
  readonly layer: number | "merged";
  readonly layered: Layered | undefined;
  readonly label: string;
  /** Left and right end of its front edge, top and bottom of its face. */
  readonly x: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** How far its far edge is shifted to the right. */
  readonly slant: number;
  /** Where its words stand. */
  readonly labelY: number;
  readonly cells: readonly CellShape[];
  /** Only its edge is drawn. */
  readonly thin: boolean;
  readonly counts: Readonly<Record<Change, number>>;
  readonly names: number;
}

/** The way of the eye to what it sees of the selected name. */
export interface SightShape {
  readonly x: number;
  readonly eye: number;
  /** Down from the eye; behind a slab it is hidden. */
  readonly segments: readonly { readonly from: number; readonly to: number; readonly hidden: boolean }[];
  /** Where it ends. */
  readonly to: number;
  /** Where it goes through a slab that has nothing there. */
  readonly holes: readonly number[];
  /** Ends at a whiteout or at nothing. */
  readonly blocked: boolean;
}

export interface LayersShapes {
  readonly width: number;
  readonly height: number;
  readonly slabs: readonly SlabShape[];
  readonly sight: SightShape | undefined;
  /** Names that have no place. */
  readonly hiddenNames: number;
  /** Bytes of files that a layer keeps and nobody sees. */
  readonly coveredBytes: number;
}

const MARGIN = { left: 22, right: 22, top: 34, bottom: 24 };
export const ROW_PITCH = 20;
const LABEL_HEIGHT = 22;
const FACE_PAD = 9;
export const EDGE = 8;
/** Between slabs: more where there is room. */
const GAP = { least: 14, most: 34 };
const THIN = 10;
/** Run of the slant for its rise. */
const SLANT = 0.55;
const MOST_SLANT = 54;
const CELL_MIN = 104;
const CELL_MAX = 190;
/** Advance of the mono face at 12 pixels. */
const ADVANCE = 7.2;
const MARK = 15;
/** Rows of names on a slab of the stack, and on one that is shown in full. */
const ROWS_MOST = 5;
const ROWS_FULL = 60;

const NONE: Readonly<Record<Change, number>> = { added: 0, changed: 0, removed: 0, opaque: 0, merged: 0 };

/** Which names have a place: where there are too many, those first that the upper layer, or more than one, has a word about. */
function chooseNames(input: LayersInput, most: number): readonly LayerEntry[] {
  const { entries, focus, selected } = input;
  const own = entries.filter((entry) => {
    if (focus === undefined) return true;
    return focus === "merged" ? entry.merged !== undefined : entry.layers.some(({ layer }) => layer === focus);
  });
  if (own.length <= most) return own;
  const upper = input.layers.find((layer) => layer.upper)?.index;
  const rank = ({ name, layers }: LayerEntry): number => {
    if (name === selected) return 0;
    if (layers.some(({ layer }) => layer === upper)) return 1;
    return layers.length > 1 ? 2 : 3;
  };
  // Sorting keeps the order within a rank.
  const chosen = new Set([...own].sort((a, b) => rank(a) - rank(b)).slice(0, most));
  return own.filter((entry) => chosen.has(entry));
}

/** The grid on which every slab has its names. */
interface Grid {
  readonly columns: number;
  readonly cellWidth: number;
  readonly rows: number;
  readonly names: readonly LayerEntry[];
}

/** Rows of names on a slab of the stack: of a selected name the whole way is to be seen, so they give way where there is little room. */
function countRows({ layers, selected, height }: LayersInput): number {
  if (selected === undefined) return ROWS_MOST;
  const each = (height - MARGIN.top - MARGIN.bottom) / (layers.length + 1) - LABEL_HEIGHT - EDGE - GAP.least - 2 * FACE_PAD;
  return Math.max(1, Math.min(ROWS_MOST, Math.floor(each / ROW_PITCH)));
}

function makeGrid(input: LayersInput): Grid {
  const room = input.width - MARGIN.left - MARGIN.right - MOST_SLANT - 16;
  const longest = input.entries.reduce((most, { name }) => Math.max(most, name.length), 0);
  const wanted = Math.min(CELL_MAX, Math.max(CELL_MIN, longest * ADVANCE + MARK + 18));
  const columns = Math.max(1, Math.floor(room / wanted));
  const names = chooseNames(input, columns * (input.focus === undefined ? countRows(input) : ROWS_FULL));
  return {
    columns,
    cellWidth: Math.min(CELL_MAX * 1.2, Math.max(60, room / columns)),
    rows: Math.max(1, Math.ceil(names.length / columns)),
    names,
  };
}

interface SlabParts {
  readonly layer: number | "merged";
  readonly layered: Layered | undefined;
  readonly label: string;
}

export function layoutLayers(input: LayersInput): LayersShapes {
  const grid = makeGrid(input);
  const parts: readonly SlabParts[] = [
    { layer: "merged", layered: undefined, label: "merged" },
    ...input.layers.map((layered) => ({ layer: layered.index, layered, label: layered.label })),
  ];
  const flat = parts.map((part) => makeSlab(part, grid, input, 0));
  const needed = flat.reduce((sum, slab) => sum + slab.bottom + EDGE, MARGIN.top + MARGIN.bottom);
  const gap = Math.max(GAP.least, Math.min(GAP.most, (input.height - needed) / parts.length));
  const slabs: SlabShape[] = [];
  let y = MARGIN.top;
  for (const part of parts) {
    const slab = makeSlab(part, grid, input, y);
    slabs.push(slab);
    y = slab.bottom + EDGE + gap;
  }
  return {
    width: input.width,
    height: Math.max(input.height, y + MARGIN.bottom),
    slabs,
    sight: input.focus === undefined ? findSight(input, slabs, grid) : undefined,
    hiddenNames: countNames(input) - grid.names.length,
    coveredBytes: countCovered(input.entries),
  };
}

function countCovered(entries: readonly LayerEntry[]): number {
  let bytes = 0;
  for (const { layers } of entries) for (const { hidden, mode, sizeBytes } of layers) if (hidden && isRegular(mode)) bytes += sizeBytes;
  return bytes;
}

function countNames({ entries, focus }: LayersInput): number {
  if (focus === undefined) return entries.length;
  return entries.filter((entry) => (focus === "merged" ? entry.merged !== undefined : entry.layers.some(({ layer }) => layer === focus)))
    .length;
}

function makeSlab(part: SlabParts, grid: Grid, input: LayersInput, y: number): SlabShape {
  const { focus, entries, width } = input;
  const counts = { ...NONE };
  let names = 0;
  for (const entry of entries) {
    if (part.layer === "merged") names += entry.merged === undefined ? 0 : 1;
    for (const one of entry.layers) {
      if (one.layer !== part.layer) continue;
      counts[one.change]++;
      names++;
    }
  }
  const thin = (focus !== undefined && focus !== part.layer) || (names === 0 && part.layer !== "merged" && part.layered?.upper !== true);
  const top = y + LABEL_HEIGHT;
  const bottom = top + (thin ? THIN : grid.rows * ROW_PITCH + 2 * FACE_PAD);
  const slant = Math.min(MOST_SLANT, (bottom - top) * SLANT);
  const place = { x: MARGIN.left, right: width - MARGIN.right - slant, top, bottom, slant };
  return { ...part, ...place, labelY: y + 13, cells: thin ? [] : placeCells(part, grid, place), thin, counts, names };
}

type SlabPlace = Pick<SlabShape, "x" | "right" | "top" | "bottom" | "slant">;

/** Where a row of names begins: the face leans to the right. */
function placeAt(grid: Grid, i: number, { x, top, bottom, slant }: SlabPlace): { readonly x: number; readonly y: number } {
  const y = top + FACE_PAD + (Math.floor(i / grid.columns) + 0.5) * ROW_PITCH;
  const lean = slant * (1 - (y - top) / (bottom - top));
  return { x: x + lean + 14 + (i % grid.columns) * grid.cellWidth, y };
}

function placeCells({ layer }: SlabParts, grid: Grid, place: SlabPlace): readonly CellShape[] {
  const cells: CellShape[] = [];
  for (const [i, entry] of grid.names.entries()) {
    const at = placeAt(grid, i, place);
    const common = { key: `${layer}:${entry.name}`, name: entry.name, layer, ...at, width: grid.cellWidth - 10 };
    if (layer === "merged") {
      const { merged } = entry;
      if (merged === undefined) continue;
      const directory = (merged.mode & 0o170000) === 0o040000;
      cells.push({ ...common, change: undefined, hidden: false, directory, sizeBytes: merged.sizeBytes });
      continue;
    }
    const own = entry.layers.find((one) => one.layer === layer);
    if (own === undefined) continue;
    const directory = (own.mode & 0o170000) === 0o040000;
    cells.push({ ...common, change: own.change, hidden: own.hidden, directory, sizeBytes: own.sizeBytes });
  }
  return cells;
}

function findSight({ looked }: LayersInput, slabs: readonly SlabShape[], grid: Grid): SightShape | undefined {
  const i = grid.names.findIndex(({ name }) => name === looked);
  const entry = grid.names[i];
  const [merged, ...below] = slabs;
  if (entry === undefined || merged === undefined) return undefined;
  const start = placeAt(grid, i, merged);
  const eye = merged.labelY - 22;
  const holes: number[] = entry.merged === undefined ? [start.y] : [];
  const segments = [{ from: eye, to: start.y, hidden: false }];
  let to = start.y;
  let above = merged;
  for (const slab of below) {
    const own = entry.layers.find(({ layer }) => layer === slab.layer);
    const at = slab.thin ? (slab.top + slab.bottom) / 2 : placeAt(grid, i, slab).y;
    const edge = above.bottom + (above === merged ? 0 : EDGE);
    segments.push({ from: to, to: edge, hidden: true }, { from: edge, to: at, hidden: false });
    to = at;
    above = slab;
    if (own !== undefined && (!own.hidden || own.change === "removed")) break;
    if (own === undefined) holes.push(at);
  }
  return { x: start.x, eye, segments, to, holes, blocked: entry.merged === undefined };
}

/** The name in the shown directory that a path of the overlay is about: itself, or what it is in. */
export function findShownName(path: string, directory: string): string | undefined {
  if (path === directory || !isWithin(path, directory)) return undefined;
  const rest = path.slice(directory === "/" ? 1 : directory.length + 1);
  const slash = rest.indexOf("/");
  return slash < 0 ? rest : rest.slice(0, slash);
}

/** What a trace event tells of a copy-up or a whiteout; undefined for other events. */
export function parseOverlayEvent(
  name: string,
  text: string,
): { readonly overlay: number; readonly path: string; readonly layer: number | undefined } | undefined {
  if (name !== "overlay_copy_up" && name !== "overlay_whiteout") return undefined;
  const overlay = /(?:^| )dev=(\d+)/.exec(text)?.[1];
  const path = /(?:^| )path=([\s\S]*?)(?: layer=\d+| bytes=\d+)*$/.exec(text)?.[1];
  const layer = /(?:^| )layer=(\d+)(?: bytes=\d+)?$/.exec(text)?.[1];
  if (overlay === undefined || path === undefined) return undefined;
  return { overlay: Number(overlay), path, layer: layer === undefined ? undefined : Number(layer) };
}
