/** The routes that come and go with addresses and devices: Linux `net/ipv4/fib_frontend.c`, `fib_semantics.c:fib_sync_down_dev`. */

import { EEXIST, ESRCH } from "../../../abi/errno.ts";
import { prefixMask } from "../../../abi/inet.ts";
import type { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { fibOf, type FibRoute } from "./fib.ts";
import { inetAddrType, isZeronet } from "./fib-lookup.ts";
import { IFA_F_NOPREFIXROUTE, IFA_F_SECONDARY, type InAddress } from "./in-device.ts";
import {
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_UNICAST,
  RTPROT_KERNEL,
} from "./route-types.ts";

const NO_METRICS: ReadonlyMap<number, number> = new Map();

/** fib_magic(): the route that the kernel itself makes for an address. */
function magicRoute(dev: NetDevice, type: number, dst: number, length: number, src: number, priority: number): FibRoute {
  return {
    table: type === RTN_UNICAST ? RT_TABLE_MAIN : RT_TABLE_LOCAL,
    prefix: (dst & prefixMask(length)) >>> 0,
    prefixLength: length,
    tos: 0,
    type,
    scope: type === RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK,
    protocol: RTPROT_KERNEL,
    priority,
    prefSrc: src,
    gateway: 0,
    dev,
    nhScope: type === RTN_LOCAL ? RT_SCOPE_NOWHERE : RT_SCOPE_HOST,
    onlink: false,
    mtu: 0,
    metrics: NO_METRICS,
  };
}

function add(ns: NetNamespace, route: FibRoute): void {
  // fib_valid_prefsrc(): an address that is somebody's broadcast address first cannot be sent from.
  const own = route.type === RTN_LOCAL && route.prefSrc === route.prefix;
  if (!own && inetAddrType(ns, route.prefSrc) !== RTN_LOCAL) return;
  try {
    fibOf(ns).table(route.table).insert(route, { create: true, exclusive: false, replace: false, append: true });
  } catch (e) {
    if (e === EEXIST) return;
    throw e;
  }
  fibOf(ns).changed();
  ns.core.rtnl?.route("new", ns, route);
}

function remove(ns: NetNamespace, like: FibRoute): void {
  const table = fibOf(ns).table(like.table);
  const found = table
    .at(like.prefix, like.prefixLength)
    .find(
      (r) =>
        r.type === like.type &&
        r.dev === like.dev &&
        r.prefSrc === like.prefSrc &&
        r.priority === like.priority &&
        r.protocol === RTPROT_KERNEL,
    );
  if (found === undefined) return;
  removeRoute(ns, found);
}

/** Takes a route out of its table. Errors: ESRCH. */
export function removeRoute(ns: NetNamespace, route: FibRoute): void {
  const table = fibOf(ns).tables.get(route.table);
  if (table === undefined) throw ESRCH;
  table.remove(route);
  fibOf(ns).changed();
  ns.core.rtnl?.route("del", ns, route);
}

/** The routes that an address brings along while its device is up. */
function routesOf(dev: NetDevice, ifa: InAddress): readonly FibRoute[] {
  const mask = prefixMask(ifa.prefixLength);
  const prefix = (ifa.address & mask) >>> 0;
  const secondary = (ifa.flags & IFA_F_SECONDARY) !== 0;
  // Routes of a secondary address prefer the primary one as their source.
  const primary = secondary
    ? dev.ip?.addresses.find(
        (a) => (a.flags & IFA_F_SECONDARY) === 0 && a.prefixLength === ifa.prefixLength && ((a.address ^ ifa.address) & mask) === 0,
      )
    : ifa;
  const src = primary?.local ?? ifa.local;
  const routes = [magicRoute(dev, RTN_LOCAL, ifa.local, 32, src, 0)];
  if (!dev.up) return routes;
  if (ifa.broadcast !== 0 && ifa.broadcast >>> 0 !== 0xffffffff) routes.push(magicRoute(dev, RTN_BROADCAST, ifa.broadcast, 32, src, 0));
  if (isZeronet(prefix) || secondary || (prefix === ifa.local && ifa.prefixLength === 32)) return routes;
  if ((ifa.flags & IFA_F_NOPREFIXROUTE) === 0) {
    routes.push(magicRoute(dev, dev.isLoopback ? RTN_LOCAL : RTN_UNICAST, prefix, ifa.prefixLength, src, ifa.priority));
  }
  if (ifa.prefixLength < 31) routes.push(magicRoute(dev, RTN_BROADCAST, (prefix | ~mask) >>> 0, 32, src, 0));
  return routes;
}

/** fib_add_ifaddr(). */
export function addAddressRoutes(dev: NetDevice, ifa: InAddress): void {
  for (const route of routesOf(dev, ifa)) add(dev.ns, route);
}

/** fib_del_ifaddr(): the address is out of the list already; what others still need stays. */
export function removeAddressRoutes(dev: NetDevice, ifa: InAddress): void {
  const { ns } = dev;
  const wanted = new Set<string>();
  const key = (r: FibRoute): string => `${r.table} ${r.type} ${r.prefix}/${r.prefixLength} ${r.prefSrc} ${r.priority}`;
  for (const other of dev.ip?.addresses ?? []) for (const route of routesOf(dev, other)) wanted.add(key(route));
  const gone = routesOf({ ...shell(dev) } as NetDevice, ifa).map((route) => ({ ...route, dev }));
  for (const route of [...gone].reverse()) if (!wanted.has(key(route))) remove(ns, route);
  if (inetAddrType(ns, ifa.local) === RTN_LOCAL) return;
  // fib_sync_down_addr(): routes that send from it go with it.
  for (const table of fibOf(ns).tables.values()) {
    for (const route of table.all()) if (route.prefSrc === ifa.local) removeRoute(ns, route);
  }
}

/** The device as it looks when it is up: routes of an address go even when its device went down before. */
const shell = (dev: NetDevice): { readonly up: boolean; readonly isLoopback: boolean; readonly ip: NetDevice["ip"] } => ({
  up: true,
  isLoopback: dev.isLoopback,
  ip: dev.ip,
});

/** fib_disable_ip(): the device went down: its routes go, but for those to one's own addresses. */
export function deviceDownRoutes(dev: NetDevice, all: boolean): void {
  const { ns } = dev;
  for (const table of fibOf(ns).tables.values()) {
    for (const route of table.all()) if (route.dev === dev && (all || route.nhScope !== RT_SCOPE_NOWHERE)) removeRoute(ns, route);
  }
}
