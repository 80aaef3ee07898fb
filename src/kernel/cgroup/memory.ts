/**
 * The memory controller: "Memory" in Documentation/admin-guide/cgroup-v2.rst, Linux `mm/memcontrol.c`.
 *
 * Differs from Linux: there is no page cache besides tmpfs and no swap, so nothing can be reclaimed: memory.low and memory.min protect
 * nothing, and memory.max kills at once. All pages of a tmpfs file count for who wrote to it first.
 */

import type { MemoryKind } from "./memory-kind.ts";
import type { Scheduler } from "../sched/scheduler.ts";
import { Pressure } from "./psi.ts";

/** The lines of memory.events. */
export interface MemoryEvents {
  low: number;
  high: number;
  max: number;
  oom: number;
  oom_kill: number;
  oom_group_kill: number;
}

const noEvents = (): MemoryEvents => ({ low: 0, high: 0, max: 0, oom: 0, oom_kill: 0, oom_group_kill: 0 });

export class MemoryController {
  readonly bytes: Record<MemoryKind, number> = { anon: 0, shmem: 0, kernel: 0, slab: 0, pipe: 0, sock: 0 };
  /** Sum of `bytes`. */
  current = 0;
  peak = 0;
  /** Limits in bytes. */
  min = 0;
  low = 0;
  high = Number.POSITIVE_INFINITY;
  max = Number.POSITIVE_INFINITY;
  swapHigh = Number.POSITIVE_INFINITY;
  swapMax = Number.POSITIVE_INFINITY;
  oomGroup = false;
  /** Of this cgroup alone, and with those below. */
  readonly localEvents = noEvents();
  readonly events = noEvents();
  pageFaults = 0;
  readonly pressure: Pressure;
  /** Called when `events` changed: memory.events can be watched. */
  onEvent: () => void = () => {};

  constructor(sched: Scheduler) {
    this.pressure = new Pressure(sched);
  }

  add(kind: MemoryKind, bytes: number): void {
    this.bytes[kind] += bytes;
    this.current += bytes;
    if (this.current > this.peak) this.peak = this.current;
  }

  /** memory.stat, the lines that can be told truthfully. */
  stat(): string {
    const b = this.bytes;
    const lines: readonly (readonly [string, number])[] = [
      ["anon", b.anon],
      ["file", b.shmem],
      ["kernel", b.kernel + b.slab + b.pipe],
      ["kernel_stack", b.kernel],
      ["sock", b.sock],
      ["shmem", b.shmem],
      ["inactive_anon", b.shmem],
      ["active_anon", b.anon],
      ["slab_unreclaimable", b.slab],
      ["slab", b.slab],
      ["pgfault", this.pageFaults],
      ["pgmajfault", 0],
    ];
    return lines.map(([name, value]) => `${name} ${value}\n`).join("");
  }
}
