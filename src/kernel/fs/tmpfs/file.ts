/** Open regular files of tmpfs: read(2), write(2), lseek(2); Linux `mm/filemap.c:generic_file_*`, `mm/shmem.c`. */

import { EFBIG, EINVAL, ENXIO } from "../../../abi/errno.ts";
import { O_APPEND, SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET } from "../../../abi/fcntl.ts";
import { IN_ACCESS, IN_MODIFY } from "../../../abi/poll.ts";
import { RLIMIT_FSIZE } from "../../../abi/resource.ts";
import { SIGXFSZ } from "../../../abi/signal.ts";
import { touchAtime } from "../../vfs/atime.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Content } from "../../vfs/content.ts";
import type { Path } from "../../vfs/dentry.ts";
import { File } from "../../vfs/file.ts";
import { notifyDentry } from "../../vfs/notify.ts";
import { dropPrivileges } from "../../vfs/permission.ts";
import { MAX_FILE_BYTES, type TmpfsInode } from "./inode.ts";

export class TmpfsFile extends File {
  private readonly content: Content;

  constructor(
    private readonly node: TmpfsInode,
    flags: number,
    override readonly path: Path,
  ) {
    super(node, flags, path);
    this.content = node.content as Content;
  }

  override read(caller: Caller, buf: Uint8Array): number {
    const n = this.readAt(caller, buf, this.pos);
    this.pos += n;
    return n;
  }

  override readAt(caller: Caller, buf: Uint8Array, offset: number): number {
    const n = this.content.read(buf, offset);
    touchAtime(caller, this.path.mnt, this.node, this.flags);
    if (n > 0) notifyDentry(this.path.dentry, IN_ACCESS);
    return n;
  }

  override write(caller: Caller, buf: Uint8Array): number {
    const at = (this.flags & O_APPEND) !== 0 ? this.content.size : this.pos;
    const n = this.putBytes(caller, buf, at);
    this.pos = at + n;
    return n;
  }

  /** Linux appends with O_APPEND whatever the offset says. */
  override writeAt(caller: Caller, buf: Uint8Array, offset: number): number {
    return this.putBytes(caller, buf, (this.flags & O_APPEND) !== 0 ? this.content.size : offset);
  }

  private putBytes(caller: Caller, buf: Uint8Array, at: number): number {
    if (buf.length === 0) return 0;
    const bytes = limitWrite(caller, buf, at);
    dropPrivileges(caller, this.node);
    const n = this.node.writeContent(bytes, at);
    const now = caller.now();
    this.node.mtime = now;
    this.node.ctime = now;
    notifyDentry(this.path.dentry, IN_MODIFY);
    return n;
  }

  override seek(_caller: Caller, offset: number, whence: number): number {
    const pos = this.target(offset, whence);
    if (pos < 0 || pos > MAX_FILE_BYTES) throw EINVAL;
    this.pos = pos;
    return pos;
  }

  private target(offset: number, whence: number): number {
    const { content } = this;
    if (whence === SEEK_SET) return offset;
    if (whence === SEEK_CUR) return this.pos + offset;
    if (whence === SEEK_END) return content.size + offset;
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) throw EINVAL;
    if (offset < 0 || offset >= content.size) throw ENXIO;
    if (whence === SEEK_HOLE) return content.seekHole(offset);
    const data = content.seekData(offset);
    if (data === undefined) throw ENXIO;
    return data;
  }

  override truncate(caller: Caller, length: number): void {
    dropPrivileges(caller, this.node);
    this.node.truncate(length);
    const now = caller.now();
    this.node.mtime = now;
    this.node.ctime = now;
    notifyDentry(this.path.dentry, IN_MODIFY);
  }

  override fallocate(caller: Caller, mode: number, offset: number, length: number): void {
    dropPrivileges(caller, this.node);
    this.node.fallocate(mode, offset, length);
    this.node.ctime = caller.now();
    notifyDentry(this.path.dentry, IN_MODIFY);
  }

  /** Shares content of another file of this kind: copy_file_range(2). Returns the number of bytes; 0 at the end of `source`. */
  cloneFrom(caller: Caller, source: TmpfsFile, from: number, to: number, length: number): number {
    const count = Math.min(length, source.content.size - from);
    if (count <= 0) return 0;
    const limit = fileLimit(caller, to);
    const clipped = Math.min(count, limit - to);
    // Room for a full copy, as Linux needs it; a clone of less than that is written page by page.
    const pages = Math.ceil((to + clipped) / 4096) - Math.floor(to / 4096);
    if (pages > this.node.sb.freePages) return this.copyFrom(caller, source, from, to, clipped);
    dropPrivileges(caller, this.node);
    this.node.grow((content) => content.cloneRange(source.content, from, clipped, to));
    const now = caller.now();
    this.node.mtime = now;
    this.node.ctime = now;
    touchAtime(caller, source.path.mnt, source.node, source.flags);
    notifyDentry(source.path.dentry, IN_ACCESS);
    notifyDentry(this.path.dentry, IN_MODIFY);
    return clipped;
  }

  private copyFrom(caller: Caller, source: TmpfsFile, from: number, to: number, length: number): number {
    const buf = new Uint8Array(Math.min(length, 65_536));
    return this.putBytes(caller, buf.subarray(0, source.content.read(buf, from)), to);
  }
}

/** How far a write at `at` may go. Errors: EFBIG, with SIGXFSZ beyond RLIMIT_FSIZE. */
function fileLimit(caller: Caller, at: number): number {
  const limit = caller.rlimit(RLIMIT_FSIZE);
  if (at >= limit) {
    caller.raise(SIGXFSZ);
    throw EFBIG;
  }
  if (at >= MAX_FILE_BYTES) throw EFBIG;
  return Math.min(limit, MAX_FILE_BYTES);
}

function limitWrite(caller: Caller, buf: Uint8Array, at: number): Uint8Array {
  const limit = fileLimit(caller, at);
  return at + buf.length > limit ? buf.subarray(0, limit - at) : buf;
}
