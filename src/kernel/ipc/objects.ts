/** What shared memory, semaphores and message queues of System V have in common: sysvipc(7), Linux `ipc/util.c`. */

import { CAP_IPC_OWNER, CAP_SYS_ADMIN } from "../../abi/capability.ts";
import { EACCES, EEXIST, EIDRM, EINVAL, ENOENT, ENOSPC, EPERM } from "../../abi/errno.ts";
import { IPC_CREAT, IPC_EXCL, IPC_PRIVATE, type IpcPerm, type IpcSet } from "../../abi/ipc.ts";
import { requireKernelId, shownId } from "../ns/idmap.ts";
import type { IpcNamespace } from "../ns/ipc.ts";
import { inGroup, nsCapable } from "../ns/user.ts";
import type { Task } from "../task/task.ts";

/** An id is a place in the table plus this often the times that the places were used up. */
const PLACES = 32_768;
/** Places are used in turn, at least so many (ipc_min_cycle). */
const MIN_CYCLE = 64;
const PERMISSIONS = 0o777;

export abstract class IpcObject {
  /** Written by IpcIds, once. */
  id = -1;
  /** Kernel ids. Written by IPC_SET. */
  uid: number;
  gid: number;
  readonly cuid: number;
  readonly cgid: number;
  mode: number;
  ctime: number;
  /** IPC_RMID was called: nobody finds it any more. */
  removed = false;

  constructor(
    /** Changed to IPC_PRIVATE where a segment outlives its removal. */
    public key: number,
    flags: number,
    maker: Task,
  ) {
    this.mode = flags & PERMISSIONS;
    this.uid = this.cuid = maker.cred.euid;
    this.gid = this.cgid = maker.cred.egid;
    this.ctime = nowSec(maker);
  }
}

/** CLOCK_REALTIME, seconds. */
export const nowSec = (task: Task): number => task.now().sec;

/** The objects of one kind in one namespace. */
export class IpcIds<T extends IpcObject> {
  private readonly places = new Map<number, T>();
  private next = 0;
  private last = -1;
  private seq = 0;

  constructor(readonly ns: IpcNamespace) {}

  get size(): number {
    return this.places.size;
  }

  /** In the order of their places. */
  all(): readonly T[] {
    return [...this.places].sort(([a], [b]) => a - b).map(([, object]) => object);
  }

  /** ipc_addid(). Errors: ENOSPC beyond `limit`. */
  add(object: T, limit: number): number {
    if (this.places.size >= limit) throw ENOSPC;
    const cycle = Math.min(Math.max(Math.floor(((this.places.size + 1) * 3) / 2), MIN_CYCLE), PLACES);
    let place = this.next;
    for (let tried = 0; tried <= cycle; tried++, place++) {
      if (place >= cycle) place = 0;
      if (!this.places.has(place)) break;
    }
    if (place <= this.last) this.seq++;
    this.last = place;
    this.next = place + 1;
    object.id = this.seq * PLACES + place;
    this.places.set(place, object);
    return object.id;
  }

  remove(object: T): void {
    this.places.delete(object.id % PLACES);
    object.removed = true;
  }

  /** Errors: EINVAL where there is none, EIDRM where there was one. */
  require(id: number): T {
    if (!Number.isInteger(id) || id < 0) throw EINVAL;
    const found = this.places.get(id % PLACES);
    if (found === undefined) throw EINVAL;
    if (found.id !== id) throw EIDRM;
    return found;
  }

  /** ipcget(): the id of what bears `key`, or of what `make` makes. `check` tests what is there. */
  get(task: Task, key: number, flags: number, make: () => number, check: (object: T) => void): number {
    if (key === IPC_PRIVATE) return make();
    const found = this.find(key);
    if (found === undefined) {
      if ((flags & IPC_CREAT) === 0) throw ENOENT;
      return make();
    }
    if ((flags & IPC_CREAT) !== 0 && (flags & IPC_EXCL) !== 0) throw EEXIST;
    check(found);
    this.checkAccess(task, found, flags);
    return found.id;
  }

  find(key: number): T | undefined {
    for (const object of this.places.values()) if (object.key === key) return object;
    return undefined;
  }

  /** ipcperms(): the bits of `flags` are asked for, in whichever of the three places they stand. Errors: EACCES. */
  checkAccess({ cred }: Task, object: IpcObject, flags: number): void {
    const wanted = ((flags >> 6) | (flags >> 3) | flags) & 7;
    let granted = object.mode;
    if (cred.euid === object.cuid || cred.euid === object.uid) granted >>= 6;
    else if (inGroup(cred, object.cgid) || inGroup(cred, object.gid)) granted >>= 3;
    if ((wanted & ~granted) !== 0 && !nsCapable(cred, this.ns.userNs, CAP_IPC_OWNER)) throw EACCES;
  }

  /** ipcctl_obtain_check(): who may change or remove it. Errors: EPERM. */
  checkOwner({ cred }: Task, object: IpcObject): void {
    if (cred.euid === object.cuid || cred.euid === object.uid) return;
    if (!nsCapable(cred, this.ns.userNs, CAP_SYS_ADMIN)) throw EPERM;
  }
}

/** IPC_SET. Errors: EINVAL for ids that are not mapped. */
export function setPerm(task: Task, object: IpcObject, set: IpcSet): void {
  const uid = requireKernelId(task.cred.userNs, "uidMap", set.uid);
  const gid = requireKernelId(task.cred.userNs, "gidMap", set.gid);
  object.uid = uid;
  object.gid = gid;
  object.mode = (object.mode & ~PERMISSIONS) | (set.mode & PERMISSIONS);
  object.ctime = nowSec(task);
}

/** The ids as `reader` numbers them. */
export function permOf(object: IpcObject, { cred }: Task): IpcPerm {
  const { key, mode } = object;
  const uid = (id: number): number => shownId(cred.userNs, "uidMap", id);
  const gid = (id: number): number => shownId(cred.userNs, "gidMap", id);
  return { key, mode, uid: uid(object.uid), gid: gid(object.gid), cuid: uid(object.cuid), cgid: gid(object.cgid) };
}
