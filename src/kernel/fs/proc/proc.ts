/**
 * procfs: proc(5), Linux `fs/proc/root.c`. One instance for each PID namespace; numbers are those of the namespace of whoever mounted
 * it. Left out: every file that could not be computed truthfully.
 */

import type { Statfs } from "../../../abi/stat.ts";
import { NAME_MAX, PAGE_SIZE } from "../../params.ts";
import type { PidNamespace } from "../../ns/pid.ts";
import type { FilesystemType, System } from "../../task/system.ts";
import { SuperBlock } from "../../vfs/inode.ts";
import type { Machine } from "./entry.ts";
import { ProcInode } from "./inode.ts";
import { ProcOptions } from "./options.ts";
import { rootEntry } from "./root.ts";

const PROC_SUPER_MAGIC = 0x9fa0;
const PROC_ROOT_INO = 1;

class ProcSuperBlock extends SuperBlock {
  override readonly dev: number;
  override readonly fstype = "proc";
  override readonly cacheable = false;
  override readonly root: ProcInode<Machine>;

  constructor(
    system: System,
    ns: PidNamespace,
    private readonly options: ProcOptions,
  ) {
    super();
    this.dev = system.nextAnonDev();
    this.root = new ProcInode<Machine>(this, rootEntry, { system, ns, options }, PROC_ROOT_INO, undefined);
  }

  override remount(data: string): void {
    this.options.apply(data);
  }

  override showOptions(): string {
    return this.options.show();
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
  mount(system, _source, data, _flags, mounter) {
    const options = new ProcOptions();
    options.apply(data);
    return new ProcSuperBlock(system, mounter.pidNs, options);
  },
};
