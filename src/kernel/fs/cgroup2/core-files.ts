/** cgroup.*: "Core Interface Files" of Documentation/admin-guide/cgroup-v2.rst. Left out: cgroup.stat.local, which 6.1 has not. */

import { EINVAL, ENOENT, EOPNOTSUPP, ERANGE, ESRCH } from "../../../abi/errno.ts";
import type { Cgroup } from "../../cgroup/cgroup.ts";
import type { Pressure } from "../../cgroup/psi.ts";
import type { Task } from "../../task/task.ts";
import { type CgroupFile, parseCount, parseInteger, showLimit } from "./entry.ts";
import { cgroup2Of } from "./cgroup2.ts";
import { checkCgroupWrite, type Opener } from "./inode.ts";

const lines = (numbers: Iterable<number>): string => [...numbers].map((n) => `${n}\n`).join("");
/** Linux `cgroup_print_ss_mask`: where there is none, not even the end of a line. */
const words = (names: readonly string[]): string => (names.length === 0 ? "" : `${names.join(" ")}\n`);
const flag = (on: boolean): string => (on ? "1\n" : "0\n");

/** Linux `cgroup_procs_write_start`: the thread that a number means. Errors: EINVAL, ESRCH. */
function findTask(text: string, writer: Task): Task {
  let pid: number;
  try {
    pid = parseInteger(text);
  } catch {
    throw EINVAL;
  }
  if (pid < 0) throw EINVAL;
  if (pid === 0) return writer;
  const task = writer.pidNs.find(pid)?.task as Task | undefined;
  if (task === undefined) throw ESRCH;
  return task;
}

/**
 * Linux `cgroup_procs_write_permission`. Errors: EACCES where the writer may not write to cgroup.procs of the common ancestor; with nsdelegate,
 * ENOENT where its cgroup namespace does not hold both.
 */
export function checkAttach(from: Cgroup, to: Cgroup, writer: Task, opener: Opener): void {
  let common = from;
  while (!to.isWithin(common)) common = common.parent as Cgroup;
  checkCgroupWrite(cgroup2Of(writer.system).root, common, "cgroup.procs", opener.cred);
  const { root } = opener.cgroupNs;
  if (to.tree.nsdelegate && !(from.isWithin(root) && to.isWithin(root))) throw ENOENT;
}

function moveProcess(cgroup: Cgroup, text: string, writer: Task, opener: Opener): void {
  const { tg } = findTask(text, writer);
  checkAttach(tg.leader.cgroup, cgroup, writer, opener);
  cgroup.tree.checkDestination(cgroup);
  for (const thread of tg.threads) cgroup.tree.move(thread, cgroup);
}

function moveThread(cgroup: Cgroup, text: string, writer: Task, opener: Opener): void {
  const task = findTask(text, writer);
  checkAttach(task.cgroup, cgroup, writer, opener);
  cgroup.tree.checkDestination(cgroup);
  if (cgroup.domain !== task.cgroup.domain) throw EOPNOTSUPP;
  cgroup.tree.move(task, cgroup);
}

/** The numbers of tasks as the reader's PID namespace has them; those outside of it are 0, as Linux shows them. */
function idsOf(tasks: Iterable<Task>, reader: Task): string {
  return lines([...tasks].map((t) => t.pid.nrIn(reader.pidNs)).sort((a, b) => a - b));
}

const pressureFile = (name: "cpu" | "memory" | "io"): CgroupFile => {
  const of = (c: Cgroup): Pressure => c.pressure[name];
  return {
    name: `${name}.pressure`,
    mode: 0o644,
    root: "yes",
    hidden: (c) => !c.pressure.enabled,
    read: (c) => of(c).text(),
    trigger: (c, text) => of(c).addTrigger(text),
  };
};

export const coreFiles: readonly CgroupFile[] = [
  {
    name: "cgroup.type",
    mode: 0o644,
    root: "no",
    read: (c) => `${c.type}\n`,
    write(c, text) {
      if (text !== "threaded") throw EINVAL;
      c.tree.makeThreaded(c);
    },
  },
  {
    name: "cgroup.procs",
    mode: 0o644,
    root: "yes",
    delegatable: true,
    read(cgroup, reader) {
      if (cgroup.threaded) throw EOPNOTSUPP;
      return idsOf(new Set([...cgroup.domainTasks()].map((t) => (t as Task).tg.leader)), reader);
    },
    write: moveProcess,
  },
  {
    name: "cgroup.threads",
    mode: 0o644,
    root: "yes",
    delegatable: true,
    read: (cgroup, reader) => idsOf(cgroup.tasks as ReadonlySet<object> as ReadonlySet<Task>, reader),
    write: moveThread,
  },
  { name: "cgroup.controllers", mode: 0o444, root: "yes", read: (c) => words(c.available) },
  {
    name: "cgroup.subtree_control",
    mode: 0o644,
    root: "yes",
    delegatable: true,
    read: (c) => words(c.subtreeControl),
    write: (c, text) => c.tree.setSubtreeControl(c, text),
  },
  {
    name: "cgroup.events",
    mode: 0o444,
    root: "no",
    read: (c) => `populated ${c.populated > 0 ? 1 : 0}\nfrozen ${c.isFrozen ? 1 : 0}\n`,
  },
  {
    name: "cgroup.max.descendants",
    mode: 0o644,
    root: "yes",
    read: (c) => showLimit(c.maxDescendants),
    write: (c, text) => void (c.maxDescendants = parseCount(text)),
  },
  {
    name: "cgroup.max.depth",
    mode: 0o644,
    root: "yes",
    read: (c) => showLimit(c.maxDepth),
    write: (c, text) => void (c.maxDepth = parseCount(text)),
  },
  {
    name: "cgroup.stat",
    mode: 0o444,
    root: "yes",
    read: (c) => `nr_descendants ${c.descendants}\nnr_dying_descendants ${c.tree.countDying(c)}\n`,
  },
  {
    name: "cgroup.freeze",
    mode: 0o644,
    root: "no",
    read: (c) => flag(c.freezeAsked),
    write(c, text) {
      const on = parseInteger(text);
      if (on !== 0 && on !== 1) throw ERANGE;
      c.tree.setFreeze(c, on === 1);
    },
  },
  {
    name: "cgroup.kill",
    mode: 0o200,
    root: "no",
    write(c, text) {
      if (parseInteger(text) !== 1) throw ERANGE;
      if (c.threaded) throw EOPNOTSUPP;
      c.tree.kill(c);
    },
  },
  { name: "cpu.stat", mode: 0o444, root: "yes", read: (c) => c.cpu.stat(c.has("cpu")) },
  pressureFile("io"),
  pressureFile("memory"),
  pressureFile("cpu"),
  {
    name: "cgroup.pressure",
    mode: 0o644,
    root: "yes",
    read: (c) => flag(c.pressure.enabled),
    write(c, text) {
      const on = parseInteger(text);
      if (on !== 0 && on !== 1) throw ERANGE;
      c.pressure.enable(on === 1);
    },
  },
];
