/**
 * The path walk: path_resolution(7), Linux `fs/namei.c`. Names become dentries through the dentry cache; symbolic links are
 * followed, mount points crossed, `..` stops at the root of the task.
 *
 * Differs from Linux: there are no negative dentries; a name that does not exist is asked for again each time.
 */

import { ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from "../../abi/errno.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";
import { MS_NOSYMFOLLOW } from "../../abi/mount.ts";
import { S_IFLNK, S_IFMT } from "../../abi/stat.ts";
import { byteLength } from "../../abi/utf8.ts";
import { MAX_SYMLINKS, NAME_MAX, PATH_MAX } from "../params.ts";
import { touchAtime } from "./atime.ts";
import type { Caller } from "./caller.ts";
import { Dentry, type Path } from "./dentry.ts";
import type { File } from "./file.ts";
import type { Inode } from "./inode.ts";
import { findMountAt, type Mount } from "./mount.ts";
import { checkSearch } from "./permission.ts";

/** The last component of a path, which need not exist, in the directory that the rest of the path leads to. */
export interface LastName {
  readonly dir: Path;
  /** Empty for `root`. */
  readonly name: string;
  /** `root`: the path was nothing but slashes. */
  readonly kind: "norm" | "dot" | "dotdot" | "root";
  /** Slashes follow the name. */
  readonly slash: boolean;
}

const SLASH = 47;
const DOT = 46;

/** Where a walk stands. One object serves all walks, since no walk sleeps and each begins by setting it. */
class Walk {
  caller!: Caller;
  mnt!: Mount;
  dentry!: Dentry;
  /** Symbolic links followed so far. */
  links = 0;
}

const walk = new Walk();

/** Errors: ENOENT for an empty path, ENAMETOOLONG. */
function checkPath(path: string): void {
  if (path.length === 0) throw ENOENT;
  if (path.length * 3 >= PATH_MAX && byteLength(path) >= PATH_MAX) throw ENAMETOOLONG;
}

function begin(caller: Caller, start: Path | undefined, path: string): void {
  walk.caller = caller;
  const from = path.charCodeAt(0) === SLASH ? caller.fs.root : (start ?? caller.fs.cwd);
  walk.mnt = from.mnt;
  walk.dentry = from.dentry;
}

/**
 * What `path` names. A relative path starts at `start`, or at the working directory. `follow` decides about a symbolic link in the
 * last component; a trailing slash follows it anyway. Errors: ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG.
 */
export function resolve(caller: Caller, start: Path | undefined, path: string, follow: boolean): Path {
  checkPath(path);
  begin(caller, start, path);
  walk.links = 0;
  walkAll(path, follow);
  walk.mnt.walks++;
  return { mnt: walk.mnt, dentry: walk.dentry };
}

/** As resolve, for those who need no more than the inode. */
export function resolveInode(caller: Caller, start: Path | undefined, path: string, follow: boolean): Inode {
  checkPath(path);
  begin(caller, start, path);
  walk.links = 0;
  walkAll(path, follow);
  walk.mnt.walks++;
  return walk.dentry.inode;
}

/** A caller with descriptors: what the *at() calls need. */
export interface AtCaller extends Caller {
  readonly files: { require(fd: number): File };
}

/** Where a path that is relative to `dirfd` starts; undefined for the working directory. Errors: EBADF; ENOTDIR for what has no path. */
export function startAt(caller: AtCaller, dirfd: number, path: string): Path | undefined {
  if (dirfd === AT_FDCWD || path.charCodeAt(0) === SLASH) return undefined;
  const { path: start } = caller.files.require(dirfd);
  if (start === undefined) throw ENOTDIR;
  return start;
}

/** resolve() relative to a descriptor. With `empty` (AT_EMPTY_PATH), an empty path names what the descriptor refers to. */
export function lookupAt(caller: AtCaller, dirfd: number, path: string, how: { readonly follow: boolean; readonly empty?: boolean }): Path {
  if (path.length > 0 || how.empty !== true) return resolve(caller, startAt(caller, dirfd, path), path, how.follow);
  return dirfd === AT_FDCWD ? caller.fs.cwd : (startAt(caller, dirfd, path) as Path);
}

/** All but the last component. `links` is the number of symbolic links that led here (see linkTarget). */
export function resolveParent(caller: Caller, start: Path | undefined, path: string, links = 0): LastName {
  checkPath(path);
  begin(caller, start, path);
  walk.links = links;
  let end = path.length;
  while (end > 0 && path.charCodeAt(end - 1) === SLASH) end--;
  if (end === 0) return { dir: { mnt: walk.mnt, dentry: walk.dentry }, name: "", kind: "root", slash: true };
  const begins = path.lastIndexOf("/", end - 1) + 1;
  if (begins > 0) walkAll(path.slice(0, begins), true);
  requireSearchable(walk.dentry.inode);
  walk.mnt.walks++;
  const name = path.slice(begins, end);
  const kind = name === "." ? "dot" : name === ".." ? "dotdot" : "norm";
  return { dir: { mnt: walk.mnt, dentry: walk.dentry }, name, kind, slash: end < path.length };
}

/** How many links the last resolveParent has followed, in all. */
export function linksFollowed(): number {
  return walk.links;
}

/** What `.`, `..` or the root in the last place of a path names. */
export function resolveSpecial(caller: Caller, last: LastName): Path {
  walk.caller = caller;
  walk.mnt = last.dir.mnt;
  walk.dentry = last.dir.dentry;
  if (last.kind === "dotdot") stepUp();
  return { mnt: walk.mnt, dentry: walk.dentry };
}

/** The topmost mount over a dentry. */
export function crossMounts(path: Path): Path {
  if (path.dentry.mountCount === 0) return path;
  walk.mnt = path.mnt;
  walk.dentry = path.dentry;
  enterMounts();
  return { mnt: walk.mnt, dentry: walk.dentry };
}

/** The target of a symbolic link: a path to go on with, or the place itself for a magic link. Errors: ELOOP at the `links`th link. */
export function linkTarget(caller: Caller, link: Path, links: number): string | Path {
  if (links > MAX_SYMLINKS) throw ELOOP;
  const inode = link.dentry.inode;
  touchAtime(caller, link.mnt, inode, 0);
  if (inode.followLink !== undefined) return inode.followLink(caller);
  const target = inode.readlink(caller);
  if (target === "") throw ENOENT;
  return target;
}

/** One entry of a directory, with its mounts not crossed; undefined if there is none. Search permission was checked. Errors: ENAMETOOLONG. */
export function lookup(caller: Caller, dir: Dentry, name: string): Dentry | undefined {
  const inode = dir.inode;
  if (inode.sb.cacheable) {
    const cached = dir.children.get(name);
    if (cached !== undefined) return cached;
    checkName(name);
    const found = inode.lookup(name, caller);
    if (found === undefined) return undefined;
    return addChild(dir, name, found);
  }
  checkName(name);
  const pinned = dir.children.get(name);
  if (pinned === undefined) {
    const found = inode.lookup(name, caller);
    return found === undefined ? undefined : new Dentry(name, dir, found);
  }
  return lookupPinned(caller, dir, pinned);
}

/** Mount points are pinned where lookups are not cached: they stay as long as what they name does. */
function lookupPinned(caller: Caller, dir: Dentry, pinned: Dentry): Dentry | undefined {
  const { name } = pinned;
  let found: Inode | undefined;
  try {
    found = dir.inode.lookup(name, caller);
    if (found !== undefined && pinned.inode.ino === found.ino) return pinned;
  } finally {
    if (pinned.inode.ino !== found?.ino) {
      dir.children.delete(name);
      pinned.deleted = true;
    }
  }
  return found === undefined ? undefined : new Dentry(name, dir, found);
}

/** Enters a new name into the dentry cache. */
export function addChild(dir: Dentry, name: string, inode: Inode): Dentry {
  const dentry = new Dentry(name, dir, inode);
  if (inode.sb.cacheable) dir.children.set(name, dentry);
  return dentry;
}

/** Errors: ENAMETOOLONG. */
function checkName(name: string): void {
  if (name.length * 3 > NAME_MAX && byteLength(name) > NAME_MAX) throw ENAMETOOLONG;
}

// ── The walk itself ──────────────────────────────────────────────────────────────────────────────────────────────────

function requireSearchable(inode: Inode): void {
  if (!inode.isDirectory) throw ENOTDIR;
  checkSearch(walk.caller, inode);
}

/** Walks `path` from where the walk stands; a leading slash was dealt with. */
function walkAll(path: string, follow: boolean): void {
  const length = path.length;
  let at = 0;
  while (at < length && path.charCodeAt(at) === SLASH) at++;
  while (at < length) {
    let end = path.indexOf("/", at);
    if (end < 0) end = length;
    let next = end;
    while (next < length && path.charCodeAt(next) === SLASH) next++;
    requireSearchable(walk.dentry.inode);
    const dots = path.charCodeAt(at) === DOT ? (end - at === 1 ? 1 : end - at === 2 && path.charCodeAt(at + 1) === DOT ? 2 : 0) : 0;
    if (dots === 0) stepInto(at === 0 && end === length ? path : path.slice(at, end), follow || end < length);
    else if (dots === 2) stepUp();
    if (next === length && end < length && !walk.dentry.inode.isDirectory) throw ENOTDIR;
    at = next;
  }
}

function stepInto(name: string, follow: boolean): void {
  const { mnt, dentry } = walk;
  const child = lookup(walk.caller, dentry, name);
  if (child === undefined) throw ENOENT;
  walk.dentry = child;
  if (child.mountCount > 0) enterMounts();
  if (!follow || (walk.dentry.inode.mode & S_IFMT) !== S_IFLNK) return;
  if ((walk.mnt.flags & MS_NOSYMFOLLOW) !== 0) throw ELOOP;
  const target = linkTarget(walk.caller, { mnt: walk.mnt, dentry: walk.dentry }, ++walk.links);
  if (typeof target !== "string") {
    walk.mnt = target.mnt;
    walk.dentry = target.dentry;
    return;
  }
  checkPath(target);
  const absolute = target.charCodeAt(0) === SLASH;
  const { root } = walk.caller.fs;
  walk.mnt = absolute ? root.mnt : mnt;
  walk.dentry = absolute ? root.dentry : dentry;
  walkAll(target, true);
}

/** path_connected(): a directory that was moved out of what a bind mount shows has no parent there. */
function isConnected(mnt: Mount, dentry: Dentry): boolean {
  for (let d = dentry; ; d = d.parent) {
    if (d === mnt.root) return true;
    if (d.isRoot) return false;
  }
}

function stepUp(): void {
  const { root } = walk.caller.fs;
  for (;;) {
    const { mnt, dentry } = walk;
    if (dentry === root.dentry && mnt === root.mnt) break;
    if (dentry !== mnt.root) {
      const { parent } = dentry;
      if (mnt.root !== mnt.sb.rootDentry && !isConnected(mnt, parent)) throw ENOENT;
      walk.dentry = parent;
      break;
    }
    if (mnt.parent === undefined || mnt.mountpoint === undefined) break;
    walk.dentry = mnt.mountpoint;
    walk.mnt = mnt.parent;
  }
  if (walk.dentry.mountCount > 0) enterMounts();
}

function enterMounts(): void {
  for (let top = findMountAt(walk.mnt, walk.dentry); top !== undefined; top = findMountAt(walk.mnt, walk.dentry)) {
    walk.mnt = top;
    walk.dentry = top.root;
  }
}
