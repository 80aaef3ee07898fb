/** What `ip -d` adds about a link: limits, and what its kind and its master say of it. iproute2 `ip/iplink_{bridge,bridge_slave,veth,macvlan}.c`. */

import { formatMac } from "../../abi/inet.ts";
import * as R from "../../abi/rtnetlink.ts";
import type { Attributes } from "./link.ts";
import { Decimal, type Printer } from "./print.ts";

interface Field {
  readonly attribute: number;
  /** In text, and in JSON unless `json` says otherwise. */
  readonly name: string;
  readonly json?: string;
  readonly form?: "timer" | "bridge id" | "hex" | "mac" | "on" | "port id" | "state";
  readonly size?: 8 | 16 | 32;
}

const BRIDGE: readonly Field[] = [
  { attribute: R.IFLA_BR_FORWARD_DELAY, name: "forward_delay" },
  { attribute: R.IFLA_BR_HELLO_TIME, name: "hello_time" },
  { attribute: R.IFLA_BR_MAX_AGE, name: "max_age" },
  { attribute: R.IFLA_BR_AGEING_TIME, name: "ageing_time" },
  { attribute: R.IFLA_BR_STP_STATE, name: "stp_state" },
  { attribute: R.IFLA_BR_PRIORITY, name: "priority", size: 16 },
  { attribute: R.IFLA_BR_VLAN_FILTERING, name: "vlan_filtering", size: 8 },
  { attribute: R.IFLA_BR_BRIDGE_ID, name: "bridge_id", form: "bridge id" },
  { attribute: R.IFLA_BR_ROOT_ID, name: "designated_root", json: "root_id", form: "bridge id" },
  { attribute: R.IFLA_BR_ROOT_PORT, name: "root_port", size: 16 },
  { attribute: R.IFLA_BR_ROOT_PATH_COST, name: "root_path_cost" },
  { attribute: R.IFLA_BR_TOPOLOGY_CHANGE, name: "topology_change", size: 8 },
  { attribute: R.IFLA_BR_TOPOLOGY_CHANGE_DETECTED, name: "topology_change_detected", size: 8 },
  { attribute: R.IFLA_BR_HELLO_TIMER, name: "hello_timer", form: "timer" },
  { attribute: R.IFLA_BR_TCN_TIMER, name: "tcn_timer", form: "timer" },
  { attribute: R.IFLA_BR_TOPOLOGY_CHANGE_TIMER, name: "topology_change_timer", form: "timer" },
  { attribute: R.IFLA_BR_GC_TIMER, name: "gc_timer", form: "timer" },
  { attribute: R.IFLA_BR_GROUP_FWD_MASK, name: "group_fwd_mask", form: "hex" },
  { attribute: R.IFLA_BR_GROUP_ADDR, name: "group_address", json: "group_addr", form: "mac" },
  { attribute: R.IFLA_BR_MCAST_SNOOPING, name: "mcast_snooping", size: 8 },
];

const BRIDGE_SLAVE: readonly Field[] = [
  { attribute: R.IFLA_BRPORT_STATE, name: "state", form: "state" },
  { attribute: R.IFLA_BRPORT_PRIORITY, name: "priority", size: 16 },
  { attribute: R.IFLA_BRPORT_COST, name: "cost" },
  { attribute: R.IFLA_BRPORT_MODE, name: "hairpin", form: "on" },
  { attribute: R.IFLA_BRPORT_GUARD, name: "guard", form: "on" },
  { attribute: R.IFLA_BRPORT_PROTECT, name: "root_block", form: "on" },
  { attribute: R.IFLA_BRPORT_FAST_LEAVE, name: "fastleave", form: "on" },
  { attribute: R.IFLA_BRPORT_LEARNING, name: "learning", form: "on" },
  { attribute: R.IFLA_BRPORT_UNICAST_FLOOD, name: "flood", form: "on" },
  { attribute: R.IFLA_BRPORT_ID, name: "port_id", json: "id", form: "port id" },
  { attribute: R.IFLA_BRPORT_NO, name: "port_no", json: "no", form: "port id" },
  { attribute: R.IFLA_BRPORT_DESIGNATED_PORT, name: "designated_port", size: 16 },
  { attribute: R.IFLA_BRPORT_DESIGNATED_COST, name: "designated_cost", size: 16 },
  { attribute: R.IFLA_BRPORT_BRIDGE_ID, name: "designated_bridge", json: "bridge_id", form: "bridge id" },
  { attribute: R.IFLA_BRPORT_ROOT_ID, name: "designated_root", json: "root_id", form: "bridge id" },
  { attribute: R.IFLA_BRPORT_HOLD_TIMER, name: "hold_timer", form: "timer" },
  { attribute: R.IFLA_BRPORT_MESSAGE_AGE_TIMER, name: "message_age_timer", form: "timer" },
  { attribute: R.IFLA_BRPORT_FORWARD_DELAY_TIMER, name: "forward_delay_timer", form: "timer" },
  { attribute: R.IFLA_BRPORT_TOPOLOGY_CHANGE_ACK, name: "topology_change_ack", size: 8 },
  { attribute: R.IFLA_BRPORT_CONFIG_PENDING, name: "config_pending", size: 8 },
  { attribute: R.IFLA_BRPORT_PROXYARP, name: "proxy_arp", form: "on" },
  { attribute: R.IFLA_BRPORT_PROXYARP_WIFI, name: "proxy_arp_wifi", form: "on" },
  { attribute: R.IFLA_BRPORT_MCAST_FLOOD, name: "mcast_flood", form: "on" },
  { attribute: R.IFLA_BRPORT_BCAST_FLOOD, name: "bcast_flood", form: "on" },
  { attribute: R.IFLA_BRPORT_NEIGH_SUPPRESS, name: "neigh_suppress", form: "on" },
  { attribute: R.IFLA_BRPORT_ISOLATED, name: "isolated", form: "on" },
];

const STATES = ["disabled", "listening", "learning", "forwarding", "blocking"];
const MACVLAN_MODES: Readonly<Record<number, string>> = { 1: "private", 2: "vepa", 4: "bridge", 8: "passthru" };

function printFields(out: Printer, fields: readonly Field[], attrs: Attributes): void {
  for (const { attribute, name, json, form, size } of fields) {
    const value = attrs.get(attribute);
    if (value === undefined) continue;
    const key = json ?? name;
    switch (form) {
      case "timer": {
        const text = (value.u64 / 100).toFixed(2);
        out.field(key, new Decimal(text), `${name} ${text.padStart(7)} `);
        break;
      }
      case "bridge id": {
        const { bytes } = value;
        const hex = (byte: number | undefined, width: number): string => (byte ?? 0).toString(16).padStart(width, "0");
        const mac = Array.from({ length: 6 }, (_, i) => hex(bytes[i + 2], 1)).join(":");
        const text = `${hex(bytes[0], 2)}${hex(bytes[1], 2)}.${mac}`;
        out.field(key, text, `${name} ${text} `);
        break;
      }
      case "hex":
        out.field(key, value.u16.toString(16), `${name} ${value.u16.toString(16)} `);
        break;
      case "mac":
        out.field(key, formatMac(value.mac), `${name} ${formatMac(value.mac)} `);
        break;
      case "on":
        out.field(key, value.u8 !== 0, `${name} ${value.u8 !== 0 ? "on" : "off"} `);
        break;
      case "port id":
        out.field(key, `0x${value.u16.toString(16)}`, `${name} 0x${value.u16.toString(16)} `);
        break;
      case "state":
        out.field(key, STATES[value.u8] ?? String(value.u8), `${name} ${STATES[value.u8] ?? value.u8} `);
        break;
      default: {
        const number = size === 8 ? value.u8 : size === 16 ? value.u16 : value.u32;
        out.field(key, number, `${name} ${number} `);
      }
    }
  }
}

const LIMITS: readonly (readonly [attribute: number, json: string, text: string])[] = [
  [R.IFLA_NUM_TX_QUEUES, "num_tx_queues", "numtxqueues"],
  [R.IFLA_NUM_RX_QUEUES, "num_rx_queues", "numrxqueues"],
  [R.IFLA_GSO_MAX_SIZE, "gso_max_size", "gso_max_size"],
  [R.IFLA_GSO_MAX_SEGS, "gso_max_segs", "gso_max_segs"],
  [R.IFLA_TSO_MAX_SIZE, "tso_max_size", "tso_max_size"],
  [R.IFLA_TSO_MAX_SEGS, "tso_max_segs", "tso_max_segs"],
  [R.IFLA_GRO_MAX_SIZE, "gro_max_size", "gro_max_size"],
];

export function linkDetails(out: Printer, attrs: Attributes): void {
  const number = (attribute: number): number => attrs.get(attribute)?.u32 ?? 0;
  out.field("promiscuity", number(R.IFLA_PROMISCUITY), ` promiscuity ${number(R.IFLA_PROMISCUITY)} `);
  if (attrs.has(R.IFLA_ALLMULTI)) out.field("allmulti", number(R.IFLA_ALLMULTI), ` allmulti ${number(R.IFLA_ALLMULTI)} `);
  if (attrs.has(R.IFLA_MIN_MTU)) out.field("min_mtu", number(R.IFLA_MIN_MTU), `minmtu ${number(R.IFLA_MIN_MTU)} `);
  if (attrs.has(R.IFLA_MAX_MTU)) out.field("max_mtu", number(R.IFLA_MAX_MTU), `maxmtu ${number(R.IFLA_MAX_MTU)} `);
  const info = attrs.get(R.IFLA_LINKINFO)?.nested;
  if (info !== undefined) out.nest("linkinfo", () => linkInfo(out, info));
  if (attrs.has(R.IFLA_AF_SPEC)) out.field("inet6_addr_gen_mode", "eui64", "addrgenmode eui64 ");
  for (const [attribute, json, text] of LIMITS)
    if (attrs.has(attribute)) out.field(json, number(attribute), `${text} ${number(attribute)} `);
}

function linkInfo(out: Printer, info: Attributes): void {
  const kind = info.get(R.IFLA_INFO_KIND)?.string;
  if (kind !== undefined) {
    out.newline();
    out.field("info_kind", kind, `    ${kind} `);
    const data = info.get(R.IFLA_INFO_DATA)?.nested;
    if (data !== undefined && kind === "bridge") out.nest("info_data", () => printFields(out, BRIDGE, data));
    const mode = data?.get(R.IFLA_MACVLAN_MODE)?.u32;
    if (kind === "macvlan" && mode !== undefined) {
      const text = MACVLAN_MODES[mode] ?? "unknown";
      out.nest("info_data", () => out.field("mode", text, `mode ${text} `));
    }
  }
  const slave = info.get(R.IFLA_INFO_SLAVE_KIND)?.string;
  const data = info.get(R.IFLA_INFO_SLAVE_DATA)?.nested;
  if (slave === undefined) return;
  out.newline();
  out.field("info_slave_kind", slave, `    ${slave}_slave `);
  if (slave === "bridge" && data !== undefined) out.nest("info_slave_data", () => printFields(out, BRIDGE_SLAVE, data));
}
