/** IPv4's part of a device: its addresses, settings and neighbours. Linux `include/linux/inetdevice.h`, `struct in_device`. */

import { prefixMask } from "../../../abi/inet.ts";
import type { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { netPart } from "../net-namespace.ts";
import type { Neighbour } from "./neighbour.ts";

/** struct in_ifaddr. Immutable but for the flags. */
export interface InAddress {
  readonly local: number;
  /** The other end of a point-to-point link; otherwise as `local`. */
  readonly address: number;
  readonly prefixLength: number;
  /** 0: none. */
  readonly broadcast: number;
  readonly scope: number;
  readonly label: string;
  /** IFA_F_…. */
  flags: number;
  /** IFA_RT_PRIORITY: metric of its prefix route. */
  readonly priority: number;
  /** IFA_PROTO. */
  readonly proto: number;
  /** Virtual time, nanoseconds. */
  readonly createdNs: number;
}

export const IFA_F_SECONDARY = 0x01;
export const IFA_F_PERMANENT = 0x80;
export const IFA_F_NOPREFIXROUTE = 0x200;

/** /proc/sys/net/ipv4/conf/DEV: those that have an effect, with Linux' defaults. */
export const CONF_DEFAULTS = {
  accept_local: 0,
  accept_redirects: 1,
  arp_announce: 0,
  arp_filter: 0,
  arp_ignore: 0,
  arp_notify: 0,
  drop_gratuitous_arp: 0,
  forwarding: 0,
  ignore_routes_with_linkdown: 0,
  log_martians: 0,
  promote_secondaries: 0,
  proxy_arp: 0,
  route_localnet: 0,
  rp_filter: 0,
  send_redirects: 1,
  shared_media: 1,
};

export type ConfName = keyof typeof CONF_DEFAULTS;
export type Ipv4Conf = { [K in ConfName]: number };

/** /proc/sys/net/ipv4/neigh/DEV, in the units of their names there. */
export const NEIGH_DEFAULTS = {
  app_solicit: 0,
  base_reachable_time_ms: 30_000,
  delay_first_probe_time: 5,
  gc_stale_time: 60,
  mcast_solicit: 3,
  retrans_time_ms: 1_000,
  ucast_solicit: 3,
  unres_qlen: 101,
};

export type NeighParameter = keyof typeof NEIGH_DEFAULTS;
export type NeighParameters = { [K in NeighParameter]: number };

export class InDevice {
  /** Primary ones first, by scope; then the secondary ones. Written by `devinet.ts`. */
  readonly addresses: InAddress[] = [];
  /** By address. Written by `neighbour.ts`. */
  readonly neighbours = new Map<number, Neighbour>();
  /** Group addresses that someone here has joined, and how often (IP_ADD_MEMBERSHIP). */
  readonly groups = new Map<number, number>();
  /** Settings that were written for this device: changes of conf/default leave them alone. Undefined: all of them, once it has an address. */
  private set: Set<ConfName> | undefined = new Set();

  constructor(
    readonly dev: NetDevice,
    readonly conf: Ipv4Conf,
    readonly neigh: NeighParameters,
  ) {}

  isSet(name: ConfName): boolean {
    return this.set === undefined || this.set.has(name);
  }

  markSet(name: ConfName): void {
    this.set?.add(name);
  }

  /** ipv4_devconf_setall(). */
  markAllSet(): void {
    this.set = undefined;
  }
}

/** Settings that hold for all devices of a namespace, and those that new ones begin with: conf/all, conf/default. */
export const ipv4Conf = netPart("ipv4.conf", (ns: NetNamespace) => {
  // devconf_inherit_init_net 0: new namespaces begin with what the initial one has now.
  const init = ns.core.initNs;
  const base = init === ns ? undefined : init.part(ipv4Conf);
  return {
    all: { ...CONF_DEFAULTS, ...base?.all } as Ipv4Conf,
    default: { ...CONF_DEFAULTS, ...base?.default } as Ipv4Conf,
    neighDefault: { ...NEIGH_DEFAULTS } as NeighParameters,
  };
}) as { readonly symbol: symbol; make(ns: NetNamespace): { all: Ipv4Conf; default: Ipv4Conf; neighDefault: NeighParameters } };

/** IN_DEV_ORCONF: on for this device or for all. */
export function confOr(dev: NetDevice, name: ConfName): boolean {
  return dev.ns.part(ipv4Conf).all[name] !== 0 || (dev.ip?.conf[name] ?? 0) !== 0;
}

/** IN_DEV_MAXCONF: the stricter of the two. */
export function confMax(dev: NetDevice, name: ConfName): number {
  return Math.max(dev.ns.part(ipv4Conf).all[name], dev.ip?.conf[name] ?? 0);
}

export const addressMatches = (ifa: InAddress, addr: number): boolean => ((addr ^ ifa.address) & prefixMask(ifa.prefixLength)) === 0;
