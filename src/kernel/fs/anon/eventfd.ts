/** eventfd(2): a 64-bit counter as a file. Linux `fs/eventfd.c`. */

import { EAGAIN, EINVAL } from "../../../abi/errno.ts";
import { O_NONBLOCK } from "../../../abi/fcntl.ts";
import { POLLIN, POLLOUT } from "../../../abi/poll.ts";
import type { Wait } from "../../../abi/sys.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import type { System } from "../../task/system.ts";
import type { Caller } from "../../vfs/caller.ts";
import { AnonFile } from "./anon-file.ts";

/** Bytes of a value. */
const SIZE = 8;
const UINT64_MAX = 0xffff_ffff_ffff_ffffn;
/** The counter stays below UINT64_MAX. */
const COUNT_MAX = UINT64_MAX - 1n;

/** A value in the buffer of a read or write. */
export function view(buf: Uint8Array): DataView {
  return new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
}

export class EventFile extends AnonFile {
  private readonly changed = new WaitQueue();
  private count: bigint;

  constructor(
    system: System,
    initial: number,
    private readonly semaphore: boolean,
    flags: number,
    owner: Caller,
  ) {
    super(system, "eventfd", flags, owner);
    this.count = BigInt(initial);
  }

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    if (buf.length < SIZE) throw EINVAL;
    if (this.count > 0n) return this.take(buf);
    if ((this.flags & O_NONBLOCK) !== 0) throw EAGAIN;
    return new Blocked(this.readSlowly(caller, buf));
  }

  private *readSlowly(caller: Caller, buf: Uint8Array): Generator<Wait, number, void> {
    while (this.count === 0n) yield* caller.sched.sleep([this.changed]);
    return this.take(buf);
  }

  private take(buf: Uint8Array): number {
    const value = this.semaphore ? 1n : this.count;
    this.count -= value;
    view(buf).setBigUint64(0, value, true);
    this.changed.wake();
    return SIZE;
  }

  override write(caller: Caller, buf: Uint8Array): MaySleep<number> {
    if (buf.length < SIZE) throw EINVAL;
    const value = view(buf).getBigUint64(0, true);
    if (value === UINT64_MAX) throw EINVAL;
    if (this.count + value <= COUNT_MAX) return this.add(value);
    if ((this.flags & O_NONBLOCK) !== 0) throw EAGAIN;
    return new Blocked(this.writeSlowly(caller, value));
  }

  private *writeSlowly(caller: Caller, value: bigint): Generator<Wait, number, void> {
    while (this.count + value > COUNT_MAX) yield* caller.sched.sleep([this.changed]);
    return this.add(value);
  }

  private add(value: bigint): number {
    this.count += value;
    this.changed.wake();
    return SIZE;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.changed);
    return (this.count > 0n ? POLLIN : 0) | (this.count < COUNT_MAX ? POLLOUT : 0);
  }
}
