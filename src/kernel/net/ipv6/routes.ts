/**
 * The IPv6 routes that addresses bring along, as `ip -6 route` shows them: Linux `net/ipv6/route.c`, `addrconf.c`. Derived, not kept: no packet is routed by
 * them.
 */

import type { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { RT_TABLE_LOCAL, RT_TABLE_MAIN, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST } from "../ipv4/route-types.ts";
import { IFA_F_TENTATIVE, type Ipv6Address, ipv6Addresses } from "./addresses.ts";

export interface Ipv6Route {
  readonly table: number;
  readonly type: number;
  readonly prefix: readonly number[];
  readonly prefixLength: number;
  /** IP6_RT_PRIO_ADDRCONF, or 0. */
  readonly priority: number;
  readonly dev: NetDevice;
}

const ADDRCONF_PRIORITY = 256;
const MULTICAST = [0xff00, 0, 0, 0, 0, 0, 0, 0];

function network(addr: readonly number[], length: number): number[] {
  return addr.map((group, i) => {
    const bits = Math.min(16, Math.max(0, length - 16 * i));
    return group & (0xffff << (16 - bits)) & 0xffff;
  });
}

const compare = (a: readonly number[], b: readonly number[]): number => {
  for (const [i, group] of a.entries()) if (group !== b[i]) return group - (b[i] as number);
  return 0;
};

/** In the order of the tree: by table, by prefix, equal ones as they came. */
export function ipv6Routes(ns: NetNamespace): Ipv6Route[] {
  const all: { readonly dev: NetDevice; readonly a: Ipv6Address }[] = [...ns.devices.values()].flatMap((dev) =>
    ipv6Addresses(dev).map((a) => ({ dev, a })),
  );
  all.sort((x, y) => x.a.createdNs - y.a.createdNs);
  const main: Ipv6Route[] = [];
  const local: Ipv6Route[] = [];
  const groups: Ipv6Route[] = [];
  for (const { dev, a } of all) {
    if (!dev.isLoopback && a.prefixLength < 128) {
      const prefix = network(a.addr, a.prefixLength);
      if (!main.some((r) => r.dev === dev && r.prefixLength === a.prefixLength && compare(r.prefix, prefix) === 0)) {
        main.push({ table: RT_TABLE_MAIN, type: RTN_UNICAST, prefix, prefixLength: a.prefixLength, priority: ADDRCONF_PRIORITY, dev });
      }
    }
    if ((a.flags & IFA_F_TENTATIVE) === 0)
      local.push({ table: RT_TABLE_LOCAL, type: RTN_LOCAL, prefix: a.addr, prefixLength: 128, priority: 0, dev });
    if (!dev.isLoopback && !groups.some((r) => r.dev === dev)) {
      groups.push({ table: RT_TABLE_LOCAL, type: RTN_MULTICAST, prefix: MULTICAST, prefixLength: 8, priority: ADDRCONF_PRIORITY, dev });
    }
  }
  main.sort((x, y) => compare(x.prefix, y.prefix));
  local.sort((x, y) => compare(x.prefix, y.prefix));
  return [...main, ...local, ...groups];
}
