/**
 * How connections of each protocol live: states of TCP, timeouts. Linux `net/netfilter/nf_conntrack_proto_{tcp,udp,icmp,generic}.c`.
 * Differs from Linux: sequence numbers and windows are not checked (as with nf_conntrack_tcp_be_liberal).
 */

import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../../../abi/inet.ts";
import type { NetSettingName } from "../sysctl.ts";

/** The names as `conntrack -L` shows them; NONE is before the first packet. */
export const TCP_CONNTRACK_NAMES = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "SYN_SENT2",
] as const;

export const CT_NONE = 0;
export const CT_SYN_SENT = 1;
export const CT_SYN_RECV = 2;
export const CT_ESTABLISHED = 3;
export const CT_TIME_WAIT = 7;
export const CT_CLOSE = 8;
/** The packet does not belong there, or is let pass without effect. */
export const CT_INVALID = -1;
export const CT_IGNORE = -2;

const [sNO, sSS, sSR, sES, sFW, sCW, sLA, sTW, sCL, sS2, sIV, sIG] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, CT_INVALID, CT_IGNORE];
void sNO;

/** tcp_conntracks: by direction, kind of segment (syn, synack, fin, ack, rst, none) and state. */
const TRANSITIONS: readonly (readonly (readonly number[])[])[] = [
  [
    [sSS, sSS, sIG, sIG, sIG, sIG, sIG, sSS, sSS, sS2],
    [sIV, sIV, sSR, sIV, sIV, sIV, sIV, sIV, sIV, sSR],
    [sIV, sIV, sFW, sFW, sLA, sLA, sLA, sTW, sCL, sIV],
    [sES, sIV, sES, sES, sCW, sCW, sTW, sTW, sCL, sIV],
    [sIV, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL],
    [sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV],
  ],
  [
    [sIV, sS2, sIV, sIV, sIV, sIV, sIV, sSS, sIV, sS2],
    [sIV, sSR, sIG, sIG, sIG, sIG, sIG, sIG, sIG, sSR],
    [sIV, sIV, sFW, sFW, sLA, sLA, sLA, sTW, sCL, sIV],
    [sIV, sIG, sSR, sES, sCW, sCW, sTW, sTW, sCL, sIG],
    [sIV, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL],
    [sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV],
  ],
];

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

/** get_conntrack_index(). */
function segmentKind(flags: number): number {
  if ((flags & RST) !== 0) return 4;
  if ((flags & SYN) !== 0) return (flags & ACK) !== 0 ? 1 : 0;
  if ((flags & FIN) !== 0) return 2;
  return (flags & ACK) !== 0 ? 3 : 5;
}

/** The state after a segment, CT_INVALID or CT_IGNORE. */
export function nextTcpState(state: number, flags: number, reply: boolean): number {
  return TRANSITIONS[reply ? 1 : 0]?.[segmentKind(flags)]?.[state] ?? CT_INVALID;
}

const TCP_TIMEOUTS: readonly NetSettingName[] = [
  "netfilter/nf_conntrack_tcp_timeout_syn_sent",
  "netfilter/nf_conntrack_tcp_timeout_syn_sent",
  "netfilter/nf_conntrack_tcp_timeout_syn_recv",
  "netfilter/nf_conntrack_tcp_timeout_established",
  "netfilter/nf_conntrack_tcp_timeout_fin_wait",
  "netfilter/nf_conntrack_tcp_timeout_close_wait",
  "netfilter/nf_conntrack_tcp_timeout_last_ack",
  "netfilter/nf_conntrack_tcp_timeout_time_wait",
  "netfilter/nf_conntrack_tcp_timeout_close",
  "netfilter/nf_conntrack_tcp_timeout_syn_sent",
];

/** Which setting says how long a connection is remembered after this packet. */
export function timeoutSetting(protocol: number, state: number, replied: boolean, stream: boolean): NetSettingName {
  switch (protocol) {
    case IPPROTO_TCP:
      if (state === CT_ESTABLISHED && !replied) return "netfilter/nf_conntrack_tcp_timeout_unacknowledged";
      return TCP_TIMEOUTS[state] as NetSettingName;
    case IPPROTO_UDP:
      return stream ? "netfilter/nf_conntrack_udp_timeout_stream" : "netfilter/nf_conntrack_udp_timeout";
    case IPPROTO_ICMP:
      return "netfilter/nf_conntrack_icmp_timeout";
    default:
      return "netfilter/nf_conntrack_generic_timeout";
  }
}
