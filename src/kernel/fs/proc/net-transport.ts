/** Files of /proc/net that tell of sockets and protocols: proc_pid_net(5), Linux `net/ipv4/proc.c`, `tcp_ipv4.c`, `udp.c`, `raw.c`, `net/unix/af_unix.c`. */

import { formatIpv4 } from "../../../abi/inet.ts";
import { AF_INET, AF_INET6, SOCK_RAW } from "../../../abi/socket.ts";
import { groupsOfIp6, type IpAddr, mappedGroups } from "../../net/ipv6/ip6.ts";
import type { DatagramSock } from "../../net/ipv4/datagram.ts";
import { waitingFragments } from "../../net/ipv4/fragment.ts";
import { ipv4Conf } from "../../net/ipv4/in-device.ts";
import { transportMib } from "../../net/ipv4/mib.ts";
import { pingTable } from "../../net/ipv4/ping.ts";
import { rawSocks } from "../../net/ipv4/raw.ts";
import { INFINITE_SSTHRESH } from "../../net/ipv4/tcp/constants.ts";
import { tcpEntries, type TcpEntry } from "../../net/ipv4/tcp/describe.ts";
import { tcpTable } from "../../net/ipv4/tcp/table.ts";
import { udpTable } from "../../net/ipv4/udp.ts";
import { conntrackOf } from "../../net/netfilter/conntrack.ts";
import { TCP_CONNTRACK_NAMES } from "../../net/netfilter/conntrack-state.ts";
import { remainingSec } from "../../net/netfilter/ctnetlink.ts";
import { firewallOf } from "../../net/netfilter/netfilter.ts";
import type { Tuple } from "../../net/netfilter/tuple.ts";
import type { NetNamespace } from "../../net/net-namespace.ts";
import { packetSockets } from "../../net/packet/packet-socket.ts";
import { netSetting } from "../../net/sysctl.ts";
import { unixNames } from "../../net/unix-names.ts";
import { shownId } from "../../ns/idmap.ts";
import type { Task } from "../../task/task.ts";
import type { NetFile } from "./net.ts";

const hex = (value: number, width: number): string => (value >>> 0).toString(16).toUpperCase().padStart(width, "0");
const pad = (value: number | string, width: number): string => String(value).padStart(width);

/** An address as the number that its bytes are on a little-endian machine, and the port. */
function ends(addr: IpAddr, port: number, family: number): string {
  const swapped = (word: number): string => hex(((word & 255) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24), 8);
  if (typeof addr === "number" && family === AF_INET) return `${swapped(addr)}:${hex(port, 4)}`;
  const groups = typeof addr === "string" ? groupsOfIp6(addr) : addr === 0 ? new Array<number>(8).fill(0) : mappedGroups(addr);
  const words = [0, 2, 4, 6].map((at) => swapped(((groups[at] as number) << 16) | (groups[at + 1] as number)));
  return `${words.join("")}:${hex(port, 4)}`;
}

/** What "%pK" shows to those who may not know addresses of the kernel. */
const POINTER = "0000000000000000";
const TCP_WIDTH = 149;
const UDP_WIDTH = 127;
/** USER_HZ. */
const CLOCK_NS = 1e7;
const ticks = (ns: number): number => Math.floor(ns / CLOCK_NS);

const TAIL = "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const HEAD = `local_address rem_address   ${TAIL}`;
const HEAD6 = `${"local_address".padEnd(38)}${"remote_address".padEnd(38)}${TAIL}`;

// ── TCP ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** An owner as the reader numbers him. */
const owner = (uid: number, reader: Task): number => shownId(reader.cred.userNs, "uidMap", uid);

function tcpLine(entry: TcpEntry, index: number, reader: Task): string {
  const { sock } = entry;
  const wqueue = sock?.listen === undefined ? entry.wqueue : 0;
  const queues = `${hex(wqueue, 8)}:${hex(entry.rqueue, 8)}`;
  const timer = `${hex(entry.timer, 2)}:${hex(ticks(entry.expiresNs), 8)}`;
  const start = `${pad(index, 4)}: ${ends(entry.localAddr, entry.localPort, entry.family)} ${ends(entry.remoteAddr, entry.remotePort, entry.family)} ${hex(entry.state, 2)}`;
  const line = `${start} ${queues} ${timer} ${hex(entry.retransmits, 8)} ${pad(owner(entry.uid, reader), 5)} ${pad(entry.probes, 8)}`;
  if (sock === undefined) return `${line} 0 ${entry.timer === 3 ? 3 : 1} ${POINTER}`;
  const { tcb } = sock;
  const ack = (tcb.quickAcks << 1) | (tcb.pingpong ? 1 : 0);
  const initial = tcb.ssthresh === INFINITE_SSTHRESH;
  const threshold = sock.listen !== undefined ? 0 : initial ? -1 : tcb.ssthresh;
  return `${line} ${entry.ino} ${entry.timer === 0 ? 1 : 2} ${POINTER} ${ticks(tcb.rtoNs)} ${ticks(tcb.atoNs)} ${ack} ${tcb.cwnd} ${threshold}`;
}

function tcp(ns: NetNamespace, reader: Task): string {
  const lines = [
    `  sl  ${HEAD}`,
    ...[...tcpEntries(ns)].filter((entry) => entry.family === AF_INET).map((entry, i) => tcpLine(entry, i, reader)),
  ];
  return lines.map((line) => `${line.padEnd(TCP_WIDTH)}\n`).join("");
}

function tcp6(ns: NetNamespace, reader: Task): string {
  const entries = [...tcpEntries(ns)].filter((entry) => entry.family === AF_INET6);
  return [`  sl  ${HEAD6}`, ...entries.map((entry, i) => tcpLine(entry, i, reader))].map((line) => `${line}\n`).join("");
}

// ── Datagrams ────────────────────────────────────────────────────────────────────────────────────────────────────────

function datagramLine(sock: DatagramSock, port: number, slot: number, width: number, reader: Task): string {
  const state = sock.connected ? 1 : 7;
  const queues = `${hex(sock.wmem, 8)}:${hex(sock.rmem, 8)}`;
  const start = `${pad(slot, width)}: ${ends(sock.rcvSaddr, port, sock.family)} ${ends(sock.daddr, sock.remotePort, sock.family)} ${hex(state, 2)} ${queues}`;
  return `${start} 00:00000000 00000000 ${pad(owner(sock.uid, reader), 5)} ${pad(0, 8)} ${sock.ino} 2 ${POINTER} ${sock.drops}`;
}

/** Sockets are in slots of a hash table by port; the number of the slot is shown. Differs from Linux: the table has 128. */
const slotOf = (port: number): number => port & 127;

function udp(ns: NetNamespace, reader: Task): string {
  const socks = [...udpTable(ns).socks].filter((s) => s.family === AF_INET).sort((a, b) => slotOf(a.localPort) - slotOf(b.localPort));
  const lines = [`   sl  ${HEAD} ref pointer drops`, ...socks.map((s) => datagramLine(s, s.localPort, slotOf(s.localPort), 5, reader))];
  return lines.map((line) => `${line.padEnd(UDP_WIDTH)}\n`).join("");
}

function icmp(ns: NetNamespace, reader: Task): string {
  const lines = [
    `  sl  ${HEAD} ref pointer drops`,
    ...[...pingTable(ns).all()]
      .filter((s) => s.family === AF_INET)
      .map((s) => datagramLine(s, s.localPort, slotOf(s.localPort), 5, reader)),
  ];
  return lines.map((line) => `${line.padEnd(UDP_WIDTH)}\n`).join("");
}

function raw(ns: NetNamespace, reader: Task): string {
  const socks = [...rawSocks(ns)].filter((s) => s.family === AF_INET).sort((a, b) => a.protocol - b.protocol);
  const lines = [`  sl  ${HEAD} ref pointer drops`, ...socks.map((s) => datagramLine(s, s.protocol, s.protocol, 4, reader))];
  return lines.map((line) => `${line}\n`).join("");
}

/** udp6, icmp6, raw6: wider, and none is padded. */
function datagrams6(socks: Iterable<DatagramSock>, portOf: (sock: DatagramSock) => number, reader: Task): string {
  const shown = [...socks].filter((s) => s.family === AF_INET6).sort((a, b) => slotOf(portOf(a)) - slotOf(portOf(b)));
  const lines = shown.map((s) => datagramLine(s, portOf(s), slotOf(portOf(s)), 5, reader));
  return [`  sl  ${HEAD6} ref pointer drops`, ...lines].map((line) => `${line}\n`).join("");
}

// ── Other families ───────────────────────────────────────────────────────────────────────────────────────────────────

function packet(ns: NetNamespace, reader: Task): string {
  let text = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n";
  for (const s of packetSockets(ns)) {
    const proto = s.protocol.toString(16).padStart(4, "0");
    const cells = [POINTER, "3".padEnd(6), String(s.type === SOCK_RAW ? 3 : 2).padEnd(4), proto];
    const rest = [
      String(s.ifindex).padEnd(5),
      s.running ? "1" : "0",
      String(s.rmem).padEnd(6),
      String(owner(s.uid, reader)).padEnd(6),
      String(s.inode.ino).padEnd(6),
    ];
    text += `${cells.join(" ")}   ${rest.join(" ")}\n`;
  }
  return text;
}

function unix(ns: NetNamespace): string {
  let text = "Num       RefCount Protocol Flags    Type St Inode Path\n";
  for (const socket of unixNames(ns).sockets) {
    const { ino, state, address, peer } = socket.diagnose();
    if (ino === 0) continue;
    const flags = state === "listening" ? 0x10000 : 0;
    const st = state === "connected" ? 3 : 1;
    const path = address === undefined ? "" : ` ${address.replaceAll("\0", "@")}`;
    const refs = peer !== 0 ? 3 : 2;
    text += `${POINTER}: ${hex(refs, 8)} ${hex(0, 8)} ${hex(flags, 8)} ${hex(socket.type, 4)} ${hex(st, 2)} ${pad(ino, 5)}${path}\n`;
  }
  return text;
}

// ── Counters ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function sockstat(ns: NetNamespace): string {
  const table = tcpTable(ns);
  const alive = [...table.socks];
  const inuse = alive.filter((s) => s.tcb.state !== "CLOSE").length;
  const orphans = alive.filter((s) => s.tcb.orphan).length;
  const udpSocks = [...udpTable(ns).socks];
  const pages = (bytes: number): number => Math.ceil(bytes / 4096);
  const tcpMemory = alive.reduce((sum, { tcb }) => sum + pages(tcb.unread + tcb.queuedBytes), 0);
  const udpMemory = udpSocks.reduce((sum, s) => sum + pages(s.rmem), 0);
  const fragments = waitingFragments(ns);
  const used = alive.length + udpSocks.length + rawSocks(ns).size + packetSockets(ns).size + unixNames(ns).sockets.size;
  return [
    `sockets: used ${used}`,
    `TCP: inuse ${inuse} orphan ${orphans} tw ${table.timeWaits.size} alloc ${alive.length} mem ${tcpMemory}`,
    `UDP: inuse ${udpSocks.length} mem ${udpMemory}`,
    "UDPLITE: inuse 0",
    `RAW: inuse ${rawSocks(ns).size}`,
    `FRAG: inuse ${fragments > 0 ? 1 : 0} memory ${fragments}`,
    "",
  ].join("\n");
}

const group = (name: string, counters: readonly (readonly [name: string, value: number])[]): string =>
  `${name}: ${counters.map(([n]) => n).join(" ")}\n${name}: ${counters.map(([, v]) => v).join(" ")}\n`;

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** ICMP messages that have counters of their own, by type. */
const ICMP_KINDS: readonly (readonly [type: number, name: string])[] = [
  [3, "DestUnreachs"],
  [11, "TimeExcds"],
  [12, "ParmProbs"],
  [4, "SrcQuenchs"],
  [5, "Redirects"],
  [8, "Echos"],
  [0, "EchoReps"],
  [13, "Timestamps"],
  [14, "TimestampReps"],
  [17, "AddrMasks"],
  [18, "AddrMaskReps"],
];

function snmp(ns: NetNamespace): string {
  const { ip, icmp: counted } = ns.mib;
  const { tcp: tcpCounters, udp: udpCounters } = ns.part(transportMib);
  const forwarding = ns.part(ipv4Conf).all.forwarding !== 0 ? 1 : 2;
  const established = [...tcpTable(ns).socks].filter((s) => s.tcb.state === "ESTABLISHED" || s.tcb.state === "CLOSE_WAIT").length;
  const kinds = (way: "In" | "Out", types: readonly number[]): [string, number][] =>
    ICMP_KINDS.map(([type, name]) => [`${way}${name}`, types[type] ?? 0]);
  const messages = (way: "In" | "Out", types: readonly number[]): [string, number][] =>
    types.flatMap((n, type): [string, number][] => (n > 0 ? [[`${way}Type${type}`, n]] : []));
  const perType = [...messages("In", counted.inTypes), ...messages("Out", counted.outTypes)];
  const { ActiveOpens, PassiveOpens, AttemptFails, EstabResets, ...segments } = tcpCounters;
  const opens = { ActiveOpens, PassiveOpens, AttemptFails, EstabResets };
  const fixed: [string, number][] = [
    ["RtoAlgorithm", 1],
    ["RtoMin", 200],
    ["RtoMax", 120_000],
    ["MaxConn", -1],
  ];
  return [
    group("Ip", [
      ["Forwarding", forwarding],
      ["DefaultTTL", netSetting(ns, "ipv4/ip_default_ttl")],
      ...Object.entries(ip).map(([name, value]): [string, number] => [capital(name), value]),
    ]),
    group("Icmp", [
      ["InMsgs", counted.inMsgs],
      ["InErrors", counted.inErrors],
      ["InCsumErrors", counted.inCsumErrors],
      ...kinds("In", counted.inTypes),
      ["OutMsgs", counted.outMsgs],
      ["OutErrors", counted.outErrors],
      ...kinds("Out", counted.outTypes),
    ]),
    perType.length > 0 ? group("IcmpMsg", perType) : "",
    group("Tcp", [...fixed, ...Object.entries(opens), ["CurrEstab", established], ...Object.entries(segments)]),
    group("Udp", Object.entries(udpCounters)),
    group(
      "UdpLite",
      Object.keys(udpCounters).map((name): [string, number] => [name, 0]),
    ),
  ].join("");
}

function netstat(ns: NetNamespace): string {
  const { ext } = ns.mib;
  const { tcpExt } = ns.part(transportMib);
  const extended: [string, number][] = [
    ["InNoRoutes", ext.inNoRoutes],
    ["InTruncatedPkts", 0],
    ["InMcastPkts", ext.inMcastPkts],
    ["OutMcastPkts", ext.outMcastPkts],
    ["InBcastPkts", ext.inBcastPkts],
    ["OutBcastPkts", ext.outBcastPkts],
    ["InOctets", ext.inOctets],
    ["OutOctets", ext.outOctets],
    ["InMcastOctets", 0],
    ["OutMcastOctets", 0],
    ["InBcastOctets", 0],
    ["OutBcastOctets", 0],
    ["InCsumErrors", 0],
    ["InNoECTPkts", ns.mib.ip.inReceives],
    ["InECT1Pkts", 0],
    ["InECT0Pkts", 0],
    ["InCEPkts", 0],
    ["ReasmOverlaps", 0],
  ];
  return group("TcpExt", Object.entries({ ...tcpExt, IPReversePathFilter: ext.ipReversePathFilter })) + group("IpExt", extended);
}

/** ct_seq_show() of `nf_conntrack_standalone.c`. */
function conntrack(ns: NetNamespace): string {
  const names: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp" };
  const side = ({ src, dst, protocol, srcPort, dstPort }: Tuple): string => {
    const ends =
      protocol === 1
        ? `type=${dstPort >>> 8} code=${dstPort & 255} id=${srcPort} `
        : protocol === 6 || protocol === 17
          ? `sport=${srcPort} dport=${dstPort} `
          : "";
    return `src=${formatIpv4(src)} dst=${formatIpv4(dst)} ${ends}`;
  };
  let text = "";
  for (const ct of conntrackOf(ns).entries) {
    const { protocol } = ct.original;
    text += `ipv4     2 ${(names[protocol] ?? "unknown").padEnd(8)} ${protocol} ${remainingSec(ns, ct)} `;
    if (protocol === 6) text += `${TCP_CONNTRACK_NAMES[ct.tcpState]} `;
    text += `${side(ct.original)}${ct.seenReply ? "" : "[UNREPLIED] "}${side(ct.reply)}${ct.assured ? "[ASSURED] " : ""}mark=${ct.mark} zone=0 use=2\n`;
  }
  return text;
}

const tableNames = (ns: NetNamespace): string =>
  [...firewallOf(ns).tables.keys()]
    .reverse()
    .map((name) => `${name}\n`)
    .join("");

export const transportNetFiles: readonly NetFile[] = [
  { name: "icmp", read: icmp },
  { name: "icmp6", read: (ns, reader) => datagrams6(pingTable(ns).all(), (s) => s.localPort, reader) },
  { name: "ip_tables_names", read: tableNames },
  { name: "netstat", read: netstat },
  { name: "nf_conntrack", read: conntrack },
  { name: "packet", read: packet },
  { name: "raw", read: raw },
  { name: "raw6", read: (ns, reader) => datagrams6(rawSocks(ns), (s) => s.protocol, reader) },
  { name: "snmp", read: snmp },
  { name: "sockstat", read: sockstat },
  { name: "tcp", read: tcp },
  { name: "tcp6", read: tcp6 },
  { name: "udp", read: udp },
  { name: "udp6", read: (ns, reader) => datagrams6(udpTable(ns).socks, (s) => s.localPort, reader) },
  { name: "unix", read: unix },
];
