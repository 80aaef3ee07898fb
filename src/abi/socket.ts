/** socket(2), unix(7), ip(7), tcp(7), packet(7), netlink(7). */

import type { IptGetInfo, IptReplace } from "./iptables.ts";
import type { ControlData, IpMreqn, PacketMreq, PacketStats } from "./sockopt.ts";

export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;
export const MSG_OOB = 1;
export const MSG_PEEK = 2;
export const MSG_CTRUNC = 8;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_WAITALL = 0x100;
export const MSG_ERRQUEUE = 0x2000;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;
export const SOL_SOCKET = 1;
export const SOL_IP = 0;
export const SOL_TCP = 6;
export const SOL_PACKET = 263;
export const SOL_NETLINK = 270;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_BROADCAST = 6;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
export const SO_RCVTIMEO = 20;
export const SO_SNDTIMEO = 21;
export const SO_BINDTODEVICE = 25;
export const SO_ACCEPTCONN = 30;
export const SO_MARK = 36;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;

/** sockaddr_un: a path, `"\0name"` for the abstract namespace, or `""` for an unnamed socket. */
export interface UnixAddress {
  readonly family: typeof AF_UNIX;
  readonly path: string;
}

/** sockaddr_in. */
export interface InetAddress {
  readonly family: typeof AF_INET;
  /** Host order, 0 … 2³²−1. */
  readonly addr: number;
  readonly port: number;
}

/** sockaddr_in6. */
export interface Inet6Address {
  readonly family: typeof AF_INET6;
  /** Eight groups of 16 bits. */
  readonly addr: readonly number[];
  readonly port: number;
  /** Interface index of a link-local address; 0 for none. */
  readonly scopeId: number;
}

/** sockaddr_ll. */
export interface PacketAddress {
  readonly family: typeof AF_PACKET;
  readonly ifindex: number;
  /** ETH_P_IP …, host order. */
  readonly protocol: number;
  readonly hatype: number;
  /** PACKET_HOST … */
  readonly pkttype: number;
  /** 48 bits. */
  readonly mac: number;
}

/** sockaddr_nl. */
export interface NetlinkAddress {
  readonly family: typeof AF_NETLINK;
  readonly pid: number;
  readonly groups: number;
}

/** A bare sockaddr of no family: connect(2) to it dissolves a connection. */
export interface UnspecAddress {
  readonly family: typeof AF_UNSPEC;
}

export type SocketAddress = UnspecAddress | UnixAddress | InetAddress | Inet6Address | PacketAddress | NetlinkAddress;

/** struct linger; timeouts are numbers of nanoseconds. */
export interface Linger {
  readonly on: boolean;
  readonly seconds: number;
}

/** struct tcp_info, as far as ss(8) shows it. */
export interface TcpInfo {
  readonly state: number;
  readonly rttUsec: number;
  readonly rttvarUsec: number;
  readonly rtoUsec: number;
  readonly mss: number;
  readonly cwnd: number;
  readonly ssthresh: number;
  readonly retransmits: number;
  readonly totalRetransmits: number;
  readonly bytesAcked: number;
  readonly bytesReceived: number;
}

/** What setsockopt(2) takes and getsockopt(2) gives: most are ints, some are structs or strings (SO_BINDTODEVICE). */
export type SocketOption =
  | number
  | string
  | Ucred
  | Linger
  | TcpInfo
  | IptGetInfo
  | IptReplace
  | IpMreqn
  | PacketMreq
  | PacketStats
  | InetAddress;

/** struct ucred. */
export interface Ucred {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What recvmsg(2) gives back; the bytes are in the buffer that was passed. */
export interface Message {
  /** Bytes received; 0 is the end of a stream. */
  readonly length: number;
  /** SCM_RIGHTS: new descriptors of the receiver. */
  readonly fds: readonly number[];
  /** SCM_CREDENTIALS, with SO_PASSCRED. */
  readonly creds?: Ucred;
  /** The sender, for datagrams. */
  readonly from?: SocketAddress;
  /** MSG_TRUNC … */
  readonly flags: number;
  /** What IP_RECVTTL, IP_PKTINFO, IP_RECVERR, SO_TIMESTAMP asked for. */
  readonly control?: ControlData;
}
