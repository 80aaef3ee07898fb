/** Addresses of devices: ip-address(8), Linux `net/ipv4/devinet.c`. */

import { EADDRNOTAVAIL, EEXIST, EINVAL, ENOBUFS } from "../../../abi/errno.ts";
import { INADDR_LOOPBACK, prefixMask } from "../../../abi/inet.ts";
import type { NetdevEvent } from "../core.ts";
import type { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { arpSend, ARPOP_REQUEST, flushNeighbours } from "./arp.ts";
import { fibOf } from "./fib.ts";
import { addAddressRoutes, deviceDownRoutes, removeAddressRoutes } from "./fib-frontend.ts";
import { addressMatches, confMax, IFA_F_PERMANENT, IFA_F_SECONDARY, type InAddress, InDevice, ipv4Conf } from "./in-device.ts";
import { RT_SCOPE_HOST } from "./route-types.ts";

/** IPv4 works on links of at least this MTU. */
const MIN_MTU = 68;

/** inetdev_init(). */
function inetdevInit(dev: NetDevice): InDevice {
  const conf = dev.ns.part(ipv4Conf);
  const inDev = new InDevice(dev, { ...conf.default }, { ...conf.neighDefault });
  dev.ip = inDev;
  return inDev;
}

/** What a new address is to be. */
export interface NewAddress {
  readonly local: number;
  readonly prefixLength: number;
  /** Unless it is `local`. */
  readonly address?: number;
  readonly broadcast?: number;
  readonly scope?: number;
  readonly label?: string;
  readonly flags?: number;
  readonly priority?: number;
  readonly proto?: number;
}

/** inet_insert_ifa(). Errors: ENOBUFS on a device whose MTU is too small for IPv4; EEXIST where it is there already; EINVAL for one of the same subnet with another scope. */
export function addAddress(dev: NetDevice, wanted: NewAddress): InAddress {
  const inDev = dev.ip;
  if (inDev === undefined) throw ENOBUFS;
  const { addresses } = inDev;
  inDev.markAllSet();
  const ifa: InAddress = {
    local: wanted.local,
    address: wanted.address ?? wanted.local,
    prefixLength: wanted.prefixLength,
    broadcast: wanted.broadcast ?? 0,
    scope: wanted.scope ?? 0,
    label: wanted.label ?? dev.name,
    flags: ((wanted.flags ?? 0) & ~IFA_F_SECONDARY) | IFA_F_PERMANENT,
    priority: wanted.priority ?? 0,
    proto: wanted.proto ?? 0,
    createdNs: dev.ns.system.sched.clockNs,
  };
  let lastPrimary = 0;
  for (const [i, other] of addresses.entries()) {
    if ((other.flags & IFA_F_SECONDARY) === 0 && ifa.scope <= other.scope) lastPrimary = i + 1;
    if (other.prefixLength !== ifa.prefixLength || !addressMatches(other, ifa.address)) continue;
    if (other.local === ifa.local) throw EEXIST;
    if (other.scope !== ifa.scope) throw EINVAL;
    ifa.flags |= IFA_F_SECONDARY;
  }
  if ((ifa.flags & IFA_F_SECONDARY) === 0) addresses.splice(lastPrimary, 0, ifa);
  else addresses.push(ifa);
  dev.ns.changed();
  fibOf(dev.ns).generation++;
  dev.ns.core.rtnl?.address("new", dev, ifa);
  addAddressRoutes(dev, ifa);
  return ifa;
}

/**
 * inet_del_ifa(): with a primary address go its secondary ones, unless promote_secondaries makes the first of them primary.
 * Errors: EADDRNOTAVAIL.
 */
export function removeAddress(dev: NetDevice, ifa: InAddress): void {
  const inDev = dev.ip;
  const at = inDev?.addresses.indexOf(ifa) ?? -1;
  if (inDev === undefined || at < 0) throw EADDRNOTAVAIL;
  const { addresses } = inDev;
  const drop = (gone: InAddress): void => {
    addresses.splice(addresses.indexOf(gone), 1);
    removeAddressRoutes(dev, gone);
    dev.ns.core.rtnl?.address("del", dev, gone);
  };
  const secondaries =
    (ifa.flags & IFA_F_SECONDARY) !== 0
      ? []
      : addresses.filter((a) => (a.flags & IFA_F_SECONDARY) !== 0 && a.prefixLength === ifa.prefixLength && addressMatches(ifa, a.address));
  const [heir] = secondaries;
  if (heir !== undefined && confMax(dev, "promote_secondaries") !== 0) {
    drop(ifa);
    for (const other of secondaries) removeAddressRoutes(dev, other);
    heir.flags &= ~IFA_F_SECONDARY;
    addresses.splice(addresses.indexOf(heir), 1);
    addresses.splice(at, 0, heir);
    dev.ns.core.rtnl?.address("new", dev, heir);
    for (const other of secondaries) addAddressRoutes(dev, other);
  } else {
    for (const other of secondaries) drop(other);
    drop(ifa);
  }
  // The last address of the device: it is no more of IP, and all of its routes go.
  if (addresses.length === 0) deviceDownRoutes(dev, true);
  dev.ns.changed();
  fibOf(dev.ns).generation++;
}

/** inetdev_event(), fib_netdev_event() and arp_netdev_event() in one: what devices' changes mean to IPv4. */
export function inetdevEvent(event: NetdevEvent, dev: NetDevice): void {
  switch (event) {
    case "register":
      if (dev.ip === undefined && (dev.isLoopback || dev.mtu >= MIN_MTU)) inetdevInit(dev);
      break;
    case "up":
      up(dev);
      break;
    case "changeaddr":
      if (dev.ip !== undefined) flushNeighbours(dev.ip, true);
      announce(dev);
      break;
    case "down":
      deviceDownRoutes(dev, false);
      if (dev.ip !== undefined) flushNeighbours(dev.ip, false);
      fibOf(dev.ns).generation++;
      break;
    case "change":
      if (!dev.carrier && dev.ip !== undefined) flushNeighbours(dev.ip, true);
      fibOf(dev.ns).generation++;
      break;
    case "changemtu":
      fibOf(dev.ns).generation++;
      if (dev.ip !== undefined && dev.mtu < MIN_MTU) destroy(dev);
      else if (dev.ip === undefined && dev.mtu >= MIN_MTU) inetdevInit(dev);
      break;
    case "changename":
      relabel(dev);
      break;
    case "unregister":
      destroy(dev);
      break;
    case "changeupper":
    case "going_down":
      break;
  }
}

function up(dev: NetDevice): void {
  const inDev = dev.ip;
  if (inDev === undefined) return;
  if (dev.isLoopback && !inDev.addresses.some((ifa) => ifa.local === INADDR_LOOPBACK && ifa.prefixLength === 8)) {
    addAddress(dev, { local: INADDR_LOOPBACK, prefixLength: 8, scope: RT_SCOPE_HOST });
  }
  for (const ifa of inDev.addresses) addAddressRoutes(dev, ifa);
  announce(dev);
}

/** Gratuitous ARP, with arp_notify: others learn where the addresses are now. */
function announce(dev: NetDevice): void {
  if (!dev.up || dev.ip === undefined || confMax(dev, "arp_notify") === 0) return;
  for (const ifa of dev.ip.addresses) arpSend(dev, ARPOP_REQUEST, ifa.local, ifa.local, undefined);
}

/** inetdev_changename(): labels go with the name. */
function relabel(dev: NetDevice): void {
  const { addresses } = dev.ip ?? { addresses: [] };
  for (const [i, ifa] of addresses.entries()) {
    const colon = ifa.label.indexOf(":");
    addresses[i] = { ...ifa, label: colon < 0 ? dev.name : `${dev.name}${ifa.label.slice(colon)}` };
  }
}

/** inetdev_destroy(). */
function destroy(dev: NetDevice): void {
  const inDev = dev.ip;
  if (inDev === undefined) return;
  for (let ifa = inDev.addresses[0]; ifa !== undefined; ifa = inDev.addresses[0]) {
    inDev.addresses.splice(0, 1);
    removeAddressRoutes(dev, ifa);
    dev.ns.core.rtnl?.address("del", dev, ifa);
  }
  deviceDownRoutes(dev, true);
  flushNeighbours(inDev, false);
  dev.ip = undefined;
  fibOf(dev.ns).generation++;
}

/** The one with this address, and the device that has it. */
export function findAddress(ns: NetNamespace, local: number): { readonly dev: NetDevice; readonly ifa: InAddress } | undefined {
  for (const dev of ns.devices.values()) {
    const ifa = dev.ip?.addresses.find((a) => a.local === local);
    if (ifa !== undefined) return { dev, ifa };
  }
  return undefined;
}

/** The broadcast address that `brd +` means. */
export const defaultBroadcast = (local: number, prefixLength: number): number => (local | ~prefixMask(prefixLength)) >>> 0;

/** inet_forward_change(): whether this host passes packets on, on all its devices and those to come (net.ipv4.ip_forward). */
export function setForwarding(ns: NetNamespace, on: number): void {
  const conf = ns.part(ipv4Conf);
  conf.all.forwarding = on;
  conf.default.forwarding = on;
  for (const dev of ns.devices.values()) if (dev.ip !== undefined) dev.ip.conf.forwarding = on;
  fibOf(ns).changed();
}
