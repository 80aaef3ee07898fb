/** Access times: mount(8) relatime, noatime, nodiratime; Linux `fs/inode.c:touch_atime`. */

import { O_NOATIME } from "../../abi/fcntl.ts";
import { MS_NOATIME, MS_NODIRATIME, MS_RDONLY, MS_RELATIME } from "../../abi/mount.ts";
import type { Timespec } from "../../abi/stat.ts";
import type { Caller } from "./caller.ts";
import type { Inode } from "./inode.ts";
import type { Mount } from "./mount.ts";

const DAY_SEC = 86_400;

const notAfter = (a: Timespec, b: Timespec): boolean => a.sec < b.sec || (a.sec === b.sec && a.nsec <= b.nsec);

/** Notes that an inode was read through `mnt`. `flags` are those of the open file. */
export function touchAtime(caller: Caller, mnt: Mount, inode: Inode, flags: number): void {
  if (!inode.keepsTimes || (flags & O_NOATIME) !== 0 || (mnt.flags & (MS_NOATIME | MS_RDONLY)) !== 0 || inode.sb.readonly) return;
  if ((mnt.flags & MS_NODIRATIME) !== 0 && inode.isDirectory) return;
  const now = caller.now();
  const { atime } = inode;
  if (atime === now) return;
  // relatime: only where the last access was not after the last change, or is a day old.
  if ((mnt.flags & MS_RELATIME) !== 0 && !notAfter(atime, inode.mtime) && !notAfter(atime, inode.ctime) && now.sec - atime.sec < DAY_SEC)
    return;
  inode.atime = now;
}
