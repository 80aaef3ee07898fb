/** Directories and files of cgroup2: Linux `fs/kernfs`. A directory is a cgroup: mkdir makes one, rmdir removes it. */

import { E2BIG, EACCES, EBUSY, EINVAL, ENODEV, ENOENT, EPERM } from "../../../abi/errno.ts";
import { SEEK_CUR, SEEK_SET, W_OK } from "../../../abi/fcntl.ts";
import { IN_MODIFY, POLLERR, POLLIN, POLLOUT, POLLPRI } from "../../../abi/poll.ts";
import { DT_DIR, DT_REG, type Dirent, isReg, S_IFDIR, S_IFREG, type Timespec } from "../../../abi/stat.ts";
import { decodeUtf8, encodeUtf8 } from "../../../abi/utf8.ts";
import type { Cgroup, FileEvents } from "../../cgroup/cgroup.ts";
import type { PsiTrigger } from "../../cgroup/psi.ts";
import type { Cred } from "../../ns/user.ts";
import type { CgroupNamespace } from "../../ns/nsproxy.ts";
import { PAGE_SIZE } from "../../params.ts";
import type { WaitQueue } from "../../sched/wait-queue.ts";
import { coarseNow } from "../../task/system.ts";
import { callerTask } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { DirFile } from "../../vfs/dir-file.ts";
import { File } from "../../vfs/file.ts";
import { Inode } from "../../vfs/inode.ts";
import { checkModeBits } from "../../vfs/permission.ts";
import type { Cgroup2SuperBlock } from "./cgroup2.ts";
import type { CgroupFile } from "./entry.ts";

/** Who made a cgroup owns its files at first. */
interface Maker {
  readonly uid: number;
  readonly gid: number;
}

/** Modes and owners can be changed: that is how a cgroup is delegated. So its inodes live as long as it does. */
abstract class CgroupInode extends Inode {
  override uid: number;
  override gid: number;
  override nlink = 1;
  override atime: Timespec;
  override mtime: Timespec;
  override ctime: Timespec;
  override btime: Timespec;

  constructor(
    override readonly sb: Cgroup2SuperBlock,
    readonly cgroup: Cgroup,
    override mode: number,
    override readonly ino: number,
    maker: Maker | undefined,
  ) {
    super();
    this.uid = maker?.uid ?? 0;
    this.gid = maker?.gid ?? 0;
    this.atime = this.mtime = this.ctime = this.btime = coarseNow(sb.system);
  }

  override get keepsTimes(): boolean {
    return false;
  }

  override get blocks(): number {
    return 0;
  }
}

export class CgroupDirectory extends CgroupInode {
  override nlink = 2;
  private readonly directories = new Map<Cgroup, CgroupDirectory>();
  private readonly files = new Map<string, CgroupFileInode>();

  constructor(
    sb: Cgroup2SuperBlock,
    cgroup: Cgroup,
    private readonly maker: Maker | undefined,
  ) {
    super(sb, cgroup, S_IFDIR | (cgroup.isRoot ? 0o555 : 0o755), cgroup.ino, maker);
  }

  private shows(file: CgroupFile): boolean {
    const { cgroup } = this;
    if (cgroup.isRoot && file.root === "no") return false;
    return (file.controller === undefined || cgroup.has(file.controller)) && file.hidden?.(cgroup) !== true;
  }

  directoryOf(child: Cgroup, maker?: Maker): CgroupDirectory {
    let found = this.directories.get(child);
    if (found === undefined) {
      found = new CgroupDirectory(this.sb, child, maker);
      this.directories.set(child, found);
    }
    return found;
  }

  findDirectory(child: Cgroup): CgroupDirectory | undefined {
    return this.directories.get(child);
  }

  findFile(name: string): CgroupFileInode | undefined {
    const number = this.sb.fileNumbers.get(name);
    if (number === undefined) return undefined;
    const entry = this.sb.files[number] as CgroupFile;
    if (!this.shows(entry)) return undefined;
    let found = this.files.get(name);
    if (found === undefined) {
      found = new CgroupFileInode(this.sb, this.cgroup, entry, this.ino + number + 1, this.maker);
      this.files.set(name, found);
    }
    return found;
  }

  /** Linux `kernfs_notify`: a file's content has changed. */
  fileChanged(name: string): void {
    if (this.marks !== undefined) for (const mark of this.marks) mark.notify(IN_MODIFY, 0, name);
    const file = this.files.get(name);
    if (file?.marks !== undefined) for (const mark of file.marks) mark.notify(IN_MODIFY, 0, "");
  }

  override lookup(name: string): Inode | undefined {
    if (this.cgroup.removed) return undefined;
    const child = this.cgroup.children.get(name);
    return child === undefined ? this.findFile(name) : this.directoryOf(child);
  }

  override readdir(): readonly Dirent[] {
    if (this.cgroup.removed) return [];
    const files: Dirent[] = [];
    for (const [i, file] of this.sb.files.entries())
      if (this.shows(file)) files.push({ name: file.name, ino: this.ino + i + 1, type: DT_REG });
    const children = [...this.cgroup.children.values()].map((c) => ({ name: c.name, ino: c.ino, type: DT_DIR }));
    return [...children, ...files];
  }

  /** There are no files but the cgroup's own: kernfs knows neither open(O_CREAT) nor mknod. */
  override mknod(_name: string, mode: number): never {
    throw this.cgroup.removed ? ENOENT : isReg(mode) ? EACCES : EPERM;
  }

  override mkdir(name: string, mode: number, caller: Caller): Inode {
    if (this.cgroup.removed) throw ENOENT;
    const { fsuid, fsgid } = caller.cred;
    const made = this.directoryOf(this.cgroup.tree.create(this.cgroup, name), { uid: fsuid, gid: fsgid });
    made.mode = S_IFDIR | (mode & 0o7777);
    this.nlink++;
    return made;
  }

  override rmdir(name: string): void {
    const child = this.cgroup.children.get(name);
    if (child === undefined) throw EPERM;
    this.cgroup.tree.remove(child);
    this.directories.delete(child);
    this.nlink--;
  }

  override open(path: Path, flags: number): File {
    return new DirFile(this, flags, path);
  }
}

class CgroupFileInode extends CgroupInode {
  constructor(
    sb: Cgroup2SuperBlock,
    cgroup: Cgroup,
    readonly file: CgroupFile,
    ino: number,
    maker: Maker | undefined,
  ) {
    super(sb, cgroup, S_IFREG | file.mode, ino, maker);
  }

  override open(path: Path, flags: number, caller: Caller): File {
    if (this.cgroup.removed) throw ENODEV;
    const { cred, ns } = callerTask(caller);
    return new OpenCgroupFile(this.cgroup, this.file, { cred, cgroupNs: ns.cgroup }, this, flags, path);
  }

  /** O_TRUNC has no effect. */
  override truncate(): void {}
}

/** Who opened a file: what a write is allowed to do is up to that one, so that a descriptor that was handed on is no stolen right. */
export interface Opener {
  readonly cred: Cred;
  readonly cgroupNs: CgroupNamespace;
}

class OpenCgroupFile extends File {
  private text: Uint8Array | undefined;
  private readonly events: FileEvents;
  /** The change last read, for poll. None at first: poll before the first read answers at once, as kernfs does. */
  private seen = 0;
  private trigger: PsiTrigger | undefined;

  constructor(
    private readonly cgroup: Cgroup,
    private readonly entry: CgroupFile,
    private readonly opener: Opener,
    inode: Inode,
    flags: number,
    path: Path,
  ) {
    super(inode, flags, path);
    this.events = cgroup.eventsOf(entry.name);
  }

  override read(caller: Caller, buf: Uint8Array): number {
    const n = this.readAt(caller, buf, this.pos);
    this.pos += n;
    return n;
  }

  override readAt(caller: Caller, buf: Uint8Array, offset: number): number {
    if (this.cgroup.removed) throw ENODEV;
    if (this.entry.read === undefined) throw EINVAL;
    if (offset === 0 || this.text === undefined) {
      this.seen = this.events.count;
      this.text = encodeUtf8(this.entry.read(this.cgroup, callerTask(caller)));
    }
    const part = this.text.subarray(offset, offset + buf.length);
    buf.set(part);
    return part.length;
  }

  /** Linux `cgroup_file_write`. Errors: EPERM for what a cgroup namespace may not change at its own root (nsdelegate). */
  override write(caller: Caller, buf: Uint8Array): number {
    const { cgroup, entry, opener } = this;
    if (cgroup.removed) throw ENODEV;
    if (buf.length > PAGE_SIZE) throw E2BIG;
    if (cgroup.tree.nsdelegate && entry.delegatable !== true && !opener.cgroupNs.root.isRoot && opener.cgroupNs.root === cgroup)
      throw EPERM;
    const text = decodeUtf8(buf).trim();
    if (entry.trigger !== undefined) this.setTrigger(text);
    else if (entry.write === undefined) throw EINVAL;
    else entry.write(cgroup, text, callerTask(caller), opener);
    this.pos += buf.length;
    return buf.length;
  }

  /** Errors: EBUSY for a second trigger of one descriptor. */
  private setTrigger(text: string): void {
    if (this.trigger !== undefined) throw EBUSY;
    this.trigger = this.entry.trigger?.(this.cgroup, text);
  }

  override release(): void {
    this.trigger?.remove();
    super.release();
  }

  override seek(_caller: Caller, offset: number, whence: number): number {
    if (whence !== SEEK_SET && whence !== SEEK_CUR) throw EINVAL;
    const pos = whence === SEEK_CUR ? this.pos + offset : offset;
    if (pos < 0) throw EINVAL;
    this.pos = pos;
    return pos;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    const { trigger, events } = this;
    if (trigger !== undefined) {
      queues?.push(trigger.event);
      return POLLIN | POLLOUT | (trigger.take() ? POLLPRI : 0);
    }
    queues?.push(events.changed);
    return POLLIN | POLLOUT | (events.count !== this.seen ? POLLPRI | POLLERR : 0);
  }
}

/** Errors: EACCES where `opener` may not write to a file of `cgroup`. */
export function checkCgroupWrite(root: CgroupDirectory, cgroup: Cgroup, name: string, opener: Cred): void {
  const path = [...cgroup.ancestors()].reverse().slice(1);
  const dir = path.reduce((at, next) => at.directoryOf(next), root);
  const inode = dir.findFile(name);
  if (inode !== undefined) checkModeBits(opener, inode, W_OK);
}
