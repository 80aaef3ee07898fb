/**
 * Open file descriptions: Linux `struct file`, open(2). Descriptors (`task/files.ts`) refer to them; dup and fork share
 * them, and with them the offset and the status flags. Subclasses override what the object can do.
 */

import { EBADF, EINVAL, ENODEV, ENOTDIR, ENOTTY, ESPIPE } from "../../abi/errno.ts";
import { O_ACCMODE, O_PATH, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { POLLIN, POLLOUT } from "../../abi/poll.ts";
import type { Dirent } from "../../abi/stat.ts";
import type { IoctlRequest } from "../../abi/termios.ts";
import type { MaySleep } from "../blocked.ts";
import type { WaitQueue } from "../sched/wait-queue.ts";
import type { Caller } from "./caller.ts";
import type { Path } from "./dentry.ts";
import type { Inode } from "./inode.ts";
import type { AtCaller } from "./namei.ts";
import { notifyClose, notifyGone } from "./notify.ts";

/** POLLIN | POLLOUT: what objects that never block answer. */
export const ALWAYS_READY = POLLIN | POLLOUT;

/** Gives up an inode if neither a name nor an open description is left. */
export function dropInode(inode: Inode): void {
  if (inode.nlink > 0 || inode.opens > 0) return;
  notifyGone(inode);
  inode.evict();
}

/** Who is told that an open description is gone: epoll. */
export interface FileWatcher {
  fileReleased(): void;
}

export abstract class File {
  /** Made on first use. */
  watchers: Set<FileWatcher> | undefined;
  /** Descriptors, mappings and messages in flight that refer to it. Written by get() and put(). */
  private references = 0;
  /** File offset, bytes. Written by read, write and lseek. */
  pos = 0;

  constructor(
    readonly inode: Inode,
    /** Access mode and status flags (O_APPEND, O_NONBLOCK …). Status flags are written by fcntl(F_SETFL). */
    public flags: number,
    /** Where it was opened; undefined for pipes, sockets, anonymous inodes. */
    readonly path: Path | undefined,
  ) {}

  get readable(): boolean {
    return (this.flags & O_ACCMODE) !== O_WRONLY && (this.flags & O_PATH) === 0;
  }

  get writable(): boolean {
    return (this.flags & O_ACCMODE) !== O_RDONLY && (this.flags & O_PATH) === 0;
  }

  /** mnt_want_write(): special files are written elsewhere than in their filesystem. */
  private get wantsMountWritable(): boolean {
    return this.writable && this.inode.isRegular;
  }

  private countWriters({ mnt }: Path, by: 1 | -1): void {
    mnt.writers += by;
    mnt.sb.writers += by;
  }

  get refCount(): number {
    return this.references;
  }

  get(): this {
    if (this.references++ === 0) {
      this.inode.opens++;
      if (this.writable) this.inode.writers++;
      if (this.path !== undefined) {
        this.path.mnt.opens++;
        if (this.wantsMountWritable) this.countWriters(this.path, 1);
      }
    }
    return this;
  }

  /** Gives one reference back; the last one releases the object, and the inode if it has no name left. */
  put(): void {
    if (--this.references > 0) return;
    if (this.watchers !== undefined) for (const watcher of this.watchers) watcher.fileReleased();
    this.release();
    const inode = this.inode;
    inode.locks?.unlockFlock(this);
    if (this.path !== undefined) {
      const { mnt } = this.path;
      if ((this.flags & O_PATH) === 0) notifyClose(this.path, this.writable);
      if (this.wantsMountWritable) this.countWriters(this.path, -1);
      if (--mnt.opens === 0) mnt.onIdle?.();
    }
    if (this.writable) inode.writers--;
    if (--inode.opens === 0) dropInode(inode);
  }

  /** The description that reads and writes the content: itself, but on overlayfs. */
  get backing(): File {
    return this;
  }

  /** What /proc/PID/fd/N links to where there is no path: `pipe:[123]`, `anon_inode:[eventfd]`. */
  describe(): string {
    return "anon_inode:[unknown]";
  }

  /** Reads at the offset and advances it. Returns 0 at the end. May block. */
  read(_caller: Caller, _buf: Uint8Array): MaySleep<number> {
    throw EINVAL;
  }

  /** Writes at the offset (or at the end, O_APPEND) and advances it. May block. */
  write(_caller: Caller, _buf: Uint8Array): MaySleep<number> {
    throw EINVAL;
  }

  /** pread(2). Errors: ESPIPE if the object has no offsets. */
  readAt(_caller: Caller, _buf: Uint8Array, _offset: number): number {
    throw ESPIPE;
  }

  writeAt(_caller: Caller, _buf: Uint8Array, _offset: number): number {
    throw ESPIPE;
  }

  /** lseek(2); returns the new offset. */
  seek(_caller: Caller, _offset: number, _whence: number): number {
    throw ESPIPE;
  }

  /** The next entries from `pos`, with `.` and `..` first. */
  readdir(_caller: Caller, _count: number): readonly Dirent[] {
    throw ENOTDIR;
  }

  ioctl(_caller: Caller, _request: IoctlRequest, _arg: unknown): MaySleep<unknown> {
    throw ENOTTY;
  }

  truncate(_caller: Caller, _length: number): void {
    throw EINVAL;
  }

  fallocate(_caller: Caller, _mode: number, _offset: number, _length: number): void {
    throw ENODEV;
  }

  /** Ready conditions (POLLIN …) now. Where `queues` is given, adds the queues whose waking may change the answer. */
  poll(_caller: Caller, _queues?: WaitQueue[]): number {
    return ALWAYS_READY;
  }

  /** Called for each close(2) of a descriptor, before the reference is given back (POSIX locks, ptys). */
  flush(caller: Caller): void {
    this.inode.locks?.dropOwner((caller as AtCaller).files);
  }

  /** The last reference is gone. */
  protected release(): void {}

  requireReadable(): void {
    if (!this.readable) throw EBADF;
  }

  requireWritable(): void {
    if (!this.writable) throw EBADF;
  }
}
