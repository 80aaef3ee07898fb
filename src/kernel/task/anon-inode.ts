/**
 * Inodes of objects that no path leads to: pipes, sockets, eventfd and the like. Linux pipefs, sockfs, anon_inodefs:
 * filesystems that are never mounted, one instance a machine.
 */

import { ENFILE, ENXIO } from "../../abi/errno.ts";
import type { Statfs, Timespec } from "../../abi/stat.ts";
import type { MaySleep } from "../blocked.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Path } from "../vfs/dentry.ts";
import type { File } from "../vfs/file.ts";
import { Inode, SuperBlock } from "../vfs/inode.ts";
import { FILE_MAX } from "../params.ts";
import { coarseNow, type System } from "./system.ts";

export type AnonFstype = "pipefs" | "sockfs" | "anon_inodefs";

const MAGIC: Readonly<Record<AnonFstype, number>> = { pipefs: 0x50495045, sockfs: 0x534f434b, anon_inodefs: 0x09041934 };

/** The unmountable filesystem that holds such inodes. */
class AnonSuperBlock extends SuperBlock {
  readonly dev: number;
  readonly root: Inode;

  constructor(
    system: System,
    readonly fstype: AnonFstype,
  ) {
    super();
    this.dev = system.nextAnonDev();
    this.root = new AnonInode(system, this, 0o040000, 0, 0);
  }

  statfs(): Statfs {
    return { type: MAGIC[this.fstype], bsize: 4096, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 255, flags: 0 };
  }
}

const instances = new WeakMap<System, Partial<Record<AnonFstype, AnonSuperBlock>>>();

function superBlock(system: System, fstype: AnonFstype): AnonSuperBlock {
  let made = instances.get(system);
  if (made === undefined) {
    made = {};
    instances.set(system, made);
  }
  return (made[fstype] ??= new AnonSuperBlock(system, fstype));
}

/** An inode without a name. */
export class AnonInode extends Inode {
  readonly ino: number;
  nlink = 1;
  atime: Timespec;
  mtime: Timespec;
  ctime: Timespec;
  btime: Timespec;

  constructor(
    system: System,
    readonly sb: SuperBlock,
    public mode: number,
    public uid: number,
    public gid: number,
  ) {
    super();
    this.ino = system.nextAnonIno();
    this.atime = this.mtime = this.ctime = this.btime = coarseNow(system);
  }

  /** Reached by magic links of /proc only where the object allows it; sockets and the like do not. */
  open(_path: Path, _flags: number, _caller: Caller): MaySleep<File> {
    throw ENXIO;
  }
}

/** Inodes that are in use, by machine. */
const inUse = new WeakMap<System, number>();

export function anonInodesInUse(system: System): number {
  return inUse.get(system) ?? 0;
}

/** The object is gone: its inode counts no more. */
export function freeAnonInode(system: System): void {
  inUse.set(system, anonInodesInUse(system) - 1);
}

/**
 * A new inode of pipefs, sockfs or anon_inodefs, owned by the caller; freeAnonInode() is called for it once.
 *
 * Errors: ENFILE. Differs from Linux: the limit (fs.file-max) counts objects without a name only, and binds root too.
 */
export function newAnonInode(
  system: System,
  fstype: AnonFstype,
  mode: number,
  owner: Caller | undefined,
  type: typeof AnonInode = AnonInode,
): AnonInode {
  const count = anonInodesInUse(system);
  if (count >= FILE_MAX) throw ENFILE;
  inUse.set(system, count + 1);
  return new type(system, superBlock(system, fstype), mode, owner?.cred.fsuid ?? 0, owner?.cred.fsgid ?? 0);
}
