/** Requests about devices by way of any socket: netdevice(7), Linux `net/core/dev_ioctl.c`, `net/ipv4/devinet.c:devinet_ioctl`. */

import { CAP_NET_ADMIN } from "../../abi/capability.ts";
import { EADDRNOTAVAIL, EINVAL, ENODEV, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import { prefixMask } from "../../abi/inet.ts";
import { ARPHRD_ETHER, ARPHRD_LOOPBACK } from "../../abi/rtnetlink.ts";
import type { IfreqAddress, IfreqNumber, SocketIoctls } from "../../abi/sockios.ts";
import { nsCapable } from "../ns/user.ts";
import { UTS_RELEASE } from "../params.ts";
import type { Task } from "../task/task.ts";
import { setMac, setMtu } from "./dev.ts";
import { deviceFlags, isMulticastMac, isOperational, type NetDevice } from "./device.ts";
import { addAddress, defaultBroadcast, removeAddress } from "./ipv4/devinet.ts";
import type { InAddress } from "./ipv4/in-device.ts";
import { isLoopback, isMulticast, isZeronet } from "./ipv4/fib-lookup.ts";
import { RT_SCOPE_HOST } from "./ipv4/route-types.ts";
import { changeFlags } from "./netlink/link.ts";
import { type NetNamespace, netNsOf } from "./net-namespace.ts";

type DeviceRequest = keyof SocketIoctls;

/** A label such as `eth0:1` names the device before its colon. Errors: ENODEV. */
function requireDevice(ns: NetNamespace, name: string): NetDevice {
  const dev = ns.findDevice(name.replace(/:.*$/, ""));
  if (dev === undefined) throw ENODEV;
  return dev;
}

/** The address with this label; of a plain name the first. Errors: EADDRNOTAVAIL. */
function requireAddress(ns: NetNamespace, name: string): InAddress {
  const ifa = requireDevice(ns, name).ip?.addresses.find((a) => a.label === name);
  if (ifa === undefined) throw EADDRNOTAVAIL;
  return ifa;
}

/** inet_abc_len(): the prefix length that an address has by its class. */
function classLength(addr: number): number {
  if (isMulticast(addr) || isZeronet(addr)) return 0;
  if (addr >>> 31 === 0) return 8;
  if (addr >>> 30 === 2) return 16;
  if (addr >>> 29 === 6) return 24;
  throw EINVAL;
}

function setAddress(ns: NetNamespace, { name, addr }: IfreqAddress): void {
  const dev = requireDevice(ns, name);
  const length = classLength(addr);
  const old = dev.ip?.addresses.find((a) => a.label === name);
  if (old !== undefined) {
    if (old.local === addr) return;
    removeAddress(dev, old);
  }
  if (addr === 0) return;
  const broadcast = length < 31 && !dev.isLoopback ? defaultBroadcast(addr, length) : 0;
  addAddress(dev, { local: addr, prefixLength: length, broadcast, label: name, scope: isLoopback(addr) ? RT_SCOPE_HOST : 0 });
}

/** Puts an address that differs in one thing in the place of an old one. */
function replaceAddress(ns: NetNamespace, name: string, change: { readonly prefixLength?: number; readonly broadcast?: number }): void {
  const dev = requireDevice(ns, name);
  const old = requireAddress(ns, name);
  removeAddress(dev, old);
  const { local, address, prefixLength, broadcast, scope, label } = old;
  addAddress(dev, { local, address, prefixLength, broadcast, scope, label, ...change });
}

/** bad_mask(): ones, then zeros. */
function lengthOfMask(mask: number): number {
  for (let length = 0; length <= 32; length++) if (prefixMask(length) === mask >>> 0) return length;
  throw EINVAL;
}

function setNetmask(ns: NetNamespace, { name, addr }: IfreqAddress): void {
  const old = requireAddress(ns, name);
  const prefixLength = lengthOfMask(addr);
  if (prefixLength === old.prefixLength) return;
  const usual = old.broadcast === defaultBroadcast(old.local, old.prefixLength) && old.prefixLength < 31;
  replaceAddress(ns, name, { prefixLength, ...(usual ? { broadcast: defaultBroadcast(old.local, prefixLength) } : {}) });
}

const drivers: Readonly<Record<string, string>> = { veth: "veth", bridge: "bridge", dummy: "dummy", macvlan: "macvlan" };

/** ETHTOOL_GDRVINFO. Errors: EOPNOTSUPP where there is no driver to ask. */
function driverOf(dev: NetDevice): SocketIoctls["SIOCETHTOOL_GDRVINFO"]["answer"] {
  if (dev.isLoopback) throw EOPNOTSUPP;
  if (dev.kind === undefined) return { driver: "virtio_net", version: "1.0.0", firmwareVersion: "", busInfo: "0000:00:03.0" };
  const version = dev.kind === "veth" ? "1.0" : dev.kind === "bridge" ? "2.3" : dev.kind === "macvlan" ? "0.1" : UTS_RELEASE;
  const firmwareVersion = dev.kind === "bridge" ? "N/A" : "";
  return { driver: drivers[dev.kind] as string, version, firmwareVersion, busInfo: dev.kind === "bridge" ? "N/A" : "" };
}

/** Errors: ENODEV, EADDRNOTAVAIL, EPERM, EINVAL, EOPNOTSUPP. */
export function deviceIoctl(task: Task, request: DeviceRequest, arg: unknown): unknown {
  const ns = netNsOf(task);
  return ns.core.softnet.run(() => (request.startsWith("SIOCS") ? set(ns, task, request, arg) : get(ns, request, arg)));
}

function get(ns: NetNamespace, request: DeviceRequest, arg: unknown): unknown {
  if (request === "SIOCGIFCONF") {
    return [...ns.devices.values()].flatMap((dev) =>
      (dev.ip?.addresses ?? []).map((a): IfreqAddress => ({ name: a.label, addr: a.local })),
    );
  }
  if (request === "SIOCGIFNAME") {
    const dev = ns.devices.get(Number(arg));
    if (dev === undefined) throw ENODEV;
    return dev.name;
  }
  const name = String(arg);
  const dev = requireDevice(ns, name);
  switch (request) {
    case "SIOCGIFINDEX":
      return dev.ifindex;
    case "SIOCGIFFLAGS":
      // Sixteen bits: IFF_LOWER_UP does not fit.
      return deviceFlags(dev) & 0xffff;
    case "SIOCGIFADDR":
      return requireAddress(ns, name).local;
    case "SIOCGIFDSTADDR":
      return requireAddress(ns, name).address;
    case "SIOCGIFBRDADDR":
      return requireAddress(ns, name).broadcast;
    case "SIOCGIFNETMASK":
      return prefixMask(requireAddress(ns, name).prefixLength);
    case "SIOCGIFMETRIC":
      return 0;
    case "SIOCGIFMTU":
      return dev.mtu;
    case "SIOCGIFTXQLEN":
      return dev.txQueueLength;
    case "SIOCGIFHWADDR":
      return { family: dev.isLoopback ? ARPHRD_LOOPBACK : ARPHRD_ETHER, mac: dev.mac };
    case "SIOCETHTOOL_GDRVINFO":
      return driverOf(dev);
    case "SIOCETHTOOL_GLINK":
      return isOperational(dev);
    case "SIOCETHTOOL_GLINKSETTINGS":
      if (dev.kind === "veth") return { speed: 10_000, fullDuplex: true };
      if (dev.isLoopback || dev.kind === "dummy") throw EOPNOTSUPP;
      return { speed: -1, fullDuplex: undefined };
    default:
      throw EOPNOTSUPP;
  }
}

function set(ns: NetNamespace, task: Task, request: DeviceRequest, arg: unknown): void {
  if (!nsCapable(task.cred, ns.userNs, CAP_NET_ADMIN)) throw EPERM;
  const { name } = arg as IfreqNumber;
  const { value } = arg as IfreqNumber;
  const dev = requireDevice(ns, name);
  switch (request) {
    case "SIOCSIFFLAGS":
      // Only what fits into sixteen bits can be said.
      changeFlags(dev, (value & 0xffff) | (dev.flags & ~0xffff), 0);
      break;
    case "SIOCSIFADDR":
      setAddress(ns, arg as IfreqAddress);
      break;
    case "SIOCSIFNETMASK":
      setNetmask(ns, arg as IfreqAddress);
      break;
    case "SIOCSIFBRDADDR":
      replaceAddress(ns, name, { broadcast: (arg as IfreqAddress).addr });
      break;
    case "SIOCSIFMTU":
      setMtu(dev, value);
      break;
    case "SIOCSIFTXQLEN":
      dev.txQueueLength = value;
      break;
    case "SIOCSIFHWADDR":
      if (isMulticastMac(value) || value === 0) throw EADDRNOTAVAIL;
      setMac(dev, value);
      break;
    default:
      throw EOPNOTSUPP;
  }
}
