/**
 * /sys/class/net: the devices of one network namespace, that of whoever mounted sysfs. Linux `net/core/net-sysfs.c`, `net/bridge/br_sysfs_{br,if}.c`.
 * Left out: queues, power, and what no device here has.
 */

import { EINVAL, EOPNOTSUPP } from "../../../abi/errno.ts";
import { formatMac } from "../../../abi/inet.ts";
import { DT_DIR, DT_LNK } from "../../../abi/stat.ts";
import { setCarrier, setMtu } from "../../net/dev.ts";
import { BridgeDevice, type BridgePort, bridgePortOf } from "../../net/devices/bridge.ts";
import { BROADCAST_MAC, type NetDevice, operState } from "../../net/device.ts";
import type { NetNamespace } from "../../net/net-namespace.ts";
import type { DynamicEntry, Entry, FileEntry, LinkEntry, Machine } from "../proc/entry.ts";

/** Inode numbers of what belongs to devices. */
const DEVICE_INO = 0x5000_0000;
const DEVICE_INO_STEP = 0x1_0000;

const OPER_STATES = ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"];

type SysFile = FileEntry<Machine>;

function file(name: string, read: () => string | number, write?: (text: string) => void): SysFile {
  return {
    kind: "file",
    name,
    mode: write === undefined ? 0o444 : 0o644,
    read: () => `${read()}\n`,
    ...(write === undefined ? {} : { write: (_machine, text) => write(text.replace(/\n$/, "")) }),
  };
}

const link = (name: string, target: string): LinkEntry<Machine> => ({ kind: "link", name, mode: 0o777, target: () => target });
const dir = (name: string, entries: readonly Entry<Machine>[]): Entry<Machine> => ({ kind: "dir", name, mode: 0o755, entries });

/** kstrtouint(). Errors: EINVAL. */
function number(text: string): number {
  if (!/^\s*[0-9]+\s*$/.test(text)) throw EINVAL;
  return Number(text);
}

const inval = (): never => {
  throw EINVAL;
};

function statistics({ stats: s }: NetDevice): Entry<Machine> {
  const zero =
    "rx_compressed rx_crc_errors rx_fifo_errors rx_frame_errors rx_length_errors rx_missed_errors rx_nohandler rx_over_errors".split(" ");
  const zeroTx = "tx_aborted_errors tx_carrier_errors tx_compressed tx_fifo_errors tx_heartbeat_errors tx_window_errors".split(" ");
  const own: readonly (readonly [string, () => number])[] = [
    ["collisions", () => s.collisions],
    ["multicast", () => s.multicast],
    ["rx_bytes", () => s.rxBytes],
    ["rx_dropped", () => s.rxDropped],
    ["rx_errors", () => s.rxErrors],
    ["rx_packets", () => s.rxPackets],
    ["tx_bytes", () => s.txBytes],
    ["tx_dropped", () => s.txDropped],
    ["tx_errors", () => s.txErrors],
    ["tx_packets", () => s.txPackets],
  ];
  const files = [...own.map(([name, read]) => file(name, read)), ...[...zero, ...zeroTx].map((name) => file(name, () => 0))];
  return dir(
    "statistics",
    files.sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
}

const bridgeId = (bridge: BridgeDevice): string =>
  `${bridge.priority.toString(16).padStart(4, "0")}.${bridge.mac.toString(16).padStart(12, "0")}`;
const ticks = (ns: number): number => Math.floor(ns / 1e7);

function bridgeDir(bridge: BridgeDevice): Entry<Machine> {
  return dir("bridge", [
    file(
      "ageing_time",
      () => ticks(bridge.ageingNs),
      (text) => bridge.setAgeing(number(text) * 1e7),
    ),
    file("bridge_id", () => bridgeId(bridge)),
    file("forward_delay", () => ticks(bridge.forwardDelayNs)),
    file("group_addr", () => "1:80:c2:0:0:0"),
    file("hello_time", () => ticks(bridge.helloTimeNs)),
    file("max_age", () => ticks(bridge.maxAgeNs)),
    file("priority", () => bridge.priority),
    file("root_id", () => bridgeId(bridge)),
    file("root_path_cost", () => 0),
    file("root_port", () => 0),
    file(
      "stp_state",
      () => 0,
      (text) => {
        // Differs from Linux: the spanning tree protocol is not built.
        if (number(text) !== 0) throw EOPNOTSUPP;
      },
    ),
    file("topology_change", () => 0),
    file("topology_change_detected", () => 0),
    file("vlan_filtering", () => 0),
  ]);
}

function portDir(port: BridgePort): Entry<Machine> {
  const { bridge } = port;
  const flag = (name: string, key: "hairpin" | "isolated" | "learning" | "flood" | "mcastFlood" | "bcastFlood"): SysFile =>
    file(
      name,
      () => (port[key] ? 1 : 0),
      (text) => {
        port[key] = number(text) !== 0;
      },
    );
  const id = (port.priority << 10) | port.number;
  return dir("brport", [
    link("bridge", `../../${bridge.name}`),
    flag("broadcast_flood", "bcastFlood"),
    file("designated_bridge", () => bridgeId(bridge)),
    file("designated_cost", () => 0),
    file("designated_port", () => id),
    file("designated_root", () => bridgeId(bridge)),
    flag("hairpin_mode", "hairpin"),
    flag("isolated", "isolated"),
    flag("learning", "learning"),
    flag("multicast_flood", "mcastFlood"),
    file("path_cost", () => port.cost),
    file("port_id", () => `0x${id.toString(16)}`),
    file("port_no", () => `0x${port.number.toString(16)}`),
    file("priority", () => port.priority),
    file("state", () => port.state),
    flag("unicast_flood", "flood"),
  ]);
}

function deviceEntries(dev: NetDevice): Entry<Machine>[] {
  const port = bridgePortOf(dev);
  const entries: Entry<Machine>[] = [
    file("addr_assign_type", () => dev.macAssignType),
    file("addr_len", () => 6),
    file("address", () => formatMac(dev.mac)),
    file("broadcast", () => formatMac(dev.isLoopback ? 0 : BROADCAST_MAC)),
    file(
      "carrier",
      () => (dev.up ? (dev.carrier ? 1 : 0) : inval()),
      (text) => {
        if (dev.kind !== "dummy") throw EOPNOTSUPP;
        setCarrier(dev, number(text) !== 0);
      },
    ),
    file("carrier_changes", () => dev.carrierUps + dev.carrierDowns),
    file("carrier_down_count", () => dev.carrierDowns),
    file("carrier_up_count", () => dev.carrierUps),
    file("dev_id", () => "0x0"),
    file("dev_port", () => 0),
    file("dormant", () => (dev.up ? 0 : inval())),
    file("duplex", () => (dev.kind === "veth" && dev.up ? "full" : dev.kind === "bridge" && dev.up ? "unknown" : inval())),
    file("flags", () => `0x${dev.flags.toString(16)}`),
    file(
      "ifalias",
      () => dev.alias,
      (text) => {
        dev.alias = text;
      },
    ),
    file("ifindex", () => dev.ifindex),
    file("iflink", () => dev.link.ifindex),
    file("link_mode", () => 0),
    file(
      "mtu",
      () => dev.mtu,
      (text) => setMtu(dev, number(text)),
    ),
    file("name_assign_type", () => (dev.isLoopback ? 2 : 3)),
    file(
      "netdev_group",
      () => dev.group,
      (text) => {
        dev.group = number(text);
      },
    ),
    file("operstate", () => OPER_STATES[operState(dev)] as string),
    file("speed", () => (dev.kind === "veth" && dev.up ? 10_000 : inval())),
    statistics(dev),
    link("subsystem", `${"../".repeat(depth(dev) + 1)}class/net`),
    file("testing", () => (dev.up ? 0 : inval())),
    file(
      "tx_queue_len",
      () => dev.txQueueLength,
      (text) => {
        dev.txQueueLength = number(text);
      },
    ),
    file("type", () => (dev.isLoopback ? 772 : 1)),
    { kind: "file", name: "uevent", mode: 0o644, read: () => `${devtype(dev)}INTERFACE=${dev.name}\nIFINDEX=${dev.ifindex}\n` },
  ];
  if (dev instanceof BridgeDevice) {
    const ports = [...dev.ports];
    entries.push(
      bridgeDir(dev),
      dir(
        "brif",
        ports.map((p) => link(p.dev.name, `../../${p.dev.name}/brport`)),
      ),
    );
    for (const p of ports) entries.push(link(`lower_${p.dev.name}`, `../${p.dev.name}`));
  }
  if (port !== undefined)
    entries.push(portDir(port), link("master", `../${port.bridge.name}`), link(`upper_${port.bridge.name}`, `../${port.bridge.name}`));
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const devtype = (dev: NetDevice): string => (dev.kind === "bridge" ? "DEVTYPE=bridge\n" : "");

/** Where hardware is: a virtio card on the PCI bus. */
const PCI_PATH = ["pci0000:00", "0000:00:03.0", "virtio0"] as const;
const parentOf = (dev: NetDevice): string => (dev.virtual ? "devices/virtual" : `devices/${PCI_PATH.join("/")}`);
/** Directories above that of the device, from /sys on. */
const depth = (dev: NetDevice): number => parentOf(dev).split("/").length + 1;

/** A directory with one entry for each device that `shown` lets through. */
function deviceList(
  ns: NetNamespace,
  slot: number,
  shown: (dev: NetDevice) => boolean,
  entryOf: (dev: NetDevice) => Entry<Machine>,
): DynamicEntry<Machine> {
  const ino = (dev: NetDevice): number => DEVICE_INO + (slot * 0x1000 + dev.ifindex) * DEVICE_INO_STEP;
  const type = slot === 0 ? DT_LNK : DT_DIR;
  return {
    kind: "dynamic",
    name: "net",
    mode: 0o755,
    find(subject, name, make) {
      const dev = ns.findDevice(name);
      return dev === undefined || !shown(dev) ? undefined : make(entryOf(dev), subject, ino(dev), undefined);
    },
    list: () =>
      [...ns.devices.values()]
        .filter(shown)
        .map((dev) => ({ name: dev.name, ino: ino(dev), type }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** What is in `class`: `net`, with a link for each device. */
export function classEntries(ns: NetNamespace): readonly Entry<Machine>[] {
  const entryOf = (dev: NetDevice): Entry<Machine> => link(dev.name, `../../${parentOf(dev)}/net/${dev.name}`);
  return [deviceList(ns, 0, () => true, entryOf)];
}

/** What is below `devices`: hardware on its bus, and the virtual ones. */
export function hardwareAndVirtual(ns: NetNamespace): readonly [hardware: Entry<Machine>, virtual: Entry<Machine>] {
  const entryOf = (dev: NetDevice): Entry<Machine> => dir(dev.name, deviceEntries(dev));
  const hardware = deviceList(ns, 1, (dev) => !dev.virtual, entryOf);
  const [bus, slot, card] = PCI_PATH;
  return [dir(bus, [dir(slot, [dir(card, [hardware])])]), dir("virtual", [deviceList(ns, 2, (dev) => dev.virtual, entryOf)])];
}
