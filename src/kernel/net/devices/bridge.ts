/**
 * Ethernet bridges: bridge(8), Linux `net/bridge/`. Ports are other devices; addresses are learnt from what they send, and what is for an unknown
 * address goes to all. The bridge is an interface of its host too.
 *
 * Differs from Linux: no spanning tree (IEEE 802.1D), no VLAN filtering. Multicast snooping keeps no database of groups: as long as nobody queries, which this
 * bridge does not either, groups are flooded with and without it.
 */

import { EBUSY, EINVAL, ELOOP, EOPNOTSUPP } from "../../../abi/errno.ts";
import { Timer } from "../../sched/timer.ts";
import { devQueueXmit, frameLength, netifRx, notify, randomMac, setCarrier, setPromiscuity } from "../dev.ts";
import {
  BROADCAST_MAC,
  IFF_LOOPBACK,
  isMulticastMac,
  isOperational,
  NetDevice,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
} from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { EthernetHeader, NfBridge, SkBuff } from "../skb.ts";

export const BR_STATE_DISABLED = 0;
export const BR_STATE_LISTENING = 1;
export const BR_STATE_LEARNING = 2;
export const BR_STATE_FORWARDING = 3;
export const BR_STATE_BLOCKING = 4;

/** BR_MAX_PORTS. */
const MAX_PORTS = 1024;

/** A device as a port: struct net_bridge_port. */
export class BridgePort {
  state = BR_STATE_DISABLED;
  priority = 32;
  cost = 2;
  hairpin = false;
  isolated = false;
  learning = true;
  flood = true;
  mcastFlood = true;
  bcastFlood = true;

  constructor(
    readonly bridge: BridgeDevice,
    readonly dev: NetDevice,
    /** From 1. */
    readonly number: number,
  ) {}
}

/** Where an address is: struct net_bridge_fdb_entry. */
export interface FdbEntry {
  readonly mac: number;
  /** Undefined for the bridge's own address. */
  port: BridgePort | undefined;
  /** An address of this host: it is not learnt and does not age. */
  local: boolean;
  /** Made by the user (`bridge fdb add … static`): it does not age. */
  isStatic: boolean;
  /** Last packets from it and to it, virtual nanoseconds. */
  updatedNs: number;
  usedNs: number;
}

const ports = new WeakMap<NetDevice, BridgePort>();

/** The port that a device is, or undefined. */
export const bridgePortOf = (dev: NetDevice): BridgePort | undefined => ports.get(dev);

export class BridgeDevice extends NetDevice {
  readonly kind = "bridge";
  override carrier = false;
  readonly ports = new Set<BridgePort>();
  readonly fdb = new Map<number, FdbEntry>();
  ageingNs = 300e9;
  forwardDelayNs = 15e9;
  helloTimeNs = 2e9;
  maxAgeNs = 20e9;
  priority = 32_768;
  groupFwdMask = 0;
  mcastSnooping = true;
  /** The user has set them: ports change neither. */
  macSet = false;
  mtuSet = false;
  readonly createdNs: number;
  private readonly cleanup = new Timer(() => this.age());

  constructor(ns: NetNamespace, mac: number | undefined) {
    super(ns);
    this.mac = mac ?? randomMac(ns);
    this.macAssignType = mac === undefined ? 1 : 3;
    this.macSet = mac !== undefined;
    this.carrierDowns = 1;
    this.createdNs = ns.system.sched.clockNs;
    // br_stp_change_bridge_id(): frames to an address that was asked for are its own.
    if (mac !== undefined) this.addLocal(mac, undefined);
  }

  override get namespaceLocal(): boolean {
    return true;
  }

  // ── Ports ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** br_add_if(). Errors: EINVAL for loopback and what has no hardware address; ELOOP for a bridge; EBUSY for a port of another master; EOPNOTSUPP. */
  addPort(dev: NetDevice): void {
    if ((dev.flags & IFF_LOOPBACK) !== 0 || dev.mac === 0) throw EINVAL;
    if (dev instanceof BridgeDevice) throw ELOOP;
    if (dev.master !== undefined || dev.rxHandler !== undefined) throw EBUSY;
    if (dev.ns !== this.ns) throw EOPNOTSUPP;
    const port = new BridgePort(this, dev, this.freeNumber());
    ports.set(dev, port);
    this.ports.add(port);
    dev.master = this;
    dev.rxHandler = (skb) => this.handleFrame(port, skb);
    setPromiscuity(dev, 1);
    dev.allmulti++;
    this.addLocal(dev.mac, port);
    this.portChanged(port);
    this.recalculate();
    this.emit(dev);
    notify(dev, "changeupper");
  }

  /** br_del_if(). */
  removePort(dev: NetDevice): void {
    const port = ports.get(dev);
    if (port === undefined || port.bridge !== this) return;
    ports.delete(dev);
    this.ports.delete(port);
    dev.master = undefined;
    dev.rxHandler = undefined;
    setPromiscuity(dev, -1);
    dev.allmulti--;
    for (const entry of [...this.fdb.values()]) if (entry.port === port) this.forget(entry);
    this.recalculate();
    this.updateCarrier();
    this.emit(dev);
    if (!dev.gone) notify(dev, "changeupper");
  }

  private emit(dev: NetDevice): void {
    this.ns.system.trace.emit({ name: "net_device", action: "master", ns: this.ns.ino, dev: dev.name, ifindex: dev.ifindex });
  }

  private freeNumber(): number {
    const used = new Set([...this.ports].map((port) => port.number));
    for (let number = 1; number < MAX_PORTS; number++) if (!used.has(number)) return number;
    throw EBUSY;
  }

  /** A port went up or down, or its carrier did: without spanning tree it forwards at once. */
  portChanged(port: BridgePort): void {
    const on = this.up && isOperational(port.dev);
    if (on && port.state === BR_STATE_DISABLED) port.state = BR_STATE_FORWARDING;
    else if (!on && port.state !== BR_STATE_DISABLED) {
      port.state = BR_STATE_DISABLED;
      for (const entry of [...this.fdb.values()]) if (entry.port === port && !entry.local && !entry.isStatic) this.forget(entry);
    }
    this.updateCarrier();
  }

  private updateCarrier(): void {
    setCarrier(this, this.up && [...this.ports].some((port) => port.state === BR_STATE_FORWARDING));
  }

  override opened(): void {
    for (const port of this.ports) this.portChanged(port);
    this.updateCarrier();
  }

  override closed(): void {
    for (const port of this.ports) port.state = BR_STATE_DISABLED;
    for (const entry of [...this.fdb.values()]) if (!entry.local && !entry.isStatic) this.forget(entry);
    setCarrier(this, false);
  }

  override removed(): void {
    for (const port of [...this.ports]) this.removePort(port.dev);
    this.ns.system.sched.timers.cancel(this.cleanup);
    this.fdb.clear();
  }

  /** br_set_mac_address(). */
  override macChanged(): void {
    this.macSet = true;
    this.replaceOwn();
  }

  /** br_stp_recalculate_bridge_id(), br_mtu_auto_adjust(): the lowest of the ports' addresses, the least of their MTUs. */
  recalculate(): void {
    if (!this.macSet) {
      // Without ports it has none.
      const lowest = this.ports.size === 0 ? 0 : Math.min(...[...this.ports].map((port) => port.dev.mac));
      if (lowest !== this.mac) {
        this.mac = lowest;
        this.macAssignType = 2;
        this.replaceOwn();
        notify(this, "changeaddr");
      }
    }
    const mtu = this.ports.size === 0 ? 1500 : Math.min(...[...this.ports].map((port) => port.dev.mtu));
    if (!this.mtuSet && mtu !== this.mtu) {
      this.mtu = mtu;
      notify(this, "changemtu");
    }
  }

  // ── Forwarding database ────────────────────────────────────────────────────────────────────────────────────────────

  private get nowNs(): number {
    return this.ns.system.sched.clockNs;
  }

  private addLocal(mac: number, port: BridgePort | undefined): void {
    const old = this.fdb.get(mac);
    if (old?.local === true) return;
    const now = this.nowNs;
    this.fdb.set(mac, { mac, port, local: true, isStatic: true, updatedNs: now, usedNs: now });
  }

  private replaceOwn(): void {
    for (const entry of [...this.fdb.values()]) if (entry.local && entry.port === undefined) this.fdb.delete(entry.mac);
    if (this.mac !== 0) this.addLocal(this.mac, undefined);
  }

  /** A port has another hardware address. */
  portMacChanged(port: BridgePort): void {
    for (const entry of [...this.fdb.values()]) if (entry.local && entry.port === port) this.fdb.delete(entry.mac);
    this.addLocal(port.dev.mac, port);
    this.recalculate();
  }

  private forget(entry: FdbEntry): void {
    this.fdb.delete(entry.mac);
    this.ns.core.version++;
    this.ns.core.rtnl?.fdb("del", this, entry);
  }

  /** br_fdb_update(): the sender of a frame is behind this port. */
  private learn(mac: number, port: BridgePort): void {
    if (!port.learning || this.ageingNs === 0 || isMulticastMac(mac) || mac === 0) return;
    const now = this.nowNs;
    const known = this.fdb.get(mac);
    if (known === undefined) {
      const entry: FdbEntry = { mac, port, local: false, isStatic: false, updatedNs: now, usedNs: now };
      this.fdb.set(mac, entry);
      this.learnt(entry, port);
    } else {
      if (known.local) return;
      known.updatedNs = now;
      if (known.port !== port && !known.isStatic) {
        known.port = port;
        this.learnt(known, port);
      }
    }
    if (!this.cleanup.armed) this.ns.system.sched.timers.arm(this.cleanup, now + this.ageingNs);
  }

  private learnt(entry: FdbEntry, port: BridgePort): void {
    this.ns.core.version++;
    const { trace } = this.ns.system;
    if (trace.active) trace.emit({ name: "br_fdb_update", ns: this.ns.ino, bridge: this.name, port: port.dev.name, mac: entry.mac });
    this.ns.core.rtnl?.fdb("new", this, entry);
  }

  /** br_fdb_cleanup(): runs only while there is something that ages. */
  private age(): void {
    const now = this.nowNs;
    let next = Number.POSITIVE_INFINITY;
    for (const entry of [...this.fdb.values()]) {
      if (entry.local || entry.isStatic) continue;
      if (entry.updatedNs + this.ageingNs <= now) this.forget(entry);
      else next = Math.min(next, entry.updatedNs + this.ageingNs);
    }
    this.ns.system.sched.timers.arm(this.cleanup, next);
  }

  /** `ip link set … type bridge ageing_time`. */
  setAgeing(ns: number): void {
    this.ageingNs = ns;
    this.age();
  }

  flush(port?: BridgePort): void {
    for (const entry of [...this.fdb.values()]) {
      if (!entry.local && !entry.isStatic && (port === undefined || entry.port === port)) this.forget(entry);
    }
  }

  /** `bridge fdb add`. */
  addEntry(mac: number, port: BridgePort | undefined, local: boolean, isStatic: boolean): FdbEntry {
    const now = this.nowNs;
    const entry: FdbEntry = { mac, port, local, isStatic, updatedNs: now, usedNs: now };
    this.fdb.set(mac, entry);
    this.ns.core.version++;
    this.ns.core.rtnl?.fdb("new", this, entry);
    if (!local && !isStatic && !this.cleanup.armed) this.ns.system.sched.timers.arm(this.cleanup, now + this.ageingNs);
    return entry;
  }

  removeEntry(entry: FdbEntry): void {
    this.forget(entry);
  }

  private find(mac: number): FdbEntry | undefined {
    const entry = this.fdb.get(mac);
    if (entry === undefined || entry.local || entry.isStatic) return entry;
    return entry.updatedNs + this.ageingNs > this.nowNs ? entry : undefined;
  }

  // ── Frames ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** br_handle_frame(). Always takes the frame. */
  private handleFrame(port: BridgePort, skb: SkBuff): boolean {
    const eth = skb.eth;
    if (eth === undefined || port.state === BR_STATE_DISABLED || isMulticastMac(eth.src)) {
      this.ns.core.drop(skb, this.ns, port.dev, "BRIDGE_NO_PORT");
      return true;
    }
    // Pause frames stay on their link.
    if (eth.dst === 0x0180c2000001) {
      this.ns.core.drop(skb, this.ns, port.dev, "BRIDGE_NO_PORT");
      return true;
    }
    if (this.ns.netfilter === undefined || this.ns.netfilter.bridgeIn(skb, this, port.dev)) this.handleFinish(port, skb);
    return true;
  }

  /** br_handle_frame_finish(). */
  private handleFinish(port: BridgePort, skb: SkBuff): void {
    const eth = skb.eth as EthernetHeader;
    this.learn(eth.src, port);
    if (port.state === BR_STATE_LEARNING) {
      this.ns.core.drop(skb, this.ns, port.dev, "BRIDGE_NO_PORT");
      return;
    }
    if (eth.dst === BROADCAST_MAC || isMulticastMac(eth.dst)) {
      this.passUp(skb.clone());
      this.flood(skb, port, eth.dst === BROADCAST_MAC ? "broadcast" : "multicast");
      return;
    }
    const known = this.find(eth.dst);
    if (known === undefined) this.flood(skb, port, "unicast");
    else if (known.local) this.passUp(skb);
    else {
      known.usedNs = this.nowNs;
      if (known.port !== undefined && this.shouldDeliver(known.port, port)) this.forward(known.port, skb);
      else this.ns.core.drop(skb, this.ns, port.dev, "BRIDGE_NO_PORT");
    }
  }

  /** should_deliver(): not back to where it came from, not between isolated ports. */
  private shouldDeliver(to: BridgePort, from: BridgePort | undefined): boolean {
    if (to.state !== BR_STATE_FORWARDING) return false;
    if (from === undefined) return true;
    if (to === from && !to.hairpin) return false;
    return !(to.isolated && from.isolated);
  }

  /** br_flood(). */
  private flood(skb: SkBuff, from: BridgePort | undefined, what: "unicast" | "multicast" | "broadcast"): void {
    let last: BridgePort | undefined;
    for (const port of this.ports) {
      if (
        what === "unicast"
          ? !port.flood
          : what === "multicast"
            ? !port.mcastFlood && from !== undefined
            : !port.bcastFlood && from !== undefined
      )
        continue;
      if (!this.shouldDeliver(port, from)) continue;
      if (last !== undefined) this.forward(last, skb.clone());
      last = port;
    }
    if (last !== undefined) this.forward(last, skb);
    else this.ns.core.consume(skb, this.ns, this);
  }

  /** br_forward(), br_dev_queue_push_xmit(): what is too long for the port is dropped. */
  private forward(port: BridgePort, skb: SkBuff): void {
    const { netfilter } = this.ns;
    if (netfilter === undefined || skb.nfBridge === undefined) this.push(port, skb);
    else for (const out of netfilter.bridgeOut(skb, this, port.dev)) this.push(port, out);
  }

  private push(port: BridgePort, skb: SkBuff): void {
    const { dev } = port;
    if (skb.length > dev.mtu && skb.gsoSize === 0) {
      dev.stats.txDropped++;
      this.ns.core.drop(skb, this.ns, dev, "PKT_TOO_BIG");
      return;
    }
    skb.dev = dev;
    devQueueXmit(skb);
  }

  /** br_pass_frame_up(): the bridge itself receives it. */
  private passUp(skb: SkBuff): void {
    if (!this.up) {
      this.ns.core.drop(skb, this.ns, this, "DEV_READY");
      return;
    }
    this.stats.rxPackets++;
    this.stats.rxBytes += frameLength(skb);
    const dst = skb.eth?.dst ?? 0;
    if (dst === BROADCAST_MAC) skb.pkttype = PACKET_BROADCAST;
    else if (isMulticastMac(dst)) {
      skb.pkttype = PACKET_MULTICAST;
      this.stats.multicast++;
    } else if (this.fdb.get(dst)?.local === true) skb.pkttype = PACKET_HOST;
    skb.iif = 0;
    netifRx(skb, this);
  }

  /** br_nf_pre_routing_finish_bridge_slow(): the new receiver's hardware address is known now; the sender stays who he was. */
  private resume(skb: SkBuff, { port: dev, srcMac }: NfBridge): void {
    const port = ports.get(dev);
    if (port?.bridge !== this || skb.eth === undefined) {
      this.ns.core.drop(skb, this.ns, this, "BRIDGE_NO_PORT");
      return;
    }
    skb.eth = { ...skb.eth, src: srcMac };
    skb.nfBridge = { port: dev, srcMac };
    skb.dev = dev;
    this.handleFinish(port, skb);
  }

  /** br_dev_xmit(): what this host sends through the bridge. */
  override transmit(skb: SkBuff): void {
    if (skb.nfBridge?.redirected === true) {
      this.resume(skb, skb.nfBridge);
      return;
    }
    const dst = skb.eth?.dst ?? 0;
    this.stats.txPackets++;
    this.stats.txBytes += frameLength(skb);
    if (dst === BROADCAST_MAC) this.flood(skb, undefined, "broadcast");
    else if (isMulticastMac(dst)) this.flood(skb, undefined, "multicast");
    else {
      const known = this.find(dst);
      if (known?.port !== undefined && this.shouldDeliver(known.port, undefined)) {
        known.usedNs = this.nowNs;
        this.forward(known.port, skb);
      } else if (known === undefined) this.flood(skb, undefined, "unicast");
      else this.ns.core.drop(skb, this.ns, this, "BRIDGE_NO_PORT");
    }
  }
}

/** br_device_event(): what happens to ports. */
export function bridgeEvent(event: string, dev: NetDevice): void {
  const port = ports.get(dev);
  if (port === undefined) return;
  const { bridge } = port;
  switch (event) {
    case "up":
    case "down":
    case "change":
      bridge.portChanged(port);
      break;
    case "changeaddr":
      bridge.portMacChanged(port);
      break;
    case "changemtu":
      bridge.recalculate();
      break;
    case "unregister":
      bridge.removePort(dev);
      break;
    default:
      break;
  }
}
