/** Raw sockets: raw(7), Linux `net/ipv4/raw.c`. They see packets for this host before the protocol does, and send any. */

import { EINVAL, EMSGSIZE, type Errno } from "../../../abi/errno.ts";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_RAW } from "../../../abi/inet.ts";
import { AF_INET, AF_INET6, SOCK_RAW, type SocketAddress, type SocketOption } from "../../../abi/socket.ts";
import { ICMP_FILTER, SOL_RAW } from "../../../abi/sockopt.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { IcmpErrorAbout, RawSockets } from "../core.ts";
import { type AnyRoute, ipHeaderLength, localOut, newPacketTo } from "../ipv6/either.ts";
import { type IpAddr, needsScope } from "../ipv6/ip6.ts";
import { type NetNamespace, netNsOf, netPart } from "../net-namespace.ts";
import { SkBuff } from "../skb.ts";
import { type IpHeader, readIpv4, readTransport, writeIpv4, writeTransport } from "../wire.ts";
import { DatagramSock, DatagramSocket } from "./datagram.ts";
import type { SockOwner } from "./inet-sock.ts";
import type { InetEnd } from "./inet-socket.ts";
import { newPacket } from "./output.ts";
import { countIcmpOut } from "./ping.ts";
import type { Route } from "./route-types.ts";

const rawPart = netPart("raw", () => new Set<RawSock>());
export const rawSocks = (ns: NetNamespace): ReadonlySet<RawSock> => ns.part(rawPart);

export class RawSock extends DatagramSock {
  /** Bits of ICMP types that it does not want. */
  icmpFilter = 0;

  constructor(
    ns: NetNamespace,
    owner: SockOwner,
    readonly protocol: number,
  ) {
    super(ns, owner);
    this.localPort = protocol;
    this.hdrincl = protocol === IPPROTO_RAW;
    this.reuseAddr = true;
    ns.part(rawPart).add(this);
  }

  autobind(): void {}
  takePort(): void {}

  /** Dissolving its connection takes it out of the table for good: so does Linux. */
  dropPort(): void {
    this.localPort = 0;
    this.leave();
  }

  leave(): void {
    this.ns.part(rawPart).delete(this);
  }

  wants(ip: IpHeader, ifindex: number): boolean {
    if (this.protocol !== ip.protocol || !this.acceptsDevice(ifindex)) return false;
    if ((ip.kind === "ipv6") !== (this.family === AF_INET6)) return false;
    return this.hears(ip.dst) && (this.daddr === 0 || this.daddr === ip.src);
  }

  protected override errorBytes(about: IcmpErrorAbout): Uint8Array {
    const skb = new SkBuff();
    skb.network = about.ip;
    skb.transport = about.transport;
    skb.payload = about.payload;
    return this.hdrincl ? writeIpv4(skb) : writeTransport(skb);
  }

  /** Sends what follows the IP header. */
  sendPayload(route: AnyRoute, dst: IpAddr, bytes: Uint8Array): Errno | undefined {
    const { ns } = this;
    const skb = newPacketTo(ns, route, this.saddr, dst, {
      protocol: this.protocol,
      ttl: this.ttlFor(route),
      tos: this.tos,
      dontFragment: this.dontFragment(bytes.length + ipHeaderLength(dst), route.mtu),
      id: this.takeDatagramId(),
    });
    const read = readTransport(bytes, skb.network as IpHeader);
    skb.transport = read.transport;
    skb.payload = read.payload;
    // The checksum of ICMPv6 is the kernel's.
    skb.corrupt = !read.valid && this.protocol !== IPPROTO_ICMPV6;
    this.count(skb);
    return this.sendPacket(skb);
  }

  /** raw_send_hdrinc(): the user has written the IP header. Errors: EINVAL for none. */
  sendWhole(route: Route, bytes: Uint8Array): Errno | undefined {
    const read = readIpv4(bytes);
    if (read === undefined) throw EINVAL;
    const { ns } = this;
    const skb = newPacket(ns, route, 0, 0, { protocol: 0, ttl: 0, tos: 0, dontFragment: true });
    // "IP checksum: always filled in. Source address: filled in when zero. Packet ID: filled in when zero. Total length: always filled in."
    const src = read.ip.src !== 0 ? read.ip.src : route.src;
    skb.network = { ...read.ip, src, id: read.ip.id !== 0 ? read.ip.id : this.takeDatagramId() };
    skb.transport = read.transport;
    skb.payload = read.payload;
    const whole = readTransport(bytes.subarray(((bytes[0] as number) & 15) * 4), skb.network);
    skb.corrupt = !whole.valid;
    this.count(skb);
    return this.sendPacket(skb);
  }

  private count(skb: SkBuff): void {
    if (skb.transport.kind !== "icmp") return;
    countIcmpOut(this.ns, this.family, skb.transport.type);
  }

  private sendPacket(skb: SkBuff): Errno | undefined {
    skb.mark = this.mark;
    this.charge(skb);
    return localOut(this.ns, skb);
  }
}

export class RawSocket extends DatagramSocket {
  readonly sock: RawSock;

  constructor(system: System, protocol: number, flags: number, task: Task, family: number = AF_INET) {
    super(system, SOCK_RAW, flags, task, family);
    this.sock = new RawSock(netNsOf(task), { uid: task.cred.fsuid }, protocol);
    this.sock.family = family;
    this.sock.v6only = family === AF_INET6;
    this.sock.ino = this.inode.ino;
    this.sock.holdNs(task);
  }

  protected override get raw(): boolean {
    return true;
  }

  /** raw_bind(): an address alone. */
  override bind(_task: Task, addr: SocketAddress): void {
    const { sock } = this;
    if (sock.connected) throw EINVAL;
    const { addr: ip, oif } = this.endOf(addr, EINVAL);
    this.requireLocal(ip, oif);
    if (typeof ip === "string" && needsScope(ip)) sock.boundDev = oif;
    sock.rcvSaddr = ip;
    sock.saddr = ip;
    sock.forgetRoute();
  }

  protected transmit(_task: Task, buf: Uint8Array, to: InetEnd): void {
    const { sock } = this;
    const route = this.routeFor(to);
    if (sock.hdrincl) {
      if (buf.length > route.mtu) {
        sock.localError(EMSGSIZE, to, route.mtu);
        throw EMSGSIZE;
      }
      if (buf.length < 20) throw EINVAL;
      this.requireSendable();
      this.throwIf(sock.sendWhole(route as Route, buf.slice()));
      return;
    }
    this.requireFits(buf.length + ipHeaderLength(to.addr), route, to);
    // As in Linux, here nothing asks whether something is wrong with the socket.
    this.throwIf(sock.sendPayload(route, to.addr, buf.slice()));
  }

  override getsockopt(task: Task, level: number, option: number, argument?: string): SocketOption {
    if (level === SOL_RAW && option === ICMP_FILTER && this.sock.protocol === IPPROTO_ICMP) return this.sock.icmpFilter;
    return super.getsockopt(task, level, option, argument);
  }

  override setsockopt(task: Task, level: number, option: number, value: SocketOption): void {
    if (level === SOL_RAW && option === ICMP_FILTER && this.sock.protocol === IPPROTO_ICMP && typeof value === "number") {
      this.sock.icmpFilter = value >>> 0;
    } else super.setsockopt(task, level, option, value);
  }

  protected dropped(): void {
    this.sock.leave();
  }
}

/** What IPv4 shows to raw sockets. */
export const rawSockets: RawSockets = {
  receive(skb, ns) {
    const socks = rawSocks(ns);
    if (socks.size === 0) return false;
    const ip = skb.network as IpHeader;
    let heard = false;
    let bytes: Uint8Array | undefined;
    for (const sock of socks) {
      if (!sock.wants(ip, skb.iif)) continue;
      heard = true;
      const { transport } = skb;
      if (ip.protocol === IPPROTO_ICMP && transport.kind === "icmp" && transport.type < 32 && ((sock.icmpFilter >>> transport.type) & 1) !== 0) continue; // biome-ignore format: one line
      // IPv6 shows what follows its header.
      bytes ??= ip.kind === "ipv6" ? writeTransport(skb) : writeIpv4(skb);
      sock.deliver(skb, bytes, 0);
    }
    return heard;
  },
  error(about, type, code, info) {
    const { ip, ns } = about;
    const turned: IpHeader = ip.kind === "ipv4" ? { ...ip, src: ip.dst, dst: ip.src } : { ...ip, src: ip.dst, dst: ip.src };
    for (const sock of rawSocks(ns)) if (sock.wants(turned, 0)) sock.icmpError(about, type, code, info);
  },
};
