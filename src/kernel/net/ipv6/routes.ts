/**
 * The IPv6 routes of a namespace: those that addresses bring along, which are derived, and those that were added. ip-route(8), Linux `net/ipv6/route.c`,
 * `ip6_fib.c`. Differs from Linux: there are no rules; tables other than local and main are kept and shown, and no packet asks them.
 */

import { EEXIST, ENOENT, ESRCH } from "../../../abi/errno.ts";
import type { NetDevice } from "../device.ts";
import { RT_TABLE_LOCAL, RT_TABLE_MAIN, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST, RTPROT_KERNEL } from "../ipv4/route-types.ts";
import { type NetNamespace, netPart } from "../net-namespace.ts";
import { IFA_F_TENTATIVE, ipv6Addresses, tentativeUntilNs } from "./addresses.ts";
import { type Ip6, ip6Of, matchesPrefix, networkOf } from "./ip6.ts";

export interface Ipv6Route {
  readonly table: number;
  readonly type: number;
  readonly prefix: Ip6;
  readonly prefixLength: number;
  /** IP6_RT_PRIO_ADDRCONF, or 0. */
  readonly priority: number;
  /** Loopback, where packets are refused. */
  readonly dev: NetDevice;
  readonly protocol: number;
  readonly gateway?: Ip6;
  readonly prefSrc?: Ip6;
  /** 0: as the device. */
  readonly mtu?: number;
  readonly onlink?: boolean;
}

const ADDRCONF_PRIORITY = 256;
const MULTICAST = ip6Of([0xff00, 0, 0, 0, 0, 0, 0, 0]);

interface Fib6 {
  /** Routes that were added, in the order in which they are asked. */
  readonly added: Ipv6Route[];
  all: readonly Ipv6Route[];
  /** What `all` was made of, and how long it holds: tentative addresses become valid. */
  version: number;
  untilNs: number;
}

const fib6Part = netPart("ipv6.fib", (): Fib6 => ({ added: [], all: [], version: -1, untilNs: 0 }));

/** As Linux walks its tree: what is more special comes first, the rest by address; equal ones by metric, then as they came. */
function compare(a: Ipv6Route, b: Ipv6Route): number {
  if (a.prefix === b.prefix && a.prefixLength === b.prefixLength) return a.priority - b.priority;
  if (a.prefixLength < b.prefixLength && matchesPrefix(b.prefix, a.prefix, a.prefixLength)) return 1;
  if (b.prefixLength < a.prefixLength && matchesPrefix(a.prefix, b.prefix, b.prefixLength)) return -1;
  return a.prefix < b.prefix ? -1 : 1;
}

/** All, by table (its number modulo 256, as they are hashed), then in the order of the tree. */
export function ipv6Routes(ns: NetNamespace): readonly Ipv6Route[] {
  const fib = ns.part(fib6Part);
  const now = ns.system.sched.clockNs;
  if (fib.version === ns.version && now < fib.untilNs) return fib.all;
  fib.version = ns.version;
  fib.untilNs = Number.POSITIVE_INFINITY;
  const connected = [...ns.devices.values()].flatMap((dev) => ipv6Addresses(dev).map((a) => ({ dev, a })));
  connected.sort((x, y) => x.a.createdNs - y.a.createdNs);
  const routes: Ipv6Route[] = [];
  const kernel = { protocol: RTPROT_KERNEL };
  for (const { dev, a } of connected) {
    if (!dev.isLoopback && a.prefixLength < 128) {
      const prefix = networkOf(a.ip6, a.prefixLength);
      if (!routes.some((r) => r.dev === dev && r.prefixLength === a.prefixLength && r.prefix === prefix)) {
        const { prefixLength } = a;
        routes.push({ ...kernel, table: RT_TABLE_MAIN, type: RTN_UNICAST, prefix, prefixLength, priority: ADDRCONF_PRIORITY, dev });
      }
    }
    if ((a.flags & IFA_F_TENTATIVE) === 0)
      routes.push({ ...kernel, table: RT_TABLE_LOCAL, type: RTN_LOCAL, prefix: a.ip6, prefixLength: 128, priority: 0, dev });
    else if (tentativeUntilNs(a) > now) fib.untilNs = Math.min(fib.untilNs, tentativeUntilNs(a));
    if (!dev.isLoopback && !routes.some((r) => r.dev === dev && r.type === RTN_MULTICAST)) {
      const prefix = { prefix: MULTICAST, prefixLength: 8 };
      routes.push({ ...kernel, ...prefix, table: RT_TABLE_LOCAL, type: RTN_MULTICAST, priority: ADDRCONF_PRIORITY, dev });
    }
  }
  fib.all = [...routes, ...fib.added].sort((x, y) => (x.table & 255) - (y.table & 255) || y.table - x.table || compare(x, y));
  return fib.all;
}

const sameRoute = (a: Ipv6Route, b: Ipv6Route): boolean =>
  a.table === b.table && a.prefix === b.prefix && a.prefixLength === b.prefixLength && a.priority === b.priority;

/** fib6_add(). Errors: EEXIST, ENOENT. */
export function addIpv6Route(
  ns: NetNamespace,
  route: Ipv6Route,
  { create, exclusive, replace }: { readonly create: boolean; readonly exclusive: boolean; readonly replace: boolean },
): void {
  const { added } = ns.part(fib6Part);
  const known = ipv6Routes(ns).find((r) => sameRoute(r, route));
  if (known !== undefined && exclusive) throw EEXIST;
  if (known !== undefined && replace && added.includes(known)) added.splice(added.indexOf(known), 1);
  else if (known !== undefined && known.dev === route.dev && known.gateway === route.gateway) throw EEXIST;
  if (known === undefined && replace && !create) throw ENOENT;
  added.push(route);
  ns.changed();
  ns.core.rtnl?.route6("new", ns, route);
}

/** Errors: ESRCH. Differs from Linux: those that follow from addresses stay. */
export function deleteIpv6Route(ns: NetNamespace, fits: (route: Ipv6Route) => boolean): void {
  const { added } = ns.part(fib6Part);
  const found = ipv6Routes(ns).find((r) => added.includes(r) && fits(r));
  if (found === undefined) throw ESRCH;
  remove(ns, found);
}

function remove(ns: NetNamespace, route: Ipv6Route): void {
  const { added } = ns.part(fib6Part);
  added.splice(added.indexOf(route), 1);
  ns.changed();
  ns.core.rtnl?.route6("del", ns, route);
}

/** rt6_disable_ip(): the device is down. */
export function dropRoutesOf(dev: NetDevice): void {
  for (const route of [...dev.ns.part(fib6Part).added]) if (route.dev === dev) remove(dev.ns, route);
}

/** fib6_lookup(): local, then main; the longest prefix, the smallest metric; `oif` 0 for any device. */
export function findIpv6Route(ns: NetNamespace, dst: Ip6, oif: number): Ipv6Route | undefined {
  const routes = ipv6Routes(ns);
  for (const table of [RT_TABLE_LOCAL, RT_TABLE_MAIN]) {
    let best: Ipv6Route | undefined;
    for (const r of routes) {
      if (r.table !== table || !r.dev.up || (oif !== 0 && r.dev.ifindex !== oif) || !matchesPrefix(dst, r.prefix, r.prefixLength)) continue;
      if (best === undefined || r.prefixLength > best.prefixLength || (r.prefixLength === best.prefixLength && r.priority < best.priority))
        best = r;
    }
    if (best !== undefined) return best;
  }
  return undefined;
}
