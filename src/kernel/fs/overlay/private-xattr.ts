/**
 * The attributes by which overlayfs marks files of its layers: `trusted.overlay.*`, or `user.overlay.*` with the option userxattr. They are
 * not seen through the overlay. Linux `fs/overlayfs/util.c`, `namei.c:ovl_check_origin`.
 */

import { EOPNOTSUPP, EPERM } from "../../../abi/errno.ts";
import { isReg, S_IFCHR, S_IFMT } from "../../../abi/stat.ts";
import { decodeUtf8, encodeUtf8 } from "../../../abi/utf8.ts";
import type { Inode } from "../../vfs/inode.ts";

/** What an attribute is about: `opaque` a directory that hides those below it; `impure` one that holds what was copied up; `origin` where from. */
export type Mark = "opaque" | "impure" | "origin" | "redirect";

const YES = encodeUtf8("y");

/** 0:0 character devices stand for names that are gone. */
export const isWhiteout = (inode: Inode): boolean => (inode.mode & S_IFMT) === S_IFCHR && inode.rdev === 0;

/** How the layers of one overlay are marked. */
export class PrivateXattrs {
  readonly prefix: string;
  /** The upper layer takes none (ofs->noxattr): `trusted.` outside of the initial user namespace. */
  readonly unwritable: boolean;

  constructor(userxattr: boolean, mayTrusted: boolean) {
    this.prefix = userxattr ? "user.overlay." : "trusted.overlay.";
    this.unwritable = !userxattr && !mayTrusted;
  }

  isPrivate(name: string): boolean {
    return name.startsWith(this.prefix);
  }

  isSet(inode: Inode, mark: "opaque" | "impure"): boolean {
    const value = inode.findxattr(this.prefix + mark);
    return value !== undefined && value.length === 1 && value[0] === YES[0];
  }

  /** Errors: EOPNOTSUPP where the upper layer takes none. */
  set(inode: Inode, mark: "opaque" | "impure"): void {
    if (this.unwritable) throw EOPNOTSUPP;
    if (!this.isSet(inode, mark)) inode.setxattr(this.prefix + mark, YES);
  }

  clear(inode: Inode, mark: "impure"): void {
    if (this.isSet(inode, mark)) inode.removexattr(this.prefix + mark);
  }

  /** Where lower directories of this name are, in place of its own name: a name, or a path from the overlay's root. */
  findRedirect(inode: Inode): string | undefined {
    const value = inode.findxattr(`${this.prefix}redirect`);
    return value === undefined ? undefined : decodeUtf8(value);
  }

  /** Errors: EPERM where the upper layer takes none. */
  setRedirect(inode: Inode, redirect: string): void {
    if (this.unwritable) throw EPERM;
    inode.setxattr(`${this.prefix}redirect`, encodeUtf8(redirect));
  }

  hasOrigin(inode: Inode): boolean {
    return inode.findxattr(`${this.prefix}origin`) !== undefined;
  }

  /** Notes which lower inode `upper` was copied from: its numbers stay. Of `user.*`, only files and directories have any. */
  setOrigin(upper: Inode, lower: Inode): void {
    if (this.unwritable || (this.prefix.startsWith("user.") && !isReg(upper.mode) && !upper.isDirectory)) return;
    upper.setxattr(`${this.prefix}origin`, fileHandle(lower));
  }

  /** The lower inode that `upper` was copied from, where it is still there. */
  findOrigin(upper: Inode): Inode | undefined {
    const lower = (upper.findxattr(`${this.prefix}origin`) as FileHandle | undefined)?.lower;
    return lower === undefined || lower.nlink === 0 ? undefined : lower;
  }
}

/**
 * The value of `origin`, and what it stands for.
 * Differs from Linux: the handle is not decoded, so that the origin is not found where an upper layer was copied elsewhere.
 */
interface FileHandle extends Uint8Array {
  lower?: Inode;
}

const FH_VERSION = 0;
const FH_MAGIC = 0xfb;
const FH_BYTES = 33;
/** FILEID_INO32_GEN. */
const FH_TYPE = 1;

/** struct ovl_fb: a head, the uuid of the filesystem (ours have none, as tmpfs of 6.1), and the handle that tmpfs makes. */
function fileHandle(lower: Inode): FileHandle {
  const { ino } = lower;
  const bytes: FileHandle = new Uint8Array(FH_BYTES);
  bytes.set([FH_VERSION, FH_MAGIC, FH_BYTES, 0, FH_TYPE]);
  const view = new DataView(bytes.buffer);
  view.setUint32(25, ino >>> 0, true);
  view.setUint32(29, Math.floor(ino / 2 ** 32), true);
  bytes.lower = lower;
  return bytes;
}
