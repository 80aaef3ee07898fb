/**
 * Packets as bytes, and back: RFC 791, 792, 793, 768, 826, 8200, 4443. For those who look at bytes: packet sockets, raw sockets, what ICMP errors quote,
 * fragments. Left out: extension headers of IPv6, IP options (what has some is taken apart without them), TCP options that this stack does not use.
 */

import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "../../abi/inet.ts";
import { type Ip6, readIp6, writeIp6 } from "./ipv6/ip6.ts";
import {
  type ArpHeader,
  type EthernetHeader,
  type Ipv4Header,
  type Ipv6Header,
  type NetworkHeader,
  type SkBuff,
  tcpHeaderLength,
  type TcpHeader,
  transportLength,
  type TransportHeader,
} from "./skb.ts";

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The Internet checksum (RFC 1071) before its complement, from `sum` on. */
function sumWords(bytes: Uint8Array, start = 0): number {
  let sum = start;
  const even = bytes.length & ~1;
  for (let at = 0; at < even; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  if (even < bytes.length) sum += (bytes[even] as number) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

export const internetChecksum = (bytes: Uint8Array, start = 0): number => ~sumWords(bytes, start) & 0xffff;

/** Of TCP and UDP: addresses, protocol and length count too. */
function pseudoSum(ip: IpHeader, length: number): number {
  if (ip.kind === "ipv4") return (ip.src >>> 16) + (ip.src & 0xffff) + (ip.dst >>> 16) + (ip.dst & 0xffff) + ip.protocol + length;
  return sumGroups(ip.src) + sumGroups(ip.dst) + ip.protocol + length;
}

export type IpHeader = Ipv4Header | Ipv6Header;

function sumGroups(addr: Ip6): number {
  let sum = 0;
  for (let i = 0; i < 8; i++) sum += addr.charCodeAt(i);
  return sum;
}

// ── To bytes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The transport header and what follows. A `corrupt` packet gets a wrong checksum. */
export function writeTransport(skb: SkBuff): Uint8Array {
  const { transport, payload } = skb;
  const head = transportLength(transport);
  if (head === 0) return payload;
  const bytes = new Uint8Array(head + payload.length);
  bytes.set(payload, head);
  const view = viewOf(bytes);
  const ip = skb.network as IpHeader;
  let at = 16;
  switch (transport.kind) {
    case "tcp":
      writeTcp(view, bytes, transport, head);
      break;
    case "udp":
      view.setUint16(0, transport.srcPort);
      view.setUint16(2, transport.dstPort);
      view.setUint16(4, bytes.length);
      at = 6;
      break;
    case "icmp":
      bytes[0] = transport.type;
      bytes[1] = transport.code;
      view.setUint16(4, transport.id);
      view.setUint16(6, transport.sequence);
      at = 2;
      break;
    case "other":
      return payload;
  }
  let sum = internetChecksum(bytes, transport.kind === "icmp" && ip.kind === "ipv4" ? 0 : pseudoSum(ip, bytes.length));
  if (transport.kind === "udp" && sum === 0) sum = 0xffff;
  view.setUint16(at, skb.corrupt ? sum ^ 0x5555 : sum);
  return bytes;
}

function writeTcp(view: DataView, bytes: Uint8Array, tcp: TcpHeader, head: number): void {
  view.setUint16(0, tcp.srcPort);
  view.setUint16(2, tcp.dstPort);
  view.setUint32(4, tcp.seq);
  view.setUint32(8, tcp.ack);
  bytes[12] = (head / 4) << 4;
  bytes[13] = tcp.flags;
  view.setUint16(14, tcp.window);
  // In Linux' order, and padded as there.
  let at = 20;
  if (tcp.mss > 0) {
    bytes.set([2, 4, tcp.mss >>> 8, tcp.mss & 255], at);
    at += 4;
  }
  if (tcp.sackPermitted) {
    bytes.set(tcp.timestamps === undefined ? [1, 1, 4, 2] : [4, 2], at);
    at += tcp.timestamps === undefined ? 4 : 2;
  } else if (tcp.timestamps !== undefined) {
    bytes.set([1, 1], at);
    at += 2;
  }
  if (tcp.timestamps !== undefined) {
    bytes.set([8, 10], at);
    view.setUint32(at + 2, tcp.timestamps[0]);
    view.setUint32(at + 6, tcp.timestamps[1]);
    at += 10;
  }
  if (tcp.windowScale !== undefined) {
    bytes.set([1, 3, 3, tcp.windowScale], at);
    at += 4;
  }
  if (tcp.sack === undefined || tcp.sack.length === 0) return;
  bytes.set([1, 1, 5, 2 + 8 * tcp.sack.length], at);
  for (const [i, [start, end]] of tcp.sack.entries()) {
    view.setUint32(at + 4 + 8 * i, start);
    view.setUint32(at + 8 + 8 * i, end);
  }
}

/** From the IP header on. */
export function writeIpv4(skb: SkBuff): Uint8Array {
  const ip = skb.network as Ipv4Header;
  const body = writeTransport(skb);
  const bytes = new Uint8Array(20 + body.length);
  bytes.set(body, 20);
  const view = viewOf(bytes);
  bytes[0] = 0x45;
  bytes[1] = ip.tos;
  // A packet that stands for many (TSO) is longer than the field can say: as captures show it, 0.
  view.setUint16(2, bytes.length > 0xffff ? 0 : bytes.length);
  view.setUint16(4, ip.id);
  view.setUint16(6, (ip.dontFragment ? 0x4000 : 0) | (ip.moreFragments ? 0x2000 : 0) | (ip.fragmentOffset >>> 3));
  bytes[8] = ip.ttl;
  bytes[9] = ip.protocol;
  view.setUint32(12, ip.src);
  view.setUint32(16, ip.dst);
  view.setUint16(10, internetChecksum(bytes.subarray(0, 20)));
  return bytes;
}

/** From the IPv6 header on. */
export function writeIpv6(skb: SkBuff): Uint8Array {
  const ip = skb.network as Ipv6Header;
  const body = writeTransport(skb);
  const bytes = new Uint8Array(40 + body.length);
  bytes.set(body, 40);
  const view = viewOf(bytes);
  view.setUint32(0, 0x60000000 + ip.tos * 0x100000 + ip.flowLabel);
  view.setUint16(4, body.length > 0xffff ? 0 : body.length);
  bytes[6] = ip.protocol;
  bytes[7] = ip.ttl;
  writeIp6(bytes, 8, ip.src);
  writeIp6(bytes, 24, ip.dst);
  return bytes;
}

function setMac(view: DataView, at: number, mac: number): void {
  view.setUint16(at, Math.floor(mac / 2 ** 32));
  view.setUint32(at + 2, mac % 2 ** 32);
}

const getMac = (view: DataView, at: number): number => view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);

function writeArp(arp: ArpHeader): Uint8Array {
  const bytes = new Uint8Array(28);
  const view = viewOf(bytes);
  view.setUint16(0, 1);
  view.setUint16(2, ETH_P_IP);
  bytes[4] = 6;
  bytes[5] = 4;
  view.setUint16(6, arp.op);
  setMac(view, 8, arp.senderMac);
  view.setUint32(14, arp.senderIp);
  setMac(view, 18, arp.targetMac);
  view.setUint32(24, arp.targetIp);
  return bytes;
}

/** What follows the link header. */
export function writeNetwork(skb: SkBuff): Uint8Array {
  switch (skb.network.kind) {
    case "ipv4":
      return writeIpv4(skb);
    case "ipv6":
      return writeIpv6(skb);
    case "arp":
      return writeArp(skb.network);
    case "other":
      return skb.payload;
  }
}

/** The frame as it is on the wire. */
export function writeFrame(skb: SkBuff): Uint8Array {
  const body = writeNetwork(skb);
  const bytes = new Uint8Array(14 + body.length);
  const view = viewOf(bytes);
  setMac(view, 0, skb.eth?.dst ?? 0);
  setMac(view, 6, skb.eth?.src ?? 0);
  view.setUint16(12, skb.eth?.type ?? 0);
  bytes.set(body, 14);
  return bytes;
}

// ── From bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ReadTransport {
  readonly transport: TransportHeader;
  readonly payload: Uint8Array;
  /** The checksum is right. */
  readonly valid: boolean;
}

/** Takes the transport header apart. What is too short for one, or a later fragment, is payload. */
export function readTransport(bytes: Uint8Array, ip: IpHeader): ReadTransport {
  const view = viewOf(bytes);
  const whole = { transport: { kind: "other" } as TransportHeader, payload: bytes, valid: true };
  if (bytes.length < 8 || (ip.kind === "ipv4" && (ip.fragmentOffset > 0 || ip.moreFragments))) return whole;
  if (ip.protocol === IPPROTO_UDP) {
    const length = view.getUint16(4);
    const body = bytes.subarray(0, Math.max(8, Math.min(length, bytes.length)));
    const unchecked = view.getUint16(6) === 0;
    const valid = unchecked || internetChecksum(body, pseudoSum(ip, body.length)) === 0;
    const transport: TransportHeader = { kind: "udp", srcPort: view.getUint16(0), dstPort: view.getUint16(2) };
    return { transport, payload: body.subarray(8), valid: valid && length >= 8 && length <= bytes.length };
  }
  if (ip.protocol === (ip.kind === "ipv4" ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
    const transport: TransportHeader = {
      ...{ kind: "icmp", type: bytes[0] as number, code: bytes[1] as number },
      ...{ id: view.getUint16(4), sequence: view.getUint16(6) },
    };
    return {
      transport,
      payload: bytes.subarray(8),
      valid: internetChecksum(bytes, ip.kind === "ipv4" ? 0 : pseudoSum(ip, bytes.length)) === 0,
    };
  }
  if (ip.protocol === IPPROTO_TCP) return readTcp(bytes, view, ip);
  return whole;
}

/** ICMP errors may quote no more than ports and sequence number: the rest is 0 then. */
function readTcp(bytes: Uint8Array, view: DataView, ip: IpHeader): ReadTransport {
  const short = bytes.length < 20;
  const claimed = short ? 8 : ((bytes[12] as number) >>> 4) * 4;
  const head = short ? 8 : Math.min(bytes.length, Math.max(20, claimed));
  const options = short
    ? { mss: 0, windowScale: undefined, sackPermitted: false, timestamps: undefined }
    : readTcpOptions(bytes, view, head);
  const transport: TcpHeader = {
    kind: "tcp",
    srcPort: view.getUint16(0),
    dstPort: view.getUint16(2),
    seq: view.getUint32(4),
    ack: short ? 0 : view.getUint32(8),
    flags: short ? 0 : (bytes[13] as number),
    window: short ? 0 : view.getUint16(14),
    ...options,
  };
  const whole = claimed >= 20 && claimed <= bytes.length;
  const valid = !short && whole && tcpHeaderLength(transport) <= 60 && internetChecksum(bytes, pseudoSum(ip, bytes.length)) === 0;
  return { transport, payload: bytes.subarray(head), valid };
}

function readTcpOptions(
  bytes: Uint8Array,
  view: DataView,
  end: number,
): Pick<TcpHeader, "mss" | "windowScale" | "sackPermitted" | "timestamps" | "sack"> {
  let mss = 0;
  let windowScale: number | undefined;
  let sackPermitted = false;
  let timestamps: readonly [number, number] | undefined;
  const sack: [number, number][] = [];
  for (let at = 20; at < end; ) {
    const kind = bytes[at];
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    if (length < 2 || at + length > end) break;
    if (kind === 2 && length === 4) mss = view.getUint16(at + 2);
    else if (kind === 3 && length === 3) windowScale = bytes[at + 2] as number;
    else if (kind === 4) sackPermitted = true;
    else if (kind === 8 && length === 10) timestamps = [view.getUint32(at + 2), view.getUint32(at + 6)];
    else if (kind === 5 && length % 8 === 2) {
      for (let block = at + 2; block < at + length; block += 8) sack.push([view.getUint32(block), view.getUint32(block + 4)]);
    }
    at += length;
  }
  return { mss, windowScale, sackPermitted, timestamps, ...(sack.length > 0 ? { sack } : {}) };
}

export interface ReadIpv4 extends ReadTransport {
  readonly ip: Ipv4Header;
}

/** Undefined for what is no IPv4 packet. What is cut short is taken apart as far as it goes, and is not `valid`. */
export function readIpv4(bytes: Uint8Array): ReadIpv4 | undefined {
  if (bytes.length < 20) return undefined;
  const view = viewOf(bytes);
  const first = bytes[0] as number;
  const head = (first & 15) * 4;
  const total = view.getUint16(2);
  if (first >>> 4 !== 4 || head < 20 || head > bytes.length || (total !== 0 && total < head)) return undefined;
  const flags = view.getUint16(6);
  const ip: Ipv4Header = {
    kind: "ipv4",
    src: view.getUint32(12),
    dst: view.getUint32(16),
    protocol: bytes[9] as number,
    ttl: bytes[8] as number,
    tos: bytes[1] as number,
    id: view.getUint16(4),
    dontFragment: (flags & 0x4000) !== 0,
    moreFragments: (flags & 0x2000) !== 0,
    fragmentOffset: (flags & 0x1fff) * 8,
  };
  const read = readTransport(bytes.subarray(head, total === 0 ? bytes.length : Math.min(total, bytes.length)), ip);
  const valid = read.valid && total <= bytes.length && internetChecksum(bytes.subarray(0, head)) === 0;
  return { ...read, ip, valid };
}

export interface ReadIpv6 extends ReadTransport {
  readonly ip: Ipv6Header;
}

/** Undefined for what is no IPv6 packet. */
export function readIpv6(bytes: Uint8Array): ReadIpv6 | undefined {
  if (bytes.length < 40 || (bytes[0] as number) >>> 4 !== 6) return undefined;
  const view = viewOf(bytes);
  const first = view.getUint32(0);
  const ip: Ipv6Header = {
    ...{ kind: "ipv6", src: readIp6(bytes, 8), dst: readIp6(bytes, 24), protocol: bytes[6] as number, ttl: bytes[7] as number },
    ...{ tos: (first >>> 20) & 255, flowLabel: first & 0xfffff },
  };
  const length = view.getUint16(4);
  const read = readTransport(bytes.subarray(40, length === 0 ? bytes.length : Math.min(40 + length, bytes.length)), ip);
  return { ...read, ip, valid: read.valid && 40 + length <= bytes.length };
}

function readArp(bytes: Uint8Array): ArpHeader | undefined {
  if (bytes.length < 28) return undefined;
  const view = viewOf(bytes);
  if (view.getUint16(0) !== 1 || view.getUint16(2) !== ETH_P_IP || bytes[4] !== 6 || bytes[5] !== 4) return undefined;
  return {
    ...{ kind: "arp", op: view.getUint16(6), senderMac: getMac(view, 8), senderIp: view.getUint32(14) },
    ...{ targetMac: getMac(view, 18), targetIp: view.getUint32(24) },
  };
}

/** Puts what the bytes after a link header say into a packet. A broken one comes out as payload of no known kind, or as `corrupt`. */
export function readNetworkInto(skb: SkBuff, type: number, bytes: Uint8Array): void {
  let network: NetworkHeader | undefined;
  if (type === ETH_P_IP || type === ETH_P_IPV6) {
    const read = type === ETH_P_IP ? readIpv4(bytes) : readIpv6(bytes);
    if (read !== undefined) {
      skb.network = read.ip;
      skb.transport = read.transport;
      skb.payload = read.payload;
      skb.corrupt = !read.valid;
      return;
    }
  } else if (type === ETH_P_ARP) network = readArp(bytes);
  skb.network = network ?? { kind: "other" };
  skb.transport = { kind: "other" };
  skb.payload = network === undefined ? bytes : new Uint8Array(0);
}

/** Takes a frame apart into a packet; undefined for what has no whole link header. */
export function readFrameInto(skb: SkBuff, bytes: Uint8Array): EthernetHeader | undefined {
  if (bytes.length < 14) return undefined;
  const view = viewOf(bytes);
  const eth: EthernetHeader = { dst: getMac(view, 0), src: getMac(view, 6), type: view.getUint16(12) };
  skb.eth = eth;
  readNetworkInto(skb, eth.type, bytes.subarray(14));
  return eth;
}
