/** Finding a route through the policy rules, and what kind of address one is: Linux `net/ipv4/fib_rules.c`, `fib_frontend.c`. */

import { EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH, type Errno } from "../../../abi/errno.ts";
import { prefixMask } from "../../../abi/inet.ts";
import type { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { type Fib, fibOf, type FibRoute, type FibRule } from "./fib.ts";
import {
  RT_TABLE_DEFAULT,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
} from "./route-types.ts";

export const isLoopback = (addr: number): boolean => addr >>> 24 === 127;
export const isMulticast = (addr: number): boolean => addr >>> 28 === 14;
export const isLimitedBroadcast = (addr: number): boolean => addr >>> 0 === 0xffffffff;
export const isZeronet = (addr: number): boolean => addr >>> 24 === 0;

/** What a lookup asks for. 0 means "any". */
export interface FibFlow {
  readonly dst: number;
  readonly src: number;
  readonly oif: number;
  readonly iif: number;
  readonly mark: number;
  readonly tos: number;
  /** Only routes of at least this scope: for the gateways of other routes. */
  readonly scope?: number;
}

/** The route, or why there is none. */
export function fibLookup(ns: NetNamespace, flow: FibFlow): FibRoute | Errno {
  const fib = fibOf(ns);
  const scope = flow.scope ?? 0;
  const ignoreLinkDown = fib.ignoreLinkDown;
  const ask = (id: number): FibRoute | undefined => fib.tables.get(id)?.lookup(flow.dst, flow.oif, flow.tos, scope, ignoreLinkDown);
  if (!fib.customRules) {
    const found = fib.lookupMerged(flow.dst, flow.oif, flow.tos, scope, ignoreLinkDown) ?? ask(RT_TABLE_DEFAULT);
    return found === undefined ? ENETUNREACH : answerOf(found);
  }
  for (const rule of fib.rules) {
    if (!ruleMatches(fib, rule, flow)) continue;
    if (rule.action !== 1) return ruleError(rule.action);
    const found = ask(rule.table);
    if (found === undefined || found.prefixLength <= rule.suppressPrefixLength) continue;
    return answerOf(found);
  }
  return ENETUNREACH;
}

function ruleMatches(fib: Fib, rule: FibRule, flow: FibFlow): boolean {
  const index = (name: string): number => fib.ns.findDevice(name)?.ifindex ?? -1;
  const matches =
    ((flow.src ^ rule.src) & prefixMask(rule.srcLength)) === 0 &&
    ((flow.dst ^ rule.dst) & prefixMask(rule.dstLength)) === 0 &&
    ((flow.mark ^ rule.mark) & rule.markMask) === 0 &&
    (rule.tos === 0 || rule.tos === flow.tos) &&
    (rule.oif === "" || index(rule.oif) === flow.oif) &&
    // One's own packets count as coming from the loopback device.
    (rule.iif === "" || index(rule.iif) === (flow.iif === 0 ? fib.ns.loopback.ifindex : flow.iif));
  return matches !== rule.invert;
}

function ruleError(action: number): Errno {
  if (action === 7) return ENETUNREACH;
  return action === 8 ? EACCES : EINVAL;
}

/** fib_props: what routes of each type mean. */
function answerOf(route: FibRoute): FibRoute | Errno {
  switch (route.type) {
    case RTN_BLACKHOLE:
      return EINVAL;
    case RTN_UNREACHABLE:
      return EHOSTUNREACH;
    case RTN_PROHIBIT:
      return EACCES;
    default:
      return route;
  }
}

/** inet_addr_type(): RTN_LOCAL for one's own addresses, RTN_BROADCAST, RTN_MULTICAST, or RTN_UNICAST for all others. */
export function inetAddrType(ns: NetNamespace, addr: number, dev?: NetDevice): number {
  if (isZeronet(addr) || isLimitedBroadcast(addr)) return RTN_BROADCAST;
  if (isMulticast(addr)) return RTN_MULTICAST;
  const found = fibOf(ns).lookupLocal(addr);
  if (found === undefined || (dev !== undefined && found.dev !== dev)) return RTN_UNICAST;
  return found.type;
}

/** ip_dev_find(): whether an address is one of this host, and the device that has it. */
export function deviceOfAddress(ns: NetNamespace, addr: number): NetDevice | undefined {
  const fib = fibOf(ns);
  const [exact] = fib.local.at(addr, 32);
  const found = exact?.type === RTN_LOCAL ? exact : fib.lookupLocal(addr);
  return found?.type === RTN_LOCAL ? found.dev : undefined;
}
