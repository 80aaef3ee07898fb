/** AF_UNIX as an address family: socket(2) and socketpair(2) of unix(7). */

import { EPROTONOSUPPORT, ESOCKTNOSUPPORT } from "../../abi/errno.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM } from "../../abi/socket.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { SocketFamily } from "./socket.ts";
import { type MakeSocketNode, UnixSocket } from "./unix.ts";

/** AF_UNIX, as a row of the families' table. */
export function unixFamily(makeNode: MakeSocketNode): SocketFamily {
  const make = (system: System, task: Task, type: number, protocol: number, flags: number): UnixSocket => {
    if (protocol !== 0 && protocol !== AF_UNIX) throw EPROTONOSUPPORT;
    // Linux takes SOCK_RAW for SOCK_DGRAM here.
    const real = type === SOCK_RAW ? SOCK_DGRAM : type;
    if (real !== SOCK_STREAM && real !== SOCK_DGRAM && real !== SOCK_SEQPACKET) throw ESOCKTNOSUPPORT;
    return new UnixSocket(system, real, flags, task, makeNode);
  };
  return {
    create: make,
    pair: (system, task, type, protocol, flags) => {
      const a = make(system, task, type, protocol, flags);
      const b = make(system, task, type, protocol, flags);
      a.pairWith(b, task);
      return [a, b];
    },
  };
}
