/** Making, removing and renaming entries: whiteouts, opaque directories, redirects. Linux `fs/overlayfs/dir.c`. */

import { EEXIST, EINVAL, EIO, ENOENT, ESTALE, EXDEV } from "../../../abi/errno.ts";
import { RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT } from "../../../abi/fcntl.ts";
import { isDir, S_IFCHR } from "../../../abi/stat.ts";
import { byteLength } from "../../../abi/utf8.ts";
import type { Caller } from "../../vfs/caller.ts";
import { Dentry } from "../../vfs/dentry.ts";
import { lookup } from "../../vfs/namei.ts";
import { copyUp, pathOf } from "./copy-up.ts";
import type { OverlayInode } from "./inode.ts";
import { isWhiteout } from "./private-xattr.ts";
import { type Making, makeReal, removeReal, renameReal } from "./real.ts";
import { checkEmpty } from "./readdir.ts";
import type { OverlaySuperBlock } from "./super.ts";

/** Longer redirects are not made (redirect_max). */
const REDIRECT_MAX = 256;

/** The upper directory to write to: copied up if it is not there yet. */
function upperOf(dir: OverlayInode): Dentry {
  copyUp(dir, "data");
  return dir.upper as Dentry;
}

/** A whiteout that stands in the way of a new entry; undefined where nothing does. Errors: EEXIST where it is something else. */
function findWhiteout(dir: Dentry, name: string, caller: Caller): Dentry | undefined {
  const there = lookup(caller, dir, name);
  if (there !== undefined && !isWhiteout(there.inode)) throw EEXIST;
  return there;
}

/** ovl_create_or_link(): a new upper entry, in the place of a whiteout where there is one. */
function create(dir: OverlayInode, name: string, making: Making, caller: Caller): Dentry {
  const { sb } = dir;
  const upper = upperOf(dir);
  const whiteout = findWhiteout(upper, name, caller);
  // What is below the whiteout must not show through a new directory.
  const opaque = isDir(making.mode) && (whiteout !== undefined || (sb.makesRedirects && dir.merged));
  if (opaque && sb.marks.unwritable) throw EIO;
  if (whiteout !== undefined) removeReal(whiteout, caller);
  const made = makeReal(upper, name, making, caller);
  if (opaque) sb.marks.set(made.inode, "opaque");
  sb.upperVersion++;
  return made;
}

/** mkdir, mknod, symlink, open with O_CREAT. */
export function createObject(dir: OverlayInode, name: string, making: Making, caller: Caller): OverlayInode {
  const upper = create(dir, name, making, caller);
  return dir.inodeOf(name, { upper, lowers: [], redirect: undefined });
}

/** O_TMPFILE. */
export function createNameless(dir: OverlayInode, mode: number, caller: Caller): OverlayInode {
  const upper = upperOf(dir);
  const inode = upper.inode.tmpfile(mode, caller);
  const dentry = new Dentry(`#${inode.ino}`, upper, inode);
  dentry.deleted = true;
  return dir.inodeOf(dentry.name, { upper: dentry, lowers: [], redirect: undefined });
}

/** ovl_link(). */
export function linkObject(dir: OverlayInode, name: string, inode: OverlayInode, caller: Caller): void {
  copyUp(inode, "data");
  const real = inode.upper as Dentry;
  const made = create(dir, name, { mode: inode.mode, rdev: inode.rdev, hardlink: real.inode }, caller);
  inode.nlink++;
  if (inode.hasOrigin) markImpure(dir);
  // A nameless file is where its first name is.
  if (real.deleted) {
    inode.upper = made;
    inode.moveTo(dir, name);
  }
}

/** ovl_do_remove(): unlink and rmdir. Errors: ENOTEMPTY, ESTALE where the layers were changed from below. */
export function removeObject(dir: OverlayInode, name: string, caller: Caller): void {
  const victim = dir.lookup(name, caller);
  if (victim === undefined) throw ENOENT;
  const covers = hasLower(dir, name, victim, caller);
  const whiteouts = victim.isDirectory && (covers || !victim.pureUpper) ? checkEmpty(victim, caller) : [];
  const upper = upperOf(dir);
  refuseClearing(dir.sb, whiteouts);
  if (covers) {
    const whiteout = prepareWhiteout(dir.sb, caller);
    removeUpper(victim, upper, name, whiteouts, caller);
    placeWhiteout(dir, whiteout, upper, name, caller);
  } else removeUpper(victim, upper, name, whiteouts, caller);
  dropName(victim);
  dir.sb.upperVersion++;
}

/** ovl_clear_empty(): an opaque directory takes the place of one with whiteouts. Errors: EIO where it cannot be marked. */
function refuseClearing({ marks }: OverlaySuperBlock, whiteouts: readonly Dentry[]): void {
  if (whiteouts.length > 0 && marks.unwritable) throw EIO;
}

/** One name less. */
function dropName(inode: OverlayInode): void {
  inode.nlink = inode.isDirectory ? 0 : Math.max(0, inode.nlink - 1);
  if (inode.nlink === 0 || inode.upper === undefined) inode.forget();
}

/** What the upper layer has of it. */
function removeUpper(victim: OverlayInode, dir: Dentry, name: string, whiteouts: readonly Dentry[], caller: Caller): void {
  if (victim.upper === undefined) return;
  const there = lookup(caller, dir, name);
  if (there === undefined || there.inode !== victim.upper.inode) throw ESTALE;
  for (const whiteout of whiteouts) removeReal(whiteout, caller);
  removeReal(there, caller);
}

/** ovl_lower_positive(): whether a lower layer would show through if the upper entry were gone. */
function hasLower(dir: OverlayInode, name: string, victim: OverlayInode, caller: Caller): boolean {
  if (victim.upper === undefined) return true;
  for (const { dentry } of dir.lowers) {
    const found = lookup(caller, dentry, name);
    if (found !== undefined) return !isWhiteout(found.inode);
  }
  return false;
}

// ── Whiteouts ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Counts the names in the work directories of a machine (ovl_tempname). Differs from Linux: files under way have no names there. */
const tempIds = new WeakMap<object, number>();

function tempName(sb: OverlaySuperBlock): string {
  const id = (tempIds.get(sb.system) ?? 0) + 1;
  tempIds.set(sb.system, id);
  return `#${id.toString(16)}`;
}

/** ovl_whiteout(): a whiteout in the work directory, one more name of the one that all share. */
function prepareWhiteout(sb: OverlaySuperBlock, caller: Caller): Dentry {
  const work = sb.work as Dentry;
  const making = { mode: S_IFCHR, rdev: 0 };
  if (sb.sharedWhiteout === undefined || sb.sharedWhiteout.deleted)
    sb.sharedWhiteout = makeReal(work, tempName(sb), making, sb.asMounter(caller));
  return makeReal(work, tempName(sb), { ...making, hardlink: sb.sharedWhiteout.inode }, sb.asMounter(caller));
}

function placeWhiteout(dir: OverlayInode, whiteout: Dentry, upper: Dentry, name: string, caller: Caller): void {
  renameReal(whiteout, upper, name, 0, caller);
  tellWhiteout(dir, name);
}

function tellWhiteout(dir: OverlayInode, name: string): void {
  const { sb } = dir;
  sb.whiteouts++;
  const path = pathOf(dir);
  sb.system.trace.emit({ name: "overlay_whiteout", dev: sb.dev, path: path === "/" ? `/${name}` : `${path}/${name}` });
}

// ── Renaming ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** ovl_can_move(): a directory that lower layers have something of cannot be moved without a redirect. */
const canMove = (inode: OverlayInode): boolean => inode.sb.makesRedirects || !inode.isDirectory || inode.pureUpper;

/** ovl_rename(). Errors: EXDEV for a directory of a lower layer unless redirects are made; ENOTEMPTY; ESTALE. */
export function renameObject(dir: OverlayInode, name: string, newDir: OverlayInode, newName: string, asked: number, caller: Caller): void {
  if ((asked & ~(RENAME_EXCHANGE | RENAME_NOREPLACE)) !== 0) throw EINVAL;
  const exchange = (asked & RENAME_EXCHANGE) !== 0;
  const moved = dir.lookup(name, caller);
  const replaced = newDir.lookup(newName, caller);
  if (moved === undefined || (exchange && replaced === undefined)) throw ENOENT;
  if (!canMove(moved) || (exchange && replaced !== undefined && !canMove(replaced))) throw EXDEV;
  const emptied = !exchange && replaced?.isDirectory === true && !replaced.pureUpper ? checkEmpty(replaced, caller) : [];
  const covers = !exchange && hasLower(dir, name, moved, caller);
  copyUp(moved, "data");
  const newUpper = upperOf(newDir);
  if (exchange && replaced !== undefined) copyUp(replaced, "data");
  // A file may have other names.
  const old = lookup(caller, upperOf(dir), name);
  if (old === undefined || old.inode !== moved.upper?.inode) throw ESTALE;
  const there = lookup(caller, newUpper, newName);
  if (there !== undefined && there.inode !== replaced?.upper?.inode && !isWhiteout(there.inode)) throw ESTALE;
  refuseClearing(dir.sb, emptied);
  markMoved(dir, moved, newDir, replaced, exchange);
  for (const whiteout of emptied) removeReal(whiteout, caller);
  moveUpper(dir, old, newUpper, newName, { exchange, covers, there }, caller);
  finishMove(dir, name, newDir, newName, moved, replaced, exchange);
}

interface Move {
  readonly exchange: boolean;
  /** A lower layer has something under the old name: a whiteout must stay there. */
  readonly covers: boolean;
  /** What the upper layer has under the new name. */
  readonly there: Dentry | undefined;
}

/** The rename in the upper layer, with what becomes of the old name. */
function moveUpper(dir: OverlayInode, old: Dentry, newUpper: Dentry, newName: string, move: Move, caller: Caller): void {
  const { exchange, covers, there } = move;
  const oldName = old.name;
  const directory = old.inode.isDirectory;
  if (exchange) renameReal(old, newUpper, newName, RENAME_EXCHANGE, caller);
  else if (there !== undefined && isWhiteout(there.inode) && (covers || directory)) {
    // The whiteout changes places, or goes.
    renameReal(old, newUpper, newName, RENAME_EXCHANGE, caller);
    if (covers) tellWhiteout(dir, oldName);
    else removeReal(there, caller);
  } else if (covers) {
    renameReal(old, newUpper, newName, RENAME_WHITEOUT, dir.sb.asMounter(caller));
    tellWhiteout(dir, oldName);
  } else renameReal(old, newUpper, newName, 0, caller);
}

/** The attributes that a move makes necessary. */
function markMoved(
  dir: OverlayInode,
  moved: OverlayInode,
  newDir: OverlayInode,
  replaced: OverlayInode | undefined,
  exchange: boolean,
): void {
  const sameDir = dir === newDir;
  const impure = (inode: OverlayInode, into: OverlayInode): void => {
    if (!sameDir && inode.hasOrigin) markImpure(into);
  };
  impure(moved, newDir);
  if (exchange && replaced !== undefined) impure(replaced, dir);
  markDirectory(moved, newDir, sameDir);
  if (exchange && replaced !== undefined) markDirectory(replaced, dir, sameDir);
}

/** It holds what has the number of a lower file. */
function markImpure({ sb, upper }: OverlayInode): void {
  if (!sb.marks.unwritable) sb.marks.set((upper as Dentry).inode, "impure");
}

/** A directory with something below takes a redirect along; one without must not be merged with what is below its new place. */
function markDirectory(moved: OverlayInode, into: OverlayInode, sameDir: boolean): void {
  if (!moved.isDirectory) return;
  const { marks } = moved.sb;
  const real = (moved.upper as Dentry).inode;
  if (!moved.pureUpper) setRedirect(moved, sameDir);
  else if (into.merged && !marks.isSet(real, "opaque")) {
    if (marks.unwritable) throw EXDEV;
    marks.set(real, "opaque");
  }
}

/** ovl_set_redirect(): its old name where it stays in its directory, else its old path. Errors: EXDEV where that is too long. */
function setRedirect(moved: OverlayInode, sameDir: boolean): void {
  if (moved.redirect !== undefined && (sameDir || moved.redirect.startsWith("/"))) return;
  const redirect = sameDir ? moved.name : lowerPathOf(moved);
  if (byteLength(redirect) > REDIRECT_MAX || moved.sb.marks.unwritable) throw EXDEV;
  moved.sb.marks.setRedirect((moved.upper as Dentry).inode, redirect);
  moved.redirect = redirect;
}

/** Where the lower layers have a directory, from their roots. */
function lowerPathOf(inode: OverlayInode): string {
  let text = "";
  for (let at: OverlayInode = inode; at.parent !== undefined; at = at.parent) {
    const { redirect } = at;
    if (redirect?.startsWith("/") === true) return redirect + text;
    text = `/${redirect ?? at.name}${text}`;
  }
  return text;
}

function finishMove(
  dir: OverlayInode,
  name: string,
  newDir: OverlayInode,
  newName: string,
  moved: OverlayInode,
  replaced: OverlayInode | undefined,
  exchange: boolean,
): void {
  const { sb } = dir;
  moved.moveTo(newDir, newName);
  sb.upperVersion++;
  if (replaced === undefined) return;
  if (exchange) {
    replaced.moveTo(dir, name);
    return;
  }
  dropName(replaced);
}
