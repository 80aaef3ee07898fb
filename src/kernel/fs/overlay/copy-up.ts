/** Copying a file of a lower layer into the upper one, because it is about to change: Linux `fs/overlayfs/copy_up.c`. */

import { EEXIST, ENOENT, ENOSPC, ENOTDIR, EOVERFLOW } from "../../../abi/errno.ts";
import { O_NOATIME, O_RDONLY } from "../../../abi/fcntl.ts";
import { isLnk, isReg } from "../../../abi/stat.ts";
import { idsMapped } from "../../ns/idmap.ts";
import { COPY_NS_PER_BYTE, COPY_UP_NS, PAGE_SIZE } from "../../params.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Content } from "../../vfs/content.ts";
import { Dentry } from "../../vfs/dentry.ts";
import { File } from "../../vfs/file.ts";
import type { Inode } from "../../vfs/inode.ts";
import { TmpfsInode } from "../tmpfs/inode.ts";
import type { OverlayInode } from "./inode.ts";
import type { Layer, LayerPath } from "./layer.ts";
import { makeReal, removeReal } from "./real.ts";
import type { OverlaySuperBlock } from "./super.ts";

/** What goes along: everything, or everything but the content of a file that is cut at once. */
export type CopyUpKind = "data" | "empty";

const TRANSFER_BYTES = 65_536;

/**
 * Makes sure that an inode is in the upper layer, its directories first. It takes time in proportion to the content, which is shared until it is written.
 * Errors: EROFS without an upper layer, ENOSPC, ENOENT for what has no name any more.
 */
export function copyUp(inode: OverlayInode, kind: CopyUpKind): void {
  if (inode.upper !== undefined) return;
  inode.sb.requireUpper();
  const chain: OverlayInode[] = [];
  for (let at: OverlayInode | undefined = inode; at !== undefined && at.upper === undefined; at = at.parent) chain.push(at);
  for (const at of chain.reverse()) copyUpOne(at, at === inode ? kind : "data");
}

/** ovl_copy_up_one(). */
function copyUpOne(inode: OverlayInode, kind: CopyUpKind): void {
  const { sb, name, parent } = inode;
  const dir = parent?.upper;
  if (dir === undefined) throw ENOENT;
  if (!sb.marks.unwritable) sb.marks.set(dir.inode, "impure");
  // Differs from Linux: where it was is a whiteout, which for a FIFO or a device, changed by its descriptor, Linux replaces by a copy.
  if (inode.nlink === 0) throw inode.isDirectory ? ENOTDIR : EEXIST;
  const lower = inode.lowers[0] as LayerPath;
  const source = lower.dentry.inode;
  // Whoever mounted it could not give the copy to an owner whom his user namespace does not know.
  if (!idsMapped(sb.mounter.userNs, source.uid, source.gid)) throw EOVERFLOW;
  const caller = sb.asMounter(sb.current);
  const { atime, mtime } = dir.inode;
  const bytes = kind === "data" && isReg(source.mode) ? bytesToCopy(sb, source) : 0;
  const target = isLnk(source.mode) ? { target: source.readlink(caller) } : {};
  const upper = makeReal(dir, name, { mode: source.mode, rdev: source.rdev, ...target }, caller);
  try {
    if (bytes > 0) copyContent(source, upper.inode, lower.layer, caller);
    copyXattrs(sb, source, upper.inode);
    copyAttributes(source, upper.inode);
  } catch (e) {
    removeReal(upper, caller);
    throw e;
  }
  // The names of a hard link part: none of the copies is the one that the others were.
  if (inode.isDirectory || source.nlink === 1) sb.marks.setOrigin(upper.inode, source);
  // The directory looks as before (ovl_set_timestamps).
  dir.inode.setattr({ atime, mtime });
  inode.wasCopiedUp(upper);
  sb.copiedUp++;
  sb.copiedUpBytes += bytes;
  sb.upperVersion++;
  sb.system.sched.clockNs += COPY_UP_NS + bytes * COPY_NS_PER_BYTE;
  sb.system.trace.emit({ name: "overlay_copy_up", dev: sb.dev, path: pathOf(inode), layer: lower.layer.index, bytes });
}

/** From the root of the overlay. */
export function pathOf(inode: OverlayInode): string {
  let text = "";
  for (let at: OverlayInode = inode; at.parent !== undefined; at = at.parent) text = `/${at.name}${text}`;
  return text === "" ? "/" : text;
}

/** What there is to copy of a file; its holes stay holes. Errors: ENOSPC if the upper filesystem has no room for it. */
function bytesToCopy(sb: OverlaySuperBlock, source: Inode): number {
  const content = contentOf(source);
  if (content === undefined) return source.size;
  const upper = sb.requireUpper().root.inode as TmpfsInode;
  const pages = content.allocatedPages;
  if (pages > upper.sb.freePages) throw ENOSPC;
  return Math.min(content.size, pages * PAGE_SIZE);
}

function contentOf(inode: Inode): Content | undefined {
  const { real } = inode;
  return real instanceof TmpfsInode ? real.content : undefined;
}

function copyContent(source: Inode, upper: Inode, layer: Layer, caller: Caller): void {
  const from = contentOf(source);
  const into = upper as TmpfsInode;
  if (from !== undefined) {
    into.grow((content) => {
      content.cloneRange(from, 0, from.size, 0);
      if (content.size < from.size) content.truncate(from.size);
    });
    return;
  }
  const file = source.open({ mnt: layer.mnt, dentry: Dentry.root(source) }, O_RDONLY | O_NOATIME, caller);
  if (!(file instanceof File)) return;
  file.get();
  try {
    const buf = new Uint8Array(TRANSFER_BYTES);
    for (let at = 0; ; ) {
      const n = file.readAt(caller, buf, at);
      if (n === 0) return;
      at += into.writeContent(buf.subarray(0, n), at);
    }
  } finally {
    file.put();
  }
}

/** All attributes but the overlay's own. */
function copyXattrs(sb: OverlaySuperBlock, source: Inode, upper: Inode): void {
  for (const name of source.listxattr()) {
    if (sb.marks.isPrivate(name) || (sb.marks.unwritable && name.startsWith("trusted."))) continue;
    upper.setxattr(name, source.getxattr(name));
  }
}

function copyAttributes(source: Inode, upper: Inode): void {
  const { mode, uid, gid, atime, mtime } = source;
  upper.setattr(isLnk(mode) ? { uid, gid, atime, mtime } : { mode, uid, gid, atime, mtime });
}
