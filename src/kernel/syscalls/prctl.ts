/** prctl(2), seccomp(2): what a process gives up or keeps for good. */

import { CAP_LAST_CAP, CAP_SETPCAP, CAP_SYS_ADMIN, capBit } from "../../abi/capability.ts";
import { EACCES, EINVAL, EPERM } from "../../abi/errno.ts";
import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_IS_SET,
  PR_CAP_AMBIENT_LOWER,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_GET_CHILD_SUBREAPER,
  PR_GET_KEEPCAPS,
  PR_GET_NAME,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_PDEATHSIG,
  PR_GET_SECCOMP,
  PR_GET_SECUREBITS,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_KEEPCAPS,
  PR_SET_NAME,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  PR_SET_SECUREBITS,
} from "../../abi/sched.ts";
import { SIGRTMAX } from "../../abi/signal.ts";
import { nsCapable } from "../ns/user.ts";
import { SECBIT_KEEP_CAPS, SECBIT_NO_CAP_AMBIENT_RAISE, SECURE_ALL_BITS, SECURE_ALL_LOCKS } from "../task/capability.ts";
import { checkFilter, Seccomp } from "../task/seccomp.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";

function requireCap(n: number): bigint {
  if (!(n >= 0 && n <= CAP_LAST_CAP)) throw EINVAL;
  return capBit(n);
}

/** A bit may change only with CAP_SETPCAP, and not once its lock is set; locks are never taken off. */
function setSecurebits(task: Task, bits: number): void {
  const old = task.cred.securebits;
  const locked = (old & SECURE_ALL_LOCKS) >> 1;
  if ((bits & ~(SECURE_ALL_BITS | SECURE_ALL_LOCKS)) !== 0) throw EPERM;
  if ((locked & (old ^ bits)) !== 0 || (old & SECURE_ALL_LOCKS & ~bits) !== 0) throw EPERM;
  if (!nsCapable(task.cred, task.cred.userNs, CAP_SETPCAP)) throw EPERM;
  task.cred = { ...task.cred, securebits: bits };
}

function ambient(task: Task, operation: number, cap: number): number {
  const { cred } = task;
  if (operation === PR_CAP_AMBIENT_CLEAR_ALL) {
    task.cred = { ...cred, ambient: 0n };
    return 0;
  }
  const bit = requireCap(cap);
  switch (operation) {
    case PR_CAP_AMBIENT_IS_SET:
      return (cred.ambient & bit) !== 0n ? 1 : 0;
    case PR_CAP_AMBIENT_RAISE:
      if ((cred.permitted & cred.inheritable & bit) === 0n || (cred.securebits & SECBIT_NO_CAP_AMBIENT_RAISE) !== 0) throw EPERM;
      task.cred = { ...cred, ambient: cred.ambient | bit };
      return 0;
    case PR_CAP_AMBIENT_LOWER:
      task.cred = { ...cred, ambient: cred.ambient & ~bit };
      return 0;
    default:
      throw EINVAL;
  }
}

function setKeepCaps(task: Task, on: number): void {
  if (on !== 0 && on !== 1) throw EINVAL;
  const { cred } = task;
  if ((cred.securebits & (SECBIT_KEEP_CAPS << 1)) !== 0) throw EPERM;
  task.cred = { ...cred, securebits: on === 1 ? cred.securebits | SECBIT_KEEP_CAPS : cred.securebits & ~SECBIT_KEEP_CAPS };
}

function prctl(_system: System, task: Task, option: number, arg2: number | string = 0, arg3 = 0): number | string {
  const n = Number(arg2);
  switch (option) {
    case PR_SET_NAME:
      task.comm = String(arg2).slice(0, 15);
      return 0;
    case PR_GET_NAME:
      return task.comm;
    case PR_SET_PDEATHSIG:
      if (!(n >= 0 && n <= SIGRTMAX)) throw EINVAL;
      task.pdeathSignal = n;
      return 0;
    case PR_GET_PDEATHSIG:
      return task.pdeathSignal;
    case PR_SET_CHILD_SUBREAPER:
      task.tg.subreaper = n !== 0;
      return 0;
    case PR_GET_CHILD_SUBREAPER:
      return task.tg.subreaper ? 1 : 0;
    case PR_SET_NO_NEW_PRIVS:
      if (n !== 1) throw EINVAL;
      task.cred = { ...task.cred, noNewPrivs: true };
      return 0;
    case PR_GET_NO_NEW_PRIVS:
      return task.cred.noNewPrivs ? 1 : 0;
    case PR_CAPBSET_READ:
      return (task.cred.bounding & requireCap(n)) !== 0n ? 1 : 0;
    case PR_CAPBSET_DROP: {
      const bit = requireCap(n);
      if (!nsCapable(task.cred, task.cred.userNs, CAP_SETPCAP)) throw EPERM;
      task.cred = { ...task.cred, bounding: task.cred.bounding & ~bit };
      return 0;
    }
    case PR_CAP_AMBIENT:
      return ambient(task, n, arg3);
    case PR_GET_SECUREBITS:
      return task.cred.securebits;
    case PR_SET_SECUREBITS:
      setSecurebits(task, n);
      return 0;
    case PR_GET_KEEPCAPS:
      return (task.cred.securebits & SECBIT_KEEP_CAPS) !== 0 ? 1 : 0;
    case PR_SET_KEEPCAPS:
      setKeepCaps(task, n);
      return 0;
    case PR_GET_SECCOMP:
      return task.seccomp === undefined ? 0 : 2;
    default:
      throw EINVAL;
  }
}

export const prctlCalls: Handlers<"prctl" | "seccomp"> = {
  prctl,
  seccomp: (_system, task, filter) => {
    if (!task.cred.noNewPrivs && !nsCapable(task.cred, task.cred.userNs, CAP_SYS_ADMIN)) throw EACCES;
    checkFilter(filter);
    task.seccomp = (task.seccomp ?? new Seccomp([])).with(filter);
  },
};
