/** IPv6's part of a device: its addresses, settings, neighbours. Linux `include/net/if_inet6.h`, `struct inet6_dev`. */

import type { NetDevice } from "../device.ts";
import { NEIGH_DEFAULTS, type NeighParameters } from "../ipv4/in-device.ts";
import type { Neighbour, NeighbourTable } from "../ipv4/neighbour.ts";
import { type NetNamespace, netPart } from "../net-namespace.ts";
import type { Ipv6Address } from "./addresses.ts";
import type { Ip6 } from "./ip6.ts";

/** /proc/sys/net/ipv6/conf/DEV: those that have an effect, with Linux' defaults. */
export const CONF6_DEFAULTS = { accept_dad: 1, dad_transmits: 1, disable_ipv6: 0, forwarding: 0, hop_limit: 64 };

export type Conf6Name = keyof typeof CONF6_DEFAULTS;
export type Ipv6Conf = { [K in Conf6Name]: number };

export class In6Device implements NeighbourTable<Ip6> {
  /** Wider scopes first. Written by `addresses.ts`. */
  readonly addresses: Ipv6Address[] = [];
  readonly neighbours = new Map<Ip6, Neighbour<Ip6>>();
  readonly neigh: NeighParameters = { ...NEIGH_DEFAULTS };
  /** Groups that sockets have joined, and how often. */
  readonly groups = new Map<Ip6, number>();
  readonly conf: Ipv6Conf;

  constructor(readonly dev: NetDevice) {
    this.conf = { ...dev.ns.part(ipv6Conf).default };
  }
}

/** conf/all and conf/default. */
export const ipv6Conf = netPart("ipv6.conf", (_ns: NetNamespace) => ({
  all: { ...CONF6_DEFAULTS } as Ipv6Conf,
  default: { ...CONF6_DEFAULTS } as Ipv6Conf,
}));

/** addrconf_fixup_forwarding() for conf/all: all devices follow, and those to come. */
export function setForwarding6(ns: NetNamespace, on: number): void {
  const conf = ns.part(ipv6Conf);
  conf.all.forwarding = on;
  conf.default.forwarding = on;
  for (const { ip6 } of ns.devices.values()) if (ip6 !== undefined) ip6.conf.forwarding = on;
  ns.changed();
}

/** neigh_ifdown(). */
export function flushNeighbours6(in6: In6Device): void {
  for (const neigh of [...in6.neighbours.values()]) {
    if (neigh.state === 0x80 && in6.dev.up) continue;
    in6.dev.ns.core.rtnl?.neighbour("del", neigh);
    neigh.destroy();
  }
}
