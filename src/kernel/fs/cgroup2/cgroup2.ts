/** The cgroup2 filesystem: one hierarchy a machine, mounted at /sys/fs/cgroup. Linux `kernel/cgroup/cgroup.c`. */

import { EINVAL } from "../../../abi/errno.ts";
import type { Statfs } from "../../../abi/stat.ts";
import type { Cgroup } from "../../cgroup/cgroup.ts";
import type { FilesystemType, System } from "../../task/system.ts";
import { callerTask, type Task } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Dentry } from "../../vfs/dentry.ts";
import { SuperBlock } from "../../vfs/inode.ts";
import { addChild } from "../../vfs/namei.ts";
import { controllerFiles } from "./controller-files.ts";
import { coreFiles } from "./core-files.ts";
import type { CgroupFile } from "./entry.ts";
import { CgroupDirectory } from "./inode.ts";

const CGROUP2_SUPER_MAGIC = 0x63677270;
/**
 * In the order in which they are shown. favordynmods trades costs that do not exist here; with nothing to reclaim, memory_recursiveprot
 * protects nothing.
 */
const OPTIONS = ["nsdelegate", "favordynmods", "memory_localevents", "memory_recursiveprot"] as const;

function parseOptions(data: string): ReadonlySet<string> {
  const options = new Set(data.split(",").filter((option) => option !== ""));
  for (const option of options) if (!(OPTIONS as readonly string[]).includes(option)) throw EINVAL;
  return options;
}

export class Cgroup2SuperBlock extends SuperBlock {
  override readonly fstype = "cgroup2";
  override readonly dev: number;
  override readonly root: CgroupDirectory;
  override readonly cacheable = false;
  private options: ReadonlySet<string> = new Set();
  readonly files: readonly CgroupFile[] = [...coreFiles, ...controllerFiles];
  readonly fileNumbers: ReadonlyMap<string, number> = new Map(this.files.map(({ name }, i) => [name, i]));

  constructor(readonly system: System) {
    super();
    this.dev = system.nextAnonDev();
    this.root = new CgroupDirectory(this, system.cgroups.root, undefined);
    system.cgroups.fileWatch = (cgroup, file) => this.findDirectory(cgroup)?.fileChanged(file);
  }

  /** The directory of a cgroup, unless nobody has looked at it yet. */
  private findDirectory(cgroup: Cgroup): CgroupDirectory | undefined {
    return cgroup.parent === undefined ? this.root : this.findDirectory(cgroup.parent)?.findDirectory(cgroup);
  }

  /** System wide: those of the last mount or remount from the initial cgroup namespace. */
  setOptions(options: ReadonlySet<string>): void {
    this.options = options;
    const { cgroups } = this.system;
    cgroups.nsdelegate = options.has("nsdelegate");
    cgroups.localEvents = options.has("memory_localevents");
  }

  override remount(data: string): void {
    const options = parseOptions(data);
    const mounter = this.system.sched.current as Task | undefined;
    if (mounter?.ns.cgroup.root.isRoot !== false) this.setOptions(options);
  }

  override showOptions(): string {
    return OPTIONS.filter((option) => this.options.has(option))
      .map((option) => `,${option}`)
      .join("");
  }

  /** As seen from the reader's cgroup namespace. */
  override showRoot(root: Dentry, reader: Caller): string {
    return callerTask(reader).ns.cgroup.pathOf((root.inode as CgroupDirectory).cgroup);
  }

  override statfs(): Statfs {
    return { type: CGROUP2_SUPER_MAGIC, bsize: 4096, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 255, flags: 0 };
  }
}

const instances = new WeakMap<System, Cgroup2SuperBlock>();

/** The hierarchy of a machine: every mount of cgroup2 shows the same. */
export function cgroup2Of(system: System): Cgroup2SuperBlock {
  let sb = instances.get(system);
  if (sb === undefined) {
    sb = new Cgroup2SuperBlock(system);
    instances.set(system, sb);
  }
  return sb;
}

export const cgroup2: FilesystemType = {
  name: "cgroup2",
  nodev: true,
  usernsMount: ({ ns }) => ns.cgroup.userNs,
  mount: (system, _source, data, _flags, mounter) => {
    const sb = cgroup2Of(system);
    const options = parseOptions(data);
    if (mounter.ns.cgroup.root.isRoot) sb.setOptions(options);
    return sb;
  },
  rootFor: (_sb, { ns, system }) => cgroupDentry(system, ns.cgroup.root),
};

/** The place of a cgroup in the hierarchy. */
function cgroupDentry(system: System, cgroup: Cgroup): Dentry {
  const path = [...cgroup.ancestors()].reverse().slice(1);
  return path.reduce((dir, next) => {
    const inode = (dir.inode as CgroupDirectory).directoryOf(next);
    return dir.children.get(next.name) ?? addChild(dir, next.name, inode);
  }, cgroup2Of(system).rootDentry);
}
