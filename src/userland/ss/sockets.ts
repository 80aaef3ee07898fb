/** Sockets as ss(8) shows them: what NETLINK_SOCK_DIAG tells of each, made into rows. iproute2 `misc/ss.c`. */

import { IPPROTO_ICMP, IPPROTO_RAW, IPPROTO_TCP, IPPROTO_UDP } from "../../abi/inet.ts";
import { decodeAttributes, NETLINK_SOCK_DIAG, type NetlinkAttribute, NetlinkWriter } from "../../abi/netlink.ts";
import * as D from "../../abi/sock-diag.ts";
import { AF_INET, AF_INET6, AF_PACKET, AF_UNIX } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { NetlinkSocket } from "../libc/rtnetlink.ts";
import type { SocketOwner } from "../net-tools/names.ts";
import { readGroups } from "../libc/inet6.ts";
import { addressText, type Ends, type Test } from "./filter.ts";
import type { Row } from "./table.ts";
import { tcpInfoText } from "./tcp-info.ts";

export interface Show {
  readonly timers: boolean;
  readonly details: boolean;
  readonly memory: boolean;
  readonly info: boolean;
  readonly oneline: boolean;
  readonly numeric: boolean;
  /** Undefined without -p. */
  readonly owners: ReadonlyMap<number, readonly SocketOwner[]> | undefined;
  readonly services: ReadonlyMap<string, string>;
}

const STATES = [
  ...["UNKNOWN", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN"],
  "CLOSING",
];
const TIMERS = ["off", "on", "keepalive", "timewait", "persist", "unknown"];

const queues = (rqueue: number, wqueue: number): readonly [string, string] => [String(rqueue).padEnd(6), String(wqueue).padEnd(6)];

function ownersText({ owners }: Show, ino: number): string {
  const list = owners?.get(ino);
  return list === undefined ? "" : ` users:(${list.map(({ comm, pid, fd }) => `("${comm}",pid=${pid},fd=${fd})`).join(",")})`;
}

/** print_ms_timer(). */
function timerText(ms: number): string {
  let seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  seconds = minutes > 9 ? 0 : seconds % 60;
  const rest = minutes > 0 || seconds > 9 ? 0 : ms % 1000;
  let text = minutes > 0 ? `${minutes}min` : "";
  if (seconds > 0) text += `${seconds}${rest > 0 ? "." : "sec"}`;
  if (rest > 0) text += `${String(rest).padStart(3, "0")}ms`;
  return text;
}

/** A local port that the kernel may have chosen has no name. */
const isEphemeral = (port: number): boolean => port >= 32768 && port <= 60999;

function portText(show: Show, port: number, protocol: string): string {
  if (port === 0) return "*";
  if (show.numeric || isEphemeral(port)) return String(port);
  return show.services.get(`${port}/${protocol}`) ?? String(port);
}

function shutdownText(attrs: ReadonlyMap<number, NetlinkAttribute>, type: number): string {
  const mask = attrs.get(type)?.u8;
  return mask === undefined ? "" : ` ${(mask & 1) !== 0 ? "-" : "<"}-${(mask & 2) !== 0 ? "-" : ">"}`;
}

function memoryText(attribute: NetlinkAttribute | undefined): string {
  if (attribute === undefined) return "";
  const view = new DataView(attribute.bytes.buffer, attribute.bytes.byteOffset, attribute.bytes.byteLength);
  const value = (i: number): number => (4 * i + 4 > attribute.bytes.length ? 0 : view.getUint32(4 * i, true));
  const names = ["r", "rb", "t", "tb", "f", "w", "o", "bl", "d"];
  return ` skmem:(${names.map((name, i) => `${name}${value(i)}`).join(",")})`;
}

const INET_DIAG_SKV6ONLY = 11;

const addressAt = (payload: Uint8Array, view: DataView, at: number): number | readonly number[] =>
  payload[0] === AF_INET ? view.getUint32(at) : readGroups(payload, at);

export type InetKind = "tcp" | "udp" | "raw" | "icmp";
const PROTOCOLS: Readonly<Record<InetKind, number>> = { tcp: IPPROTO_TCP, udp: IPPROTO_UDP, raw: IPPROTO_RAW, icmp: IPPROTO_ICMP };

export function* inetRows(sys: Sys, family: number, kind: InetKind, states: number, test: Test | undefined, show: Show): Proc<Row[]> {
  const socket = yield* NetlinkSocket.open(sys, NETLINK_SOCK_DIAG);
  const wanted = [...(show.memory ? [D.INET_DIAG_SKMEMINFO] : []), ...(show.info ? [D.INET_DIAG_INFO, D.INET_DIAG_CONG] : [])];
  const ext = wanted.reduce((mask, attribute) => mask | (1 << (attribute - 1)), 0);
  const request = new NetlinkWriter().u8(family).u8(PROTOCOLS[kind]).u8(ext).u8(0).u32(states).raw(new Uint8Array(48));
  const dump = yield* socket.dump(D.SOCK_DIAG_BY_FAMILY, request);
  yield* socket.close();
  const rows: Row[] = [];
  for (const { payload } of dump) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const ends: Ends = {
      localAddr: addressAt(payload, view, 8),
      localPort: view.getUint16(4),
      remoteAddr: addressAt(payload, view, 24),
      remotePort: view.getUint16(6),
    };
    if (test !== undefined && !test(ends)) continue;
    const attrs = decodeAttributes(payload, D.INET_DIAG_MSG_SIZE);
    const protocol = kind === "icmp" ? "udp" : kind;
    // A socket of IPv6 that hears IPv4 too.
    const both = payload[0] === AF_INET6 && attrs.get(INET_DIAG_SKV6ONLY)?.u8 === 0 && addressText(ends.localAddr) === "[::]";
    rows.push([
      kind === "icmp" ? "icmp" : kind,
      STATES[payload[1] ?? 0] ?? "UNKNOWN",
      ...queues(view.getUint32(56, true), view.getUint32(60, true)),
      `${both ? "*" : addressText(ends.localAddr)}:`,
      rawPort(kind, ends.localPort) ?? portText(show, ends.localPort, protocol),
      `${both && addressText(ends.remoteAddr) === "[::]" ? "*" : addressText(ends.remoteAddr)}:`,
      portText(show, ends.remotePort, protocol),
      inetTail(view, attrs, show),
    ]);
  }
  return rows;
}

/** The "port" of a raw socket is its protocol. */
function rawPort(kind: InetKind, port: number): string | undefined {
  return kind === "raw" ? ({ 1: "icmp", 6: "tcp", 17: "udp", 255: "raw" }[port] ?? String(port)) : undefined;
}

function inetTail(view: DataView, attrs: ReadonlyMap<number, NetlinkAttribute>, show: Show): string {
  const ino = view.getUint32(68, true);
  let text = ownersText(show, ino);
  const timer = view.getUint8(2);
  if (show.timers && timer !== 0)
    text += ` timer:(${TIMERS[Math.min(timer, 5)] ?? ""},${timerText(view.getUint32(52, true))},${view.getUint8(3)})`;
  if (show.details) {
    const uid = view.getUint32(64, true);
    if (uid !== 0) text += ` uid:${uid}`;
    text += ` ino:${ino} sk:${view.getUint32(44, true).toString(16)}`;
    const mark = attrs.get(D.INET_DIAG_MARK)?.u32 ?? 0;
    if (mark !== 0) text += ` fwmark:0x${mark.toString(16)}`;
    text += shutdownText(attrs, D.INET_DIAG_SHUTDOWN);
  }
  if (show.memory || show.info) {
    if (!show.oneline) text += "\n\t";
    if (show.memory) text += memoryText(attrs.get(D.INET_DIAG_SKMEMINFO));
    const info = attrs.get(D.INET_DIAG_INFO);
    if (show.info && info !== undefined) text += tcpInfoText(info.bytes, attrs.get(D.INET_DIAG_CONG), show.timers);
  }
  return text;
}

const UNIX_TYPES: Readonly<Record<number, string>> = { 1: "u_str", 2: "u_dgr", 5: "u_seq" };

export function* unixRows(sys: Sys, states: number, types: ReadonlySet<string>, show: Show): Proc<Row[]> {
  const socket = yield* NetlinkSocket.open(sys, NETLINK_SOCK_DIAG);
  const what = D.UDIAG_SHOW_NAME | D.UDIAG_SHOW_PEER | D.UDIAG_SHOW_RQLEN | D.UDIAG_SHOW_UID;
  const request = new NetlinkWriter().u8(AF_UNIX).u8(0).u16(0).u32(states).u32(0).u32(what).u32(0xffff_ffff).u32(0xffff_ffff);
  const dump = yield* socket.dump(D.SOCK_DIAG_BY_FAMILY, request);
  yield* socket.close();
  const rows: Row[] = [];
  for (const { payload } of dump) {
    const type = UNIX_TYPES[payload[1] ?? 0] ?? "???";
    if (!types.has(type)) continue;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const attrs = decodeAttributes(payload, D.UNIX_DIAG_MSG_SIZE);
    const ino = view.getUint32(4, true);
    const lengths = attrs.get(D.UNIX_DIAG_RQLEN)?.bytes;
    const lengthView = lengths === undefined ? undefined : new DataView(lengths.buffer, lengths.byteOffset, lengths.byteLength);
    let tail = ownersText(show, ino);
    if (show.details) {
      const uid = attrs.get(D.UNIX_DIAG_UID)?.u32 ?? 0;
      tail += `${uid === 0 ? "" : ` uid:${uid}`}${shutdownText(attrs, D.UNIX_DIAG_SHUTDOWN)}`;
    }
    rows.push([
      type,
      STATES[payload[2] ?? 0] ?? "UNKNOWN",
      ...queues(lengthView?.getUint32(0, true) ?? 0, lengthView?.getUint32(4, true) ?? 0),
      `${unixName(attrs.get(D.UNIX_DIAG_NAME)?.bytes)} `,
      String(ino),
      "* ",
      String(attrs.get(D.UNIX_DIAG_PEER)?.u32 ?? 0),
      tail,
    ]);
  }
  return rows;
}

function unixName(bytes: Uint8Array | undefined): string {
  if (bytes === undefined || bytes.length === 0) return "*";
  if (bytes[0] === 0) return `@${decodeUtf8(bytes.subarray(1)).replaceAll("\0", "@")}`;
  return decodeUtf8(bytes).replace(/\0.*$/, "");
}

export function* packetRows(sys: Sys, names: ReadonlyMap<number, string>, show: Show): Proc<Row[]> {
  const socket = yield* NetlinkSocket.open(sys, NETLINK_SOCK_DIAG);
  const what = D.PACKET_SHOW_INFO | D.PACKET_SHOW_MEMINFO;
  const request = new NetlinkWriter().u8(AF_PACKET).u8(0).u16(0).u32(0).u32(what).u32(0xffff_ffff).u32(0xffff_ffff);
  const dump = yield* socket.dump(D.SOCK_DIAG_BY_FAMILY, request);
  yield* socket.close();
  return dump.map(({ payload }) => {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const attrs = decodeAttributes(payload, D.PACKET_DIAG_MSG_SIZE);
    const protocol = view.getUint16(2, true);
    const index = attrs.get(D.PACKET_DIAG_INFO)?.u32 ?? 0;
    const name = protocol === 3 ? "*" : protocol === 0x800 ? "ip" : protocol === 0x806 ? "arp" : `[${protocol}]`;
    const device = index === 0 ? "*" : (names.get(index) ?? "?");
    const rqueue = attrs.get(D.PACKET_DIAG_MEMINFO)?.u32 ?? 0;
    const ino = view.getUint32(4, true);
    const details = show.details ? ` ino:${ino} sk:${view.getUint32(8, true).toString(16)}` : "";
    const tail = `${ownersText(show, ino)}${details}`;
    return [payload[1] === 3 ? "p_raw" : "p_dgr", "UNCONN", ...queues(rqueue, 0), `${name}:`, device, "*", "", tail];
  });
}
