/** Who is in a namespace. */
import type { NamespaceEntity, TaskEntity } from "../../bridge/messages.ts";
import { findNested } from "../relations.ts";

/** Processes in it, and in those nested in it, by PID. */
export function listMembers(
  tasks: ReadonlyMap<number, TaskEntity>,
  namespaces: ReadonlyMap<number, NamespaceEntity>,
  ino: number,
): TaskEntity[] {
  const ns = namespaces.get(ino);
  if (ns === undefined) return [];
  const nested = findNested(namespaces, ns);
  return [...tasks.values()].filter((task) => nested.has(task.namespaces[ns.kind] ?? -1)).sort((a, b) => a.pid - b.pid);
}
