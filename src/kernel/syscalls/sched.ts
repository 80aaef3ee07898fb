/** sched(7), getpriority(2), getrlimit(2), getrusage(2). */

import { CAP_SYS_NICE, CAP_SYS_RESOURCE } from "../../abi/capability.ts";
import { EACCES, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import {
  PRIO_PGRP,
  PRIO_PROCESS,
  PRIO_USER,
  RLIM_NLIMITS,
  RLIMIT_NICE,
  RLIMIT_NOFILE,
  RUSAGE_CHILDREN,
  RUSAGE_SELF,
  type Rlimit,
} from "../../abi/resource.ts";
import { SCHED_BATCH, SCHED_IDLE, SCHED_OTHER } from "../../abi/sched.ts";
import { Blocked } from "../blocked.ts";
import { toKernelId } from "../ns/idmap.ts";
import { nsCapable } from "../ns/user.ts";
import { RLIMIT_NOFILE_HARD } from "../params.ts";
import { taskWeight } from "../sched/entity.ts";
import { groupMembers, groupUsage, type Task } from "../task/task.ts";
import type { System } from "../task/system.ts";
import type { Handlers } from "./handler.ts";
import { requireTask } from "./process.ts";

/** Whom getpriority(2) and its like mean. Errors: ESRCH, EINVAL. */
export function chosenTasks(system: System, task: Task, which: number, who: number): Task[] {
  if (which === PRIO_PROCESS) return [requireTask(task, who)];
  if (which === PRIO_PGRP) {
    const pgrp = who === 0 ? task.tg.pgrp : task.pidNs.find(who);
    const found = pgrp === undefined ? [] : [...groupMembers(pgrp)].flatMap((tg) => [...tg.threads]);
    if (found.length === 0) throw ESRCH;
    return found;
  }
  if (which !== PRIO_USER) throw EINVAL;
  const uid = who === 0 ? task.cred.uid : toKernelId(task.cred.userNs, "uidMap", who);
  const found = [...system.tasks].filter((t) => t.cred.uid === uid && t.pid.nrIn(task.pidNs) > 0);
  if (found.length === 0) throw ESRCH;
  return found;
}

/** check_same_owner(). */
const isSameOwner = ({ cred }: Task, target: Task): boolean => cred.euid === target.cred.euid || cred.euid === target.cred.uid;

function setpriority(system: System, task: Task, which: number, who: number, nice: number): void {
  const value = Math.max(-20, Math.min(19, Math.trunc(nice)));
  const capable = nsCapable(task.cred, system.initUserNs, CAP_SYS_NICE);
  for (const t of chosenTasks(system, task, which, who)) {
    if (!isSameOwner(task, t) && !nsCapable(task.cred, t.cred.userNs, CAP_SYS_NICE)) throw EPERM;
    if (!capable && value < t.nice && value < 20 - t.rlimit(RLIMIT_NICE)) throw EACCES;
    t.nice = value;
    system.sched.reweight(t, taskWeight(t.policy === SCHED_IDLE, value));
  }
}

function prlimit(system: System, task: Task, pid: number, resource: number, limit?: Rlimit): Rlimit {
  if (!Number.isInteger(resource) || resource < 0 || resource >= RLIM_NLIMITS) throw EINVAL;
  const target = requireTask(task, pid);
  const { cred } = task;
  const { uid, gid } = cred;
  const to = target.cred;
  const own = uid === to.uid && uid === to.euid && uid === to.suid && gid === to.gid && gid === to.egid && gid === to.sgid;
  if (target !== task && !own && !nsCapable(cred, to.userNs, CAP_SYS_RESOURCE)) throw EPERM;
  const capable = nsCapable(cred, system.initUserNs, CAP_SYS_RESOURCE);
  const old = target.tg.rlimits[resource] as Rlimit;
  if (limit === undefined) return old;
  if (limit.cur > limit.max) throw EINVAL;
  if (resource === RLIMIT_NOFILE && limit.max > RLIMIT_NOFILE_HARD) throw EPERM;
  if (limit.max > old.max && !capable) throw EPERM;
  target.tg.rlimits[resource] = { cur: limit.cur, max: limit.max };
  return old;
}

export const schedCalls: Handlers<
  | "sched_yield"
  | "getpriority"
  | "setpriority"
  | "sched_getscheduler"
  | "sched_setscheduler"
  | "sched_getaffinity"
  | "sched_setaffinity"
  | "prlimit64"
  | "getrusage"
> = {
  sched_yield: (system, task) =>
    new Blocked(
      (function* () {
        task.sliceUsedNs = Number.POSITIVE_INFINITY;
        system.sched.quantumEndNs = system.sched.clockNs;
        yield;
        task.sliceUsedNs = 0;
      })(),
    ),
  getpriority: (system, task, which, who) => Math.min(...chosenTasks(system, task, which, who).map((t) => t.nice)),
  setpriority,
  sched_getscheduler: (_system, task, pid) => requireTask(task, pid).policy,
  sched_setscheduler: (system, task, pid, policy, priority) => {
    const target = requireTask(task, pid);
    // Differs from Linux: there are no real-time classes; SCHED_BATCH is noted and scheduled as SCHED_OTHER.
    if (policy !== SCHED_OTHER && policy !== SCHED_BATCH && policy !== SCHED_IDLE) throw EPERM;
    if (priority !== 0) throw EINVAL;
    if (!isSameOwner(task, target) && !nsCapable(task.cred, system.initUserNs, CAP_SYS_NICE)) throw EPERM;
    target.policy = policy;
    system.sched.reweight(target, taskWeight(policy === SCHED_IDLE, target.nice));
  },
  sched_getaffinity: (system, task, pid) => {
    const { affinity } = requireTask(task, pid);
    return system.sched.cpus.map((c) => c.id).filter((id) => (affinity & (1 << id)) !== 0);
  },
  sched_setaffinity: (system, task, pid, cpus) => {
    const target = requireTask(task, pid);
    if (!isSameOwner(task, target) && !nsCapable(task.cred, target.cred.userNs, CAP_SYS_NICE)) throw EPERM;
    let mask = 0;
    for (const id of cpus) if (id < system.sched.cpus.length) mask |= 1 << id;
    if (mask === 0) throw EINVAL;
    // The cpuset narrows what is asked for. Errors: EINVAL where nothing is left.
    if ((mask & target.cgroup.effectiveCpus) === 0) throw EINVAL;
    target.wantedAffinity = mask;
    target.affinity = system.cgroups.affinityOf(target);
    system.sched.affinityChanged(target);
  },
  prlimit64: prlimit,
  getrusage: (_system, task, who) => {
    if (who === RUSAGE_SELF) return groupUsage(task.tg);
    if (who === RUSAGE_CHILDREN) return task.tg.childrenUsage;
    throw EINVAL;
  },
};
