/** Processes, for frames. An unchanged one costs a few comparisons and no allocation. */

import type { Delta, TaskEntity, TaskState } from "../../bridge/messages.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { groupUsage, type Task } from "../../kernel/task/task.ts";

const STATES: Record<Task["state"], TaskState> = { running: "R", sleeping: "S", stopped: "T", traced: "t", dead: "Z" };

interface Seen {
  entity: TaskEntity;
  cpuNs: number;
}

export class TaskSource {
  private readonly seen = new Map<number, Seen>();

  constructor(private readonly kernel: Kernel) {}

  collect(): Delta<TaskEntity> {
    const upsert: TaskEntity[] = [];
    const alive = new Set<number>();
    for (const task of this.kernel.tasks) {
      if (!task.isLeader) continue;
      const pid = task.pid.nr;
      alive.add(pid);
      const before = this.seen.get(pid);
      const cpuNs = task.utimeNs + task.stimeNs;
      if (before !== undefined && unchanged(before.entity, task) && before.cpuNs === cpuNs) continue;
      const entity = describe(task);
      this.seen.set(pid, { entity, cpuNs });
      upsert.push(entity);
    }
    const remove: number[] = [];
    if (this.seen.size > alive.size) {
      for (const pid of this.seen.keys()) {
        if (alive.has(pid)) continue;
        this.seen.delete(pid);
        remove.push(pid);
      }
    }
    return { upsert, remove };
  }
}

/** Whether the page would see the same process. */
function unchanged(e: TaskEntity, task: Task): boolean {
  const { tg } = task;
  return (
    e.state === STATES[task.state] &&
    e.comm === task.comm &&
    e.argv === task.image.argv &&
    e.rssBytes === task.mm.residentBytes &&
    e.ppid === (tg.parent?.pid.nr ?? 0) &&
    e.pgid === tg.pgrp.nr &&
    e.sid === tg.session.nr &&
    e.nice === task.nice &&
    e.uid === task.cred.uid &&
    e.threads === tg.threads.size &&
    e.tty === (tg.tty?.name ?? "") &&
    e.cgroup === task.cgroup.ino &&
    isIn(e.namespaces, task)
  );
}

function isIn(seen: TaskEntity["namespaces"], task: Task): boolean {
  if (seen.user !== task.cred.userNs.ino) return false;
  if (task.state === "dead") return seen.mnt === undefined;
  const { cgroup, ipc, mnt, net, time, uts } = task.ns;
  return (
    seen.mnt === mnt.ino &&
    seen.net === net.ino &&
    seen.uts === uts.ino &&
    seen.ipc === ipc.ino &&
    seen.cgroup === cgroup.ino &&
    seen.time === time.ino
  );
}

function describe(task: Task): TaskEntity {
  const { tg } = task;
  const usage = tg.zombie ? tg.deadThreads : groupUsage(tg);
  return {
    pid: task.pid.nr,
    ppid: tg.parent?.pid.nr ?? 0,
    pgid: tg.pgrp.nr,
    sid: tg.session.nr,
    comm: task.comm,
    argv: task.image.argv,
    state: STATES[task.state],
    uid: task.cred.uid,
    nice: task.nice,
    threads: tg.threads.size,
    cpuNs: usage.utimeNs + usage.stimeNs,
    rssBytes: task.mm.residentBytes,
    tty: tg.tty?.name ?? "",
    startNs: task.startNs,
    innerPids: task.pid.numbers.slice(1).map((n) => n.nr),
    namespaces: namespacesOf(task),
    cgroup: task.cgroup.ino,
    ...(tg.exitStatus === undefined ? {} : { waitStatus: tg.exitStatus }),
  };
}

/** The inode numbers of its namespaces. */
function namespacesOf(task: Task): TaskEntity["namespaces"] {
  const pid = task.pidNs.ino;
  const user = task.cred.userNs.ino;
  if (task.state === "dead") return { pid, user };
  const { cgroup, ipc, mnt, net, time, uts } = task.ns;
  return { cgroup: cgroup.ino, ipc: ipc.ino, mnt: mnt.ino, net: net.ino, pid, time: time.ino, user, uts: uts.ino };
}
