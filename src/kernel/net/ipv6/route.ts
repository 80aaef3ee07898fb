/** Routing of IPv6 packets: Linux `net/ipv6/route.c`. Left out: rules, multipath, redirects, source routing, multicast routing. */

import { EACCES, EADDRNOTAVAIL, EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV, type Errno } from "../../../abi/errno.ts";
import { isOperational, type NetDevice } from "../device.ts";
import { RTN_BLACKHOLE, RTN_LOCAL, RTN_MULTICAST, RTN_PROHIBIT, RTN_UNICAST } from "../ipv4/route-types.ts";
import { type NetNamespace, netPart } from "../net-namespace.ts";
import { deviceOfIp6, selectAddress6 } from "./addresses.ts";
import { ALL_NODES, ALL_ROUTERS, IN6_ANY, IN6_LOOPBACK, type Ip6, isMulticast6, solicitedNode } from "./ip6.ts";
import { findIpv6Route, type Ipv6Route } from "./routes.ts";

/** What becomes of a packet: as IPv4's Route. */
export interface Route6 {
  readonly type: number;
  readonly dev: NetDevice;
  /** Undefined: the destination itself is on the link. */
  readonly gateway: Ip6 | undefined;
  readonly src: Ip6;
  readonly mtu: number;
  readonly local: boolean;
  /** The route found. */
  readonly fib: Ipv6Route | undefined;
}

const MTU_EXPIRES_NS = 600e9;
export const IPV6_MIN_MTU = 1280;

/** What path MTU discovery has learnt, by destination. */
const pmtuPart = netPart("ipv6.pmtu", () => new Map<Ip6, { readonly mtu: number; readonly expiresNs: number }>());

export function updatePmtu6(ns: NetNamespace, dst: Ip6, mtu: number): void {
  ns.part(pmtuPart).set(dst, { mtu: Math.max(mtu, IPV6_MIN_MTU), expiresNs: ns.system.sched.clockNs + MTU_EXPIRES_NS });
  ns.changed();
}

function mtuTo(ns: NetNamespace, dst: Ip6, dev: NetDevice, fib: Ipv6Route | undefined): number {
  const mtu = fib?.mtu !== undefined && fib.mtu > 0 ? fib.mtu : dev.mtu;
  const known = ns.part(pmtuPart).get(dst);
  return known !== undefined && known.expiresNs > ns.system.sched.clockNs ? Math.min(mtu, known.mtu) : mtu;
}

/** What a route that refuses says. */
export function refusal({ type }: Ipv6Route): Errno | undefined {
  if (type === RTN_UNICAST || type === RTN_LOCAL || type === RTN_MULTICAST) return undefined;
  return type === RTN_BLACKHOLE ? EINVAL : type === RTN_PROHIBIT ? EACCES : EHOSTUNREACH;
}

/** Whether a device listens to a group: addresses are joined to those in which they are asked for. */
export function isMember6(dev: NetDevice, group: Ip6): boolean {
  const { ip6 } = dev;
  if (ip6 === undefined) return false;
  if (group === ALL_NODES || ip6.groups.has(group)) return true;
  if (group === ALL_ROUTERS) return ip6.conf.forwarding !== 0;
  return ip6.addresses.some((a) => solicitedNode(a.ip6) === group);
}

/**
 * ip6_route_output(). `src` undefined: to be chosen. Errors: ENETUNREACH; EHOSTUNREACH, EACCES, EINVAL by routes that say so; EADDRNOTAVAIL without an address
 * to send from; ENODEV for no such `oif`.
 */
export function routeOutput6(ns: NetNamespace, flow: { readonly dst: Ip6; readonly src: Ip6 | undefined; readonly oif: number }): Route6 {
  const dst = flow.dst === IN6_ANY ? IN6_LOOPBACK : flow.dst;
  const { oif } = flow;
  const wanted = oif === 0 ? undefined : ns.devices.get(oif);
  if (oif !== 0 && wanted === undefined) throw ENODEV;
  const owner = isMulticast6(dst) ? undefined : deviceOfIp6(ns, dst, wanted);
  if (owner !== undefined) {
    const fib = findIpv6Route(ns, dst, owner.ifindex);
    const { loopback } = ns;
    if (!loopback.up) throw ENETUNREACH;
    return { type: RTN_LOCAL, dev: loopback, gateway: undefined, src: flow.src ?? dst, mtu: loopback.mtu, local: true, fib };
  }
  const fib = findIpv6Route(ns, dst, oif);
  if (fib === undefined) {
    // ip6_dst_lookup_tail() looks for an address to send from first.
    throw flow.src === undefined && selectAddress6(ns, ns.loopback, dst) === undefined ? EADDRNOTAVAIL : ENETUNREACH;
  }
  const refused = refusal(fib);
  if (refused !== undefined) throw refused;
  const { dev } = fib;
  if (!isOperational(dev)) throw ENETUNREACH;
  const src = flow.src ?? fib.prefSrc ?? selectAddress6(ns, dev, dst);
  if (src === undefined) throw EADDRNOTAVAIL;
  const type = isMulticast6(dst) ? RTN_MULTICAST : RTN_UNICAST;
  return { type, dev, gateway: fib.gateway, src, mtu: mtuTo(ns, dst, dev, fib), local: isMulticast6(dst) && isMember6(dev, dst), fib };
}

/** ip6_route_input(): the way of a packet that came in by `dev`; an errno where none leads on; undefined for what nobody here listens to. */
export function routeInput6(ns: NetNamespace, dst: Ip6, dev: NetDevice): Route6 | Errno | undefined {
  const here = (type: number): Route6 => ({ type, dev, gateway: undefined, src: IN6_ANY, mtu: dev.mtu, local: true, fib: undefined });
  if (isMulticast6(dst)) return isMember6(dev, dst) ? here(RTN_MULTICAST) : undefined;
  if (deviceOfIp6(ns, dst, dev) !== undefined) return here(RTN_LOCAL);
  const fib = findIpv6Route(ns, dst, 0);
  if (fib === undefined) return ENETUNREACH;
  const refused = refusal(fib);
  if (refused !== undefined) return refused;
  return { type: RTN_UNICAST, dev: fib.dev, gateway: fib.gateway, src: IN6_ANY, mtu: mtuTo(ns, dst, fib.dev, fib), local: false, fib };
}
