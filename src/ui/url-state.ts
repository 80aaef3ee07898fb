/**
 * What stands in the page's address: the machine's settings in the query (`?seed=7&speed=0.1`), what is looked at in the fragment (`#view=processes&pid=12`).
 */
import type { Pace, SessionConfig } from "../bridge/messages.ts";
import { getKey, type Selection, type SelectionKind } from "./selection.ts";

export const VIEW_NAMES = ["cutaway", "processes", "namespaces", "cgroups", "layers", "files", "network"] as const;

export type ViewName = (typeof VIEW_NAMES)[number];

export interface ViewState {
  readonly view: ViewName;
  /** The view's text twin instead of its picture. */
  readonly asText: boolean;
  readonly selection: Selection | undefined;
  /** The PID namespace that processes are seen from. */
  readonly seenFrom: number | undefined;
}

/** A container is known by letters. */
const CONTAINER = "container";

type NumberedKind = Exclude<SelectionKind, typeof CONTAINER>;

/** How each other kind of selection is called in the address, with its greatest key. */
const KEYS: Readonly<Record<NumberedKind, { readonly param: string; readonly most: number }>> = {
  task: { param: "pid", most: 4194304 },
  namespace: { param: "ns", most: 2 ** 32 },
  cgroup: { param: "cgroup", most: 2 ** 48 },
  mount: { param: "mount", most: 2 ** 31 },
  overlay: { param: "overlay", most: 2 ** 32 },
};

function toCount(text: string | null, most: number): number | undefined {
  if (text === null || !/^\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= most ? value : undefined;
}

function makeSelection(kind: NumberedKind, key: number): Selection {
  if (kind === "task") return { kind, pid: key };
  return kind === "namespace" ? { kind, ino: key } : { kind, id: key };
}

function parseSelection(params: URLSearchParams): Selection | undefined {
  const id = params.get(CONTAINER);
  if (id !== null && /^[0-9a-f]{12,64}$/.test(id)) return { kind: CONTAINER, id };
  for (const kind of Object.keys(KEYS) as NumberedKind[]) {
    const key = toCount(params.get(KEYS[kind].param), KEYS[kind].most);
    if (key !== undefined) return makeSelection(kind, key);
  }
  return undefined;
}

/** `view=text`, as addresses once had it, is the text of the processes. */
export function parseView(hash: string): ViewState {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const named = params.get("view");
  return {
    view: VIEW_NAMES.find((name) => name === named) ?? (named === "text" ? "processes" : "cutaway"),
    asText: params.get("as") === "text" || named === "text",
    selection: parseSelection(params),
    seenFrom: toCount(params.get("from"), KEYS.namespace.most),
  };
}

export function formatView({ view, asText, selection, seenFrom }: ViewState): string {
  const params = new URLSearchParams({ view });
  if (asText) params.set("as", "text");
  if (selection?.kind === CONTAINER) params.set(CONTAINER, selection.id.slice(0, 12));
  else if (selection !== undefined) params.set(KEYS[selection.kind].param, String(getKey(selection)));
  if (seenFrom !== undefined) params.set("from", String(seenFrom));
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
