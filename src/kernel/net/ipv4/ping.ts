/** Ping sockets: SOCK_DGRAM with IPPROTO_ICMP, icmp(7): echos without privilege. The local "port" is the identifier. Linux `net/ipv4/ping.c`. */

import { EADDRINUSE, EAGAIN, EINVAL, EMSGSIZE, Errno } from "../../../abi/errno.ts";
import { IPPROTO_ICMP } from "../../../abi/inet.ts";
import { SOCK_DGRAM } from "../../../abi/socket.ts";
import type { Cred } from "../../ns/user.ts";
import { toKernelId } from "../../ns/idmap.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { IcmpErrorAbout, RawSockets } from "../core.ts";
import { type NetNamespace, netNsOf, netPart } from "../net-namespace.ts";
import { type IcmpHeader, type Ipv4Header, SkBuff } from "../skb.ts";
import { netSettingNumbers } from "../sysctl.ts";
import { writeTransport } from "../wire.ts";
import { DatagramSock, DatagramSocket } from "./datagram.ts";
import { ICMP_ECHO } from "./icmp-types.ts";
import type { SockOwner } from "./inet-sock.ts";
import { ipLocalOut, newDatagram } from "./output.ts";
import { type PortOwner, PortTable } from "./ports.ts";

const pingPart = netPart("ping", () => ({ table: new PortTable<PingSock>(), next: 0 }));
export const pingTable = (ns: NetNamespace): PortTable<PingSock> => ns.part(pingPart).table;

/** Whether one of the groups of `cred` may make ping sockets (net.ipv4.ping_group_range). */
export function mayPing(ns: NetNamespace, cred: Cred): boolean {
  const [low = 1, high = 0] = netSettingNumbers(ns, "ipv4/ping_group_range");
  const userNs = ns.owner ?? cred.userNs;
  const bound = (gid: number): number | undefined => toKernelId(userNs, "gidMap", gid);
  const within = (gid: number): boolean => gid >= (bound(low) ?? low) && gid <= (bound(high) ?? high);
  return within(cred.egid) || cred.groups.some(within);
}

export class PingSock extends DatagramSock implements PortOwner {
  readonly protocol = IPPROTO_ICMP;

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

  wants(src: number, dst: number, ifindex: number): boolean {
    if (!this.acceptsDevice(ifindex) || (this.rcvSaddr !== 0 && this.rcvSaddr !== dst)) return false;
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

  constructor(system: System, flags: number, task: Task) {
    super(system, SOCK_DGRAM, flags, task);
    const owner: SockOwner = { uid: task.cred.fsuid };
    this.sock = new PingSock(netNsOf(task), owner);
    this.sock.reuseAddr = true;
    this.sock.ino = this.inode.ino;
    this.sock.holdNs(task);
  }

  protected override checkMessage(buf: Uint8Array): void {
    if (buf.length < 8) throw EINVAL;
    if (buf[0] !== ICMP_ECHO || buf[1] !== 0) throw EINVAL;
    if (buf.length > 65_507 + 8) throw EMSGSIZE;
  }

  protected transmit(_task: Task, buf: Uint8Array, to: { readonly addr: number; readonly port: number }): void {
    const { sock } = this;
    const { ns } = sock;
    const route = this.routeFor(to.addr);
    this.requireFits(buf.length + 20, route, to);
    this.requireSendable();
    const sequence = ((buf[6] as number) << 8) | (buf[7] as number);
    const header: IcmpHeader = { kind: "icmp", type: ICMP_ECHO, code: 0, id: sock.localPort, sequence };
    const dontFragment = sock.dontFragment(buf.length + 20, route.mtu);
    const options = { protocol: IPPROTO_ICMP, ttl: sock.ttlFor(route), tos: sock.tos, dontFragment, id: sock.takeDatagramId() };
    const skb = newDatagram(ns, route, sock.saddr, to.addr, options, header, buf.slice(8));
    skb.mark = sock.mark;
    sock.charge(skb);
    ns.mib.icmp.outMsgs++;
    ns.mib.icmp.outTypes[ICMP_ECHO] = (ns.mib.icmp.outTypes[ICMP_ECHO] ?? 0) + 1;
    this.throwIf(ipLocalOut(ns, skb));
  }

  protected dropped(): void {}
}

/** What ICMP shows to ping sockets: answers to echos, errors about them. */
export const pingSockets: RawSockets = {
  receive(skb, ns) {
    const header = skb.transport as IcmpHeader;
    const ip = skb.network as Ipv4Header;
    for (const sock of pingTable(ns).at(header.id)) {
      if (!sock.wants(ip.src, ip.dst, skb.iif)) continue;
      sock.deliver(skb, writeTransport(skb), 0);
      return true;
    }
    return false;
  },
  error(about, type, code, info) {
    const { ns, ip, transport } = about;
    if (transport.kind !== "icmp" || transport.type !== ICMP_ECHO) return;
    for (const sock of pingTable(ns).at(transport.id)) {
      if (sock.wants(ip.dst, ip.src, 0)) {
        sock.icmpError(about, type, code, info);
        return;
      }
    }
  },
};
