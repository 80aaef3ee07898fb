/**
 * tmpfs: tmpfs(5), Linux `mm/shmem.c`. A filesystem instance with its limits and its accounts: pages that are kept are charged to
 * the machine's memory as "shmem", inodes as "slab". Swap, huge pages and NUMA policies are left out.
 */

import { EINVAL, ENOMEM, ENOSPC } from "../../../abi/errno.ts";
import { isDir, S_IFDIR, type Statfs } from "../../../abi/stat.ts";
import { HOST_CONTENT_BYTES, NAME_MAX, PAGE_SIZE, TMPFS_SHARE } from "../../params.ts";
import type { MemoryController } from "../../cgroup/memory.ts";
import type { FilesystemType, System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import { Content, ContentStore } from "../../vfs/content.ts";
import { SuperBlock } from "../../vfs/inode.ts";
import { TmpfsInode } from "./inode.ts";
import { parseTmpfsOptions, type TmpfsOptions } from "./options.ts";

const TMPFS_MAGIC = 0x01021994;
/** Kernel memory that an inode and its dentry weigh. */
const INODE_BYTES = 1024;

const stores = new WeakMap<System, ContentStore>();

/** The one store that bounds what all file contents of a machine weigh on the host. */
export function contentStoreOf(system: System): ContentStore {
  let store = stores.get(system);
  if (store === undefined) {
    store = new ContentStore(HOST_CONTENT_BYTES);
    stores.set(system, store);
  }
  return store;
}

export class TmpfsSuperBlock extends SuperBlock {
  readonly dev: number;
  override readonly root: TmpfsInode;
  readonly store: ContentStore;
  private maxPages: number;
  private maxInodes: number;
  private usedPages = 0;
  private usedInodes = 0;
  private lastIno = 0;

  constructor(
    readonly system: System,
    readonly fstype: string,
    private readonly options: TmpfsOptions,
  ) {
    super();
    this.dev = system.nextAnonDev();
    this.store = contentStoreOf(system);
    this.maxPages = this.pagesOf(options.sizeBytes);
    this.maxInodes = this.inodesOf(options.nrInodes);
    this.root = this.newInode(S_IFDIR | (options.mode ?? 0o1777), options.uid ?? 0, options.gid ?? 0, 0);
    this.root.nlink = 2;
  }

  private pagesOf(sizeBytes: number | undefined): number {
    if (sizeBytes === 0) return Number.POSITIVE_INFINITY;
    return sizeBytes === undefined ? Math.floor((this.system.config.memoryBytes * TMPFS_SHARE) / PAGE_SIZE) : sizeBytes / PAGE_SIZE;
  }

  private inodesOf(nrInodes: number | undefined): number {
    if (nrInodes === 0) return Number.POSITIVE_INFINITY;
    return nrInodes ?? Math.floor((this.system.config.memoryBytes * TMPFS_SHARE) / PAGE_SIZE);
  }

  /** Errors: ENOSPC at nr_inodes, ENOMEM where the machine's memory is out. */
  newInode(mode: number, uid: number, gid: number, rdev: number): TmpfsInode {
    this.reserveInode();
    return new TmpfsInode(this, ++this.lastIno, mode, uid, gid, rdev, isDir(mode) ? undefined : new Content(this.store));
  }

  /** inode_init_owner(): a set-group-ID directory hands on its group, and to directories the bit. */
  newInodeIn(dir: TmpfsInode, mode: number, rdev: number, caller: Caller): TmpfsInode {
    const { fsuid, fsgid } = caller.cred;
    const setgid = (dir.mode & 0o2000) !== 0;
    return this.newInode(setgid && isDir(mode) ? mode | 0o2000 : mode, fsuid, setgid ? dir.gid : fsgid, rdev);
  }

  /** One for each inode, and one for each further name of it. Errors: ENOSPC, ENOMEM. */
  reserveInode(): void {
    if (this.usedInodes >= this.maxInodes) throw ENOSPC;
    if (!this.system.memory.tryCharge("slab", INODE_BYTES)) throw ENOMEM;
    this.usedInodes++;
  }

  freeInode(): void {
    this.usedInodes--;
    this.system.memory.uncharge("slab", INODE_BYTES);
  }

  /** How many more pages the size limit, the machine's memory and the host leave. */
  get freePages(): number {
    const { memory } = this.system;
    const host = Math.floor((this.store.limitBytes - this.store.hostBytes) / PAGE_SIZE);
    return Math.max(0, Math.min(this.maxPages - this.usedPages, Math.floor(memory.freeBytes / PAGE_SIZE), host));
  }

  /** Books a change of what a file keeps. The room for it was tested. */
  book(allocatedPages: number, residentPages: number, memcg: MemoryController): void {
    this.usedPages += allocatedPages;
    if (residentPages > 0) this.system.memory.charge("shmem", residentPages * PAGE_SIZE, memcg);
    else if (residentPages < 0) this.system.memory.uncharge("shmem", -residentPages * PAGE_SIZE, memcg);
  }

  /** Where pages written now are charged. */
  get currentMemcg(): MemoryController {
    return ((this.system.sched.current as Task | undefined)?.cgroup ?? this.system.cgroups.root).memcg;
  }

  override statfs(): Statfs {
    const limited = this.maxPages !== Number.POSITIVE_INFINITY;
    // As shmem_statfs() counts: memory may be full before.
    const free = limited ? Math.max(0, this.maxPages - this.usedPages) : 0;
    const finite = this.maxInodes !== Number.POSITIVE_INFINITY;
    return {
      type: TMPFS_MAGIC,
      bsize: PAGE_SIZE,
      blocks: limited ? this.maxPages : 0,
      bfree: free,
      bavail: free,
      files: finite ? this.maxInodes : 0,
      ffree: finite ? this.maxInodes - this.usedInodes : 0,
      namelen: NAME_MAX,
      flags: 0,
    };
  }

  override showOptions(): string {
    const { sizeBytes, nrInodes, mode, uid, gid } = this.options;
    let text = "";
    if (sizeBytes !== undefined && sizeBytes !== 0) text += `,size=${sizeBytes / 1024}k`;
    if (nrInodes !== undefined) text += `,nr_inodes=${nrInodes}`;
    if (mode !== undefined && mode !== 0o1777) text += `,mode=${mode.toString(8).padStart(3, "0")}`;
    if (uid !== undefined && uid !== 0) text += `,uid=${uid}`;
    if (gid !== undefined && gid !== 0) text += `,gid=${gid}`;
    return text;
  }

  override remount(data: string): void {
    const changed = parseTmpfsOptions(data, this.system.config.memoryBytes);
    const pages = changed.sizeBytes === undefined ? this.maxPages : this.pagesOf(changed.sizeBytes);
    const inodes = changed.nrInodes === undefined ? this.maxInodes : this.inodesOf(changed.nrInodes);
    // Too small for what is there, or a limit where there was none.
    if (pages < this.usedPages || inodes < this.usedInodes) throw EINVAL;
    if (changed.sizeBytes !== undefined && this.maxPages === Number.POSITIVE_INFINITY && pages !== this.maxPages) throw EINVAL;
    if (changed.nrInodes !== undefined && this.maxInodes === Number.POSITIVE_INFINITY && inodes !== this.maxInodes) throw EINVAL;
    this.maxPages = pages;
    this.maxInodes = inodes;
    if (changed.sizeBytes !== undefined) this.options.sizeBytes = changed.sizeBytes;
    if (changed.nrInodes !== undefined) this.options.nrInodes = changed.nrInodes;
  }

  /** The last mount is gone: everything in it is given back. */
  override unmounted(): void {
    this.root.dropTree();
  }
}

export const tmpfs: FilesystemType = {
  name: "tmpfs",
  nodev: true,
  usernsMount: ({ cred }) => cred.userNs,
  mount: (system, _source, data) => mountTmpfs(system, parseTmpfsOptions(data, system.config.memoryBytes)),
};

/** A new instance. */
export function mountTmpfs(system: System, options: TmpfsOptions, fstype = "tmpfs"): TmpfsSuperBlock {
  return new TmpfsSuperBlock(system, fstype, options);
}
