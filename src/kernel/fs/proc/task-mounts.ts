/** /proc/PID/mounts, mountinfo, mountstats: proc_pid_mounts(5), proc_pid_mountinfo(5); Linux `fs/proc_namespace.c`. */

import {
  MS_DIRSYNC,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
  MS_SYNCHRONOUS,
} from "../../../abi/mount.ts";
import { major, minor } from "../../../abi/stat.ts";
import type { Task } from "../../task/task.ts";
import type { Dentry, Path } from "../../vfs/dentry.ts";
import type { Mount } from "../../vfs/mount.ts";
import { isReachable, mountPath } from "../../vfs/path.ts";
import { dominatingId } from "../../vfs/propagation.ts";
import type { TaskSubject } from "./entry.ts";

const OPTIONS: readonly (readonly [number, string])[] = [
  [MS_NOSUID, ",nosuid"],
  [MS_NODEV, ",nodev"],
  [MS_NOEXEC, ",noexec"],
  [MS_NOATIME, ",noatime"],
  [MS_NODIRATIME, ",nodiratime"],
  [MS_RELATIME, ",relatime"],
  [MS_NOSYMFOLLOW, ",nosymfollow"],
];

/** Of the whole filesystem: show_sb_opts(). */
const SB_OPTIONS: readonly (readonly [number, string])[] = [
  [MS_SYNCHRONOUS, ",sync"],
  [MS_DIRSYNC, ",dirsync"],
  [MS_MANDLOCK, ",mand"],
  [MS_LAZYTIME, ",lazytime"],
];

/** mangle(): what separates the fields is written in octal. */
const mangle = (text: string): string => text.replace(/[ \t\n\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);

const named = (flags: number, options: typeof OPTIONS): string =>
  options.map(([flag, text]) => ((flags & flag) === 0 ? "" : text)).join("");

const mountOptions = ({ flags }: Mount): string => named(flags, OPTIONS);
const sbOptions = ({ sb }: Mount): string => named(sb.syncFlags, SB_OPTIONS);

/** The mounts that the process can reach, in the order of mounting. */
function visible(task: Task): readonly Mount[] {
  const { root } = task.fs;
  return task.mntNs.mounts.filter((mnt) => isReachable(mnt.rootPath, root));
}

export function taskMounts({ task }: TaskSubject): string {
  const { root } = task.fs;
  return visible(task)
    .map((mnt) => {
      const access = (mnt.flags & MS_RDONLY) !== 0 || mnt.sb.readonly ? "ro" : "rw";
      const at = mangle(mountPath(mnt, root));
      return `${mangle(mnt.source)} ${at} ${mnt.sb.fstype} ${access}${sbOptions(mnt)}${mountOptions(mnt)}${mnt.sb.showOptions()} 0 0\n`;
    })
    .join("");
}

/** The path of a dentry inside its filesystem. */
function inside(dentry: Dentry): string {
  let text = "";
  for (let d = dentry; !d.isRoot; d = d.parent) text = `/${d.name}${text}`;
  return `${text === "" ? "/" : text}${dentry.deleted ? "//deleted" : ""}`;
}

/** The optional fields: `shared:N`, `master:N`, `propagate_from:N`, `unbindable`. */
function propagationTags(mnt: Mount, root: Path): string {
  let text = mnt.group === undefined ? "" : ` shared:${mnt.group.id}`;
  if (mnt.master !== undefined) {
    const master = mnt.master.group?.id ?? 0;
    const dominating = dominatingId(mnt, root);
    text += ` master:${master}`;
    if (dominating !== 0 && dominating !== master) text += ` propagate_from:${dominating}`;
  }
  return mnt.unbindable ? `${text} unbindable` : text;
}

export function taskMountinfo({ task }: TaskSubject, reader: Task): string {
  const { root } = task.fs;
  return visible(task)
    .map((mnt) => {
      const { sb } = mnt;
      const dev = `${major(sb.dev)}:${minor(sb.dev)}`;
      const where = `${mangle(sb.showRoot?.(mnt.root, reader) ?? inside(mnt.root))} ${mangle(mountPath(mnt, root))}`;
      const access = (mnt.flags & MS_RDONLY) !== 0 ? "ro" : "rw";
      const tag = propagationTags(mnt, root);
      const fs = `${sb.fstype} ${mangle(mnt.source)} ${sb.readonly ? "ro" : "rw"}${sbOptions(mnt)}${sb.showOptions()}`;
      return `${mnt.id} ${mnt.parent?.id ?? mnt.id} ${dev} ${where} ${access}${mountOptions(mnt)}${tag} - ${fs}\n`;
    })
    .join("");
}

/** Differs from Linux: no filesystem adds figures of its own, as NFS does. */
export function taskMountstats({ task }: TaskSubject): string {
  const { root } = task.fs;
  return visible(task)
    .map((mnt) => {
      const device = mnt.source === "" ? "no device" : `device ${mangle(mnt.source)}`;
      return `${device} mounted on ${mangle(mountPath(mnt, root))} with fstype ${mnt.sb.fstype}\n`;
    })
    .join("");
}
