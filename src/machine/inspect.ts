/**
 * Answers the page's questions about the machine as it stands: what is in a directory, a file, the layers of an overlay. A look from outside leaves
 * nothing behind: no access time, no charge, no cached name, no inode, no event; the clock stands still. So it walks paths by itself and not by
 * `namei.ts`, asks filesystems only what answers without an effect, and reads bytes by `Inode.peek`. It sees all that root sees.
 */

import { EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EOPNOTSUPP, Errno } from "../abi/errno.ts";
import { decodeUtf8 } from "../abi/utf8.ts";
import { DT_DIR, isDir, isLnk, isReg } from "../abi/stat.ts";
import type { Answer, FileEntry, Query } from "../bridge/messages.ts";
import { OverlaySuperBlock } from "../kernel/fs/overlay/super.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { MAX_SYMLINKS, PATH_MAX } from "../kernel/params.ts";
import type { Task } from "../kernel/task/task.ts";
import type { Dentry, Path } from "../kernel/vfs/dentry.ts";
import type { Inode } from "../kernel/vfs/inode.ts";
import { findMountAt, MountNamespace } from "../kernel/vfs/mount.ts";
import { findInLayer, listLayers, peekChild, peekDirectory } from "./inspect-overlay.ts";
import { later } from "./later.ts";

/** Entries in one answer; the rest is counted. */
const MAX_ENTRIES = 1000;
/** Beyond so many entries none is sought out. */
const MAX_SORTED = 20_000;
/** Bytes in one answer. */
const MAX_BYTES = 1 << 20;
/** Characters of a symbolic link's target that are told. */
const MAX_TARGET = 512;

/** Answers one question. */
export function inspect(kernel: Kernel, query: Query): Answer {
  try {
    switch (query.kind) {
      case "directory":
        return listDirectory(new Look(kernel, query.mntNs), query.path);
      case "file":
        return readFile(new Look(kernel, query.mntNs), query.path, query.offset ?? 0, query.maxBytes);
      case "layers": {
        const { sb, viewer } = findOverlay(kernel, query.overlay);
        return { kind: "layers", ...listLayers(sb, query.path, viewer, (name, inode) => describe(name, inode, viewer)) };
      }
      case "network":
      case "reach":
        // Before the network is there, there is nothing to ask about.
        if (later === undefined) throw ENOENT;
        return later.inspectNetwork(kernel, query);
      case "layer-file": {
        const { sb, viewer } = findOverlay(kernel, query.overlay);
        const name = query.path.slice(query.path.lastIndexOf("/") + 1);
        return readInode(findInLayer(sb, query.layer, query.path, viewer), name, viewer, 0, query.maxBytes);
      }
    }
  } catch (error) {
    if (error instanceof Errno) return { kind: "error", errno: error.name };
    throw error;
  }
}

/** The names in a directory of the initial mount namespace; none where it is not there. Changes nothing in the machine. */
export function peekNames(kernel: Kernel, path: string): readonly string[] {
  return peek(kernel, path, (at, look) => peekDirectory(at.dentry, look.viewer).map(({ name }) => name)) ?? [];
}

/** A regular file of the initial mount namespace; without its text where it is the inode `known`. Undefined where it is not there. Changes nothing in the machine. */
export function peekText(kernel: Kernel, path: string, known?: Inode): { readonly inode: Inode; readonly text: string } | undefined {
  return peek(kernel, path, ({ dentry: { inode } }, look) => {
    if (inode === known) return { inode, text: "" };
    return { inode, text: decodeUtf8(readInode(inode, "", look.viewer, 0, MAX_BYTES).bytes) };
  });
}

function peek<T>(kernel: Kernel, path: string, look: (at: Path, look: Look) => T): T | undefined {
  const ns = kernel.init?.leader.mntNs;
  if (ns === undefined) return undefined;
  try {
    const from = new Look(kernel, ns.ino);
    return look(from.walk(path), from);
  } catch (error) {
    if (error instanceof Errno) return undefined;
    throw error;
  }
}

/** Paths as they are from the root of a mount namespace, for a process in it. */
class Look {
  readonly viewer: Task;
  private readonly root: Path;
  private links = 0;

  /** Errors: ENOENT where there is no such namespace. */
  constructor(kernel: Kernel, mntNs: number) {
    const ns = kernel.initUserNs.live.find(mntNs);
    if (!(ns instanceof MountNamespace)) throw ENOENT;
    this.viewer = findViewer(kernel, ns);
    this.root = ns.top;
  }

  /** What a path leads to. Errors: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG; EOPNOTSUPP behind the magic links of proc. */
  walk(path: string): Path {
    if (path.length >= PATH_MAX) throw ENAMETOOLONG;
    return this.follow(this.root, path, true);
  }

  private follow(from: Path, path: string, last: boolean): Path {
    let at = path.startsWith("/") ? this.root : from;
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    for (const [i, name] of names.entries()) {
      if (!at.dentry.inode.isDirectory) throw ENOTDIR;
      at = name === ".." ? this.up(at) : this.into(at, name, last || i < names.length - 1);
    }
    return at;
  }

  private into(dir: Path, name: string, follow: boolean): Path {
    const child = cross({ mnt: dir.mnt, dentry: this.child(dir.dentry, name) });
    const { inode } = child.dentry;
    if (!follow || !isLnk(inode.mode)) return child;
    if (++this.links > MAX_SYMLINKS) throw ELOOP;
    if (inode.followLink !== undefined) throw EOPNOTSUPP;
    const target = inode.readlink(this.viewer);
    if (target.length >= PATH_MAX) throw ENAMETOOLONG;
    return this.follow(dir, target, true);
  }

  private up(from: Path): Path {
    let { mnt, dentry } = from;
    while (dentry === mnt.root && mnt.parent !== undefined && mnt.mountpoint !== undefined && mnt !== this.root.mnt) {
      dentry = mnt.mountpoint;
      mnt = mnt.parent;
    }
    return cross({ mnt, dentry: dentry === mnt.root ? dentry : dentry.parent });
  }

  /** The name in a directory: the one that is cached, else one for this look alone. Errors: ENOENT. */
  child(dir: Dentry, name: string): Dentry {
    // A file of cgroup2 comes into being when it is looked up first; its directories are there already.
    const bare = dir.inode.sb.fstype === "cgroup2" && !dir.children.has(name);
    if (bare && !dir.inode.readdir(this.viewer).some((e) => e.name === name && e.type === DT_DIR)) throw EOPNOTSUPP;
    const child = peekChild(dir, name, this.viewer);
    if (child === undefined) throw ENOENT;
    return child;
  }
}

/** As whom proc is looked at: the first process in the namespace that is not dead; of one that is only pinned, PID 1. */
function findViewer(kernel: Kernel, ns: MountNamespace): Task {
  for (const task of kernel.tasks) if (task.state !== "dead" && task.mntNs === ns) return task;
  if (kernel.init === undefined) throw ENOENT;
  return kernel.init.leader;
}

/** A mounted overlay, and as whom its layers are looked at. Errors: ENOENT. */
function findOverlay(kernel: Kernel, dev: number): { readonly sb: OverlaySuperBlock; readonly viewer: Task } {
  for (const ns of kernel.initUserNs.live.all()) {
    if (!(ns instanceof MountNamespace)) continue;
    const sb = ns.mounts.find((mount) => mount.sb.dev === dev)?.sb;
    if (sb instanceof OverlaySuperBlock) return { sb, viewer: findViewer(kernel, ns) };
  }
  throw ENOENT;
}

/** The topmost mount over a place. */
function cross(at: Path): Path {
  let { mnt, dentry } = at;
  for (let top = findMountAt(mnt, dentry); top !== undefined; top = findMountAt(mnt, dentry)) {
    mnt = top;
    dentry = top.root;
  }
  return { mnt, dentry };
}

function listDirectory(look: Look, path: string): Answer {
  const dir = look.walk(path);
  if (!dir.dentry.inode.isDirectory) throw ENOTDIR;
  const listed = sortByName(peekDirectory(dir.dentry, look.viewer));
  const bare = dir.dentry.inode.sb.fstype === "cgroup2";
  const entries: FileEntry[] = [];
  for (const { name, type, ino } of listed.slice(0, MAX_ENTRIES)) {
    if (bare) entries.push({ name, mode: type << 12, uid: 0, gid: 0, sizeBytes: 0, ino, bare });
    else {
      const entry = describeChild(look, dir, name);
      if (entry !== undefined) entries.push(entry);
    }
  }
  return { kind: "directory", entries, total: listed.length, mount: dir.mnt.id };
}

/** In order of names; more than anybody reads through stay as the filesystem lists them. */
export function sortByName<T extends { readonly name: string }>(entries: readonly T[]): readonly T[] {
  return entries.length > MAX_SORTED ? entries : [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** An entry as `ls -l` tells it, with the mount that covers it; undefined where it has just gone. */
function describeChild(look: Look, dir: Path, name: string): FileEntry | undefined {
  try {
    const below = { mnt: dir.mnt, dentry: look.child(dir.dentry, name) };
    const top = cross(below);
    const entry = describe(name, top.dentry.inode, look.viewer);
    return top.mnt === dir.mnt ? entry : { ...entry, mount: top.mnt.id };
  } catch (error) {
    if (error instanceof Errno) return undefined;
    throw error;
  }
}

/** What ls tells of an inode under a name. */
export function describe(name: string, inode: Inode, viewer: Task): FileEntry {
  const { mode, uid, gid, ino, size } = inode.getattr();
  const entry: FileEntry = { name, mode, uid, gid, sizeBytes: size, ino };
  if (!isLnk(mode)) return entry;
  try {
    return { ...entry, target: inode.readlink(viewer).slice(0, MAX_TARGET) };
  } catch (error) {
    if (error instanceof Errno) return entry;
    throw error;
  }
}

function readFile(look: Look, path: string, offset: number, maxBytes: number): Answer {
  const at = look.walk(path);
  const name = path.slice(path.lastIndexOf("/") + 1);
  return { ...readInode(at.dentry.inode, name, look.viewer, offset, maxBytes), mount: at.mnt.id };
}

/** Errors: EISDIR; EINVAL for what is no regular file; EOPNOTSUPP for what is made up while it is read. */
export function readInode(inode: Inode, name: string, viewer: Task, offset: number, maxBytes: number): Answer & { kind: "file" } {
  if (isDir(inode.mode)) throw EISDIR;
  if (!isReg(inode.mode) || !(offset >= 0) || !(maxBytes >= 0)) throw EINVAL;
  const { size } = inode;
  const bytes = new Uint8Array(Math.max(0, Math.min(size - offset, maxBytes, MAX_BYTES)));
  const count = inode.real.peek(bytes, offset);
  return { kind: "file", bytes: bytes.subarray(0, count), sizeBytes: size, entry: describe(name, inode, viewer) };
}
