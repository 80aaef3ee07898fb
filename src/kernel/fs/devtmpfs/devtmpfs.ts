/**
 * devtmpfs: the kernel's own /dev, a tmpfs that is born with the nodes of the devices there are; one instance for all its
 * mounts. Linux `drivers/base/devtmpfs.c`; owners, modes and links as udev sets them.
 */

import { makedev, S_IFCHR, S_IFDIR, S_IFLNK } from "../../../abi/stat.ts";
import type { FilesystemType, System } from "../../task/system.ts";
import { parseTmpfsOptions } from "../tmpfs/options.ts";
import { TmpfsSuperBlock } from "../tmpfs/tmpfs.ts";
import { VPORT_COUNT, VPORT_MAJOR } from "./vport.ts";

interface Node {
  readonly name: string;
  readonly mode: number;
  readonly dev: number;
  readonly gid?: number;
}

const TTY_GID = 5;

const nodes: readonly Node[] = [
  { name: "null", mode: 0o666, dev: makedev(1, 3) },
  { name: "zero", mode: 0o666, dev: makedev(1, 5) },
  { name: "full", mode: 0o666, dev: makedev(1, 7) },
  { name: "random", mode: 0o666, dev: makedev(1, 8) },
  { name: "urandom", mode: 0o666, dev: makedev(1, 9) },
  { name: "kmsg", mode: 0o644, dev: makedev(1, 11) },
  { name: "tty", mode: 0o666, dev: makedev(5, 0), gid: TTY_GID },
  { name: "console", mode: 0o600, dev: makedev(5, 1), gid: TTY_GID },
  { name: "ptmx", mode: 0o666, dev: makedev(5, 2), gid: TTY_GID },
  ...Array.from({ length: VPORT_COUNT }, (_, i) => ({ name: `vport0p${i + 1}`, mode: 0o600, dev: makedev(VPORT_MAJOR, i + 1) })),
];

const links: readonly (readonly [string, string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
];

/** Mount points for devpts and for POSIX shared memory. */
const directories = ["pts", "shm"];

class DevtmpfsSuperBlock extends TmpfsSuperBlock {
  constructor(system: System, data: string) {
    super(system, "devtmpfs", { mode: 0o755, ...parseTmpfsOptions(data, system.config.memoryBytes) });
    for (const { name, mode, dev, gid } of nodes) this.root.add(name, this.newInode(S_IFCHR | mode, 0, gid ?? 0, dev));
    for (const [name, target] of links) {
      const link = this.newInode(S_IFLNK | 0o777, 0, 0, 0);
      link.target = target;
      this.root.add(name, link);
    }
    for (const name of directories) this.root.add(name, this.newInode(S_IFDIR | 0o755, 0, 0, 0));
  }

  /** The devices stay, mounted or not. */
  override unmounted(): void {}
}

const instances = new WeakMap<System, DevtmpfsSuperBlock>();

export const devtmpfs: FilesystemType = {
  name: "devtmpfs",
  nodev: true,
  mount: (system, _source, data) => {
    let sb = instances.get(system);
    if (sb === undefined) {
      sb = new DevtmpfsSuperBlock(system, data);
      instances.set(system, sb);
    }
    return sb;
  },
};
