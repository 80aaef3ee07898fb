/**
 * The master of a pty outside the machine: the terminal that the visitor looks at. Called from outside any task. What it does
 * not take with readOutput() stays in the machine, and holds back the programs that write.
 */

import { IUTF8, type Winsize } from "../../../abi/termios.ts";
import type { System } from "../../task/system.ts";
import type { Pty } from "../../tty/pty.ts";
import { hostDevpts } from "./devpts.ts";

export class OutsideTerminal {
  private waiting: Uint8Array[] = [];
  private listener: (() => void) | undefined;
  private hangupListener: (() => void) | undefined;
  private pumping = false;

  constructor(
    readonly pair: Pty,
    private readonly unlink: () => void,
  ) {
    pair.locked = false;
    // Terminal emulators set it: the kernel cannot know.
    const { termios } = pair.slave;
    pair.slave.setTermios({ ...termios, iflag: termios.iflag | IUTF8 });
    pair.onReadable = () => this.notify();
    pair.masterWait.add({ wakeUp: () => this.pump() });
  }

  /** N of /dev/pts/N. */
  get index(): number {
    return this.pair.index;
  }

  /** Whether no program has the terminal open any more. */
  get hungUp(): boolean {
    return this.pair.slaveClosed;
  }

  /** Keys. What the machine has no room for yet is kept, in order. */
  input(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.pair.closed) return;
    this.waiting.push(bytes);
    this.pump();
  }

  private pump(): boolean {
    if (this.pumping) return false;
    this.pumping = true;
    while (this.waiting.length > 0) {
      const bytes = this.waiting[0] as Uint8Array;
      const n = this.pair.slave.input(bytes);
      if (n === bytes.length) this.waiting.shift();
      else {
        this.waiting[0] = bytes.subarray(n);
        if (n === 0) break;
      }
    }
    this.pumping = false;
    return false;
  }

  resize(rows: number, cols: number): void {
    this.pair.slave.setWinsize(rows, cols);
  }

  /** `callback` is called whenever output came in that can be taken. It may take it at once. */
  onOutput(callback: () => void): void {
    this.listener = callback;
    if (this.pair.readable > 0) callback();
  }

  /** `callback` is called when the last program closed the terminal (its session ended). */
  onHangup(callback: () => void): void {
    this.hangupListener = callback;
  }

  private notify(): void {
    if (this.pair.readable > 0) this.listener?.();
    if (this.pair.slaveClosed) this.hangupListener?.();
  }

  /** Takes up to `max` bytes; undefined where there are none. */
  readOutput(max: number): Uint8Array | undefined {
    const n = Math.min(max, this.pair.readable);
    if (n === 0) return undefined;
    const bytes = new Uint8Array(n);
    this.pair.takeOutput(bytes);
    return bytes;
  }

  /** The window is closed: the session is hung up. */
  close(): void {
    if (this.pair.closed) return;
    this.waiting = [];
    this.unlink();
    this.pair.closeMaster();
  }
}

/** Opens a pty on the machine's own devpts; programs find it as /dev/pts/`index`. Errors: ENOSPC. */
export function openOutsidePty(system: System, size: Winsize): OutsideTerminal {
  const sb = hostDevpts(system);
  const pair = sb.allocate(undefined);
  const terminal = new OutsideTerminal(pair, () => sb.unlink(pair.index));
  terminal.resize(size.rows, size.cols);
  return terminal;
}
