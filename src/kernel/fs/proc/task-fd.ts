/** /proc/PID/fd and fdinfo: proc_pid_fd(5), proc_pid_fdinfo(5); Linux `fs/proc/fd.c`. */

import { EACCES, ENOENT } from "../../../abi/errno.ts";
import { O_CLOEXEC } from "../../../abi/fcntl.ts";
import { DT_LNK, DT_REG } from "../../../abi/stat.ts";
import { mayPtrace } from "../../task/ptrace-access.ts";
import type { Task } from "../../task/task.ts";
import { Dentry, type Path } from "../../vfs/dentry.ts";
import type { File } from "../../vfs/file.ts";
import { Mount } from "../../vfs/mount.ts";
import { checkLength, dPath } from "../../vfs/path.ts";
import { checkModeBits } from "../../vfs/permission.ts";
import type { DynamicEntry, Entry, TaskSubject } from "./entry.ts";

/** Inode numbers of descriptors lie above those of everything else in proc. */
const FD_INO = 2 ** 32;
const FD_INO_STEP = 2 ** 21;
/** Mount id of what is on no mount. */
const NO_MOUNT = 0;

const fdIno = (task: Task, fd: number, info: boolean): number => FD_INO + (task.pid.nr * 2 + (info ? 1 : 0)) * FD_INO_STEP + fd;

function requireFile({ task }: TaskSubject, fd: number): File {
  const file = task.files.find(fd);
  if (file === undefined || task.state === "dead") throw ENOENT;
  return file;
}

/** What the link shows: a path, or what the object says of itself. */
export function fileName(file: File, root: Path): string {
  return file.path === undefined || file.path.mnt.id === NO_MOUNT ? file.describe() : checkLength(dPath(file.path, root));
}

/** A place for what has no path, so that it can be opened once more. */
function placeOf(file: File): Path {
  if (file.path !== undefined) return file.path;
  const dentry = Dentry.root(file.inode);
  return { mnt: new Mount(NO_MOUNT, file.inode.sb, dentry, "none", 0), dentry };
}

function fdLink(fd: number, file: File): Entry<TaskSubject> {
  return {
    kind: "link",
    name: String(fd),
    mode: (file.readable ? 0o500 : 0) | (file.writable ? 0o300 : 0),
    size: 64,
    access: "ptrace",
    target: (subject, reader) => fileName(requireFile(subject, fd), reader.fs.root),
    follow: (subject) => placeOf(requireFile(subject, fd)),
  };
}

function fdInfo(fd: number): Entry<TaskSubject> {
  return {
    kind: "file",
    name: String(fd),
    mode: 0o400,
    read(subject) {
      const file = requireFile(subject, fd);
      const flags = file.flags | (subject.task.files.cloexec(fd) ? O_CLOEXEC : 0);
      const mount = file.path?.mnt.id ?? NO_MOUNT;
      return `pos:\t${file.pos}\nflags:\t0${flags.toString(8)}\nmnt_id:\t${mount}\nino:\t${file.inode.ino}\n`;
    },
  };
}

const parseFd = (name: string): number | undefined => (/^(0|[1-9][0-9]{0,6})$/.test(name) ? Number(name) : undefined);

function fdDirectory(
  name: string,
  info: boolean,
  permission: NonNullable<DynamicEntry<TaskSubject>["permission"]>,
): DynamicEntry<TaskSubject> {
  return {
    kind: "dynamic",
    name,
    mode: info ? 0o555 : 0o500,
    permission,
    find(subject, child, make) {
      const fd = parseFd(child);
      const file = fd === undefined || subject.task.state === "dead" ? undefined : subject.task.files.find(fd);
      if (fd === undefined || file === undefined) return undefined;
      return make(info ? fdInfo(fd) : fdLink(fd, file), subject, fdIno(subject.task, fd, info), subject.task);
    },
    list({ task }) {
      if (task.state === "dead") return [];
      return [...task.files.entries()].map(([fd]) => ({ name: String(fd), ino: fdIno(task, fd, info), type: info ? DT_REG : DT_LNK }));
    },
  };
}

/** One's own descriptors may always be looked at, also after a change of user. */
export const fdEntry = fdDirectory("fd", false, ({ task }, mask, caller) => {
  if (caller.tg === task.tg) return;
  checkModeBits(caller.cred, { mode: 0o040500, uid: task.cred.euid, gid: task.cred.egid, isDirectory: true }, mask);
});

export const fdinfoEntry = fdDirectory("fdinfo", true, ({ task }, _mask, caller) => {
  if (!mayPtrace(caller, task, "fs")) throw EACCES;
});
