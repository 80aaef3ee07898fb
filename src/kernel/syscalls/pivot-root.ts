/** pivot_root(2): Linux `fs/namespace.c:path_pivot_root`, `fs/fs_struct.c:chroot_fs_refs`. */

import { EBUSY, EINVAL, ENOENT, ENOTDIR } from "../../abi/errno.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Dentry, Path } from "../vfs/dentry.ts";
import { hang, type Mount, unhang } from "../vfs/mount.ts";
import { resolve } from "../vfs/namei.ts";
import { dPath, isReachable } from "../vfs/path.ts";
import type { Handlers } from "./handler.ts";
import { lockMount, requireMountAdmin } from "./mount.ts";

export const pivotRootCalls: Handlers<"pivot_root"> = {
  pivot_root(system, task, newRoot, putOld) {
    requireMountAdmin(task);
    const to = directory(task, newRoot);
    const old = lockMount(directory(task, putOld));
    const { root } = task.fs;
    checkPivot(task, to, old, root);
    const names = { newRoot: dPath(to, root), putOld: dPath(old, root) };
    const rootParent = { mnt: root.mnt.parent as Mount, dentry: root.mnt.mountpoint as Dentry };
    unhang(to.mnt);
    // What hides something goes on hiding it.
    if (root.mnt.locked) {
      to.mnt.locked = true;
      root.mnt.locked = false;
    }
    unhang(root.mnt);
    hang(to.mnt, rootParent);
    hang(root.mnt, old);
    task.mntNs.changed();
    moveProcesses(system, root, to);
    system.mounts.sweep();
    system.trace.emit({ name: "pivot_root", ...names });
  },
};

function directory(task: Task, name: string): Path {
  const path = resolve(task, undefined, name, true);
  if (!path.dentry.inode.isDirectory) throw ENOTDIR;
  return path;
}

/** Errors, in this order: EINVAL for shared parents and for what is locked or elsewhere, ENOENT, EBUSY for the root itself, EINVAL. */
function checkPivot(task: Task, to: Path, old: Path, root: Path): void {
  for (const mnt of [old.mnt, to.mnt.parent, root.mnt.parent]) if (mnt?.group !== undefined) throw EINVAL;
  if (root.mnt.ns !== task.mntNs || to.mnt.ns !== task.mntNs || to.mnt.locked) throw EINVAL;
  if (to.dentry.deleted) throw ENOENT;
  if (to.mnt === root.mnt || old.mnt === root.mnt) throw EBUSY;
  // Both roots are mount points with something below.
  for (const { mnt, dentry } of [root, to]) if (dentry !== mnt.root || mnt.parent === undefined) throw EINVAL;
  if (!isReachable(old, to) || !isReachable(to, root)) throw EINVAL;
}

/** Whoever stands in the old root, in any namespace, stands in the new one. */
function moveProcesses(system: System, from: Path, to: Path): void {
  const isOld = (path: Path): boolean => path.mnt === from.mnt && path.dentry === from.dentry;
  for (const { fs, state } of system.tasks) {
    if (state === "dead") continue;
    if (isOld(fs.root)) fs.root = to;
    if (isOld(fs.cwd)) fs.cwd = to;
  }
}
