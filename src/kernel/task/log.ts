/** The kernel log: printk, dmesg(1), syslog(2). A ring of lines bounded in bytes. */

import { LOG_BUF_BYTES } from "../params.ts";
import { WaitQueue } from "../sched/wait-queue.ts";

export interface LogRecord {
  /** Position since boot. */
  readonly seq: number;
  readonly atNs: number;
  /** 0 (emergency) … 7 (debug). */
  readonly level: number;
  readonly text: string;
}

export class KernelLog {
  private readonly ring: LogRecord[] = [];
  private bytes = 0;
  /** Records before this index of the ring were cleared by syslog(5). */
  private clearedBefore = 0;
  /** Position of the next record. */
  nextSeq = 0;
  /** Woken by every record: readers of /dev/kmsg. */
  readonly arrived = new WaitQueue();

  constructor(private readonly nowNs: () => number) {}

  printk(level: number, text: string): void {
    for (const line of text.split("\n")) {
      this.ring.push({ seq: this.nextSeq++, atNs: this.nowNs(), level, text: line });
      this.bytes += line.length + 16;
    }
    while (this.bytes > LOG_BUF_BYTES) {
      const old = this.ring.shift() as LogRecord;
      this.bytes -= old.text.length + 16;
      if (this.clearedBefore > 0) this.clearedBefore--;
    }
    this.arrived.wake();
  }

  /** The record at `seq`, or the oldest one after it that is still there. */
  findFrom(seq: number): LogRecord | undefined {
    const first = this.ring[0]?.seq ?? this.nextSeq;
    return this.ring[Math.max(0, seq - first)];
  }

  records(): readonly LogRecord[] {
    return this.ring.slice(this.clearedBefore);
  }

  clear(): void {
    this.clearedBefore = this.ring.length;
  }

  /** As read from syslog(2): `<level>[    seconds.micros] text`. */
  text(): string {
    return this.records().map(formatRecord).join("");
  }
}

export function formatRecord(r: LogRecord): string {
  const micros = Math.floor(r.atNs / 1000);
  const sec = String(Math.floor(micros / 1_000_000)).padStart(5);
  return `<${r.level}>[${sec}.${String(micros % 1_000_000).padStart(6, "0")}] ${r.text}\n`;
}
