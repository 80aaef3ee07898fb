/**
 * Mounts and overlays, for frames. A namespace is described anew only where one of its mounts came, went or changed; now and then all are, because
 * a directory above a mount may have got another name.
 */

import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_NOSYMFOLLOW, MS_RDONLY, MS_RELATIME } from "../../abi/mount.ts";
import type { Delta, MountEntity, OverlayEntity } from "../../bridge/messages.ts";
import { isOverlay } from "../../kernel/fs/overlay/module.ts";
import type { OverlaySuperBlock } from "../../kernel/fs/overlay/super.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Dentry } from "../../kernel/vfs/dentry.ts";
import { type Mount, MountNamespace } from "../../kernel/vfs/mount.ts";
import { dPath } from "../../kernel/vfs/path.ts";

/** Mounts of one namespace that are told of: a page draws no more. */
const MAX_MOUNTS = 2000;
/** Frames from one description of everything to the next. */
const ALL_EVERY = 64;

const OPTIONS: readonly (readonly [number, string])[] = [
  [MS_NOSUID, ",nosuid"],
  [MS_NODEV, ",nodev"],
  [MS_NOEXEC, ",noexec"],
  [MS_NOATIME, ",noatime"],
  [MS_NODIRATIME, ",nodiratime"],
  [MS_RELATIME, ",relatime"],
  [MS_NOSYMFOLLOW, ",nosymfollow"],
];

/** What of a mount can change, as it was. */
interface SeenMount {
  readonly mount: Mount;
  readonly parent: Mount | undefined;
  readonly flags: number;
  readonly readonly: boolean;
  readonly group: unknown;
  readonly masterGroup: unknown;
  readonly unbindable: boolean;
}

interface Seen {
  readonly mounts: readonly SeenMount[];
  readonly entities: ReadonlyMap<number, MountEntity>;
}

export class MountSource {
  /** By inode number of their namespace. */
  private readonly seen = new Map<number, Seen>();
  private readonly seenOverlays = new Map<number, OverlayEntity>();
  /** Those that some namespace has. Written by collect. */
  private overlays: ReadonlySet<OverlaySuperBlock> = new Set();
  private frames = 0;

  constructor(private readonly kernel: Kernel) {}

  collect(): Delta<MountEntity> | undefined {
    const all = this.frames++ % ALL_EVERY === 0;
    const upsert: MountEntity[] = [];
    const gone: number[] = [];
    const alive = new Set<number>();
    let changed = false;
    for (const ns of this.kernel.initUserNs.live.all()) {
      if (!(ns instanceof MountNamespace)) continue;
      alive.add(ns.ino);
      const before = this.seen.get(ns.ino);
      if (!all && before !== undefined && isSameNamespace(before, ns)) continue;
      changed = true;
      const entities = new Map(describeMounts(ns).map((entity) => [entity.id, entity]));
      for (const [id, entity] of entities) if (!isSame(before?.entities.get(id), entity)) upsert.push(entity);
      for (const id of before?.entities.keys() ?? []) if (!entities.has(id)) gone.push(id);
      this.seen.set(ns.ino, { mounts: ns.mounts.map(note), entities });
    }
    for (const [ino, { entities }] of this.seen) {
      if (alive.has(ino)) continue;
      gone.push(...entities.keys());
      this.seen.delete(ino);
      changed = true;
    }
    if (changed) this.findOverlays();
    // What went from one namespace to another is not gone.
    const told = new Set(upsert.map(({ id }) => id));
    const remove = gone.filter((id) => !told.has(id));
    return upsert.length + remove.length === 0 ? undefined : { upsert, remove };
  }

  private findOverlays(): void {
    const found = new Set<OverlaySuperBlock>();
    for (const { mounts } of this.seen.values()) for (const { mount } of mounts) if (isOverlay(mount.sb)) found.add(mount.sb);
    this.overlays = found;
  }

  /** After collect. */
  collectOverlays(): Delta<OverlayEntity> | undefined {
    const upsert: OverlayEntity[] = [];
    const remove: number[] = [];
    const alive = new Set<number>();
    for (const sb of this.overlays) {
      alive.add(sb.dev);
      const before = this.seenOverlays.get(sb.dev);
      if (before !== undefined && before.version === sb.upperVersion && before.whiteouts === sb.whiteouts) continue;
      const entity = describeOverlay(sb);
      this.seenOverlays.set(sb.dev, entity);
      upsert.push(entity);
    }
    for (const id of this.seenOverlays.keys()) {
      if (alive.has(id)) continue;
      this.seenOverlays.delete(id);
      remove.push(id);
    }
    return upsert.length + remove.length === 0 ? undefined : { upsert, remove };
  }
}

function note(mount: Mount): SeenMount {
  const { parent, flags, sb, group, master, unbindable } = mount;
  return { mount, parent, flags, readonly: sb.readonly, group, masterGroup: master?.group, unbindable };
}

function isSameNamespace({ mounts }: Seen, ns: MountNamespace): boolean {
  if (mounts.length !== ns.size) return false;
  const now = ns.mounts;
  for (let i = 0; i < mounts.length; i++) {
    const seen = mounts[i] as SeenMount;
    const mount = now[i] as Mount;
    if (
      seen.mount !== mount ||
      seen.parent !== mount.parent ||
      seen.flags !== mount.flags ||
      seen.group !== mount.group ||
      seen.masterGroup !== mount.master?.group ||
      seen.unbindable !== mount.unbindable ||
      seen.readonly !== mount.sb.readonly
    )
      return false;
  }
  return true;
}

function isSame(a: MountEntity | undefined, b: MountEntity): boolean {
  if (a === undefined) return false;
  const keys = Object.keys({ ...a, ...b }) as (keyof MountEntity)[];
  return keys.every((key) => a[key] === b[key]);
}

/** From `root` on, parents first, however deep. */
function listTree(root: Mount): readonly Mount[] {
  const found = [root];
  for (let i = 0; i < found.length && found.length < MAX_MOUNTS; i++) found.push(...(found[i] as Mount).children.values());
  return found.slice(0, MAX_MOUNTS);
}

/** As mountinfo tells it to a process whose root is that of the namespace: what the root covers is not told. */
function describeMounts(ns: MountNamespace): MountEntity[] {
  const root = ns.top;
  const hidden = new Set<Mount>();
  return listTree(root.mnt).map((mount) => {
    const { parent, group, master, sb } = mount;
    if (mount !== root.mnt && isHidden(mount, hidden)) hidden.add(mount);
    return {
      id: mount.id,
      ...(parent === undefined || mount === root.mnt ? {} : { parent: parent.id }),
      mntNs: ns.ino,
      target: dPath(mount.rootPath, root),
      root: inside(mount.root),
      fstype: sb.fstype,
      source: mount.source,
      options: describeOptions(mount),
      ...(group === undefined ? {} : { shared: group.id }),
      ...(master?.group === undefined ? {} : { master: master.group.id }),
      unbindable: mount.unbindable,
      covered: hidden.has(mount) || mount.overmount !== undefined,
      ...(isOverlay(sb) ? { overlay: sb.dev } : {}),
    };
  });
}

/** Whether no path leads to its place; `hidden` are the mounts above it of which that is true. */
function isHidden({ parent, mountpoint }: Mount, hidden: ReadonlySet<Mount>): boolean {
  if (parent === undefined || mountpoint === undefined) return false;
  if (hidden.has(parent)) return true;
  for (let d: Dentry = mountpoint; d !== parent.root && !d.isRoot; ) {
    d = d.parent;
    if (d.mountCount > 0 && parent.children.has(d)) return true;
  }
  return false;
}

/** The path of a dentry inside its filesystem. */
function inside(dentry: Dentry): string {
  let text = "";
  for (let d = dentry; !d.isRoot; d = d.parent) text = `/${d.name}${text}`;
  return text === "" ? "/" : text;
}

function describeOptions({ flags, sb }: Mount): string {
  const access = (flags & MS_RDONLY) !== 0 || sb.readonly ? "ro" : "rw";
  return `${access}${OPTIONS.map(([flag, text]) => ((flags & flag) === 0 ? "" : text)).join("")}${sb.showOptions()}`;
}

function describeOverlay(sb: OverlaySuperBlock): OverlayEntity {
  const { upperdir, workdir } = sb;
  return {
    id: sb.dev,
    lowerdirs: sb.lowerdirs,
    ...(upperdir === undefined ? {} : { upperdir }),
    ...(workdir === undefined ? {} : { workdir }),
    copiedUpBytes: sb.copiedUpBytes,
    copiedUp: sb.copiedUp,
    whiteouts: sb.whiteouts,
    version: sb.upperVersion,
  };
}
