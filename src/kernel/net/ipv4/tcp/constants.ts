/** Numbers of TCP: RFC 9293, Linux `include/net/tcp.h`, `include/net/tcp_states.h`. */

export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_PSH = 8;
export const TCP_ACK = 16;
export const TCP_URG = 32;

export type TcpState =
  | "ESTABLISHED"
  | "SYN_SENT"
  | "SYN_RECV"
  | "FIN_WAIT1"
  | "FIN_WAIT2"
  | "TIME_WAIT"
  | "CLOSE"
  | "CLOSE_WAIT"
  | "LAST_ACK"
  | "LISTEN"
  | "CLOSING";

/** As in /proc/net/tcp and inet_diag. */
export const TCP_STATE_NUMBER: Readonly<Record<TcpState, number>> = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  FIN_WAIT1: 4,
  FIN_WAIT2: 5,
  TIME_WAIT: 6,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
};

const MS = 1_000_000;
const SEC = 1_000_000_000;

/** How long a closed connection keeps its place, and an orphan waits for the other side's FIN (tcp_fin_timeout). */
export const TIMEWAIT_NS = 60 * SEC;
export const RTO_MIN_NS = 200 * MS;
export const RTO_MAX_NS = 120 * SEC;
/** Before anything was measured (RFC 6298 2.1). */
export const TIMEOUT_INIT_NS = 1 * SEC;
export const ATO_MIN_NS = 40 * MS;
export const DELACK_MAX_NS = 200 * MS;
/** Challenge ACKs and answers to segments out of the window: one in so long a connection (tcp_invalid_ratelimit). */
export const INVALID_RATELIMIT_NS = 500 * MS;
/** A timestamp is not compared any more with one so old. */
export const PAWS_24DAYS_NS = 24 * 24 * 3600 * SEC;
/** Segments that the window begins with (RFC 6928). */
export const INIT_CWND = 10;
/** Duplicate ACKs that mean a loss (tcp_reordering). */
export const REORDERING = 3;
export const MIN_MSS = 88;
/** Assumed of a peer that does not tell (TCP_MSS_DEFAULT). */
export const MSS_DEFAULT = 536;
export const INFINITE_SSTHRESH = 0x7fffffff;
export const MAX_QUICKACKS = 16;
/** Bytes of the timestamp option as it is sent, padded. */
export const TSTAMP_ALIGNED = 12;
/** IPv4 and TCP header without options. */
export const HEADERS = 40;
/** IPv6 headers are this much longer. */
export const MORE_IN_IPV6 = 20;
/** No path is taken to carry more (IP_MAX_MTU). */
export const MTU_MAX = 65_535;
/** Most bytes of one packet that stands for several segments (GSO_MAX_SIZE, less room for headers). */
export const GSO_MAX = 65_536 - 320;
/** tcp_rmem and tcp_wmem: least, default, most. */
export const TCP_RMEM: readonly [number, number, number] = [4_096, 131_072, 6_291_456];
export const TCP_WMEM: readonly [number, number, number] = [4_096, 16_384, 4_194_304];
