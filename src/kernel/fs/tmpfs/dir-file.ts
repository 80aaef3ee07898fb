/** Open directories of tmpfs: getdents(2), Linux `fs/libfs.c:dcache_readdir`. Newest entries first; the place is kept under changes. */

import type { Dirent } from "../../../abi/stat.ts";
import { S_IFMT } from "../../../abi/stat.ts";
import type { Path } from "../../vfs/dentry.ts";
import { DirFile } from "../../vfs/dir-file.ts";
import type { TmpfsEntry, TmpfsInode } from "./inode.ts";

export class TmpfsDirFile extends DirFile {
  private listed: readonly TmpfsEntry[] = [];
  private listedVersion = -1;

  constructor(
    private readonly dir: TmpfsInode,
    flags: number,
    path: Path,
  ) {
    super(dir, flags, path);
  }

  /** Offsets: 2 before the first entry, `seq + 2` after the entry `seq`. */
  override next(offset: number): { readonly entry: Dirent; readonly offset: number } | undefined {
    const { dir } = this;
    if (this.listedVersion !== dir.version) {
      this.listed = [...(dir.entries as Map<string, TmpfsEntry>).values()];
      this.listedVersion = dir.version;
    }
    const found = offset === 2 ? this.listed[this.listed.length - 1] : this.listed[this.countBelow(offset - 2) - 1];
    if (found === undefined) return undefined;
    return { entry: { ino: found.inode.ino, name: found.name, type: (found.inode.mode & S_IFMT) >> 12 }, offset: found.seq + 2 };
  }

  /** How many entries are older than `seq`. */
  private countBelow(seq: number): number {
    let low = 0;
    let high = this.listed.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.listed[middle] as TmpfsEntry).seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
