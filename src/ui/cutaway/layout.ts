/**
 * The cutaway as shapes: a pure function of what there is and of the room.
 *
 * The kernel is the keel at the bottom, drawn once. On it stand the host's own processes and, side by side, the containers. Under the containers lie
 * the layers of their images, each drawn once and as wide as all that stand on it: what is shared is seen to be shared. Where the compartments do not fit
 * they lose their processes first, then they become gauges.
 */
import type { CgroupEntity, ContainerEntity, ImageEntity, TaskEntity } from "../../bridge/messages.ts";

export interface CutawayInput {
  readonly containers: ReadonlyMap<string, ContainerEntity>;
  readonly images: ReadonlyMap<string, ImageEntity>;
  readonly tasks: ReadonlyMap<number, TaskEntity>;
  readonly cgroups: ReadonlyMap<number, CgroupEntity>;
  /** CPUs that a process uses now. */
  readonly shares: ReadonlyMap<number, number>;
  readonly width: number;
  readonly height: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Keeps a compartment of its own. */
  readonly selected?: string | undefined;
}

export interface RowShape {
  readonly pid: number;
  readonly comm: string;
  readonly state: TaskEntity["state"];
  /** Its number inside, where that is another one. */
  readonly inner: number | undefined;
  readonly depth: number;
  readonly x: number;
  readonly y: number;
  /** How far up the post of its parent is; 0 for one without. */
  readonly rise: number;
}

export interface GaugeShape {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** How full, 0 … 1. */
  readonly level: number;
  /** There is a limit: its line is the upper rim. */
  readonly limited: boolean;
}

export interface CompartmentShape {
  readonly key: string;
  /** Undefined for the host. */
  readonly container: ContainerEntity | undefined;
  readonly kind: "full" | "narrow";
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly processes: number;
  readonly rows: readonly RowShape[];
  /** Processes that have no row. */
  readonly more: number;
  readonly memory: GaugeShape | undefined;
  readonly memoryBytes: number;
  readonly cpu: GaugeShape;
  /** CPUs used now. */
  readonly cpuShare: number;
  readonly ports: readonly PortShape[];
  /** Its own layer, that it writes to; as wide as it is. */
  readonly upper: { readonly y: number; readonly height: number } | undefined;
}

/** A way through the deck. */
export interface PortShape {
  readonly key: string;
  readonly x: number;
  readonly host: string;
  readonly inside: string;
}

/** A layer of images: as wide as what stands on it. */
export interface SlabShape {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  /** How it was made, as the image's history tells. */
  readonly label: string;
  /** Containers that stand on it. */
  readonly sharers: number;
  /** So many layers in one. */
  readonly joined: number;
}

/** One of many: a small vessel. */
export interface PodShape {
  readonly container: ContainerEntity;
  readonly x: number;
  readonly y: number;
  readonly level: number;
  readonly busy: number;
}

export interface CutawayShapes {
  readonly width: number;
  readonly height: number;
  readonly deckY: number;
  readonly keel: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly host: CompartmentShape;
  readonly compartments: readonly CompartmentShape[];
  readonly slabs: readonly SlabShape[];
  readonly pods: readonly PodShape[];
  readonly podSize: { readonly width: number; readonly height: number };
  /** Without processes: created, exited. */
  readonly stopped: readonly { readonly container: ContainerEntity; readonly x: number; readonly y: number; readonly width: number }[];
  readonly hidden: number;
  readonly stoppedY: number;
}

const MARGIN = 14;
const GAP = 14;
const DECK = 46;
const KEEL = 52;
const HOST_MOST = 210;
const FULL_MOST = 250;
const FULL_LEAST = 148;
const NARROW_LEAST = 74;
const HEAD = 50;
const ROW = 17;
const SLAB = 13;
const UPPER = 12;
/** Layers of one image that have a slab of their own. */
const SLABS_MOST = 8;
const GAUGE_WIDTH = 26;
const CHIP = 22;
const CHIP_WIDTH = 132;
const POD = { width: 46, height: 54 };

/** Whether it has processes. */
export function isAlive({ state }: ContainerEntity): boolean {
  return state === "running" || state === "paused" || state === "restarting";
}

/** The container that each process is in, by the path of its cgroup; and the cgroups of the containers. */
export function findContainers(cgroups: ReadonlyMap<number, CgroupEntity>): {
  readonly ofCgroup: ReadonlyMap<number, string>;
  readonly cgroupOf: ReadonlyMap<string, CgroupEntity>;
} {
  const ofCgroup = new Map<number, string>();
  const cgroupOf = new Map<string, CgroupEntity>();
  for (const cgroup of cgroups.values()) {
    const match = /\/(?:docker|docker-)?\/?([0-9a-f]{64})(?:\.scope)?(\/|$)/.exec(cgroup.path);
    if (match === null) continue;
    const id = match[1] as string;
    ofCgroup.set(cgroup.id, id);
    if (match[2] === "") cgroupOf.set(id, cgroup);
  }
  return { ofCgroup, cgroupOf };
}

export function layoutCutaway(input: CutawayInput): CutawayShapes {
  const { containers, width, height } = input;
  const { ofCgroup, cgroupOf } = findContainers(input.cgroups);
  const members = new Map<string | undefined, TaskEntity[]>();
  for (const task of input.tasks.values()) {
    const id = ofCgroup.get(task.cgroup);
    const key = id !== undefined && containers.has(id) ? id : undefined;
    const list = members.get(key);
    if (list === undefined) members.set(key, [task]);
    else list.push(task);
  }
  const alive = inBerths([...containers.values()].filter(isAlive), input.images);
  const rest = [...containers.values()].filter((container) => !isAlive(container)).sort(byCreation);
  const room = { ...input, members, cgroupOf };

  const hostWidth = Math.min(HOST_MOST, Math.max(110, width * (width < 480 ? 0.4 : 0.24)));
  const left = MARGIN + hostWidth + GAP;
  const free = Math.max(0, width - MARGIN - left);
  const columns = Math.max(1, Math.floor((free + GAP) / (CHIP_WIDTH + GAP)));
  const stoppedRows = Math.min(3, Math.ceil(rest.length / columns));
  const keelY = Math.max(height - MARGIN - KEEL, DECK + HEAD + 6 * ROW + SLABS_MOST * SLAB + UPPER + 40 + stoppedRows * CHIP);
  const stoppedY = keelY - stoppedRows * CHIP - (stoppedRows > 0 ? 16 : 0);
  const floorY = stoppedY - 12;

  // Every compartment is as wide as every other, so that what comes and goes moves little.
  const fitting = Math.max(1, Math.floor((free + GAP) / (NARROW_LEAST + GAP)));
  const asPods = alive.length > fitting ? alive.filter(({ id }) => id !== input.selected) : [];
  const berths = alive.length > fitting ? alive.filter(({ id }) => id === input.selected) : alive;
  const each = berths.length === 0 ? 0 : Math.min(FULL_MOST, (free - GAP * (berths.length - 1)) / berths.length);
  const at = berths.map((container, i) => ({ container, x: left + i * (each + GAP), width: each }));

  const slabs = asPods.length > 0 ? [] : layoutSlabs(at, input.images, floorY);
  const compartments = at.map((berth) => {
    const layers = Math.min(SLABS_MOST, diffIdsOf(berth.container, input.images).length);
    const bottom = floorY - (asPods.length > 0 ? 0 : layers * SLAB);
    return layoutCompartment(room, berth.container, {
      ...{ x: berth.x, width: berth.width, y: DECK, bottom },
      kind: each >= FULL_LEAST ? "full" : "narrow",
    });
  });
  const host = layoutCompartment(room, undefined, { x: MARGIN, width: hostWidth, y: DECK, bottom: keelY - 6, kind: "full" });
  const podsLeft = berths.length > 0 && asPods.length > 0 ? left + each + GAP : left;
  const pods = layoutPods(room, asPods, podsLeft, width - MARGIN, DECK + 8, floorY);
  const shownStopped = rest.slice(0, columns * stoppedRows);
  return {
    width,
    height: keelY + KEEL + MARGIN,
    deckY: DECK - 10,
    keel: { x: MARGIN, y: keelY, width: width - 2 * MARGIN, height: KEEL },
    host,
    compartments,
    slabs,
    pods: pods.shown,
    podSize: POD,
    stopped: shownStopped.map((container, i) => ({
      container,
      x: left + (i % columns) * (CHIP_WIDTH + GAP),
      y: stoppedY + Math.floor(i / columns) * CHIP,
      width: CHIP_WIDTH,
    })),
    hidden: pods.hidden + rest.length - shownStopped.length,
    stoppedY,
  };
}

function byCreation(a: ContainerEntity, b: ContainerEntity): number {
  return a.created < b.created ? -1 : a.created > b.created ? 1 : a.id < b.id ? -1 : 1;
}

function diffIdsOf({ imageId }: ContainerEntity, images: ReadonlyMap<string, ImageEntity>): readonly string[] {
  return images.get(imageId)?.diffIds ?? [];
}

/** Beside each other what stands on the same layers; within that, and among those, by age. */
function inBerths(containers: readonly ContainerEntity[], images: ReadonlyMap<string, ImageEntity>): ContainerEntity[] {
  const arrange = (some: readonly ContainerEntity[], depth: number): ContainerEntity[] => {
    const groups = new Map<string, ContainerEntity[]>();
    for (const container of some) {
      const layer = diffIdsOf(container, images)[depth] ?? "";
      const group = groups.get(layer);
      if (group === undefined) groups.set(layer, [container]);
      else group.push(container);
    }
    return [...groups].flatMap(([layer, group]) => (layer === "" ? group : arrange(group, depth + 1)));
  };
  return arrange([...containers].sort(byCreation), 0);
}

interface Berth {
  readonly container: ContainerEntity;
  readonly x: number;
  readonly width: number;
}

function layoutSlabs(berths: readonly Berth[], images: ReadonlyMap<string, ImageEntity>, floorY: number): SlabShape[] {
  const slabs: SlabShape[] = [];
  const open: { diffId: string; first: Berth; last: Berth; sharers: number; depth: number; label: string; joined: number }[] = [];
  const close = (from: number): void => {
    for (const { diffId, first, last, sharers, depth, label, joined } of open.splice(from)) {
      slabs.push({
        ...{ key: `${diffId} ${first.container.id}`, depth, label, sharers, joined },
        ...{ x: first.x, width: last.x + last.width - first.x, y: floorY - (depth + 1) * SLAB, height: SLAB },
      });
    }
  };
  for (const berth of berths) {
    const image = images.get(berth.container.imageId);
    const layers = joinLayers(image);
    const same = open.findIndex((slab, depth) => slab.diffId !== layers[depth]?.diffId);
    const kept = same < 0 ? open.length : same;
    close(kept);
    for (const slab of open) {
      slab.last = berth;
      slab.sharers++;
    }
    for (let depth = kept; depth < layers.length; depth++) {
      const layer = layers[depth] as { diffId: string; label: string; joined: number };
      open.push({ ...layer, first: berth, last: berth, sharers: 1, depth });
    }
  }
  close(0);
  return slabs;
}

/** The layers of an image with how they were made; those above the seventh are one. */
function joinLayers(image: ImageEntity | undefined): { diffId: string; label: string; joined: number }[] {
  if (image === undefined) return [];
  const steps = image.history.filter(({ empty }) => !empty);
  const layers = image.diffIds.map((diffId, i) => ({ diffId, label: tellStep(steps[i]), joined: 1 }));
  if (layers.length <= SLABS_MOST) return layers;
  const above = layers.slice(SLABS_MOST - 1);
  const key = above.map(({ diffId }) => diffId).join();
  return [...layers.slice(0, SLABS_MOST - 1), { diffId: key, label: `${above.length} more layers`, joined: above.length }];
}

function tellStep(step: ImageEntity["history"][number] | undefined): string {
  if (step === undefined) return "layer";
  const words = step.createdBy.replace(/^\/bin\/sh -c (#\(nop\) *)?/, "").replace(/\s+/g, " ");
  return words === "" ? step.comment || "layer" : words;
}

interface Room extends CutawayInput {
  readonly members: ReadonlyMap<string | undefined, readonly TaskEntity[]>;
  readonly cgroupOf: ReadonlyMap<string, CgroupEntity>;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly bottom: number;
  readonly kind: "full" | "narrow";
}

function layoutCompartment(room: Room, container: ContainerEntity | undefined, place: Place): CompartmentShape {
  const { x, y, width, bottom, kind } = place;
  const tasks = room.members.get(container?.id) ?? [];
  const cgroup = container === undefined ? undefined : room.cgroupOf.get(container.id);
  const upperHeight = container === undefined ? 0 : UPPER;
  const height = bottom - upperHeight - y;
  const gaugesHeight = Math.max(30, height - HEAD - 12);
  const memory = cgroup?.memory;
  const limited = memory !== undefined && Number.isFinite(memory.maxBytes);
  const cpuShare = tasks.reduce((sum, { pid }) => sum + (room.shares.get(pid) ?? 0), 0);
  const cpuMost = container === undefined || container.limits.cpus === 0 ? room.cpus : container.limits.cpus;
  const gaugesX = kind === "full" ? width - GAUGE_WIDTH - 10 : (width - GAUGE_WIDTH) / 2;
  const gauge = container !== undefined || kind === "full";
  const vessel = { x: gaugesX, y: HEAD + 4, width: GAUGE_WIDTH };
  const rows = kind === "full" ? layoutRows(tasks, container, Math.floor((height - HEAD - 10) / ROW)) : [];
  return {
    key: container?.id ?? "host",
    ...{ container, kind, x, y, width, height, rows, cpuShare },
    processes: tasks.length,
    more: tasks.length - rows.length,
    memoryBytes: memory?.currentBytes ?? tasks.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    memory:
      container === undefined || !gauge
        ? undefined
        : {
            ...vessel,
            height: gaugesHeight - 18,
            limited,
            level: Math.min(1, (memory?.currentBytes ?? 0) / (limited ? memory.maxBytes : Math.max(room.memoryBytes, 1))),
          },
    cpu: {
      ...{ x: 8, y: HEAD - 12, width: width - 16, height: 5 },
      level: Math.min(1, cpuShare / cpuMost),
      limited: container !== undefined && container.limits.cpus > 0,
    },
    ports: (container === undefined ? [] : distinctPorts(container)).map(({ hostIp, hostPort, container: inside }, i) => ({
      key: `${hostIp}:${hostPort} ${inside}`,
      x: 18 + i * 58,
      host: String(hostPort),
      inside: inside.replace(/\/tcp$/, ""),
    })),
    upper: container === undefined ? undefined : { y: height, height: UPPER },
  };
}

/** One for both families of addresses. */
function distinctPorts({ ports }: ContainerEntity): ContainerEntity["ports"] {
  const seen = new Set<string>();
  return ports.filter(({ hostPort, container }) => {
    const key = `${hostPort} ${container}`;
    return seen.size !== seen.add(key).size;
  });
}

/** Parents before their children, as many as there is room for. */
function layoutRows(tasks: readonly TaskEntity[], container: ContainerEntity | undefined, most: number): RowShape[] {
  const here = new Map(tasks.map((task) => [task.pid, task]));
  const children = new Map<number, TaskEntity[]>();
  const tops: TaskEntity[] = [];
  for (const task of [...tasks].sort((a, b) => a.pid - b.pid)) {
    if (!here.has(task.ppid)) {
      tops.push(task);
      continue;
    }
    const siblings = children.get(task.ppid);
    if (siblings === undefined) children.set(task.ppid, [task]);
    else siblings.push(task);
  }
  const rows: RowShape[] = [];
  const atRow = new Map<number, number>();
  const room = tasks.length > most ? most - 1 : most;
  const place = (task: TaskEntity, depth: number): void => {
    if (rows.length >= room) return;
    const row = rows.length;
    atRow.set(task.pid, row);
    const parent = atRow.get(task.ppid);
    rows.push({
      ...{ pid: task.pid, comm: task.comm, state: task.state, depth },
      inner: container === undefined ? undefined : task.innerPids.at(-1),
      x: 10 + Math.min(depth, 6) * 11,
      y: HEAD + 8 + row * ROW,
      rise: parent === undefined || depth === 0 ? 0 : (row - parent) * ROW,
    });
    for (const child of children.get(task.pid) ?? []) place(child, depth + 1);
  };
  for (const top of tops) place(top, 0);
  return rows;
}

function layoutPods(
  room: Room,
  containers: readonly ContainerEntity[],
  left: number,
  right: number,
  top: number,
  bottom: number,
): { readonly shown: PodShape[]; readonly hidden: number } {
  const columns = Math.max(1, Math.floor((right - left) / POD.width));
  const rows = Math.max(1, Math.floor((bottom - top) / POD.height));
  const shown = containers.slice(0, columns * rows).map((container, i): PodShape => {
    const memory = room.cgroupOf.get(container.id)?.memory;
    const most = memory !== undefined && Number.isFinite(memory.maxBytes) ? memory.maxBytes : room.memoryBytes / 16;
    const busy = (room.members.get(container.id) ?? []).reduce((sum, { pid }) => sum + (room.shares.get(pid) ?? 0), 0);
    return {
      container,
      x: left + (i % columns) * POD.width,
      y: top + Math.floor(i / columns) * POD.height,
      level: Math.min(1, (memory?.currentBytes ?? 0) / most),
      busy: Math.min(1, busy),
    };
  });
  return { shown, hidden: containers.length - shown.length };
}
