/**
 * Stream sockets as byte sources and sinks, connections with a time limit, and addresses as text. What is asked for by name is resolved by `netdb.ts`.
 * What asks by name asks for IPv4.
 */

import { EINPROGRESS, type Errno, errnos, ETIMEDOUT } from "../../abi/errno.ts";
import { F_SETFL, O_NONBLOCK } from "../../abi/fcntl.ts";
import { formatIpv4, formatIpv6 } from "../../abi/inet.ts";
import { POLLIN, POLLOUT } from "../../abi/poll.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  type InetAddress,
  MSG_NOSIGNAL,
  SHUT_WR,
  SO_ERROR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  type SocketAddress,
  SOL_SOCKET,
} from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { CLOCK_MONOTONIC } from "../../abi/time.ts";
import type { ByteSink, ByteSource } from "./stream.ts";

export const inetAddress = (addr: number, port: number): InetAddress => ({ family: AF_INET, addr, port });

/** Milliseconds of a clock that only goes forward. */
export function* nowMs(sys: Sys): Proc<number> {
  const { sec, nsec } = yield* sys.clock_gettime(CLOCK_MONOTONIC);
  return sec * 1000 + nsec / 1e6;
}

/** The error behind a number such as SO_ERROR gives; undefined for 0. */
export const errnoOf = (number: number): Errno | undefined => errnos.find((e) => e.code === number);

/** The host part of an address as text: numbers, or a path. */
export function formatHost(address: SocketAddress): string {
  if (address.family === AF_INET) return formatIpv4(address.addr);
  if (address.family === AF_INET6) return formatIpv6(address.addr);
  return address.family === AF_UNIX ? address.path : "";
}

/** A connected stream socket. */
export class SocketStream implements ByteSource, ByteSink {
  private readonly buf = new Uint8Array(65_536);
  /** Milliseconds of the monotonic clock after which reading and writing fail with ETIMEDOUT. */
  deadlineMs = Number.POSITIVE_INFINITY;

  constructor(
    readonly sys: Sys,
    readonly fd: number,
  ) {}

  /** Blocks. Errors: ETIMEDOUT at the deadline, those of recv(2). */
  *read(): Proc<Uint8Array | undefined> {
    yield* this.wait(POLLIN);
    const n = yield* this.sys.read(this.fd, this.buf);
    return n === 0 ? undefined : this.buf.subarray(0, n);
  }

  /** Blocks. Errors: ETIMEDOUT at the deadline, EPIPE (without a signal), ECONNRESET. */
  *write(bytes: Uint8Array): Proc<void> {
    for (let at = 0; at < bytes.length; ) {
      yield* this.wait(POLLOUT);
      at += yield* this.sys.sendmsg(this.fd, at === 0 ? bytes : bytes.subarray(at), MSG_NOSIGNAL);
    }
  }

  *shutdownWrite(): Proc<void> {
    yield* this.sys.shutdown(this.fd, SHUT_WR);
  }

  *close(): Proc<void> {
    yield* this.sys.close(this.fd);
  }

  private *wait(events: number): Proc<void> {
    if (this.deadlineMs === Number.POSITIVE_INFINITY) return;
    const leftMs = Math.max(0, Math.ceil(this.deadlineMs - (yield* nowMs(this.sys))));
    if ((yield* this.sys.poll([{ fd: this.fd, events, revents: 0 }], leftMs)) === 0) throw ETIMEDOUT;
  }
}

export interface ConnectOptions {
  /** Bound before connecting. */
  readonly from?: SocketAddress;
  /** Infinity, and absent: as long as the kernel tries. */
  readonly timeoutMs?: number;
}

/** connect(2) that gives up after a while. Blocks. Errors: ETIMEDOUT, those of connect(2). */
export function* connectFd(sys: Sys, fd: number, to: SocketAddress, timeoutMs = Number.POSITIVE_INFINITY): Proc<void> {
  if (timeoutMs === Number.POSITIVE_INFINITY) {
    yield* sys.connect(fd, to);
    return;
  }
  yield* sys.fcntl(fd, F_SETFL, O_NONBLOCK);
  try {
    yield* sys.connect(fd, to);
  } catch (e) {
    if (e !== EINPROGRESS) throw e;
    const ready = yield* sys.poll([{ fd, events: POLLOUT, revents: 0 }], Math.max(1, Math.ceil(timeoutMs)));
    if (ready === 0) throw ETIMEDOUT;
    const error = errnoOf((yield* sys.getsockopt(fd, SOL_SOCKET, SO_ERROR)) as number);
    if (error !== undefined) throw error;
  }
  yield* sys.fcntl(fd, F_SETFL, 0);
}

/** A connection to one address. Blocks. Errors: as connectFd. */
export function* connectTo(sys: Sys, to: SocketAddress, { from, timeoutMs }: ConnectOptions = {}): Proc<SocketStream> {
  const fd = yield* sys.socket(to.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  try {
    if (from !== undefined) yield* sys.bind(fd, from);
    yield* connectFd(sys, fd, to, timeoutMs);
  } catch (e) {
    yield* sys.close(fd);
    throw e;
  }
  return new SocketStream(sys, fd);
}

/** Flags for a socket that never blocks. */
export const NONBLOCKING = SOCK_NONBLOCK | SOCK_CLOEXEC;
