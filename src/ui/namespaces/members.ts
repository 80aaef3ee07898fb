/** Who is in a namespace, and what number a process has in one of PIDs. */
import type { NamespaceEntity, TaskEntity } from "../../bridge/messages.ts";
import { isMember, listChain } from "../relations.ts";

type Namespaces = ReadonlyMap<number, NamespaceEntity>;

/** Processes in it, and in those nested in it, by PID. */
export function listMembers(tasks: ReadonlyMap<number, TaskEntity>, namespaces: Namespaces, ino: number): TaskEntity[] {
  const ns = namespaces.get(ino);
  if (ns === undefined) return [];
  return [...tasks.values()].filter((task) => isMember(task, ns, namespaces)).sort((a, b) => a.pid - b.pid);
}

/** The number of a process in a PID namespace; undefined where it is not to be seen from there. */
export function findPidIn(task: TaskEntity, namespaces: Namespaces, ino: number): number | undefined {
  const chain = listChain(namespaces, task.namespaces.pid);
  const at = chain.indexOf(ino);
  if (at < 0) return undefined;
  // `chain` begins with the innermost, the numbers with the outermost.
  return [task.pid, ...task.innerPids][chain.length - 1 - at];
}
