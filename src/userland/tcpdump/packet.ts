/** Frames taken apart as far as tcpdump shows them. */

import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, formatIpv6, IPPROTO_ICMPV6, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../../abi/inet.ts";

export interface Ip {
  readonly tos: number;
  readonly length: number;
  readonly id: number;
  /** Bits of the fragment word: flags above, offset in bytes. */
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  readonly offset: number;
  readonly ttl: number;
  readonly protocol: number;
  /** A number of IPv4; of IPv6 the text. */
  readonly src: number | string;
  readonly dst: number | string;
  /** What the header carries, cut to the length that it gives. */
  readonly payload: Uint8Array;
  readonly srcPort: number | undefined;
  readonly dstPort: number | undefined;
}

export interface Arp {
  readonly op: number;
  readonly senderMac: number;
  readonly senderIp: number;
  readonly targetIp: number;
}

export interface Packet {
  readonly src: number;
  readonly dst: number;
  readonly type: number;
  /** With the Ethernet header. */
  readonly length: number;
  /** What follows the Ethernet header. */
  readonly body: Uint8Array;
  readonly ip: Ip | undefined;
  readonly arp: Arp | undefined;
}

const mac = (view: DataView, at: number): number => view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** An IP header and what it carries; undefined if it is cut short. */
export function decodeIp(bytes: Uint8Array): Ip | undefined {
  if (bytes.length < 20) return undefined;
  const view = viewOf(bytes);
  const ihl = (view.getUint8(0) & 15) * 4;
  if (view.getUint8(0) >>> 4 !== 4 || ihl < 20) return undefined;
  const length = view.getUint16(2);
  const word = view.getUint16(6);
  const protocol = view.getUint8(9);
  const payload = bytes.subarray(ihl, length);
  const ports = (protocol === IPPROTO_TCP || protocol === IPPROTO_UDP) && (word & 0x1fff) === 0 && payload.length >= 4;
  return {
    ...{ tos: view.getUint8(1), length, id: view.getUint16(4), ttl: view.getUint8(8), protocol, payload },
    ...{ dontFragment: (word & 0x4000) !== 0, moreFragments: (word & 0x2000) !== 0, offset: (word & 0x1fff) * 8 },
    ...{ src: view.getUint32(12), dst: view.getUint32(16) },
    srcPort: ports ? viewOf(payload).getUint16(0) : undefined,
    dstPort: ports ? viewOf(payload).getUint16(2) : undefined,
  };
}

/** The same of IPv6, without extension headers. */
export function decodeIp6(bytes: Uint8Array): Ip | undefined {
  if (bytes.length < 40 || (bytes[0] as number) >>> 4 !== 6) return undefined;
  const view = viewOf(bytes);
  const protocol = view.getUint8(6);
  const length = view.getUint16(4);
  const payload = bytes.subarray(40, length === 0 ? bytes.length : 40 + length);
  const ports = (protocol === IPPROTO_TCP || protocol === IPPROTO_UDP) && payload.length >= 4;
  return {
    ...{ tos: (view.getUint16(0) >>> 4) & 255, length, id: 0, ttl: view.getUint8(7), protocol, payload },
    ...{ dontFragment: true, moreFragments: false, offset: 0, src: textAt(view, 8), dst: textAt(view, 24) },
    srcPort: ports ? viewOf(payload).getUint16(0) : undefined,
    dstPort: ports ? viewOf(payload).getUint16(2) : undefined,
  };
}

export const textAt = (view: DataView, at: number): string => formatIpv6(Array.from({ length: 8 }, (_, i) => view.getUint16(at + 2 * i)));

export function decodeFrame(bytes: Uint8Array): Packet | undefined {
  if (bytes.length < 14) return undefined;
  const view = viewOf(bytes);
  const type = view.getUint16(12);
  const body = bytes.subarray(14);
  const arp = type === ETH_P_ARP && body.length >= 28 ? viewOf(body) : undefined;
  return {
    ...{ dst: mac(view, 0), src: mac(view, 6), type, length: bytes.length, body },
    ip: type === ETH_P_IP ? decodeIp(body) : type === ETH_P_IPV6 ? decodeIp6(body) : undefined,
    arp:
      arp === undefined
        ? undefined
        : { op: arp.getUint16(6), senderMac: mac(arp, 8), senderIp: arp.getUint32(14), targetIp: arp.getUint32(24) },
  };
}

export const PROTOCOLS: Readonly<Record<number, string>> = {
  [IPPROTO_ICMP]: "ICMP",
  2: "IGMP",
  [IPPROTO_ICMPV6]: "ICMPv6",
  [IPPROTO_TCP]: "TCP",
  [IPPROTO_UDP]: "UDP",
};
