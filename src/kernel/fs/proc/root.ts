/** The entries of /proc itself: those of the machine, and a directory for each process. Linux `fs/proc/root.c`, `fs/proc/base.c`. */

import { ENOENT } from "../../../abi/errno.ts";
import { DT_DIR, DT_LNK, S_IFDIR, S_IFLNK, S_IFREG } from "../../../abi/stat.ts";
import { type Task, taskOf } from "../../task/task.ts";
import type { DynamicEntry, Entry, LinkEntry, Machine } from "./entry.ts";
import { kmsgEntry } from "./kmsg.ts";
import { machineFiles } from "./machine-files.ts";
import { parsePid, taskIno } from "./numbers.ts";
import { processEntry } from "./pid.ts";
import { pressureEntry } from "./pressure.ts";
import { sysEntry, sysvipcEntry } from "./module.ts";

/** First inode number of what is no process. */
const STATIC_INO = 0x10;

const mounts: LinkEntry<Machine> = { kind: "link", name: "mounts", mode: 0o777, size: 11, target: () => "self/mounts" };

const net: LinkEntry<Machine> = { kind: "link", name: "net", mode: 0o777, size: 8, target: () => "self/net" };

const self: LinkEntry<Machine> = {
  kind: "link",
  name: "self",
  mode: 0o777,
  target({ ns }, reader) {
    const nr = reader.tg.pid.nrIn(ns);
    if (nr === 0) throw ENOENT;
    return String(nr);
  },
};

const threadSelf: LinkEntry<Machine> = {
  kind: "link",
  name: "thread-self",
  mode: 0o777,
  target({ ns }, reader) {
    const nr = reader.tg.pid.nrIn(ns);
    if (nr === 0) throw ENOENT;
    return `${nr}/task/${reader.pid.nrIn(ns)}`;
  },
};

/** In the order of Linux: shorter names first, then by bytes; the links to oneself come last. */
const statics: readonly Entry<Machine>[] = [
  ...[...machineFiles, kmsgEntry, mounts, net, pressureEntry, sysEntry, sysvipcEntry].sort(
    (a, b) => a.name.length - b.name.length || (a.name < b.name ? -1 : 1),
  ),
  self,
  threadSelf,
];

/** What subset=pid leaves. */
const ALWAYS: readonly Entry<Machine>[] = [self, threadSelf];

const typeOf = (entry: Entry<Machine>): number => (entry.kind === "file" ? S_IFREG : entry.kind === "link" ? S_IFLNK : S_IFDIR) >> 12;

export const rootEntry: DynamicEntry<Machine> = {
  kind: "dynamic",
  name: "",
  mode: 0o555,

  find(subject, name, make, reader) {
    const nr = parsePid(name);
    const { options } = subject;
    if (nr !== undefined) {
      const task = taskOf(subject.ns.find(nr));
      if (task === undefined || !options.maySee(task, reader)) return undefined;
      return make(processEntry, { ...subject, task, thread: false }, taskIno(nr, false), task);
    }
    const at = statics.findIndex((e) => e.name === name);
    const entry = statics[at];
    return entry === undefined || (options.pidsOnly && !ALWAYS.includes(entry))
      ? undefined
      : make(entry, subject, STATIC_INO + at, undefined);
  },

  list({ ns, options }, reader) {
    const isSeen = (task: Task | undefined): boolean => task?.isLeader === true && options.maySee(task, reader);
    const processes = ns.sorted().filter(([, pid]) => isSeen(taskOf(pid)));
    return [
      ...(options.pidsOnly ? ALWAYS : statics).map((entry) => ({
        name: entry.name,
        ino: STATIC_INO + statics.indexOf(entry),
        type: entry.kind === "link" ? DT_LNK : typeOf(entry),
      })),
      ...processes.map(([nr]) => ({ name: String(nr), ino: taskIno(nr, false), type: DT_DIR })),
    ];
  },

  nlink({ ns }) {
    let processes = 0;
    for (const [, pid] of ns.sorted()) if ((taskOf(pid) as Task | undefined)?.isLeader === true) processes++;
    return 2 + statics.filter((e) => e.kind === "dir" || e.kind === "dynamic").length + processes;
  },
};
