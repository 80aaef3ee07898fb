/** Ping sockets: SOCK_DGRAM with IPPROTO_ICMP, icmp(7): echos without privilege. The local "port" is the identifier. Linux `net/ipv4/ping.c`. */

import { EADDRINUSE, EAGAIN, EINVAL, EMSGSIZE, Errno } from "../../../abi/errno.ts";
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "../../../abi/inet.ts";
import { AF_INET, AF_INET6, SOCK_DGRAM } from "../../../abi/socket.ts";
import type { Cred } from "../../ns/user.ts";
import { toKernelId } from "../../ns/idmap.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { IcmpErrorAbout, RawSockets } from "../core.ts";
import { ipHeaderLength, localOut, newDatagramTo } from "../ipv6/either.ts";
import { ICMPV6_ECHO_REQUEST } from "../ipv6/icmp-types.ts";
import type { IpAddr } from "../ipv6/ip6.ts";
import { countType, mib6 } from "../ipv6/mib.ts";
import { type NetNamespace, netNsOf, netPart } from "../net-namespace.ts";
import { type IcmpHeader, SkBuff } from "../skb.ts";
import { netSettingNumbers } from "../sysctl.ts";
import { type IpHeader, writeTransport } from "../wire.ts";
import { DatagramSock, DatagramSocket } from "./datagram.ts";
import { ICMP_ECHO } from "./icmp-types.ts";
import type { SockOwner } from "./inet-sock.ts";
import type { InetEnd } from "./inet-socket.ts";
import { type PortOwner, PortTable } from "./ports.ts";

const pingPart = netPart("ping", () => ({ table: new PortTable<PingSock>(), next: 0 }));
export const pingTable = (ns: NetNamespace): PortTable<PingSock> => ns.part(pingPart).table;

const echoOf = (family: number): number => (family === AF_INET6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO);

/** A message of ICMP or ICMPv6 goes out. */
export function countIcmpOut(ns: NetNamespace, family: number, type: number): void {
  if (family === AF_INET6) {
    ns.part(mib6).icmp.OutMsgs++;
    countType(ns.part(mib6).outTypes, type);
    return;
  }
  const { icmp } = ns.mib;
  icmp.outMsgs++;
  icmp.outTypes[type] = (icmp.outTypes[type] ?? 0) + 1;
}

/** Whether one of the groups of `cred` may make ping sockets (net.ipv4.ping_group_range). */
export function mayPing(ns: NetNamespace, cred: Cred): boolean {
  const [low = 1, high = 0] = netSettingNumbers(ns, "ipv4/ping_group_range");
  const userNs = ns.owner ?? cred.userNs;
  const bound = (gid: number): number | undefined => toKernelId(userNs, "gidMap", gid);
  const within = (gid: number): boolean => gid >= (bound(low) ?? low) && gid <= (bound(high) ?? high);
  return within(cred.egid) || cred.groups.some(within);
}

export class PingSock extends DatagramSock implements PortOwner {
  get protocol(): number {
    return this.family === AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
  }

  /** ping_get_port(). */
  takePort(wanted: number): void {
    const part = this.ns.part(pingPart);
    let ident = wanted;
    if (ident === 0) {
      for (let tries = 0; tries < 65_536 && ident === 0; tries++) {
        part.next = (part.next + 1) & 0xffff;
        if (part.next !== 0 && part.table.at(part.next).size === 0) ident = part.next;
      }
    } else for (const other of part.table.at(ident)) if (!this.reuseAddr || !other.reuseAddr) throw EADDRINUSE;
    if (ident === 0) throw EADDRINUSE;
    this.localPort = ident;
    part.table.add(ident, this);
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
    pingTable(this.ns).remove(this.localPort, this);
    this.localPort = 0;
  }

  wants(src: IpAddr, dst: IpAddr, ifindex: number): boolean {
    if (!this.acceptsDevice(ifindex) || !this.hears(dst) || (typeof dst === "string") !== (this.family === AF_INET6)) return false;
    return !this.connected || this.daddr === src;
  }

  protected override errorBytes(about: IcmpErrorAbout): Uint8Array {
    const skb = new SkBuff();
    skb.network = about.ip;
    skb.transport = about.transport;
    skb.payload = about.payload;
    return writeTransport(skb);
  }
}

export class PingSocket extends DatagramSocket {
  readonly sock: PingSock;

  constructor(system: System, flags: number, task: Task, family: number = AF_INET) {
    super(system, SOCK_DGRAM, flags, task, family);
    const owner: SockOwner = { uid: task.cred.fsuid };
    this.sock = new PingSock(netNsOf(task), owner);
    this.sock.family = family;
    this.sock.v6only = family === AF_INET6;
    this.sock.reuseAddr = true;
    this.sock.ino = this.inode.ino;
    this.sock.holdNs(task);
  }

  protected override checkMessage(buf: Uint8Array): void {
    if (buf.length < 8) throw EINVAL;
    if (buf[0] !== echoOf(this.domain) || buf[1] !== 0) throw EINVAL;
    if (buf.length > 65_507 + 8) throw EMSGSIZE;
  }

  protected transmit(_task: Task, buf: Uint8Array, to: InetEnd): void {
    const { sock } = this;
    const { ns } = sock;
    const route = this.routeFor(to);
    this.requireFits(buf.length + ipHeaderLength(to.addr), route, to);
    this.requireSendable();
    const sequence = ((buf[6] as number) << 8) | (buf[7] as number);
    const type = echoOf(this.domain);
    const header: IcmpHeader = { kind: "icmp", type, code: 0, id: sock.localPort, sequence };
    const dontFragment = sock.dontFragment(buf.length + 20, route.mtu);
    const options = { protocol: sock.protocol, ttl: sock.ttlFor(route), tos: sock.tos, dontFragment, id: sock.takeDatagramId() };
    const skb = newDatagramTo(ns, route, sock.saddr, to.addr, options, header, buf.slice(8));
    skb.mark = sock.mark;
    sock.charge(skb);
    countIcmpOut(ns, this.domain, type);
    this.throwIf(localOut(ns, skb));
  }

  protected dropped(): void {}
}

/** What ICMP shows to ping sockets: answers to echos, errors about them. */
export const pingSockets: RawSockets = {
  receive(skb, ns) {
    const header = skb.transport as IcmpHeader;
    const ip = skb.network as IpHeader;
    for (const sock of pingTable(ns).at(header.id)) {
      if (!sock.wants(ip.src, ip.dst, skb.iif)) continue;
      sock.deliver(skb, writeTransport(skb), 0);
      return true;
    }
    return false;
  },
  error(about, type, code, info) {
    const { ns, ip, transport } = about;
    if (transport.kind !== "icmp" || transport.type !== echoOf(ip.kind === "ipv6" ? AF_INET6 : AF_INET)) return;
    for (const sock of pingTable(ns).at(transport.id)) {
      if (sock.wants(ip.dst, ip.src, 0)) {
        sock.icmpError(about, type, code, info);
        return;
      }
    }
  },
};
