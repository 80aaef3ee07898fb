/**
 * /proc/PID/net: proc_pid_net(5), the network namespace of a process as text. Linux `net/core/net-procfs.c`, `net/ipv4/{arp,fib_trie}.c`,
 * `net/ipv6/addrconf.c`.
 */

import { EINVAL } from "../../../abi/errno.ts";
import { formatIpv4, formatMac, prefixMask } from "../../../abi/inet.ts";
import { BridgeDevice } from "../../net/devices/bridge.ts";
import { multicastAddresses } from "../../net/dev-mc.ts";
import type { NetDevice } from "../../net/device.ts";
import { fibOf } from "../../net/ipv4/fib.ts";
import { NUD_FAILED, NUD_NOARP, NUD_PERMANENT, NUD_VALID } from "../../net/ipv4/neighbour.ts";
import { RT_TABLE_MAIN, RTN_BROADCAST, RTN_MULTICAST, RTN_PROHIBIT, RTN_UNREACHABLE } from "../../net/ipv4/route-types.ts";
import { ipv6Addresses } from "../../net/ipv6/addresses.ts";
import { mib6, snmp6Text } from "../../net/ipv6/mib.ts";
import { type NetNamespace, netNsOf } from "../../net/net-namespace.ts";
import type { Task } from "../../task/task.ts";
import { transportNetFiles } from "./net-transport.ts";
import type { FileEntry, TaskSubject } from "./entry.ts";

/** A file of a network namespace. */
export interface NetFile {
  readonly name: string;
  /** `reader`: in whose user namespace ids are meant. */
  read(ns: NetNamespace, reader: Task): string;
}

const pad = (value: number | string, width: number): string => String(value).padStart(width);

function dev(ns: NetNamespace): string {
  const lines = [...ns.devices.values()].map(({ name, stats: s }) => {
    const rx = [
      pad(s.rxBytes, 7),
      pad(s.rxPackets, 7),
      pad(s.rxErrors, 4),
      pad(s.rxDropped, 4),
      pad(0, 4),
      pad(0, 5),
      pad(0, 10),
      pad(s.multicast, 9),
    ];
    const tx = [
      pad(s.txBytes, 8),
      pad(s.txPackets, 7),
      pad(s.txErrors, 4),
      pad(s.txDropped, 4),
      pad(0, 4),
      pad(s.collisions, 5),
      pad(0, 7),
      pad(0, 10),
    ];
    return `${pad(name, 6)}: ${[...rx, ...tx].join(" ")}\n`;
  });
  return (
    "Inter-|   Receive                                                |  Transmit\n" +
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" +
    lines.join("")
  );
}

function arp(ns: NetNamespace): string {
  let text = "IP address       HW type     Flags       HW address            Mask     Device\n";
  for (const device of ns.devices.values()) {
    for (const neigh of device.ip?.neighbours.values() ?? []) {
      if ((neigh.state & NUD_NOARP) !== 0) continue;
      const valid = (neigh.state & NUD_VALID) !== 0;
      const flags = (neigh.state & NUD_PERMANENT) !== 0 ? 6 : valid ? 2 : 0;
      const mac = formatMac(valid || neigh.state === NUD_FAILED ? neigh.mac : 0);
      text += `${formatIpv4(neigh.addr).padEnd(16)} 0x${"1".padEnd(10)}0x${flags.toString(16).padEnd(10)}${mac.padEnd(17)}     *        ${device.name}\n`;
    }
  }
  return text;
}

/** An address as the hexadecimal number that its bytes are on a little-endian machine. */
function hexAddress(addr: number): string {
  const swapped = ((addr & 255) << 24) | ((addr & 0xff00) << 8) | ((addr >>> 8) & 0xff00) | (addr >>> 24);
  return (swapped >>> 0).toString(16).toUpperCase().padStart(8, "0");
}

const ROUTE_WIDTH = 127;
const RTAX_WINDOW = 3;
const RTAX_RTT = 4;
const RTAX_ADVMSS = 8;

function route(ns: NetNamespace): string {
  const lines = ["Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"];
  for (const r of fibOf(ns).table(RT_TABLE_MAIN).all()) {
    if (r.type === RTN_BROADCAST || r.type === RTN_MULTICAST) continue;
    let flags = r.type === RTN_UNREACHABLE || r.type === RTN_PROHIBIT ? 0x200 : 0;
    flags |= 1 | (r.gateway !== 0 ? 2 : 0) | (r.prefixLength === 32 ? 4 : 0);
    const columns = [r.dev?.name ?? "*", hexAddress(r.prefix), hexAddress(r.gateway), flags.toString(16).toUpperCase().padStart(4, "0")];
    const advmss = r.metrics.get(RTAX_ADVMSS);
    const metrics = [advmss === undefined ? 0 : advmss + 40, r.metrics.get(RTAX_WINDOW) ?? 0, (r.metrics.get(RTAX_RTT) ?? 0) >> 3];
    lines.push([...columns, 0, 0, r.priority, hexAddress(prefixMask(r.prefixLength)), ...metrics].join("\t"));
  }
  return lines.map((line) => `${line.padEnd(ROUTE_WIDTH)}\n`).join("");
}

function devMcast(ns: NetNamespace): string {
  const line = (device: NetDevice, mac: number): string =>
    `${String(device.ifindex).padEnd(4)} ${device.name.padEnd(15)} ${"1".padEnd(5)} ${"0".padEnd(5)} ${mac.toString(16).padStart(12, "0")}\n`;
  return [...ns.devices.values()].flatMap((device) => multicastAddresses(device).map((mac) => line(device, mac))).join("");
}

function ifInet6(ns: NetNamespace): string {
  const hex = (n: number, width: number): string => n.toString(16).padStart(width, "0");
  let text = "";
  for (const device of ns.devices.values()) {
    for (const a of ipv6Addresses(device)) {
      const addr = a.addr.map((group) => hex(group, 4)).join("");
      const scope = a.scope === 254 ? 0x10 : a.scope === 253 ? 0x20 : 0;
      text += `${addr} ${hex(device.ifindex, 2)} ${hex(a.prefixLength, 2)} ${hex(scope, 2)} ${hex(a.flags & 255, 2)} ${pad(device.name, 8)}\n`;
    }
  }
  return text;
}

const ALL_HOSTS = 0xe0000001;
const ALL_SNOOPERS = 0xe000006a;

/** Groups of IPv4, the one joined last first. Linux `net/ipv4/igmp.c`, igmp_mc_seq_show(); no router asks for members, so no timer runs. */
function igmp(ns: NetNamespace): string {
  let text = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n";
  for (const device of ns.devices.values()) {
    if (device.ip === undefined || !device.up) continue;
    const joined = [...device.ip.groups].reverse();
    const groups = [...joined, [ALL_HOSTS, 1] as const, ...(device instanceof BridgeDevice ? [[ALL_SNOOPERS, 1] as const] : [])];
    text += `${device.ifindex}\t${device.name.padEnd(10)}: ${pad(groups.length, 5)}      V3\n`;
    for (const [group, users] of groups) text += `\t\t\t\t${hexAddress(group)} ${pad(users, 5)} 0:00000000\t\t0\n`;
  }
  return text;
}

/** Groups of IPv6: all nodes, of the link and of the node itself, and those in which neighbours ask for an address. */
function igmp6(ns: NetNamespace): string {
  let text = "";
  for (const device of ns.devices.values()) {
    const addresses = ipv6Addresses(device);
    const solicited = [...new Set(addresses.map(({ addr }) => `ff0200000000000000000001ff${hexTail(addr)}`))];
    const snoopers = device instanceof BridgeDevice && device.up ? ["ff02000000000000000000000000006a"] : [];
    // Loopback takes no part in asking for neighbours.
    const groups = [...(device.name === "lo" ? [] : solicited.reverse()), ...snoopers, `ff02${"0".repeat(27)}1`, `ff01${"0".repeat(27)}1`];
    for (const group of groups) text += `${String(device.ifindex).padEnd(4)} ${device.name.padEnd(15)} ${group} ${pad(1, 5)} 00000004 0\n`;
  }
  return text;
}

const hexTail = (addr: readonly number[]): string =>
  ((((addr[6] as number) & 0xff) << 16) + (addr[7] as number)).toString(16).padStart(6, "0");

const files: readonly NetFile[] = [
  { name: "arp", read: arp },
  { name: "dev", read: dev },
  { name: "dev_mcast", read: devMcast },
  { name: "if_inet6", read: ifInet6 },
  { name: "igmp", read: igmp },
  { name: "igmp6", read: igmp6 },
  { name: "route", read: route },
  { name: "snmp6", read: (ns: NetNamespace) => snmp6Text(ns.part(mib6)) },
  ...transportNetFiles,
].sort((a, b) => (a.name < b.name ? -1 : 1));

const entryOf = ({ name, read }: NetFile): FileEntry<TaskSubject> => ({
  kind: "file",
  name,
  mode: 0o444,
  read({ task }, reader) {
    // The dead are in no namespace.
    if (task.state === "dead") throw EINVAL;
    return read(netNsOf(task), reader);
  },
});

export const netEntries: readonly FileEntry<TaskSubject>[] = files.map(entryOf);
