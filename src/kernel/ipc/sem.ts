/** System V semaphores: semget(2), semop(2), semctl(2); Linux `ipc/sem.c`. Who waits is served in the order of coming. */

import { E2BIG, EAGAIN, EFBIG, EIDRM, EINTR, EINVAL, ENOSPC, ERANGE, type Errno } from "../../abi/errno.ts";
import { IPC_NOWAIT, SEM_UNDO, type Sembuf, type SemidDs } from "../../abi/ipc.ts";
import type { Timespec } from "../../abi/stat.ts";
import type { Wait } from "../../abi/sys.ts";
import { NS_PER_SEC } from "../../abi/time.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import type { Pid } from "../ns/pid.ts";
import { ERESTARTSYS } from "../restart.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import type { Task, ThreadGroup } from "../task/task.ts";
import { IpcIds, IpcObject, nowSec, permOf } from "./objects.ts";
import type { SysvIpc } from "./sysv.ts";

/** SEMVMX, and the largest adjustment at exit (SEMAEM). */
export const SEM_VALUE_MAX = 32_767;
const READ = 0o444;
const WRITE = 0o222;

interface Semaphore {
  value: number;
  /** Who changed it last. */
  pid: Pid | undefined;
}

/** A call of semop that waits for its turn. */
interface Pending {
  readonly task: Task;
  readonly sops: readonly Sembuf[];
  readonly queue: WaitQueue;
  /** The operation that could not be done. */
  blocking: Sembuf;
  outcome: "waiting" | "done" | Errno;
}

export class SemaphoreSet extends IpcObject {
  otime = 0;
  readonly sems: Semaphore[];
  readonly pending: Pending[] = [];
  /** What each process is to give back when it ends, by semaphore. */
  readonly undo = new Map<ThreadGroup, number[]>();

  constructor(key: number, flags: number, nsems: number, maker: Task) {
    super(key, flags, maker);
    this.sems = Array.from({ length: nsems }, () => ({ value: 0, pid: undefined }));
  }

  sem(num: number): Semaphore {
    const found = this.sems[num];
    if (found === undefined) throw EINVAL;
    return found;
  }

  /** Those who wait, in the order of coming: a killed task leaves without a word. */
  alive(): readonly Pending[] {
    for (let i = this.pending.length - 1; i >= 0; i--) if (this.pending[i]?.task.state === "dead") this.pending.splice(i, 1);
    return [...this.pending];
  }

  /** Waiters for the value to grow, or to be zero. */
  waiting(num: number, forZero: boolean): number {
    return this.alive().filter(({ blocking }) => blocking.num === num && (blocking.op === 0) === forZero).length;
  }

  stat(reader: Task): SemidDs {
    return { perm: permOf(this, reader), otime: this.otime, ctime: this.ctime, nsems: this.sems.length };
  }
}

/** perform_atomic_semop(): all operations or none. Returns the one that has to wait. Errors: ERANGE. */
function perform(set: SemaphoreSet, task: Task, sops: readonly Sembuf[]): Sembuf | undefined {
  const values = new Map<number, number>();
  const adjusted = new Map<number, number>();
  const undo = set.undo.get(task.tg);
  for (const sop of sops) {
    const value = values.get(sop.num) ?? set.sem(sop.num).value;
    if (sop.op === 0 && value !== 0) return sop;
    const result = value + sop.op;
    if (result < 0) return sop;
    if (result > SEM_VALUE_MAX) throw ERANGE;
    if ((sop.flg & SEM_UNDO) !== 0) {
      const adjustment = (adjusted.get(sop.num) ?? undo?.[sop.num] ?? 0) - sop.op;
      if (Math.abs(adjustment) > SEM_VALUE_MAX) throw ERANGE;
      adjusted.set(sop.num, adjustment);
    }
    values.set(sop.num, result);
  }
  for (const [num, value] of values) {
    const sem = set.sem(num);
    sem.value = value;
    sem.pid = task.tg.pid;
  }
  if (adjusted.size > 0) noteUndo(set, task.tg, adjusted);
  return undefined;
}

/** Sets of which a process has something to give back. */
class UndoList {
  readonly sets = new Set<SemaphoreSet>();

  constructor(private readonly tg: ThreadGroup) {}

  /** exit_sem(): the adjustments are made, as far as values allow. */
  exit(): void {
    for (const set of this.sets) {
      const undo = set.undo.get(this.tg);
      set.undo.delete(this.tg);
      undo?.forEach((adjustment, num) => {
        if (adjustment === 0) return;
        const sem = set.sem(num);
        sem.value = Math.max(0, Math.min(SEM_VALUE_MAX, sem.value + adjustment));
        sem.pid = this.tg.pid;
      });
      serve(set);
    }
    this.sets.clear();
  }
}

function noteUndo(set: SemaphoreSet, tg: ThreadGroup, adjusted: ReadonlyMap<number, number>): void {
  let undo = set.undo.get(tg);
  if (undo === undefined) {
    undo = set.sems.map(() => 0);
    set.undo.set(tg, undo);
  }
  for (const [num, adjustment] of adjusted) undo[num] = adjustment;
  tg.semUndo ??= new UndoList(tg);
  (tg.semUndo as UndoList).sets.add(set);
}

/** do_smart_update(): lets those go on whose turn has come. Serving one may make room for another that came before. */
function serve(set: SemaphoreSet): void {
  for (let again = true; again; ) {
    again = false;
    for (const waiter of set.alive()) {
      try {
        const blocking = perform(set, waiter.task, waiter.sops);
        if (blocking !== undefined) {
          waiter.blocking = blocking;
          continue;
        }
        waiter.outcome = "done";
        set.otime = nowSec(waiter.task);
      } catch (e) {
        if (e !== ERANGE) throw e;
        waiter.outcome = ERANGE;
      }
      set.pending.splice(set.pending.indexOf(waiter), 1);
      waiter.queue.wake();
      again = true;
    }
  }
}

/** The semaphore sets of a namespace. */
export class Semaphores {
  readonly ids: IpcIds<SemaphoreSet>;
  /** Semaphores in all sets. */
  used = 0;

  constructor(private readonly sysv: SysvIpc) {
    this.ids = new IpcIds(sysv.ns);
  }

  /** semget(2). Errors: EINVAL, ENOSPC, EEXIST, ENOENT, EACCES. */
  get(task: Task, key: number, nsems: number, flags: number): number {
    const { semmsl, semmns, semmni } = this.sysv.limits;
    if (nsems < 0 || nsems > semmsl) throw EINVAL;
    const make = (): number => {
      if (nsems === 0) throw EINVAL;
      if (this.used + nsems > semmns) throw ENOSPC;
      const id = this.ids.add(new SemaphoreSet(key, flags, nsems, task), semmni);
      this.used += nsems;
      return id;
    };
    return this.ids.get(task, key, flags, make, (there) => {
      if (nsems > there.sems.length) throw EINVAL;
    });
  }

  /** semtimedop(2). Errors: EINVAL, E2BIG, EFBIG, EACCES, EAGAIN, ERANGE, EIDRM, EINTR. */
  operate(task: Task, id: number, asked: readonly Sembuf[], timeout: Timespec | undefined): MaySleep<void> {
    if (asked.length < 1) throw EINVAL;
    if (asked.length > this.sysv.limits.semopm) throw E2BIG;
    if (timeout !== undefined && !(timeout.sec >= 0 && timeout.nsec >= 0 && timeout.nsec < NS_PER_SEC)) throw EINVAL;
    const set = this.ids.require(id);
    if (asked.some(({ num }) => num < 0 || num >= set.sems.length)) throw EFBIG;
    this.ids.checkAccess(task, set, asked.some(({ op }) => op !== 0) ? WRITE : READ);
    const blocking = perform(set, task, asked);
    if (blocking === undefined) {
      set.otime = nowSec(task);
      serve(set);
      return undefined;
    }
    if ((blocking.flg & IPC_NOWAIT) !== 0) throw EAGAIN;
    const deadlineNs = timeout === undefined ? undefined : task.sched.clockNs + timeout.sec * NS_PER_SEC + timeout.nsec;
    const waiter: Pending = { task, sops: [...asked], queue: new WaitQueue(), blocking, outcome: "waiting" };
    return new Blocked(this.wait(set, waiter, deadlineNs));
  }

  private *wait(set: SemaphoreSet, waiter: Pending, deadlineNs: number | undefined): Generator<Wait, void, void> {
    set.pending.push(waiter);
    try {
      while (waiter.outcome === "waiting")
        if ((yield* waiter.task.sched.sleep([waiter.queue], deadlineNs)) === "timeout" && waiter.outcome === "waiting") throw EAGAIN;
    } catch (e) {
      if (e !== ERESTARTSYS) throw e;
      if (waiter.outcome === "waiting") throw EINTR;
    } finally {
      const at = set.pending.indexOf(waiter);
      if (at >= 0) set.pending.splice(at, 1);
    }
    if (typeof waiter.outcome !== "string") throw waiter.outcome;
  }

  /** SETVAL, SETALL: forgets what processes would give back. Errors: ERANGE. */
  setValues(task: Task, set: SemaphoreSet, values: ReadonlyMap<number, number>): void {
    for (const value of values.values()) if (!(value >= 0 && value <= SEM_VALUE_MAX)) throw ERANGE;
    for (const [num, value] of values) {
      const sem = set.sem(num);
      sem.value = value;
      sem.pid = task.tg.pid;
      for (const undo of set.undo.values()) undo[num] = 0;
    }
    set.ctime = nowSec(task);
    serve(set);
  }

  remove(set: SemaphoreSet): void {
    this.ids.remove(set);
    this.used -= set.sems.length;
    set.undo.clear();
    for (const waiter of set.pending.splice(0)) {
      waiter.outcome = EIDRM;
      waiter.queue.wake();
    }
  }

  free(): void {
    for (const set of this.ids.all()) this.remove(set);
  }
}
