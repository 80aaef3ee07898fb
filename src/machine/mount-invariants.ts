/** The books of mounts: what hangs where, who propagates to whom, and that nothing dead is kept. */

import type { Kernel } from "../kernel/kernel.ts";
import type { Dentry } from "../kernel/vfs/dentry.ts";
import type { SuperBlock } from "../kernel/vfs/inode.ts";
import { countMounts, type Mount, MountNamespace } from "../kernel/vfs/mount.ts";
import type { PeerGroup } from "../kernel/vfs/propagation.ts";

function require(condition: boolean, message: string): void {
  if (!condition) throw new Error(`invariant: ${message}`);
}

export function checkMounts(kernel: Kernel): void {
  const { lingering, groupIds } = kernel.mounts;
  const all = new Set<Mount>(lingering);
  for (const ns of kernel.initUserNs.live.all()) {
    if (!(ns instanceof MountNamespace)) continue;
    const tree = [...ns.root.tree()];
    for (const mount of tree) {
      require(mount.ns === ns, `mount ${mount.id} hangs in a namespace that is not its own`);
      require(!mount.umounting, `mount ${mount.id} was unmounted but hangs in its tree`);
      all.add(mount);
    }
    require(tree.length === ns.size, `mnt:[${ns.ino}] lists ${ns.size} mounts, its tree has ${tree.length}`);
  }
  for (const mount of lingering) {
    require(mount.umounting && mount.ns === undefined, `mount ${mount.id} lingers but was not unmounted`);
    require(mount.group === undefined && mount.master === undefined, `mount ${mount.id} was unmounted but gets propagation`);
  }
  checkPlaces(all);
  checkInhabitants(kernel, all);
  checkPropagation(all, groupIds.size);
  const counts = new Map<SuperBlock, number>();
  for (const { sb } of all) counts.set(sb, (counts.get(sb) ?? 0) + 1);
  // Filesystems may hold mounts of their own: overlayfs its layers.
  for (const [sb, n] of counts) require(countMounts(sb) >= n, `${sb.fstype} counts ${countMounts(sb)} mounts, there are ${n}`);
}

/** Where processes stand, and what they run from. */
function checkInhabitants(kernel: Kernel, all: ReadonlySet<Mount>): void {
  const counts = new Map<Mount, number>();
  const count = (mount: Mount): void => void counts.set(mount, (counts.get(mount) ?? 0) + 1);
  const alive = [...kernel.tasks].filter(({ state }) => state !== "dead");
  for (const fs of new Set(alive.map((task) => task.fs))) for (const { mnt } of [fs.root, fs.cwd]) count(mnt);
  for (const { image } of alive) if (image.exe !== undefined) count(image.exe.mnt);
  for (const mount of all) {
    const n = counts.get(mount) ?? 0;
    require(mount.inhabitants === n, `mount ${mount.id} counts ${mount.inhabitants} inhabitants, there are ${n}`);
  }
}

function checkPlaces(all: ReadonlySet<Mount>): void {
  const mountpoints = new Map<Dentry, Set<Mount>>();
  for (const mount of all) {
    for (const [at, child] of mount.children) {
      require(child.parent === mount && child.mountpoint === at, `mount ${child.id} is not where mount ${mount.id} has it`);
      require(all.has(child), `mount ${child.id} is dead but hangs on mount ${mount.id}`);
    }
    const { parent, mountpoint } = mount;
    require((parent === undefined) === (mountpoint === undefined), `mount ${mount.id} has half a place`);
    if (parent === undefined || mountpoint === undefined) continue;
    require(parent.children.get(mountpoint) === mount, `mount ${mount.id} is not found where it sits`);
    const there = mountpoints.get(mountpoint) ?? new Set();
    mountpoints.set(mountpoint, there.add(mount));
  }
  for (const [dentry, there] of mountpoints) {
    const known = dentry.mounts?.size ?? 0;
    require(dentry.mountCount === there.size &&
      known === there.size, `${dentry.name}: ${there.size} mounts, it counts ${dentry.mountCount}`);
  }
}

function checkPropagation(all: ReadonlySet<Mount>, ids: number): void {
  const groups = new Set<PeerGroup>();
  for (const mount of all) {
    const { group, master } = mount;
    if (group !== undefined) groups.add(group);
    require(group === undefined || !mount.unbindable, `mount ${mount.id} is shared and unbindable`);
    if (master !== undefined) require(all.has(master) && master.slaves.includes(mount), `mount ${mount.id} is unknown to its master`);
    for (const slave of mount.slaves) require(slave.master === mount && all.has(slave), `mount ${mount.id} has a dead slave`);
    require(mount.slaves.length === 0 || group !== undefined, `mount ${mount.id} has slaves but is not shared`);
  }
  for (const group of groups) {
    for (const member of group.members) require(member.group === group && all.has(member), `peer group ${group.id} has a dead member`);
    require(new Set(group.members).size === group.members.length, `peer group ${group.id} has a member twice`);
  }
  require(groups.size === ids, `${ids} numbers of peer groups are taken, there are ${groups.size}`);
}
