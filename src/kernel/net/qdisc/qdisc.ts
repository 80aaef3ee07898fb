/** Queueing disciplines: tc(8), Linux `net/sched/sch_generic.c`. What holds packets back between the stack and a device. */

import type { SkBuff } from "../skb.ts";

export interface QdiscStats {
  bytes: number;
  packets: number;
  drops: number;
  overlimits: number;
  requeues: number;
}

export const noQdiscStats = (): QdiscStats => ({ bytes: 0, packets: 0, drops: 0, overlimits: 0, requeues: 0 });

export interface Qdisc {
  /** TCA_KIND. */
  readonly kind: "noqueue" | "pfifo_fast" | "netem" | "tbf";
  /** `1:` is 0x10000; 0 for the default one. */
  readonly handle: number;
  /** TC_H_ROOT: only roots are built. */
  readonly parent: number;
  readonly stats: QdiscStats;
  /** Packets that wait, and their bytes. */
  readonly backlogPackets: number;
  readonly backlogBytes: number;
  /** Takes the packet; hands it, or others, to the device's driver when their time has come. */
  enqueue(skb: SkBuff): void;
  /** The driver, which was stopped, takes packets again. */
  resume?(): void;
  /** Drops what waits. */
  reset(): void;
}
