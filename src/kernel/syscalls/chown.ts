/** chown(2): Linux `fs/open.c:chown_common`, `fs/attr.c:chown_ok`. */

import { CAP_CHOWN } from "../../abi/capability.ts";
import { EBADF, EINVAL, EPERM } from "../../abi/errno.ts";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, O_PATH } from "../../abi/fcntl.ts";
import { IN_ATTRIB } from "../../abi/poll.ts";
import { S_ISGID, S_ISUID } from "../../abi/stat.ts";
import { requireKernelId } from "../ns/idmap.ts";
import { inGroup } from "../ns/user.ts";
import type { Task } from "../task/task.ts";
import type { Inode } from "../vfs/inode.ts";
import { lookupAt } from "../vfs/namei.ts";
import { notifyDentry } from "../vfs/notify.ts";
import { capableToward, wantWrite } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";

export const chownCalls: Handlers<"fchownat" | "fchown"> = {
  fchownat(_system, task, dirfd, path, uid, gid, flags) {
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) throw EINVAL;
    const { mnt, dentry } = lookupAt(task, dirfd, path, {
      follow: (flags & AT_SYMLINK_NOFOLLOW) === 0,
      empty: (flags & AT_EMPTY_PATH) !== 0,
    });
    const ids = [requireKernelId(task.cred.userNs, "uidMap", uid), requireKernelId(task.cred.userNs, "gidMap", gid)] as const;
    wantWrite(mnt);
    chown(task, dentry.inode, ...ids);
    notifyDentry(dentry, IN_ATTRIB);
  },

  fchown(_system, task, fd, uid, gid) {
    const file = task.files.require(fd);
    if ((file.flags & O_PATH) !== 0) throw EBADF;
    const ids = [requireKernelId(task.cred.userNs, "uidMap", uid), requireKernelId(task.cred.userNs, "gidMap", gid)] as const;
    if (file.path !== undefined) wantWrite(file.path.mnt);
    chown(task, file.inode, ...ids);
    if (file.path !== undefined) notifyDentry(file.path.dentry, IN_ATTRIB);
  },
};

function chown(task: Task, inode: Inode, uid: number, gid: number): void {
  const { cred } = task;
  const owner = cred.fsuid === inode.uid;
  const capable = capableToward(cred, inode, CAP_CHOWN);
  if (uid !== -1 && !(owner && uid === inode.uid) && !capable) throw EPERM;
  if (gid !== -1 && !(owner && (gid === inode.gid || inGroup(cred, gid))) && !capable) throw EPERM;
  let { mode } = inode;
  if (!inode.isDirectory) {
    mode &= ~S_ISUID;
    if ((mode & 0o010) !== 0 || (!inGroup(cred, inode.gid) && !capable)) mode &= ~S_ISGID;
  }
  inode.setattr({ mode, uid: uid === -1 ? inode.uid : uid, gid: gid === -1 ? inode.gid : gid, ctime: task.now() });
}
