/**
 * mqueue: the filesystem in which POSIX message queues have their names, one instance for each IPC namespace; mq_overview(7), Linux
 * `ipc/mqueue.c`. The instance is there without being mounted, and lives as long as its namespace.
 */

import { EINVAL, EPERM, EROFS } from "../../../abi/errno.ts";
import { SEEK_CUR, SEEK_SET } from "../../../abi/fcntl.ts";
import type { MqAttr } from "../../../abi/ipc.ts";
import { POLLIN, POLLOUT } from "../../../abi/poll.ts";
import { DT_REG, type Dirent, isReg, S_IFDIR, S_IFREG, type Statfs, type Timespec } from "../../../abi/stat.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { QueueAccounts, QUEUES } from "../../ipc/module.ts";
import type { PosixQueue } from "../../ipc/mqueue.ts";
import type { IpcContents, IpcNamespace } from "../../ns/ipc.ts";
import type { WaitQueue } from "../../sched/wait-queue.ts";
import { requestModule } from "../../task/module.ts";
import { coarseNow, type FilesystemType, type System } from "../../task/system.ts";
import { callerTask, type Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { DirFile } from "../../vfs/dir-file.ts";
import { File } from "../../vfs/file.ts";
import { Inode, SuperBlock } from "../../vfs/inode.ts";
import { Mount } from "../../vfs/mount.ts";

const MQUEUE_MAGIC = 0x19800202;
/** FILENT_SIZE: st_size of a queue. */
const FILE_SIZE = 80;

export class MqueueSuperBlock extends SuperBlock implements IpcContents {
  override readonly fstype = "mqueue";
  override readonly dev: number;
  override readonly root: MqueueDirectory;
  override readonly cacheable = false;
  readonly accounts = new QueueAccounts();
  /** Through which mq_open(2) sees it. */
  readonly mount: Mount;
  private lastIno = 1;

  constructor(readonly system: System) {
    super();
    this.dev = system.nextAnonDev();
    this.root = new MqueueDirectory(this, S_IFDIR | 0o1777, this.nextIno(), undefined);
    this.mount = new Mount(0, this, this.rootDentry, "mqueue", 0);
  }

  nextIno(): number {
    return this.lastIno++;
  }

  override statfs(): Statfs {
    return { type: MQUEUE_MAGIC, bsize: 4096, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 255, flags: 0 };
  }

  /** The namespace is gone. What is still open goes when it is closed. */
  free(): void {
    for (const name of [...this.root.queues.keys()]) this.root.remove(name);
  }
}

abstract class MqueueInode extends Inode {
  override uid: number;
  override gid: number;
  override nlink = 1;
  override atime: Timespec;
  override mtime: Timespec;
  override ctime: Timespec;
  override btime: Timespec;

  constructor(
    override readonly sb: MqueueSuperBlock,
    override mode: number,
    override readonly ino: number,
    maker: Caller | undefined,
  ) {
    super();
    this.uid = maker?.cred.fsuid ?? 0;
    this.gid = maker?.cred.fsgid ?? 0;
    this.atime = this.mtime = this.ctime = this.btime = coarseNow(sb.system);
  }

  override get blocks(): number {
    return 0;
  }
}

export class MqueueDirectory extends MqueueInode {
  override nlink = 2;
  readonly queues = new Map<string, QueueInode>();

  override lookup(name: string): Inode | undefined {
    return this.queues.get(name);
  }

  override readdir(): readonly Dirent[] {
    return [...this.queues].reverse().map(([name, { ino }]) => ({ name, ino, type: DT_REG }));
  }

  /** mqueue_create_attr(). Errors: EINVAL, ENOSPC, EMFILE. */
  create(name: string, mode: number, caller: Caller, attr: Pick<MqAttr, "maxmsg" | "msgsize"> | undefined): QueueInode {
    const queue = requestModule(this.sb.system, QUEUES).newQueue(this.sb.accounts, callerTask(caller), attr);
    const inode = new QueueInode(this.sb, S_IFREG | (mode & 0o7777), this.sb.nextIno(), caller, queue);
    this.queues.set(name, inode);
    this.mtime = this.ctime = caller.now();
    return inode;
  }

  override mknod(name: string, mode: number, _rdev: number, caller: Caller): Inode {
    if (!isReg(mode)) throw EPERM;
    return this.create(name, mode, caller, undefined);
  }

  override unlink(name: string): void {
    this.remove(name);
  }

  remove(name: string): void {
    const inode = this.queues.get(name);
    if (inode === undefined) return;
    this.queues.delete(name);
    inode.nlink = 0;
    if (inode.opens === 0) inode.evict();
  }

  override open(path: Path, flags: number): File {
    return new DirFile(this, flags, path);
  }
}

export class QueueInode extends MqueueInode {
  private gone = false;

  constructor(
    sb: MqueueSuperBlock,
    mode: number,
    ino: number,
    maker: Caller,
    readonly queue: PosixQueue,
  ) {
    super(sb, mode, ino, maker);
  }

  override get size(): number {
    return FILE_SIZE;
  }

  override open(path: Path, flags: number): File {
    return new QueueFile(this, flags, path);
  }

  override truncate(): void {}

  override evict(): void {
    if (this.gone) return;
    this.gone = true;
    this.queue.free();
  }
}

/** An open message queue descriptor: mq_open(2), or open(2) of its file. */
export class QueueFile extends File {
  constructor(
    override readonly inode: QueueInode,
    flags: number,
    override readonly path: Path,
  ) {
    super(inode, flags, path);
  }

  get queue(): PosixQueue {
    return this.inode.queue;
  }

  override read(caller: Caller, buf: Uint8Array): number {
    const n = this.readAt(caller, buf, this.pos);
    this.pos += n;
    return n;
  }

  override readAt(caller: Caller, buf: Uint8Array, offset: number): number {
    const part = encodeUtf8(this.queue.describe(callerTask(caller))).subarray(offset, offset + buf.length);
    buf.set(part);
    return part.length;
  }

  override seek(_caller: Caller, offset: number, whence: number): number {
    if (whence !== SEEK_SET && whence !== SEEK_CUR) throw EINVAL;
    const pos = whence === SEEK_CUR ? this.pos + offset : offset;
    if (pos < 0) throw EINVAL;
    this.pos = pos;
    return pos;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.queue.senders, this.queue.receivers);
    return (this.queue.length > 0 ? POLLIN : 0) | (this.queue.full ? 0 : POLLOUT);
  }

  override flush(caller: Caller): void {
    this.queue.forget(callerTask(caller).tg);
    super.flush(caller);
  }
}

/** The instance of an IPC namespace. */
export function mqueueOf(system: System, ns: IpcNamespace): MqueueSuperBlock {
  let found = ns.contents.get("mqueue") as MqueueSuperBlock | undefined;
  if (found === undefined) {
    found = new MqueueSuperBlock(system);
    if (ns.userNs !== system.initUserNs) found.userNs = ns.userNs;
    ns.contents.set("mqueue", found);
  }
  return found;
}

export const mqueue: FilesystemType = {
  name: "mqueue",
  nodev: true,
  usernsMount: ({ ns }) => ns.ipc.userNs,
  mount(system, _source, data, _flags, mounter: Task) {
    if (data.split(",").some((option) => option !== "")) throw EINVAL;
    const sb = mqueueOf(system, mounter.ns.ipc);
    if (sb.readonly) throw EROFS;
    return sb;
  },
};
