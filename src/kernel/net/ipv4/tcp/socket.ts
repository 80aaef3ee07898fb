/**
 * TCP sockets as files: tcp(7), Linux `net/ipv4/tcp.c`, `af_inet.c`: blocking, errors and options.
 *
 * Differs from Linux: close(2) never waits, whatever SO_LINGER says besides "reset at once".
 */

import {
  EAGAIN,
  EAFNOSUPPORT,
  EALREADY,
  ECONNABORTED,
  ECONNRESET,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
} from "../../../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from "../../../../abi/poll.ts";
import { SIGPIPE } from "../../../../abi/signal.ts";
import {
  AF_INET,
  AF_UNSPEC,
  MSG_ERRQUEUE,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SHUT_RDWR,
  SOCK_STREAM,
  SOL_TCP,
  type SocketAddress,
  type SocketOption,
} from "../../../../abi/socket.ts";
import type { Wait } from "../../../../abi/sys.ts";
import type { IoctlRequest } from "../../../../abi/termios.ts";
import { Blocked, type MaySleep } from "../../../blocked.ts";
import { ERESTARTSYS } from "../../../restart.ts";
import type { WaitQueue } from "../../../sched/wait-queue.ts";
import type { System } from "../../../task/system.ts";
import type { Task } from "../../../task/task.ts";
import type { Caller } from "../../../vfs/caller.ts";
import type { File } from "../../../vfs/file.ts";
import { netNsOf } from "../../net-namespace.ts";
import type { Received, SocketFile } from "../../socket.ts";
import { netSetting } from "../../sysctl.ts";
import { InetSocket } from "../inet-socket.ts";
import { abort, close, readBytes, shutdownSend, writeBytes } from "./close.ts";
import { startListening } from "./listen.ts";
import { getTcpOption, setTcpOption } from "./options.ts";
import { TcpSock } from "./sock.ts";
import { RCV_SHUTDOWN, SEND_SHUTDOWN } from "./tcb.ts";
import { setKeepalive } from "./timer.ts";

const MSG_MORE = 0x8000;

export class TcpSocket extends InetSocket {
  readonly sock: TcpSock;
  /** As `struct socket` has it: what connect(2) makes of the next call. */
  private stage: "unconnected" | "connecting" | "connected" | "disconnecting" = "unconnected";

  constructor(system: System, flags: number, task: Task, family: number = AF_INET, accepted?: TcpSock) {
    super(system, SOCK_STREAM, flags, task, family);
    this.sock = accepted ?? new TcpSock(netNsOf(task), { uid: task.cred.fsuid });
    if (accepted === undefined) {
      this.sock.family = family;
      this.sock.v6only = family !== AF_INET && netSetting(this.sock.ns, "ipv6/bindv6only") !== 0;
    }
    this.sock.ino = this.inode.ino;
    if (accepted !== undefined) {
      this.sock.uid = task.cred.fsuid;
      this.stage = "connected";
    }
    this.sock.holdNs(task);
  }

  private get tcb() {
    return this.sock.tcb;
  }

  protected get listening(): boolean {
    return this.tcb.state === "LISTEN";
  }

  protected override get routed(): boolean {
    return this.sock.routed;
  }

  protected get fresh(): boolean {
    return this.tcb.state === "CLOSE";
  }

  override bind(task: Task, addr: SocketAddress): void {
    super.bind(task, addr);
    this.sock.routed = false;
  }

  // ── Connections ────────────────────────────────────────────────────────────────────────────────────────────────────

  override peername(): SocketAddress {
    const { state } = this.tcb;
    if (state === "CLOSE" || state === "SYN_SENT") throw ENOTCONN;
    return super.peername();
  }

  listen(_task: Task, backlog: number): void {
    if (this.stage !== "unconnected") throw EINVAL;
    const { state } = this.tcb;
    if (state !== "CLOSE" && state !== "LISTEN") throw EINVAL;
    startListening(this.sock, backlog);
  }

  connect(task: Task, addr: SocketAddress): MaySleep<void> {
    if (addr.family === AF_UNSPEC) {
      this.work(() => this.disconnect());
      return;
    }
    const { tcb } = this;
    if (this.stage === "connected") throw EISCONN;
    if (this.stage === "disconnecting") throw EINVAL;
    const first = this.stage === "unconnected";
    if (first) {
      if (tcb.state !== "CLOSE") throw EISCONN;
      const { addr: ip, port } = this.peerOf(addr, EAFNOSUPPORT);
      this.work(() => this.sock.open(ip, port));
      this.stage = "connecting";
      // What comes back at once waits until the call has returned: the caller has the socket locked.
      if (this.nonblock(0)) throw EINPROGRESS;
    }
    if (tcb.state === "SYN_SENT" || tcb.state === "SYN_RECV") {
      if (this.nonblock(0)) throw EALREADY;
      return new Blocked(this.connectSlowly(task));
    }
    this.connected();
  }

  private *connectSlowly(task: Task): Generator<Wait, void, void> {
    const { tcb } = this;
    const deadline = this.deadline(task, this.sendTimeoutNs);
    while (tcb.state === "SYN_SENT" || tcb.state === "SYN_RECV") {
      if ((yield* task.sched.sleep([this.sock.writeWait], deadline)) === "timeout") throw EINPROGRESS;
    }
    this.connected();
  }

  /** The attempt has ended, one way or the other. */
  private connected(): void {
    const { tcb } = this;
    if (tcb.state === "CLOSE") {
      this.stage = "unconnected";
      const error = this.sock.takeHardError();
      this.disconnect();
      throw error ?? ECONNABORTED;
    }
    this.stage = "connected";
  }

  /** tcp_disconnect(). */
  private disconnect(): void {
    const { sock, tcb } = this;
    const { state } = tcb;
    if (state === "LISTEN") sock.stopListening();
    else abort(tcb);
    this.stage = "unconnected";
    const cut = state !== "LISTEN" && state !== "CLOSE" && state !== "CLOSING" && state !== "LAST_ACK";
    const error = cut ? ECONNRESET : tcb.error;
    sock.reset();
    tcb.error = error;
  }

  accept(task: Task, flags: number): MaySleep<SocketFile> {
    if (this.tcb.state !== "LISTEN") throw EINVAL;
    const ready = this.takeReady(task, flags);
    if (ready !== undefined) return ready;
    if (this.nonblock(0)) throw EAGAIN;
    return new Blocked(this.acceptSlowly(task, flags));
  }

  private *acceptSlowly(task: Task, flags: number): Generator<Wait, SocketFile, void> {
    const deadline = this.deadline(task, this.receiveTimeoutNs);
    for (;;) {
      const why = yield* task.sched.sleep([this.sock.readWait], deadline);
      const ready = this.takeReady(task, flags);
      if (ready !== undefined) return ready;
      if (this.tcb.state !== "LISTEN") throw EINVAL;
      if (why === "timeout") throw EAGAIN;
    }
  }

  private takeReady(task: Task, flags: number): SocketFile | undefined {
    const child = this.sock.listen?.ready.shift();
    if (child === undefined) return undefined;
    child.parent = undefined;
    const accepted = new TcpSocket(this.system, flags, task, this.domain, child);
    accepted.inherit(this);
    return accepted;
  }

  /** When a call that began now is to give up; kept over a restart. */
  private deadline(task: Task, timeoutNs: number): number {
    return Number.isFinite(timeoutNs) ? task.sched.clockNs + timeoutNs : Number.POSITIVE_INFINITY;
  }

  shutdown(how: number): void {
    if (how < 0 || how > SHUT_RDWR) throw EINVAL;
    const bits = how + 1;
    const { tcb } = this;
    if (this.stage === "connecting") this.stage = tcb.state === "SYN_SENT" || tcb.state === "CLOSE" ? "disconnecting" : "connected";
    this.work(() => {
      if (tcb.state === "CLOSE") {
        tcb.shutdown |= bits;
        this.wakeAll();
        throw ENOTCONN;
      }
      if (tcb.state === "LISTEN" || tcb.state === "SYN_SENT") {
        if (tcb.state === "LISTEN" && (bits & RCV_SHUTDOWN) === 0) return;
        this.disconnect();
        this.wakeAll();
        return;
      }
      tcb.shutdown |= bits;
      if ((bits & SEND_SHUTDOWN) !== 0) shutdownSend(tcb);
      this.wakeAll();
    });
  }

  private wakeAll(): void {
    this.sock.wakeReaders();
    this.sock.wakeWriters();
  }

  // ── Data ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  send(task: Task, buf: Uint8Array, flags: number, _to: SocketAddress | undefined, _files: readonly File[]): MaySleep<number> {
    if ((flags & MSG_OOB) !== 0) throw EOPNOTSUPP;
    const { tcb } = this;
    const opening = tcb.state === "SYN_SENT" || tcb.state === "SYN_RECV";
    if (opening && !this.nonblock(flags)) return new Blocked(this.sendSlowly(task, buf, 0, flags));
    const sent = this.trySend(task, buf, 0, flags);
    if (sent === buf.length) return sent;
    if (this.nonblock(flags)) {
      if (sent === 0) throw EAGAIN;
      return sent;
    }
    return new Blocked(this.sendSlowly(task, buf, sent, flags));
  }

  /** How far it came. Errors: EPIPE, with SIGPIPE, and those of the connection, if nothing was sent. */
  private trySend(task: Task, buf: Uint8Array, start: number, flags: number): number {
    const { tcb, sock } = this;
    if (tcb.state === "SYN_SENT" || tcb.state === "SYN_RECV") return start;
    const open = tcb.state === "ESTABLISHED" || tcb.state === "CLOSE_WAIT";
    if (!open || tcb.error !== undefined || (tcb.shutdown & SEND_SHUTDOWN) !== 0) {
      if (start > 0) return buf.length;
      const error = sock.takeHardError() ?? EPIPE;
      if (error === EPIPE && (flags & MSG_NOSIGNAL) === 0) task.raise(SIGPIPE);
      throw error;
    }
    const sent = this.work(() => writeBytes(tcb, start === 0 ? buf : buf.subarray(start), (flags & MSG_MORE) !== 0));
    sock.chargeBuffers();
    return start + sent;
  }

  private *sendSlowly(task: Task, buf: Uint8Array, already: number, flags: number): Generator<Wait, number, void> {
    const { tcb, sock } = this;
    const deadline = this.deadline(task, this.sendTimeoutNs);
    let sent = already;
    for (;;) {
      try {
        const why = yield* task.sched.sleep([sock.writeWait], deadline);
        if (why === "timeout") {
          if (sent === 0) throw EAGAIN;
          return sent;
        }
      } catch (e) {
        if (e !== ERESTARTSYS || sent === 0) throw e;
        return sent;
      }
      const stuck = tcb.state === "SYN_SENT" || tcb.state === "SYN_RECV";
      if (stuck) continue;
      if (sent > 0 && (tcb.error !== undefined || (tcb.shutdown & SEND_SHUTDOWN) !== 0)) return sent;
      sent = this.trySend(task, buf, sent, flags);
      if (sent >= buf.length) return sent;
    }
  }

  receive(task: Task, buf: Uint8Array, flags: number): MaySleep<Received> {
    if ((flags & MSG_ERRQUEUE) !== 0) throw EAGAIN;
    if (this.tcb.state === "LISTEN") throw ENOTCONN;
    if ((flags & MSG_OOB) !== 0) throw EINVAL;
    const got = this.tryReceive(buf, 0, flags);
    if (got.done) return { length: got.length, files: [], flags: 0 };
    if (this.nonblock(flags)) {
      if (got.length > 0) return { length: got.length, files: [], flags: 0 };
      throw EAGAIN;
    }
    return new Blocked(this.receiveSlowly(task, buf, got.length, flags));
  }

  private *receiveSlowly(task: Task, buf: Uint8Array, already: number, flags: number): Generator<Wait, Received, void> {
    const deadline = this.deadline(task, this.receiveTimeoutNs);
    let length = already;
    for (;;) {
      try {
        const why = yield* task.sched.sleep([this.sock.readWait], deadline);
        const got = this.tryReceive(buf, length, flags);
        length = got.length;
        if (!got.done && why === "timeout" && length === 0) throw EAGAIN;
        if (got.done || why === "timeout") return { length, files: [], flags: 0 };
      } catch (e) {
        if (e !== ERESTARTSYS || length === 0) throw e;
        return { length, files: [], flags: 0 };
      }
    }
  }

  /** Takes what is there, after `already` bytes; `done` where the call is over with that. Errors: those of the connection, ENOTCONN. */
  private tryReceive(buf: Uint8Array, already: number, flags: number): { readonly length: number; readonly done: boolean } {
    const { tcb, sock } = this;
    const peek = (flags & MSG_PEEK) !== 0;
    let length = already;
    const want = buf.length - length;
    if (tcb.unread > 0 && want > 0) {
      const into = (flags & MSG_TRUNC) !== 0 && !peek ? new Uint8Array(want) : buf.subarray(peek ? 0 : length);
      const count = this.work(() => readBytes(tcb, into, peek));
      length = peek ? count : length + count;
      sock.chargeBuffers();
    }
    const target = ((flags & MSG_WAITALL) !== 0 ? buf.length : Math.min(this.rcvLowat, buf.length)) || 1;
    if (length >= target || (buf.length === 0 && tcb.unread > 0)) return { length, done: true };
    if (length > 0) return { length, done: tcb.error !== undefined || tcb.state === "CLOSE" || (tcb.shutdown & RCV_SHUTDOWN) !== 0 };
    if (tcb.finReceived) return { length, done: true };
    if (tcb.error !== undefined) throw sock.takeHardError();
    if ((tcb.shutdown & RCV_SHUTDOWN) !== 0) return { length, done: true };
    if (tcb.state === "CLOSE") throw ENOTCONN;
    return { length, done: false };
  }

  override ioctl(_caller: Caller, request: IoctlRequest): MaySleep<unknown> {
    if (request !== "FIONREAD") throw EINVAL;
    if (this.tcb.state === "LISTEN") throw EINVAL;
    return this.tcb.state === "SYN_SENT" || this.tcb.state === "SYN_RECV" ? 0 : this.tcb.unread;
  }

  /** tcp_poll(). */
  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    const { sock, tcb } = this;
    queues?.push(sock.readWait, sock.writeWait);
    if (tcb.state === "LISTEN") return (sock.listen?.ready.length ?? 0) > 0 ? POLLIN : 0;
    let mask = 0;
    const both = RCV_SHUTDOWN | SEND_SHUTDOWN;
    if ((tcb.shutdown & both) === both || tcb.state === "CLOSE") mask |= POLLHUP;
    if ((tcb.shutdown & RCV_SHUTDOWN) !== 0) mask |= POLLIN | POLLRDHUP;
    if (tcb.state !== "SYN_SENT" && tcb.state !== "SYN_RECV") {
      if (tcb.unread >= this.rcvLowat) mask |= POLLIN;
      if ((tcb.shutdown & SEND_SHUTDOWN) !== 0 || tcb.writable) mask |= POLLOUT;
    }
    if (tcb.error !== undefined) mask |= POLLERR;
    return mask;
  }

  // ── Options ────────────────────────────────────────────────────────────────────────────────────────────────────────

  override getsockopt(task: Task, level: number, option: number, argument?: string): SocketOption {
    if (level === SOL_TCP) return getTcpOption(this.sock, option);
    return super.getsockopt(task, level, option, argument);
  }

  override setsockopt(task: Task, level: number, option: number, value: SocketOption): void {
    if (level === SOL_TCP) this.work(() => setTcpOption(this.sock, option, value));
    else super.setsockopt(task, level, option, value);
  }

  protected override getKeepalive(): boolean {
    return this.tcb.keepalive;
  }

  protected override setKeepalive(on: boolean): void {
    setKeepalive(this.tcb, on);
  }

  protected override getBuffer(which: "sndbuf" | "rcvbuf"): number {
    return this.tcb[which];
  }

  protected override setBuffer(which: "sndbuf" | "rcvbuf", bytes: number): void {
    super.setBuffer(which, bytes);
    const { tcb } = this;
    tcb[which] = bytes;
    if (which === "sndbuf") tcb.sndbufLocked = true;
    else tcb.rcvbufLocked = true;
  }

  // ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────────

  protected override release(): void {
    const { sock, tcb } = this;
    this.work(() => {
      if (tcb.state === "LISTEN") {
        sock.stopListening();
        sock.forget();
      } else {
        sock.ino = 0;
        const wasOpen = tcb.state !== "CLOSE";
        close(tcb, this.linger.on && this.linger.seconds === 0);
        if (!wasOpen || tcb.state === "CLOSE") sock.forget();
      }
    });
    super.release();
  }
}
