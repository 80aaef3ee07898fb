/** chmod(2), umask(2): Linux `fs/open.c:chmod_common`, `fs/attr.c`. */

import { CAP_FSETID } from "../../abi/capability.ts";
import { EBADF } from "../../abi/errno.ts";
import { O_PATH } from "../../abi/fcntl.ts";
import { IN_ATTRIB } from "../../abi/poll.ts";
import { S_IFMT, S_ISGID } from "../../abi/stat.ts";
import { inGroup } from "../ns/user.ts";
import type { Task } from "../task/task.ts";
import type { Inode } from "../vfs/inode.ts";
import { lookupAt } from "../vfs/namei.ts";
import { notifyDentry } from "../vfs/notify.ts";
import { capableToward, requireOwner, wantWrite } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";

export const chmodCalls: Handlers<"fchmodat" | "fchmod" | "umask"> = {
  fchmodat(_system, task, dirfd, path, mode) {
    const { mnt, dentry } = lookupAt(task, dirfd, path, { follow: true });
    wantWrite(mnt);
    chmod(task, dentry.inode, mode);
    notifyDentry(dentry, IN_ATTRIB);
  },

  fchmod(_system, task, fd, mode) {
    const file = task.files.require(fd);
    if ((file.flags & O_PATH) !== 0) throw EBADF;
    if (file.path !== undefined) wantWrite(file.path.mnt);
    chmod(task, file.inode, mode);
    if (file.path !== undefined) notifyDentry(file.path.dentry, IN_ATTRIB);
  },

  umask(_system, task, mask) {
    const old = task.fs.umask;
    task.fs.umask = mask & 0o777;
    return old;
  },
};

function chmod(task: Task, inode: Inode, mode: number): void {
  requireOwner(task, inode);
  let bits = mode & 0o7777;
  // Only a member of the group, or CAP_FSETID, gives the group's rights away.
  if ((bits & S_ISGID) !== 0 && !inGroup(task.cred, inode.gid) && !capableToward(task.cred, inode, CAP_FSETID)) bits &= ~S_ISGID;
  inode.setattr({ mode: (inode.mode & S_IFMT) | bits, ctime: task.now() });
}
