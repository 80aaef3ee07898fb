/** cgroup.*: "Core Interface Files" of Documentation/admin-guide/cgroup-v2.rst. */

import { EACCES, EINVAL, EOPNOTSUPP, ERANGE, ESRCH } from "../../../abi/errno.ts";
import type { Cgroup } from "../../cgroup/cgroup.ts";
import type { Task } from "../../task/task.ts";
import { type CgroupFile, parseLimit, showLimit } from "./entry.ts";
import { cgroup2Of } from "./cgroup2.ts";
import { checkCgroupWrite } from "./inode.ts";

const lines = (numbers: Iterable<number>): string => [...numbers].map((n) => `${n}\n`).join("");
const flag = (on: boolean): string => (on ? "1\n" : "0\n");

/** The thread that a number written to cgroup.procs or cgroup.threads means. Errors: EINVAL, ESRCH. */
function findTask(text: string, writer: Task): Task {
  const word = text.trim();
  if (!/^\d+$/.test(word)) throw EINVAL;
  if (word === "0") return writer;
  const task = writer.pidNs.find(Number(word))?.task as Task | undefined;
  if (task === undefined || task.state === "dead") throw ESRCH;
  return task;
}

/** cgroup_attach_permissions(): the writer must be able to write to cgroup.procs of the common ancestor as well. */
export function checkAttach(from: Cgroup, to: Cgroup, writer: Task): void {
  const above = new Set(from.ancestors());
  for (const up of to.ancestors()) {
    if (!above.has(up)) continue;
    checkCgroupWrite(cgroup2Of(writer.system).root, up, "cgroup.procs", writer);
    return;
  }
  throw EACCES;
}

function moveProcess(cgroup: Cgroup, text: string, writer: Task): void {
  const task = findTask(text, writer);
  if (cgroup.type === "threaded") throw EOPNOTSUPP;
  checkAttach(task.cgroup, cgroup, writer);
  cgroup.tree.checkDestination(cgroup);
  for (const thread of task.tg.threads) cgroup.tree.move(thread, cgroup);
}

function moveThread(cgroup: Cgroup, text: string, writer: Task): void {
  const task = findTask(text, writer);
  const domain = (c: Cgroup): Cgroup => (c.type === "threaded" && c.parent !== undefined ? domain(c.parent) : c);
  if (domain(cgroup) !== domain(task.cgroup)) throw EOPNOTSUPP;
  checkAttach(task.cgroup, cgroup, writer);
  cgroup.tree.checkDestination(cgroup);
  cgroup.tree.move(task, cgroup);
}

function typeOf(cgroup: Cgroup): string {
  if (cgroup.type === "threaded") return "threaded";
  if (cgroup.parent?.type === "threaded") return "domain invalid";
  const threadedBelow = [...cgroup.children.values()].some((c) => c.type === "threaded");
  return threadedBelow ? "domain threaded" : "domain";
}

/** `threaded` is all that can be written, and for good. */
function setType(cgroup: Cgroup, text: string): void {
  if (text.trim() !== "threaded") throw EINVAL;
  if (cgroup.type === "threaded") return;
  const domainControllers = [...(cgroup.parent?.subtreeControl ?? [])].filter((c) => c === "memory" || c === "io");
  if (cgroup.populated > 0 && cgroup.children.size > 0) throw EOPNOTSUPP;
  if (domainControllers.length > 0 && cgroup.parent?.isRoot !== true) throw EOPNOTSUPP;
  if (cgroup.subtreeControl.has("memory") || cgroup.subtreeControl.has("io")) throw EOPNOTSUPP;
  cgroup.type = "threaded";
}

/** A count for cgroup.max.*. */
function parseCount(text: string): number {
  const value = parseLimit(text, false);
  if (value !== Number.POSITIVE_INFINITY && value > 0x7fffffff) throw ERANGE;
  return value;
}

export const coreFiles: readonly CgroupFile[] = [
  { name: "cgroup.type", mode: 0o644, root: "no", read: (c) => `${typeOf(c)}\n`, write: setType },
  {
    name: "cgroup.procs",
    mode: 0o644,
    root: "yes",
    read(cgroup, reader) {
      if (cgroup.type === "threaded") throw EOPNOTSUPP;
      const leaders = new Set([...cgroup.tasks].map((t) => (t as Task).tg.leader));
      return lines([...leaders].map((t) => t.pid.nrIn(reader.pidNs)).sort((a, b) => a - b));
    },
    write: moveProcess,
  },
  {
    name: "cgroup.threads",
    mode: 0o644,
    root: "yes",
    read: (cgroup, reader) => lines([...cgroup.tasks].map((t) => (t as Task).pid.nrIn(reader.pidNs)).sort((a, b) => a - b)),
    write: moveThread,
  },
  { name: "cgroup.controllers", mode: 0o444, root: "yes", read: (c) => `${c.available.join(" ")}\n` },
  {
    name: "cgroup.subtree_control",
    mode: 0o644,
    root: "yes",
    read: (c) => `${c.available.filter((name) => c.subtreeControl.has(name)).join(" ")}\n`,
    write: (c, text) => c.tree.setSubtreeControl(c, text),
  },
  {
    name: "cgroup.events",
    mode: 0o444,
    root: "no",
    read: (c) => `populated ${c.populated > 0 ? 1 : 0}\nfrozen ${c.isFrozen ? 1 : 0}\n`,
    version: (c) => c.eventsVersion,
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
  { name: "cgroup.stat", mode: 0o444, root: "yes", read: (c) => `nr_descendants ${c.descendants}\nnr_dying_descendants 0\n` },
  {
    name: "cgroup.freeze",
    mode: 0o644,
    root: "no",
    read: (c) => flag(c.freezeAsked),
    write(c, text) {
      const word = text.trim();
      if (!/^-?\d+$/.test(word)) throw EINVAL;
      if (word !== "0" && word !== "1") throw ERANGE;
      c.tree.setFreeze(c, word === "1");
    },
  },
  {
    name: "cgroup.kill",
    mode: 0o200,
    root: "no",
    write(c, text) {
      if (text.trim() !== "1") throw /^-?\d+$/.test(text.trim()) ? ERANGE : EINVAL;
      if (c.type === "threaded") throw EOPNOTSUPP;
      c.tree.kill(c);
    },
  },
];
