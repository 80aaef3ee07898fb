/** ioprio_get(2), ioprio_set(2); Linux `block/ioprio.c`. */

import { CAP_SYS_ADMIN, CAP_SYS_NICE } from "../../abi/capability.ts";
import { EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import { PRIO_PGRP, PRIO_PROCESS, PRIO_USER } from "../../abi/resource.ts";
import {
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_IDLE,
  IOPRIO_CLASS_NONE,
  IOPRIO_CLASS_RT,
  IOPRIO_CLASS_SHIFT,
  IOPRIO_WHO_PGRP,
  IOPRIO_WHO_PROCESS,
  IOPRIO_WHO_USER,
} from "../../abi/sched.ts";
import { nsCapable } from "../ns/user.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";
import { chosenTasks } from "./sched.ts";

const LEVELS = 8;
const WHICH = new Map([
  [IOPRIO_WHO_PROCESS, PRIO_PROCESS],
  [IOPRIO_WHO_PGRP, PRIO_PGRP],
  [IOPRIO_WHO_USER, PRIO_USER],
]);

function chosen(system: System, task: Task, which: number, who: number): Task[] {
  const kind = WHICH.get(which);
  if (kind === undefined) throw EINVAL;
  const found = chosenTasks(system, task, kind, who).filter((t) => t.state !== "dead");
  if (found.length === 0) throw ESRCH;
  return found;
}

/** Linux `ioprio_check_cap`. Errors: EINVAL; EPERM for the real-time class without CAP_SYS_ADMIN or CAP_SYS_NICE. */
function check(system: System, task: Task, ioprio: number): void {
  const [kind, level] = [ioprio >> IOPRIO_CLASS_SHIFT, ioprio & ((1 << IOPRIO_CLASS_SHIFT) - 1)];
  if (kind === IOPRIO_CLASS_RT) {
    const may = (cap: number): boolean => nsCapable(task.cred, system.initUserNs, cap);
    if (!may(CAP_SYS_ADMIN) && !may(CAP_SYS_NICE)) throw EPERM;
  }
  if (kind === IOPRIO_CLASS_RT || kind === IOPRIO_CLASS_BE) {
    if (level >= LEVELS) throw EINVAL;
  } else if (kind === IOPRIO_CLASS_NONE) {
    if (level !== 0) throw EINVAL;
  } else if (kind !== IOPRIO_CLASS_IDLE) throw EINVAL;
}

/** A class that was never set counts as the default, below what was chosen (ioprio_best). */
function rank(ioprio: number): number {
  return ioprio >> IOPRIO_CLASS_SHIFT === IOPRIO_CLASS_NONE ? (IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT) | 4 : ioprio;
}

export const ioprioCalls: Handlers<"ioprio_get" | "ioprio_set"> = {
  ioprio_get: (system, task, which, who) =>
    chosen(system, task, which, who)
      .map((t) => t.ioprio)
      .reduce((best, ioprio) => (rank(ioprio) < rank(best) ? ioprio : best)),
  ioprio_set: (system, task, which, who, ioprio) => {
    check(system, task, ioprio);
    for (const t of chosen(system, task, which, who)) {
      const own = t.cred.uid === task.cred.euid || t.cred.uid === task.cred.uid;
      if (!own && !nsCapable(task.cred, t.cred.userNs, CAP_SYS_NICE)) throw EPERM;
      t.ioprio = ioprio;
    }
  },
};
