/**
 * The mounts of one namespace as shapes: a pure function of its mounts, the directories that are open and the room there is.
 *
 * A row for each mount, indented below what it sits on; where a directory is open, its entries are rows too and the mounts below it stand among them.
 * On the right a rail for every other mount namespace: what a mount shares with mounts there is a line to that rail.
 */
import type { FileEntry, MountEntity } from "../../bridge/messages.ts";
import { isDirectory, isWithin, joinPath } from "./names.ts";

/** What is known of a directory that is open. */
export type Listing =
  | { readonly kind: "asked" }
  | { readonly kind: "error"; readonly errno: string }
  | { readonly kind: "entries"; readonly entries: readonly FileEntry[]; readonly total: number; readonly mount: number };

export interface FilesInput {
  /** Of all namespaces. */
  readonly mounts: Iterable<MountEntity>;
  /** The namespace that is drawn. */
  readonly mntNs: number;
  /** The others, in a stable order. */
  readonly others: readonly { readonly mntNs: number; readonly label: string }[];
  /** What is open, by path. */
  readonly open: ReadonlyMap<string, Listing>;
  /** How many entries of a directory are drawn, where it is not `FIRST_ENTRIES`. */
  readonly shown: ReadonlyMap<string, number>;
  readonly width: number;
}

export type Propagation = "shared" | "slave" | "slave and shared" | "private" | "unbindable";

interface RowPlace {
  /** Stable over time. */
  readonly key: string;
  readonly parentKey: string | undefined;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly path: string;
}

export type RowShape = RowPlace &
  (
    | {
        readonly kind: "mount";
        readonly mount: MountEntity;
        readonly propagation: Propagation;
        /** Whether a path leads to it, so that it can be opened. */
        readonly reachable: boolean;
        readonly open: boolean;
        /** The mount that hides it. */
        readonly coveredBy: number | undefined;
      }
    | { readonly kind: "entry"; readonly entry: FileEntry; readonly mountId: number; readonly open: boolean }
    /** Words instead of entries; `more` entries can be had by asking for them. */
    | { readonly kind: "note"; readonly text: string; readonly more: number }
  );

export interface RailShape {
  readonly mntNs: number;
  readonly label: string;
  readonly x: number;
}

/** A line from a mount's row to the rails of other namespaces, or to a later row of the same group in this one. */
export interface TieShape {
  readonly key: string;
  readonly kind: "peer" | "to" | "from";
  readonly group: number;
  readonly path: string;
  /** Where rails are met. */
  readonly ends: readonly { readonly x: number; readonly y: number }[];
  readonly rowKey: string;
}

export interface LinkShape {
  readonly key: string;
  readonly path: string;
  readonly kind: "mount" | "trunk";
}

export interface FilesShapes {
  readonly width: number;
  readonly height: number;
  readonly rows: readonly RowShape[];
  /** To mounts a line; beside entries a trunk alone. */
  readonly links: readonly LinkShape[];
  readonly rails: readonly RailShape[];
  readonly ties: readonly TieShape[];
  /** Where the marks of propagation stand. */
  readonly marksX: number;
  /** Namespaces for which there is no rail; rows that are not drawn. */
  readonly hiddenRails: number;
  readonly hiddenRows: number;
  readonly mountCount: number;
  readonly coveredCount: number;
  readonly top: number;
}

export const INDENT = 22;
export const MOUNT_HEIGHT = 40;
const MOUNT_PITCH = 50;
export const ENTRY_PITCH = 21;
export const FIRST_ENTRIES = 60;
const MARGIN = { left: 16, right: 14, top: 34, bottom: 22 };
/** Room above the rows for the upright names of the rails. */
const RAIL_NAMES = 52;
const RAIL_PITCH = 26;
/** The column of the marks, with the lanes that tie rows of one group. */
const MARKS_WIDTH = 50;
const LANE = 6;
const MOST_LANES = 5;
/** Deeper rows are not indented further. */
const MOST_INDENTS = 12;
/** Beyond so many, rows are counted and not drawn. */
const MOST_ROWS = 900;

export function getPropagation(mount: MountEntity): Propagation {
  if (mount.unbindable) return "unbindable";
  if (mount.shared !== undefined) return mount.master !== undefined ? "slave and shared" : "shared";
  return mount.master !== undefined ? "slave" : "private";
}

/** Builds rows from top to bottom. */
class RowBuilder {
  readonly rows: RowShape[] = [];
  private y: number;
  private readonly children = new Map<number, MountEntity[]>();
  private readonly placed = new Set<number>();

  constructor(
    private readonly input: FilesInput,
    mounts: readonly MountEntity[],
    top: number,
    private readonly right: number,
    /** Entries have no marks of propagation beside them. */
    private readonly entryRight: number,
  ) {
    this.y = top;
    for (const mount of mounts) {
      if (mount.parent === undefined) continue;
      const list = this.children.get(mount.parent);
      if (list === undefined) this.children.set(mount.parent, [mount]);
      else list.push(mount);
    }
    for (const list of this.children.values()) list.sort((a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : a.id - b.id));
  }

  /** Rows that have no room. */
  hidden = 0;

  get bottom(): number {
    return this.y;
  }

  private isFull(): boolean {
    if (this.rows.length < MOST_ROWS) return false;
    this.hidden++;
    return true;
  }

  addMount(mount: MountEntity, depth: number, parentKey: string | undefined): void {
    if (this.placed.has(mount.id)) return;
    this.placed.add(mount.id);
    if (this.isFull()) return;
    const key = `mount:${mount.id}`;
    const over = this.children.get(mount.id)?.find(({ target }) => target === mount.target);
    const reachable = !mount.covered;
    const listing = reachable ? this.input.open.get(mount.target) : undefined;
    const place = this.place(key, parentKey, depth, mount.target, MOUNT_HEIGHT, MOUNT_PITCH);
    const state = { propagation: getPropagation(mount), reachable, open: listing !== undefined, coveredBy: over?.id };
    this.rows.push({ ...place, kind: "mount", mount, ...state });
    if (listing !== undefined) this.addListing(mount.target, mount, listing, depth + 1, key);
    for (const child of this.children.get(mount.id) ?? []) this.addMount(child, depth + 1, key);
  }

  /** The entries of an open directory; `mount` is the one that the directory is on. */
  private addListing(directory: string, mount: MountEntity, listing: Listing, depth: number, parentKey: string): void {
    const note = (text: string, more = 0): void => {
      const place = this.place(`note:${directory}`, parentKey, depth, directory, ENTRY_PITCH, ENTRY_PITCH);
      this.rows.push({ ...place, kind: "note", text, more });
    };
    if (listing.kind === "asked") return note("…");
    if (listing.kind === "error") return note(listing.errno);
    if (listing.entries.length === 0) return note("empty");
    const most = this.input.shown.get(directory) ?? FIRST_ENTRIES;
    for (const entry of listing.entries.slice(0, most)) this.addEntry(joinPath(directory, entry.name), entry, mount, depth, parentKey);
    const left = listing.total - Math.min(most, listing.entries.length);
    if (left > 0) note(`and ${left} more`, Math.max(0, listing.entries.length - most));
    this.y += 7;
  }

  private addEntry(path: string, entry: FileEntry, mount: MountEntity, depth: number, parentKey: string): void {
    // What is mounted right here stands in the place of the directory below it.
    const here = (this.children.get(mount.id) ?? []).filter(({ target }) => isWithin(target, path));
    const at = here.filter(({ target }) => target === path);
    if (at.length > 0) {
      for (const child of at) this.addMount(child, depth, parentKey);
      return;
    }
    if (this.isFull()) return;
    const key = `entry:${path}`;
    const listing = isDirectory(entry.mode) ? this.input.open.get(path) : undefined;
    const place = this.place(key, parentKey, depth, path, ENTRY_PITCH, ENTRY_PITCH);
    this.rows.push({ ...place, kind: "entry", entry, mountId: mount.id, open: listing !== undefined });
    if (listing !== undefined) this.addListing(path, mount, listing, depth + 1, key);
    for (const child of here) this.addMount(child, depth + 1, key);
  }

  private place(key: string, parentKey: string | undefined, depth: number, path: string, height: number, pitch: number): RowPlace {
    const x = MARGIN.left + Math.min(depth, MOST_INDENTS) * INDENT;
    const before = this.rows.at(-1);
    // A mount stands clear of the lines of text above it.
    if (before !== undefined && before.kind !== "mount" && height === MOUNT_HEIGHT) this.y += 6;
    const { y } = this;
    this.y += pitch;
    const right = height === MOUNT_HEIGHT ? this.right : this.entryRight;
    return { key, parentKey, x, y, width: Math.max(120, right - x), height, depth, path };
  }
}

export function layoutFiles(input: FilesInput): FilesShapes {
  const all = [...input.mounts];
  const mounts = all.filter(({ mntNs }) => mntNs === input.mntNs).sort((a, b) => a.id - b.id);
  const ids = new Set(mounts.map(({ id }) => id));
  const rails = chooseRails(input, all, mounts);
  const drawn = rails.slice(0, Math.max(1, Math.floor((input.width * (input.width < 480 ? 0.21 : 0.34)) / RAIL_PITCH)));
  const top = MARGIN.top + (drawn.length > 0 ? RAIL_NAMES : 0);
  const railsLeft = input.width - MARGIN.right - drawn.length * RAIL_PITCH;
  const marksX = railsLeft - MARKS_WIDTH + 11;
  const builder = new RowBuilder(input, mounts, top, marksX - 14, drawn.length > 0 ? marksX - 14 : input.width - MARGIN.right);
  for (const mount of mounts) if (mount.parent === undefined || !ids.has(mount.parent)) builder.addMount(mount, 0, undefined);
  const placedRails = drawn.map(({ mntNs, label }, i) => ({ mntNs, label, x: railsLeft + i * RAIL_PITCH + RAIL_PITCH / 2 }));
  return {
    width: input.width,
    height: builder.bottom + MARGIN.bottom,
    rows: builder.rows,
    links: linkRows(builder.rows),
    rails: placedRails,
    ties: [...tieRows(builder.rows, marksX), ...tieRails(builder.rows, all, placedRails, marksX)],
    marksX,
    hiddenRails: rails.length - drawn.length,
    hiddenRows: builder.hidden,
    mountCount: mounts.length,
    coveredCount: mounts.filter(({ covered }) => covered).length,
    top,
  };
}

/** Other namespaces, those first that something is shared with. */
function chooseRails(input: FilesInput, all: readonly MountEntity[], mounts: readonly MountEntity[]): FilesInput["others"] {
  const groups = new Set(mounts.flatMap(({ shared, master }) => [shared, master].filter((group) => group !== undefined)));
  const tied = new Set<number>();
  for (const { mntNs, shared, master } of all) {
    if ((shared !== undefined && groups.has(shared)) || (master !== undefined && groups.has(master))) tied.add(mntNs);
  }
  const others = input.others.filter(({ mntNs }) => mntNs !== input.mntNs);
  return [...others.filter(({ mntNs }) => tied.has(mntNs)), ...others.filter(({ mntNs }) => !tied.has(mntNs))];
}

/** The middle of the line of a row's box. */
const middleOf = (row: RowShape): number => row.y + (row.kind === "mount" ? MOUNT_HEIGHT : ENTRY_PITCH) / 2;

/** From each mount down and across to what stands on it; entries have a trunk beside them. */
function linkRows(rows: readonly RowShape[]): readonly LinkShape[] {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  const links: LinkShape[] = [];
  const trunks = new Map<string, LinkShape>();
  for (const row of rows) {
    const parent = row.parentKey === undefined ? undefined : byKey.get(row.parentKey);
    if (parent === undefined) continue;
    const x = `${parent.x + 9}.5`;
    const from = parent.y + (parent.kind === "mount" ? MOUNT_HEIGHT : ENTRY_PITCH - 5);
    if (row.kind !== "mount")
      trunks.set(parent.key, { key: `trunk:${parent.key}`, path: `M${x} ${from}V${row.y + ENTRY_PITCH - 3}`, kind: "trunk" });
    else if (row.x > parent.x + 9) links.push({ key: row.key, path: `M${x} ${from}V${middleOf(row)}H${row.x}`, kind: "mount" });
  }
  return [...trunks.values(), ...links];
}

/** Mounts of this namespace that are in one peer group are tied along a lane of their own. */
function tieRows(rows: readonly RowShape[], marksX: number): readonly TieShape[] {
  const groups = new Map<number, RowShape[]>();
  for (const row of rows) {
    if (row.kind !== "mount" || row.mount.shared === undefined) continue;
    groups.set(row.mount.shared, [...(groups.get(row.mount.shared) ?? []), row]);
  }
  const ties: TieShape[] = [];
  let lane = 0;
  for (const [group, members] of groups) {
    const [first, ...rest] = members;
    if (first === undefined || rest.length === 0) continue;
    const x = marksX + 16 + (lane++ % MOST_LANES) * LANE + 0.5;
    for (const row of rest) {
      const path = `M${marksX + 8} ${middleOf(first)}H${x}V${middleOf(row)}H${marksX + 8}`;
      ties.push({ key: `${group}:${row.key}`, kind: "peer", group, path, ends: [], rowKey: row.key });
    }
  }
  return ties;
}

/** Lines to the rails of the namespaces that have peers, receivers or senders of a row's mount. */
function tieRails(
  rows: readonly RowShape[],
  all: readonly MountEntity[],
  rails: readonly RailShape[],
  marksX: number,
): readonly TieShape[] {
  const sharers = new Map<number, Set<number>>();
  const receivers = new Map<number, Set<number>>();
  const note = (map: Map<number, Set<number>>, group: number | undefined, mntNs: number): void => {
    if (group === undefined) return;
    const known = map.get(group);
    if (known === undefined) map.set(group, new Set([mntNs]));
    else known.add(mntNs);
  };
  for (const { mntNs, shared, master } of all) {
    note(sharers, shared, mntNs);
    note(receivers, master, mntNs);
  }
  const ties: TieShape[] = [];
  for (const row of rows) {
    if (row.kind !== "mount") continue;
    const { shared, master } = row.mount;
    const add = (kind: TieShape["kind"], group: number | undefined, map: Map<number, Set<number>>, lift: number): void => {
      if (group === undefined) return;
      const y = middleOf(row) + lift;
      const ends = rails.filter(({ mntNs }) => map.get(group)?.has(mntNs)).map(({ x }) => ({ x, y }));
      const last = ends.at(-1);
      if (last === undefined) return;
      ties.push({ key: `${kind}:${row.key}`, kind, group, path: `M${marksX + 8} ${y}H${last.x}`, ends, rowKey: row.key });
    };
    add("peer", shared, sharers, 0);
    add("to", shared, receivers, 7);
    add("from", master, sharers, shared === undefined ? 0 : -7);
  }
  return ties;
}
