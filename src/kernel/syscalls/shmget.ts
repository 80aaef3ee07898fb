/** shmget(2), shmat(2), shmdt(2), shmctl(2). */

import { CAP_IPC_LOCK } from "../../abi/capability.ts";
import { EINVAL, EPERM } from "../../abi/errno.ts";
import {
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  type IpcSet,
  SHM_EXEC,
  SHM_LOCK,
  SHM_LOCKED,
  SHM_RDONLY,
  SHM_UNLOCK,
  type ShmidDs,
} from "../../abi/ipc.ts";
import { PROT_EXEC, PROT_READ, PROT_WRITE } from "../../abi/mman.ts";
import { RLIMIT_AS } from "../../abi/resource.ts";
import { nowSec, setPerm } from "../ipc/objects.ts";
import { sysvOf } from "../ipc/sysv.ts";
import type { SharedMemory } from "../ipc/shm.ts";
import { nsCapable } from "../ns/user.ts";
import { PAGE_SIZE } from "../params.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";

const READ = 0o444;
const WRITE = 0o222;
const EXEC = 0o111;

const shmOf = (system: System, task: Task): SharedMemory => sysvOf(system, task.ns.ipc).shm;

function shmat(system: System, task: Task, id: number, addr: number, flags: number): number {
  // Differs from Linux: the kernel chooses the address; SHM_REMAP and an address are refused.
  if (addr !== 0) throw EINVAL;
  const shm = shmOf(system, task);
  const segment = shm.require(id);
  const writable = (flags & SHM_RDONLY) === 0;
  const executable = (flags & SHM_EXEC) !== 0;
  shm.ids.checkAccess(task, segment, READ | (writable ? WRITE : 0) | (executable ? EXEC : 0));
  const prot = PROT_READ | (writable ? PROT_WRITE : 0) | (executable ? PROT_EXEC : 0);
  const name = `/SYSV${(segment.key >>> 0).toString(16).padStart(8, "0")} (deleted)`;
  const at = task.mm.map(segment.sizeBytes, prot, true, task.rlimit(RLIMIT_AS), { name, dev: 1, ino: segment.id, offset: 0, segment });
  segment.attached();
  return at;
}

function shmctl(system: System, task: Task, id: number, cmd: number, set?: IpcSet): ShmidDs | undefined {
  if (id < 0 || cmd < 0) throw EINVAL;
  const shm = shmOf(system, task);
  const segment = shm.require(id);
  switch (cmd) {
    case IPC_STAT:
      shm.ids.checkAccess(task, segment, READ);
      return segment.stat(task);
    case IPC_RMID:
      shm.ids.checkOwner(task, segment);
      shm.remove(segment);
      return undefined;
    case IPC_SET:
      shm.ids.checkOwner(task, segment);
      if (set === undefined) throw EINVAL;
      setPerm(task, segment, set);
      return undefined;
    case SHM_LOCK:
    case SHM_UNLOCK:
      if (!nsCapable(task.cred, task.ns.ipc.userNs, CAP_IPC_LOCK) && task.cred.euid !== segment.uid && task.cred.euid !== segment.cuid)
        throw EPERM;
      segment.mode = cmd === SHM_LOCK ? segment.mode | SHM_LOCKED : segment.mode & ~SHM_LOCKED;
      segment.ctime = nowSec(task);
      return undefined;
    default:
      throw EINVAL;
  }
}

export const shmgetCalls: Handlers<"shmget" | "shmat" | "shmdt" | "shmctl"> = {
  shmget: (system, task, key, size, flags) => shmOf(system, task).get(task, key | 0, size, flags),
  shmat,
  shmdt: (_system, task, addr) => {
    const vma = task.mm.vmas.find((v) => v.segment !== undefined && v.start === addr);
    if (vma === undefined || addr % PAGE_SIZE !== 0) throw EINVAL;
    task.mm.unmap(vma.start, vma.end - vma.start);
  },
  shmctl,
};
