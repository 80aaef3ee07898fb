/** AF_INET as an address family: socket(2), Linux `inet_create`, `net/ipv4/af_inet.c`. */

import { EOPNOTSUPP, EINVAL, EPROTONOSUPPORT, ESOCKTNOSUPPORT } from "../../../abi/errno.ts";
import { IPPROTO_TCP } from "../../../abi/inet.ts";
import { SOCK_STREAM } from "../../../abi/socket.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { SocketFamily, SocketFile } from "../socket.ts";
import { TcpSocket } from "./tcp/socket.ts";

function create(system: System, task: Task, type: number, protocol: number, flags: number): SocketFile {
  if (protocol < 0 || protocol >= 256) throw EINVAL;
  if (type !== SOCK_STREAM) throw ESOCKTNOSUPPORT;
  if (protocol !== 0 && protocol !== IPPROTO_TCP) throw EPROTONOSUPPORT;
  return new TcpSocket(system, flags, task);
}

/** AF_INET, as a row of the families' table. */
export const inetFamily: SocketFamily = {
  create,
  pair() {
    throw EOPNOTSUPP;
  },
};
