/** Open terminals: read, write, poll and ioctl of the slave side. Linux `n_tty_read`, `n_tty_write`, `tty_ioctl`. */

import { CAP_SYS_ADMIN } from "../../abi/capability.ts";
import { EAGAIN, EINVAL, EIO, ENOTTY, EPERM } from "../../abi/errno.ts";
import { O_ACCMODE, O_NONBLOCK, O_WRONLY } from "../../abi/fcntl.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { SIGTTIN, SIGTTOU } from "../../abi/signal.ts";
import type { Wait } from "../../abi/sys.ts";
import { type IoctlRequest, type Termios, TOSTOP, VMIN, VTIME, type Winsize } from "../../abi/termios.ts";
import { NS_PER_SEC } from "../../abi/time.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import { nsCapable } from "../ns/user.ts";
import { ERESTARTSYS } from "../restart.ts";
import type { WaitQueue } from "../sched/wait-queue.ts";
import { callerTask } from "../task/task.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Path } from "../vfs/dentry.ts";
import { File } from "../vfs/file.ts";
import type { Inode } from "../vfs/inode.ts";
import { checkForeground, tiocgpgrp, tiocgsid, tiocnotty, tiocsctty, tiocspgrp } from "./jobctrl.ts";
import type { Tty, TtyOpener } from "./tty.ts";

/** TIME_CHAR counts tenths of a second. */
const VTIME_NS = NS_PER_SEC / 10;
/** Access and modification times of a terminal move in steps, so that they do not tell how fast one types. */
const TIME_STEP_SEC = 8;

const TCIFLUSH = 0;
const TCOFLUSH = 1;
const TCIOFLUSH = 2;

export class TtyFile extends File implements TtyOpener {
  hungUp = false;

  constructor(
    readonly tty: Tty,
    inode: Inode,
    flags: number,
    path: Path | undefined,
  ) {
    super(inode, flags, path);
    tty.addOpener(this);
  }

  override describe(): string {
    return `/dev/${this.tty.name}`;
  }

  private get nonblock(): boolean {
    return (this.flags & O_NONBLOCK) !== 0;
  }

  // ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    if (this.hungUp || buf.length === 0) return 0;
    const { tty } = this;
    checkForeground(tty, callerTask(caller), SIGTTIN);
    const { cc } = tty.termios;
    const least = tty.canonical ? 1 : Math.min(cc[VMIN] as number, buf.length);
    if (tty.readReady(false)) {
      const n = tty.copyInput(buf, 0);
      this.accessed(caller, "atime");
      if (n >= least || tty.canonical || this.nonblock) return n;
      return new Blocked(this.readRaw(caller, buf, n));
    }
    if (this.nonblock && !(least === 0 && cc[VTIME] === 0)) throw EAGAIN;
    return new Blocked(tty.canonical ? this.readLine(caller, buf) : this.readRaw(caller, buf, 0));
  }

  private *readLine(caller: Caller, buf: Uint8Array): Generator<Wait, number, void> {
    const { tty } = this;
    while (!tty.readReady(false)) {
      yield* caller.sched.sleep(tty.readQueues);
      if (this.hungUp) return 0;
      // Someone else may have come to the foreground, or changed the mode, meanwhile.
      if (!tty.canonical) return yield* this.readRaw(caller, buf, 0);
    }
    this.accessed(caller, "atime");
    return tty.copyInput(buf, 0);
  }

  /** Until VMIN bytes are there, or VTIME has passed since the last byte (with VMIN 0: since the call). */
  private *readRaw(caller: Caller, buf: Uint8Array, already: number): Generator<Wait, number, void> {
    const { tty } = this;
    const vmin = tty.termios.cc[VMIN] as number;
    const spanNs = (tty.termios.cc[VTIME] as number) * VTIME_NS;
    const least = Math.min(Math.max(vmin, 1), buf.length);
    let done = already;
    let deadlineNs = Number.POSITIVE_INFINITY;
    if (vmin === 0) deadlineNs = caller.sched.clockNs + spanNs;
    else if (spanNs > 0 && done > 0) deadlineNs = caller.sched.clockNs + spanNs;
    while (done < least) {
      if (tty.readReady(false)) {
        done += tty.copyInput(buf, done);
        if (tty.canonical) break;
        if (vmin > 0 && spanNs > 0) deadlineNs = caller.sched.clockNs + spanNs;
        continue;
      }
      if (deadlineNs <= caller.sched.clockNs) break;
      try {
        if ((yield* caller.sched.sleep(tty.readQueues, deadlineNs)) === "timeout" && !tty.readReady(false)) break;
      } catch (e) {
        if (e !== ERESTARTSYS || done === 0) throw e;
        break;
      }
      if (this.hungUp) break;
    }
    if (done > 0) this.accessed(caller, "atime");
    return done;
  }

  // ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────────────

  override write(caller: Caller, buf: Uint8Array): MaySleep<number> {
    const { tty } = this;
    if (this.hungUp || tty.driver.closed) throw EIO;
    if ((tty.termios.lflag & TOSTOP) !== 0) checkForeground(tty, callerTask(caller), SIGTTOU);
    const at = tty.output(buf, 0, buf.length);
    if (at > 0) this.accessed(caller, "mtime");
    if (at === buf.length) return at;
    if (this.nonblock) {
      if (at === 0) throw EAGAIN;
      return at;
    }
    return new Blocked(this.writeSlowly(caller, buf, at));
  }

  private *writeSlowly(caller: Caller, buf: Uint8Array, already: number): Generator<Wait, number, void> {
    const { tty } = this;
    let at = already;
    while (at < buf.length) {
      try {
        yield* caller.sched.sleep(tty.writeQueues);
      } catch (e) {
        if (e !== ERESTARTSYS || at === 0) throw e;
        return at;
      }
      if (this.hungUp || tty.driver.closed) {
        if (at > 0) return at;
        throw EIO;
      }
      at = tty.output(buf, at, buf.length);
    }
    return at;
  }

  private accessed(caller: Caller, field: "atime" | "mtime"): void {
    const now = callerTask(caller).now();
    const before = this.inode[field].sec;
    if (Math.floor(now.sec / TIME_STEP_SEC) !== Math.floor(before / TIME_STEP_SEC)) {
      this.inode[field] = { sec: now.sec - (now.sec % TIME_STEP_SEC), nsec: 0 };
    }
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    if (this.hungUp) return POLLIN | POLLOUT | POLLERR | POLLHUP;
    const { tty } = this;
    queues?.push(tty.readWait, tty.writeWait);
    let mask = 0;
    if (tty.readReady(true)) mask |= POLLIN;
    if (tty.driver.closed) mask |= POLLHUP;
    if (tty.room() > 0) mask |= POLLOUT;
    return mask;
  }

  // ── Control ────────────────────────────────────────────────────────────────────────────────────────────────────────

  override ioctl(caller: Caller, request: IoctlRequest, arg: unknown): MaySleep<unknown> {
    if (this.hungUp) throw request === "TIOCSPGRP" ? ENOTTY : EIO;
    const task = callerTask(caller);
    const { tty } = this;
    switch (request) {
      case "TIOCSCTTY":
        tiocsctty(tty, task, arg === 1, (this.flags & O_ACCMODE) !== O_WRONLY);
        return undefined;
      case "TIOCNOTTY":
        tiocnotty(tty, task);
        return undefined;
      case "FIONREAD":
        return tty.readableBytes;
      case "TIOCSTI":
        if (task.tg.tty !== tty && !nsCapable(task.cred, task.system.initUserNs, CAP_SYS_ADMIN)) throw EPERM;
        tty.simulate(Number(arg) & 0xff);
        return undefined;
      default:
        return ttyIoctl(tty, caller, request, arg, false);
    }
  }

  protected override release(): void {
    this.tty.removeOpener(this);
  }
}

function isTermios(arg: unknown): arg is Termios {
  return typeof arg === "object" && arg !== null && "lflag" in arg && "cc" in arg;
}

function isWinsize(arg: unknown): arg is Winsize {
  return typeof arg === "object" && arg !== null && "rows" in arg && "cols" in arg;
}

/** What both sides of a pty answer alike. Errors: ENOTTY for other requests. */
export function ttyIoctl(tty: Tty, caller: Caller, request: IoctlRequest, arg: unknown, asMaster: boolean): unknown {
  const task = callerTask(caller);
  switch (request) {
    case "TCGETS":
      return tty.termios;
    case "TCSETS":
    case "TCSETSW":
    case "TCSETSF":
      if (!isTermios(arg)) throw EINVAL;
      if (!asMaster) checkForeground(tty, task, SIGTTOU);
      if (request === "TCSETSF") tty.flushInput();
      tty.setTermios(arg);
      return undefined;
    case "TIOCGWINSZ":
      return tty.winsize;
    case "TIOCSWINSZ":
      if (!isWinsize(arg)) throw EINVAL;
      tty.setWinsize(arg.rows, arg.cols);
      return undefined;
    case "TIOCGPGRP":
      return tiocgpgrp(tty, task, asMaster);
    case "TIOCSPGRP":
      tiocspgrp(tty, task, Number(arg), SIGTTOU);
      return undefined;
    case "TIOCGSID":
      return tiocgsid(tty, task, asMaster);
    case "TCFLSH":
      if (!asMaster) checkForeground(tty, task, SIGTTOU);
      if (arg !== TCIFLUSH && arg !== TCOFLUSH && arg !== TCIOFLUSH) throw EINVAL;
      if (arg !== TCOFLUSH) tty.flushInput();
      if (arg !== TCIFLUSH) tty.flushOutput();
      return undefined;
    default:
      throw ENOTTY;
  }
}
