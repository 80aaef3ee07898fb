/** A device as a netlink message: Linux `net/core/rtnetlink.c:rtnl_fill_ifinfo`, in its order of attributes. */

import { AF_INET6, AF_UNSPEC } from "../../../abi/socket.ts";
import { NetlinkWriter } from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { type BridgeDevice, type BridgePort, bridgePortOf, BridgeDevice as Bridge } from "../devices/bridge.ts";
import { MacvlanDevice } from "../devices/macvlan.ts";
import { BROADCAST_MAC, deviceFlags, type NetDevice, operState } from "../device.ts";
import { nsidOf } from "./nsid.ts";

const IFLA_INET6_ADDR_GEN_MODE = 8;
const IPV6_MIN_MTU = 1280;
/** Clock ticks of a bridge's times: USER_HZ, 10 ms. */
const TICK_NS = 1e7;
const ticks = (ns: number): number => Math.floor(ns / TICK_NS);

export const qdiscName = (dev: NetDevice): string => dev.qdisc?.kind ?? "noop";

/** struct ifinfomsg and all attributes. `change`: which flags did. */
export function fillLink(dev: NetDevice, change = 0, family = AF_UNSPEC, skipStats = false): Uint8Array {
  const w = new NetlinkWriter();
  w.u8(family)
    .u8(0)
    .u16(dev.isLoopback ? R.ARPHRD_LOOPBACK : R.ARPHRD_ETHER)
    .u32(dev.ifindex)
    .u32(deviceFlags(dev))
    .u32(change);
  w.attrString(R.IFLA_IFNAME, dev.name);
  w.attrU32(R.IFLA_TXQLEN, dev.txQueueLength);
  w.attrU8(R.IFLA_OPERSTATE, operState(dev));
  w.attrU8(R.IFLA_LINKMODE, 0);
  w.attrU32(R.IFLA_MTU, dev.mtu);
  w.attrU32(R.IFLA_MIN_MTU, dev.minMtu);
  w.attrU32(R.IFLA_MAX_MTU, dev.maxMtu);
  w.attrU32(R.IFLA_GROUP, dev.group);
  w.attrU32(R.IFLA_PROMISCUITY, dev.promiscuity);
  w.attrU32(R.IFLA_ALLMULTI, dev.allmulti);
  const queues = dev.kind === "veth" ? dev.ns.system.sched.cpus.length : 1;
  w.attrU32(R.IFLA_NUM_TX_QUEUES, queues);
  w.attrU32(R.IFLA_GSO_MAX_SEGS, 65_535);
  w.attrU32(R.IFLA_GSO_MAX_SIZE, 65_536);
  w.attrU32(R.IFLA_GRO_MAX_SIZE, 65_536);
  w.attrU32(R.IFLA_TSO_MAX_SIZE, 524_280);
  w.attrU32(R.IFLA_TSO_MAX_SEGS, 65_535);
  w.attrU32(R.IFLA_NUM_RX_QUEUES, queues);
  const { link } = dev;
  if (link !== dev) w.attrU32(R.IFLA_LINK, link.ifindex);
  if (dev.master !== undefined) w.attrU32(R.IFLA_MASTER, dev.master.ifindex);
  w.attrU8(R.IFLA_CARRIER, dev.carrier ? 1 : 0);
  w.attrString(R.IFLA_QDISC, qdiscName(dev));
  if (dev.alias !== "") w.attrString(R.IFLA_IFALIAS, dev.alias);
  w.attrU32(R.IFLA_CARRIER_CHANGES, dev.carrierUps + dev.carrierDowns);
  w.attrU32(R.IFLA_CARRIER_UP_COUNT, dev.carrierUps);
  w.attrU32(R.IFLA_CARRIER_DOWN_COUNT, dev.carrierDowns);
  w.attrU8(R.IFLA_PROTO_DOWN, 0);
  w.attr(R.IFLA_MAP, new Uint8Array(32));
  w.attrMac(R.IFLA_ADDRESS, dev.mac);
  w.attrMac(R.IFLA_BROADCAST, dev.isLoopback ? 0 : BROADCAST_MAC);
  if (!dev.virtual) w.attrMac(R.IFLA_PERM_ADDRESS, dev.mac);
  if (!skipStats) fillStats(w, dev);
  if (dev.kind !== undefined || dev.master !== undefined) fillInfo(w, dev);
  // How IPv6 makes its link-local address: by the hardware address (eui64).
  if (dev.mtu >= IPV6_MIN_MTU) w.nest(R.IFLA_AF_SPEC, () => w.nest(AF_INET6, () => w.attrU8(IFLA_INET6_ADDR_GEN_MODE, 0)));
  if (link !== dev && link.ns !== dev.ns) w.attrU32(R.IFLA_LINK_NETNSID, nsidOf(dev.ns, link.ns) >>> 0);
  return w.finish();
}

function u64(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  values.forEach((value, i) => {
    view.setUint32(i * 8, value >>> 0, true);
    view.setUint32(i * 8 + 4, Math.floor(value / 2 ** 32), true);
  });
  return new Uint8Array(view.buffer);
}

/** struct rtnl_link_stats64, and the same in 32 bits. */
function fillStats(w: NetlinkWriter, { stats }: NetDevice): void {
  const values = [
    ...[stats.rxPackets, stats.txPackets, stats.rxBytes, stats.txBytes, stats.rxErrors, stats.txErrors, stats.rxDropped, stats.txDropped],
    ...[stats.multicast, stats.collisions, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ];
  w.attr(R.IFLA_STATS64, u64([...values, 0, 0, 0]));
  const small = new DataView(new ArrayBuffer(96));
  values.concat(0, 0).forEach((value, i) => {
    if (i < 24) small.setUint32(i * 4, value >>> 0, true);
  });
  w.attr(R.IFLA_STATS, new Uint8Array(small.buffer));
}

function fillInfo(w: NetlinkWriter, dev: NetDevice): void {
  w.nest(R.IFLA_LINKINFO, () => {
    if (dev.kind !== undefined) w.attrString(R.IFLA_INFO_KIND, dev.kind);
    if (dev instanceof Bridge) w.nest(R.IFLA_INFO_DATA, () => fillBridge(w, dev));
    else if (dev instanceof MacvlanDevice) w.nest(R.IFLA_INFO_DATA, () => w.attrU32(R.IFLA_MACVLAN_MODE, R.MACVLAN_MODE_BRIDGE));
    const port = bridgePortOf(dev);
    if (port === undefined) return;
    w.attrString(R.IFLA_INFO_SLAVE_KIND, "bridge");
    w.nest(R.IFLA_INFO_SLAVE_DATA, () => fillPort(w, port));
  });
}

/** struct ifla_bridge_id: the priority, then the address. */
function bridgeId(bridge: BridgeDevice): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint16(0, bridge.priority);
  // The address that a bridge is born with is not in its id: only one that was chosen, or a port's.
  const mac = bridge.macSet || bridge.ports.size > 0 ? bridge.mac : 0;
  view.setUint16(2, Math.floor(mac / 2 ** 32));
  view.setUint32(4, mac % 2 ** 32);
  return new Uint8Array(view.buffer);
}

function fillBridge(w: NetlinkWriter, bridge: BridgeDevice): void {
  w.attrU64(R.IFLA_BR_HELLO_TIMER, 0);
  w.attrU64(R.IFLA_BR_TCN_TIMER, 0);
  w.attrU64(R.IFLA_BR_TOPOLOGY_CHANGE_TIMER, 0);
  w.attrU64(R.IFLA_BR_GC_TIMER, 0);
  w.attrU32(R.IFLA_BR_FORWARD_DELAY, ticks(bridge.forwardDelayNs));
  w.attrU32(R.IFLA_BR_HELLO_TIME, ticks(bridge.helloTimeNs));
  w.attrU32(R.IFLA_BR_MAX_AGE, ticks(bridge.maxAgeNs));
  w.attrU32(R.IFLA_BR_AGEING_TIME, ticks(bridge.ageingNs));
  w.attrU32(R.IFLA_BR_STP_STATE, 0);
  w.attrU16(R.IFLA_BR_PRIORITY, bridge.priority);
  w.attrU8(R.IFLA_BR_VLAN_FILTERING, 0);
  w.attrU16(R.IFLA_BR_GROUP_FWD_MASK, bridge.groupFwdMask);
  w.attr(R.IFLA_BR_BRIDGE_ID, bridgeId(bridge));
  w.attr(R.IFLA_BR_ROOT_ID, bridgeId(bridge));
  w.attrU16(R.IFLA_BR_ROOT_PORT, 0);
  w.attrU32(R.IFLA_BR_ROOT_PATH_COST, 0);
  w.attrU8(R.IFLA_BR_TOPOLOGY_CHANGE, 0);
  w.attrU8(R.IFLA_BR_TOPOLOGY_CHANGE_DETECTED, 0);
  w.attrMac(R.IFLA_BR_GROUP_ADDR, 0x0180c2000000);
  w.attrU8(R.IFLA_BR_MCAST_SNOOPING, bridge.mcastSnooping ? 1 : 0);
}

/** br_port_fill_attrs(). */
export function fillPort(w: NetlinkWriter, port: BridgePort): void {
  const { bridge } = port;
  const id = (port.priority << 10) | port.number;
  const flag = (type: number, on: boolean): NetlinkWriter => w.attrU8(type, on ? 1 : 0);
  w.attrU8(R.IFLA_BRPORT_STATE, port.state);
  w.attrU16(R.IFLA_BRPORT_PRIORITY, port.priority);
  w.attrU32(R.IFLA_BRPORT_COST, port.cost);
  flag(R.IFLA_BRPORT_MODE, port.hairpin);
  flag(R.IFLA_BRPORT_GUARD, false);
  flag(R.IFLA_BRPORT_PROTECT, false);
  flag(R.IFLA_BRPORT_FAST_LEAVE, false);
  flag(R.IFLA_BRPORT_LEARNING, port.learning);
  flag(R.IFLA_BRPORT_UNICAST_FLOOD, port.flood);
  flag(R.IFLA_BRPORT_MCAST_FLOOD, port.mcastFlood);
  flag(R.IFLA_BRPORT_BCAST_FLOOD, port.bcastFlood);
  flag(R.IFLA_BRPORT_PROXYARP, false);
  flag(R.IFLA_BRPORT_PROXYARP_WIFI, false);
  w.attr(R.IFLA_BRPORT_ROOT_ID, bridgeId(bridge));
  w.attr(R.IFLA_BRPORT_BRIDGE_ID, bridgeId(bridge));
  w.attrU16(R.IFLA_BRPORT_DESIGNATED_PORT, id);
  w.attrU16(R.IFLA_BRPORT_DESIGNATED_COST, 0);
  w.attrU16(R.IFLA_BRPORT_ID, id);
  w.attrU16(R.IFLA_BRPORT_NO, port.number);
  w.attrU8(R.IFLA_BRPORT_TOPOLOGY_CHANGE_ACK, 0);
  w.attrU8(R.IFLA_BRPORT_CONFIG_PENDING, 0);
  w.attrU64(R.IFLA_BRPORT_MESSAGE_AGE_TIMER, 0);
  w.attrU64(R.IFLA_BRPORT_FORWARD_DELAY_TIMER, 0);
  w.attrU64(R.IFLA_BRPORT_HOLD_TIMER, 0);
  flag(R.IFLA_BRPORT_NEIGH_SUPPRESS, false);
  flag(R.IFLA_BRPORT_ISOLATED, port.isolated);
}
