/**
 * What a connection is told from others by, in one direction: Linux `struct nf_conntrack_tuple`. The ports of an ICMP exchange are its
 * identifier and its type and code; protocols without ports have 0.
 */

import { IPPROTO_ICMP } from "../../../abi/inet.ts";
import type { Ipv4Header, TransportHeader } from "../skb.ts";

export interface Tuple {
  readonly src: number;
  readonly dst: number;
  readonly protocol: number;
  /** The port; of ICMP the identifier. */
  readonly srcPort: number;
  /** The port; of ICMP `type << 8 | code`. */
  readonly dstPort: number;
}

/** Questions of ICMP and their answers (invmap of `nf_conntrack_proto_icmp.c`). */
const ICMP_INVERSE: ReadonlyMap<number, number> = new Map([
  [8, 0],
  [0, 8],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
  [17, 18],
  [18, 17],
]);
const ICMP_QUESTIONS: ReadonlySet<number> = new Set([8, 13, 15, 17]);

/** Whether an ICMP message of this type begins an exchange. */
export const isIcmpQuestion = (type: number): boolean => ICMP_QUESTIONS.has(type);

/** nf_ct_get_tuple(): undefined for what has none, such as a segment that is cut short. */
export function tupleOf(ip: Ipv4Header, transport: TransportHeader): Tuple | undefined {
  const { src, dst, protocol } = ip;
  if (transport.kind === "tcp" || transport.kind === "udp") {
    return { src, dst, protocol, srcPort: transport.srcPort, dstPort: transport.dstPort };
  }
  if (transport.kind === "icmp") return { src, dst, protocol, srcPort: transport.id, dstPort: (transport.type << 8) | transport.code };
  if (protocol === 6 || protocol === 17 || protocol === IPPROTO_ICMP) return undefined;
  return { src, dst, protocol, srcPort: 0, dstPort: 0 };
}

/** nf_ct_invert_tuple(): the answer to it. Undefined for ICMP types without one. */
export function invert({ src, dst, protocol, srcPort, dstPort }: Tuple): Tuple | undefined {
  if (protocol !== IPPROTO_ICMP) return { src: dst, dst: src, protocol, srcPort: dstPort, dstPort: srcPort };
  const type = ICMP_INVERSE.get(dstPort >>> 8);
  return type === undefined ? undefined : { src: dst, dst: src, protocol, srcPort, dstPort: (type << 8) | (dstPort & 255) };
}

export const sameTuple = (a: Tuple, b: Tuple): boolean =>
  a.src === b.src && a.dst === b.dst && a.srcPort === b.srcPort && a.dstPort === b.dstPort && a.protocol === b.protocol;

/** A number for hash tables. */
export function hashTuple({ src, dst, protocol, srcPort, dstPort }: Tuple): number {
  let h = Math.imul(src ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ dst, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13) ^ ((srcPort << 16) | dstPort), 0x27d4eb2f);
  return (h ^ (h >>> 16) ^ protocol) | 0;
}
