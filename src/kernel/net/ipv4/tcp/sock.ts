/**
 * A socket of TCP in a network namespace: the connection (`tcb.ts`) with addresses, a place in the tables, the way to IP and back, and, of a listener, those who
 * wait to be accepted. Linux `net/ipv4/tcp_ipv4.c`, `inet_connection_sock.c`.
 */

import { EADDRNOTAVAIL, EAGAIN, ENETUNREACH, Errno } from "../../../../abi/errno.ts";
import { IPPROTO_TCP } from "../../../../abi/inet.ts";
import { IP_PMTUDISC_DONT } from "../../../../abi/sockopt.ts";
import { Timer } from "../../../sched/timer.ts";
import type { IcmpErrorAbout } from "../../core.ts";
import type { NetNamespace } from "../../net-namespace.ts";
import { type AnyRoute, ipHeaderLength, localOut, newPacketTo } from "../../ipv6/either.ts";
import { convertIcmp6Error, ICMPV6_PKT_TOOBIG } from "../../ipv6/icmp-types.ts";
import type { IpAddr } from "../../ipv6/ip6.ts";
import type { SkBuff, TcpHeader } from "../../skb.ts";
import { netSetting, netSettingNumbers } from "../../sysctl.ts";
import { convertIcmpError } from "../icmp-errors.ts";
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED } from "../icmp-types.ts";
import { InetSock, type SockOwner } from "../inet-sock.ts";
import { transportMib } from "../mib.ts";
import type { PortOwner } from "../ports.ts";
import { RTN_BROADCAST, RTN_MULTICAST } from "../route-types.ts";
import { abort } from "./close.ts";
import { resendTooLarge } from "./congestion.ts";
import { MTU_MAX, TCP_STATE_NUMBER, type TcpState } from "./constants.ts";
import { finish, receiveSegment } from "./input.ts";
import { retransmitLost, sendSyn } from "./output.ts";
import { mix, replyReset, secretOf } from "./reply.ts";
import type { TcpRequest } from "./request.ts";
import { seqDiff } from "./seq.ts";
import { type Connection, tcpTable } from "./table.ts";
import { DEFAULT_TCP_PARAMS, Tcb, type TcpHost, type TcpParams } from "./tcb.ts";
import { onTimer } from "./timer.ts";
import { TcpTimeWait } from "./timewait.ts";

/** In the trace addresses are IPv4's. */
const shown = (addr: IpAddr): number => (typeof addr === "number" ? addr : 0);

/** Of a listener. */
export interface ListenQueue {
  backlog: number;
  /** Takes a SYN, and owns the packet; `isn`: our first sequence number, where the memory of an old connection demands one. */
  readonly request: (skb: SkBuff, header: TcpHeader, isn: number | undefined) => void;
  /** Handshakes that are under way. */
  readonly requests: Set<TcpRequest>;
  /** Connections that nobody has accepted yet. */
  readonly ready: TcpSock[];
}

export class TcpSock extends InetSock implements TcpHost, Connection, PortOwner {
  readonly protocol = IPPROTO_TCP;
  readonly kind = "sock";
  readonly tcb: Tcb;
  readonly mib;
  /** Absent unless it listens. */
  listen: ListenQueue | undefined;
  /** The listener whose queue it stands in. */
  parent: TcpSock | undefined;
  sharedByConnect = false;
  /** It has a way to the other end (sk_dst_get): from connect(2) on, until it is bound anew or disconnected. */
  routed = false;
  /** TCP_SYNCNT, TCP_KEEPIDLE and the like. */
  overrides: Partial<TcpParams> = {};
  /** When it became a connection, and when data went last: for those who draw it. */
  private readonly timer: Timer;
  private wantedNs = Number.POSITIVE_INFINITY;
  private hashed = false;
  private sysctls: TcpParams | undefined;
  private sysctlsAtNs = -1;
  /** The neighbour has answered by TCP: its entry is fresh (dst_confirm). */
  private released = false;
  private formerPort = 0;

  constructor(ns: NetNamespace, owner: SockOwner) {
    super(ns, owner);
    this.mib = ns.part(transportMib);
    this.tcb = new Tcb(this);
    const [, rcvbuf = 131_072] = netSettingNumbers(ns, "ipv4/tcp_rmem");
    const [, sndbuf = 16_384] = netSettingNumbers(ns, "ipv4/tcp_wmem");
    this.tcb.rcvbuf = rcvbuf;
    this.tcb.sndbuf = sndbuf;
    this.timer = new Timer(() => this.timerFired());
    tcpTable(ns).socks.add(this);
  }

  get localAddr(): IpAddr {
    return this.rcvSaddr;
  }

  get remoteAddr(): IpAddr {
    return this.daddr;
  }

  get portState(): "listening" | "other" {
    return this.tcb.state === "LISTEN" ? "listening" : "other";
  }

  // ── As the connection's host ─────────────────────────────────────────────────────────────────────────────────────

  get params(): TcpParams {
    if (this.sysctls === undefined || this.sysctlsAtNs !== this.nowNs) {
      this.sysctls = { ...readParams(this.ns), ...this.overrides };
      this.sysctlsAtNs = this.nowNs;
    }
    return this.sysctls;
  }

  /** Options that take the place of sysctls for this socket. */
  override(params: Partial<TcpParams>): void {
    this.overrides = { ...this.overrides, ...params };
    this.sysctls = undefined;
  }

  send(header: TcpHeader, payload: Uint8Array, gsoSize: number): void {
    let route: AnyRoute;
    try {
      route = this.routeTo(this.daddr, this.rcvSaddr);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      this.tcb.softError = e;
      return;
    }
    const mtu = Math.min(route.mtu, MTU_MAX);
    if (mtu !== this.tcb.mtu) {
      this.tcb.mtu = mtu;
      this.tcb.syncMss();
    }
    const skb = newPacketTo(this.ns, route, this.rcvSaddr, this.daddr, {
      protocol: IPPROTO_TCP,
      ttl: this.ttlFor(route),
      tos: this.tos,
      dontFragment: this.pmtudisc !== IP_PMTUDISC_DONT,
      id: this.nextId(gsoSize > 0 ? Math.ceil(payload.length / gsoSize) : 1),
    });
    skb.transport = header;
    skb.payload = payload;
    skb.gsoSize = gsoSize;
    skb.mark = this.mark;
    skb.sk = this;
    localOut(this.ns, skb);
  }

  /** Lazily: a timer that comes too early finds nothing to do, and asks when to come again. */
  setTimer(atNs: number): void {
    this.wantedNs = atNs;
    const { timers } = this.ns.system.sched;
    if (atNs === Number.POSITIVE_INFINITY) {
      if (this.tcb.state === "CLOSE") timers.cancel(this.timer);
    } else if (!this.timer.armed || this.timer.atNs > atNs) timers.arm(this.timer, atNs);
  }

  private timerFired(): void {
    if (this.wantedNs > this.nowNs) {
      this.ns.system.sched.timers.arm(this.timer, this.wantedNs);
      return;
    }
    this.ns.core.softnet.run(() => onTimer(this.tcb));
  }

  stateChanged(from: TcpState, to: TcpState): void {
    const { trace } = this.ns.system;
    if (from === "ESTABLISHED" && to === "CLOSE") this.mib.tcp.EstabResets++;
    else if (from === "CLOSE_WAIT" && to === "CLOSE") this.mib.tcp.EstabResets++;
    this.ns.core.version++;
    if (!trace.active) return;
    trace.emit({
      name: "inet_sock_set_state",
      ns: this.ns.ino,
      oldState: from,
      newState: to,
      ipSrc: shown(this.rcvSaddr),
      srcPort: this.localPort,
      ipDst: shown(this.daddr),
      dstPort: this.remotePort,
    });
  }

  protected get bufferedBytes(): number {
    const { received, queuedBytes, state } = this.tcb;
    return received.length + received.earlyLength + (state === "CLOSE" || state === "LISTEN" ? 0 : queuedBytes);
  }

  ended(): void {
    this.unhash();
    this.chargeBuffers();
    if (!this.portLocked) this.dropPort();
    if (this.tcb.orphan) this.forget();
  }

  timeWait(substate: "FIN_WAIT2" | "TIME_WAIT", timeoutNs: number): void {
    this.unhash();
    TcpTimeWait.of(this, substate, timeoutNs);
  }

  // ── Its place in the tables ──────────────────────────────────────────────────────────────────────────────────────

  override get shownPort(): number {
    return this.localPort !== 0 ? this.localPort : this.formerPort;
  }

  takePort(port: number): void {
    const table = tcpTable(this.ns);
    this.localPort = table.takePort(this, port);
  }

  dropPort(): void {
    if (this.localPort === 0) return;
    tcpTable(this.ns).ports.remove(this.localPort, this);
    if (this.tcb.state === "CLOSE") {
      this.sharedByConnect = false;
      this.formerPort = this.localPort;
      if (!this.released) this.localPort = 0;
    }
  }

  autobind(): void {
    if (this.localPort !== 0) return;
    try {
      this.takePort(0);
    } catch (e) {
      throw e instanceof Errno ? EAGAIN : e;
    }
  }

  hash(): void {
    if (this.hashed) return;
    this.hashed = true;
    this.tcb.srcPort = this.localPort;
    this.tcb.dstPort = this.remotePort;
    tcpTable(this.ns).add(this);
  }

  private unhash(): void {
    if (!this.hashed) return;
    this.hashed = false;
    tcpTable(this.ns).remove(this);
  }

  /** Nothing refers to it any more. */
  forget(): void {
    if (this.released) return;
    this.dropPort();
    this.tcb.received.clear();
    this.chargeBuffers();
    this.released = true;
    tcpTable(this.ns).socks.delete(this);
    this.ns.core.version++;
    this.releaseNs();
  }

  // ── Opening ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * tcp_v4_connect(): chooses the ends and sends the SYN. Errors: those of routes; ENETUNREACH for broadcast and multicast; EADDRNOTAVAIL where no port
   * is left, or the pair of ends is in use.
   */
  open(addr: IpAddr, port: number): void {
    const { tcb, ns } = this;
    const wanted = this.destination(addr);
    const route = this.routeTo(wanted);
    if (route.type === RTN_BROADCAST || route.type === RTN_MULTICAST) throw ENETUNREACH;
    const before = { saddr: this.saddr, rcvSaddr: this.rcvSaddr };
    if (this.saddr === 0) {
      this.saddr = route.src;
      this.rcvSaddr = route.src;
    } else if (this.rcvSaddr === 0) this.rcvSaddr = this.saddr;
    this.daddr = wanted;
    this.remotePort = port;
    const isn = this.claimEnds();
    if (isn === undefined) {
      Object.assign(this, before, { daddr: 0, remotePort: 0 });
      throw EADDRNOTAVAIL;
    }
    this.forgetRoute();
    tcb.mtu = Math.min(route.mtu, MTU_MAX);
    tcb.headers = ipHeaderLength(wanted) + 20;
    tcb.advmss = Math.max(256, Math.min(route.dev.mtu, MTU_MAX) - tcb.headers);
    tcb.tsOffset = mix(secretOf(ns), this.rcvSaddr, this.daddr);
    this.routed = true;
    this.hash();
    sendSyn(tcb, isn);
  }

  /** Finds a local port for these ends, or checks the one that it has. Returns the first sequence number. */
  private claimEnds(): number | undefined {
    const { ns, rcvSaddr, daddr, remotePort } = this;
    const table = tcpTable(ns);
    const secret = mix(
      secretOf(ns) ^ 0x5bd1,
      typeof rcvSaddr === "number" ? mix(rcvSaddr, daddr, remotePort) : mix(mix(remotePort, rcvSaddr, daddr), 0, 0),
      1,
    );
    let reused: TcpTimeWait | undefined;
    const free = (port: number): boolean => {
      const other = table.find(rcvSaddr, port, daddr, remotePort, 0);
      reused = other?.kind === "time-wait" && (other as TcpTimeWait).reusable ? (other as TcpTimeWait) : undefined;
      return other === undefined || reused !== undefined;
    };
    if (this.localPort === 0) {
      const port = table.findConnectPort(this, secret, free);
      if (port === undefined) return undefined;
      this.localPort = port;
      this.sharedByConnect = true;
      table.ports.add(port, this);
    } else if (!free(this.localPort)) return undefined;
    if (reused !== undefined) {
      reused.kill("TWRecycled");
      return reused.nextIsn;
    }
    return this.firstSequence();
  }

  /** secure_tcp_seq(): from the ends, a secret and the clock. */
  firstSequence(): number {
    const hash = mix(mix(secretOf(this.ns), this.rcvSaddr, this.daddr), this.localPort, this.remotePort);
    return (hash + Math.floor(this.nowNs / 64)) >>> 0;
  }

  // ── Coming in ────────────────────────────────────────────────────────────────────────────────────────────────────

  receive(skb: SkBuff, header: TcpHeader): void {
    const { ns } = this;
    const { dev } = skb;
    const understood = receiveSegment(this.tcb, header, skb.payload);
    if (!understood) replyReset(ns, skb, header);
    this.chargeBuffers();
    ns.core.consume(skb, ns, dev);
  }

  /** tcp_v4_err(). */
  icmpError(about: IcmpErrorAbout, type: number, code: number, info: number): void {
    const { tcb } = this;
    const { transport } = about;
    if (transport.kind !== "tcp" || tcb.state === "CLOSE" || tcb.state === "LISTEN") return;
    const seq = transport.seq;
    if (seqDiff(seq, tcb.sndUna) < 0 || seqDiff(seq, tcb.sndNxt) > 0) {
      this.mib.tcpExt.OutOfWindowIcmps++;
      return;
    }
    const six = about.ip.kind === "ipv6";
    if (six ? type === ICMPV6_PKT_TOOBIG : type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) {
      this.shrinkMtu(info);
      return;
    }
    const converted = six ? convertIcmp6Error(type, code) : convertIcmpError(type, code);
    if (converted === undefined) return;
    if (tcb.state === "SYN_SENT" || tcb.state === "SYN_RECV") finish(tcb, converted.error);
    else if (this.recvErr) {
      tcb.error = converted.error;
      this.wakeReaders();
      this.wakeWriters();
    } else tcb.softError = converted.error;
  }

  /** tcp_v4_mtu_reduced(). */
  private shrinkMtu(mtu: number): void {
    const { tcb } = this;
    this.forgetRoute();
    if (this.pmtudisc === IP_PMTUDISC_DONT || mtu >= tcb.mtu || mtu < 68) {
      if (mtu >= tcb.mtu) return;
    }
    tcb.mtu = Math.max(mtu, 552);
    tcb.syncMss();
    resendTooLarge(tcb);
    retransmitLost(tcb);
  }

  // ── The rest ─────────────────────────────────────────────────────────────────────────────────────────────────────

  get hasError(): boolean {
    return this.tcb.error !== undefined;
  }

  takeError(): Errno | undefined {
    const { tcb } = this;
    const error = tcb.error ?? tcb.softError;
    if (tcb.error !== undefined) tcb.error = undefined;
    else tcb.softError = undefined;
    return error;
  }

  /** Takes only what ends a call; soft errors stay. */
  takeHardError(): Errno | undefined {
    const { error } = this.tcb;
    this.tcb.error = undefined;
    return error;
  }

  /** tcp_disconnect(): as new, but for options and a port that was chosen. */
  reset(): void {
    const { tcb } = this;
    this.daddr = 0;
    this.remotePort = 0;
    if (!this.addressLocked) {
      this.saddr = 0;
      this.rcvSaddr = 0;
    }
    this.forgetRoute();
    this.routed = false;
    tcb.renew();
  }

  /** tcp_abort(): an administrator ends it. */
  kill(error: Errno): void {
    if (this.listen !== undefined) this.stopListening();
    else abort(this.tcb);
    this.tcb.error = error;
    this.tcb.shutdown = 3;
    this.wakeReaders();
    this.wakeWriters();
  }

  /** inet_csk_listen_stop(): those that wait are reset. */
  stopListening(): void {
    const { listen } = this;
    if (listen === undefined) return;
    tcpTable(this.ns).removeListener(this);
    this.listen = undefined;
    for (const request of [...listen.requests]) request.drop();
    for (const child of listen.ready.splice(0)) {
      child.parent = undefined;
      child.tcb.orphan = true;
      abort(child.tcb);
      child.forget();
    }
    this.tcb.setState("CLOSE");
    if (!this.portLocked) this.dropPort();
  }
}

const readParams = (ns: NetNamespace): TcpParams => ({
  ...DEFAULT_TCP_PARAMS,
  synRetries: netSetting(ns, "ipv4/tcp_syn_retries"),
  synackRetries: netSetting(ns, "ipv4/tcp_synack_retries"),
  retries1: netSetting(ns, "ipv4/tcp_retries1"),
  retries2: netSetting(ns, "ipv4/tcp_retries2"),
  keepaliveTimeNs: netSetting(ns, "ipv4/tcp_keepalive_time") * 1e9,
  keepaliveIntvlNs: netSetting(ns, "ipv4/tcp_keepalive_intvl") * 1e9,
  keepaliveProbes: netSetting(ns, "ipv4/tcp_keepalive_probes"),
  finTimeoutNs: netSetting(ns, "ipv4/tcp_fin_timeout") * 1e9,
  orphanRetries: netSetting(ns, "ipv4/tcp_orphan_retries"),
  sack: netSetting(ns, "ipv4/tcp_sack") !== 0,
  slowStartAfterIdle: netSetting(ns, "ipv4/tcp_slow_start_after_idle") !== 0,
  timestamps: netSetting(ns, "ipv4/tcp_timestamps") !== 0,
  windowScaling: netSetting(ns, "ipv4/tcp_window_scaling") !== 0,
});

/** Number of a state as /proc/net/tcp shows it. */
export const stateNumber = (sock: TcpSock): number => TCP_STATE_NUMBER[sock.tcb.state];
