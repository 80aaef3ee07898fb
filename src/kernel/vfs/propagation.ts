/**
 * Shared subtrees: which mounts see what is mounted and unmounted below others. mount_namespaces(7), Linux `fs/pnode.c`,
 * `Documentation/filesystems/sharedsubtree.rst`. What is done to the members of a peer group is done to the others and to the
 * slaves of all of them; what is done to a slave stays with it. The walks over whole trees are in `mount-tree.ts`.
 */

import type { Path } from "./dentry.ts";
import type { Mount } from "./mount.ts";
import { isReachable } from "./path.ts";

/** The types that mount(2) can give. */
export type PropagationType = "shared" | "slave" | "private" | "unbindable";

/** Numbers of peer groups, the lowest free one first: mnt_group_ida. */
export class PeerGroupIds {
  private readonly taken = new Set<number>();
  /** No number below it is free. */
  private start = 1;

  get size(): number {
    return this.taken.size;
  }

  allocate(): number {
    while (this.taken.has(this.start)) this.start++;
    this.taken.add(this.start);
    return this.start++;
  }

  free(id: number): void {
    this.taken.delete(id);
    if (id < this.start) this.start = id;
  }
}

/** Mounts that see each other's changes: `shared:N` of mountinfo. */
export class PeerGroup {
  /** A ring: the first follows the last. Never empty. */
  readonly members: Mount[];
  readonly id: number;

  constructor(
    private readonly ids: PeerGroupIds,
    first: Mount,
  ) {
    this.id = ids.allocate();
    this.members = [first];
  }

  /** Enters `mount` behind `peer`. */
  join(mount: Mount, peer: Mount): void {
    this.members.splice(this.members.indexOf(peer) + 1, 0, mount);
    mount.group = this;
  }

  leave(mount: Mount): void {
    this.members.splice(this.members.indexOf(mount), 1);
    mount.group = undefined;
    if (this.members.length === 0) this.ids.free(this.id);
  }

  /** All members in the order of the ring, `mount` first. */
  from(mount: Mount): readonly Mount[] {
    const at = this.members.indexOf(mount);
    return [...this.members.slice(at), ...this.members.slice(0, at)];
  }
}

/** A mount and its peers, itself first. */
export const peersOf = (mount: Mount): readonly Mount[] => mount.group?.from(mount) ?? [mount];

export const arePeers = (a: Mount, b: Mount): boolean => a.group !== undefined && a.group === b.group;

/** Gives a mount a group of its own unless it has one. */
export function makeShared(ids: PeerGroupIds, mount: Mount): void {
  mount.group ??= new PeerGroup(ids, mount);
  mount.unbindable = false;
}

/** Makes `mount` a slave of `master`, before its other slaves or behind one of them. */
export function makeSlaveOf(master: Mount, mount: Mount, behind?: Mount): void {
  mount.master = master;
  master.slaves.splice(behind === undefined ? 0 : master.slaves.indexOf(behind) + 1, 0, mount);
}

/** propagation_source(): where a mount that leaves its group would still get propagation from. */
function sourceOf(mount: Mount): Mount | undefined {
  for (let at: Mount | undefined = mount; at !== undefined; at = at.master) {
    if (at !== mount && !at.umounting) return at;
    for (const peer of peersOf(at).slice(1)) if (!peer.umounting) return peer;
  }
  return undefined;
}

/** change_mnt_propagation(): a mount that leaves its group hands its slaves on to where it would get propagation from itself. */
export function changePropagation(ids: PeerGroupIds, mount: Mount, type: PropagationType): void {
  if (type === "shared") {
    makeShared(ids, mount);
    return;
  }
  let { master } = mount;
  if (mount.group !== undefined) {
    master = sourceOf(mount);
    mount.group.leave(mount);
    for (const slave of mount.slaves) slave.master = master;
    master?.slaves.unshift(...mount.slaves);
    mount.slaves.length = 0;
  }
  if (mount.master !== undefined) mount.master.slaves.splice(mount.master.slaves.indexOf(mount), 1);
  mount.master = undefined;
  if (type !== "slave") mount.unbindable = type === "unbindable";
  else if (master !== undefined) makeSlaveOf(master, mount);
}

/** propagation_next(): every mount that gets propagation from `origin`, each before those that get it from there. */
export function* receivers(origin: Mount): IterableIterator<Mount> {
  for (const peer of peersOf(origin)) {
    if (peer !== origin) yield peer;
    yield* slavesBelow(peer);
  }
}

function* slavesBelow(mount: Mount): IterableIterator<Mount> {
  // A mount that is not in a namespace yet passes nothing on.
  if (mount.ns === undefined) return;
  for (const slave of [...mount.slaves]) {
    yield slave;
    yield* slavesBelow(slave);
  }
}

/** next_group(): the groups that get propagation from `origin`, without its own; for each its first mount. A slave without peers is one. */
export function* receivingGroups(origin: Mount): IterableIterator<Mount> {
  for (const peer of peersOf(origin)) {
    if (peer.ns === undefined) continue;
    let last: Mount | undefined;
    for (const slave of [...peer.slaves]) {
      // The peers of one group stand together.
      if (last === undefined || !arePeers(last, slave)) {
        yield slave;
        yield* receivingGroups(slave);
      }
      last = slave;
    }
  }
}

/** get_dominating_id(): the nearest group above that has a member below `root`, in the same namespace; 0 if there is none. */
export function dominatingId(mount: Mount, root: Path): number {
  for (let master = mount.master; master !== undefined; master = master.master) {
    if (peersOf(master).some((m) => m.ns === mount.ns && isReachable(m.rootPath, root))) return master.group?.id ?? 0;
  }
  return 0;
}
