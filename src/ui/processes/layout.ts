/**
 * The process tree as shapes: a pure function of the machine's processes and the room there is.
 *
 * Generations are columns, from left (PID 1) to right; every leaf has a row; a parent stands in the row of its first child, so that a new child never
 * moves what is there. Siblings stand in the order of their birth. Too many of one name become one box that says how many they are:
 * first siblings, then generations of the same name, so that a fork bomb of thousands is a handful of boxes.
 *
 * Where a process is in another PID namespace than its parent, a compartment is drawn round it and all below. Seen from a namespace, each process has
 * the number that it has there, and those that are not to be seen from there fade.
 */
import type { NamespaceEntity, TaskEntity, TaskState } from "../../bridge/messages.ts";
import { listChain } from "../relations.ts";

export interface ProcessInput {
  readonly tasks: ReadonlyMap<number, TaskEntity>;
  /** Processes that just ended, drawn as dashed boxes. */
  readonly ghosts: readonly TaskEntity[];
  /** CPUs used, by PID. */
  readonly shares: ReadonlyMap<number, number>;
  /** The parent that a process was born to, by PID. */
  readonly bornTo: ReadonlyMap<number, number>;
  readonly width: number;
  readonly height: number;
  /** Drawn on its own, never inside a group; so are its ancestors. */
  readonly selected?: number | undefined;
  readonly namespaces?: ReadonlyMap<number, NamespaceEntity>;
  /** The PID namespace that it is all seen from; the host's, where there is none. */
  readonly seenFrom?: number | undefined;
}

export interface NodeShape {
  /** Stable over time: the same thing keeps its key, and so moves instead of jumping. */
  readonly key: string;
  readonly kind: "process" | "group" | "ghost";
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly parentKey: string | undefined;
  readonly comm: string;
  /** The process; of a group, its first member. */
  readonly task: TaskEntity;
  /** Its PIDs, the host's first, then those in nested namespaces. */
  readonly numbers: readonly number[];
  /** Which of them is the one of where it is seen from; -1 where it cannot be seen from there. */
  readonly here: number;
  /** PIDs of all that the box stands for. */
  readonly pids: readonly number[];
  /** How many processes the box stands for. */
  readonly count: number;
  /** Generations that a group folds. */
  readonly generations: number;
  /** How many are in which state, most first. */
  readonly states: readonly (readonly [TaskState, number])[];
  /** CPUs used by all that it stands for. */
  readonly share: number;
  readonly rssBytes: number;
  /** The members of a group as a field of squares. */
  readonly field: FieldShape | undefined;
  /** Re-parented: the PID of the parent it was born to. */
  readonly orphanOf: number | undefined;
}

/** A field of squares, each for one or more processes, in the order of `states`. */
export interface FieldShape {
  readonly columns: number;
  readonly perSquare: number;
  /** Height that the field adds to its box. */
  readonly height: number;
}

export interface LinkShape {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly path: string;
  readonly orphan: boolean;
}

/** Round processes of one PID namespace, where their parent is in another. */
export interface CompartmentShape {
  readonly key: string;
  readonly ino: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Whether what is in it can be seen from where one looks. */
  readonly seen: boolean;
}

export interface ProcessShapes {
  readonly width: number;
  readonly height: number;
  readonly detail: "full" | "compact";
  readonly nodes: readonly NodeShape[];
  readonly links: readonly LinkShape[];
  /** Outer ones before those within them. */
  readonly compartments: readonly CompartmentShape[];
  /** Processes that can be seen from where one looks. */
  readonly seen: number;
  /** One line a generation. */
  readonly stations: readonly { readonly x: number; readonly label: string }[];
  readonly processes: number;
  readonly grouped: number;
  /** Processes for which there is no box at all. */
  readonly hidden: number;
}

interface Branch {
  readonly key: string;
  readonly members: readonly TaskEntity[];
  readonly ghost: boolean;
  readonly generations: number;
  readonly children: readonly Branch[];
}

export const MARGIN = { left: 30, top: 40, right: 14, bottom: 20 };
const FULL = { height: 42, pitch: 56 };
const COMPACT = { height: 24, pitch: 31 };
const GAP = 26;
/** Between columns where the room is narrow. */
const NARROW_GAP = 18;
const NARROW = 480;
const COLUMNS_WIDE = 4;
const MIN_WIDTH = 94;
const MAX_WIDTH = 172;
/** A square of a group's field, with the gap to the next one. */
export const SQUARE = { pitch: 7, size: 5, margin: 7, caption: 12 };
const FIELD_ROWS_MOST = 12;
/** Beyond this many rows, grouping gets stricter. */
const ROWS_WANTED = 24;
const ROWS_MOST = 80;
/** Same-named siblings from which on they become one box; a step per level of strictness. */
const GROUP_FROM = [9, 4, 2] as const;

/** Every process below its parent, in order of birth. */
function indexChildren(input: ProcessInput): Map<number, TaskEntity[]> {
  const children = new Map<number, TaskEntity[]>();
  const add = (task: TaskEntity): void => {
    const parent = task.ppid !== task.pid && input.tasks.has(task.ppid) ? task.ppid : 0;
    const list = children.get(parent);
    if (list === undefined) children.set(parent, [task]);
    else list.push(task);
  };
  for (const task of input.tasks.values()) add(task);
  for (const ghost of input.ghosts) add(ghost);
  for (const list of children.values()) list.sort((a, b) => a.startNs - b.startNs || a.pid - b.pid);
  return children;
}

function findPinned(input: ProcessInput): ReadonlySet<number> {
  const pinned = new Set<number>();
  for (let pid = input.selected; pid !== undefined && !pinned.has(pid); pid = input.tasks.get(pid)?.ppid) pinned.add(pid);
  return pinned;
}

interface Folding {
  readonly children: ReadonlyMap<number, readonly TaskEntity[]>;
  readonly pinned: ReadonlySet<number>;
  readonly groupFrom: number;
  /** The strictest: also fold generations of one name into one box, and namesakes of several PID namespaces. */
  readonly foldGenerations: boolean;
}

/** Deeper than this the tree is not followed: the recursion below stays small whatever runs. */
const DEPTH_MOST = 60;

/** Turns siblings into branches: alone, or grouped by name. */
function foldSiblings(siblings: readonly TaskEntity[], parentKey: string, folding: Folding, depth: number): Branch[] {
  const byName = new Map<string, TaskEntity[]>();
  for (const task of siblings) {
    const space = folding.foldGenerations || task.state === "X" ? "" : `${task.namespaces.pid ?? ""}:`;
    const name = folding.pinned.has(task.pid) ? `=${task.pid}` : `${space}${task.state === "X" ? "†" : ""}${task.comm}`;
    const list = byName.get(name);
    if (list === undefined) byName.set(name, [task]);
    else list.push(task);
  }
  const branches: Branch[] = [];
  for (const [name, members] of byName) {
    const ghost = members[0]?.state === "X";
    if (members.length >= (ghost ? 3 : folding.groupFrom)) branches.push(foldGroup(members, `${parentKey}/${name}`, folding, depth));
    else for (const task of members) branches.push(foldOne(task, folding, depth));
  }
  const birth = (branch: Branch): TaskEntity => branch.members[0] as TaskEntity;
  return branches.sort((a, b) => birth(a).startNs - birth(b).startNs || birth(a).pid - birth(b).pid);
}

function foldOne(task: TaskEntity, folding: Folding, depth: number): Branch {
  const ghost = task.state === "X";
  const key = `p${task.pid}`;
  const own = ghost || depth >= DEPTH_MOST ? [] : foldSiblings(folding.children.get(task.pid) ?? [], key, folding, depth + 1);
  const only = own[0];
  const sameName = only !== undefined && own.length === 1 && !only.ghost && only.members[0]?.comm === task.comm;
  if (folding.foldGenerations && sameName && !folding.pinned.has(task.pid) && !folding.pinned.has(only.members[0]?.pid ?? 0)) {
    return { key: `${key}+`, members: [task, ...only.members], ghost, generations: only.generations + 1, children: only.children };
  }
  return { key, members: [task], ghost, generations: 1, children: own };
}

/** A group, and below it the children of all its members, folded in turn; generations of the same name join it. */
function foldGroup(first: readonly TaskEntity[], key: string, folding: Folding, depth: number): Branch {
  const members = [...first];
  const name = first[0]?.comm;
  const ghost = first[0]?.state === "X";
  let generations = 1;
  let below = ghost ? [] : first.flatMap((task) => folding.children.get(task.pid) ?? []);
  const rest: TaskEntity[] = [];
  while (below.length > 0) {
    const same: TaskEntity[] = [];
    for (const task of below) (task.comm === name && task.state !== "X" && !folding.pinned.has(task.pid) ? same : rest).push(task);
    if (same.length === 0) break;
    for (const task of same) members.push(task);
    generations++;
    below = same.flatMap((task) => folding.children.get(task.pid) ?? []);
  }
  const children = depth >= DEPTH_MOST ? [] : foldSiblings(rest, key, folding, depth + 1);
  return { key, members, ghost, generations, children };
}

function countRows(branches: readonly Branch[]): number {
  return branches.reduce((rows, branch) => rows + (branch.children.length === 0 ? 1 : countRows(branch.children)), 0);
}

function findDepth(branches: readonly Branch[]): number {
  return branches.reduce((depth, branch) => Math.max(depth, 1 + findDepth(branch.children)), 0);
}

function countStates(members: readonly TaskEntity[]): readonly (readonly [TaskState, number])[] {
  const counts = new Map<TaskState, number>();
  for (const task of members) counts.set(task.state, (counts.get(task.state) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function foldForest(input: ProcessInput): readonly Branch[] {
  const children = indexChildren(input);
  const pinned = findPinned(input);
  let forest: readonly Branch[] = [];
  for (const groupFrom of GROUP_FROM) {
    // The fewest processes that can fill the rows at all decide whether the lenient folding is worth trying: thousands are folded once.
    if (groupFrom !== 2 && input.tasks.size > 400) continue;
    forest = foldSiblings(children.get(0) ?? [], "", { children, pinned, groupFrom, foldGenerations: groupFrom === 2 }, 0);
    if (countRows(forest) <= ROWS_WANTED && findDepth(forest) <= 9) break;
  }
  return forest;
}

export function layoutProcesses(input: ProcessInput): ProcessShapes {
  const forest = foldForest(input);
  const rows = Math.min(countRows(forest), ROWS_MOST);
  const roomY = input.height - MARGIN.top - MARGIN.bottom;
  const detail = rows * FULL.pitch <= Math.max(roomY, 3 * FULL.pitch) ? "full" : "compact";
  const size = detail === "full" ? FULL : COMPACT;
  const columns = Math.max(3, findDepth(forest));
  const nested = [...(input.namespaces?.values() ?? [])].some(({ kind, parent }) => kind === "pid" && parent !== undefined);
  const roomX = input.width - MARGIN.left - MARGIN.right - (nested ? HOLDS_ASIDE : 0);
  const gap = input.width < NARROW || columns > COLUMNS_WIDE ? NARROW_GAP : GAP;
  const boxWidth = Math.round(Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, (roomX - (columns - 1) * gap) / columns)));
  const { nodes, compartments, bottom } = placeNodes(forest, { ...size, boxWidth, gap }, input);
  const byKey = new Map(nodes.map((node) => [node.key, node]));
  const links: LinkShape[] = [];
  for (const node of nodes) {
    const parent = node.parentKey === undefined ? undefined : byKey.get(node.parentKey);
    if (parent !== undefined) links.push(makeLink(parent, node, size.height));
  }
  const drawn = nodes.reduce((sum, node) => sum + node.count, 0);
  const depth = nodes.reduce((most, node) => Math.max(most, node.depth), 0);
  const edge = compartments.reduce((most, { x, width }) => Math.max(most, x + width), MARGIN.left + (depth + 1) * (boxWidth + gap) - gap);
  const sight = new Sight(input);
  let seen = 0;
  for (const task of input.tasks.values()) if (sight.findNumber(task) >= 0) seen++;
  return {
    width: Math.max(input.width, edge + MARGIN.right),
    height: Math.max(input.height, bottom + MARGIN.bottom),
    detail,
    nodes,
    links,
    compartments,
    seen,
    stations: Array.from({ length: Math.max(columns, depth + 1) }, (_, i) => ({
      x: MARGIN.left + i * (boxWidth + gap),
      label: String(i + 1),
    })),
    processes: input.tasks.size,
    grouped: nodes.reduce((sum, node) => sum + (node.kind === "group" ? node.count : 0), 0),
    hidden: Math.max(0, input.tasks.size + input.ghosts.length - drawn),
  };
}

interface Sizes {
  readonly height: number;
  readonly pitch: number;
  readonly boxWidth: number;
  readonly gap: number;
}

/** What can be seen from a PID namespace. */
class Sight {
  private readonly known = new Map<number, number>();

  constructor(private readonly input: ProcessInput) {}

  /** Which of a process's numbers is the one in the namespace that it is seen from; -1 for none. */
  findNumber(task: TaskEntity): number {
    const { namespaces, seenFrom } = this.input;
    const own = task.namespaces.pid;
    if (seenFrom === undefined || namespaces === undefined) return 0;
    if (own === undefined) return -1;
    let at = this.known.get(own);
    if (at === undefined) {
      const chain = listChain(namespaces, own);
      // The chain begins with the innermost, the numbers with the outermost.
      const found = chain.indexOf(seenFrom);
      at = found < 0 ? -1 : chain.length - 1 - found;
      this.known.set(own, at);
    }
    return at;
  }
}

interface Placed {
  readonly branch: Branch;
  readonly row: number;
  readonly depth: number;
  readonly parentKey: string | undefined;
}

/** A compartment while its processes are placed. */
interface Hold {
  readonly ino: number;
  readonly key: string;
  readonly row: number;
  /** Indices of its first branch and of the one after its last. */
  readonly from: number;
  to: number;
  lastRow: number;
}

/** Above a compartment's first row stands its name. */
const HOLD = { head: 19, foot: 7, side: 6 };
/** Beside the tree, where compartments may end. */
const HOLDS_ASIDE = 14;

/** The PID namespace of all of a branch's processes; undefined where they are in several. */
function getSpace({ members, ghost }: Branch): number | undefined {
  const first = members[0]?.namespaces.pid;
  return ghost || members.some((task) => task.namespaces.pid !== first) ? undefined : first;
}

/** Gives every branch its row and column; a row is as high as its highest box, and as the compartments that begin and end with it need. */
function placeNodes(
  forest: readonly Branch[],
  sizes: Sizes,
  input: ProcessInput,
): { readonly nodes: NodeShape[]; readonly compartments: CompartmentShape[]; readonly bottom: number } {
  const placed: Placed[] = [];
  const holds: Hold[] = [];
  const fields = new Map<string, FieldShape>();
  const extra: number[] = [];
  let row = 0;
  const place = (branch: Branch, depth: number, parentKey: string | undefined, outer: number | undefined): void => {
    if (row >= ROWS_MOST) return;
    const space = getSpace(branch) ?? outer;
    const hold: Hold | undefined =
      outer !== undefined && space !== undefined && space !== outer
        ? { ino: space, key: `${branch.key}@${space}`, row, from: placed.length, to: placed.length, lastRow: row }
        : undefined;
    if (hold !== undefined) holds.push(hold);
    placed.push({ branch, row, depth, parentKey });
    if (branch.members.length > FIELD_FROM) {
      const field = layoutField(branch.members.length, sizes.boxWidth);
      fields.set(branch.key, field);
      extra[row] = Math.max(extra[row] ?? 0, field.height);
    }
    if (branch.children.length === 0) row++;
    for (const child of branch.children) place(child, depth + 1, branch.key, space);
    if (hold === undefined) return;
    hold.to = placed.length;
    hold.lastRow = row - 1;
  };
  for (const branch of forest) place(branch, 0, undefined, getSpace(branch));
  const count = (rowAt: number, which: "row" | "lastRow"): number => holds.filter((hold) => hold[which] === rowAt).length;
  const tops: number[] = [];
  let bottom = MARGIN.top;
  for (let i = 0; i < row; i++) {
    const top = bottom + (holds.length === 0 ? 0 : count(i, "row") * HOLD.head);
    tops.push(top);
    bottom = top + sizes.pitch + (extra[i] ?? 0) + (holds.length === 0 ? 0 : count(i, "lastRow") * HOLD.foot);
  }
  const sight = new Sight(input);
  const nodes = placed.map((one) => {
    const field = fields.get(one.branch.key);
    const x = MARGIN.left + one.depth * (sizes.boxWidth + sizes.gap);
    const height = sizes.height + (field?.height ?? 0);
    const at = { x, y: tops[one.row] ?? 0, width: sizes.boxWidth, height, depth: one.depth, field };
    return makeNode(one.branch, at, one.parentKey, input, sight);
  });
  return { nodes, compartments: closeHolds(holds, nodes), bottom };
}

/** Compartments as boxes round their nodes: wider than those within them. */
function closeHolds(holds: readonly Hold[], nodes: readonly NodeShape[]): CompartmentShape[] {
  const shapes = new Map<Hold, CompartmentShape>();
  for (const hold of [...holds].reverse()) {
    const inside = nodes.slice(hold.from, hold.to);
    const first = inside[0];
    if (first === undefined) continue;
    const within = holds.filter((other) => other !== hold && other.from >= hold.from && other.to <= hold.to && shapes.has(other));
    const begin = within.filter((other) => other.row === hold.row).length;
    const y = first.y - HOLD.head * (begin + 1) + 3;
    const right = Math.max(...inside.map((node) => node.x + node.width), ...within.map((other) => getRight(shapes.get(other))));
    const bottom = Math.max(...inside.map((node) => node.y + node.height), ...within.map((other) => getBottom(shapes.get(other))));
    const x = first.x - HOLD.side;
    const seen = inside.some((node) => node.here >= 0);
    shapes.set(hold, { key: hold.key, ino: hold.ino, x, y, width: right + 6 - x, height: bottom + 6 - y, seen });
  }
  return holds.flatMap((hold) => shapes.get(hold) ?? []);
}

function getRight(shape: CompartmentShape | undefined): number {
  return shape === undefined ? 0 : shape.x + shape.width;
}

function getBottom(shape: CompartmentShape | undefined): number {
  return shape === undefined ? 0 : shape.y + shape.height;
}

/** Groups from this size on show their members as a field. */
const FIELD_FROM = 8;

function layoutField(count: number, boxWidth: number): FieldShape {
  const columns = Math.max(1, Math.floor((boxWidth - 2 * SQUARE.margin) / SQUARE.pitch));
  const perSquare = Math.ceil(count / (columns * FIELD_ROWS_MOST));
  const rows = Math.ceil(Math.ceil(count / perSquare) / columns);
  // Says what is in which state, and for how many a square stands unless it is one.
  const lines = perSquare === 1 ? 1 : 2;
  return { columns, perSquare, height: rows * SQUARE.pitch + lines * SQUARE.caption + 3 };
}

type Place = Pick<NodeShape, "x" | "y" | "width" | "height" | "depth" | "field">;

function makeNode(branch: Branch, at: Place, parentKey: string | undefined, input: ProcessInput, sight: Sight): NodeShape {
  const task = branch.members[0] as TaskEntity;
  const bornTo = input.bornTo.get(task.pid);
  const grouped = branch.members.length > 1;
  return {
    ...at,
    key: branch.key,
    kind: grouped ? "group" : branch.ghost ? "ghost" : "process",
    parentKey,
    comm: task.comm,
    task,
    numbers: [task.pid, ...task.innerPids],
    here: Math.max(...branch.members.map((member) => sight.findNumber(member))),
    pids: branch.members.map((member) => member.pid),
    count: branch.members.length,
    generations: branch.generations,
    states: countStates(branch.members),
    share: branch.members.reduce((sum, member) => sum + (input.shares.get(member.pid) ?? 0), 0),
    rssBytes: branch.members.reduce((sum, member) => sum + member.rssBytes, 0),
    orphanOf: !grouped && bornTo !== undefined && bornTo !== task.ppid ? bornTo : undefined,
  };
}

function makeLink(parent: NodeShape, child: NodeShape, boxHeight: number): LinkShape {
  const x1 = parent.x + parent.width;
  const y1 = parent.y + boxHeight / 2;
  const y2 = child.y + boxHeight / 2;
  const path = `M${x1} ${y1}H${(x1 + child.x) / 2}V${y2}H${child.x}`;
  return { key: child.key, from: parent.key, to: child.key, path, orphan: child.orphanOf !== undefined };
}
