/**
 * Network address translation: Linux `net/netfilter/nf_nat_core.c`, `nf_nat_masquerade.c`, `nf_nat_proto.c`. A rule decides once for each connection and side
 * (destination first, source last); the decision is the reply tuple, and every later packet is rewritten from it.
 * Differs from Linux: connections from one source address and port may be given different ones.
 */

import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../../../abi/inet.ts";
import { isIcmpError } from "../ipv4/icmp-types.ts";
import type { Ipv4Header, SkBuff, TransportHeader } from "../skb.ts";
import { internetChecksum, readIpv4 } from "../wire.ts";
import { type Conntrack, type ConntrackTable, ctOf, PROBE_ID } from "./conntrack.ts";
import { invert, type Tuple } from "./tuple.ts";

export type Manip = "src" | "dst";

/** struct nf_nat_range2. Ports absent: none asked for. */
export interface NatRange {
  readonly minAddr: number;
  readonly maxAddr: number;
  readonly minPort?: number;
  readonly maxPort?: number;
  readonly random?: boolean;
  readonly persistent?: boolean;
}

/** More attempts than this to find a free port are not made. */
const MAX_ATTEMPTS = 128;

export const natDone = (ct: Conntrack, manip: Manip): boolean => (manip === "src" ? ct.srcNatDone : ct.dstNatDone);

/** nf_nat_setup_info(): false where no tuple is free. `rule` is who decides, for traces. */
export function natSetup(table: ConntrackTable, ct: Conntrack, range: NatRange | undefined, manip: Manip, rule: string): boolean {
  if (natDone(ct, manip) || ct.confirmed) return true;
  const current = invert(ct.reply) as Tuple;
  const fresh = uniqueTuple(table, ct, current, range, manip);
  if (fresh === undefined) return false;
  const changed =
    fresh.src !== current.src || fresh.dst !== current.dst || fresh.srcPort !== current.srcPort || fresh.dstPort !== current.dstPort;
  if (changed) {
    ct.reply = invert(fresh) as Tuple;
    if (manip === "src") {
      ct.srcNat = true;
      ct.srcNatRule = rule;
    } else {
      ct.dstNat = true;
      ct.dstNatRule = rule;
    }
  }
  if (manip === "src") ct.srcNatDone = true;
  else ct.dstNatDone = true;
  return true;
}

/** nf_nat_used_tuple(): answers to it would be taken for those of another connection. */
function used(table: ConntrackTable, ct: Conntrack, tuple: Tuple): boolean {
  const reply = invert(tuple);
  if (reply === undefined) return false;
  const slot = table.find(reply);
  return slot !== undefined && slot.ct !== ct;
}

/** get_unique_tuple(). */
function uniqueTuple(table: ConntrackTable, ct: Conntrack, current: Tuple, range: NatRange | undefined, manip: Manip): Tuple | undefined {
  const address = manip === "src" ? current.src : current.dst;
  const want = range === undefined ? address : pickAddress(range, current, manip);
  const tuple: Tuple = manip === "src" ? { ...current, src: want } : { ...current, dst: want };
  const keyIsSource = manip === "src" || tuple.protocol === IPPROTO_ICMP;
  const port = keyIsSource ? tuple.srcPort : tuple.dstPort;
  const { minPort } = range ?? {};
  const maxPort = range?.maxPort ?? minPort;
  if (range?.random !== true) {
    const inRange = minPort === undefined || maxPort === undefined || (port >= minPort && port <= maxPort);
    if (inRange && !used(table, ct, tuple)) return tuple;
    // One port, of several packets that must all go there: nothing to choose from.
    if (minPort !== undefined && minPort === maxPort && manip === "dst") return withPort(tuple, minPort, keyIsSource);
  }
  if (tuple.protocol !== IPPROTO_TCP && tuple.protocol !== IPPROTO_UDP && tuple.protocol !== IPPROTO_ICMP) return tuple;
  const bounds = minPort !== undefined && maxPort !== undefined ? ([minPort, maxPort] as const) : defaultPorts(tuple, port, manip);
  if (bounds === undefined) return tuple;
  const [low, high] = bounds;
  const size = high - low + 1;
  const start = ct.id === PROBE_ID ? 0 : table.ns.system.random.below(size);
  for (let i = 0; i < Math.min(size, MAX_ATTEMPTS); i++) {
    const candidate = withPort(tuple, low + ((start + i) % size), keyIsSource);
    if (!used(table, ct, candidate)) return candidate;
  }
  // The last hope: a search through all of them. Linux tries fewer and fewer at random places, and may give up earlier.
  for (let at = low; at <= high; at++) {
    const candidate = withPort(tuple, at, keyIsSource);
    if (!used(table, ct, candidate)) return candidate;
  }
  return undefined;
}

const withPort = (tuple: Tuple, port: number, source: boolean): Tuple =>
  source ? { ...tuple, srcPort: port } : { ...tuple, dstPort: port };

/** "If it is dst rewrite, can't change port" (nf_nat_l4proto_unique_tuple); sources stay among the ports of their privilege. */
function defaultPorts(tuple: Tuple, port: number, manip: Manip): readonly [number, number] | undefined {
  if (tuple.protocol === IPPROTO_ICMP) return [0, 65_535];
  if (manip === "dst") return undefined;
  if (port >= 1024) return [1024, 65_535];
  return port > 511 ? [600, 1023] : [1, 511];
}

/** find_best_ips_proto(): the same source and destination get the same address; --persistent leaves the destination out. */
function pickAddress({ minAddr, maxAddr, persistent }: NatRange, tuple: Tuple, manip: Manip): number {
  if (minAddr === maxAddr) return minAddr;
  const current = manip === "src" ? tuple.src : tuple.dst;
  if (manip === "src" && current >= minAddr && current <= maxAddr) return current;
  const hash = Math.imul(tuple.src ^ (persistent === true ? 0 : Math.imul(tuple.dst, 0x9e3779b1)), 0x85ebca6b) >>> 0;
  return minAddr + Math.floor((hash / 2 ** 32) * (maxAddr - minAddr + 1));
}

/** nf_nat_packet(): rewrites the packet as its connection says. Returns the rule that had decided so, undefined for none. */
export function natPacket(skb: SkBuff, manip: Manip): string | undefined {
  const ct = ctOf(skb);
  if (ct === undefined) return undefined;
  const reply = skb.ctReply;
  const source = reply ? manip === "dst" : manip === "src";
  if (!(source ? ct.srcNat : ct.dstNat)) return undefined;
  const other = reply ? ct.original : ct.reply;
  const target = invert(other) as Tuple;
  const { transport } = skb;
  if (transport.kind === "icmp" && isIcmpError(transport.type)) {
    skb.payload = rewriteQuoted(skb.payload, other, manip === "src" ? "dst" : "src");
    skb.network = withAddress(skb.network as Ipv4Header, target, manip);
  } else {
    skb.network = withAddress(skb.network as Ipv4Header, target, manip);
    skb.transport = withPorts(transport, target, manip);
  }
  return source ? ct.srcNatRule : ct.dstNatRule;
}

const withAddress = (ip: Ipv4Header, target: Tuple, manip: Manip): Ipv4Header =>
  manip === "src" ? { ...ip, src: target.src } : { ...ip, dst: target.dst };

function withPorts(transport: TransportHeader, target: Tuple, manip: Manip): TransportHeader {
  switch (transport.kind) {
    case "tcp":
    case "udp":
      return manip === "src" ? { ...transport, srcPort: target.srcPort } : { ...transport, dstPort: target.dstPort };
    case "icmp":
      return { ...transport, id: target.srcPort };
    case "other":
      return transport;
  }
}

/** The packet that an error quotes, as the one who sent it knows it. */
function rewriteQuoted(payload: Uint8Array, tuple: Tuple, manip: Manip): Uint8Array {
  const quoted = readIpv4(payload);
  if (quoted === undefined) return payload;
  const bytes = payload.slice();
  const view = new DataView(bytes.buffer);
  const head = ((bytes[0] as number) & 15) * 4;
  const { protocol } = quoted.ip;
  const addressAt = manip === "src" ? 12 : 16;
  const address = manip === "src" ? tuple.src : tuple.dst;
  const checksumAt = protocol === IPPROTO_TCP ? head + 16 : protocol === IPPROTO_UDP ? head + 6 : protocol === IPPROTO_ICMP ? head + 2 : -1;
  const portAt = protocol === IPPROTO_ICMP ? head + 4 : manip === "src" ? head : head + 2;
  const port = manip === "src" || protocol === IPPROTO_ICMP ? tuple.srcPort : tuple.dstPort;
  // RFC 1624: the checksum moves by what was changed. It covers the addresses as well, except with ICMP.
  const fix = (at: number, value: number): void => {
    if (checksumAt >= 0 && checksumAt + 2 <= bytes.length && !(protocol === IPPROTO_UDP && view.getUint16(checksumAt) === 0)) {
      let sum = (~view.getUint16(checksumAt) & 0xffff) + (~view.getUint16(at) & 0xffff) + value;
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      view.setUint16(checksumAt, ~sum & 0xffff);
    }
  };
  if (protocol !== IPPROTO_ICMP) {
    fix(addressAt, address >>> 16);
    fix(addressAt + 2, address & 0xffff);
  }
  view.setUint32(addressAt, address);
  if (checksumAt >= 0 && portAt + 2 <= bytes.length) {
    fix(portAt, port);
    view.setUint16(portAt, port);
  }
  view.setUint16(10, 0);
  view.setUint16(10, internetChecksum(bytes.subarray(0, head)));
  return bytes;
}
