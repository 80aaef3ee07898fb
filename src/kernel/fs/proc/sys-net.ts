/**
 * /proc/sys/net: proc_sys_net(5), the settings of the reader's network namespace. Linux `net/ipv4/{sysctl_net_ipv4,devinet}.c`,
 * `net/core/neighbour.c`. Only what has an effect is here.
 */

import { EINVAL } from "../../../abi/errno.ts";
import { DT_DIR } from "../../../abi/stat.ts";
import type { NetDevice } from "../../net/device.ts";
import { setForwarding } from "../../net/ipv4/devinet.ts";
import { fibOf } from "../../net/ipv4/fib.ts";
import {
  CONF_DEFAULTS,
  type ConfName,
  type InDevice,
  type Ipv4Conf,
  ipv4Conf,
  NEIGH_DEFAULTS,
  type NeighParameter,
  type NeighParameters,
} from "../../net/ipv4/in-device.ts";
import { flushPmtu } from "../../net/ipv4/route.ts";
import { setDisabled6 } from "../../net/ipv6/addresses.ts";
import { CONF6_DEFAULTS, type Conf6Name, type In6Device, type Ipv6Conf, ipv6Conf, setForwarding6 } from "../../net/ipv6/in6-device.ts";
import { type NetNamespace, netNsOf } from "../../net/net-namespace.ts";
import { conntrackOf } from "../../net/netfilter/conntrack.ts";
import { netSettings, type NetSettingName, type Setting } from "../../net/sysctl.ts";
import { NETDEV_BUDGET, NETDEV_MAX_BACKLOG } from "../../params.ts";
import type { DirEntry, DynamicEntry, Entry, FileEntry, Machine } from "./entry.ts";

type SysFile = FileEntry<Machine>;

/** Inode numbers of the directories of devices are this far apart. */
const DEVICE_INO = 0x4000_0000;
const DEVICE_INO_STEP = 0x400;

function file(
  name: string,
  read: (ns: NetNamespace) => string | number,
  write?: (ns: NetNamespace, text: string) => void,
  mode = 0o644,
): SysFile {
  return {
    kind: "file",
    name,
    mode,
    access: "net",
    read: (_machine, reader) => `${read(netNsOf(reader))}\n`,
    ...(write === undefined ? {} : { write: (_machine, text, writer) => write(netNsOf(writer), text) }),
  };
}

const dir = (name: string, entries: readonly Entry<Machine>[]): DirEntry<Machine> => ({
  kind: "dir",
  name,
  mode: 0o555,
  access: "net",
  entries,
});

/** proc_dointvec(): one number. Errors: EINVAL. */
function parseNumber(text: string, min = -0x8000_0000, max = 0x7fff_ffff): number {
  const match = /^\s*(-?[0-9]+)\s*\0?$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]);
  if (!(value >= min && value <= max)) throw EINVAL;
  return value;
}

function setting(key: NetSettingName): SysFile {
  const { value, min, max, count }: Setting = netSettings[key];
  const name = key.slice(key.lastIndexOf("/") + 1);
  return file(
    name,
    (ns) => ns.sysctl.get(key) ?? value,
    (ns, text) => {
      if (count === undefined) ns.sysctl.set(key, parseNumber(text, min, max));
      else {
        const numbers = text
          .trim()
          .split(/\s+/)
          .map((part) => parseNumber(part, 0, 0xffff_ffff));
        if (numbers.length === 0 || numbers.length > count) throw EINVAL;
        const old = String(ns.sysctl.get(key) ?? value).split("\t");
        const merged = old.map((part, i) => String(numbers[i] ?? part));
        if (count === 2 && key === "ipv4/ip_local_port_range" && Number(merged[0]) > Number(merged[1])) throw EINVAL;
        ns.sysctl.set(key, merged.join("\t"));
      }
    },
  );
}

// ── conf ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a directory of conf/ is about. */
type ConfOwner = "all" | "default" | InDevice;

function confOf(ns: NetNamespace, owner: ConfOwner): Ipv4Conf {
  return owner === "all" || owner === "default" ? ns.part(ipv4Conf)[owner] : owner.conf;
}

function confFile(name: ConfName, owner: ConfOwner): SysFile {
  return file(
    name,
    (ns) => confOf(ns, owner)[name],
    (ns, text) => {
      const value = parseNumber(text);
      if (owner === "all" && name === "forwarding") {
        setForwarding(ns, value);
        return;
      }
      confOf(ns, owner)[name] = value;
      if (owner === "default") {
        // devinet_copy_dflt_conf(): devices on which nobody has set it have the new one.
        for (const { ip } of ns.devices.values()) if (ip !== undefined && !ip.isSet(name)) ip.conf[name] = value;
      } else if (owner !== "all") owner.markSet(name);
      fibOf(ns).changed();
    },
  );
}

const CONF_NAMES = Object.keys(CONF_DEFAULTS) as ConfName[];
const confEntries = (owner: ConfOwner): Entry<Machine>[] => CONF_NAMES.map((name) => confFile(name, owner));

function conf6File(name: Conf6Name, owner: "all" | "default" | In6Device): SysFile {
  const find = (ns: NetNamespace): Ipv6Conf => (owner === "all" || owner === "default" ? ns.part(ipv6Conf)[owner] : owner.conf);
  return file(
    name,
    (ns) => find(ns)[name],
    (ns, text) => {
      const value = parseNumber(text);
      if (name === "disable_ipv6") setDisabled6(ns, owner, value);
      else if (name === "forwarding" && owner === "all") setForwarding6(ns, value);
      else find(ns)[name] = value;
    },
  );
}

const CONF6_NAMES = Object.keys(CONF6_DEFAULTS) as Conf6Name[];
const conf6Entries = (owner: "all" | "default" | In6Device): Entry<Machine>[] => CONF6_NAMES.map((name) => conf6File(name, owner));

// ── neigh ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function neighFile(name: NeighParameter, find: (ns: NetNamespace) => NeighParameters): SysFile {
  return file(
    name,
    (ns) => find(ns)[name],
    (ns, text) => {
      find(ns)[name] = parseNumber(text, 0);
    },
  );
}

const NEIGH_NAMES = Object.keys(NEIGH_DEFAULTS) as NeighParameter[];
const neighEntries = (find: (ns: NetNamespace) => NeighParameters): Entry<Machine>[] => NEIGH_NAMES.map((name) => neighFile(name, find));

// ── Directories of devices ───────────────────────────────────────────────────────────────────────────────────────────

/** `fixed` directories, then one for each device that has the family; `entries` undefined: it has not. */
function perDevice(
  name: string,
  slot: number,
  fixed: readonly DirEntry<Machine>[],
  entries: (dev: NetDevice) => Entry<Machine>[] | undefined,
): DynamicEntry<Machine> {
  const ino = (index: number): number => DEVICE_INO + (slot * 0x10_0000 + index) * DEVICE_INO_STEP;
  return {
    kind: "dynamic",
    name,
    mode: 0o555,
    find(subject, child, make, reader) {
      const at = fixed.findIndex((entry) => entry.name === child);
      if (at >= 0) return make(fixed[at] as DirEntry<Machine>, subject, ino(at - fixed.length + 0x10_0000), undefined);
      const dev = netNsOf(reader).findDevice(child);
      const inside = dev === undefined ? undefined : entries(dev);
      if (dev === undefined || inside === undefined) return undefined;
      return make(dir(child, inside), subject, ino(dev.ifindex), undefined);
    },
    list(_subject, reader) {
      const devices = [...netNsOf(reader).devices.values()].filter((dev) => entries(dev) !== undefined);
      return [
        ...fixed.map((entry, i) => ({ name: entry.name, ino: ino(i - fixed.length + 0x10_0000), type: DT_DIR })),
        ...devices.map((dev) => ({ name: dev.name, ino: ino(dev.ifindex), type: DT_DIR })),
      ].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    nlink: () => 2 + fixed.length,
  };
}

const settingsBelow = (prefix: string): SysFile[] =>
  (Object.keys(netSettings) as NetSettingName[]).filter((key) => key.startsWith(`${prefix}/`)).map(setting);

const byName = (entries: readonly Entry<Machine>[]): Entry<Machine>[] => [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));

export const sysNetEntry: DirEntry<Machine> = dir("net", [
  dir(
    "core",
    byName([
      ...settingsBelow("core"),
      // What the machine has built in.
      file("netdev_budget", () => NETDEV_BUDGET, undefined, 0o444),
      file("netdev_max_backlog", () => NETDEV_MAX_BACKLOG, undefined, 0o444),
      file("default_qdisc", () => "pfifo_fast", undefined, 0o444),
    ]),
  ),
  dir(
    "ipv4",
    byName([
      ...settingsBelow("ipv4"),
      perDevice("conf", 0, [dir("all", confEntries("all")), dir("default", confEntries("default"))], ({ ip }) => ip && confEntries(ip)),
      file(
        "ip_forward",
        (ns) => ns.part(ipv4Conf).all.forwarding,
        (ns, text) => setForwarding(ns, parseNumber(text)),
      ),
      perDevice(
        "neigh",
        1,
        [
          dir(
            "default",
            neighEntries((ns) => ns.part(ipv4Conf).neighDefault),
          ),
        ],
        ({ ip }) => ip && neighEntries(() => ip.neigh),
      ),
      dir("route", [
        file(
          "flush",
          () => {
            throw EINVAL;
          },
          (ns) => flushPmtu(ns),
          0o200,
        ),
      ]),
    ]),
  ),
  dir(
    "ipv6",
    byName([
      ...settingsBelow("ipv6"),
      perDevice(
        "conf",
        2,
        [dir("all", conf6Entries("all")), dir("default", conf6Entries("default"))],
        ({ ip6 }) => ip6 && conf6Entries(ip6),
      ),
      perDevice("neigh", 3, [], ({ ip6 }) => ip6 && neighEntries(() => ip6.neigh)),
    ]),
  ),
  dir("bridge", settingsBelow("bridge")),
  dir(
    "netfilter",
    byName([...settingsBelow("netfilter"), file("nf_conntrack_count", (ns) => conntrackOf(ns).entries.size, undefined, 0o444)]),
  ),
]);
