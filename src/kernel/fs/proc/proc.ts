/**
 * procfs: proc(5), Linux `fs/proc/root.c`. One instance for each PID namespace; numbers are those of the namespace of whoever mounted
 * it. Left out: hidepid, subset=pid, and every file that could not be computed truthfully.
 */

import { EINVAL } from "../../../abi/errno.ts";
import type { Statfs } from "../../../abi/stat.ts";
import { NAME_MAX, PAGE_SIZE } from "../../params.ts";
import type { PidNamespace } from "../../ns/pid.ts";
import type { FilesystemType, System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import { SuperBlock } from "../../vfs/inode.ts";
import type { Machine } from "./entry.ts";
import { ProcInode } from "./inode.ts";
import { rootEntry } from "./root.ts";

const PROC_SUPER_MAGIC = 0x9fa0;
const PROC_ROOT_INO = 1;

class ProcSuperBlock extends SuperBlock {
  override readonly dev: number;
  override readonly fstype = "proc";
  override readonly cacheable = false;
  override readonly root: ProcInode<Machine>;

  constructor(system: System, ns: PidNamespace) {
    super();
    this.dev = system.nextAnonDev();
    this.root = new ProcInode<Machine>(this, rootEntry, { system, ns }, PROC_ROOT_INO, undefined);
  }

  override get stackDepth(): number {
    return 2;
  }

  override statfs(): Statfs {
    return { type: PROC_SUPER_MAGIC, bsize: PAGE_SIZE, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: NAME_MAX, flags: 0 };
  }
}

export const proc: FilesystemType = {
  name: "proc",
  nodev: true,
  usernsMount: ({ pidNs }) => pidNs.userNs,
  usernsVisible: true,
  mount(system, _source, data) {
    if (data.split(",").some((option) => option !== "" && option !== "hidepid=0" && option !== "hidepid=off")) throw EINVAL;
    const mounter = system.sched.current as Task | undefined;
    return new ProcSuperBlock(system, mounter?.pidNs ?? system.initPidNs);
  },
};
