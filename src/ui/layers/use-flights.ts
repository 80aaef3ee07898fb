/** Files that are being copied up or whited out right now in the shown directory, from the trace events. */
import { useEffect, useState } from "react";
import { showName } from "../files/names.ts";
import { announce, live, onFrame } from "../store.ts";
import { findShownName, parseOverlayEvent } from "./layout.ts";

export interface Flight {
  readonly seq: number;
  readonly kind: "copy-up" | "whiteout";
  /** The name in the shown directory that it is about. */
  readonly name: string;
  /** Where a copy-up comes from. */
  readonly layer: number | undefined;
  readonly untilMs: number;
}

/** A flight takes 300 ms; what follows of it is the hatching of the slab that was written to. */
const FLIGHT_MS = 900;
const FLIGHTS_MOST = 12;

export function useFlights(overlay: number | undefined, path: string): { readonly flights: readonly Flight[]; readonly writing: boolean } {
  const [flights, setFlights] = useState<readonly Flight[]>([]);
  const [writing, setWriting] = useState(false);
  useEffect(() => {
    setFlights([]);
    setWriting(false);
    if (overlay === undefined) return;
    let seen = live.events.at(-1)?.seq ?? -1;
    let version = live.overlays.get(overlay)?.version;
    let untilMs = 0;
    let flying: readonly Flight[] = [];
    return onFrame(() => {
      const now = performance.now();
      const next = live.overlays.get(overlay)?.version;
      if (next !== version) {
        version = next;
        untilMs = now + FLIGHT_MS;
      }
      const fresh = findFlights(overlay, path, seen, now);
      seen = live.events.at(-1)?.seq ?? seen;
      const kept = [...flying.filter((flight) => flight.untilMs > now), ...fresh].slice(-FLIGHTS_MOST);
      const last = fresh.at(-1);
      if (last !== undefined)
        announce(`${showName(last.name)}: ${last.kind === "copy-up" ? "copied up to the upper layer" : "a whiteout in the upper layer"}`);
      if (fresh.length > 0 || kept.length !== flying.length) {
        flying = kept;
        setFlights(kept);
      }
      setWriting(now < untilMs);
    });
  }, [overlay, path]);
  return { flights, writing };
}

function findFlights(overlay: number, path: string, after: number, nowMs: number): readonly Flight[] {
  const found: Flight[] = [];
  for (let i = live.events.length - 1; i >= 0; i--) {
    const event = live.events[i];
    if (event === undefined || event.seq <= after) break;
    const told = parseOverlayEvent(event.name, event.text);
    const name = told?.overlay === overlay ? findShownName(told.path, path) : undefined;
    if (told === undefined || name === undefined) continue;
    const kind = event.name === "overlay_copy_up" ? "copy-up" : "whiteout";
    found.push({ seq: event.seq, kind, name, layer: told.layer, untilMs: nowMs + FLIGHT_MS });
  }
  return found.reverse();
}
