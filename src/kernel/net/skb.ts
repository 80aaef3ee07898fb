/**
 * Packets: Linux `struct sk_buff`. Headers are decoded once, where a packet is made or injected, and stay fields; only those who look at bytes (packet
 * sockets, captures) have them written out (`wire.ts`). One holder at a time owns a packet; who keeps one for later, or sends it two ways, clones it.
 */

import type { NetDevice } from "./device.ts";
import type { Route } from "./ipv4/route-types.ts";
import type { Ip6 } from "./ipv6/ip6.ts";
import type { Route6 } from "./ipv6/route.ts";

/** Addresses are 48-bit numbers. */
export interface EthernetHeader {
  readonly dst: number;
  readonly src: number;
  /** ETH_P_IP, ETH_P_ARP … */
  readonly type: number;
}

/** Of Ethernet and IPv4. */
export interface ArpHeader {
  readonly kind: "arp";
  /** 1 request, 2 reply. */
  readonly op: number;
  readonly senderMac: number;
  readonly senderIp: number;
  readonly targetMac: number;
  readonly targetIp: number;
}

/** Immutable: who changes a field (forwarding, NAT) puts a new header in place, since clones share it. */
export interface Ipv4Header {
  readonly kind: "ipv4";
  readonly src: number;
  readonly dst: number;
  readonly protocol: number;
  readonly ttl: number;
  readonly tos: number;
  readonly id: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** Bytes, a multiple of 8. */
  readonly fragmentOffset: number;
}

/** Immutable, as IPv4's. */
export interface Ipv6Header {
  readonly kind: "ipv6";
  readonly src: Ip6;
  readonly dst: Ip6;
  /** Next header. */
  readonly protocol: number;
  /** Hop limit. */
  readonly ttl: number;
  /** Traffic class. */
  readonly tos: number;
  readonly flowLabel: number;
}

export interface TcpHeader {
  readonly kind: "tcp";
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq: number;
  readonly ack: number;
  /** TCP_FIN … of `ipv4/tcp/constants.ts`. */
  readonly flags: number;
  readonly window: number;
  /** Options: 0 and false mean absent. */
  readonly mss: number;
  readonly windowScale: number | undefined;
  readonly sackPermitted: boolean;
  /** Timestamps: value and echo. */
  readonly timestamps: readonly [number, number] | undefined;
  /** SACK blocks: the first and the one after the last sequence number of what came out of order. */
  readonly sack?: readonly (readonly [number, number])[];
}

export interface UdpHeader {
  readonly kind: "udp";
  readonly srcPort: number;
  readonly dstPort: number;
}

/** ICMP, and under IPv6 ICMPv6: there id and sequence together are the four bytes that follow the checksum. */
export interface IcmpHeader {
  readonly kind: "icmp";
  readonly type: number;
  readonly code: number;
  /** Echo: identifier and sequence; "fragmentation needed": MTU in `sequence`; redirect: gateway over both. */
  readonly id: number;
  readonly sequence: number;
}

/** A protocol that this kernel does not take apart, or a later fragment: all of it is payload. */
export interface OtherHeader {
  readonly kind: "other";
}

export type NetworkHeader = ArpHeader | Ipv4Header | Ipv6Header | OtherHeader;
export type TransportHeader = TcpHeader | UdpHeader | IcmpHeader | OtherHeader;

const NO_HEADER: OtherHeader = { kind: "other" };
const NO_BYTES = new Uint8Array(0);

/** Where a bridged packet came in. */
export interface NfBridge {
  readonly port: NetDevice;
  readonly srcMac: number;
  /** A rule has given it another destination on the same bridge, whose hardware address had to be asked for. */
  readonly redirected?: boolean;
}

export class SkBuff {
  /** Number of the packet for traces: its clones and its way through namespaces keep it. */
  id = 0;
  /** Absent above the link layer, on the way out before the neighbour is known. */
  eth: EthernetHeader | undefined;
  network: NetworkHeader = NO_HEADER;
  transport: TransportHeader = NO_HEADER;
  /** What follows the transport header. Nobody writes into it. */
  payload: Uint8Array = NO_BYTES;
  /** Came in by it, or goes out by it. */
  dev: NetDevice | undefined;
  /** The device that it first came in by in this namespace (bridges change `dev`); 0 for one's own. */
  iif = 0;
  /** PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST, _OUTGOING of packet(7). Set by eth_type_trans. */
  pkttype = 0;
  mark = 0;
  /** Segment size of a payload that stands for several segments (TSO); 0: a plain packet. */
  gsoSize = 0;
  /** A checksum is wrong (injected raw packets). */
  corrupt = false;
  /** Connection tracking entry and its direction: owned by `netfilter/`. */
  ct: unknown;
  ctReply = false;
  /** It came in by a port of a bridge and past its rules (nf_bridge_info). Written by the bridge; taken off where IP receives it. */
  nfBridge: NfBridge | undefined;
  /** The sending socket, where the packet is one's own: whose buffer it fills. */
  sk: unknown;
  /** Where it goes (skb_dst). Written by routing, cleared where the packet leaves its namespace. */
  route: Route | undefined;
  /** As `route`, of an IPv6 packet. */
  route6: Route6 | undefined;
  /** Time at which a qdisc lets it go, and its place in the queue; written by the qdisc that holds it. */
  txTimeNs = 0;
  /** Called when the packet is freed, so that the sender's buffer has room again. Not copied to clones. */
  destructor: (() => void) | undefined;

  clone(): SkBuff {
    const copy = new SkBuff();
    copy.id = this.id;
    copy.eth = this.eth;
    copy.network = this.network;
    copy.transport = this.transport;
    copy.payload = this.payload;
    copy.dev = this.dev;
    copy.iif = this.iif;
    copy.pkttype = this.pkttype;
    copy.mark = this.mark;
    copy.gsoSize = this.gsoSize;
    copy.corrupt = this.corrupt;
    copy.ct = this.ct;
    copy.ctReply = this.ctReply;
    copy.nfBridge = this.nfBridge;
    copy.sk = this.sk;
    copy.route = this.route;
    copy.route6 = this.route6;
    return copy;
  }

  /** skb_orphan(): it has left its sender, whose buffer has room again. */
  orphan(): void {
    this.sk = undefined;
    const { destructor } = this;
    if (destructor === undefined) return;
    this.destructor = undefined;
    destructor();
  }

  /** Frees it: it was consumed, or dropped. */
  free(): void {
    const { destructor } = this;
    this.destructor = undefined;
    destructor?.();
  }

  /** Bytes from the network header on: what the MTU limits and device counters count with the link header. */
  get length(): number {
    const { network, transport } = this;
    const inner = this.payload.length + transportLength(transport);
    return network.kind === "ipv4" ? 20 + inner : network.kind === "arp" ? 28 : network.kind === "ipv6" ? 40 + inner : inner;
  }
}

export function transportLength(header: TransportHeader): number {
  switch (header.kind) {
    case "tcp":
      return tcpHeaderLength(header);
    case "udp":
    case "icmp":
      return 8;
    case "other":
      return 0;
  }
}

export function tcpHeaderLength(header: TcpHeader): number {
  let options = 0;
  if (header.mss > 0) options += 4;
  if (header.windowScale !== undefined) options += 3;
  if (header.sackPermitted) options += 2;
  if (header.timestamps !== undefined) options += 10;
  if (header.sack !== undefined && header.sack.length > 0) options += 4 + 8 * header.sack.length;
  return 20 + ((options + 3) & ~3);
}
