/**
 * Inodes and superblocks: Linux `include/linux/fs.h`. A filesystem (a folder of `fs/`) subclasses Inode and overrides
 * what it can do; the defaults fail as Linux does where an operation is missing. None of these operations sleeps.
 */

import { EINVAL, ENODATA, ENOTDIR, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import { type Dirent, isDir, isReg, type Stat, type Statfs, type Timespec } from "../../abi/stat.ts";
import type { MaySleep } from "../blocked.ts";
import type { UserNamespace } from "../ns/user.ts";
import type { Caller } from "./caller.ts";
import { Dentry, type Path } from "./dentry.ts";
import type { File } from "./file.ts";
import type { FileLocks } from "./locks.ts";
import type { Marks } from "./notify.ts";

/** A mounted filesystem instance. */
export abstract class SuperBlock {
  /** Device number of its inodes, makedev() form. Immutable. */
  abstract readonly dev: number;
  /** Name as in /proc/filesystems. */
  abstract readonly fstype: string;
  abstract readonly root: Inode;
  private isReadonly = false;
  /** Open descriptions of regular files that may be written. Written by File. */
  writers = 0;
  /** s_user_ns: the user namespace that it was mounted from; undefined for the initial one. Written by mount(2), once. */
  userNs: UserNamespace | undefined;
  /**
   * MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME. Changed by mount and remount.
   * Differs from Linux: they are only shown. Nothing is ever unwritten here, and mandatory locks are gone since 5.15.
   */
  syncFlags = 0;
  private rootDentryMade: Dentry | undefined;

  /** Read-only for all mounts of it. Changed by mount and remount. */
  get readonly(): boolean {
    return this.isReadonly;
  }

  /** Errors: EROFS where it cannot be written at all. */
  set readonly(value: boolean) {
    this.isReadonly = value;
  }

  /** The one dentry of its root, on which all its mounts stand. */
  get rootDentry(): Dentry {
    return (this.rootDentryMade ??= Dentry.root(this.root));
  }

  /** SB_I_NODEV: device nodes on it are dead, as on every filesystem that a user namespace has mounted for itself. */
  get nodev(): boolean {
    return this.userNs !== undefined;
  }

  /** The root field of /proc/PID/mountinfo for a mount of `root`, where it is not the path inside the filesystem (cgroup2). */
  showRoot?(root: Dentry, reader: Caller): string;

  /** mount(2) with MS_REMOUNT. Errors: EINVAL for options that cannot change. */
  remount(_data: string): void {}

  /** How many filesystems lie on one another here, as those of overlayfs do; what must not be a layer of two counts as two. */
  get stackDepth(): number {
    return 0;
  }

  /** The last mount of it is gone. */
  unmounted(): void {}

  /** Owner; capabilities are asked for in this user namespace. Set at mount. */
  abstract statfs(): Statfs;
  /** Super block options as /proc/mounts shows them after rw/ro, such as `,size=65536k`. */
  showOptions(): string {
    return "";
  }
  /** Entries do not change behind the dentry cache's back; false for proc and the like, whose lookups are asked each time. */
  readonly cacheable: boolean = true;
}

export interface InodeChange {
  mode?: number;
  uid?: number;
  gid?: number;
  atime?: Timespec;
  mtime?: Timespec;
  ctime?: Timespec;
}

export abstract class Inode {
  abstract readonly sb: SuperBlock;
  abstract readonly ino: number;
  /** Type (immutable) and permission bits. */
  abstract mode: number;
  /** Kernel ids. */
  abstract uid: number;
  abstract gid: number;
  abstract nlink: number;
  abstract atime: Timespec;
  abstract mtime: Timespec;
  abstract ctime: Timespec;
  abstract btime: Timespec;
  /** Reading it changes its access time; false for what is made up on the fly, such as proc. */
  get keepsTimes(): boolean {
    return true;
  }

  /** Device nodes: makedev() form. */
  rdev = 0;
  /** Open file descriptions that refer to it, and how many of these may write. Written by File. */
  opens = 0;
  writers = 0;
  /** Advisory locks; made on first use. */
  locks: FileLocks | undefined;
  /** Inotify watches; made on first use. */
  marks: Marks | undefined;
  /** i_version: counts changes of the content; undefined where they are not counted. */
  contentVersion: number | undefined = undefined;
  /** Extended attributes by full name, such as `user.x`; made on first use. */
  xattrs: Map<string, Uint8Array> | undefined;

  /** d_real_inode(): what holds the content. Itself, but on overlayfs, where it changes when the file is copied up. */
  get real(): Inode {
    return this;
  }

  /** Bytes, for st_size. */
  get size(): number {
    return 0;
  }

  /** Units of 512 bytes, for st_blocks. */
  get blocks(): number {
    return Math.ceil(this.size / 4096) * 8;
  }

  get blksize(): number {
    return 4096;
  }

  getattr(): Stat {
    return {
      dev: this.sb.dev,
      ino: this.ino,
      mode: this.mode,
      nlink: this.nlink,
      uid: this.uid,
      gid: this.gid,
      rdev: this.rdev,
      size: this.size,
      blksize: this.blksize,
      blocks: this.blocks,
      atime: this.atime,
      mtime: this.mtime,
      ctime: this.ctime,
      btime: this.btime,
    };
  }

  /** Writes the given fields; permission was checked by the caller. Errors: EPERM where the filesystem has fixed attributes. */
  setattr(change: InodeChange): void {
    Object.assign(this, change);
  }

  // ── Directories ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The inode of an entry, or undefined. `.` and `..` are never asked for. */
  lookup(_name: string, _caller: Caller): Inode | undefined {
    throw ENOTDIR;
  }

  /** Entries without `.` and `..`, in the filesystem's order. */
  readdir(_caller: Caller): readonly Dirent[] {
    throw ENOTDIR;
  }

  /** Makes a regular file, device, FIFO or socket; `mode` holds the type. The entry does not exist yet. */
  mknod(_name: string, _mode: number, _rdev: number, _caller: Caller): Inode {
    throw EPERM;
  }

  /** A regular file without a name, for O_TMPFILE. */
  tmpfile(_mode: number, _caller: Caller): Inode {
    throw EOPNOTSUPP;
  }

  mkdir(_name: string, _mode: number, _caller: Caller): Inode {
    throw EPERM;
  }

  symlink(_name: string, _target: string, _caller: Caller): Inode {
    throw EPERM;
  }

  link(_name: string, _inode: Inode, _caller: Caller): void {
    throw EPERM;
  }

  /** Removes an entry that is no directory. */
  unlink(_name: string, _caller: Caller): void {
    throw EPERM;
  }

  /** Removes an empty directory. Errors: ENOTEMPTY. */
  rmdir(_name: string, _caller: Caller): void {
    throw EPERM;
  }

  /** Moves an entry to `newDir` of the same superblock, replacing what is there (already checked), or exchanging (RENAME_EXCHANGE). */
  rename(_name: string, _newDir: Inode, _newName: string, _flags: number, _caller: Caller): void {
    throw EPERM;
  }

  // ── Files ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The target of a symbolic link. */
  readlink(_caller: Caller): string {
    throw EINVAL;
  }

  /** Magic links (/proc/PID/fd/3): the path itself, instead of a walk along readlink(). */
  followLink?(caller: Caller): Path;

  /**
   * A new open file description. Permission was checked; O_CREAT and O_EXCL are handled by the caller, who also truncates what was opened
   * with O_TRUNC.
   * Blocks where a FIFO waits for its other end. Errors: ENXIO where there is no such device.
   */
  abstract open(path: Path, flags: number, caller: Caller): MaySleep<File>;

  /**
   * Copies bytes from `at` on into `buf` for somebody outside of the machine, and returns how many: no time changes, nobody is told.
   * Errors: EOPNOTSUPP where the bytes are made up while they are read.
   */
  peek(_buf: Uint8Array, _at: number): number {
    throw EOPNOTSUPP;
  }

  /** Sets the size and the times that go with it. Errors: EINVAL where the file has no size to set. */
  truncate(_length: number, _caller: Caller): void {
    throw EINVAL;
  }

  /** Where the permission bits do not decide alone (/proc/PID): throws EACCES or EPERM. `mask` is of R_OK, W_OK, X_OK. */
  permission?(mask: number, caller: Caller): void;

  // ── Extended attributes ────────────────────────────────────────────────────────────────────────────────────────────

  findxattr(name: string): Uint8Array | undefined {
    return this.xattrs?.get(name);
  }

  /** Errors: ENODATA. */
  getxattr(name: string): Uint8Array {
    const value = this.findxattr(name);
    if (value === undefined) throw ENODATA;
    return value;
  }

  /** The names of all attributes, whoever may see them. */
  listxattr(): readonly string[] {
    return this.xattrs === undefined ? [] : [...this.xattrs.keys()];
  }

  setxattr(_name: string, _value: Uint8Array): void {
    throw EOPNOTSUPP;
  }

  removexattr(_name: string): void {
    throw EOPNOTSUPP;
  }

  /** It became the root of one mount more, or of one less. */
  mounted(_by: 1 | -1): void {}

  /** The last name and the last open description are gone. */
  evict(): void {}

  get isDirectory(): boolean {
    return isDir(this.mode);
  }

  get isRegular(): boolean {
    return isReg(this.mode);
  }
}
