/**
 * A hash over all trace events of a session, every system call included: two runs that differ anywhere differ in it. Used to show that the
 * same seed and inputs give the same machine in Node, in a browser and after a replay.
 */

import { Errno } from "../abi/errno.ts";
import type { InputLog } from "../bridge/messages.ts";
import type { TraceEvent } from "../kernel/trace.ts";
import { DEFAULT_CONFIG, Machine } from "./boot.ts";

/** FNV-1a over UTF-16 units, 2 × 32 bits. */
export class TraceHash {
  private a = 0x811c9dc5;
  private b = 0x01000193;
  events = 0;

  add(event: TraceEvent): void {
    this.events++;
    const text = JSON.stringify(event, plain);
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      this.a = Math.imul(this.a ^ c, 0x01000193);
      this.b = Math.imul(this.b ^ ((c << 7) | (c >>> 3)), 0x85ebca6b);
    }
  }

  get digest(): string {
    return (this.a >>> 0).toString(16).padStart(8, "0") + (this.b >>> 0).toString(16).padStart(8, "0");
  }
}

/** Arguments as JSON: buffers by length and how they begin, functions not at all. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return `${value.length}:${value.subarray(0, 64).join()}`;
  if (value instanceof Errno) return value.name;
  if (value instanceof Map) return [...value];
  return value;
}

/** Starts to hash all that happens in `machine` from now on. */
export function hashTrace(machine: Machine): TraceHash {
  const hash = new TraceHash();
  machine.kernel.trace.syscalls = true;
  machine.kernel.trace.listen((event) => hash.add(event));
  return hash;
}

/** Replays a log up to a virtual time and returns its hash. */
export function replayHash(log: InputLog, untilNs: number): string {
  const machine = new Machine(log.config);
  const hash = hashTrace(machine);
  for (const input of log.inputs) machine.schedule(input);
  machine.run(untilNs);
  return hash.digest;
}

const TYPED = [
  "ls -l / | sort -r | head -3\r",
  "for i in 1 2 3; do (sleep 0.$i; echo $i) & done; wait\r",
  "head -c 100 /dev/urandom | md5sum; echo $RANDOM $$\r",
  "yes | head -1000 | wc; sleep 100\r",
  "\x03",
  "ps aux; cat /proc/loadavg\r",
];

/** The hash of a session that uses processes, pipes, signals, chance and the clock. */
export function hashOfSession(): string {
  const machine = new Machine(DEFAULT_CONFIG);
  const hash = hashTrace(machine);
  machine.take({ type: "open", terminal: 1, rows: 24, cols: 80 });
  for (const text of TYPED) {
    machine.run(machine.nowNs + 1.5e9);
    machine.take({ type: "type", terminal: 1, text });
  }
  machine.run(machine.nowNs + 3e9);
  return hash.digest;
}
