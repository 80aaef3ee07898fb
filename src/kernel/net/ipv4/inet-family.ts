/** AF_INET and AF_INET6 as address families: socket(2), Linux `inet_create`, `net/ipv4/af_inet.c`. */

import { CAP_NET_RAW } from "../../../abi/capability.ts";
import { EACCES, EINVAL, EOPNOTSUPP, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT } from "../../../abi/errno.ts";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "../../../abi/inet.ts";
import { AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from "../../../abi/socket.ts";
import { nsCapable } from "../../ns/user.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import { netNsOf } from "../net-namespace.ts";
import type { SocketFamily, SocketFile } from "../socket.ts";
import { mayPing, PingSocket } from "./ping.ts";
import { RawSocket } from "./raw.ts";
import { TcpSocket } from "./tcp/socket.ts";
import { UdpSocket } from "./udp.ts";

function create(family: number, system: System, task: Task, type: number, protocol: number, flags: number): SocketFile {
  if (protocol < 0 || protocol >= 256) throw EINVAL;
  switch (type) {
    case SOCK_STREAM:
      if (protocol !== 0 && protocol !== IPPROTO_TCP) throw EPROTONOSUPPORT;
      return new TcpSocket(system, flags, task, family);
    case SOCK_DGRAM:
      if (protocol === (family === AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
        if (!mayPing(netNsOf(task), task.cred)) throw EACCES;
        return new PingSocket(system, flags, task, family);
      }
      if (protocol !== 0 && protocol !== IPPROTO_UDP) throw EPROTONOSUPPORT;
      return new UdpSocket(system, flags, task, family);
    case SOCK_RAW: {
      if (protocol === 0) throw EPROTONOSUPPORT;
      const ns = netNsOf(task);
      if (!nsCapable(task.cred, ns.owner ?? task.cred.userNs, CAP_NET_RAW)) throw EPERM;
      return new RawSocket(system, protocol, flags, task, family);
    }
    default:
      throw ESOCKTNOSUPPORT;
  }
}

/** As a row of the families' table. */
export const inetFamily = (family: number): SocketFamily => ({
  create: (system, task, type, protocol, flags) => create(family, system, task, type, protocol, flags),
  pair(system, task, type, protocol, flags) {
    // The socket is made before the family says that it has no pairs.
    create(family, system, task, type, protocol, flags).get().put();
    throw EOPNOTSUPP;
  },
});
