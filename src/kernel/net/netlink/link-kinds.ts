/** Kinds of devices that `ip link add … type KIND` makes: Linux `struct rtnl_link_ops` of `drivers/net/{veth,dummy,macvlan}.c`, `net/bridge/br_netlink.c`. */

import { EINVAL, EOPNOTSUPP, ERANGE } from "../../../abi/errno.ts";
import { decodeAttributes, type NetlinkAttribute } from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { registerDevice } from "../dev.ts";
import { BridgeDevice, type BridgePort } from "../devices/bridge.ts";
import { DummyDevice } from "../devices/dummy.ts";
import { MacvlanDevice } from "../devices/macvlan.ts";
import { newVethPair } from "../devices/veth.ts";
import { IFF_LOOPBACK, type NetDevice } from "../device.ts";
import { randomMac } from "../dev.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { NetlinkError } from "./protocol.ts";

export type Attributes = ReadonlyMap<number, NetlinkAttribute>;

/** What a new device is to be, as far as all kinds have it. */
export interface NewLink {
  readonly ns: NetNamespace;
  /** May have a `%d`; the kind's own pattern where none was given. */
  readonly name: string;
  readonly ifindex: number;
  readonly mac: number | undefined;
  /** IFLA_LINK. */
  readonly link: NetDevice | undefined;
  readonly data: Attributes;
  /** The namespace that attributes of the peer name. Errors: as for the link itself. */
  namespaceOf(attrs: Attributes): NetNamespace | undefined;
}

export interface LinkKind {
  readonly kind: string;
  /** Makes and registers it; returns what is announced besides it. */
  create(wanted: NewLink): { readonly dev: NetDevice; readonly others: readonly NetDevice[] };
  change?(dev: NetDevice, data: Attributes): void;
}

/** The hardware address in an attribute; undefined where it is absent. Errors: EADDRNOTAVAIL is the caller's to tell. */
export const macOf = (attrs: Attributes): number | undefined => attrs.get(R.IFLA_ADDRESS)?.mac;

const veth: LinkKind = {
  kind: "veth",
  create({ ns, name, ifindex, mac, data, namespaceOf }) {
    const info = data.get(R.VETH_INFO_PEER);
    // The peer's struct ifinfomsg comes before its attributes.
    const attrs: Attributes = info === undefined ? new Map() : decodeAttributes(info.bytes, 16);
    const peerIndex =
      info === undefined || info.bytes.length < 8 ? 0 : new DataView(info.bytes.buffer, info.bytes.byteOffset).getInt32(4, true);
    const peerMac = macOf(attrs);
    const [dev, peer] = newVethPair(
      { ns, name, ifindex, ...(mac === undefined ? {} : { mac }) },
      {
        ns: namespaceOf(attrs) ?? ns,
        name: attrs.get(R.IFLA_IFNAME)?.string ?? "veth%d",
        ifindex: peerIndex,
        ...(peerMac === undefined ? {} : { mac: peerMac }),
      },
    );
    const mtu = attrs.get(R.IFLA_MTU);
    if (mtu !== undefined) peer.mtu = mtu.u32;
    const queue = attrs.get(R.IFLA_TXQLEN);
    if (queue !== undefined) peer.txQueueLength = queue.u32;
    return { dev, others: [peer] };
  },
};

const dummy: LinkKind = {
  kind: "dummy",
  create({ ns, name, ifindex, mac }) {
    const dev = new DummyDevice(ns);
    dev.mac = mac ?? randomMac(ns);
    dev.macAssignType = mac === undefined ? 1 : 3;
    registerDevice(dev, name, ifindex);
    return { dev, others: [] };
  },
};

const macvlan: LinkKind = {
  kind: "macvlan",
  create({ ns, name, ifindex, mac, link, data }) {
    if (link === undefined || (link.flags & IFF_LOOPBACK) !== 0) throw EINVAL;
    const mode = data.get(R.IFLA_MACVLAN_MODE)?.u32 ?? 1;
    if (mode !== R.MACVLAN_MODE_BRIDGE) throw new NetlinkError(EOPNOTSUPP, "macvlan: only mode bridge is built");
    if (link.master !== undefined) throw EINVAL;
    const dev = new MacvlanDevice(ns, link instanceof MacvlanDevice ? link.lower : link, mac);
    registerDevice(dev, name, ifindex);
    dev.attach();
    return { dev, others: [] };
  },
};

const bridge: LinkKind = {
  kind: "bridge",
  create({ ns, name, ifindex, mac, data }) {
    const dev = new BridgeDevice(ns, mac);
    changeBridge(dev, data);
    registerDevice(dev, name, ifindex);
    return { dev, others: [] };
  },
  change(dev, data) {
    changeBridge(dev as BridgeDevice, data);
  },
};

/** USER_HZ. */
const TICK_NS = 1e7;
const notBuilt = (what: string): never => {
  throw new NetlinkError(EOPNOTSUPP, `bridge: ${what} is not built`);
};

function changeBridge(dev: BridgeDevice, data: Attributes): void {
  for (const [type, value] of data) {
    switch (type) {
      case R.IFLA_BR_FORWARD_DELAY:
        if (value.u32 !== 0 && (value.u32 < 200 || value.u32 > 3000)) throw ERANGE;
        dev.forwardDelayNs = value.u32 * TICK_NS;
        break;
      case R.IFLA_BR_HELLO_TIME:
        if (value.u32 < 100 || value.u32 > 1000) throw ERANGE;
        dev.helloTimeNs = value.u32 * TICK_NS;
        break;
      case R.IFLA_BR_MAX_AGE:
        if (value.u32 < 600 || value.u32 > 4000) throw ERANGE;
        dev.maxAgeNs = value.u32 * TICK_NS;
        break;
      case R.IFLA_BR_AGEING_TIME:
        dev.setAgeing(value.u32 * TICK_NS);
        break;
      case R.IFLA_BR_STP_STATE:
        if (value.u32 !== 0) notBuilt("the spanning tree protocol");
        break;
      case R.IFLA_BR_PRIORITY:
        dev.priority = value.u16;
        break;
      case R.IFLA_BR_VLAN_FILTERING:
        if (value.u8 !== 0) notBuilt("VLAN filtering");
        break;
      case R.IFLA_BR_GROUP_FWD_MASK:
        dev.groupFwdMask = value.u16;
        break;
      case R.IFLA_BR_GROUP_ADDR:
        break;
      case R.IFLA_BR_FDB_FLUSH:
        dev.flush();
        break;
      case R.IFLA_BR_MCAST_SNOOPING:
        dev.mcastSnooping = value.u8 !== 0;
        break;
      default:
        notBuilt(`attribute ${type}`);
    }
  }
}

/** br_setport(): IFLA_BRPORT_… of a port. */
export function changePort(port: BridgePort, data: Attributes): void {
  for (const [type, value] of data) {
    const on = value.u8 !== 0;
    switch (type) {
      case R.IFLA_BRPORT_STATE:
        if (value.u8 > 4) throw EINVAL;
        port.state = value.u8;
        break;
      case R.IFLA_BRPORT_PRIORITY:
        if (value.u16 > 63) throw ERANGE;
        port.priority = value.u16;
        break;
      case R.IFLA_BRPORT_COST:
        if (value.u32 < 1 || value.u32 > 65_535) throw ERANGE;
        port.cost = value.u32;
        break;
      case R.IFLA_BRPORT_MODE:
        port.hairpin = on;
        break;
      case R.IFLA_BRPORT_LEARNING:
        port.learning = on;
        break;
      case R.IFLA_BRPORT_UNICAST_FLOOD:
        port.flood = on;
        break;
      case R.IFLA_BRPORT_MCAST_FLOOD:
        port.mcastFlood = on;
        break;
      case R.IFLA_BRPORT_BCAST_FLOOD:
        port.bcastFlood = on;
        break;
      case R.IFLA_BRPORT_ISOLATED:
        port.isolated = on;
        break;
      case R.IFLA_BRPORT_FLUSH:
        port.bridge.flush(port);
        break;
      default:
        if (on) notBuilt(`port attribute ${type}`);
    }
  }
}

export const linkKinds: readonly LinkKind[] = [veth, dummy, macvlan, bridge];
