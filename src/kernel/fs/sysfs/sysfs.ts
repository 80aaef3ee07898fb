/**
 * sysfs(5), as far as the machine has something to tell: the CPUs, the network devices, and the place where cgroups are mounted. One instance for
 * each network namespace: that of who mounts it first.
 */

import type { Statfs } from "../../../abi/stat.ts";
import type { FilesystemType, System } from "../../task/system.ts";
import { SuperBlock } from "../../vfs/inode.ts";
import { showList } from "../../cgroup/cpuset.ts";
import { requestModule } from "../../task/module.ts";
import type { DirEntry, FileEntry, Machine } from "../proc/entry.ts";
import { type NetNamespace, netNsOf } from "../../net/net-namespace.ts";
import { ProcInode } from "../proc/inode.ts";
import { LATE_ENTRIES } from "../proc/module.ts";
import { ProcOptions } from "../proc/options.ts";

const SYSFS_MAGIC = 0x62656572;

const dir = (name: string, entries: DirEntry<Machine>["entries"] = []): DirEntry<Machine> => ({ kind: "dir", name, mode: 0o755, entries });

const cpuList = (name: string): FileEntry<Machine> => ({
  kind: "file",
  name,
  mode: 0o444,
  read: ({ system }) => `${showList(2 ** system.sched.cpus.length - 1)}\n`,
});

const cpus = dir("system", [dir("cpu", [cpuList("online"), cpuList("possible"), cpuList("present")])]);

const root = (ns: NetNamespace): DirEntry<Machine> =>
  dir("", [
    dir("class", ({ system }) => requestModule(system, LATE_ENTRIES).sysfsClass(ns)),
    dir("devices", ({ system }) => {
      const [hardware, virtual] = requestModule(system, LATE_ENTRIES).sysfsDevices(ns);
      return [hardware, cpus, virtual];
    }),
    dir("fs", [dir("cgroup")]),
    dir("kernel", []),
  ]);

class SysfsSuperBlock extends SuperBlock {
  override readonly fstype = "sysfs";
  override readonly dev: number;
  override readonly root: ProcInode<Machine>;
  /** Devices come and go. */
  override readonly cacheable = false;

  constructor(system: System, ns: NetNamespace) {
    super();
    this.dev = system.nextAnonDev();
    this.root = new ProcInode(this, root(ns), { system, ns: system.initPidNs, options: new ProcOptions() }, 1, undefined);
  }

  override statfs(): Statfs {
    return { type: SYSFS_MAGIC, bsize: 4096, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 255, flags: 0 };
  }
}

const instances = new WeakMap<NetNamespace, SysfsSuperBlock>();

export const sysfs: FilesystemType = {
  name: "sysfs",
  nodev: true,
  usernsMount: ({ ns }) => ns.net.userNs,
  usernsVisible: true,
  mount(system, _source, _data, _flags, mounter) {
    const ns = netNsOf(mounter);
    let sb = instances.get(ns);
    if (sb === undefined) {
      sb = new SysfsSuperBlock(system, ns);
      instances.set(ns, sb);
    }
    return sb;
  },
};
