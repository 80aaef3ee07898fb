/**
 * What an unmount takes along elsewhere: the copies of a mount that had propagated go with it, unless something keeps them. Linux
 * `fs/pnode.c:propagate_umount`, `Documentation/filesystems/propagate_umount.txt`.
 */

import type { Dentry } from "./dentry.ts";
import { type Mount, moveOnto } from "./mount.ts";
import { receivers } from "./propagation.ts";

/** propagate_umount(): which copies of the mounts in `set` go too. Marks them, and slides what was mounted over them into their place. */
export function propagateUmount(set: readonly Mount[]): Mount[] {
  return new UmountPropagation().run(set);
}

/** The children that are not committed to unmounting. */
const remaining = (mount: Mount): Mount[] => [...mount.children.values()].filter((child) => !child.umounting);

class UmountPropagation {
  /** T_UMOUNT_CANDIDATE. */
  private readonly candidates = new Set<Mount>();
  /** All of whose candidates below are overmounts: T_MARKED. */
  private readonly marked = new Set<Mount>();
  private readonly chosen: Mount[] = [];

  run(set: readonly Mount[]): Mount[] {
    const undecided = this.gather(set);
    // Nothing goes that would leave a hole under what stays …
    const list = undecided.filter((mount) => this.trim(mount));
    // … and nothing that would reveal what a locked mount hides.
    const left = new Set(list);
    for (const mount of list) if (left.has(mount)) this.handleLocked(mount, left);
    for (const mount of this.chosen) if (mount.overmount !== undefined && !mount.overmount.umounting) reparent(mount.overmount);
    return this.chosen;
  }

  /** gather_candidates(): the last found comes first. */
  private gather(set: readonly Mount[]): Mount[] {
    const found: Mount[] = [];
    for (const mount of set) {
      if (this.candidates.has(mount)) continue;
      this.candidates.add(mount);
      const { parent, mountpoint } = mount;
      if (parent === undefined || mountpoint === undefined) continue;
      for (const m of receivers(parent)) {
        const child = m.children.get(mountpoint);
        if (child === undefined || this.candidates.has(child)) continue;
        this.candidates.add(child);
        if (!child.umounting) found.push(child);
      }
    }
    for (const mount of set) this.candidates.delete(mount);
    return found.reverse();
  }

  /** trim_one(): whether the mount stays undecided. */
  private trim(mount: Mount): boolean {
    if (!this.candidates.has(mount)) {
      this.forget(mount);
      return false;
    }
    const children = remaining(mount);
    const staying = children.filter((child) => !this.candidates.has(child));
    if (staying.length > 0) {
      const exposed = staying.some((child) => child !== mount.overmount);
      this.trimAncestors(mount);
      if (exposed) this.forget(mount);
      return !exposed;
    }
    if (mount.locked || children.length > 0) return true;
    this.forget(mount);
    this.choose(mount);
    return false;
  }

  /** trim_ancestors(): a child of `mount` stays, so all above it stay that it does not cover wholly. */
  private trimAncestors(mount: Mount): void {
    let m = mount;
    for (let p = m.parent; p !== undefined && this.candidates.has(p); p = m.parent) {
      if (this.marked.has(m)) return;
      this.marked.add(m);
      if (m !== p.overmount) this.candidates.delete(p);
      m = p;
    }
  }

  /** handle_locked(): a locked mount goes only together with the one that it sits on. */
  private handleLocked(mount: Mount, left: Set<Mount>): void {
    if (!this.candidates.has(mount)) {
      this.forget(mount);
      left.delete(mount);
      return;
    }
    let cutoff: Mount | undefined = mount;
    let p: Mount | undefined = mount;
    for (; p !== undefined && this.candidates.has(p); p = p.parent) {
      this.forget(p);
      left.delete(p);
      if (!p.locked) cutoff = p.parent;
    }
    if (p?.umounting === true) cutoff = p;
    for (let m: Mount | undefined = mount; m !== undefined && m !== cutoff; m = m.parent) this.choose(m);
  }

  private forget(mount: Mount): void {
    this.candidates.delete(mount);
    this.marked.delete(mount);
  }

  private choose(mount: Mount): void {
    mount.umounting = true;
    this.chosen.push(mount);
  }
}

/** The stack below `mount` goes, and it slides to where the lowest of them sat. */
function reparent(mount: Mount): void {
  let at = mount;
  let dentry: Dentry;
  do {
    dentry = at.mountpoint as Dentry;
    at = at.parent as Mount;
  } while (at.umounting);
  moveOnto(mount, { mnt: at, dentry });
}
