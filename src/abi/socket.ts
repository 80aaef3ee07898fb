/** socket(2), unix(7), ip(7). */

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
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
export const SO_ACCEPTCONN = 30;
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

export type SocketAddress = UnixAddress | InetAddress;

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
}
