/**
 * The machine as the page knows it: the frames of the worker merged into one mutable state, outside React, which reads it at its own pace.
 * Holds what the frames said and what follows from two of them (CPU shares, first parents, processes that just ended), nothing else.
 */
import type {
  CgroupEntity,
  ContainerEntity,
  CpuSample,
  Delta,
  ImageEntity,
  LinkCounters,
  LinkEnd,
  MountEntity,
  NamespaceEntity,
  NetworkEntity,
  OverlayEntity,
  Pace,
  PacketEntity,
  StringDelta,
  TaskEntity,
  TraceEntity,
  WorkerMessage,
} from "../bridge/messages.ts";
import { CgroupHistory } from "./cgroup-history.ts";

export type Frame = Extract<WorkerMessage, { type: "frame" }>;

/** A process that has ended, drawn for a moment so that one sees what a short command was. */
export interface Ghost {
  readonly task: TaskEntity;
  /** Real time at which it leaves the picture. */
  readonly untilMs: number;
}

/** A process that was killed because memory ran out. */
export interface OomKill {
  readonly atNs: number;
  readonly pid: number;
  readonly comm: string;
  readonly rssBytes: number;
  /** The cgroup that it was in. */
  readonly cgroup: number;
}

const GHOST_MS = 1400;
const GHOSTS_KEPT = 64;
const EVENTS_KEPT = 6000;
const OOM_KILLS_KEPT = 64;
const PACKETS_KEPT = 400;
const SAMPLE_EVERY_MS = 250;

/** The kinds of things that change apart from each other, and so are drawn anew apart. */
export type LiveKind =
  | "tasks"
  | "namespaces"
  | "cgroups"
  | "mounts"
  | "overlays"
  | "networks"
  | "counters"
  | "packets"
  | "histories"
  | "containers"
  | "images";

/** What tells a link apart from all others. */
export function getLinkKey({ netNs, ifindex }: LinkEnd): string {
  return `${netNs}.${ifindex}`;
}

/** Puts a delta into a map. Returns whether there was anything in it. */
function merge<T>(into: Map<number, T>, delta: Delta<T> | undefined, getKey: (entity: T) => number): boolean;
function merge<T>(into: Map<string, T>, delta: StringDelta<T> | undefined, getKey: (entity: T) => string): boolean;
function merge<K, T>(
  into: Map<K, T>,
  delta: { readonly upsert: readonly T[]; readonly remove: readonly K[] } | undefined,
  getKey: (entity: T) => K,
): boolean {
  if (delta === undefined || (delta.upsert.length === 0 && delta.remove.length === 0)) return false;
  for (const key of delta.remove) into.delete(key);
  for (const entity of delta.upsert) into.set(getKey(entity), entity);
  return true;
}

export class LiveMachine {
  nowNs = 0;
  achieved = 1;
  pace: Pace = { kind: "speed", factor: 1 };
  sample: CpuSample | undefined;
  /** Key: PID. */
  readonly tasks = new Map<number, TaskEntity>();
  readonly ghosts = new Map<number, Ghost>();
  /** The parent that each process was born to: where it differs from `ppid`, the process is an orphan that was re-parented. */
  readonly bornTo = new Map<number, number>();
  /** CPUs used by each process over the last sampling interval; absent means none. */
  readonly shares = new Map<number, number>();
  /** Key: inode number. */
  readonly namespaces = new Map<number, NamespaceEntity>();
  /** Key: inode number. */
  readonly cgroups = new Map<number, CgroupEntity>();
  /** Key: mount id. */
  readonly mounts = new Map<number, MountEntity>();
  /** Key: device number. */
  readonly overlays = new Map<number, OverlayEntity>();
  /** Key: inode number of the network namespace. */
  readonly networks = new Map<number, NetworkEntity>();
  /** Docker's. Key: id. */
  readonly containers = new Map<string, ContainerEntity>();
  /** Docker's. Key: id. */
  readonly images = new Map<string, ImageEntity>();
  /** Key: `getLinkKey`. What has not moved anything is absent. */
  readonly counters = new Map<string, LinkCounters>();
  /** What happened to packets while somebody looked, the oldest first. */
  packets: PacketEntity[] = [];
  packetsLeftOut = 0;
  readonly histories = new CgroupHistory();
  /** The last ones, oldest first. */
  oomKills: readonly OomKill[] = [];
  /** The last events, oldest first. */
  events: TraceEntity[] = [];
  eventsDropped = 0;
  /** Counts the changes of each kind: unchanged means nothing to draw anew. */
  readonly versions: Record<LiveKind, number> = {
    tasks: 0,
    namespaces: 0,
    cgroups: 0,
    mounts: 0,
    overlays: 0,
    networks: 0,
    counters: 0,
    packets: 0,
    histories: 0,
    containers: 0,
    images: 0,
  };
  private sampledMs = 0;
  private sampledNs = 0;
  private sampledCpu = new Map<number, number>();
  private readonly parentOf = new Map<number, number>();

  apply(frame: Frame, realMs: number): void {
    this.nowNs = frame.nowNs;
    this.achieved = frame.achieved;
    this.pace = frame.pace;
    if (frame.sample !== undefined) this.sample = frame.sample;
    this.mergeEvents(frame);
    this.mergeTasks(frame, realMs);
    this.expireGhosts(realMs);
    this.updateShares(realMs);
    this.mergeOthers(frame, realMs);
  }

  /** Starts over, for another machine. */
  clear(): void {
    for (const map of [this.tasks, this.ghosts, this.bornTo, this.shares, this.sampledCpu, this.parentOf]) map.clear();
    for (const map of [this.namespaces, this.cgroups, this.mounts, this.overlays, this.networks, this.histories]) map.clear();
    for (const map of [this.counters, this.containers, this.images]) map.clear();
    this.packets = [];
    this.packetsLeftOut = 0;
    this.events = [];
    this.oomKills = [];
    this.nowNs = 0;
    this.sampledNs = 0;
    this.sampledMs = 0;
    this.sample = undefined;
    for (const kind of Object.keys(this.versions) as LiveKind[]) this.versions[kind]++;
  }

  private mergeOthers(frame: Frame, realMs: number): void {
    const { versions } = this;
    if (merge(this.namespaces, frame.namespaces, ({ ino }) => ino)) versions.namespaces++;
    const news = merge(this.cgroups, frame.cgroups, ({ id }) => id);
    if (news) versions.cgroups++;
    if (merge(this.mounts, frame.mounts, ({ id }) => id)) versions.mounts++;
    if (merge(this.overlays, frame.overlays, ({ id }) => id)) versions.overlays++;
    this.mergeNetworks(frame);
    if (merge(this.containers, frame.containers, ({ id }) => id)) versions.containers++;
    if (merge(this.images, frame.images, ({ id }) => id)) versions.images++;
    if (this.histories.sample(this.cgroups, news, this.nowNs, realMs)) versions.histories++;
  }

  private mergeNetworks({ networks, linkCounters, packets }: Frame): void {
    const { versions } = this;
    if (merge(this.networks, networks, ({ ino }) => ino)) {
      versions.networks++;
      for (const ino of networks?.remove ?? [])
        for (const [key, counters] of this.counters) if (counters.netNs === ino) this.counters.delete(key);
    }
    if (linkCounters !== undefined) {
      for (const counters of linkCounters) this.counters.set(getLinkKey(counters), counters);
      versions.counters++;
    }
    if (packets === undefined) return;
    this.packetsLeftOut += packets.leftOut;
    this.packets.push(...packets.shown);
    if (this.packets.length > PACKETS_KEPT * 1.5) this.packets = this.packets.slice(-PACKETS_KEPT);
    versions.packets++;
  }

  private mergeEvents(frame: Frame): void {
    this.eventsDropped += frame.eventsDropped;
    if (frame.events.length === 0) return;
    this.events.push(...frame.events);
    if (this.events.length > EVENTS_KEPT * 1.5) this.events = this.events.slice(-EVENTS_KEPT);
    for (const event of frame.events) {
      if (event.name === "mm_oom_kill") this.noteOomKill(event);
      if (event.name !== "sched_process_fork" || event.text.includes("thread=true")) continue;
      const child = /childPid=(\d+)/.exec(event.text)?.[1];
      if (child !== undefined) this.parentOf.set(Number(child), event.pid);
    }
  }

  private noteOomKill({ atNs, pid, comm, text }: TraceEntity): void {
    const [, rssBytes, cgroup] = /rssBytes=(\d+) cgroup=(\d+)/.exec(text) ?? [];
    this.oomKills = [...this.oomKills, { atNs, pid, comm, rssBytes: Number(rssBytes ?? 0), cgroup: Number(cgroup ?? 0) }].slice(
      -OOM_KILLS_KEPT,
    );
  }

  private mergeTasks(frame: Frame, realMs: number): void {
    const { upsert, remove } = frame.tasks;
    for (const pid of remove) {
      const task = this.tasks.get(pid);
      this.tasks.delete(pid);
      this.bornTo.delete(pid);
      this.shares.delete(pid);
      if (task !== undefined) this.addGhost({ ...task, state: "X" }, realMs);
    }
    for (const task of upsert) {
      if (!this.tasks.has(task.pid)) this.bornTo.set(task.pid, this.parentOf.get(task.pid) ?? task.ppid);
      this.tasks.set(task.pid, task);
    }
    this.addUnseen(frame, realMs);
    this.parentOf.clear();
    if (upsert.length > 0 || remove.length > 0) this.versions.tasks++;
  }

  /** Processes that were born and gone between two frames never were entities; their events tell of them. */
  private addUnseen(frame: Frame, realMs: number): void {
    for (const event of frame.events) {
      if (event.name !== "sched_process_exit" || this.tasks.has(event.pid) || this.ghosts.has(event.pid)) continue;
      const ppid = this.parentOf.get(event.pid);
      if (ppid === undefined) continue;
      this.addGhost(
        {
          ...{ pid: event.pid, ppid, pgid: event.pid, sid: 0, comm: event.comm, argv: [], state: "X", uid: 0, nice: 0, threads: 1 },
          ...{ cpuNs: 0, rssBytes: 0, tty: "", startNs: event.atNs, innerPids: [], namespaces: {}, cgroup: 0 },
        },
        realMs,
      );
    }
  }

  private addGhost(task: TaskEntity, realMs: number): void {
    this.ghosts.set(task.pid, { task, untilMs: realMs + GHOST_MS });
    this.versions.tasks++;
    if (this.ghosts.size <= GHOSTS_KEPT) return;
    const oldest = this.ghosts.keys().next().value;
    if (oldest !== undefined) this.ghosts.delete(oldest);
  }

  private expireGhosts(realMs: number): void {
    for (const [pid, ghost] of this.ghosts) {
      if (ghost.untilMs > realMs && !this.tasks.has(pid)) continue;
      this.ghosts.delete(pid);
      this.versions.tasks++;
    }
  }

  private updateShares(realMs: number): void {
    const elapsedNs = this.nowNs - this.sampledNs;
    if (realMs - this.sampledMs < SAMPLE_EVERY_MS || elapsedNs <= 0) return;
    const cpu = new Map<number, number>();
    let changed = false;
    for (const task of this.tasks.values()) {
      cpu.set(task.pid, task.cpuNs);
      const before = this.sampledCpu.get(task.pid) ?? (task.startNs >= this.sampledNs ? 0 : task.cpuNs);
      const share = Math.max(0, (task.cpuNs - before) / elapsedNs);
      if (Math.abs(share - (this.shares.get(task.pid) ?? 0)) >= 0.001) changed = true;
      if (share > 0) this.shares.set(task.pid, share);
      else this.shares.delete(task.pid);
    }
    this.sampledCpu = cpu;
    this.sampledMs = realMs;
    this.sampledNs = this.nowNs;
    if (changed) this.versions.tasks++;
  }
}
