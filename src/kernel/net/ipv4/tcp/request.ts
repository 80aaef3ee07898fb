/** A connection that is asked for and not yet made: Linux `struct request_sock`, TCP_NEW_SYN_RECV, `tcp_conn_request`, `tcp_check_req`. */

import { Timer } from "../../../sched/timer.ts";
import { netSetting } from "../../sysctl.ts";
import { ipHeaderLength } from "../../ipv6/either.ts";
import { type IpAddr, needsScope } from "../../ipv6/ip6.ts";
import type { SkBuff, TcpHeader } from "../../skb.ts";
import type { IpHeader } from "../../wire.ts";
import { MTU_MAX, INVALID_RATELIMIT_NS, MSS_DEFAULT, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, TIMEOUT_INIT_NS } from "./constants.ts";
import { receiveSegment } from "./input.ts";
import { initPassive } from "./receive-window.ts";
import { mix, replyReset, secretOf, sendBare } from "./reply.ts";
import { measureRtt } from "./rtt.ts";
import { after, before, seqAdd, seqDiff } from "./seq.ts";
import { TcpSock } from "./sock.ts";
import { type Connection, tcpTable } from "./table.ts";

export class TcpRequest implements Connection {
  readonly kind = "request";
  readonly localAddr: IpAddr;
  readonly localPort: number;
  readonly remoteAddr: IpAddr;
  readonly remotePort: number;
  readonly boundDev: number;
  readonly mark: number;
  /** Their first sequence number, and ours. */
  readonly irs: number;
  readonly isn: number;
  private tsRecent: number;
  private readonly tsOffset: number;
  /** The connection that it may become, with what both sides agree on. */
  private readonly child: TcpSock;
  retries = 0;
  private sentNs = 0;
  private lastAckNs = Number.NEGATIVE_INFINITY;
  /** It was confirmed, but there was no room: the SYN+ACK goes out again, in case there is later. */
  private acked = false;
  private readonly timer: Timer;

  constructor(
    readonly listener: TcpSock,
    skb: SkBuff,
    header: TcpHeader,
    isn: number | undefined,
  ) {
    const ip = skb.network as IpHeader;
    const { ns } = listener;
    this.localAddr = ip.dst;
    this.localPort = listener.localPort;
    this.remoteAddr = ip.src;
    this.remotePort = header.srcPort;
    // A link-local caller is one of this link.
    this.boundDev = listener.boundDev === 0 && typeof ip.src === "string" && needsScope(ip.src) ? skb.iif : listener.boundDev;
    this.mark = listener.mark;
    this.irs = header.seq;
    this.child = this.makeChild(header);
    this.isn = isn ?? this.child.firstSequence();
    this.tsRecent = header.timestamps?.[0] ?? 0;
    this.tsOffset = mix(secretOf(ns), this.localAddr, this.remoteAddr);
    this.child.tcb.tsOffset = this.tsOffset;
    this.timer = new Timer(() => ns.core.softnet.run(() => this.timerFired()));
  }

  /** tcp_create_openreq_child(), as far as the SYN tells; it is in no table yet. Errors: those of routes. */
  private makeChild(header: TcpHeader): TcpSock {
    const { listener } = this;
    const child = new TcpSock(listener.ns, listener);
    tcpTable(listener.ns).socks.delete(child);
    child.rcvSaddr = this.localAddr;
    child.saddr = this.localAddr;
    child.daddr = this.remoteAddr;
    child.localPort = this.localPort;
    child.remotePort = this.remotePort;
    child.family = listener.family;
    child.v6only = listener.v6only;
    child.boundDev = this.boundDev;
    child.mark = listener.mark;
    child.tos = listener.tos;
    child.ttl = listener.ttl;
    child.pmtudisc = listener.pmtudisc;
    child.reuseAddr = listener.reuseAddr;
    child.reusePort = listener.reusePort;
    child.freebind = listener.freebind;
    child.broadcast = listener.broadcast;
    child.recvErr = listener.recvErr;
    child.timestamp = listener.timestamp;
    child.priority = listener.priority;
    child.addressLocked = listener.addressLocked;
    child.portLocked = true;
    child.overrides = listener.overrides;
    child.sndbuf = listener.sndbuf;
    child.rcvbuf = listener.rcvbuf;
    const { tcb } = child;
    const model = listener.tcb;
    tcb.nodelay = model.nodelay;
    tcb.cork = model.cork;
    tcb.keepalive = model.keepalive;
    tcb.userTimeoutNs = model.userTimeoutNs;
    tcb.linger2Ns = model.linger2Ns;
    tcb.rcvbuf = model.rcvbuf;
    tcb.rcvbufLocked = model.rcvbufLocked;
    if (model.sndbufLocked) tcb.sndbuf = model.sndbuf;
    tcb.sndbufLocked = model.sndbufLocked;
    const route = child.routeTo(child.daddr);
    tcb.mtu = Math.min(route.mtu, MTU_MAX);
    tcb.headers = ipHeaderLength(child.daddr) + 20;
    tcb.advmss = Math.max(256, Math.min(route.dev.mtu, MTU_MAX) - tcb.headers);
    const { params } = child;
    tcb.tstampOk = params.timestamps && header.timestamps !== undefined;
    tcb.sackOk = params.sack && header.sackPermitted;
    tcb.wscaleOk = params.windowScaling && header.windowScale !== undefined;
    tcb.sndWscale = tcb.wscaleOk ? Math.min(header.windowScale ?? 0, 14) : 0;
    tcb.mssClamp = header.mss > 0 ? header.mss : MSS_DEFAULT;
    initPassive(tcb);
    return child;
  }

  private get nowNs(): number {
    return this.listener.nowNs;
  }

  /** When the SYN+ACK goes out again. */
  get untilNs(): number {
    return this.timer.atNs;
  }

  start(): void {
    tcpTable(this.listener.ns).add(this);
    this.listener.listen?.requests.add(this);
    this.sendSynAck();
    this.arm();
  }

  private arm(): void {
    this.listener.ns.system.sched.timers.arm(this.timer, this.nowNs + TIMEOUT_INIT_NS * 2 ** this.retries);
  }

  drop(): void {
    this.listener.ns.system.sched.timers.cancel(this.timer);
    tcpTable(this.listener.ns).remove(this);
    this.listener.listen?.requests.delete(this);
  }

  private sendSynAck(): void {
    const { tcb } = this.child;
    this.sentNs = this.nowNs;
    const window = Math.min(tcb.rcvWnd, 65_535);
    sendBare(
      this.listener.ns,
      this,
      {
        seq: this.isn,
        ack: seqAdd(this.irs, 1),
        flags: TCP_SYN | TCP_ACK,
        window,
        mss: tcb.advmss,
        windowScale: tcb.wscaleOk ? tcb.rcvWscale : undefined,
        sackPermitted: tcb.sackOk,
        timestamps: tcb.tstampOk ? [tcb.tsNow(), this.tsRecent] : undefined,
      },
      this.boundDev,
      this.mark,
      this.listener.tos,
    );
  }

  /** reqsk_timer_handler(). */
  private timerFired(): void {
    const { listener } = this;
    if (this.retries >= listener.params.synackRetries) {
      listener.mib.tcp.AttemptFails++;
      this.drop();
      return;
    }
    this.retries++;
    listener.mib.tcp.RetransSegs++;
    listener.mib.tcpExt.TCPSynRetrans++;
    if (!this.acked || this.retries > 0) this.sendSynAck();
    this.arm();
  }

  receive(skb: SkBuff, header: TcpHeader): void {
    const { ns } = this.listener;
    const { dev } = skb;
    this.take(skb, header);
    ns.core.consume(skb, ns, dev);
  }

  /** tcp_check_req(). */
  private take(skb: SkBuff, header: TcpHeader): void {
    const { flags, seq, ack } = header;
    const { listener } = this;
    const { ns } = listener;
    const control = flags & (TCP_SYN | TCP_ACK | TCP_RST);
    const old = this.child.tcb.tstampOk && header.timestamps !== undefined && seqDiff(this.tsRecent, header.timestamps[0]) > 0;
    if (seq === this.irs && control === TCP_SYN && !old) {
      // The SYN again: our answer was lost.
      if (this.mayAnswer()) this.sendSynAck();
      return;
    }
    if ((flags & TCP_ACK) !== 0 && ack !== seqAdd(this.isn, 1)) {
      replyReset(ns, skb, header);
      return;
    }
    const start = seqAdd(this.irs, 1);
    const endSeq = seqAdd(seq, skb.payload.length + ((flags & TCP_FIN) !== 0 ? 1 : 0));
    const inWindow = !after(seq, seqAdd(start, this.child.tcb.rcvWnd)) && !before(endSeq, start);
    if (old || !inWindow) {
      if ((flags & TCP_RST) === 0 && this.mayAnswer()) this.sendAck();
      return;
    }
    if (this.child.tcb.tstampOk && header.timestamps !== undefined && !after(seq, start)) this.tsRecent = header.timestamps[0];
    if ((flags & (TCP_RST | TCP_SYN)) !== 0) {
      listener.mib.tcpExt.EmbryonicRsts++;
      listener.mib.tcp.AttemptFails++;
      if ((flags & TCP_RST) === 0) replyReset(ns, skb, header);
      this.drop();
      return;
    }
    if ((flags & TCP_ACK) !== 0) this.confirmed(skb, header);
  }

  private mayAnswer(): boolean {
    if (this.nowNs - this.lastAckNs < INVALID_RATELIMIT_NS) return false;
    this.lastAckNs = this.nowNs;
    return true;
  }

  private sendAck(): void {
    const { tcb } = this.child;
    const timestamps: [number, number] | undefined = tcb.tstampOk ? [tcb.tsNow(), this.tsRecent] : undefined;
    const window = Math.min(65_535, tcb.rcvWnd >> tcb.rcvWscale);
    sendBare(
      this.listener.ns,
      this,
      { seq: seqAdd(this.isn, 1), ack: seqAdd(this.irs, 1), flags: TCP_ACK, window, timestamps },
      this.boundDev,
    );
  }

  /** The third segment: a connection, if there is room for it. */
  private confirmed(skb: SkBuff, header: TcpHeader): void {
    const { listener, child } = this;
    const { listen, ns } = listener;
    if (listen === undefined || listen.ready.length > listen.backlog) {
      listener.mib.tcpExt.ListenOverflows++;
      listener.mib.tcpExt.ListenDrops++;
      if (netSetting(ns, "ipv4/tcp_abort_on_overflow") !== 0) {
        replyReset(ns, skb, header);
        listener.mib.tcpExt.EmbryonicRsts++;
        this.drop();
      } else this.acked = true;
      return;
    }
    this.drop();
    this.becomeConnection(header);
    const table = tcpTable(ns);
    table.socks.add(child);
    table.ports.add(child.localPort, child);
    child.routed = true;
    child.hash();
    child.parent = listener;
    listener.mib.tcp.PassiveOpens++;
    const { tcb } = child;
    receiveSegment(tcb, header, skb.payload);
    listen.ready.push(child);
    listener.wakeReaders();
  }

  private becomeConnection(header: TcpHeader): void {
    const { tcb } = this.child;
    tcb.state = "SYN_RECV";
    tcb.sndUna = this.isn;
    tcb.sndNxt = seqAdd(this.isn, 1);
    tcb.sndSml = tcb.sndNxt;
    tcb.writeSeq = tcb.sndNxt;
    tcb.rcvNxt = seqAdd(this.irs, 1);
    tcb.rcvWup = tcb.rcvNxt;
    tcb.copiedSeq = tcb.rcvNxt;
    tcb.sndWl1 = this.irs;
    tcb.tsRecent = this.tsRecent;
    tcb.tsRecentNs = this.nowNs;
    tcb.maxWindow = header.window * 2 ** tcb.sndWscale;
    tcb.sndWnd = tcb.maxWindow;
    tcb.rcvMss = MSS_DEFAULT;
    tcb.syncMss();
    if (this.retries === 0) measureRtt(tcb, (this.nowNs - this.sentNs) / 1000);
  }
}
