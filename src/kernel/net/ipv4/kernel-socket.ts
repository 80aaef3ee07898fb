/**
 * Sockets without a task, for servers and clients that are no programs of the machine (the world outside). Everything is told by callbacks, which run on their own
 * after the packet that caused them, never inside of it; they may call any method.
 */

import { Errno } from "../../../abi/errno.ts";
import { Timer } from "../../sched/timer.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { close, readChunk, shutdownSend, writeBytes } from "./tcp/close.ts";
import { startListening } from "./tcp/listen.ts";
import { TcpSock } from "./tcp/sock.ts";
import { RCV_SHUTDOWN } from "./tcp/tcb.ts";
import { UdpSock } from "./udp.ts";

const KERNEL = { uid: 0 };

/** Calls `body` soon, however often it is asked to. */
class Soon {
  private readonly timer: Timer;

  constructor(
    private readonly ns: NetNamespace,
    body: () => void,
  ) {
    this.timer = new Timer(() => ns.core.softnet.run(body));
  }

  ask(): void {
    const { sched } = this.ns.system;
    if (!this.timer.armed) sched.timers.arm(this.timer, sched.clockNs);
  }

  cancel(): void {
    this.ns.system.sched.timers.cancel(this.timer);
  }
}

export interface StreamEvents {
  /** The connection is made (for those who called). */
  connected?(): void;
  /** Bytes came. Nobody may write into them. */
  data?(bytes: Uint8Array): void;
  /** The socket's buffer has taken all that was written. */
  room?(): void;
  /** All that was written is sent and acknowledged. */
  drained?(): void;
  /** The other side sends no more. */
  ended?(): void;
  /** It is over; with the error that ended it. Called once. */
  closed?(error: Errno | undefined): void;
}

/** One connection. */
export class KernelStream {
  events: StreamEvents = {};
  private readonly soon: Soon;
  private readonly pending: Uint8Array[] = [];
  private finishing = false;
  private announced = false;
  private toldEnd = false;
  private over = false;
  private wasBusy = false;

  constructor(private readonly sock: TcpSock) {
    this.soon = new Soon(sock.ns, () => this.look());
    sock.listener = () => this.soon.ask();
    this.soon.ask();
  }

  get remoteAddr(): number {
    return this.sock.daddr as number;
  }

  get remotePort(): number {
    return this.sock.remotePort;
  }

  get localAddr(): number {
    return this.sock.rcvSaddr as number;
  }

  get localPort(): number {
    return this.sock.localPort;
  }

  /** Bytes that were written here and are not acknowledged yet. */
  get queuedBytes(): number {
    return this.pending.reduce((sum, bytes) => sum + bytes.length, 0) + this.sock.tcb.queuedBytes;
  }

  /** Sends bytes; what finds no room waits for it. They are copied. */
  write(bytes: Uint8Array): void {
    if (this.over || this.finishing || bytes.length === 0) return;
    this.wasBusy = true;
    this.sock.ns.core.softnet.run(() => {
      const sent = this.pending.length === 0 ? writeBytes(this.sock.tcb, bytes) : 0;
      if (sent < bytes.length) this.pending.push(bytes.slice(sent));
    });
  }

  /** No more will be written. The connection closes when the other side has ended, too. */
  end(): void {
    this.finishing = true;
    this.soon.ask();
  }

  /** Resets the connection. */
  abort(): void {
    if (this.over) return;
    this.over = true;
    this.soon.cancel();
    this.sock.listener = undefined;
    this.sock.ns.core.softnet.run(() => close(this.sock.tcb, true));
    this.sock.forget();
  }

  private look(): void {
    const { sock, events } = this;
    const { tcb } = sock;
    if (this.over) return;
    if (!this.announced && tcb.state !== "SYN_SENT" && tcb.state !== "SYN_RECV" && tcb.state !== "CLOSE") {
      this.announced = true;
      events.connected?.();
    }
    for (let chunk = readChunk(tcb); chunk !== undefined && !this.over; chunk = readChunk(tcb)) events.data?.(chunk);
    this.flush();
    if (this.over) return;
    if (!this.toldEnd && tcb.error === undefined && (tcb.shutdown & RCV_SHUTDOWN) !== 0 && tcb.finReceived) {
      this.toldEnd = true;
      events.ended?.();
      this.flush();
    }
    if (!this.over && tcb.state === "CLOSE") this.finish();
  }

  /** Whether some of what was written waits for room in the socket's buffer. */
  get waitsForRoom(): boolean {
    return this.pending.length > 0;
  }

  private flush(): void {
    const { tcb } = this.sock;
    const waited = this.waitsForRoom;
    while (this.pending.length > 0) {
      const [bytes] = this.pending as [Uint8Array];
      const sent = writeBytes(tcb, bytes);
      if (sent === bytes.length) this.pending.shift();
      else {
        this.pending[0] = bytes.subarray(sent);
        return;
      }
    }
    if (waited) this.events.room?.();
    if (this.wasBusy && tcb.queuedBytes === 0) {
      this.wasBusy = false;
      this.events.drained?.();
    }
    if (!this.finishing || this.pending.length > 0) return;
    if (this.toldEnd) this.finish();
    else shutdownSend(tcb);
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    const { sock, events } = this;
    const error = sock.takeHardError();
    sock.listener = undefined;
    close(sock.tcb, false);
    if (sock.tcb.state === "CLOSE") sock.forget();
    events.closed?.(error);
  }
}

/** Listens on a port; `accept` gets each new connection, and sets its events. Errors: EADDRINUSE. */
export function listenTcp(
  ns: NetNamespace,
  addr: number,
  port: number,
  accept: (stream: KernelStream) => void,
  backlog = 128,
): { close(): void } {
  const sock = new TcpSock(ns, KERNEL);
  sock.reuseAddr = true;
  sock.rcvSaddr = addr;
  sock.saddr = addr;
  sock.takePort(port);
  startListening(sock, backlog);
  const soon = new Soon(ns, () => {
    for (let child = sock.listen?.ready.shift(); child !== undefined; child = sock.listen?.ready.shift()) {
      child.parent = undefined;
      accept(new KernelStream(child));
    }
  });
  sock.listener = () => soon.ask();
  return {
    close() {
      soon.cancel();
      ns.core.softnet.run(() => sock.stopListening());
      sock.forget();
    },
  };
}

/** Calls; `events.connected` or `events.closed` follows. Errors: those of routes. */
export function connectTcp(ns: NetNamespace, addr: number, port: number, events: StreamEvents): KernelStream {
  const sock = new TcpSock(ns, KERNEL);
  try {
    ns.core.softnet.run(() => sock.open(addr, port));
  } catch (e) {
    sock.forget();
    throw e;
  }
  const stream = new KernelStream(sock);
  stream.events = events;
  return stream;
}

/** A socket of UDP. */
export interface KernelUdp {
  readonly localPort: number;
  /** Sends a datagram; what cannot be sent is lost. */
  send(addr: number, port: number, bytes: Uint8Array): void;
  close(): void;
}

/** Hears a port, 0 for any free one. `receive` gets each datagram, and where it came from. Errors: EADDRINUSE. */
export function bindUdp(
  ns: NetNamespace,
  addr: number,
  port: number,
  receive: (bytes: Uint8Array, from: { readonly addr: number; readonly port: number }) => void,
): KernelUdp {
  const sock = new UdpSock(ns, KERNEL);
  sock.rcvSaddr = addr;
  sock.saddr = addr;
  sock.takePort(port);
  const soon = new Soon(ns, () => {
    for (let got = sock.takeDatagram(); got !== undefined; got = sock.takeDatagram())
      receive(got.bytes, { addr: got.from.addr as number, port: got.from.port });
  });
  sock.listener = () => soon.ask();
  return {
    localPort: sock.localPort,
    send(to, toPort, bytes) {
      try {
        ns.core.softnet.run(() => sock.sendTo(to, toPort, bytes.slice()));
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
    },
    close() {
      soon.cancel();
      sock.dropPort();
    },
  };
}
