/**
 * The memory controller: "Memory" in Documentation/admin-guide/cgroup-v2.rst, Linux `mm/memcontrol.c`, `mm/page_counter.c`.
 *
 * One of these is made when the controller is enabled for a cgroup. What was charged to it stays there, wherever the task goes, and also after
 * the cgroup was removed or the controller disabled: it is then a "dying" one, which its ancestors still count.
 *
 * Differs from Linux: there is no page cache besides tmpfs and no swap, so nothing can be reclaimed: memory.low and memory.min protect
 * what nobody could take, and memory.max kills at once. All pages of a tmpfs file count for who wrote to it first.
 */

import type { Cgroup } from "./cgroup.ts";
import type { MemoryKind } from "./memory-kind.ts";

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
  /** Charges that `max` has refused. */
  failCount = 0;
  pageFaults = 0;

  constructor(
    readonly cgroup: Cgroup,
    /** The next one above that counts memory; undefined for the root's. */
    readonly parent: MemoryController | undefined,
  ) {}

  add(kind: MemoryKind, bytes: number): void {
    for (let at: MemoryController | undefined = this; at !== undefined; at = at.parent) {
      at.bytes[kind] += bytes;
      at.current += bytes;
      if (at.current > at.peak) at.peak = at.current;
    }
  }

  /** The lowest from here up that `bytes` more would take over its memory.max. */
  findFull(bytes: number): MemoryController | undefined {
    for (let at: MemoryController | undefined = this; at !== undefined; at = at.parent) if (at.current + bytes > at.max) return at;
    return undefined;
  }

  /** How much more fits under all limits. */
  get roomBytes(): number {
    let room = Number.POSITIVE_INFINITY;
    for (let at: MemoryController | undefined = this; at !== undefined; at = at.parent) room = Math.min(room, at.max - at.current);
    return Math.max(0, room);
  }

  /** Linux `memcg_memory_event`: counts here, and hierarchically above. The root has no files that could tell. */
  note(event: keyof MemoryEvents): void {
    this.localEvents[event]++;
    this.cgroup.fileChanged("memory.events.local");
    for (let at: MemoryController = this; at.parent !== undefined; at = at.parent) {
      at.events[event]++;
      at.cgroup.fileChanged("memory.events");
      if (at.cgroup.tree.localEvents) break;
    }
  }

  /** memory.stat, the lines that can be told truthfully, in the order of Linux. */
  stat(): string {
    const b = this.bytes;
    const lines: readonly (readonly [string, number])[] = [
      ["anon", b.anon],
      ["file", b.shmem],
      ["kernel", b.kernel + b.slab + b.pipe],
      ["kernel_stack", b.kernel],
      ["sock", b.sock],
      ["shmem", b.shmem],
      ["file_mapped", 0],
      ["file_dirty", 0],
      ["file_writeback", 0],
      ["swapcached", 0],
      ["inactive_anon", b.shmem],
      ["active_anon", b.anon],
      ["inactive_file", 0],
      ["active_file", 0],
      ["unevictable", 0],
      ["slab_reclaimable", 0],
      ["slab_unreclaimable", b.slab],
      ["slab", b.slab],
      ["pgscan", 0],
      ["pgsteal", 0],
      ["pgfault", this.pageFaults],
      ["pgmajfault", 0],
    ];
    return lines.map(([name, value]) => `${name} ${value}\n`).join("");
  }
}
