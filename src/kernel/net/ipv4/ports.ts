/**
 * Local ports: who has which, and who may share one: socket(7) on SO_REUSEADDR and SO_REUSEPORT, Linux `net/ipv4/inet_connection_sock.c`,
 * `inet_hashtables.c`, `udp.c`.
 */

import { AF_INET6 } from "../../../abi/socket.ts";
import type { IpAddr } from "../ipv6/ip6.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { netSettingNumbers } from "../sysctl.ts";

/** Whoever holds a port. */
export interface PortOwner {
  readonly rcvSaddr: IpAddr;
  /** AF_INET6: of all addresses it hears IPv4's too, unless it is `v6only`. Absent: it has an address. */
  readonly family?: number;
  readonly v6only?: boolean;
  readonly boundDev: number;
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  readonly uid: number;
  /** For TCP: a listener's port is nobody else's, a time-wait entry's owner does not matter. */
  readonly portState?: "listening" | "time-wait" | "other";
  /** It came by the port by connect(2): connections to other places may have it, too. */
  readonly sharedByConnect?: boolean;
}

const hearsSix = ({ rcvSaddr, family }: PortOwner): boolean => (rcvSaddr === 0 ? family === AF_INET6 : typeof rcvSaddr === "string");
const hearsFour = ({ rcvSaddr, family, v6only }: PortOwner): boolean =>
  rcvSaddr === 0 ? family !== AF_INET6 || v6only !== true : typeof rcvSaddr === "number";

/** Both hear the same device and the same address. */
function meets(a: PortOwner, b: PortOwner): boolean {
  if (a.boundDev !== 0 && b.boundDev !== 0 && a.boundDev !== b.boundDev) return false;
  if (a.rcvSaddr !== 0 && b.rcvSaddr !== 0) return a.rcvSaddr === b.rcvSaddr;
  return (hearsFour(a) && hearsFour(b)) || (hearsSix(a) && hearsSix(b));
}

/** inet_csk_bind_conflict(). `chosen`: the user has named the port; otherwise a port is only free if nobody is in the way at all. */
export function tcpConflict(mine: PortOwner, others: Iterable<PortOwner>, chosen: boolean): boolean {
  for (const other of others) {
    if (other === mine || !meets(mine, other)) continue;
    const sameUser = other.portState === "time-wait" || other.uid === mine.uid;
    if (mine.reuseAddr && other.reuseAddr && other.portState !== "listening") {
      if (!chosen) return true;
    } else if (!chosen || !mine.reusePort || !other.reusePort || !sameUser) return true;
  }
  return false;
}

/** udp_lib_lport_inuse(). */
export function udpConflict(mine: PortOwner, others: Iterable<PortOwner>): boolean {
  for (const other of others) {
    if (other === mine || (mine.reuseAddr && other.reuseAddr) || !meets(mine, other)) continue;
    if (!mine.reusePort || !other.reusePort || mine.uid !== other.uid) return true;
  }
  return false;
}

/** The holders of ports of one protocol in a namespace. */
export class PortTable<T extends PortOwner> {
  private readonly owners = new Map<number, Set<T>>();

  at(port: number): ReadonlySet<T> {
    return this.owners.get(port) ?? NOBODY;
  }

  add(port: number, owner: T): void {
    const set = this.owners.get(port);
    if (set === undefined) this.owners.set(port, new Set([owner]));
    else set.add(owner);
  }

  remove(port: number, owner: T): void {
    const set = this.owners.get(port);
    if (set === undefined || !set.delete(owner)) return;
    if (set.size === 0) this.owners.delete(port);
  }

  *all(): IterableIterator<T> {
    for (const set of this.owners.values()) yield* set;
  }
}

const NOBODY: ReadonlySet<never> = new Set<never>();

/** ip_local_port_range: the first port, and how many. */
export function ephemeralRange(ns: NetNamespace): readonly [number, number] {
  const [low = 32_768, high = 60_999] = netSettingNumbers(ns, "ipv4/ip_local_port_range");
  return [low, Math.max(1, high - low + 1)];
}

/**
 * Looks through the range for a port that `fits`. bind(2) begins with odd ports, connect(2) with even ones (`parity` of the distance from the range's start), so that
 * they seldom meet. Undefined where none is left.
 */
export function findPort(ns: NetNamespace, start: number, parity: 0 | 1, fits: (port: number) => boolean): number | undefined {
  const [low, count] = ephemeralRange(ns);
  const even = count & ~1;
  for (const odd of [parity, 1 - parity]) {
    const first = (((start % count) & ~1) + odd) % count;
    for (let i = 0; i < Math.max(even, 1); i += 2) {
      const port = low + ((first + i) % Math.max(even, 1));
      if (fits(port)) return port;
    }
  }
  return undefined;
}
