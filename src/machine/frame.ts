/** Turns what changed in the machine since the last frame into one message to the page. */

import type { CpuSample, Pace, TraceEntity, WorkerMessage } from "../bridge/messages.ts";
import { NET } from "../kernel/net/module.ts";
import { findModule } from "../kernel/task/module.ts";
import type { TraceEvent } from "../kernel/trace.ts";
import type { Machine } from "./boot.ts";
import { CgroupSource } from "./frame/cgroups.ts";
import type { ContainerSource } from "./frame/containers.ts";
import { MountSource } from "./frame/mounts.ts";
import { NamespaceSource } from "./frame/namespaces.ts";
import type { NetworkSource } from "./frame/network.ts";
import type { PacketEvent, PacketSource } from "./frame/packets.ts";
import { TaskSource } from "./frame/tasks.ts";
import { later } from "./later.ts";

/** Events sent in one frame; the rest is counted. */
const MAX_EVENTS = 200;
/** Virtual time between two samples of the graphs. */
const SAMPLE_NS = 100e6;

export class FrameBuilder {
  private readonly tasks: TaskSource;
  private readonly namespaces: NamespaceSource;
  private readonly cgroups: CgroupSource;
  private readonly mounts: MountSource;
  private containers: ContainerSource | undefined;
  /** There from the first frame on after the network was first used. */
  private networks: NetworkSource | undefined;
  private packets: PacketSource | undefined;
  private events: TraceEntity[] = [];
  private dropped = 0;
  private packetsWatched = false;
  private lastSampleNs = Number.NEGATIVE_INFINITY;
  private lastBusy: number[];

  constructor(private readonly machine: Machine) {
    this.tasks = new TaskSource(machine.kernel);
    this.namespaces = new NamespaceSource(machine.kernel);
    this.cgroups = new CgroupSource(machine.kernel);
    this.mounts = new MountSource(machine.kernel);
    this.lastBusy = machine.kernel.sched.cpus.map(() => 0);
    machine.kernel.trace.listen((event) => this.note(event));
  }

  /** Whether single packets are told of. Changes nothing in the machine. */
  watchPackets(on: boolean): void {
    this.packetsWatched = on;
    this.packets?.watch(on);
  }

  private note(event: TraceEvent): void {
    if (isPacketEvent(event)) {
      this.packets?.note(event);
      return;
    }
    if (this.events.length >= MAX_EVENTS) {
      this.dropped++;
      return;
    }
    this.events.push(toEntity(event));
  }

  build(pace: Pace, achieved: number): WorkerMessage & { type: "frame" } {
    const { machine } = this;
    const output: { terminal: number; bytes: Uint8Array }[] = [];
    for (const [terminal, t] of machine.terminals) if (t.pendingBytes > 0) output.push({ terminal, bytes: t.takeOutput() });
    const { events, dropped } = this;
    this.events = [];
    this.dropped = 0;
    const sample = this.sample();
    const namespaces = this.namespaces.collect();
    const cgroups = this.cgroups.collect();
    const mounts = this.mounts.collect();
    const overlays = this.mounts.collectOverlays();
    this.openLate();
    const packets = this.packets?.take();
    return {
      type: "frame",
      nowNs: machine.nowNs,
      achieved,
      pace,
      output,
      tasks: this.tasks.collect(),
      ...(namespaces === undefined ? {} : { namespaces }),
      ...(cgroups === undefined ? {} : { cgroups }),
      ...(mounts === undefined ? {} : { mounts }),
      ...(overlays === undefined ? {} : { overlays }),
      ...this.networks?.collect(),
      ...this.containers?.collect(),
      ...(packets === undefined ? {} : { packets }),
      events,
      eventsDropped: dropped,
      ...(sample === undefined ? {} : { sample }),
    };
  }

  /** What is told of once its code is there. Looks only: the network is set up by whoever uses it in the machine. */
  private openLate(): void {
    const { kernel } = this.machine;
    if (later === undefined || this.networks !== undefined) return;
    this.containers ??= new later.ContainerSource(kernel);
    if (findModule(kernel, NET) === undefined) return;
    this.networks = new later.NetworkSource(kernel);
    this.packets = new later.PacketSource(kernel);
    this.packets.watch(this.packetsWatched);
  }

  private sample(): CpuSample | undefined {
    const { kernel, nowNs } = this.machine;
    const span = nowNs - this.lastSampleNs;
    if (span < SAMPLE_NS) return undefined;
    this.lastSampleNs = nowNs;
    const busy = kernel.sched.cpus.map((cpu, i) => {
      const used = cpu.busyNs - (this.lastBusy[i] as number);
      this.lastBusy[i] = cpu.busyNs;
      return Number.isFinite(span) ? Math.min(1, used / span) : 0;
    });
    return {
      busy,
      memoryUsedBytes: kernel.memory.totalBytes - kernel.memory.freeBytes,
      memoryTotalBytes: kernel.memory.totalBytes,
      load1: kernel.loads[0],
    };
  }
}

export function isPacketEvent(event: TraceEvent): event is PacketEvent {
  return "packet" in event;
}

function toEntity(event: TraceEvent): TraceEntity {
  const { seq, atNs, name, cause, ...fields } = event;
  const text = Object.entries(fields)
    .map(([key, value]) => `${key}=${Array.isArray(value) ? value.join(" ") : String(value)}`)
    .join(" ");
  const pid = "pid" in event ? event.pid : (cause?.pid ?? 0);
  const comm = "comm" in event ? event.comm : (cause?.comm ?? "");
  return { seq, atNs, name, pid, comm, text };
}
