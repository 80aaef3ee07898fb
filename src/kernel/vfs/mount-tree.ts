/**
 * Trees of mounts: copied, attached and taken away, with all that propagates from there. Linux `fs/namespace.c`, `fs/pnode.c`.
 *
 * Differs from Linux: nothing expires by itself, there are no automounts and no trees outside of a namespace (open_tree).
 */

import { EINVAL, ENOENT, ENOSPC, EPERM, Errno } from "../../abi/errno.ts";
import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_RELATIME } from "../../abi/mount.ts";
import type { UserNamespace } from "../ns/user.ts";
import type { Dentry, Path } from "./dentry.ts";
import { appear, hang, Mount, MountNamespace, type Mounts, moveOnto, release, setMountpoint, unhang } from "./mount.ts";
import { propagateUmount } from "./propagate-umount.ts";
import { arePeers, changePropagation, makeShared, makeSlaveOf, peersOf, receivers, receivingGroups } from "./propagation.ts";

/** The bits of access times, which are locked and kept together. */
export const ATIME_FLAGS = MS_NOATIME | MS_NODIRATIME | MS_RELATIME;

/** How a copy relates to the original: CL_SLAVE, CL_MAKE_SHARED, CL_COPY_UNBINDABLE, CL_COPY_MNT_NS_FILE. */
export interface CloneHow {
  readonly slave?: boolean;
  readonly makeShared?: boolean;
  readonly unbindable?: boolean;
  readonly mntNsFiles?: boolean;
}

/** What a bind mount of /proc/PID/ns/mnt shows: it would keep the namespace alive from within. */
export function mountNamespaceAt(dentry: Dentry): MountNamespace | undefined {
  const { inode } = dentry;
  const ns = inode.sb.fstype === "nsfs" && "ns" in inode ? inode.ns : undefined;
  return ns instanceof MountNamespace ? ns : undefined;
}

/** Whether `dentry` is `top` or below it. */
export function isSubdir(dentry: Dentry, top: Dentry): boolean {
  for (let d = dentry; ; d = d.parent) {
    if (d === top) return true;
    if (d.isRoot) return false;
  }
}

/** clone_mnt(): one more mount of what `old` shows below `root`. Shared mounts get a peer, slaves a fellow slave. */
export function cloneMount(host: Mounts, old: Mount, root: Dentry, how: CloneHow): Mount {
  const made = new Mount(host.nextId(), old.sb, root, old.source, old.flags);
  made.lockedFlags = old.lockedFlags;
  if (how.slave !== true && old.group !== undefined) old.group.join(made, old);
  else if (how.makeShared === true) makeShared(host.groupIds, made);
  if (how.slave === true && old.group !== undefined) makeSlaveOf(old, made);
  else if (old.master !== undefined) makeSlaveOf(old.master, made, old);
  return made;
}

/**
 * copy_tree(): `root` on `mount` with what is mounted below, without what may not be copied. Not attached as yet. Errors: EINVAL where
 * the top may not be copied, EPERM for an unbindable mount that is locked.
 */
export function copyTree(host: Mounts, mount: Mount, root: Dentry, how: CloneHow, copies?: Map<Mount, Mount>): Mount {
  const barred = (m: Mount, dentry: Dentry): boolean =>
    (m.unbindable && how.unbindable !== true) || (how.mntNsFiles !== true && mountNamespaceAt(dentry) !== undefined);
  if (barred(mount, root)) throw EINVAL;
  const copyOf = (old: Mount, dentry: Dentry): Mount => {
    const made = cloneMount(host, old, dentry, how);
    copies?.set(old, made);
    for (const [mountpoint, child] of old.children) {
      if (!isSubdir(mountpoint, dentry)) continue;
      if (barred(child, child.root)) {
        if (child.unbindable && child.locked) throw EPERM;
        continue;
      }
      const childCopy = copyOf(child, child.root);
      childCopy.locked = child.locked;
      hang(childCopy, { mnt: made, dentry: mountpoint });
    }
    return made;
  };
  return copyOf(mount, root);
}

/** Gives up a tree that never was attached. */
export function dropTree(host: Mounts, top: Mount): void {
  for (const mount of [...top.tree()].reverse()) {
    changePropagation(host.groupIds, mount, "private");
    unhang(mount);
    release(mount);
  }
}

/** lock_mnt_tree(): what came from a more privileged user namespace keeps its flags, and hides what it hides. */
function lockTree(top: Mount): void {
  for (const mount of top.tree()) {
    mount.lockedFlags |= ATIME_FLAGS | (mount.flags & (MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOEXEC));
    if (mount !== top) mount.locked = true;
  }
}

function topmost(mount: Mount): Mount {
  let at = mount;
  for (let over = at.overmount; over !== undefined; over = at.overmount) at = over;
  return at;
}

/** Counts what is about to be attached, by namespace: ns->pending_mounts. */
class Pending {
  private readonly counts = new Map<MountNamespace, number>();

  constructor(private readonly limit: number) {}

  /** count_mounts(). Errors: ENOSPC beyond fs.mount-max. */
  add(ns: MountNamespace, tree: Mount): void {
    const n = (this.counts.get(ns) ?? ns.size) + [...tree.tree()].length;
    if (n > this.limit) throw ENOSPC;
    this.counts.set(ns, n);
  }
}

/**
 * attach_recursive_mnt(): puts a new tree, or one that is moved, on `at`, and copies of it wherever that propagates to. Where something is
 * mounted in such a place already, the copy slips below it. Errors: ENOENT for what was removed, ENOSPC, those of copyTree. Where it throws nothing has changed.
 */
export function attachTree(host: Mounts, source: Mount, at: Path, owner: UserNamespace): void {
  const moving = source.parent !== undefined;
  const copies: Mount[] = [];
  const { root } = topmost(source);
  if (root.deleted) throw ENOENT;
  const invented: Mount[] = [];
  const pending = new Pending(host.limit());
  if (!moving) pending.add(at.mnt.ns as MountNamespace, source);
  if (at.mnt.group !== undefined) {
    for (const mount of source.tree()) {
      if (mount.group === undefined) invented.push(mount);
      makeShared(host.groupIds, mount);
    }
    try {
      propagateMount(host, at, source, copies, pending);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      for (const copy of copies) dropTree(host, copy);
      for (const mount of invented) mount.group?.leave(mount);
      throw e;
    }
  }
  if (moving) unhang(source);
  setMountpoint(source, at);
  for (const copy of [source, ...copies.reverse()]) {
    const parent = copy.parent as Mount;
    const mountpoint = copy.mountpoint as Dentry;
    const ns = parent.ns as MountNamespace;
    if (ns.userNs !== owner) lockTree(copy);
    const below = parent.children.get(mountpoint);
    appear(copy, { mnt: parent, dentry: mountpoint });
    if (copy !== source || !moving) for (const mount of copy.tree()) ns.enter(mount);
    if (below !== undefined) moveOnto(below, { mnt: topmost(copy), dentry: root });
  }
}

/** propagate_mnt(): copies of `source` for all that gets propagation from `at.mnt`, each with its place set. They are added to `copies`. */
function propagateMount(host: Mounts, at: Path, source: Mount, copies: Mount[], pending: Pending): void {
  const marked = new Set<Mount | undefined>();
  const mark = (mount: Mount): void => {
    if (mount.master !== undefined) marked.add(mount.master);
  };
  mark(at.mnt);
  let last = source;
  const copyTo = (mount: Mount, how: CloneHow): boolean => {
    // What is being attached itself, and what does not show the mount point.
    if (mount.ns === undefined || !isSubdir(at.dentry, mount.root)) return false;
    if (how.slave === true) last = findMaster(mount, last, source, marked);
    const copy = copyTree(host, last, last.root, how);
    setMountpoint(copy, { mnt: mount, dentry: at.dentry });
    copies.push(copy);
    mark(mount);
    last = copy;
    pending.add(mount.ns, copy);
    return true;
  };
  for (const peer of peersOf(at.mnt)) if (peer !== at.mnt) copyTo(peer, { makeShared: true });
  for (const first of receivingGroups(at.mnt)) {
    let how: CloneHow = { slave: true, makeShared: first.group !== undefined };
    // The first of a group gets a slave, the others peers of that.
    for (const mount of peersOf(first)) if (copyTo(mount, how)) how = { makeShared: true };
  }
}

/** find_master(): of which of the copies made so far the one for `mount` is to be a slave. */
function findMaster(mount: Mount, lastCopy: Mount, original: Mount, marked: ReadonlySet<Mount | undefined>): Mount {
  let m = mount;
  let p = m.master;
  for (; p !== undefined && !marked.has(p); p = m.master) m = p;
  let last = lastCopy;
  while (!arePeers(last, original)) {
    const parent = last.parent as Mount;
    if (parent.master === p) {
      if (!arePeers(parent, m)) last = last.master as Mount;
      break;
    }
    last = last.master as Mount;
  }
  return last;
}

// ── Unmounting ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** propagate_mount_busy(): whether `mount`, or a copy of it that would go with it, is in use. */
export function isTreeBusy(host: Mounts, mount: Mount): boolean {
  if (mount.children.size > 0 || host.isBusy(mount)) return true;
  const { parent, mountpoint } = mount;
  if (parent === undefined || mountpoint === undefined) return false;
  for (const m of receivers(parent)) {
    const child = m.children.get(mountpoint);
    if (child === undefined) continue;
    // One that covers it wholly does not keep it from being pulled out; with any other it stays.
    if (child.children.size > 0 && (child.children.size > 1 || child.overmount === undefined)) continue;
    if (host.isBusy(child)) return true;
  }
  return false;
}

export interface UmountHow {
  /** What gets propagation from there goes too. */
  readonly propagate: boolean;
  /** Nothing of it is busy; otherwise (MNT_DETACH) what is locked stays connected to what it hides. */
  readonly sync: boolean;
  /** All of it stays connected. */
  readonly connected?: boolean;
}

/** umount_tree(). */
export function umountTree(host: Mounts, top: Mount, how: UmountHow): void {
  const { parent, mountpoint } = top;
  if (how.propagate && parent !== undefined && mountpoint !== undefined)
    for (const m of receivers(parent)) {
      const child = m.children.get(mountpoint);
      if (child !== undefined) child.locked = false;
    }
  const set = [...top.tree()];
  for (const mount of set) mount.umounting = true;
  if (how.propagate) set.push(...propagateUmount(set));
  host.retire(set, (mount) => !how.sync && mount.parent?.umounting === true && (mount.locked || how.connected === true));
}

/** is_local_mountpoint(): whether something of this namespace sits on `dentry`. */
export function isLocalMountpoint(dentry: Dentry, ns: MountNamespace): boolean {
  if (dentry.mountCount > 0) for (const mount of dentry.mounts ?? []) if (mount.ns === ns) return true;
  return false;
}

/** detach_mounts(): the name is gone, and with it what other namespaces have mounted there. What it hides stays hidden. */
export function detachMountsOn(host: Mounts, dentry: Dentry): void {
  if (dentry.mountCount === 0) return;
  for (const mount of [...(dentry.mounts ?? [])])
    if (mount.umounting) unhang(mount);
    else umountTree(host, mount, { propagate: false, sync: false, connected: true });
  host.sweep();
}

// ── Namespaces ───────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * copy_mnt_ns(): a namespace with a copy of every mount of `old`, and which copy belongs to which. Shared mounts get peers; for another
 * user namespace they get slaves, and their flags and places are locked.
 */
export function copyMountNamespace(
  host: Mounts,
  old: MountNamespace,
  ino: number,
  userNs: UserNamespace,
): { readonly ns: MountNamespace; readonly mounts: ReadonlyMap<Mount, Mount> } {
  const mounts = new Map<Mount, Mount>();
  const foreign = userNs !== old.userNs;
  const root = copyTree(host, old.root, old.root.root, { unbindable: true, slave: foreign }, mounts);
  if (foreign) lockTree(root);
  return { ns: new MountNamespace(host, ino, userNs, root), mounts };
}
