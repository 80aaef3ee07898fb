/** RTM_NEWADDR, _DELADDR, _GETADDR of IPv4: ip-address(8), Linux `net/ipv4/devinet.c`. */

import { EADDRNOTAVAIL, EEXIST, EINVAL, ENODEV, EOPNOTSUPP } from "../../../abi/errno.ts";
import { decodeAttributes, NetlinkWriter, NLM_F_EXCL, NLM_F_REPLACE, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { AF_INET, AF_INET6, AF_UNSPEC } from "../../../abi/socket.ts";
import type { NetDevice } from "../device.ts";
import { addAddress, removeAddress } from "../ipv4/devinet.ts";
import { addressMatches, type InAddress } from "../ipv4/in-device.ts";
import { isMulticast } from "../ipv4/fib-lookup.ts";
import { addIpv6Address, IFA_F_TENTATIVE, type Ipv6Address, ipv6Addresses, removeIpv6Address, scopeOfIpv6 } from "../ipv6/addresses.ts";
import { ip6Of } from "../ipv6/ip6.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { Attributes } from "./link-kinds.ts";
import { NetlinkError, type NetlinkHandler } from "./protocol.ts";

const IFADDRMSG = 8;
const IFA_F_NODAD = 0x02;
const FOREVER = 0xffff_ffff;

/** inet_fill_ifaddr(). */
export function fillAddress(dev: NetDevice, ifa: InAddress): Uint8Array {
  const w = new NetlinkWriter();
  w.u8(AF_INET)
    .u8(ifa.prefixLength)
    .u8(ifa.flags & 255)
    .u8(ifa.scope)
    .u32(dev.ifindex);
  w.attrBe32(R.IFA_ADDRESS, ifa.address);
  w.attrBe32(R.IFA_LOCAL, ifa.local);
  if (ifa.broadcast !== 0) w.attrBe32(R.IFA_BROADCAST, ifa.broadcast);
  if (ifa.label !== "") w.attrString(R.IFA_LABEL, ifa.label);
  if (ifa.proto !== 0) w.attrU8(R.IFA_PROTO, ifa.proto);
  w.attrU32(R.IFA_FLAGS, ifa.flags);
  if (ifa.priority !== 0) w.attrU32(R.IFA_RT_PRIORITY, ifa.priority);
  const created = Math.floor(ifa.createdNs / 1e7);
  const cache = new NetlinkWriter().u32(FOREVER).u32(FOREVER).u32(created).u32(created);
  w.attr(R.IFA_CACHEINFO, cache.finish());
  return w.finish();
}

const groupBytes = (groups: readonly number[]): Uint8Array => Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 255]));

const groupsOf = (bytes: Uint8Array): number[] =>
  Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)) >>> 0);

/** inet6_fill_ifaddr(). */
export function fillAddress6(dev: NetDevice, a: Ipv6Address): Uint8Array {
  const w = new NetlinkWriter();
  w.u8(AF_INET6)
    .u8(a.prefixLength)
    .u8(a.flags & 255)
    .u8(a.scope)
    .u32(dev.ifindex);
  w.attr(R.IFA_ADDRESS, groupBytes(a.addr));
  const created = Math.floor(a.createdNs / 1e7);
  w.attr(R.IFA_CACHEINFO, new NetlinkWriter().u32(FOREVER).u32(FOREVER).u32(created).u32(created).finish());
  w.attrU32(R.IFA_FLAGS, a.flags);
  if (a.proto !== 0) w.attrU8(R.IFA_PROTO, a.proto);
  return w.finish();
}

/** inet6_rtm_newaddr(), inet6_rtm_deladdr(). */
function change6(ns: NetNamespace, payload: Uint8Array, add: boolean, replace: boolean): void {
  const { prefixLength, flags, index, attrs } = parse(payload);
  const bytes = (attrs.get(R.IFA_LOCAL) ?? attrs.get(R.IFA_ADDRESS))?.bytes;
  if (bytes === undefined || bytes.length !== 16) throw EINVAL;
  if (prefixLength > 128) throw new NetlinkError(EINVAL, "Invalid prefix length");
  const dev = ns.devices.get(index);
  if (dev === undefined) throw new NetlinkError(ENODEV, "Unable to find the interface");
  const addr = groupsOf(bytes);
  const known = dev.ip6?.addresses.find((a) => a.ip6 === ip6Of(addr));
  if (!add) {
    if (known?.prefixLength !== prefixLength) throw new NetlinkError(EADDRNOTAVAIL, "ipv6: address not found");
    removeIpv6Address(dev, addr, prefixLength);
    return;
  }
  if (known !== undefined) {
    if (replace) return;
    throw new NetlinkError(EEXIST, "ipv6: address already assigned");
  }
  const scope = scopeOfIpv6(addr);
  const given = attrs.get(R.IFA_FLAGS)?.u32 ?? flags;
  addIpv6Address(dev, {
    addr,
    prefixLength,
    scope,
    flags: given & ~IFA_F_TENTATIVE,
    unique: (given & IFA_F_NODAD) !== 0,
    proto: attrs.get(R.IFA_PROTO)?.u8 ?? 0,
  });
}

interface IfAddr {
  readonly family: number;
  readonly prefixLength: number;
  readonly flags: number;
  readonly scope: number;
  readonly index: number;
  readonly attrs: Attributes;
}

function parse(payload: Uint8Array): IfAddr {
  if (payload.length < IFADDRMSG) return { family: payload[0] ?? 0, prefixLength: 0, flags: 0, scope: 0, index: 0, attrs: new Map() };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return {
    family: view.getUint8(0),
    prefixLength: view.getUint8(1),
    flags: view.getUint8(2),
    scope: view.getUint8(3),
    index: view.getUint32(4, true),
    attrs: decodeAttributes(payload, IFADDRMSG),
  };
}

function requireInet(family: number): void {
  if (family !== AF_INET) throw EOPNOTSUPP;
}

export const addressHandlers: readonly (readonly [number, NetlinkHandler])[] = [
  [
    RTM_NEWADDR,
    {
      privileged: true,
      run({ ns, message }) {
        const { family, prefixLength, flags, scope, index, attrs } = parse(message.payload);
        if (family === AF_INET6) {
          change6(ns, message.payload, true, (message.flags & NLM_F_REPLACE) !== 0);
          return;
        }
        requireInet(family);
        const local = attrs.get(R.IFA_LOCAL);
        if (prefixLength > 32) throw new NetlinkError(EINVAL, "ipv4: Invalid prefix length");
        if (local === undefined) throw new NetlinkError(EINVAL, "ipv4: Local address is not supplied");
        const dev = ns.devices.get(index);
        if (dev === undefined) throw new NetlinkError(ENODEV, "ipv4: Device not found");
        const known = dev.ip?.addresses.find(
          (a) => a.local === local.be32 && a.prefixLength === prefixLength && addressMatches(a, (attrs.get(R.IFA_ADDRESS) ?? local).be32),
        );
        if (known !== undefined) {
          if ((message.flags & NLM_F_EXCL) !== 0 || (message.flags & NLM_F_REPLACE) === 0)
            throw new NetlinkError(EEXIST, "ipv4: Address already assigned");
          // Differs from Linux: replacing changes nothing but lifetimes, and those are all endless.
          return;
        }
        // A lifetime that ends would need someone to end it.
        const cache = attrs.get(R.IFA_CACHEINFO);
        if (cache !== undefined && new DataView(cache.bytes.buffer, cache.bytes.byteOffset).getUint32(4, true) !== FOREVER) {
          throw new NetlinkError(EOPNOTSUPP, "ipv4: addresses with a lifetime are not built");
        }
        try {
          addAddress(dev, {
            local: local.be32,
            prefixLength,
            scope,
            address: (attrs.get(R.IFA_ADDRESS) ?? local).be32,
            broadcast: attrs.get(R.IFA_BROADCAST)?.be32 ?? 0,
            label: attrs.get(R.IFA_LABEL)?.string ?? dev.name,
            flags: attrs.get(R.IFA_FLAGS)?.u32 ?? flags,
            priority: attrs.get(R.IFA_RT_PRIORITY)?.u32 ?? 0,
            proto: attrs.get(R.IFA_PROTO)?.u8 ?? 0,
          });
        } catch (e) {
          if (e === EINVAL) throw new NetlinkError(EINVAL, "ipv4: Invalid scope value");
          if (e === EEXIST) throw new NetlinkError(EEXIST, "ipv4: Address already assigned");
          throw e;
        }
      },
    },
  ],
  [
    RTM_DELADDR,
    {
      privileged: true,
      run({ ns, message }) {
        const { family, prefixLength, index, attrs } = parse(message.payload);
        if (family === AF_INET6) {
          change6(ns, message.payload, false, false);
          return;
        }
        requireInet(family);
        const dev = ns.devices.get(index);
        if (dev?.ip === undefined) throw new NetlinkError(ENODEV, "ipv4: Device not found");
        const local = attrs.get(R.IFA_LOCAL)?.be32;
        const label = attrs.get(R.IFA_LABEL)?.string;
        const address = attrs.get(R.IFA_ADDRESS)?.be32;
        const found = dev.ip?.addresses.find(
          (a) =>
            (local === undefined || a.local === local) &&
            (label === undefined || a.label === label) &&
            (address === undefined || (a.prefixLength === prefixLength && addressMatches(a, address))),
        );
        if (found === undefined || (local !== undefined && isMulticast(local)))
          throw new NetlinkError(EADDRNOTAVAIL, "ipv4: Address not found");
        removeAddress(dev, found);
      },
    },
  ],
  [
    RTM_GETADDR,
    {
      *dump({ ns, message, strict }) {
        const { family, index } = parse(message.payload);
        const devices = [...ns.devices.values()]
          .sort((a, b) => a.ifindex - b.ifindex)
          .filter((dev) => !strict || index === 0 || dev.ifindex === index);
        if (family === AF_INET || family === AF_UNSPEC) {
          for (const dev of devices) for (const ifa of dev.ip?.addresses ?? []) yield { type: RTM_NEWADDR, payload: fillAddress(dev, ifa) };
        }
        if (family === AF_INET6 || family === AF_UNSPEC) {
          for (const dev of devices) for (const a of ipv6Addresses(dev)) yield { type: RTM_NEWADDR, payload: fillAddress6(dev, a) };
        }
      },
    },
  ],
];
