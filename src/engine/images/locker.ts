/** A mutex for each name, as long as somebody wants it. moby `pkg/locker`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { Mutex } from "../sync.ts";

export class Locker {
  private readonly locks = new Map<string, { readonly mutex: Mutex; users: number }>();

  constructor(private readonly sys: Sys) {}

  /** Runs `body` while nobody else holds `name`. Blocks until it is free. */
  *hold<T>(name: string, body: () => Proc<T>): Proc<T> {
    let lock = this.locks.get(name);
    if (lock === undefined) {
      lock = { mutex: new Mutex(this.sys), users: 0 };
      this.locks.set(name, lock);
    }
    lock.users++;
    try {
      return yield* lock.mutex.hold(body);
    } finally {
      lock.users--;
      if (lock.users === 0) this.locks.delete(name);
    }
  }
}
