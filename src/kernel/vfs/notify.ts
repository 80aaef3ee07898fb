/**
 * fsnotify: tells those who watch an inode, or the directory that holds it, what happens to it. Linux `fs/notify/fsnotify.c`,
 * inotify(7). The watches are `fs/anon/inotify.ts`; an inode without watches costs one test.
 */

import {
  IN_ATTRIB,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_ISDIR,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
} from "../../abi/poll.ts";
import type { Dentry, Path } from "./dentry.ts";
import type { Inode } from "./inode.ts";

/** One watch on an inode. */
export interface Mark {
  /** IN_EXCL_UNLINK: no events of entries that were unlinked. */
  readonly excludeUnlinked: boolean;
  /** `name` is empty for the inode itself; `cookie` ties the two events of a rename together. */
  notify(mask: number, cookie: number, name: string): void;
  /** The inode is gone, or no longer mounted. */
  gone(): void;
}

/** The watches on one inode, in the order of their making. */
export type Marks = Set<Mark>;

function tell(inode: Inode, mask: number, name: string, cookie = 0): void {
  if (inode.marks !== undefined) for (const mark of inode.marks) mark.notify(mask, cookie, name);
}

const dirBit = (inode: Inode): number => (inode.isDirectory ? IN_ISDIR : 0);

/** Something happened to what `dentry` names: its directory is told with the name, it itself without. */
export function notifyDentry(dentry: Dentry, mask: number): void {
  const inode = dentry.inode;
  const parent = dentry.parent.inode;
  if (inode.marks === undefined && parent.marks === undefined) return;
  if (parent !== inode && parent.marks !== undefined) {
    for (const mark of parent.marks) if (!dentry.deleted || !mark.excludeUnlinked) mark.notify(mask | dirBit(inode), 0, dentry.name);
  }
  tell(inode, mask | dirBit(inode), "");
}

/** As notifyDentry, for an open file; pipes and the like have no name. */
export function notifyFile(path: Path | undefined, mask: number): void {
  if (path !== undefined) notifyDentry(path.dentry, mask);
}

export function notifyClose(path: Path, written: boolean): void {
  notifyDentry(path.dentry, written ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
}

export function notifyCreate(dir: Inode, inode: Inode, name: string): void {
  if (dir.marks !== undefined) tell(dir, IN_CREATE | dirBit(inode), name);
}

/** The number of its names has changed. */
export function notifyLinkCount(inode: Inode): void {
  if (inode.marks !== undefined && !inode.isDirectory) tell(inode, IN_ATTRIB, "");
}

export function notifyDelete(dir: Inode, inode: Inode, name: string): void {
  if (dir.marks !== undefined) tell(dir, IN_DELETE | dirBit(inode), name);
}

/** An inode without names was given up by its last user. */
export function notifyGone(inode: Inode): void {
  const marks = inode.marks;
  if (marks === undefined) return;
  tell(inode, IN_DELETE_SELF, "");
  for (const mark of [...marks]) mark.gone();
  inode.marks = undefined;
}

/** By machine. */
const lastCookies = new WeakMap<object, number>();

/** `machine` is any object of which there is one a machine: cookies are counted for each. */
export function notifyMove(machine: object, oldDir: Inode, oldName: string, newDir: Inode, newName: string, moved: Inode): void {
  if (oldDir.marks === undefined && newDir.marks === undefined && moved.marks === undefined) return;
  const cookie = (lastCookies.get(machine) ?? 0) + 1;
  lastCookies.set(machine, cookie);
  tell(oldDir, IN_MOVED_FROM | dirBit(moved), oldName, cookie);
  tell(newDir, IN_MOVED_TO | dirBit(moved), newName, cookie);
  tell(moved, IN_MOVE_SELF, "");
}
