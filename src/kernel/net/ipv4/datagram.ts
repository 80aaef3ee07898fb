/**
 * Sockets that receive packets one by one: what UDP, raw and ping sockets share. Queues and their limits, errors that ICMP tells, readiness, blocking.
 * Linux `net/core/datagram.c`, `net/ipv4/datagram.c`, `ip_sockglue.c`.
 */

import {
  EACCES,
  EAGAIN,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  type Errno,
} from "../../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from "../../../abi/poll.ts";
import { AF_UNSPEC, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC, SHUT_RDWR, type SocketAddress } from "../../../abi/socket.ts";
import {
  type ControlData,
  type ExtendedError,
  IP_PMTUDISC_DO,
  IP_PMTUDISC_DONT,
  IP_PMTUDISC_PROBE,
  SO_EE_ORIGIN_ICMP,
  SO_EE_ORIGIN_ICMP6,
  SO_EE_ORIGIN_LOCAL,
} from "../../../abi/sockopt.ts";
import type { Wait } from "../../../abi/sys.ts";
import type { IoctlRequest } from "../../../abi/termios.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import type { WaitQueue } from "../../sched/wait-queue.ts";
import { realtimeAt } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { File } from "../../vfs/file.ts";
import type { IcmpErrorAbout } from "../core.ts";
import type { AnyRoute } from "../ipv6/either.ts";
import { convertIcmp6Error, ICMPV6_PKT_TOOBIG } from "../ipv6/icmp-types.ts";
import { groupsOfIp6, type IpAddr } from "../ipv6/ip6.ts";
import { mib6 } from "../ipv6/mib.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { SkBuff } from "../skb.ts";
import type { Received, SocketFile } from "../socket.ts";
import { weigh } from "../unix-message.ts";
import type { IpHeader } from "../wire.ts";
import { convertIcmpError } from "./icmp-errors.ts";
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED } from "./icmp-types.ts";
import { InetSock, RCV_SHUTDOWN, SEND_SHUTDOWN } from "./inet-sock.ts";
import { type InetEnd, InetSocket } from "./inet-socket.ts";
import { RTN_BROADCAST } from "./route-types.ts";

/** Headroom and headers that a datagram takes besides its bytes. */
const OVERHEAD = 76;

/** A packet in the receive queue. */
export interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: { readonly addr: IpAddr; readonly port: number };
  readonly ttl: number;
  readonly ifindex: number;
  readonly dst: IpAddr;
  readonly atNs: number;
  readonly weight: number;
}

interface QueuedError {
  readonly error: ExtendedError;
  readonly errno: Errno;
  /** Where the packet that failed was going, and what it carried. */
  readonly to: { readonly addr: IpAddr; readonly port: number };
  readonly bytes: Uint8Array;
}

/** Most errors that wait to be read; Linux counts them to the receive buffer. */
const ERRORS_MAX = 128;

export abstract class DatagramSock extends InetSock {
  readonly queue: Datagram[] = [];
  readonly errors: QueuedError[] = [];
  error: Errno | undefined;
  /** Bytes that the queue weighs, and that packets weigh which have not left this host. */
  rmem = 0;
  wmem = 0;
  /** connect(2) has set the other end. */
  connected = false;
  drops = 0;

  get hasError(): boolean {
    return this.error !== undefined;
  }

  takeError(): Errno | undefined {
    const { error } = this;
    this.error = undefined;
    return error;
  }

  get writable(): boolean {
    return this.wmem < this.sndbuf >> 1;
  }

  protected get bufferedBytes(): number {
    return this.rmem + this.wmem;
  }

  /** Queues what came. False, and it is lost, where the buffer is full. */
  deliver(skb: SkBuff, bytes: Uint8Array, port: number): boolean {
    const weight = weigh(bytes.length + OVERHEAD, false);
    // Linux tests before it adds: the last packet may exceed the limit.
    if (this.rmem > this.rcvbuf) {
      this.drops++;
      return false;
    }
    const ip = skb.network as IpHeader;
    this.rmem += weight;
    this.queue.push({
      ...{ bytes, from: { addr: ip.src, port }, ttl: ip.ttl, ifindex: skb.iif, dst: ip.dst },
      ...{ atNs: this.nowNs, weight },
    });
    this.chargeBuffers();
    this.wakeReaders();
    return true;
  }

  takeDatagram(): Datagram | undefined {
    const datagram = this.queue.shift();
    if (datagram === undefined) return undefined;
    this.rmem -= datagram.weight;
    this.chargeBuffers();
    return datagram;
  }

  /** Lets a packet of ours fill the send buffer until it has left. */
  charge(skb: SkBuff): void {
    const weight = weigh(skb.payload.length + OVERHEAD, false);
    this.wmem += weight;
    this.chargeBuffers();
    skb.sk = this;
    skb.destructor = () => {
      this.wmem -= weight;
      this.chargeBuffers();
      if (this.writable) this.wakeWriters();
    };
  }

  /** ip_icmp_error(), and sk_err. */
  icmpError(about: IcmpErrorAbout, type: number, code: number, info: number): void {
    const six = about.ip.kind === "ipv6";
    const converted = six ? convertIcmp6Error(type, code) : convertIcmpError(type, code);
    if (converted === undefined) return;
    let { fatal } = converted;
    if (six ? type === ICMPV6_PKT_TOOBIG : type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) {
      this.forgetRoute();
      fatal = this.pmtudisc !== IP_PMTUDISC_DONT;
      if (!fatal) return;
    }
    if (this.recvErr) {
      const { from } = about;
      const error: ExtendedError = {
        ...{ errno: converted.error.code, origin: six ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP, type, code, info },
        ...(typeof from === "number" ? { offender: from } : { offender: 0, offender6: groupsOfIp6(from) }),
      };
      this.queueError(error, converted.error, this.errorTarget(about), this.errorBytes(about));
      // Raw and ping sockets are told in any case.
      if (!this.reportsSoftErrors && !fatal && !this.connected) return;
    } else if (!fatal || !this.connected) return;
    this.error = converted.error;
    this.wakeReaders();
    this.wakeWriters();
  }

  protected get reportsSoftErrors(): boolean {
    return true;
  }

  protected errorTarget(about: IcmpErrorAbout): { addr: IpAddr; port: number } {
    return { addr: about.ip.dst, port: 0 };
  }

  protected errorBytes(about: IcmpErrorAbout): Uint8Array {
    return about.payload;
  }

  /** ip_local_error(): EMSGSIZE, with the MTU. */
  localError(errno: Errno, to: { addr: IpAddr; port: number }, info: number): void {
    if (!this.recvErr) return;
    this.queueError({ errno: errno.code, origin: SO_EE_ORIGIN_LOCAL, type: 0, code: 0, info, offender: 0 }, errno, to, new Uint8Array(0));
  }

  private queueError(error: ExtendedError, errno: Errno, to: { addr: IpAddr; port: number }, bytes: Uint8Array): void {
    if (this.errors.length >= ERRORS_MAX) return;
    this.errors.push({ error, errno, to, bytes });
    this.wakeReaders();
  }

  /** IP_DF of a datagram of this length: ip_dont_fragment(). */
  dontFragment(length: number, mtu: number): boolean {
    const { pmtudisc } = this;
    if (pmtudisc === IP_PMTUDISC_DO || pmtudisc === IP_PMTUDISC_PROBE) return true;
    return pmtudisc !== IP_PMTUDISC_DONT && length <= mtu;
  }

  takeDatagramId(): number {
    this.ns.ipId = (this.ns.ipId + 1) & 0xffff;
    return this.ns.ipId;
  }

  /** ip4_datagram_connect(). Errors: those of routes; EACCES for broadcasts without SO_BROADCAST. */
  connectTo(addr: IpAddr, port: number): void {
    this.forgetRoute();
    const dst = this.destination(addr);
    const route = this.routeTo(dst);
    if (route.type === RTN_BROADCAST && !this.broadcast) throw EACCES;
    if (this.saddr === 0) this.saddr = route.src;
    if (this.rcvSaddr === 0) this.rcvSaddr = route.src;
    this.daddr = dst;
    this.remotePort = port;
    this.connected = true;
    this.forgetRoute();
  }

  /** __udp_disconnect(). */
  disconnect(): void {
    this.connected = false;
    this.daddr = 0;
    this.remotePort = 0;
    if (!this.addressLocked) {
      this.saddr = 0;
      this.rcvSaddr = 0;
    }
    if (!this.portLocked) this.dropPort();
    this.forgetRoute();
  }
}

function countNoRoute(ns: NetNamespace, addr: IpAddr): void {
  if (typeof addr === "number") ns.mib.ip.outNoRoutes++;
  else ns.part(mib6).ip.OutNoRoutes++;
}

export abstract class DatagramSocket extends InetSocket {
  abstract override readonly sock: DatagramSock;

  protected get listening(): boolean {
    return false;
  }

  protected get fresh(): boolean {
    return !this.sock.connected;
  }

  listen(): void {
    throw EOPNOTSUPP;
  }

  accept(): MaySleep<SocketFile> {
    throw EOPNOTSUPP;
  }

  connect(_task: Task, addr: SocketAddress): MaySleep<void> {
    const { sock } = this;
    if (addr.family === AF_UNSPEC) {
      sock.disconnect();
      return;
    }
    sock.autobind();
    const { addr: ip, port } = this.peerOf(addr);
    sock.connectTo(ip, port);
  }

  override peername(): SocketAddress {
    if (!this.sock.connected) throw ENOTCONN;
    return super.peername();
  }

  /** inet_shutdown(): not connected is an error, but it counts. */
  shutdown(how: number): void {
    if (how < 0 || how > SHUT_RDWR) throw EINVAL;
    const { sock } = this;
    sock.shutdown |= how + 1;
    sock.wakeReaders();
    sock.wakeWriters();
    if (!sock.connected) throw ENOTCONN;
  }

  // ── Sending ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Checks a message before it is sent, and gives it its way. Errors: of the protocol. */
  protected abstract transmit(task: Task, buf: Uint8Array, to: InetEnd): void;

  /** Where a message goes that names no destination. Errors: EDESTADDRREQ. */
  protected target(to: SocketAddress | undefined): InetEnd {
    const { sock } = this;
    if (to !== undefined && to.family !== AF_UNSPEC) return this.endOf(to);
    if (!sock.connected) throw EDESTADDRREQ;
    return { addr: sock.daddr, port: sock.remotePort, oif: sock.boundDev };
  }

  send(task: Task, buf: Uint8Array, flags: number, to: SocketAddress | undefined, _files: readonly File[]): MaySleep<number> {
    const { sock } = this;
    sock.autobind();
    if (buf.length > 0xffff) throw EMSGSIZE;
    if ((flags & MSG_OOB) !== 0) throw EOPNOTSUPP;
    const asked = this.target(to);
    const target = { ...asked, addr: sock.destination(asked.addr) };
    this.checkMessage(buf, to === undefined ? undefined : asked);
    const full = (): boolean => sock.wmem >= sock.sndbuf;
    const go = (): number => {
      this.work(() => this.transmit(task, buf, target));
      return buf.length;
    };
    if (!full() || sock.error !== undefined || (sock.shutdown & SEND_SHUTDOWN) !== 0) return go();
    if (this.nonblock(flags)) throw EAGAIN;
    const deadline = Number.isFinite(this.sendTimeoutNs) ? task.sched.clockNs + this.sendTimeoutNs : Number.POSITIVE_INFINITY;
    return new Blocked(
      (function* (): Generator<Wait, number, void> {
        while (full() && sock.error === undefined) if ((yield* task.sched.sleep([sock.writeWait], deadline)) === "timeout") throw EAGAIN;
        return go();
      })(),
    );
  }

  /** Tests a message, and the destination where one was given. */
  protected checkMessage(_buf: Uint8Array, _to: { readonly port: number } | undefined): void {}

  /** sock_alloc_send_skb(): what went wrong before is told now. Called when all else is in order. */
  protected requireSendable(): void {
    const { sock } = this;
    const error = sock.takeError();
    if (error !== undefined) throw error;
    // Without SIGPIPE: that is for streams.
    if ((sock.shutdown & SEND_SHUTDOWN) !== 0) throw EPIPE;
  }

  /** Errors: EACCES for broadcasts without SO_BROADCAST, those of routes. */
  protected routeFor({ addr, oif }: InetEnd): AnyRoute {
    const { sock } = this;
    try {
      const route = sock.routeTo(addr, sock.saddr, oif);
      if (route.type === RTN_BROADCAST && !sock.broadcast) throw EACCES;
      return route;
    } catch (e) {
      if (e === ENETUNREACH) countNoRoute(sock.ns, addr);
      throw e;
    }
  }

  /** Errors: EMSGSIZE for what may not be cut and does not fit. */
  protected requireFits(length: number, route: AnyRoute, to: { readonly addr: IpAddr; readonly port: number }): void {
    const { sock } = this;
    if (length <= route.mtu || (sock.pmtudisc !== IP_PMTUDISC_DO && sock.pmtudisc !== IP_PMTUDISC_PROBE)) return;
    sock.localError(EMSGSIZE, to, route.mtu);
    throw EMSGSIZE;
  }

  protected throwIf(error: Errno | undefined): void {
    // A rule that drops says EPERM; other losses are told only to those who ask for errors.
    if (error !== undefined) throw error;
  }

  // ── Receiving ──────────────────────────────────────────────────────────────────────────────────────────────────────

  receive(task: Task, buf: Uint8Array, flags: number): MaySleep<Received> {
    if ((flags & MSG_OOB) !== 0) throw EOPNOTSUPP;
    if ((flags & MSG_ERRQUEUE) !== 0) return this.receiveError(buf);
    const got = this.tryReceive(buf, flags);
    if (got !== undefined) return got;
    if (this.nonblock(flags)) throw EAGAIN;
    if ((this.sock.shutdown & RCV_SHUTDOWN) !== 0) return { length: 0, files: [], flags: 0 };
    return new Blocked(this.receiveSlowly(task, buf, flags | MSG_DONTWAIT));
  }

  private *receiveSlowly(task: Task, buf: Uint8Array, flags: number): Generator<Wait, Received, void> {
    const { sock } = this;
    const deadline = Number.isFinite(this.receiveTimeoutNs) ? task.sched.clockNs + this.receiveTimeoutNs : Number.POSITIVE_INFINITY;
    for (;;) {
      const why = yield* task.sched.sleep([sock.readWait], deadline);
      const got = this.tryReceive(buf, flags);
      if (got !== undefined) return got;
      if ((sock.shutdown & RCV_SHUTDOWN) !== 0) return { length: 0, files: [], flags: 0 };
      if (why === "timeout") throw EAGAIN;
    }
  }

  private tryReceive(buf: Uint8Array, flags: number): Received | undefined {
    const { sock } = this;
    const error = sock.takeError();
    if (error !== undefined) throw error;
    const datagram = (flags & MSG_PEEK) !== 0 ? sock.queue[0] : sock.takeDatagram();
    if (datagram === undefined) return undefined;
    const { bytes, from } = datagram;
    const n = Math.min(bytes.length, buf.length);
    buf.set(n === bytes.length ? bytes : bytes.subarray(0, n));
    const cut = n < bytes.length ? MSG_TRUNC : 0;
    const control = this.controlOf(datagram);
    return {
      ...{
        length: (flags & MSG_TRUNC) !== 0 ? bytes.length : n,
        files: [],
        flags: cut,
        from: this.nameOf(from.addr, from.port, datagram.ifindex),
      },
      ...(control === undefined ? {} : { control }),
    };
  }

  private controlOf(datagram: Datagram): ControlData | undefined {
    const { sock } = this;
    if (!sock.recvTtl && !sock.recvPktinfo && !sock.timestamp) return undefined;
    return {
      ...(sock.recvTtl ? { ttl: datagram.ttl } : {}),
      ...(sock.recvPktinfo ? { pktinfo: { ifindex: datagram.ifindex, addr: typeof datagram.dst === "number" ? datagram.dst : 0 } } : {}),
      ...(sock.timestamp ? { timestamp: realtimeAt(this.system, datagram.atNs) } : {}),
    };
  }

  /** ip_recv_error(). */
  private receiveError(buf: Uint8Array): Received {
    const { sock } = this;
    const queued = sock.errors.shift();
    if (queued === undefined) throw EAGAIN;
    const n = Math.min(buf.length, queued.bytes.length);
    buf.set(queued.bytes.subarray(0, n));
    const next = sock.errors[0];
    sock.error = next?.errno;
    return {
      ...{ length: n, files: [], from: this.nameOf(queued.to.addr, queued.to.port) },
      flags: MSG_ERRQUEUE | (n < queued.bytes.length ? MSG_TRUNC : 0),
      control: { error: queued.error },
    };
  }

  override ioctl(_caller: Caller, request: IoctlRequest): MaySleep<unknown> {
    if (request !== "FIONREAD") throw EINVAL;
    return this.sock.queue[0]?.bytes.length ?? 0;
  }

  /** datagram_poll(). */
  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    const { sock } = this;
    queues?.push(sock.readWait, sock.writeWait);
    let mask = 0;
    if (sock.error !== undefined || sock.errors.length > 0) mask |= POLLERR;
    if ((sock.shutdown & RCV_SHUTDOWN) !== 0) mask |= POLLIN | POLLRDHUP;
    if (sock.shutdown === (RCV_SHUTDOWN | SEND_SHUTDOWN)) mask |= POLLHUP;
    if (sock.queue.length > 0) mask |= POLLIN;
    if (sock.writable) mask |= POLLOUT;
    return mask;
  }

  protected override release(): void {
    const { sock } = this;
    sock.queue.length = 0;
    sock.rmem = 0;
    sock.chargeBuffers();
    sock.dropPort();
    this.dropped();
    super.release();
    sock.releaseNs();
  }

  /** It is closed: it leaves the table of its protocol. */
  protected abstract dropped(): void;
}
