/**
 * The tree of cgroups as shapes: a pure function of what there is and of the room.
 *
 * Each cgroup is a strip with three instruments: CPU time, memory, tasks. An instrument is a vessel that fills, beside it the recent past on the same
 * scale, and the limit as a line across both. Where the strips do not fit they become single lines, and many siblings of one kind a rack of small
 * vessels; the selected one keeps its strip.
 */
import type { CgroupEntity } from "../../bridge/messages.ts";
import { type CgroupSample, SAMPLES_KEPT } from "../cgroup-history.ts";
import { listChain } from "../relations.ts";

export interface CgroupInput {
  readonly cgroups: ReadonlyMap<number, CgroupEntity>;
  /** The samples of one, oldest first. */
  readonly getHistory: (id: number) => readonly CgroupSample[];
  readonly width: number;
  readonly height: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Keeps a strip of its own. */
  readonly selected?: number | undefined;
}

/** A vessel and its recent past; all in the strip's own coordinates. */
export interface InstrumentShape {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Width of the vessel at its left end. */
  readonly vessel: number;
  /** What is in it, from the bottom up, as heights. */
  readonly contents: readonly { readonly part: "use" | "anon" | "file" | "kernel"; readonly height: number }[];
  /** Where the limit's line is; without one the vessel is as high as what it held at most. */
  readonly limitY: number | undefined;
  /** A softer limit: memory.high. */
  readonly highY: number | undefined;
  /** The recent past as a closed area, and its upper edge. */
  readonly area: string;
  readonly edge: string;
  /** Samples in which it was throttled, and in which somebody was killed. */
  readonly throttled: readonly { readonly x: number; readonly width: number; readonly share: number }[];
  readonly kills: readonly number[];
}

export interface PidsShape {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** A square a task and a free place; undefined where they are too many. */
  readonly squares: { readonly columns: number; readonly used: number; readonly all: number } | undefined;
  /** How full, 0 … 1; undefined without a limit. */
  readonly filled: number | undefined;
}

export interface StripShape {
  readonly key: string;
  readonly kind: "full" | "line";
  readonly cgroup: CgroupEntity;
  readonly depth: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Where the middle of its parent's post is, seen from here: the line that it hangs on. */
  readonly post: { readonly x: number; readonly y: number } | undefined;
  readonly cpu: InstrumentShape;
  readonly memory: InstrumentShape | undefined;
  readonly pids: PidsShape | undefined;
}

/** Many siblings: one small vessel each. */
export interface RackShape {
  readonly key: string;
  readonly depth: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly post: { readonly x: number; readonly y: number } | undefined;
  readonly ids: readonly number[];
  readonly columns: number;
  /** How full each one is, 0 … 1, of memory where it has that controller, else of CPU time. */
  readonly levels: readonly number[];
  /** Throttled or having killed just now. */
  readonly alarmed: readonly boolean[];
  readonly hidden: number;
}

export interface CgroupShapes {
  readonly width: number;
  readonly height: number;
  readonly strips: readonly StripShape[];
  readonly racks: readonly RackShape[];
  /** Left edges of the three columns. */
  readonly columns: { readonly cpu: number; readonly memory: number; readonly pids: number; readonly end: number };
  readonly total: number;
}

export const TOP = 24;
const LEFT = 12;
const RIGHT = 14;
const INDENT = 16;
const DEPTH_MOST = 5;
/** Where there is room, the instruments grow. */
const FULL = { pitch: 92, height: 82, y: 38, instrument: 38 };
const GROWTH_MOST = 34;
/** More than this are single lines, whatever the room: strips do not change their kind when the detail opens below. */
const FULL_MOST = 7;
const LINE = { pitch: 30, height: 26, y: 7, instrument: 12 };
/** Siblings without children from which on they are drawn as a rack. */
const RACK_FROM = 17;
export const CELL = { pitchX: 13, pitchY: 19, width: 10, height: 15 };
const RACK_ROWS_MOST = 24;
const STRIPS_MOST = 120;

interface Node {
  readonly cgroup: CgroupEntity;
  readonly depth: number;
  /** Siblings folded into a rack, of which `cgroup` is the first. */
  readonly rack: readonly CgroupEntity[] | undefined;
}

function listTree(input: CgroupInput): Node[] {
  const children = new Map<number | undefined, CgroupEntity[]>();
  for (const cgroup of input.cgroups.values()) {
    const siblings = children.get(cgroup.parent);
    if (siblings === undefined) children.set(cgroup.parent, [cgroup]);
    else siblings.push(cgroup);
  }
  const kept = new Set(listChain(input.cgroups, input.selected));
  const nodes: Node[] = [];
  const visit = (cgroup: CgroupEntity, depth: number): void => {
    if (nodes.length >= STRIPS_MOST) return;
    nodes.push({ cgroup, depth, rack: undefined });
    const below = (children.get(cgroup.id) ?? []).sort((a, b) => a.id - b.id);
    const leaves = below.filter((child) => !children.has(child.id) && !kept.has(child.id));
    const folded = leaves.length >= RACK_FROM ? new Set(leaves) : new Set<CgroupEntity>();
    for (const child of below) if (!folded.has(child)) visit(child, depth + 1);
    const [first] = folded;
    if (first !== undefined) nodes.push({ cgroup: first, depth: depth + 1, rack: [...folded] });
  };
  for (const root of children.get(undefined) ?? []) visit(root, 0);
  return nodes;
}

export function layoutCgroups(input: CgroupInput): CgroupShapes {
  const nodes = listTree(input);
  const deepest = Math.min(
    DEPTH_MOST,
    nodes.reduce((most, node) => Math.max(most, node.depth), 0),
  );
  const start = LEFT + 12 + deepest * INDENT;
  const room = Math.max(200, input.width - start - RIGHT);
  const gap = input.width < 460 ? 10 : 18;
  const cpuWidth = Math.round((room - 2 * gap) * 0.42);
  const memoryWidth = Math.round((room - 2 * gap) * 0.38);
  const columns = { cpu: start, memory: start + cpuWidth + gap, pids: start + cpuWidth + memoryWidth + 2 * gap, end: start + room };
  const racks = nodes.filter((node) => node.rack !== undefined).map((node) => measureRack(node, columns.end));
  const rackHeight = racks.reduce((sum, rack) => sum + rack.height + 14, 0);
  const strips = nodes.filter((node) => node.rack === undefined);
  const fits = strips.length <= FULL_MOST;
  const spare = (input.height - TOP - rackHeight - 6) / Math.max(1, strips.length) - FULL.pitch;
  const growth = fits ? Math.round(Math.min(GROWTH_MOST, Math.max(0, spare))) : 0;
  const tall = {
    pitch: FULL.pitch + growth,
    height: FULL.height + growth,
    y: FULL.y,
    instrument: FULL.instrument + Math.round(growth * 0.8),
  };
  const placed: (StripShape | RackShape)[] = [];
  const posts = new Map<number, { readonly x: number; readonly y: number }>();
  let y = TOP;
  for (const node of nodes) {
    const x = LEFT + Math.min(node.depth, DEPTH_MOST) * INDENT;
    const parent = node.cgroup.parent === undefined ? undefined : posts.get(node.cgroup.parent);
    const post = parent === undefined ? undefined : { x: parent.x - x, y: parent.y - y };
    const rack = node.rack === undefined ? undefined : racks.find((one) => one.key === rackKey(node));
    if (rack !== undefined) {
      placed.push({ ...makeRack(node, rack, input), x, y, post });
      y += rack.height + 14;
      continue;
    }
    const full = fits || node.cgroup.id === input.selected;
    const size = full ? tall : LINE;
    placed.push(makeStrip(node, { x, y, post, full, size, columns }, input));
    posts.set(node.cgroup.id, { x: x + 5, y: y + (full ? 20 : 19) });
    y += size.pitch;
  }
  return {
    width: Math.max(input.width, columns.end + RIGHT),
    height: Math.max(input.height, y + 6),
    strips: placed.filter((shape): shape is StripShape => "cpu" in shape),
    racks: placed.filter((shape): shape is RackShape => "ids" in shape),
    columns,
    total: input.cgroups.size,
  };
}

function rackKey(node: Node): string {
  return `r${node.cgroup.parent ?? 0}`;
}

type RackSize = Pick<RackShape, "key" | "width" | "height" | "columns" | "hidden"> & { readonly count: number };

function measureRack(node: Node, end: number): RackSize {
  const x = LEFT + Math.min(node.depth, DEPTH_MOST) * INDENT;
  const width = end - x - 14;
  const columns = Math.max(1, Math.floor(width / CELL.pitchX));
  const all = node.rack?.length ?? 0;
  const count = Math.min(all, columns * RACK_ROWS_MOST);
  return { key: rackKey(node), width, height: 18 + Math.ceil(count / columns) * CELL.pitchY, columns, count, hidden: all - count };
}

function makeRack(node: Node, { count, ...size }: RackSize, input: CgroupInput): Omit<RackShape, "x" | "y" | "post"> {
  const members = (node.rack ?? []).slice(0, count);
  return {
    ...size,
    depth: node.depth,
    ids: members.map(({ id }) => id),
    levels: members.map((one) => getLevel(one, input)),
    alarmed: members.map(({ id }) => {
      const last = input.getHistory(id).at(-1);
      return last !== undefined && (last.throttled > 0 || last.oomKills > 0);
    }),
  };
}

/** How full a small vessel is. */
function getLevel(cgroup: CgroupEntity, input: CgroupInput): number {
  if (cgroup.memory !== undefined && Number.isFinite(cgroup.memory.maxBytes))
    return Math.min(1, cgroup.memory.currentBytes / Math.max(1, cgroup.memory.maxBytes));
  const cpus = input.getHistory(cgroup.id).at(-1)?.cpus ?? 0;
  return Math.min(1, cpus / getCpuLimit(cgroup, input.cpus));
}

/** CPUs that it may use. */
export function getCpuLimit({ cpu }: CgroupEntity, cpus: number): number {
  return Math.min(cpus, cpu.quotaUsec / cpu.periodUsec);
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly post: StripShape["post"];
  readonly full: boolean;
  readonly size: typeof FULL;
  readonly columns: CgroupShapes["columns"];
}

function makeStrip(node: Node, { x, y, post, full, size, columns }: Place, input: CgroupInput): StripShape {
  const { cgroup } = node;
  const isRoot = cgroup.parent === undefined;
  // In single lines the names take the room of the CPU's graph.
  const nameRoom = full ? 0 : Math.round((columns.memory - columns.cpu) * 0.52);
  const at = (from: number, to: number) => ({ x: from - x, y: size.y, width: to - from, height: size.instrument, graph: full });
  const history = input.getHistory(cgroup.id);
  const quota = cgroup.cpu.quotaUsec / cgroup.cpu.periodUsec;
  const gap = input.width < 460 ? 10 : 18;
  return {
    key: `g${cgroup.id}`,
    kind: full ? "full" : "line",
    cgroup,
    depth: node.depth,
    x,
    y,
    width: columns.end - x,
    height: size.height,
    post,
    cpu: makeInstrument(at(columns.cpu + nameRoom, columns.memory - gap), {
      history,
      getValue: (sample) => sample.cpus,
      limit: isRoot ? input.cpus : quota,
      least: 0.1,
      parts: [["use", history.at(-1)?.cpus ?? 0]],
      high: undefined,
      marks: "throttled",
    }),
    memory:
      cgroup.memory === undefined
        ? undefined
        : makeInstrument(at(columns.memory, columns.pids - gap), {
            history,
            getValue: (sample) => sample.memoryBytes,
            limit: isRoot ? input.memoryBytes : cgroup.memory.maxBytes,
            least: 1024 * 1024,
            parts: [
              ["anon", cgroup.memory.anonBytes],
              ["file", cgroup.memory.fileBytes],
              ["kernel", cgroup.memory.kernelBytes],
            ],
            high: cgroup.memory.highBytes,
            marks: "kills",
          }),
    pids: cgroup.pids === undefined ? undefined : makePids(at(columns.pids, columns.end), cgroup.pids),
  };
}

interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Beside the vessel; else it lies and takes the whole width. */
  readonly graph: boolean;
}

interface Measured {
  readonly history: readonly CgroupSample[];
  readonly getValue: (sample: CgroupSample) => number;
  readonly limit: number;
  /** The least that the whole height stands for. */
  readonly least: number;
  readonly parts: readonly (readonly [InstrumentShape["contents"][number]["part"], number])[];
  readonly high: number | undefined;
  /** What its past is marked with. */
  readonly marks: "throttled" | "kills";
}

const VESSEL = 26;

function makeInstrument(frame: Frame, measured: Measured): InstrumentShape {
  const { history, getValue, limit, parts } = measured;
  const now = parts.reduce((sum, [, value]) => sum + value, 0);
  const peak = history.reduce((most, sample) => Math.max(most, getValue(sample)), now);
  const shown = Number.isFinite(limit);
  const top = Math.max(measured.least, peak * 1.2, shown ? limit * 1.18 : 0);
  const extent = frame.graph ? frame.height : frame.width;
  const toLength = (value: number): number => Math.round(Math.min(1, value / top) * extent * 10) / 10;
  const toY = (value: number): number => frame.height - toLength(value);
  const { high } = measured;
  return {
    x: frame.x,
    y: frame.y,
    width: frame.width,
    height: frame.height,
    vessel: frame.graph ? VESSEL : frame.width,
    contents: parts.map(([part, value]) => ({ part, height: toLength(value) })),
    limitY: shown ? (frame.graph ? toY(limit) : toLength(limit)) : undefined,
    highY: high !== undefined && Number.isFinite(high) && high <= top ? (frame.graph ? toY(high) : toLength(high)) : undefined,
    ...(frame.graph
      ? drawPast(frame, history, (sample) => toY(getValue(sample)), measured.marks)
      : { area: "", edge: "", throttled: [], kills: [] }),
  };
}

/** The samples from right to left, as many as there are. */
function drawPast(
  frame: Frame,
  history: readonly CgroupSample[],
  getY: (sample: CgroupSample) => number,
  marks: Measured["marks"],
): Pick<InstrumentShape, "area" | "edge" | "throttled" | "kills"> {
  const left = VESSEL + 6;
  const width = frame.width - left;
  const step = width / (SAMPLES_KEPT - 1);
  const xOf = (i: number): number => Math.round((frame.width - (history.length - 1 - i) * step) * 10) / 10;
  const edge = history.map((sample, i) => `${i === 0 ? "M" : "L"}${xOf(i)} ${getY(sample)}`).join("");
  const throttled: { x: number; width: number; share: number }[] = [];
  const kills: number[] = [];
  history.forEach((sample, i) => {
    if (marks === "throttled" && sample.throttled > 0) throttled.push({ x: xOf(i) - step, width: step, share: sample.throttled });
    if (marks === "kills" && sample.oomKills > 0) kills.push(xOf(i));
  });
  const area = history.length < 2 ? "" : `${edge}V${frame.height}H${xOf(0)}z`;
  return { area, edge: history.length < 2 ? "" : edge, throttled, kills };
}

export const SQUARE = { pitch: 7, size: 5 };

function makePids(frame: Frame, pids: NonNullable<CgroupEntity["pids"]>): PidsShape {
  const limited = Number.isFinite(pids.max);
  const columns = Math.max(1, Math.floor(frame.width / SQUARE.pitch));
  const rows = Math.max(1, Math.floor((frame.height + 2) / SQUARE.pitch));
  const all = limited ? Math.max(pids.max, pids.current) : pids.current;
  return {
    x: frame.x,
    y: frame.y,
    width: frame.width,
    height: frame.height,
    squares: all <= columns * rows ? { columns, used: pids.current, all } : undefined,
    filled: limited ? Math.min(1, pids.current / Math.max(1, pids.max)) : undefined,
  };
}
