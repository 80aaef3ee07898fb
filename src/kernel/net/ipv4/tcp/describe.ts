/** TCP's sockets as /proc/net/tcp and inet_diag show them: Linux `get_tcp4_sock`, `inet_sk_diag_fill`. */

import type { IpAddr } from "../../ipv6/ip6.ts";
import type { NetNamespace } from "../../net-namespace.ts";
import { TCP_STATE_NUMBER } from "./constants.ts";
import type { TcpSock } from "./sock.ts";
import { tcpTable } from "./table.ts";

export interface TcpEntry {
  readonly state: number;
  readonly family: number;
  readonly localAddr: IpAddr;
  readonly localPort: number;
  readonly remoteAddr: IpAddr;
  readonly remotePort: number;
  readonly boundDev: number;
  readonly rqueue: number;
  readonly wqueue: number;
  /** 0 none, 1 retransmission, 2 keepalive, 3 time-wait, 4 probe of a closed window: as in /proc/net/tcp. */
  readonly timer: number;
  readonly expiresNs: number;
  readonly retransmits: number;
  readonly probes: number;
  readonly uid: number;
  readonly ino: number;
  readonly cookie: number;
  /** Absent for requests and time-wait entries. */
  readonly sock?: TcpSock;
}

function timerOf(sock: TcpSock): readonly [number, number] {
  const { tcb } = sock;
  if (tcb.rtoKind !== "none") return [tcb.rtoKind === "probe" ? 4 : 1, tcb.rtoAtNs - sock.nowNs];
  if (Number.isFinite(tcb.keepAtNs)) return [2, tcb.keepAtNs - sock.nowNs];
  return [0, 0];
}

function describe(sock: TcpSock): TcpEntry {
  const { tcb, listen } = sock;
  const [timer, expiresNs] = timerOf(sock);
  return {
    state: TCP_STATE_NUMBER[tcb.state],
    family: sock.family,
    localAddr: sock.rcvSaddr,
    localPort: sock.localPort,
    remoteAddr: sock.daddr,
    remotePort: sock.remotePort,
    boundDev: sock.boundDev,
    rqueue: listen === undefined ? tcb.unread + (tcb.finReceived && tcb.state !== "CLOSE" ? 1 : 0) : listen.ready.length,
    wqueue: listen === undefined ? tcb.queuedBytes : listen.backlog,
    timer,
    expiresNs: Math.max(0, expiresNs),
    retransmits: timer === 2 ? tcb.probesOut : tcb.retransmits,
    probes: tcb.probesOut,
    uid: sock.uid,
    ino: sock.ino,
    cookie: sock.cookie,
    sock,
  };
}

/** Listeners first, then connections, then what is left of some. Sockets that are neither are in no table of Linux. */
export function* tcpEntries(ns: NetNamespace): IterableIterator<TcpEntry> {
  const table = tcpTable(ns);
  const nowNs = ns.system.sched.clockNs;
  for (const sock of table.socks) if (sock.tcb.state === "LISTEN") yield describe(sock);
  for (const sock of table.socks) if (sock.tcb.state !== "LISTEN" && sock.tcb.state !== "CLOSE") yield describe(sock);
  const none = { rqueue: 0, wqueue: 0, probes: 0, ino: 0, cookie: 0 };
  for (const sock of table.socks) {
    for (const request of sock.listen?.requests ?? []) {
      const { localAddr, localPort, remoteAddr, remotePort, boundDev, retries } = request;
      const expiresNs = Math.max(0, request.untilNs - nowNs);
      yield {
        ...{ ...none, state: TCP_STATE_NUMBER.SYN_RECV, family: sock.family, localAddr, localPort, remoteAddr, remotePort, boundDev },
        ...{ timer: 1, expiresNs, retransmits: retries, uid: sock.uid },
      };
    }
  }
  for (const entry of table.timeWaits) {
    const { family, localAddr, localPort, remoteAddr, remotePort, boundDev, substate } = entry;
    yield {
      ...{ ...none, state: TCP_STATE_NUMBER[substate], family, localAddr, localPort, remoteAddr, remotePort, boundDev },
      ...{ timer: 3, expiresNs: Math.max(0, entry.untilNs - nowNs), retransmits: 0, uid: 0 },
    };
  }
}
