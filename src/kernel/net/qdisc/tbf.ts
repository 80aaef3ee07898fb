/** A rate that is not exceeded: tc-tbf(8), Linux `net/sched/sch_tbf.c`. Left out: peak rates, an inner qdisc. */

import { EINVAL, EOPNOTSUPP } from "../../../abi/errno.ts";
import { decodeAttributes, type NetlinkWriter } from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { Timer } from "../../sched/timer.ts";
import { frameLength, transmitNow } from "../dev.ts";
import type { NetDevice } from "../device.ts";
import { gsoCount, gsoSegments } from "../gso.ts";
import { NetlinkError } from "../netlink/protocol.ts";
import type { SkBuff } from "../skb.ts";
import { noQdiscStats, type Qdisc } from "./qdisc.ts";

export interface TbfOptions {
  /** Bytes a second. */
  readonly rate: number;
  /** Bytes that may wait. */
  readonly limit: number;
  /** Time that the bucket holds, nanoseconds: burst ÷ rate. */
  readonly bufferNs: number;
  /** Bytes that may go at once: what is longer does not pass. */
  readonly burst: number;
}

/** psched ticks. */
const TICK_NS = 64;
const QOPT = 36;

/** Errors: EINVAL, EOPNOTSUPP. */
export function readTbf(bytes: Uint8Array | undefined): TbfOptions {
  const attrs = decodeAttributes(bytes ?? new Uint8Array(0));
  const parms = attrs.get(R.TCA_TBF_PARMS)?.bytes;
  if (parms === undefined || parms.length < QOPT) throw EINVAL;
  const view = new DataView(parms.buffer, parms.byteOffset, parms.byteLength);
  const rate = attrs.get(R.TCA_TBF_RATE64)?.u64 ?? view.getUint32(8, true);
  if (view.getUint32(20, true) !== 0) throw new NetlinkError(EOPNOTSUPP, "tbf: peak rates are not built");
  if (rate === 0) throw EINVAL;
  const given = attrs.get(R.TCA_TBF_BURST)?.u32;
  const bufferNs = given === undefined ? view.getUint32(28, true) * TICK_NS : (given * 1e9) / rate;
  const burst = given ?? Math.floor((bufferNs * rate) / 1e9);
  if (burst === 0) throw EINVAL;
  return { rate, limit: view.getUint32(24, true), bufferNs, burst };
}

export function writeTbf(w: NetlinkWriter, { rate, limit, bufferNs }: TbfOptions): void {
  const parms = new DataView(new ArrayBuffer(QOPT));
  // Link layer Ethernet.
  parms.setUint8(1, 1);
  parms.setUint32(8, Math.min(rate, 0xffff_ffff), true);
  parms.setUint32(24, limit, true);
  parms.setUint32(28, Math.round(bufferNs / TICK_NS), true);
  w.nest(R.TCA_OPTIONS, () => {
    w.attr(R.TCA_TBF_PARMS, new Uint8Array(parms.buffer));
    if (rate > 0xffff_ffff) w.attrU64(R.TCA_TBF_RATE64, rate);
  });
}

export class Tbf implements Qdisc {
  readonly kind = "tbf";
  readonly parent = R.TC_H_ROOT;
  readonly stats = noQdiscStats();
  backlogPackets = 0;
  backlogBytes = 0;
  private queue: SkBuff[] = [];
  private tokensNs: number;
  private checkedNs: number;
  private readonly timer: Timer;

  constructor(
    private readonly dev: NetDevice,
    readonly handle: number,
    public options: TbfOptions,
  ) {
    this.tokensNs = options.bufferNs;
    this.checkedNs = dev.ns.system.sched.clockNs;
    this.timer = new Timer(() => this.dev.ns.core.softnet.run(() => this.run()));
  }

  change(options: TbfOptions): void {
    this.options = options;
    this.tokensNs = options.bufferNs;
    this.checkedNs = this.dev.ns.system.sched.clockNs;
  }

  /** tbf_enqueue(): what is longer than the bucket is cut, if it can be. */
  enqueue(skb: SkBuff): void {
    const pieces = frameLength(skb) > this.options.burst ? gsoSegments(skb) : [skb];
    for (const piece of pieces) {
      const bytes = frameLength(piece);
      if (bytes > this.options.burst || this.backlogBytes + bytes > this.options.limit) {
        this.stats.drops++;
        this.dev.ns.core.drop(piece, this.dev.ns, this.dev, "QDISC_DROP");
        continue;
      }
      this.queue.push(piece);
      this.backlogPackets++;
      this.backlogBytes += bytes;
    }
    this.run();
  }

  /** tbf_dequeue(). */
  private run(): void {
    const { sched } = this.dev.ns.system;
    const { rate, bufferNs } = this.options;
    while (!this.dev.stopped) {
      const first = this.queue[0];
      if (first === undefined) return;
      const bytes = frameLength(first);
      const now = sched.clockNs;
      const tokens = Math.min(bufferNs, this.tokensNs + Math.max(0, now - this.checkedNs)) - (bytes * 1e9) / rate;
      if (tokens < -1) {
        this.stats.overlimits++;
        sched.timers.arm(this.timer, Math.ceil(now - tokens));
        return;
      }
      this.tokensNs = tokens;
      this.checkedNs = Math.max(now, this.checkedNs);
      this.queue.shift();
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
