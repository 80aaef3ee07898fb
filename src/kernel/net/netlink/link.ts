/** RTM_NEWLINK, _DELLINK, _GETLINK, _SETLINK: ip-link(8), bridge-link(8), Linux `net/core/rtnetlink.c`. */

import { EADDRNOTAVAIL, EEXIST, EINVAL, ELOOP, EMSGSIZE, ENODEV, EOPNOTSUPP, EPERM } from "../../../abi/errno.ts";
import { CAP_NET_ADMIN } from "../../../abi/capability.ts";
import {
  decodeAttributes,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { nsCapable } from "../../ns/user.ts";
import type { Task } from "../../task/task.ts";
import {
  closeDevice,
  isValidDeviceName,
  moveDevice,
  notify,
  openDevice,
  renameDevice,
  setCarrier,
  setMac,
  setMtu,
  setPromiscuity,
  unregisterDevice,
} from "../dev.ts";
import { BridgeDevice, bridgePortOf } from "../devices/bridge.ts";
import {
  deviceFlags,
  IFF_ALLMULTI,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_PROMISC,
  IFF_UP,
  isMulticastMac,
  type NetDevice,
  operState,
} from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { fillLink, fillPort } from "./link-fill.ts";
import { type Attributes, changePort, linkKinds, macOf } from "./link-kinds.ts";
import { namespaceByFd, namespaceByPid } from "./nsid.ts";
import { NetlinkError, type NetlinkHandler, type NetlinkRequest } from "./protocol.ts";

const IFINFOMSG = 16;
const NONE: Attributes = new Map();
/** Flags that a user may change. */
const CHANGEABLE = IFF_NOARP | IFF_MULTICAST | 0x4 | 0x20 | 0x200 | 0x2000 | 0x4000 | 0x8000;

interface IfInfo {
  readonly family: number;
  readonly index: number;
  readonly flags: number;
  readonly change: number;
  readonly attrs: Attributes;
}

function parse(payload: Uint8Array): IfInfo {
  if (payload.length < IFINFOMSG) {
    // rtgenmsg: a family alone.
    return { family: payload[0] ?? 0, index: 0, flags: 0, change: 0, attrs: NONE };
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attrs = decodeAttributes(payload, IFINFOMSG);
  return {
    family: view.getUint8(0),
    index: view.getInt32(4, true),
    flags: view.getUint32(8, true),
    change: view.getUint32(12, true),
    attrs,
  };
}

const nameIn = (attrs: Attributes): string | undefined => attrs.get(R.IFLA_IFNAME)?.string ?? attrs.get(R.IFLA_ALT_IFNAME)?.string;

/** Errors: "Attribute failed policy validation" for a name that no device can have. */
function checkName(name: string | undefined): void {
  if (name !== undefined && new TextEncoder().encode(name).length > 15)
    throw new NetlinkError(EINVAL, "Attribute failed policy validation");
}

function findDevice(ns: NetNamespace, { index, attrs }: IfInfo): NetDevice | undefined {
  if (index > 0) return ns.devices.get(index);
  const name = nameIn(attrs);
  return name === undefined ? undefined : ns.findDevice(name);
}

function requireDevice(ns: NetNamespace, info: IfInfo): NetDevice {
  if (info.index <= 0 && nameIn(info.attrs) === undefined) throw EINVAL;
  const dev = findDevice(ns, info);
  if (dev === undefined) throw ENODEV;
  return dev;
}

/** rtnl_link_get_net_capable(): undefined where none is named. Errors: EPERM. */
function targetNamespace(task: Task, attrs: Attributes): NetNamespace | undefined {
  const pid = attrs.get(R.IFLA_NET_NS_PID);
  const fd = attrs.get(R.IFLA_NET_NS_FD);
  if (pid === undefined && fd === undefined) return undefined;
  const ns = pid !== undefined ? namespaceByPid(task, pid.u32) : namespaceByFd(task, (fd as { readonly u32: number }).u32);
  if (!nsCapable(task.cred, ns.userNs, CAP_NET_ADMIN)) throw EPERM;
  return ns;
}

// ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** do_setlink(), in its order. */
function setLink(request: NetlinkRequest, dev: NetDevice, info: IfInfo): void {
  const { attrs } = info;
  const to = targetNamespace(request.task, attrs);
  const name = attrs.get(R.IFLA_IFNAME)?.string;
  if (to !== undefined && to !== dev.ns) {
    if (dev.namespaceLocal) throw new NetlinkError(EINVAL, "The interface netns is immutable");
    const renamed = name !== undefined && name !== dev.name;
    moveDevice(dev, to, renamed ? name : undefined, attrs.get(R.IFLA_NEW_IFINDEX)?.u32 ?? 0);
    dev.ns.core.rtnl?.link("new", dev);
  } else if (name !== undefined && info.index > 0 && name !== "" && name !== dev.name) renameDevice(dev, name);
  const mac = attrs.get(R.IFLA_ADDRESS);
  if (mac !== undefined) {
    if (mac.bytes.length !== 6) throw EINVAL;
    if (isMulticastMac(mac.mac) || mac.mac === 0) throw EADDRNOTAVAIL;
    setMac(dev, mac.mac);
  }
  const mtu = attrs.get(R.IFLA_MTU);
  if (mtu !== undefined) changeMtu(dev, mtu.u32);
  const group = attrs.get(R.IFLA_GROUP);
  if (group !== undefined) dev.group = group.u32;
  const alias = attrs.get(R.IFLA_IFALIAS);
  if (alias !== undefined) dev.alias = alias.string;
  const master = attrs.get(R.IFLA_MASTER);
  if (master !== undefined) setMaster(dev, master.u32);
  if (info.flags !== 0 || info.change !== 0) changeFlags(dev, info.flags, info.change);
  const queue = attrs.get(R.IFLA_TXQLEN);
  if (queue !== undefined) {
    dev.txQueueLength = queue.u32;
    notify(dev, "change");
  }
  const carrier = attrs.get(R.IFLA_CARRIER);
  if (carrier !== undefined) {
    if (dev.kind !== "dummy") throw EOPNOTSUPP;
    setCarrier(dev, carrier.u8 !== 0);
  }
  dev.ns.changed();
}

function changeMtu(dev: NetDevice, mtu: number): void {
  if (mtu < dev.minMtu) throw new NetlinkError(EINVAL, "mtu less than device minimum");
  if (dev.maxMtu > 0 && mtu > dev.maxMtu) throw new NetlinkError(EINVAL, "mtu greater than device maximum");
  if (dev instanceof BridgeDevice && mtu !== dev.mtu) dev.mtuSet = true;
  setMtu(dev, mtu);
}

/** do_set_master(): out of the old one, into the new one; 0: none. */
function setMaster(dev: NetDevice, index: number): void {
  if (dev.master !== undefined) {
    if (dev.master.ifindex === index) return;
    if (dev.master instanceof BridgeDevice) dev.master.removePort(dev);
  }
  if (index === 0) return;
  const master = dev.ns.devices.get(index);
  if (master === undefined) throw EINVAL;
  if (!(master instanceof BridgeDevice)) throw EOPNOTSUPP;
  try {
    master.addPort(dev);
  } catch (e) {
    if (e === ELOOP) throw new NetlinkError(ELOOP, "Can not enslave a bridge to a bridge");
    throw e;
  }
}

/** rtnl_dev_combine_flags(), __dev_change_flags(). */
export function changeFlags(dev: NetDevice, asked: number, change: number): void {
  const flags = change === 0 ? asked : (asked & change) | (dev.flags & ~change);
  dev.flags = (flags & CHANGEABLE) | (dev.flags & ~CHANGEABLE);
  if (((flags ^ dev.flags) & IFF_PROMISC) !== 0) {
    dev.flags ^= IFF_PROMISC;
    setPromiscuity(dev, (flags & IFF_PROMISC) !== 0 ? 1 : -1);
  }
  if (((flags ^ dev.flags) & IFF_ALLMULTI) !== 0) {
    dev.flags ^= IFF_ALLMULTI;
    dev.allmulti += (flags & IFF_ALLMULTI) !== 0 ? 1 : -1;
  }
  if (((flags ^ dev.flags) & IFF_UP) === 0) notify(dev, "change");
  else if ((flags & IFF_UP) !== 0) openDevice(dev);
  else closeDevice(dev);
}

// ── Making ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** __rtnl_newlink(). */
function newLink(request: NetlinkRequest): void {
  const { ns, task, message } = request;
  const info = parse(message.payload);
  const { attrs } = info;
  checkName(nameIn(attrs));
  const linkinfo = attrs.get(R.IFLA_LINKINFO)?.nested ?? NONE;
  const kindName = linkinfo.get(R.IFLA_INFO_KIND)?.string;
  const data = linkinfo.get(R.IFLA_INFO_DATA)?.nested ?? NONE;
  const existing = findDevice(ns, info);
  if (existing !== undefined) {
    if ((message.flags & NLM_F_EXCL) !== 0) throw EEXIST;
    if ((message.flags & NLM_F_REPLACE) !== 0) throw EOPNOTSUPP;
    changeExisting(existing, kindName, linkinfo, data);
    setLink(request, existing, info);
    return;
  }
  if ((message.flags & NLM_F_CREATE) === 0) {
    if (info.index === 0 && nameIn(attrs) === undefined && attrs.has(R.IFLA_GROUP)) {
      for (const dev of [...ns.devices.values()]) if (dev.group === attrs.get(R.IFLA_GROUP)?.u32) setLink(request, dev, info);
      return;
    }
    throw ENODEV;
  }
  const kind = linkKinds.find((k) => k.kind === kindName);
  if (kind === undefined) throw new NetlinkError(EOPNOTSUPP, "Unknown device type");
  const name = nameIn(attrs) ?? `${kind.kind}%d`;
  if (!name.includes("%") && !isValidDeviceName(name)) throw EINVAL;
  const mac = attrs.get(R.IFLA_ADDRESS);
  if (mac !== undefined && (isMulticastMac(mac.mac) || mac.mac === 0)) throw EADDRNOTAVAIL;
  const linkIndex = attrs.get(R.IFLA_LINK)?.u32 ?? 0;
  const link = linkIndex === 0 ? undefined : ns.devices.get(linkIndex);
  const { dev, others } = kind.create({
    ns: targetNamespace(task, attrs) ?? ns,
    name,
    ifindex: Math.max(0, info.index),
    mac: macOf(attrs),
    link,
    data,
    namespaceOf: (peer) => targetNamespace(task, peer),
  });
  try {
    configure(dev, info);
  } catch (e) {
    unregisterDevice(dev);
    throw e;
  }
  for (const made of [...others, dev]) made.ns.core.rtnl?.link("new", made);
}

/** rtnl_create_link(), rtnl_configure_link(): what all kinds have in common. */
function configure(dev: NetDevice, { attrs, flags, change }: IfInfo): void {
  const mtu = attrs.get(R.IFLA_MTU);
  if (mtu !== undefined) changeMtu(dev, mtu.u32);
  const queue = attrs.get(R.IFLA_TXQLEN);
  if (queue !== undefined) dev.txQueueLength = queue.u32;
  const group = attrs.get(R.IFLA_GROUP);
  if (group !== undefined) dev.group = group.u32;
  const alias = attrs.get(R.IFLA_IFALIAS);
  if (alias !== undefined) dev.alias = alias.string;
  if (flags !== 0 || change !== 0) changeFlags(dev, flags, change);
  const master = attrs.get(R.IFLA_MASTER);
  if (master !== undefined) setMaster(dev, master.u32);
}

function changeExisting(dev: NetDevice, kindName: string | undefined, linkinfo: Attributes, data: Attributes): void {
  if (kindName !== undefined) {
    if (kindName !== dev.kind) throw EOPNOTSUPP;
    const kind = linkKinds.find((k) => k.kind === kindName);
    if (data.size > 0) {
      if (kind?.change === undefined) throw EOPNOTSUPP;
      kind.change(dev, data);
      notify(dev, "change");
    }
  }
  const slave = linkinfo.get(R.IFLA_INFO_SLAVE_KIND)?.string;
  if (slave === undefined) return;
  const port = bridgePortOf(dev);
  if (port === undefined || slave !== "bridge") throw EOPNOTSUPP;
  changePort(port, linkinfo.get(R.IFLA_INFO_SLAVE_DATA)?.nested ?? NONE);
  notify(dev, "change");
}

// ── Bridge ports (family AF_BRIDGE) ──────────────────────────────────────────────────────────────────────────────────

/** br_fill_ifinfo(): a port, or the bridge itself, as `bridge link` lists it. */
export function fillBridgeLink(dev: NetDevice): Uint8Array {
  const w = new NetlinkWriter();
  w.u8(R.AF_BRIDGE).u8(0).u16(R.ARPHRD_ETHER).u32(dev.ifindex).u32(deviceFlags(dev)).u32(0);
  w.attrString(R.IFLA_IFNAME, dev.name);
  w.attrU32(R.IFLA_MASTER, (dev.master ?? dev).ifindex);
  w.attrU32(R.IFLA_MTU, dev.mtu);
  w.attrU8(R.IFLA_OPERSTATE, operState(dev));
  w.attrMac(R.IFLA_ADDRESS, dev.mac);
  if (dev.link !== dev) w.attrU32(R.IFLA_LINK, dev.link.ifindex);
  const port = bridgePortOf(dev);
  if (port !== undefined) w.nest(R.IFLA_PROTINFO | 0x8000, () => fillPort(w, port));
  return w.finish();
}

function setBridgeLink(request: NetlinkRequest): void {
  const info = parse(request.message.payload);
  const dev = request.ns.devices.get(info.index);
  if (dev === undefined) throw ENODEV;
  const port = bridgePortOf(dev);
  const data = info.attrs.get(R.IFLA_PROTINFO);
  if (data === undefined) throw EOPNOTSUPP;
  if (port === undefined) throw EINVAL;
  changePort(port, data.nested);
  notify(dev, "change");
}

// ── Handlers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const getLink: NetlinkHandler = {
  run({ ns, message, reply }) {
    const info = parse(message.payload);
    checkName(nameIn(info.attrs));
    const dev = requireDevice(ns, info);
    const skip = ((info.attrs.get(R.IFLA_EXT_MASK)?.u32 ?? 0) & R.RTEXT_FILTER_SKIP_STATS) !== 0;
    const payload = fillLink(dev, 0, 0, skip);
    if (payload.length > 0xffff) throw EMSGSIZE;
    reply(RTM_NEWLINK, payload);
  },
  *dump({ ns, message }) {
    const info = parse(message.payload);
    if (info.family === R.AF_BRIDGE) {
      for (const dev of ns.devices.values()) {
        if (dev.master instanceof BridgeDevice) yield { type: RTM_NEWLINK, payload: fillBridgeLink(dev) };
      }
      return;
    }
    const master = info.attrs.get(R.IFLA_MASTER)?.u32;
    const kind = info.attrs.get(R.IFLA_LINKINFO)?.nested.get(R.IFLA_INFO_KIND)?.string;
    const skip = ((info.attrs.get(R.IFLA_EXT_MASK)?.u32 ?? 0) & R.RTEXT_FILTER_SKIP_STATS) !== 0;
    for (const dev of [...ns.devices.values()].sort((a, b) => a.ifindex - b.ifindex)) {
      if (master !== undefined && (dev.master?.ifindex ?? 0) !== master) continue;
      if (kind !== undefined && dev.kind !== kind) continue;
      yield { type: RTM_NEWLINK, payload: fillLink(dev, 0, 0, skip) };
    }
  },
};

export const linkHandlers: readonly (readonly [number, NetlinkHandler])[] = [
  [RTM_NEWLINK, { privileged: true, run: newLink }],
  [
    RTM_SETLINK,
    {
      privileged: true,
      run(request) {
        const info = parse(request.message.payload);
        if (info.family === R.AF_BRIDGE) {
          setBridgeLink(request);
          return;
        }
        checkName(nameIn(info.attrs));
        setLink(request, requireDevice(request.ns, info), info);
      },
    },
  ],
  [
    RTM_DELLINK,
    {
      privileged: true,
      run({ ns, message }) {
        const info = parse(message.payload);
        if (info.index <= 0 && nameIn(info.attrs) === undefined && info.attrs.has(R.IFLA_GROUP)) {
          const group = info.attrs.get(R.IFLA_GROUP)?.u32;
          for (const dev of [...ns.devices.values()]) if (dev.group === group && dev.kind !== undefined) unregisterDevice(dev);
          return;
        }
        const dev = requireDevice(ns, info);
        if (dev.kind === undefined) throw EOPNOTSUPP;
        unregisterDevice(dev);
      },
    },
  ],
  [RTM_GETLINK, getLink],
];
