/**
 * The cutaway as shapes: a pure function of what there is and of the room.
 *
 * The kernel is the keel at the bottom, drawn once. On it stand the host's own processes and, side by side, the containers. Under the containers lie
 * the layers of their images, each drawn once and as wide as all that stand on it: what is shared is seen to be shared. Containers of the same layers stand
 * together; where they do not fit beside each other they are stacked, then they lose their processes, then they become vessels, smaller and smaller.
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
  /** Of a shim among the host's processes: the container that it is the parent of. */
  readonly serves: string | undefined;
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
  /** How far above it the deck is that its ports lead through. */
  readonly drop: number;
  /** Bytes at the rim of its vessel; 0 where there is no limit. */
  readonly limitBytes: number;
  /** Its own layer, that it writes to; as wide as it is. */
  readonly upper: { readonly y: number; readonly height: number } | undefined;
}

/** A way through the deck. */
export interface PortShape {
  readonly key: string;
  /** Where the pipe is. */
  readonly x: number;
  readonly label: string;
  readonly title: string;
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

/** An image that nothing runs from: its layers, under its name. */
export interface RestingShape {
  readonly key: string;
  readonly name: string;
  readonly x: number;
  /** Where its name stands. */
  readonly y: number;
  readonly width: number;
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
  readonly resting: readonly RestingShape[];
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
const FULL_LEAST = { width: 122, height: 132 };
const NARROW_LEAST = { width: 74, height: 96 };
/** What the selected one takes among vessels. */
const SELECTED_WIDTH = 156;
/** Stacked on each other, at the most. */
const STACK_MOST = 8;
/** Between one compartment and the one below it; with room for what leads into that one. */
const STACK_GAP = 12;
const STACK_GAP_PORTS = 32;
/** How wide an image is that nothing stands on, and how many of these there are room for. */
const RESTING_WIDTH = 104;
const RESTING_MOST = 3;
/** The least that containers must keep for images at rest to be drawn beside them. */
const RESTING_LEAVES = 200;
const HEAD = 50;
const ROW = 17;
const SLAB = 13;
const UPPER = 12;
/** Layers of one image that have a slab of their own. */
const SLABS_MOST = 8;
const GAUGE_WIDTH = 26;
const CHIP = 22;
const CHIP_WIDTH = 132;
/** With the room between them. The least ones are told apart by their place only. */
const PODS = [
  { width: 46, height: 54 },
  { width: 34, height: 38 },
  { width: 24, height: 26 },
  { width: 16, height: 17 },
] as const;
const PORT_LETTER = 6.1;

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

  const hostWidth = Math.min(HOST_MOST, Math.max(110, width * (width < 480 ? 0.3 : 0.24)));
  const left = MARGIN + hostWidth + GAP;
  const free = Math.max(0, width - MARGIN - left);
  const columns = Math.max(1, Math.floor((free + GAP) / (CHIP_WIDTH + GAP)));
  const stoppedRows = Math.min(3, Math.ceil(rest.length / columns));
  const keelY = Math.max(height - MARGIN - KEEL, DECK + HEAD + 6 * ROW + SLABS_MOST * SLAB + UPPER + 40 + stoppedRows * CHIP);
  const stoppedY = keelY - stoppedRows * CHIP - (stoppedRows > 0 ? 16 : 0);
  const floorY = stoppedY - (stoppedRows > 0 ? 20 : 12);

  const groups = groupByLayers(alive, input.images);
  const resting = findResting(input, free, groups.at(-1)?.layers ?? [], alive.length);
  const restingWidth = resting.length * (RESTING_WIDTH + GAP);
  const plan = planBerths(groups, free - (groups.length === 0 ? 0 : restingWidth), floorY - DECK);
  const placed = plan.kind === "pods" ? placePods(room, plan, left, free, floorY) : placeCompartments(room, plan, left, floorY);
  const restingX = (placed.groups.at(-1)?.right ?? left - GAP) + GAP;
  const stacks = [
    ...placed.groups,
    ...resting.map((image, i) => {
      const x = restingX + i * (RESTING_WIDTH + GAP);
      return { layers: joinLayers(image), x, right: x + RESTING_WIDTH, standing: 0 };
    }),
  ];
  const host = layoutCompartment(room, undefined, { x: MARGIN, width: hostWidth, y: DECK, bottom: keelY - 6, kind: "full", drop: 0 });
  const shownStopped = rest.slice(0, columns * stoppedRows);
  return {
    width,
    height: keelY + KEEL + MARGIN,
    deckY: DECK - 10,
    keel: { x: MARGIN, y: keelY, width: width - 2 * MARGIN, height: KEEL },
    host,
    compartments: placed.compartments,
    slabs: layoutSlabs(stacks, floorY),
    resting: resting.map((image, i) => ({
      ...{ key: image.id, name: image.tags[0] ?? image.id.slice(0, 12), width: RESTING_WIDTH },
      ...{ x: restingX + i * (RESTING_WIDTH + GAP), y: floorY - joinLayers(image).length * SLAB - 6 },
    })),
    pods: placed.pods,
    podSize: plan.kind === "pods" ? plan.size : PODS[0],
    stopped: shownStopped.map((container, i) => ({
      container,
      x: left + (i % columns) * (CHIP_WIDTH + GAP),
      y: stoppedY + Math.floor(i / columns) * CHIP,
      width: CHIP_WIDTH,
    })),
    hidden: placed.hidden + rest.length - shownStopped.length,
    stoppedY,
  };
}

// ── Who stands where ─────────────────────────────────────────────────────────────────────────────────────────────────

type Layers = readonly { readonly diffId: string; readonly label: string; readonly joined: number }[];

/** Containers that stand on the very same layers. */
interface Group {
  readonly layers: Layers;
  readonly containers: readonly ContainerEntity[];
}

function groupByLayers(containers: readonly ContainerEntity[], images: ReadonlyMap<string, ImageEntity>): Group[] {
  const groups = new Map<string, { layers: Layers; containers: ContainerEntity[] }>();
  for (const container of containers) {
    const key = diffIdsOf(container, images).join();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { layers: joinLayers(images.get(container.imageId)), containers: [container] });
    else group.containers.push(container);
  }
  return [...groups.values()];
}

/** Images that nothing runs from, as many as there is room for; first those that share layers with what stands beside them. */
function findResting({ images, containers }: CutawayInput, free: number, beside: Layers, alive: number): ImageEntity[] {
  const most = Math.min(RESTING_MOST, Math.floor((free - alive * (RESTING_LEAVES + GAP)) / (RESTING_WIDTH + GAP)));
  if (most <= 0) return [];
  const used = new Set([...containers.values()].filter(isAlive).map(({ imageId }) => imageId));
  const common = ({ diffIds }: ImageEntity): number => {
    const differs = beside.findIndex(({ diffId }, depth) => diffId !== diffIds[depth]);
    return differs < 0 ? beside.length : differs;
  };
  return [...images.values()]
    .filter(({ id, tags }) => tags.length > 0 && !used.has(id))
    .sort((a, b) => common(b) - common(a) || String(a.diffIds).localeCompare(String(b.diffIds)) || (a.id < b.id ? -1 : 1))
    .slice(0, most);
}

type Plan =
  | {
      readonly kind: "full" | "narrow";
      readonly groups: readonly Group[];
      readonly rows: number;
      readonly each: number;
      readonly gap: number;
    }
  | { readonly kind: "pods"; readonly groups: readonly Group[]; readonly size: (typeof PODS)[number] };

/** As large as they all fit: with their processes in as few rows as possible; else as square as possible; else as vessels. */
function planBerths(groups: readonly Group[], free: number, tall: number): Plan {
  const published = groups.some(({ containers }) => containers.some(({ ports }) => ports.length > 0));
  const gap = UPPER + (published ? STACK_GAP_PORTS : STACK_GAP);
  const measured = Array.from({ length: STACK_MOST }, (_, i) => {
    const rows = i + 1;
    let columns = 0;
    let height = tall;
    for (const { containers, layers } of groups) {
      const wide = Math.ceil(containers.length / rows);
      const high = Math.ceil(containers.length / wide);
      columns += wide;
      height = Math.min(height, (tall - layers.length * SLAB - high * gap) / high);
    }
    return { rows, height, each: Math.min(FULL_MOST, (free - GAP * (columns - 1)) / Math.max(1, columns)) };
  });
  const full = measured.find(({ rows, height, each }) => each >= FULL_LEAST.width && (rows === 1 || height >= FULL_LEAST.height));
  if (full !== undefined) return { kind: "full", groups, gap, rows: full.rows, each: full.each };
  const narrow = measured
    .filter(({ rows, height, each }) => each >= NARROW_LEAST.width && (rows === 1 || height >= NARROW_LEAST.height))
    .sort((a, b) => Math.min(b.each, b.height) - Math.min(a.each, a.height))[0];
  if (narrow !== undefined) return { kind: "narrow", groups, gap, rows: narrow.rows, each: narrow.each };
  const size = PODS.find((one) => {
    const columns = groups.map(({ containers, layers }) => Math.ceil(containers.length / rowsOfPods(one, tall, layers)));
    return columns.reduce((sum, wide) => sum + wide * one.width + GAP, -GAP) <= free;
  });
  return { kind: "pods", groups, size: size ?? PODS[PODS.length - 1] ?? PODS[0] };
}

const rowsOfPods = (size: { readonly height: number }, tall: number, layers: Layers): number =>
  Math.max(1, Math.floor((tall - layers.length * SLAB - 6) / size.height));

/** A group with the width that its layers have. */
interface Stack {
  readonly layers: Layers;
  readonly x: number;
  readonly right: number;
  /** Containers on it. */
  readonly standing: number;
}

interface Placed {
  readonly groups: readonly Stack[];
  readonly compartments: readonly CompartmentShape[];
  readonly pods: readonly PodShape[];
  readonly hidden: number;
}

function placeCompartments(room: Room, plan: Exclude<Plan, { kind: "pods" }>, left: number, floorY: number): Placed {
  const compartments: CompartmentShape[] = [];
  const groups: Stack[] = [];
  let x = left;
  for (const { layers, containers } of plan.groups) {
    const wide = Math.ceil(containers.length / plan.rows);
    const high = Math.ceil(containers.length / wide);
    // The last one stands on the layers: there is nothing between.
    const pitch = (floorY - layers.length * SLAB - DECK + plan.gap - UPPER) / high;
    for (const [i, container] of containers.entries()) {
      const row = Math.floor(i / wide);
      const y = DECK + row * pitch;
      compartments.push(
        layoutCompartment(room, container, {
          ...{ x: x + (i % wide) * (plan.each + GAP), y, width: plan.each, bottom: y + pitch - plan.gap + UPPER },
          ...{ kind: plan.kind, drop: row === 0 ? 10 : 3 },
        }),
      );
    }
    const right = x + wide * (plan.each + GAP) - GAP;
    groups.push({ layers, x, right, standing: containers.length });
    x = right + GAP;
  }
  return { groups, compartments, pods: [], hidden: 0 };
}

/** Vessels stand on each other, the oldest at the bottom: nothing moves when another one comes. */
function placePods(room: Room, plan: Extract<Plan, { kind: "pods" }>, left: number, free: number, floorY: number): Placed {
  const { size } = plan;
  const compartments: CompartmentShape[] = [];
  const pods: PodShape[] = [];
  const groups: Stack[] = [];
  let hidden = 0;
  const least = plan.groups.map(
    ({ layers, containers }) => size.width * Math.ceil(containers.length / rowsOfPods(size, floorY - DECK, layers)),
  );
  const spare = Math.max(0, free - GAP * (least.length - 1) - least.reduce((sum, one) => sum + one, 0));
  const all = plan.groups.reduce((sum, { containers }) => sum + containers.length, 0);
  let x = left;
  for (const [i, { layers, containers }] of plan.groups.entries()) {
    const wide = Math.min((least[i] as number) + (spare * containers.length) / all, left + free - x);
    if (wide < size.width) {
      hidden += containers.length;
      continue;
    }
    const bottom = floorY - layers.length * SLAB;
    const own = containers.find(({ id }) => id === room.selected);
    const berth = own === undefined ? 0 : Math.min(SELECTED_WIDTH, wide - size.width);
    if (own !== undefined && berth >= NARROW_LEAST.width)
      compartments.push(
        layoutCompartment(room, own, {
          ...{ x, y: DECK, width: berth - 8, bottom, drop: 10 },
          kind: berth - 8 >= FULL_LEAST.width ? "full" : "narrow",
        }),
      );
    const others = compartments.at(-1)?.key === own?.id ? containers.filter((one) => one !== own) : containers;
    const columns = Math.max(1, Math.floor((wide - (others === containers ? 0 : berth)) / size.width));
    const shown = others.slice(0, columns * rowsOfPods(size, floorY - DECK, layers));
    hidden += others.length - shown.length;
    for (const [at, container] of shown.entries()) {
      pods.push({
        ...layoutPod(room, container),
        x: x + (others === containers ? 0 : berth) + (at % columns) * size.width,
        y: bottom - (Math.floor(at / columns) + 1) * size.height,
      });
    }
    groups.push({ layers, x, right: x + wide, standing: containers.length });
    x += wide + GAP;
  }
  return { groups, compartments, pods, hidden };
}

function layoutPod(room: Room, container: ContainerEntity): Omit<PodShape, "x" | "y"> {
  const memory = room.cgroupOf.get(container.id)?.memory;
  const most = memory !== undefined && Number.isFinite(memory.maxBytes) ? memory.maxBytes : room.memoryBytes / 16;
  const busy = (room.members.get(container.id) ?? []).reduce((sum, { pid }) => sum + (room.shares.get(pid) ?? 0), 0);
  return { container, level: Math.min(1, (memory?.currentBytes ?? 0) / most), busy: Math.min(1, busy) };
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

/** Each layer once under all that stand on it, as long as these are neighbours. */
function layoutSlabs(stacks: readonly Stack[], floorY: number): SlabShape[] {
  const slabs: SlabShape[] = [];
  const times = new Map<string, number>();
  const open: { diffId: string; x: number; right: number; sharers: number; depth: number; label: string; joined: number }[] = [];
  const close = (from: number): void => {
    for (const { diffId, x, right, sharers, depth, label, joined } of open.splice(from)) {
      const time = times.get(diffId) ?? 0;
      times.set(diffId, time + 1);
      slabs.push({
        ...{ key: `${diffId} ${time}`, depth, label, sharers, joined },
        ...{ x, width: right - x, y: floorY - (depth + 1) * SLAB, height: SLAB },
      });
    }
  };
  for (const { layers, x, right, standing } of stacks) {
    const same = open.findIndex((slab, depth) => slab.diffId !== layers[depth]?.diffId);
    const kept = same < 0 ? open.length : same;
    close(kept);
    for (const slab of open) {
      slab.right = right;
      slab.sharers += standing;
    }
    for (let depth = kept; depth < layers.length; depth++) {
      const layer = layers[depth] as Layers[number];
      open.push({ ...layer, x, right, sharers: standing, depth });
    }
  }
  close(0);
  return slabs;
}

/** The layers of an image with how they were made; those above the seventh are one. */
function joinLayers(image: ImageEntity | undefined): Layers {
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
  readonly drop: number;
}

function layoutCompartment(room: Room, container: ContainerEntity | undefined, place: Place): CompartmentShape {
  const { x, y, width, bottom, kind, drop } = place;
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
  const vessel = { x: gaugesX, y: HEAD + (limited ? 12 : 4), width: GAUGE_WIDTH };
  const rows = kind === "full" ? layoutRows(room, tasks, container, Math.floor((height - HEAD - 10) / ROW)) : [];
  return {
    key: container?.id ?? "host",
    ...{ container, kind, x, y, width, height, rows, cpuShare, drop },
    limitBytes: limited ? memory.maxBytes : 0,
    processes: tasks.length,
    more: tasks.length - rows.length,
    memoryBytes: memory?.currentBytes ?? tasks.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    memory:
      container === undefined || !gauge
        ? undefined
        : {
            ...vessel,
            height: gaugesHeight - (limited ? 26 : 18),
            limited,
            level: Math.min(1, (memory?.currentBytes ?? 0) / (limited ? memory.maxBytes : Math.max(room.memoryBytes, 1))),
          },
    cpu: {
      ...{ x: 8, y: HEAD - 12, width: width - 16, height: 5 },
      level: Math.min(1, cpuShare / cpuMost),
      limited: container !== undefined && container.limits.cpus > 0,
    },
    ports: container === undefined ? [] : layoutPorts(container, width),
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

/** Pipes as far apart as their labels are long; those that have no room are counted at the last one. */
function layoutPorts(container: ContainerEntity, width: number): PortShape[] {
  const ports = distinctPorts(container).map(({ hostIp, hostPort, container: to }) => {
    const inside = to.replace(/\/tcp$/, "");
    return {
      key: `${hostIp}:${hostPort} ${to}`,
      label: String(hostPort) === inside ? inside : `${hostPort}→${inside}`,
      title: `Port ${hostPort} of the host leads to ${to} in here`,
    };
  });
  const shown: PortShape[] = [];
  let at = 0;
  for (const [i, port] of ports.entries()) {
    const wide = Math.max(20, port.label.length * PORT_LETTER);
    const last = shown.at(-1);
    if (last !== undefined && at + wide > width) {
      const rest = ports.slice(i);
      shown.splice(-1, 1, {
        ...last,
        label: `${last.label} +${rest.length}`,
        title: [last.title, ...rest.map(({ title }) => title)].join("; "),
      });
      break;
    }
    shown.push({ ...port, x: at + wide / 2 });
    at += wide + 8;
  }
  return shown;
}

/** Parents before their children, as many as there is room for. */
function layoutRows(room: Room, tasks: readonly TaskEntity[], container: ContainerEntity | undefined, most: number): RowShape[] {
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
  const least = tasks.length > most ? most - 1 : most;
  const shims = new Map<number, string>();
  if (container === undefined)
    for (const { pid, name } of room.containers.values()) {
      const parent = room.tasks.get(pid)?.ppid;
      if (parent !== undefined && here.get(parent)?.comm.startsWith("containerd-shim") === true) shims.set(parent, name);
    }
  const place = (task: TaskEntity, depth: number): void => {
    if (rows.length >= least) return;
    const row = rows.length;
    atRow.set(task.pid, row);
    const parent = atRow.get(task.ppid);
    rows.push({
      ...{ pid: task.pid, comm: task.comm, state: task.state, depth },
      serves: shims.get(task.pid),
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
