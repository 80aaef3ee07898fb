/** The entries of /proc/PID and /proc/PID/task/TID: proc_pid(5), Linux `fs/proc/base.c` (`tgid_base_stuff`), in its order. */

import { EACCES, EINVAL, ENOENT } from "../../../abi/errno.ts";
import { CAP_SYS_RESOURCE } from "../../../abi/capability.ts";
import { PROT_EXEC, PROT_READ, PROT_WRITE } from "../../../abi/mman.ts";
import { RLIM_INFINITY } from "../../../abi/resource.ts";
import { DT_DIR, major, minor } from "../../../abi/stat.ts";
import { decodeUtf8, encodeUtf8 } from "../../../abi/utf8.ts";
import { nsCapable } from "../../ns/user.ts";
import { oomBadness } from "../../task/oom.ts";
import { type Task, taskOf } from "../../task/task.ts";
import type { Path } from "../../vfs/dentry.ts";
import { checkLength, dPath } from "../../vfs/path.ts";
import type { DirEntry, DynamicEntry, Entry, FileEntry, LinkEntry, TaskSubject } from "./entry.ts";
import { netEntry } from "./module.ts";
import { parsePid, taskIno } from "./numbers.ts";
import { fdEntry, fdinfoEntry } from "./task-fd.ts";
import { namespaceEntries } from "./task-ns.ts";
import { taskMountinfo, taskMounts, taskMountstats } from "./task-mounts.ts";
import { taskStat, taskStatm, taskStatus } from "./task-stat.ts";

/** TASK_COMM_LEN without the NUL. */
const COMM_BYTES = 15;
/** Column at which maps shows the name. */
const MAPS_NAME_COLUMN = 73;

const file = (
  name: string,
  read: (subject: TaskSubject, reader: Task) => string,
  mode = 0o444,
  access?: "ptrace",
): FileEntry<TaskSubject> => ({
  kind: "file",
  name,
  mode,
  read,
  ...(access === undefined ? {} : { access }),
});

/** A magic link to a place that the process holds. */
function place(name: string, find: (task: Task) => Path | undefined): LinkEntry<TaskSubject> {
  const require = ({ task }: TaskSubject): Path => {
    const path = task.state === "dead" ? undefined : find(task);
    if (path === undefined) throw ENOENT;
    return path;
  };
  return {
    kind: "link",
    name,
    mode: 0o777,
    access: "ptrace",
    target: (subject, reader) => checkLength(dPath(require(subject), reader.fs.root)),
    follow: require,
  };
}

const nulTerminated = (strings: Iterable<string>): string => [...strings].map((s) => `${s}\0`).join("");

function environ({ task }: TaskSubject): string {
  return task.state === "dead" ? "" : nulTerminated([...task.image.env].map(([name, value]) => `${name}=${value}`));
}

const LIMITS: readonly (readonly [name: string, unit: string])[] = [
  ["Max cpu time", "seconds"],
  ["Max file size", "bytes"],
  ["Max data size", "bytes"],
  ["Max stack size", "bytes"],
  ["Max core file size", "bytes"],
  ["Max resident set", "bytes"],
  ["Max processes", "processes"],
  ["Max open files", "files"],
  ["Max locked memory", "bytes"],
  ["Max address space", "bytes"],
  ["Max file locks", "locks"],
  ["Max pending signals", "signals"],
  ["Max msgqueue size", "bytes"],
  ["Max nice priority", ""],
  ["Max realtime priority", ""],
  ["Max realtime timeout", "us"],
];

function limits({ task }: TaskSubject): string {
  const row = (name: string, soft: string, hard: string, unit: string): string =>
    `${name.padEnd(25)} ${soft.padEnd(20)} ${hard.padEnd(20)} ${unit === "" ? "" : unit.padEnd(10)}\n`;
  const show = (n: number | undefined): string => (n === undefined || n === RLIM_INFINITY ? "unlimited" : String(n));
  return (
    row("Limit", "Soft Limit", "Hard Limit", "Units") +
    LIMITS.map(([name, unit], i) => row(name, show(task.tg.rlimits[i]?.cur), show(task.tg.rlimits[i]?.max), unit)).join("")
  );
}

function maps({ task }: TaskSubject, reader: Task): string {
  if (task.state === "dead") return "";
  const hex = (n: number, width: number): string => n.toString(16).padStart(width, "0");
  return task.mm.vmas
    .map((v) => {
      const bit = (flag: number, letter: string): string => ((v.prot & flag) === 0 ? "-" : letter);
      const prot = bit(PROT_READ, "r") + bit(PROT_WRITE, "w") + bit(PROT_EXEC, "x") + (v.shared ? "s" : "p");
      const device = `${hex(major(v.dev), 2)}:${hex(minor(v.dev), 2)}`;
      const head = `${hex(v.start, 8)}-${hex(v.end, 8)} ${prot} ${hex(v.offset, 8)} ${device} ${v.ino} `;
      const name = typeof v.name === "string" ? v.name : dPath(v.name as Path, reader.fs.root);
      return name === "" ? `${head}\n` : `${head.padEnd(MAPS_NAME_COLUMN)}${name.replaceAll("\n", "\\012")}\n`;
    })
    .join("");
}

const comm: FileEntry<TaskSubject> = {
  kind: "file",
  name: "comm",
  mode: 0o644,
  read: ({ task }) => `${task.comm}\n`,
  write({ task }, text, writer) {
    if (writer.tg !== task.tg) throw EINVAL;
    task.comm = decodeUtf8(encodeUtf8(text.replace(/\n$/, "")).subarray(0, COMM_BYTES));
  },
};

const oomScoreAdj: FileEntry<TaskSubject> = {
  kind: "file",
  name: "oom_score_adj",
  mode: 0o644,
  read: ({ task }) => `${task.tg.oomScoreAdj}\n`,
  write({ task, system }, text, writer) {
    const value = /^\s*-?[0-9]+\s*$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= -1000 && value <= 1000)) throw EINVAL;
    if (value < task.tg.oomScoreAdj && !nsCapable(writer.cred, system.initUserNs, CAP_SYS_RESOURCE)) throw EACCES;
    task.tg.oomScoreAdj = value;
  },
};

/** Badness in thousandths of all memory, shifted so that it is never negative. */
function oomScore({ task, system }: TaskSubject): string {
  const badness = task.state === "dead" ? 0 : oomBadness(system, task);
  if (badness === Number.NEGATIVE_INFINITY) return "0\n";
  return `${Math.floor(((1000 + Math.trunc((badness * 1000) / system.memory.totalBytes)) * 2) / 3)}\n`;
}

/** What a process and a thread have in common. */
const common: readonly Entry<TaskSubject>[] = [
  fdEntry,
  fdinfoEntry,
  file("environ", environ, 0o400, "ptrace"),
  file("status", taskStatus),
  file("limits", limits),
  comm,
  file("cmdline", ({ task }) => (task.state === "dead" ? "" : nulTerminated(task.image.argv))),
  file("stat", taskStat),
  file("statm", taskStatm),
  file("maps", maps, 0o444, "ptrace"),
  place("cwd", (task) => task.fs.cwd),
  place("root", (task) => task.fs.root),
  place("exe", (task) => task.image.exe),
  file("mounts", taskMounts),
  file("mountinfo", taskMountinfo),
  file("mountstats", taskMountstats, 0o400),
  // Seen from the reader's cgroup namespace. A cgroup that was removed under a zombie is marked.
  file("cgroup", ({ task }, reader) => `0::${reader.ns.cgroup.pathOf(task.cgroup)}${task.cgroup.removed ? " (deleted)" : ""}\n`),
  file("oom_score", oomScore),
  oomScoreAdj,
  ...namespaceEntries,
  netEntry,
];

const threadEntry: DirEntry<TaskSubject> = { kind: "dir", name: "", mode: 0o555, entries: common };

const threadsEntry: DynamicEntry<TaskSubject> = {
  kind: "dynamic",
  name: "task",
  mode: 0o555,
  find(subject, name, make) {
    const nr = parsePid(name);
    const task = nr === undefined ? undefined : taskOf(subject.ns.find(nr));
    if (nr === undefined || task === undefined || task.tg !== subject.task.tg) return undefined;
    return make(threadEntry, { ...subject, task, thread: true }, taskIno(nr, true), task);
  },
  list({ task, ns }) {
    const threads = [...task.tg.threads];
    if (!threads.includes(task.tg.leader)) threads.unshift(task.tg.leader);
    return threads.map((t) => ({ name: String(t.pid.nrIn(ns)), ino: taskIno(t.pid.nrIn(ns), true), type: DT_DIR }));
  },
  nlink: ({ task }) => 2 + Math.max(1, task.tg.threads.size),
};

export const processEntry: DirEntry<TaskSubject> = { kind: "dir", name: "", mode: 0o555, entries: [threadsEntry, ...common] };
