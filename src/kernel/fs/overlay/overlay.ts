/**
 * overlayfs: the kernel's `Documentation/filesystems/overlayfs.rst`, Linux 6.1 `fs/overlayfs/super.c:ovl_fill_super`. Layers are directories of mounted
 * filesystems; the upper one takes the changes. Left out: index, nfs_export, metacopy, POSIX ACLs.
 */

import { CAP_SYS_ADMIN } from "../../../abi/capability.ts";
import { EINVAL, ELOOP, EPERM, Errno } from "../../../abi/errno.ts";
import { MS_NOATIME, MS_RDONLY } from "../../../abi/mount.ts";
import { S_IFREG } from "../../../abi/stat.ts";
import { nsCapable } from "../../ns/user.ts";
import type { Module } from "../../task/module.ts";
import type { FilesystemType, System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { Dentry, Path } from "../../vfs/dentry.ts";
import type { Inode, SuperBlock } from "../../vfs/inode.ts";
import { Mount, release } from "../../vfs/mount.ts";
import { lookup, resolve } from "../../vfs/namei.ts";
import { TmpfsInode } from "../tmpfs/inode.ts";
import type { Layer } from "./layer.ts";
import { type Complaints, type OverlayOptions, parseOverlayOptions, splitLowerdirs, unescapeDir } from "./options.ts";
import { PrivateXattrs } from "./private-xattr.ts";
import { makeReal, removeTree } from "./real.ts";
import { OverlaySuperBlock } from "./super.ts";

/** OVL_MAX_STACK. */
const MAX_LOWERS = 500;
/** FILESYSTEM_MAX_STACK_DEPTH. */
const MAX_STACK_DEPTH = 2;

/** Levels of printk: KERN_ERR, KERN_WARNING, KERN_INFO. */
const complaintsOf = (system: System): Complaints => ({
  error: (text) => system.log.printk(3, `overlayfs: ${text}`),
  warn: (text) => system.log.printk(4, `overlayfs: ${text}`),
  info: (text) => system.log.printk(6, `overlayfs: ${text}`),
});

/** A mount on its way. */
class Filling {
  readonly log: Complaints;
  readonly options: OverlayOptions;

  constructor(
    readonly system: System,
    readonly task: Task,
    data: string,
  ) {
    this.log = complaintsOf(system);
    this.options = parseOverlayOptions(data, this.log);
  }

  private fail(text: string, errno: Errno = EINVAL): never {
    this.log.error(text);
    throw errno;
  }

  /** kern_path() and ovl_mount_dir_noesc(). */
  private directory(name: string): Path {
    if (name === "") this.fail("empty lowerdir");
    let path: Path;
    try {
      path = resolve(this.task, undefined, name, true);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return this.fail(`failed to resolve '${name}': -${e.code}`, e);
    }
    if (!path.dentry.inode.isDirectory) this.fail(`'${name}' not a directory`);
    return path;
  }

  fill(): OverlaySuperBlock {
    const { options, log } = this;
    if (options.lowerdir === undefined) this.fail("missing 'lowerdir'");
    const upper = options.upperdir === undefined ? undefined : this.upperAndWork(options.upperdir);
    const lowerdirs = splitLowerdirs(options.lowerdir as string);
    if (lowerdirs.length > MAX_LOWERS) this.fail(`too many lower directories, limit is ${MAX_LOWERS}`);
    if (upper === undefined && lowerdirs.length === 1) this.fail("at least 2 lowerdir are needed while upperdir nonexistent");
    const lowers = lowerdirs.map((dir) => this.directory(dir));
    const stackDepth = 1 + Math.max(...[...lowers, ...(upper === undefined ? [] : [upper.dir])].map(({ mnt }) => mnt.sb.stackDepth));
    if (stackDepth > MAX_STACK_DEPTH) this.fail("maximum fs stacking depth exceeded");
    const disclaim = this.claim(upper);
    const mounts: Mount[] = [];
    try {
      this.refuseOverlaps(lowers, upper);
      const { layers, filesystems } = this.layers(lowerdirs, lowers, upper?.dir, mounts);
      if (options.xino === "on") this.settleXino(filesystems);
      const mayTrusted = nsCapable(this.task.cred, this.system.initUserNs, CAP_SYS_ADMIN);
      const marks = new PrivateXattrs(options.userxattr, mayTrusted);
      const work = upper === undefined ? undefined : this.makeWork(upper.work);
      if (work !== undefined && marks.unwritable) this.warnUnwritable();
      const parts = { options, lowerdirs, layers, work, marks, stackDepth, filesystems, disclaim };
      return new OverlaySuperBlock(this.system, this.task, parts, log);
    } catch (e) {
      disclaim();
      for (const mnt of mounts) release(mnt);
      throw e;
    }
  }

  /** ovl_get_upper(), ovl_get_workdir(). */
  private upperAndWork(upperdir: string): { readonly dir: Path; readonly work: Path } {
    const { workdir } = this.options;
    if (workdir === undefined) this.fail("missing 'workdir'");
    const dir = this.writable(upperdir);
    if (dir.mnt.sb.readonly || (dir.mnt.flags & MS_RDONLY) !== 0) this.fail("upper fs is r/o, try multi-lower layers mount");
    const work = this.writable(workdir as string);
    if (dir.mnt !== work.mnt) this.fail("workdir and upperdir must reside under the same mount");
    if (isBelow(dir.dentry, work.dentry) || isBelow(work.dentry, dir.dentry)) this.fail("workdir and upperdir must be separate subtrees");
    return { dir, work };
  }

  private writable(option: string): Path {
    const name = unescapeDir(option);
    const path = this.directory(name);
    if (path.mnt.sb.fstype === "overlay") this.fail(`filesystem on '${name}' not supported as upperdir`);
    return path;
  }

  /** ovl_inuse_trylock(): two overlays that write to one directory are warned of, not refused. Returns what gives the claims back. */
  private claim(upper: { readonly dir: Path; readonly work: Path } | undefined): () => void {
    const claimed: Inode[] = [];
    for (const [name, path] of [
      ["upperdir", upper?.dir],
      ["workdir", upper?.work],
    ] as const) {
      if (path === undefined) continue;
      const { inode } = path.dentry;
      if (inUse.has(inode)) this.log.warn(inUseText(name));
      else {
        inUse.add(inode);
        claimed.push(inode);
      }
    }
    return () => {
      for (const inode of claimed) inUse.delete(inode);
    };
  }

  /** ovl_check_overlapping_layers(): no layer may lie in another. Errors: ELOOP. */
  private refuseOverlaps(lowers: readonly Path[], upper: { readonly dir: Path; readonly work: Path } | undefined): void {
    const taken = new Set<Inode>(upper === undefined ? [] : [upper.dir.dentry.inode, upper.work.dentry.inode]);
    for (const { dentry } of lowers) {
      if (taken.has(dentry.inode)) this.fail("conflicting lowerdir path", ELOOP);
      taken.add(dentry.inode);
    }
    for (const { dentry } of lowers) {
      for (let at = dentry; !at.isRoot; at = at.parent) if (taken.has(at.parent.inode)) this.fail("overlapping lowerdir path", ELOOP);
      const claimed = inUse.has(dentry.inode) || isInUseBelow(dentry);
      if (claimed) this.log.warn(inUseText("lowerdir"));
    }
  }

  /** ovl_get_layers(): private clones of the mounts, and numbers for the filesystems. */
  private layers(
    lowerdirs: readonly string[],
    lowers: readonly Path[],
    upper: Path | undefined,
    mounts: Mount[],
  ): { readonly layers: Layer[]; readonly filesystems: number } {
    // The upper filesystem has a number even where there is no upper layer, unless all are one.
    const filesystems: (SuperBlock | undefined)[] = upper === undefined ? [] : [upper.mnt.sb];
    for (const { mnt } of lowers) if (!filesystems.includes(mnt.sb)) filesystems.push(mnt.sb);
    const given = [...(upper === undefined ? [] : [{ at: upper, dir: this.options.upperdir as string, upper: true }])];
    const all = [...given, ...lowers.map((at, i) => ({ at, dir: lowerdirs[i] as string, upper: false }))];
    const layers = all.map(({ at, dir, upper: writable }, index) => {
      const flags = writable ? at.mnt.flags | MS_NOATIME : at.mnt.flags | MS_NOATIME | MS_RDONLY;
      const mnt = new Mount(this.system.mounts.nextId(), at.mnt.sb, at.dentry, at.mnt.source, flags);
      mounts.push(mnt);
      return { index, dir, upper: writable, mnt, root: at.dentry, fsid: filesystems.indexOf(at.mnt.sb) };
    });
    return { layers, filesystems: filesystems.length };
  }

  // Differs from Linux: numbers of 64 bits, as xino=on makes them from several filesystems, are refused.
  private settleXino(filesystems: number): void {
    if (filesystems > 1) this.fail("xino=on is not supported by this kernel");
    this.log.info('"xino=on" is useless with all layers on same fs, ignore.');
  }

  /** ovl_make_workdir(): an empty directory `work` that nobody may look into. Undefined, and a warning, where it cannot be made. */
  private makeWork({ dentry }: Path): Dentry | undefined {
    const { task } = this;
    try {
      // Differs from Linux: only tmpfs takes changes of an overlay.
      if (!(dentry.inode instanceof TmpfsInode)) throw EPERM;
      const old = lookup(task, dentry, "work");
      if (old !== undefined) {
        this.refuseIncompatible(old);
        removeTree(old, task);
      }
      const work = makeReal(dentry, "work", { mode: 0o040000, rdev: 0 }, task);
      work.inode.setattr({ mode: 0o040000 });
      if (this.options.volatile) this.markVolatile(work);
      return work;
    } catch (e) {
      if (!(e instanceof Errno) || e === EINVAL) throw e;
      this.log.warn(`failed to create directory ${this.options.workdir}/work (errno: ${e.code}); mounting read-only`);
      return undefined;
    }
  }

  /** ovl_workdir_cleanup_recurse(): what a volatile mount has left says that the upper layer may be incomplete. */
  private refuseIncompatible(work: Dentry): void {
    const incompat = lookup(this.task, work, "incompat");
    const feature = incompat?.inode.isDirectory === true ? incompat.inode.readdir(this.task)[0] : undefined;
    if (feature !== undefined) this.fail(`overlay with incompat feature '${feature.name}' cannot be mounted`);
  }

  /** ovl_create_volatile_dirty(). */
  private markVolatile(work: Dentry): void {
    const dir = { mode: 0o040000, rdev: 0 };
    const volatile = makeReal(makeReal(work, "incompat", dir, this.task), "volatile", dir, this.task);
    makeReal(volatile, "dirty", { mode: S_IFREG, rdev: 0 }, this.task);
  }

  private warnUnwritable(): void {
    this.log.warn("failed to set xattr on upper");
    this.log.info("try mounting with 'userxattr' option");
  }
}

/** Directories that an overlay writes to (I_OVL_INUSE). */
const inUse = new WeakSet<Inode>();

const inUseText = (name: string): string =>
  `${name} is in-use as upperdir/workdir of another mount, accessing files from both mounts will result in undefined behavior.`;

function isBelow(dentry: Dentry, of: Dentry): boolean {
  for (let at = dentry; ; at = at.parent) {
    if (at === of) return true;
    if (at.isRoot) return false;
  }
}

function isInUseBelow(dentry: Dentry): boolean {
  for (let at = dentry; !at.isRoot; at = at.parent) if (inUse.has(at.parent.inode)) return true;
  return false;
}

export const overlayModule: Module<Pick<FilesystemType, "mount">> = {
  init: () => ({ mount: (system, _source, data, _flags, mounter) => new Filling(system, mounter, data).fill() }),
};
