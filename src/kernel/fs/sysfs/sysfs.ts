/** sysfs(5), as far as the machine has something to tell: the CPUs, and the place where cgroups are mounted. */

import type { Statfs } from "../../../abi/stat.ts";
import type { FilesystemType, System } from "../../task/system.ts";
import { SuperBlock } from "../../vfs/inode.ts";
import { showList } from "../../cgroup/cpuset.ts";
import type { DirEntry, Entry, FileEntry, Machine } from "../proc/entry.ts";
import { ProcInode } from "../proc/inode.ts";

const SYSFS_MAGIC = 0x62656572;

const dir = (name: string, entries: readonly Entry<Machine>[] = []): DirEntry<Machine> => ({ kind: "dir", name, mode: 0o755, entries });

const cpuList = (name: string): FileEntry<Machine> => ({
  kind: "file",
  name,
  mode: 0o444,
  read: ({ system }) => `${showList(2 ** system.sched.cpus.length - 1)}\n`,
});

const root = dir("", [
  dir("devices", [dir("system", [dir("cpu", [cpuList("online"), cpuList("possible"), cpuList("present")])])]),
  dir("fs", [dir("cgroup")]),
  dir("kernel", []),
]);

class SysfsSuperBlock extends SuperBlock {
  override readonly fstype = "sysfs";
  override readonly dev: number;
  override readonly root: ProcInode<Machine>;
  /** Nothing comes or goes yet. */
  override readonly cacheable = true;

  constructor(system: System) {
    super();
    this.dev = system.nextAnonDev();
    this.root = new ProcInode(this, root, { system, ns: system.initPidNs }, 1, undefined);
  }

  override statfs(): Statfs {
    return { type: SYSFS_MAGIC, bsize: 4096, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 255, flags: 0 };
  }
}

const instances = new WeakMap<System, SysfsSuperBlock>();

export const sysfs: FilesystemType = {
  name: "sysfs",
  nodev: true,
  usernsMount: ({ ns }) => ns.net.userNs,
  usernsVisible: true,
  mount(system) {
    let sb = instances.get(system);
    if (sb === undefined) {
      sb = new SysfsSuperBlock(system);
      instances.set(system, sb);
    }
    return sb;
  },
};
