/** utimensat(2): Linux `fs/utimes.c`. */

import { EINVAL, EPERM } from "../../abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, W_OK } from "../../abi/fcntl.ts";
import { IN_ACCESS, IN_ATTRIB, IN_MODIFY } from "../../abi/poll.ts";
import type { InodeChange } from "../vfs/inode.ts";
import { lookupAt } from "../vfs/namei.ts";
import { notifyDentry } from "../vfs/notify.ts";
import { checkPermission, isOwnerOrCapable, wantWrite } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";

export const utimeCalls: Handlers<"utimensat"> = {
  utimensat(_system, task, dirfd, path, atime, mtime, flags) {
    if (atime === "UTIME_OMIT" && mtime === "UTIME_OMIT") return;
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) throw EINVAL;
    for (const t of [atime, mtime]) if (typeof t !== "string" && !(t.nsec >= 0 && t.nsec < 1_000_000_000)) throw EINVAL;
    const { mnt, dentry } = lookupAt(task, dirfd, path, { follow: (flags & AT_SYMLINK_NOFOLLOW) === 0, empty: dirfd !== AT_FDCWD });
    const { inode } = dentry;
    wantWrite(mnt);
    if (!isOwnerOrCapable(task, inode)) {
      // Whoever may write may set both times to now, and nothing else.
      if (atime !== "UTIME_NOW" || mtime !== "UTIME_NOW") throw EPERM;
      checkPermission(task, inode, W_OK);
    }
    const now = task.now();
    const change: InodeChange = { ctime: now };
    if (atime !== "UTIME_OMIT") change.atime = atime === "UTIME_NOW" ? now : atime;
    if (mtime !== "UTIME_OMIT") change.mtime = mtime === "UTIME_NOW" ? now : mtime;
    inode.setattr(change);
    notifyDentry(dentry, atime === "UTIME_OMIT" ? IN_MODIFY : mtime === "UTIME_OMIT" ? IN_ACCESS : IN_ATTRIB);
  },
};
