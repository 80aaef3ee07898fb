/**
 * Inodes of overlayfs: a file or directory as it is seen, made of what the layers have. Attributes are those of the topmost layer; a change
 * copies up first. Linux `fs/overlayfs/inode.c`. POSIX ACLs and file attributes (chattr) are left out.
 */

import { ENOTDIR, EOPNOTSUPP } from "../../../abi/errno.ts";
import { O_ACCMODE, O_RDONLY, O_TRUNC, R_OK, W_OK } from "../../../abi/fcntl.ts";
import { type Dirent, isDir, isReg, S_IFDIR, S_IFLNK, S_IFREG, type Stat, type Timespec } from "../../../abi/stat.ts";
import type { MaySleep } from "../../blocked.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Dentry, Path } from "../../vfs/dentry.ts";
import type { File } from "../../vfs/file.ts";
import { Inode, type InodeChange } from "../../vfs/inode.ts";
import { checkModeBits, checkPermission } from "../../vfs/permission.ts";
import { openSpecial } from "../special.ts";
import { copyUp } from "./copy-up.ts";
import { createNameless, createObject, linkObject, removeObject, renameObject } from "./dir.ts";
import { OverlayDirFile } from "./dir-file.ts";
import { OverlayFile } from "./file.ts";
import type { LayerPath } from "./layer.ts";
import { type Found, lookupLayers } from "./lookup.ts";
import { mergedEntries } from "./readdir.ts";
import type { OverlaySuperBlock } from "./super.ts";

/** Where a file was copied up from. */
interface Origin {
  readonly inode: Inode;
  readonly fsid: number;
}

export class OverlayInode extends Inode {
  /** Of a directory, in whole; of a file the one that is seen until it is copied up. Topmost first. Immutable. */
  readonly lowers: readonly LayerPath[];
  /** Its place in the upper layer. Written by copyUp, once. */
  upper: Dentry | undefined;
  /** Names left. The overlay's own count: a lower file that is whited out keeps its links in the layer. */
  override nlink: number;
  /** Of a directory: where the lower layers have what it is merged from, if not under its own name. Written by rename. */
  redirect: string | undefined;
  /** Another layer has had it once. */
  private readonly wasCopied: boolean;
  private readonly dirIno: number;
  private fileOrigin: Origin | undefined;
  /** Open files that read a lower layer's file: they move on when it is copied up. Written by OverlayFile. */
  lowerReaders: Set<OverlayFile> | undefined;
  /** Of a directory: the names of hard links of a lower layer, each an inode of its own until it is copied up. */
  private brokenLinks: Map<string, OverlayInode> | undefined;

  constructor(
    override readonly sb: OverlaySuperBlock,
    { upper, lowers, redirect }: Found,
    /** The directory that holds it, and its name there; of a file with several names, one of them. Written by rename. */
    public parent: OverlayInode | undefined,
    public name: string,
  ) {
    super();
    this.upper = upper;
    this.lowers = lowers;
    this.redirect = redirect;
    const { top } = this;
    this.nlink = top.nlink;
    this.rdev = top.rdev;
    const directory = isDir(top.mode);
    this.dirIno = directory && !sb.sameFs ? sb.nextIno() : 0;
    this.wasCopied = directory && sb.marks.hasOrigin(top);
    if (!directory && upper !== undefined) this.fileOrigin = findOrigin(sb, upper.inode);
  }

  /** The inode of the topmost layer. */
  get top(): Inode {
    return this.upper === undefined ? (this.lowers[0] as LayerPath).dentry.inode : this.upper.inode;
  }

  override get real(): Inode {
    return this.top.real;
  }

  /** A directory that only the upper layer has. */
  get pureUpper(): boolean {
    return this.upper !== undefined && this.lowers.length === 0;
  }

  /** A directory of several layers (OVL_TYPE_MERGE). */
  get merged(): boolean {
    return this.lowers.length + (this.upper === undefined ? 0 : 1) > 1;
  }

  /** OVL_WHITEOUTS: a directory that may hold whiteouts: listing it leaves them out. */
  get maybeWhiteouts(): boolean {
    return this.merged || this.wasCopied;
  }

  /** OVL_TYPE_ORIGIN: in the upper layer, with the number of the lower one that it was copied from. */
  get hasOrigin(): boolean {
    return this.upper !== undefined && (this.fileOrigin !== undefined || (this.isDirectory && this.lowers.length > 0));
  }

  // ── Attributes ─────────────────────────────────────────────────────────────────────────────────────────────────────

  override get mode(): number {
    return this.top.mode;
  }

  override get uid(): number {
    return this.top.uid;
  }

  override get gid(): number {
    return this.top.gid;
  }

  override get size(): number {
    return this.top.size;
  }

  override get blocks(): number {
    return this.top.blocks;
  }

  override get blksize(): number {
    return this.top.blksize;
  }

  override get atime(): Timespec {
    return this.top.atime;
  }

  /** ovl_update_time(): reading leaves no trace in the lower layers. */
  override set atime(time: Timespec) {
    if (this.upper !== undefined) this.upper.inode.atime = time;
  }

  override get mtime(): Timespec {
    return this.top.mtime;
  }

  override get ctime(): Timespec {
    return this.top.ctime;
  }

  override get btime(): Timespec {
    return this.top.btime;
  }

  /** As st_ino; where the layers are on several filesystems, a directory has a number of its own. */
  override get ino(): number {
    if (this.dirIno !== 0) return this.dirIno;
    if (!isDir(this.mode)) return this.fileOrigin?.inode.ino ?? this.top.ino;
    // A directory keeps the number of the lower one that it was made from.
    return this.lowers[0]?.dentry.inode.ino ?? this.top.ino;
  }

  private get dev(): number {
    const { sb } = this;
    if (sb.sameFs || isDir(this.mode)) return sb.dev;
    const fsid = this.fileOrigin?.fsid ?? (this.upper === undefined ? (this.lowers[0] as LayerPath).layer.fsid : 0);
    return sb.pseudoDevs[fsid] as number;
  }

  /** ovl_getattr(). */
  override getattr(): Stat {
    const stat = this.top.getattr();
    return { ...stat, dev: this.dev, ino: this.ino, nlink: this.merged && isDir(stat.mode) ? 1 : stat.nlink };
  }

  override setattr(change: InodeChange): void {
    copyUp(this, "data");
    const upper = this.upper as Dentry;
    upper.inode.setattr(change);
    this.sb.upperVersion++;
  }

  /** The caller's rights to what is seen, and the mounter's to the layer. A lower file need only be readable: it will be copied. */
  override permission(mask: number, caller: Caller): void {
    checkModeBits(caller.cred, this, mask);
    const { sb, top } = this;
    if (sb.mounterPasses(top)) return;
    const copied = this.upper === undefined && (mask & W_OK) !== 0;
    checkPermission(sb.asMounter(caller), top, copied ? (mask & ~W_OK) | R_OK : mask);
  }

  /** Writes the upper inode into an inode that had none. Called by copyUp. */
  wasCopiedUp(upper: Dentry): void {
    const { layer, dentry } = this.lowers[0] as LayerPath;
    const { sb } = this;
    this.upper = upper;
    // Differs from Linux: with userxattr, what can have no mark of its origin (links, devices) is the same inode under further names too.
    sb.rememberInode(upper.inode, this);
    if (isDir(upper.inode.mode)) return;
    this.nlink = upper.inode.nlink;
    if (dentry.inode.nlink === 1) this.fileOrigin = { inode: dentry.inode, fsid: layer.fsid };
    else this.parent?.brokenLinks?.delete(this.name);
    // Before the name can go, and with it what only open files hold.
    for (const file of [...(this.lowerReaders ?? [])]) file.moveUp();
  }

  // ── Directories ────────────────────────────────────────────────────────────────────────────────────────────────────

  override lookup(name: string, caller: Caller): OverlayInode | undefined {
    if (!this.isDirectory) throw ENOTDIR;
    const found = lookupLayers(this, name, caller);
    return found === undefined ? undefined : this.inodeOf(name, found);
  }

  /** ovl_get_inode(): one inode for all names of an upper file; each name of a lower file has its own, since copying up breaks the link. */
  inodeOf(name: string, found: Found): OverlayInode {
    const { sb } = this;
    const { upper, lowers } = found;
    const lower = lowers[0]?.dentry.inode;
    const key = upper?.inode ?? (lower as Inode);
    const directory = isDir(key.mode);
    const broken = upper === undefined && sb.upper !== undefined && key.nlink > 1 && !directory;
    const known = broken ? this.brokenLinks?.get(name) : sb.findInode(key);
    // What was seen before may be another thing by now, where the layers were changed from below.
    if (known !== undefined && known.upper?.inode === upper?.inode && sameStack(known.lowers, lowers, directory || broken)) {
      if (directory || known.upper === undefined) known.moveTo(this, name);
      return known;
    }
    const made = new OverlayInode(sb, found, this, name);
    if (broken) (this.brokenLinks ??= new Map()).set(name, made);
    else sb.rememberInode(key, made);
    if (upper !== undefined && lower !== undefined && directory) fixOrigin(made, upper, lower);
    return made;
  }

  /** Its last name is gone. */
  forget(): void {
    this.sb.forgetInode(this);
    if (this.upper === undefined && this.parent?.brokenLinks?.get(this.name) === this) this.parent.brokenLinks.delete(this.name);
  }

  moveTo(parent: OverlayInode, name: string): void {
    this.parent = parent;
    this.name = name;
  }

  override readdir(caller: Caller): readonly Dirent[] {
    return mergedEntries(this, caller);
  }

  override mknod(name: string, mode: number, rdev: number, caller: Caller): OverlayInode {
    return createObject(this, name, { mode, rdev }, caller);
  }

  override tmpfile(mode: number, caller: Caller): OverlayInode {
    return createNameless(this, S_IFREG | mode, caller);
  }

  override mkdir(name: string, mode: number, caller: Caller): OverlayInode {
    return createObject(this, name, { mode: S_IFDIR | mode, rdev: 0 }, caller);
  }

  override symlink(name: string, target: string, caller: Caller): OverlayInode {
    return createObject(this, name, { mode: S_IFLNK | 0o777, rdev: 0, target }, caller);
  }

  override link(name: string, inode: Inode, caller: Caller): void {
    linkObject(this, name, inode as OverlayInode, caller);
  }

  override unlink(name: string, caller: Caller): void {
    removeObject(this, name, caller);
  }

  override rmdir(name: string, caller: Caller): void {
    removeObject(this, name, caller);
  }

  override rename(name: string, newDir: Inode, newName: string, flags: number, caller: Caller): void {
    renameObject(this, name, newDir as OverlayInode, newName, flags, caller);
  }

  // ── Files ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  override readlink(caller: Caller): string {
    return this.top.readlink(this.sb.asMounter(caller));
  }

  override open(path: Path, flags: number, caller: Caller): MaySleep<File> {
    const { mode } = this;
    if (isDir(mode)) return new OverlayDirFile(this, flags, path);
    // Devices and FIFOs are opened as they are: what is written to them does not go to the layer.
    if (!isReg(mode)) return openSpecial(this.sb.system, this, path, flags, caller);
    const cut = (flags & O_TRUNC) !== 0;
    if (cut || (flags & O_ACCMODE) !== O_RDONLY) copyUp(this, cut ? "empty" : "data");
    return new OverlayFile(this, flags & ~O_TRUNC, path);
  }

  override truncate(length: number, caller: Caller): void {
    copyUp(this, "data");
    (this.upper as Dentry).inode.truncate(length, this.sb.asMounter(caller));
    this.sb.upperVersion++;
  }

  // ── Extended attributes ────────────────────────────────────────────────────────────────────────────────────────────

  override findxattr(name: string): Uint8Array | undefined {
    return this.sb.marks.isPrivate(name) ? undefined : this.top.findxattr(name);
  }

  /** Errors: ENODATA; EOPNOTSUPP for the overlay's own attributes. */
  override getxattr(name: string): Uint8Array {
    if (this.sb.marks.isPrivate(name)) throw EOPNOTSUPP;
    return super.getxattr(name);
  }

  override listxattr(): readonly string[] {
    return this.top.listxattr().filter((name) => !this.sb.marks.isPrivate(name));
  }

  override setxattr(name: string, value: Uint8Array): void {
    if (this.sb.marks.isPrivate(name)) throw EOPNOTSUPP;
    copyUp(this, "data");
    (this.upper as Dentry).inode.setxattr(name, value);
  }

  override removexattr(name: string): void {
    if (this.sb.marks.isPrivate(name)) throw EOPNOTSUPP;
    copyUp(this, "data");
    (this.upper as Dentry).inode.removexattr(name);
  }

  override evict(): void {
    this.forget();
  }
}

function sameStack(a: readonly LayerPath[], b: readonly LayerPath[], matters: boolean): boolean {
  if (!matters) return true;
  return a.length === b.length && a.every((at, i) => at.dentry === b[i]?.dentry);
}

function findOrigin(sb: OverlaySuperBlock, upper: Inode): Origin | undefined {
  const inode = sb.marks.findOrigin(upper);
  const at = inode === undefined ? undefined : sb.rootLowers.find(({ dentry }) => dentry.inode.sb === inode.sb);
  // The names of a lower file have become files of their own: they cannot share its number.
  if (inode === undefined || at === undefined || inode.nlink !== 1) return undefined;
  return { inode, fsid: at.layer.fsid };
}

/** ovl_fix_origin(): an upper directory that was not copied up gets the mark when it is first merged. */
function fixOrigin({ sb, parent }: OverlayInode, upper: Dentry, lower: Inode): void {
  if (sb.readonly || sb.marks.unwritable || sb.marks.hasOrigin(upper.inode)) return;
  sb.marks.setOrigin(upper.inode, lower);
  if (parent?.upper !== undefined) sb.marks.set(parent.upper.inode, "impure");
}
