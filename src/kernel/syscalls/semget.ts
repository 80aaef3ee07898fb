/** semget(2), semop(2), semctl(2). */

import { EINVAL } from "../../abi/errno.ts";
import {
  GETALL,
  GETNCNT,
  GETPID,
  GETVAL,
  GETZCNT,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  type IpcSet,
  SETALL,
  SETVAL,
  type SemidDs,
} from "../../abi/ipc.ts";
import { setPerm } from "../ipc/objects.ts";
import type { Semaphores, SemaphoreSet } from "../ipc/sem.ts";
import { sysvOf } from "../ipc/sysv.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";

const READ = 0o444;
const WRITE = 0o222;

type Argument = number | readonly number[] | IpcSet | undefined;

const semOf = (system: System, task: Task): Semaphores => sysvOf(system, task.ns.ipc).sem;

function one(task: Task, set: SemaphoreSet, num: number, cmd: number): number {
  const sem = set.sem(num);
  if (cmd === GETVAL) return sem.value;
  if (cmd === GETPID) return sem.pid?.nrIn(task.pidNs) ?? 0;
  return set.waiting(num, cmd === GETZCNT);
}

function semctl(system: System, task: Task, id: number, num: number, cmd: number, arg?: Argument): number | readonly number[] | SemidDs {
  if (id < 0) throw EINVAL;
  const sems = semOf(system, task);
  const set = sems.ids.require(id);
  switch (cmd) {
    case IPC_STAT:
      sems.ids.checkAccess(task, set, READ);
      return set.stat(task);
    case GETALL:
      sems.ids.checkAccess(task, set, READ);
      return set.sems.map(({ value }) => value);
    case GETVAL:
    case GETPID:
    case GETNCNT:
    case GETZCNT:
      sems.ids.checkAccess(task, set, READ);
      return one(task, set, num, cmd);
    case SETVAL:
      sems.ids.checkAccess(task, set, WRITE);
      set.sem(num);
      sems.setValues(task, set, new Map([[num, Number(arg)]]));
      return 0;
    case SETALL:
      sems.ids.checkAccess(task, set, WRITE);
      if (!Array.isArray(arg) || arg.length !== set.sems.length) throw EINVAL;
      sems.setValues(task, set, new Map(arg.entries()));
      return 0;
    case IPC_RMID:
      sems.ids.checkOwner(task, set);
      sems.remove(set);
      return 0;
    case IPC_SET:
      sems.ids.checkOwner(task, set);
      if (typeof arg !== "object" || Array.isArray(arg)) throw EINVAL;
      setPerm(task, set, arg as IpcSet);
      return 0;
    default:
      throw EINVAL;
  }
}

export const semgetCalls: Handlers<"semget" | "semtimedop" | "semctl"> = {
  semget: (system, task, key, nsems, flags) => semOf(system, task).get(task, key | 0, nsems, flags),
  semtimedop: (system, task, id, sops, timeout) => semOf(system, task).operate(task, id, sops, timeout),
  semctl,
};
