/** Open directories of overlayfs: getdents(2), Linux `fs/overlayfs/readdir.c:ovl_iterate`. */

import { O_NOATIME } from "../../../abi/fcntl.ts";
import type { Dirent } from "../../../abi/stat.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { DirFile } from "../../vfs/dir-file.ts";
import type { File } from "../../vfs/file.ts";
import type { OverlayInode } from "./inode.ts";
import type { Layer, LayerPath } from "./layer.ts";
import { withNumber } from "./readdir.ts";

export class OverlayDirFile extends DirFile {
  /** The directory of the one layer, where there is but one and nothing is to be left out. */
  private single: File | undefined;

  constructor(
    private readonly node: OverlayInode,
    flags: number,
    path: Path,
  ) {
    super(node, flags, path);
  }

  /** What one layer alone has is listed as that layer lists it, under changes too. */
  protected override next(offset: number, caller: Caller): { readonly entry: Dirent; readonly offset: number } | undefined {
    const { node } = this;
    // Whoever removes what he reads makes the directory a merged one: what was begun goes on.
    if (offset === 2) this.single = node.merged || node.maybeWhiteouts ? undefined : this.openSingle(caller);
    const file = this.single;
    if (file === undefined) return super.next(offset, caller);
    // One entry at a time: however long its name is, it fits.
    file.pos = offset;
    const entry = file.readdir(caller, 300)[0];
    return entry === undefined
      ? undefined
      : { entry: node.upper === undefined ? entry : withNumber(node, entry, caller), offset: file.pos };
  }

  private openSingle(caller: Caller): File {
    const { node } = this;
    const { sb, upper } = node;
    const at: LayerPath = upper === undefined ? (node.lowers[0] as LayerPath) : { layer: sb.upper as Layer, dentry: upper };
    return at.dentry.inode.open({ mnt: at.layer.mnt, dentry: at.dentry }, this.flags | O_NOATIME, caller) as File;
  }
}
