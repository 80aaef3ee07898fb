/** The recent past of each cgroup, for graphs: what the frames said now and then, as long as the cgroup exists. */
import type { CgroupEntity } from "../bridge/messages.ts";

export interface CgroupSample {
  /** Virtual time. */
  readonly atNs: number;
  /** CPU time used up to then. */
  readonly usageNs: number;
  /** CPUs used over the last second or so: what is shorter shows the periods of the bandwidth limit, not the use. */
  readonly cpus: number;
  /** Zero where the memory controller is not enabled. */
  readonly memoryBytes: number;
  /** Share of the periods since the sample before in which it was throttled. */
  readonly throttled: number;
  /** Memory was refused or a process killed for it since the sample before. */
  readonly oomKills: number;
}

export const SAMPLES_KEPT = 120;
const EVERY_MS = 250;
/** A sample is taken with news of the cgroups, so that use and time fit; without any for so long, nothing has changed. */
const NO_NEWS_MS = 400;
/** Samples over which the use of CPU time is reckoned. */
const WINDOW = 4;

interface Past {
  periods: number;
  throttledPeriods: number;
  oomKills: number;
  samples: CgroupSample[];
}

export class CgroupHistory {
  private readonly past = new Map<number, Past>();
  private lastMs = Number.NEGATIVE_INFINITY;
  private lastNs = 0;

  /** The samples of one, oldest first. */
  get(id: number): readonly CgroupSample[] {
    return this.past.get(id)?.samples ?? [];
  }

  /** Takes samples of all if it is time to. Returns whether it did. */
  sample(cgroups: ReadonlyMap<number, CgroupEntity>, news: boolean, nowNs: number, realMs: number): boolean {
    if (realMs - this.lastMs < (news ? EVERY_MS : NO_NEWS_MS) || nowNs <= this.lastNs) return false;
    this.lastMs = realMs;
    this.lastNs = nowNs;
    for (const cgroup of cgroups.values()) this.sampleOne(cgroup, nowNs);
    for (const id of this.past.keys()) if (!cgroups.has(id)) this.past.delete(id);
    return cgroups.size > 0;
  }

  clear(): void {
    this.past.clear();
    this.lastMs = Number.NEGATIVE_INFINITY;
    this.lastNs = 0;
  }

  private sampleOne({ id, cpu, memory }: CgroupEntity, atNs: number): void {
    const before = this.past.get(id);
    const oomKills = memory?.oomKills ?? 0;
    const now = { periods: cpu.periods, throttledPeriods: cpu.throttledPeriods, oomKills };
    // What a cgroup used before it was first seen is of no known time.
    const then = before ?? { ...now, samples: [] };
    const { samples } = then;
    const from = samples[Math.max(0, samples.length - WINDOW)];
    const periods = Math.max(0, now.periods - then.periods);
    const sample: CgroupSample = {
      atNs,
      usageNs: cpu.usageNs,
      cpus: from === undefined ? 0 : Math.max(0, cpu.usageNs - from.usageNs) / (atNs - from.atNs),
      memoryBytes: memory?.currentBytes ?? 0,
      throttled: periods === 0 ? 0 : Math.min(1, Math.max(0, now.throttledPeriods - then.throttledPeriods) / periods),
      oomKills: Math.max(0, now.oomKills - then.oomKills),
    };
    samples.push(sample);
    if (samples.length > SAMPLES_KEPT) samples.shift();
    this.past.set(id, { ...now, samples });
  }
}
