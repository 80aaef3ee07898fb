/** /proc/PID/ns, uid_map, gid_map, setgroups, timens_offsets: namespaces(7), user_namespaces(7), time_namespaces(7). */

import { CAP_SETFCAP, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_TIME } from "../../../abi/capability.ts";
import { EACCES, EINVAL, ENOENT, EPERM, ERANGE } from "../../../abi/errno.ts";
import { O_ACCMODE, O_RDONLY } from "../../../abi/fcntl.ts";
import { NS_PER_SEC } from "../../../abi/time.ts";
import { byteLength } from "../../../abi/utf8.ts";
import { fromKernelId, type IdKind, toKernelId } from "../../ns/idmap.ts";
import { type Cred, type IdMapEntry, nsCapable, type UserNamespace } from "../../ns/user.ts";
import { PAGE_SIZE } from "../../params.ts";
import { namespaceOf } from "../../task/namespaces.ts";
import type { Task } from "../../task/task.ts";
import { namespaceName, nsfsPlace } from "../nsfs/nsfs.ts";
import type { DirEntry, Entry, FileEntry, LinkEntry, TaskSubject } from "./entry.ts";

const KINDS = ["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"] as const;
/** Lines of an id map (UID_GID_MAP_MAX_EXTENTS). */
const MAX_EXTENTS = 340;
/** (uid_t)-1, which is nobody's. */
const INVALID_ID = 0xffffffff;

function nsLink(kind: (typeof KINDS)[number]): LinkEntry<TaskSubject> {
  const namespace = (task: Task): ReturnType<typeof namespaceOf> => {
    // A zombie has left all but these two.
    if (task.state === "dead" && kind !== "pid" && kind !== "user") throw ENOENT;
    return namespaceOf(task, kind);
  };
  return {
    kind: "link",
    name: kind,
    mode: 0o777,
    access: "ptrace",
    target: ({ task }) => namespaceName(namespace(task)),
    follow: ({ task, system }) => nsfsPlace(system, namespace(task)),
  };
}

const nsDirectory: DirEntry<TaskSubject> = { kind: "dir", name: "ns", mode: 0o511, entries: KINDS.map(nsLink) };

/** The map as the reader sees it: the outer ids in his own namespace, or in the parent's where he stands inside. */
function showMap(task: Task, reader: Task, kind: IdKind): string {
  const ns = task.cred.userNs;
  const outer = reader.cred.userNs === ns && ns.parent !== undefined ? ns.parent : reader.cred.userNs;
  const cell = (n: number): string => String(n).padStart(10);
  return ns[kind]
    .map((e) => {
      const kernelId = ns.parent === undefined ? e.outside : toKernelId(ns.parent, kind, e.outside);
      const shown = kernelId === undefined ? undefined : fromKernelId(outer, kind, kernelId);
      return `${cell(e.inside)} ${cell(shown ?? 0xffffffff)} ${cell(e.count)}\n`;
    })
    .join("");
}

/** Errors: EINVAL for what is no map, for overlapping lines, for more than 340 of them. */
function parseMap(text: string): IdMapEntry[] {
  const lines = text.replace(/\n$/, "").split("\n");
  if (lines.length > MAX_EXTENTS) throw EINVAL;
  const entries = lines.map((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line);
    if (match === null) throw EINVAL;
    const [inside, outside, count] = [Number(match[1]), Number(match[2]), Number(match[3])];
    if (inside >= INVALID_ID || outside >= INVALID_ID) throw EINVAL;
    if (count === 0 || inside + count > INVALID_ID || outside + count > INVALID_ID) throw EINVAL;
    return { inside, outside, count };
  });
  const overlap = (a: number, an: number, b: number, bn: number): boolean => a < b + bn && b < a + an;
  entries.forEach((a, i) => {
    for (const b of entries.slice(0, i)) {
      if (overlap(a.inside, a.count, b.inside, b.count) || overlap(a.outside, a.count, b.outside, b.count)) throw EINVAL;
    }
  });
  return entries;
}

/**
 * verify_root_map(): who maps the parent's root can write file capabilities that count there, so the creator, or the writer from outside,
 * must have had CAP_SETFCAP.
 */
function rootMapPermitted(ns: UserNamespace, parent: UserNamespace, map: readonly IdMapEntry[], opener: Cred): boolean {
  if (!map.some((e) => e.outside === 0)) return true;
  return opener.userNs === ns ? ns.parentCouldSetfcap : nsCapable(opener, parent, CAP_SETFCAP);
}

/** new_idmap_permitted(): one's own id for the creator, anything mapped for who may set ids in the parent, as opener and as writer. */
function mapPermitted(
  ns: UserNamespace,
  parent: UserNamespace,
  map: readonly IdMapEntry[],
  kind: IdKind,
  writer: Cred,
  opener: Cred,
): boolean {
  const cap = kind === "uidMap" ? CAP_SETUID : CAP_SETGID;
  if (kind === "uidMap" && !rootMapPermitted(ns, parent, map, opener)) return false;
  const [only] = map;
  if (map.length === 1 && only?.count === 1 && opener.euid === ns.ownerUid) {
    const id = toKernelId(parent, kind, only.outside);
    if (kind === "uidMap" && id === opener.euid) return true;
    if (kind === "gidMap" && id === opener.egid && !ns.setgroupsAllowed) return true;
  }
  return nsCapable(writer, parent, cap) && nsCapable(opener, parent, cap);
}

/** map_write(), in its order of checks. */
function writeMap(task: Task, writer: Task, opener: Cred, text: string, kind: IdKind): void {
  const ns = task.cred.userNs;
  const { parent } = ns;
  if (parent === undefined) throw EPERM;
  if (opener.userNs !== ns && opener.userNs !== parent) throw EPERM;
  if (byteLength(text) >= PAGE_SIZE) throw EINVAL;
  if (ns[kind].length > 0) throw EPERM;
  if (!nsCapable(opener, ns, CAP_SYS_ADMIN)) throw EPERM;
  const map = parseMap(text);
  if (!mapPermitted(ns, parent, map, kind, writer.cred, opener)) throw EPERM;
  for (const e of map) {
    if (toKernelId(parent, kind, e.outside) === undefined || toKernelId(parent, kind, e.outside + e.count - 1) === undefined) throw EPERM;
  }
  ns[kind] = map;
  ns.live.changed();
  ns.live.changed();
}

function mapFile(name: string, kind: IdKind): FileEntry<TaskSubject> {
  return {
    kind: "file",
    name,
    mode: 0o644,
    read: ({ task }, reader) => showMap(task, reader, kind),
    write: ({ task }, text, writer, opener) => writeMap(task, writer, opener, text, kind),
  };
}

const setgroups: FileEntry<TaskSubject> = {
  kind: "file",
  name: "setgroups",
  mode: 0o644,
  read: ({ task }) => (task.cred.userNs.setgroupsAllowed ? "allow\n" : "deny\n"),
  mayOpen({ task }, flags, opener) {
    if ((flags & O_ACCMODE) !== O_RDONLY && !nsCapable(opener.cred, task.cred.userNs, CAP_SYS_ADMIN)) throw EACCES;
  },
  write({ task }, text) {
    const ns = task.cred.userNs;
    const word = text.trim();
    if (byteLength(text) >= 8 || /^\s/.test(text)) throw EINVAL;
    if (word === "allow") {
      if (!ns.setgroupsAllowed) throw EPERM;
    } else if (word === "deny") {
      if (ns.gidMap.length > 0) throw EPERM;
      ns.setgroupsAllowed = false;
    } else throw EINVAL;
  },
};

const offset = (name: string, ns: number): string => {
  const sec = Math.floor(ns / NS_PER_SEC);
  return `${name.padEnd(10)} ${String(sec).padStart(10)} ${String(ns - sec * NS_PER_SEC).padStart(9)}\n`;
};

/** KTIME_SEC_MAX, and how many lines one write may have. */
const KTIME_SEC_MAX = 9_223_372_036;
const MAX_OFFSETS = 2;

function parseOffset(line: string): { readonly clock: "monotonicNs" | "boottimeNs"; readonly ns: number } {
  const match = /^\s*(monotonic|boottime|1|7)\s+(-?\d+)\s+(\d+)\s*$/.exec(line);
  if (match === null || Number(match[3]) >= NS_PER_SEC) throw EINVAL;
  const clock = match[1] === "monotonic" || match[1] === "1" ? "monotonicNs" : "boottimeNs";
  return { clock, ns: Number(match[2]) * NS_PER_SEC + Number(match[3]) };
}

const timensOffsets: FileEntry<TaskSubject> = {
  kind: "file",
  name: "timens_offsets",
  mode: 0o644,
  read: ({ task }) => offset("monotonic", task.ns.timeForChildren.monotonicNs) + offset("boottime", task.ns.timeForChildren.boottimeNs),
  write({ task, system }, text, writer) {
    const ns = task.ns.timeForChildren;
    const offsets = text.replace(/\n$/, "").split("\n").map(parseOffset);
    if (offsets.length > MAX_OFFSETS) throw EINVAL;
    if (!nsCapable(writer.cred, ns.userNs, CAP_SYS_TIME)) throw EPERM;
    for (const { ns: value } of offsets) {
      const now = system.sched.clockNs + value;
      if (now < 0 || now > KTIME_SEC_MAX * (NS_PER_SEC / 2)) throw ERANGE;
    }
    if (ns.frozen || ns === system.init?.leader.ns.time) throw EACCES;
    for (const { clock, ns: value } of offsets) ns[clock] = value;
    ns.userNs.live.changed();
    ns.userNs.live.changed();
  },
};

/** What a process shows of its namespaces, in the order of proc. */
export const namespaceEntries: readonly Entry<TaskSubject>[] = [
  nsDirectory,
  mapFile("uid_map", "uidMap"),
  mapFile("gid_map", "gidMap"),
  setgroups,
  timensOffsets,
];
