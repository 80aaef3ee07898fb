/** The qdiscs that devices have by themselves: none at all, and three queues by priority. tc-pfifo_fast(8), Linux `net/sched/sch_generic.c`. */

import type { NetDevice } from "../device.ts";
import { transmitNow } from "../dev.ts";
import { gsoCount } from "../gso.ts";
import type { SkBuff } from "../skb.ts";
import { noQdiscStats, type Qdisc } from "./qdisc.ts";

/** Devices without a queue: what comes goes out at once. */
export class NoQueue implements Qdisc {
  readonly kind = "noqueue";
  readonly handle = 0;
  readonly parent = 0xffff_ffff;
  readonly stats = noQdiscStats();
  readonly backlogPackets = 0;
  readonly backlogBytes = 0;

  constructor(private readonly dev: NetDevice) {}

  enqueue(skb: SkBuff): void {
    transmitNow(this.dev, skb);
  }

  reset(): void {}
}

/** Band of each priority (tos bits 1–4), lowest first served. */
const PRIO_TO_BAND = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
/** ip_tos2prio: the priority that a TOS byte means. */
const TOS_TO_PRIO = [0, 1, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4];

export class PfifoFast implements Qdisc {
  readonly kind = "pfifo_fast";
  readonly parent = 0xffff_ffff;
  readonly stats = noQdiscStats();
  backlogPackets = 0;
  backlogBytes = 0;
  private bands: SkBuff[][] = [[], [], []];
  private running = false;

  constructor(
    private readonly dev: NetDevice,
    readonly handle: number,
  ) {}

  enqueue(skb: SkBuff): void {
    const tos = skb.network.kind === "ipv4" ? (skb.network.tos >> 1) & 15 : 0;
    const band = this.bands[PRIO_TO_BAND[TOS_TO_PRIO[tos] as number] as number] as SkBuff[];
    if (band.length >= this.dev.txQueueLength) {
      this.stats.drops++;
      this.dev.ns.core.drop(skb, this.dev.ns, this.dev, "QDISC_DROP");
      return;
    }
    band.push(skb);
    this.backlogPackets++;
    this.backlogBytes += skb.length + 14;
    this.run();
  }

  /** Gives the driver as much as it takes. */
  run(): void {
    if (this.running) return;
    this.running = true;
    while (!this.dev.stopped && this.backlogPackets > 0) {
      const band = this.bands.find((b) => b.length > 0) as SkBuff[];
      const skb = band.shift() as SkBuff;
      const bytes = skb.length + 14;
      this.backlogPackets--;
      this.backlogBytes -= bytes;
      this.stats.packets += gsoCount(skb);
      this.stats.bytes += bytes;
      transmitNow(this.dev, skb);
    }
    this.running = false;
  }

  reset(): void {
    for (const band of this.bands) for (const skb of band) skb.free();
    this.bands = [[], [], []];
    this.backlogPackets = 0;
    this.backlogBytes = 0;
  }
}
