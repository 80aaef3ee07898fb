/** Wait queues: Linux `include/linux/wait.h`. Whoever makes a condition true wakes those who wait for it. */

/** Something on a wait queue: a sleeping task, or an epoll instance that notes the readiness. */
export interface Waiter {
  /** Called by wake(); must not sleep. Returns whether it used the wake-up (for wakeOne). */
  wakeUp(): boolean;
}

export class WaitQueue {
  /** Made on first use: most queues never see a waiter. */
  private waiters: Set<Waiter> | undefined;

  get empty(): boolean {
    return this.waiters === undefined || this.waiters.size === 0;
  }

  add(waiter: Waiter): void {
    this.waiters ??= new Set();
    this.waiters.add(waiter);
  }

  remove(waiter: Waiter): void {
    this.waiters?.delete(waiter);
  }

  /** Wakes all, in the order in which they came. */
  wake(): void {
    if (this.waiters === undefined || this.waiters.size === 0) return;
    for (const waiter of this.waiters) waiter.wakeUp();
  }

  /** Wakes the first that can use it; false if none could. */
  wakeOne(): boolean {
    if (this.waiters === undefined) return false;
    for (const waiter of this.waiters) if (waiter.wakeUp()) return true;
    return false;
  }
}
