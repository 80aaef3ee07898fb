/** The line discipline against a recording of a real Linux (oracle/record.py), and against limits found there. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Termios } from "../../abi/termios.ts";
import { type DisciplineHost, LineDiscipline } from "./n-tty.ts";
import { PTY_TERMIOS } from "./termios.ts";

interface Recorded {
  readonly iflag: number;
  readonly oflag: number;
  readonly lflag: number;
  readonly cc: readonly number[];
  readonly steps: readonly { readonly key?: string; readonly write?: string; readonly n?: number; readonly out: string }[];
  readonly size: number;
  readonly reads: readonly string[];
}

const recorded = JSON.parse(readFileSync(new URL("oracle/n-tty.golden.json", import.meta.url), "utf8")) as Recorded[];

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const toHex = (bytes: Uint8Array | readonly number[]): string => Buffer.from(bytes).toString("hex");

class Host implements DisciplineHost {
  stopped = false;
  sent: number[] = [];
  signals: number[] = [];
  limit = 65_536;

  constructor(public termios: Termios) {}
  room(): number {
    return this.stopped ? 0 : this.limit - this.sent.length;
  }
  push(byte: number): void {
    this.sent.push(byte);
  }
  start(): void {
    this.stopped = false;
  }
  stop(): void {
    this.stopped = true;
  }
  signal(sig: number): void {
    this.signals.push(sig);
  }
  flushOutput(): void {}
  wakeReaders(): void {}
  wakeWriters(): void {}
  take(): string {
    const hex = toHex(this.sent);
    this.sent = [];
    return hex;
  }
}

function replay(c: Recorded): { outs: string[]; reads: string[] } {
  const host = new Host({ iflag: c.iflag, oflag: c.oflag, cflag: PTY_TERMIOS.cflag, lflag: c.lflag, cc: c.cc });
  const tty = new LineDiscipline(host);
  const outs: string[] = [];
  for (const step of c.steps) {
    if (step.key !== undefined) {
      const keys = fromHex(step.key);
      tty.receive(keys, 0, keys.length);
    } else if (step.write !== undefined) {
      const bytes = fromHex(step.write);
      tty.output.processEchoes();
      const n = tty.output.write(bytes, 0, bytes.length);
      expect(n === 0 ? -1 : n).toBe(step.n);
    }
    outs.push(host.take());
  }
  const reads: string[] = [];
  while (tty.available(false) && reads.length < 40) {
    const buf = new Uint8Array(c.size);
    reads.push(toHex(buf.subarray(0, tty.copy(buf, 0))));
  }
  return { outs, reads };
}

describe("line discipline", () => {
  it("answers random keys under random settings as a real Linux did", () => {
    for (const [i, c] of recorded.entries()) {
      const { outs, reads } = replay(c);
      // Joined: on a busy machine an echo may have been recorded with the key after its own.
      expect({ case: i, output: outs.join(""), reads }).toEqual({ case: i, output: c.steps.map((s) => s.out).join(""), reads: c.reads });
    }
  });

  it("keeps 4095 bytes of a line and its newline, overwriting the last", () => {
    const host = new Host(PTY_TERMIOS);
    const tty = new LineDiscipline(host);
    const keys = new Uint8Array(5000).fill(97);
    expect(tty.receive(keys, 0, keys.length)).toBe(5000);
    tty.receive(Uint8Array.of(10), 0, 1);
    const buf = new Uint8Array(10_000);
    expect(tty.copy(buf, 0)).toBe(4096);
    expect(buf[4095]).toBe(10);
  });

  it("takes no more than its buffer while a complete line waits", () => {
    const tty = new LineDiscipline(new Host(PTY_TERMIOS));
    const keys = new Uint8Array(5000).fill(97);
    keys[0] = 10;
    expect(tty.receive(keys, 0, keys.length)).toBe(4095);
  });

  it("holds echo back while output is stopped and sends it first when output goes on", () => {
    const host = new Host({ ...PTY_TERMIOS });
    const tty = new LineDiscipline(host);
    tty.receive(Uint8Array.of(19, 97, 98), 0, 3);
    expect(host.take()).toBe("");
    tty.receive(Uint8Array.of(17), 0, 1);
    expect(host.take()).toBe("6162");
  });
});
