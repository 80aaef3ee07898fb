/**
 * What all sockets above IPv4 and IPv6 have in common, whether a file stands before them or not: Linux `struct sock` and `struct inet_sock`. A socket of
 * TCP outlives its file; those of the world outside never have one.
 */

import type { Errno } from "../../../abi/errno.ts";
import { ENETUNREACH } from "../../../abi/errno.ts";
import { INADDR_LOOPBACK } from "../../../abi/inet.ts";
import { AF_INET } from "../../../abi/socket.ts";
import { IP_PMTUDISC_WANT } from "../../../abi/sockopt.ts";
import type { MemoryController } from "../../cgroup/memory.ts";
import { PAGE_SIZE, SOCKET_BUFFER } from "../../params.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import type { Task } from "../../task/task.ts";
import { type NetNamespace, netPart } from "../net-namespace.ts";
import { netSetting } from "../sysctl.ts";
import type { IcmpErrorAbout } from "../core.ts";
import { type AnyRoute, routeOf } from "../ipv6/either.ts";
import { IN6_LOOPBACK, type Ip6, type IpAddr, isMulticast6 } from "../ipv6/ip6.ts";
import { fibOf } from "./fib.ts";
import type { Membership } from "./multicast.ts";
import { routeOutput } from "./route.ts";
import { RTN_MULTICAST } from "./route-types.ts";

/** Bits of `shutdown`. */
export const RCV_SHUTDOWN = 1;
export const SEND_SHUTDOWN = 2;

/** Who made a socket: what `ss -e` and /proc/net show of it. */
export interface SockOwner {
  /** Kernel id; 0 for the kernel's own. */
  readonly uid: number;
}

const cookiePart = netPart("sock-cookie", () => ({ last: 0 }));

export abstract class InetSock {
  abstract readonly protocol: number;
  /** AF_INET6: it may hear and speak both, unless it is `v6only` (IPV6_V6ONLY). Set by who makes it. */
  family: number = AF_INET;
  v6only = false;
  /** What packets must be addressed to; 0: any. */
  rcvSaddr: IpAddr = 0;
  /** What it sends from; 0: as the route says. */
  saddr: IpAddr = 0;
  /** 0: none yet. */
  localPort = 0;
  daddr: IpAddr = 0;
  remotePort = 0;
  /** It was bound to an address or a port by bind(2), not on its own. */
  addressLocked = false;
  portLocked = false;
  /** SO_BINDTODEVICE: interface index, 0 for all. */
  boundDev = 0;
  reuseAddr = false;
  reusePort = false;
  broadcast = false;
  mark = 0;
  priority = 0;
  tos = 0;
  /** -1: the namespace's default. */
  ttl = -1;
  pmtudisc: number = IP_PMTUDISC_WANT;
  hdrincl = false;
  recvErr = false;
  recvTtl = false;
  recvPktinfo = false;
  timestamp = false;
  freebind = false;
  multicastTtl = 1;
  multicastLoop = true;
  multicastDev = 0;
  multicastAddr = 0;
  /** Groups that it has joined. Written by `multicast.ts`. */
  readonly memberships: Membership[] = [];
  shutdown = 0;
  sndbuf = SOCKET_BUFFER;
  rcvbuf = SOCKET_BUFFER;
  /** Tells it from all others of its namespace, of all times (SO_COOKIE). */
  readonly cookie: number;
  /** Inode number of its file; 0: none. */
  ino = 0;
  uid: number;
  readonly readWait = new WaitQueue();
  readonly writeWait = new WaitQueue();
  /** For sockets without a task: told of everything that wakes. */
  listener: (() => void) | undefined;
  private cachedRoute: { readonly route: AnyRoute; readonly generation: number; readonly dst: IpAddr } | undefined;
  private identification = 0;
  private held = false;
  /** Whom its buffers count for: those of a file only. Set with the file. */
  private memcg: MemoryController | undefined;
  private chargedBytes = 0;

  constructor(
    readonly ns: NetNamespace,
    owner: SockOwner,
  ) {
    this.uid = owner.uid;
    this.cookie = ++ns.part(cookiePart).last;
    this.sndbuf = netSetting(ns, "core/wmem_default");
    this.rcvbuf = netSetting(ns, "core/rmem_default");
  }

  /** What getsockname(2) says: a port that TCP has given back is still told (inet_sport, not inet_num). */
  get shownPort(): number {
    return this.localPort;
  }

  /** SO_ERROR, which is reported once. */
  abstract takeError(): Errno | undefined;
  abstract get hasError(): boolean;
  /** Gives it a local port if it has none. Errors: EAGAIN. */
  abstract autobind(): void;
  /** Takes a port, 0 for a free one. Errors: EADDRINUSE. */
  abstract takePort(port: number): void;
  /** inet_put_port(): gives the port back. */
  abstract dropPort(): void;

  /** It has a file, and with it its namespace and someone to pay for its buffers. */
  holdNs(task: Task): void {
    this.held = true;
    this.ns.get();
    this.memcg = task.cgroup.memcg;
  }

  /** Bytes in its buffers. */
  protected abstract get bufferedBytes(): number;

  /**
   * Charges its buffers, by pages (sk_mem_charge). Differs from Linux: a limit of the cgroup is not told to the sender by smaller windows; bytes
   * count, not the packets that they lie in.
   */
  chargeBuffers(): void {
    const { memcg } = this;
    if (memcg === undefined) return;
    const wanted = Math.ceil(this.bufferedBytes / PAGE_SIZE) * PAGE_SIZE;
    const more = wanted - this.chargedBytes;
    if (more === 0) return;
    this.chargedBytes = wanted;
    const { memory } = this.ns.system;
    if (more > 0) memory.force("sock", more, memcg);
    else memory.uncharge("sock", -more, memcg);
  }

  releaseNs(): void {
    if (!this.held) return;
    this.held = false;
    this.ns.put();
  }

  get nowNs(): number {
    return this.ns.system.sched.clockNs;
  }

  wakeReaders(): void {
    this.readWait.wake();
    this.listener?.();
  }

  wakeWriters(): void {
    this.writeWait.wake();
    this.listener?.();
  }

  /** Whether a packet that came in by this device, or by this master, may be for it. */
  acceptsDevice(ifindex: number): boolean {
    return this.boundDev === 0 || this.boundDev === ifindex;
  }

  /** Whether it hears what comes for this address. */
  hears(dst: IpAddr): boolean {
    if (this.rcvSaddr !== 0) return this.rcvSaddr === dst;
    return typeof dst === "number" ? this.family === AF_INET || !this.v6only : this.family !== AF_INET;
  }

  /** ip_route_output(): 0 as a destination is oneself. */
  destination(addr: IpAddr): IpAddr {
    if (addr !== 0) return addr;
    return this.saddr !== 0 ? this.saddr : this.family === AF_INET ? INADDR_LOOPBACK : IN6_LOOPBACK;
  }

  /** The way to `dst`. Errors: those of routes: ENETUNREACH, EHOSTUNREACH, EINVAL … */
  routeTo(dst: IpAddr, src = this.saddr, device = this.boundDev): AnyRoute {
    if (typeof dst === "string") return this.route6To(dst, src, device);
    if (typeof src === "string") throw ENETUNREACH;
    const { generation } = fibOf(this.ns);
    const cached = this.cachedRoute;
    // Path MTUs expire, and neighbours' devices go: the generation tells of all of that.
    if (cached !== undefined && cached.dst === dst && cached.generation === generation && src === this.saddr) return cached.route;
    const multicast = dst >>> 28 === 14;
    const oif = this.boundDev !== 0 ? this.boundDev : multicast ? this.multicastDev : 0;
    const from = src !== 0 ? src : multicast ? this.multicastAddr : 0;
    const route = routeOutput(this.ns, { dst, src: from, oif, iif: 0, mark: this.mark, tos: this.tos & 0x1c, anySource: this.freebind });
    if (src === this.saddr) this.cachedRoute = { route, generation: fibOf(this.ns).generation, dst };
    return route;
  }

  private route6To(dst: Ip6, src: IpAddr, device: number): AnyRoute {
    const generation = this.ns.version;
    const cached = this.cachedRoute;
    if (cached !== undefined && cached.dst === dst && cached.generation === generation && src === this.saddr && device === this.boundDev)
      return cached.route;
    const oif = device !== 0 ? device : isMulticast6(dst) ? this.multicastDev : 0;
    const route = routeOf(this.ns, { dst, src, oif, mark: this.mark, tos: this.tos });
    if (src === this.saddr && device === this.boundDev) this.cachedRoute = { route, generation, dst };
    return route;
  }

  forgetRoute(): void {
    this.cachedRoute = undefined;
  }

  ttlFor(route: AnyRoute): number {
    if (route.type === RTN_MULTICAST) return this.multicastTtl;
    // Options of IPv4 and IPv6 are one here; the device says what is usual.
    if (this.ttl < 0 && typeof route.src === "string") return route.dev.ip6?.conf.hop_limit ?? 64;
    return this.ttl >= 0 ? this.ttl : netSetting(this.ns, "ipv4/ip_default_ttl");
  }

  /** The identification of the next packet of a connected socket. */
  nextId(step = 1): number {
    const id = this.identification;
    this.identification = (id + step) & 0xffff;
    return id;
  }

  /** An ICMP error about a packet of this socket. */
  abstract icmpError(about: IcmpErrorAbout, type: number, code: number, info: number): void;
}
