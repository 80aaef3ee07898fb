/** Sending: Linux `net/ipv4/tcp_output.c`. What is sent when, how large, and with which window. */

import type { TcpHeader } from "../../skb.ts";
import {
  ATO_MIN_NS,
  DELACK_MAX_NS,
  INIT_CWND,
  RTO_MAX_NS,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RMEM,
  TCP_RST,
  TCP_SYN,
  TIMEOUT_INIT_NS,
  TSTAMP_ALIGNED,
} from "./constants.ts";
import { after, before, seqAdd, seqDiff } from "./seq.ts";
import type { Sent, Tcb } from "./tcb.ts";

const NOTHING = new Uint8Array(0);

// ── Windows ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** tcp_select_initial_window(): what the first segment offers, and the scale. */
export function selectInitialWindow(t: Tcb, mss: number, scaling: boolean): void {
  const space = Math.min(t.fullSpace, 65_535 << 14);
  const rounded = space > mss ? space - (space % mss) : space;
  t.rcvWnd = Math.min(rounded, 65_535);
  t.rcvWscale = 0;
  if (scaling) {
    const most = t.rcvbufLocked ? t.fullSpace : Math.max(t.fullSpace, TCP_RMEM[2]);
    for (let left = most; left > 65_535 && t.rcvWscale < 14; left = Math.floor(left / 2)) t.rcvWscale++;
  }
  t.windowClamp = Math.min(65_535 * 2 ** t.rcvWscale, t.fullSpace);
  t.rcvSsthresh = t.rcvWnd;
}

/** __tcp_select_window(): the window that there is room for, or 0 rather than a silly one. */
export function offerableWindow(t: Tcb): number {
  const full = Math.min(t.windowClamp, t.fullSpace);
  const mss = Math.min(t.rcvMss, full);
  let free = Math.max(0, Math.min(t.space, full));
  if (free < full >> 1) t.quickAcks = 0;
  const unit = 1 << t.rcvWscale;
  free -= free % unit;
  if (free < full >> 4 || free < mss) return 0;
  free = Math.min(free, t.rcvSsthresh);
  if (t.rcvWscale > 0) return Math.ceil(free / unit) * unit;
  if (t.rcvWnd <= free - mss || t.rcvWnd > free) return free - (free % mss);
  return mss === full && free > t.rcvWnd + (full >> 1) ? free : t.rcvWnd;
}

/** tcp_select_window(): the window field of a segment. What was offered once is not taken back. */
function selectWindow(t: Tcb): number {
  const current = t.receiveWindow;
  let offered = offerableWindow(t);
  const unit = 1 << t.rcvWscale;
  if (offered < current) offered = Math.ceil(current / unit) * unit;
  if (offered === 0 && t.rcvWnd > 0) t.host.mib.tcpExt.TCPToZeroWindowAdv++;
  else if (offered > 0 && t.rcvWnd === 0) t.host.mib.tcpExt.TCPFromZeroWindowAdv++;
  t.rcvWnd = Math.min(offered, 65_535 * unit);
  t.rcvWup = t.rcvNxt;
  return Math.min(t.rcvWnd >> t.rcvWscale, 65_535);
}

// ── Segments ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** tcp_transmit_skb(): gives a segment its header and sends it. */
function transmit(t: Tcb, seq: number, flags: number, payload: Uint8Array): void {
  const { host } = t;
  const syn = (flags & TCP_SYN) !== 0;
  const acks = (flags & TCP_ACK) !== 0;
  const header: TcpHeader = {
    kind: "tcp",
    srcPort: t.srcPort,
    dstPort: t.dstPort,
    seq,
    ack: acks ? t.rcvNxt : 0,
    flags,
    window: syn ? Math.min(t.rcvWnd, 65_535) : selectWindow(t),
    mss: syn ? t.advmss : 0,
    windowScale: syn && t.wscaleOk ? t.rcvWscale : undefined,
    sackPermitted: syn && t.sackOk,
    timestamps: t.tstampOk ? [t.tsNow(), acks ? t.tsRecent : 0] : undefined,
    ...(!syn && t.sackOk && t.received.early.length > 0 ? { sack: t.received.sackBlocks(t.tstampOk ? 3 : 4) } : {}),
  };
  if (acks) ackSent(t, payload.length > 0);
  const count = t.segments(payload.length);
  t.segsOut += count;
  if (payload.length > 0) {
    t.dataSegsOut += count;
    t.bytesSent += payload.length;
  }
  host.mib.tcp.OutSegs += count;
  host.send(header, payload, payload.length > t.mssCache ? t.mssCache : 0);
}

/** tcp_event_ack_sent(): what was owed is paid. */
function ackSent(t: Tcb, withData: boolean): void {
  const now = t.host.nowNs;
  if (t.quickAcks > 0) t.quickAcks--;
  t.ackOwed = false;
  t.ackPushed = false;
  if (t.delackAtNs !== Number.POSITIVE_INFINITY) {
    t.delackAtNs = Number.POSITIVE_INFINITY;
    t.updateTimer();
  }
  if (!withData) return;
  // tcp_event_data_sent(): data that follows data at once is a conversation, ACKs ride along.
  const idleNs = now - t.lastSndNs;
  if (t.sent.length === 0 && idleNs > t.rtoNs && t.host.params.slowStartAfterIdle) restartAfterIdle(t, idleNs);
  t.lastSndNs = now;
  if (now - t.lastRcvNs < t.atoNs) t.pingpong = true;
}

/** tcp_cwnd_restart(): the window that was measured is halved for each timeout spent idle. */
function restartAfterIdle(t: Tcb, idleNs: number): void {
  if (t.lastSndNs === 0) return;
  t.ssthresh = Math.max(t.ssthresh, (t.cwnd >> 1) + (t.cwnd >> 2));
  let { cwnd } = t;
  for (let left = idleNs - t.rtoNs; left > 0 && cwnd > INIT_CWND; left -= t.rtoNs) cwnd >>= 1;
  t.cwnd = Math.max(cwnd, Math.min(INIT_CWND, t.cwnd));
  t.cwndCount = 0;
}

/** Sends what is new, and keeps it until it is acknowledged. */
function sendNew(t: Tcb, flags: number, payload: Uint8Array): void {
  const seq = t.sndNxt;
  const length = payload.length + ((flags & (TCP_SYN | TCP_FIN)) !== 0 ? 1 : 0);
  const endSeq = seqAdd(seq, length);
  const idle = t.sent.length === 0;
  transmit(t, seq, flags, payload);
  t.sndNxt = endSeq;
  const count = t.segments(payload.length);
  t.sent.push({ seq, endSeq, payload, flags, count, sentNs: t.host.nowNs, retransmits: 0, sacked: false, lost: false, resent: false });
  t.packetsOut += count;
  if (payload.length > 0) t.host.mib.tcpExt.TCPOrigDataSent += count;
  if (t.caState === "Recovery") t.prr.out += count;
  if (idle || t.rtoKind !== "retransmit") t.armRto("retransmit", t.rtoNs);
}

/** tcp_connect(): sends the SYN of an active open. */
export function sendSyn(t: Tcb, isn: number): void {
  const { host } = t;
  const { params } = host;
  t.tstampOk = params.timestamps;
  t.sackOk = params.sack;
  t.wscaleOk = params.windowScaling;
  t.sndUna = isn;
  t.sndNxt = isn;
  t.sndSml = isn;
  t.writeSeq = seqAdd(isn, 1);
  t.rtoNs = TIMEOUT_INIT_NS;
  selectInitialWindow(t, t.advmss, t.wscaleOk);
  t.syncMss();
  t.setState("SYN_SENT");
  t.retransStampNs = host.nowNs;
  host.mib.tcp.ActiveOpens++;
  sendNew(t, TCP_SYN, NOTHING);
}

/** SYN+ACK of a simultaneous open. */
export function sendSynAck(t: Tcb): void {
  const [syn] = t.sent;
  if (syn === undefined || (syn.flags & TCP_SYN) === 0) return;
  syn.flags |= TCP_ACK;
  transmit(t, syn.seq, syn.flags, NOTHING);
}

export function sendAck(t: Tcb): void {
  if (t.state === "CLOSE") return;
  transmit(t, t.sndNxt, TCP_ACK, NOTHING);
}

/** tcp_send_active_reset(). */
export function sendReset(t: Tcb): void {
  t.host.mib.tcp.OutRsts++;
  transmit(t, t.sndNxt, TCP_RST | TCP_ACK, NOTHING);
}

/** tcp_send_delayed_ack(): later, unless the timer is already nearer. */
export function sendDelayedAck(t: Tcb): void {
  let ato = t.atoNs;
  if (ato > ATO_MIN_NS * 2) {
    const most = t.pingpong || t.ackPushed ? DELACK_MAX_NS : DELACK_MAX_NS / 2;
    const rtt = Math.max((t.srtt >> 3) * 1000, ATO_MIN_NS);
    ato = Math.min(ato, t.srtt > 0 ? Math.min(rtt, most) : most);
  }
  ato = Math.min(Math.max(ato, ATO_MIN_NS), DELACK_MAX_NS);
  t.ackOwed = true;
  if (t.delackAtNs > t.host.nowNs + ato) t.armDelack(ato);
}

// ── New data ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** tcp_nagle_test(): whether the last, short segment may go now. */
function mayGoShort(t: Tcb, length: number, mss: number, pushOne: boolean): boolean {
  if (t.finQueued && length === t.unsent.length) return true;
  if (length >= mss || pushOne) return true;
  if (t.cork) return false;
  if (t.nodelay) return true;
  return t.sent.length === 0 || !after(t.sndSml, t.sndUna) || after(t.sndSml, t.sndNxt);
}

/** How many bytes of the send buffer may go in one packet now; -1: none. A FIN alone is 0. */
function nextLength(t: Tcb, pushOne: boolean): number {
  const waiting = t.unsent.length;
  const { mss } = t;
  const room = seqDiff(seqAdd(t.sndUna, t.sndWnd), t.sndNxt);
  // At least two packets in flight, however large (tcp_cwnd_test).
  const quota = Math.min(t.cwnd - t.inFlight, Math.max(1, t.cwnd >> 1));
  if (waiting === 0) return t.finQueued && room >= 1 ? 0 : -1;
  if (quota <= 0 || Math.min(waiting, mss) > room) {
    t.cwndLimited ||= quota <= 0;
    return -1;
  }
  let length = Math.min(waiting, t.sizeGoal, Math.max(1, quota) * mss, room);
  if (length < waiting || (length > mss && !mayGoShort(t, length % mss || mss, mss, pushOne))) {
    if (length > mss) length -= length % mss;
  }
  return length === waiting && !mayGoShort(t, length > mss ? length % mss || mss : length, mss, pushOne) ? -1 : length;
}

/** tcp_write_xmit(): sends what window, congestion window and Nagle let go. Whether anything waits while nothing is on its way. */
export function writeXmit(t: Tcb, pushOne = false): void {
  t.cwndLimited = false;
  while (t.hasUnsent) {
    const length = nextLength(t, pushOne);
    if (length < 0) break;
    const { mss } = t;
    const payload = t.unsent.take(length);
    let flags = TCP_ACK;
    // What stands for several segments is pushed, so that the receiver does not wait for more.
    if (length > t.mssCache) flags |= TCP_PSH;
    if (t.unsent.length === 0) {
      if (length > 0) flags |= TCP_PSH;
      if (t.finQueued) flags |= TCP_FIN;
    }
    if (length < mss) t.sndSml = seqAdd(t.sndNxt, length);
    sendNew(t, flags, payload);
    if (pushOne) break;
  }
  checkProbe(t);
}

/** tcp_check_probe_timer(): a closed window is asked for again and again. */
export function checkProbe(t: Tcb): void {
  if (t.sent.length > 0 || !t.hasUnsent || t.rtoKind !== "none") return;
  t.armRto("probe", probeDelay(t, RTO_MAX_NS));
}

export function probeDelay(t: Tcb, mostNs: number): number {
  return Math.min(t.rtoNs * 2 ** t.backoff, mostNs);
}

/** tcp_push_pending_frames(). */
export function pushPending(t: Tcb): void {
  if (t.state === "CLOSE" || t.state === "SYN_SENT" || t.state === "SYN_RECV") return;
  if (t.hasUnsent) writeXmit(t);
}

/** tcp_write_wakeup(): a segment that makes the peer tell its window. Returns whether it carries data. */
export function writeWakeup(t: Tcb): boolean {
  const room = seqDiff(seqAdd(t.sndUna, t.sndWnd), t.sndNxt);
  if (t.hasUnsent && room > 0) {
    const length = Math.min(t.unsent.length, room, t.mss);
    const payload = t.unsent.take(length);
    const last = t.unsent.length === 0;
    const fin = last && t.finQueued && length < room ? TCP_FIN : 0;
    sendNew(t, TCP_ACK | TCP_PSH | fin, payload);
    return true;
  }
  t.host.mib.tcpExt.TCPWinProbe++;
  // One number before what is next: out of the window, so that it must be answered.
  transmit(t, seqAdd(t.sndUna, -1), TCP_ACK, NOTHING);
  return false;
}

/** tcp_send_fin(). */
export function queueFin(t: Tcb): void {
  if (t.finQueued) return;
  t.finQueued = true;
  t.writeSeq = seqAdd(t.writeSeq, 1);
  t.nodelay = true;
  pushPending(t);
}

// ── Again ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** tcp_fragment(): cuts a segment that was sent after `length` bytes. */
export function splitSent(t: Tcb, index: number, length: number): void {
  const s = t.sent[index] as Sent;
  if (length <= 0 || length >= s.payload.length) return;
  const middle = seqAdd(s.seq, length + ((s.flags & TCP_SYN) !== 0 ? 1 : 0));
  const rest: Sent = { ...s, seq: middle, payload: s.payload.subarray(length), flags: s.flags & ~TCP_SYN };
  s.endSeq = middle;
  s.payload = s.payload.subarray(0, length);
  rest.count = t.segments(rest.payload.length);
  t.packetsOut += rest.count - s.count;
  s.count = t.segments(s.payload.length);
  t.packetsOut += s.count;
  s.flags &= ~(TCP_FIN | TCP_PSH);
  t.sent.splice(index + 1, 0, rest);
}

/** tcp_retransmit_skb(): sends one segment again, at most `segments` full ones of it. Returns how many went. */
export function retransmit(t: Tcb, index: number, segments: number): number {
  const s = t.sent[index] as Sent;
  const { mss, host } = t;
  // Acknowledged in part: only the rest goes.
  if (before(s.seq, t.sndUna) && s.payload.length > 0) {
    s.payload = s.payload.subarray(seqDiff(t.sndUna, s.seq));
    s.seq = t.sndUna;
  }
  const room = seqDiff(seqAdd(t.sndUna, t.sndWnd), s.seq);
  if (room <= 0 && s.seq !== t.sndUna) return 0;
  splitSent(t, index, Math.max(1, segments) * mss);
  const { count } = s;
  s.retransmits++;
  s.resent = true;
  s.sentNs = host.nowNs;
  if (t.retransStampNs === 0) t.retransStampNs = host.nowNs;
  t.totalRetransmits += count;
  t.bytesResent += s.payload.length;
  host.mib.tcp.RetransSegs += count;
  if ((s.flags & TCP_SYN) !== 0) host.mib.tcpExt.TCPSynRetrans++;
  transmit(t, s.seq, s.flags, s.payload);
  return count;
}

/** tcp_xmit_retransmit_queue(): sends again what counts as lost, as far as the congestion window goes. */
export function retransmitLost(t: Tcb): void {
  let quota = t.cwnd - t.inFlight;
  for (let i = 0; i < t.sent.length && quota > 0; i++) {
    const s = t.sent[i] as Sent;
    if (!s.lost || s.resent || s.sacked) continue;
    const count = retransmit(t, i, quota);
    if (count === 0) return;
    quota -= count;
    if (t.caState === "Recovery") {
      t.prr.out += count;
      t.host.mib.tcpExt.TCPFastRetrans += count;
    } else t.host.mib.tcpExt.TCPSlowStartRetrans += count;
    // The head was sent anew: patience begins anew.
    if (i === 0) t.armRto("retransmit", t.rtoNs);
  }
}

/** MTU that a payload of `mss` bytes makes. */
export const mtuFor = (t: Tcb, mss: number): number => mss + t.headers + (t.tstampOk ? TSTAMP_ALIGNED : 0);
