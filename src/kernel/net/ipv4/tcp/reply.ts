/** Segments that no connection sends: resets for what belongs to nothing, ACKs of requests and time-wait entries. Linux `tcp_v4_send_reset`, `tcp_v4_send_ack`. */

import { Errno } from "../../../../abi/errno.ts";
import { IPPROTO_TCP } from "../../../../abi/inet.ts";
import { type NetNamespace, netPart } from "../../net-namespace.ts";
import { localOut, newPacketTo, routeOf } from "../../ipv6/either.ts";
import { type IpAddr, needsScope } from "../../ipv6/ip6.ts";
import type { SkBuff, TcpHeader } from "../../skb.ts";
import { netSetting } from "../../sysctl.ts";
import type { IpHeader } from "../../wire.ts";
import { transportMib } from "../mib.ts";
import { RTN_LOCAL, RTN_UNICAST } from "../route-types.ts";
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "./constants.ts";
import { seqAdd } from "./seq.ts";

const NOTHING = new Uint8Array(0);

/** Both ends as we see them. */
export interface Ends {
  readonly localAddr: IpAddr;
  readonly localPort: number;
  readonly remoteAddr: IpAddr;
  readonly remotePort: number;
}

export type ReplyFields = Pick<TcpHeader, "seq" | "ack" | "flags"> & Partial<TcpHeader>;

/** Sends a segment of no connection. Does nothing where no route leads there. */
export function sendBare(ns: NetNamespace, ends: Ends, fields: ReplyFields, oif = 0, mark = 0, tos = 0): void {
  const header: TcpHeader = {
    kind: "tcp",
    srcPort: ends.localPort,
    dstPort: ends.remotePort,
    window: 0,
    mss: 0,
    windowScale: undefined,
    sackPermitted: false,
    timestamps: undefined,
    ...fields,
  };
  const { tcp } = ns.part(transportMib);
  try {
    const route = routeOf(ns, { dst: ends.remoteAddr, src: ends.localAddr, oif, mark, tos: 0, anySource: true });
    const options = { protocol: IPPROTO_TCP, ttl: netSetting(ns, "ipv4/ip_default_ttl"), tos, dontFragment: true };
    const skb = newPacketTo(ns, route, ends.localAddr, ends.remoteAddr, options);
    skb.transport = header;
    skb.payload = NOTHING;
    skb.mark = mark;
    tcp.OutSegs++;
    localOut(ns, skb);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

/** tcp_v4_send_reset(): says that a segment belongs to nothing. Never in answer to a reset, a broadcast. */
export function replyReset(ns: NetNamespace, skb: SkBuff, header: TcpHeader): void {
  if ((header.flags & TCP_RST) !== 0) return;
  const route = skb.route ?? skb.route6;
  if (route !== undefined && route.type !== RTN_LOCAL && route.type !== RTN_UNICAST) return;
  const ip = skb.network as IpHeader;
  const length = skb.payload.length + ((header.flags & TCP_SYN) !== 0 ? 1 : 0) + ((header.flags & TCP_FIN) !== 0 ? 1 : 0);
  const acked = (header.flags & TCP_ACK) !== 0;
  const ends = { localAddr: ip.dst, localPort: header.dstPort, remoteAddr: ip.src, remotePort: header.srcPort };
  ns.part(transportMib).tcp.OutRsts++;
  const fields = { seq: acked ? header.ack : 0, ack: acked ? 0 : seqAdd(header.seq, length), flags: acked ? TCP_RST : TCP_RST | TCP_ACK };
  const scoped = typeof ip.src === "string" && needsScope(ip.src) && skb.dev?.isLoopback === false;
  sendBare(ns, ends, fields, scoped ? skb.iif : 0);
}

const wordsOf = (value: IpAddr): number[] =>
  typeof value === "number" ? [value] : Array.from({ length: 8 }, (_, i) => value.charCodeAt(i));

/** A hash of three numbers that cannot be guessed without the first (Linux takes SipHash). */
export function mix(secret: number, a: IpAddr, b: IpAddr): number {
  let h = (secret ^ 0x9e3779b9) >>> 0;
  for (const word of [...wordsOf(a), ...wordsOf(b)]) {
    h = Math.imul(h ^ (word >>> 0), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return h >>> 0;
}

const secretPart = netPart("tcp-secret", (ns) => ({ value: mix(ns.system.config.seed, ns.ino, 0x7ee3) }));

/** Of the namespace: what sequence numbers and ports are made with. */
export const secretOf = (ns: NetNamespace): number => ns.part(secretPart).value;
