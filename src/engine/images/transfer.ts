/** Downloads and uploads: a few at once, and what several clients want is fetched once. moby `distribution/xfer/transfer.go`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { isFailure } from "../errors.ts";
import { Condition, startThread } from "../sync.ts";
import type { Progress, ProgressOutput } from "./progress.ts";

/** One transfer under way, or over. */
export class Transfer<T> implements ProgressOutput {
  private readonly watchers = new Set<ProgressOutput>();
  private holders = 0;
  private readonly changed: Condition;
  private last: Progress | undefined;
  private outcome: { readonly value: T } | { readonly failure: unknown } | undefined;

  constructor(sys: Sys) {
    this.changed = new Condition(sys);
  }

  get done(): boolean {
    return this.outcome !== undefined;
  }

  /** Nobody wants it any more, or those who did are gone: it should end. */
  get cancelled(): boolean {
    return this.watchers.size === 0;
  }

  /** Whoever joins must leave. */
  *join(output: ProgressOutput): Proc<void> {
    this.holders++;
    this.watchers.add(output);
    if (this.last !== undefined) yield* output.report(this.last);
  }

  /** Returns whether nobody is left, who then has what came of it. */
  leave(output: ProgressOutput): boolean {
    this.watchers.delete(output);
    this.holders--;
    return this.holders === 0;
  }

  *report(progress: Progress): Proc<void> {
    this.last = progress;
    for (const watcher of this.watchers) {
      yield* watcher.report(progress);
      if (watcher.broken === true) this.watchers.delete(watcher);
    }
  }

  *end(outcome: { readonly value: T } | { readonly failure: unknown }): Proc<void> {
    this.outcome = outcome;
    yield* this.changed.broadcast();
  }

  /** Blocks until it is over. Errors: what it failed with. */
  *result(): Proc<T> {
    while (this.outcome === undefined) yield* this.changed.wait();
    if ("failure" in this.outcome) throw this.outcome.failure;
    return this.outcome.value;
  }
}

/** What has begun gives its place to the next as soon as it does not use the network any more. */
export interface Slot {
  /** Whether it had to wait is told first. Blocks until there is room. */
  acquire(waiting: () => Proc<void>): Proc<void>;
  release(): Proc<void>;
}

export class Transfers {
  private readonly running = new Map<string, Transfer<unknown>>();
  private readonly changed: Condition;
  private active = 0;

  constructor(
    private readonly sys: Sys,
    private readonly limit: number,
  ) {
    this.changed = new Condition(sys);
  }

  /** The transfer of this key: one that is under way, or a new one in a thread of its own. `output` is told of it. */
  *start<T>(key: string, output: ProgressOutput, body: (transfer: Transfer<T>, slot: Slot) => Proc<T>): Proc<Transfer<T>> {
    const there = this.running.get(key) as Transfer<T> | undefined;
    if (there?.cancelled === false) {
      yield* there.join(output);
      return there;
    }
    const transfer = new Transfer<T>(this.sys);
    this.running.set(key, transfer as Transfer<unknown>);
    yield* transfer.join(output);
    yield* startThread(this.sys, () => this.run(key, transfer, body));
    return transfer;
  }

  private *run<T>(key: string, transfer: Transfer<T>, body: (transfer: Transfer<T>, slot: Slot) => Proc<T>): Proc<number> {
    let held = false;
    const slot: Slot = {
      acquire: (waiting) => this.acquire(waiting, () => (held = true)),
      release: () => this.release(held, () => (held = false)),
    };
    try {
      const value = yield* body(transfer, slot);
      this.forget(key, transfer);
      yield* transfer.end({ value });
    } catch (failure) {
      if (!isFailure(failure)) throw failure;
      this.forget(key, transfer);
      yield* transfer.end({ failure });
    }
    yield* slot.release();
    return 0;
  }

  private forget<T>(key: string, transfer: Transfer<T>): void {
    if (this.running.get(key) === (transfer as Transfer<unknown>)) this.running.delete(key);
  }

  private *acquire(waiting: () => Proc<void>, taken: () => void): Proc<void> {
    if (this.active >= this.limit) yield* waiting();
    while (this.active >= this.limit) yield* this.changed.wait();
    this.active++;
    taken();
  }

  private *release(held: boolean, given: () => void): Proc<void> {
    if (!held) return;
    given();
    this.active--;
    yield* this.changed.broadcast();
  }
}
