/**
 * The queue between the drivers and the stack: Linux `net/core/dev.c`, softnet_data, net_rx_action.
 *
 * A driver that has a packet for the stack only queues it. What begins network work (a send, a timer, a close) runs inside `run`; the
 * outermost run takes the packets off the queue, a bounded number of them, and leaves the rest to a timer: a loop of bridges costs virtual time, and nobody's stack
 * is ever deep.
 */

import { NETDEV_BUDGET, NETDEV_MAX_BACKLOG, PACKET_NS } from "../params.ts";
import type { Scheduler } from "../sched/scheduler.ts";
import { Timer } from "../sched/timer.ts";
import type { SkBuff } from "./skb.ts";

export class Softnet {
  private queue: SkBuff[] = [];
  private head = 0;
  private depth = 0;
  private readonly rest: Timer;
  /** /proc/net/softnet_stat: packets taken off the queue, packets that found it full, drains that left some over. */
  processed = 0;
  dropped = 0;
  squeezed = 0;

  constructor(
    private readonly sched: Scheduler,
    /** netif_receive_skb(): takes a packet that has been received. */
    private readonly receive: (skb: SkBuff) => void,
  ) {
    this.rest = new Timer(() => this.run(() => {}));
  }

  /** Packets that wait. */
  get backlog(): number {
    return this.queue.length - this.head;
  }

  /** Runs `work`, then whatever packets it has set on their way. */
  run<T>(work: () => T): T {
    this.begin();
    try {
      return work();
    } finally {
      this.end();
    }
  }

  /** As run, for those who save the closure: every begin needs its end. */
  begin(): void {
    this.depth++;
  }

  end(): void {
    if (this.depth === 1 && this.head < this.queue.length) this.drain();
    this.depth--;
  }

  /** netif_rx(): false where the backlog is full and the caller must drop the packet. Outside of any run a timer takes it at once. */
  enqueue(skb: SkBuff): boolean {
    if (this.backlog > NETDEV_MAX_BACKLOG) {
      this.dropped++;
      return false;
    }
    this.queue.push(skb);
    if (this.depth === 0 && !this.rest.armed) this.sched.timers.arm(this.rest, this.sched.clockNs);
    return true;
  }

  private drain(): void {
    let budget = NETDEV_BUDGET;
    while (this.head < this.queue.length) {
      if (budget-- === 0) {
        this.squeezed++;
        break;
      }
      const skb = this.queue[this.head++] as SkBuff;
      this.processed++;
      this.sched.clockNs += PACKET_NS;
      this.receive(skb);
    }
    if (this.head >= this.queue.length) {
      this.queue = [];
      this.head = 0;
    } else {
      if (this.head > 4096) {
        this.queue = this.queue.slice(this.head);
        this.head = 0;
      }
      if (!this.rest.armed) this.sched.timers.arm(this.rest, this.sched.clockNs);
    }
  }
}
