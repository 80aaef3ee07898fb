/**
 * IPv6 addresses of devices: RFC 4291, 4862, Linux `net/ipv6/addrconf.c`. A device that is up and has carrier gets its link-local address, made from its
 * hardware address (EUI-64); loopback gets ::1; others are added by hand.
 *
 * Differs from Linux: addresses are kept and shown, with their duplicate address detection as time that passes, but no IPv6 packet is sent or
 * received: there is no neighbour discovery, and AF_INET6 sockets do not exist.
 */

import { EADDRNOTAVAIL, EEXIST } from "../../../abi/errno.ts";
import type { NetdevEvent } from "../core.ts";
import { IFF_LOOPBACK, IFF_NOARP, isOperational, type NetDevice } from "../device.ts";

export const IFA_F_TENTATIVE = 0x40;
const IFA_F_PERMANENT = 0x80;
const MIN_MTU = 1280;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
/** One probe and the wait for an answer (RFC 4862: RetransTimer), after the random delay that Linux begins with. */
const DAD_NS = 1.5e9;

export interface Ipv6Address {
  /** Eight groups. */
  readonly addr: readonly number[];
  readonly prefixLength: number;
  readonly scope: number;
  /** IFA_F_…. */
  readonly flags: number;
  /** Nobody else can have it: no duplicate address detection. */
  readonly unique: boolean;
  readonly createdNs: number;
  /** IFA_PROTO: the kernel's own are IFAPROT_KERNEL_LO 1 and _LL 3. */
  readonly proto: number;
}

const addressesOf = new WeakMap<NetDevice, Ipv6Address[]>();

/** All of a device, with TENTATIVE as it is now: wider scopes first, as Linux lists them. */
export function ipv6Addresses(dev: NetDevice): Ipv6Address[] {
  const now = dev.ns.system.sched.clockNs;
  return (addressesOf.get(dev) ?? []).map((a) => {
    const tentative = !a.unique && dev.up && now < a.createdNs + DAD_NS;
    return tentative ? { ...a, flags: a.flags | IFA_F_TENTATIVE } : a;
  });
}

/** Errors: EEXIST. */
export function addIpv6Address(dev: NetDevice, wanted: Omit<Ipv6Address, "createdNs">): Ipv6Address {
  const list = addressesOf.get(dev) ?? [];
  if (list.some((a) => sameGroups(a.addr, wanted.addr))) throw EEXIST;
  const made = { ...wanted, flags: wanted.flags | IFA_F_PERMANENT, createdNs: dev.ns.system.sched.clockNs };
  const at = list.findIndex((a) => a.scope >= made.scope);
  list.splice(at < 0 ? list.length : at, 0, made);
  addressesOf.set(dev, list);
  dev.ns.changed();
  dev.ns.core.rtnl?.address6("new", dev, made);
  return made;
}

/** Errors: EADDRNOTAVAIL. */
export function removeIpv6Address(dev: NetDevice, addr: readonly number[], prefixLength: number): void {
  const list = addressesOf.get(dev) ?? [];
  const at = list.findIndex((a) => a.prefixLength === prefixLength && sameGroups(a.addr, addr));
  const [gone] = at < 0 ? [] : list.splice(at, 1);
  if (gone === undefined) throw EADDRNOTAVAIL;
  dev.ns.changed();
  dev.ns.core.rtnl?.address6("del", dev, gone);
}

const sameGroups = (a: readonly number[], b: readonly number[]): boolean => a.every((group, i) => group === b[i]);

/** fe80::/64 with the interface identifier of RFC 4291, appendix A: the hardware address with ff:fe in its middle and one bit turned. */
export function linkLocalOf(mac: number): number[] {
  const high = Math.floor(mac / 2 ** 32) ^ 0x0200;
  const low = mac % 2 ** 32;
  return [0xfe80, 0, 0, 0, high, ((low >>> 24) << 8) | 0xff, 0xfe00 | ((low >>> 16) & 255), low & 0xffff];
}

/** The scope that an address has by itself. */
export function scopeOfIpv6(addr: readonly number[]): number {
  if (addr.slice(0, 7).every((group) => group === 0) && addr[7] === 1) return RT_SCOPE_HOST;
  return ((addr[0] as number) & 0xffc0) === 0xfe80 ? RT_SCOPE_LINK : 0;
}

/** addrconf_notify(). */
export function addrconfEvent(event: NetdevEvent, dev: NetDevice): void {
  switch (event) {
    case "up":
    case "change":
      if (isOperational(dev) && dev.mtu >= MIN_MTU) begin(dev);
      break;
    case "down":
    case "unregister":
      for (const gone of addressesOf.get(dev) ?? []) dev.ns.core.rtnl?.address6("del", dev, gone);
      addressesOf.delete(dev);
      break;
    default:
      break;
  }
}

/** addrconf_dev_config(), init_loopback(). Devices that are ports of a bridge have theirs too. */
function begin(dev: NetDevice): void {
  const list = addressesOf.get(dev) ?? [];
  if (dev.isLoopback) {
    const addr = [0, 0, 0, 0, 0, 0, 0, 1];
    if (list.length === 0) addIpv6Address(dev, { addr, prefixLength: 128, scope: RT_SCOPE_HOST, flags: 0, unique: true, proto: 1 });
  } else if (!list.some((a) => a.scope === RT_SCOPE_LINK)) {
    const unique = (dev.flags & (IFF_NOARP | IFF_LOOPBACK)) !== 0;
    addIpv6Address(dev, { addr: linkLocalOf(dev.mac), prefixLength: 64, scope: RT_SCOPE_LINK, flags: 0, unique, proto: 3 });
  }
}
