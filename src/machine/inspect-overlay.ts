/**
 * What the layers of an overlay have for a name, without the effects that a lookup through the overlay has (inodes are made, directories get marks):
 * Linux `fs/overlayfs/namei.c:ovl_lookup` once more, as a pure function of the layers.
 */

import { EINVAL, ENOENT, ENOTDIR } from "../abi/errno.ts";
import { type Dirent, isDir, S_IFMT, type Timespec } from "../abi/stat.ts";
import type { LayerEntry } from "../bridge/messages.ts";
import type { LayerPath } from "../kernel/fs/overlay/layer.ts";
import { OverlayInode } from "../kernel/fs/overlay/inode.ts";
import { isWhiteout } from "../kernel/fs/overlay/private-xattr.ts";
import type { OverlaySuperBlock } from "../kernel/fs/overlay/super.ts";
import type { Task } from "../kernel/task/task.ts";
import { Dentry } from "../kernel/vfs/dentry.ts";
import { Inode } from "../kernel/vfs/inode.ts";

/** Names of one directory that are told of, over all its layers; beyond so many none is sought out. */
const MAX_NAMES = 1000;
const MAX_SOUGHT = 20_000;

/** A file or directory of an overlay that nobody in the machine has looked up: what the page sees of it. */
export class SeenInode extends Inode {
  constructor(
    override readonly sb: OverlaySuperBlock,
    /** Topmost first: all that a directory is merged from, or the one file. */
    readonly places: readonly [LayerPath, ...LayerPath[]],
  ) {
    super();
    this.rdev = this.top.rdev;
  }

  private get top(): Inode {
    return this.places[0].dentry.inode;
  }

  override get real(): Inode {
    return this.top.real;
  }

  override get mode(): number {
    return this.top.mode;
  }
  override get uid(): number {
    return this.top.uid;
  }
  override get gid(): number {
    return this.top.gid;
  }
  override get nlink(): number {
    return this.top.nlink;
  }
  override get size(): number {
    return this.top.size;
  }
  /** That of the layer: where the layers are on several filesystems, a directory's own is drawn when it is looked up first. */
  override get ino(): number {
    return this.top.ino;
  }
  override get atime(): Timespec {
    return this.top.atime;
  }
  override get mtime(): Timespec {
    return this.top.mtime;
  }
  override get ctime(): Timespec {
    return this.top.ctime;
  }
  override get btime(): Timespec {
    return this.top.btime;
  }

  override readlink(caller: Task): string {
    return this.top.readlink(caller);
  }

  override open(): never {
    throw EINVAL;
  }
}

/** Where the layers have a directory or file that is seen through the overlay; undefined for what is on no overlay. */
function placesOf(inode: Inode): readonly LayerPath[] | undefined {
  if (inode instanceof SeenInode) return inode.places;
  if (!(inode instanceof OverlayInode)) return undefined;
  const upper = inode.upper === undefined || inode.sb.upper === undefined ? [] : [{ layer: inode.sb.upper, dentry: inode.upper }];
  return isDir(inode.mode) || upper.length === 0 ? [...upper, ...inode.lowers] : upper;
}

/** The entry of a directory, on whatever filesystem: the cached one, or one for this look alone. */
export function peekChild(dir: Dentry, name: string, viewer: Task): Dentry | undefined {
  const cached = dir.children.get(name);
  if (cached !== undefined) return cached;
  const places = placesOf(dir.inode);
  const inode = places === undefined ? dir.inode.lookup(name, viewer) : peekMerged(dir.inode.sb as OverlaySuperBlock, places, name, viewer);
  return inode === undefined ? undefined : new Dentry(name, dir, inode);
}

/** A name, or a path from a layer's root. */
function peekPath(from: Dentry, path: string, viewer: Task): Dentry | undefined {
  let at: Dentry | undefined = from;
  for (const name of path.split("/")) if (name !== "") at = at?.inode.isDirectory === true ? peekChild(at, name, viewer) : undefined;
  return at;
}

/** The entries of a directory. */
export function peekDirectory(dir: Dentry, viewer: Task): readonly Dirent[] {
  const places = placesOf(dir.inode);
  if (places === undefined) return dir.inode.readdir(viewer);
  const sb = dir.inode.sb as OverlaySuperBlock;
  const entries: Dirent[] = [];
  for (const name of namesOf(places, viewer)) {
    const found = findLayers(sb, places, name, viewer).merged;
    if (found[0] !== undefined) entries.push({ name, ino: found[0].dentry.inode.ino, type: (found[0].dentry.inode.mode & S_IFMT) >> 12 });
  }
  return entries;
}

function namesOf(places: readonly LayerPath[], viewer: Task): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { dentry } of places) {
    if (!dentry.inode.isDirectory) continue;
    for (const { name } of peekDirectory(dentry, viewer)) {
      names.add(name);
      if (names.size >= MAX_SOUGHT) return names;
    }
  }
  return names;
}

function peekMerged(sb: OverlaySuperBlock, places: readonly LayerPath[], name: string, viewer: Task): Inode | undefined {
  const [top, ...below] = findLayers(sb, places, name, viewer).merged;
  if (top === undefined) return undefined;
  return sb.findInode(top.dentry.inode) ?? new SeenInode(sb, [top, ...below]);
}

type Change = LayerEntry["layers"][number]["change"];

interface LayerFind {
  readonly place: LayerPath;
  readonly change: Change;
  readonly hidden: boolean;
}

interface Find {
  /** What the merged view is made of, topmost first. */
  readonly merged: readonly LayerPath[];
  /** What each layer has. */
  readonly layers: readonly LayerFind[];
}

/**
 * What the layers have for a name in a directory that is at `places`; with `buried`, places of the same directory that do not count any more.
 * A directory that was renamed says where the lower layers have what it is merged from: another name, or a path from their roots.
 */
function findLayers(
  sb: OverlaySuperBlock,
  places: readonly LayerPath[],
  name: string,
  viewer: Task,
  buried: readonly LayerPath[] = [],
): Find {
  const found: { place: LayerPath; counts: boolean }[] = [];
  let wanted = name;
  const stack = [...places];
  for (let at = stack.shift(); at !== undefined; at = stack.shift()) {
    const { layer, dentry } = at;
    const child = peekPath(dentry, wanted, viewer);
    if (child === undefined) continue;
    found.push({ place: { layer, dentry: child }, counts: true });
    const redirect = child.inode.isDirectory && sb.followsRedirects ? sb.marks.findRedirect(child.inode) : undefined;
    if (redirect === undefined || redirect === "") continue;
    wanted = redirect;
    if (redirect.startsWith("/")) stack.splice(0, stack.length, ...sb.rootLowers.filter((root) => root.layer.index > layer.index));
  }
  for (const { layer, dentry } of buried) {
    const child = dentry.inode.isDirectory ? peekChild(dentry, name, viewer) : undefined;
    if (child !== undefined) found.push({ place: { layer, dentry: child }, counts: false });
  }
  found.sort((a, b) => a.place.layer.index - b.place.layer.index);
  const merged: LayerPath[] = [];
  const layers: LayerFind[] = [];
  let stop = false;
  for (const [i, { place, counts }] of found.entries()) {
    const { inode } = place.dentry;
    const seen = counts && !stop;
    const below = found.slice(i + 1).find((other) => other.counts === counts)?.place.dentry.inode;
    const directory = inode.isDirectory;
    // A file under a directory is not seen; a directory under a directory is part of it.
    const joins = seen && (merged.length === 0 || directory);
    const hidden = !joins && !(seen && isWhiteout(inode) && merged.length === 0);
    layers.push({ place, change: classify(sb, inode, below), hidden });
    if (joins && !isWhiteout(inode)) merged.push(place);
    if (counts && (isWhiteout(inode) || !directory || sb.marks.isSet(inode, "opaque"))) stop = true;
  }
  return { merged, layers };
}

/** What a layer does to what the one below it has. */
function classify(sb: OverlaySuperBlock, inode: Inode, below: Inode | undefined): Change {
  if (isWhiteout(inode)) return "removed";
  if (inode.isDirectory && sb.marks.isSet(inode, "opaque")) return "opaque";
  if (below === undefined || isWhiteout(below)) return "added";
  return inode.isDirectory && below.isDirectory ? "merged" : "changed";
}

/** A directory of an overlay: where it is merged from, and where layers have one of its path that does not count. */
interface LayeredDirectory {
  readonly places: readonly LayerPath[];
  readonly buried: readonly LayerPath[];
}

/** Follows a path from the root of the overlay. Errors: ENOENT, ENOTDIR. */
function walk(sb: OverlaySuperBlock, path: string, viewer: Task): LayeredDirectory {
  let at: LayeredDirectory = { places: sb.layers.map((layer) => ({ layer, dentry: layer.root })), buried: [] };
  for (const name of path.split("/").filter((part) => part !== "" && part !== ".")) {
    const { merged, layers } = findLayers(sb, at.places, name, viewer, at.buried);
    if (layers.length === 0) throw ENOENT;
    const kept = new Set(merged.map(({ layer }) => layer));
    at = { places: merged, buried: layers.filter(({ place }) => !kept.has(place.layer)).map(({ place }) => place) };
  }
  return at;
}

/** Tells of an inode as the caller's `describe` does. */
type Describe<T> = (name: string, inode: Inode) => T;

/** One directory of an overlay, layer by layer, and how many names there are. Errors: ENOENT, ENOTDIR. */
export function listLayers(
  sb: OverlaySuperBlock,
  path: string,
  viewer: Task,
  describe: Describe<NonNullable<LayerEntry["merged"]>>,
): { readonly entries: readonly LayerEntry[]; readonly total: number } {
  const { places, buried } = walk(sb, path, viewer);
  const directories = [...places, ...buried].filter(({ dentry }) => dentry.inode.isDirectory);
  if (directories.length === 0) throw ENOTDIR;
  const names = [...namesOf(directories, viewer)].sort();
  const entries = names.slice(0, MAX_NAMES).map((name): LayerEntry => {
    const { merged, layers } = findLayers(sb, places, name, viewer, buried);
    return {
      name,
      ...(merged[0] === undefined ? {} : { merged: describe(name, merged[0].dentry.inode) }),
      layers: layers.map(({ place, change, hidden }) => {
        const { mode, size } = place.dentry.inode;
        return { layer: place.layer.index, change, hidden, mode, sizeBytes: size };
      }),
    };
  });
  return { entries, total: names.length };
}

/** What one layer has at a path. Errors: ENOENT. */
export function findInLayer(sb: OverlaySuperBlock, index: number, path: string, viewer: Task): Inode {
  const { places, buried } = walk(sb, path, viewer);
  const at = [...places, ...buried].find(({ layer }) => layer.index === index);
  if (at === undefined) throw ENOENT;
  return at.dentry.inode;
}
