/**
 * Cgroups, for frames. Their numbers move with every slice of CPU time, so they are compared a few times a second only; and not at all while
 * nothing has run, but for what timers do.
 */

import type { CgroupEntity, Delta } from "../../bridge/messages.ts";
import type { Cgroup } from "../../kernel/cgroup/cgroup.ts";
import type { Pressure } from "../../kernel/cgroup/psi.ts";
import type { Kernel } from "../../kernel/kernel.ts";

/** Frames from one comparison to the next: some ten comparisons a second. */
const EVERY_FRAMES = 6;
/** Virtual time after which an idle machine's cgroups are looked at all the same: averages of the pressure fall, limits are lifted. */
const IDLE_NS = 1e9;

/** What moves without a new version, as it was when the page was told. */
interface Seen {
  entity: CgroupEntity;
  version: number;
  /** Versions of all above it, summed: they may change its type. */
  above: number;
  control: number;
  usageNs: number;
  memoryBytes: number;
  peakBytes: number;
  pids: number;
  frozenTasks: number;
  /** The round in which it was last there. */
  round: number;
}

export class CgroupSource {
  private readonly seen = new Map<Cgroup, Seen>();
  private frames = 0;
  private round = 0;
  private usedNs = -1;
  private comparedNs = Number.NEGATIVE_INFINITY;

  constructor(private readonly kernel: Kernel) {}

  collect(): Delta<CgroupEntity> | undefined {
    if (this.frames++ % EVERY_FRAMES !== 0) return undefined;
    const { cgroups, sched } = this.kernel;
    const usedNs = usageOf(cgroups.root);
    if (usedNs === this.usedNs && sched.clockNs - this.comparedNs < IDLE_NS) return undefined;
    this.usedNs = usedNs;
    this.comparedNs = sched.clockNs;
    this.round++;
    const upsert: CgroupEntity[] = [];
    let found = 0;
    // Parents before their children.
    const open = [cgroups.root];
    for (let cgroup = open.pop(); cgroup !== undefined; cgroup = open.pop()) {
      found++;
      const changed = this.compare(cgroup);
      if (changed !== undefined) upsert.push(changed);
      for (const child of cgroup.children.values()) open.push(child);
    }
    const remove = this.seen.size > found ? this.forgetRemoved() : [];
    return upsert.length === 0 && remove.length === 0 ? undefined : { upsert, remove };
  }

  private compare(cgroup: Cgroup): CgroupEntity | undefined {
    const before = this.seen.get(cgroup);
    if (before !== undefined) {
      before.round = this.round;
      if (isSame(before, cgroup)) return undefined;
    }
    const entity = describe(cgroup);
    this.seen.set(cgroup, {
      entity,
      version: cgroup.version,
      above: sumAbove(cgroup),
      control: cgroup.control,
      usageNs: usageOf(cgroup),
      memoryBytes: cgroup.memory.current,
      peakBytes: cgroup.memory.peak,
      pids: cgroup.pids.current,
      frozenTasks: cgroup.frozenTasks,
      round: this.round,
    });
    return entity;
  }

  private forgetRemoved(): number[] {
    const removed: number[] = [];
    for (const [cgroup, { round }] of this.seen) {
      if (round === this.round) continue;
      this.seen.delete(cgroup);
      removed.push(cgroup.ino);
    }
    return removed;
  }
}

function usageOf({ cpu }: Cgroup): number {
  return cpu.userNs + cpu.systemNs;
}

const toUsec = (ns: number): number => ns / 1000;

/** Whether the page would see the same. A few numbers and nothing made: most of many cgroups are idle. */
function isSame(seen: Seen, cgroup: Cgroup): boolean {
  const { cpu, memory } = cgroup;
  if (
    seen.version !== cgroup.version ||
    seen.usageNs !== usageOf(cgroup) ||
    seen.memoryBytes !== memory.current ||
    seen.pids !== cgroup.pids.current ||
    seen.peakBytes !== memory.peak ||
    seen.control !== cgroup.control ||
    seen.frozenTasks !== cgroup.frozenTasks
  )
    return false;
  const { entity } = seen;
  return (
    entity.populated === cgroup.populated &&
    entity.cpu.periods === cpu.nrPeriods &&
    entity.cpu.throttledNs === cpu.throttledNs &&
    (entity.memory === undefined || entity.memory.oomKills === memory.events.oom_kill) &&
    // It rises with the use of CPU time and the like, and falls on its own.
    (entity.cpu.pressure === 0 || entity.cpu.pressure === pressureOf(cgroup.pressure.cpu)) &&
    (entity.memory === undefined || entity.memory.pressure === 0 || entity.memory.pressure === pressureOf(cgroup.pressure.memory)) &&
    hasSameType(seen, cgroup)
  );
}

/** The type is found by looking at all siblings: not asked for while nothing above has changed. */
function hasSameType(seen: Seen, cgroup: Cgroup): boolean {
  const above = sumAbove(cgroup);
  if (seen.above === above) return true;
  seen.above = above;
  return seen.entity.type === cgroup.type;
}

function sumAbove({ parent }: Cgroup): number {
  let sum = 0;
  for (let up = parent; up !== undefined; up = up.parent) sum += up.version;
  return sum;
}

function describe(cgroup: Cgroup): CgroupEntity {
  const { cpu, parent, pids } = cgroup;
  let processes = 0;
  const counted = new Set<object>();
  for (const { process } of cgroup.tasks) if (counted.size !== counted.add(process).size) processes++;
  return {
    id: cgroup.ino,
    ...(parent === undefined ? {} : { parent: parent.ino }),
    name: cgroup.name,
    path: cgroup.path,
    type: cgroup.type,
    controllers: cgroup.available,
    subtreeControl: cgroup.subtreeControl,
    processes,
    populated: cgroup.populated,
    frozen: cgroup.isFrozen,
    cpu: {
      usageNs: usageOf(cgroup),
      weight: cpu.weight,
      quotaUsec: toUsec(cpu.quotaNs),
      periodUsec: toUsec(cpu.periodNs),
      periods: cpu.nrPeriods,
      throttledPeriods: cpu.nrThrottled,
      throttledNs: cpu.throttledNs,
      pressure: pressureOf(cgroup.pressure.cpu),
    },
    ...(cgroup.has("memory") ? { memory: describeMemory(cgroup) } : {}),
    ...(cgroup.has("pids") ? { pids: { current: pids.current, max: pids.max, peak: pids.peak } } : {}),
  };
}

function describeMemory({ memory, pressure }: Cgroup): NonNullable<CgroupEntity["memory"]> {
  const { bytes } = memory;
  return {
    currentBytes: memory.current,
    peakBytes: memory.peak,
    maxBytes: memory.max,
    highBytes: memory.high,
    lowBytes: memory.low,
    minBytes: memory.min,
    anonBytes: bytes.anon,
    fileBytes: bytes.shmem,
    kernelBytes: memory.current - bytes.anon - bytes.shmem,
    oomKills: memory.events.oom_kill,
    pressure: pressureOf(pressure.memory),
  };
}

/** The first average of `some`. */
function pressureOf(pressure: Pressure): number {
  return pressure.averages("some")[0];
}
