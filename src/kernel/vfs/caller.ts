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
  /** Living tasks that stand there. */
  private users = 0;

  constructor(
    private rootPath: Path,
    private cwdPath: Path,
    public umask: number,
  ) {}

  get root(): Path {
    return this.rootPath;
  }

  set root(to: Path) {
    if (this.users > 0) moveInhabitant(this.rootPath, to);
    this.rootPath = to;
  }

  get cwd(): Path {
    return this.cwdPath;
  }

  set cwd(to: Path) {
    if (this.users > 0) moveInhabitant(this.cwdPath, to);
    this.cwdPath = to;
  }

  copy(): FsStruct {
    return new FsStruct(this.rootPath, this.cwdPath, this.umask);
  }

  /** A task begins to use it. */
  enter(): void {
    if (this.users++ > 0) return;
    moveInhabitant(undefined, this.rootPath);
    moveInhabitant(undefined, this.cwdPath);
  }

  /** A task uses it no longer. */
  leave(): void {
    if (--this.users > 0) return;
    moveInhabitant(this.rootPath, undefined);
    moveInhabitant(this.cwdPath, undefined);
  }
}

/** Someone stands at `to`, or runs from it, and no longer at `from`. */
export function moveInhabitant(from: Path | undefined, to: Path | undefined): void {
  if (to !== undefined) to.mnt.inhabitants++;
  if (from !== undefined) from.mnt.inhabitants--;
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
