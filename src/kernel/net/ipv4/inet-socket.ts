/**
 * Sockets of AF_INET as files: what TCP, UDP, raw and ping sockets share. Names, options of SOL_SOCKET and SOL_IP: socket(7), ip(7), Linux
 * `net/ipv4/af_inet.c`, `ip_sockglue.c`, `net/core/sock.c`.
 */

import { CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_NET_RAW } from "../../../abi/capability.ts";
import {
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EDOM,
  EINVAL,
  ENETUNREACH,
  ENODEV,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  type Errno,
} from "../../../abi/errno.ts";
import {
  AF_INET,
  AF_INET6,
  type InetAddress,
  type Linger,
  SO_BINDTODEVICE,
  SO_BROADCAST,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_MARK,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDTIMEO,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_IP,
  SOL_SOCKET,
  type SocketAddress,
  type SocketOption,
} from "../../../abi/socket.ts";
import {
  IPV6_MTU,
  IPV6_MTU_DISCOVER,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_RECVERR,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  SOL_IPV6,
  IP_ADD_MEMBERSHIP,
  IP_BIND_ADDRESS_NO_PORT,
  IP_DROP_MEMBERSHIP,
  IP_FREEBIND,
  IP_HDRINCL,
  IP_MTU,
  IP_MTU_DISCOVER,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_PKTINFO,
  IP_RECVERR,
  IP_RECVTTL,
  IP_TOS,
  IP_TTL,
  type IpMreqn,
  SO_DONTROUTE,
  SO_OOBINLINE,
  SO_PRIORITY,
  SO_RCVBUFFORCE,
  SO_RCVLOWAT,
  SO_SNDBUFFORCE,
  SO_TIMESTAMP,
} from "../../../abi/sockopt.ts";
import { nsCapable } from "../../ns/user.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import { type Creds, NOBODY, SocketFile } from "../socket.ts";
import { netSetting } from "../sysctl.ts";
import { deviceOfIp6 } from "../ipv6/addresses.ts";
import { groupsOfIp6, IN6_ANY, ip6Of, type IpAddr, isLinkLocal6, isMapped, isMulticast6, mappedGroups, needsScope } from "../ipv6/ip6.ts";
import { inetAddrType } from "./fib-lookup.ts";
import type { InetSock } from "./inet-sock.ts";
import { joinGroup, leaveGroup, leaveGroups } from "./multicast.ts";
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST } from "./route-types.ts";

/** SOCK_MIN_RCVBUF, SOCK_MIN_SNDBUF. */
const MIN_RCVBUF = 2_304;
const MIN_SNDBUF = 4_608;
/** No route is told to carry more, whatever its device says. */
export const IP_MAX_MTU = 0xffff;
/** Numbers of options from here on are netfilter's (IPT_BASE_CTL). */
const NETFILTER_OPTIONS = 64;

export const inetAddress = (addr: number, port: number): InetAddress => ({ family: AF_INET, addr, port });

const NO_GROUPS: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0];

/** One end of a connection, or of a message. */
export interface InetEnd {
  readonly addr: IpAddr;
  readonly port: number;
  readonly oif: number;
}

/** Errors: EAFNOSUPPORT. */
export function requireInet(addr: SocketAddress, error: Errno = EAFNOSUPPORT): InetAddress {
  if (addr.family !== AF_INET) throw error;
  return addr;
}

export abstract class InetSocket extends SocketFile {
  abstract readonly sock: InetSock;
  /** SO_RCVTIMEO, SO_SNDTIMEO; Infinity: none. */
  protected receiveTimeoutNs = Number.POSITIVE_INFINITY;
  protected sendTimeoutNs = Number.POSITIVE_INFINITY;
  protected linger: Linger = { on: false, seconds: 0 };
  private oobInline = 0;
  private dontRoute = 0;
  protected rcvLowat = 1;
  private bindNoPort = false;

  constructor(system: System, type: number, flags: number, owner: Task, family: number = AF_INET) {
    super(system, family, type, flags, owner);
  }

  // ── Addresses of its family ────────────────────────────────────────────────────────────────────────────────────────

  /** An address as programs see it: sockets of IPv6 call IPv4's mapped. `ifindex`: where a link-local one is valid. */
  protected nameOf(addr: IpAddr, port: number, ifindex = this.sock.boundDev): SocketAddress {
    if (this.domain === AF_INET) return inetAddress(addr as number, port);
    if (typeof addr === "string") {
      return { family: AF_INET6, addr: groupsOfIp6(addr), port, scopeId: needsScope(addr) ? ifindex : 0 };
    }
    return { family: AF_INET6, addr: addr === 0 ? NO_GROUPS : mappedGroups(addr), port, scopeId: 0 };
  }

  /** One end as a program names it; `oif`: the device that goes with it, 0 for none. Errors: EAFNOSUPPORT, ENETUNREACH for IPv4 with IPV6_V6ONLY. */
  protected endOf(addr: SocketAddress, error: Errno = EAFNOSUPPORT): InetEnd {
    if (this.domain === AF_INET) {
      const { addr: ip, port } = requireInet(addr, error);
      return { addr: ip, port, oif: this.sock.boundDev };
    }
    if (addr.family !== AF_INET6) throw error;
    const { port } = addr;
    if (isMapped(addr.addr)) {
      if (this.sock.v6only) throw ENETUNREACH;
      return { addr: (((addr.addr[6] ?? 0) << 16) | (addr.addr[7] ?? 0)) >>> 0, port, oif: this.sock.boundDev };
    }
    const ip6 = ip6Of(addr.addr);
    if (ip6 === IN6_ANY) return { addr: 0, port, oif: this.sock.boundDev };
    const { boundDev } = this.sock;
    if (!needsScope(ip6) || addr.scopeId === 0) return { addr: ip6, port, oif: boundDev };
    if (boundDev !== 0 && boundDev !== addr.scopeId) throw EINVAL;
    return { addr: ip6, port, oif: addr.scopeId };
  }

  /** As endOf, for the end of a connection: a link-local one binds it to the device. Errors: EINVAL without one. */
  protected peerOf(addr: SocketAddress, error?: Errno): InetEnd {
    const end = this.endOf(addr, error);
    if (typeof end.addr === "string" && needsScope(end.addr)) {
      if (end.oif === 0) throw EINVAL;
      this.sock.boundDev = end.oif;
    }
    return end;
  }

  protected get peerCreds(): Creds {
    return NOBODY;
  }

  /** Does network work; what it has set on its way is delivered before it returns. */
  protected work<T>(body: () => T): T {
    const { softnet } = this.sock.ns.core;
    softnet.begin();
    try {
      return body();
    } finally {
      softnet.end();
    }
  }

  override takeError(): Errno | undefined {
    return this.sock.takeError();
  }

  // ── Names ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether it can still be bound. */
  protected abstract get fresh(): boolean;

  /** inet_bind(). Errors: EADDRNOTAVAIL, EACCES, EINVAL, EADDRINUSE. */
  bind(task: Task, addr: SocketAddress): void {
    const { addr: ip, port, oif } = this.endOf(addr);
    const { sock } = this;
    this.requireLocal(ip, oif);
    if (port !== 0 && port < netSetting(sock.ns, "ipv4/ip_unprivileged_port_start")) {
      if (!nsCapable(task.cred, sock.ns.owner ?? task.cred.userNs, CAP_NET_BIND_SERVICE)) throw EACCES;
    }
    if (!this.fresh || sock.localPort !== 0) throw EINVAL;
    const type = typeof ip === "number" ? inetAddrType(sock.ns, ip) : isMulticast6(ip) ? RTN_MULTICAST : RTN_LOCAL;
    if (typeof ip === "string" && needsScope(ip)) sock.boundDev = oif;
    sock.rcvSaddr = ip;
    sock.saddr = ip === 0 || type === RTN_MULTICAST || type === RTN_BROADCAST ? 0 : ip;
    if (port !== 0 || !this.bindNoPort) {
      try {
        sock.takePort(port);
      } catch (e) {
        sock.saddr = 0;
        sock.rcvSaddr = 0;
        throw e;
      }
    }
    sock.addressLocked = ip !== 0;
    sock.portLocked = port !== 0;
    sock.forgetRoute();
  }

  /** Errors: EADDRNOTAVAIL for what is no address of this host. */
  protected requireLocal(ip: IpAddr, oif = this.sock.boundDev): void {
    const { sock } = this;
    if (typeof ip === "string") {
      if (isLinkLocal6(ip) && oif === 0) throw EINVAL;
      if (isMulticast6(ip) || sock.freebind || netSetting(sock.ns, "ipv6/ip_nonlocal_bind") !== 0) return;
      if (deviceOfIp6(sock.ns, ip, oif === 0 ? undefined : sock.ns.devices.get(oif)) === undefined) throw EADDRNOTAVAIL;
      return;
    }
    if (ip === 0 || sock.freebind || netSetting(sock.ns, "ipv4/ip_nonlocal_bind") !== 0) return;
    const dev = sock.boundDev === 0 ? undefined : sock.ns.devices.get(sock.boundDev);
    const type = inetAddrType(sock.ns, ip, dev);
    if (type !== RTN_LOCAL && type !== RTN_MULTICAST && type !== RTN_BROADCAST) throw EADDRNOTAVAIL;
  }

  sockname(): SocketAddress {
    const { rcvSaddr, saddr, shownPort } = this.sock;
    return this.nameOf(rcvSaddr !== 0 ? rcvSaddr : saddr, shownPort);
  }

  peername(): SocketAddress {
    const { daddr, remotePort } = this.sock;
    if (remotePort === 0) throw ENOTCONN;
    return this.nameOf(daddr, remotePort);
  }

  peernameOrUnnamed(): SocketAddress {
    return this.nameOf(this.sock.daddr, this.sock.remotePort);
  }

  // ── Options ────────────────────────────────────────────────────────────────────────────────────────────────────────

  override getsockopt(task: Task, level: number, option: number, argument?: string): SocketOption {
    if (level === SOL_SOCKET) return this.getSocketOption(task, option);
    if (level === SOL_IP) return this.getIpOption(task, option, argument);
    if (level === SOL_IPV6 && this.domain === AF_INET6) return this.getIp6Option(option);
    throw EOPNOTSUPP;
  }

  private getSocketOption(task: Task, option: number): SocketOption {
    const { sock } = this;
    switch (option) {
      case SO_PROTOCOL:
        return sock.protocol;
      case SO_KEEPALIVE: {
        const keepalive = this.getKeepalive();
        return keepalive === undefined ? super.getsockopt(task, SOL_SOCKET, option) : keepalive ? 1 : 0;
      }
      case SO_REUSEADDR:
        return sock.reuseAddr ? 1 : 0;
      case SO_REUSEPORT:
        return sock.reusePort ? 1 : 0;
      case SO_BROADCAST:
        return sock.broadcast ? 1 : 0;
      case SO_SNDBUF:
        return this.getBuffer("sndbuf");
      case SO_RCVBUF:
        return this.getBuffer("rcvbuf");
      case SO_MARK:
        return sock.mark;
      case SO_PRIORITY:
        return sock.priority;
      case SO_RCVLOWAT:
        return this.rcvLowat;
      case SO_LINGER:
        return this.linger;
      case SO_OOBINLINE:
        return this.oobInline;
      case SO_DONTROUTE:
        return this.dontRoute;
      case SO_TIMESTAMP:
        return sock.timestamp ? 1 : 0;
      case SO_RCVTIMEO:
        return Number.isFinite(this.receiveTimeoutNs) ? this.receiveTimeoutNs : 0;
      case SO_SNDTIMEO:
        return Number.isFinite(this.sendTimeoutNs) ? this.sendTimeoutNs : 0;
      case SO_BINDTODEVICE:
        return sock.ns.devices.get(sock.boundDev)?.name ?? "";
      default:
        return super.getsockopt(task, SOL_SOCKET, option);
    }
  }

  override setsockopt(task: Task, level: number, option: number, value: SocketOption): void {
    if (level === SOL_SOCKET) this.setSocketOption(task, option, value);
    else if (level === SOL_IP) this.setIpOption(task, option, value);
    else if (level === SOL_IPV6 && this.domain === AF_INET6) this.setIp6Option(option, value);
    else throw ENOPROTOOPT;
  }

  private setSocketOption(task: Task, option: number, value: SocketOption): void {
    if (option === SO_BINDTODEVICE) {
      this.bindToDevice(task, value);
      return;
    }
    if (option === SO_LINGER) {
      if (typeof value !== "object" || !("on" in value)) throw EINVAL;
      this.linger = value;
      return;
    }
    if (typeof value !== "number") throw EINVAL;
    this.setNumber(task, option, value);
  }

  private setNumber(task: Task, option: number, value: number): void {
    const { sock } = this;
    switch (option) {
      case SO_REUSEADDR:
        sock.reuseAddr = value !== 0;
        return;
      case SO_REUSEPORT:
        sock.reusePort = value !== 0;
        return;
      case SO_BROADCAST:
        sock.broadcast = value !== 0;
        return;
      case SO_SNDBUF:
        this.setBuffer("sndbuf", Math.max(MIN_SNDBUF, 2 * Math.min(value >>> 0, netSetting(sock.ns, "core/wmem_max"))));
        return;
      case SO_RCVBUF:
        this.setBuffer("rcvbuf", Math.max(MIN_RCVBUF, 2 * Math.min(value >>> 0, netSetting(sock.ns, "core/rmem_max"))));
        return;
      case SO_SNDBUFFORCE:
      case SO_RCVBUFFORCE:
        this.requireCapable(task, CAP_NET_ADMIN);
        if (option === SO_SNDBUFFORCE) this.setBuffer("sndbuf", Math.max(MIN_SNDBUF, 2 * Math.max(0, value)));
        else this.setBuffer("rcvbuf", Math.max(MIN_RCVBUF, 2 * Math.max(0, value)));
        return;
      case SO_MARK:
        if (!this.capable(task, CAP_NET_RAW)) this.requireCapable(task, CAP_NET_ADMIN);
        sock.mark = value >>> 0;
        sock.forgetRoute();
        return;
      case SO_PRIORITY:
        if (value < 0 || value > 6) this.requireCapable(task, CAP_NET_ADMIN);
        sock.priority = value;
        return;
      case SO_RCVLOWAT:
        this.rcvLowat = value < 0 ? 0x7fffffff : Math.max(1, value);
        return;
      case SO_OOBINLINE:
        this.oobInline = value !== 0 ? 1 : 0;
        return;
      case SO_DONTROUTE:
        this.dontRoute = value !== 0 ? 1 : 0;
        return;
      case SO_TIMESTAMP:
        sock.timestamp = value !== 0;
        return;
      case SO_RCVTIMEO:
        this.receiveTimeoutNs = timeoutOf(value);
        return;
      case SO_SNDTIMEO:
        this.sendTimeoutNs = timeoutOf(value);
        return;
      case SO_KEEPALIVE:
        this.setKeepalive(value !== 0);
        super.setsockopt(task, SOL_SOCKET, option, value);
        return;
      default:
        super.setsockopt(task, SOL_SOCKET, option, value);
    }
  }

  protected setKeepalive(_on: boolean): void {}

  /** What accept(2) hands on besides what the sock has: options that are kept here (sk_clone_lock). */
  protected inherit(from: InetSocket): void {
    this.linger = from.linger;
    this.receiveTimeoutNs = from.receiveTimeoutNs;
    this.sendTimeoutNs = from.sendTimeoutNs;
    this.rcvLowat = from.rcvLowat;
    this.oobInline = from.oobInline;
    this.dontRoute = from.dontRoute;
  }

  protected getKeepalive(): boolean | undefined {
    return undefined;
  }

  protected getBuffer(which: "sndbuf" | "rcvbuf"): number {
    return this.sock[which];
  }

  protected setBuffer(which: "sndbuf" | "rcvbuf", bytes: number): void {
    this.sock[which] = bytes;
    if (which === "sndbuf") this.sock.wakeWriters();
  }

  protected capable(task: Task, capability: number): boolean {
    return nsCapable(task.cred, this.sock.ns.owner ?? task.cred.userNs, capability);
  }

  protected requireCapable(task: Task, capability: number): void {
    if (!this.capable(task, capability)) throw EPERM;
  }

  /** SO_BINDTODEVICE: once without privilege, never again without. */
  private bindToDevice(task: Task, value: SocketOption): void {
    if (typeof value !== "string") throw EINVAL;
    const { sock } = this;
    if (sock.boundDev !== 0) this.requireCapable(task, CAP_NET_RAW);
    const dev = value === "" ? undefined : sock.ns.findDevice(value);
    if (value !== "" && dev === undefined) throw ENODEV;
    sock.boundDev = dev?.ifindex ?? 0;
    sock.forgetRoute();
  }

  private getIpOption(task: Task, option: number, argument: string | undefined): SocketOption {
    const { sock } = this;
    const { ns } = sock;
    switch (option) {
      case IP_TTL:
        return sock.ttl >= 0 ? sock.ttl : netSetting(ns, "ipv4/ip_default_ttl");
      case IP_TOS:
        return sock.tos;
      case IP_MTU_DISCOVER:
        return sock.pmtudisc;
      case IP_MTU:
        if (!this.routed) throw ENOTCONN;
        return Math.min(sock.routeTo(sock.daddr).mtu, IP_MAX_MTU);
      case IP_HDRINCL:
        return sock.hdrincl ? 1 : 0;
      case IP_RECVERR:
        return sock.recvErr ? 1 : 0;
      case IP_RECVTTL:
        return sock.recvTtl ? 1 : 0;
      case IP_PKTINFO:
        return sock.recvPktinfo ? 1 : 0;
      case IP_FREEBIND:
        return sock.freebind ? 1 : 0;
      case IP_BIND_ADDRESS_NO_PORT:
        return this.bindNoPort ? 1 : 0;
      case IP_MULTICAST_TTL:
        return sock.multicastTtl;
      case IP_MULTICAST_LOOP:
        return sock.multicastLoop ? 1 : 0;
      default:
        return this.getNetfilterOption(task, option, argument);
    }
  }

  private getNetfilterOption(task: Task, option: number, argument: string | undefined): SocketOption {
    const value = this.sock.ns.core.wiring.netfilterOptions?.get(task, this.sock, option, argument);
    if (value === undefined) throw ENOPROTOOPT;
    return value;
  }

  private setIpOption(task: Task, option: number, value: SocketOption): void {
    if (option >= NETFILTER_OPTIONS && this.sock.ns.core.wiring.netfilterOptions?.set(task, this.sock, option, value) === true) return;
    if (option === IP_ADD_MEMBERSHIP || option === IP_DROP_MEMBERSHIP || option === IP_MULTICAST_IF) {
      if (typeof value !== "object" || !("group" in value)) throw EINVAL;
      this.setMulticast(option, value);
      return;
    }
    if (typeof value !== "number") throw EINVAL;
    this.setIpNumber(task, option, value);
  }

  private setMulticast(option: number, request: IpMreqn): void {
    const { sock } = this;
    if (option === IP_ADD_MEMBERSHIP) this.work(() => joinGroup(sock, request));
    else if (option === IP_DROP_MEMBERSHIP) this.work(() => leaveGroup(sock, request));
    else {
      if (request.ifindex !== 0 && !sock.ns.devices.has(request.ifindex)) throw EADDRNOTAVAIL;
      sock.multicastDev = request.ifindex;
      sock.multicastAddr = request.address;
    }
  }

  private setIpNumber(_task: Task, option: number, value: number): void {
    const { sock } = this;
    const on = value !== 0;
    switch (option) {
      case IP_TTL:
        if (value !== -1 && (value < 1 || value > 255)) throw EINVAL;
        sock.ttl = value;
        return;
      case IP_TOS:
        // Of a stream the two bits of ECN are not the user's.
        sock.tos = this.type === SOCK_STREAM ? (value & 0xfc) | (sock.tos & 3) : value & 0xff;
        sock.forgetRoute();
        return;
      case IP_MTU_DISCOVER:
        if (value < 0 || value > 5) throw EINVAL;
        sock.pmtudisc = value;
        return;
      case IP_HDRINCL:
        if (!this.raw) throw ENOPROTOOPT;
        sock.hdrincl = on;
        return;
      case IP_RECVERR:
        sock.recvErr = on;
        return;
      case IP_RECVTTL:
        sock.recvTtl = on;
        return;
      case IP_PKTINFO:
        sock.recvPktinfo = on;
        return;
      case IP_FREEBIND:
        sock.freebind = on;
        return;
      case IP_BIND_ADDRESS_NO_PORT:
        this.bindNoPort = on;
        return;
      case IP_MULTICAST_TTL:
        if (value < -1 || value > 255) throw EINVAL;
        sock.multicastTtl = value === -1 ? 1 : value;
        return;
      case IP_MULTICAST_LOOP:
        sock.multicastLoop = on;
        return;
      default:
        throw ENOPROTOOPT;
    }
  }

  private getIp6Option(option: number): SocketOption {
    const { sock } = this;
    switch (option) {
      case IPV6_V6ONLY:
        return sock.v6only ? 1 : 0;
      case IPV6_UNICAST_HOPS:
        return sock.ttl >= 0 ? sock.ttl : 64;
      case IPV6_MULTICAST_HOPS:
        return sock.multicastTtl;
      case IPV6_TCLASS:
        return sock.tos;
      case IPV6_MTU:
        if (!this.routed) throw ENOTCONN;
        return Math.min(sock.routeTo(sock.daddr).mtu, IP_MAX_MTU);
      case IPV6_RECVERR:
        return sock.recvErr ? 1 : 0;
      default:
        throw ENOPROTOOPT;
    }
  }

  private setIp6Option(option: number, value: SocketOption): void {
    const { sock } = this;
    if (typeof value !== "number") throw EINVAL;
    switch (option) {
      case IPV6_V6ONLY:
        if (sock.localPort !== 0 && this.type !== SOCK_RAW) throw EINVAL;
        sock.v6only = value !== 0;
        return;
      case IPV6_UNICAST_HOPS:
        if (value < -1 || value > 255) throw EINVAL;
        sock.ttl = value;
        return;
      case IPV6_MULTICAST_HOPS:
        if (value < -1 || value > 255) throw EINVAL;
        sock.multicastTtl = value === -1 ? 1 : value;
        return;
      case IPV6_MULTICAST_IF:
        if (value !== 0 && !sock.ns.devices.has(value)) throw ENODEV;
        sock.multicastDev = value;
        return;
      case IPV6_TCLASS:
        sock.tos = value & 255;
        return;
      case IPV6_MTU_DISCOVER:
        if (value < 0 || value > 5) throw EINVAL;
        sock.pmtudisc = value;
        return;
      case IPV6_RECVERR:
        sock.recvErr = value !== 0;
        return;
      case IPV6_RECVHOPLIMIT:
        sock.recvTtl = value !== 0;
        return;
      case IPV6_RECVPKTINFO:
        sock.recvPktinfo = value !== 0;
        return;
      default:
        throw ENOPROTOOPT;
    }
  }

  protected get raw(): boolean {
    return false;
  }

  /** It knows its way: it is connected. */
  protected get routed(): boolean {
    return this.sock.daddr !== 0;
  }

  protected override release(): void {
    leaveGroups(this.sock);
    super.release();
  }
}

function timeoutOf(ns: number): number {
  if (ns < 0) throw EDOM;
  return ns === 0 ? Number.POSITIVE_INFINITY : ns;
}
