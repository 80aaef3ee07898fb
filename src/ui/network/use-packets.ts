/** Packets on their way along the wires of the drawing: which marks there are now, and when each sets out. Those of one conversation follow each other. */
import { useEffect, useRef, useState } from "react";
import type { LinkEnd, PacketEntity } from "../../bridge/messages.ts";
import { useSession } from "../context.tsx";
import { getLinkKey } from "../live.ts";
import { live, onFrame } from "../store.ts";

/** Time on one wire. */
export const FLIGHT_MS = 260;
/** A mark that would have to wait longer than this is not drawn: the wire's hatching tells of it. */
const WAIT_MOST_MS = 2600;
const FLIGHTS_MOST = 40;
/** How long a mark of a drop or a rewrite stays. */
const NOTE_MS = 3200;
const REMARKS_MOST = 8;
/** Packets a second through a wire that are drawn as hatching instead of marks. */
export const BUSY_RATE = 40;
const RATE_MS = 400;

export interface Flight {
  readonly packet: PacketEntity;
  readonly from: LinkEnd;
  readonly to: LinkEnd;
  readonly delayMs: number;
}

export interface Remark {
  readonly packet: PacketEntity;
  readonly at: LinkEnd;
  readonly text: string;
  /** The rule that did it. */
  readonly rule: string;
  readonly danger: boolean;
  readonly delayMs: number;
}

export interface Traffic {
  readonly flights: readonly Flight[];
  readonly remarks: readonly Remark[];
  /** Packets a second through links that move many, by link. */
  readonly rates: ReadonlyMap<string, number>;
}

/** The worker tells of packets while a view that shows them is on the screen. */
export function useWatchedPackets(): void {
  const session = useSession();
  useEffect(() => {
    session.watchPackets(true);
    return () => session.watchPackets(false);
  }, [session]);
}

/** Both directions of a conversation have the same. */
function tellFlow({ protocol, header }: PacketEntity): string {
  const ends = header.match(/\d+\.\d+\.\d+\.\d+(:\d+)?/g) ?? [];
  return `${protocol} ${[...ends].sort().join(" ")}`;
}

/** ARP comes before what it makes possible. */
const tellPair = (packet: PacketEntity): string => tellFlow(packet).replace(/^\w+ /, "").replace(/:\d+/g, "");

/** What happened, and who did it. An answer's rewrite undoes that of the question. */
function tellRemark(event: Exclude<PacketEntity["event"], { kind: "hop" }>): { readonly text: string; readonly rule: string } {
  if (event.kind === "drop") return { text: event.rule === undefined ? `dropped: ${event.reason}` : "dropped", rule: event.rule ?? "" };
  const { answer, what, hook, before, after, rule } = event;
  const ports = before.slice(0, before.indexOf(":") + 1) !== after.slice(0, after.indexOf(":") + 1) || what === "DNAT";
  const bare = (end: string): string => (ports || answer ? end : end.replace(/:\d+$/, ""));
  return { text: `${answer ? "turned back" : what} ${bare(before)} → ${bare(after)}`, rule: `${hook}: ${rule}` };
}

interface Ongoing {
  readonly flight: Flight;
  readonly endMs: number;
}

class Conversation {
  flights: Ongoing[] = [];
  remarks: { readonly remark: Remark; endMs: number }[] = [];
  /** When something of a conversation last came to a namespace: what leaves there because of it leaves later. */
  private readonly arrivals = new Map<string, number>();

  /** Puts what is new on its way. Returns whether there was anything. */
  add(packets: readonly PacketEntity[], now: number, busy: ReadonlyMap<string, number>): boolean {
    let news = false;
    for (const packet of packets) {
      const { event } = packet;
      const pair = tellPair(packet);
      const leaves = `${pair} ${event.kind === "hop" ? event.from.netNs : event.at.netNs}`;
      const startMs = Math.max(now, this.arrivals.get(leaves) ?? 0);
      const delayMs = startMs - now;
      if (event.kind === "hop") {
        const many = (busy.get(getLinkKey(event.from)) ?? 0) > BUSY_RATE || (busy.get(getLinkKey(event.to)) ?? 0) > BUSY_RATE;
        if (many || delayMs > WAIT_MOST_MS || this.flights.length >= FLIGHTS_MOST) continue;
        this.arrivals.set(`${pair} ${event.to.netNs}`, startMs + FLIGHT_MS);
        this.flights.push({ flight: { packet, from: event.from, to: event.to, delayMs }, endMs: startMs + FLIGHT_MS });
      } else {
        // A copy that a bridge sent to everybody ends quietly with those whom it is not for.
        if (event.kind === "drop" && event.reason === "OTHERHOST") continue;
        const remark = { ...tellRemark(event), packet, at: event.at, danger: event.kind === "drop", delayMs };
        const same = (one: Remark): boolean => getLinkKey(one.at) === getLinkKey(remark.at) && one.text === remark.text;
        const known = this.remarks.find((one) => same(one.remark));
        if (known !== undefined) {
          // The same again: it stays where it is, a while longer.
          known.endMs = startMs + NOTE_MS;
          continue;
        }
        this.remarks = this.remarks.slice(-(REMARKS_MOST - 1));
        this.remarks.push({ remark, endMs: startMs + NOTE_MS });
      }
      news = true;
    }
    if (this.arrivals.size > 400) this.arrivals.clear();
    return news;
  }

  expire(now: number): boolean {
    const before = this.flights.length + this.remarks.length;
    if (before === 0) return false;
    this.flights = this.flights.filter(({ endMs }) => endMs > now);
    this.remarks = this.remarks.filter(({ endMs }) => endMs > now);
    return this.flights.length + this.remarks.length !== before;
  }
}

/** Packets a second of each link since it was last asked. */
class Rates {
  private before = new Map<string, number>();
  private atMs = 0;
  private atNs = 0;
  now: ReadonlyMap<string, number> = new Map();

  sample(realMs: number): boolean {
    if (realMs - this.atMs < RATE_MS) return false;
    const seconds = (live.nowNs - this.atNs) / 1e9;
    const rates = new Map<string, number>();
    const counts = new Map<string, number>();
    for (const [key, { rxPackets, txPackets }] of live.counters) {
      counts.set(key, rxPackets + txPackets);
      const rate = (rxPackets + txPackets - (this.before.get(key) ?? rxPackets + txPackets)) / seconds;
      if (seconds > 0 && rate > BUSY_RATE) rates.set(key, rate);
    }
    const changed = rates.size > 0 || this.now.size > 0;
    this.before = counts;
    this.atMs = realMs;
    this.atNs = live.nowNs;
    this.now = rates;
    return changed;
  }
}

export function useTraffic(): Traffic {
  const [traffic, setTraffic] = useState<Traffic>({ flights: [], remarks: [], rates: new Map() });
  const seen = useRef(live.packets.at(-1)?.seq ?? -1);
  useEffect(() => {
    const conversation = new Conversation();
    const rates = new Rates();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    return onFrame(() => {
      const now = performance.now();
      let changed = rates.sample(now);
      const last = live.packets.at(-1)?.seq ?? -1;
      if (last < seen.current) seen.current = -1;
      if (last > seen.current) {
        const fresh = live.packets.filter(({ seq, event }) => seq > seen.current && !(still && event.kind === "hop"));
        seen.current = last;
        changed = conversation.add(fresh, now, rates.now) || changed;
      }
      changed = conversation.expire(now) || changed;
      if (!changed) return;
      const { flights, remarks } = conversation;
      setTraffic({ flights: flights.map(({ flight }) => flight), remarks: remarks.map(({ remark }) => remark), rates: rates.now });
    });
  }, []);
  return traffic;
}
