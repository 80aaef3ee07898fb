/** Cutting a packet that stands for many into the segments that it stands for: Linux `net/core/gso.c`, `net/ipv4/tcp_offload.c`. */

import type { SkBuff } from "./skb.ts";

/** FIN and PSH belong to the last segment only. */
const FIN_PSH = 0x01 | 0x08;

/** skb_gso_segment(): the segments, in order; the packet itself where it is one already. The sender's buffer is freed with the last. */
export function gsoSegments(skb: SkBuff): readonly SkBuff[] {
  const { transport, payload, gsoSize, network } = skb;
  if (gsoSize === 0 || payload.length <= gsoSize || transport.kind !== "tcp" || (network.kind !== "ipv4" && network.kind !== "ipv6"))
    return [skb];
  const segments: SkBuff[] = [];
  for (let at = 0; at < payload.length; at += gsoSize) {
    const last = at + gsoSize >= payload.length;
    const segment = skb.clone();
    segment.gsoSize = 0;
    segment.payload = payload.subarray(at, at + gsoSize);
    segment.transport = { ...transport, seq: (transport.seq + at) >>> 0, flags: last ? transport.flags : transport.flags & ~FIN_PSH };
    if (network.kind === "ipv4") segment.network = { ...network, id: (network.id + segments.length) & 0xffff };
    segments.push(segment);
    if (last) {
      segment.destructor = skb.destructor;
      skb.destructor = undefined;
    }
  }
  return segments;
}

/** Packets that it stands for: what qdiscs count. */
export const gsoCount = (skb: SkBuff): number => (skb.gsoSize > 0 ? Math.max(1, Math.ceil(skb.payload.length / skb.gsoSize)) : 1);
