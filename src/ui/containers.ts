/** Which container a thing of the kernel belongs to, so that every view can call it by the container's name. */
import type { ContainerEntity } from "../bridge/messages.ts";
import { findFirst } from "./relations.ts";
import { live } from "./store.ts";

interface Owners {
  readonly versions: readonly number[];
  /** Of namespaces other than the first ones, by inode number. Those that several containers share belong to the first of them. */
  readonly ofNamespace: ReadonlyMap<number, ContainerEntity>;
}

let owners: Owners = { versions: [], ofNamespace: new Map() };

function readOwners(): Owners {
  const { containers, tasks, namespaces } = live.versions;
  const versions = [containers, tasks, namespaces];
  if (versions.every((version, i) => version === owners.versions[i])) return owners;
  const first = new Set(findFirst(live.namespaces).values());
  const ofNamespace = new Map<number, ContainerEntity>();
  for (const container of live.containers.values())
    for (const ino of Object.values(live.tasks.get(container.pid)?.namespaces ?? {}))
      if (!first.has(ino) && !ofNamespace.has(ino)) ofNamespace.set(ino, container);
  owners = { versions, ofNamespace };
  return owners;
}

/** The container whose namespace it is. */
export function findOwner(ino: number | undefined): ContainerEntity | undefined {
  return ino === undefined || live.containers.size === 0 ? undefined : readOwners().ofNamespace.get(ino);
}

/** The container of a cgroup, by its name, which is the container's id. */
export function findContainerOfCgroup(name: string): ContainerEntity | undefined {
  return live.containers.get(name.replace(/^docker-|\.scope$/g, ""));
}

/** The container that all of these processes are in. */
export function findContainerOfAll(pids: readonly number[]): ContainerEntity | undefined {
  const found = new Set(pids.map((pid) => findOwner(live.tasks.get(pid)?.namespaces.mnt)));
  return found.size === 1 ? [...found][0] : undefined;
}

/** The container that an overlay is the root of. */
export function findContainerOfOverlay(overlay: number): ContainerEntity | undefined {
  for (const mount of live.mounts.values()) {
    if (mount.overlay !== overlay || mount.target !== "/") continue;
    const owner = findOwner(mount.mntNs);
    if (owner !== undefined) return owner;
  }
  return undefined;
}
