/** The entries of a directory of several layers: Linux `fs/overlayfs/readdir.c`. */

import { ENOTEMPTY } from "../../../abi/errno.ts";
import { DT_CHR, type Dirent } from "../../../abi/stat.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Dentry } from "../../vfs/dentry.ts";
import { lookup } from "../../vfs/namei.ts";
import type { OverlayInode } from "./inode.ts";
import { isWhiteout } from "./private-xattr.ts";

/** A name as the topmost layer that has it has it. */
interface Entry {
  readonly dirent: Dirent;
  readonly dir: Dentry;
  readonly upper: boolean;
}

/** What a directory is made of, topmost first. */
function stackOf(inode: OverlayInode): readonly Dentry[] {
  const lowers = inode.lowers.map(({ dentry }) => dentry);
  return inode.upper === undefined ? lowers : [inode.upper, ...lowers];
}

/**
 * ovl_dir_read_merged(): all names, whiteouts too, each once. Those of the lowest layer come first, in its order, whoever has them besides; then
 * the others from the top down.
 */
function readMerged(inode: OverlayInode, caller: Caller): readonly Entry[] {
  const stack = stackOf(inode);
  const found = new Map<string, Entry>();
  const first: Entry[] = [];
  for (const [i, dir] of stack.entries()) {
    const upper = dir === inode.upper;
    for (const dirent of dir.inode.readdir(caller)) {
      let entry = found.get(dirent.name);
      if (i === stack.length - 1) {
        if (entry === undefined) entry = { dirent, dir, upper };
        else found.delete(dirent.name);
        first.push(entry);
      } else if (entry === undefined) found.set(dirent.name, { dirent, dir, upper });
    }
  }
  return [...first, ...found.values()];
}

/** What hides a name. Only character devices are looked at closer. */
function findWhiteoutAt({ dirent, dir }: Entry, caller: Caller): Dentry | undefined {
  if (dirent.type !== DT_CHR) return undefined;
  const dentry = lookup(caller, dir, dirent.name);
  return dentry !== undefined && isWhiteout(dentry.inode) ? dentry : undefined;
}

/** The entries that are seen, with the inode numbers that stat shows. */
export function mergedEntries(inode: OverlayInode, caller: Caller): readonly Dirent[] {
  const out: Dirent[] = [];
  for (const entry of readMerged(inode, caller)) {
    if (inode.maybeWhiteouts && findWhiteoutAt(entry, caller) !== undefined) continue;
    out.push(entry.upper ? withNumber(inode, entry.dirent, caller) : entry.dirent);
  }
  return out;
}

/** ovl_cache_update_ino(): what was copied up keeps its number, so that of the upper layer will not do. */
function withNumber(dir: OverlayInode, dirent: Dirent, caller: Caller): Dirent {
  const { sb, upper } = dir;
  if (!sb.sameFs || upper === undefined || !sb.marks.isSet(upper.inode, "impure")) return dirent;
  const ino = dir.lookup(dirent.name, caller)?.ino;
  return ino === undefined || ino === dirent.ino ? dirent : { ...dirent, ino };
}

/** ovl_cache_get_impure(): the same for a directory of the upper layer alone; one that holds nothing copied any more is not impure. */
export function numbersOfCopied(dir: OverlayInode, caller: Caller): ReadonlyMap<string, number> | undefined {
  const { sb, upper } = dir;
  if (!sb.sameFs || upper === undefined || !sb.marks.isSet(upper.inode, "impure")) return undefined;
  const numbers = new Map<string, number>();
  for (const dirent of upper.inode.readdir(caller)) {
    const { ino } = withNumber(dir, dirent, caller);
    if (ino !== dirent.ino) numbers.set(dirent.name, ino);
  }
  if (numbers.size > 0) return numbers;
  sb.marks.clear(upper.inode, "impure");
  return undefined;
}

/** ovl_check_empty_dir(): the whiteouts that the upper layer has in it. Errors: ENOTEMPTY where there is more. */
export function checkEmpty(inode: OverlayInode, caller: Caller): readonly Dentry[] {
  const whiteouts: Dentry[] = [];
  for (const entry of readMerged(inode, caller)) {
    const whiteout = findWhiteoutAt(entry, caller);
    if (whiteout === undefined) throw ENOTEMPTY;
    if (entry.upper) whiteouts.push(whiteout);
  }
  return whiteouts;
}
