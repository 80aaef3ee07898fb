/** O_PATH descriptors: a place in the tree, without access to the object. Linux `fs/open.c:do_dentry_open`. */

import { EBADF } from "../../abi/errno.ts";
import type { Path } from "./dentry.ts";
import { File } from "./file.ts";
import type { Inode } from "./inode.ts";

export class PathFile extends File {
  constructor(
    inode: Inode,
    flags: number,
    override readonly path: Path,
  ) {
    super(inode, flags, path);
  }

  override readdir(): never {
    throw EBADF;
  }

  override seek(): never {
    throw EBADF;
  }

  override ioctl(): never {
    throw EBADF;
  }
}
