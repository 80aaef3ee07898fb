/**
 * Network devices: Linux `struct net_device`, `net/core/dev.c`. A kind (loopback, veth, bridge, …) subclasses NetDevice in a file of `devices/`.
 * `xmit` is what stands above a device, `transmit` the driver below it, `receive` how a driver hands a packet up.
 */

import type { InDevice } from "./ipv4/in-device.ts";
import type { In6Device } from "./ipv6/in6-device.ts";
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

/** RFC 2863 operational states: IFLA_OPERSTATE. */
export const IF_OPER_UNKNOWN = 0;
export const IF_OPER_DOWN = 2;
export const IF_OPER_LOWERLAYERDOWN = 3;
export const IF_OPER_UP = 6;

/** PACKET_HOST and the rest, of packet(7). */
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;

export const ETH_HLEN = 14;
export const BROADCAST_MAC = 0xffff_ffff_ffff;
/** The lowest bit of the first byte: groups and broadcast. */
export const isMulticastMac = (mac: number): boolean => (Math.floor(mac / 2 ** 40) & 1) !== 0;

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
  /** IFLA_INFO_KIND, or undefined for loopback and hardware. Immutable. */
  abstract readonly kind: string | undefined;
  ifindex = 0;
  /** Changed by `ip link set name`, while it is down. */
  name = "";
  mac = 0;
  /** NET_ADDR_PERM, _RANDOM, _STOLEN, _SET. */
  macAssignType = 0;
  mtu = 1500;
  minMtu = 68;
  maxMtu = 65_535;
  /** IFF_UP and what a user may set. IFF_RUNNING, IFF_LOWER_UP and IFF_PROMISC are computed (`deviceFlags`). */
  flags = IFF_BROADCAST | IFF_MULTICAST;
  txQueueLength = 1000;
  alias = "";
  /** IFLA_GROUP. */
  group = 0;
  /** What it is a port of. Written by the bridge. */
  master: NetDevice | undefined;
  readonly stats = noStats();
  /** Absent while it is down and has none of its own ("noop"). */
  qdisc: Qdisc | undefined;
  /** The qdisc was set by tc(8): it stays when the device goes down. */
  qdiscSet = false;
  /** A port's packets go to its master first: returns whether it has taken the packet. Written by the bridge and by macvlan. */
  rxHandler: ((skb: SkBuff) => boolean) | undefined;
  /** Who asked for all packets, promiscuous mode (IFF_PROMISC while > 0), for all multicast. */
  promiscuity = 0;
  allmulti = 0;
  /** The cable is in: the other end is up. Written by the driver through `setCarrier` of `dev.ts`. */
  carrier = true;
  /** How often it went up and down: /sys/class/net/DEV/carrier_changes. Before the first time the operational state is unknown. */
  carrierUps = 0;
  carrierDowns = 0;
  /** The driver takes no more until it calls `wakeQueue`. */
  stopped = false;
  /** Nothing leads to it any more: it was deleted. */
  gone = false;
  /** IPv4's part. Written by `ipv4/devinet.ts`. */
  ip: InDevice | undefined;
  /** IPv6's part. Written by `ipv6/addresses.ts`. */
  ip6: In6Device | undefined;

  constructor(
    /** Changed by moving it to another namespace. */
    public ns: NetNamespace,
  ) {}

  get up(): boolean {
    return (this.flags & IFF_UP) !== 0;
  }

  get isLoopback(): boolean {
    return (this.flags & IFF_LOOPBACK) !== 0;
  }

  /** The device behind it (IFLA_LINK): the peer of a veth, the lower device of a macvlan. Itself where there is none. */
  get link(): NetDevice {
    return this;
  }

  /** It cannot leave its namespace (NETIF_F_NETNS_LOCAL). */
  get namespaceLocal(): boolean {
    return false;
  }

  /** Deleted with its namespace; hardware goes back to the initial one. */
  get virtual(): boolean {
    return this.kind !== undefined;
  }

  /** ndo_start_xmit: puts a packet on the wire. The packet has an Ethernet header and is the driver's now. */
  abstract transmit(skb: SkBuff): void;

  /** Without a queue of its own (IFF_NO_QUEUE): veth, bridge, loopback. */
  get noQueue(): boolean {
    return true;
  }

  /** ndo_open, ndo_stop: `ip link set up|down`. */
  opened(): void {}
  closed(): void {}

  /** A hardware address was set. Errors: those of the driver. */
  macChanged(): void {}

  /** It is being deleted, after it was closed and left its master: others that must go with it (a veth's peer). */
  removed(): void {}
}

/** dev_get_flags(): as user space sees them. */
export function deviceFlags(dev: NetDevice): number {
  let flags = dev.flags & ~(IFF_PROMISC | IFF_ALLMULTI | IFF_RUNNING | IFF_LOWER_UP);
  // Only what the user has asked for is shown, not what a bridge or a capture needs.
  flags |= dev.flags & (IFF_PROMISC | IFF_ALLMULTI);
  if (dev.up) {
    const state = operState(dev);
    if (state === IF_OPER_UP || state === IF_OPER_UNKNOWN) flags |= IFF_RUNNING;
    if (dev.carrier) flags |= IFF_LOWER_UP;
  }
  return flags;
}

export function operState(dev: NetDevice): number {
  if (!dev.up) return IF_OPER_DOWN;
  if (!dev.carrier) {
    // A lower device that is in another namespace tells nothing here; since Linux 6.8 one that is down itself is no lower layer.
    const lower = dev.link;
    if (lower === dev || lower === undefined || lower.ns !== dev.ns) return IF_OPER_DOWN;
    return lower.carrier ? IF_OPER_DOWN : IF_OPER_LOWERLAYERDOWN;
  }
  return dev.carrierUps + dev.carrierDowns > 0 ? IF_OPER_UP : IF_OPER_UNKNOWN;
}

/** Whether it works: up, with carrier. */
export const isOperational = (dev: NetDevice): boolean => dev.up && dev.carrier;
