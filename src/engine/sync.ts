/**
 * Threads of one program and what orders them, on clone(2) and futex(2). Code runs undisturbed between two `yield*`; state that must hold across one is guarded
 * by these. Go's `sync` package.
 */

import { EAGAIN, EINTR, ETIMEDOUT } from "../abi/errno.ts";
import { CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM } from "../abi/sched.ts";
import type { Body, Proc, Sys } from "../abi/sys.ts";

const EVERYONE = 0x7fffffff;

/** A thread of the calling process; it shares everything with the caller. Returns its thread id. The body must not throw. */
export function* startThread(sys: Sys, body: Body): Proc<number> {
  const flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  return yield* sys.clone3({ flags }, body);
}

/** FUTEX_WAIT that may end early: who waits looks again. False at the end of the time. */
function* sleepOn(sys: Sys, word: { value: number }, value: number, timeoutNs?: number): Proc<boolean> {
  try {
    const timeout = timeoutNs === undefined ? undefined : { sec: Math.floor(timeoutNs / 1e9), nsec: timeoutNs % 1e9 };
    yield* sys.futex(word, "FUTEX_WAIT", value, timeout);
  } catch (e) {
    if (e === ETIMEDOUT) return false;
    if (e !== EAGAIN && e !== EINTR) throw e;
  }
  return true;
}

/** One holder at a time; not recursive. */
export class Mutex {
  /** 0 free, 1 held, 2 held and someone waits. */
  private readonly word = { value: 0 };

  constructor(private readonly sys: Sys) {}

  /** Blocks until it is free. */
  *lock(): Proc<void> {
    if (this.word.value === 0) {
      this.word.value = 1;
      return;
    }
    while (this.word.value !== 0) {
      this.word.value = 2;
      yield* sleepOn(this.sys, this.word, 2);
    }
    // There may be others that wait.
    this.word.value = 2;
  }

  *unlock(): Proc<void> {
    const waited = this.word.value === 2;
    this.word.value = 0;
    if (waited) yield* this.sys.futex(this.word, "FUTEX_WAKE", 1);
  }

  /** Runs `body` as the holder. Blocks until it is free. */
  *hold<T>(body: () => Proc<T>): Proc<T> {
    yield* this.lock();
    try {
      return yield* body();
    } finally {
      yield* this.unlock();
    }
  }
}

/** Something that threads wait for; they test what they wait for themselves: `while (!done) yield* changed.wait();`. */
export class Condition {
  private readonly word = { value: 0 };

  constructor(private readonly sys: Sys) {}

  /** Blocks until the next broadcast, or for `timeoutNs`; false if that has passed. */
  wait(timeoutNs?: number): Proc<boolean> {
    return sleepOn(this.sys, this.word, this.word.value, timeoutNs);
  }

  *broadcast(): Proc<void> {
    this.word.value++;
    yield* this.sys.futex(this.word, "FUTEX_WAKE", EVERYONE);
  }
}

/** Counts what is under way; someone waits until nothing is. */
export class WaitGroup {
  private count = 0;
  private readonly done: Condition;

  constructor(sys: Sys) {
    this.done = new Condition(sys);
  }

  add(n = 1): void {
    this.count += n;
  }

  *finish(): Proc<void> {
    this.count--;
    if (this.count === 0) yield* this.done.broadcast();
  }

  /** Blocks until all have finished, or for `timeoutNs`; false if that has passed. */
  *wait(timeoutNs?: number): Proc<boolean> {
    while (this.count > 0) if (!(yield* this.done.wait(timeoutNs))) return false;
    return true;
  }
}

/** A queue between threads, without a limit. Go's channel. */
export class Channel<T> {
  private readonly items: T[] = [];
  private readonly changed: Condition;
  private closed = false;

  constructor(sys: Sys) {
    this.changed = new Condition(sys);
  }

  *send(item: T): Proc<void> {
    if (this.closed) return;
    this.items.push(item);
    yield* this.changed.broadcast();
  }

  /** No more is taken; what is there can still be received. */
  *close(): Proc<void> {
    this.closed = true;
    yield* this.changed.broadcast();
  }

  /** The next item; undefined once it is closed and empty, or after `timeoutNs`. Blocks. */
  *receive(timeoutNs?: number): Proc<T | undefined> {
    while (this.items.length === 0 && !this.closed) if (!(yield* this.changed.wait(timeoutNs))) return undefined;
    return this.items.shift();
  }

  get isClosed(): boolean {
    return this.closed && this.items.length === 0;
  }
}
