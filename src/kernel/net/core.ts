/**
 * What the network of one machine shares: the receive queue, the wiring of the parts of the stack, all its namespaces. Made by `net.ts`, which
 * alone knows all the parts; each of them finds the others here.
 */

import { formatIpv6 } from "../../abi/inet.ts";
import type { SocketOption } from "../../abi/socket.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { TracedPacket } from "../trace.ts";
import type { DropReason, NetDevice } from "./device.ts";
import type { BridgeDevice, FdbEntry } from "./devices/bridge.ts";
import type { FibRoute, FibRule } from "./ipv4/fib.ts";
import type { InAddress } from "./ipv4/in-device.ts";
import type { InetSock } from "./ipv4/inet-sock.ts";
import type { AnyNeighbour } from "./ipv4/neighbour.ts";
import type { Ipv6Address } from "./ipv6/addresses.ts";
import { groupsOfIp6, type IpAddr } from "./ipv6/ip6.ts";
import type { Ipv6Route } from "./ipv6/routes.ts";
import type { NetNamespace } from "./net-namespace.ts";
import type { Ipv4Header, Ipv6Header, SkBuff, TransportHeader } from "./skb.ts";
import { Softnet } from "./softnet.ts";

/** What happens to devices, in the words of Linux' netdev_chain. `going_down` comes before the device is closed, `unregister` when it is down. */
export type NetdevEvent =
  | "register"
  | "up"
  | "going_down"
  | "down"
  | "change"
  | "changeaddr"
  | "changemtu"
  | "changename"
  | "changeupper"
  | "unregister";

export type NetdevNotifier = (event: NetdevEvent, dev: NetDevice) => void;

/** A protocol above IPv4. */
export interface InetProtocol {
  /** Takes a whole packet for this host. */
  receive(skb: SkBuff, ns: NetNamespace): void;
  /** An ICMP error about a packet that this host had sent, as much of it as came along. `info`: the MTU of "fragmentation needed". */
  error?(about: IcmpErrorAbout, type: number, code: number, info: number): void;
}

export interface IcmpErrorAbout {
  readonly ns: NetNamespace;
  /** Headers of the packet that was sent: `src` is one's own address. */
  readonly ip: Ipv4Header | Ipv6Header;
  readonly transport: TransportHeader;
  /** What came along after the transport header. */
  readonly payload: Uint8Array;
  /** Who says so. */
  readonly from: IpAddr;
}

/** What sockets want of packets beside their protocol: raw sockets, ping sockets. */
export interface RawSockets {
  /** Gives clones to whoever wants them; whether somebody did. */
  receive(skb: SkBuff, ns: NetNamespace): boolean;
  error(about: IcmpErrorAbout, type: number, code: number, info: number): void;
}

/** Netlink tells those who watch (`ip monitor`). Each call comes after the change. */
export interface RtnlNotifier {
  link(action: "new" | "del", dev: NetDevice): void;
  address(action: "new" | "del", dev: NetDevice, address: InAddress): void;
  address6(action: "new" | "del", dev: NetDevice, address: Ipv6Address): void;
  route(action: "new" | "del", ns: NetNamespace, route: FibRoute): void;
  neighbour(action: "new" | "del", neigh: AnyNeighbour): void;
  route6(action: "new" | "del", ns: NetNamespace, route: Ipv6Route): void;
  rule(action: "new" | "del", ns: NetNamespace, rule: FibRule): void;
  fdb(action: "new" | "del", bridge: BridgeDevice, entry: FdbEntry): void;
}

/** Options at level SOL_IP that netfilter answers: its tables, SO_ORIGINAL_DST (nf_register_sockopt). Linux asks it for what IP does not know. */
export interface NetfilterOptions {
  /** Undefined: none of its options. Errors: EPERM, and its own. */
  get(task: Task, sock: InetSock, option: number, argument: string | undefined): SocketOption | undefined;
  /** False: none of its options. */
  set(task: Task, sock: InetSock, option: number, value: SocketOption): boolean;
}

/** Parts of the stack that others reach without importing them. Filled in by `net.ts`. */
export interface NetWiring {
  /** In the order of their priority. */
  readonly notifiers: readonly NetdevNotifier[];
  /** By EtherType. */
  readonly packetTypes: ReadonlyMap<number, (skb: SkBuff, dev: NetDevice) => void>;
  /** By IPPROTO_…. */
  readonly inetProtocols: ReadonlyMap<number, InetProtocol>;
  /** The same for IPv6. */
  readonly inet6Protocols?: ReadonlyMap<number, InetProtocol>;
  /** Raw sockets see what is delivered here before its protocol does; ping sockets the answers to echos. */
  readonly raw?: RawSockets;
  readonly ping?: RawSockets;
  readonly netfilterOptions?: NetfilterOptions;
}

export class NetCore {
  readonly softnet: Softnet;
  /** Namespaces that have not ended, in the order of their birth. The first is the initial one. */
  readonly namespaces = new Set<NetNamespace>();
  /** Grows with every change of a device, an address, a route or a neighbour anywhere: who has seen this version need not look again. */
  version = 0;
  /** Set by `net.ts`. */
  rtnl: RtnlNotifier | undefined;
  /** The handle given out last to a qdisc that had none. */
  qdiscHandle = 0;
  private packetId = 0;

  constructor(
    readonly system: System,
    readonly wiring: NetWiring,
    receive: (skb: SkBuff) => void,
  ) {
    this.softnet = new Softnet(system.sched, receive);
  }

  get initNs(): NetNamespace {
    const [first] = this.namespaces;
    return first as NetNamespace;
  }

  nextPacketId(): number {
    return ++this.packetId;
  }

  /** kfree_skb_reason(): frees a packet that goes no further. */
  drop(skb: SkBuff, ns: NetNamespace, dev: NetDevice | undefined, reason: DropReason): void {
    const { trace } = this.system;
    if (trace.packets) trace.emit({ name: "kfree_skb", ns: ns.ino, dev: dev?.name ?? "", reason, packet: tracedPacket(skb) });
    skb.free();
  }

  /** consume_skb(): frees a packet that has arrived. */
  consume(skb: SkBuff, ns: NetNamespace, dev: NetDevice | undefined): void {
    const { trace } = this.system;
    if (trace.packets) trace.emit({ name: "kfree_skb", ns: ns.ino, dev: dev?.name ?? "", reason: "CONSUMED", packet: tracedPacket(skb) });
    skb.free();
  }
}

export function tracedPacket(skb: SkBuff): TracedPacket {
  const { eth, network, transport, id } = skb;
  const shown: { -readonly [K in keyof TracedPacket]: TracedPacket[K] } = { id, length: skb.length + (eth === undefined ? 0 : 14) };
  if (eth !== undefined) {
    shown.ethType = eth.type;
    shown.macSrc = eth.src;
    shown.macDst = eth.dst;
  }
  if (network.kind === "arp") {
    shown.arpOp = network.op;
    shown.ipSrc = network.senderIp;
    shown.ipDst = network.targetIp;
  } else if (network.kind === "ipv4") {
    shown.ipSrc = network.src;
    shown.ipDst = network.dst;
    shown.ttl = network.ttl;
    shown.protocol = network.protocol;
    shown.payloadBytes = skb.payload.length;
  } else if (network.kind === "ipv6") {
    shown.ip6Src = formatIpv6(groupsOfIp6(network.src));
    shown.ip6Dst = formatIpv6(groupsOfIp6(network.dst));
    shown.ttl = network.ttl;
    shown.protocol = network.protocol;
    shown.payloadBytes = skb.payload.length;
  }
  if (transport.kind === "tcp" || transport.kind === "udp") {
    shown.srcPort = transport.srcPort;
    shown.dstPort = transport.dstPort;
  }
  if (transport.kind === "tcp") {
    shown.tcpFlags = transport.flags;
    shown.tcpSeq = transport.seq;
    shown.tcpAck = transport.ack;
  } else if (transport.kind === "icmp") {
    shown.icmpType = transport.type;
    shown.icmpCode = transport.code;
    shown.icmpId = transport.id;
    shown.icmpSeq = transport.sequence;
  }
  return shown;
}
