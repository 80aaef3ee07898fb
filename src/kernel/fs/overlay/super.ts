/** A mounted overlay: its layers, its inodes, and what the page asks about it. Linux `fs/overlayfs/super.c`, `ovl_entry.h:struct ovl_fs`. */

import { CAP_DAC_OVERRIDE, capBit } from "../../../abi/capability.ts";
import { EROFS } from "../../../abi/errno.ts";
import type { Statfs } from "../../../abi/stat.ts";
import type { Cred } from "../../ns/user.ts";
import { NAME_MAX } from "../../params.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Dentry } from "../../vfs/dentry.ts";
import { type Inode, SuperBlock } from "../../vfs/inode.ts";
import { release } from "../../vfs/mount.ts";
import { OverlayInode } from "./inode.ts";
import type { Layer, LayerPath } from "./layer.ts";
import { type Complaints, type OverlayOptions, showOverlayOptions } from "./options.ts";
import type { PrivateXattrs } from "./private-xattr.ts";

const OVERLAYFS_SUPER_MAGIC = 0x794c7630;

/** What mount(2) found out. */
export interface OverlayParts {
  readonly options: OverlayOptions;
  /** Directories as lowerdir= names them, topmost first. */
  readonly lowerdirs: readonly string[];
  readonly layers: readonly Layer[];
  /** The directory `work` below workdir; undefined where it could not be made: read-only. */
  readonly work: Dentry | undefined;
  readonly marks: PrivateXattrs;
  readonly stackDepth: number;
  /** How many filesystems the layers are on. */
  readonly filesystems: number;
  /** Gives back the claims on upperdir and workdir. */
  readonly disclaim: () => void;
}

export class OverlaySuperBlock extends SuperBlock {
  readonly fstype = "overlay";
  readonly dev: number;
  override readonly root: OverlayInode;
  readonly lowerdirs: readonly string[];
  /** All layers, topmost first. */
  readonly layers: readonly Layer[];
  readonly upper: Layer | undefined;
  /** The roots of the lower layers. */
  readonly rootLowers: readonly LayerPath[];
  readonly lowest: Layer;
  readonly work: Dentry | undefined;
  readonly marks: PrivateXattrs;

  /** All layers are of one filesystem: its inode numbers are the overlay's. */
  readonly sameFs: boolean;
  /** st_dev of what is no directory, by Layer.fsid, where they are not. */
  readonly pseudoDevs: readonly number[];
  readonly followsRedirects: boolean;
  readonly makesRedirects: boolean;
  /** Since it was mounted: files and bytes copied up, whiteouts made. Written by copyUp and makeWhiteout. */
  copiedUp = 0;
  copiedUpBytes = 0;
  whiteouts = 0;
  /** Grows with every change that is made to the upper layer through the overlay. */
  upperVersion = 0;
  /** The whiteout that all new ones are further names of. Written by makeWhiteout. */
  sharedWhiteout: Dentry | undefined;
  /** Who mounted it: the layers are opened with his rights. */
  readonly mounter: Cred;
  private readonly mounterMayAll: boolean;
  /** By an inode of a layer. What is removed by way of the overlay is forgotten, the rest with the overlay. */
  private readonly inodes = new Map<Inode, OverlayInode>();
  private lastIno = 0;

  constructor(
    readonly system: System,
    mounter: Task,
    private readonly parts: OverlayParts,
    readonly complaints: Complaints,
  ) {
    super();
    const { options, layers, marks } = parts;
    this.dev = system.nextAnonDev();
    this.lowerdirs = parts.lowerdirs;
    this.layers = layers;
    this.upper = layers[0]?.upper === true ? layers[0] : undefined;
    const lowers = this.upper === undefined ? layers : layers.slice(1);
    this.rootLowers = lowers.map((layer) => ({ layer, dentry: layer.root }));
    this.lowest = layers[layers.length - 1] as Layer;
    this.work = parts.work;
    this.marks = marks;
    this.sameFs = parts.filesystems === 1;
    this.pseudoDevs = this.sameFs ? [] : Array.from({ length: parts.filesystems }, () => system.nextAnonDev());
    this.followsRedirects = options.redirectDir !== "nofollow";
    this.makesRedirects = options.redirectDir === "on";
    this.mounter = mounter.cred;
    this.mounterMayAll = (this.mounter.effective & capBit(CAP_DAC_OVERRIDE)) !== 0n && this.mounter.userNs === system.initUserNs;
    if (this.upper === undefined || this.work === undefined) this.readonly = true;
    this.root = new OverlayInode(this, { upper: this.upper?.root, lowers: this.rootLowers, redirect: undefined }, undefined, "");
    this.inodes.set(this.root.top, this.root);
  }

  /** As given in the mount options. */
  get upperdir(): string | undefined {
    return this.parts.options.upperdir;
  }

  get workdir(): string | undefined {
    return this.parts.options.workdir;
  }

  override get stackDepth(): number {
    return this.parts.stackDepth;
  }

  // ── Inodes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  findInode(real: Inode): OverlayInode | undefined {
    return this.inodes.get(real);
  }

  rememberInode(real: Inode, inode: OverlayInode): void {
    this.inodes.set(real, inode);
  }

  forgetInode(inode: OverlayInode): void {
    for (const real of [inode.upper?.inode, inode.lowers[0]?.dentry.inode])
      if (real !== undefined && this.inodes.get(real) === inode) this.inodes.delete(real);
  }

  /** get_next_ino(): for directories where the numbers of the layers may meet. */
  nextIno(): number {
    return ++this.lastIno;
  }

  // ── Callers ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The task that runs now. Everything here happens in a system call. */
  get current(): Task {
    return this.system.sched.current as Task;
  }

  /** ovl_override_creds(): the caller with the rights of who mounted the overlay. */
  asMounter(caller: Caller): Caller {
    return caller.cred === this.mounter ? caller : (Object.create(caller, { cred: { value: this.mounter } }) as Caller);
  }

  /** The mounter passes every test of a layer's own permission bits. */
  mounterPasses(real: Inode): boolean {
    return this.mounterMayAll && real.permission === undefined;
  }

  // ── The filesystem as a whole ──────────────────────────────────────────────────────────────────────────────────────

  /** Errors: EROFS where nothing takes changes. */
  requireUpper(): Layer {
    if (this.upper === undefined || this.work === undefined) throw EROFS;
    return this.upper;
  }

  override statfs(): Statfs {
    const real = this.layers[0] as Layer;
    return { ...real.mnt.sb.statfs(), type: OVERLAYFS_SUPER_MAGIC, namelen: NAME_MAX };
  }

  override get readonly(): boolean {
    return super.readonly;
  }

  /** Errors: EROFS for writing without an upper layer. */
  override set readonly(value: boolean) {
    if (!value && (this.upper === undefined || this.work === undefined)) throw EROFS;
    super.readonly = value;
  }

  override showOptions(): string {
    return showOverlayOptions(this.parts.options, this.sameFs);
  }

  /** The last mount is gone: the layers are let go. What is in them stays. */
  override unmounted(): void {
    this.parts.disclaim();
    for (const { mnt } of this.layers) release(mnt);
  }
}
