/**
 * Netlink sockets: netlink(7), Linux `net/netlink/af_netlink.c`. A request is handled while it is sent; its answers wait in the receive queue.
 *
 * Differs from Linux: a dump is taken as a whole when it is asked for, so it is never interrupted by changes. Left out: messages between
 * processes, memory-mapped sockets.
 */

import {
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  EINVAL,
  ENOBUFS,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
  Errno,
  ESOCKTNOSUPPORT,
} from "../../../abi/errno.ts";
import { CAP_NET_ADMIN } from "../../../abi/capability.ts";
import {
  decodeMessages,
  encodeMessage,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from "../../../abi/netlink.ts";
import { POLLERR, POLLIN, POLLOUT } from "../../../abi/poll.ts";
import {
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_DROP_MEMBERSHIP,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_LISTEN_ALL_NSID,
  NETLINK_PKTINFO,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSGERR_ATTR_MSG,
} from "../../../abi/rtnetlink.ts";
import {
  AF_NETLINK,
  MSG_PEEK,
  MSG_TRUNC,
  type NetlinkAddress,
  SO_PROTOCOL,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
  type SocketAddress,
  type SocketOption,
} from "../../../abi/socket.ts";
import type { Wait } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import { nsCapable } from "../../ns/user.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import { type NetNamespace, netNsOf, netPart } from "../net-namespace.ts";
import { type Creds, NOBODY, type Received, SocketFile, type SocketFamily } from "../socket.ts";
import { NetlinkError, type NetlinkHandler, type NetlinkPart, type NetlinkProtocol } from "./protocol.ts";

/** Messages below it are control messages. */
const NLMSG_MIN_TYPE = 16;
/** Bytes of a dump in one datagram. */
const DUMP_CHUNK = 8_192;

/** The sockets of a namespace: by protocol, then by port. */
const netlinkPart = netPart("netlink", () => new Map<number, Map<number, NetlinkSocket>>());

/** One line of /proc/net/netlink. */
export function netlinkSockets(ns: NetNamespace): NetlinkSocket[] {
  return [...ns.part(netlinkPart).values()].flatMap((sockets) => [...sockets.values()]);
}

/** nlmsg_notify(): a message for all who have joined a group of a protocol in this namespace. */
export function netlinkBroadcast(ns: NetNamespace, protocol: number, group: number, type: number, make: () => Uint8Array, flags = 0): void {
  const sockets = ns.part(netlinkPart).get(protocol);
  if (sockets === undefined) return;
  let bytes: Uint8Array | undefined;
  for (const socket of sockets.values()) {
    if (!socket.groups.has(group)) continue;
    bytes ??= encodeMessage({ type, flags, seq: 0, pid: 0, payload: make() });
    socket.deliver(bytes, group);
  }
}

/** Whether anybody listens to a group: else nothing need be put together. */
export function hasListeners(ns: NetNamespace, protocol: number, group: number): boolean {
  for (const socket of ns.part(netlinkPart).get(protocol)?.values() ?? []) if (socket.groups.has(group)) return true;
  return false;
}

interface Datagram {
  readonly bytes: Uint8Array;
  /** The group that it was sent to; 0 for an answer. */
  readonly group: number;
}

export class NetlinkSocket extends SocketFile {
  portid = 0;
  readonly groups = new Set<number>();
  private queue: Datagram[] = [];
  private queued = 0;
  private readonly wait = new WaitQueue();
  private readonly options = new Map<number, number>();
  private readonly ns: NetNamespace;
  private readonly creator: number;

  constructor(
    system: System,
    type: number,
    readonly protocol: number,
    private readonly handlers: NetlinkProtocol,
    flags: number,
    task: Task,
  ) {
    super(system, AF_NETLINK, type, flags, task);
    this.ns = netNsOf(task);
    this.ns.get();
    this.creator = task.tg.pid.nr;
  }

  // ── Names ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  private get sockets(): Map<number, NetlinkSocket> {
    const all = this.ns.part(netlinkPart);
    let own = all.get(this.protocol);
    if (own === undefined) all.set(this.protocol, (own = new Map()));
    return own;
  }

  bind(_task: Task, addr: SocketAddress): void {
    if (addr.family !== AF_NETLINK) throw EINVAL;
    if (this.portid !== 0 && addr.pid !== this.portid) throw EINVAL;
    if (this.portid === 0) this.insert(addr.pid);
    for (let group = 1; group <= 32; group++) {
      if ((addr.groups & (1 << (group - 1))) !== 0) this.groups.add(group);
      else this.groups.delete(group);
    }
  }

  /** netlink_insert(), netlink_autobind(): a port of one's own choice, or one's PID, or a negative number. */
  private insert(wanted: number): void {
    const { sockets } = this;
    if (wanted !== 0 && sockets.has(wanted)) throw EADDRINUSE;
    let portid = wanted;
    if (portid === 0) {
      portid = this.creator;
      for (let rover = -4097; sockets.has(portid >>> 0); rover--) portid = rover;
    }
    this.portid = portid >>> 0;
    sockets.set(this.portid, this);
  }

  connect(_task: Task, addr: SocketAddress): void {
    if (addr.family !== AF_NETLINK) throw EINVAL;
    if (addr.pid !== 0) throw ECONNREFUSED;
    if (this.portid === 0) this.insert(0);
  }

  listen(): void {
    throw EOPNOTSUPP;
  }

  accept(): never {
    throw EOPNOTSUPP;
  }

  shutdown(): void {
    throw EOPNOTSUPP;
  }

  sockname(): NetlinkAddress {
    let mask = 0;
    for (const group of this.groups) if (group <= 32) mask |= 1 << (group - 1);
    return { family: AF_NETLINK, pid: this.portid, groups: mask >>> 0 };
  }

  peername(): NetlinkAddress {
    return { family: AF_NETLINK, pid: 0, groups: 0 };
  }

  peernameOrUnnamed(): NetlinkAddress {
    return this.peername();
  }

  protected get listening(): boolean {
    return false;
  }

  protected get peerCreds(): Creds {
    return NOBODY;
  }

  // ── Requests ───────────────────────────────────────────────────────────────────────────────────────────────────────

  send(task: Task, buf: Uint8Array, _flags: number, to: SocketAddress | undefined): number {
    if (to !== undefined) {
      if (to.family !== AF_NETLINK) throw EINVAL;
      // Differs from Linux: processes cannot send each other messages.
      if (to.pid !== 0 || to.groups !== 0) throw to.groups !== 0 ? EPERM : ECONNREFUSED;
    }
    if (this.portid === 0) this.insert(0);
    const bytes = buf.slice();
    this.ns.core.softnet.run(() => {
      for (const message of decodeMessages(bytes)) this.handle(task, message);
    });
    return buf.length;
  }

  /** netlink_rcv_skb(). */
  private handle(task: Task, message: NetlinkMessage): void {
    if ((message.flags & NLM_F_REQUEST) === 0) return;
    if (message.type < NLMSG_MIN_TYPE) {
      if ((message.flags & NLM_F_ACK) !== 0) this.acknowledge(message, undefined, "");
      return;
    }
    try {
      if (this.dispatch(task, message)) return;
    } catch (e) {
      if (e instanceof NetlinkError) this.acknowledge(message, e.errno, e.text);
      else if (e instanceof Errno) this.acknowledge(message, e, "");
      else throw e;
      return;
    }
    if ((message.flags & NLM_F_ACK) !== 0) this.acknowledge(message, undefined, "");
  }

  /** Returns whether it was a dump, which needs no acknowledgement. */
  private dispatch(task: Task, message: NetlinkMessage): boolean {
    const handler: NetlinkHandler | undefined = this.handlers.handlers.get(message.type);
    if (handler === undefined) throw EOPNOTSUPP;
    if (handler.privileged === true && !nsCapable(task.cred, this.ns.userNs, CAP_NET_ADMIN)) throw EPERM;
    const request = {
      ns: this.ns,
      task,
      message,
      strict: this.options.get(NETLINK_GET_STRICT_CHK) === 1,
      reply: (type: number, payload: Uint8Array, flags = 0) =>
        this.deliver(encodeMessage({ type, flags, seq: message.seq, pid: this.portid, payload }), 0),
    };
    if ((message.flags & NLM_F_DUMP) === NLM_F_DUMP && handler.dump !== undefined) {
      this.dump(message, handler.dump(request));
      return true;
    }
    if (handler.run === undefined) throw EOPNOTSUPP;
    handler.run(request);
    return false;
  }

  /** Messages with NLM_F_MULTI, several a datagram, and NLMSG_DONE. */
  private dump(message: NetlinkMessage, parts: Iterable<NetlinkPart>): void {
    let chunk: Uint8Array[] = [];
    let size = 0;
    const flush = (): void => {
      if (size === 0) return;
      this.deliver(concat(chunk, size), 0);
      chunk = [];
      size = 0;
    };
    const put = (type: number, payload: Uint8Array): void => {
      const bytes = encodeMessage({ type, flags: NLM_F_MULTI, seq: message.seq, pid: this.portid, payload });
      if (size + bytes.length > DUMP_CHUNK) flush();
      chunk.push(bytes);
      size += bytes.length;
    };
    for (const { type, payload } of parts) put(type, payload);
    put(NLMSG_DONE, new Uint8Array(4));
    flush();
  }

  /** netlink_ack(): the error, the message that it is about (its header alone if all went well), and the sentence for people. */
  private acknowledge(message: NetlinkMessage, error: Errno | undefined, text: string): void {
    const { seq, type, flags, pid, payload } = message;
    const capped = error === undefined || this.options.get(NETLINK_CAP_ACK) === 1;
    const writer = new NetlinkWriter().u32(error === undefined ? 0 : -error.code >>> 0);
    writer
      .u32(16 + payload.length)
      .u16(type)
      .u16(flags)
      .u32(seq)
      .u32(pid);
    if (!capped) writer.raw(payload).raw(new Uint8Array((4 - (payload.length & 3)) & 3));
    const tlvs = text !== "" && this.options.get(NETLINK_EXT_ACK) === 1;
    if (tlvs) writer.attr(NLMSGERR_ATTR_MSG, encodeUtf8(`${text}\0`));
    const answerFlags = (capped ? NLM_F_CAPPED : 0) | (tlvs ? NLM_F_ACK_TLVS : 0);
    this.deliver(encodeMessage({ type: NLMSG_ERROR, flags: answerFlags, seq, pid: this.portid, payload: writer.finish() }), 0);
  }

  // ── Receiving ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Queues a datagram. News that find the buffer full are lost, and the next receive says so: ENOBUFS. */
  deliver(bytes: Uint8Array, group: number): void {
    if (group !== 0 && this.queued + bytes.length > this.rcvbuf) {
      this.error = ENOBUFS;
      this.wait.wake();
      return;
    }
    this.queue.push({ bytes, group });
    this.queued += bytes.length;
    this.wait.wake();
  }

  receive(task: Task, buf: Uint8Array, flags: number): MaySleep<Received> {
    const got = this.tryReceive(buf, flags);
    if (got !== undefined) return got;
    if (this.nonblock(flags)) throw EAGAIN;
    return new Blocked(this.receiveSlowly(task, buf, flags));
  }

  private *receiveSlowly(task: Task, buf: Uint8Array, flags: number): Generator<Wait, Received, void> {
    for (;;) {
      const got = this.tryReceive(buf, flags);
      if (got !== undefined) return got;
      yield* task.sched.sleep([this.wait]);
    }
  }

  private tryReceive(buf: Uint8Array, flags: number): Received | undefined {
    const error = this.takeError();
    if (error !== undefined) throw error;
    const [first] = this.queue;
    if (first === undefined) return undefined;
    if ((flags & MSG_PEEK) === 0) {
      this.queue.shift();
      this.queued -= first.bytes.length;
    }
    const copied = Math.min(buf.length, first.bytes.length);
    buf.set(first.bytes.subarray(0, copied));
    const groups = first.group === 0 || first.group > 32 ? 0 : (1 << (first.group - 1)) >>> 0;
    return {
      length: (flags & MSG_TRUNC) !== 0 ? first.bytes.length : copied,
      files: [],
      from: { family: AF_NETLINK, pid: 0, groups },
      flags: copied < first.bytes.length ? MSG_TRUNC : 0,
    };
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.wait);
    return POLLOUT | (this.queue.length > 0 ? POLLIN : 0) | (this.error !== undefined ? POLLERR | POLLIN : 0);
  }

  // ── Options ────────────────────────────────────────────────────────────────────────────────────────────────────────

  override getsockopt(task: Task, level: number, option: number, argument?: string): SocketOption {
    if (level === SOL_SOCKET && option === SO_PROTOCOL) return this.protocol;
    if (level !== SOL_NETLINK) return super.getsockopt(task, level, option, argument);
    if (!OPTIONS.has(option)) throw ENOPROTOOPT;
    return this.options.get(option) ?? 0;
  }

  override setsockopt(task: Task, level: number, option: number, value: SocketOption): void {
    if (level !== SOL_NETLINK) {
      super.setsockopt(task, level, option, value);
      return;
    }
    if (typeof value !== "number") throw EINVAL;
    if (option === NETLINK_ADD_MEMBERSHIP || option === NETLINK_DROP_MEMBERSHIP) {
      if (value < 1 || value > 64) throw EINVAL;
      if (this.portid === 0) this.insert(0);
      if (option === NETLINK_ADD_MEMBERSHIP) this.groups.add(value);
      else this.groups.delete(value);
    } else if (OPTIONS.has(option)) this.options.set(option, value === 0 ? 0 : 1);
    else throw ENOPROTOOPT;
  }

  protected override release(): void {
    if (this.portid !== 0) this.sockets.delete(this.portid);
    this.ns.put();
    super.release();
  }
}

/** Differs from Linux: NETLINK_PKTINFO and NETLINK_LISTEN_ALL_NSID are taken and change nothing. */
const OPTIONS: ReadonlySet<number> = new Set([
  NETLINK_PKTINFO,
  NETLINK_LISTEN_ALL_NSID,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
]);

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** AF_NETLINK, as a row of the families' table. */
export function netlinkFamily(protocols: ReadonlyMap<number, NetlinkProtocol>): SocketFamily {
  return {
    create(system, task, type, protocol, flags) {
      if (type !== SOCK_RAW && type !== SOCK_DGRAM) throw ESOCKTNOSUPPORT;
      const handlers = protocols.get(protocol);
      if (handlers === undefined) throw EPROTONOSUPPORT;
      return new NetlinkSocket(system, type, protocol, handlers, flags, task);
    },
    pair() {
      throw EOPNOTSUPP;
    },
  };
}
