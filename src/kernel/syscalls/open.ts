/** open(2), openat(2), close(2), close_range(2): Linux `fs/open.c`, `fs/namei.c:path_openat`. */

import { EACCES, EEXIST, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR, ETXTBSY } from "../../abi/errno.ts";
import {
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  R_OK,
  W_OK,
} from "../../abi/fcntl.ts";
import { MS_NODEV } from "../../abi/mount.ts";
import { IN_MODIFY, IN_OPEN } from "../../abi/poll.ts";
import { RLIMIT_NOFILE } from "../../abi/resource.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../abi/stat.ts";
import type { Wait } from "../../abi/sys.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import { Dentry, type Path } from "../vfs/dentry.ts";
import type { File } from "../vfs/file.ts";
import type { Inode } from "../vfs/inode.ts";
import {
  addChild,
  crossMounts,
  type LastName,
  linksFollowed,
  linkTarget,
  lookup,
  resolve,
  resolveParent,
  resolveSpecial,
  startAt,
} from "../vfs/namei.ts";
import { notifyCreate, notifyDentry } from "../vfs/notify.ts";
import { PathFile } from "../vfs/path-file.ts";
import { checkCreate, checkPermission, dropPrivileges, requireOwner, wantWrite } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";

/** Close all descriptors of the range only at execve. */
const CLOSE_RANGE_CLOEXEC = 4;
const CLOSE_RANGE_UNSHARE = 2;
/** What open() acts upon once and does not keep. */
const ONCE = O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC;

export const openCalls: Handlers<"openat" | "close" | "close_range"> = {
  openat(_system, task, dirfd, path, flags, mode = 0) {
    const limit = task.rlimit(RLIMIT_NOFILE);
    task.files.checkRoom(limit);
    const opened = openFile(task, startAt(task, dirfd, path), path, flags, mode);
    const cloexec = (flags & O_CLOEXEC) !== 0;
    if (opened instanceof Blocked) return new Blocked(installLater(task, opened, cloexec, limit));
    return install(task, opened, cloexec, limit);
  },

  close(_system, task, fd) {
    closeFile(task, task.files.remove(fd));
  },

  close_range(_system, task, first, last, flags) {
    if ((flags & ~(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE)) !== 0 || first < 0 || first > last) throw EINVAL;
    if ((flags & CLOSE_RANGE_UNSHARE) !== 0 && task.files.users > 1) {
      task.files.users--;
      task.files = task.files.copy();
    }
    for (const [fd] of [...task.files.entries()]) {
      if (fd < first || fd > last) continue;
      if ((flags & CLOSE_RANGE_CLOEXEC) !== 0) task.files.setCloexec(fd, true);
      else closeFile(task, task.files.remove(fd));
    }
  },
};

/** What close(2) does with the description of a descriptor that was taken out. */
export function closeFile(task: Task, file: File): void {
  file.flush(task);
  file.put();
}

function install(task: Task, file: File, cloexec: boolean, limit: number): number {
  file.flags = (file.flags & ~(O_NOCTTY | O_TRUNC)) | O_LARGEFILE;
  const fd = task.files.install(file, cloexec, limit);
  if (file.path !== undefined && (file.flags & O_PATH) === 0) notifyDentry(file.path.dentry, IN_OPEN);
  return fd;
}

function* installLater(task: Task, opened: Blocked<File>, cloexec: boolean, limit: number): Generator<Wait, number, void> {
  return install(task, yield* opened.run, cloexec, limit);
}

/** The description that openat installs. Blocks where a FIFO waits for its other end. */
export function openFile(task: Task, start: Path | undefined, name: string, asked: number, mode: number): MaySleep<File> {
  let flags = asked;
  if ((flags & O_PATH) !== 0) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  // Differs from Linux: 6.1 makes a regular file for O_CREAT | O_DIRECTORY; later versions refuse, as we do.
  if ((flags & (O_CREAT | O_DIRECTORY)) === (O_CREAT | O_DIRECTORY)) throw EINVAL;
  if ((flags & O_TMPFILE) === O_TMPFILE) return openNameless(task, start, name, flags, mode);
  if ((flags & O_CREAT) !== 0) return openOrCreate(task, start, name, flags, mode & 0o7777);
  const path = resolve(task, start, name, (flags & O_NOFOLLOW) === 0);
  return openPath(task, path, flags);
}

function openOrCreate(task: Task, start: Path | undefined, name: string, flags: number, mode: number): MaySleep<File> {
  let from = start;
  let target = name;
  let links = 0;
  const nofollow = (flags & (O_NOFOLLOW | O_EXCL)) !== 0;
  for (;;) {
    const last = resolveParent(task, from, target, links);
    links = linksFollowed();
    if (last.kind !== "norm") return openExisting(task, resolveSpecial(task, last), flags);
    if (last.slash) throw EISDIR;
    const dentry = lookup(task, last.dir.dentry, last.name);
    if (dentry === undefined) return create(task, last, flags, mode);
    const path = crossMounts({ mnt: last.dir.mnt, dentry });
    if ((path.dentry.inode.mode & S_IFMT) !== S_IFLNK || nofollow) return openExisting(task, path, flags);
    const next = linkTarget(task, path, ++links);
    if (typeof next !== "string") return openExisting(task, next, flags);
    target = next;
    from = last.dir;
  }
}

function openExisting(task: Task, path: Path, flags: number): MaySleep<File> {
  if ((flags & O_EXCL) !== 0) throw EEXIST;
  if (path.dentry.inode.isDirectory) throw EISDIR;
  return openPath(task, path, flags);
}

function create(task: Task, last: LastName, flags: number, mode: number): MaySleep<File> {
  const { dir, name } = last;
  wantWrite(dir.mnt);
  checkCreate(task, dir.dentry.inode);
  if (dir.dentry.deleted) throw ENOENT;
  const inode = dir.dentry.inode.mknod(name, S_IFREG | (mode & ~task.fs.umask), 0, task);
  const path = { mnt: dir.mnt, dentry: addChild(dir.dentry, name, inode) };
  notifyCreate(dir.dentry.inode, inode, name);
  // A new file may be opened in every way, whatever its mode.
  return inode.open(path, flags & ~ONCE, task);
}

/** O_TMPFILE. */
function openNameless(task: Task, start: Path | undefined, name: string, flags: number, mode: number): MaySleep<File> {
  if ((flags & O_ACCMODE) === O_RDONLY) throw EINVAL;
  const dir = resolve(task, start, name, true);
  if (!dir.dentry.inode.isDirectory) throw ENOTDIR;
  wantWrite(dir.mnt);
  checkCreate(task, dir.dentry.inode);
  const inode = dir.dentry.inode.tmpfile(mode & 0o7777 & ~task.fs.umask, task);
  const dentry = new Dentry(`#${inode.ino}`, dir.dentry, inode);
  dentry.deleted = true;
  return inode.open({ mnt: dir.mnt, dentry }, flags & ~ONCE, task);
}

/** may_open() and vfs_open(). */
function openPath(task: Task, path: Path, flags: number): MaySleep<File> {
  const inode = path.dentry.inode;
  const type = inode.mode & S_IFMT;
  if ((flags & O_DIRECTORY) !== 0 && type !== S_IFDIR) throw ENOTDIR;
  if ((flags & O_PATH) !== 0) return new PathFile(inode, flags & ~ONCE, path);
  const access = flags & O_ACCMODE;
  const writing = access !== O_RDONLY;
  const truncate = (flags & O_TRUNC) !== 0 && type === S_IFREG;
  if (truncate) wantWrite(path.mnt);
  if (type === S_IFLNK) throw ELOOP;
  if (type === S_IFDIR && (writing || (flags & O_TRUNC) !== 0)) throw EISDIR;
  if ((type === S_IFCHR || type === S_IFBLK) && ((path.mnt.flags & MS_NODEV) !== 0 || path.mnt.sb.nodev)) throw EACCES;
  const mask = (access === O_RDONLY ? R_OK : access === O_WRONLY ? W_OK : R_OK | W_OK) | ((flags & O_TRUNC) !== 0 ? W_OK : 0);
  checkPermission(task, inode, mask);
  if ((flags & O_NOATIME) !== 0) requireOwner(task, inode);
  if (writing && type === S_IFREG) {
    refuseRunning(task.system, inode);
    wantWrite(path.mnt);
  }
  // Whoever copies a file for writing need not copy what is cut off at once.
  const opened = inode.open(path, (flags & ~ONCE) | (truncate ? O_TRUNC : 0), task);
  if (truncate) truncateOpened(task, path);
  return opened;
}

function truncateOpened(task: Task, path: Path): void {
  const inode = path.dentry.inode;
  dropPrivileges(task, inode);
  inode.truncate(0, task);
  const now = task.now();
  inode.setattr({ mtime: now, ctime: now });
  notifyDentry(path.dentry, IN_MODIFY);
}

/** deny_write_access(). Errors: ETXTBSY for a file that some process executes. */
export function refuseRunning(system: System, inode: Inode): void {
  if ((inode.mode & 0o111) === 0) return;
  for (const task of system.tasks) if (task.state !== "dead" && task.image.exe?.dentry.inode === inode) throw ETXTBSY;
}
