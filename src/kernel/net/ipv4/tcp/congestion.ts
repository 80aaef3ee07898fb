/**
 * Losses and the congestion window: the state machine of Linux `net/ipv4/tcp_input.c` (tcp_fastretrans_alert, tcp_enter_loss, PRR of RFC 6937) over Reno
 * (`net/ipv4/tcp_cong.c`).
 */

import { INFINITE_SSTHRESH, REORDERING } from "./constants.ts";
import { after, before, seqDiff } from "./seq.ts";
import { splitSent } from "./output.ts";
import type { Sent, Tcb } from "./tcb.ts";

/** What an ACK brought, for the state machine. */
export interface AckNews {
  /** Segments acknowledged for good, and selectively. */
  acked: number;
  sacked: number;
  /** `sndUna` moved. */
  advanced: boolean;
  /** Nothing but the same number again. */
  duplicate: boolean;
}

const slowStart = (t: Tcb): boolean => t.cwnd < t.ssthresh;

/** tcp_reno_cong_avoid(). */
export function growWindow(t: Tcb, acked: number): void {
  if (!t.cwndLimited && t.cwnd >= 2 * Math.max(1, t.packetsOut + acked)) return;
  let left = acked;
  if (slowStart(t)) {
    const to = Math.min(t.cwnd + acked, t.ssthresh);
    left -= to - t.cwnd;
    t.cwnd = to;
  }
  if (left <= 0) return;
  if (!t.cwndLimited && t.packetsOut + acked < t.cwnd) return;
  t.cwndCount += left;
  if (t.cwndCount < t.cwnd) return;
  const more = Math.floor(t.cwndCount / t.cwnd);
  t.cwndCount -= more * t.cwnd;
  t.cwnd += more;
}

/** Half of what was under way (tcp_reno_ssthresh). */
const halved = (t: Tcb): number => Math.max(t.cwnd >> 1, 2);

/** tcp_sacktag_write_queue(): marks what has arrived out of order. Returns how many segments are new among it. */
export function tagSacked(t: Tcb, blocks: readonly (readonly [number, number])[]): number {
  let fresh = 0;
  for (const [start, end] of blocks) {
    // A block below what is acknowledged tells of a duplicate (RFC 2883); one that makes no sense is ignored.
    if (!after(start, t.sndUna) || after(end, t.sndNxt) || !before(start, end)) continue;
    for (let i = 0; i < t.sent.length; i++) {
      const s = t.sent[i] as Sent;
      if (!before(s.seq, end)) break;
      if (s.sacked || !after(s.endSeq, start)) continue;
      if (before(s.seq, start)) {
        splitSent(t, i, wholeSegments(t, seqDiff(start, s.seq)));
        continue;
      }
      if (after(s.endSeq, end)) splitSent(t, i, wholeSegments(t, seqDiff(end, s.seq)));
      if (after(s.endSeq, end)) continue;
      s.sacked = true;
      fresh += s.count;
    }
  }
  return fresh;
}

const wholeSegments = (t: Tcb, bytes: number): number => bytes - (bytes % t.mssCache) || bytes;

const sackedOut = (t: Tcb): number => {
  if (!t.sackOk) return t.renoSacked;
  let count = 0;
  for (const s of t.sent) if (s.sacked) count += s.count;
  return count;
};

/** What has enough later segments arrived before it counts as lost. Without SACK: the first one. */
function markLost(t: Tcb): void {
  if (!t.sackOk) {
    const [head] = t.sent;
    if (head !== undefined && !head.lost) {
      splitSent(t, 0, t.mss);
      head.lost = true;
    }
    return;
  }
  let above = 0;
  for (let i = t.sent.length - 1; i >= 0; i--) {
    const s = t.sent[i] as Sent;
    if (s.sacked) above += s.count;
    else if (above >= REORDERING) s.lost = true;
  }
}

function enterRecovery(t: Tcb): void {
  const { tcpExt } = t.host.mib;
  if (t.sackOk) tcpExt.TCPSackRecovery++;
  else tcpExt.TCPRenoRecovery++;
  t.highSeq = t.sndNxt;
  t.ssthresh = halved(t);
  t.prr = { delivered: 0, out: 0, priorCwnd: t.cwnd };
  t.caState = "Recovery";
}

/** tcp_cwnd_reduction(): proportional rate reduction. */
function reduceWindow(t: Tcb, delivered: number, first: boolean): void {
  const { prr } = t;
  prr.delivered += delivered;
  const { inFlight } = t;
  const delta = t.ssthresh - inFlight;
  let count: number;
  if (delta < 0) count = Math.floor((t.ssthresh * prr.delivered + prr.priorCwnd - 1) / Math.max(1, prr.priorCwnd)) - prr.out;
  else count = Math.min(delta, Math.max(prr.delivered - prr.out, delivered) + 1);
  t.cwnd = inFlight + Math.max(count, first ? 1 : 0);
}

/** tcp_enter_loss(): the timer fired; all that was not selectively acknowledged counts as lost. */
export function enterLoss(t: Tcb): void {
  if (t.caState === "Open" || t.caState === "Disorder" || !after(t.highSeq, t.sndUna)) t.ssthresh = halved(t);
  t.renoSacked = 0;
  for (const s of t.sent) {
    s.resent = false;
    if (!s.sacked) s.lost = true;
  }
  t.caState = "Loss";
  t.cwnd = t.inFlight + 1;
  t.cwndCount = 0;
  t.highSeq = t.sndNxt;
}

/** Everything up to where the trouble began is acknowledged. */
function leaveTrouble(t: Tcb): void {
  if (t.caState === "Recovery") t.cwnd = Math.min(Math.max(t.cwnd, t.inFlight, 2), t.ssthresh);
  t.renoSacked = 0;
  t.retransStampNs = 0;
  for (const s of t.sent) {
    s.lost = false;
    s.resent = false;
  }
  t.caState = sackedOut(t) > 0 ? "Disorder" : "Open";
}

/** tcp_fastretrans_alert(): what an ACK means for what is under way. */
export function congestionAlert(t: Tcb, news: AckNews): void {
  if (t.caState !== "Open" && t.caState !== "Disorder" && !before(t.sndUna, t.highSeq)) leaveTrouble(t);
  if (!t.sackOk) {
    if (news.advanced) t.renoSacked = t.caState === "Recovery" ? Math.max(0, t.renoSacked - Math.max(0, news.acked - 1)) : 0;
    if (news.duplicate && t.caState !== "Loss") t.renoSacked = Math.min(t.renoSacked + 1, Math.max(0, t.packetsOut - 1));
  }
  const delivered = t.sackOk ? news.acked + news.sacked : news.acked > 0 ? news.acked : news.duplicate ? 1 : 0;
  switch (t.caState) {
    case "Open":
    case "Disorder": {
      const count = sackedOut(t);
      if (count < REORDERING || t.sent.length === 0) {
        t.caState = count > 0 ? "Disorder" : "Open";
        if (news.advanced) growWindow(t, news.acked);
        return;
      }
      enterRecovery(t);
      markLost(t);
      reduceWindow(t, delivered, true);
      return;
    }
    case "Recovery":
      if (t.sackOk || news.advanced) markLost(t);
      reduceWindow(t, delivered, false);
      return;
    case "Loss":
      if (t.sackOk) markLost(t);
      if (news.advanced) growLoss(t, news.acked);
  }
}

/** Slow start over what is sent again after a timeout. */
function growLoss(t: Tcb, acked: number): void {
  t.cwndLimited = true;
  growWindow(t, acked);
}

/** A smaller MTU on the way: what was too large goes again, and is no sign of congestion (tcp_simple_retransmit). */
export function resendTooLarge(t: Tcb): void {
  const { mss } = t;
  for (let i = 0; i < t.sent.length; i++) {
    const s = t.sent[i] as Sent;
    if (s.sacked || s.payload.length <= 0) continue;
    if (s.payload.length > mss) splitSent(t, i, mss);
    s.lost = true;
    s.resent = false;
  }
  if (t.sent.length === 0) return;
  if (t.caState !== "Loss") {
    t.highSeq = t.sndNxt;
    t.ssthresh = t.ssthresh === INFINITE_SSTHRESH ? INFINITE_SSTHRESH : t.ssthresh;
    t.caState = "Loss";
  }
}
