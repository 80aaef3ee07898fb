/**
 * Rules of IPv4 for what a bridge carries between its ports: Linux `net/bridge/br_netfilter_hooks.c`. A packet passes PREROUTING as if the bridge had
 * received it, FORWARD with the bridge on both sides, and POSTROUTING; one with a new destination on the same bridge stays on it.
 * Left out: ARP, IPv6, VLAN and PPPoE frames, the match physdev.
 */

import { NF_INET_FORWARD, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from "../../../abi/iptables.ts";
import { type NetDevice, PACKET_HOST, PACKET_OTHERHOST } from "../device.ts";
import { neighbourOutput } from "../ipv4/arp.ts";
import { ipFragment } from "../ipv4/fragment.ts";
import { NUD_CONNECTED } from "../ipv4/neighbour.ts";
import { routeInput } from "../ipv4/route.ts";
import type { EthernetHeader, Ipv4Header, SkBuff } from "../skb.ts";
import { netSetting } from "../sysctl.ts";
import { nfHook } from "./hooks.ts";

/** br_nf_pre_routing(). False where the bridge does not go on with it. */
export function bridgePreRouting(skb: SkBuff, bridge: NetDevice, port: NetDevice): boolean {
  const { ns } = bridge;
  const { network } = skb;
  if (network.kind !== "ipv4" || skb.eth === undefined || netSetting(ns, "bridge/bridge-nf-call-iptables") === 0) return true;
  const eth = skb.eth;
  const { pkttype } = skb;
  skb.nfBridge = { port, srcMac: eth.src };
  // Rules that answer must not take it for somebody else's.
  if (pkttype === PACKET_OTHERHOST) skb.pkttype = PACKET_HOST;
  skb.dev = bridge;
  if (nfHook(ns, NF_INET_PRE_ROUTING, skb, bridge, undefined) !== "accept") return false;
  skb.dev = port;
  skb.pkttype = pkttype;
  const ip = skb.network as Ipv4Header;
  return ip.dst === network.dst || redirect(skb, bridge, eth, ip);
}

/** br_nf_pre_routing_finish(): a rule has changed the destination. */
function redirect(skb: SkBuff, bridge: NetDevice, eth: EthernetHeader, ip: Ipv4Header): boolean {
  const { ns } = bridge;
  const route = routeInput(ns, skb, ip.dst, ip.src, ip.tos & 0x1c, bridge);
  if (route === undefined || route.error !== undefined) {
    ns.core.drop(skb, ns, bridge, "NETFILTER_DROP");
    return false;
  }
  if (route.local || route.dev !== bridge) {
    skb.eth = { ...eth, dst: bridge.mac };
    skb.pkttype = PACKET_HOST;
    skb.route = route;
    return true;
  }
  const hop = route.gateway !== 0 ? route.gateway : ip.dst;
  const known = bridge.ip?.neighbours.get(hop);
  if (known !== undefined && (known.state & NUD_CONNECTED) !== 0) {
    skb.eth = { ...eth, dst: known.mac };
    return true;
  }
  if (skb.nfBridge !== undefined) skb.nfBridge = { ...skb.nfBridge, redirected: true };
  neighbourOutput(skb, bridge, hop);
  return false;
}

/** br_nf_forward_ip(), br_nf_post_routing(), br_nf_dev_queue_xmit(): what was put together for connection tracking is cut again. */
export function bridgeForward(skb: SkBuff, bridge: NetDevice, port: NetDevice): readonly SkBuff[] {
  const { ns } = bridge;
  const { pkttype } = skb;
  if (pkttype === PACKET_OTHERHOST) skb.pkttype = PACKET_HOST;
  skb.dev = bridge;
  if (nfHook(ns, NF_INET_FORWARD, skb, bridge, bridge) !== "accept") return [];
  if (nfHook(ns, NF_INET_POST_ROUTING, skb, undefined, bridge) !== "accept") return [];
  skb.pkttype = pkttype;
  skb.nfBridge = undefined;
  if (skb.length <= port.mtu || skb.gsoSize > 0 || (skb.network as Ipv4Header).dontFragment) return [skb];
  const { eth } = skb;
  return ipFragment(ns, skb, port.mtu).map((fragment) => Object.assign(fragment, { eth }));
}
