/** Mounts and mount namespaces: mount_namespaces(7), Linux `fs/namespace.c`, `fs/pnode.c`. */

import type { UserNamespace } from "../ns/user.ts";
import { Dentry, type Path } from "./dentry.ts";
import type { SuperBlock } from "./inode.ts";

export class Mount {
  /** What it sits on; undefined for the root of a namespace and once detached. Written by attach and detach. */
  parent: Mount | undefined;
  mountpoint: Dentry | undefined;
  ns: MountNamespace | undefined;

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
  ) {}
}

export class MountNamespace {
  /** By (parent mount, mount point). The last one mounted there is on top. */
  private readonly mounted = new Map<Mount, Map<Dentry, Mount>>();
  /** In the order of mounting, as /proc/mounts lists them. */
  readonly mounts: Mount[] = [];

  constructor(
    readonly ino: number,
    readonly userNs: UserNamespace,
    public root: Mount,
  ) {
    this.add(root);
  }

  /** The mount that sits on `path`, or undefined. */
  findMountAt(mnt: Mount, dentry: Dentry): Mount | undefined {
    return dentry.mountCount === 0 ? undefined : this.mounted.get(mnt)?.get(dentry);
  }

  /** Puts `mount` on `at`. */
  attach(mount: Mount, at: Path): void {
    mount.parent = at.mnt;
    mount.mountpoint = at.dentry;
    at.dentry.mountCount++;
    let byDentry = this.mounted.get(at.mnt);
    if (byDentry === undefined) {
      byDentry = new Map();
      this.mounted.set(at.mnt, byDentry);
    }
    byDentry.set(at.dentry, mount);
    this.add(mount);
  }

  /** Takes `mount` off its mount point; mounts on it must be gone or go with it. */
  detach(mount: Mount): void {
    if (mount.parent !== undefined && mount.mountpoint !== undefined) {
      mount.mountpoint.mountCount--;
      this.mounted.get(mount.parent)?.delete(mount.mountpoint);
    }
    mount.ns = undefined;
    mount.parent = undefined;
    mount.mountpoint = undefined;
    this.mounted.delete(mount);
    const at = this.mounts.indexOf(mount);
    if (at >= 0) this.mounts.splice(at, 1);
  }

  private add(mount: Mount): void {
    mount.ns = this;
    this.mounts.push(mount);
  }
}
