/**
 * nsfs: the filesystem whose inodes are namespaces. Reached through /proc/PID/ns, and kept alive by a bind mount or an open descriptor.
 * Linux `fs/nsfs.c`.
 */

import { EINVAL, ENOTTY, EPERM } from "../../../abi/errno.ts";
import { O_ACCMODE, O_RDONLY } from "../../../abi/fcntl.ts";
import { RLIMIT_NOFILE } from "../../../abi/resource.ts";
import type { Statfs, Timespec } from "../../../abi/stat.ts";
import type { IoctlRequest } from "../../../abi/termios.ts";
import { shownId } from "../../ns/idmap.ts";
import type { Namespace } from "../../ns/namespace.ts";
import { PidNamespace } from "../../ns/pid.ts";
import { UserNamespace } from "../../ns/user.ts";
import { KIND_FLAGS } from "../../task/namespaces.ts";
import { callerTask, type Task } from "../../task/task.ts";
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

  /** nsfs_show_path(): a namespace's mount is known by its name. */
  override showRoot({ inode }: Dentry): string {
    return inode instanceof NsInode && inode.ns !== undefined ? namespaceName(inode.ns) : "/";
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
    // Immutable, whoever asks.
    if ((flags & O_ACCMODE) !== 0 || this.ns === undefined) throw EPERM;
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

  /** ioctl_ns(2). Errors: EPERM for what lies outside of the caller's own namespaces; EINVAL where there is no such thing. */
  override ioctl(caller: Caller, request: IoctlRequest): number {
    const task = callerTask(caller);
    const { namespace } = this;
    switch (request) {
      case "NS_GET_NSTYPE":
        return KIND_FLAGS[namespace.kind];
      case "NS_GET_OWNER_UID":
        if (!(namespace instanceof UserNamespace)) throw EINVAL;
        return shownId(task.cred.userNs, "uidMap", namespace.ownerUid);
      case "NS_GET_USERNS":
        return openRelated(task, namespace.owner, task.cred.userNs);
      case "NS_GET_PARENT":
        if (namespace instanceof PidNamespace) return openRelated(task, namespace.parent, task.pidNs);
        if (namespace instanceof UserNamespace) return openRelated(task, namespace.parent, task.cred.userNs);
        throw EINVAL;
      default:
        throw ENOTTY;
    }
  }

  protected override release(): void {
    super.release();
    this.namespace.put();
  }
}

/** A descriptor of `ns`, which must be `own` or below it. Errors: EPERM, EMFILE. */
function openRelated(task: Task, ns: Namespace | undefined, own: Namespace): number {
  for (let at = ns; at !== own; at = at.parent) if (at === undefined) throw EPERM;
  const path = nsfsPlace(task.system, ns as Namespace);
  const file = new NamespaceFile(ns as Namespace, path.dentry.inode, O_RDONLY, path).get();
  try {
    return task.files.install(file, true, task.rlimit(RLIMIT_NOFILE));
  } finally {
    file.put();
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
