/** Descriptor tables: Linux `struct files_struct`, `fs/file.c`. */

import { EBADF, EMFILE } from "../../abi/errno.ts";
import type { File } from "../vfs/file.ts";

interface Descriptor {
  readonly file: File;
  cloexec: boolean;
}

/** Shared by threads (CLONE_FILES), copied by fork. */
export class FilesStruct {
  private table: (Descriptor | undefined)[] = [];
  /** No number below it is free. */
  private firstFree = 0;
  /** Tasks that use this table. */
  users = 1;

  /** Errors: EBADF. */
  require(fd: number): File {
    const d = this.table[fd];
    if (d === undefined) throw EBADF;
    return d.file;
  }

  find(fd: number): File | undefined {
    return this.table[fd]?.file;
  }

  /** The lowest free number from `from` on. Errors: EMFILE at `limit`. */
  private free(from: number, limit: number): number {
    let fd = Math.max(from, this.firstFree);
    while (this.table[fd] !== undefined) fd++;
    if (from <= this.firstFree) this.firstFree = fd;
    if (fd >= limit) throw EMFILE;
    return fd;
  }

  /** Errors: EMFILE where no descriptor is free. */
  checkRoom(limit: number): void {
    this.free(0, limit);
  }

  /** Errors: EMFILE if no number is free. */
  requireRoom(limit: number): void {
    this.free(0, limit);
  }

  /** Installs `file` (taking a reference) under the lowest free number from `from` on. Errors: EMFILE. */
  install(file: File, cloexec: boolean, limit: number, from = 0): number {
    const fd = this.free(from, limit);
    this.table[fd] = { file: file.get(), cloexec };
    return fd;
  }

  /** Installs at exactly `fd`; returns the file that was there, which the caller closes. */
  replace(fd: number, file: File, cloexec: boolean): File | undefined {
    const old = this.table[fd]?.file;
    this.table[fd] = { file: file.get(), cloexec };
    return old;
  }

  /** Takes the descriptor out; the caller gives the reference back. Errors: EBADF. */
  remove(fd: number): File {
    const d = this.table[fd];
    if (d === undefined) throw EBADF;
    this.table[fd] = undefined;
    this.firstFree = Math.min(this.firstFree, fd);
    return d.file;
  }

  cloexec(fd: number): boolean {
    const d = this.table[fd];
    if (d === undefined) throw EBADF;
    return d.cloexec;
  }

  setCloexec(fd: number, on: boolean): void {
    const d = this.table[fd];
    if (d === undefined) throw EBADF;
    d.cloexec = on;
  }

  /** Open descriptors, ascending. */
  *entries(): IterableIterator<readonly [number, File]> {
    for (let fd = 0; fd < this.table.length; fd++) {
      const d = this.table[fd];
      if (d !== undefined) yield [fd, d.file];
    }
  }

  copy(): FilesStruct {
    const copy = new FilesStruct();
    copy.table = this.table.map((d) => (d === undefined ? undefined : { file: d.file.get(), cloexec: d.cloexec }));
    return copy;
  }

  /** execve: what has FD_CLOEXEC, taken out. */
  takeCloexec(): File[] {
    const files: File[] = [];
    for (let fd = 0; fd < this.table.length; fd++) {
      const d = this.table[fd];
      if (d?.cloexec !== true) continue;
      this.table[fd] = undefined;
      this.firstFree = Math.min(this.firstFree, fd);
      files.push(d.file);
    }
    return files;
  }

  /** exit: everything, taken out. */
  takeAll(): File[] {
    const files: File[] = [];
    for (const d of this.table) if (d !== undefined) files.push(d.file);
    this.table = [];
    this.firstFree = 0;
    return files;
  }

  /** Errors: EBADF for a number that no descriptor can have. */
  checkNumber(fd: number, limit: number): void {
    if (!Number.isInteger(fd) || fd < 0 || fd >= limit) throw EBADF;
  }
}
