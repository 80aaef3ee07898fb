/**
 * ICMP: icmp(7), RFC 792, 1122, Linux `net/ipv4/icmp.c`. Answers echos, tells senders what became of their packets, and passes what others
 * tell to the sockets.
 */

import { Errno } from "../../../abi/errno.ts";
import { IPPROTO_ICMP } from "../../../abi/inet.ts";
import type { IcmpErrorAbout, InetProtocol } from "../core.ts";
import { type NetDevice, PACKET_HOST } from "../device.ts";
import { type NetNamespace, netPart } from "../net-namespace.ts";
import type { IcmpHeader, Ipv4Header, SkBuff } from "../skb.ts";
import { netSetting } from "../sysctl.ts";
import { readIpv4, writeIpv4 } from "../wire.ts";
import { selectAddress } from "./addresses.ts";
import { deviceOfAddress, inetAddrType } from "./fib-lookup.ts";
import {
  ICMP_DEST_UNREACH,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_FRAG_NEEDED,
  ICMP_PARAMETERPROB,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  isIcmpError,
} from "./icmp-types.ts";
import { ipLocalOut, newDatagram } from "./output.ts";
import { routeOutput, updatePmtu } from "./route.ts";
import { RT_SCOPE_LINK, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST, type Route } from "./route-types.ts";

/** "The total length of the ICMP message must not be larger than 576 bytes" (RFC 1812): IP header, ICMP header and what is quoted. */
const QUOTED_MAX = 576 - 20 - 8;
/** Errors to one destination that may go at once (XRLIM_BURST_FACTOR). */
const BURST = 6;

interface Bucket {
  tokens: number;
  lastNs: number;
}

/** Token buckets against floods of errors: one of the namespace, one for each destination. */
const limits = netPart("ipv4.icmp", () => ({ global: { tokens: 50, lastNs: 0 } as Bucket, peers: new Map<number, Bucket>() }));

/** icmpv4_global_allow(), icmpv4_xrlim_allow(). */
function allowed(ns: NetNamespace, type: number, code: number, dst: number, out: NetDevice): boolean {
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) return true;
  if ((netSetting(ns, "ipv4/icmp_ratemask") & (1 << type)) === 0 || out.isLoopback) return true;
  const now = ns.system.sched.clockNs;
  const { global, peers } = ns.part(limits);
  const burst = netSetting(ns, "ipv4/icmp_msgs_burst");
  global.tokens = Math.min(burst, global.tokens + ((now - global.lastNs) / 1e9) * netSetting(ns, "ipv4/icmp_msgs_per_sec"));
  global.lastNs = now;
  if (global.tokens < 1) {
    ns.mib.icmp.outRateLimitGlobal++;
    return false;
  }
  global.tokens--;
  const interval = netSetting(ns, "ipv4/icmp_ratelimit") * 1e6;
  if (interval === 0) return true;
  let peer = peers.get(dst);
  if (peer === undefined) {
    // Who has been quiet for long is as good as unknown.
    if (peers.size > 4096) for (const [addr, old] of peers) if (now - old.lastNs > BURST * interval) peers.delete(addr);
    peers.set(dst, (peer = { tokens: BURST, lastNs: now }));
  }
  peer.tokens = Math.min(BURST, peer.tokens + (now - peer.lastNs) / interval);
  peer.lastNs = now;
  if (peer.tokens < 1) {
    ns.mib.icmp.outRateLimitHost++;
    return false;
  }
  peer.tokens--;
  return true;
}

/**
 * icmp_send(): tells the sender of `skb` what became of it. Not about errors, broadcasts, later fragments. The packet stays the caller's.
 * `info`: the MTU of "fragmentation needed", the gateway of a redirect.
 */
export function icmpSend(ns: NetNamespace, skb: SkBuff, type: number, code: number, info: number): void {
  const ip = skb.network;
  if (ip.kind !== "ipv4" || ip.fragmentOffset > 0) return;
  const { route } = skb;
  if (skb.pkttype !== PACKET_HOST && skb.iif !== 0) return;
  if (route !== undefined && (route.type === RTN_BROADCAST || route.type === RTN_MULTICAST)) return;
  if (skb.transport.kind === "icmp" && isIcmpError(skb.transport.type) && isIcmpError(type)) return;
  const source = errorSource(ns, skb, ip);
  let out: Route;
  try {
    out = routeOutput(ns, { dst: ip.src, src: source, oif: 0, iif: 0, mark: 0, tos: 0 });
  } catch (e) {
    if (e instanceof Errno) return;
    throw e;
  }
  if (!allowed(ns, type, code, ip.src, out.dev)) return;
  const quoted = writeIpv4(skb).subarray(0, QUOTED_MAX);
  const gateway = type === ICMP_REDIRECT;
  const header: IcmpHeader = { kind: "icmp", type, code, id: gateway ? info >>> 16 : 0, sequence: gateway ? info & 0xffff : info };
  send(ns, out, source, ip.src, header, quoted, 0xc0, skb);
}

/** The address to speak from: the one that was spoken to, or the one of the way back. */
function errorSource(ns: NetNamespace, skb: SkBuff, ip: Ipv4Header): number {
  if (skb.iif === 0) return deviceOfAddress(ns, ip.src) !== undefined ? ip.src : 0;
  if (inetAddrType(ns, ip.dst) === RTN_LOCAL) return ip.dst;
  const dev = ns.devices.get(skb.iif);
  if (dev !== undefined && netSetting(ns, "ipv4/icmp_errors_use_inbound_ifaddr") !== 0) return selectAddress(dev, ip.src, RT_SCOPE_LINK);
  return 0;
}

/** icmp_push_reply(). `cause` gives its number: what follows from a packet can be followed. */
function send(
  ns: NetNamespace,
  route: Route,
  src: number,
  dst: number,
  header: IcmpHeader,
  payload: Uint8Array,
  tos: number,
  cause: SkBuff,
): void {
  const options = { protocol: IPPROTO_ICMP, ttl: netSetting(ns, "ipv4/ip_default_ttl"), tos, dontFragment: false };
  const skb = newDatagram(ns, route, src, dst, options, header, payload);
  skb.mark = cause.mark;
  if (isIcmpError(header.type)) {
    // nf_ct_attach(): it belongs to the connection of what it is about, and goes the other way.
    skb.ct = cause.ct;
    skb.ctReply = !cause.ctReply;
  }
  ns.mib.icmp.outMsgs++;
  count(ns.mib.icmp.outTypes, header.type);
  ipLocalOut(ns, skb);
}

const count = (types: number[], type: number): void => {
  types[type] = (types[type] ?? 0) + 1;
};

/** The protocol as `ip_local_deliver` knows it. */
export const icmpProtocol: InetProtocol = {
  receive: icmpReceive,
  /** What became of one's own ICMP packets: for ping sockets. */
  error(about, type, code, info) {
    about.ns.core.wiring.ping?.error(about, type, code, info);
  },
};

function icmpReceive(skb: SkBuff, ns: NetNamespace): void {
  const dev = skb.dev as NetDevice;
  const header = skb.transport;
  const { icmp } = ns.mib;
  icmp.inMsgs++;
  if (header.kind !== "icmp" || skb.corrupt) {
    if (skb.corrupt) icmp.inCsumErrors++;
    icmp.inErrors++;
    ns.core.drop(skb, ns, dev, skb.corrupt ? "IP_CSUM" : "NOT_SPECIFIED");
    return;
  }
  count(icmp.inTypes, header.type);
  const route = skb.route as Route;
  if ((route.type === RTN_BROADCAST || route.type === RTN_MULTICAST) && ignoresBroadcast(ns, header.type)) {
    ns.core.drop(skb, ns, dev, "NOT_SPECIFIED");
    return;
  }
  switch (header.type) {
    case ICMP_ECHO:
      echo(ns, skb, header);
      break;
    case ICMP_ECHOREPLY:
      ns.core.wiring.ping?.receive(skb, ns);
      break;
    case ICMP_DEST_UNREACH:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETERPROB:
    case 4:
      told(ns, skb, header);
      break;
    case ICMP_REDIRECT:
      // Differs from Linux: advice about better routes is not taken.
      break;
    default:
      break;
  }
  ns.core.consume(skb, ns, dev);
}

/** RFC 1122 3.2.2.6: broadcasts of echos may be silently discarded. Of the rest only errors are never answered anyway. */
const ignoresBroadcast = (ns: NetNamespace, type: number): boolean =>
  type === ICMP_ECHO && netSetting(ns, "ipv4/icmp_echo_ignore_broadcasts") !== 0;

/** icmp_echo(): sends it back, from the address that was asked. */
function echo(ns: NetNamespace, skb: SkBuff, header: IcmpHeader): void {
  if (netSetting(ns, "ipv4/icmp_echo_ignore_all") !== 0) return;
  const ip = skb.network as Ipv4Header;
  const asked = skb.route as Route;
  const src = asked.type === RTN_LOCAL || asked.type === RTN_UNICAST ? ip.dst : 0;
  try {
    const route = routeOutput(ns, { dst: ip.src, src, oif: 0, iif: 0, mark: 0, tos: ip.tos & 0x1c });
    send(ns, route, src, ip.src, { ...header, type: ICMP_ECHOREPLY }, skb.payload, ip.tos, skb);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

/** icmp_unreach(): passes an error to the protocol whose packet it is about. */
function told(ns: NetNamespace, skb: SkBuff, header: IcmpHeader): void {
  const quoted = readIpv4(skb.payload);
  if (quoted === undefined) {
    ns.mib.icmp.inErrors++;
    return;
  }
  const { ip, transport, payload } = quoted;
  const from = (skb.network as Ipv4Header).src;
  let info = 0;
  if (header.type === ICMP_DEST_UNREACH && header.code === ICMP_FRAG_NEEDED) {
    info = header.sequence;
    if (info > 0 && netSetting(ns, "ipv4/ip_no_pmtu_disc") === 0) updatePmtu(ns, ip.dst, info);
  }
  const about: IcmpErrorAbout = { ns, ip, transport, payload, from };
  ns.core.wiring.raw?.error(about, header.type, header.code, info);
  ns.core.wiring.inetProtocols.get(ip.protocol)?.error?.(about, header.type, header.code, info);
}
