/** For tests of TCP: connections on a clock of their own, against a script or against each other over a link that delays, drops and reorders. */

import { Heap, type HeapNode } from "../../../sched/heap.ts";
import { Random } from "../../../random.ts";
import type { TcpHeader } from "../../skb.ts";
import { TransportMib } from "../mib.ts";
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, type TcpState } from "./constants.ts";
import { receiveSegment } from "./input.ts";
import { sendSyn } from "./output.ts";
import { seqAdd } from "./seq.ts";
import { DEFAULT_TCP_PARAMS, Tcb, type TcpHost, type TcpParams } from "./tcb.ts";
import { onTimer } from "./timer.ts";

export interface Segment {
  readonly header: TcpHeader;
  readonly payload: Uint8Array;
  readonly gsoSize: number;
}

class Event implements HeapNode {
  heapIndex = -1;
  constructor(
    public atNs: number,
    readonly seq: number,
    readonly fire: () => void,
  ) {}
}

export class Clock {
  nowNs = 1e9;
  private seq = 0;
  private readonly events = new Heap<Event>((a, b) => a.atNs < b.atNs || (a.atNs === b.atNs && a.seq < b.seq));

  at(atNs: number, fire: () => void): Event {
    const event = new Event(Math.max(atNs, this.nowNs), this.seq++, fire);
    this.events.add(event);
    return event;
  }

  cancel(event: Event): void {
    if (event.heapIndex >= 0) this.events.remove(event);
  }

  get nextNs(): number {
    return this.events.peek()?.atNs ?? Number.POSITIVE_INFINITY;
  }

  /** Lets all happen that happens until then, at most `limit` events. Returns how many happened. */
  runUntil(untilNs: number, limit = 1_000_000): number {
    let count = 0;
    while (count < limit && Number.isFinite(this.nextNs) && this.nextNs <= untilNs) {
      const event = this.events.peek() as Event;
      this.events.remove(event);
      this.nowNs = event.atNs;
      event.fire();
      count++;
    }
    if (Number.isFinite(untilNs)) this.nowNs = Math.max(this.nowNs, untilNs);
    return count;
  }
}

/** A connection whose segments go wherever the test wants. */
export class TestHost implements TcpHost {
  readonly mib = new TransportMib();
  readonly tcb: Tcb;
  params: TcpParams = DEFAULT_TCP_PARAMS;
  readonly states: TcpState[] = [];
  readonly timeWaits: string[] = [];
  ends = 0;
  reads = 0;
  writes = 0;
  private timer: Event | undefined;

  constructor(
    readonly clock: Clock,
    private readonly wire: (segment: Segment) => void,
    mtu = 1500,
  ) {
    this.tcb = new Tcb(this);
    this.tcb.mtu = mtu;
    this.tcb.advmss = mtu - 40;
  }

  get nowNs(): number {
    return this.clock.nowNs;
  }

  send(header: TcpHeader, payload: Uint8Array, gsoSize: number): void {
    this.wire({ header, payload, gsoSize });
  }

  get timerNs(): number {
    return this.timer === undefined || this.timer.heapIndex < 0 ? Number.POSITIVE_INFINITY : this.timer.atNs;
  }

  setTimer(atNs: number): void {
    if (this.timer !== undefined) this.clock.cancel(this.timer);
    this.timer = Number.isFinite(atNs) ? this.clock.at(atNs, () => onTimer(this.tcb)) : undefined;
  }

  stateChanged(_from: TcpState, to: TcpState): void {
    this.states.push(to);
  }

  wakeReaders(): void {
    this.reads++;
  }

  wakeWriters(): void {
    this.writes++;
  }

  ended(): void {
    this.ends++;
  }

  timeWait(substate: "FIN_WAIT2" | "TIME_WAIT"): void {
    this.timeWaits.push(substate);
  }
}

const LETTERS: readonly (readonly [number, string])[] = [
  [TCP_SYN, "S"],
  [TCP_FIN, "F"],
  [TCP_RST, "R"],
  [TCP_PSH, "P"],
  [TCP_ACK, "."],
];

/** The other side as a script: sequence numbers are relative to the first of each side, as tcpdump prints them. */
export class Scripted {
  readonly clock = new Clock();
  readonly host: TestHost;
  readonly tcb: Tcb;
  /** What our side has sent and the script has not looked at yet. */
  readonly sent: Segment[] = [];
  iss = 1_000_000;
  readonly irs = 5_000_000;
  timestamps = false;

  constructor(options: { readonly mtu?: number; readonly params?: Partial<TcpParams> } = {}) {
    this.host = new TestHost(this.clock, (s) => this.sent.push(s), options.mtu ?? 1500);
    this.host.params = { ...DEFAULT_TCP_PARAMS, timestamps: false, ...options.params };
    this.tcb = this.host.tcb;
    this.tcb.srcPort = 40_000;
    this.tcb.dstPort = 80;
  }

  connect(): void {
    sendSyn(this.tcb, this.iss);
  }

  /** Connects, with a peer of this window, and forgets the segments that did it. */
  established(window = 65_535, mss = 1460, more: Partial<TcpHeader> = {}): this {
    this.connect();
    this.inject("S.", 0, 0, 1, { window, mss, ...more });
    this.sent.length = 0;
    return this;
  }

  /** A segment from the script; `length` bytes of payload. Returns what receiveSegment said. */
  inject(flags: string, seq: number, length: number, ack: number, more: Partial<TcpHeader> = {}): boolean {
    const header: TcpHeader = {
      kind: "tcp",
      srcPort: 80,
      dstPort: 40_000,
      seq: seqAdd(this.irs, seq),
      ack: flags.includes(".") ? seqAdd(this.iss, ack) : 0,
      flags: LETTERS.reduce((bits, [bit, letter]) => (flags.includes(letter) ? bits | bit : bits), 0),
      window: 65_535,
      mss: 0,
      windowScale: undefined,
      sackPermitted: false,
      timestamps: undefined,
      ...more,
    };
    const payload = Uint8Array.from({ length }, (_, i) => (seq + i) & 255);
    return receiveSegment(this.tcb, header, payload);
  }

  /** What was sent since the last look: `flags seq:end(length) ack window`. */
  take(): string[] {
    return this.sent.splice(0).map(({ header, payload }) => {
      const flags = LETTERS.filter(([bit]) => (header.flags & bit) !== 0).map(([, letter]) => letter).join(""); // biome-ignore format: one line
      const seq = (header.seq - this.iss) | 0;
      const ack = (header.flags & TCP_ACK) !== 0 ? ` ack ${(header.ack - this.irs) | 0}` : "";
      const sack = header.sack === undefined ? "" : ` sack ${header.sack.map(([a, b]) => `${(a - this.irs) | 0}:${(b - this.irs) | 0}`).join(",")}`; // biome-ignore format: one line
      return `${flags} ${seq}${payload.length > 0 ? `(${payload.length})` : ""}${ack}${sack}`;
    });
  }

  /** Lets time pass. */
  pass(ms: number): this {
    this.clock.runUntil(this.clock.nowNs + ms * 1e6);
    return this;
  }
}

export interface LinkFaults {
  readonly delayNs: number;
  /** Added at random. */
  readonly jitterNs: number;
  /** Of a thousand. */
  readonly loss: number;
  readonly duplicate: number;
}

/** Two connections and the link between them. Segments of a large packet are cut as a card would, so that each has its own fate. */
export class Pair {
  readonly clock = new Clock();
  readonly a: TestHost;
  readonly b: TestHost;
  private readonly random: Random;
  delivered = 0;

  constructor(
    seed: number,
    private readonly faults: LinkFaults,
    mtu = 1500,
    params: Partial<TcpParams> = {},
  ) {
    this.random = new Random(seed);
    this.a = new TestHost(this.clock, (s) => this.carry(s, () => this.b), mtu);
    this.b = new TestHost(this.clock, (s) => this.carry(s, () => this.a), mtu);
    for (const host of [this.a, this.b]) host.params = { ...DEFAULT_TCP_PARAMS, ...params };
    this.a.tcb.srcPort = 1;
    this.b.tcb.srcPort = 2;
    sendSyn(this.a.tcb, this.random.next());
  }

  private carry(segment: Segment, to: () => TestHost): void {
    const { gsoSize, payload, header } = segment;
    if (gsoSize === 0 || payload.length <= gsoSize) this.flight(segment, to);
    else
      for (let at = 0; at < payload.length; at += gsoSize) {
        const part = payload.subarray(at, at + gsoSize);
        const last = at + gsoSize >= payload.length;
        const flags = last ? header.flags : header.flags & ~(TCP_FIN | TCP_PSH);
        this.flight({ header: { ...header, seq: seqAdd(header.seq, at), flags }, payload: part, gsoSize: 0 }, to);
      }
  }

  private flight(segment: Segment, to: () => TestHost): void {
    const { faults, random, clock } = this;
    if (random.below(1000) < faults.loss) return;
    const times = random.below(1000) < faults.duplicate ? 2 : 1;
    for (let i = 0; i < times; i++) {
      clock.at(clock.nowNs + faults.delayNs + (faults.jitterNs > 0 ? random.below(faults.jitterNs) : 0), () => this.arrive(segment, to()));
    }
  }

  private arrive({ header, payload }: Segment, to: TestHost): void {
    this.delivered++;
    const { tcb } = to;
    if (to === this.b && tcb.state === "CLOSE" && to.ends === 0 && (header.flags & TCP_SYN) !== 0) this.accept(header);
    else receiveSegment(tcb, header, payload);
  }

  /** The passive end comes up as by simultaneous open: it sends a SYN of its own and takes the one that came. */
  private accept(header: TcpHeader): void {
    const { tcb } = this.b;
    sendSyn(tcb, this.random.next());
    receiveSegment(tcb, header, new Uint8Array(0));
  }
}
