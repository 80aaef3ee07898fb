/** Open directories: getdents(2), Linux `fs/readdir.c`. A filesystem whose entries come and go overrides how the place is kept. */

import { EINVAL, EISDIR, ENOENT } from "../../abi/errno.ts";
import { SEEK_CUR, SEEK_SET } from "../../abi/fcntl.ts";
import { IN_ACCESS } from "../../abi/poll.ts";
import { DT_DIR, type Dirent } from "../../abi/stat.ts";
import { byteLength } from "../../abi/utf8.ts";
import { touchAtime } from "./atime.ts";
import type { Caller } from "./caller.ts";
import type { Path } from "./dentry.ts";
import { File } from "./file.ts";
import type { Inode } from "./inode.ts";
import { notifyDentry } from "./notify.ts";

export class DirFile extends File {
  /** The entries as they were when reading began at the start. */
  private snapshot: readonly Dirent[] | undefined;

  constructor(
    inode: Inode,
    flags: number,
    override readonly path: Path,
  ) {
    super(inode, flags, path);
  }

  override read(): number {
    throw EISDIR;
  }

  override readAt(): number {
    throw EISDIR;
  }

  override seek(_caller: Caller, offset: number, whence: number): number {
    if (whence !== SEEK_SET && whence !== SEEK_CUR) throw EINVAL;
    const pos = whence === SEEK_CUR ? this.pos + offset : offset;
    if (pos < 0) throw EINVAL;
    this.pos = pos;
    return pos;
  }

  /** Errors: ENOENT if the directory was removed; EINVAL if not even one entry fits into `count` bytes. */
  override readdir(caller: Caller, count: number): readonly Dirent[] {
    const { dentry, mnt } = this.path;
    if (this.inode.nlink === 0 && dentry.deleted) throw ENOENT;
    if (this.pos === 0) this.snapshot = undefined;
    const out: Dirent[] = [];
    let left = count;
    for (;;) {
      const next = this.pos < 2 ? this.dots(caller) : this.next(this.pos, caller);
      if (next === undefined) break;
      // struct linux_dirent64: 19 bytes, the name and its NUL, rounded up to 8.
      left -= Math.ceil((20 + byteLength(next.entry.name)) / 8) * 8;
      if (left < 0) {
        if (out.length === 0) throw EINVAL;
        break;
      }
      out.push(next.entry);
      this.pos = next.offset;
    }
    touchAtime(caller, mnt, this.inode, this.flags);
    notifyDentry(dentry, IN_ACCESS);
    return out;
  }

  private dots(caller: Caller): { readonly entry: Dirent; readonly offset: number } {
    if (this.pos === 0) return { entry: { ino: this.inode.ino, name: ".", type: DT_DIR }, offset: 1 };
    const { dentry, mnt } = this.path;
    const { root } = caller.fs;
    const top = dentry.isRoot || (dentry === root.dentry && mnt === root.mnt);
    return { entry: { ino: (top ? dentry : dentry.parent).inode.ino, name: "..", type: DT_DIR }, offset: 2 };
  }

  /** The entry at an offset from 2 on, and the offset after it. */
  next(offset: number, caller: Caller): { readonly entry: Dirent; readonly offset: number } | undefined {
    this.snapshot ??= this.inode.readdir(caller);
    const entry = this.snapshot[offset - 2];
    return entry === undefined ? undefined : { entry, offset: offset + 1 };
  }
}
