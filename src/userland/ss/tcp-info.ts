/** The line of `ss -i`: struct tcp_info. iproute2 `misc/ss.c`, tcp_show_info(), tcp_stats_print(). */

import type { NetlinkAttribute } from "../../abi/netlink.ts";

/** As printf's %g. */
const g = (value: number): string => String(Number(value.toPrecision(6)));

export function tcpInfoText(bytes: Uint8Array, congestion: NetlinkAttribute | undefined, options: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at: number): number => (at + 4 > bytes.length ? 0 : view.getUint32(at, true));
  const u64 = (at: number): number => u32(at) + u32(at + 4) * 2 ** 32;
  const word = (index: number): number => u32(8 + 4 * index);
  const flags = bytes[5] ?? 0;
  const parts: string[] = [];
  const add = (key: string, value: number): void => {
    if (value !== 0) parts.push(`${key}:${value}`);
  };
  if (options && (flags & 1) !== 0) parts.push("ts");
  if (options && (flags & 2) !== 0) parts.push("sack");
  if (congestion !== undefined) parts.push(congestion.string);
  if ((flags & 4) !== 0) parts.push(`wscale:${(bytes[6] ?? 0) & 15},${(bytes[6] ?? 0) >> 4}`);
  const [rto, ato, mss, rcvMss, unacked, sacked, lost, retrans] = [0, 1, 2, 3, 4, 5, 6, 7].map(word) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const listening = bytes[0] === 10;
  if (rto !== 0 && rto !== 3_000_000) parts.push(`rto:${g(rto / 1000)}`);
  add("backoff", bytes[4] ?? 0);
  const rtt = word(15);
  if (rtt !== 0) parts.push(`rtt:${g(rtt / 1000)}/${g(word(16) / 1000)}`);
  if (ato !== 0) parts.push(`ato:${g(ato / 1000)}`);
  if (!listening) {
    add("mss", mss);
    add("pmtu", word(13));
    add("rcvmss", rcvMss);
    add("advmss", word(19));
  }
  add("cwnd", word(18));
  if (word(17) < 0xffff) add("ssthresh", word(17));
  add("bytes_sent", u64(200));
  add("bytes_retrans", u64(208));
  add("bytes_acked", u64(120));
  add("bytes_received", u64(128));
  add("segs_out", u32(136));
  add("segs_in", u32(140));
  add("data_segs_out", u32(156));
  add("data_segs_in", u32(152));
  if (rtt > 0 && mss > 0 && word(18) > 0) parts.push(`send ${Math.floor((word(18) * mss * 8_000_000) / rtt)}bps`);
  add("lastsnd", word(9));
  add("lastrcv", word(11));
  add("lastack", word(12));
  if (!listening) add("unacked", unacked);
  if (retrans !== 0 || word(23) !== 0) parts.push(`retrans:${retrans}/${word(23)}`);
  add("lost", lost);
  if (!listening) add("sacked", sacked);
  if (!listening) {
    add("rcv_space", word(22));
    add("rcv_ssthresh", word(14));
    add("notsent", u32(144));
    if (u32(148) !== 0 && u32(148) !== 0xffff_ffff) parts.push(`minrtt:${g(u32(148) / 1000)}`);
    add("snd_wnd", u32(228));
  }
  return parts.map((part) => ` ${part}`).join("");
}
