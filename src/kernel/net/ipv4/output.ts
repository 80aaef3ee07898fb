/** IPv4 output: Linux `net/ipv4/ip_output.c`. */

import { EMSGSIZE, EPERM, type Errno } from "../../../abi/errno.ts";
import { NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING } from "../../../abi/iptables.ts";
import type { NetDevice } from "../device.ts";
import { netifRx } from "../dev.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { nfHook } from "../netfilter/hooks.ts";
import { type Ipv4Header, SkBuff, type TransportHeader } from "../skb.ts";
import { neighbourOutput } from "./arp.ts";
import { ipFragment } from "./fragment.ts";
import { icmpSend } from "./icmp.ts";
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED } from "./icmp-types.ts";
import { type Route, RTN_BROADCAST, RTN_MULTICAST } from "./route-types.ts";

/** What the header of one's own packet says besides the addresses. */
export interface IpOptions {
  readonly protocol: number;
  readonly ttl: number;
  readonly tos: number;
  readonly dontFragment: boolean;
  /** Identification; drawn from a counter of the namespace unless given. */
  readonly id?: number;
}

/** Makes a packet of this host, with a number of its own. `route.src` is used where `src` is 0. */
export function newPacket(ns: NetNamespace, route: Route, src: number, dst: number, options: IpOptions): SkBuff {
  const skb = new SkBuff();
  skb.id = ns.core.nextPacketId();
  skb.route = route;
  skb.network = {
    kind: "ipv4",
    src: src !== 0 ? src : route.src,
    dst,
    protocol: options.protocol,
    ttl: options.ttl,
    tos: options.tos,
    // Differs from Linux: numbered by namespace, and not hashed by destination.
    id: options.id ?? (options.dontFragment ? 0 : nextId(ns)),
    dontFragment: options.dontFragment,
    moreFragments: false,
    fragmentOffset: 0,
  };
  return skb;
}

function nextId(ns: NetNamespace): number {
  ns.ipId = (ns.ipId + 1) & 0xffff;
  return ns.ipId;
}

/** As newPacket, with what it carries. */
export function newDatagram(
  ns: NetNamespace,
  route: Route,
  src: number,
  dst: number,
  options: IpOptions,
  transport: TransportHeader,
  payload: Uint8Array,
): SkBuff {
  const skb = newPacket(ns, route, src, dst, options);
  skb.transport = transport;
  skb.payload = payload;
  return skb;
}

/** ip_local_out(): sends a packet of this host, whose route is set. EPERM where a rule drops it. The caller is inside of softnet.run. */
export function ipLocalOut(ns: NetNamespace, skb: SkBuff): Errno | undefined {
  ns.mib.ip.outRequests++;
  const route = skb.route as Route;
  if (ns.netfilter !== undefined) {
    skb.dev = route.dev;
    const verdict = nfHook(ns, NF_INET_LOCAL_OUT, skb, undefined, route.dev);
    if (verdict !== "accept") return verdict === "drop" ? EPERM : undefined;
  }
  ipOutput(ns, skb);
  return undefined;
}

/** dst_output(), ip_output(), ip_mc_output(): the route is known, of one's own packets and of those that are forwarded. */
export function ipOutput(ns: NetNamespace, skb: SkBuff): void {
  const route = skb.route as Route;
  const { dev, type } = route;
  skb.dev = dev;
  if (route.error !== undefined) {
    ns.core.drop(skb, ns, dev, "IP_OUTNOROUTES");
    return;
  }
  if ((type === RTN_BROADCAST || type === RTN_MULTICAST) && route.local && !dev.isLoopback && skb.iif === 0) loopBack(ns, skb, dev);
  if (type === RTN_BROADCAST) ns.mib.ext.outBcastPkts++;
  else if (type === RTN_MULTICAST) ns.mib.ext.outMcastPkts++;
  if (ns.netfilter !== undefined && nfHook(ns, NF_INET_POST_ROUTING, skb, undefined, dev) !== "accept") return;
  finishOutput(ns, skb);
}

/** dev_loopback_xmit(): the sender's host is one of those that a broadcast is for. */
function loopBack(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const copy = skb.clone();
  if (ns.netfilter !== undefined && nfHook(ns, NF_INET_POST_ROUTING, copy, undefined, dev) !== "accept") return;
  copy.eth = { dst: dev.mac, src: dev.mac, type: 0x0800 };
  copy.pkttype = 0;
  netifRx(copy, dev);
}

/** ip_finish_output(): fits it into the link, and gives it to the neighbour. */
function finishOutput(ns: NetNamespace, skb: SkBuff): void {
  const route = skb.route as Route;
  const ip = skb.network as Ipv4Header;
  ns.mib.ext.outOctets += skb.length;
  const nextHop = route.gateway !== 0 ? route.gateway : ip.dst;
  const size = skb.gsoSize > 0 ? gsoLength(skb) : skb.length;
  if (size <= route.mtu) {
    neighbourOutput(skb, route.dev, nextHop);
    return;
  }
  if (ip.dontFragment) {
    ns.mib.ip.fragFails++;
    icmpSend(ns, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, route.mtu);
    ns.core.drop(skb, ns, route.dev, "PKT_TOO_BIG");
    return;
  }
  for (const fragment of ipFragment(ns, skb, route.mtu)) neighbourOutput(fragment, route.dev, nextHop);
}

/** skb_gso_network_seglen(): the largest of the segments that it stands for. */
export function gsoLength(skb: SkBuff): number {
  return skb.length - skb.payload.length + Math.min(skb.gsoSize, skb.payload.length);
}

/** Errors: EMSGSIZE for a datagram that may not be cut and does not fit (IP_PMTUDISC_DO), or is larger than any can be. */
export function requireFits(route: Route, length: number, dontFragment: boolean): void {
  if (length > 0xffff || (dontFragment && length > route.mtu)) throw EMSGSIZE;
}
