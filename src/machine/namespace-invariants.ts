/** The books of namespaces: numbers of processes are bijections, nobody is in a namespace that has ended, and none outlives its users. */

import { NamespaceFile } from "../kernel/fs/nsfs/nsfs.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Namespace } from "../kernel/ns/namespace.ts";
import { PidNamespace } from "../kernel/ns/pid.ts";
import { MountNamespace } from "../kernel/vfs/mount.ts";

function require(condition: boolean, message: string): void {
  if (!condition) throw new Error(`invariant: ${message}`);
}

const nameOf = (ns: Namespace): string => `${ns.kind}:[${ns.ino}]`;

/** Every number leads to the PID that bears it there, and every PID has one in each namespace from the outermost to its own. */
export function checkPids(kernel: Kernel): void {
  for (const ns of kernel.initUserNs.live.all()) {
    if (!(ns instanceof PidNamespace)) continue;
    for (const [nr, pid] of ns.sorted()) {
      require(pid.nrIn(ns) === nr, `${nameOf(ns)}: ${nr} leads to a PID that is ${pid.nrIn(ns)} there`);
      pid.numbers.forEach((upid, level) => {
        require(upid.ns.level === level, `PID ${pid.nr}: its number of level ${level} is in a namespace of level ${upid.ns.level}`);
        require(upid.ns.find(upid.nr) === pid, `PID ${pid.nr}: ${upid.nr} is taken by another in ${nameOf(upid.ns)}`);
        require(level === 0 || upid.ns.parent === pid.numbers[level - 1]?.ns, `PID ${pid.nr}: its namespaces are not nested`);
      });
    }
  }
  for (const task of kernel.tasks) require(task.pidNs.find(task.tid) === task.pid, `PID ${task.pid.nr}: unknown where it lives`);
}

/** The namespaces that tasks, descriptors and mounts hold, and those that these need. */
function heldNamespaces(kernel: Kernel): Set<Namespace> {
  const held = new Set<Namespace>();
  const hold = (ns: Namespace | undefined): void => {
    if (ns === undefined || held.has(ns)) return;
    held.add(ns);
    hold(ns.owner);
    hold(ns.parent);
    if (!(ns instanceof MountNamespace)) return;
    for (const { root } of ns.mounts) if ("ns" in root.inode) hold(root.inode.ns as Namespace | undefined);
  };
  for (const task of kernel.tasks) {
    hold(task.cred.userNs);
    for (const { ns } of task.pid.numbers) hold(ns);
    if (task.state === "dead") continue;
    const { uts, ipc, net, cgroup, time, timeForChildren, mnt, pidForChildren } = task.ns;
    for (const ns of [uts, ipc, net, cgroup, time, timeForChildren, mnt, pidForChildren]) hold(ns);
    for (const [, file] of task.files.entries()) if (file instanceof NamespaceFile) hold(file.namespace);
  }
  return held;
}

export function checkNamespaces(kernel: Kernel): void {
  const live = new Set(kernel.initUserNs.live.all());
  for (const ns of heldNamespaces(kernel)) {
    require(ns.refCount > 0, `${nameOf(ns)}: used, but nobody counts`);
    require(live.has(ns), `${nameOf(ns)}: used, but has ended`);
  }
  for (const ns of live) require(ns.refCount > 0, `${nameOf(ns)}: alive without a user`);
}

/** For when nothing is under way: what is alive must be held by something. */
export function checkNoNamespaceLeaks(kernel: Kernel): void {
  const held = heldNamespaces(kernel);
  for (const ns of kernel.initUserNs.live.all()) require(held.has(ns), `${nameOf(ns)}: leaked, counted ${ns.refCount} times`);
}
