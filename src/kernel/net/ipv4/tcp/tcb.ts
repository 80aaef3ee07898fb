/**
 * One end of a TCP connection: RFC 9293's "transmission control block", Linux `struct tcp_sock`. It knows no files, tasks, devices or routes: what it
 * needs of the world is its host. `input.ts`, `output.ts`, `timer.ts`, `congestion.ts` and `close.ts` are what it does, split as Linux splits it.
 *
 * Differs from Linux: congestion control is Reno with SACK and proportional rate reduction, not CUBIC; no RACK, no tail loss probe, no undo of needless
 * retransmissions, no ECN, no urgent data, no fast open, no pacing. Buffers count payload bytes, not the size of packets in memory.
 */

import type { Errno } from "../../../../abi/errno.ts";
import type { TcpHeader } from "../../skb.ts";
import type { TransportMib } from "../mib.ts";
import {
  GSO_MAX,
  HEADERS,
  INFINITE_SSTHRESH,
  INIT_CWND,
  MIN_MSS,
  MSS_DEFAULT,
  TCP_RMEM,
  TCP_WMEM,
  type TcpState,
  TIMEOUT_INIT_NS,
  TSTAMP_ALIGNED,
} from "./constants.ts";
import { ReceiveBuffer } from "./receive-buffer.ts";
import { SendBuffer } from "./send-buffer.ts";
import { seqDiff } from "./seq.ts";

/** Bits of `shutdown`. */
export const RCV_SHUTDOWN = 1;
export const SEND_SHUTDOWN = 2;

/** Sysctls under net.ipv4, and per socket what TCP_SYNCNT and the like set. */
export interface TcpParams {
  readonly synRetries: number;
  readonly synackRetries: number;
  readonly retries1: number;
  readonly retries2: number;
  readonly orphanRetries: number;
  readonly keepaliveTimeNs: number;
  readonly keepaliveIntvlNs: number;
  readonly keepaliveProbes: number;
  readonly finTimeoutNs: number;
  readonly sack: boolean;
  readonly timestamps: boolean;
  readonly windowScaling: boolean;
  readonly slowStartAfterIdle: boolean;
}

export const DEFAULT_TCP_PARAMS: TcpParams = {
  synRetries: 6,
  synackRetries: 5,
  retries1: 3,
  retries2: 15,
  orphanRetries: 0,
  keepaliveTimeNs: 7_200e9,
  keepaliveIntvlNs: 75e9,
  keepaliveProbes: 9,
  finTimeoutNs: 60e9,
  sack: true,
  timestamps: true,
  windowScaling: true,
  slowStartAfterIdle: true,
};

/** What a connection needs of those around it. */
export interface TcpHost {
  readonly nowNs: number;
  readonly params: TcpParams;
  readonly mib: TransportMib;
  /** Sends a segment. A payload longer than `gsoSize` stands for several segments of that size. */
  send(header: TcpHeader, payload: Uint8Array, gsoSize: number): void;
  /** Has `onTimer` called at that time at the latest; Infinity: not needed. */
  setTimer(atNs: number): void;
  stateChanged(from: TcpState, to: TcpState): void;
  wakeReaders(): void;
  wakeWriters(): void;
  /** The connection is over (tcp_done): it leaves the tables. */
  ended(): void;
  /** A time-wait entry takes over; `ended` follows. */
  timeWait(substate: "FIN_WAIT2" | "TIME_WAIT", timeoutNs: number): void;
}

/** Sent, and not acknowledged yet. */
export interface Sent {
  seq: number;
  endSeq: number;
  payload: Uint8Array;
  flags: number;
  /** Full segments that it stands for. */
  count: number;
  sentNs: number;
  /** How often it was sent again. */
  retransmits: number;
  sacked: boolean;
  lost: boolean;
  /** Sent again in the present recovery. */
  resent: boolean;
}

export class Tcb {
  state: TcpState = "CLOSE";
  srcPort = 0;
  dstPort = 0;
  /** SO_ERROR. Written by reset and timers; cleared by who reports it. */
  error: Errno | undefined;
  /** From ICMP: reported if the connection times out. */
  softError: Errno | undefined;
  shutdown = 0;
  /** The other side has closed (SOCK_DONE). */
  finReceived = false;
  /** Nobody holds it any more (SOCK_DEAD). */
  orphan = false;

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────
  readonly unsent = new SendBuffer();
  /** By sequence number. */
  sent: Sent[] = [];
  /** Sum of the counts in `sent`. */
  packetsOut = 0;
  sndUna = 0;
  sndNxt = 0;
  /** After the last byte that was written, and the FIN. */
  writeSeq = 0;
  /** A FIN stands at the end of `unsent`. */
  finQueued = false;
  sndWnd = 0;
  sndWl1 = 0;
  maxWindow = 0;
  /** End of the last segment shorter than the MSS (Minshall's variant of Nagle). */
  sndSml = 0;
  sndWscale = 0;
  /** Path MTU. */
  /** Bytes of the headers of IP and TCP, without options. */
  headers = HEADERS;
  mtu = 1500;
  /** The peer's MSS option. */
  mssClamp = MSS_DEFAULT;
  /** Payload of a full segment, without room for SACK blocks. */
  mssCache = MSS_DEFAULT;
  /** What the MSS option tells the peer. */
  advmss = MSS_DEFAULT;
  sndbuf = TCP_WMEM[1];
  /** SO_SNDBUF, SO_RCVBUF were set: no tuning. */
  sndbufLocked = false;
  rcvbufLocked = false;
  nodelay = false;
  cork = false;

  // ── Options agreed on ────────────────────────────────────────────────────────────────────────────────────────────
  sackOk = false;
  tstampOk = false;
  wscaleOk = false;
  /** Added to the clock, so that connections do not tell of each other. */
  tsOffset = 0;
  tsRecent = 0;
  tsRecentNs = 0;

  // ── Receiving ────────────────────────────────────────────────────────────────────────────────────────────────────
  readonly received = new ReceiveBuffer();
  rcvNxt = 0;
  /** `rcvNxt` of the last ACK that was sent. */
  rcvWup = 0;
  rcvWnd = 0;
  rcvWscale = 0;
  rcvbuf = TCP_RMEM[1];
  windowClamp = 0;
  rcvSsthresh = 0;
  /** Size of segments that come in. */
  rcvMss = MSS_DEFAULT;
  copiedSeq = 0;
  /** Of receive buffer tuning: since when, from where, and how much was read in a round trip at most. */
  rcvSpace = { sinceNs: 0, seq: 0, space: 0 };

  // ── Acknowledging ────────────────────────────────────────────────────────────────────────────────────────────────
  /** An ACK is owed, and the bytes that it is for were pushed. */
  ackOwed = false;
  ackPushed = false;
  quickAcks = 0;
  /** ACKs ride on data that goes the other way. */
  pingpong = false;
  atoNs = 0;
  lastRcvNs = 0;
  /** Written by `establish`; 0 before. */
  establishedNs = 0;
  /** When a segment with an ACK came last. */
  rcvTstampNs = 0;
  lastSndNs = 0;
  lastInvalidAckNs = Number.NEGATIVE_INFINITY;

  // ── Congestion control ───────────────────────────────────────────────────────────────────────────────────────────
  caState: "Open" | "Disorder" | "Recovery" | "Loss" = "Open";
  cwnd = INIT_CWND;
  cwndCount = 0;
  ssthresh = INFINITE_SSTHRESH;
  highSeq = 0;
  /** Duplicate ACKs, where there is no SACK. */
  renoSacked = 0;
  cwndLimited = false;
  prr = { delivered: 0, out: 0, priorCwnd: 0 };
  totalRetransmits = 0;
  bytesAcked = 0;
  bytesReceived = 0;
  bytesSent = 0;
  bytesResent = 0;
  segsOut = 0;
  segsIn = 0;
  dataSegsOut = 0;
  dataSegsIn = 0;
  minRttUs = 0;

  // ── Round trips, microseconds; srtt eightfold, mdev fourfold ────────────────────────────────────────────────────
  srtt = 0;
  mdev = 0;
  mdevMax = 0;
  rttvar = 0;
  rttSeq = 0;
  rtoNs = TIMEOUT_INIT_NS;

  // ── Timers ───────────────────────────────────────────────────────────────────────────────────────────────────────
  /** What the retransmission timer is for. */
  rtoKind: "none" | "retransmit" | "probe" = "none";
  rtoAtNs = Number.POSITIVE_INFINITY;
  delackAtNs = Number.POSITIVE_INFINITY;
  /** Keepalive, and the patience with an orphan in FIN_WAIT2. */
  keepAtNs = Number.POSITIVE_INFINITY;
  retransmits = 0;
  backoff = 0;
  probesOut = 0;
  /** First transmission of what is retransmitted. */
  retransStampNs = 0;
  keepalive = false;
  /** TCP_USER_TIMEOUT; 0: none. */
  userTimeoutNs = 0;
  /** TCP_LINGER2: 0 the system's; negative: no FIN_WAIT2 without an owner. */
  linger2Ns = 0;

  constructor(readonly host: TcpHost) {}

  setState(to: TcpState): void {
    const from = this.state;
    if (from === to) return;
    this.state = to;
    this.host.stateChanged(from, to);
  }

  /** Value of the timestamp option: milliseconds. */
  tsNow(): number {
    return (Math.floor(this.host.nowNs / 1e6) + this.tsOffset) >>> 0;
  }

  get unread(): number {
    return this.received.length;
  }

  /** Bytes that were written and not acknowledged: SIOCOUTQ. */
  get queuedBytes(): number {
    return seqDiff(this.writeSeq, this.sndUna);
  }

  /** Everything that a connection has left behind is forgotten; what was set by options stays (tcp_disconnect). */
  renew(): void {
    this.error = undefined;
    this.softError = undefined;
    this.shutdown = 0;
    this.finReceived = false;
    this.finQueued = false;
    this.unsent.clear();
    this.received.clear();
    this.sent = [];
    this.packetsOut = 0;
    this.sndUna = this.sndNxt = this.writeSeq = 0;
    this.rcvNxt = this.rcvWup = this.copiedSeq = 0;
    this.sndWnd = this.maxWindow = this.sndWl1 = this.rcvWnd = 0;
    this.srtt = this.mdev = this.mdevMax = this.rttvar = 0;
    this.rtoNs = TIMEOUT_INIT_NS;
    this.retransmits = this.backoff = this.probesOut = 0;
    this.retransStampNs = 0;
    this.caState = "Open";
    this.cwnd = INIT_CWND;
    this.ssthresh = INFINITE_SSTHRESH;
    this.renoSacked = 0;
    this.mssClamp = MSS_DEFAULT;
    this.ackOwed = false;
    this.pingpong = false;
    this.quickAcks = 0;
    this.atoNs = 0;
    this.lastInvalidAckNs = Number.NEGATIVE_INFINITY;
  }

  /** sk_stream_wspace(). */
  get sendRoom(): number {
    return Math.max(0, this.sndbuf - this.queuedBytes);
  }

  get writable(): boolean {
    return this.sendRoom >= this.queuedBytes >> 1;
  }

  /** Data, or a FIN, waits to be sent. */
  get hasUnsent(): boolean {
    return this.unsent.length > 0 || (this.finQueued && this.sndNxt !== this.writeSeq);
  }

  /** Payload of a full segment that goes out now: tcp_current_mss(). */
  get mss(): number {
    if (this.received.early.length === 0 || !this.sackOk) return this.mssCache;
    return this.mssCache - 4 - 8 * Math.min(this.received.sackBlocks(4).length, this.tstampOk ? 3 : 4);
  }

  /** Segments that a payload stands for. */
  segments(bytes: number): number {
    return bytes <= this.mssCache ? 1 : Math.ceil(bytes / this.mssCache);
  }

  /** tcp_packets_in_flight(): neither arrived, nor lost, or sent again. */
  get inFlight(): number {
    if (this.caState === "Open") return this.packetsOut;
    let count = -this.renoSacked;
    for (const s of this.sent) if (!s.sacked && (!s.lost || s.resent)) count += s.count;
    return Math.max(0, count);
  }

  /** tcp_sync_mss(): after the MTU, the options or the peer's window have changed. */
  syncMss(): void {
    let mss = Math.min(this.mtu - this.headers, this.mssClamp) - (this.tstampOk ? TSTAMP_ALIGNED : 0);
    mss = Math.max(mss, MIN_MSS - HEADERS);
    this.mssCache = this.boundToHalfWindow(mss);
  }

  /** A segment fills at most half of the largest window that the peer has shown. */
  boundToHalfWindow(size: number): number {
    const cutoff = this.maxWindow > MSS_DEFAULT ? this.maxWindow >> 1 : this.maxWindow;
    return cutoff > 0 && size > cutoff ? Math.max(cutoff, 68 - 32) : size;
  }

  /** Payload of the largest packet. */
  get sizeGoal(): number {
    const { mss } = this;
    const most = Math.max(1, Math.floor(this.boundToHalfWindow(GSO_MAX) / mss));
    return Math.min(most, this.autosize(mss)) * mss;
  }

  /** tcp_tso_autosize(): about as many segments as go in a millisecond, so that a slow path does not see a whole window in one packet. */
  private autosize(mss: number): number {
    const rttUs = Math.max(1, this.srtt >> 3);
    const gain = this.cwnd < this.ssthresh / 2 ? 2 : 1.2;
    let bytes = ((this.cwnd * mss * 1e6) / rttUs / 1024) * gain;
    const nearness = this.minRttUs >> 9;
    if (nearness < 32) bytes += GSO_MAX / 2 ** nearness;
    return Math.max(2, Math.floor(bytes / mss));
  }

  /** tcp_init_buffer_space(), tcp_sndbuf_expand(): room for two windows of segments as they lie in memory. */
  expandSndbuf(): void {
    if (this.sndbufLocked) return;
    let perMss = 2048;
    while (perMss < this.mssCache + 640) perMss *= 2;
    const wanted = 2 * Math.max(INIT_CWND, this.cwnd, 4) * (perMss + 256);
    if (wanted > this.sndbuf) this.sndbuf = Math.min(wanted, TCP_WMEM[2]);
  }

  /** Window that a receive buffer of this size can offer (tcp_adv_win_scale 1). */
  get fullSpace(): number {
    return this.rcvbuf >> 1;
  }

  get space(): number {
    return this.fullSpace - this.received.length - this.received.earlyLength;
  }

  /** What is left of the window that was last told. */
  get receiveWindow(): number {
    return Math.max(0, seqDiff((this.rcvWup + this.rcvWnd) >>> 0, this.rcvNxt));
  }

  // ── Timers ───────────────────────────────────────────────────────────────────────────────────────────────────────

  updateTimer(): void {
    this.host.setTimer(Math.min(this.rtoAtNs, this.delackAtNs, this.keepAtNs));
  }

  armRto(kind: "retransmit" | "probe", inNs: number): void {
    this.rtoKind = kind;
    this.rtoAtNs = this.host.nowNs + inNs;
    this.updateTimer();
  }

  clearRto(): void {
    this.rtoKind = "none";
    this.rtoAtNs = Number.POSITIVE_INFINITY;
  }

  armDelack(inNs: number): void {
    this.delackAtNs = this.host.nowNs + inNs;
    this.updateTimer();
  }

  armKeep(inNs: number): void {
    this.keepAtNs = this.host.nowNs + inNs;
    this.updateTimer();
  }

  /** An orphan is not kept alive. */
  clearKeepalive(): void {
    this.keepalive = false;
    this.keepAtNs = Number.POSITIVE_INFINITY;
  }

  clearTimers(): void {
    this.clearRto();
    this.delackAtNs = Number.POSITIVE_INFINITY;
    this.keepAtNs = Number.POSITIVE_INFINITY;
    this.host.setTimer(Number.POSITIVE_INFINITY);
  }
}
