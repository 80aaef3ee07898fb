/**
 * The keel: the one kernel that everything above stands on. Its CPUs as gauges, its memory as a vessel that fills to its limit line.
 */
import type { CpuSample } from "../../bridge/messages.ts";
import { formatBytes, formatCount } from "../format.ts";

export interface GaugeShape {
  readonly key: string;
  readonly x: number;
  readonly width: number;
  /** How much of it is filled, 0 … 1. */
  readonly filled: number;
  readonly label: string;
}

export interface KeelShapes {
  readonly height: number;
  readonly gauges: readonly GaugeShape[];
  readonly memory: GaugeShape;
  readonly load: string;
  /** Middles of the blocks that the keel rests on. */
  readonly blocks: readonly number[];
}

export const GAUGE = { top: 20, height: 18 };
/** Left of the gauges the post comes down that carries the tree. */
const LEFT = 34;
const RIGHT = 14;
const GAP = 6;
const BLOCK_PITCH = 44;
/** More CPUs than this are drawn as one gauge with their mean. */
const CPUS_DRAWN = 8;

export function layoutKeel(sample: CpuSample | undefined, width: number): KeelShapes {
  const busy = sample?.busy ?? [0, 0, 0, 0];
  const total = Math.max(0, width - LEFT - RIGHT);
  const forCpus = total * 0.5;
  const mean = busy.reduce((sum, share) => sum + share, 0) / Math.max(1, busy.length);
  const drawn = busy.length > CPUS_DRAWN ? [mean] : busy;
  const each = Math.max(4, (forCpus + GAP) / drawn.length - GAP);
  const gauges = drawn.map((share, i) => ({
    key: `cpu${i}`,
    x: LEFT + i * (each + GAP),
    width: each,
    filled: Math.min(1, Math.max(0, share)),
    label: drawn.length === busy.length ? (each > 52 ? `CPU ${i}` : String(i)) : `${formatCount(busy.length)} CPUs`,
  }));
  const used = sample?.memoryUsedBytes ?? 0;
  const limit = sample?.memoryTotalBytes ?? 0;
  const memoryX = LEFT + forCpus + 22;
  return {
    height: 84,
    gauges,
    memory: {
      key: "memory",
      x: memoryX,
      width: Math.max(20, width - RIGHT - memoryX),
      filled: limit === 0 ? 0 : Math.min(1, used / limit),
      label: limit === 0 ? "MEMORY" : `MEMORY ${formatBytes(used)} OF ${formatBytes(limit)}`,
    },
    blocks: Array.from(
      { length: Math.max(0, Math.floor(width / BLOCK_PITCH)) },
      (_, i) => (width % BLOCK_PITCH) / 2 + (i + 0.5) * BLOCK_PITCH,
    ),
    load: sample === undefined ? "" : `load ${sample.load1.toFixed(2)}`,
  };
}
