/** IPv6 input and forwarding: Linux `net/ipv6/ip6_input.c`, `ip6_output.c:ip6_forward`. Left out: extension headers, fragments, rules of ip6tables. */

import { EACCES, EHOSTUNREACH, ENETUNREACH, Errno } from "../../../abi/errno.ts";
import { type NetDevice, PACKET_HOST, PACKET_OTHERHOST } from "../device.ts";
import { gsoLength } from "../ipv4/output.ts";
import { RTN_MULTICAST } from "../ipv4/route-types.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { Ipv6Header, SkBuff } from "../skb.ts";
import { icmp6Send } from "./icmp.ts";
import {
  ICMPV6_ADDR_UNREACH,
  ICMPV6_ADM_PROHIBITED,
  ICMPV6_DEST_UNREACH,
  ICMPV6_NOROUTE,
  ICMPV6_NOT_NEIGHBOUR,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_TIME_EXCEED,
  ICMPV6_UNK_NEXTHDR,
} from "./icmp-types.ts";
import { deviceOfIp6 } from "./addresses.ts";
import { ipv6Conf } from "./in6-device.ts";
import { IN6_LOOPBACK, isLinkLocal6, isMulticast6 } from "./ip6.ts";
import { mib6 } from "./mib.ts";
import { ip6Output } from "./output.ts";
import { IPV6_MIN_MTU, type Route6, routeInput6 } from "./route.ts";

/** Offset of "next header" in the IPv6 header: what a parameter problem points at. */
const NEXT_HEADER_AT = 6;

/** ipv6_rcv(). */
export function ip6Receive(skb: SkBuff, dev: NetDevice): void {
  const { ns } = dev;
  if (skb.pkttype === PACKET_OTHERHOST) {
    ns.core.drop(skb, ns, dev, "OTHERHOST");
    return;
  }
  const { ip: counted } = ns.part(mib6);
  counted.InReceives++;
  counted.InOctets += skb.length;
  const ip = skb.network;
  if (dev.ip6 === undefined || dev.ip6.conf.disable_ipv6 !== 0) {
    counted.InDiscards++;
    ns.core.drop(skb, ns, dev, "DEV_READY");
    return;
  }
  // The loopback address never comes over a link, and nobody sends from a group.
  if (ip.kind !== "ipv6" || isMulticast6(ip.src) || (!dev.isLoopback && (ip.src === IN6_LOOPBACK || ip.dst === IN6_LOOPBACK))) {
    counted.InHdrErrors++;
    ns.core.drop(skb, ns, dev, "IP_INHDR");
    return;
  }
  skb.orphan();
  skb.nfBridge = undefined;
  const route = routeInput6(ns, ip.dst, dev);
  if (route === undefined) {
    counted.InAddrErrors++;
    ns.core.drop(skb, ns, dev, "IP_INADDRERRORS");
  } else if (!(route instanceof Errno) && route.local) {
    skb.route6 = route;
    // What came back from oneself came by the device that has the address.
    if (dev.isLoopback && isLinkLocal6(ip.dst)) skb.iif = deviceOfIp6(ns, ip.dst)?.ifindex ?? skb.iif;
    if (route.type === RTN_MULTICAST) {
      counted.InMcastPkts++;
      counted.InMcastOctets += skb.length;
    }
    deliver(ns, skb, ip);
  } else forward(ns, skb, dev, ip, route);
}

/** ip6_protocol_deliver_rcu(). */
function deliver(ns: NetNamespace, skb: SkBuff, { protocol }: Ipv6Header): void {
  const { wiring } = ns.core;
  const { ip: counted } = ns.part(mib6);
  const raw = wiring.raw?.receive(skb, ns) ?? false;
  const handler = wiring.inet6Protocols?.get(protocol);
  if (handler !== undefined) {
    counted.InDelivers++;
    handler.receive(skb, ns);
  } else if (raw) {
    counted.InDelivers++;
    ns.core.consume(skb, ns, skb.dev);
  } else {
    counted.InUnknownProtos++;
    icmp6Send(ns, skb, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, NEXT_HEADER_AT);
    ns.core.drop(skb, ns, skb.dev, "UNHANDLED_PROTO");
  }
}

/** ip6_forward(), ip6_pkt_drop(). */
function forward(ns: NetNamespace, skb: SkBuff, dev: NetDevice, ip: Ipv6Header, route: Route6 | Errno): void {
  const { ip: counted } = ns.part(mib6);
  if (route instanceof Errno) {
    counted.InNoRoutes++;
    const code =
      route === ENETUNREACH ? ICMPV6_NOROUTE : route === EACCES ? ICMPV6_ADM_PROHIBITED : route === EHOSTUNREACH ? ICMPV6_ADDR_UNREACH : -1;
    if (code >= 0) icmp6Send(ns, skb, ICMPV6_DEST_UNREACH, code, 0);
    ns.core.drop(skb, ns, dev, "IP_INNOROUTES");
    return;
  }
  if (ns.part(ipv6Conf).all.forwarding === 0 || skb.pkttype !== PACKET_HOST || isLinkLocal6(ip.dst)) {
    counted.InAddrErrors++;
    ns.core.drop(skb, ns, dev, "IP_INADDRERRORS");
    return;
  }
  if (ip.ttl <= 1) {
    counted.InHdrErrors++;
    icmp6Send(ns, skb, ICMPV6_TIME_EXCEED, 0, 0);
    ns.core.drop(skb, ns, dev, "IP_INHDR");
    return;
  }
  if (isLinkLocal6(ip.src)) {
    // Beyond the scope of its source address.
    icmp6Send(ns, skb, ICMPV6_DEST_UNREACH, ICMPV6_NOT_NEIGHBOUR, 0);
    counted.InAddrErrors++;
    ns.core.drop(skb, ns, dev, "IP_INADDRERRORS");
    return;
  }
  const mtu = Math.max(route.mtu, IPV6_MIN_MTU);
  if ((skb.gsoSize > 0 ? gsoLength(skb) : skb.length) > mtu) {
    counted.InTooBigErrors++;
    counted.FragFails++;
    icmp6Send(ns, skb, ICMPV6_PKT_TOOBIG, 0, mtu);
    ns.core.drop(skb, ns, dev, "PKT_TOO_BIG");
    return;
  }
  skb.network = { ...ip, ttl: ip.ttl - 1 };
  skb.route6 = route;
  counted.OutForwDatagrams++;
  ip6Output(ns, skb);
}
