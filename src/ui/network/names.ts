/** How network namespaces, links and counts are called. */
import type { LinkEntity, NamespaceEntity, NetworkEntity, TaskEntity } from "../../bridge/messages.ts";
import { findFirst } from "../relations.ts";

/** The network namespace that the machine booted with. */
export function findHostNet(namespaces: ReadonlyMap<number, NamespaceEntity>): number | undefined {
  return findFirst(namespaces).get("net");
}

/** The name under which it is pinned, else its first process, else its number. */
export function nameNetwork({ ino, name }: NetworkEntity, host: number | undefined, tasks: ReadonlyMap<number, TaskEntity>): string {
  if (ino === host) return "host";
  if (name !== "") return name;
  let first: TaskEntity | undefined;
  for (const task of tasks.values()) if (task.namespaces.net === ino && task.pid < (first?.pid ?? Number.POSITIVE_INFINITY)) first = task;
  return first === undefined ? `net:[${ino}]` : `${first.comm} ${first.pid}`;
}

/** The host first, the others in the order of their birth. */
export function sortNetworks(networks: ReadonlyMap<number, NetworkEntity>, host: number | undefined): readonly NetworkEntity[] {
  return [...networks.values()].sort((a, b) => Number(b.ino === host) - Number(a.ino === host) || a.ino - b.ino);
}

/** `up`, or what keeps it from working. */
export function tellState({ up, carrier }: LinkEntity): string {
  return up ? (carrier ? "up" : "no carrier") : "down";
}
