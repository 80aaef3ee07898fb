/** Directories and files of cgroup2: Linux `fs/kernfs`. A directory is a cgroup: mkdir makes one, rmdir removes it. */

import { EINVAL, ENODEV, EPERM } from "../../../abi/errno.ts";
import { SEEK_CUR, SEEK_SET, W_OK } from "../../../abi/fcntl.ts";
import { POLLERR, POLLIN, POLLOUT, POLLPRI } from "../../../abi/poll.ts";
import { DT_DIR, DT_REG, type Dirent, S_IFDIR, S_IFREG, type Timespec } from "../../../abi/stat.ts";
import { decodeUtf8, encodeUtf8 } from "../../../abi/utf8.ts";
import type { Cgroup } from "../../cgroup/cgroup.ts";
import type { WaitQueue } from "../../sched/wait-queue.ts";
import { coarseNow } from "../../task/system.ts";
import { callerTask, type Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { DirFile } from "../../vfs/dir-file.ts";
import { File } from "../../vfs/file.ts";
import { Inode } from "../../vfs/inode.ts";
import { checkModeBits } from "../../vfs/permission.ts";
import type { Cgroup2SuperBlock } from "./cgroup2.ts";
import type { CgroupFile } from "./entry.ts";

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
    maker: Caller | undefined,
  ) {
    super();
    this.uid = maker?.cred.fsuid ?? 0;
    this.gid = maker?.cred.fsgid ?? 0;
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
  private readonly files = new Map<CgroupFile, CgroupFileInode>();

  constructor(sb: Cgroup2SuperBlock, cgroup: Cgroup, maker: Caller | undefined) {
    super(sb, cgroup, S_IFDIR | 0o755, cgroup.ino * 0x100 + 1, maker);
  }

  /** The files that this cgroup has now. */
  private *visible(): IterableIterator<readonly [number, CgroupFile]> {
    const { cgroup } = this;
    for (const [i, file] of this.sb.files.entries()) {
      if (file.root === (cgroup.isRoot ? "no" : "only")) continue;
      if (file.controller === undefined || cgroup.has(file.controller)) yield [i, file];
    }
  }

  directoryOf(child: Cgroup, maker?: Caller): CgroupDirectory {
    let found = this.directories.get(child);
    if (found === undefined) {
      found = new CgroupDirectory(this.sb, child, maker);
      this.directories.set(child, found);
    }
    return found;
  }

  findFile(name: string): CgroupFileInode | undefined {
    for (const [i, file] of this.visible()) {
      if (file.name !== name) continue;
      let found = this.files.get(file);
      if (found === undefined) {
        found = new CgroupFileInode(this.sb, this.cgroup, file, this.ino + i + 1, this);
        this.files.set(file, found);
      }
      return found;
    }
    return undefined;
  }

  override lookup(name: string): Inode | undefined {
    const child = this.cgroup.children.get(name);
    return child === undefined ? this.findFile(name) : this.directoryOf(child);
  }

  override readdir(): readonly Dirent[] {
    const files = [...this.visible()].map(([i, file]) => ({ name: file.name, ino: this.ino + i + 1, type: DT_REG }));
    const children = [...this.cgroup.children.values()].map((c) => ({ name: c.name, ino: this.directoryOf(c).ino, type: DT_DIR }));
    return [...children, ...files];
  }

  override mkdir(name: string, mode: number, caller: Caller): Inode {
    const made = this.directoryOf(this.cgroup.tree.create(this.cgroup, name), caller);
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
    dir: CgroupDirectory,
  ) {
    super(sb, cgroup, S_IFREG | file.mode, ino, undefined);
    this.uid = dir.uid;
    this.gid = dir.gid;
  }

  override open(path: Path, flags: number): File {
    if (this.cgroup.removed) throw ENODEV;
    return new OpenCgroupFile(this.cgroup, this.file, this, flags, path);
  }

  /** O_TRUNC has no effect. */
  override truncate(): void {}
}

class OpenCgroupFile extends File {
  private text: Uint8Array | undefined;
  /** The version last read, for poll. */
  private seen: number;

  constructor(
    private readonly cgroup: Cgroup,
    private readonly entry: CgroupFile,
    inode: Inode,
    flags: number,
    path: Path,
  ) {
    super(inode, flags, path);
    this.seen = entry.version?.(cgroup) ?? 0;
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
      this.seen = this.entry.version?.(this.cgroup) ?? 0;
      this.text = encodeUtf8(this.entry.read(this.cgroup, callerTask(caller)));
    }
    const part = this.text.subarray(offset, offset + buf.length);
    buf.set(part);
    return part.length;
  }

  override write(caller: Caller, buf: Uint8Array): number {
    if (this.cgroup.removed) throw ENODEV;
    if (this.entry.write === undefined) throw EINVAL;
    this.entry.write(this.cgroup, decodeUtf8(buf), callerTask(caller));
    this.pos += buf.length;
    return buf.length;
  }

  override seek(_caller: Caller, offset: number, whence: number): number {
    if (whence !== SEEK_SET && whence !== SEEK_CUR) throw EINVAL;
    const pos = whence === SEEK_CUR ? this.pos + offset : offset;
    if (pos < 0) throw EINVAL;
    this.pos = pos;
    return pos;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.cgroup.eventsChanged, this.cgroup.countersChanged);
    const changed = this.entry.version !== undefined && this.entry.version(this.cgroup) !== this.seen;
    return POLLIN | POLLOUT | (changed ? POLLPRI | POLLERR : 0);
  }
}

/** Errors: EACCES where `writer` may not write to a file of `cgroup`. */
export function checkCgroupWrite(root: CgroupDirectory, cgroup: Cgroup, name: string, writer: Task): void {
  const path = [...cgroup.ancestors()].reverse().slice(1);
  const dir = path.reduce((at, next) => at.directoryOf(next), root);
  const inode = dir.findFile(name);
  if (inode !== undefined) checkModeBits(writer.cred, inode, W_OK);
}
