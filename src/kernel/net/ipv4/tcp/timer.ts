/** Timers of a connection: Linux `net/ipv4/tcp_timer.c`: retransmission, window probes, delayed ACKs, keepalive. */

import { ETIMEDOUT } from "../../../../abi/errno.ts";
import { enterLoss } from "./congestion.ts";
import { ATO_MIN_NS, RTO_MAX_NS, RTO_MIN_NS, TIMEOUT_INIT_NS, TIMEWAIT_NS } from "./constants.ts";
import { enterTimeWait, finish } from "./input.ts";
import { probeDelay, retransmit, sendAck, sendReset, writeWakeup } from "./output.ts";
import type { Sent, Tcb } from "./tcb.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** The instant that was asked for last has come, or an earlier one. */
export function onTimer(t: Tcb): void {
  const now = t.host.nowNs;
  if (t.delackAtNs <= now) {
    t.delackAtNs = NEVER;
    delackTimer(t);
  }
  if (t.rtoAtNs <= now) {
    const kind = t.rtoKind;
    t.clearRto();
    if (kind === "retransmit") retransmitTimer(t);
    else if (kind === "probe") probeTimer(t);
  }
  if (t.keepAtNs <= now) {
    t.keepAtNs = NEVER;
    keepaliveTimer(t);
  }
  if (t.state !== "CLOSE") t.updateTimer();
}

/** tcp_delack_timer_handler(). */
function delackTimer(t: Tcb): void {
  if (t.state === "CLOSE" || !t.ackOwed) return;
  if (t.pingpong) {
    // The answer did not come: no conversation after all.
    t.pingpong = false;
    t.atoNs = ATO_MIN_NS;
  } else t.atoNs = Math.min(t.atoNs * 2, t.rtoNs);
  t.host.mib.tcpExt.DelayedACKs++;
  sendAck(t);
}

/** tcp_write_err(). */
function giveUp(t: Tcb): void {
  t.host.mib.tcpExt.TCPAbortOnTimeout++;
  finish(t, t.softError ?? ETIMEDOUT);
}

/** tcp_model_timeout(): how long so many retransmissions take. */
function modelTimeout(boundary: number, baseNs: number): number {
  const linear = Math.floor(Math.log2(RTO_MAX_NS / baseNs));
  return boundary <= linear ? (2 ** (boundary + 1) - 1) * baseNs : (2 ** (linear + 1) - 1) * baseNs + (boundary - linear) * RTO_MAX_NS;
}

/** tcp_orphan_retries(). */
function orphanRetries(t: Tcb, alive: boolean): number {
  if (t.softError !== undefined && !alive) return 0;
  const retries = t.host.params.orphanRetries;
  return retries === 0 && alive ? 8 : retries;
}

/** tcp_write_timeout(): whether patience is at its end. */
function timedOut(t: Tcb): boolean {
  const { params, nowNs } = t.host;
  if (t.state === "SYN_SENT" || t.state === "SYN_RECV") {
    const retries = t.state === "SYN_SENT" ? params.synRetries : params.synackRetries;
    if (t.userTimeoutNs > 0) return nowNs - t.retransStampNs >= t.userTimeoutNs;
    return t.retransmits >= retries;
  }
  let retries = params.retries2;
  if (t.orphan) {
    const alive = t.rtoNs < RTO_MAX_NS;
    retries = orphanRetries(t, alive);
    if (!alive && t.retransmits >= retries) return true;
  }
  if (t.retransmits === 0) return false;
  return nowNs - t.retransStampNs >= (t.userTimeoutNs > 0 ? t.userTimeoutNs : modelTimeout(retries, RTO_MIN_NS));
}

/** tcp_retransmit_timer(). */
function retransmitTimer(t: Tcb): void {
  if (t.sent.length === 0) return;
  const { tcpExt } = t.host.mib;
  const opening = t.state === "SYN_SENT" || t.state === "SYN_RECV";
  if (t.sndWnd === 0 && !opening && !t.orphan) {
    // The peer has taken its window back: it is asked for as long as it answers.
    if (t.host.nowNs - t.rcvTstampNs > RTO_MAX_NS) {
      giveUp(t);
      return;
    }
  } else if (timedOut(t)) {
    giveUp(t);
    return;
  }
  tcpExt.TCPTimeouts++;
  if (t.retransmits === 0 && t.sent.every((s) => s.retransmits === 0)) t.retransStampNs = (t.sent[0] as Sent).sentNs;
  enterLoss(t);
  t.retransmits++;
  retransmit(t, 0, 1);
  t.backoff++;
  t.rtoNs = Math.min(t.rtoNs * 2, RTO_MAX_NS);
  if (opening && t.rtoNs < TIMEOUT_INIT_NS) t.rtoNs = TIMEOUT_INIT_NS;
  t.armRto("retransmit", t.rtoNs);
}

/** tcp_probe_timer(). */
function probeTimer(t: Tcb): void {
  if (t.sent.length > 0 || !t.hasUnsent) {
    t.probesOut = 0;
    return;
  }
  const { params } = t.host;
  let most = params.retries2;
  if (t.orphan) {
    const alive = probeDelay(t, NEVER) < RTO_MAX_NS;
    most = orphanRetries(t, alive);
    if (!alive && t.backoff >= most) {
      giveUp(t);
      return;
    }
  }
  if (t.probesOut >= most) {
    giveUp(t);
    return;
  }
  const data = writeWakeup(t);
  if (t.sent.length > 0 || !t.hasUnsent) {
    t.probesOut = 0;
    t.backoff = 0;
    return;
  }
  t.probesOut++;
  if (!data && t.backoff < params.retries2) t.backoff++;
  t.armRto("probe", probeDelay(t, RTO_MAX_NS));
}

/** tcp_keepalive_timer(). */
function keepaliveTimer(t: Tcb): void {
  const { params, nowNs, mib } = t.host;
  if (t.orphan && t.state === "FIN_WAIT2") {
    enterTimeWait(t, "FIN_WAIT2", TIMEWAIT_NS);
    return;
  }
  if (!t.keepalive || t.state === "CLOSE" || t.state === "SYN_SENT") return;
  if (t.sent.length > 0 || t.hasUnsent) {
    t.armKeep(params.keepaliveTimeNs);
    return;
  }
  const elapsed = nowNs - Math.max(t.lastRcvNs, t.rcvTstampNs);
  if (elapsed < params.keepaliveTimeNs) {
    t.armKeep(params.keepaliveTimeNs - elapsed);
    return;
  }
  const hopeless = t.userTimeoutNs > 0 ? elapsed >= t.userTimeoutNs && t.probesOut > 0 : t.probesOut >= params.keepaliveProbes;
  if (hopeless) {
    sendReset(t);
    giveUp(t);
    return;
  }
  writeWakeup(t);
  mib.tcpExt.TCPKeepAlive++;
  t.probesOut++;
  t.armKeep(params.keepaliveIntvlNs);
}

/** SO_KEEPALIVE was set or cleared (tcp_set_keepalive). */
export function setKeepalive(t: Tcb, on: boolean): void {
  const was = t.keepalive;
  t.keepalive = on;
  if (t.state === "CLOSE" || t.state === "LISTEN") return;
  if (on && !was) t.armKeep(t.host.params.keepaliveTimeNs);
  else if (!on && !(t.orphan && t.state === "FIN_WAIT2")) {
    t.keepAtNs = NEVER;
    t.updateTimer();
  }
}
