/** IPv6 output: Linux `net/ipv6/ip6_output.c`. Left out: rules of ip6tables. */

import { EMSGSIZE, type Errno } from "../../../abi/errno.ts";
import { netifRx } from "../dev.ts";
import type { NetDevice } from "../device.ts";

import { gsoLength } from "../ipv4/output.ts";
import { RTN_MULTICAST } from "../ipv4/route-types.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { type Ipv6Header, SkBuff, type TransportHeader } from "../skb.ts";
import type { Ip6 } from "./ip6.ts";
import { mib6 } from "./mib.ts";
import { neighbourOutput6 } from "./ndisc.ts";
import type { Route6 } from "./route.ts";

export interface Ip6Options {
  readonly protocol: number;
  readonly ttl: number;
  readonly tos: number;
}

/** Makes a packet of this host, with a number of its own. `route.src` is used where `src` is undefined. */
export function newPacket6(ns: NetNamespace, route: Route6, src: Ip6 | undefined, dst: Ip6, options: Ip6Options): SkBuff {
  const skb = new SkBuff();
  skb.id = ns.core.nextPacketId();
  skb.route6 = route;
  // Differs from Linux: flow labels are zero (net.ipv6.auto_flowlabels).
  skb.network = { kind: "ipv6", src: src ?? route.src, dst, flowLabel: 0, ...options };
  return skb;
}

/** As newPacket6, with what it carries. */
export function newDatagram6(
  ns: NetNamespace,
  route: Route6,
  src: Ip6 | undefined,
  dst: Ip6,
  options: Ip6Options,
  transport: TransportHeader,
  payload: Uint8Array,
): SkBuff {
  const skb = newPacket6(ns, route, src, dst, options);
  skb.transport = transport;
  skb.payload = payload;
  return skb;
}

/** ip6_local_out(). The caller is inside of softnet.run. Errors: EMSGSIZE. Differs from Linux: what does not fit is not cut into fragments. */
export function ip6LocalOut(ns: NetNamespace, skb: SkBuff): Errno | undefined {
  const route = skb.route6 as Route6;
  ns.part(mib6).ip.OutRequests++;
  const size = skb.gsoSize > 0 ? gsoLength(skb) : skb.length;
  if (size > route.mtu && !route.dev.isLoopback) {
    ns.part(mib6).ip.FragFails++;
    ns.core.drop(skb, ns, route.dev, "PKT_TOO_BIG");
    return EMSGSIZE;
  }
  ip6Output(ns, skb);
  return undefined;
}

/** ip6_output(), ip6_finish_output2(): of one's own packets and of those that are forwarded. */
export function ip6Output(ns: NetNamespace, skb: SkBuff): void {
  const route = skb.route6 as Route6;
  const ip = skb.network as Ipv6Header;
  const { dev } = route;
  const { ip: counted } = ns.part(mib6);
  skb.dev = dev;
  if (dev.ip6 === undefined || dev.ip6.conf.disable_ipv6 !== 0) {
    counted.OutDiscards++;
    ns.core.drop(skb, ns, dev, "DEV_READY");
    return;
  }
  if (route.type === RTN_MULTICAST) {
    if (route.local && !dev.isLoopback && skb.iif === 0) loopBack(skb, dev);
    counted.OutMcastPkts++;
    counted.OutMcastOctets += skb.length;
  }
  counted.OutOctets += skb.length;
  counted.OutTransmits++;
  neighbourOutput6(skb, dev, route.gateway ?? ip.dst);
}

/** dev_loopback_xmit(). */
function loopBack(skb: SkBuff, dev: NetDevice): void {
  const copy = skb.clone();
  copy.eth = { dst: dev.mac, src: dev.mac, type: 0x86dd };
  copy.pkttype = 0;
  netifRx(copy, dev);
}
