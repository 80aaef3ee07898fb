/**
 * Terminals: tty(4), ioctl_tty(2), Linux `drivers/tty/tty_io.c`, `tty_ioctl.c`. A Tty is the side that programs have as
 * their terminal (the slave of a pty, the console); its driver is what the bytes go to. See jobctrl.ts for sessions.
 */

import { EINVAL } from "../../abi/errno.ts";
import { SIGWINCH } from "../../abi/signal.ts";
import type { Termios, Winsize } from "../../abi/termios.ts";
import type { Pid } from "../ns/pid.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import type { System } from "../task/system.ts";
import type { ControllingTty } from "../task/task.ts";
import { ByteQueue } from "./byte-queue.ts";
import { hangupSession, leaderExits } from "./jobctrl.ts";
import { type DisciplineHost, LineDiscipline } from "./n-tty.ts";
import { copyTermios } from "./termios.ts";

/** Input that waits for room in the discipline's buffer (Linux: the flip buffer, TTYB_DEFAULT_MEM_LIMIT). */
const INPUT_QUEUE = 65_536;

/** The other side of a terminal: a pty's master, or the console's screen. */
export interface TtyDriver {
  readonly pty: boolean;
  room(): number;
  push(byte: number): void;
  /** Bytes were pushed: who reads them may be told. */
  pushed(): void;
  /** Throws away what has not been read. */
  flush(): void;
  /** The other side is gone: writes fail with EIO. */
  readonly closed: boolean;
  /** Room for input was made. */
  inputDrained(): void;
  /** The first and the last open description of this side. */
  opened(): void;
  released(): void;
}

/** An open description of the terminal, as the terminal sees it. */
export interface TtyOpener {
  /** Reads end, writes fail: set by hangup, for good. */
  hungUp: boolean;
}

export class Tty implements ControllingTty, DisciplineHost {
  private settings: Termios;
  private size: Winsize = { rows: 0, cols: 0 };
  private readonly discipline: LineDiscipline;
  private readonly waitingInput = new ByteQueue(INPUT_QUEUE);
  readonly readWait = new WaitQueue();
  readonly writeWait = new WaitQueue();
  readonly readQueues = [this.readWait];
  readonly writeQueues = [this.writeWait];
  /** Open descriptions of this side. */
  readonly openers = new Set<TtyOpener>();
  /** The session that it controls, and its foreground process group. Written by jobctrl.ts. */
  session: Pid | undefined;
  foreground: Pid | undefined;
  /** Output is stopped by ^S. */
  stopped = false;

  constructor(
    readonly system: System,
    readonly name: string,
    readonly dev: number,
    readonly driver: TtyDriver,
    termios: Termios,
  ) {
    this.settings = copyTermios(termios);
    this.discipline = new LineDiscipline(this);
  }

  get termios(): Termios {
    return this.settings;
  }

  get winsize(): Winsize {
    return this.size;
  }

  /** TCSETS. Wakes whoever waits, since what counts as input may have changed. */
  setTermios(t: Termios): void {
    const old = this.settings;
    this.settings = copyTermios(t);
    this.discipline.termiosChanged(old);
    this.driver.pushed();
  }

  /** TIOCSWINSZ: a new size is told to the foreground process group. Errors: EINVAL. */
  setWinsize(rows: number, cols: number): void {
    if (!Number.isInteger(rows) || !Number.isInteger(cols) || rows < 0 || cols < 0 || rows > 65_535 || cols > 65_535) throw EINVAL;
    if (rows === this.size.rows && cols === this.size.cols) return;
    this.size = { rows, cols };
    this.signal(SIGWINCH);
  }

  // ── What the discipline asks for ───────────────────────────────────────────────────────────────────────────────────

  room(): number {
    return this.stopped ? 0 : this.driver.room();
  }

  push(byte: number): void {
    this.driver.push(byte);
  }

  stop(): void {
    this.stopped = true;
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.writeWait.wake();
  }

  signal(sig: number): void {
    if (this.foreground !== undefined) this.system.signals.sendToPgrp(sig, this.foreground);
  }

  flushOutput(): void {
    this.driver.flush();
  }

  wakeReaders(): void {
    this.readWait.wake();
  }

  wakeWriters(): void {
    this.writeWait.wake();
  }

  // ── Bytes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Bytes from the keyboard side; returns how many were taken. */
  input(bytes: Uint8Array): number {
    let taken = 0;
    if (this.waitingInput.length === 0) taken = this.discipline.receive(bytes, 0, bytes.length);
    if (taken < bytes.length) taken += this.waitingInput.pushAll(bytes, taken, bytes.length);
    this.driver.pushed();
    return taken;
  }

  /** TIOCSTI: one byte, past what waits. */
  simulate(byte: number): void {
    this.discipline.receive(Uint8Array.of(byte), 0, 1);
    this.driver.pushed();
  }

  /** The discipline has room again. */
  private drainInput(): void {
    const chunk = new Uint8Array(256);
    while (this.waitingInput.length > 0) {
      const n = this.waitingInput.peek(chunk);
      const taken = this.discipline.receive(chunk, 0, n);
      this.waitingInput.skip(taken);
      if (taken < n) break;
    }
    this.driver.pushed();
    this.driver.inputDrained();
  }

  get inputRoom(): number {
    return this.waitingInput.room;
  }

  /** Whether there is something to read. */
  readReady(polling: boolean): boolean {
    return this.discipline.available(polling);
  }

  get canonical(): boolean {
    return this.discipline.canonical;
  }

  get readableBytes(): number {
    return this.discipline.readable;
  }

  /** Copies what a reader gets at once; returns the number of bytes. */
  copyInput(buf: Uint8Array, at: number): number {
    const n = this.discipline.copy(buf, at);
    if (this.waitingInput.length > 0) this.drainInput();
    return n;
  }

  /** Writes from `start` on as far as there is room; returns where it stopped. */
  output(buf: Uint8Array, start: number, end: number): number {
    const post = this.discipline.output;
    post.processEchoes();
    const at = post.write(buf, start, end);
    this.driver.pushed();
    return at;
  }

  /** Output can be taken again: echo that was held back goes first. */
  outputDrained(): void {
    if (this.discipline.output.pendingEchoes > 0) {
      this.discipline.output.processEchoes();
      this.driver.pushed();
    }
    this.writeWait.wake();
  }

  /** TCFLSH and TCSETSF. */
  flushInput(): void {
    this.discipline.flushInput();
    this.waitingInput.truncate(0);
    this.driver.inputDrained();
  }

  // ── Opening, hanging up ────────────────────────────────────────────────────────────────────────────────────────────

  addOpener(opener: TtyOpener): void {
    this.openers.add(opener);
    if (this.openers.size > 1) return;
    this.system.trace.emit({ name: "tty_open", tty: this.name });
    this.driver.opened();
  }

  removeOpener(opener: TtyOpener): void {
    this.openers.delete(opener);
    if (this.openers.size === 0) this.driver.released();
  }

  /** vhangup(): the line is gone. The session loses its terminal and its leader is told by SIGHUP and SIGCONT. */
  hangup(): void {
    this.system.trace.emit({ name: "tty_hangup", tty: this.name });
    for (const opener of this.openers) opener.hungUp = true;
    hangupSession(this);
    this.discipline.flushInput();
    this.waitingInput.truncate(0);
    this.stopped = false;
    this.readWait.wake();
    this.writeWait.wake();
  }

  /** The session leader exits. */
  disassociate(): void {
    leaderExits(this);
  }
}
