/**
 * Advisory locks: flock(2), which belongs to an open file description, and the record locks of fcntl(2), which belong to a process.
 * Linux `fs/locks.c`. Left out: open file description locks, leases, mandatory locks.
 */

import { EAGAIN, EDEADLK } from "../../abi/errno.ts";
import type { Wait } from "../../abi/sys.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import type { Caller } from "./caller.ts";
import type { Inode } from "./inode.ts";

/** A record lock; `end` is exclusive, Infinity to the end of the file. */
export interface RecordLock {
  readonly owner: object;
  /** The process as F_GETLK and /proc/locks name it. */
  readonly pid: number;
  readonly exclusive: boolean;
  readonly start: number;
  readonly end: number;
}

/** All locks on one inode. */
export class FileLocks {
  /** flock: by open file description, whether exclusive. */
  private readonly flocks = new Map<object, boolean>();
  private records: readonly RecordLock[] = [];
  private readonly changed = new WaitQueue();

  private mayFlock(file: object, exclusive: boolean): boolean {
    for (const [holder, held] of this.flocks) if (holder !== file && (exclusive || held)) return false;
    return true;
  }

  /** Blocks while another description is in the way, unless `nonblocking`. Errors: EAGAIN. */
  flock(caller: Caller, file: object, exclusive: boolean, nonblocking: boolean): MaySleep<void> {
    if (this.mayFlock(file, exclusive)) {
      this.setFlock(file, exclusive);
      return;
    }
    // A conversion gives up the old lock first.
    this.unlockFlock(file);
    if (nonblocking) throw EAGAIN;
    return new Blocked(this.awaitFlock(caller, file, exclusive));
  }

  private *awaitFlock(caller: Caller, file: object, exclusive: boolean): Generator<Wait, void, void> {
    while (!this.mayFlock(file, exclusive)) yield* caller.sched.sleep([this.changed]);
    this.setFlock(file, exclusive);
  }

  private setFlock(file: object, exclusive: boolean): void {
    const weaker = this.flocks.get(file) === true && !exclusive;
    this.flocks.set(file, exclusive);
    if (weaker) this.changed.wake();
  }

  unlockFlock(file: object): void {
    if (this.flocks.delete(file)) this.changed.wake();
  }

  /** The first lock of another owner that stands against `wanted`. */
  conflicting(wanted: RecordLock): RecordLock | undefined {
    return this.records.find(
      (r) => r.owner !== wanted.owner && (r.exclusive || wanted.exclusive) && r.start < wanted.end && wanted.start < r.end,
    );
  }

  /** F_SETLK, F_SETLKW. Blocks if `wait`. Errors: EAGAIN; EDEADLK where the holder waits for the caller. */
  lockRecord(caller: Caller, lock: RecordLock, wait: boolean): MaySleep<void> {
    if (this.conflicting(lock) === undefined) {
      this.setRecord(lock.owner, lock.start, lock.end, lock);
      return;
    }
    if (!wait) throw EAGAIN;
    return new Blocked(this.awaitRecord(caller, lock));
  }

  private *awaitRecord(caller: Caller, lock: RecordLock): Generator<Wait, void, void> {
    try {
      for (let holder = this.conflicting(lock); holder !== undefined; holder = this.conflicting(lock)) {
        // Whom the holder waits for, and so on: a circle is a deadlock.
        for (let at: object | undefined = holder.owner; at !== undefined; at = waitsFor.get(at)) if (at === lock.owner) throw EDEADLK;
        waitsFor.set(lock.owner, holder.owner);
        yield* caller.sched.sleep([this.changed]);
      }
    } finally {
      waitsFor.delete(lock.owner);
    }
    this.setRecord(lock.owner, lock.start, lock.end, lock);
  }

  /** Replaces what `owner` holds in a range by `lock`, or by nothing. */
  setRecord(owner: object, start: number, end: number, lock: RecordLock | undefined): void {
    const kept: RecordLock[] = [];
    for (const r of this.records) {
      if (r.owner !== owner || r.end <= start || r.start >= end) {
        kept.push(r);
        continue;
      }
      if (r.start < start) kept.push({ ...r, end: start });
      if (r.end > end) kept.push({ ...r, start: end });
    }
    if (lock !== undefined) kept.push(lock);
    this.records = kept.sort((a, b) => a.start - b.start);
    this.changed.wake();
  }

  /** close(2) of any descriptor of the file drops all record locks of the process. */
  dropOwner(owner: object): void {
    if (this.records.some((r) => r.owner === owner)) this.setRecord(owner, 0, Number.POSITIVE_INFINITY, undefined);
  }
}

/** Owners of record locks that sleep, and the owner that each waits for. */
const waitsFor = new WeakMap<object, object>();

export function locksOf(inode: Inode): FileLocks {
  return (inode.locks ??= new FileLocks());
}
