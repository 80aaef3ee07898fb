/** Questions about sockets over netlink: sock_diag(7), Linux `include/uapi/linux/{sock,inet,unix,packet}_diag.h`. Little endian but where "be" says otherwise. */

export const SOCK_DIAG_BY_FAMILY = 20;
export const SOCK_DESTROY = 21;

/**
 * struct inet_diag_req_v2, 56 bytes: u8 family, u8 protocol, u8 ext (bits 1 << (attribute − 1)), u8 pad (of IPPROTO_RAW: the protocol), u32 states (bits
 * 1 << state), then an id: be16 sport, be16 dport, be32 src[4], be32 dst[4], u32 ifindex, u32 cookie[2] (all ones: any).
 */
export const INET_DIAG_REQ_SIZE = 56;
/** Where the id begins in a request and in a message. */
export const INET_DIAG_REQ_ID = 8;
/**
 * struct inet_diag_msg, 72 bytes: u8 family, u8 state, u8 timer, u8 retrans, id (as above), u32 expires (ms), u32 rqueue, u32 wqueue, u32 uid, u32 inode.
 */
export const INET_DIAG_MSG_SIZE = 72;
export const INET_DIAG_MSG_ID = 4;

/** u32 rmem, wmem, fmem, tmem. */
export const INET_DIAG_MEMINFO = 1;
/** struct tcp_info. */
export const INET_DIAG_INFO = 2;
/** The congestion control's name. */
export const INET_DIAG_CONG = 4;
export const INET_DIAG_TOS = 5;
/** u32 rmem, rcvbuf, wmem, sndbuf, fwd, queued, optmem, backlog, drops. */
export const INET_DIAG_SKMEMINFO = 7;
/** u8. */
export const INET_DIAG_SHUTDOWN = 8;
/** The name of the device that it is bound to is its index in the id. u32 mark. */
export const INET_DIAG_MARK = 15;

/** idiag_timer. */
export const DIAG_TIMER_OFF = 0;
export const DIAG_TIMER_RETRANSMIT = 1;
export const DIAG_TIMER_KEEPALIVE = 2;
export const DIAG_TIMER_TIMEWAIT = 3;
export const DIAG_TIMER_PROBE = 4;

/**
 * struct unix_diag_req, 24 bytes: u8 family, u8 protocol, u16 pad, u32 states, u32 inode (0: any), u32 show (UDIAG_SHOW_…), u32 cookie[2]. struct
 * unix_diag_msg, 16 bytes: u8 family, u8 type, u8 state, u8 pad, u32 inode, u32 cookie[2].
 */
export const UNIX_DIAG_REQ_SIZE = 24;
export const UNIX_DIAG_MSG_SIZE = 16;
export const UDIAG_SHOW_NAME = 1;
export const UDIAG_SHOW_VFS = 2;
export const UDIAG_SHOW_PEER = 4;
export const UDIAG_SHOW_ICONS = 8;
export const UDIAG_SHOW_RQLEN = 0x10;
export const UDIAG_SHOW_UID = 0x40;
/** Its bytes; abstract ones begin with NUL. */
export const UNIX_DIAG_NAME = 0;
/** u32 inode, u32 device of a path name. */
export const UNIX_DIAG_VFS = 1;
/** u32 inode of the peer. */
export const UNIX_DIAG_PEER = 2;
/** u32 inodes of those who wait to be accepted. */
export const UNIX_DIAG_ICONS = 3;
/** u32 rqueue, u32 wqueue. */
export const UNIX_DIAG_RQLEN = 4;
/** u8. */
export const UNIX_DIAG_SHUTDOWN = 6;
/** u32. */
export const UNIX_DIAG_UID = 7;

/**
 * struct packet_diag_req, 20 bytes: u8 family, u8 protocol, u16 pad, u32 inode, u32 show (PACKET_SHOW_…), u32 cookie[2]. struct packet_diag_msg, 16
 * bytes: u8 family, u8 type, u16 protocol (host order), u32 inode, u32 cookie[2].
 */
export const PACKET_DIAG_MSG_SIZE = 16;
export const PACKET_SHOW_INFO = 1;
/** u32 ifindex, u32 version, u32 reserve, u32 copy_thresh, u32 tstamp, u32 flags. */
export const PACKET_DIAG_INFO = 0;
/** u32. */
export const PACKET_DIAG_UID = 4;
/** As INET_DIAG_SKMEMINFO; shown with PACKET_SHOW_MEMINFO. */
export const PACKET_SHOW_MEMINFO = 0x10;
export const PACKET_DIAG_MEMINFO = 6;

/** Offsets in struct tcp_info (Linux 6.1, 232 bytes) of what is often asked for. u8 up to 7, then u32, u64 where said. */
export const TCP_INFO_SIZE = 232;
