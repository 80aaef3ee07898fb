/** What an address of socat(1) becomes: one or two descriptors, and how to tell the other side that no more will come. */

import { Errno } from "../../abi/errno.ts";
import { F_DUPFD } from "../../abi/fcntl.ts";
import { AF_INET, AF_UNIX, type SocketAddress } from "../../abi/socket.ts";
import { formatIpv4 } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Log } from "./log.ts";

export interface Channel {
  readonly read: number | undefined;
  readonly write: number | undefined;
  /** What is done with the writing end when the other side has ended. */
  readonly end: "shutdown" | "close" | "none";
  /** Of EXEC and SYSTEM. */
  readonly pid?: number;
  /** Where datagrams go. */
  readonly to?: SocketAddress;
  /** One datagram is all. */
  readonly once?: boolean;
  readonly lineEnd?: "crlf" | "cr";
  /** What is to be undone at the end. */
  readonly undo?: () => Proc<void>;
}

/** Which ways of an address are used. */
export type Ways = "both" | "read" | "write";

/** What is to be done with a channel once it is open; a listener with `fork` does it in each child. */
export type Then = (channel: Channel) => Proc<number>;

/** socat's own descriptors begin behind those of its log. */
const LOWEST_FD = 5;

export function* highFd(log: Log, fd: number): Proc<number> {
  const { sys } = log.c;
  if (fd >= LOWEST_FD) return fd;
  const high = yield* sys.fcntl(fd, F_DUPFD, LOWEST_FD);
  yield* sys.close(fd);
  return high;
}

export function showAddress(address: SocketAddress): string {
  if (address.family === AF_INET) return `AF=2 ${formatIpv4(address.addr)}:${address.port}`;
  if (address.family !== AF_UNIX) return `AF=${address.family}`;
  if (address.path.startsWith("\0")) return `AF=1 "@${address.path.slice(1)}"`;
  return `AF=1 "${address.path === "" ? "<anon>" : address.path}"`;
}

/** sizeof of the address, as connect(2) and bind(2) are shown. */
export const addressSize = (address: SocketAddress): number => (address.family === AF_UNIX ? address.path.length + 2 : 16);

/** A call whose failure ends the program with `what: strerror`. */
export function* must<T>(log: Log, what: string, call: Proc<T>): Proc<T> {
  try {
    return yield* call;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* log.fail(`${what}: ${e.message}`);
  }
}

export const waysText = (ways: Ways): string => (ways === "both" ? "reading and writing" : ways === "read" ? "reading" : "writing");
