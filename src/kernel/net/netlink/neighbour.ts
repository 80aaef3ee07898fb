/** RTM_NEWNEIGH, _DELNEIGH, _GETNEIGH: ip-neighbour(8) and, with AF_BRIDGE, bridge fdb; Linux `net/core/neighbour.c`, `net/core/rtnetlink.c`, `net/bridge/br_fdb.c`. */

import { EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP, EAFNOSUPPORT } from "../../../abi/errno.ts";
import {
  decodeAttributes,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { AF_INET, AF_INET6, AF_UNSPEC } from "../../../abi/socket.ts";
import { multicastAddresses } from "../dev-mc.ts";
import { BridgeDevice, bridgePortOf, type FdbEntry } from "../devices/bridge.ts";
import type { NetDevice } from "../device.ts";
import { neighbourOf } from "../ipv4/arp.ts";
import {
  type AnyNeighbour,
  type Neighbour,
  NUD_FAILED,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_REACHABLE,
  NUD_STALE,
  NUD_VALID,
} from "../ipv4/neighbour.ts";
import { bytesOfIp6, type Ip6, readIp6 } from "../ipv6/ip6.ts";
import { neighbourOf6 } from "../ipv6/ndisc.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { Attributes } from "./link-kinds.ts";
import { NetlinkError, type NetlinkHandler, type NetlinkPart, type NetlinkRequest } from "./protocol.ts";

const NDMSG = 12;

interface NdMsg {
  readonly family: number;
  readonly index: number;
  readonly state: number;
  readonly flags: number;
  readonly attrs: Attributes;
}

function parse(payload: Uint8Array): NdMsg {
  if (payload.length < NDMSG) return { family: payload[0] ?? 0, index: 0, state: 0, flags: 0, attrs: new Map() };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return {
    family: view.getUint8(0),
    index: view.getInt32(4, true),
    state: view.getUint16(8, true),
    flags: view.getUint8(10),
    attrs: decodeAttributes(payload, NDMSG),
  };
}

const ticksSince = (ns: NetNamespace, thenNs: number): number => Math.floor((ns.system.sched.clockNs - thenNs) / 1e7);

/** neigh_fill_info(). */
export function fillNeighbour(neigh: AnyNeighbour): Uint8Array {
  const { ns } = neigh.dev;
  const { addr } = neigh;
  const w = new NetlinkWriter();
  w.u8(typeof addr === "number" ? AF_INET : AF_INET6)
    .u8(0)
    .u16(0)
    .u32(neigh.dev.ifindex)
    .u16(neigh.state)
    .u8(neigh.flags)
    .u8(1);
  if (typeof addr === "number") w.attrBe32(R.NDA_DST, addr);
  else w.attr(R.NDA_DST, bytesOfIp6(addr));
  if ((neigh.state & NUD_VALID) !== 0) w.attrMac(R.NDA_LLADDR, neigh.mac);
  w.attrU32(R.NDA_PROBES, neigh.probes);
  const cache = new NetlinkWriter()
    .u32(ticksSince(ns, neigh.confirmedNs))
    .u32(ticksSince(ns, neigh.usedNs))
    .u32(ticksSince(ns, neigh.updatedNs))
    .u32(0);
  w.attr(R.NDA_CACHEINFO, cache.finish());
  if (neigh.protocol !== 0) w.attrU8(R.NDA_PROTOCOL, neigh.protocol);
  return w.finish();
}

/** fdb_fill_info(). */
export function fillFdb(bridge: BridgeDevice, entry: FdbEntry): Uint8Array {
  const { ns } = bridge;
  const state = entry.local
    ? NUD_PERMANENT
    : entry.isStatic
      ? NUD_NOARP
      : entry.updatedNs + bridge.ageingNs <= ns.system.sched.clockNs
        ? NUD_STALE
        : NUD_REACHABLE;
  const dev = entry.port?.dev ?? bridge;
  const w = new NetlinkWriter();
  w.u8(R.AF_BRIDGE).u8(0).u16(0).u32(dev.ifindex).u16(state).u8(0).u8(0);
  w.attrMac(R.NDA_LLADDR, entry.mac);
  w.attrU32(R.NDA_MASTER, bridge.ifindex);
  w.attrU32(R.NDA_FLAGS_EXT, 0);
  const cache = new NetlinkWriter().u32(ticksSince(ns, entry.usedNs)).u32(0).u32(ticksSince(ns, entry.updatedNs)).u32(0);
  w.attr(R.NDA_CACHEINFO, cache.finish());
  return w.finish();
}

function requireDevice(ns: NetNamespace, index: number): NetDevice {
  const dev = ns.devices.get(index);
  if (dev === undefined) throw ENODEV;
  return dev;
}

type Value = { readonly be32: number; readonly bytes: Uint8Array };

function findNeighbour(dev: NetDevice, family: number, dst: Value | undefined): Neighbour | Neighbour<Ip6> | undefined {
  if (family !== AF_INET6) return dev.ip?.neighbours.get(dst?.be32 ?? 0);
  return dst === undefined || dst.bytes.length < 16 ? undefined : dev.ip6?.neighbours.get(readIp6(dst.bytes));
}

/** Errors: EINVAL for a device without this family. */
function makeNeighbour(dev: NetDevice, family: number, dst: Value): Neighbour | Neighbour<Ip6> {
  if (family !== AF_INET6) {
    if (dev.ip === undefined) throw EINVAL;
    return neighbourOf(dev.ip, dst.be32);
  }
  if (dev.ip6 === undefined || dst.bytes.length < 16) throw EINVAL;
  return neighbourOf6(dev.ip6, readIp6(dst.bytes));
}

/** neigh_add(). */
function addNeighbour({ ns, message }: NetlinkRequest): void {
  const { family, index, state, flags, attrs } = parse(message.payload);
  if (family === R.AF_BRIDGE) {
    addFdb(ns, message.payload, message.flags);
    return;
  }
  if (family !== AF_INET && family !== AF_INET6) throw EAFNOSUPPORT;
  const dst = attrs.get(R.NDA_DST);
  if (dst === undefined) throw new NetlinkError(EINVAL, "Network address not specified");
  if ((flags & R.NTF_PROXY) !== 0) throw new NetlinkError(EOPNOTSUPP, "Proxy entries are not built; proxy_arp is");
  if (index === 0) throw EINVAL;
  const dev = requireDevice(ns, index);
  const known = findNeighbour(dev, family, dst);
  if (known === undefined) {
    if ((message.flags & NLM_F_CREATE) === 0) throw ENOENT;
  } else {
    if ((message.flags & NLM_F_EXCL) !== 0) throw EEXIST;
  }
  const mac = attrs.get(R.NDA_LLADDR)?.mac;
  const neigh = known ?? makeNeighbour(dev, family, dst);
  neigh.protocol = attrs.get(R.NDA_PROTOCOL)?.u8 ?? neigh.protocol;
  neigh.update(mac, state, { override: known === undefined || (message.flags & NLM_F_REPLACE) !== 0, admin: true });
}

/** neigh_delete(). */
function deleteNeighbour({ ns, message }: NetlinkRequest): void {
  const { family, index, attrs } = parse(message.payload);
  if (family === R.AF_BRIDGE) {
    deleteFdb(ns, message.payload);
    return;
  }
  if (family !== AF_INET && family !== AF_INET6) throw EAFNOSUPPORT;
  const dst = attrs.get(R.NDA_DST);
  if (dst === undefined) throw new NetlinkError(EINVAL, "Network address not specified");
  const dev = requireDevice(ns, index);
  const neigh = findNeighbour(dev, family, dst);
  if (neigh === undefined) throw ENOENT;
  neigh.update(undefined, NUD_FAILED, { override: true, admin: true });
  neigh.destroy();
}

/** br_fdb_add(), with NTF_MASTER for the port's bridge; with NTF_SELF on a bridge, for the bridge itself. */
function addFdb(ns: NetNamespace, payload: Uint8Array, flags: number): void {
  const { index, state, flags: ntf, attrs } = parse(payload);
  const mac = attrs.get(R.NDA_LLADDR);
  const dev = requireDevice(ns, index);
  if (mac === undefined || mac.bytes.length !== 6) throw new NetlinkError(EINVAL, "invalid address");
  if (attrs.has(R.NDA_VLAN)) throw new NetlinkError(EOPNOTSUPP, "bridge: VLANs are not built");
  const port = bridgePortOf(dev);
  const bridge = (ntf & R.NTF_MASTER) !== 0 ? port?.bridge : dev instanceof BridgeDevice ? dev : undefined;
  if (bridge === undefined) throw EOPNOTSUPP;
  const known = bridge.fdb.get(mac.mac);
  if (known !== undefined && (flags & NLM_F_EXCL) !== 0) throw EEXIST;
  if (known === undefined && (flags & NLM_F_CREATE) === 0) throw ENOENT;
  bridge.addEntry(
    mac.mac,
    port?.bridge === bridge ? port : undefined,
    (state & NUD_PERMANENT) !== 0,
    (state & (NUD_NOARP | NUD_PERMANENT)) !== 0,
  );
}

function deleteFdb(ns: NetNamespace, payload: Uint8Array): void {
  const { index, flags, attrs } = parse(payload);
  const mac = attrs.get(R.NDA_LLADDR);
  const dev = requireDevice(ns, index);
  if (mac === undefined) throw new NetlinkError(EINVAL, "invalid address");
  const port = bridgePortOf(dev);
  const bridge = (flags & R.NTF_MASTER) !== 0 ? port?.bridge : dev instanceof BridgeDevice ? dev : undefined;
  if (bridge === undefined) throw EOPNOTSUPP;
  const entry = bridge.fdb.get(mac.mac);
  if (entry === undefined || (port !== undefined && port.bridge === bridge && entry.port !== port)) throw ENOENT;
  bridge.removeEntry(entry);
}

/** ndo_dflt_fdb_dump(): a group address that a device listens to. */
function fillSelf(dev: NetDevice, mac: number): Uint8Array {
  const w = new NetlinkWriter();
  w.u8(R.AF_BRIDGE).u8(0).u16(0).u32(dev.ifindex).u16(NUD_PERMANENT).u8(R.NTF_SELF).u8(0);
  return w.attrMac(R.NDA_LLADDR, mac).finish();
}

/** rtnl_fdb_dump(): device by device, what its bridge knows behind it, then its own; newest first. */
function* dumpFdb(ns: NetNamespace, { index, attrs }: NdMsg): IterableIterator<NetlinkPart> {
  const master = attrs.get(R.NDA_MASTER)?.u32;
  const only = attrs.get(R.NDA_IFINDEX)?.u32 ?? index;
  for (const dev of [...ns.devices.values()].sort((a, b) => a.ifindex - b.ifindex)) {
    if (only !== 0 && only !== dev.ifindex) continue;
    const port = bridgePortOf(dev);
    if (master !== undefined && dev.ifindex !== master && port?.bridge.ifindex !== master) continue;
    const entries = (bridge: BridgeDevice): NetlinkPart[] =>
      [...bridge.fdb.values()]
        .filter((entry) => entry.port === (bridge === dev ? undefined : port))
        .reverse()
        .map((entry) => ({ type: RTM_NEWNEIGH, payload: fillFdb(bridge, entry) }));
    if (port !== undefined) yield* entries(port.bridge);
    if (master === undefined || dev.ifindex === master) {
      for (const mac of multicastAddresses(dev)) yield { type: RTM_NEWNEIGH, payload: fillSelf(dev, mac) };
    }
    if (dev instanceof BridgeDevice) yield* entries(dev);
  }
}

export const neighbourHandlers: readonly (readonly [number, NetlinkHandler])[] = [
  [RTM_NEWNEIGH, { privileged: true, run: addNeighbour }],
  [RTM_DELNEIGH, { privileged: true, run: deleteNeighbour }],
  [
    RTM_GETNEIGH,
    {
      run({ ns, message, reply }) {
        const msg = parse(message.payload);
        if (msg.family === R.AF_BRIDGE) {
          const dev = requireDevice(ns, msg.attrs.get(R.NDA_MASTER)?.u32 ?? msg.index);
          const bridge = dev instanceof BridgeDevice ? dev : bridgePortOf(dev)?.bridge;
          const entry = bridge?.fdb.get(msg.attrs.get(R.NDA_LLADDR)?.mac ?? 0);
          if (bridge === undefined || entry === undefined) throw ENOENT;
          reply(RTM_NEWNEIGH, fillFdb(bridge, entry));
          return;
        }
        const dev = requireDevice(ns, msg.index);
        const neigh = findNeighbour(dev, msg.family, msg.attrs.get(R.NDA_DST));
        if (neigh === undefined) throw ENOENT;
        reply(RTM_NEWNEIGH, fillNeighbour(neigh));
      },
      *dump({ ns, message, strict }) {
        const msg = parse(message.payload);
        if (msg.family === R.AF_BRIDGE) {
          yield* dumpFdb(ns, msg);
          return;
        }
        const { family } = msg;
        if (family !== AF_INET && family !== AF_INET6 && family !== AF_UNSPEC) return;
        if ((msg.flags & R.NTF_PROXY) !== 0) return;
        const index = msg.attrs.get(R.NDA_IFINDEX)?.u32 ?? 0;
        const master = msg.attrs.get(R.NDA_MASTER)?.u32 ?? 0;
        const devices = [...ns.devices.values()]
          .sort((a, b) => a.ifindex - b.ifindex)
          .filter((dev) => !strict || ((index === 0 || dev.ifindex === index) && (master === 0 || dev.master?.ifindex === master)));
        const all = [
          ...(family === AF_INET6 ? [] : devices.flatMap((dev) => [...(dev.ip?.neighbours.values() ?? [])])),
          ...(family === AF_INET ? [] : devices.flatMap((dev) => [...(dev.ip6?.neighbours.values() ?? [])])),
        ];
        for (const neigh of all) yield { type: RTM_NEWNEIGH, payload: fillNeighbour(neigh) };
      },
    },
  ],
];
