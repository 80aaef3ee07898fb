/**
 * Cutting datagrams that are too long for a link, and putting them together again: RFC 791, Linux `net/ipv4/ip_output.c:ip_do_fragment`,
 * `ip_fragment.c`. A fragment carries bytes only; its transport header is taken apart when the whole is there.
 */

import { Timer } from "../../sched/timer.ts";
import type { NetDevice } from "../device.ts";
import { type NetNamespace, netPart } from "../net-namespace.ts";
import { type Ipv4Header, type SkBuff, transportLength } from "../skb.ts";
import { netSetting } from "../sysctl.ts";
import { readTransport, writeTransport } from "../wire.ts";
import { icmpSend } from "./icmp.ts";
import { ICMP_EXC_FRAGTIME, ICMP_TIME_EXCEEDED } from "./icmp-types.ts";

const IP_HEADER = 20;

/** The pieces, in order. Frees the datagram. */
export function ipFragment(ns: NetNamespace, skb: SkBuff, mtu: number): SkBuff[] {
  const ip = skb.network as Ipv4Header;
  const bytes = transportLength(skb.transport) === 0 ? skb.payload : writeTransport(skb);
  const step = (mtu - IP_HEADER) & ~7;
  const pieces: SkBuff[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    const piece = skb.clone();
    piece.transport = { kind: "other" };
    piece.payload = bytes.subarray(at, at + step);
    piece.gsoSize = 0;
    const last = at + step >= bytes.length;
    piece.network = { ...ip, fragmentOffset: ip.fragmentOffset + at, moreFragments: !last || ip.moreFragments };
    pieces.push(piece);
  }
  ns.mib.ip.fragOKs++;
  ns.mib.ip.fragCreates += pieces.length;
  skb.free();
  return pieces;
}

/** The pieces of one datagram that have come. */
interface FragmentQueue {
  readonly pieces: SkBuff[];
  /** Length of the whole; 0 until the last piece is there. */
  total: number;
  readonly timer: Timer;
}

const fragmentPart = netPart("ipv4.fragments", () => new Map<string, FragmentQueue>());

/** Bytes of pieces that wait in a namespace. */
export function waitingFragments(ns: NetNamespace): number {
  let bytes = 0;
  for (const { pieces } of ns.part(fragmentPart).values()) for (const { payload } of pieces) bytes += payload.length;
  return bytes;
}

/**
 * ip_defrag(): keeps a piece; gives the whole once the last one that was missing has come. `user` keeps apart those that are put together for
 * the host and those for connection tracking.
 */
export function ipDefragment(ns: NetNamespace, skb: SkBuff, user = "local"): SkBuff | undefined {
  const queues = ns.part(fragmentPart);
  const { timers, clockNs } = ns.system.sched;
  const ip = skb.network as Ipv4Header;
  const key = `${user} ${ip.src} ${ip.dst} ${ip.protocol} ${ip.id}`;
  ns.mib.ip.reasmReqds++;
  let queue = queues.get(key);
  if (queue === undefined) {
    const made: FragmentQueue = { pieces: [], total: 0, timer: new Timer(() => ns.core.softnet.run(() => expired(ns, key, made))) };
    timers.arm(made.timer, clockNs + netSetting(ns, "ipv4/ipfrag_time") * 1e9);
    queues.set(key, made);
    queue = made;
  }
  const end = ip.fragmentOffset + skb.payload.length;
  const overlaps = queue.pieces.some((piece) => {
    const at = (piece.network as Ipv4Header).fragmentOffset;
    return ip.fragmentOffset < at + piece.payload.length && at < end;
  });
  if (overlaps || end > 0xffff || (ip.moreFragments && skb.payload.length % 8 !== 0)) {
    ns.mib.ip.reasmFails++;
    const same = queue.pieces.some(
      (p) => (p.network as Ipv4Header).fragmentOffset === ip.fragmentOffset && p.payload.length === skb.payload.length,
    );
    ns.core.drop(skb, ns, skb.dev, "IP_INHDR");
    // The same piece again does no harm; others that overlap end the whole datagram (RFC 5722 for IPv4, as Linux does).
    if (!same) discard(ns, key, queue);
    return undefined;
  }
  queue.pieces.push(skb);
  if (!ip.moreFragments) queue.total = end;
  const have = queue.pieces.reduce((n, piece) => n + piece.payload.length, 0);
  if (queue.total === 0 || have < queue.total) return undefined;
  timers.cancel(queue.timer);
  queues.delete(key);
  return assemble(ns, queue);
}

function assemble(ns: NetNamespace, queue: FragmentQueue): SkBuff {
  const bytes = new Uint8Array(queue.total);
  let first = queue.pieces[0] as SkBuff;
  for (const piece of queue.pieces) {
    const at = (piece.network as Ipv4Header).fragmentOffset;
    bytes.set(piece.payload, at);
    if (at === 0) first = piece;
  }
  const whole = first.clone();
  const ip = { ...(first.network as Ipv4Header), moreFragments: false, fragmentOffset: 0 };
  whole.network = ip;
  const { transport, payload, valid } = readTransport(bytes, ip);
  whole.transport = transport;
  whole.payload = payload;
  whole.corrupt = queue.pieces.some((piece) => piece.corrupt) || !valid;
  for (const piece of queue.pieces) piece.free();
  ns.mib.ip.reasmOKs++;
  return whole;
}

function discard(ns: NetNamespace, key: string, queue: FragmentQueue): void {
  ns.system.sched.timers.cancel(queue.timer);
  ns.part(fragmentPart).delete(key);
  for (const piece of queue.pieces) ns.core.drop(piece, ns, piece.dev, "IP_INHDR");
}

/** ip_expire(): "time exceeded", if the first piece had come. */
function expired(ns: NetNamespace, key: string, queue: FragmentQueue): void {
  ns.part(fragmentPart).delete(key);
  ns.mib.ip.reasmFails++;
  ns.mib.ip.reasmTimeout++;
  const first = queue.pieces.find((piece) => (piece.network as Ipv4Header).fragmentOffset === 0);
  if (first !== undefined) icmpSend(ns, first, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
  for (const piece of queue.pieces) ns.core.drop(piece, ns, piece.dev as NetDevice, "FRAG_REASM_TIMEOUT");
}

/** The namespace ends: nothing waits any more. */
export function dropFragments(ns: NetNamespace): void {
  for (const [key, queue] of ns.part(fragmentPart)) discard(ns, key, queue);
}
