/** Inodes and open files of proc: Linux `fs/proc/inode.c`, `fs/proc/base.c`, seq_file. */

import { EACCES, EINVAL, EIO, ENOENT, EPERM, ESRCH } from "../../../abi/errno.ts";
import { CAP_NET_ADMIN } from "../../../abi/capability.ts";
import { SEEK_CUR, SEEK_SET } from "../../../abi/fcntl.ts";
import { type Dirent, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, type Timespec } from "../../../abi/stat.ts";
import { decodeUtf8, encodeUtf8 } from "../../../abi/utf8.ts";
import { netNsOf } from "../../net/net-namespace.ts";
import { type Cred, nsCapable } from "../../ns/user.ts";
import { mayPtrace } from "../../task/ptrace-access.ts";
import { coarseNow } from "../../task/system.ts";
import { callerTask, type Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { DirFile } from "../../vfs/dir-file.ts";
import { File } from "../../vfs/file.ts";
import { Inode, type InodeChange, type SuperBlock } from "../../vfs/inode.ts";
import { checkModeBits } from "../../vfs/permission.ts";
import { type Entry, entriesOf, type FileEntry, type Machine, taskOfSubject } from "./entry.ts";

/** Entries of a directory, at most. */
const INO_STEP = 0x100;

export class ProcInode<S extends Machine> extends Inode {
  override mode: number;
  override nlink: number;
  override uid: number;
  override gid: number;
  override atime: Timespec;
  override mtime: Timespec;
  override ctime: Timespec;
  override btime: Timespec;
  /** Only where an entry needs more than its permission bits. */
  override permission?: (mask: number, caller: Caller) => void;
  override followLink?: (caller: Caller) => Path;

  constructor(
    override readonly sb: SuperBlock,
    readonly entry: Entry<S>,
    readonly subject: S,
    override readonly ino: number,
    private readonly owner: Task | undefined,
  ) {
    super();
    const type = entry.kind === "file" ? S_IFREG : entry.kind === "link" ? S_IFLNK : S_IFDIR;
    this.mode = type | entry.mode;
    this.nlink = linksOf(entry, subject);
    this.uid = owner?.cred.euid ?? 0;
    this.gid = owner?.cred.egid ?? 0;
    const now = coarseNow(subject.system);
    this.atime = now;
    this.mtime = now;
    this.ctime = now;
    this.btime = now;
    if (entry.kind === "dynamic" && entry.permission !== undefined) {
      this.permission = (mask, caller) => entry.permission?.(subject, mask, callerTask(caller));
    } else if (entry.access === "ptrace" && entry.kind !== "link") {
      this.permission = (mask, caller) => {
        checkModeBits(caller.cred, this, mask);
        requirePtrace(callerTask(caller), subject);
      };
    }
    if (owner !== undefined && subject.options.hidepid !== "off" && this.permission === undefined) {
      this.permission = (mask, caller) => {
        if (!subject.options.mayLookInto(owner, callerTask(caller))) throw EPERM;
        checkModeBits(caller.cred, this, mask);
      };
    }
    if (entry.access === "open") this.permission = () => {};
    if (entry.access === "mode") this.permission = (mask, caller) => checkModeOnly(entry.mode, mask, callerTask(caller));
    if (entry.access === "net") this.permission = (mask, caller) => checkNetMode(entry.mode, mask, callerTask(caller));
    if (entry.kind === "link" && entry.follow !== undefined) {
      const { follow } = entry;
      this.followLink = (caller) => {
        if (entry.access === "ptrace") requirePtrace(callerTask(caller), subject);
        return follow(subject, callerTask(caller));
      };
    }
  }

  override get size(): number {
    return this.entry.kind === "link" ? (this.entry.size ?? 0) : 0;
  }

  override get blocks(): number {
    return 0;
  }

  override get blksize(): number {
    return 1024;
  }

  override get keepsTimes(): boolean {
    return false;
  }

  /** Modes and owners of proc come from its tasks. Differs from Linux: those of the machine's files cannot be changed either. */
  override setattr(change: InodeChange): void {
    if (change.mode !== undefined || change.uid !== undefined || change.gid !== undefined) throw EPERM;
  }

  /** Errors: ENOENT, also where something is about to be made: proc has no names without entries. */
  override lookup(name: string, caller: Caller): Inode {
    requireAlive(this.subject);
    const found = this.find(name, callerTask(caller));
    if (found === undefined) throw ENOENT;
    return found;
  }

  private find(name: string, reader: Task): Inode | undefined {
    const { entry, subject } = this;
    if (entry.kind === "dynamic") {
      return entry.find(subject, name, (found, of, ino, owner) => new ProcInode(this.sb, found, of, ino, owner), reader);
    }
    if (entry.kind !== "dir") return undefined;
    const entries = entriesOf(entry, subject);
    const at = entries.findIndex((e) => e.name === name);
    const found = entries[at];
    return found === undefined ? undefined : new ProcInode(this.sb, found, subject, this.childIno(at), this.owner);
  }

  /** Inode numbers follow from the place in the tree, so that they stay the same. */
  private childIno(index: number): number {
    return (this.owner === undefined ? this.ino * INO_STEP : this.ino) + index + 1;
  }

  override readdir(caller: Caller): readonly Dirent[] {
    const { entry, subject } = this;
    requireAlive(subject);
    if (entry.kind === "dynamic") return entry.list(subject, callerTask(caller));
    if (entry.kind !== "dir") return [];
    return entriesOf(entry, subject).map((e, i) => ({
      name: e.name,
      ino: this.childIno(i),
      type: (e.kind === "file" ? S_IFREG : e.kind === "link" ? S_IFLNK : S_IFDIR) >> 12,
    }));
  }

  override readlink(caller: Caller): string {
    const { entry, subject } = this;
    if (entry.kind !== "link") throw EINVAL;
    if (entry.access === "ptrace") requirePtrace(callerTask(caller), subject);
    return entry.target(subject, callerTask(caller));
  }

  override open(path: Path, flags: number, caller: Caller): File {
    const { entry, subject } = this;
    if ((this.mode & S_IFMT) === S_IFDIR) return new DirFile(this, flags, path);
    if (entry.kind !== "file") throw EINVAL;
    entry.mayOpen?.(subject, flags, callerTask(caller));
    if (entry.open !== undefined) return entry.open(subject, path, flags, callerTask(caller));
    return new ProcFile(this, entry, subject, flags, path, caller.cred);
  }

  /** O_TRUNC of a file that is written to has no effect. */
  override truncate(): void {}
}

function linksOf<S extends Machine>(entry: Entry<S>, subject: S): number {
  if (entry.kind === "dynamic") return entry.nlink?.(subject) ?? 2;
  if (entry.kind === "dir") return 2 + entriesOf(entry, subject).filter((e) => e.kind === "dir" || e.kind === "dynamic").length;
  return 1;
}

/** test_perm() of sysctl: root has the owner's bits, and nobody has more than the bits. */
function checkModeOnly(mode: number, mask: number, { cred }: Task): void {
  const granted = cred.euid === 0 ? mode >> 6 : cred.egid === 0 || cred.groups.includes(0) ? mode >> 3 : mode;
  if ((mask & ~granted & 7) !== 0) throw EACCES;
}

/** net_ctl_permissions(). */
function checkNetMode(mode: number, mask: number, task: Task): void {
  const { userNs } = netNsOf(task);
  if (nsCapable(task.cred, userNs, CAP_NET_ADMIN)) {
    if ((mask & ~(mode >> 6) & 7) !== 0) throw EACCES;
  } else checkModeOnly(mode, mask, task);
}

/** Errors: ENOENT for what belongs to a task that is gone. */
function requireAlive(subject: Machine): void {
  const task = taskOfSubject(subject);
  if (task !== undefined && task.pid.task !== task) throw ENOENT;
}

function requirePtrace(caller: Task, subject: Machine): void {
  const task = taskOfSubject(subject);
  if (task !== undefined && !mayPtrace(caller, task, "fs")) throw EACCES;
}

class ProcFile<S extends Machine> extends File {
  private text: Uint8Array | undefined;

  constructor(
    inode: Inode,
    private readonly entry: FileEntry<S>,
    private readonly subject: S,
    flags: number,
    override readonly path: Path,
    private readonly opener: Cred,
  ) {
    super(inode, flags, path);
  }

  override read(caller: Caller, buf: Uint8Array): number {
    const n = this.readAt(caller, buf, this.pos);
    this.pos += n;
    return n;
  }

  override readAt(caller: Caller, buf: Uint8Array, offset: number): number {
    if (offset === 0 || this.text === undefined) this.text = this.compute(callerTask(caller));
    const part = this.text.subarray(offset, offset + buf.length);
    buf.set(part);
    return part.length;
  }

  /** Errors: ESRCH if the task is gone; EIO for what can only be written. */
  private compute(reader: Task): Uint8Array {
    const task = taskOfSubject(this.subject);
    if (task !== undefined && task.pid.task !== task) throw ESRCH;
    if (this.entry.read === undefined) throw EIO;
    return encodeUtf8(this.entry.read(this.subject, reader));
  }

  override write(caller: Caller, buf: Uint8Array): number {
    const task = taskOfSubject(this.subject);
    if (task !== undefined && task.pid.task !== task) throw ESRCH;
    // Files of tasks have no write operation at all; those of the machine refuse it.
    if (this.entry.write === undefined) throw task === undefined ? EIO : EINVAL;
    this.entry.write(this.subject, decodeUtf8(buf), callerTask(caller), this.opener);
    this.pos += buf.length;
    return buf.length;
  }

  override truncate(): void {}

  override seek(_caller: Caller, offset: number, whence: number): number {
    if (whence !== SEEK_SET && whence !== SEEK_CUR) throw EINVAL;
    const pos = whence === SEEK_CUR ? this.pos + offset : offset;
    if (pos < 0) throw EINVAL;
    this.pos = pos;
    return pos;
  }
}
