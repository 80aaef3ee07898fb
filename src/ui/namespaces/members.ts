/** Who is in a namespace. */
import type { NamespaceEntity, TaskEntity } from "../../bridge/messages.ts";
import { isMember } from "../relations.ts";

type Namespaces = ReadonlyMap<number, NamespaceEntity>;

/** Processes in it, and in those nested in it, by PID. */
export function listMembers(tasks: ReadonlyMap<number, TaskEntity>, namespaces: Namespaces, ino: number): TaskEntity[] {
  const ns = namespaces.get(ino);
  if (ns === undefined) return [];
  return [...tasks.values()].filter((task) => isMember(task, ns, namespaces)).sort((a, b) => a.pid - b.pid);
}
