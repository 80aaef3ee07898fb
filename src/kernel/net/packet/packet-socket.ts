/**
 * Packet sockets: packet(7), Linux `net/packet/af_packet.c`: whole frames as devices send and receive them. SOCK_RAW with the link header, SOCK_DGRAM without.
 * The protocol of socket(2) is in host order here, as in PacketAddress. Left out: filters, rings, fanout.
 */

import { CAP_NET_RAW } from "../../../abi/capability.ts";
import {
  EADDRNOTAVAIL,
  EAGAIN,
  EINVAL,
  EMSGSIZE,
  ENETDOWN,
  ENODEV,
  ENOPROTOOPT,
  ENOTCONN,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  type Errno,
  ESOCKTNOSUPPORT,
} from "../../../abi/errno.ts";
import { POLLERR, POLLIN, POLLOUT } from "../../../abi/poll.ts";
import { ARPHRD_ETHER, ARPHRD_LOOPBACK } from "../../../abi/rtnetlink.ts";
import {
  AF_PACKET,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_PEEK,
  MSG_TRUNC,
  type PacketAddress,
  SO_BROADCAST,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
  type SocketAddress,
  type SocketOption,
} from "../../../abi/socket.ts";
import {
  PACKET_ADD_MEMBERSHIP,
  PACKET_DROP_MEMBERSHIP,
  PACKET_HOST,
  PACKET_MR_ALLMULTI,
  PACKET_MR_PROMISC,
  PACKET_OUTGOING,
  PACKET_STATISTICS,
  type PacketMreq,
  SO_PRIORITY,
  SO_RCVBUFFORCE,
  SO_TIMESTAMP,
} from "../../../abi/sockopt.ts";
import type { Wait } from "../../../abi/sys.ts";
import type { IoctlRequest } from "../../../abi/termios.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import { nsCapable } from "../../ns/user.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import { realtimeAt, type System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import { devQueueXmit, frameLength, setPromiscuity } from "../dev.ts";
import { ETH_HLEN, type NetDevice } from "../device.ts";
import type { NetdevNotifier } from "../core.ts";
import { type NetNamespace, netNsOf, netPart, type PacketTap } from "../net-namespace.ts";
import { SkBuff } from "../skb.ts";
import { type Creds, NOBODY, type Received, SocketFile, type SocketFamily } from "../socket.ts";
import { netSetting } from "../sysctl.ts";
import { weigh } from "../unix-message.ts";
import { readFrameInto, readNetworkInto, writeFrame, writeNetwork } from "../wire.ts";

interface Captured {
  readonly skb: SkBuff;
  readonly dev: NetDevice;
  readonly atNs: number;
  readonly weight: number;
}

const packetPart = netPart("packet", () => new Set<PacketSocket>());
export const packetSockets = (ns: NetNamespace): ReadonlySet<PacketSocket> => ns.part(packetPart);

export class PacketSocket extends SocketFile {
  readonly ns: NetNamespace;
  readonly uid: number;
  ifindex = 0;
  /** Bytes that the queue weighs. */
  rmem = 0;
  private readonly queue: Captured[] = [];
  private readonly wait = new WaitQueue();
  private readonly memberships: PacketMreq[] = [];
  private packets = 0;
  private drops = 0;
  private timestamp = false;
  private timeoutNs = Number.POSITIVE_INFINITY;
  /** How devices know it. */
  private readonly tap: PacketTap;

  constructor(
    system: System,
    type: number,
    public protocol: number,
    flags: number,
    task: Task,
  ) {
    super(system, AF_PACKET, type, flags, task);
    this.ns = netNsOf(task);
    this.ns.get();
    this.ns.part(packetPart).add(this);
    this.uid = task.cred.fsuid;
    this.rcvbuf = netSetting(this.ns, "core/rmem_default");
    const socket = this;
    this.tap = {
      get ifindex() {
        return socket.ifindex;
      },
      get protocol() {
        return socket.protocol;
      },
      receive: (skb, dev) => socket.capture(skb, dev),
    };
    this.listenNow();
  }

  /** It hears what it is bound to, if to anything (register_prot_hook). */
  private listenNow(): void {
    const dev = this.ns.devices.get(this.ifindex);
    const hears = this.protocol !== 0 && (this.ifindex === 0 || dev?.up === true);
    if (hears) this.ns.taps.add(this.tap);
    else this.ns.taps.delete(this.tap);
  }

  get running(): boolean {
    return this.ns.taps.has(this.tap);
  }

  // ── Names ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Errors: EINVAL, ENODEV. */
  bind(_task: Task, addr: SocketAddress): void {
    if (addr.family !== AF_PACKET) throw EINVAL;
    const dev = addr.ifindex === 0 ? undefined : this.ns.devices.get(addr.ifindex);
    if (addr.ifindex !== 0 && dev === undefined) throw ENODEV;
    this.ifindex = addr.ifindex;
    if (addr.protocol !== 0) this.protocol = addr.protocol;
    this.listenNow();
    if (dev !== undefined && !dev.up) this.fail(ENETDOWN);
  }

  private fail(error: Errno): void {
    this.error = error;
    this.wait.wake();
  }

  listen(): void {
    throw EOPNOTSUPP;
  }

  accept(): MaySleep<SocketFile> {
    throw EOPNOTSUPP;
  }

  connect(): void {
    throw EOPNOTSUPP;
  }

  shutdown(): void {
    throw EOPNOTSUPP;
  }

  sockname(): SocketAddress {
    return addressOf(this.ns.devices.get(this.ifindex), this.ifindex, this.protocol, PACKET_HOST, undefined);
  }

  peername(): SocketAddress {
    throw EOPNOTSUPP;
  }

  peernameOrUnnamed(): SocketAddress {
    throw ENOTCONN;
  }

  protected get listening(): boolean {
    return false;
  }

  protected get peerCreds(): Creds {
    return NOBODY;
  }

  // ── Packets ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A device has sent or received it; the clone is ours. */
  private capture(skb: SkBuff, dev: NetDevice): void {
    // What it sends itself it does not see.
    if (skb.pkttype === PACKET_OUTGOING && skb.sk === this) return;
    const weight = weigh(frameLength(skb), false);
    this.packets++;
    if (this.rmem + weight > this.rcvbuf) {
      this.drops++;
      return;
    }
    this.rmem += weight;
    this.queue.push({ skb, dev, atNs: this.system.sched.clockNs, weight });
    this.wait.wake();
  }

  send(_task: Task, buf: Uint8Array, _flags: number, to: SocketAddress | undefined): number {
    if (to !== undefined && to.family !== AF_PACKET) throw EINVAL;
    const ifindex = to !== undefined && to.ifindex !== 0 ? to.ifindex : this.ifindex;
    const dev = this.ns.devices.get(ifindex);
    if (dev === undefined) throw ENXIO;
    if (!dev.up) throw ENETDOWN;
    const raw = this.type === SOCK_RAW;
    if (buf.length > dev.mtu + (raw ? ETH_HLEN : 0)) throw EMSGSIZE;
    const skb = new SkBuff();
    skb.id = this.ns.core.nextPacketId();
    skb.dev = dev;
    skb.sk = this;
    const bytes = buf.slice();
    if (raw) {
      if (readFrameInto(skb, bytes) === undefined) throw EINVAL;
    } else {
      const type = to?.protocol ?? this.protocol;
      skb.eth = { dst: to?.mac ?? 0, src: dev.mac, type };
      readNetworkInto(skb, type, bytes);
    }
    this.ns.core.softnet.run(() => devQueueXmit(skb));
    return buf.length;
  }

  receive(task: Task, buf: Uint8Array, flags: number): MaySleep<Received> {
    if ((flags & MSG_ERRQUEUE) !== 0) throw EAGAIN;
    const got = this.tryReceive(buf, flags);
    if (got !== undefined) return got;
    if (this.nonblock(flags)) throw EAGAIN;
    return new Blocked(this.receiveSlowly(task, buf, flags | MSG_DONTWAIT));
  }

  private *receiveSlowly(task: Task, buf: Uint8Array, flags: number): Generator<Wait, Received, void> {
    const deadline = Number.isFinite(this.timeoutNs) ? task.sched.clockNs + this.timeoutNs : Number.POSITIVE_INFINITY;
    for (;;) {
      const why = yield* task.sched.sleep([this.wait], deadline);
      const got = this.tryReceive(buf, flags);
      if (got !== undefined) return got;
      if (why === "timeout") throw EAGAIN;
    }
  }

  private tryReceive(buf: Uint8Array, flags: number): Received | undefined {
    const error = this.takeError();
    if (error !== undefined) throw error;
    const captured = this.queue[0];
    if (captured === undefined) return undefined;
    if ((flags & MSG_PEEK) === 0) {
      this.queue.shift();
      this.rmem -= captured.weight;
    }
    const { skb, dev, atNs } = captured;
    // Bytes are made for those alone who read them.
    const bytes = this.type === SOCK_RAW ? writeFrame(skb) : writeNetwork(skb);
    const n = Math.min(bytes.length, buf.length);
    buf.set(bytes.subarray(0, n));
    return {
      ...{ length: (flags & MSG_TRUNC) !== 0 ? bytes.length : n, files: [], flags: n < bytes.length ? MSG_TRUNC : 0 },
      from: addressOf(dev, dev.ifindex, skb.eth?.type ?? 0, skb.pkttype, skb.eth?.src),
      ...(this.timestamp ? { control: { timestamp: realtimeAt(this.system, atNs) } } : {}),
    };
  }

  override ioctl(_caller: Caller, request: IoctlRequest): MaySleep<unknown> {
    if (request !== "FIONREAD") throw EINVAL;
    const first = this.queue[0];
    return first === undefined ? 0 : frameLength(first.skb) - (this.type === SOCK_RAW ? 0 : ETH_HLEN);
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.wait);
    return POLLOUT | (this.queue.length > 0 ? POLLIN : 0) | (this.error !== undefined ? POLLERR : 0);
  }

  // ── Options ────────────────────────────────────────────────────────────────────────────────────────────────────────

  override getsockopt(task: Task, level: number, option: number): SocketOption {
    if (level === SOL_PACKET) {
      if (option !== PACKET_STATISTICS) throw ENOPROTOOPT;
      const stats = { packets: this.packets, drops: this.drops };
      this.packets = 0;
      this.drops = 0;
      return stats;
    }
    if (level !== SOL_SOCKET) throw ENOPROTOOPT;
    if (option === SO_PROTOCOL) return this.protocol;
    if (option === SO_TIMESTAMP) return this.timestamp ? 1 : 0;
    if (option === SO_RCVTIMEO) return Number.isFinite(this.timeoutNs) ? this.timeoutNs : 0;
    return super.getsockopt(task, level, option);
  }

  override setsockopt(task: Task, level: number, option: number, value: SocketOption): void {
    if (level === SOL_PACKET) {
      if (typeof value !== "object" || !("ifindex" in value) || !("type" in value)) throw option <= 2 ? EINVAL : ENOPROTOOPT;
      if (option === PACKET_ADD_MEMBERSHIP) this.join(value);
      else if (option === PACKET_DROP_MEMBERSHIP) this.leave(value);
      else throw ENOPROTOOPT;
      return;
    }
    if (level !== SOL_SOCKET) throw ENOPROTOOPT;
    if (option === SO_TIMESTAMP) this.timestamp = value !== 0;
    else if (option === SO_RCVTIMEO && typeof value === "number") this.timeoutNs = value === 0 ? Number.POSITIVE_INFINITY : value;
    else if ((option === SO_RCVBUF || option === SO_RCVBUFFORCE) && typeof value === "number") {
      const most = option === SO_RCVBUF ? netSetting(this.ns, "core/rmem_max") : 0x3fffffff;
      this.rcvbuf = Math.max(2_304, 2 * Math.min(Math.max(0, value), most));
    } else if (option !== SO_BROADCAST && option !== SO_REUSEADDR && option !== SO_PRIORITY) super.setsockopt(task, level, option, value);
  }

  private join(request: PacketMreq): void {
    const dev = this.ns.devices.get(request.ifindex);
    if (dev === undefined) throw ENODEV;
    this.memberships.push({ ifindex: request.ifindex, type: request.type });
    if (request.type === PACKET_MR_PROMISC) setPromiscuity(dev, 1);
    else if (request.type === PACKET_MR_ALLMULTI) dev.allmulti++;
  }

  private leave(request: PacketMreq): void {
    const at = this.memberships.findIndex((m) => m.ifindex === request.ifindex && m.type === request.type);
    if (at < 0) throw EADDRNOTAVAIL;
    this.memberships.splice(at, 1);
    this.give(request);
  }

  private give(request: PacketMreq): void {
    const dev = this.ns.devices.get(request.ifindex);
    if (dev === undefined) return;
    if (request.type === PACKET_MR_PROMISC) setPromiscuity(dev, -1);
    else if (request.type === PACKET_MR_ALLMULTI) dev.allmulti--;
  }

  // ── Devices and the end ────────────────────────────────────────────────────────────────────────────────────────────

  /** packet_notifier(). */
  deviceChanged(what: "up" | "down" | "unregister", dev: NetDevice): void {
    if (what === "unregister") for (const m of this.memberships.splice(0)) if (m.ifindex !== dev.ifindex) this.memberships.push(m);
    if (dev.ifindex !== this.ifindex) return;
    if (what === "up") this.listenNow();
    else {
      if (this.running) this.fail(ENETDOWN);
      this.ns.taps.delete(this.tap);
      if (what === "unregister") this.ifindex = -1;
    }
  }

  protected override release(): void {
    this.ns.taps.delete(this.tap);
    this.ns.part(packetPart).delete(this);
    for (const request of this.memberships.splice(0)) this.give(request);
    this.queue.length = 0;
    super.release();
    this.ns.put();
  }
}

function addressOf(dev: NetDevice | undefined, ifindex: number, protocol: number, pkttype: number, mac: number | undefined): PacketAddress {
  const hatype = dev === undefined ? 0 : dev.isLoopback ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
  return { family: AF_PACKET, ifindex, protocol, hatype, pkttype, mac: mac ?? dev?.mac ?? 0 };
}

/** Packet sockets are told of their devices. */
export const packetEvent: NetdevNotifier = (event, dev) => {
  if (event !== "up" && event !== "down" && event !== "unregister") return;
  for (const socket of [...packetSockets(dev.ns)]) socket.deviceChanged(event, dev);
};

/** AF_PACKET, as a row of the families' table. */
export const packetFamily: SocketFamily = {
  create(system, task, type, protocol, flags) {
    const ns = netNsOf(task);
    if (!nsCapable(task.cred, ns.userNs, CAP_NET_RAW)) throw EPERM;
    if (type !== SOCK_RAW && type !== SOCK_DGRAM) throw ESOCKTNOSUPPORT;
    return new PacketSocket(system, type, protocol & 0xffff, flags, task);
  },
  pair() {
    throw EOPNOTSUPP;
  },
};
