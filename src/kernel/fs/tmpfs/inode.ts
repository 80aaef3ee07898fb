/** Inodes of tmpfs: Linux `mm/shmem.c`, `fs/libfs.c`, `fs/xattr.c`. */

import { EEXIST, EFBIG, EINVAL, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY, EOPNOTSUPP } from "../../../abi/errno.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, RENAME_EXCHANGE, RENAME_WHITEOUT } from "../../../abi/fcntl.ts";
import { type Dirent, isDir, isLnk, isReg, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, type Timespec } from "../../../abi/stat.ts";
import { byteLength } from "../../../abi/utf8.ts";
import type { MaySleep } from "../../blocked.ts";
import { PAGE_SIZE } from "../../params.ts";
import type { MemoryController } from "../../cgroup/memory.ts";
import { coarseNow } from "../../task/system.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Content } from "../../vfs/content.ts";
import type { Path } from "../../vfs/dentry.ts";
import type { File } from "../../vfs/file.ts";
import { Inode } from "../../vfs/inode.ts";
import { openSpecial } from "../special.ts";
import { TmpfsDirFile } from "./dir-file.ts";
import { TmpfsFile } from "./file.ts";
import type { TmpfsSuperBlock } from "./tmpfs.ts";

/** st_size of a directory counts so much an entry (BOGO_DIRENT_SIZE). */
const DIRENT_BYTES = 20;
/** Longer targets take a page. */
const SHORT_SYMLINK_LEN = 128;
/** Kernel memory of an extended attribute besides its value. */
const XATTR_BYTES = 128;
/** Largest file: MAX_LFS_FILESIZE, cut to what a JavaScript number counts. */
export const MAX_FILE_BYTES = Number.MAX_SAFE_INTEGER;

/** One name of a directory. `seq` orders by time of making and is the cursor of getdents. */
export interface TmpfsEntry {
  readonly name: string;
  readonly seq: number;
  inode: TmpfsInode;
}

export class TmpfsInode extends Inode {
  override nlink: number;
  override atime: Timespec;
  override mtime: Timespec;
  override ctime: Timespec;
  override btime: Timespec;
  override rdev: number;
  /** Of a directory. Changed only by add() and remove(). */
  readonly entries: Map<string, TmpfsEntry> | undefined;
  /** The directory that holds this one; itself for the root and where it was removed. */
  parent: TmpfsInode = this;
  private lastSeq = 0;
  /** Counts changes of the entries, for readers that keep their place. */
  version = 0;
  /** Of a symbolic link. */
  target = "";
  private evicted = false;
  private chargedTo: MemoryController | undefined;

  constructor(
    override readonly sb: TmpfsSuperBlock,
    override readonly ino: number,
    override mode: number,
    override uid: number,
    override gid: number,
    rdev: number,
    /** Of a regular file (and of a long symbolic link). */
    readonly content: Content | undefined,
  ) {
    super();
    this.rdev = rdev;
    this.nlink = isDir(mode) ? 2 : 1;
    const now = coarseNow(sb.system);
    this.atime = now;
    this.mtime = now;
    this.ctime = now;
    this.btime = now;
    this.entries = isDir(mode) ? new Map() : undefined;
  }

  override get size(): number {
    if (this.entries !== undefined) return (this.entries.size + 2) * DIRENT_BYTES;
    return isLnk(this.mode) ? byteLength(this.target) : (this.content as Content).size;
  }

  override get blocks(): number {
    return this.content === undefined ? 0 : this.content.allocatedPages * (PAGE_SIZE / 512);
  }

  // ── Directories ────────────────────────────────────────────────────────────────────────────────────────────────────

  private get dir(): Map<string, TmpfsEntry> {
    if (this.entries === undefined) throw ENOTDIR;
    return this.entries;
  }

  override lookup(name: string): TmpfsInode | undefined {
    return this.dir.get(name)?.inode;
  }

  /** Newest first, as Linux lists tmpfs. */
  override readdir(): readonly Dirent[] {
    return [...this.dir.values()].reverse().map(({ name, inode }) => ({ ino: inode.ino, name, type: (inode.mode & S_IFMT) >> 12 }));
  }

  /** Enters a name; changes the times of the directory. Also for filling a filesystem at boot. */
  add(name: string, inode: TmpfsInode): void {
    if (this.sb.root !== this && this.parent === this) throw ENOENT; // A removed directory.
    this.dir.set(name, { name, seq: ++this.lastSeq, inode });
    if (inode.entries !== undefined) {
      inode.parent = this;
      this.nlink++;
    }
    this.touch();
  }

  private remove(name: string): TmpfsInode {
    const entry = this.dir.get(name);
    if (entry === undefined) throw ENOENT;
    this.dir.delete(name);
    if (entry.inode.entries !== undefined) this.nlink--;
    this.touch();
    return entry.inode;
  }

  private touch(): void {
    this.version++;
    const now = coarseNow(this.sb.system);
    this.mtime = now;
    this.ctime = now;
  }

  private make(name: string, mode: number, rdev: number, caller: Caller): TmpfsInode {
    if (this.dir.has(name)) throw EEXIST;
    if (this.sb.root !== this && this.parent === this) throw ENOENT;
    const inode = this.sb.newInodeIn(this, mode, rdev, caller);
    this.add(name, inode);
    return inode;
  }

  override mknod(name: string, mode: number, rdev: number, caller: Caller): TmpfsInode {
    return this.make(name, (mode & S_IFMT) === 0 ? mode | S_IFREG : mode, rdev, caller);
  }

  override mkdir(name: string, mode: number, caller: Caller): TmpfsInode {
    return this.make(name, S_IFDIR | mode, 0, caller);
  }

  override symlink(name: string, target: string, caller: Caller): TmpfsInode {
    const long = byteLength(target) >= SHORT_SYMLINK_LEN;
    if (long && this.sb.freePages < 1) throw ENOSPC;
    const inode = this.make(name, S_IFLNK | 0o777, 0, caller);
    inode.target = target;
    if (long) inode.grow((content) => content.allocate(0, PAGE_SIZE));
    return inode;
  }

  /** A nameless file (O_TMPFILE); a later link gives it a name. */
  override tmpfile(mode: number, caller: Caller): TmpfsInode {
    const inode = this.sb.newInodeIn(this, S_IFREG | mode, 0, caller);
    inode.nlink = 0;
    return inode;
  }

  override link(name: string, inode: Inode): void {
    const linked = inode as TmpfsInode;
    if (linked.nlink > 0) this.sb.reserveInode();
    this.add(name, linked);
    linked.nlink++;
    linked.ctime = this.ctime;
  }

  override unlink(name: string): void {
    const inode = this.remove(name);
    if (inode.nlink > 1) this.sb.freeInode();
    inode.nlink--;
    inode.ctime = this.ctime;
  }

  override rmdir(name: string): void {
    const victim = this.lookup(name);
    if (victim !== undefined && victim.dir.size > 0) throw ENOTEMPTY;
    const inode = this.remove(name);
    inode.nlink = 0;
    inode.parent = inode;
    inode.ctime = this.ctime;
  }

  override rename(name: string, newDir: Inode, newName: string, flags: number, caller: Caller): void {
    const to = newDir as TmpfsInode;
    const moved = this.dir.get(name)?.inode;
    if (moved === undefined) throw ENOENT;
    const replaced = to.lookup(newName);
    if ((flags & RENAME_EXCHANGE) !== 0) {
      if (replaced === undefined) throw ENOENT;
      this.remove(name);
      to.remove(newName);
      this.add(name, replaced);
      to.add(newName, moved);
      replaced.ctime = this.ctime;
    } else {
      if (replaced !== undefined) {
        if (replaced.entries === undefined) to.unlink(newName);
        else to.rmdir(newName);
      }
      this.remove(name);
      to.add(newName, moved);
      if ((flags & RENAME_WHITEOUT) !== 0) this.make(name, S_IFCHR, 0, caller);
    }
    moved.ctime = to.ctime;
  }

  // ── Files ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  override readlink(): string {
    if (!isLnk(this.mode)) throw EINVAL;
    return this.target;
  }

  override open(path: Path, flags: number, caller: Caller): MaySleep<File> {
    if (this.entries !== undefined) return new TmpfsDirFile(this, flags, path);
    if (isReg(this.mode)) return new TmpfsFile(this, flags, path);
    return openSpecial(this.sb.system, this, path, flags, caller);
  }

  override peek(buf: Uint8Array, at: number): number {
    if (this.content === undefined || !isReg(this.mode)) throw EOPNOTSUPP;
    return this.content.read(buf, at);
  }

  /** The pages count for the cgroup of who wrote the first one. */
  private book(allocatedPages: number, residentPages: number): void {
    this.chargedTo ??= this.sb.currentMemcg;
    this.sb.book(allocatedPages, residentPages, this.chargedTo);
    if (this.content?.residentPages === 0) this.chargedTo = undefined;
  }

  /** Changes the content and books what that costs or frees. */
  grow(change: (content: Content) => void): void {
    this.contentVersion = (this.contentVersion ?? 0) + 1;
    const content = this.content as Content;
    const { allocatedPages, residentPages } = content;
    change(content);
    if (content.allocatedPages !== allocatedPages || content.residentPages !== residentPages) {
      this.book(content.allocatedPages - allocatedPages, content.residentPages - residentPages);
    }
  }

  /** Writes as much as there is room for. Errors: ENOSPC where there is none at all. */
  writeContent(buf: Uint8Array, at: number): number {
    this.contentVersion = (this.contentVersion ?? 0) + 1;
    const content = this.content as Content;
    const room = this.sb.freePages;
    let bytes = buf;
    // A page costs no more than one page of memory and of the host, so that with so many free nothing needs counting.
    const memcg = this.chargedTo ?? this.sb.currentMemcg;
    // The page over memory.max calls the OOM killer, and nothing more is written before it was heard.
    if (memcg.roomBytes < buf.length + 2 * PAGE_SIZE) {
      const pages = Math.max(1, Math.floor(memcg.roomBytes / PAGE_SIZE) - 1);
      bytes = buf.subarray(0, pages * PAGE_SIZE - (at % PAGE_SIZE));
    }
    if (room < bytes.length / PAGE_SIZE + 2) bytes = bytes.subarray(0, this.fitting(at, bytes.length, room));
    const { allocatedPages, residentPages } = content;
    content.write(bytes, at);
    if (content.allocatedPages !== allocatedPages || content.residentPages !== residentPages) {
      this.book(content.allocatedPages - allocatedPages, content.residentPages - residentPages);
    }
    return bytes.length;
  }

  /** How many of `length` bytes at `at` can be written with `room` pages left. Errors: ENOSPC if none. */
  private fitting(at: number, length: number, room: number): number {
    const content = this.content as Content;
    let left = room;
    let end = at;
    while (end < at + length) {
      const next = Math.min(at + length, end - (end % PAGE_SIZE) + PAGE_SIZE);
      if (content.countPages(end, next).resident === 0 && --left < 0) break;
      end = next;
    }
    if (end === at) throw ENOSPC;
    return end - at;
  }

  override truncate(length: number): void {
    if (!isReg(this.mode)) throw EINVAL;
    if (length > MAX_FILE_BYTES) throw EFBIG;
    // Truncating to the same size is no change, unless by a descriptor.
    if (length === this.size) return;
    this.grow((content) => content.truncate(length));
    const now = coarseNow(this.sb.system);
    this.mtime = now;
    this.ctime = now;
  }

  /** fallocate(2). Errors: ENOSPC; EOPNOTSUPP for modes that tmpfs does not know. */
  fallocate(mode: number, offset: number, length: number): void {
    const content = this.content as Content;
    const end = offset + length;
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) !== 0) throw EOPNOTSUPP;
    if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) {
      this.grow(() => content.punch(offset, end));
      return;
    }
    const pages = Math.ceil(end / PAGE_SIZE) - Math.floor(offset / PAGE_SIZE) - content.countPages(offset, end).allocated;
    if (pages > this.sb.freePages) throw ENOSPC;
    this.grow(() => {
      content.allocate(offset, end);
      if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && end > content.size) content.truncate(end);
    });
  }

  // ── Extended attributes ────────────────────────────────────────────────────────────────────────────────────────────

  override setxattr(name: string, value: Uint8Array): void {
    const more = XATTR_BYTES + value.length - this.xattrBytes(name);
    if (more > 0 && !this.sb.system.memory.tryCharge("slab", more)) throw ENOSPC;
    if (more < 0) this.sb.system.memory.uncharge("slab", -more);
    this.xattrs ??= new Map();
    this.xattrs.set(name, value);
  }

  override removexattr(name: string): void {
    this.sb.system.memory.uncharge("slab", this.xattrBytes(name));
    this.xattrs?.delete(name);
  }

  /** What an attribute is charged with. */
  private xattrBytes(name: string): number {
    const value = this.xattrs?.get(name);
    return value === undefined ? 0 : XATTR_BYTES + value.length;
  }

  override evict(): void {
    if (this.evicted) return;
    this.evicted = true;
    for (const name of [...(this.xattrs?.keys() ?? [])]) this.removexattr(name);
    if (this.content !== undefined) {
      // What still reads it (a running program's file) may go on; only the accounts are closed.
      this.book(-this.content.allocatedPages, -this.content.residentPages);
      this.content.release();
    }
    this.sb.freeInode();
  }

  /** Gives back this directory and all below it, however deep. */
  dropTree(): void {
    const dirs: TmpfsInode[] = [this];
    for (let dir = dirs.pop(); dir !== undefined; dir = dirs.pop()) {
      for (const { inode } of dir.entries?.values() ?? []) {
        if (inode.entries !== undefined) dirs.push(inode);
        else if (--inode.nlink > 0) this.sb.freeInode();
        else inode.evict();
      }
      dir.evict();
    }
  }
}
