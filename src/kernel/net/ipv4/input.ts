/** IPv4 input: Linux `net/ipv4/ip_input.c`. */

import { EACCES, EHOSTUNREACH, ENETUNREACH } from "../../../abi/errno.ts";
import { NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING } from "../../../abi/iptables.ts";
import { type NetDevice, PACKET_OTHERHOST } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { nfHook } from "../netfilter/hooks.ts";
import type { Ipv4Header, SkBuff } from "../skb.ts";
import { ipForward } from "./forward.ts";
import { ipDefragment } from "./fragment.ts";
import { icmpSend } from "./icmp.ts";
import { ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, ICMP_NET_UNREACH, ICMP_PKT_FILTERED, ICMP_PROT_UNREACH } from "./icmp-types.ts";
import { routeInput } from "./route.ts";
import { type Route, RTN_BROADCAST, RTN_MULTICAST } from "./route-types.ts";

/** ip_rcv(). */
export function ipReceive(skb: SkBuff, dev: NetDevice): void {
  const { ns } = dev;
  // In promiscuous mode other people's packets come up: not beyond here.
  if (skb.pkttype === PACKET_OTHERHOST) {
    ns.core.drop(skb, ns, dev, "OTHERHOST");
    return;
  }
  ns.mib.ip.inReceives++;
  ns.mib.ext.inOctets += skb.length;
  const ip = skb.network;
  if (ip.kind !== "ipv4" || dev.ip === undefined) {
    ns.mib.ip.inHdrErrors++;
    ns.core.drop(skb, ns, dev, "IP_INHDR");
    return;
  }
  skb.orphan();
  if (skb.nfBridge !== undefined) {
    // ip_sabotage_in(): its bridge has asked these rules already.
    skb.nfBridge = undefined;
  } else if (ns.netfilter !== undefined && nfHook(ns, NF_INET_PRE_ROUTING, skb, dev, undefined) !== "accept") return;
  receiveFinish(ns, skb, dev);
}

/** ip_rcv_finish(). */
function receiveFinish(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const ip = skb.network as Ipv4Header;
  let { route } = skb;
  if (route === undefined) {
    route = routeInput(ns, skb, ip.dst, ip.src, ip.tos & 0x1c, dev);
    if (route === undefined) {
      ns.mib.ip.inAddrErrors++;
      ns.core.drop(skb, ns, dev, "IP_INADDRERRORS");
      return;
    }
    skb.route = route;
  }
  if (route.type === RTN_BROADCAST) ns.mib.ext.inBcastPkts++;
  else if (route.type === RTN_MULTICAST) ns.mib.ext.inMcastPkts++;
  if (route.error !== undefined) unreachable(ns, skb, dev, route);
  else if (route.local) ipLocalDeliver(ns, skb);
  else ipForward(ns, skb);
}

/** ip_error(): no way leads on. A router says so to the sender. */
function unreachable(ns: NetNamespace, skb: SkBuff, dev: NetDevice, { error }: Route): void {
  if (error === ENETUNREACH) ns.mib.ext.inNoRoutes++;
  else ns.mib.ip.inAddrErrors++;
  if (dev.ip?.conf.forwarding !== 0) {
    const code =
      error === EHOSTUNREACH ? ICMP_HOST_UNREACH : error === ENETUNREACH ? ICMP_NET_UNREACH : error === EACCES ? ICMP_PKT_FILTERED : -1;
    if (code >= 0) icmpSend(ns, skb, ICMP_DEST_UNREACH, code, 0);
  }
  ns.core.drop(skb, ns, dev, "IP_INNOROUTES");
}

/** ip_local_deliver(). */
export function ipLocalDeliver(ns: NetNamespace, packet: SkBuff): void {
  let skb = packet;
  const ip = skb.network as Ipv4Header;
  if (ip.moreFragments || ip.fragmentOffset > 0) {
    const whole = ipDefragment(ns, skb);
    if (whole === undefined) return;
    skb = whole;
  }
  if (ns.netfilter !== undefined && nfHook(ns, NF_INET_LOCAL_IN, skb, skb.dev, undefined) !== "accept") return;
  deliverFinish(ns, skb);
}

/** ip_protocol_deliver_rcu(). */
function deliverFinish(ns: NetNamespace, skb: SkBuff): void {
  const { wiring } = ns.core;
  const { protocol } = skb.network as Ipv4Header;
  const raw = wiring.raw?.receive(skb, ns) ?? false;
  const handler = wiring.inetProtocols.get(protocol);
  if (handler !== undefined) {
    ns.mib.ip.inDelivers++;
    handler.receive(skb, ns);
    return;
  }
  if (raw) {
    ns.mib.ip.inDelivers++;
    ns.core.consume(skb, ns, skb.dev);
    return;
  }
  ns.mib.ip.inUnknownProtos++;
  icmpSend(ns, skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
  ns.core.drop(skb, ns, skb.dev, "UNHANDLED_PROTO");
}
