/**
 * Network devices: Linux `struct net_device`, `net/core/dev.c`. A kind (loopback, veth, bridge, …) subclasses NetDevice in a file of `devices/`.
 * `xmit` is what stands above a device, `transmit` the driver below it, `receive` how a driver hands a packet up.
 */

import type { NetNamespace } from "./net-namespace.ts";
import type { Qdisc } from "./qdisc/qdisc.ts";
import type { SkBuff } from "./skb.ts";

export const IFF_UP = 0x1;
export const IFF_BROADCAST = 0x2;
export const IFF_LOOPBACK = 0x8;
export const IFF_POINTOPOINT = 0x10;
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;
export const IFF_PROMISC = 0x100;
export const IFF_ALLMULTI = 0x200;
export const IFF_MULTICAST = 0x1000;
export const IFF_LOWER_UP = 0x10000;

/** struct rtnl_link_stats64, as far as devices here count. */
export interface DeviceStats {
  rxPackets: number;
  rxBytes: number;
  rxErrors: number;
  rxDropped: number;
  txPackets: number;
  txBytes: number;
  txErrors: number;
  txDropped: number;
  multicast: number;
  collisions: number;
}

export const noStats = (): DeviceStats => ({
  ...{ rxPackets: 0, rxBytes: 0, rxErrors: 0, rxDropped: 0, txPackets: 0, txBytes: 0, txErrors: 0, txDropped: 0 },
  ...{ multicast: 0, collisions: 0 },
});

/** Why a packet went no further: Linux `enum skb_drop_reason`, and where rules or devices are to blame, which. */
export type DropReason =
  | "NETFILTER_DROP"
  | "QDISC_DROP"
  | "DEV_READY"
  | "OTHERHOST"
  | "IP_INHDR"
  | "IP_CSUM"
  | "IP_INADDRERRORS"
  | "IP_INNOROUTES"
  | "IP_OUTNOROUTES"
  | "IP_RPFILTER"
  | "PKT_TOO_BIG"
  | "NEIGH_FAILED"
  | "NEIGH_QUEUEFULL"
  | "NO_SOCKET"
  | "SOCKET_RCVBUFF"
  | "SOCKET_BACKLOG"
  | "CPU_BACKLOG"
  | "TCP_INVALID_SEQUENCE"
  | "TCP_LISTEN_OVERFLOW"
  | "FRAG_REASM_TIMEOUT"
  | "UNHANDLED_PROTO"
  | "BRIDGE_NO_PORT"
  | "NETEM_LOSS"
  | "PROTO_MEM"
  | "NOT_SPECIFIED";

export abstract class NetDevice {
  /** IFLA_INFO_KIND, or undefined for loopback and the like. Immutable. */
  abstract readonly kind: string | undefined;
  ifindex = 0;
  /** Changed by `ip link set name`, while it is down. */
  name = "";
  mac = 0;
  mtu = 1500;
  /** IFF_UP and what a user may set. IFF_RUNNING and IFF_LOWER_UP are computed. */
  flags = 0;
  txQueueLength = 1000;
  alias = "";
  /** What it is a port of. Written by the bridge. */
  master: NetDevice | undefined;
  readonly stats = noStats();
  qdisc: Qdisc | undefined;
  /** A port's packets go to its master first: returns whether it has taken the packet. Written by the bridge. */
  rxHandler: ((skb: SkBuff) => boolean) | undefined;
  /** Who asked for all packets, promiscuous mode (IFF_PROMISC while > 0). */
  promiscuity = 0;

  constructor(
    /** Changed by moving it to another namespace. */
    public ns: NetNamespace,
  ) {}

  /** The cable is in: the other end is up. */
  get carrier(): boolean {
    return true;
  }

  /** Ethernet header on the wire: false for loopback-like ones too, as Linux has it (all here are Ethernet). */
  get isLoopback(): boolean {
    return (this.flags & IFF_LOOPBACK) !== 0;
  }

  /** ndo_start_xmit: puts a packet on the wire. The packet has an Ethernet header and is the driver's now. */
  abstract transmit(skb: SkBuff): void;

  /** ndo_open, ndo_stop: `ip link set up|down`. */
  opened(): void {}
  closed(): void {}

  /** It is being deleted, after it was closed and left its master; a veth takes its peer along. */
  removed(): void {}
}
