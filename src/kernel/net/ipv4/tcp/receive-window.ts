/** The receive buffer as readers empty it, and what the other side is told of that: Linux `tcp_cleanup_rbuf`, `tcp_rcv_space_adjust`. */

import { DELACK_MAX_NS, TCP_RMEM } from "./constants.ts";
import { offerableWindow, selectInitialWindow, sendAck } from "./output.ts";
import { seqAdd, seqDiff } from "./seq.ts";
import { RCV_SHUTDOWN, type Tcb } from "./tcb.ts";

/** tcp_cleanup_rbuf(), tcp_rcv_space_adjust(): after `count` bytes were read. */
export function afterRead(t: Tcb, count: number): void {
  if (count === 0) return;
  t.copiedSeq = seqAdd(t.copiedSeq, count);
  tuneReceiveBuffer(t);
  if (t.state === "CLOSE" || t.state === "LISTEN" || t.state === "SYN_SENT") return;
  let now = false;
  if (t.ackOwed) now = seqDiff(t.rcvNxt, t.rcvWup) > t.rcvMss || (t.ackPushed && !t.pingpong && t.received.length === 0);
  if (!now && (t.shutdown & RCV_SHUTDOWN) === 0) {
    const current = t.receiveWindow;
    if (2 * current <= t.windowClamp) {
      const fresh = offerableWindow(t);
      now = fresh > 0 && fresh >= 2 * current;
    }
  }
  if (now) sendAck(t);
}

/** Who reads a whole buffer in a round trip gets a larger one. */
function tuneReceiveBuffer(t: Tcb): void {
  const now = t.host.nowNs;
  const rttNs = Math.max((t.srtt >> 3) * 1000, 1_000_000);
  if (now - t.rcvSpace.sinceNs < Math.min(rttNs, DELACK_MAX_NS)) return;
  const copied = seqDiff(t.copiedSeq, t.rcvSpace.seq);
  let { space } = t.rcvSpace;
  if (copied > space) {
    if (!t.rcvbufLocked) {
      const window = 2 * copied + 16 * t.advmss;
      const wanted = Math.min(2 * window, TCP_RMEM[2]);
      if (wanted > t.rcvbuf) {
        t.rcvbuf = wanted;
        t.windowClamp = Math.min(wanted >> 1, 65_535 * 2 ** t.rcvWscale);
      }
    }
    space = copied;
  }
  t.rcvSpace = { sinceNs: now, seq: t.copiedSeq, space };
}

/** Window scale and first window of the side that was called. */
export function initPassive(t: Tcb): void {
  selectInitialWindow(t, t.advmss - (t.tstampOk ? 12 : 0), t.wscaleOk);
}
