/**
 * Mounts and mount namespaces: mount_namespaces(7), Linux `fs/namespace.c`. A mount knows what sits on it, so that a walk
 * through a mount of another namespace, or through a detached tree, finds the same things as the one who mounted them.
 * A namespace is the tree below its root mount, listed in the order in which the mounts were made.
 */

import { Namespace } from "../ns/namespace.ts";
import type { UserNamespace } from "../ns/user.ts";
import type { Dentry, Path } from "./dentry.ts";
import type { SuperBlock } from "./inode.ts";
import { changePropagation, type PeerGroup, PeerGroupIds } from "./propagation.ts";

export class Mount {
  /** What it sits on; undefined for the root of a namespace and once detached. Written by hang and unhang. */
  parent: Mount | undefined;
  mountpoint: Dentry | undefined;
  /** The namespace whose tree it is part of; undefined before it is attached and once detached. Written by MountNamespace. */
  ns: MountNamespace | undefined;
  /** What sits on it, by mount point. Written by hang and unhang. */
  readonly children = new Map<Dentry, Mount>();
  /** Those who see each other's changes (shared); undefined for a private or slave mount. Written by propagation.ts. */
  group: PeerGroup | undefined;
  /** The mount whose changes are seen here too, but not the other way round (slave). Written by propagation.ts. */
  master: Mount | undefined;
  /** Whose master it is. Written by propagation.ts. */
  readonly slaves: Mount[] = [];
  /** A private mount that bind mounts leave out. Written by propagation.ts. */
  unbindable = false;
  /** MNT_LOCKED: hides something from a less privileged user namespace, so that it cannot be taken away alone. */
  locked = false;
  /** The flags that cannot be changed in a less privileged user namespace; those of access times all together. */
  lockedFlags = 0;
  /** MNT_UMOUNT: on its way out of its tree, or out of it. Written by umountTree. */
  umounting = false;
  /** Open file descriptions below it. Written by File. */
  opens = 0;
  /** Those of regular files that may be written. Written by File. */
  writers = 0;
  /** Roots and working directories of processes, and what they run from. Written by moveInhabitant. */
  inhabitants = 0;
  /** Paths that have led into it: what takes the mark of MNT_EXPIRE away. Written by namei.ts. */
  walks = 0;
  /** Told when the last of them is closed, where it was detached before. */
  onIdle: (() => void) | undefined;

  constructor(
    /** mnt_id of /proc/PID/mountinfo. */
    readonly id: number,
    readonly sb: SuperBlock,
    /** The part of the filesystem that is seen here: its root unless bind mounted. */
    readonly root: Dentry,
    /** First field of /proc/mounts. */
    readonly source: string,
    /** MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_RELATIME … of this mount. Changed by remount. */
    public flags: number,
  ) {
    mountsOf.set(sb, (mountsOf.get(sb) ?? 0) + 1);
    root.inode.mounted(1);
  }

  /** Where it is seen as a path. */
  get rootPath(): Path {
    return { mnt: this, dentry: this.root };
  }

  /** The mount that hides it wholly, on its own root. */
  get overmount(): Mount | undefined {
    return this.children.get(this.root);
  }

  /** This mount and all below it, parents first. */
  *tree(): IterableIterator<Mount> {
    yield this;
    for (const child of [...this.children.values()]) yield* child.tree();
  }
}

/** How many mounts a superblock has. */
const mountsOf = new WeakMap<SuperBlock, number>();

export const countMounts = (sb: SuperBlock): number => mountsOf.get(sb) ?? 0;

/** The mount that sits on `dentry` as seen through `mnt`, or undefined. */
export function findMountAt(mnt: Mount, dentry: Dentry): Mount | undefined {
  return dentry.mountCount === 0 ? undefined : mnt.children.get(dentry);
}

/** Numbers below are those of the kernel's own mounts. */
const FIRST_MOUNT_ID = 20;

/** What all mounts of one machine share. */
export class Mounts {
  readonly groupIds = new PeerGroupIds();
  /** Detached, and still in use. */
  readonly lingering = new Set<Mount>();
  private lastId = FIRST_MOUNT_ID;

  constructor(
    /** fs.mount-max: how many one namespace may have. */
    readonly limit: () => number,
  ) {}

  nextId(): number {
    return this.lastId++;
  }

  /** Whether it is in use otherwise than by being mounted. */
  isBusy(mount: Mount): boolean {
    return mount.opens > 0 || mount.inhabitants > 0;
  }

  /** Takes mounts, which are marked as umounting, out of their namespaces and trees. Those in use linger until they are left. */
  retire(mounts: readonly Mount[], keepConnected: (mount: Mount) => boolean): void {
    for (const mount of mounts) changePropagation(this.groupIds, mount, "private");
    for (const mount of mounts) {
      mount.ns?.leave(mount);
      if (!keepConnected(mount)) unhang(mount);
      this.lingering.add(mount);
      mount.onIdle = () => this.sweep();
    }
    this.sweep();
  }

  /** Gives up what nobody uses any more. Called where a process may have left a mount: by exit, chdir, setns and the like. */
  sweep(): void {
    if (this.lingering.size === 0) return;
    for (const mount of [...this.lingering]) {
      // What is still connected to a detached mount goes with that.
      if (mount.parent !== undefined || mount.opens > 0 || mount.inhabitants > 0 || !this.lingering.delete(mount)) continue;
      for (const child of [...mount.children.values()]) unhang(child);
      unhang(mount);
      release(mount);
    }
  }
}

export class MountNamespace extends Namespace {
  readonly kind = "mnt";
  private readonly members = new Set<Mount>();
  private listed: readonly Mount[] | undefined;
  /** How often its mounts have changed: what poll(2) of /proc/PID/mounts tells. */
  changes = 0;

  constructor(
    private readonly host: Mounts,
    ino: number,
    readonly userNs: UserNamespace,
    /** The absolute root: nothing is below it, and it is never unmounted. */
    readonly root: Mount,
  ) {
    super(ino, userNs);
    for (const mount of root.tree()) this.enter(mount);
  }

  /** In the order of their making, as /proc/mounts lists them. */
  get mounts(): readonly Mount[] {
    this.listed ??= [...this.members].sort((a, b) => a.id - b.id);
    return this.listed;
  }

  get size(): number {
    return this.members.size;
  }

  /** What a task that joins sees as `/`: the topmost mount over the root. */
  get top(): Path {
    let mount = this.root;
    for (let over = mount.overmount; over !== undefined; over = mount.overmount) mount = over;
    return mount.rootPath;
  }

  /** Enters a mount that hangs in the tree, or is its root. */
  enter(mount: Mount): void {
    mount.ns = this;
    this.members.add(mount);
    this.changed();
  }

  leave(mount: Mount): void {
    mount.ns = undefined;
    this.members.delete(mount);
    this.changed();
  }

  /** Something of its mounts is not as it was. */
  changed(): void {
    this.changes++;
    this.listed = undefined;
  }

  /** The last task has left: everything is unmounted, and nothing of it propagates. */
  protected override release(): void {
    const mounts = [...this.root.tree()];
    for (const mount of mounts) mount.umounting = true;
    this.host.retire(mounts, (mount) => mount.locked);
  }
}

/** Gives a mount up; the filesystem goes with its last mount. */
export function release(mount: Mount): void {
  const left = (mountsOf.get(mount.sb) ?? 1) - 1;
  mountsOf.set(mount.sb, left);
  mount.root.inode.mounted(-1);
  if (left === 0) mount.sb.unmounted();
}

/** Puts `mount` on `at`, where nothing is mounted. Linux `attach_mnt`. */
export function hang(mount: Mount, at: Path): void {
  setMountpoint(mount, at);
  appear(mount, at);
}

/** What is found at `at` from now on; the last of the children there. */
export function appear(mount: Mount, at: Path): void {
  at.mnt.children.delete(at.dentry);
  at.mnt.children.set(at.dentry, mount);
}

/** Says where `mount` will sit; it is not found there as yet. Linux `mnt_set_mountpoint`. */
export function setMountpoint(mount: Mount, at: Path): void {
  mount.parent = at.mnt;
  mount.mountpoint = at.dentry;
  at.dentry.mountCount++;
  at.dentry.mounts ??= new Set();
  at.dentry.mounts.add(mount);
  // Where lookups are not cached (proc), the mount point is pinned, so that the next walk finds the same dentry.
  for (let d = at.dentry; !d.isRoot && !d.deleted; d = d.parent) d.parent.children.set(d.name, d);
}

/** Takes `mount` off what it sits on. */
export function unhang(mount: Mount): void {
  const { parent, mountpoint } = mount;
  if (parent === undefined || mountpoint === undefined) return;
  mountpoint.mountCount--;
  mountpoint.mounts?.delete(mount);
  if (parent.children.get(mountpoint) === mount) parent.children.delete(mountpoint);
  mount.parent = undefined;
  mount.mountpoint = undefined;
}

/** Another place for what hangs somewhere. Linux `mnt_change_mountpoint`. */
export function moveOnto(mount: Mount, at: Path): void {
  unhang(mount);
  hang(mount, at);
}
