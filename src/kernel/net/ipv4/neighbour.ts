/**
 * Neighbours, the hardware addresses of those on a link: ip-neighbour(8), Linux `net/core/neighbour.c`, for IPv4 (A is a number) and IPv6. An entry goes through
 * INCOMPLETE → REACHABLE → STALE → DELAY → PROBE → FAILED by timers of its own; a stale or failed one has none.
 *
 * Differs from Linux: the table has no size limit (gc_thresh), so nothing is thrown out before its device goes.
 */

import type { NetDevice } from "../device.ts";
import { Timer } from "../../sched/timer.ts";
import type { SkBuff } from "../skb.ts";
import type { NeighParameters } from "./in-device.ts";

export const NUD_NONE = 0;
export const NUD_INCOMPLETE = 0x01;
export const NUD_REACHABLE = 0x02;
export const NUD_STALE = 0x04;
export const NUD_DELAY = 0x08;
export const NUD_PROBE = 0x10;
export const NUD_FAILED = 0x20;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
export const NUD_CONNECTED = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE;
export const NUD_VALID = NUD_CONNECTED | NUD_PROBE | NUD_STALE | NUD_DELAY;
const NUD_IN_TIMER = NUD_INCOMPLETE | NUD_REACHABLE | NUD_DELAY | NUD_PROBE;

const NUD_NAMES: Readonly<Record<number, string>> = {
  ...{ [NUD_NONE]: "NONE", [NUD_INCOMPLETE]: "INCOMPLETE", [NUD_REACHABLE]: "REACHABLE", [NUD_STALE]: "STALE", [NUD_DELAY]: "DELAY" },
  ...{ [NUD_PROBE]: "PROBE", [NUD_FAILED]: "FAILED", [NUD_NOARP]: "NOARP", [NUD_PERMANENT]: "PERMANENT" },
};

/** Those of one device: its part of IPv4 or IPv6. */
export interface NeighbourTable<A extends number | string> {
  readonly dev: NetDevice;
  readonly neigh: NeighParameters;
  readonly neighbours: Map<A, Neighbour<A>>;
}

/** What the protocol of the link does for the table: ARP, neighbour discovery. Handed over by `arp.ts` and `ipv6/ndisc.ts`. */
export interface NeighbourProtocol<A extends number | string = number> {
  /** Asks for the address; `to` is the known hardware address, or undefined for all. `skb` waits for the answer. */
  solicit(neigh: Neighbour<A>, to: number | undefined, skb: SkBuff | undefined): void;
  /** Nobody answered: tells the sender of a packet that waited, and frees it. */
  failed(neigh: Neighbour<A>, skb: SkBuff): void;
  /** Sends a packet of which the receiver is known. */
  send(neigh: Neighbour<A>, skb: SkBuff): void;
}

const MS = 1e6;

/** What netlink tells of a neighbour of either family. */
export interface AnyNeighbour {
  readonly dev: NetDevice;
  readonly addr: number | string;
  readonly mac: number;
  readonly state: number;
  readonly flags: number;
  readonly protocol: number;
  readonly confirmedNs: number;
  readonly updatedNs: number;
  readonly usedNs: number;
  readonly probes: number;
}

export class Neighbour<A extends number | string = number> {
  mac = 0;
  state = NUD_NONE;
  /** NTF_…: NTF_EXT_LEARNED, NTF_ROUTER. */
  flags = 0;
  /** RTPROT_… of who made it. */
  protocol = 0;
  /** Virtual times, nanoseconds. */
  confirmedNs: number;
  updatedNs: number;
  usedNs: number;
  probes = 0;
  /** Packets that wait for the address. */
  private queue: SkBuff[] = [];
  private readonly timer: Timer;

  constructor(
    readonly inDev: NeighbourTable<A>,
    readonly addr: A,
    private readonly protocolOps: NeighbourProtocol<A>,
  ) {
    const now = this.nowNs;
    this.confirmedNs = now;
    this.updatedNs = now;
    this.usedNs = now;
    this.timer = new Timer(() => this.core.softnet.run(() => this.expired()));
  }

  get dev(): NetDevice {
    return this.inDev.dev;
  }

  private get core() {
    return this.dev.ns.core;
  }

  private get nowNs(): number {
    return this.inDev.dev.ns.system.sched.clockNs;
  }

  get stateName(): string {
    return NUD_NAMES[this.state] ?? "NONE";
  }

  /** Packets that wait. */
  get waiting(): number {
    return this.queue.length;
  }

  /** neigh_resolve_output(): sends the packet, now or when the address is known. */
  output(skb: SkBuff): void {
    this.usedNs = this.nowNs;
    if ((this.state & NUD_CONNECTED) !== 0) {
      this.protocolOps.send(this, skb);
      return;
    }
    if (this.state === NUD_STALE) {
      this.updatedNs = this.nowNs;
      this.set(NUD_DELAY);
      this.arm(this.inDev.neigh.delay_first_probe_time * 1000);
    }
    if ((this.state & (NUD_DELAY | NUD_PROBE)) !== 0) {
      this.protocolOps.send(this, skb);
      return;
    }
    this.queue.push(skb);
    if (this.queue.length > this.inDev.neigh.unres_qlen) {
      const oldest = this.queue.shift() as SkBuff;
      this.core.drop(oldest, this.dev.ns, this.dev, "NEIGH_QUEUEFULL");
    }
    if (this.state === NUD_INCOMPLETE) return;
    const { neigh } = this.inDev;
    if (neigh.mcast_solicit + neigh.app_solicit === 0) {
      this.fail();
      return;
    }
    this.probes = neigh.ucast_solicit;
    this.updatedNs = this.nowNs;
    this.set(NUD_INCOMPLETE);
    this.arm(neigh.retrans_time_ms);
    this.probe();
  }

  private probe(): void {
    const unicast = (this.state & NUD_VALID) !== 0 && this.probes < this.inDev.neigh.ucast_solicit;
    this.probes++;
    this.protocolOps.solicit(this, unicast ? this.mac : undefined, this.queue[0]);
  }

  private arm(ms: number): void {
    const { timers } = this.dev.ns.system.sched;
    timers.arm(this.timer, this.nowNs + ms * MS);
  }

  private disarm(): void {
    this.dev.ns.system.sched.timers.cancel(this.timer);
  }

  private set(state: number): void {
    this.state = state;
    if ((state & NUD_IN_TIMER) === 0) this.disarm();
    this.changed();
  }

  /** Tells those who watch: the trace, and netlink for what matters to them. */
  private changed(): void {
    const { ns, name } = this.dev;
    this.core.version++;
    const { trace } = ns.system;
    const { addr, mac, stateName: state } = this;
    // The page watches IPv4's.
    if (trace.active && typeof addr === "number") trace.emit({ name: "neigh_update", ns: ns.ino, dev: name, addr, mac, state });
  }

  /** neigh_timer_handler(). */
  private expired(): void {
    const { neigh } = this.inDev;
    const now = this.nowNs;
    if (this.state === NUD_REACHABLE) {
      const reachableNs = this.reachableMs * MS;
      if (now < this.confirmedNs + reachableNs) this.arm((this.confirmedNs + reachableNs - now) / MS);
      else if (now < this.usedNs + neigh.delay_first_probe_time * 1e9) {
        this.updatedNs = now;
        this.set(NUD_DELAY);
        this.arm(neigh.delay_first_probe_time * 1000);
      } else {
        this.updatedNs = now;
        this.set(NUD_STALE);
        this.core.rtnl?.neighbour("new", this);
      }
      return;
    }
    if (this.state === NUD_DELAY) {
      const delayNs = neigh.delay_first_probe_time * 1e9;
      if (now < this.confirmedNs + delayNs) {
        this.updatedNs = now;
        this.set(NUD_REACHABLE);
        this.arm((this.confirmedNs + this.reachableMs * MS - now) / MS);
        this.core.rtnl?.neighbour("new", this);
        return;
      }
      this.updatedNs = now;
      this.probes = 0;
      this.set(NUD_PROBE);
      this.core.rtnl?.neighbour("new", this);
    } else if ((this.state & (NUD_INCOMPLETE | NUD_PROBE)) === 0) return;
    const max = neigh.ucast_solicit + neigh.app_solicit + (this.state === NUD_PROBE ? 0 : neigh.mcast_solicit);
    if (this.probes >= max) {
      this.fail();
      this.core.rtnl?.neighbour("new", this);
      return;
    }
    this.arm(neigh.retrans_time_ms);
    this.probe();
  }

  /** Linux draws it anew every few minutes, between a half and three halves of the base. Differs from Linux: always the base. */
  private get reachableMs(): number {
    return this.inDev.neigh.base_reachable_time_ms;
  }

  private fail(): void {
    this.updatedNs = this.nowNs;
    this.set(NUD_FAILED);
    const waited = this.queue;
    this.queue = [];
    for (const skb of waited) this.protocolOps.failed(this, skb);
  }

  /**
   * neigh_update(): someone has said where it is. `override` takes a new hardware address in the place of a known one; `admin` is the user, who may do anything.
   */
  update(
    mac: number | undefined,
    state: number,
    { override, admin = false }: { readonly override: boolean; readonly admin?: boolean },
  ): void {
    if (!admin && (this.state & (NUD_NOARP | NUD_PERMANENT)) !== 0) return;
    const old = this.state;
    const oldMac = this.mac;
    if ((state & NUD_VALID) === 0) {
      const waited = this.queue;
      this.queue = [];
      this.set(state);
      for (const skb of waited) this.core.drop(skb, this.dev.ns, this.dev, "NEIGH_FAILED");
      if ((old & NUD_VALID) !== 0 || admin) this.core.rtnl?.neighbour("new", this);
      return;
    }
    let address = mac ?? this.mac;
    const now = this.nowNs;
    if ((state & NUD_CONNECTED) !== 0) this.confirmedNs = now;
    if ((old & NUD_VALID) !== 0 && address !== oldMac && !override) {
      // A stranger's claim does not move a known neighbour.
      address = oldMac;
      if (state === NUD_STALE) return;
    }
    if (address === oldMac && state === NUD_STALE && (old & NUD_CONNECTED) !== 0 && !admin) return;
    if (state !== old || address !== oldMac) this.updatedNs = now;
    this.mac = address;
    if (state !== old) {
      this.probes = 0;
      this.set(state);
      if (state === NUD_REACHABLE) this.arm(this.reachableMs);
      else if (state === NUD_DELAY) this.arm(this.inDev.neigh.delay_first_probe_time * 1000);
      else if (state === NUD_PROBE) this.arm(0);
    } else if (address !== oldMac) this.changed();
    if ((old & NUD_VALID) === 0) {
      const waited = this.queue;
      this.queue = [];
      for (const skb of waited) this.protocolOps.send(this, skb);
    }
    if (state !== old || address !== oldMac) this.core.rtnl?.neighbour("new", this);
  }

  /** dst_confirm(): a packet of a connection shows that it is still there. */
  confirm(): void {
    this.confirmedNs = this.nowNs;
  }

  /** It leaves the table. */
  destroy(): void {
    this.disarm();
    const waited = this.queue;
    this.queue = [];
    for (const skb of waited) this.core.drop(skb, this.dev.ns, this.dev, "NEIGH_FAILED");
    this.inDev.neighbours.delete(this.addr);
    this.core.rtnl?.neighbour("del", this);
    this.core.version++;
  }
}
