/** statfs(2): Linux `fs/statfs.c`. */

import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_RELATIME, MS_SYNCHRONOUS } from "../../abi/mount.ts";
import type { Statfs } from "../../abi/stat.ts";
import type { SuperBlock } from "../vfs/inode.ts";
import type { Mount } from "../vfs/mount.ts";
import { resolve } from "../vfs/namei.ts";
import type { Handlers } from "./handler.ts";

const ST_RELATIME = 4096;
/** These flags have the same value in mount(2) and in f_flags. */
const SAME = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS | MS_NOATIME | MS_NODIRATIME;

export const statfsCalls: Handlers<"statfs" | "fstatfs"> = {
  statfs(_system, task, path) {
    const { mnt } = resolve(task, undefined, path, true);
    return statfs(mnt.sb, mnt);
  },

  fstatfs(_system, task, fd) {
    const file = task.files.require(fd);
    return statfs(file.inode.sb, file.path?.mnt);
  },
};

function statfs(sb: SuperBlock, mnt: Mount | undefined): Statfs {
  const flags = mnt?.flags ?? 0;
  return {
    ...sb.statfs(),
    flags: (flags & SAME) | ((flags & MS_RELATIME) !== 0 ? ST_RELATIME : 0) | (sb.readonly ? MS_RDONLY : 0),
  };
}
