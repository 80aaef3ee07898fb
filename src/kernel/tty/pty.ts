/**
 * Pseudo-terminals: pty(7), Linux `drivers/tty/pty.c`. What programs write on the slave waits in a buffer for the master;
 * when it is full they sleep. The master is either an open file of a program, or a terminal outside the machine.
 *
 * Left out: packet mode (TIOCPKT), TIOCGPTPEER, BSD ptys.
 */

import { EAGAIN, EIO } from "../../abi/errno.ts";
import { O_NONBLOCK } from "../../abi/fcntl.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { makedev } from "../../abi/stat.ts";
import type { Wait } from "../../abi/sys.ts";
import type { IoctlRequest } from "../../abi/termios.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import { PTY_OUTPUT_BUFFER, TTY_BUFFER } from "../params.ts";
import { ERESTARTSYS } from "../restart.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import type { System } from "../task/system.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Path } from "../vfs/dentry.ts";
import { File } from "../vfs/file.ts";
import type { Inode } from "../vfs/inode.ts";
import { ByteQueue } from "./byte-queue.ts";
import { PTY_TERMIOS } from "./termios.ts";
import { ttyIoctl } from "./tty-file.ts";
import { Tty, type TtyDriver } from "./tty.ts";

/** Major number of /dev/pts/N (UNIX98_PTY_SLAVE_MAJOR). */
export const PTS_MAJOR = 136;

/** Both sides. */
export class Pty implements TtyDriver {
  readonly pty = true;
  readonly slave: Tty;
  readonly masterWait = new WaitQueue();
  readonly masterQueues = [this.masterWait];
  /** TIOCSPTLCK: the slave cannot be opened yet. */
  locked = true;
  /** The master is closed: the slave fails. */
  closed = false;
  /** The slave was opened before and is not now: the master reads EIO. */
  slaveClosed = false;
  /** Told when output comes in, and when the slave is closed; for a master outside the machine. */
  onReadable: (() => void) | undefined;
  private readonly output = new ByteQueue(PTY_OUTPUT_BUFFER);
  /** Output came in since pushed() was called last. */
  private fresh = false;

  constructor(
    system: System,
    readonly index: number,
    /** The number is free again: both sides are closed. */
    private readonly onGone: () => void,
  ) {
    this.slave = new Tty(system, `pts/${index}`, makedev(PTS_MAJOR, index), this, PTY_TERMIOS);
  }

  // ── The slave's driver ─────────────────────────────────────────────────────────────────────────────────────────────

  room(): number {
    return this.closed ? 0 : this.output.room;
  }

  push(byte: number): void {
    this.output.push(byte);
    this.fresh = true;
  }

  pushed(): void {
    if (!this.fresh) return;
    this.fresh = false;
    this.masterWait.wake();
    this.onReadable?.();
  }

  /** What Linux has already handed to the master's own buffer stays. */
  flush(): void {
    this.output.truncate(TTY_BUFFER - 1);
    this.slave.wakeWriters();
  }

  inputDrained(): void {
    this.masterWait.wake();
  }

  opened(): void {
    this.slaveClosed = false;
  }

  released(): void {
    this.slaveClosed = true;
    this.masterWait.wake();
    this.onReadable?.();
    if (this.closed) this.onGone();
  }

  // ── The master's side ──────────────────────────────────────────────────────────────────────────────────────────────

  get readable(): number {
    return this.output.length;
  }

  /** Takes output; makes room for the slave's writers. */
  takeOutput(buf: Uint8Array): number {
    const n = this.output.take(buf);
    if (n > 0) this.slave.outputDrained();
    return n;
  }

  /** The master is closed: the slave's session is hung up. */
  closeMaster(): void {
    this.closed = true;
    this.onReadable = undefined;
    this.output.truncate(0);
    this.slave.hangup();
    if (this.slave.openers.size === 0) this.onGone();
  }
}

/** An open /dev/ptmx. */
export class PtyMaster extends File {
  constructor(
    readonly pair: Pty,
    inode: Inode,
    flags: number,
    path: Path | undefined,
    /** Takes the slave's node out of its devpts. */
    private readonly unlink: () => void,
  ) {
    super(inode, flags, path);
  }

  override describe(): string {
    return "/dev/ptmx";
  }

  private get nonblock(): boolean {
    return (this.flags & O_NONBLOCK) !== 0;
  }

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    if (buf.length === 0) return 0;
    const n = this.pair.takeOutput(buf);
    if (n > 0) return n;
    if (this.pair.slaveClosed) throw EIO;
    if (this.nonblock) throw EAGAIN;
    return new Blocked(this.readSlowly(caller, buf));
  }

  private *readSlowly(caller: Caller, buf: Uint8Array): Generator<Wait, number, void> {
    for (;;) {
      yield* caller.sched.sleep(this.pair.masterQueues);
      const n = this.pair.takeOutput(buf);
      if (n > 0) return n;
      if (this.pair.slaveClosed) throw EIO;
    }
  }

  override write(caller: Caller, buf: Uint8Array): MaySleep<number> {
    const n = this.pair.slave.input(buf);
    if (n === buf.length) return n;
    if (this.nonblock) {
      if (n === 0) throw EAGAIN;
      return n;
    }
    return new Blocked(this.writeSlowly(caller, buf, n));
  }

  private *writeSlowly(caller: Caller, buf: Uint8Array, already: number): Generator<Wait, number, void> {
    let done = already;
    while (done < buf.length) {
      try {
        yield* caller.sched.sleep(this.pair.masterQueues);
      } catch (e) {
        if (e !== ERESTARTSYS || done === 0) throw e;
        return done;
      }
      done += this.pair.slave.input(buf.subarray(done));
    }
    return done;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.pair.masterWait);
    let mask = 0;
    if (this.pair.readable > 0) mask |= POLLIN;
    if (this.pair.slaveClosed) mask |= POLLHUP;
    if (this.pair.slave.inputRoom > 0) mask |= POLLOUT;
    return mask;
  }

  override ioctl(caller: Caller, request: IoctlRequest, arg: unknown): MaySleep<unknown> {
    switch (request) {
      case "TIOCGPTN":
        return this.pair.index;
      case "TIOCSPTLCK":
        this.pair.locked = Number(arg) !== 0;
        return undefined;
      case "FIONREAD":
        return this.pair.readable;
      default:
        return ttyIoctl(this.pair.slave, caller, request, arg, true);
    }
  }

  protected override release(): void {
    this.unlink();
    this.pair.closeMaster();
  }
}
