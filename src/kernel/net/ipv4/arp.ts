/** Address resolution: arp(7), RFC 826, Linux `net/ipv4/arp.c`. */

import { ETH_P_ARP, ETH_P_IP, prefixMask } from "../../../abi/inet.ts";
import { BROADCAST_MAC, IFF_LOOPBACK, IFF_NOARP, IFF_POINTOPOINT, type NetDevice, PACKET_HOST } from "../device.ts";
import { devQueueXmit } from "../dev.ts";
import { SkBuff } from "../skb.ts";
import { selectAddress } from "./addresses.ts";
import { inetAddrType, isLimitedBroadcast, isLoopback, isMulticast, isZeronet } from "./fib-lookup.ts";
import { icmpSend } from "./icmp.ts";
import { ICMP_DEST_UNREACH, ICMP_HOST_UNREACH } from "./icmp-types.ts";
import { confMax, confOr, type InDevice } from "./in-device.ts";
import { Neighbour, type NeighbourProtocol, NUD_REACHABLE, NUD_STALE } from "./neighbour.ts";
import { routeInput } from "./route.ts";
import { RT_SCOPE_LINK, RTN_BROADCAST, RTN_LOCAL, RTN_UNICAST } from "./route-types.ts";

export const ARPOP_REQUEST = 1;
export const ARPOP_REPLY = 2;
/** An entry is not moved to another hardware address again within this time (LOCKTIME). */
const LOCK_NS = 1e9;

/** arp_send(). */
export function arpSend(
  dev: NetDevice,
  op: number,
  targetIp: number,
  senderIp: number,
  targetMac: number | undefined,
  dst = targetMac,
): void {
  if ((dev.flags & IFF_NOARP) !== 0) return;
  const skb = new SkBuff();
  skb.id = dev.ns.core.nextPacketId();
  skb.dev = dev;
  skb.eth = { dst: dst ?? BROADCAST_MAC, src: dev.mac, type: ETH_P_ARP };
  skb.network = { kind: "arp", op, senderMac: dev.mac, senderIp, targetMac: targetMac ?? 0, targetIp };
  devQueueXmit(skb);
}

const protocol: NeighbourProtocol = {
  solicit(neigh, to, skb) {
    const { dev, addr } = neigh;
    const saddr = solicitSource(dev, dev.ip as InDevice, addr, skb);
    arpSend(dev, ARPOP_REQUEST, addr, saddr, to, to);
  },
  failed(neigh, skb) {
    const { dev } = neigh;
    icmpSend(dev.ns, skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
    dev.ns.core.drop(skb, dev.ns, dev, "NEIGH_FAILED");
  },
  send(neigh, skb) {
    const { dev } = neigh;
    skb.dev = dev;
    skb.eth = { dst: neigh.mac, src: dev.mac, type: ETH_P_IP };
    devQueueXmit(skb);
  },
};

/** The address to ask from, as arp_announce says. */
function solicitSource(dev: NetDevice, inDev: InDevice, target: number, skb: SkBuff | undefined): number {
  const src = skb?.network.kind === "ipv4" ? skb.network.src : 0;
  const announce = confMax(dev, "arp_announce");
  if (src !== 0 && announce < 2 && inetAddrType(dev.ns, src) === RTN_LOCAL) {
    const onLink = (): boolean =>
      inDev.addresses.some((ifa) => ifa.local === src && ((target ^ ifa.address) & prefixMask(ifa.prefixLength)) === 0);
    if (announce === 0 || onLink()) return src;
  }
  return selectAddress(dev, target, RT_SCOPE_LINK);
}

/** neigh_lookup(), and __neigh_create() where there is none. */
export function neighbourOf(inDev: InDevice, addr: number): Neighbour {
  let neigh = inDev.neighbours.get(addr);
  if (neigh === undefined) {
    neigh = new Neighbour(inDev, addr, protocol);
    inDev.neighbours.set(addr, neigh);
    inDev.dev.ns.core.version++;
  }
  return neigh;
}

/** ip_finish_output2(): gives the packet its link header and sends it, once the next hop's hardware address is known. */
export function neighbourOutput(skb: SkBuff, dev: NetDevice, nextHop: number): void {
  const inDev = dev.ip;
  if (inDev === undefined) {
    dev.ns.core.drop(skb, dev.ns, dev, "DEV_READY");
    return;
  }
  skb.dev = dev;
  const mac = knownMac(dev, nextHop);
  if (mac !== undefined) {
    skb.eth = { dst: mac, src: dev.mac, type: ETH_P_IP };
    devQueueXmit(skb);
    return;
  }
  (inDev.neighbours.get(nextHop) ?? neighbourOf(inDev, nextHop)).output(skb);
}

/** arp_constructor(): addresses that need no asking. */
function knownMac(dev: NetDevice, addr: number): number | undefined {
  if ((dev.flags & (IFF_LOOPBACK | IFF_NOARP)) !== 0) return dev.mac;
  if (isMulticast(addr)) return 0x01_00_5e_00_00_00 + (addr & 0x7fffff);
  if (isLimitedBroadcast(addr) || (dev.flags & IFF_POINTOPOINT) !== 0) return BROADCAST_MAC;
  const inDev = dev.ip as InDevice;
  // Most next hops have been asked for already.
  if (inDev.neighbours.has(addr)) return undefined;
  return inetAddrType(dev.ns, addr, dev) === RTN_BROADCAST ? BROADCAST_MAC : undefined;
}

/** arp_ignore: whether not to answer. */
function ignores(dev: NetDevice, inDev: InDevice, sip: number, tip: number): boolean {
  const local = (from: InDevice | undefined): boolean => from?.addresses.some((ifa) => ifa.local === tip) ?? false;
  switch (confMax(dev, "arp_ignore")) {
    case 0:
      return false;
    case 1:
      return !local(inDev);
    case 2:
      return !inDev.addresses.some((ifa) => ifa.local === tip && ((sip ^ ifa.address) & prefixMask(ifa.prefixLength)) === 0);
    case 8:
      return true;
    default:
      return false;
  }
}

/** arp_rcv(), arp_process(). */
export function arpReceive(skb: SkBuff, dev: NetDevice): void {
  const { ns } = dev;
  const { core } = ns;
  const arp = skb.network;
  const inDev = dev.ip;
  if (arp.kind !== "arp" || inDev === undefined || skb.pkttype > 2 || (dev.flags & IFF_NOARP) !== 0) {
    core.drop(skb, ns, dev, skb.pkttype === 3 ? "OTHERHOST" : "NOT_SPECIFIED");
    return;
  }
  const { op, senderIp: sip, senderMac: sha, targetIp: tip } = arp;
  process(skb, dev, inDev, op, sip, sha, tip);
  core.consume(skb, ns, dev);
}

function process(skb: SkBuff, dev: NetDevice, inDev: InDevice, op: number, sip: number, sha: number, tip: number): void {
  const { ns } = dev;
  if (op !== ARPOP_REQUEST && op !== ARPOP_REPLY) return;
  if (isMulticast(tip) || (isLoopback(tip) && !confOr(dev, "route_localnet"))) return;
  if (sip === tip && confOr(dev, "drop_gratuitous_arp")) return;
  // Somebody asks whether an address is free (RFC 5227).
  if (sip === 0) {
    if (op === ARPOP_REQUEST && inetAddrType(ns, tip) === RTN_LOCAL && !ignores(dev, inDev, sip, tip)) {
      arpSend(dev, ARPOP_REPLY, sip, tip, sha, sha);
    }
    return;
  }
  if (op === ARPOP_REQUEST && answers(skb, dev, inDev, sip, sha, tip)) return;
  const neigh = inDev.neighbours.get(sip);
  if (neigh === undefined) return;
  const gratuitous = sip === tip;
  const state = op !== ARPOP_REPLY || skb.pkttype !== PACKET_HOST ? NUD_STALE : NUD_REACHABLE;
  neigh.update(sha, state, { override: gratuitous || ns.system.sched.clockNs > neigh.updatedNs + LOCK_NS });
}

/** Answers a request for one's own address, or for one that this host leads to (proxy_arp). False: the packet may still tell something about the sender. */
function answers(skb: SkBuff, dev: NetDevice, inDev: InDevice, sip: number, sha: number, tip: number): boolean {
  const { ns } = dev;
  const route = routeInput(ns, skb, tip, sip, 0, dev);
  if (route === undefined || route.error !== undefined) return false;
  let answer: boolean;
  if (route.type === RTN_LOCAL) answer = !ignores(dev, inDev, sip, tip);
  else if (inDev.conf.forwarding === 0 || route.type !== RTN_UNICAST) return false;
  else {
    if (route.dev === dev || !confOr(dev, "proxy_arp")) return false;
    answer = true;
  }
  if (!answer) return true;
  if (!isZeronet(sip) && !isMulticast(sip)) neighbourOf(inDev, sip).update(sha, NUD_STALE, { override: true });
  arpSend(dev, ARPOP_REPLY, sip, tip, sha, sha);
  return true;
}

/** neigh_ifdown(), neigh_flush_dev(): its entries go; permanent ones stay where only the carrier was lost. */
export function flushNeighbours(inDev: InDevice, keepPermanent: boolean): void {
  for (const neigh of [...inDev.neighbours.values()]) {
    if (keepPermanent && neigh.state === 0x80) continue;
    inDev.dev.ns.core.rtnl?.neighbour("del", neigh);
    neigh.destroy();
  }
}
