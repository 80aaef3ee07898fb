/** UDP: udp(7), RFC 768, Linux `net/ipv4/udp.c`. */

import { EADDRINUSE, EAGAIN, EINVAL, Errno } from "../../../abi/errno.ts";
import { IPPROTO_UDP } from "../../../abi/inet.ts";
import { AF_INET, SOCK_DGRAM } from "../../../abi/socket.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { IcmpErrorAbout, InetProtocol } from "../core.ts";
import { PACKET_HOST } from "../device.ts";
import { ipHeaderLength, localOut, newDatagramTo } from "../ipv6/either.ts";
import { icmp6Send } from "../ipv6/icmp.ts";
import { ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH } from "../ipv6/icmp-types.ts";
import { type IpAddr, isMulticast6 } from "../ipv6/ip6.ts";
import { type NetNamespace, netNsOf, netPart } from "../net-namespace.ts";
import type { SkBuff } from "../skb.ts";
import { netSetting } from "../sysctl.ts";
import type { IpHeader } from "../wire.ts";
import { DatagramSock, DatagramSocket } from "./datagram.ts";
import { isMulticast } from "./fib-lookup.ts";
import { icmpSend } from "./icmp.ts";
import { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH } from "./icmp-types.ts";
import type { SockOwner } from "./inet-sock.ts";
import { transportMib } from "./mib.ts";
import type { InetEnd } from "./inet-socket.ts";
import { findPort, type PortOwner, PortTable, udpConflict } from "./ports.ts";
import { RTN_BROADCAST, RTN_MULTICAST } from "./route-types.ts";

export class UdpTable {
  readonly ports = new PortTable<UdpSock>();
  /** In the order of their birth. */
  readonly socks = new Set<UdpSock>();
}

const udpPart = netPart("udp", () => new UdpTable());
export const udpTable = (ns: NetNamespace): UdpTable => ns.part(udpPart);

const UDP_HEADER = 8;

export class UdpSock extends DatagramSock implements PortOwner {
  readonly protocol = IPPROTO_UDP;
  readonly mib;

  constructor(ns: NetNamespace, owner: SockOwner) {
    super(ns, owner);
    this.mib = ns.part(transportMib).udp;
  }

  takePort(wanted: number): void {
    const { ports, socks } = udpTable(this.ns);
    let port: number | undefined = wanted;
    if (wanted === 0) {
      const start = this.ns.system.random.next();
      port = findPort(this.ns, start >>> 1, (start & 1) as 0 | 1, (p) => !udpConflict(this, ports.at(p)));
    } else if (udpConflict(this, ports.at(wanted))) port = undefined;
    if (port === undefined) throw EADDRINUSE;
    this.localPort = port;
    ports.add(port, this);
    socks.add(this);
  }

  autobind(): void {
    if (this.localPort !== 0) return;
    try {
      this.takePort(0);
    } catch (e) {
      throw e instanceof Errno ? EAGAIN : e;
    }
  }

  dropPort(): void {
    if (this.localPort === 0) return;
    const table = udpTable(this.ns);
    table.ports.remove(this.localPort, this);
    table.socks.delete(this);
    this.localPort = 0;
  }

  /** How well a packet fits; -1: not at all (compute_score). */
  score(src: IpAddr, srcPort: number, dst: IpAddr, ifindex: number): number {
    if (!this.acceptsDevice(ifindex) || !this.hears(dst)) return -1;
    let score = this.boundDev !== 0 ? 2 : 0;
    // Of two that hear all addresses, one of the packet's own family goes first.
    if (typeof dst === "string" || this.family === AF_INET) score += 1;
    if (this.rcvSaddr !== 0) score += 8;
    if (this.connected) {
      if (this.daddr !== src || (this.remotePort !== 0 && this.remotePort !== srcPort)) return -1;
      score += 16;
    }
    return score;
  }

  protected override errorTarget(about: IcmpErrorAbout): { addr: IpAddr; port: number } {
    return { addr: about.ip.dst, port: about.transport.kind === "udp" ? about.transport.dstPort : 0 };
  }

  /** Sends a datagram. Errors: those of routes, EPERM by a rule. */
  sendTo(addr: IpAddr, port: number, bytes: Uint8Array, route = this.routeTo(addr)): void {
    const { ns } = this;
    const fits = this.dontFragment(bytes.length + UDP_HEADER + ipHeaderLength(addr), route.mtu);
    const options = { protocol: IPPROTO_UDP, ttl: this.ttlFor(route), tos: this.tos, dontFragment: fits, id: this.takeDatagramId() };
    const header = { kind: "udp", srcPort: this.localPort, dstPort: port } as const;
    const skb = newDatagramTo(ns, route, this.saddr, addr, options, header, bytes);
    skb.mark = this.mark;
    this.charge(skb);
    this.mib.OutDatagrams++;
    const error = localOut(ns, skb);
    if (error !== undefined) throw error;
  }
}

export class UdpSocket extends DatagramSocket {
  readonly sock: UdpSock;

  constructor(system: System, flags: number, task: Task, family: number = AF_INET) {
    super(system, SOCK_DGRAM, flags, task, family);
    this.sock = new UdpSock(netNsOf(task), { uid: task.cred.fsuid });
    this.sock.family = family;
    this.sock.v6only = family !== AF_INET && netSetting(this.sock.ns, "ipv6/bindv6only") !== 0;
    this.sock.ino = this.inode.ino;
    this.sock.holdNs(task);
  }

  protected override checkMessage(_buf: Uint8Array, to: { readonly port: number } | undefined): void {
    if (to?.port === 0) throw EINVAL;
  }

  protected transmit(_task: Task, buf: Uint8Array, to: InetEnd): void {
    const { sock } = this;
    const { addr } = to;
    const route = this.routeFor(to);
    this.requireFits(buf.length + UDP_HEADER + ipHeaderLength(addr), route, to);
    this.requireSendable();
    const group = typeof addr === "number" ? isMulticast(addr) : isMulticast6(addr);
    if (group && !sock.multicastLoop && route.local) sock.sendTo(addr, to.port, buf.slice(), { ...route, local: false });
    else sock.sendTo(addr, to.port, buf.slice(), route);
  }

  protected dropped(): void {}
}

// ── Coming in ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** __udp4_lib_lookup(): the socket that fits best; among equals (SO_REUSEPORT) by the sender's port. */
function lookup(ns: NetNamespace, src: IpAddr, srcPort: number, dst: IpAddr, dstPort: number, ifindex: number): UdpSock | undefined {
  let best = -1;
  let found: UdpSock[] = [];
  for (const sock of udpTable(ns).ports.at(dstPort)) {
    const score = sock.score(src, srcPort, dst, ifindex);
    if (score < 0 || score < best) continue;
    if (score > best) found = [];
    best = score;
    found.push(sock);
  }
  // Without SO_REUSEPORT the one that was bound last hears it.
  return found.length > 1 && found[0]?.reusePort === true ? found[(srcPort * 0x9e37) % found.length] : found[found.length - 1];
}

function udpReceive(skb: SkBuff, ns: NetNamespace): void {
  const { udp } = ns.part(transportMib);
  const header = skb.transport;
  const { dev } = skb;
  const route = skb.route ?? skb.route6;
  if (header.kind !== "udp" || skb.corrupt) {
    udp.InErrors++;
    if (skb.corrupt) udp.InCsumErrors++;
    ns.core.drop(skb, ns, dev, skb.corrupt ? "IP_CSUM" : "NOT_SPECIFIED");
    return;
  }
  const ip = skb.network as IpHeader;
  if (route?.type === RTN_BROADCAST || route?.type === RTN_MULTICAST) {
    deliverToAll(skb, ns, ip, header.srcPort, header.dstPort);
    return;
  }
  const sock = lookup(ns, ip.src, header.srcPort, ip.dst, header.dstPort, skb.iif);
  if (sock === undefined) {
    udp.NoPorts++;
    if (ip.kind === "ipv6") icmp6Send(ns, skb, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
    else if (skb.pkttype === PACKET_HOST) icmpSend(ns, skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
    ns.core.drop(skb, ns, dev, "NO_SOCKET");
    return;
  }
  queue(skb, ns, sock, header.srcPort);
  ns.core.consume(skb, ns, dev);
}

function queue(skb: SkBuff, ns: NetNamespace, sock: UdpSock, srcPort: number): void {
  const { udp } = ns.part(transportMib);
  if (sock.deliver(skb, skb.payload, srcPort)) udp.InDatagrams++;
  else {
    udp.RcvbufErrors++;
    udp.InErrors++;
  }
}

/** __udp4_lib_mcast_deliver(). */
function deliverToAll(skb: SkBuff, ns: NetNamespace, ip: IpHeader, srcPort: number, dstPort: number): void {
  let heard = false;
  for (const sock of udpTable(ns).ports.at(dstPort)) {
    if (sock.score(ip.src, srcPort, ip.dst, skb.iif) < 0) continue;
    heard = true;
    queue(skb, ns, sock, srcPort);
  }
  if (!heard) ns.part(transportMib).udp.IgnoredMulti++;
  ns.core.consume(skb, ns, skb.dev);
}

export const udpProtocol: InetProtocol = {
  receive: udpReceive,
  error(about, type, code, info) {
    const { ns, ip, transport } = about;
    if (transport.kind !== "udp") return;
    lookup(ns, ip.dst, transport.dstPort, ip.src, transport.srcPort, 0)?.icmpError(about, type, code, info);
  },
};
