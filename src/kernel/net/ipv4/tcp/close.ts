/** Writing, reading and ending a connection: Linux `net/ipv4/tcp.c`. */

import { finish, lingerInFinWait2 } from "./input.ts";
import { pushPending, queueFin, sendAck, sendReset } from "./output.ts";
import { afterRead } from "./receive-window.ts";
import { seqAdd, seqDiff } from "./seq.ts";
import { RCV_SHUTDOWN, SEND_SHUTDOWN, type Tcb } from "./tcb.ts";

/** Puts bytes into the send buffer, as many as it has room for, and sends what may go. Returns how many. The bytes are copied. */
export function writeBytes(t: Tcb, bytes: Uint8Array, more = false): number {
  let done = 0;
  while (done < bytes.length) {
    const room = t.sendRoom;
    if (room <= 0) break;
    const length = Math.min(bytes.length - done, room);
    t.unsent.push(bytes.slice(done, done + length));
    t.writeSeq = seqAdd(t.writeSeq, length);
    done += length;
    const cork = t.cork;
    t.cork ||= more;
    pushPending(t);
    t.cork = cork;
    if (t.state === "CLOSE") break;
  }
  return done;
}

/** Takes bytes out of the receive buffer. Returns how many. */
export function readBytes(t: Tcb, buf: Uint8Array, peek: boolean): number {
  const count = t.received.read(buf, peek);
  if (!peek) afterRead(t, count);
  return count;
}

/** As readBytes, for readers in the kernel: the next piece without a copy. */
export function readChunk(t: Tcb): Uint8Array | undefined {
  const chunk = t.received.takeChunk();
  if (chunk !== undefined) afterRead(t, chunk.length);
  return chunk;
}

/** tcp_close_state(): the transition of one's own end. Returns whether a FIN is due. */
function closeState(t: Tcb): boolean {
  switch (t.state) {
    case "ESTABLISHED":
    case "SYN_RECV":
      t.setState("FIN_WAIT1");
      return true;
    case "CLOSE_WAIT":
      t.setState("LAST_ACK");
      return true;
    case "SYN_SENT":
    case "LISTEN":
    case "FIN_WAIT1":
    case "FIN_WAIT2":
    case "LAST_ACK":
    case "CLOSING":
    case "TIME_WAIT":
    case "CLOSE":
      return false;
  }
}

/** tcp_shutdown(): no more is sent. */
export function shutdownSend(t: Tcb): void {
  t.shutdown |= SEND_SHUTDOWN;
  switch (t.state) {
    case "ESTABLISHED":
    case "CLOSE_WAIT":
      if (closeState(t)) queueFin(t);
      return;
    case "SYN_RECV":
    case "SYN_SENT":
    case "FIN_WAIT1":
    case "FIN_WAIT2":
    case "LAST_ACK":
    case "CLOSING":
    case "LISTEN":
    case "TIME_WAIT":
    case "CLOSE":
      return;
  }
}

/** Whether an end in this state needs a reset to be told (tcp_need_reset). */
const needsReset = (t: Tcb): boolean =>
  t.state === "ESTABLISHED" || t.state === "CLOSE_WAIT" || t.state === "FIN_WAIT1" || t.state === "FIN_WAIT2" || t.state === "SYN_RECV";

/** tcp_disconnect(): away at once; with a reset where the other side would not know. */
export function abort(t: Tcb): void {
  if (needsReset(t) || (t.queuedBytes > 0 && (t.state === "CLOSING" || t.state === "LAST_ACK"))) sendReset(t);
  t.received.clear();
  if (t.state !== "CLOSE") finish(t);
}

/**
 * tcp_close(): nobody holds it any more. What was not read resets the connection; SO_LINGER with 0 seconds does, too (`abortive`). Otherwise the rest is sent,
 * then a FIN, by the orphan that it is now.
 */
export function close(t: Tcb, abortive: boolean): void {
  t.shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN;
  const unread = t.received.length > 0 || seqDiff(t.rcvNxt, t.copiedSeq) - (t.finReceived ? 1 : 0) > 0;
  t.received.clear();
  if (t.state === "CLOSE") return;
  t.orphan = true;
  const { tcpExt } = t.host.mib;
  if (unread && t.state !== "SYN_SENT") {
    tcpExt.TCPAbortOnClose++;
    sendReset(t);
    finish(t);
    return;
  }
  if (abortive) {
    tcpExt.TCPAbortOnData++;
    abort(t);
    return;
  }
  if (t.state === "SYN_SENT") {
    finish(t);
    return;
  }
  const owed = t.ackOwed;
  if (closeState(t)) {
    queueFin(t);
    if (owed && t.hasUnsent) sendAck(t);
  }
  t.clearKeepalive();
  if (t.state === "FIN_WAIT2") lingerInFinWait2(t);
}
