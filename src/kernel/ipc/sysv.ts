/** The System V objects of one IPC namespace, and its limits under /proc/sys/kernel: ipc_namespaces(7), Linux `ipc/namespace.c`. */

import type { IpcContents, IpcNamespace } from "../ns/ipc.ts";
import { SEM_LIMITS, MSG_LIMITS, SHM_LIMITS } from "../params.ts";
import type { System } from "../task/system.ts";
import { MessageQueues } from "./msg.ts";
import { Semaphores } from "./sem.ts";
import { SharedMemory } from "./shm.ts";

export class SysvIpc implements IpcContents {
  /** shmmax and shmall count as good as without end. Written through /proc/sys/kernel. */
  readonly limits = { ...SHM_LIMITS, ...MSG_LIMITS, ...SEM_LIMITS };
  readonly shm: SharedMemory;
  readonly sem: Semaphores;
  readonly msg: MessageQueues;

  constructor(
    readonly system: System,
    readonly ns: IpcNamespace,
  ) {
    this.shm = new SharedMemory(this);
    this.sem = new Semaphores(this);
    this.msg = new MessageQueues(this);
  }

  free(): void {
    this.shm.free();
    this.sem.free();
    this.msg.free();
  }
}

/** What is in a namespace; made when somebody first asks. */
export function sysvOf(system: System, ns: IpcNamespace): SysvIpc {
  let found = ns.contents.get("sysv") as SysvIpc | undefined;
  if (found === undefined) {
    found = new SysvIpc(system, ns);
    ns.contents.set("sysv", found);
  }
  return found;
}
