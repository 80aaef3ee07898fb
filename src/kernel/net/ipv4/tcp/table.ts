/** Who is who among TCP's ports and connections of one network namespace: Linux `net/ipv4/inet_hashtables.c`. */

import { EADDRINUSE } from "../../../../abi/errno.ts";
import { AF_INET } from "../../../../abi/socket.ts";
import type { IpAddr } from "../../ipv6/ip6.ts";
import { type NetNamespace, netPart } from "../../net-namespace.ts";
import type { SkBuff, TcpHeader } from "../../skb.ts";
import { findPort, type PortOwner, PortTable, tcpConflict } from "../ports.ts";
import type { TcpSock } from "./sock.ts";
import type { TcpTimeWait } from "./timewait.ts";

/** An entry with both ends: a connection, one that is not accepted yet, or the memory of one. */
export interface Connection {
  readonly kind: "sock" | "request" | "time-wait";
  readonly localAddr: IpAddr;
  readonly localPort: number;
  readonly remoteAddr: IpAddr;
  readonly remotePort: number;
  readonly boundDev: number;
  /** A segment for it. Owns the packet. */
  receive(skb: SkBuff, header: TcpHeader): void;
}

export class TcpTable {
  readonly ports = new PortTable<PortOwner>();
  readonly listeners = new Map<number, TcpSock[]>();
  /** By both ports; few share them. */
  private readonly connections = new Map<number, Connection[]>();
  /** Every socket of TCP that has not ended, in the order of their birth: for dumps. */
  readonly socks = new Set<TcpSock>();
  readonly timeWaits = new Set<TcpTimeWait>();
  /** Where the next search for an ephemeral port begins, by destination (table_perturb). */
  private readonly perturb = new Map<number, number>();

  constructor(private readonly ns: NetNamespace) {}

  find(localAddr: IpAddr, localPort: number, remoteAddr: IpAddr, remotePort: number, ifindex: number): Connection | undefined {
    const bucket = this.connections.get(localPort * 65_536 + remotePort);
    if (bucket === undefined) return undefined;
    for (const c of bucket) {
      if (c.localAddr === localAddr && c.remoteAddr === remoteAddr && (c.boundDev === 0 || ifindex === 0 || c.boundDev === ifindex))
        return c;
    }
    return undefined;
  }

  add(connection: Connection): void {
    const key = connection.localPort * 65_536 + connection.remotePort;
    const bucket = this.connections.get(key);
    if (bucket === undefined) this.connections.set(key, [connection]);
    else bucket.push(connection);
  }

  remove(connection: Connection): void {
    const key = connection.localPort * 65_536 + connection.remotePort;
    const bucket = this.connections.get(key);
    const at = bucket?.indexOf(connection) ?? -1;
    if (bucket === undefined || at < 0) return;
    bucket.splice(at, 1);
    if (bucket.length === 0) this.connections.delete(key);
  }

  *all(): IterableIterator<Connection> {
    for (const bucket of this.connections.values()) yield* bucket;
  }

  /** The listener for a connection to this address: the one that is bound most closely; among equals (SO_REUSEPORT) by the caller's port. */
  findListener(addr: IpAddr, port: number, ifindex: number, remotePort: number): TcpSock | undefined {
    const bucket = this.listeners.get(port);
    if (bucket === undefined) return undefined;
    let best = -1;
    let found: TcpSock[] = [];
    for (const sock of bucket) {
      if (!sock.acceptsDevice(ifindex) || !sock.hears(addr)) continue;
      // Of two that hear all addresses, one of the segment's own family goes first.
      const own = typeof addr === "string" || sock.family === AF_INET ? 1 : 0;
      const score = (sock.rcvSaddr !== 0 ? 4 : 0) + (sock.boundDev !== 0 ? 2 : 0) + own;
      if (score > best) {
        best = score;
        found = [sock];
      } else if (score === best) found.push(sock);
    }
    return found.length > 1 ? found[(remotePort * 0x9e37) % found.length] : found[0];
  }

  addListener(sock: TcpSock): void {
    const bucket = this.listeners.get(sock.localPort);
    if (bucket === undefined) this.listeners.set(sock.localPort, [sock]);
    else bucket.push(sock);
  }

  removeListener(sock: TcpSock): void {
    const bucket = this.listeners.get(sock.localPort);
    const at = bucket?.indexOf(sock) ?? -1;
    if (bucket === undefined || at < 0) return;
    bucket.splice(at, 1);
    if (bucket.length === 0) this.listeners.delete(sock.localPort);
  }

  /** inet_csk_get_port(): takes this port, or any free one for 0. Errors: EADDRINUSE. */
  takePort(sock: TcpSock, wanted: number): number {
    let port: number | undefined = wanted;
    if (wanted === 0) {
      const start = this.ns.system.random.next();
      port = findPort(this.ns, start, 1, (p) => !tcpConflict(sock, this.ports.at(p), false));
    } else if (tcpConflict(sock, this.ports.at(wanted), true)) port = undefined;
    if (port === undefined) throw EADDRINUSE;
    this.ports.add(port, sock);
    return port;
  }

  /** inet_hash_connect(): a port from which this destination can be told apart. `free` says whether the pair of ends is. */
  findConnectPort(sock: TcpSock, secret: number, free: (port: number) => boolean): number | undefined {
    const key = secret & 0xffff;
    const start = secret + (this.perturb.get(key) ?? 0);
    const port = findPort(this.ns, start >>> 0, 0, (p) => {
      // Ports that somebody has bound are left alone, those of other connections may be shared.
      for (const owner of this.ports.at(p)) if (owner !== sock && owner.sharedByConnect !== true) return false;
      return free(p);
    });
    if (port !== undefined) this.perturb.set(key, (this.perturb.get(key) ?? 0) + 2);
    return port;
  }
}

/** A namespace ends: nobody has a socket in it any more, but there may be memories of connections, and sockets of the kernel's own. */
export function exitTcp(ns: NetNamespace): void {
  const table = tcpTable(ns);
  for (const entry of [...table.timeWaits]) entry.kill("TWKilled");
  for (const sock of [...table.socks]) {
    sock.listener = undefined;
    sock.tcb.orphan = true;
    if (sock.listen !== undefined) sock.stopListening();
    sock.tcb.clearTimers();
    sock.tcb.setState("CLOSE");
    sock.ended();
  }
}

const tcpPart = netPart("tcp", (ns) => new TcpTable(ns));
export const tcpTable = (ns: NetNamespace): TcpTable => ns.part(tcpPart);
