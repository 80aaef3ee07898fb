/**
 * Pipes and FIFOs: pipe(7), fifo(7), Linux `fs/pipe.c`. A ring of page-sized slots, as in Linux: a write of up to PIPE_BUF
 * bytes is atomic because it goes into one slot as a whole, or is appended to the last one.
 *
 * Left out: splice, tee, vmsplice, the per-user limits of pipe buffers (fs.pipe-user-pages-soft), SIGIO.
 */

import { CAP_SYS_RESOURCE } from "../../../abi/capability.ts";
import { EAGAIN, EBADF, EBUSY, EINVAL, ENOMEM, ENOTTY, ENXIO, EPERM, EPIPE } from "../../../abi/errno.ts";
import { O_ACCMODE, O_DIRECT, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../../../abi/fcntl.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../../abi/poll.ts";
import { SIGPIPE } from "../../../abi/signal.ts";
import type { Wait } from "../../../abi/sys.ts";
import type { IoctlRequest } from "../../../abi/termios.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import type { Memory } from "../../mm/memory.ts";
import { nsCapable } from "../../ns/user.ts";
import { PAGE_SIZE, PIPE_CAPACITY, PIPE_MAX_SIZE } from "../../params.ts";
import { ERESTARTSYS } from "../../restart.ts";
import { WaitQueue, type Waiter } from "../../sched/wait-queue.ts";
import type { System } from "../../task/system.ts";
import { callerTask } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { File } from "../../vfs/file.ts";
import type { Inode } from "../../vfs/inode.ts";
import { AnonInode, freeAnonInode, newAnonInode } from "../../task/anon-inode.ts";
import type { Module } from "../../task/module.ts";
import type { Task } from "../../task/task.ts";
import type { Pipes } from "./module.ts";

/** Below this a loop is faster than a view and its set(). */
const SMALL_COPY = 96;

function copyBytes(from: Uint8Array, at: number, to: Uint8Array, toAt: number, length: number): void {
  if (length > SMALL_COPY) {
    to.set(at === 0 && length === from.length ? from : from.subarray(at, at + length), toAt);
    return;
  }
  for (let i = 0; i < length; i++) to[toAt + i] = from[at + i] as number;
}

/** The buffer between the ends: Linux `struct pipe_inode_info`. */
export class Pipe {
  readonly readWait = new WaitQueue();
  readonly writeWait = new WaitQueue();
  readonly readQueues = [this.readWait];
  readonly writeQueues = [this.writeWait];
  /** Open descriptions of each end, with FIFO openers that still wait for their partner. Written by PipeFile. */
  readers = 0;
  writers = 0;
  /** How often each end was opened; a FIFO's opener waits for the other one to change. */
  readerOpens = 0;
  writerOpens = 0;
  /** Someone polls: every write wakes, for the sake of edge-triggered epoll. */
  polled = false;
  /** Slots by index modulo slotCount; occupied from tail to head. */
  private slotCount = PIPE_CAPACITY / PAGE_SIZE;
  private head = 0;
  private tail = 0;
  private pages: (Uint8Array | undefined)[] = [];
  private offsets: number[] = [];
  private lengths: number[] = [];
  /** Slots of O_DIRECT writes: nothing is appended, and a read takes no more than one. */
  private packets: boolean[] = [];
  /** A page that was emptied last, for the next write. */
  private spare: Uint8Array | undefined;

  constructor(
    private readonly memory: Memory,
    /** Called once no end is open any more. */
    readonly onGone: () => void,
  ) {}

  get empty(): boolean {
    return this.head === this.tail;
  }

  get full(): boolean {
    return this.head - this.tail >= this.slotCount;
  }

  /** F_GETPIPE_SZ, bytes. */
  get capacity(): number {
    return this.slotCount * PAGE_SIZE;
  }

  /** FIONREAD: bytes that wait to be read. */
  get available(): number {
    let sum = 0;
    for (let i = this.tail; i !== this.head; i++) sum += this.lengths[i & (this.slotCount - 1)] as number;
    return sum;
  }

  /** Moves what there is into `buf`; returns the number of bytes, 0 where it is empty. Wakes writers where it was full. */
  take(buf: Uint8Array): number {
    const mask = this.slotCount - 1;
    const wasFull = this.full;
    const tail = this.tail;
    let done = 0;
    while (this.tail !== this.head && done < buf.length) {
      const slot = this.tail & mask;
      const offset = this.offsets[slot] as number;
      const length = this.lengths[slot] as number;
      const n = Math.min(length, buf.length - done);
      copyBytes(this.pages[slot] as Uint8Array, offset, buf, done, n);
      done += n;
      const packet = this.packets[slot] === true;
      if (n === length || packet) this.freeSlot(slot);
      else {
        this.offsets[slot] = offset + n;
        this.lengths[slot] = length - n;
      }
      if (packet) break;
    }
    if (wasFull && this.tail !== tail) this.writeWait.wake();
    return done;
  }

  private freeSlot(slot: number): void {
    this.spare = this.pages[slot];
    this.pages[slot] = undefined;
    this.tail++;
    this.memory.uncharge("pipe", PAGE_SIZE);
  }

  /**
   * Takes bytes of `buf` from `start` on; returns how many fitted. The odd part of a write goes into what is left of the
   * last page if it fits there as a whole: only `first` writes of a call may do so. Errors: ENOMEM if nothing was taken.
   */
  put(buf: Uint8Array, start: number, first: boolean, packet: boolean): number {
    const mask = this.slotCount - 1;
    const wasEmpty = this.head === this.tail;
    const total = buf.length - start;
    const odd = total & (PAGE_SIZE - 1);
    let done = 0;
    if (first && odd > 0 && !wasEmpty && !packet) {
      const slot = (this.head - 1) & mask;
      const end = (this.offsets[slot] as number) + (this.lengths[slot] as number);
      if (this.packets[slot] !== true && end + odd <= PAGE_SIZE) {
        copyBytes(buf, start, this.pages[slot] as Uint8Array, end, odd);
        this.lengths[slot] = (this.lengths[slot] as number) + odd;
        done = odd;
      }
    }
    while (done < total && this.head - this.tail < this.slotCount) {
      if (!this.memory.tryCharge("pipe", PAGE_SIZE) && !this.reclaim()) {
        if (done === 0) throw ENOMEM;
        break;
      }
      const n = Math.min(PAGE_SIZE, total - done);
      const page = this.spare ?? new Uint8Array(PAGE_SIZE);
      this.spare = undefined;
      copyBytes(buf, start + done, page, 0, n);
      const slot = this.head & mask;
      this.pages[slot] = page;
      this.offsets[slot] = 0;
      this.lengths[slot] = n;
      this.packets[slot] = packet;
      this.head++;
      done += n;
    }
    if (done > 0 && (wasEmpty || this.polled)) this.readWait.wake();
    return done;
  }

  private reclaim(): boolean {
    return this.memory.outOfMemory(PAGE_SIZE) && this.memory.tryCharge("pipe", PAGE_SIZE);
  }

  /** F_SETPIPE_SZ: rounds up to a power of two of pages; returns the new capacity. Errors: EBUSY if more is in use. */
  resize(bytes: number): number {
    let slots = 1;
    while (slots * PAGE_SIZE < bytes) slots *= 2;
    const used = this.head - this.tail;
    if (used > slots) throw EBUSY;
    const order = Array.from({ length: used }, (_, i) => (this.tail + i) & (this.slotCount - 1));
    const wasFull = this.full;
    this.pages = order.map((slot) => this.pages[slot]);
    this.offsets = order.map((slot) => this.offsets[slot] as number);
    this.lengths = order.map((slot) => this.lengths[slot] as number);
    this.packets = order.map((slot) => this.packets[slot] === true);
    this.tail = 0;
    this.head = used;
    this.slotCount = slots;
    if (wasFull && !this.full) this.writeWait.wake();
    return this.capacity;
  }

  /** Drops the content: no end is open any more. */
  clear(): void {
    this.memory.uncharge("pipe", (this.head - this.tail) * PAGE_SIZE);
    this.tail = this.head;
    this.pages = [];
    this.spare = undefined;
  }

  /** One end was opened or closed. */
  wakeAll(): void {
    this.readWait.wake();
    this.writeWait.wake();
  }
}

/** The inode of pipe(2). Opening its magic link in /proc opens the pipe again, as a FIFO is opened. */
class PipeInode extends AnonInode {
  override open(path: Path, flags: number, caller: Caller): MaySleep<File> {
    return openFifo(this, path, flags, caller);
  }
}

/** One end of a pipe, or of a FIFO; both, for O_RDWR. */
export class PipeFile extends File {
  /** Reads and writes as fixed at open: the hot path asks no flags. */
  private readonly reads: boolean;
  private readonly writes: boolean;
  /** A FIFO opened for reading before any writer: no POLLHUP until one has come and gone. */
  private quietUntil = -1;

  constructor(
    readonly pipe: Pipe,
    inode: Inode,
    flags: number,
    path: Path | undefined,
  ) {
    super(inode, flags, path);
    this.reads = this.readable;
    this.writes = this.writable;
    if (this.reads) {
      pipe.readers++;
      pipe.readerOpens++;
    }
    if (this.writes) {
      pipe.writers++;
      pipe.writerOpens++;
    }
  }

  override describe(): string {
    return `pipe:[${this.inode.ino}]`;
  }

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    if (buf.length === 0) return 0;
    const n = this.pipe.take(buf);
    if (n > 0 || this.pipe.writers === 0) return n;
    if ((this.flags & O_NONBLOCK) !== 0) throw EAGAIN;
    return new Blocked(this.readSlowly(caller, buf));
  }

  private *readSlowly(caller: Caller, buf: Uint8Array): Generator<Wait, number, void> {
    const pipe = this.pipe;
    for (;;) {
      yield* caller.sched.sleep(pipe.readQueues);
      const n = pipe.take(buf);
      if (n > 0 || pipe.writers === 0) return n;
    }
  }

  override write(caller: Caller, buf: Uint8Array): MaySleep<number> {
    if (buf.length === 0) return 0;
    const pipe = this.pipe;
    if (pipe.readers === 0) {
      caller.raise(SIGPIPE);
      throw EPIPE;
    }
    const n = pipe.put(buf, 0, true, (this.flags & O_DIRECT) !== 0);
    if (n === buf.length) return n;
    if ((this.flags & O_NONBLOCK) !== 0) {
      if (n === 0) throw EAGAIN;
      return n;
    }
    return new Blocked(this.writeSlowly(caller, buf, n));
  }

  private *writeSlowly(caller: Caller, buf: Uint8Array, already: number): Generator<Wait, number, void> {
    const pipe = this.pipe;
    let done = already;
    while (done < buf.length) {
      try {
        yield* caller.sched.sleep(pipe.writeQueues);
      } catch (e) {
        if (e !== ERESTARTSYS || done === 0) throw e;
        return done;
      }
      if (pipe.readers === 0) {
        caller.raise(SIGPIPE);
        if (done > 0) return done;
        throw EPIPE;
      }
      done += pipe.put(buf, done, done === 0, (this.flags & O_DIRECT) !== 0);
    }
    return done;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    const pipe = this.pipe;
    let mask = 0;
    if (queues !== undefined) pipe.polled = true;
    if (this.reads) {
      queues?.push(pipe.readWait);
      if (!pipe.empty) mask |= POLLIN;
      if (pipe.writers === 0 && pipe.writerOpens !== this.quietUntil) mask |= POLLHUP;
    }
    if (this.writes) {
      queues?.push(pipe.writeWait);
      if (!pipe.full) mask |= POLLOUT;
      // Most Unices use POLLHUP here, Linux POLLERR.
      if (pipe.readers === 0) mask |= POLLERR;
    }
    return mask;
  }

  override ioctl(_caller: Caller, request: IoctlRequest): MaySleep<unknown> {
    if (request === "FIONREAD") return this.pipe.available;
    throw ENOTTY;
  }

  /** fcntl(F_GETPIPE_SZ), bytes. */
  get capacity(): number {
    return this.pipe.capacity;
  }

  /** fcntl(F_SETPIPE_SZ). Errors: EPERM beyond fs.pipe-max-size without CAP_SYS_RESOURCE; EBUSY; EINVAL. */
  setCapacity(caller: Caller, bytes: number): number {
    if (bytes <= 0 || bytes > 0x7fffffff) throw EINVAL;
    const { cred } = caller;
    const { initUserNs } = callerTask(caller).system;
    if (bytes > PIPE_MAX_SIZE && bytes > this.pipe.capacity && !nsCapable(cred, initUserNs, CAP_SYS_RESOURCE)) throw EPERM;
    return this.pipe.resize(bytes);
  }

  protected override release(): void {
    this.leave();
  }

  /** Takes this end off the counts: at release, or when a FIFO's open is given up. */
  leave(): void {
    const pipe = this.pipe;
    if (this.reads) pipe.readers--;
    if (this.writes) pipe.writers--;
    if (pipe.readers === 0 && pipe.writers === 0) {
      pipe.clear();
      pipe.onGone();
    } else if (pipe.readers === 0 || pipe.writers === 0) pipe.wakeAll();
  }

  /** Blocks until the other end of a FIFO was opened at least once since. */
  *awaitPartner(caller: Caller): Generator<Wait, File, void> {
    const pipe = this.pipe;
    const before = this.reads ? pipe.writerOpens : pipe.readerOpens;
    const openers = [new OpenerQueue(this), this.reads ? pipe.readWait : pipe.writeWait];
    try {
      while (before === (this.reads ? pipe.writerOpens : pipe.readerOpens)) yield* caller.sched.sleep(openers);
    } catch (e) {
      this.leave();
      throw e;
    }
    return this;
  }

  /** O_NONBLOCK: nobody has written yet, so that nobody has hung up. */
  quiet(): this {
    this.quietUntil = this.pipe.writerOpens;
    return this;
  }
}

/** Tells a FIFO that the task which waits in open(2) was killed: its generator is dropped, and cleans up nothing. */
class OpenerQueue extends WaitQueue {
  constructor(private readonly file: PipeFile) {
    super();
  }

  override remove(waiter: Waiter): void {
    super.remove(waiter);
    const { killPending, state } = waiter as Waiter & { readonly killPending: boolean; readonly state: string };
    if (killPending || state === "dead") this.file.leave();
  }
}

/** FIFOs that are open, by inode (`i_pipe`). */
const fifos = new WeakMap<Inode, Pipe>();

/** pipe2(2): the read end and the write end, with no reference taken yet. `flags` may hold O_NONBLOCK and O_DIRECT. */
export function makePipe(system: System, flags: number, owner: Caller | undefined): readonly [PipeFile, PipeFile] {
  const inode = newAnonInode(system, "pipefs", 0o010600, owner, PipeInode);
  const pipe = new Pipe(system.memory, () => freeAnonInode(system));
  fifos.set(inode, pipe);
  return [new PipeFile(pipe, inode, O_RDONLY | (flags & O_NONBLOCK), undefined), new PipeFile(pipe, inode, O_WRONLY | flags, undefined)];
}

/**
 * open(2) of a FIFO. Blocks until the other end is opened too, unless O_NONBLOCK or O_RDWR.
 * Errors: ENXIO for O_WRONLY | O_NONBLOCK without a reader.
 */
function openFifo(inode: Inode, path: Path, flags: number, caller: Caller): MaySleep<File> {
  let pipe = fifos.get(inode);
  const access = flags & O_ACCMODE;
  if (access === O_WRONLY && (flags & O_NONBLOCK) !== 0 && (pipe === undefined || pipe.readers === 0)) throw ENXIO;
  if (pipe === undefined) {
    pipe = new Pipe(callerTask(caller).system.memory, () => fifos.delete(inode));
    fifos.set(inode, pipe);
  }
  const file = new PipeFile(pipe, inode, flags, path);
  if (access === O_RDONLY) {
    if (pipe.readers === 1) pipe.writeWait.wake();
    if (pipe.writers > 0 || inode instanceof PipeInode) return file;
    return (flags & O_NONBLOCK) !== 0 ? file.quiet() : new Blocked(file.awaitPartner(caller));
  }
  if (access === O_WRONLY) {
    if (pipe.writers === 1) pipe.readWait.wake();
    return pipe.readers > 0 || inode instanceof PipeInode ? file : new Blocked(file.awaitPartner(caller));
  }
  if (pipe.readers === 1 || pipe.writers === 1) pipe.wakeAll();
  return file;
}

function capacity(file: File, task: Task, bytes: number | undefined): number {
  if (!(file instanceof PipeFile)) throw EBADF;
  return bytes === undefined ? file.pipe.capacity : file.setCapacity(task, bytes);
}

export const pipesModule: Module<Pipes> = { init: () => ({ openFifo, capacity }) };
