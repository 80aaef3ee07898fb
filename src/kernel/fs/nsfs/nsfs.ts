/**
 * nsfs: the filesystem whose inodes are namespaces. Reached through /proc/PID/ns, and kept alive by a bind mount or an open descriptor.
 * Linux `fs/nsfs.c`. Left out: the NS_GET_* ioctls.
 */

import { EACCES } from "../../../abi/errno.ts";
import { O_ACCMODE } from "../../../abi/fcntl.ts";
import type { Statfs, Timespec } from "../../../abi/stat.ts";
import type { Namespace } from "../../ns/namespace.ts";
import { realtimeAt, type System } from "../../task/system.ts";
import type { Caller } from "../../vfs/caller.ts";
import { Dentry, type Path } from "../../vfs/dentry.ts";
import { File } from "../../vfs/file.ts";
import { Inode, SuperBlock } from "../../vfs/inode.ts";
import { Mount } from "../../vfs/mount.ts";

const NSFS_MAGIC = 0x6e736673;

class NsfsSuperBlock extends SuperBlock {
  readonly fstype = "nsfs";
  readonly dev: number;
  /** Never walked to. */
  readonly root: Inode;
  readonly mount: Mount;
  private readonly places = new WeakMap<Namespace, Path>();

  constructor(private readonly system: System) {
    super();
    this.dev = system.nextAnonDev();
    this.root = new NsInode(this, undefined, 1, realtimeAt(system, 0));
    this.mount = new Mount(0, this, this.rootDentry, "nsfs", 0);
  }

  /** Where a namespace is: the same inode for the same namespace. */
  placeOf(ns: Namespace): Path {
    let place = this.places.get(ns);
    if (place === undefined) {
      place = { mnt: this.mount, dentry: Dentry.root(new NsInode(this, ns, ns.ino, realtimeAt(this.system, this.system.sched.clockNs))) };
      this.places.set(ns, place);
    }
    return place;
  }

  override statfs(): Statfs {
    return { type: NSFS_MAGIC, bsize: 4096, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 255, flags: 0 };
  }
}

class NsInode extends Inode {
  mode = 0o100444;
  uid = 0;
  gid = 0;
  nlink = 1;
  atime: Timespec;
  mtime: Timespec;
  ctime: Timespec;
  btime: Timespec;

  constructor(
    readonly sb: SuperBlock,
    readonly ns: Namespace | undefined,
    readonly ino: number,
    time: Timespec,
  ) {
    super();
    this.atime = this.mtime = this.ctime = this.btime = time;
  }

  open(path: Path, flags: number, _caller: Caller): File {
    if ((flags & O_ACCMODE) !== 0 || this.ns === undefined) throw EACCES;
    return new NamespaceFile(this.ns, this, flags, path);
  }

  /** A bind mount pins the namespace. */
  override mounted(by: 1 | -1): void {
    if (by > 0) this.ns?.get();
    else this.ns?.put();
  }
}

/** A descriptor that holds a namespace: for setns(2). */
export class NamespaceFile extends File {
  constructor(
    readonly namespace: Namespace,
    inode: Inode,
    flags: number,
    path: Path,
  ) {
    super(inode, flags, path);
    namespace.get();
  }

  override describe(): string {
    return namespaceName(this.namespace);
  }

  protected override release(): void {
    super.release();
    this.namespace.put();
  }
}

/** `uts:[4026531838]`. */
export function namespaceName(ns: Namespace): string {
  return `${ns.kind}:[${ns.ino}]`;
}

const instances = new WeakMap<System, NsfsSuperBlock>();

/** The place of a namespace on the machine's nsfs. */
export function nsfsPlace(system: System, ns: Namespace): Path {
  let nsfs = instances.get(system);
  if (nsfs === undefined) {
    nsfs = new NsfsSuperBlock(system);
    instances.set(system, nsfs);
  }
  return nsfs.placeOf(ns);
}
