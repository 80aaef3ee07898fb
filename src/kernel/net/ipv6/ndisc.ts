/**
 * Neighbour discovery: RFC 4861, 4862, Linux `net/ipv6/ndisc.c`. Asking for hardware addresses, answering, finding duplicates. Left out: routers' messages,
 * redirects, proxies.
 */

import { ETH_P_IPV6, IPPROTO_ICMPV6 } from "../../../abi/inet.ts";
import { IFF_LOOPBACK, IFF_NOARP, type NetDevice } from "../device.ts";
import { devQueueXmit } from "../dev.ts";
import { Neighbour, type NeighbourProtocol, NUD_REACHABLE, NUD_STALE } from "../ipv4/neighbour.ts";
import { type IcmpHeader, type Ipv6Header, SkBuff } from "../skb.ts";
import { deviceOfIp6, duplicateFound, ipv6Addresses, selectAddress6, tentativeUntilNs } from "./addresses.ts";
import { icmp6Send } from "./icmp.ts";
import { ICMPV6_ADDR_UNREACH, ICMPV6_DEST_UNREACH, NDISC_NEIGHBOUR_ADVERTISEMENT, NDISC_NEIGHBOUR_SOLICITATION } from "./icmp-types.ts";
import type { In6Device } from "./in6-device.ts";
import { ALL_NODES, IN6_ANY, type Ip6, isMulticast6, multicastMac6, readIp6, solicitedNode, writeIp6 } from "./ip6.ts";
import { countType, mib6 } from "./mib.ts";

const OPT_SOURCE_MAC = 1;
const OPT_TARGET_MAC = 2;
/** Flags of an advertisement, in the first byte after the checksum. */
const NA_ROUTER = 0x80;
const NA_SOLICITED = 0x40;
const NA_OVERRIDE = 0x20;
/** NTF_ROUTER. */
const NTF_ROUTER = 0x80;

interface Message {
  readonly type: number;
  readonly flags: number;
  readonly src: Ip6;
  readonly dst: Ip6;
  readonly target: Ip6;
  /** One's own hardware address goes along. */
  readonly option: number | undefined;
}

/** ndisc_send_skb(). `mac`: whom it goes to, where that is known. */
function send(dev: NetDevice, { type, flags, src, dst, target, option }: Message, mac?: number): void {
  const payload = new Uint8Array(option === undefined ? 16 : 24);
  writeIp6(payload, 0, target);
  if (option !== undefined) {
    payload.set([option, 1], 16);
    for (let i = 0; i < 6; i++) payload[18 + i] = Math.floor(dev.mac / 256 ** (5 - i)) & 255;
  }
  const skb = new SkBuff();
  skb.id = dev.ns.core.nextPacketId();
  skb.network = { kind: "ipv6", src, dst, protocol: IPPROTO_ICMPV6, ttl: 255, tos: 0, flowLabel: 0 };
  skb.transport = { kind: "icmp", type, code: 0, id: flags << 8, sequence: 0 };
  skb.payload = payload;
  const counted = dev.ns.part(mib6);
  counted.ip.OutRequests++;
  counted.ip.OutTransmits++;
  counted.ip.OutOctets += skb.length;
  if (isMulticast6(dst)) counted.ip.OutMcastPkts++;
  counted.icmp.OutMsgs++;
  countType(counted.outTypes, type);
  if (mac === undefined) neighbourOutput6(skb, dev, dst);
  else transmit(skb, dev, mac);
}

function transmit(skb: SkBuff, dev: NetDevice, mac: number): void {
  skb.dev = dev;
  skb.eth = { dst: mac, src: dev.mac, type: ETH_P_IPV6 };
  devQueueXmit(skb);
}

const protocol: NeighbourProtocol<Ip6> = {
  solicit(neigh, to, skb) {
    const { dev, addr } = neigh;
    const wanted = skb?.network.kind === "ipv6" ? skb.network.src : undefined;
    const own = wanted !== undefined && dev.ip6?.addresses.some((a) => a.ip6 === wanted);
    // ndisc_solicit(): as the packet that waits, else from the link-local address.
    const src = own === true ? wanted : selectAddress6(dev.ns, dev, solicitedNode(addr));
    if (src === undefined) return;
    const dst = to === undefined ? solicitedNode(addr) : addr;
    send(dev, { type: NDISC_NEIGHBOUR_SOLICITATION, flags: 0, src, dst, target: addr, option: OPT_SOURCE_MAC }, to);
  },
  failed(neigh, skb) {
    const { dev } = neigh;
    icmp6Send(dev.ns, skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
    dev.ns.core.drop(skb, dev.ns, dev, "NEIGH_FAILED");
  },
  send(neigh, skb) {
    transmit(skb, neigh.dev, neigh.mac);
  },
};

/** neigh_lookup(), and __neigh_create() where there is none. */
export function neighbourOf6(in6: In6Device, addr: Ip6): Neighbour<Ip6> {
  let neigh = in6.neighbours.get(addr);
  if (neigh === undefined) {
    neigh = new Neighbour(in6, addr, protocol);
    in6.neighbours.set(addr, neigh);
  }
  return neigh;
}

/** ip6_finish_output2(): gives the packet its link header and sends it, once the next hop's hardware address is known. */
export function neighbourOutput6(skb: SkBuff, dev: NetDevice, nextHop: Ip6): void {
  skb.dev = dev;
  const { ip6 } = dev;
  if (ip6 === undefined) dev.ns.core.drop(skb, dev.ns, dev, "DEV_READY");
  else if ((dev.flags & (IFF_LOOPBACK | IFF_NOARP)) !== 0) transmit(skb, dev, dev.mac);
  else if (isMulticast6(nextHop)) transmit(skb, dev, multicastMac6(nextHop));
  else neighbourOf6(ip6, nextHop).output(skb);
}

/** ndisc_send_ns() of duplicate address detection: from nobody. */
export function askForDuplicate(dev: NetDevice, target: Ip6): void {
  send(dev, { type: NDISC_NEIGHBOUR_SOLICITATION, flags: 0, src: IN6_ANY, dst: solicitedNode(target), target, option: undefined });
}

/** ndisc_rcv(). The packet stays the caller's. */
export function ndiscReceive(skb: SkBuff, dev: NetDevice): void {
  const { type, code, id } = skb.transport as IcmpHeader;
  const ip = skb.network as Ipv6Header;
  const { payload } = skb;
  // Only neighbours can send what no router has passed on.
  if (ip.ttl !== 255 || code !== 0 || payload.length < 16 || dev.ip6 === undefined) return;
  const target = readIp6(payload);
  if (isMulticast6(target)) return;
  if (type === NDISC_NEIGHBOUR_SOLICITATION) solicited(dev, dev.ip6, ip, target, macOption(payload, OPT_SOURCE_MAC));
  else advertised(dev, dev.ip6, target, id >>> 8, macOption(payload, OPT_TARGET_MAC));
}

function macOption(payload: Uint8Array, wanted: number): number | undefined {
  for (let at = 16; at + 8 <= payload.length; ) {
    const length = (payload[at + 1] as number) * 8;
    if (length === 0) return undefined;
    if (payload[at] === wanted) return payload.subarray(at + 2, at + 8).reduce((mac, byte) => mac * 256 + byte, 0);
    at += length;
  }
  return undefined;
}

/** ndisc_recv_ns(). */
function solicited(dev: NetDevice, in6: In6Device, ip: Ipv6Header, target: Ip6, mac: number | undefined): void {
  const duplicate = ip.src === IN6_ANY;
  const mine = ipv6Addresses(dev).find((a) => a.ip6 === target);
  if (mine === undefined) return;
  if (dev.ns.system.sched.clockNs < tentativeUntilNs(mine)) {
    // Both ask for the same: neither gets it.
    if (duplicate) duplicateFound(dev, target);
    return;
  }
  if (deviceOfIp6(dev.ns, target, dev) === undefined) return;
  const asked = isMulticast6(ip.dst);
  const router = in6.conf.forwarding !== 0 ? NA_ROUTER : 0;
  const advert = { type: NDISC_NEIGHBOUR_ADVERTISEMENT, src: target, target };
  if (duplicate) {
    send(dev, { ...advert, flags: router | NA_OVERRIDE, dst: ALL_NODES, option: OPT_TARGET_MAC });
    return;
  }
  if (mac !== undefined) neighbourOf6(in6, ip.src).update(mac, NUD_STALE, { override: true });
  const flags = router | NA_SOLICITED | (asked ? NA_OVERRIDE : 0);
  send(dev, { ...advert, flags, dst: ip.src, option: asked ? OPT_TARGET_MAC : undefined });
}

/** ndisc_recv_na(). */
function advertised(dev: NetDevice, in6: In6Device, target: Ip6, flags: number, mac: number | undefined): void {
  if (in6.addresses.some((a) => a.ip6 === target)) {
    duplicateFound(dev, target);
    return;
  }
  const neigh = in6.neighbours.get(target);
  if (neigh === undefined || (neigh.state === 0x20 && mac === undefined)) return;
  const known = mac ?? (neigh.mac === 0 ? undefined : neigh.mac);
  if (known === undefined) return;
  neigh.flags = (flags & NA_ROUTER) !== 0 ? neigh.flags | NTF_ROUTER : neigh.flags & ~NTF_ROUTER;
  neigh.update(known, (flags & NA_SOLICITED) !== 0 ? NUD_REACHABLE : NUD_STALE, { override: (flags & NA_OVERRIDE) !== 0 });
}
