/**
 * IPv6 addresses of devices: RFC 4291, 4862, Linux `net/ipv6/addrconf.c`. A device that is up and has carrier gets its link-local address, made from its
 * hardware address (EUI-64); loopback gets ::1; others are added by hand.
 *
 * Differs from Linux: for a link-local address that follows from the hardware address nobody is asked whether it is taken, only the time passes; routers
 * are not looked for and not listened to (RS, RA), and groups are not reported to them (MLD).
 */

import { EADDRNOTAVAIL, EEXIST } from "../../../abi/errno.ts";
import { Timer } from "../../sched/timer.ts";
import type { NetdevEvent } from "../core.ts";
import { IFF_LOOPBACK, IFF_NOARP, isOperational, type NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { flushNeighbours6, In6Device, ipv6Conf } from "./in6-device.ts";
import { commonPrefix, type Ip6, ip6Of, isLinkLocal6, needsScope } from "./ip6.ts";
import { askForDuplicate } from "./ndisc.ts";
import { dropRoutesOf } from "./routes.ts";

export const IFA_F_TENTATIVE = 0x40;
export const IFA_F_DADFAILED = 0x08;
const IFA_F_PERMANENT = 0x80;
const MIN_MTU = 1280;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
/** One probe and the wait for an answer (RFC 4862: RetransTimer), after the random delay that Linux begins with: here always a half second. */
const DAD_NS = 1.5e9;
const DAD_DELAY_NS = 0.5e9;
const PROTO_LINK_LOCAL = 3;

export interface Ipv6Address {
  /** Eight groups. */
  readonly addr: readonly number[];
  /** The same. */
  readonly ip6: Ip6;
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

/** Until when an address is tentative. */
export const tentativeUntilNs = (a: Ipv6Address): number => (a.unique ? 0 : a.createdNs + DAD_NS);

/** All of a device, with TENTATIVE as it is now: wider scopes first, as Linux lists them. */
export function ipv6Addresses(dev: NetDevice): Ipv6Address[] {
  const now = dev.ns.system.sched.clockNs;
  return (dev.ip6?.addresses ?? []).map((a) =>
    (a.flags & IFA_F_DADFAILED) !== 0 || (dev.up && now < tentativeUntilNs(a)) ? { ...a, flags: a.flags | IFA_F_TENTATIVE } : a,
  );
}

/** Errors: EEXIST. */
export function addIpv6Address(dev: NetDevice, wanted: Omit<Ipv6Address, "createdNs" | "ip6">): Ipv6Address {
  const list = in6Of(dev).addresses;
  const ip6 = ip6Of(wanted.addr);
  if (list.some((a) => a.ip6 === ip6)) throw EEXIST;
  const { sched } = dev.ns.system;
  const unique = wanted.unique || (dev.flags & (IFF_NOARP | IFF_LOOPBACK)) !== 0;
  const made = { ...wanted, unique, ip6, flags: wanted.flags | IFA_F_PERMANENT, createdNs: sched.clockNs };
  const at = list.findIndex((a) => a.scope >= made.scope);
  list.splice(at < 0 ? list.length : at, 0, made);
  dev.ns.changed();
  dev.ns.core.rtnl?.address6("new", dev, made);
  if (!made.unique && made.proto !== PROTO_LINK_LOCAL) {
    const timer = new Timer(() => {
      if (dev.up && dev.ip6?.addresses.includes(made)) dev.ns.core.softnet.run(() => askForDuplicate(dev, ip6));
    });
    sched.timers.arm(timer, sched.clockNs + DAD_DELAY_NS);
  }
  return made;
}

/** addrconf_dad_failure(): somebody else has it. */
export function duplicateFound(dev: NetDevice, ip6: Ip6): void {
  const list = dev.ip6?.addresses;
  const at = list?.findIndex((a) => a.ip6 === ip6) ?? -1;
  const a = list?.[at];
  if (list === undefined || a === undefined || dev.ns.system.sched.clockNs >= tentativeUntilNs(a)) return;
  list[at] = { ...a, flags: a.flags | IFA_F_DADFAILED };
  dev.ns.changed();
}

/** Errors: EADDRNOTAVAIL. */
export function removeIpv6Address(dev: NetDevice, addr: readonly number[], prefixLength: number): void {
  const list = dev.ip6?.addresses ?? [];
  const ip6 = ip6Of(addr);
  const at = list.findIndex((a) => a.prefixLength === prefixLength && a.ip6 === ip6);
  const [gone] = at < 0 ? [] : list.splice(at, 1);
  if (gone === undefined) throw EADDRNOTAVAIL;
  dev.ns.changed();
  dev.ns.core.rtnl?.address6("del", dev, gone);
}

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

const usable = (a: Ipv6Address): boolean => (a.flags & IFA_F_TENTATIVE) === 0;

/** The device that has this address, in use. Link-local ones are asked for with the device: they count there, and for what comes back from oneself. */
export function deviceOfIp6(ns: NetNamespace, addr: Ip6, on?: NetDevice): NetDevice | undefined {
  for (const dev of ns.devices.values()) {
    if (!dev.up || (on !== undefined && dev !== on && !on.isLoopback && isLinkLocal6(addr))) continue;
    if (dev.ip6?.addresses.some((a) => a.ip6 === addr) && ipv6Addresses(dev).some((a) => a.ip6 === addr && usable(a))) return dev;
  }
  return undefined;
}

/** ipv6_dev_get_saddr(), RFC 6724 as far as it applies: the same address, the right scope, the device that it goes out by, the longest common prefix. */
export function selectAddress6(ns: NetNamespace, out: NetDevice, dst: Ip6): Ip6 | undefined {
  const scope = needsScope(dst) ? RT_SCOPE_LINK : 0;
  let best: { readonly a: Ipv6Address; readonly score: readonly number[] } | undefined;
  for (const dev of ns.devices.values()) {
    if (!dev.up || (dev !== out && scope !== 0)) continue;
    for (const a of ipv6Addresses(dev)) {
      if (!usable(a)) continue;
      // Smaller is narrower: the narrowest that is wide enough.
      const fits = a.scope <= scope ? 1 + a.scope : -a.scope;
      const score = [a.ip6 === dst ? 1 : 0, fits, dev === out ? 1 : 0, Math.min(a.prefixLength, commonPrefix(a.ip6, dst))];
      if (best === undefined || beats(score, best.score)) best = { a, score };
    }
  }
  return best?.a.ip6;
}

function beats(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((n, i) => n !== b[i]);
  return at >= 0 && (a[at] as number) > (b[at] as number);
}

/** The part of a device, made when it is first needed. */
export function in6Of(dev: NetDevice): In6Device {
  if (dev.ip6 === undefined || dev.ip6.dev !== dev) dev.ip6 = new In6Device(dev);
  return dev.ip6;
}

/** addrconf_notify(). */
export function addrconfEvent(event: NetdevEvent, dev: NetDevice): void {
  switch (event) {
    case "register":
      in6Of(dev);
      break;
    case "up":
    case "change":
      if (isOperational(dev) && dev.mtu >= MIN_MTU) begin(dev);
      break;
    case "down":
    case "unregister":
      end(dev);
      if (event === "unregister") dev.ip6 = undefined;
      break;
    default:
      break;
  }
}

/** addrconf_dev_config(), init_loopback(). Devices that are ports of a bridge have theirs too. */
function begin(dev: NetDevice): void {
  const { addresses: list, conf } = in6Of(dev);
  if (conf.disable_ipv6 !== 0) return;
  if (dev.isLoopback) {
    const addr = [0, 0, 0, 0, 0, 0, 0, 1];
    if (list.length === 0) addIpv6Address(dev, { addr, prefixLength: 128, scope: RT_SCOPE_HOST, flags: 0, unique: true, proto: 1 });
  } else if (!list.some((a) => a.scope === RT_SCOPE_LINK)) {
    const scope = RT_SCOPE_LINK;
    addIpv6Address(dev, { addr: linkLocalOf(dev.mac), prefixLength: 64, scope, flags: 0, unique: false, proto: PROTO_LINK_LOCAL });
  }
}

/** addrconf_ifdown(). */
function end(dev: NetDevice): void {
  const { ip6 } = dev;
  if (ip6 === undefined) return;
  for (const gone of ip6.addresses.splice(0)) dev.ns.core.rtnl?.address6("del", dev, gone);
  flushNeighbours6(ip6);
  dropRoutesOf(dev);
  dev.ns.changed();
}

/** conf/DEV/disable_ipv6; conf/all sets it everywhere. */
export function setDisabled6(ns: NetNamespace, owner: "all" | "default" | In6Device, on: number): void {
  const conf = ns.part(ipv6Conf);
  if (owner === "default") conf.default.disable_ipv6 = on;
  else if (owner !== "all") apply(owner, on);
  else {
    conf.all.disable_ipv6 = on;
    conf.default.disable_ipv6 = on;
    for (const { ip6 } of ns.devices.values()) if (ip6 !== undefined) apply(ip6, on);
  }
}

function apply({ conf, dev }: In6Device, on: number): void {
  const before = conf.disable_ipv6;
  conf.disable_ipv6 = on;
  if ((before === 0) === (on === 0)) return;
  if (on !== 0) end(dev);
  else addrconfEvent("change", dev);
}
