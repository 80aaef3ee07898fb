/** Turns what changed in the machine since the last frame into one message to the page. */

import type { CpuSample, Pace, TaskEntity, TaskState, TraceEntity, WorkerMessage } from "../bridge/messages.ts";
import type { TraceEvent } from "../kernel/trace.ts";
import { groupUsage, type Task } from "../kernel/task/task.ts";
import type { Machine } from "./boot.ts";

/** Events sent in one frame; the rest is counted. */
const MAX_EVENTS = 200;
/** Virtual time between two samples of the graphs. */
const SAMPLE_NS = 100e6;

const STATES: Record<Task["state"], TaskState> = { running: "R", sleeping: "S", stopped: "T", traced: "t", dead: "Z" };

/** Changes seen at a glance, so that an unchanged process costs a few comparisons and no allocation. */
interface Seen {
  entity: TaskEntity;
  cpuNs: number;
}

export class FrameBuilder {
  private readonly seen = new Map<number, Seen>();
  private events: TraceEntity[] = [];
  private dropped = 0;
  private lastSampleNs = Number.NEGATIVE_INFINITY;
  private lastBusy: number[];

  constructor(private readonly machine: Machine) {
    this.lastBusy = machine.kernel.sched.cpus.map(() => 0);
    machine.kernel.trace.listen((event) => this.note(event));
  }

  private note(event: TraceEvent): void {
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
    return {
      type: "frame",
      nowNs: machine.nowNs,
      achieved,
      pace,
      output,
      tasks: this.tasks(),
      events,
      eventsDropped: dropped,
      ...(sample === undefined ? {} : { sample }),
    };
  }

  private tasks(): { upsert: TaskEntity[]; remove: number[] } {
    const upsert: TaskEntity[] = [];
    const alive = new Set<number>();
    for (const task of this.machine.kernel.tasks) {
      if (!task.isLeader) continue;
      const pid = task.pid.nr;
      alive.add(pid);
      const before = this.seen.get(pid);
      const cpuNs = task.utimeNs + task.stimeNs;
      if (before !== undefined && unchanged(before.entity, task) && before.cpuNs === cpuNs) continue;
      const entity = describe(task);
      this.seen.set(pid, { entity, cpuNs });
      upsert.push(entity);
    }
    const remove: number[] = [];
    if (this.seen.size > alive.size) {
      for (const pid of this.seen.keys()) {
        if (alive.has(pid)) continue;
        this.seen.delete(pid);
        remove.push(pid);
      }
    }
    return { upsert, remove };
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

/** Whether the page would see the same process. */
function unchanged(e: TaskEntity, task: Task): boolean {
  const { tg } = task;
  return (
    e.state === STATES[task.state] &&
    e.comm === task.comm &&
    e.argv === task.image.argv &&
    e.rssBytes === task.mm.residentBytes &&
    e.ppid === (tg.parent?.pid.nr ?? 0) &&
    e.pgid === tg.pgrp.nr &&
    e.sid === tg.session.nr &&
    e.nice === task.nice &&
    e.uid === task.cred.uid &&
    e.threads === tg.threads.size &&
    e.tty === (tg.tty?.name ?? "") &&
    e.cgroup === task.cgroup.ino &&
    isIn(e.namespaces, task)
  );
}

function isIn(seen: TaskEntity["namespaces"], task: Task): boolean {
  if (seen.user !== task.cred.userNs.ino) return false;
  if (task.state === "dead") return seen.mnt === undefined;
  const { cgroup, ipc, mnt, net, time, uts } = task.ns;
  return (
    seen.mnt === mnt.ino &&
    seen.net === net.ino &&
    seen.uts === uts.ino &&
    seen.ipc === ipc.ino &&
    seen.cgroup === cgroup.ino &&
    seen.time === time.ino
  );
}

function describe(task: Task): TaskEntity {
  const { tg } = task;
  const usage = tg.zombie ? tg.deadThreads : groupUsage(tg);
  return {
    pid: task.pid.nr,
    ppid: tg.parent?.pid.nr ?? 0,
    pgid: tg.pgrp.nr,
    sid: tg.session.nr,
    comm: task.comm,
    argv: task.image.argv,
    state: STATES[task.state],
    uid: task.cred.uid,
    nice: task.nice,
    threads: tg.threads.size,
    cpuNs: usage.utimeNs + usage.stimeNs,
    rssBytes: task.mm.residentBytes,
    tty: tg.tty?.name ?? "",
    startNs: task.startNs,
    innerPids: task.pid.numbers.slice(1).map((n) => n.nr),
    namespaces: namespacesOf(task),
    cgroup: task.cgroup.ino,
    ...(tg.exitStatus === undefined ? {} : { waitStatus: tg.exitStatus }),
  };
}

/** The inode numbers of its namespaces. */
function namespacesOf(task: Task): TaskEntity["namespaces"] {
  const pid = task.pidNs.ino;
  const user = task.cred.userNs.ino;
  if (task.state === "dead") return { pid, user };
  const { cgroup, ipc, mnt, net, time, uts } = task.ns;
  return { cgroup: cgroup.ino, ipc: ipc.ino, mnt: mnt.ino, net: net.ino, pid, time: time.ino, user, uts: uts.ino };
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
