/** Interfaces as ifconfig(8) and `netstat -i` show them: net-tools `lib/interface.c`, busybox `networking/interface.c`. */

import { Errno } from "../../abi/errno.ts";
import { formatIpv4, formatMac } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Command } from "../libc/command.ts";
import { readProcFile } from "../libc/libproc.ts";

/** Bits of IFF_…, in the order of net-tools. */
const FLAGS: readonly (readonly [bit: number, name: string, letter: string])[] = [
  [0x1, "UP", ""],
  [0x2, "BROADCAST", "B"],
  [0x4, "DEBUG", "D"],
  [0x8, "LOOPBACK", "L"],
  [0x10, "POINTOPOINT", "P"],
  [0x20, "NOTRAILERS", "N"],
  [0x40, "RUNNING", "R"],
  [0x80, "NOARP", "O"],
  [0x100, "PROMISC", "P"],
  [0x200, "ALLMULTI", "A"],
  [0x400, "SLAVE", "s"],
  [0x800, "MASTER", "m"],
  [0x1000, "MULTICAST", "M"],
];
const UP = 1;
const POINTOPOINT = 0x10;

/** Columns of /proc/net/dev. */
export interface Counters {
  readonly rx: readonly number[];
  readonly tx: readonly number[];
}

export function* readCounters(c: Command): Proc<ReadonlyMap<string, Counters>> {
  const all = new Map<string, Counters>();
  for (const line of ((yield* readProcFile(c.sys, "/proc/net/dev")) ?? "").split("\n").slice(2)) {
    const match = /^\s*([^:]+):\s*(.*)$/.exec(line);
    if (match === null) continue;
    const numbers = (match[2] as string).trim().split(/\s+/).map(Number);
    all.set(match[1] as string, { rx: numbers.slice(0, 8), tx: numbers.slice(8) });
  }
  return all;
}

function* asked<T>(call: Proc<T>): Proc<T | undefined> {
  try {
    return yield* call;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return undefined;
  }
}

function human(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let i = 0;
  for (; value >= 1024 && i < units.length - 1; i++) value /= 1024;
  return `${(Math.floor(value * 10) / 10).toFixed(1)} ${units[i] as string}`;
}

export interface Interface {
  readonly name: string;
  readonly flags: number;
  readonly mtu: number;
  readonly counters: Counters | undefined;
  readonly text: string;
}

/** IPv6 addresses of a device, from /proc/net/if_inet6. */
function* inet6(c: Command, name: string): Proc<{ text: string; length: number; scope: number }[]> {
  const found: { text: string; length: number; scope: number }[] = [];
  for (const line of ((yield* readProcFile(c.sys, "/proc/net/if_inet6")) ?? "").split("\n")) {
    const [hex = "", , length = "0", scope = "0", , device] = line.trim().split(/\s+/);
    if (device !== name) continue;
    const groups = (hex.match(/.{4}/g) ?? []).map((group) => Number.parseInt(group, 16).toString(16)).join(":");
    const text = groups.replace(/(^|:)0(:0)+(:|$)/, "::");
    found.push({ text, length: Number.parseInt(length, 16), scope: Number.parseInt(scope, 16) });
  }
  return found;
}

const SCOPES: Readonly<Record<number, string>> = { 0: "global", 0x10: "host", 0x20: "link", 0x40: "site", 0x80: "compat" };
const BUSYBOX_SCOPES: Readonly<Record<number, string>> = { 0: "Global", 0x10: "Host", 0x20: "Link", 0x40: "Site", 0x80: "Compat" };

/** Undefined where there is no such device. */
export function* readInterface(c: Command, fd: number, name: string, counters: Counters | undefined): Proc<Interface | undefined> {
  const { sys } = c;
  const flags = yield* asked(sys.ioctl(fd, "SIOCGIFFLAGS", name));
  if (flags === undefined) return undefined;
  const facts = {
    mtu: (yield* asked(sys.ioctl(fd, "SIOCGIFMTU", name))) ?? 0,
    addr: yield* asked(sys.ioctl(fd, "SIOCGIFADDR", name)),
    mask: (yield* asked(sys.ioctl(fd, "SIOCGIFNETMASK", name))) ?? 0,
    broadcast: (yield* asked(sys.ioctl(fd, "SIOCGIFBRDADDR", name))) ?? 0,
    txqueuelen: (yield* asked(sys.ioctl(fd, "SIOCGIFTXQLEN", name))) ?? 0,
    hardware: yield* asked(sys.ioctl(fd, "SIOCGIFHWADDR", name)),
    inet6: yield* inet6(c, name),
  };
  const text = c.voice === "busybox" ? busyboxText(name, flags, facts, counters) : netToolsText(name, flags, facts, counters);
  return { name, flags, mtu: facts.mtu, counters, text };
}

interface Facts {
  readonly mtu: number;
  readonly addr: number | undefined;
  readonly mask: number;
  readonly broadcast: number;
  readonly txqueuelen: number;
  readonly hardware: { readonly family: number; readonly mac: number } | undefined;
  readonly inet6: readonly { readonly text: string; readonly length: number; readonly scope: number }[];
}

const flagNames = (flags: number): string[] => FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);

function netToolsText(name: string, flags: number, f: Facts, counters: Counters | undefined): string {
  const pad = " ".repeat(8);
  let text = `${name}: flags=${flags}<${flagNames(flags).join(",")}>  mtu ${f.mtu}\n`;
  if (f.addr !== undefined) {
    text += `${pad}inet ${formatIpv4(f.addr)}  netmask ${formatIpv4(f.mask)}`;
    if ((flags & 2) !== 0) text += `  broadcast ${formatIpv4(f.broadcast)}`;
    text += "\n";
  }
  for (const { text: address, length, scope } of f.inet6)
    text += `${pad}inet6 ${address}  prefixlen ${length}  scopeid 0x${scope.toString(16)}<${SCOPES[scope] ?? "unknown"}>\n`;
  if (f.hardware?.family === 1) text += `${pad}ether ${formatMac(f.hardware.mac)}  txqueuelen ${f.txqueuelen}  (Ethernet)\n`;
  else text += `${pad}loop  txqueuelen ${f.txqueuelen}  (Local Loopback)\n`;
  if (counters !== undefined) {
    const { rx, tx } = counters;
    const n = (list: readonly number[], i: number): number => list[i] ?? 0;
    text += `${pad}RX packets ${n(rx, 1)}  bytes ${n(rx, 0)} (${human(n(rx, 0))})\n`;
    text += `${pad}RX errors ${n(rx, 2)}  dropped ${n(rx, 3)}  overruns ${n(rx, 4)}  frame ${n(rx, 5)}\n`;
    text += `${pad}TX packets ${n(tx, 1)}  bytes ${n(tx, 0)} (${human(n(tx, 0))})\n`;
    text += `${pad}TX errors ${n(tx, 2)}  dropped ${n(tx, 3)} overruns ${n(tx, 4)}  carrier ${n(tx, 6)}  collisions ${n(tx, 5)}\n`;
  }
  return `${text}\n`;
}

function busyboxText(name: string, flags: number, f: Facts, counters: Counters | undefined): string {
  const pad = " ".repeat(10);
  const ether = f.hardware?.family === 1;
  let text = `${name.padEnd(9)} Link encap:${ether ? "Ethernet" : "Local Loopback"}  `;
  if (ether) text += `HWaddr ${formatMac(f.hardware?.mac ?? 0).toUpperCase()}  `;
  text += "\n";
  if (f.addr !== undefined) {
    text += `${pad}inet addr:${formatIpv4(f.addr)} `;
    if ((flags & POINTOPOINT) === 0 && (flags & 2) !== 0) text += ` Bcast:${formatIpv4(f.broadcast)} `;
    text += ` Mask:${formatIpv4(f.mask)}\n`;
  }
  for (const { text: address, length, scope } of f.inet6)
    text += `${pad}inet6 addr: ${address}/${length} Scope:${BUSYBOX_SCOPES[scope] ?? "Unknown"}\n`;
  text += `${pad}${flagNames(flags).join(" ") || "[NO FLAGS]"}  MTU:${f.mtu}  Metric:1\n`;
  if (counters !== undefined) {
    const { rx, tx } = counters;
    const n = (list: readonly number[], i: number): number => list[i] ?? 0;
    text += `${pad}RX packets:${n(rx, 1)} errors:${n(rx, 2)} dropped:${n(rx, 3)} overruns:${n(rx, 4)} frame:${n(rx, 5)}\n`;
    text += `${pad}TX packets:${n(tx, 1)} errors:${n(tx, 2)} dropped:${n(tx, 3)} overruns:${n(tx, 4)} carrier:${n(tx, 6)}\n`;
    text += `${pad}collisions:${n(tx, 5)} txqueuelen:${f.txqueuelen} \n`;
    text += `${pad}RX bytes:${n(rx, 0)} (${human(n(rx, 0))})  TX bytes:${n(tx, 0)} (${human(n(tx, 0))})\n`;
  }
  return `${text}\n`;
}

/** A line of `ifconfig -s`. */
export function briefLine({ name, flags, mtu, counters }: Interface): string {
  const letters = FLAGS.filter(([bit, , letter]) => letter !== "" && (flags & bit) !== 0)
    .map(([, , letter]) => letter)
    .join("");
  const number = (list: readonly number[] | undefined, i: number, width: number): string => String(list?.[i] ?? 0).padStart(width);
  const rx = `${number(counters?.rx, 1, 8)} ${number(counters?.rx, 2, 6)} ${number(counters?.rx, 3, 6)} ${String(counters?.rx[4] ?? 0).padEnd(6)}`;
  const tx = `${number(counters?.tx, 1, 8)} ${number(counters?.tx, 2, 6)} ${number(counters?.tx, 3, 6)} ${number(counters?.tx, 4, 6)}`;
  return `${name.padEnd(15)} ${String(mtu).padStart(5)} ${rx} ${tx} ${order(letters)}${(flags & UP) !== 0 ? "U" : ""}\n`;
}

/** net-tools writes A, B, D, M, R and the rest in an order of its own. */
function order(letters: string): string {
  return [..."ABDLMmNOPRs"].filter((letter) => letters.includes(letter)).join("");
}

/** All names, as /proc/net/dev has them, sorted. */
export function* interfaces(c: Command, fd: number, all: boolean): Proc<Interface[]> {
  const counters = yield* readCounters(c);
  const found: Interface[] = [];
  for (const name of [...counters.keys()].sort()) {
    const one = yield* readInterface(c, fd, name, counters.get(name));
    if (one !== undefined && (all || (one.flags & UP) !== 0)) found.push(one);
  }
  return found;
}
