/** Pipes as the rest of the kernel knows them: `pipe.ts` comes as a module (`task/module.ts`). */

import type { MaySleep } from "../../blocked.ts";
import type { ModuleName } from "../../task/module.ts";
import type { Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import type { File } from "../../vfs/file.ts";
import type { Inode } from "../../vfs/inode.ts";

export interface Pipes {
  /** open(2) of a FIFO. Blocks until the other end is opened too, unless O_NONBLOCK or O_RDWR. Errors: ENXIO. */
  openFifo(inode: Inode, path: Path, flags: number, caller: Caller): MaySleep<File>;
  /** F_GETPIPE_SZ; F_SETPIPE_SZ where a size is given. Errors: EBADF for what is no pipe; EPERM, EBUSY. */
  capacity(file: File, task: Task, bytes: number | undefined): number;
}

export const PIPES: ModuleName<Pipes> = { name: "pipes" };
