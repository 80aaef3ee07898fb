/** What the VFS knows of the task that calls it. `task/task.ts` implements it. */

import type { Timespec } from "../../abi/stat.ts";
import type { SchedTask } from "../sched/entity.ts";
import type { Scheduler } from "../sched/scheduler.ts";
import type { Cred } from "../ns/user.ts";
import type { PidNamespace } from "../ns/pid.ts";
import type { Path } from "./dentry.ts";
import type { MountNamespace } from "./mount.ts";

/** Linux `struct fs_struct`: shared by threads, copied by fork. */
export class FsStruct {
  constructor(
    public root: Path,
    public cwd: Path,
    public umask: number,
  ) {}

  copy(): FsStruct {
    return new FsStruct(this.root, this.cwd, this.umask);
  }
}

export interface Caller extends SchedTask {
  readonly sched: Scheduler;
  readonly cred: Cred;
  readonly fs: FsStruct;
  readonly mntNs: MountNamespace;
  /** The namespace in which its numbers are meant. */
  readonly pidNs: PidNamespace;
  /** CLOCK_REALTIME in the granularity of a tick, for inode times. */
  now(): Timespec;
  /** The value of a resource limit (RLIMIT_FSIZE …), soft. */
  rlimit(resource: number): number;
  /** Sends a signal to the caller itself: SIGPIPE, SIGXFSZ. */
  raise(sig: number): void;
}
