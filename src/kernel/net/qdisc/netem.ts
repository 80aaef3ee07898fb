/**
 * Networks that delay, lose, double, reorder and corrupt packets: tc-netem(8), Linux `net/sched/sch_netem.c`. Chance comes from the machine's generator.
 * Left out: delay distributions other than the uniform one, loss by Markov chains, slots, ECN, an inner qdisc.
 */

import { EINVAL, EOPNOTSUPP } from "../../../abi/errno.ts";
import { decodeAttributes, NetlinkWriter } from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { Timer } from "../../sched/timer.ts";
import { frameLength, transmitNow } from "../dev.ts";
import type { NetDevice } from "../device.ts";
import { gsoCount } from "../gso.ts";
import type { SkBuff } from "../skb.ts";
import { NetlinkError } from "../netlink/protocol.ts";
import { noQdiscStats, type Qdisc } from "./qdisc.ts";

/** Probabilities are of 2³² − 1, correlations too. */
export interface NetemOptions {
  readonly latencyNs: number;
  readonly jitterNs: number;
  readonly delayCorrelation: number;
  /** Packets. */
  readonly limit: number;
  readonly loss: number;
  readonly lossCorrelation: number;
  readonly duplicate: number;
  readonly duplicateCorrelation: number;
  /** Every so many packets one is sent at once. */
  readonly gap: number;
  readonly reorder: number;
  readonly reorderCorrelation: number;
  readonly corrupt: number;
  readonly corruptCorrelation: number;
  /** Bytes a second; 0: any. */
  readonly rate: number;
}

const DEFAULTS: NetemOptions = {
  ...{ latencyNs: 0, jitterNs: 0, delayCorrelation: 0, limit: 1000, loss: 0, lossCorrelation: 0, duplicate: 0, duplicateCorrelation: 0 },
  ...{ gap: 0, reorder: 0, reorderCorrelation: 0, corrupt: 0, corruptCorrelation: 0, rate: 0 },
};

/** psched ticks. */
const TICK_NS = 64;
const QOPT = 24;

/** TCA_OPTIONS: struct tc_netem_qopt and attributes. Errors: EINVAL, EOPNOTSUPP. */
export function readNetem(bytes: Uint8Array | undefined, base: NetemOptions | undefined): NetemOptions {
  if (bytes === undefined || bytes.length < QOPT) {
    if (base !== undefined) return base;
    throw EINVAL;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const attrs = decodeAttributes(bytes, QOPT);
  for (const [type, what] of UNBUILT) if (attrs.has(type)) throw new NetlinkError(EOPNOTSUPP, `netem: ${what} is not built`);
  const pair = (type: number): readonly [number, number] => {
    const attr = attrs.get(type)?.bytes;
    if (attr === undefined || attr.length < 8) return [0, 0];
    const inner = new DataView(attr.buffer, attr.byteOffset, attr.byteLength);
    return [inner.getUint32(0, true), inner.getUint32(4, true)];
  };
  const corr = attrs.get(R.TCA_NETEM_CORR)?.bytes;
  const corrView = corr === undefined || corr.length < 12 ? undefined : new DataView(corr.buffer, corr.byteOffset, corr.byteLength);
  const [reorder, reorderCorrelation] = pair(R.TCA_NETEM_REORDER);
  const [corrupt, corruptCorrelation] = pair(R.TCA_NETEM_CORRUPT);
  const gap = view.getUint32(12, true);
  return {
    latencyNs: attrs.get(R.TCA_NETEM_LATENCY64)?.u64 ?? view.getUint32(0, true) * TICK_NS,
    limit: view.getUint32(4, true),
    loss: view.getUint32(8, true),
    gap: reorder > 0 && gap === 0 ? 1 : gap,
    duplicate: view.getUint32(16, true),
    jitterNs: attrs.get(R.TCA_NETEM_JITTER64)?.u64 ?? view.getUint32(20, true) * TICK_NS,
    delayCorrelation: corrView?.getUint32(0, true) ?? 0,
    lossCorrelation: corrView?.getUint32(4, true) ?? 0,
    duplicateCorrelation: corrView?.getUint32(8, true) ?? 0,
    // "for compatibility with earlier versions: if gap is set, need to assume 100% probability" (sch_netem.c)
    reorder: gap > 0 && !attrs.has(R.TCA_NETEM_REORDER) ? 0xffff_ffff : reorder,
    reorderCorrelation,
    corrupt,
    corruptCorrelation,
    rate: attrs.get(R.TCA_NETEM_RATE64)?.u64 ?? attrs.get(R.TCA_NETEM_RATE)?.u32 ?? 0,
  };
}

const UNBUILT: readonly (readonly [number, string])[] = [
  [R.TCA_NETEM_DELAY_DIST, "a delay distribution"],
  [5, "loss by a Markov chain"],
  [12, "slots"],
];

export function writeNetem(w: NetlinkWriter, o: NetemOptions): void {
  const ticks = (ns: number): number => Math.min(0xffff_ffff, Math.round(ns / TICK_NS));
  const words = (...values: number[]): Uint8Array => {
    const inner = new NetlinkWriter();
    for (const value of values) inner.u32(value);
    return inner.finish();
  };
  const inner = new NetlinkWriter().raw(words(ticks(o.latencyNs), o.limit, o.loss, o.gap, o.duplicate, ticks(o.jitterNs)));
  inner.attrU64(R.TCA_NETEM_LATENCY64, o.latencyNs);
  inner.attrU64(R.TCA_NETEM_JITTER64, o.jitterNs);
  inner.attr(R.TCA_NETEM_CORR, words(o.delayCorrelation, o.lossCorrelation, o.duplicateCorrelation));
  inner.attr(R.TCA_NETEM_REORDER, words(o.reorder, o.reorderCorrelation));
  inner.attr(R.TCA_NETEM_CORRUPT, words(o.corrupt, o.corruptCorrelation));
  if (o.rate > 0xffff_ffff) inner.attrU64(R.TCA_NETEM_RATE64, o.rate);
  inner.attr(R.TCA_NETEM_RATE, words(Math.min(o.rate, 0xffff_ffff), 0, 0, 0));
  w.attr(R.TCA_OPTIONS, inner.finish());
}

export class Netem implements Qdisc {
  readonly kind = "netem";
  readonly parent = R.TC_H_ROOT;
  readonly stats = noQdiscStats();
  backlogPackets = 0;
  backlogBytes = 0;
  /** By the time at which they go. */
  private queue: SkBuff[] = [];
  private counter = 0;
  private readonly last = { delay: 0, loss: 0, duplicate: 0, reorder: 0, corrupt: 0 };
  private readonly timer: Timer;

  constructor(
    private readonly dev: NetDevice,
    readonly handle: number,
    public options: NetemOptions = DEFAULTS,
  ) {
    this.timer = new Timer(() => this.dev.ns.core.softnet.run(() => this.run()));
  }

  change(options: NetemOptions): void {
    this.options = options;
  }

  /** get_crandom(): correlated with the one before. */
  private chance(which: keyof Netem["last"], correlation: number): number {
    const value = this.dev.ns.system.random.next();
    if (correlation === 0) return value;
    const rho = correlation / 0x1_0000_0000;
    const answer = Math.floor(value * (1 - rho) + this.last[which] * rho) >>> 0;
    this.last[which] = answer;
    return answer;
  }

  enqueue(skb: SkBuff): void {
    const o = this.options;
    let copies = 1;
    if (o.duplicate > 0 && o.duplicate >= this.chance("duplicate", o.duplicateCorrelation)) copies++;
    if (o.loss > 0 && o.loss >= this.chance("loss", o.lossCorrelation)) copies--;
    if (copies === 0) {
      this.stats.drops++;
      this.dev.ns.core.drop(skb, this.dev.ns, this.dev, "NETEM_LOSS");
      return;
    }
    const twin = copies === 2 ? skb.clone() : undefined;
    if (o.corrupt > 0 && o.corrupt >= this.chance("corrupt", o.corruptCorrelation)) skb.corrupt = true;
    this.put(skb);
    if (twin !== undefined) this.put(twin);
    this.run();
  }

  private put(skb: SkBuff): void {
    const o = this.options;
    if (this.queue.length >= o.limit) {
      this.stats.drops++;
      this.dev.ns.core.drop(skb, this.dev.ns, this.dev, "QDISC_DROP");
      return;
    }
    const now = this.dev.ns.system.sched.clockNs;
    if (o.gap === 0 || this.counter < o.gap - 1 || o.reorder < this.chance("reorder", o.reorderCorrelation)) {
      let delay = this.delay();
      if (o.rate > 0) {
        const before = this.queue[this.queue.length - 1];
        // It begins when the one before it is through; that one's delay counts for both.
        let start = now;
        if (before !== undefined) {
          delay = Math.max(0, delay - (before.txTimeNs - now));
          start = before.txTimeNs;
        }
        delay += start - now + (frameLength(skb) * 1e9) / o.rate;
      }
      skb.txTimeNs = Math.round(now + delay);
      this.counter++;
      let at = this.queue.length;
      while (at > 0 && (this.queue[at - 1] as SkBuff).txTimeNs > skb.txTimeNs) at--;
      this.queue.splice(at, 0, skb);
    } else {
      // Out of turn: it goes at once.
      skb.txTimeNs = now;
      this.counter = 0;
      this.queue.unshift(skb);
      this.stats.requeues++;
    }
    this.backlogPackets++;
    this.backlogBytes += frameLength(skb);
  }

  /** tabledist(), uniform. */
  private delay(): number {
    const { latencyNs, jitterNs, delayCorrelation } = this.options;
    if (jitterNs === 0) return latencyNs;
    const value = this.chance("delay", delayCorrelation);
    return Math.max(0, latencyNs - jitterNs + (value % (2 * jitterNs)));
  }

  /** Lets go what is due. */
  private run(): void {
    const { sched } = this.dev.ns.system;
    while (!this.dev.stopped) {
      const first = this.queue[0];
      if (first === undefined) return;
      if (first.txTimeNs > sched.clockNs) {
        sched.timers.arm(this.timer, first.txTimeNs);
        return;
      }
      this.queue.shift();
      const bytes = frameLength(first);
      this.backlogPackets--;
      this.backlogBytes -= bytes;
      this.stats.packets += gsoCount(first);
      this.stats.bytes += bytes;
      transmitNow(this.dev, first);
    }
  }

  resume(): void {
    this.run();
  }

  reset(): void {
    for (const skb of this.queue) skb.free();
    this.queue = [];
    this.backlogPackets = 0;
    this.backlogBytes = 0;
    this.dev.ns.system.sched.timers.cancel(this.timer);
  }
}
