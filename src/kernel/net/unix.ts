/**
 * Unix sockets: unix(7), Linux `net/unix/af_unix.c`: stream, datagram and sequenced packets, path names and abstract names,
 * descriptors in messages.
 *
 * Left out: MSG_OOB, MSG_WAITALL, SO_PEEK_OFF, timeouts, credentials that the sender chooses.
 */

import {
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EEXIST,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOBUFS,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  EPROTOTYPE,
} from "../../abi/errno.ts";
import { W_OK } from "../../abi/fcntl.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from "../../abi/poll.ts";
import { SIGPIPE } from "../../abi/signal.ts";
import {
  AF_UNIX,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  type SocketAddress,
} from "../../abi/socket.ts";
import type { Wait } from "../../abi/sys.ts";
import type { IoctlRequest } from "../../abi/termios.ts";
import { byteLength } from "../../abi/utf8.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import { MAX_DGRAM_QLEN, SOMAXCONN } from "../params.ts";
import { ERESTARTSYS } from "../restart.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import type { System } from "../task/system.ts";
import { callerTask, type Task } from "../task/task.ts";
import type { Caller } from "../vfs/caller.ts";
import type { File } from "../vfs/file.ts";
import type { Inode } from "../vfs/inode.ts";
import { resolveInode } from "../vfs/namei.ts";
import { checkPermission } from "../vfs/permission.ts";
import { type NetNamespace, netNsOf } from "./net-namespace.ts";
import { type Creds, credsOf, NOBODY, type Received, SocketFile } from "./socket.ts";
import { collectGarbage, inflightOf } from "./unix-gc.ts";
import { socketInodes, SUN_PATH, unixNames } from "./unix-names.ts";
import { STREAM_CHUNK, type UnixMessage, weigh } from "./unix-message.ts";

/** Bits of `shut`. */
const RCV = 1;
const SEND = 2;
const UNNAMED: SocketAddress = { family: AF_UNIX, path: "" };

/** Makes a socket's inode; the calls above the VFS hand it over. Errors: as mknod(2). */
export type MakeSocketNode = (task: Task, path: string) => Inode;

/** A socket as /proc/net/unix and ss(8) show it. */
export interface UnixDiagnosis {
  /** 0 where no descriptor has been made yet. */
  readonly ino: number;
  readonly state: "closed" | "listening" | "connected";
  readonly address: string | undefined;
  readonly peer: number;
  readonly waiting: readonly number[];
  /** Bytes to be read and sent bytes that nobody has read; of a listener, those who wait and how many may. */
  readonly unread: number;
  readonly unsent: number;
  readonly shutdown: number;
}

export class UnixSocket extends SocketFile {
  private state: "closed" | "listening" | "connected" = "closed";
  private address: string | undefined;
  private peer: UnixSocket | undefined;
  /** RCV and SEND, once shut down. */
  private shut = 0;
  private dead = false;
  private readonly queue: UnixMessage[] = [];
  /** Weight of own messages that nobody has read yet. */
  private sentWeight = 0;
  /** Of a listener: connections that nobody has accepted yet, and how many may wait. */
  private readonly embryos: UnixSocket[] = [];
  private backlog = MAX_DGRAM_QLEN;
  private creds: Creds = NOBODY;
  private readonly readWait = new WaitQueue();
  private readonly writeWait = new WaitQueue();
  /** Room in this socket's queue or backlog: waited for by those who send or connect to it. */
  private readonly roomWait = new WaitQueue();
  /** Whose abstract names it knows. */
  readonly netNs: NetNamespace;

  constructor(
    system: System,
    type: number,
    flags: number,
    owner: Caller,
    private readonly makeNode: MakeSocketNode,
  ) {
    super(system, AF_UNIX, type, flags, owner);
    this.netNs = netNsOf(callerTask(owner));
    this.netNs.get();
    unixNames(this.netNs).sockets.add(this);
  }

  private get stream(): boolean {
    return this.type === SOCK_STREAM;
  }

  private get connectionBased(): boolean {
    return this.type !== SOCK_DGRAM;
  }

  protected get listening(): boolean {
    return this.state === "listening";
  }

  protected get peerCreds(): Creds {
    return this.creds;
  }

  /** For /proc/net/unix and unix_diag. */
  diagnose(): UnixDiagnosis {
    const { state, embryos, queue } = this;
    return {
      ino: this.refCount > 0 ? this.inode.ino : 0,
      state,
      address: this.address,
      peer: this.peer === undefined || this.peer.dead || this.peer.refCount === 0 ? 0 : this.peer.inode.ino,
      waiting: embryos.map((embryo) => (embryo.refCount > 0 ? embryo.inode.ino : 0)),
      unread: state === "listening" ? embryos.length : this.stream ? queue.reduce((n, m) => n + unreadBytes(m), 0) : unreadBytes(queue[0]),
      unsent: state === "listening" ? this.backlog : this.sentWeight,
      shutdown: this.shut,
    };
  }

  /** Messages, and for the garbage collector those of connections that wait. */
  *pending(): IterableIterator<UnixMessage> {
    yield* this.queue;
    for (const embryo of this.embryos) yield* embryo.queue;
  }

  // ── Names ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  bind(task: Task, addr: SocketAddress): void {
    if (addr.family !== AF_UNIX || byteLength(addr.path) > SUN_PATH) throw EINVAL;
    const names = unixNames(this.netNs);
    if (this.address !== undefined) {
      if (addr.path === "") return;
      throw EINVAL;
    }
    const path = addr.path === "" ? names.inventName(this.type) : addr.path;
    if (!path.startsWith("\0")) socketInodes(this.system).set(this.makePathNode(task, path), this);
    else if (!names.takeAbstract(path, this)) throw EADDRINUSE;
    this.address = path;
  }

  private makePathNode(task: Task, path: string): Inode {
    try {
      return this.makeNode(task, path);
    } catch (e) {
      throw e === EEXIST ? EADDRINUSE : e;
    }
  }

  /** The socket behind an address. Errors: ECONNREFUSED, EPROTOTYPE, and those of the path walk. */
  private find(task: Task, addr: SocketAddress): UnixSocket {
    if (addr.family !== AF_UNIX || addr.path === "" || byteLength(addr.path) > SUN_PATH) throw EINVAL;
    let found: UnixSocket | undefined;
    if (addr.path.startsWith("\0")) found = unixNames(this.netNs).findAbstract(this.type, addr.path);
    else {
      const inode = resolveInode(task, undefined, addr.path, true);
      checkPermission(task, inode, W_OK);
      found = socketInodes(this.system).get(inode);
    }
    if (found === undefined || found.dead) throw ECONNREFUSED;
    if (found.type !== this.type) throw EPROTOTYPE;
    return found;
  }

  sockname(): SocketAddress {
    return this.address === undefined ? UNNAMED : { family: AF_UNIX, path: this.address };
  }

  peername(): SocketAddress {
    if (this.peer === undefined) throw ENOTCONN;
    return this.peer.sockname();
  }

  peernameOrUnnamed(): SocketAddress {
    return this.peer?.sockname() ?? UNNAMED;
  }

  // ── Connections ────────────────────────────────────────────────────────────────────────────────────────────────────

  listen(task: Task, backlog: number): void {
    if (!this.connectionBased) throw EOPNOTSUPP;
    if (this.address === undefined || this.state === "connected") throw EINVAL;
    const more = this.embryos.length > this.backlog;
    this.backlog = backlog < 0 ? SOMAXCONN : Math.min(backlog, SOMAXCONN);
    this.state = "listening";
    this.creds = credsOf(task);
    if (more) this.roomWait.wake();
  }

  connect(task: Task, addr: SocketAddress): MaySleep<void> {
    if (!this.connectionBased) {
      const other = this.find(task, addr);
      if (!other.accepts(this)) throw EPERM;
      if (this.peer !== undefined && this.peer !== other) this.disconnectFrom(this.peer);
      this.peer = other;
      this.state = "connected";
      return;
    }
    if (this.tryConnect(task, addr)) return;
    if (this.nonblock(0)) throw EAGAIN;
    return new Blocked(this.connectSlowly(task, addr));
  }

  private *connectSlowly(task: Task, addr: SocketAddress): Generator<Wait, void, void> {
    do yield* task.sched.sleep([this.find(task, addr).roomWait]);
    while (!this.tryConnect(task, addr));
  }

  /** Returns false where the backlog is full. */
  private tryConnect(task: Task, addr: SocketAddress): boolean {
    const other = this.find(task, addr);
    if (other.state !== "listening" || (other.shut & RCV) !== 0) throw ECONNREFUSED;
    if (other.embryos.length > other.backlog) return false;
    if (this.state === "connected") throw EISCONN;
    if (this.state === "listening") throw EINVAL;
    const embryo = new UnixSocket(this.system, this.type, 0, task, this.makeNode);
    embryo.address = other.address;
    embryo.creds = credsOf(task);
    this.creds = other.creds;
    this.join(embryo);
    other.embryos.push(embryo);
    other.readWait.wake();
    return true;
  }

  /** unix_dgram_disconnected(): what came from the former peer is lost, and the peer learns of it. */
  private disconnectFrom(former: UnixSocket): void {
    if (this.queue.length === 0) return;
    this.purge();
    this.roomWait.wake();
    if (former.dead || former.peer !== this) return;
    former.error = ECONNRESET;
    former.wakeAll();
  }

  /** Makes both ends of a connection. */
  join(other: UnixSocket): void {
    this.peer = other;
    other.peer = this;
    this.state = "connected";
    other.state = "connected";
  }

  /** socketpair(2). */
  pairWith(other: UnixSocket, task: Task): void {
    this.creds = credsOf(task);
    other.creds = this.creds;
    this.join(other);
  }

  accept(task: Task, flags: number): MaySleep<SocketFile> {
    if (!this.connectionBased) throw EOPNOTSUPP;
    if (this.state !== "listening") throw EINVAL;
    const embryo = this.takeEmbryo(flags);
    if (embryo !== undefined) return embryo;
    if ((this.shut & RCV) !== 0) throw EINVAL;
    if (this.nonblock(0)) throw EAGAIN;
    return new Blocked(this.acceptSlowly(task, flags));
  }

  private *acceptSlowly(task: Task, flags: number): Generator<Wait, SocketFile, void> {
    for (;;) {
      yield* task.sched.sleep([this.readWait]);
      const embryo = this.takeEmbryo(flags);
      if (embryo !== undefined) return embryo;
      if ((this.shut & RCV) !== 0) throw EINVAL;
    }
  }

  private takeEmbryo(flags: number): UnixSocket | undefined {
    const embryo = this.embryos.shift();
    if (embryo === undefined) return undefined;
    embryo.flags |= flags;
    this.roomWait.wake();
    return embryo;
  }

  shutdown(how: number): void {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) throw EINVAL;
    const mine = how === SHUT_RD ? RCV : how === SHUT_WR ? SEND : RCV | SEND;
    this.shut |= mine;
    const { peer } = this;
    if (peer !== undefined && this.connectionBased) {
      peer.shut |= ((mine & RCV) !== 0 ? SEND : 0) | ((mine & SEND) !== 0 ? RCV : 0);
      peer.wakeAll();
    }
    this.wakeAll();
  }

  private wakeAll(): void {
    this.readWait.wake();
    this.writeWait.wake();
    this.roomWait.wake();
  }

  // ── Sending ────────────────────────────────────────────────────────────────────────────────────────────────────────

  send(task: Task, buf: Uint8Array, flags: number, to: SocketAddress | undefined, files: readonly File[]): MaySleep<number> {
    if ((flags & MSG_OOB) !== 0) throw EOPNOTSUPP;
    if (!this.stream) return this.sendPacket(task, buf, flags, to, files);
    if (to !== undefined) throw this.peer === undefined ? EOPNOTSUPP : EISCONN;
    if (this.peer === undefined) throw ENOTCONN;
    const sent = this.sendStream(task, buf, 0, flags, files);
    if (sent === buf.length) return sent;
    if (this.nonblock(flags)) {
      if (sent === 0) throw EAGAIN;
      return sent;
    }
    return new Blocked(this.sendSlowly(task, buf, sent, flags, files));
  }

  private *sendSlowly(task: Task, buf: Uint8Array, already: number, flags: number, files: readonly File[]): Generator<Wait, number, void> {
    let sent = already;
    while (sent < buf.length) {
      try {
        yield* task.sched.sleep([this.writeWait]);
      } catch (e) {
        if (e !== ERESTARTSYS || sent === 0) throw e;
        return sent;
      }
      sent = this.sendStream(task, buf, sent, flags, files);
    }
    return sent;
  }

  /** Sends pieces as long as the send buffer has room; returns how far it came. Errors: EPIPE, with SIGPIPE, if nothing was sent. */
  private sendStream(task: Task, buf: Uint8Array, start: number, flags: number, files: readonly File[]): number {
    if ((this.shut & SEND) !== 0) return brokenPipe(task, start, flags);
    let at = start;
    while (at < buf.length) {
      const { peer } = this;
      if (peer === undefined || peer.dead || (peer.shut & RCV) !== 0) return brokenPipe(task, at, flags);
      if (this.sentWeight >= this.sndbuf) break;
      const end = Math.min(buf.length, at + STREAM_CHUNK, at + Math.max(1, (this.sndbuf >> 1) - 64));
      peer.enqueue(this, task, buf.slice(at, end), at === 0 ? files : []);
      at = end;
    }
    return at;
  }

  private sendPacket(task: Task, buf: Uint8Array, flags: number, to: SocketAddress | undefined, files: readonly File[]): MaySleep<number> {
    if (buf.length > this.sndbuf - 32) throw EMSGSIZE;
    if (this.trySendPacket(task, buf, to, files)) return buf.length;
    if (this.nonblock(flags)) throw EAGAIN;
    return new Blocked(this.sendPacketSlowly(task, buf, to, files));
  }

  private *sendPacketSlowly(
    task: Task,
    buf: Uint8Array,
    to: SocketAddress | undefined,
    files: readonly File[],
  ): Generator<Wait, number, void> {
    do yield* task.sched.sleep([this.writeWait, this.target(task, to).roomWait]);
    while (!this.trySendPacket(task, buf, to, files));
    return buf.length;
  }

  /** Whom a packet goes to. Errors: ENOTCONN, ECONNREFUSED. */
  private target(task: Task, to: SocketAddress | undefined): UnixSocket {
    if (this.type === SOCK_SEQPACKET) {
      if (this.peer === undefined) throw ENOTCONN;
      return this.peer;
    }
    if (to !== undefined) return this.find(task, to);
    if (this.peer === undefined) throw ENOTCONN;
    const { peer } = this;
    if (!peer.dead) return peer;
    this.peer = undefined;
    this.state = "closed";
    this.disconnectFrom(peer);
    throw ECONNREFUSED;
  }

  /** Returns false where there is no room. */
  private trySendPacket(task: Task, buf: Uint8Array, to: SocketAddress | undefined, files: readonly File[]): boolean {
    if (this.type === SOCK_SEQPACKET && this.peer === undefined) throw ENOTCONN;
    const error = this.takeError();
    if (error !== undefined) throw error;
    if ((this.shut & SEND) !== 0) throw EPIPE;
    const other = this.target(task, to);
    if (!other.accepts(this)) throw EPERM;
    if (other.dead || (other.shut & RCV) !== 0) throw EPIPE;
    if (this.sentWeight >= this.sndbuf || other.crowdedFor(this)) return false;
    other.enqueue(this, task, buf.slice(), files);
    return true;
  }

  /** unix_may_send(): a connected socket hears its peer only. */
  private accepts(sender: UnixSocket): boolean {
    return this.peer === undefined || this.peer === sender;
  }

  private crowdedFor(sender: UnixSocket): boolean {
    return this.peer !== sender && this.queue.length > this.backlog;
  }

  private enqueue(sender: UnixSocket, task: Task, data: Uint8Array, files: readonly File[]): void {
    const weight = weigh(data.length, sender.stream);
    const { memory } = this.system;
    if (!memory.tryCharge("sock", weight) && !(memory.outOfMemory(weight) && memory.tryCharge("sock", weight))) throw ENOBUFS;
    const from = sender.address === undefined ? undefined : sender.sockname();
    for (const file of files) {
      file.get();
      if (file instanceof UnixSocket) inflightOf(this.system).add(file);
    }
    sender.sentWeight += weight;
    this.queue.push({ data, consumed: 0, files, creds: credsOf(task), from, sender, weight });
    this.readWait.wake();
  }

  // ── Receiving ──────────────────────────────────────────────────────────────────────────────────────────────────────

  receive(task: Task, buf: Uint8Array, flags: number): MaySleep<Received> {
    if ((flags & MSG_OOB) !== 0) throw EOPNOTSUPP;
    if (this.connectionBased && this.state !== "connected") throw this.stream ? EINVAL : ENOTCONN;
    // A datagram socket that was shut down has an end for those only who would wait for it.
    if (this.nonblock(flags) && !this.connectionBased && this.queue.length === 0) throw this.takeError() ?? EAGAIN;
    const got = this.tryReceive(buf, flags);
    if (got !== undefined) return got;
    if (this.nonblock(flags)) throw EAGAIN;
    return new Blocked(this.receiveSlowly(task, buf, flags));
  }

  private *receiveSlowly(task: Task, buf: Uint8Array, flags: number): Generator<Wait, Received, void> {
    for (;;) {
      yield* task.sched.sleep([this.readWait]);
      const got = this.tryReceive(buf, flags);
      if (got !== undefined) return got;
    }
  }

  /** Undefined where there is nothing yet. Errors: what SO_ERROR would have told. */
  private tryReceive(buf: Uint8Array, flags: number): Received | undefined {
    if (this.stream && this.queue.length > 0) return this.receiveStream(buf, flags);
    const error = this.takeError();
    if (error !== undefined) throw error;
    if (this.queue.length > 0) return this.receivePacket(buf, flags);
    return (this.shut & RCV) !== 0 ? { length: 0, files: [], flags: 0 } : undefined;
  }

  private received(message: UnixMessage, length: number, files: readonly File[], flags: number): Received {
    return {
      length,
      files,
      flags,
      ...(this.passcred ? { creds: message.creds } : {}),
      ...(message.from === undefined ? {} : { from: message.from }),
    };
  }

  /** Reads over the borders of messages, but not past one that brought descriptors, nor, with SO_PASSCRED, from another sender. */
  private receiveStream(buf: Uint8Array, flags: number): Received {
    const peek = (flags & MSG_PEEK) !== 0;
    const first = this.queue[0] as UnixMessage;
    let files: readonly File[] = [];
    let at = 0;
    // A peek goes on to the next descriptors even where the buffer is full: so does Linux.
    for (let i = 0; i < this.queue.length && (at === 0 || at < buf.length || peek); ) {
      const message = this.queue[i] as UnixMessage;
      if (this.passcred && message.creds.pid !== first.creds.pid) break;
      const n = Math.min(message.data.length - message.consumed, buf.length - at);
      buf.set(message.data.subarray(message.consumed, message.consumed + n), at);
      at += n;
      const had = message.files.length > 0;
      if (had) files = peek ? peekFiles(message) : this.detachFiles(message);
      if (peek) i++;
      else {
        message.consumed += n;
        if (message.consumed < message.data.length) break;
        this.dequeue();
      }
      if (had) break;
    }
    return this.received(first, at, files, 0);
  }

  private receivePacket(buf: Uint8Array, flags: number): Received {
    const message = this.queue[0] as UnixMessage;
    const n = Math.min(message.data.length, buf.length);
    buf.set(message.data.subarray(0, n));
    const cut = n < message.data.length;
    const length = (flags & MSG_TRUNC) !== 0 ? message.data.length : n;
    const files = (flags & MSG_PEEK) !== 0 ? peekFiles(message) : this.detachFiles(message);
    if ((flags & MSG_PEEK) === 0) this.dequeue();
    return this.received(message, length, files, cut ? MSG_TRUNC : 0);
  }

  private dequeue(): void {
    const message = this.queue.shift();
    if (message !== undefined) this.discharge(message);
    this.roomWait.wake();
  }

  /** The message is gone: its sender has room again. */
  private discharge(message: UnixMessage): void {
    const { sender, weight } = message;
    this.system.memory.uncharge("sock", weight);
    sender.sentWeight -= weight;
    if (sender.sendReady) sender.writeWait.wake();
  }

  /** Takes the files out of the flight; the reference of each is the receiver's now. */
  private detachFiles(message: UnixMessage): readonly File[] {
    const { files } = message;
    message.files = [];
    for (const file of files) if (file instanceof UnixSocket) inflightOf(this.system).remove(file);
    return files;
  }

  /** Drops what waits to be read; also called by the garbage collector. */
  purge(): void {
    for (const message of this.queue.splice(0)) {
      for (const file of this.detachFiles(message)) file.put();
      this.discharge(message);
    }
    for (const embryo of this.embryos.splice(0)) embryo.close(true);
  }

  override ioctl(_caller: Caller, request: IoctlRequest): MaySleep<unknown> {
    if (request !== "FIONREAD") throw EINVAL;
    if (this.listening) throw EINVAL;
    if (!this.connectionBased) return this.queue[0]?.data.length ?? 0;
    return this.queue.reduce((sum, message) => sum + message.data.length - message.consumed, 0);
  }

  // ── Readiness and the end ──────────────────────────────────────────────────────────────────────────────────────────

  private get sendReady(): boolean {
    return this.state !== "listening" && this.sentWeight * 4 <= this.sndbuf;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.readWait, this.writeWait);
    let mask = 0;
    if (this.error !== undefined) mask |= POLLERR;
    if (this.shut === (RCV | SEND)) mask |= POLLHUP;
    if ((this.shut & RCV) !== 0) mask |= POLLRDHUP | POLLIN;
    if (this.queue.length > 0 || this.embryos.length > 0) mask |= POLLIN;
    if (this.connectionBased && this.state === "closed") mask |= POLLHUP;
    if (this.sendReady && !this.peerCrowded(queues)) mask |= POLLOUT;
    return mask;
  }

  private peerCrowded(queues: WaitQueue[] | undefined): boolean {
    const { peer } = this;
    if (this.stream || peer === undefined || peer.peer === this) return false;
    queues?.push(peer.roomWait);
    return peer.crowdedFor(this);
  }

  protected override release(): void {
    this.close(false);
    collectGarbage(this.system);
  }

  /** Whether its end resets the peer. As in Linux, an empty packet at the front does not count. */
  private get hasUnread(): boolean {
    return this.queue.length > 1 || unreadBytes(this.queue[0]) > 0;
  }

  /** unix_release_sock(). `embryo`: it was never accepted. */
  private close(embryo: boolean): void {
    const names = unixNames(this.netNs);
    names.sockets.delete(this);
    if (this.address?.startsWith("\0") === true) names.dropAbstract(this.address, this);
    this.dead = true;
    this.shut = RCV | SEND;
    const { peer } = this;
    if (peer !== undefined && this.connectionBased) {
      peer.shut = RCV | SEND;
      if (this.hasUnread || embryo) peer.error = ECONNRESET;
      peer.wakeAll();
    }
    this.purge();
    this.wakeAll();
    super.release();
    this.netNs.put();
  }
}

/** What came before the break counts. Errors: EPIPE, with SIGPIPE unless MSG_NOSIGNAL. */
function brokenPipe(task: Task, sent: number, flags: number): number {
  if (sent > 0) return sent;
  if ((flags & MSG_NOSIGNAL) === 0) task.raise(SIGPIPE);
  throw EPIPE;
}

function unreadBytes(message: UnixMessage | undefined): number {
  return message === undefined ? 0 : message.data.length - message.consumed;
}

function peekFiles(message: UnixMessage): readonly File[] {
  for (const file of message.files) file.get();
  return message.files;
}
