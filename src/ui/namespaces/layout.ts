/**
 * Processes × kinds of namespaces, as shapes: a pure function of what there is and of the room.
 *
 * Rows are processes, those in the same set of namespaces next to each other; where they are too many, one row stands for all in a set, and one for
 * all sets that differ from the first in the same kinds. Columns are the kinds. Equal inode numbers are joined: the first namespace of each kind,
 * which the machine booted with, is a plain line; every other one a plate across its rows. PID and user namespaces are nested: so are their plates.
 */
import type { NamespaceEntity, NamespaceKind, TaskEntity } from "../../bridge/messages.ts";
import { findFirst, listChain } from "../relations.ts";
import { KINDS } from "./kinds.ts";

export interface NamespaceInput {
  readonly tasks: ReadonlyMap<number, TaskEntity>;
  readonly namespaces: ReadonlyMap<number, NamespaceEntity>;
  readonly width: number;
  readonly height: number;
}

export interface ColumnShape {
  readonly kind: NamespaceKind;
  readonly x: number;
  readonly width: number;
  /** The namespace that the machine booted with. */
  readonly firstIno: number | undefined;
  /** Where its line begins; it ends at the foot. */
  readonly top: number;
  /** How many there are beside the first. */
  readonly others: number;
}

export interface RowShape {
  readonly key: string;
  /** One process, all in a set, all sets that differ alike, or a namespace without any process. */
  readonly kind: "process" | "set" | "fold" | "empty";
  readonly y: number;
  readonly height: number;
  readonly label: string;
  readonly pids: readonly number[];
  /** Sets that a fold stands for. */
  readonly sets: number;
  /** A set begins with this row. */
  readonly begins: boolean;
  /** Kinds in which it is in the first namespace: a point on that line. */
  readonly points: readonly NamespaceKind[];
}

export interface PlateShape {
  readonly key: string;
  readonly kind: NamespaceKind;
  readonly ino: number;
  /** Namespaces that it stands for, in a fold. */
  readonly count: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** How deep it is nested, 1 for what is nested in the first only. */
  readonly level: number;
  /** Where the words of it begin: past the plates that are nested in it. Undefined for no room. */
  readonly words: { readonly y: number; readonly text: string; readonly label: string | undefined } | undefined;
  /** First row that it covers. */
  readonly row: number;
}

/** Between two plates of one namespace that others stand between. */
export interface JoinShape {
  readonly key: string;
  readonly kind: NamespaceKind;
  readonly ino: number;
  readonly x: number;
  readonly y1: number;
  readonly y2: number;
}

export interface NamespaceShapes {
  readonly width: number;
  readonly height: number;
  readonly labelWidth: number;
  readonly columns: readonly ColumnShape[];
  readonly rows: readonly RowShape[];
  readonly plates: readonly PlateShape[];
  readonly joins: readonly JoinShape[];
  /** The line that the first namespaces stand on. */
  readonly foot: number;
  readonly processes: number;
  readonly sets: number;
  /** Processes for which there is no row. */
  readonly hidden: number;
}

export const HEAD = 58;
export const FOOT = 34;
const ROW = { full: 30, compact: 23 };
const LEFT = 12;
const RIGHT = 12;
const NARROW = 460;
/** A row for each process while there are no more than this, even if they have to scroll. */
const ROWS_LEAST = 10;
const ROWS_MOST = 60;
/** Space between rows of different sets. */
const SET_GAP = 5;
const COLUMN_MOST = 74;

interface Row {
  readonly key: string;
  readonly kind: RowShape["kind"];
  readonly members: readonly TaskEntity[];
  readonly label: string;
  readonly sets: number;
  readonly setKey: string;
  /** By kind, the namespace and those it is nested in, without the first; empty for the first; undefined for none. */
  readonly chains: Readonly<Partial<Record<NamespaceKind, readonly number[]>>>;
}

/** What tells namespaces apart at a glance: the last digits of the inode number. */
export function shortIno(ino: number): string {
  return String(ino).slice(-4);
}

/** Processes in the order of the tree: children after their parent, in order of birth. */
function listByTree(tasks: ReadonlyMap<number, TaskEntity>): TaskEntity[] {
  const children = new Map<number, TaskEntity[]>();
  for (const task of tasks.values()) {
    const parent = tasks.has(task.ppid) && task.ppid !== task.pid ? task.ppid : 0;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [task]);
    else siblings.push(task);
  }
  const listed: TaskEntity[] = [];
  const open: TaskEntity[] = [];
  const pushAll = (pid: number): void => {
    const below = children.get(pid) ?? [];
    below.sort((a, b) => b.startNs - a.startNs || b.pid - a.pid);
    open.push(...below);
  };
  pushAll(0);
  for (let task = open.pop(); task !== undefined; task = open.pop()) {
    listed.push(task);
    pushAll(task.pid);
  }
  return listed;
}

/** What was found for a process holds as long as it is told of by the same entity: most of thousands are idle. */
const setKeys = new WeakMap<TaskEntity, string>();

function getSetKey(task: TaskEntity): string {
  let key = setKeys.get(task);
  if (key === undefined) {
    key = KINDS.map(({ kind }) => task.namespaces[kind] ?? 0).join(" ");
    setKeys.set(task, key);
  }
  return key;
}

function describeMembers(members: readonly TaskEntity[]): string {
  const names = new Set(members.map((task) => task.comm));
  return [...names].slice(0, 3).join(", ");
}

class Rows {
  private readonly first: ReadonlyMap<NamespaceKind, number>;

  constructor(private readonly input: NamespaceInput) {
    this.first = findFirst(input.namespaces);
  }

  /** Rows for at most `room` lines, if that can be. */
  list(room: number): { readonly rows: readonly Row[]; readonly sets: number } {
    const sets = new Map<string, TaskEntity[]>();
    for (const task of listByTree(this.input.tasks)) {
      const key = getSetKey(task);
      const members = sets.get(key);
      if (members === undefined) sets.set(key, [task]);
      else members.push(task);
    }
    const most = Math.max(ROWS_LEAST, room);
    const rows = sets.size > Math.max(most, ROWS_MOST) ? this.foldSets(sets) : this.expandSets(this.bringTogether(sets), most);
    return { rows: [...rows, ...this.listEmpty(rows)], sets: sets.size };
  }

  /** Sets that share a namespace which others do not have stand next to each other, as far as that can be; else in the order of the tree. */
  private bringTogether(sets: ReadonlyMap<string, readonly TaskEntity[]>): ReadonlyMap<string, readonly TaskEntity[]> {
    const own = new Map<string, ReadonlySet<number>>();
    for (const [key, [lead]] of sets) own.set(key, new Set(lead === undefined ? [] : Object.values(this.getChains(lead)).flat()));
    const waiting = new Set(sets.keys());
    const ordered = new Map<string, readonly TaskEntity[]>();
    let last: ReadonlySet<number> = new Set();
    while (waiting.size > 0) {
      let next = "";
      let most = -1;
      for (const key of waiting) {
        let shared = 0;
        for (const ino of own.get(key) ?? []) if (last.has(ino)) shared++;
        if (shared <= most) continue;
        most = shared;
        next = key;
      }
      waiting.delete(next);
      ordered.set(next, sets.get(next) ?? []);
      last = own.get(next) ?? last;
    }
    return ordered;
  }

  /** Each set as one row, then the smallest ones a row a process, as long as there is room. */
  private expandSets(sets: ReadonlyMap<string, readonly TaskEntity[]>, most: number): Row[] {
    let free = most - sets.size;
    const open = new Set<string>();
    for (const [key, members] of [...sets].sort((a, b) => a[1].length - b[1].length)) {
      if (members.length - 1 > free) break;
      free -= members.length - 1;
      open.add(key);
    }
    const rows: Row[] = [];
    for (const [setKey, members] of sets) {
      const lead = members[0] as TaskEntity;
      const chains = this.getChains(lead);
      if (!open.has(setKey)) {
        const label = describeMembers(members);
        rows.push({ key: `s${lead.pid}`, kind: "set", members, label, sets: 1, setKey, chains });
      } else {
        for (const task of members)
          rows.push({ key: `p${task.pid}`, kind: "process", members: [task], label: task.comm, sets: 1, setKey, chains });
      }
    }
    return rows;
  }

  /** Sets that differ from the first namespaces in the same kinds, as one row. */
  private foldSets(sets: ReadonlyMap<string, readonly TaskEntity[]>): Row[] {
    const alike = new Map<string, { readonly lead: TaskEntity; readonly members: TaskEntity[]; sets: number }>();
    for (const members of sets.values()) {
      const lead = members[0] as TaskEntity;
      const own = KINDS.map(({ kind }) =>
        lead.namespaces[kind] === undefined ? "-" : lead.namespaces[kind] === this.first.get(kind) ? 0 : 1,
      );
      const fold = alike.get(own.join(""));
      if (fold === undefined) alike.set(own.join(""), { lead, members: [...members], sets: 1 });
      else {
        fold.members.push(...members);
        fold.sets++;
      }
    }
    return [...alike.entries()].map(([setKey, { lead, members, sets: count }]) => ({
      key: `f${setKey}`,
      kind: count === 1 ? "set" : "fold",
      members,
      label: describeMembers(members),
      sets: count,
      setKey,
      chains: this.getChains(lead),
    }));
  }

  private getChains(task: TaskEntity): Row["chains"] {
    const chains: Partial<Record<NamespaceKind, readonly number[]>> = {};
    for (const { kind } of KINDS) {
      const ino = task.namespaces[kind];
      if (ino !== undefined) chains[kind] = this.getChain(kind, ino);
    }
    return chains;
  }

  private getChain(kind: NamespaceKind, ino: number): readonly number[] {
    const chain = kind === "pid" || kind === "user" ? listChain(this.input.namespaces, ino) : [ino];
    return chain.filter((one) => one !== this.first.get(kind));
  }

  /** Namespaces that no process is in: an open file or a mount keeps them, or they wait for a first child. */
  private listEmpty(rows: readonly Row[]): Row[] {
    // Among so many sets as are folded, most namespaces have no row of theirs.
    if (rows.some((row) => row.kind === "fold")) return [];
    const used = new Set<number>(rows.flatMap((row) => Object.values(row.chains).flat()));
    const empty: Row[] = [];
    for (const { kind, ino } of this.input.namespaces.values()) {
      if (used.has(ino) || this.first.get(kind) === ino) continue;
      const chains = { [kind]: this.getChain(kind, ino) };
      empty.push({ key: `e${ino}`, kind: "empty", members: [], label: "no process", sets: 0, setKey: `e${ino}`, chains });
    }
    return empty;
  }
}

export function layoutNamespaces(input: NamespaceInput): NamespaceShapes {
  const room = input.height - HEAD - FOOT;
  const { rows: listed, sets } = new Rows(input).list(Math.floor(room / ROW.compact));
  const rows = listed.slice(0, ROWS_MOST);
  const gaps = rows.filter((row, i) => i > 0 && row.setKey !== rows[i - 1]?.setKey).length * SET_GAP;
  const rowHeight = rows.length * ROW.full + gaps <= room ? ROW.full : ROW.compact;
  const narrow = input.width < NARROW;
  const labelWidth = Math.round(narrow ? Math.max(84, input.width * 0.25) : Math.min(190, input.width * 0.26));
  const columnWidth = Math.max(28, Math.min(COLUMN_MOST, Math.floor((input.width - LEFT - RIGHT - labelWidth) / KINDS.length)));
  let y = HEAD;
  const tops = rows.map((row, i) => {
    if (i > 0 && row.setKey !== rows[i - 1]?.setKey) y += SET_GAP;
    const top = y;
    y += rowHeight;
    return top;
  });
  const first = findFirst(input.namespaces);
  const counts = new Map<NamespaceKind, number>();
  for (const { kind } of input.namespaces.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const shapes = rows.map((row, i) => makeRow(row, tops[i] ?? 0, rowHeight, rows[i - 1]?.setKey !== row.setKey));
  const columns = KINDS.map(({ kind }, i): ColumnShape => {
    const at = shapes.find((row) => row.points.includes(kind));
    const others = Math.max(0, (counts.get(kind) ?? 0) - 1);
    const x = LEFT + labelWidth + i * columnWidth;
    return { kind, x, width: columnWidth, firstIno: first.get(kind), top: at === undefined ? y : at.y + rowHeight / 2, others };
  });
  const plates = columns.flatMap((column) => layoutPlates(column, rows, tops, rowHeight, input.namespaces));
  const shown = rows.reduce((sum, row) => sum + row.members.length, 0);
  return {
    width: Math.max(input.width, LEFT + labelWidth + KINDS.length * columnWidth + RIGHT),
    height: Math.max(input.height, y + FOOT),
    labelWidth,
    columns,
    rows: shapes,
    plates,
    joins: joinPlates(plates),
    foot: y + 12,
    processes: input.tasks.size,
    sets,
    hidden: input.tasks.size - shown,
  };
}

function makeRow(row: Row, y: number, height: number, begins: boolean): RowShape {
  const points = KINDS.filter(({ kind }) => row.chains[kind]?.length === 0).map(({ kind }) => kind);
  return {
    key: row.key,
    kind: row.kind,
    y,
    height,
    label: row.label,
    pids: row.members.map((task) => task.pid),
    sets: row.sets,
    begins,
    points,
  };
}

/** Plates of one column: a run of rows that are in the same namespace, or in one that is nested in it. */
function layoutPlates(
  column: ColumnShape,
  rows: readonly Row[],
  tops: readonly number[],
  rowHeight: number,
  namespaces: ReadonlyMap<number, NamespaceEntity>,
): PlateShape[] {
  const plates: PlateShape[] = [];
  const runs = new Map<number, number>();
  const inos = new Set(rows.flatMap((row) => row.chains[column.kind] ?? []));
  for (const ino of inos) {
    for (let from = 0; from < rows.length; from++) {
      if (!isIn(rows[from], column.kind, ino)) continue;
      let to = from;
      // What one row folds is many namespaces, not one that goes on.
      while (rows[from]?.kind !== "fold" && rows[to + 1]?.kind !== "fold" && isIn(rows[to + 1], column.kind, ino)) to++;
      const run = runs.get(ino) ?? 0;
      runs.set(ino, run + 1);
      plates.push(makePlate({ column, ino, run, from, to }, rows, tops, rowHeight, namespaces));
      from = to;
    }
  }
  // Outer ones below those that are nested in them.
  return plates.sort((a, b) => a.level - b.level);
}

function joinPlates(plates: readonly PlateShape[]): JoinShape[] {
  const joins: JoinShape[] = [];
  const above = new Map<number, PlateShape>();
  for (const plate of [...plates].sort((a, b) => a.y - b.y)) {
    const { kind, ino, x, y, width } = plate;
    const before = above.get(ino);
    above.set(ino, plate);
    // Beside the middle, where the line of the first namespace may be.
    if (before !== undefined) joins.push({ key: plate.key, kind, ino, x: x + width - 5, y1: before.y + before.height, y2: y });
  }
  return joins;
}

function isIn(row: Row | undefined, kind: NamespaceKind, ino: number): boolean {
  return row?.chains[kind]?.includes(ino) === true;
}

interface Run {
  readonly column: ColumnShape;
  readonly ino: number;
  readonly run: number;
  readonly from: number;
  readonly to: number;
}

/** Character of the small mono face. */
const ADVANCE = 6.1;

function makePlate(
  { column, ino, run, from, to }: Run,
  rows: readonly Row[],
  tops: readonly number[],
  rowHeight: number,
  namespaces: ReadonlyMap<number, NamespaceEntity>,
): PlateShape {
  const { kind } = column;
  const row = rows[from] as Row;
  const chain = row.chains[kind] ?? [];
  const level = chain.length - chain.indexOf(ino);
  const inset = Math.min(level - 1, 3);
  const side = column.width < 40 ? 2 : 4;
  const nested = inset * (column.width < 40 ? 2 : 4);
  const width = column.width - 2 * side - 2 * nested;
  const top = (tops[from] ?? 0) + 2 + inset * 2.5;
  const bottom = (tops[to] ?? 0) + rowHeight - 2 - inset * 2.5;
  const count = row.kind === "fold" ? row.sets : 1;
  // Its own words stand in the first row of its own, not on a plate that is nested in it.
  let own = from;
  while (own <= to && rows[own]?.chains[kind]?.[0] !== ino) own++;
  const label = namespaces.get(ino)?.label;
  const most = Math.floor((width - 4) / ADVANCE);
  const hasLabel = kind === "uts" && count === 1 && label !== undefined && rowHeight === ROW.full && label.length <= most;
  const text = count > 1 ? `×${count}` : shortIno(ino).slice(-Math.max(2, most));
  return {
    key: `${kind}${ino}.${run}`,
    kind,
    ino,
    count,
    x: column.x + side + nested,
    y: top,
    width,
    height: bottom - top,
    level,
    words: own > to || text.length > most ? undefined : { y: (tops[own] ?? 0) + rowHeight / 2, text, label: hasLabel ? label : undefined },
    row: from,
  };
}
