/**
 * Who may look into a process, or trace it: ptrace(2) "Ptrace access mode checking"; Linux `kernel/ptrace.c:__ptrace_may_access`,
 * `security/commoncap.c:cap_ptrace_access_check`.
 *
 * Differs from Linux: there is no dumpable attribute (PR_SET_DUMPABLE), so a process that has changed its ids is as open as any other.
 */

import { CAP_SYS_PTRACE } from "../../abi/capability.ts";
import { nsCapable } from "../ns/user.ts";
import type { Task } from "./task.ts";

/** `fs`: the filesystem ids and the effective capabilities decide (/proc). `real`: the real ids and the permitted ones (PTRACE_SEIZE). */
export function mayPtrace(caller: Task, task: Task, mode: "fs" | "real"): boolean {
  if (caller.tg === task.tg) return true;
  const { cred } = caller;
  const other = task.cred;
  const uid = mode === "fs" ? cred.fsuid : cred.uid;
  const gid = mode === "fs" ? cred.fsgid : cred.gid;
  const sameUser = uid === other.uid && uid === other.euid && uid === other.suid;
  const sameGroup = gid === other.gid && gid === other.egid && gid === other.sgid;
  if (nsCapable(cred, other.userNs, CAP_SYS_PTRACE)) return true;
  if (!sameUser || !sameGroup) return false;
  // Nobody sees through what has more capabilities than he has himself, or has them in another user namespace.
  const own = mode === "fs" ? cred.effective : cred.permitted;
  return cred.userNs === other.userNs && (other.permitted & ~own) === 0n;
}
