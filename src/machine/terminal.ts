/**
 * A terminal outside of the machine on a pty inside. It takes the output at a fixed rate of virtual time, whatever the page does:
 * were the page to set the pace, a replay would differ. A page that cannot keep up holds back the virtual clock instead.
 */

import type { Kernel } from "../kernel/kernel.ts";
import { Timer } from "../kernel/sched/timer.ts";
import { openOutsidePty, type OutsideTerminal } from "../kernel/fs/devpts/outside.ts";

/** Output is taken this often, at most so much at once: 4 MB a virtual second. */
const DRAIN_NS = 2_000_000;
const DRAIN_BYTES = 8_192;

export class Terminal {
  private readonly pty: OutsideTerminal;
  private readonly timer: Timer;
  private taken: Uint8Array[] = [];
  /** Bytes in `taken`. */
  pendingBytes = 0;

  constructor(
    private readonly kernel: Kernel,
    rows: number,
    cols: number,
  ) {
    this.timer = new Timer(() => this.drain());
    this.pty = openOutsidePty(kernel, { rows, cols });
    this.pty.onOutput(() => this.arm());
  }

  /** N of /dev/pts/N. */
  get index(): number {
    return this.pty.index;
  }

  input(bytes: Uint8Array): void {
    this.pty.input(bytes);
  }

  resize(rows: number, cols: number): void {
    this.pty.resize(rows, cols);
  }

  close(): void {
    this.kernel.sched.timers.cancel(this.timer);
    this.pty.close();
  }

  /** The output since the last call. */
  takeOutput(): Uint8Array {
    const parts = this.taken;
    const all = new Uint8Array(this.pendingBytes);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    this.taken = [];
    this.pendingBytes = 0;
    return all;
  }

  /** Forgets old output beyond about so many bytes: in a replay nobody has seen it, and a screen shows its end. */
  trimOutput(keepBytes: number): void {
    let drop = 0;
    let left = this.pendingBytes;
    for (const part of this.taken) {
      if (left - part.length < keepBytes) break;
      left -= part.length;
      drop++;
    }
    if (drop > 0) this.taken.splice(0, drop);
    this.pendingBytes = left;
  }

  private arm(): void {
    if (!this.timer.armed) this.kernel.sched.timers.arm(this.timer, this.kernel.sched.clockNs + DRAIN_NS);
  }

  private drain(): void {
    const bytes = this.pty.readOutput(DRAIN_BYTES);
    if (bytes === undefined || bytes.length === 0) return;
    this.taken.push(bytes);
    this.pendingBytes += bytes.length;
    this.arm();
  }
}
