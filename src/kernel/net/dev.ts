/**
 * Devices of a namespace: they are registered, named, opened, moved and deleted here, and packets go through them: Linux `net/core/dev.c`.
 * Left out: receive offloads, XPS and RPS, VLANs, several queues a device.
 */

import { EBUSY, EEXIST, EINVAL, ENETDOWN, ENFILE } from "../../abi/errno.ts";
import { ETH_P_ALL } from "../../abi/inet.ts";
import { type NetdevEvent, tracedPacket } from "./core.ts";
import {
  BROADCAST_MAC,
  ETH_HLEN,
  IFF_UP,
  isMulticastMac,
  type NetDevice,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
} from "./device.ts";
import type { NetNamespace } from "./net-namespace.ts";
import { NoQueue, PfifoFast } from "./qdisc/fifo.ts";
import type { SkBuff } from "./skb.ts";

/** IFNAMSIZ without the NUL. */
const NAME_MAX = 15;
/** Names of one pattern that are looked at. */
const MAX_UNITS = 32_768;

// ── Names and registration ───────────────────────────────────────────────────────────────────────────────────────────

/** dev_valid_name(). */
export function isValidDeviceName(name: string): boolean {
  return name !== "" && name.length <= NAME_MAX && name !== "." && name !== ".." && !/[/:\s]/.test(name);
}

/** The name itself, or with its `%d` replaced by the lowest number that is free. Errors: EINVAL; EEXIST; ENFILE. */
export function allocateName(ns: NetNamespace, pattern: string): string {
  if (!isValidDeviceName(pattern)) throw EINVAL;
  const at = pattern.indexOf("%");
  if (at < 0) {
    if (ns.deviceNames.has(pattern)) throw EEXIST;
    return pattern;
  }
  if (pattern.slice(at, at + 2) !== "%d" || pattern.indexOf("%", at + 2) >= 0) throw EINVAL;
  for (let unit = 0; unit < MAX_UNITS; unit++) {
    const name = pattern.replace("%d", String(unit));
    if (!ns.deviceNames.has(name)) return name;
  }
  throw ENFILE;
}

function freeIfindex(ns: NetNamespace, wanted = 0): number {
  if (wanted > 0) {
    if (ns.devices.has(wanted)) throw EBUSY;
    return wanted;
  }
  while (ns.devices.has(++ns.lastIfindex));
  return ns.lastIfindex;
}

function enlist(dev: NetDevice, name: string, ifindex: number): void {
  dev.name = name;
  dev.ifindex = ifindex;
  dev.ns.devices.set(ifindex, dev);
  dev.ns.deviceNames.set(name, dev);
}

function delist(dev: NetDevice): void {
  dev.ns.devices.delete(dev.ifindex);
  dev.ns.deviceNames.delete(dev.name);
}

/** A random, locally administered unicast address (eth_hw_addr_random). */
export function randomMac(ns: NetNamespace): number {
  const { random } = ns.system;
  const high = (random.next() & 0xfcff) | 0x0200;
  return high * 2 ** 32 + random.next();
}

/** call_netdevice_notifiers(). */
export function notify(dev: NetDevice, event: NetdevEvent): void {
  dev.ns.changed();
  for (const notifier of dev.ns.core.wiring.notifiers) notifier(event, dev);
}

function trace(dev: NetDevice, action: "register" | "unregister" | "up" | "down" | "carrier" | "rename" | "move" | "master"): void {
  dev.ns.system.trace.emit({ name: "net_device", action, ns: dev.ns.ino, dev: dev.name, ifindex: dev.ifindex });
}

/** register_netdevice(): `pattern` may have a `%d`. Errors: EEXIST, EINVAL; EBUSY where the index is taken. */
export function registerDevice(dev: NetDevice, pattern: string, ifindex = 0): void {
  const name = allocateName(dev.ns, pattern);
  enlist(dev, name, freeIfindex(dev.ns, ifindex));
  trace(dev, "register");
  notify(dev, "register");
}

/** unregister_netdevice_many(): deletes devices and those that cannot be without them. */
export function unregisterDevice(dev: NetDevice): void {
  if (dev.gone) return;
  dev.gone = true;
  closeDevice(dev);
  dev.qdisc?.reset();
  dev.qdisc = undefined;
  dev.removed();
  notify(dev, "unregister");
  delist(dev);
  trace(dev, "unregister");
}

/** dev_change_name(). Errors: EEXIST, EINVAL. */
export function renameDevice(dev: NetDevice, pattern: string): void {
  if (pattern === dev.name) return;
  const name = allocateName(dev.ns, pattern);
  dev.ns.deviceNames.delete(dev.name);
  dev.name = name;
  dev.ns.deviceNames.set(name, dev);
  trace(dev, "rename");
  notify(dev, "changename");
}

/**
 * dev_change_net_namespace(): closes it, takes all that it had here, and puts it there, under a new name where its own is taken
 * and `pattern` says so. Errors: EINVAL for devices that cannot leave; EEXIST where the name is taken.
 */
export function moveDevice(dev: NetDevice, to: NetNamespace, pattern?: string, ifindex = 0): void {
  if (dev.namespaceLocal) throw EINVAL;
  if (to === dev.ns) return;
  let name = dev.name;
  if (pattern !== undefined || to.deviceNames.has(name)) {
    if (pattern === undefined) throw EEXIST;
    name = allocateName(to, pattern);
  }
  const index = ifindex > 0 ? freeIfindex(to, ifindex) : to.devices.has(dev.ifindex) ? freeIfindex(to) : dev.ifindex;
  closeDevice(dev);
  notify(dev, "unregister");
  delist(dev);
  // dev_shutdown(): its qdisc stays behind.
  dev.qdisc?.reset();
  dev.qdisc = undefined;
  dev.qdiscSet = false;
  dev.ns = to;
  enlist(dev, name, index);
  trace(dev, "move");
  notify(dev, "register");
}

/** The end of a namespace: hardware goes back to the initial one, the rest is deleted, loopback last. */
export function exitNamespace(ns: NetNamespace): void {
  ns.core.softnet.run(() => {
    for (const dev of [...ns.devices.values()].reverse()) {
      if (dev.gone || dev === ns.loopback) continue;
      if (dev.virtual || ns === ns.core.initNs) unregisterDevice(dev);
      else moveDevice(dev, ns.core.initNs, ns.core.initNs.deviceNames.has(dev.name) ? "dev%d" : dev.name);
    }
    unregisterDevice(ns.loopback);
    ns.core.namespaces.delete(ns);
  });
}

// ── Up and down ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** dev_open(). */
export function openDevice(dev: NetDevice): void {
  if (dev.up || dev.gone) return;
  dev.flags |= IFF_UP;
  if (dev.qdisc === undefined) dev.qdisc = defaultQdisc(dev);
  dev.opened();
  trace(dev, "up");
  notify(dev, "up");
}

/** dev_close(). */
export function closeDevice(dev: NetDevice): void {
  if (!dev.up) return;
  notify(dev, "going_down");
  dev.flags &= ~IFF_UP;
  dev.qdisc?.reset();
  dev.closed();
  trace(dev, "down");
  notify(dev, "down");
}

/** The qdisc that a device has unless tc(8) says otherwise. */
export function defaultQdisc(dev: NetDevice): NoQueue | PfifoFast {
  return dev.noQueue ? new NoQueue(dev) : new PfifoFast(dev, 0);
}

/** netif_carrier_on(), netif_carrier_off(). */
export function setCarrier(dev: NetDevice, on: boolean): void {
  if (dev.carrier === on) return;
  dev.carrier = on;
  if (on) dev.carrierUps++;
  else dev.carrierDowns++;
  if (dev.ns.devices.get(dev.ifindex) !== dev) return;
  trace(dev, "carrier");
  notify(dev, "change");
}

/** dev_set_mtu(). Errors: EINVAL outside of what the device can. */
export function setMtu(dev: NetDevice, mtu: number): void {
  if (mtu === dev.mtu) return;
  if (mtu < dev.minMtu || (dev.maxMtu > 0 && mtu > dev.maxMtu)) throw EINVAL;
  dev.mtu = mtu;
  notify(dev, "changemtu");
}

export function setMac(dev: NetDevice, mac: number): void {
  dev.mac = mac;
  dev.macAssignType = 3;
  dev.macChanged();
  notify(dev, "changeaddr");
}

/** dev_set_promiscuity(): by +1 or -1. */
export function setPromiscuity(dev: NetDevice, by: 1 | -1): void {
  dev.promiscuity += by;
  dev.ns.core.version++;
}

/** Errors: ENETDOWN. */
export function requireUp(dev: NetDevice): void {
  if (!dev.up) throw ENETDOWN;
}

// ── Out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** dev_queue_xmit(): the packet has a link header, and `dev` to go out by. */
export function devQueueXmit(skb: SkBuff): void {
  const dev = skb.dev as NetDevice;
  const { core } = dev.ns;
  const { qdisc } = dev;
  if (!dev.up || qdisc === undefined) {
    dev.stats.txDropped++;
    core.drop(skb, dev.ns, dev, "DEV_READY");
    return;
  }
  const tracer = core.system.trace;
  if (tracer.packets) {
    tracer.emit({ name: "net_dev_queue", ns: dev.ns.ino, dev: dev.name, ifindex: dev.ifindex, packet: tracedPacket(skb) });
  }
  qdisc.enqueue(skb);
}

/** dev_hard_start_xmit(): shows it to packet sockets and hands it to the driver. For qdiscs. */
export function transmitNow(dev: NetDevice, skb: SkBuff): void {
  const { ns } = dev;
  if (ns.taps.size > 0) deliverToTaps(skb, dev, true);
  const tracer = ns.system.trace;
  if (tracer.packets) tracer.emit({ name: "net_dev_xmit", ns: ns.ino, dev: dev.name, ifindex: dev.ifindex, packet: tracedPacket(skb) });
  dev.transmit(skb);
}

/** netif_wake_queue(): the driver has room again. */
export function wakeQueue(dev: NetDevice): void {
  dev.stopped = false;
  if (dev.qdisc instanceof PfifoFast) dev.qdisc.run();
  else dev.qdisc?.resume?.();
}

// ── In ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** eth_type_trans(): for whom it is, as the device sees it. */
export function ethTypeTrans(skb: SkBuff, dev: NetDevice): void {
  const dst = skb.eth?.dst ?? 0;
  if (dst === dev.mac) skb.pkttype = PACKET_HOST;
  else if (dst === BROADCAST_MAC) skb.pkttype = PACKET_BROADCAST;
  else skb.pkttype = isMulticastMac(dst) ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

/** __dev_forward_skb() of devices that hand a packet to another one, perhaps in another namespace: nothing of its old life comes along. */
export function forwardSkb(dev: NetDevice, skb: SkBuff): boolean {
  if (!dev.up) return false;
  if (skb.dev?.ns !== dev.ns) skb.mark = 0;
  skb.route = undefined;
  skb.route6 = undefined;
  skb.ct = undefined;
  skb.ctReply = false;
  skb.nfBridge = undefined;
  skb.iif = 0;
  skb.dev = dev;
  ethTypeTrans(skb, dev);
  return netifRx(skb, dev);
}

/** netif_rx(): a driver hands a packet up; `pkttype` is set. False where it was dropped. Counts neither side's statistics. */
export function netifRx(skb: SkBuff, dev: NetDevice): boolean {
  skb.dev = dev;
  const { core } = dev.ns;
  if (core.softnet.enqueue(skb)) return true;
  dev.stats.rxDropped++;
  core.drop(skb, dev.ns, dev, "CPU_BACKLOG");
  return false;
}

/** __netif_receive_skb_core(): packet sockets, then the master, then the protocol. */
export function netifReceiveSkb(skb: SkBuff): void {
  const dev = skb.dev as NetDevice;
  const { ns } = dev;
  const { core } = ns;
  // Its device may have been closed or deleted while it waited.
  if (!dev.up) {
    core.drop(skb, ns, dev, "DEV_READY");
    return;
  }
  if (skb.iif === 0) skb.iif = dev.ifindex;
  const tracer = core.system.trace;
  if (tracer.packets) {
    tracer.emit({ name: "netif_receive_skb", ns: ns.ino, dev: dev.name, ifindex: dev.ifindex, packet: tracedPacket(skb) });
  }
  if (ns.taps.size > 0) deliverToTaps(skb, dev, false);
  if (dev.rxHandler?.(skb)) return;
  const receive = core.wiring.packetTypes.get(skb.eth?.type ?? 0);
  if (receive === undefined) {
    dev.stats.rxDropped++;
    core.drop(skb, ns, dev, "UNHANDLED_PROTO");
    return;
  }
  receive(skb, dev);
}

/** Bytes with the link header: what counters count. */
export const frameLength = (skb: SkBuff): number => skb.length + ETH_HLEN;

function deliverToTaps(skb: SkBuff, dev: NetDevice, outgoing: boolean): void {
  const type = skb.eth?.type ?? 0;
  for (const tap of dev.ns.taps) {
    if (tap.ifindex !== 0 && tap.ifindex !== dev.ifindex) continue;
    if (tap.protocol !== ETH_P_ALL && (outgoing || tap.protocol !== type)) continue;
    const copy = skb.clone();
    if (outgoing) copy.pkttype = PACKET_OUTGOING;
    tap.receive(copy, dev);
  }
}
