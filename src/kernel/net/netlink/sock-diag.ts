/**
 * NETLINK_SOCK_DIAG: sockets as ss(8) asks for them. Linux `net/core/sock_diag.c`, `net/ipv4/inet_diag.c`, `net/unix/diag.c`, `net/packet/diag.c`. A request that
 * names both ends, or an inode, is a filter as well. Left out: filters as byte code (INET_DIAG_REQ_BYTECODE): programs filter what they get.
 */

import { ECONNABORTED, EINVAL, ENOENT, EOPNOTSUPP } from "../../../abi/errno.ts";
import { IPPROTO_ICMP, IPPROTO_RAW, IPPROTO_TCP, IPPROTO_UDP } from "../../../abi/inet.ts";
import { NetlinkWriter } from "../../../abi/netlink.ts";
import { AF_INET, AF_INET6, AF_PACKET, AF_UNIX, AF_UNSPEC } from "../../../abi/socket.ts";
import * as D from "../../../abi/sock-diag.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import type { DatagramSock } from "../ipv4/datagram.ts";
import { pingTable } from "../ipv4/ping.ts";
import { rawSocks } from "../ipv4/raw.ts";
import { tcpEntries, type TcpEntry } from "../ipv4/tcp/describe.ts";
import { INFINITE_SSTHRESH, TCP_STATE_NUMBER } from "../ipv4/tcp/constants.ts";
import type { TcpRequest } from "../ipv4/tcp/request.ts";
import type { TcpSock } from "../ipv4/tcp/sock.ts";
import { tcpTable } from "../ipv4/tcp/table.ts";
import type { TcpTimeWait } from "../ipv4/tcp/timewait.ts";
import { udpTable } from "../ipv4/udp.ts";
import { groupsOfIp6, ip6Of, type IpAddr, isMapped, mappedGroups, readIp6, writeIp6 } from "../ipv6/ip6.ts";
import { shownId } from "../../ns/idmap.ts";
import type { Task } from "../../task/task.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { packetSockets } from "../packet/packet-socket.ts";
import type { UnixSocket } from "../unix.ts";
import { unixNames } from "../unix-names.ts";
import type { NetlinkHandler, NetlinkPart, NetlinkProtocol, NetlinkRequest } from "./protocol.ts";

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const INET_DIAG_SKV6ONLY = 11;

// ── Internet sockets ─────────────────────────────────────────────────────────────────────────────────────────────────

interface InetRequest {
  readonly protocol: number;
  readonly ext: number;
  readonly states: number;
  readonly localPort: number;
  readonly remotePort: number;
}

function parseInet(payload: Uint8Array): InetRequest {
  if (payload.length < D.INET_DIAG_REQ_SIZE) throw EINVAL;
  const v = viewOf(payload);
  return {
    protocol: v.getUint8(1),
    ext: v.getUint8(2),
    states: v.getUint32(4, true),
    localPort: v.getUint16(D.INET_DIAG_REQ_ID),
    remotePort: v.getUint16(D.INET_DIAG_REQ_ID + 2),
  };
}

/** What all of them have: an entry of TCP, or one made of another socket. */
type Entry = Omit<TcpEntry, "sock">;

function ofDatagram(sock: DatagramSock, port: number): Entry {
  return {
    state: sock.connected ? TCP_STATE_NUMBER.ESTABLISHED : TCP_STATE_NUMBER.CLOSE,
    ...{
      family: sock.family,
      localAddr: sock.rcvSaddr,
      localPort: port,
      remoteAddr: sock.daddr,
      remotePort: sock.remotePort,
      boundDev: sock.boundDev,
    },
    ...{ rqueue: sock.rmem, wqueue: sock.wmem, timer: 0, expiresNs: 0, retransmits: 0, probes: 0, uid: sock.uid, ino: sock.ino },
    cookie: sock.cookie,
  };
}

function fixedPart(entry: Entry, asker: Task): NetlinkWriter {
  const bytes = new Uint8Array(D.INET_DIAG_MSG_SIZE);
  const v = viewOf(bytes);
  bytes[0] = entry.family;
  bytes[1] = entry.state;
  bytes[2] = entry.timer;
  bytes[3] = entry.retransmits;
  v.setUint16(4, entry.localPort);
  v.setUint16(6, entry.remotePort);
  putAddress(bytes, 8, entry.family, entry.localAddr);
  putAddress(bytes, 24, entry.family, entry.remoteAddr);
  v.setUint32(40, entry.boundDev, true);
  v.setUint32(44, entry.cookie, true);
  v.setUint32(52, Math.floor(entry.expiresNs / 1e6), true);
  v.setUint32(56, entry.rqueue, true);
  v.setUint32(60, entry.wqueue, true);
  v.setUint32(64, shownId(asker.cred.userNs, "uidMap", entry.uid), true);
  v.setUint32(68, entry.ino, true);
  return new NetlinkWriter().raw(bytes);
}

function putAddress(bytes: Uint8Array, at: number, family: number, addr: IpAddr): void {
  if (typeof addr === "string") writeIp6(bytes, at, addr);
  else if (family === AF_INET) viewOf(bytes).setUint32(at, addr);
  else if (addr !== 0) writeIp6(bytes, at, ip6Of(mappedGroups(addr)));
}

const u32s = (...values: number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 4);
  for (const [i, value] of values.entries()) viewOf(bytes).setUint32(i * 4, value >>> 0, true);
  return bytes;
};

const asked = (ext: number, attribute: number): boolean => (ext & (1 << (attribute - 1))) !== 0;

function fillTcp({ sock, ...entry }: TcpEntry, ext: number, asker: Task): Uint8Array {
  const w = fixedPart(entry, asker);
  if (sock === undefined) return w.finish();
  const { tcb } = sock;
  w.attrU8(D.INET_DIAG_SHUTDOWN, tcb.shutdown);
  if (sock.family === AF_INET6) w.attrU8(INET_DIAG_SKV6ONLY, sock.v6only ? 1 : 0);
  if (asked(ext, D.INET_DIAG_TOS)) w.attrU8(D.INET_DIAG_TOS, sock.tos);
  if (sock.mark !== 0) w.attrU32(D.INET_DIAG_MARK, sock.mark);
  if (asked(ext, D.INET_DIAG_MEMINFO)) w.attr(D.INET_DIAG_MEMINFO, u32s(tcb.unread, tcb.queuedBytes, 0, tcb.queuedBytes));
  if (asked(ext, D.INET_DIAG_SKMEMINFO)) {
    w.attr(D.INET_DIAG_SKMEMINFO, u32s(tcb.unread, tcb.rcvbuf, 0, tcb.sndbuf, 0, tcb.queuedBytes, 0, 0, 0));
  }
  if (asked(ext, D.INET_DIAG_INFO)) w.attr(D.INET_DIAG_INFO, tcpInfoBytes(sock));
  if (asked(ext, D.INET_DIAG_CONG) && tcb.state !== "LISTEN") w.attrString(D.INET_DIAG_CONG, "reno");
  return w.finish();
}

/** struct tcp_info of Linux 6.1. Rates that nothing here measures are 0, and not shown by ss. */
function tcpInfoBytes(sock: TcpSock): Uint8Array {
  const { tcb, listen } = sock;
  const bytes = new Uint8Array(D.TCP_INFO_SIZE);
  const v = viewOf(bytes);
  const caStates = { Open: 0, Disorder: 1, Recovery: 3, Loss: 4 } as const;
  bytes[0] = TCP_STATE_NUMBER[tcb.state];
  bytes[1] = caStates[tcb.caState];
  bytes[2] = tcb.retransmits;
  bytes[3] = tcb.probesOut;
  bytes[4] = tcb.backoff;
  bytes[5] = (tcb.tstampOk ? 1 : 0) | (tcb.sackOk ? 2 : 0) | (tcb.wscaleOk ? 4 : 0);
  bytes[6] = tcb.wscaleOk ? (tcb.sndWscale & 15) | (tcb.rcvWscale << 4) : 0;
  const since = (ns: number): number => Math.max(0, Math.floor((sock.nowNs - ns) / 1e6));
  const out = (which: (s: (typeof tcb.sent)[number]) => boolean): number => tcb.sent.reduce((n, s) => n + (which(s) ? s.count : 0), 0);
  const words = [
    // Counted in ticks of a millisecond; no delayed acknowledgement is in sight before there were data.
    ...[Math.floor(tcb.rtoNs / 1e6) * 1000, tcb.dataSegsIn === 0 ? 0 : Math.floor(tcb.atoNs / 1000), tcb.mssCache, tcb.rcvMss],
    listen === undefined ? tcb.packetsOut : listen.ready.length,
    listen === undefined ? out((s) => s.sacked) + tcb.renoSacked : listen.backlog,
    ...[out((s) => s.lost), out((s) => s.resent), 0],
    // Whoever has not sent or received yet counts from the handshake.
    ...[since(Math.max(tcb.lastSndNs, tcb.establishedNs)), 0, since(Math.max(tcb.lastRcvNs, tcb.establishedNs)), since(tcb.rcvTstampNs)],
    ...[tcb.mtu, tcb.rcvSsthresh, tcb.srtt >> 3, tcb.mdev >> 2],
    tcb.ssthresh === INFINITE_SSTHRESH ? 0x7fffffff : tcb.ssthresh,
    ...[tcb.cwnd, tcb.advmss - (tcb.tstampOk ? 12 : 0), 3, 0, tcb.rcvSpace.space, tcb.totalRetransmits],
  ];
  for (const [i, value] of words.entries()) v.setUint32(8 + 4 * i, value, true);
  const u64 = (at: number, value: number): void => {
    v.setUint32(at, value >>> 0, true);
    v.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  };
  u64(120, tcb.bytesAcked);
  u64(128, tcb.bytesReceived);
  const segments = [tcb.segsOut, tcb.segsIn, tcb.unsent.length, tcb.minRttUs, tcb.dataSegsIn, tcb.dataSegsOut];
  for (const [i, value] of segments.entries()) v.setUint32(136 + 4 * i, value, true);
  u64(200, tcb.bytesSent);
  u64(208, tcb.bytesResent);
  v.setUint32(228, tcb.sndWnd, true);
  return bytes;
}

function* inetDump(ns: NetNamespace, family: number, request: InetRequest, asker: Task): Iterable<NetlinkPart> {
  const fits = (entry: Entry): boolean =>
    (family === AF_UNSPEC || family === entry.family) &&
    (request.states & (1 << entry.state)) !== 0 &&
    (request.localPort === 0 || request.localPort === entry.localPort) &&
    (request.remotePort === 0 || request.remotePort === entry.remotePort);
  const type = D.SOCK_DIAG_BY_FAMILY;
  if (request.protocol === IPPROTO_TCP) {
    for (const entry of tcpEntries(ns)) if (fits(entry)) yield { type, payload: fillTcp(entry, request.ext, asker) };
    return;
  }
  for (const [sock, port] of datagramSocks(ns, request.protocol)) {
    const entry = ofDatagram(sock, port);
    if (!fits(entry)) continue;
    const w = fixedPart(entry, asker);
    w.attrU8(D.INET_DIAG_SHUTDOWN, sock.shutdown);
    if (sock.family === AF_INET6) w.attrU8(INET_DIAG_SKV6ONLY, sock.v6only ? 1 : 0);
    if (asked(request.ext, D.INET_DIAG_TOS)) w.attrU8(D.INET_DIAG_TOS, sock.tos);
    if (sock.mark !== 0) w.attrU32(D.INET_DIAG_MARK, sock.mark);
    if (asked(request.ext, D.INET_DIAG_MEMINFO)) w.attr(D.INET_DIAG_MEMINFO, u32s(sock.rmem, 0, 0, sock.wmem));
    if (asked(request.ext, D.INET_DIAG_SKMEMINFO)) {
      w.attr(D.INET_DIAG_SKMEMINFO, u32s(sock.rmem, sock.rcvbuf, sock.wmem, sock.sndbuf, 0, 0, 0, 0, sock.drops));
    }
    yield { type, payload: w.finish() };
  }
}

function* datagramSocks(ns: NetNamespace, protocol: number): Iterable<readonly [DatagramSock, number]> {
  if (protocol === IPPROTO_UDP) for (const sock of udpTable(ns).socks) yield [sock, sock.localPort];
  else if (protocol === IPPROTO_RAW) for (const sock of rawSocks(ns)) yield [sock, sock.protocol];
  else if (protocol === IPPROTO_ICMP) for (const sock of pingTable(ns).all()) yield [sock, sock.localPort];
  else throw ENOENT;
}

// ── Unix and packet sockets ──────────────────────────────────────────────────────────────────────────────────────────

const UNIX_STATE = { connected: 1, closed: 7, listening: 10 } as const;

function fillUnix(socket: UnixSocket, show: number, asker: Task): Uint8Array {
  const d = socket.diagnose();
  const w = new NetlinkWriter().u8(AF_UNIX).u8(socket.type).u8(UNIX_STATE[d.state]).u8(0).u32(d.ino).u32(socket.inode.ino).u32(0);
  if ((show & D.UDIAG_SHOW_NAME) !== 0 && d.address !== undefined) w.attr(D.UNIX_DIAG_NAME, encodeUtf8(d.address));
  if ((show & D.UDIAG_SHOW_PEER) !== 0 && d.peer !== 0) w.attrU32(D.UNIX_DIAG_PEER, d.peer);
  if ((show & D.UDIAG_SHOW_ICONS) !== 0 && d.state === "listening") w.attr(D.UNIX_DIAG_ICONS, u32s(...d.waiting));
  if ((show & D.UDIAG_SHOW_RQLEN) !== 0) w.attr(D.UNIX_DIAG_RQLEN, u32s(d.unread, d.unsent));
  if ((show & D.UDIAG_SHOW_UID) !== 0) w.attrU32(D.UNIX_DIAG_UID, shownId(asker.cred.userNs, "uidMap", socket.inode.uid));
  w.attrU8(D.UNIX_DIAG_SHUTDOWN, d.shutdown);
  return w.finish();
}

function* unixDump(ns: NetNamespace, payload: Uint8Array, asker: Task): Iterable<NetlinkPart> {
  if (payload.length < D.UNIX_DIAG_REQ_SIZE) throw EINVAL;
  const v = viewOf(payload);
  const [states, ino, show] = [v.getUint32(4, true), v.getUint32(8, true), v.getUint32(12, true)];
  for (const socket of unixNames(ns).sockets) {
    const d = socket.diagnose();
    if ((states & (1 << UNIX_STATE[d.state])) === 0 || (ino !== 0 && ino !== d.ino)) continue;
    yield { type: D.SOCK_DIAG_BY_FAMILY, payload: fillUnix(socket, show, asker) };
  }
}

function* packetDump(ns: NetNamespace, payload: Uint8Array, asker: Task): Iterable<NetlinkPart> {
  if (payload.length < 20) throw EINVAL;
  const show = viewOf(payload).getUint32(8, true);
  for (const socket of packetSockets(ns)) {
    const w = new NetlinkWriter().u8(AF_PACKET).u8(socket.type).u16(socket.protocol).u32(socket.inode.ino).u32(socket.inode.ino).u32(0);
    if ((show & D.PACKET_SHOW_INFO) !== 0) {
      w.attr(D.PACKET_DIAG_INFO, u32s(socket.ifindex, 0, 0, 0, 0, 0)).attrU32(
        D.PACKET_DIAG_UID,
        shownId(asker.cred.userNs, "uidMap", socket.uid),
      );
    }
    if ((show & D.PACKET_SHOW_MEMINFO) !== 0) w.attr(D.PACKET_DIAG_MEMINFO, u32s(socket.rmem, 212_992, 0, 212_992, 0, 0, 0, 0, 0));
    yield { type: D.SOCK_DIAG_BY_FAMILY, payload: w.finish() };
  }
}

function dump({ ns, message, task }: NetlinkRequest): Iterable<NetlinkPart> {
  const { payload } = message;
  switch (payload[0]) {
    case AF_INET:
    case AF_INET6:
    case AF_UNSPEC:
      return inetDump(ns, payload[0], parseInet(payload), task);
    case AF_UNIX:
      return unixDump(ns, payload, task);
    case AF_PACKET:
      return packetDump(ns, payload, task);
    default:
      throw ENOENT;
  }
}

/** inet_diag_dump_one_icsk(): the socket with these ends. */
function one(request: NetlinkRequest): void {
  const { message, ns, reply, task } = request;
  const family = message.payload[0];
  if (family !== AF_INET && family !== AF_INET6) throw EOPNOTSUPP;
  const [first] = inetDump(ns, family, { ...parseInet(message.payload), states: 0xffff }, task);
  if (first === undefined) throw ENOENT;
  reply(first.type, first.payload);
}

const endAt = (payload: Uint8Array, at: number): IpAddr => {
  const groups = groupsOfIp6(readIp6(payload, at));
  if (isMapped(groups)) return viewOf(payload).getUint32(at + 12);
  return groups.every((group) => group === 0) ? 0 : ip6Of(groups);
};

/** tcp_abort(), for `ss -K`: ends the connection with these ends, or the listener. */
function destroy({ ns, message }: NetlinkRequest): void {
  const { payload } = message;
  if ((payload[0] !== AF_INET && payload[0] !== AF_INET6) || payload[1] !== IPPROTO_TCP) throw EOPNOTSUPP;
  const { localPort, remotePort } = parseInet(payload);
  const v = viewOf(payload);
  const [localAddr, remoteAddr] = payload[0] === AF_INET ? [v.getUint32(12), v.getUint32(28)] : [endAt(payload, 12), endAt(payload, 28)];
  const table = tcpTable(ns);
  const found = table.find(localAddr, localPort, remoteAddr, remotePort, 0);
  if (found?.kind === "time-wait") (found as TcpTimeWait).kill("TWKilled");
  else if (found?.kind === "request") (found as TcpRequest).drop();
  else {
    const listener = table.listeners.get(localPort)?.find((s) => s.rcvSaddr === localAddr);
    const sock = (found as TcpSock | undefined) ?? (remotePort === 0 ? listener : undefined);
    if (sock === undefined) throw ENOENT;
    sock.kill(ECONNABORTED);
  }
}

export const sockDiag: NetlinkProtocol = {
  handlers: new Map<number, NetlinkHandler>([
    [D.SOCK_DIAG_BY_FAMILY, { dump, run: one }],
    [D.SOCK_DESTROY, { privileged: true, run: destroy }],
  ]),
};
