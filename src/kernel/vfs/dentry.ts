/** Names: the directory entry cache of Linux (`fs/dcache.c`) and paths (a dentry on a mount). */

import type { Inode } from "./inode.ts";
import type { Mount } from "./mount.ts";

/** A name in a directory. One exists for every directory in use, so that `..`, getcwd and mount points work. */
export class Dentry {
  /** Children that were looked up and are still valid. */
  readonly children = new Map<string, Dentry>();
  /** How many mounts, in any namespace, sit on it. Written by mount and umount. */
  mountCount = 0;
  /** Which these are; made on first use. */
  mounts: Set<Mount> | undefined;
  /** Unlinked: its path ends in " (deleted)". */
  deleted = false;

  constructor(
    /** Changed by rename. */
    public name: string,
    /** Itself, for the root of a filesystem. Changed by rename. */
    public parent: Dentry,
    readonly inode: Inode,
  ) {}

  static root(inode: Inode): Dentry {
    const dentry = Object.create(Dentry.prototype) as { -readonly [K in keyof Dentry]: Dentry[K] };
    Object.assign(dentry, { children: new Map(), mountCount: 0, mounts: undefined, deleted: false, name: "", inode });
    dentry.parent = dentry as Dentry;
    return dentry as Dentry;
  }

  get isRoot(): boolean {
    return this.parent === this;
  }
}

/** The name is gone: out of the dentry cache. */
export function dropDentry(victim: Dentry): void {
  victim.parent.children.delete(victim.name);
  victim.deleted = true;
}

/** d_move(), d_exchange(): `moved` gets a new name; what was there, `replaced`, is gone or gets the old one. */
export function moveDentries(moved: Dentry, newDir: Dentry, newName: string, replaced: Dentry | undefined, exchange: boolean): void {
  const { parent, name } = moved;
  parent.children.delete(name);
  if (replaced !== undefined) {
    if (exchange) {
      newDir.children.delete(newName);
      replaced.name = name;
      replaced.parent = parent;
      parent.children.set(name, replaced);
    } else dropDentry(replaced);
  }
  moved.name = newName;
  moved.parent = newDir;
  newDir.children.set(newName, moved);
}

/** A dentry on a mount: what a path name leads to. Immutable. */
export interface Path {
  readonly mnt: Mount;
  readonly dentry: Dentry;
}
