/**
 * What stands in the page's address: the machine's settings in the query (`?seed=7&speed=0.1`), what is looked at in the fragment (`#view=processes&pid=12`).
 */
import type { Pace, SessionConfig } from "../bridge/messages.ts";

export type ViewName = "processes" | "text";

export interface ViewState {
  readonly view: ViewName;
  readonly pid: number | undefined;
}

function toCount(text: string | null, most: number): number | undefined {
  if (text === null || !/^\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= most ? value : undefined;
}

export function parseView(hash: string): ViewState {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  return { view: params.get("view") === "text" ? "text" : "processes", pid: toCount(params.get("pid"), 4194304) };
}

export function formatView(state: ViewState): string {
  const params = new URLSearchParams({ view: state.view });
  if (state.pid !== undefined) params.set("pid", String(state.pid));
  return `#${params}`;
}

export interface Settings {
  readonly seed: number | undefined;
  readonly startSec: number | undefined;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly pace: Pace;
}

export const SPEEDS = [0.01, 0.1, 1, 10, 100] as const;

export function parseSettings(query: string): Settings {
  const params = new URLSearchParams(query);
  const speed = params.get("speed");
  const factor = Number(speed);
  let pace: Pace = { kind: "speed", factor: 1 };
  if (speed === "max") pace = { kind: "asap" };
  else if (speed !== null && factor === 0) pace = { kind: "paused" };
  else if (speed !== null && factor >= 0.0001 && factor <= 1000) pace = { kind: "speed", factor };
  return {
    seed: toCount(params.get("seed"), 0xffffffff),
    startSec: toCount(params.get("start"), 4102444800),
    cpus: Math.max(1, toCount(params.get("cpus"), 64) ?? 4),
    memoryBytes: Math.max(64, toCount(params.get("mem"), 1 << 20) ?? 2048) * 1024 * 1024,
    pace,
  };
}

/** What a new machine starts from: what the address leaves open is the visitor's date and a seed drawn for this visit, both kept in the input log. */
export function makeConfig(settings: Settings, nowMs: number, drawnSeed: number): SessionConfig {
  return {
    seed: settings.seed ?? drawnSeed,
    startSec: settings.startSec ?? Math.floor(nowMs / 1000),
    cpus: settings.cpus,
    memoryBytes: settings.memoryBytes,
    hostname: "drydock",
  };
}

/** Whether a kept session is one that the address asks for. */
export function fitsSettings(settings: Settings, config: SessionConfig): boolean {
  return (
    (settings.seed === undefined || settings.seed === config.seed) &&
    (settings.startSec === undefined || settings.startSec === config.startSec) &&
    settings.cpus === config.cpus &&
    settings.memoryBytes === config.memoryBytes
  );
}
