/** signalfd(2): Linux `fs/signalfd.c`. Signals of the reader, whoever it is, not of the one who made it. */

import { EAGAIN, EINVAL } from "../../../abi/errno.ts";
import { O_NONBLOCK } from "../../../abi/fcntl.ts";
import { POLLIN } from "../../../abi/poll.ts";
import { SIGKILL, SIGSTOP, type SigInfo, type SigSet, sigSet } from "../../../abi/signal.ts";
import type { Wait } from "../../../abi/sys.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import type { System } from "../../task/system.ts";
import { callerTask, type Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import { AnonFile } from "./anon-file.ts";
import { view } from "./eventfd.ts";

/** Bytes of a struct signalfd_siginfo. */
const SIZE = 128;
const NEVER: SigSet = sigSet(SIGKILL, SIGSTOP);

function encode(info: SigInfo, buf: Uint8Array): void {
  buf.fill(0, 0, SIZE);
  const v = view(buf);
  v.setUint32(0, info.signo, true);
  v.setInt32(8, info.code, true);
  v.setUint32(12, info.pid, true);
  v.setUint32(16, info.uid, true);
  v.setInt32(40, info.status, true);
}

export class SignalFile extends AnonFile {
  private wanted: SigSet;

  constructor(system: System, mask: SigSet, flags: number, owner: Caller) {
    super(system, "signalfd", flags, owner);
    this.wanted = mask & ~NEVER;
  }

  /** signalfd4(2) with an existing descriptor. */
  set mask(mask: SigSet) {
    this.wanted = mask & ~NEVER;
  }

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    if (buf.length < SIZE) throw EINVAL;
    const task = callerTask(caller);
    const n = this.take(task, buf);
    if (n > 0) return n;
    if ((this.flags & O_NONBLOCK) !== 0) throw EAGAIN;
    return new Blocked(this.readSlowly(task, buf));
  }

  private *readSlowly(task: Task, buf: Uint8Array): Generator<Wait, number, void> {
    for (;;) {
      yield* task.sched.sleep([signalWait(task)]);
      const n = this.take(task, buf);
      if (n > 0) return n;
    }
  }

  private take(task: Task, buf: Uint8Array): number {
    let at = 0;
    while (at + SIZE <= buf.length) {
      const info = task.pending.take(~this.wanted) ?? task.tg.pending.take(~this.wanted);
      if (info === undefined) break;
      encode(info, buf.subarray(at));
      at += SIZE;
    }
    if (at > 0) task.system.signals.recalc(task);
    return at;
  }

  override poll(caller: Caller, queues?: WaitQueue[]): number {
    const task = callerTask(caller);
    queues?.push(signalWait(task));
    return ((task.pending.set | task.tg.pending.set) & this.wanted) !== 0n ? POLLIN : 0;
  }
}

function signalWait(task: Task): WaitQueue {
  return (task.tg.signalWait ??= new WaitQueue());
}
