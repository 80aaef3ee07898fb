/** What is left of a connection that this side has closed first: RFC 9293's TIME-WAIT, Linux `net/ipv4/tcp_minisocks.c`, `inet_timewait_sock.c`. */

import { Timer } from "../../../sched/timer.ts";
import type { NetNamespace } from "../../net-namespace.ts";
import { IN6_LOOPBACK, type IpAddr } from "../../ipv6/ip6.ts";
import type { SkBuff, TcpHeader } from "../../skb.ts";
import { netSetting } from "../../sysctl.ts";
import type { PortOwner } from "../ports.ts";
import { INVALID_RATELIMIT_NS, PAWS_24DAYS_NS, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, TIMEWAIT_NS } from "./constants.ts";
import { replyReset, sendBare } from "./reply.ts";
import { after, before, seqAdd, seqDiff } from "./seq.ts";
import type { TcpSock } from "./sock.ts";
import { type Connection, tcpTable } from "./table.ts";

export class TcpTimeWait implements Connection, PortOwner {
  readonly kind = "time-wait";
  readonly portState = "time-wait";
  readonly localAddr: IpAddr;
  readonly localPort: number;
  readonly remoteAddr: IpAddr;
  readonly remotePort: number;
  readonly boundDev: number;
  readonly rcvSaddr: IpAddr;
  readonly family: number;
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  readonly sharedByConnect: boolean;
  readonly uid: number;
  readonly mark: number;
  readonly sndNxt: number;
  private rcvNxt: number;
  private readonly rcvWnd: number;
  private readonly rcvWscale: number;
  private readonly tstampOk: boolean;
  private tsRecent: number;
  private tsRecentNs: number;
  private readonly tsOffset: number;
  private lastAckNs = Number.NEGATIVE_INFINITY;
  private readonly timer: Timer;

  /** Takes the place of `sock`; does nothing where there are too many already. */
  static of(sock: TcpSock, substate: "FIN_WAIT2" | "TIME_WAIT", timeoutNs: number): void {
    const table = tcpTable(sock.ns);
    if (table.timeWaits.size >= netSetting(sock.ns, "ipv4/tcp_max_tw_buckets")) {
      sock.mib.tcpExt.TCPTimeWaitOverflow++;
      return;
    }
    const entry = new TcpTimeWait(sock, substate);
    table.timeWaits.add(entry);
    table.add(entry);
    table.ports.add(entry.localPort, entry);
    entry.arm(timeoutNs);
  }

  private readonly ns: NetNamespace;
  private readonly mib;

  private constructor(
    sock: TcpSock,
    public substate: "FIN_WAIT2" | "TIME_WAIT",
  ) {
    const { tcb } = sock;
    this.ns = sock.ns;
    this.mib = sock.mib;
    this.localAddr = sock.localAddr;
    this.rcvSaddr = sock.rcvSaddr;
    this.family = sock.family;
    this.localPort = sock.localPort;
    this.remoteAddr = sock.daddr;
    this.remotePort = sock.remotePort;
    this.boundDev = sock.boundDev;
    this.reuseAddr = sock.reuseAddr;
    this.reusePort = sock.reusePort;
    this.sharedByConnect = sock.sharedByConnect;
    this.uid = sock.uid;
    this.mark = sock.mark;
    this.sndNxt = tcb.sndNxt;
    this.rcvNxt = tcb.rcvNxt;
    this.rcvWnd = tcb.receiveWindow;
    this.rcvWscale = tcb.rcvWscale;
    this.tstampOk = tcb.tstampOk;
    this.tsRecent = tcb.tsRecent;
    this.tsRecentNs = tcb.tsRecentNs;
    this.tsOffset = tcb.tsOffset;
    this.timer = new Timer(() => this.kill("TW"));
  }

  private get nowNs(): number {
    return this.ns.system.sched.clockNs;
  }

  /** When it ends. */
  get untilNs(): number {
    return this.timer.atNs;
  }

  private arm(inNs: number): void {
    this.ns.system.sched.timers.arm(this.timer, this.nowNs + inNs);
  }

  /** It ends, and its port is free. */
  kill(counter: "TW" | "TWKilled" | "TWRecycled"): void {
    const table = tcpTable(this.ns);
    if (!table.timeWaits.delete(this)) return;
    this.ns.system.sched.timers.cancel(this.timer);
    table.remove(this);
    table.ports.remove(this.localPort, this);
    this.mib.tcpExt[counter]++;
    this.ns.core.version++;
  }

  /** tcp_twsk_unique(): a new connection may have these ends if timestamps tell it apart: by tcp_tw_reuse, 2 for loopback only. */
  get reusable(): boolean {
    const reuse = netSetting(this.ns, "ipv4/tcp_tw_reuse");
    const loopback =
      this.localAddr === IN6_LOOPBACK ||
      (typeof this.localAddr === "number" && this.localAddr >>> 24 === 127) ||
      this.localAddr === this.remoteAddr;
    return this.tstampOk && this.nowNs - this.tsRecentNs > 1e9 && (reuse === 1 || (reuse === 2 && loopback));
  }

  /** Beyond everything that the old connection can have sent. */
  get nextIsn(): number {
    return seqAdd(this.sndNxt, 65_535 + 2) || 1;
  }

  private acknowledge(): void {
    const now = this.nowNs;
    if (now - this.lastAckNs < INVALID_RATELIMIT_NS) return;
    this.lastAckNs = now;
    sendBare(
      this.ns,
      this,
      {
        seq: this.sndNxt,
        ack: this.rcvNxt,
        flags: TCP_ACK,
        window: Math.min(65_535, this.rcvWnd >> this.rcvWscale),
        timestamps: this.tstampOk ? [(Math.floor(now / 1e6) + this.tsOffset) >>> 0, this.tsRecent] : undefined,
      },
      this.boundDev,
      this.mark,
    );
  }

  /** tcp_timewait_state_process(). */
  receive(skb: SkBuff, header: TcpHeader): void {
    const { ns } = this;
    const answer = this.answer(skb, header);
    if (answer === "reset") replyReset(ns, skb, header);
    else if (answer === "ack") this.acknowledge();
    else if (answer === "syn") {
      const listener = tcpTable(ns).findListener(this.localAddr, this.localPort, skb.iif, this.remotePort);
      if (listener?.listen !== undefined) {
        this.kill("TWRecycled");
        listener.listen.request(skb, header, this.nextIsn);
        return;
      }
      replyReset(ns, skb, header);
    }
    ns.core.consume(skb, ns, skb.dev);
  }

  private answer(skb: SkBuff, header: TcpHeader): "none" | "ack" | "reset" | "syn" {
    const { flags, seq } = header;
    const fin = (flags & TCP_FIN) !== 0;
    const syn = (flags & TCP_SYN) !== 0;
    const rst = (flags & TCP_RST) !== 0;
    const endSeq = seqAdd(seq, skb.payload.length + (fin ? 1 : 0) + (syn ? 1 : 0));
    const stamp = this.tstampOk ? header.timestamps?.[0] : undefined;
    const old = stamp !== undefined && seqDiff(this.tsRecent, stamp) > 0 && this.nowNs - this.tsRecentNs < PAWS_24DAYS_NS;
    if (this.substate === "FIN_WAIT2") return this.inFinWait2(header, endSeq, old);
    if (!old && seq === this.rcvNxt && (seq === endSeq || rst)) {
      if (rst) this.kill("TWKilled");
      else {
        this.arm(TIMEWAIT_NS);
        this.note(stamp);
      }
      return "none";
    }
    if (syn && !rst && (flags & TCP_ACK) === 0 && !old) {
      if (after(seq, this.rcvNxt) || (stamp !== undefined && seqDiff(stamp, this.tsRecent) > 0)) return "syn";
    }
    if (old) this.mib.tcpExt.PAWSEstab++;
    if (rst) return "none";
    if (old || (flags & TCP_ACK) !== 0) this.arm(TIMEWAIT_NS);
    return "ack";
  }

  private note(stamp: number | undefined): void {
    if (stamp === undefined) return;
    this.tsRecent = stamp;
    this.tsRecentNs = this.nowNs;
  }

  private inFinWait2(header: TcpHeader, endSeq: number, old: boolean): "none" | "ack" | "reset" {
    const { flags, seq } = header;
    const inWindow = !before(endSeq, this.rcvNxt) && !after(seq, seqAdd(this.rcvNxt, this.rcvWnd));
    if (old || !inWindow) return (flags & TCP_RST) !== 0 ? "none" : "ack";
    if ((flags & TCP_RST) !== 0) {
      this.kill("TWKilled");
      return "none";
    }
    if ((flags & TCP_SYN) !== 0 && !before(seq, this.rcvNxt)) return "reset";
    if ((flags & TCP_ACK) === 0 || !after(endSeq, this.rcvNxt) || endSeq === seq) return "none";
    // Data for nobody, or a FIN that is not the next byte.
    if ((flags & TCP_FIN) === 0 || endSeq !== seqAdd(this.rcvNxt, 1)) {
      this.kill("TWKilled");
      return "reset";
    }
    this.substate = "TIME_WAIT";
    this.rcvNxt = endSeq;
    this.note(header.timestamps?.[0]);
    this.arm(TIMEWAIT_NS);
    this.lastAckNs = Number.NEGATIVE_INFINITY;
    return "ack";
  }
}
