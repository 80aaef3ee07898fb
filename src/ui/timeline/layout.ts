/**
 * The time line as shapes: a ruler of virtual time whose right end is now, and marks for what happened. Events of one kind that fall on one spot
 * are one mark that counts them.
 */
import type { TraceEntity } from "../../bridge/messages.ts";
import { formatSpan } from "../format.ts";

export type MarkKind = "fork" | "exec" | "exit" | "signal" | "danger" | "call";

export interface MarkShape {
  readonly key: string;
  readonly kind: MarkKind;
  readonly x: number;
  readonly lane: number;
  readonly count: number;
  /** The last of the events that it stands for. */
  readonly event: TraceEntity;
}

export interface TickShape {
  readonly x: number;
  readonly major: boolean;
  readonly label: string | undefined;
}

export interface TimelineShapes {
  readonly ticks: readonly TickShape[];
  readonly marks: readonly MarkShape[];
  readonly nowX: number;
}

/** Room right of now, so that its line is not on the frame. */
const AFTER_NOW = 14;
const BIN_PX = 9;
/** Names of the lanes, top down; a mark's `lane` is an index. */
export const LANES = ["exec", "exit", "other"] as const;

export function getMarkKind(name: string): MarkKind {
  if (/oom|panic/.test(name)) return "danger";
  switch (name) {
    case "sched_process_fork":
      return "fork";
    case "sched_process_exec":
      return "exec";
    case "sched_process_exit":
      return "exit";
    default:
      return name.startsWith("signal") ? "signal" : "call";
  }
}

const LANE_OF: Readonly<Record<MarkKind, number>> = { fork: 0, exec: 0, exit: 1, danger: 1, signal: 2, call: 2 };

/** The smallest of 1, 2, 5 × 10ⁿ that is at least `least`. */
export function findStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((factor) => factor * power >= least * 0.999) ?? 10) * power;
}

/** A time on the ruler: with as many digits as the step between labels needs. */
function formatTick(ns: number, stepNs: number): string {
  if (stepNs < 1e9) {
    const sec = ns / 1e9;
    const digits = Math.min(9, Math.ceil(-Math.log10(stepNs / 1e9)));
    return stepNs < 1e6 ? `+${formatSpan(ns % 1e9)}` : `${sec.toFixed(digits)}`;
  }
  const sec = Math.round(ns / 1e9);
  const pad = (value: number): string => String(value).padStart(2, "0");
  return sec >= 3600
    ? `${Math.floor(sec / 3600)}:${pad(Math.floor(sec / 60) % 60)}:${pad(sec % 60)}`
    : `${Math.floor(sec / 60)}:${pad(sec % 60)}`;
}

export function layoutTimeline(events: readonly TraceEntity[], nowNs: number, spanNs: number, width: number): TimelineShapes {
  const nowX = Math.max(0, width - AFTER_NOW);
  const nsPerPx = spanNs / Math.max(1, nowX);
  const fromNs = nowNs - nowX * nsPerPx;
  const toX = (ns: number): number => nowX - (nowNs - ns) / nsPerPx;

  const majorNs = findStep(nsPerPx * 92);
  const minorNs = majorNs / 5;
  const ticks: TickShape[] = [];
  for (let i = Math.max(0, Math.ceil(fromNs / minorNs)); i * minorNs <= nowNs; i++) {
    const major = i % 5 === 0;
    ticks.push({ x: toX(i * minorNs), major, label: major ? formatTick(i * minorNs, majorNs) : undefined });
  }

  // Bins lie on fixed times, not on the screen: a mark scrolls with the ruler and does not hop from bin to bin.
  const binNs = nsPerPx * BIN_PX;
  const bins = new Map<string, { kind: MarkKind; bin: number; count: number; event: TraceEntity }>();
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i];
    if (event === undefined || event.atNs < fromNs) break;
    const kind = getMarkKind(event.name);
    const bin = Math.floor(event.atNs / binNs);
    const key = `${kind}${bin}`;
    const found = bins.get(key);
    if (found === undefined) bins.set(key, { kind, bin, count: 1, event });
    else found.count++;
  }
  const marks = [...bins].map(([key, { kind, count, event }]) => ({ key, kind, x: toX(event.atNs), lane: LANE_OF[kind], count, event }));
  return { ticks, marks, nowX };
}
