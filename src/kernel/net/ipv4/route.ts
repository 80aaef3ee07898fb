/**
 * Routing of packets: where one's own go and with which source address, what becomes of those that come in. Linux `net/ipv4/route.c`.
 * Left out: multipath, source routing, multicast routing.
 */

import { EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV, Errno } from "../../../abi/errno.ts";
import { INADDR_LOOPBACK } from "../../../abi/inet.ts";
import type { NetDevice } from "../device.ts";
import { type NetNamespace, netPart } from "../net-namespace.ts";
import type { SkBuff } from "../skb.ts";
import { selectAddress } from "./addresses.ts";
import type { FibRoute } from "./fib.ts";
import { fibOf } from "./fib.ts";
import { deviceOfAddress, fibLookup, isLimitedBroadcast, isLoopback, isMulticast, isZeronet } from "./fib-lookup.ts";
import { addressMatches, confMax, confOr } from "./in-device.ts";
import {
  type Flow,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  type Route,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  RTN_UNREACHABLE,
} from "./route-types.ts";

/** /proc/sys/net/ipv4/route/mtu_expires and min_pmtu. */
const MTU_EXPIRES_NS = 600e9;
const MIN_PMTU = 552;

/** What path MTU discovery has learnt, by destination. */
const pmtuPart = netPart("ipv4.pmtu", () => new Map<number, { readonly mtu: number; readonly expiresNs: number }>());

/** A router has said that packets to `dst` must not be larger. */
export function updatePmtu(ns: NetNamespace, dst: number, mtu: number): void {
  ns.part(pmtuPart).set(dst, { mtu: Math.max(mtu, MIN_PMTU), expiresNs: ns.system.sched.clockNs + MTU_EXPIRES_NS });
  fibOf(ns).generation++;
}

/** `ip route flush cache`. */
export function flushPmtu(ns: NetNamespace): void {
  ns.part(pmtuPart).clear();
}

function mtuTo(ns: NetNamespace, dst: number, dev: NetDevice, fib: FibRoute | undefined): number {
  const learnt = ns.part(pmtuPart);
  const mtu = fib !== undefined && fib.mtu > 0 ? fib.mtu : dev.mtu;
  if (learnt.size === 0) return mtu;
  const known = learnt.get(dst);
  if (known === undefined) return mtu;
  if (known.expiresNs > ns.system.sched.clockNs) return Math.min(mtu, known.mtu);
  learnt.delete(dst);
  return mtu;
}

/** FIB_RES_PREFSRC. */
const sourceOf = (fib: FibRoute, dev: NetDevice): number => (fib.prefSrc !== 0 ? fib.prefSrc : selectAddress(dev, fib.gateway, fib.scope));

/**
 * ip_route_output_key(). Errors: ENETUNREACH; EHOSTUNREACH, EACCES, EINVAL by routes that say so; EINVAL for a source that is not one's own; ENODEV
 * for no such `oif`.
 */
export function routeOutput(ns: NetNamespace, flow: Flow): Route {
  let { dst, src } = flow;
  const { oif } = flow;
  let out: NetDevice | undefined;
  if (src !== 0) {
    if (isMulticast(src) || isLimitedBroadcast(src) || isZeronet(src)) throw EINVAL;
    const owner = deviceOfAddress(ns, src);
    if (oif === 0 && (isMulticast(dst) || isLimitedBroadcast(dst))) {
      if (owner === undefined) throw EINVAL;
      return makeOutput(ns, dst, src, owner, undefined, isMulticast(dst) ? RTN_MULTICAST : RTN_BROADCAST);
    }
    if (owner === undefined && flow.anySource !== true) throw EINVAL;
  }
  if (oif !== 0) {
    out = ns.devices.get(oif);
    if (out === undefined) throw ENODEV;
    if (!out.up || out.ip === undefined) throw ENETUNREACH;
    if ((dst >>> 8 === 0xe0_00_00 && isMulticast(dst)) || isLimitedBroadcast(dst)) {
      src = src !== 0 ? src : selectAddress(out, 0, RT_SCOPE_LINK);
      return makeOutput(ns, dst, src, out, undefined, isMulticast(dst) ? RTN_MULTICAST : RTN_BROADCAST);
    }
    if (src === 0) {
      if (isMulticast(dst)) src = selectAddress(out, 0, RT_SCOPE_UNIVERSE);
      else if (dst === 0) src = selectAddress(out, 0, RT_SCOPE_HOST);
    }
  }
  if (dst === 0) {
    dst = src !== 0 ? src : INADDR_LOOPBACK;
    return makeOutput(ns, dst, dst, ns.loopback, undefined, RTN_LOCAL);
  }
  const fib = fibLookup(ns, { dst, src, oif, iif: 0, mark: flow.mark, tos: flow.tos });
  if (fib instanceof Errno) {
    if (out === undefined) throw fib;
    // "Apparently, routing tables are wrong. Assume, that the destination is on link." (route.c)
    return makeOutput(ns, dst, src !== 0 ? src : selectAddress(out, 0, RT_SCOPE_LINK), out, undefined, RTN_UNICAST);
  }
  const dev = fib.dev as NetDevice;
  if (fib.type === RTN_LOCAL) return makeOutput(ns, dst, src || fib.prefSrc || dst, ns.loopback, fib, RTN_LOCAL);
  return makeOutput(ns, dst, src !== 0 ? src : sourceOf(fib, dev), dev, fib, isMulticast(dst) ? RTN_MULTICAST : fib.type);
}

function makeOutput(ns: NetNamespace, dst: number, src: number, dev: NetDevice, fib: FibRoute | undefined, type: number): Route {
  // __mkroute_output(): loopback addresses do not leave the host.
  if (isLoopback(src) && !dev.isLoopback && !confOr(dev, "route_localnet")) throw EINVAL;
  const real = isLimitedBroadcast(dst) ? RTN_BROADCAST : isMulticast(dst) ? RTN_MULTICAST : type;
  const local = real === RTN_LOCAL || real === RTN_BROADCAST || (real === RTN_MULTICAST && dev.ip?.groups.has(dst) === true);
  const gateway = fib === undefined || real === RTN_MULTICAST ? 0 : fib.gateway;
  return { type: real, dev, gateway, src, mtu: mtuTo(ns, dst, dev, fib), local, error: undefined, redirect: false, fib };
}

/**
 * ip_route_input(): undefined for martians, which are dropped without a word. A route with an `error` leads nowhere: ICMP may tell the sender.
 * `quiet`: somebody only asks; nothing is counted.
 */
export function routeInput(
  ns: NetNamespace,
  skb: SkBuff,
  dst: number,
  src: number,
  tos: number,
  dev: NetDevice,
  quiet = false,
): Route | undefined {
  if (isMulticast(dst)) {
    const joined = dev.ip?.groups.has(dst) === true || dst === 0xe0_00_00_01;
    return joined ? input(RTN_MULTICAST, dev, true) : undefined;
  }
  if (isMulticast(src) || isLimitedBroadcast(src)) return undefined;
  if (isLimitedBroadcast(dst) || (src === 0 && dst === 0)) return input(RTN_BROADCAST, dev, true);
  if (isZeronet(src) || isZeronet(dst)) return undefined;
  if ((isLoopback(dst) || isLoopback(src)) && !dev.isLoopback && !confOr(dev, "route_localnet")) return undefined;
  const fib = fibLookup(ns, { dst, src, oif: 0, iif: dev.ifindex, mark: skb.mark, tos });
  const forwarding = dev.ip?.conf.forwarding !== 0;
  if (fib instanceof Errno) return nowhere(dev, forwarding ? fib : EHOSTUNREACH);
  if (fib.type === RTN_BROADCAST) return validSource(ns, skb, src, dst, tos, dev, quiet) ? input(RTN_BROADCAST, dev, true) : undefined;
  if (fib.type === RTN_LOCAL) return validSource(ns, skb, src, dst, tos, dev, quiet) ? input(RTN_LOCAL, dev, true) : undefined;
  if (!forwarding) return nowhere(dev, EHOSTUNREACH);
  if (fib.type !== RTN_UNICAST || !validSource(ns, skb, src, dst, tos, dev, quiet)) return undefined;
  const out = fib.dev as NetDevice;
  const redirect = out === dev && (confOr(dev, "shared_media") || deviceHas(dev, src, fib.gateway !== 0 ? fib.gateway : dst));
  const { gateway } = fib;
  return { type: RTN_UNICAST, dev: out, gateway, src: 0, mtu: mtuTo(ns, dst, out, fib), local: false, error: undefined, redirect, fib };
}

const input = (type: number, dev: NetDevice, local: boolean): Route => ({
  type,
  dev,
  gateway: 0,
  src: 0,
  mtu: dev.mtu,
  local,
  error: undefined,
  redirect: false,
  fib: undefined,
});

const nowhere = (dev: NetDevice, error: Errno): Route => ({
  type: RTN_UNREACHABLE,
  dev,
  gateway: 0,
  src: 0,
  mtu: dev.mtu,
  local: false,
  error,
  redirect: false,
  fib: undefined,
});

/** inet_addr_onlink(): both are on the same subnet of this device. */
const deviceHas = (dev: NetDevice, a: number, b: number): boolean =>
  dev.ip?.addresses.some((ifa) => addressMatches(ifa, a) && addressMatches(ifa, b)) ?? false;

/** fib_validate_source(): not from one's own address, and, with rp_filter, only by the device that leads back. */
function validSource(ns: NetNamespace, skb: SkBuff, src: number, dst: number, tos: number, dev: NetDevice, quiet: boolean): boolean {
  if (src === 0) return true;
  if (dev.isLoopback) return true;
  const filter = confMax(dev, "rp_filter");
  if (deviceOfAddress(ns, src) !== undefined) return confOr(dev, "accept_local");
  if (filter === 0) return true;
  const back = fibLookup(ns, { dst: src, src: dst, oif: 0, iif: ns.loopback.ifindex, mark: 0, tos });
  const refused = (): boolean => {
    if (quiet) return false;
    ns.mib.ext.ipReversePathFilter++;
    ns.core.drop(skb.clone(), ns, dev, "IP_RPFILTER");
    return false;
  };
  if (back instanceof Errno || back.type !== RTN_UNICAST) return refused();
  if (back.dev === dev || filter === 2) return true;
  return refused();
}
