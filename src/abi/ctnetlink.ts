/** Connection tracking over netlink: Linux `include/uapi/linux/netfilter/nfnetlink{,_conntrack}.h`. Message types are `NFNL_SUBSYS_CTNETLINK << 8 | …`; numbers are in network order. */

export const IPCTNL_MSG_CT_NEW = 0x100;
export const IPCTNL_MSG_CT_GET = 0x101;
export const IPCTNL_MSG_CT_DELETE = 0x102;
/** Multicast groups: who joins them hears of connections. */
export const NFNLGRP_CONNTRACK_NEW = 1;
export const NFNLGRP_CONNTRACK_UPDATE = 2;
export const NFNLGRP_CONNTRACK_DESTROY = 3;
/** struct nfgenmsg: family, version, resource. */
export const NFGENMSG_SIZE = 4;

export const CTA_TUPLE_ORIG = 1;
export const CTA_TUPLE_REPLY = 2;
export const CTA_STATUS = 3;
export const CTA_PROTOINFO = 4;
export const CTA_TIMEOUT = 7;
export const CTA_MARK = 8;
export const CTA_USE = 11;
export const CTA_ID = 12;

export const CTA_TUPLE_IP = 1;
export const CTA_TUPLE_PROTO = 2;
export const CTA_IP_V4_SRC = 1;
export const CTA_IP_V4_DST = 2;
export const CTA_PROTO_NUM = 1;
export const CTA_PROTO_SRC_PORT = 2;
export const CTA_PROTO_DST_PORT = 3;
export const CTA_PROTO_ICMP_ID = 4;
export const CTA_PROTO_ICMP_TYPE = 5;
export const CTA_PROTO_ICMP_CODE = 6;
export const CTA_PROTOINFO_TCP = 1;
export const CTA_PROTOINFO_TCP_STATE = 1;

export const IPS_SEEN_REPLY = 2;
export const IPS_ASSURED = 4;
export const IPS_CONFIRMED = 8;
export const IPS_SRC_NAT = 16;
export const IPS_DST_NAT = 32;
