/** Threads of the client, where Go's has goroutines: what waits for the daemon, for the keyboard and for signals at once. clone(2), futex(2). */

import { EAGAIN, EINTR, Errno } from "../abi/errno.ts";
import { CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM } from "../abi/sched.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { CliError } from "./errors.ts";

const EVERYONE = 0x7fffffff;

type Outcome<T> = { readonly kind: "value"; readonly value: T } | { readonly kind: "error"; readonly error: CliError | Errno };

/** What a thread will have found. The first value counts. */
export class Future<T> {
  private readonly word = { value: 0 };
  private outcome: Outcome<T> | undefined;

  constructor(private readonly sys: Sys) {}

  get isSet(): boolean {
    return this.outcome !== undefined;
  }

  *settle(outcome: Outcome<T>): Proc<void> {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.word.value = 1;
    yield* this.sys.futex(this.word, "FUTEX_WAKE", EVERYONE);
  }

  set(value: T): Proc<void> {
    return this.settle({ kind: "value", value });
  }

  /** Blocks until it is known. Errors: what the thread ended with. */
  *get(): Proc<T> {
    while (this.outcome === undefined) {
      try {
        yield* this.sys.futex(this.word, "FUTEX_WAIT", 0);
      } catch (e) {
        if (e !== EAGAIN && e !== EINTR) throw e;
      }
    }
    if (this.outcome.kind === "error") throw this.outcome.error;
    return this.outcome.value;
  }
}

/** Runs `body` in a thread of its own. */
export function* start<T>(sys: Sys, body: () => Proc<T>): Proc<Future<T>> {
  const future = new Future<T>(sys);
  const flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  yield* sys.clone3({ flags }, function* () {
    try {
      yield* future.set(yield* body());
    } catch (e) {
      if (!(e instanceof CliError || e instanceof Errno)) throw e;
      yield* future.settle({ kind: "error", error: e });
    }
    return 0;
  });
  return future;
}
