/** Receiving: Linux `net/ipv4/tcp_input.c`. A segment that the tables have assigned to this connection. */

import { ECONNREFUSED, ECONNRESET, EPIPE, type Errno } from "../../../../abi/errno.ts";
import type { TcpHeader } from "../../skb.ts";
import { type AckNews, congestionAlert, tagSacked } from "./congestion.ts";
import {
  ATO_MIN_NS,
  INIT_CWND,
  INVALID_RATELIMIT_NS,
  MAX_QUICKACKS,
  PAWS_24DAYS_NS,
  RTO_MAX_NS,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  TIMEWAIT_NS,
} from "./constants.ts";
import { pushPending, queueFin, retransmitLost, sendAck, sendDelayedAck, sendReset, sendSynAck, writeXmit } from "./output.ts";
import { measureRtt } from "./rtt.ts";
import { after, before, seqAdd, seqDiff } from "./seq.ts";
import { RCV_SHUTDOWN, SEND_SHUTDOWN, type Sent, type Tcb } from "./tcb.ts";

/** tcp_done(): the end, with an error or without. */
export function finish(t: Tcb, error?: Errno): void {
  if (t.state === "SYN_SENT" || t.state === "SYN_RECV") t.host.mib.tcp.AttemptFails++;
  if (error !== undefined) t.error = error;
  t.clearTimers();
  t.sent = [];
  t.packetsOut = 0;
  t.unsent.clear();
  t.received.dropEarly();
  t.shutdown = 3;
  t.setState("CLOSE");
  t.host.ended();
  t.host.wakeReaders();
  t.host.wakeWriters();
}

/** tcp_time_wait(): what is left to do, a small entry does. */
export function enterTimeWait(t: Tcb, substate: "FIN_WAIT2" | "TIME_WAIT", timeoutNs: number): void {
  t.host.timeWait(substate, timeoutNs);
  finish(t);
}

/** tcp_reset(): the other side has reset the connection. */
function resetByPeer(t: Tcb): void {
  if (t.state === "CLOSE") return;
  finish(t, t.state === "SYN_SENT" ? ECONNREFUSED : t.state === "CLOSE_WAIT" ? EPIPE : ECONNRESET);
}

/** An ACK in answer to what makes no sense, not more often than it should. */
function challengeAck(t: Tcb): void {
  const now = t.host.nowNs;
  if (now - t.lastInvalidAckNs < INVALID_RATELIMIT_NS) return;
  t.lastInvalidAckNs = now;
  t.host.mib.tcpExt.TCPChallengeACK++;
  sendAck(t);
}

/** tcp_send_dupack(). */
function sendDupAck(t: Tcb, endSeq: number, seq: number, withData: boolean): void {
  if (!withData) {
    const now = t.host.nowNs;
    if (now - t.lastInvalidAckNs < INVALID_RATELIMIT_NS) return;
    t.lastInvalidAckNs = now;
  }
  if (endSeq !== seq && before(seq, t.rcvNxt)) {
    t.host.mib.tcpExt.DelayedACKLost++;
    enterQuickAck(t, MAX_QUICKACKS);
  }
  sendAck(t);
}

// ── Acknowledgments of ours ──────────────────────────────────────────────────────────────────────────────────────────

/** tcp_clean_rtx_queue(): takes out what is acknowledged. Returns how many segments that is. */
function cleanSent(t: Tcb, ack: number): number {
  let acked = 0;
  let done = 0;
  let rttUs = -1;
  const now = t.host.nowNs;
  for (; done < t.sent.length; done++) {
    const s = t.sent[done] as Sent;
    if (after(s.endSeq, ack)) break;
    if (!s.sacked) acked += s.count;
    t.packetsOut -= s.count;
    if (s.retransmits === 0 && !s.sacked) rttUs = (now - s.sentNs) / 1000;
    if ((s.flags & TCP_SYN) !== 0) t.retransStampNs = 0;
    t.bytesAcked += s.payload.length;
  }
  const head = t.sent[done];
  // A packet of several segments may be acknowledged in part (tcp_tso_acked).
  if (head !== undefined && after(ack, head.seq) && head.payload.length > 0) {
    const gone = seqDiff(ack, head.seq);
    t.bytesAcked += gone;
    head.payload = head.payload.subarray(gone);
    head.seq = ack;
    const left = t.segments(head.payload.length);
    acked += head.count - left;
    t.packetsOut -= head.count - left;
    head.count = left;
  }
  if (done > 0) t.sent.splice(0, done);
  if (rttUs >= 0) measureRtt(t, rttUs);
  return acked;
}

/** tcp_ack_update_window(). Returns whether it changed. */
function updateWindow(t: Tcb, seq: number, ack: number, window: number): boolean {
  if (!after(ack, t.sndUna) && !after(seq, t.sndWl1) && !(seq === t.sndWl1 && window > t.sndWnd)) return false;
  t.sndWl1 = seq;
  if (window === t.sndWnd) return false;
  t.sndWnd = window;
  if (window > t.maxWindow) {
    t.maxWindow = window;
    t.syncMss();
  }
  return true;
}

/** tcp_ack(). Returns false for an ACK that cannot be right. */
function takeAck(t: Tcb, header: TcpHeader, withData: boolean): boolean {
  const { ack } = header;
  const { mib } = t.host;
  if (after(ack, t.sndNxt)) return false;
  if (before(ack, t.sndUna)) {
    if (before(ack, seqAdd(t.sndUna, -t.maxWindow))) {
      challengeAck(t);
      return true;
    }
    if (t.sackOk && header.sack !== undefined)
      afterAck(t, { acked: 0, sacked: tagSacked(t, header.sack), advanced: false, duplicate: false });
    return true;
  }
  const window = (header.flags & TCP_SYN) !== 0 ? header.window : header.window * 2 ** t.sndWscale;
  const changed = updateWindow(t, header.seq, ack, window);
  const advanced = ack !== t.sndUna;
  const priorOut = t.packetsOut;
  t.sndUna = ack;
  t.rcvTstampNs = t.host.nowNs;
  t.probesOut = 0;
  t.softError = undefined;
  if (priorOut === 0) {
    ackProbe(t);
    return true;
  }
  if (advanced) mib.tcpExt[withData ? "TCPHPAcks" : "TCPPureAcks"]++;
  const acked = cleanSent(t, ack);
  // Timestamps measure what was sent twice, too.
  if (advanced && header.timestamps !== undefined && t.tstampOk && t.retransmits > 0) {
    const echoed = seqDiff(t.tsNow(), header.timestamps[1]);
    if (echoed >= 0 && echoed < 100_000_000) measureRtt(t, Math.max(1, echoed) * 1000);
  }
  const sacked = t.sackOk && header.sack !== undefined ? tagSacked(t, header.sack) : 0;
  mib.tcpExt.TCPDelivered += acked + sacked;
  if (advanced) {
    t.retransmits = 0;
    t.backoff = 0;
    if (t.srtt > 0) t.rtoNs = Math.min(((t.srtt >> 3) + t.rttvar) * 1000, RTO_MAX_NS);
    if (t.sent.length === 0) {
      t.clearRto();
      ackProbe(t);
    } else t.armRto("retransmit", t.rtoNs);
  }
  afterAck(t, { acked, sacked, advanced, duplicate: !advanced && !withData && !changed && (header.flags & (TCP_SYN | TCP_FIN)) === 0 });
  return true;
}

function afterAck(t: Tcb, news: AckNews): void {
  if (t.caState === "Open" && news.advanced && news.sacked === 0) congestionAlert(t, news);
  else if (news.advanced || news.sacked > 0 || news.duplicate || t.caState !== "Open") congestionAlert(t, news);
  if (t.caState === "Recovery" || t.caState === "Loss") retransmitLost(t);
}

/** tcp_ack_probe(): the answer to a window probe, or a window that opens. */
function ackProbe(t: Tcb): void {
  if (!t.hasUnsent) {
    if (t.rtoKind === "probe") t.clearRto();
    return;
  }
  const room = seqDiff(seqAdd(t.sndUna, t.sndWnd), t.sndNxt);
  if (room >= Math.min(t.unsent.length, t.mss)) {
    t.backoff = 0;
    if (t.rtoKind === "probe") t.clearRto();
  } else if (t.sent.length === 0) t.armRto("probe", Math.min(t.rtoNs * 2 ** t.backoff, RTO_MAX_NS));
}

// ── Our acknowledgments ──────────────────────────────────────────────────────────────────────────────────────────────

export function enterQuickAck(t: Tcb, most: number): void {
  const count = Math.floor(t.rcvWnd / (2 * Math.max(1, t.rcvMss)));
  t.quickAcks = Math.max(t.quickAcks, Math.min(Math.max(count, 2), most));
  t.pingpong = false;
  t.atoNs = ATO_MIN_NS;
}

/** tcp_event_data_recv(): the rhythm of the data decides how long an ACK may wait. */
function noteData(t: Tcb, header: TcpHeader, length: number): void {
  const now = t.host.nowNs;
  t.ackOwed = true;
  if (length >= t.rcvMss) t.rcvMss = Math.min(length, t.advmss);
  if ((header.flags & 8) !== 0) t.ackPushed = true;
  if (t.atoNs === 0) {
    enterQuickAck(t, MAX_QUICKACKS);
  } else {
    const gap = now - t.lastRcvNs;
    if (gap <= ATO_MIN_NS / 2) t.atoNs = t.atoNs / 2 + ATO_MIN_NS / 2;
    else if (gap < t.atoNs) t.atoNs = Math.min(t.atoNs / 2 + gap, t.rtoNs);
    else if (gap > t.rtoNs) enterQuickAck(t, MAX_QUICKACKS);
  }
  t.lastRcvNs = now;
  // tcp_grow_window().
  if (length >= 128 && t.rcvSsthresh < t.windowClamp && t.rcvSsthresh < t.space) {
    t.rcvSsthresh = Math.min(t.rcvSsthresh + Math.max(2 * t.advmss, 2 * length), t.windowClamp, Math.max(t.space, t.rcvSsthresh));
  }
}

/** __tcp_ack_snd_check(): now, or a little later. */
function acknowledge(t: Tcb): void {
  if (!t.ackOwed) return;
  const behind = seqDiff(t.rcvNxt, t.rcvWup);
  const now = (behind > t.rcvMss && t.space > 0) || (t.quickAcks > 0 && !t.pingpong) || t.received.early.length > 0;
  if (now) sendAck(t);
  else sendDelayedAck(t);
}

/** tcp_data_queue(): payload and FIN of an acceptable segment. */
function queueData(t: Tcb, header: TcpHeader, payload: Uint8Array, fin: boolean): void {
  const { mib } = t.host;
  const { seq } = header;
  const endSeq = seqAdd(seq, payload.length + (fin ? 1 : 0));
  if (seq === endSeq) return;
  if (!after(endSeq, t.rcvNxt)) {
    // Seen before: its ACK was lost.
    mib.tcpExt.DelayedACKLost++;
    enterQuickAck(t, MAX_QUICKACKS);
    t.ackOwed = true;
    return;
  }
  if (!before(seq, seqAdd(t.rcvNxt, t.receiveWindow))) {
    if (t.receiveWindow === 0) mib.tcpExt.TCPZeroWindowDrop++;
    enterQuickAck(t, MAX_QUICKACKS);
    t.ackOwed = true;
    return;
  }
  noteData(t, header, payload.length);
  if (after(seq, t.rcvNxt)) {
    mib.tcpExt.TCPOFOQueue++;
    if (t.space + t.fullSpace < payload.length) mib.tcpExt.TCPOFODrop++;
    else t.received.insertEarly(seq, endSeq, payload, fin);
    return;
  }
  const stale = seqDiff(t.rcvNxt, seq);
  t.received.push(stale > 0 ? payload.subarray(stale) : payload);
  const from = t.rcvNxt;
  t.rcvNxt = endSeq;
  let finNow = fin;
  if (t.received.early.length > 0) {
    const got = t.received.advance(t.rcvNxt);
    t.rcvNxt = got.rcvNxt;
    finNow ||= got.fin;
    // The gap is closed: the sender should know at once.
    if (t.received.early.length === 0) enterQuickAck(t, 2);
  }
  t.bytesReceived += seqDiff(t.rcvNxt, from) - (finNow ? 1 : 0);
  if (finNow) takeFin(t);
  if (t.received.length > 0 || finNow) t.host.wakeReaders();
}

/** tcp_fin(). */
function takeFin(t: Tcb): void {
  t.ackOwed = true;
  t.shutdown |= RCV_SHUTDOWN;
  t.finReceived = true;
  t.received.dropEarly();
  switch (t.state) {
    case "SYN_RECV":
    case "ESTABLISHED":
      t.setState("CLOSE_WAIT");
      t.pingpong = true;
      break;
    case "FIN_WAIT1":
      sendAck(t);
      t.setState("CLOSING");
      break;
    case "FIN_WAIT2":
      sendAck(t);
      enterTimeWait(t, "TIME_WAIT", TIMEWAIT_NS);
      break;
    case "CLOSE_WAIT":
    case "CLOSING":
    case "LAST_ACK":
    case "TIME_WAIT":
    case "SYN_SENT":
    case "CLOSE":
    case "LISTEN":
      break;
  }
  t.host.wakeReaders();
  t.host.wakeWriters();
}

// ── Is it acceptable? ────────────────────────────────────────────────────────────────────────────────────────────────

/** tcp_paws_discard(): a segment of a former use of these numbers. */
function isOld(t: Tcb, header: TcpHeader): boolean {
  if (!t.tstampOk || header.timestamps === undefined) return false;
  if (seqDiff(t.tsRecent, header.timestamps[0]) <= 0 || t.host.nowNs - t.tsRecentNs > PAWS_24DAYS_NS) return false;
  // tcp_disordered_ack(): a pure ACK that was overtaken is welcome.
  return !(header.seq === t.rcvNxt && header.ack === t.sndUna && seqDiff(t.tsRecent, header.timestamps[0]) <= 200);
}

/** tcp_validate_incoming(): the checks of RFC 9293 3.10.7.4 and RFC 5961. */
function validate(t: Tcb, header: TcpHeader, endSeq: number, withData: boolean): boolean {
  const { seq, flags } = header;
  const rst = (flags & TCP_RST) !== 0;
  if (!rst && isOld(t, header)) {
    t.host.mib.tcpExt.PAWSEstab++;
    sendDupAck(t, endSeq, seq, withData);
    return false;
  }
  if (before(endSeq, t.rcvWup) || after(seq, seqAdd(t.rcvNxt, t.receiveWindow))) {
    if (rst) return false;
    if ((flags & TCP_SYN) !== 0) {
      t.host.mib.tcpExt.TCPSYNChallenge++;
      challengeAck(t);
    } else sendDupAck(t, endSeq, seq, withData);
    return false;
  }
  if (rst) {
    if (seq === t.rcvNxt) resetByPeer(t);
    else challengeAck(t);
    return false;
  }
  if ((flags & TCP_SYN) !== 0) {
    // Both sides opened at once: the answer to our SYN repeats theirs.
    const crossed = t.state === "SYN_RECV" && (flags & TCP_ACK) !== 0 && endSeq === seqAdd(seq, 1) && endSeq === t.rcvNxt;
    if (crossed && header.ack === t.sndNxt) return true;
    t.host.mib.tcpExt.TCPSYNChallenge++;
    challengeAck(t);
    return false;
  }
  return true;
}

/** tcp_replace_ts_recent(). */
function noteTimestamp(t: Tcb, header: TcpHeader): void {
  if (!t.tstampOk || header.timestamps === undefined || after(header.seq, t.rcvWup)) return;
  if (seqDiff(header.timestamps[0], t.tsRecent) < 0 && t.host.nowNs - t.tsRecentNs < PAWS_24DAYS_NS) return;
  t.tsRecent = header.timestamps[0];
  t.tsRecentNs = t.host.nowNs;
}

// ── States ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Takes a segment. Returns false where the sender is to be reset: its ACK is for something that was never sent. */
export function receiveSegment(t: Tcb, header: TcpHeader, payload: Uint8Array): boolean {
  if (t.state === "CLOSE" || t.state === "LISTEN") return (header.flags & TCP_RST) !== 0;
  const count = t.segments(payload.length);
  t.segsIn += count;
  if (payload.length > 0) t.dataSegsIn += count;
  if (t.state === "SYN_SENT") return receiveInSynSent(t, header, payload);
  const { flags } = header;
  const fin = (flags & TCP_FIN) !== 0;
  const syn = (flags & TCP_SYN) !== 0 ? 1 : 0;
  const endSeq = seqAdd(header.seq, payload.length + (fin ? 1 : 0) + syn);
  if (!validate(t, header, endSeq, endSeq !== header.seq)) return true;
  if ((flags & TCP_ACK) === 0) return true;
  if (!takeAck(t, header, payload.length > 0)) {
    if (t.state === "SYN_RECV") return false;
    challengeAck(t);
    return true;
  }
  noteTimestamp(t, header);
  afterAckStates(t, fin);
  if ((t.state as string) === "CLOSE") return true;
  if (!acceptsData(t, header, endSeq)) return true;
  queueData(t, header, payload, fin);
  if ((t.state as string) === "CLOSE") return true;
  pushPending(t);
  if (t.writable) t.host.wakeWriters();
  acknowledge(t);
  return true;
}

/** The transitions that an ACK of our FIN, or of our SYN, makes. `fin`: the same segment brings the other side's FIN. */
function afterAckStates(t: Tcb, fin: boolean): void {
  switch (t.state) {
    case "SYN_RECV":
      if (before(t.sndUna, t.sndNxt)) return;
      establish(t);
      t.host.wakeWriters();
      // Shut down before it was there.
      if ((t.shutdown & SEND_SHUTDOWN) !== 0) {
        t.setState("FIN_WAIT1");
        queueFin(t);
      }
      return;
    case "FIN_WAIT1": {
      if (t.sndUna !== t.writeSeq) return;
      t.setState("FIN_WAIT2");
      t.shutdown |= SEND_SHUTDOWN;
      if (!t.orphan) {
        t.host.wakeWriters();
        return;
      }
      lingerInFinWait2(t, fin);
      return;
    }
    case "CLOSING":
      if (t.sndUna === t.writeSeq) enterTimeWait(t, "TIME_WAIT", TIMEWAIT_NS);
      return;
    case "LAST_ACK":
      if (t.sndUna === t.writeSeq) finish(t);
      return;
    case "ESTABLISHED":
    case "FIN_WAIT2":
    case "CLOSE_WAIT":
    case "TIME_WAIT":
    case "SYN_SENT":
    case "CLOSE":
    case "LISTEN":
      return;
  }
}

/** An orphan does not wait for the other side's FIN for ever. */
export function lingerInFinWait2(t: Tcb, finComing = false): void {
  if (t.linger2Ns < 0) {
    t.host.mib.tcpExt.TCPAbortOnLinger++;
    finish(t);
    return;
  }
  const patience = t.linger2Ns > 0 ? t.linger2Ns : t.host.params.finTimeoutNs;
  if (patience > TIMEWAIT_NS) t.armKeep(patience - TIMEWAIT_NS);
  else if (finComing) t.armKeep(patience);
  else enterTimeWait(t, "FIN_WAIT2", patience);
}

/** Data for nobody resets the connection; data after the other side's FIN does not exist. */
function acceptsData(t: Tcb, header: TcpHeader, endSeq: number): boolean {
  switch (t.state) {
    case "CLOSE_WAIT":
    case "CLOSING":
    case "LAST_ACK":
      return before(header.seq, t.rcvNxt);
    case "FIN_WAIT1":
    case "FIN_WAIT2":
    case "ESTABLISHED": {
      const data = (header.flags & TCP_FIN) !== 0 ? seqAdd(endSeq, -1) : endSeq;
      if (!t.orphan || data === header.seq || !after(data, t.rcvNxt)) return true;
      t.host.mib.tcpExt.TCPAbortOnData++;
      sendReset(t);
      finish(t);
      return false;
    }
    case "SYN_RECV":
    case "SYN_SENT":
    case "TIME_WAIT":
    case "CLOSE":
    case "LISTEN":
      return true;
  }
}

/** tcp_finish_connect(), tcp_init_transfer(): both sides know of each other. */
export function establish(t: Tcb): void {
  t.setState("ESTABLISHED");
  t.retransStampNs = 0;
  t.retransmits = 0;
  t.expandSndbuf();
  t.cwnd = INIT_CWND;
  t.establishedNs = t.host.nowNs;
  t.rcvSpace = { sinceNs: t.host.nowNs, seq: t.copiedSeq, space: Math.min(t.rcvSsthresh, t.rcvWnd, INIT_CWND * t.advmss) };
  t.windowClamp = Math.max(t.windowClamp, Math.min(t.fullSpace, 65_535 * 2 ** t.rcvWscale));
  if (t.keepalive) t.armKeep(t.host.params.keepaliveTimeNs);
}

/** Options of a SYN, or SYN+ACK, in answer to what we offered. */
export function takeSynOptions(t: Tcb, header: TcpHeader): void {
  t.tstampOk &&= header.timestamps !== undefined;
  t.sackOk &&= header.sackPermitted;
  t.wscaleOk &&= header.windowScale !== undefined;
  t.sndWscale = t.wscaleOk ? Math.min(header.windowScale ?? 0, 14) : 0;
  if (!t.wscaleOk) {
    t.rcvWscale = 0;
    t.windowClamp = Math.min(t.windowClamp, 65_535);
  }
  if (t.tstampOk && header.timestamps !== undefined) {
    t.tsRecent = header.timestamps[0];
    t.tsRecentNs = t.host.nowNs;
  }
  if (header.mss > 0) t.mssClamp = header.mss;
  t.rcvNxt = seqAdd(header.seq, 1);
  t.rcvWup = t.rcvNxt;
  t.copiedSeq = t.rcvNxt;
  t.sndWnd = header.window;
  t.sndWl1 = header.seq;
  t.maxWindow = header.window;
  t.syncMss();
  t.rcvMss = Math.max(Math.min(t.mssCache, t.advmss, t.rcvWnd >> 1, 536), 88);
}

/** tcp_rcv_synsent_state_process(). */
function receiveInSynSent(t: Tcb, header: TcpHeader, payload: Uint8Array): boolean {
  const { flags, ack } = header;
  const acks = (flags & TCP_ACK) !== 0;
  if (acks) {
    if (!after(ack, t.sndUna) || after(ack, t.sndNxt)) return (flags & TCP_RST) !== 0;
    if (header.timestamps !== undefined && t.tstampOk && header.timestamps[1] !== 0) {
      const stamp = header.timestamps[1];
      if (seqDiff(t.tsNow(), stamp) < 0) return (flags & TCP_RST) !== 0;
    }
    if ((flags & TCP_RST) !== 0) {
      resetByPeer(t);
      return true;
    }
    if ((flags & TCP_SYN) === 0) return true;
    finishConnect(t, header, payload);
    return true;
  }
  if ((flags & TCP_RST) !== 0 || (flags & TCP_SYN) === 0) return true;
  // Both sides connect at once.
  const offered = t.tstampOk;
  takeSynOptions(t, header);
  if (offered !== t.tstampOk) t.syncMss();
  t.setState("SYN_RECV");
  sendSynAck(t);
  return true;
}

function finishConnect(t: Tcb, header: TcpHeader, payload: Uint8Array): void {
  takeSynOptions(t, header);
  t.rcvTstampNs = t.host.nowNs;
  t.sndUna = header.ack;
  cleanSent(t, header.ack);
  t.clearRto();
  t.rtoNs = t.srtt > 0 ? ((t.srtt >> 3) + t.rttvar) * 1000 : t.rtoNs;
  establish(t);
  t.host.wakeWriters();
  enterQuickAck(t, MAX_QUICKACKS);
  // Someone waits to write at once, or not: Linux acknowledges at once unless TCP_QUICKACK is off.
  sendAck(t);
  if (payload.length > 0 || (header.flags & TCP_FIN) !== 0) {
    queueData(t, { ...header, seq: t.rcvNxt }, payload, (header.flags & TCP_FIN) !== 0);
    acknowledge(t);
  }
  writeXmit(t);
}
