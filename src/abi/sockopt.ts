/** Options of protocols, for setsockopt(2) and getsockopt(2): ip(7), tcp(7), raw(7), packet(7). Those of SOL_SOCKET are in `socket.ts`. */

export const SOL_RAW = 255;

// ── SOL_SOCKET, seldom used ──────────────────────────────────────────────────────────────────────────────────────────
export const SO_DONTROUTE = 5;
export const SO_OOBINLINE = 10;
export const SO_PRIORITY = 12;
export const SO_RCVLOWAT = 18;
export const SO_TIMESTAMP = 29;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;

// ── SOL_IP ───────────────────────────────────────────────────────────────────────────────────────────────────────────
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_HDRINCL = 3;
export const IP_PKTINFO = 8;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVERR = 11;
export const IP_RECVTTL = 12;
export const IP_MTU = 14;
export const IP_FREEBIND = 15;
export const IP_TRANSPARENT = 19;
export const IP_BIND_ADDRESS_NO_PORT = 24;
/** An IpMreqn. */
export const IP_MULTICAST_IF = 32;
export const IP_MULTICAST_TTL = 33;
export const IP_MULTICAST_LOOP = 34;
/** An IpMreqn. */
export const IP_ADD_MEMBERSHIP = 35;
export const IP_DROP_MEMBERSHIP = 36;
/** getsockopt: where a connection was going before DNAT; an InetAddress. */
export const SO_ORIGINAL_DST = 80;

/** Values of IP_MTU_DISCOVER. */
export const IP_PMTUDISC_DONT = 0;
export const IP_PMTUDISC_WANT = 1;
export const IP_PMTUDISC_DO = 2;
export const IP_PMTUDISC_PROBE = 3;

// ── SOL_TCP ──────────────────────────────────────────────────────────────────────────────────────────────────────────
export const TCP_NODELAY = 1;
export const TCP_MAXSEG = 2;
export const TCP_CORK = 3;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_SYNCNT = 7;
export const TCP_LINGER2 = 8;
export const TCP_DEFER_ACCEPT = 9;
/** A TcpInfo. */
export const TCP_INFO = 11;
export const TCP_QUICKACK = 12;
/** The name of an algorithm. */
export const TCP_CONGESTION = 13;
export const TCP_USER_TIMEOUT = 18;

// ── SOL_RAW ──────────────────────────────────────────────────────────────────────────────────────────────────────────
/** A bit for each ICMP type that is not to come in. */
export const ICMP_FILTER = 1;

// ── SOL_PACKET ───────────────────────────────────────────────────────────────────────────────────────────────────────
/** A PacketMreq. */
export const PACKET_ADD_MEMBERSHIP = 1;
export const PACKET_DROP_MEMBERSHIP = 2;
/** A PacketStats; reading clears it. */
export const PACKET_STATISTICS = 6;

export const PACKET_MR_MULTICAST = 0;
export const PACKET_MR_PROMISC = 1;
export const PACKET_MR_ALLMULTI = 2;

/** sll_pkttype. */
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;

/** struct ip_mreqn: a multicast group, and the interface by its address or its index. */
export interface IpMreqn {
  readonly group: number;
  readonly address: number;
  readonly ifindex: number;
}

/** struct packet_mreq. */
export interface PacketMreq {
  readonly ifindex: number;
  /** PACKET_MR_PROMISC … */
  readonly type: number;
}

/** struct tpacket_stats. */
export interface PacketStats {
  readonly packets: number;
  readonly drops: number;
}

/** struct sock_extended_err: where an error in the queue of IP_RECVERR came from. */
export const SO_EE_ORIGIN_LOCAL = 1;
export const SO_EE_ORIGIN_ICMP = 2;

export interface ExtendedError {
  readonly errno: number;
  readonly origin: typeof SO_EE_ORIGIN_LOCAL | typeof SO_EE_ORIGIN_ICMP | typeof SO_EE_ORIGIN_ICMP6;
  /** ICMP type and code. */
  readonly type: number;
  readonly code: number;
  /** The MTU, with EMSGSIZE. */
  readonly info: number;
  /** Who sent the ICMP message; 0 for a local error. */
  readonly offender: number;
  /** The same of IPv6: eight groups. */
  readonly offender6?: readonly number[];
}

/** Ancillary data of a received message (cmsg(3)); what was not asked for is absent. */
export interface ControlData {
  /** IP_RECVTTL. */
  readonly ttl?: number;
  /** IP_PKTINFO: the interface, and the destination address in the packet's header. */
  readonly pktinfo?: { readonly ifindex: number; readonly addr: number };
  /** MSG_ERRQUEUE with IP_RECVERR. */
  readonly error?: ExtendedError;
  /** SO_TIMESTAMP: CLOCK_REALTIME at arrival. */
  readonly timestamp?: { readonly sec: number; readonly nsec: number };
}

/** Options at level SOL_IPV6: ipv6(7). */
export const SOL_IPV6 = 41;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
export const IPV6_RECVERR = 25;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_RECVHOPLIMIT = 51;
export const IPV6_TCLASS = 67;
export const SO_EE_ORIGIN_ICMP6 = 3;
