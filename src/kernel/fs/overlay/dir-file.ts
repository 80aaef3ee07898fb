/** Open directories of overlayfs: getdents(2), Linux `fs/overlayfs/readdir.c:ovl_iterate`. */

import { O_NOATIME } from "../../../abi/fcntl.ts";
import type { Dirent } from "../../../abi/stat.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { DirFile } from "../../vfs/dir-file.ts";
import type { OverlayInode } from "./inode.ts";
import type { Layer, LayerPath } from "./layer.ts";
import { numbersOfCopied } from "./readdir.ts";

export class OverlayDirFile extends DirFile {
  /** The directory of the one layer, where there is but one and nothing is to be left out. */
  private single: DirFile | undefined;
  /** Of its entries that have not the number that the layer lists. */
  private numbers: ReadonlyMap<string, number> | undefined;

  constructor(
    private readonly node: OverlayInode,
    flags: number,
    path: Path,
  ) {
    super(node, flags, path);
  }

  /** What one layer alone has is listed as that layer lists it, under changes too. */
  override next(offset: number, caller: Caller): { readonly entry: Dirent; readonly offset: number } | undefined {
    // Whoever removes what he reads makes the directory a merged one: what was begun goes on.
    if (offset === 2) this.begin(caller);
    if (this.single === undefined) return super.next(offset, caller);
    const found = this.single.next(offset, caller);
    const ino = found === undefined ? undefined : this.numbers?.get(found.entry.name);
    return found === undefined || ino === undefined ? found : { ...found, entry: { ...found.entry, ino } };
  }

  private begin(caller: Caller): void {
    const { node } = this;
    this.single = node.maybeWhiteouts ? undefined : this.openSingle(caller);
    this.numbers = this.single === undefined || node.upper === undefined ? undefined : numbersOfCopied(node, caller);
  }

  private openSingle(caller: Caller): DirFile {
    const { node } = this;
    const { sb, upper } = node;
    const at: LayerPath = upper === undefined ? (node.lowers[0] as LayerPath) : { layer: sb.upper as Layer, dentry: upper };
    return at.dentry.inode.open({ mnt: at.layer.mnt, dentry: at.dentry }, this.flags | O_NOATIME, caller) as DirFile;
  }
}
