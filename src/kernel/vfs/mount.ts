/**
 * Mounts and mount namespaces: mount_namespaces(7), Linux `fs/namespace.c`. A mount knows what sits on it, so that a walk
 * through a mount of another namespace, or through a detached tree, finds the same things as the one who mounted them.
 * A namespace is the tree below its root mount, and the order in which /proc/mounts lists it.
 */

import { Namespace } from "../ns/namespace.ts";
import type { UserNamespace } from "../ns/user.ts";
import type { Dentry, Path } from "./dentry.ts";
import type { SuperBlock } from "./inode.ts";

export class Mount {
  /** What it sits on; undefined for the root of a namespace and once detached. Written by attach and detach. */
  parent: Mount | undefined;
  mountpoint: Dentry | undefined;
  /** The namespace whose tree it is part of; undefined once detached. Written by attach and detach. */
  ns: MountNamespace | undefined;
  /** What sits on it, by mount point. Written by attach and detach. */
  readonly children = new Map<Dentry, Mount>();
  /** What happens in other mounts of the filesystem tree is not seen here, nor the other way round. Changed by mount(2). */
  propagation: "private" | "unbindable" = "private";
  /** Open file descriptions below it. Written by File. */
  opens = 0;

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

  /** Puts it on `at` without entering it into a namespace: for trees that are being made. */
  hangOn(at: Path): void {
    hang(this, at);
  }

  /** Where it is seen as a path. */
  get rootPath(): Path {
    return { mnt: this, dentry: this.root };
  }

  /** This mount and all below it, parents first. */
  *tree(): IterableIterator<Mount> {
    yield this;
    for (const child of this.children.values()) yield* child.tree();
  }
}

/** How many mounts a superblock has. */
const mountsOf = new WeakMap<SuperBlock, number>();

/** The mount that sits on `dentry` as seen through `mnt`, or undefined. */
export function findMountAt(mnt: Mount, dentry: Dentry): Mount | undefined {
  return dentry.mountCount === 0 ? undefined : mnt.children.get(dentry);
}

export class MountNamespace extends Namespace {
  readonly kind = "mnt";
  /** In the order of mounting, as /proc/mounts lists them. */
  readonly mounts: Mount[] = [];
  /** Detached, and still in use. */
  private lingering: readonly Mount[] = [];

  constructor(
    ino: number,
    readonly userNs: UserNamespace,
    public root: Mount,
  ) {
    super(ino, userNs);
    this.add(root);
  }

  /** Puts `mount`, with what may sit on it, on `at`, where nothing is mounted yet. */
  attach(mount: Mount, at: Path): void {
    hang(mount, at);
    for (const m of mount.tree()) this.add(m);
  }

  /** Moves a tree of this namespace. */
  move(mount: Mount, at: Path): void {
    unhang(mount);
    hang(mount, at);
  }

  /**
   * Takes `mount` off its mount point, and each mount below it off its own: a detached mount has no parent and no children.
   * What is busy lives on for those who use it, and is given up once they are gone.
   */
  detach(mount: Mount, isBusy: (mount: Mount) => boolean): void {
    for (const child of [...mount.children.values()]) this.detach(child, isBusy);
    unhang(mount);
    mount.ns = undefined;
    const at = this.mounts.indexOf(mount);
    if (at >= 0) this.mounts.splice(at, 1);
    // Differs from Linux: a lazily detached mount whose last user leaves is noticed at the next unmounting.
    this.lingering = [...this.lingering, mount].filter((m) => isBusy(m) || !release(m));
  }

  /** Enters a mount that hangs in the tree already. */
  adopt(mount: Mount): void {
    this.add(mount);
  }

  /** The last task has left: everything is unmounted. */
  protected override release(): void {
    for (const mount of [...this.mounts]) {
      mount.ns = undefined;
      unhang(mount);
      release(mount);
    }
    this.mounts.length = 0;
  }

  private add(mount: Mount): void {
    mount.ns = this;
    this.mounts.push(mount);
  }
}

/** What copying a mount namespace needs of the system. */
interface MountIds {
  nextMountId(): number;
}

/** copy_mnt_ns(): a namespace with a copy of every mount of `old`, and which copy belongs to which. */
export function copyMountNamespace(
  ids: MountIds,
  old: MountNamespace,
  ino: number,
  userNs: UserNamespace,
): { readonly ns: MountNamespace; readonly mounts: ReadonlyMap<Mount, Mount> } {
  const copies = new Map<Mount, Mount>();
  const copy = (mnt: Mount): Mount => {
    const made = new Mount(ids.nextMountId(), mnt.sb, mnt.root, mnt.source, mnt.flags);
    made.propagation = mnt.propagation;
    copies.set(mnt, made);
    for (const [mountpoint, child] of mnt.children) copy(child).hangOn({ mnt: made, dentry: mountpoint });
    return made;
  };
  const ns = new MountNamespace(ino, userNs, copy(old.root));
  // In the order of mounting, the root first.
  for (const mnt of old.mounts) if (mnt !== old.root) ns.adopt(copies.get(mnt) as Mount);
  return { ns, mounts: copies };
}

/** Gives a mount up; the filesystem goes with its last mount. */
function release(mount: Mount): true {
  const left = (mountsOf.get(mount.sb) ?? 1) - 1;
  mountsOf.set(mount.sb, left);
  mount.root.inode.mounted(-1);
  if (left === 0) mount.sb.unmounted();
  return true;
}

function hang(mount: Mount, at: Path): void {
  mount.parent = at.mnt;
  mount.mountpoint = at.dentry;
  at.dentry.mountCount++;
  // Where lookups are not cached (proc), the mount point is pinned, so that the next walk finds the same dentry.
  for (let d = at.dentry; !d.isRoot && !d.deleted; d = d.parent) d.parent.children.set(d.name, d);
  at.mnt.children.set(at.dentry, mount);
}

function unhang(mount: Mount): void {
  const { parent, mountpoint } = mount;
  if (parent === undefined || mountpoint === undefined) return;
  mountpoint.mountCount--;
  parent.children.delete(mountpoint);
  mount.parent = undefined;
  mount.mountpoint = undefined;
}
