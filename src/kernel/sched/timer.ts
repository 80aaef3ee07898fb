/** Timers on the virtual clock: Linux `kernel/time/hrtimer.c`. */

import { Heap, type HeapNode } from "./heap.ts";

/** Calls `fire` once the clock reaches `atNs`. Made and owned by who arms it; a timer can be armed again after it fired. */
export class Timer implements HeapNode {
  heapIndex = -1;
  /** Absolute, since boot. Valid while armed. */
  atNs = 0;
  /** Order among timers of the same instant. */
  seq = 0;

  constructor(readonly fire: () => void) {}

  get armed(): boolean {
    return this.heapIndex >= 0;
  }
}

export class TimerQueue {
  private readonly heap = new Heap<Timer>((a, b) => a.atNs < b.atNs || (a.atNs === b.atNs && a.seq < b.seq));
  private seq = 0;

  /** When the next timer fires; Infinity if none is armed. */
  get nextNs(): number {
    return this.heap.peek()?.atNs ?? Number.POSITIVE_INFINITY;
  }

  /** Arms or re-arms. An instant of Infinity disarms. */
  arm(timer: Timer, atNs: number): void {
    if (timer.heapIndex >= 0) this.heap.remove(timer);
    if (atNs === Number.POSITIVE_INFINITY) return;
    timer.atNs = atNs;
    timer.seq = this.seq++;
    this.heap.add(timer);
  }

  cancel(timer: Timer): void {
    if (timer.heapIndex >= 0) this.heap.remove(timer);
  }

  /** Takes out the first timer; the caller fires it. */
  pop(): Timer | undefined {
    const timer = this.heap.peek();
    if (timer !== undefined) this.heap.remove(timer);
    return timer;
  }
}
