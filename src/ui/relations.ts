/** What of the machine has to do with a thing: what stays lit in every view while it is pointed at. */
import type { CgroupEntity, MountEntity, NamespaceEntity, NamespaceKind, OverlayEntity, TaskEntity } from "../bridge/messages.ts";
import type { Selection } from "./selection.ts";

export interface Related {
  readonly pids: ReadonlySet<number>;
  readonly namespaces: ReadonlySet<number>;
  readonly cgroups: ReadonlySet<number>;
  readonly mounts: ReadonlySet<number>;
  readonly overlays: ReadonlySet<number>;
}

export interface Entities {
  readonly tasks: ReadonlyMap<number, TaskEntity>;
  readonly namespaces: ReadonlyMap<number, NamespaceEntity>;
  readonly cgroups: ReadonlyMap<number, CgroupEntity>;
  readonly mounts: ReadonlyMap<number, MountEntity>;
  readonly overlays: ReadonlyMap<number, OverlayEntity>;
}

/** The namespace of each kind that the machine booted with: numbers are given out in rising order. */
export function findFirst(namespaces: ReadonlyMap<number, NamespaceEntity>): Map<NamespaceKind, number> {
  const first = new Map<NamespaceKind, number>();
  for (const { kind, ino } of namespaces.values()) if (ino < (first.get(kind) ?? Number.POSITIVE_INFINITY)) first.set(kind, ino);
  return first;
}

/** A thing with all that it is nested in, itself first. */
export function listChain<T extends { readonly parent?: number }>(things: ReadonlyMap<number, T>, key: number | undefined): number[] {
  const chain: number[] = [];
  for (let at = key; at !== undefined && !chain.includes(at); at = things.get(at)?.parent) chain.push(at);
  return chain;
}

/** Processes that are in a namespace; in one of PIDs or users also those in namespaces that are nested in it. */
export function isMember(task: TaskEntity, ns: NamespaceEntity, namespaces: ReadonlyMap<number, NamespaceEntity>): boolean {
  const own = task.namespaces[ns.kind];
  return own === ns.ino || ((ns.kind === "pid" || ns.kind === "user") && listChain(namespaces, own).includes(ns.ino));
}

/** Below a cgroup, or it itself. */
export function isWithin(cgroups: ReadonlyMap<number, CgroupEntity>, id: number, top: number): boolean {
  return listChain(cgroups, id).includes(top);
}

/** A process, its ancestors and its descendants. */
function findFamily(tasks: ReadonlyMap<number, TaskEntity>, pid: number): Set<number> {
  const family = new Set<number>();
  for (let at = tasks.get(pid); at !== undefined && !family.has(at.pid); at = tasks.get(at.ppid)) family.add(at.pid);
  const children = new Map<number, number[]>();
  for (const task of tasks.values()) {
    const siblings = children.get(task.ppid);
    if (siblings === undefined) children.set(task.ppid, [task.pid]);
    else siblings.push(task.pid);
  }
  const open = [pid];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    family.add(at);
    for (const child of children.get(at) ?? []) if (!family.has(child)) open.push(child);
  }
  return family;
}

function findMembers(entities: Entities, selection: Selection): Set<number> {
  const { tasks, namespaces, cgroups, mounts } = entities;
  const where = (test: (task: TaskEntity) => boolean): Set<number> => {
    const pids = new Set<number>();
    for (const task of tasks.values()) if (test(task)) pids.add(task.pid);
    return pids;
  };
  switch (selection.kind) {
    case "task":
      return findFamily(tasks, selection.pid);
    case "namespace": {
      const ns = namespaces.get(selection.ino);
      return ns === undefined ? new Set() : where((task) => isMember(task, ns, namespaces));
    }
    case "cgroup": {
      const within = new Set<number>();
      for (const id of cgroups.keys()) if (isWithin(cgroups, id, selection.id)) within.add(id);
      return where((task) => within.has(task.cgroup));
    }
    case "mount": {
      const mntNs = mounts.get(selection.id)?.mntNs;
      return where((task) => task.namespaces.mnt === mntNs);
    }
    case "overlay": {
      const seenIn = new Set<number>();
      for (const mount of mounts.values()) if (mount.overlay === selection.id) seenIn.add(mount.mntNs);
      return where((task) => seenIn.has(task.namespaces.mnt ?? -1));
    }
  }
}

export function findRelated(entities: Entities, selection: Selection): Related {
  const { tasks, namespaces, cgroups, mounts } = entities;
  const pids = findMembers(entities, selection);
  // A process drags along only what is its own, not what its ancestors are in.
  const centre = selection.kind === "task" ? new Set([selection.pid]) : pids;
  const spaces = new Set<number>();
  const groups = new Set<number>();
  for (const pid of centre) {
    const task = tasks.get(pid);
    if (task === undefined) continue;
    for (const ino of Object.values(task.namespaces)) for (const one of listChain(namespaces, ino)) spaces.add(one);
    for (const id of listChain(cgroups, task.cgroup)) groups.add(id);
  }
  if (selection.kind === "namespace") {
    spaces.clear();
    for (const ino of listChain(namespaces, selection.ino)) spaces.add(ino);
    for (const ns of namespaces.values()) if (listChain(namespaces, ns.ino).includes(selection.ino)) spaces.add(ns.ino);
  }
  if (selection.kind === "cgroup") {
    groups.clear();
    for (const id of listChain(cgroups, selection.id)) groups.add(id);
    for (const id of cgroups.keys()) if (isWithin(cgroups, id, selection.id)) groups.add(id);
  }
  const related = { mounts: new Set<number>(), overlays: new Set<number>() };
  for (const mount of mounts.values()) {
    const own =
      selection.kind === "mount" ? mount.id === selection.id : selection.kind === "overlay" ? mount.overlay === selection.id : undefined;
    if (!(own ?? spaces.has(mount.mntNs))) continue;
    related.mounts.add(mount.id);
    if (mount.overlay !== undefined) related.overlays.add(mount.overlay);
  }
  if (selection.kind === "overlay") related.overlays.add(selection.id);
  return { pids, namespaces: spaces, cgroups: groups, ...related };
}
