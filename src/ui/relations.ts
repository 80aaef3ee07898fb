/** What of the machine has to do with a thing: what stays lit in every view while it is pointed at. */
import type {
  CgroupEntity,
  ContainerEntity,
  MountEntity,
  NamespaceEntity,
  NamespaceKind,
  OverlayEntity,
  TaskEntity,
} from "../bridge/messages.ts";
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
  readonly containers: ReadonlyMap<string, ContainerEntity>;
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

/** A namespace and, of PIDs or users, all that are nested in it: who is in one of these is in it. */
export function findNested(namespaces: ReadonlyMap<number, NamespaceEntity>, { ino, kind }: NamespaceEntity): ReadonlySet<number> {
  const nested = new Set([ino]);
  if (kind !== "pid" && kind !== "user") return nested;
  for (const other of namespaces.values()) if (other.kind === kind && listChain(namespaces, other.ino).includes(ino)) nested.add(other.ino);
  return nested;
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
      if (ns === undefined) return new Set();
      const nested = findNested(namespaces, ns);
      return where((task) => nested.has(task.namespaces[ns.kind] ?? -1));
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
    case "container": {
      const first = tasks.get(entities.containers.get(selection.id)?.pid ?? -1);
      return first === undefined ? new Set() : where((task) => isWithin(cgroups, task.cgroup, first.cgroup));
    }
    case "overlay": {
      const seenIn = new Set<number>();
      for (const mount of mounts.values()) if (mount.overlay === selection.id) seenIn.add(mount.mntNs);
      return where((task) => seenIn.has(task.namespaces.mnt ?? -1));
    }
  }
}

function addAll(into: Set<number>, keys: Iterable<number>): void {
  for (const key of keys) into.add(key);
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
    if (selection.kind !== "namespace")
      for (const ino of Object.values(task.namespaces)) if (!spaces.has(ino)) addAll(spaces, listChain(namespaces, ino));
    if (selection.kind !== "cgroup" && !groups.has(task.cgroup)) addAll(groups, listChain(cgroups, task.cgroup));
  }
  if (selection.kind === "namespace") {
    const ns = namespaces.get(selection.ino);
    addAll(spaces, listChain(namespaces, selection.ino));
    if (ns !== undefined) addAll(spaces, findNested(namespaces, ns));
  }
  if (selection.kind === "cgroup") {
    addAll(groups, listChain(cgroups, selection.id));
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
