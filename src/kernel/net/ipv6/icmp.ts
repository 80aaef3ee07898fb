/** ICMPv6: icmp(7), RFC 4443, Linux `net/ipv6/icmp.c`. Differs from Linux: errors are not limited in rate (net.ipv6.icmp.ratelimit). */

import { Errno } from "../../../abi/errno.ts";
import { IPPROTO_ICMPV6 } from "../../../abi/inet.ts";
import type { IcmpErrorAbout, InetProtocol } from "../core.ts";
import { type NetDevice, PACKET_HOST } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { IcmpHeader, Ipv6Header, SkBuff } from "../skb.ts";
import { readIpv6, writeIpv6 } from "../wire.ts";
import { deviceOfIp6 } from "./addresses.ts";
import {
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_PKT_TOOBIG,
  isIcmp6Error,
  NDISC_NEIGHBOUR_ADVERTISEMENT,
  NDISC_NEIGHBOUR_SOLICITATION,
} from "./icmp-types.ts";
import { IN6_ANY, type Ip6, isLinkLocal6, isMulticast6, needsScope } from "./ip6.ts";
import { countType, mib6 } from "./mib.ts";
import { ndiscReceive } from "./ndisc.ts";
import { ip6LocalOut, newDatagram6 } from "./output.ts";
import { IPV6_MIN_MTU, routeOutput6, updatePmtu6 } from "./route.ts";

/** An error is no longer than what every link carries. */
const QUOTED_MAX = IPV6_MIN_MTU - 40 - 8;

/** icmp6_send(): tells the sender of `skb` what became of it. The packet stays the caller's. `info`: the MTU of "packet too big". */
export function icmp6Send(ns: NetNamespace, skb: SkBuff, type: number, code: number, info: number): void {
  const ip = skb.network;
  if (ip.kind !== "ipv6" || ip.src === IN6_ANY || isMulticast6(ip.src)) return;
  if (isMulticast6(ip.dst) && type !== ICMPV6_PKT_TOOBIG) return;
  if (skb.pkttype !== PACKET_HOST && skb.iif !== 0) return;
  if (skb.transport.kind === "icmp" && isIcmp6Error(skb.transport.type)) return;
  const dev = ns.devices.get(skb.iif);
  const mine = deviceOfIp6(ns, ip.dst, dev) !== undefined ? ip.dst : undefined;
  const quoted = writeIpv6(skb).subarray(0, QUOTED_MAX);
  reply(ns, skb, ip.src, mine, { kind: "icmp", type, code, id: info >>> 16, sequence: info & 0xffff }, quoted);
}

/** icmpv6_push_pending_frames(). `cause` gives its mark, and the device of addresses that need one. */
function reply(ns: NetNamespace, cause: SkBuff, dst: Ip6, src: Ip6 | undefined, header: IcmpHeader, payload: Uint8Array): void {
  const dev = cause.dev as NetDevice;
  const own = src ?? (isLinkLocal6(dst) && cause.iif === 0 ? dst : undefined);
  try {
    const route = routeOutput6(ns, { dst, src: own, oif: needsScope(dst) && !dev.isLoopback ? dev.ifindex : 0 });
    const options = { protocol: IPPROTO_ICMPV6, ttl: route.dev.ip6?.conf.hop_limit ?? 64, tos: 0 };
    const skb = newDatagram6(ns, route, own, dst, options, header, payload);
    skb.mark = cause.mark;
    const counted = ns.part(mib6);
    counted.icmp.OutMsgs++;
    countType(counted.outTypes, header.type);
    ip6LocalOut(ns, skb);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

/** The protocol as IPv6 input knows it. */
export const icmp6Protocol: InetProtocol = {
  receive(skb, ns) {
    const dev = skb.dev as NetDevice;
    const header = skb.transport;
    const { icmp, inTypes } = ns.part(mib6);
    icmp.InMsgs++;
    if (header.kind !== "icmp" || skb.corrupt) {
      if (skb.corrupt) icmp.InCsumErrors++;
      icmp.InErrors++;
      ns.core.drop(skb, ns, dev, skb.corrupt ? "IP_CSUM" : "NOT_SPECIFIED");
      return;
    }
    countType(inTypes, header.type);
    if (header.type === ICMPV6_ECHO_REQUEST) echo(ns, skb, header);
    else if (header.type === ICMPV6_ECHO_REPLY) ns.core.wiring.ping?.receive(skb, ns);
    else if (header.type === NDISC_NEIGHBOUR_SOLICITATION || header.type === NDISC_NEIGHBOUR_ADVERTISEMENT) ndiscReceive(skb, dev);
    else if (isIcmp6Error(header.type)) told(ns, skb, header);
    ns.core.consume(skb, ns, dev);
  },
  error(about, type, code, info) {
    about.ns.core.wiring.ping?.error(about, type, code, info);
  },
};

/** icmpv6_echo_reply(): from the address that was asked, or, for a group, from one that fits. */
function echo(ns: NetNamespace, skb: SkBuff, header: IcmpHeader): void {
  const ip = skb.network as Ipv6Header;
  reply(ns, skb, ip.src, isMulticast6(ip.dst) ? undefined : ip.dst, { ...header, type: ICMPV6_ECHO_REPLY }, skb.payload);
}

/** icmpv6_notify(): passes an error to the protocol whose packet it is about. */
function told(ns: NetNamespace, skb: SkBuff, { type, code, id, sequence }: IcmpHeader): void {
  const quoted = readIpv6(skb.payload);
  if (quoted === undefined) {
    ns.part(mib6).icmp.InErrors++;
    return;
  }
  const { ip, transport, payload } = quoted;
  const info = id * 0x10000 + sequence;
  if (type === ICMPV6_PKT_TOOBIG) updatePmtu6(ns, ip.dst, info);
  const about: IcmpErrorAbout = { ns, ip, transport, payload, from: (skb.network as Ipv6Header).src };
  ns.core.wiring.raw?.error(about, type, code, info);
  ns.core.wiring.inet6Protocols?.get(ip.protocol)?.error?.(about, type, code, info);
}
