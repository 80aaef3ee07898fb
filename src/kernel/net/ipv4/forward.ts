/** Passing packets on, as a router does: Linux `net/ipv4/ip_forward.c`. */

import { NF_INET_FORWARD } from "../../../abi/iptables.ts";
import { type NetDevice, PACKET_HOST } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { nfHook } from "../netfilter/hooks.ts";
import type { Ipv4Header, SkBuff } from "../skb.ts";
import { icmpSend } from "./icmp.ts";
import { ICMP_DEST_UNREACH, ICMP_EXC_TTL, ICMP_FRAG_NEEDED, ICMP_REDIR_HOST, ICMP_REDIRECT, ICMP_TIME_EXCEEDED } from "./icmp-types.ts";
import { confOr } from "./in-device.ts";
import { gsoLength, ipOutput } from "./output.ts";
import type { Route } from "./route-types.ts";

export function ipForward(ns: NetNamespace, skb: SkBuff): void {
  const dev = skb.dev as NetDevice;
  const ip = skb.network as Ipv4Header;
  const route = skb.route as Route;
  if (skb.pkttype !== PACKET_HOST) {
    ns.core.drop(skb, ns, dev, "OTHERHOST");
    return;
  }
  if (ip.ttl <= 1) {
    ns.mib.ip.inHdrErrors++;
    icmpSend(ns, skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
    ns.core.drop(skb, ns, dev, "IP_INHDR");
    return;
  }
  const size = skb.gsoSize > 0 ? gsoLength(skb) : skb.length;
  // Differs from Linux: routers take the MTU that was learnt for a path into account, as with ip_forward_use_pmtu.
  if (ip.dontFragment && size > route.mtu) {
    ns.mib.ip.fragFails++;
    icmpSend(ns, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, route.mtu);
    ns.core.drop(skb, ns, dev, "PKT_TOO_BIG");
    return;
  }
  skb.network = { ...ip, ttl: ip.ttl - 1 };
  if (route.redirect === true && confOr(dev, "send_redirects")) {
    icmpSend(ns, skb, ICMP_REDIRECT, ICMP_REDIR_HOST, route.gateway !== 0 ? route.gateway : ip.dst);
  }
  ns.mib.ip.forwDatagrams++;
  if (ns.netfilter !== undefined && nfHook(ns, NF_INET_FORWARD, skb, dev, route.dev) !== "accept") return;
  ipOutput(ns, skb);
}
