/**
 * Routing tables: ip-route(8), Linux `net/ipv4/fib_trie.c`, `fib_semantics.c`. A table keeps its routes by prefix length; the longest prefix that
 * matches wins, then the lowest metric. Differs from Linux: hash tables by length instead of a level-compressed trie; one next hop a route; of several default
 * routes with one metric the first is taken, whether or not its gateway answers (fib_select_default).
 */

import { EEXIST, ENOENT, ESRCH } from "../../../abi/errno.ts";
import { prefixMask } from "../../../abi/inet.ts";
import type { NetDevice } from "../device.ts";
import { type NetNamespace, netPart } from "../net-namespace.ts";
import { ipv4Conf } from "./in-device.ts";
import {
  RT_SCOPE_NOWHERE,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_BLACKHOLE,
  RTN_PROHIBIT,
  RTN_UNREACHABLE,
} from "./route-types.ts";

/** A route as it stands in a table: struct fib_alias with its fib_info. Immutable. */
export interface FibRoute {
  readonly table: number;
  readonly prefix: number;
  readonly prefixLength: number;
  readonly tos: number;
  readonly type: number;
  readonly scope: number;
  readonly protocol: number;
  /** RTA_PRIORITY: the metric. */
  readonly priority: number;
  /** Preferred source; 0: none. */
  readonly prefSrc: number;
  /** 0: none. */
  readonly gateway: number;
  /** Absent for blackhole and its like. */
  readonly dev: NetDevice | undefined;
  /** How far the next hop is: RT_SCOPE_LINK for a gateway, _HOST for a link, _NOWHERE for one's own. */
  readonly nhScope: number;
  readonly onlink: boolean;
  /** RTAX_MTU; 0: that of the device. */
  readonly mtu: number;
  /** RTAX_ADVMSS, _WINDOW, _HOPLIMIT and the like, by number. */
  readonly metrics: ReadonlyMap<number, number>;
}

export const isErrorType = (type: number): boolean => type === RTN_BLACKHOLE || type === RTN_UNREACHABLE || type === RTN_PROHIBIT;

export class FibTable {
  /** By prefix length, then by prefix; equal ones by TOS, then by metric, the better one first. */
  private readonly lengths: (Map<number, FibRoute[]> | undefined)[] = [];
  /** The lengths in use, longest first. */
  private used: number[] = [];
  size = 0;

  constructor(readonly id: number) {}

  /** Looks for the best route to `dst`; `accept` may refuse one, which is then passed over. */
  lookup(dst: number, oif: number, tos: number, minScope: number, ignoreLinkDown: boolean): FibRoute | undefined {
    for (const length of this.used) {
      const found = this.lengths[length]?.get((dst & prefixMask(length)) >>> 0);
      if (found === undefined) continue;
      for (const route of found) {
        if (route.tos !== 0 && route.tos !== tos) continue;
        if (route.scope < minScope) continue;
        const { dev } = route;
        if (dev === undefined) return route;
        if (oif !== 0 && dev.ifindex !== oif) continue;
        if (ignoreLinkDown && !dev.carrier && route.nhScope !== RT_SCOPE_NOWHERE) continue;
        return route;
      }
    }
    return undefined;
  }

  /** All routes, in the order of the trie: by prefix, longer ones first, then by metric. */
  all(): FibRoute[] {
    const routes = this.used.flatMap((length) => [...(this.lengths[length] as Map<number, FibRoute[]>).values()].flat());
    // Stable: routes of one prefix keep their order.
    return routes.sort((a, b) => a.prefix - b.prefix || b.prefixLength - a.prefixLength);
  }

  /** Routes to exactly this prefix. */
  at(prefix: number, length: number): readonly FibRoute[] {
    return this.lengths[length]?.get(prefix) ?? [];
  }

  /**
   * fib_table_insert(): `flags` as NLM_F_…. Returns the route that was replaced.
   * Errors: EEXIST for one with the same metric unless it is to be replaced or appended, and for the very same; ENOENT without NLM_F_CREATE.
   */
  insert(
    route: FibRoute,
    how: { readonly create: boolean; readonly exclusive: boolean; readonly replace: boolean; readonly append: boolean },
  ): FibRoute | undefined {
    const byPrefix = (this.lengths[route.prefixLength] ??= new Map<number, FibRoute[]>());
    const routes = byPrefix.get(route.prefix) ?? [];
    const rank = (r: FibRoute): number => r.tos * -0x1_0000_0000 + r.priority;
    const same = routes.filter((r) => r.tos === route.tos && r.priority === route.priority);
    if (same.length > 0) {
      if (how.exclusive) throw EEXIST;
      const equal = same.find((r) => sameRoute(r, route));
      if (how.replace) {
        if (equal !== undefined) return equal === same[0] ? equal : this.fail();
        const old = same[0] as FibRoute;
        routes[routes.indexOf(old)] = route;
        return old;
      }
      if (equal !== undefined) throw EEXIST;
      if (!how.create) throw ENOENT;
      if (!how.append && !how.create) throw EEXIST;
    } else if (!how.create) throw ENOENT;
    let at = routes.findIndex((r) => rank(r) > rank(route) || (!how.append && rank(r) === rank(route)));
    if (at < 0) at = routes.length;
    routes.splice(at, 0, route);
    byPrefix.set(route.prefix, routes);
    this.size++;
    if (!this.used.includes(route.prefixLength)) this.used = [...this.used, route.prefixLength].sort((a, b) => b - a);
    return undefined;
  }

  private fail(): never {
    throw EEXIST;
  }

  /** Errors: ESRCH. */
  remove(route: FibRoute): void {
    const byPrefix = this.lengths[route.prefixLength];
    const routes = byPrefix?.get(route.prefix);
    const at = routes?.indexOf(route) ?? -1;
    if (byPrefix === undefined || routes === undefined || at < 0) throw ESRCH;
    routes.splice(at, 1);
    this.size--;
    if (routes.length === 0) byPrefix.delete(route.prefix);
    if (byPrefix.size === 0) this.used = this.used.filter((length) => length !== route.prefixLength);
  }
}

function sameRoute(a: FibRoute, b: FibRoute): boolean {
  return (
    a.type === b.type &&
    a.scope === b.scope &&
    a.dev === b.dev &&
    a.gateway === b.gateway &&
    a.prefSrc === b.prefSrc &&
    a.protocol === b.protocol
  );
}

/** A policy rule: ip-rule(8). */
export interface FibRule {
  readonly priority: number;
  /** FR_ACT_TO_TBL 1, _BLACKHOLE 6, _UNREACHABLE 7, _PROHIBIT 8. */
  readonly action: number;
  readonly table: number;
  readonly src: number;
  readonly srcLength: number;
  readonly dst: number;
  readonly dstLength: number;
  readonly mark: number;
  readonly markMask: number;
  /** Device names; empty: any. */
  readonly iif: string;
  readonly oif: string;
  readonly tos: number;
  readonly invert: boolean;
  readonly protocol: number;
  /** FRA_SUPPRESS_PREFIXLEN; -1: none. */
  readonly suppressPrefixLength: number;
}

const defaultRule = (priority: number, table: number): FibRule => ({
  ...{ priority, table, action: 1, src: 0, srcLength: 0, dst: 0, dstLength: 0, mark: 0, markMask: 0, iif: "", oif: "" },
  ...{ tos: 0, invert: false, protocol: 2, suppressPrefixLength: -1 },
});

/** The tables and rules of a namespace. */
export class Fib {
  readonly tables = new Map<number, FibTable>();
  rules: FibRule[] = [defaultRule(0, RT_TABLE_LOCAL), defaultRule(32_766, RT_TABLE_MAIN), defaultRule(32_767, RT_TABLE_DEFAULT)];
  /** Somebody has made rules of his own: lookups must go through them. */
  customRules = false;
  /** Grows with every change: routes that were looked up before are to be looked up again. */
  generation = 0;

  constructor(readonly ns: NetNamespace) {
    for (const id of [RT_TABLE_LOCAL, RT_TABLE_MAIN]) this.tables.set(id, new FibTable(id));
  }

  table(id: number): FibTable {
    let table = this.tables.get(id);
    if (table === undefined) this.tables.set(id, (table = new FibTable(id)));
    return table;
  }

  changed(): void {
    this.generation++;
    this.ns.changed();
  }

  get local(): FibTable {
    return this.tables.get(RT_TABLE_LOCAL) as FibTable;
  }

  /**
   * What the local and the main table say together. As long as nobody has made rules of his own, Linux keeps both in one trie: the longest prefix
   * wins whichever table it is in, and only among equal ones the local table comes first (fib_trie_table, fib_unmerge).
   */
  lookupMerged(dst: number, oif: number, tos: number, minScope: number, ignoreLinkDown: boolean): FibRoute | undefined {
    const local = this.local.lookup(dst, oif, tos, minScope, ignoreLinkDown);
    if (local !== undefined && local.prefixLength === 32) return local;
    const main = (this.tables.get(RT_TABLE_MAIN) as FibTable).lookup(dst, oif, tos, minScope, ignoreLinkDown);
    if (local === undefined || main === undefined) return local ?? main;
    return main.prefixLength > local.prefixLength ? main : local;
  }

  /** The route that the local table has for an address, as others see it. */
  lookupLocal(addr: number): FibRoute | undefined {
    return this.customRules ? this.local.lookup(addr, 0, 0, 0, false) : this.lookupMerged(addr, 0, 0, 0, false);
  }

  get ignoreLinkDown(): boolean {
    return this.ns.part(ipv4Conf).all.ignore_routes_with_linkdown !== 0;
  }

  addRule(rule: FibRule): void {
    const at = this.rules.findIndex((r) => r.priority > rule.priority);
    this.rules.splice(at < 0 ? this.rules.length : at, 0, rule);
    this.customRules = true;
    this.changed();
  }
}

export const fibPart = netPart("ipv4.fib", (ns) => new Fib(ns));
export const fibOf = (ns: NetNamespace): Fib => ns.part(fibPart);
