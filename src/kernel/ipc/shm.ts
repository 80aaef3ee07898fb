/**
 * System V shared memory: shmget(2), shmat(2), shmctl(2); Linux `ipc/shm.c`. A page is charged as shmem to the cgroup of whoever touched it
 * first, and stays until the segment goes.
 *
 * Differs from Linux: what is in a segment cannot be read or written, as with all memory; attached segments do not count in VmRSS.
 */

import { EIDRM, EINVAL, ENOSPC } from "../../abi/errno.ts";
import { IPC_PRIVATE, SHM_DEST, type ShmidDs } from "../../abi/ipc.ts";
import type { MemoryController } from "../cgroup/memory.ts";
import type { SharedSegment } from "../mm/address-space.ts";
import type { Pid, PidNamespace } from "../ns/pid.ts";
import { PAGE_SIZE } from "../params.ts";
import { realtimeAt, type System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import { IpcIds, IpcObject, permOf } from "./objects.ts";
import type { SysvIpc } from "./sysv.ts";

const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE);

export class Segment extends IpcObject implements SharedSegment {
  atime = 0;
  dtime = 0;
  /** Mappings of it. Written by the address spaces. */
  nattch = 0;
  /** Shown also when the process is long gone: no reference is held. */
  readonly cpid: Pid;
  lpid: Pid | undefined;
  private readonly charges: { readonly memcg: MemoryController; readonly bytes: number }[] = [];
  residentBytes = 0;

  constructor(
    key: number,
    flags: number,
    readonly sizeBytes: number,
    maker: Task,
    private readonly owner: SharedMemory,
  ) {
    super(key, flags, maker);
    this.cpid = maker.tg.pid;
  }

  private get system(): System {
    return this.owner.sysv.system;
  }

  private touched(): number {
    const task = this.system.sched.current as Task | undefined;
    if (task !== undefined) this.lpid = task.tg.pid;
    return realtimeAt(this.system, this.system.sched.clockNs).sec;
  }

  attached(): void {
    this.nattch++;
    this.atime = this.touched();
  }

  detached(): void {
    this.nattch--;
    this.dtime = this.touched();
    if (this.nattch === 0 && (this.mode & SHM_DEST) !== 0) this.owner.destroy(this);
  }

  fault(bytes: number): boolean {
    const more = pagesOf(Math.min(bytes, this.sizeBytes)) * PAGE_SIZE - this.residentBytes;
    if (more <= 0) return true;
    const { memory, sched, cgroups } = this.system;
    const { memcg } = (sched.current as Task | undefined)?.cgroup ?? cgroups.root;
    if (!memory.tryCharge("shmem", more, memcg)) return false;
    this.charges.push({ memcg, bytes: more });
    this.residentBytes += more;
    return true;
  }

  /** Gives its pages back. */
  drop(): void {
    for (const { memcg, bytes } of this.charges) this.system.memory.uncharge("shmem", bytes, memcg);
    this.charges.length = 0;
    this.residentBytes = 0;
  }

  stat(reader: Task): ShmidDs {
    const { sizeBytes: segsz, atime, dtime, ctime, nattch } = this;
    const nr = (pid: Pid | undefined, ns: PidNamespace): number => pid?.nrIn(ns) ?? 0;
    const [cpid, lpid] = [nr(this.cpid, reader.pidNs), nr(this.lpid, reader.pidNs)];
    return { perm: permOf(this, reader), segsz, atime, dtime, ctime, cpid, lpid, nattch };
  }
}

/** The segments of a namespace. */
export class SharedMemory {
  readonly ids: IpcIds<Segment>;
  /** Pages of all segments, resident or not. */
  totalPages = 0;

  constructor(readonly sysv: SysvIpc) {
    this.ids = new IpcIds(sysv.ns);
  }

  /** shmget(2). Errors: EINVAL, ENOSPC, EEXIST, ENOENT, EACCES. */
  get(task: Task, key: number, sizeBytes: number, flags: number): number {
    const make = (): number => {
      const { shmmax, shmall, shmmni } = this.sysv.limits;
      if (!(sizeBytes >= 1) || sizeBytes > shmmax) throw EINVAL;
      if (this.totalPages + pagesOf(sizeBytes) > shmall) throw ENOSPC;
      if (this.ids.size >= shmmni) throw ENOSPC;
      const segment = new Segment(key, flags, sizeBytes, task, this);
      this.totalPages += pagesOf(sizeBytes);
      return this.ids.add(segment, shmmni);
    };
    return this.ids.get(task, key, flags, make, (there) => {
      if (there.sizeBytes < sizeBytes) throw EINVAL;
    });
  }

  /** Errors: EINVAL, EIDRM. */
  require(id: number): Segment {
    const segment = this.ids.require(id);
    if (segment.removed) throw EIDRM;
    return segment;
  }

  /** IPC_RMID: it goes at once, or with its last mapping. */
  remove(segment: Segment): void {
    if (segment.nattch === 0) {
      this.destroy(segment);
      return;
    }
    segment.mode |= SHM_DEST;
    segment.key = IPC_PRIVATE;
  }

  destroy(segment: Segment): void {
    this.ids.remove(segment);
    this.totalPages -= pagesOf(segment.sizeBytes);
    segment.drop();
  }

  /** The namespace is gone; what somebody who has left it still maps goes with his mapping. */
  free(): void {
    for (const segment of this.ids.all()) this.remove(segment);
  }
}
