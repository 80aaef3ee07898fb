/**
 * devpts: pts(4), Linux `fs/devpts/inode.c`. Every mount is an instance of its own with numbers of its own; the first one of
 * the machine is the instance on which terminals from outside appear.
 *
 * Differs from Linux: that instance outlives its unmounting, and the next mount finds it again.
 */

import { EIO, EINVAL, ENODEV, ENOENT, ENOSPC } from "../../../abi/errno.ts";
import { DT_CHR, type Dirent, makedev, minor, S_IFCHR, S_IFDIR, type Statfs, type Timespec } from "../../../abi/stat.ts";
import type { MaySleep } from "../../blocked.ts";
import { PTY_MAX } from "../../params.ts";
import { coarseNow, type FilesystemType, type System } from "../../task/system.ts";
import { callerTask } from "../../task/task.ts";
import { O_NOCTTY } from "../../../abi/fcntl.ts";
import { acquireOnOpen } from "../../tty/jobctrl.ts";
import { Pty, PtyMaster } from "../../tty/pty.ts";
import { TtyFile } from "../../tty/tty-file.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { DirFile } from "../../vfs/dir-file.ts";
import type { File } from "../../vfs/file.ts";
import { Inode, SuperBlock } from "../../vfs/inode.ts";
import { findMountAt } from "../../vfs/mount.ts";
import { lookup } from "../../vfs/namei.ts";
import { openSpecial } from "../special.ts";

const DEVPTS_SUPER_MAGIC = 0x1cd1;
const ROOT_INO = 1;
const PTMX_INO = 2;
/** Inode of /dev/pts/N is N plus this. */
const PTS_INO = 3;
export const PTMX_RDEV = makedev(5, 2);

interface DevptsOptions {
  uid?: number;
  gid?: number;
  mode: number;
  ptmxmode: number;
  max: number;
}

/** Errors: EINVAL for an unknown option or a bad value. */
function parseOptions(data: string): DevptsOptions {
  const options: DevptsOptions = { mode: 0o600, ptmxmode: 0, max: PTY_MAX };
  for (const part of data.split(",")) {
    if (part === "" || part === "newinstance") continue;
    const [name, value = ""] = part.split("=");
    const base = name === "mode" || name === "ptmxmode" ? 8 : 10;
    if (!(base === 8 ? /^[0-7]+$/ : /^[0-9]+$/).test(value)) throw EINVAL;
    const n = Number.parseInt(value, base);
    if (name === "uid") options.uid = n;
    else if (name === "gid") options.gid = n;
    else if (name === "mode") options.mode = n & 0o777;
    else if (name === "ptmxmode") options.ptmxmode = n & 0o777;
    else if (name === "max" && n <= PTY_MAX) options.max = n;
    else throw EINVAL;
  }
  return options;
}

class DevptsInode extends Inode {
  nlink = 1;
  atime: Timespec;
  mtime: Timespec;
  ctime: Timespec;
  btime: Timespec;

  constructor(
    readonly sb: DevptsSuperBlock,
    readonly ino: number,
    public mode: number,
    public uid: number,
    public gid: number,
    rdev: number,
  ) {
    super();
    this.rdev = rdev;
    this.atime = this.mtime = this.ctime = this.btime = coarseNow(sb.system);
  }

  override get blksize(): number {
    return 1024;
  }

  open(path: Path, flags: number, caller: Caller): MaySleep<File> {
    return openSpecial(this.sb.system, this, path, flags, caller);
  }
}

class DevptsRoot extends DevptsInode {
  override lookup(name: string): Inode | undefined {
    if (name === "ptmx") return this.sb.ptmx;
    return /^(0|[1-9][0-9]*)$/.test(name) ? this.sb.nodes.get(Number(name)) : undefined;
  }

  override readdir(): readonly Dirent[] {
    const slaves = [...this.sb.nodes].map(([index, node]) => ({ ino: node.ino, name: String(index), type: DT_CHR }));
    return [...slaves.reverse(), { ino: PTMX_INO, name: "ptmx", type: DT_CHR }];
  }

  override open(path: Path, flags: number): File {
    return new DirFile(this, flags, path);
  }
}

export class DevptsSuperBlock extends SuperBlock {
  readonly dev: number;
  readonly fstype = "devpts";
  override readonly cacheable = false;
  override readonly root: DevptsRoot;
  readonly ptmx: DevptsInode;
  /** Slaves that can be opened, by number. Written by allocate and unlink. */
  readonly nodes = new Map<number, DevptsInode>();
  /** Somewhere in the machine. Asked of the instance for terminals from outside, which can be mounted again. */
  mounted = false;
  /** Pairs that are open on either side; their numbers are taken. */
  private readonly pairs = new Map<number, Pty>();

  constructor(
    readonly system: System,
    private options: DevptsOptions,
  ) {
    super();
    this.dev = system.nextAnonDev();
    this.root = new DevptsRoot(this, ROOT_INO, S_IFDIR | 0o755, 0, 0, 0);
    this.root.nlink = 2;
    this.ptmx = new DevptsInode(this, PTMX_INO, S_IFCHR | options.ptmxmode, 0, 0, PTMX_RDEV);
  }

  override unmounted(): void {
    this.mounted = false;
  }

  /** Options of a (re)mount; they apply to slaves made from now on. */
  configure(options: DevptsOptions): void {
    this.options = options;
    this.ptmx.mode = S_IFCHR | options.ptmxmode;
  }

  override remount(data: string): void {
    this.configure(parseOptions(data));
  }

  find(index: number): Pty | undefined {
    return this.pairs.get(index);
  }

  /** A new pair under the lowest free number. `owner` is undefined for a terminal outside. Errors: ENOSPC. */
  allocate(owner: Caller | undefined): Pty {
    let index = 0;
    while (this.pairs.has(index)) index++;
    if (index >= this.options.max) throw ENOSPC;
    const pair = new Pty(this.system, index, () => this.pairs.delete(index));
    this.pairs.set(index, pair);
    const uid = this.options.uid ?? owner?.cred.fsuid ?? 0;
    const gid = this.options.gid ?? owner?.cred.fsgid ?? 0;
    this.nodes.set(index, new DevptsInode(this, PTS_INO + index, S_IFCHR | this.options.mode, uid, gid, pair.slave.dev));
    return pair;
  }

  /** The master is closed: the slave has no name any more. */
  unlink(index: number): void {
    const node = this.nodes.get(index);
    if (node !== undefined) node.nlink = 0;
    this.nodes.delete(index);
  }

  override statfs(): Statfs {
    return { type: DEVPTS_SUPER_MAGIC, bsize: 4096, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 255, flags: 0 };
  }

  override showOptions(): string {
    const { uid, gid, mode, ptmxmode, max } = this.options;
    const octal = (n: number): string => n.toString(8).padStart(3, "0");
    let text = "";
    if (uid !== undefined) text += `,uid=${uid}`;
    if (gid !== undefined) text += `,gid=${gid}`;
    text += `,mode=${octal(mode)},ptmxmode=${octal(ptmxmode)}`;
    return max < PTY_MAX ? `${text},max=${max}` : text;
  }
}

const hosts = new WeakMap<System, DevptsSuperBlock>();

/** The instance on which terminals from outside are; it may not be mounted. */
export function hostDevpts(system: System): DevptsSuperBlock {
  let host = hosts.get(system);
  if (host === undefined) {
    host = new DevptsSuperBlock(system, { gid: 5, mode: 0o620, ptmxmode: 0, max: PTY_MAX });
    hosts.set(system, host);
  }
  return host;
}

export const devpts: FilesystemType = {
  name: "devpts",
  nodev: true,
  usernsMount: ({ cred }) => cred.userNs,
  mount: (system, _source, data) => {
    const options = parseOptions(data);
    const host = hostDevpts(system);
    if (host.mounted) return new DevptsSuperBlock(system, options);
    host.mounted = true;
    host.configure(options);
    return host;
  },
};

/** The instance that belongs to a ptmx node: its own, or what is mounted on `pts` beside it. Errors: ENOENT, ENODEV. */
function instanceBeside(path: Path, caller: Caller): DevptsSuperBlock {
  const { mnt, dentry } = path;
  if (dentry.inode.sb instanceof DevptsSuperBlock) return dentry.inode.sb;
  const pts = lookup(caller, dentry.parent, "pts");
  if (pts === undefined) throw ENOENT;
  const sb = findMountAt(mnt, pts)?.sb;
  if (!(sb instanceof DevptsSuperBlock)) throw ENODEV;
  return sb;
}

/** open(2) of ptmx: a new pair. */
export function openPtmx(path: Path, flags: number, caller: Caller): File {
  const sb = instanceBeside(path, caller);
  const pair = sb.allocate(caller);
  return new PtyMaster(pair, path.dentry.inode, flags, path, () => sb.unlink(pair.index));
}

/** open(2) of /dev/pts/N. Errors: EIO while it is locked, or if the node is none of a devpts. */
export function openPts(path: Path, flags: number, caller: Caller, rdev: number): File {
  const { inode } = path.dentry;
  const pair = inode.sb instanceof DevptsSuperBlock ? inode.sb.find(minor(rdev)) : undefined;
  if (pair === undefined || pair.locked || pair.closed) throw EIO;
  const file = new TtyFile(pair.slave, inode, flags, path);
  if ((flags & O_NOCTTY) === 0 && file.readable) acquireOnOpen(pair.slave, callerTask(caller));
  return file;
}
