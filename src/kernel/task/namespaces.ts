/** Making, leaving and joining namespaces: clone(2), unshare(2), setns(2); Linux `kernel/nsproxy.c`, `fs/namespace.c:copy_mnt_ns`. */

import { CAP_FULL_SET, CAP_SETFCAP, CAP_SYS_ADMIN, CAP_SYS_CHROOT, capBit } from "../../abi/capability.ts";
import { EINVAL, ENOSPC, EPERM, EUSERS } from "../../abi/errno.ts";
import {
  CLONE_FS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VM,
} from "../../abi/sched.ts";
import { idsMapped } from "../ns/idmap.ts";
import type { Namespace, NamespaceKind } from "../ns/namespace.ts";
import { IpcNamespace } from "../ns/ipc.ts";
import { checkNamespaceLimit } from "../ns/live.ts";
import { CgroupNamespace, type NamespaceSet, NsProxy, TimeNamespace, UtsNamespace } from "../ns/nsproxy.ts";
import { PidNamespace } from "../ns/pid.ts";
import { type Cred, isWithin, nsCapable, UserNamespace } from "../ns/user.ts";
import { MAX_NAMESPACE_DEPTH } from "../params.ts";
import { FsStruct } from "../vfs/caller.ts";
import type { Path } from "../vfs/dentry.ts";
import { MountNamespace } from "../vfs/mount.ts";
import { copyMountNamespace } from "../vfs/mount-tree.ts";
import type { System } from "./system.ts";
import type { Task } from "./task.ts";

export const NAMESPACE_FLAGS =
  CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWTIME | CLONE_NEWUSER | CLONE_NEWUTS;

/** The clone flag of a kind, as setns(2) takes it. */
export const KIND_FLAGS: Readonly<Record<NamespaceKind, number>> = {
  cgroup: CLONE_NEWCGROUP,
  ipc: CLONE_NEWIPC,
  mnt: CLONE_NEWNS,
  net: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  time: CLONE_NEWTIME,
  user: CLONE_NEWUSER,
  uts: CLONE_NEWUTS,
};

const KINDS = Object.keys(KIND_FLAGS).filter((kind) => kind !== "user") as NamespaceKind[];
/** The time namespace of the children stands for one's own: that only ever becomes what it was. */
const MEMBERS = ["mnt", "uts", "ipc", "pidForChildren", "cgroup", "net", "timeForChildren"] as const;

/** What a task gets by new namespaces: not yet in force. */
export interface Unshared {
  readonly cred: Cred;
  readonly ns: NsProxy<MountNamespace>;
  readonly fs: FsStruct;
}

/** A new user namespace, in which the creator has all capabilities. Errors: ENOSPC, EPERM where his ids are not mapped, or in a chroot. */
function newUserNamespace(system: System, task: Task, cred: Cred): Cred {
  const parent = cred.userNs;
  if (parent.level > MAX_NAMESPACE_DEPTH) throw ENOSPC;
  checkNamespaceLimit(parent, cred.euid, "user");
  // current_chrooted(): leaving a chroot by way of a user namespace must not be possible.
  const { root } = task.fs;
  const { top } = task.mntNs;
  if (root.mnt !== top.mnt || root.dentry !== top.dentry) throw EPERM;
  if (!idsMapped(parent, cred.euid, cred.egid)) throw EPERM;
  const userNs = new UserNamespace(system.nextNamespaceIno(), parent, cred.euid, cred.egid);
  userNs.creatorUid = cred.euid;
  userNs.parentCouldSetfcap = (cred.effective & capBit(CAP_SETFCAP)) !== 0n;
  return allCapabilitiesIn(userNs, cred);
}

/** set_cred_user_ns(). */
function allCapabilitiesIn(userNs: UserNamespace, cred: Cred): Cred {
  return {
    ...cred,
    userNs,
    securebits: 0,
    inheritable: 0n,
    permitted: CAP_FULL_SET,
    effective: CAP_FULL_SET,
    ambient: 0n,
    bounding: CAP_FULL_SET,
  };
}

/** The namespaces that `flags` ask for, made from those of `task`. Errors: EPERM without CAP_SYS_ADMIN; EINVAL; ENOSPC for too deep nesting. */
export function newNamespaces(system: System, task: Task, flags: number, fs: FsStruct): Unshared {
  let cred = task.cred;
  const newNetNamespace = (flags & CLONE_NEWNET) !== 0 ? system.requireNetNamespaces() : undefined;
  if ((flags & CLONE_NEWUSER) !== 0) cred = newUserNamespace(system, task, cred);
  const others = flags & NAMESPACE_FLAGS & ~CLONE_NEWUSER;
  if (others === 0) return { cred, ns: task.ns, fs };
  if (!nsCapable(cred, cred.userNs, CAP_SYS_ADMIN)) throw EPERM;
  const { userNs } = cred;
  const old = task.ns;
  const wants = (flag: number): boolean => (others & flag) !== 0;
  const ino = (): number => system.nextNamespaceIno();
  for (const kind of KINDS) if (wants(KIND_FLAGS[kind])) checkNamespaceLimit(userNs, cred.euid, kind);
  const set: { -readonly [K in keyof NamespaceSet<MountNamespace>]: NamespaceSet<MountNamespace>[K] } = {
    uts: wants(CLONE_NEWUTS) ? new UtsNamespace(ino(), userNs, old.uts.hostname, old.uts.domainname) : old.uts,
    ipc: wants(CLONE_NEWIPC) ? new IpcNamespace(ino(), userNs) : old.ipc,
    net: newNetNamespace?.(ino(), userNs) ?? old.net,
    cgroup: wants(CLONE_NEWCGROUP) ? new CgroupNamespace(ino(), userNs, task.cgroup) : old.cgroup,
    time: old.time,
    timeForChildren: wants(CLONE_NEWTIME) ? newTimeNamespace(ino(), userNs, old.time) : old.timeForChildren,
    mnt: old.mnt,
    pidForChildren: wants(CLONE_NEWPID) ? newPidNamespace(ino(), task, userNs) : old.pidForChildren,
  };
  let newFs = fs;
  if (wants(CLONE_NEWNS)) {
    const copy = copyMountNamespace(system.mounts, old.mnt, ino(), userNs);
    set.mnt = copy.ns;
    const moved = (path: Path): Path => ({ mnt: copy.mounts.get(path.mnt) ?? path.mnt, dentry: path.dentry });
    newFs = new FsStruct(moved(fs.root), moved(fs.cwd), fs.umask);
  }
  for (const ns of made({ cred, ns: set }, { cred, ns: old })) ns.creatorUid = cred.euid;
  return { cred, ns: new NsProxy(set), fs: newFs };
}

/** What is in `now` and was not in `before`. */
function* made(
  now: { readonly cred: Cred; readonly ns: NamespaceSet<MountNamespace> },
  before: { readonly cred: Cred; readonly ns: NamespaceSet<MountNamespace> },
): IterableIterator<Namespace> {
  if (now.cred.userNs !== before.cred.userNs) yield now.cred.userNs;
  if (now.ns === before.ns) return;
  for (const member of MEMBERS) if (now.ns[member] !== before.ns[member]) yield now.ns[member];
}

/** Tells of the namespaces that `pid` has made for itself or was made with. */
export function announceNamespaces(
  system: System,
  now: Pick<Unshared, "cred" | "ns">,
  before: Pick<Unshared, "cred" | "ns">,
  how: "clone" | "unshare",
  pid: number,
): void {
  for (const ns of made(now, before)) system.trace.emit({ name: "namespace_create", kind: ns.kind, ino: ns.ino, how, pid });
}

function newTimeNamespace(ino: number, userNs: UserNamespace, old: TimeNamespace): TimeNamespace {
  const ns = new TimeNamespace(ino, userNs);
  ns.monotonicNs = old.monotonicNs;
  ns.boottimeNs = old.boottimeNs;
  return ns;
}

function newPidNamespace(ino: number, task: Task, userNs: UserNamespace): PidNamespace {
  const parent = task.ns.pidForChildren;
  if (parent !== task.pidNs) throw EINVAL;
  if (!isWithin(userNs, parent.userNs)) throw EINVAL;
  if (parent.level >= MAX_NAMESPACE_DEPTH) throw ENOSPC;
  return new PidNamespace(ino, parent, userNs);
}

/** unshare(2) of namespaces and of the filesystem state; descriptors too where asked. Errors: EINVAL, EPERM. */
export function unshare(system: System, task: Task, asked: number): void {
  let flags = asked;
  if ((flags & CLONE_NEWUSER) !== 0) flags |= CLONE_THREAD | CLONE_FS;
  if ((flags & CLONE_NEWNS) !== 0) flags |= CLONE_FS;
  const single = task.tg.threads.size === 1;
  if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) !== 0 && !single) throw EINVAL;
  const fs = (flags & CLONE_FS) !== 0 ? task.fs.copy() : task.fs;
  const before = { cred: task.cred, ns: task.ns };
  const now = newNamespaces(system, task, flags, fs);
  // Semaphores of another IPC namespace cannot be given back later.
  if ((flags & (CLONE_NEWIPC | CLONE_SYSVSEM)) !== 0) task.tg.semUndo?.exit();
  announceNamespaces(system, now, before, "unshare", task.tg.pid.nr);
  adopt(task, now);
}

/** Puts new namespaces in force for the current task. */
function adopt(task: Task, to: Unshared): void {
  task.cred = to.cred;
  task.fs = to.fs;
  switchTo(task, to.ns);
}

function switchTo(task: Task, ns: NsProxy<MountNamespace>): void {
  if (ns === task.ns) return;
  const old = task.ns;
  task.ns = ns.get();
  old.put();
}

/**
 * setns(2). Errors: EPERM without CAP_SYS_ADMIN in the target's user namespace and one's own; EINVAL for one's own user namespace, for
 * a PID namespace that is not below, for a mount or user namespace joined by one of several threads; EUSERS for a time namespace so.
 */
export function joinNamespace(task: Task, target: Namespace): void {
  if (target instanceof UserNamespace) joinUserNamespace(task, target);
  else joinOther(task, target);
  task.system.trace.emit({ name: "namespace_join", kind: target.kind, ino: target.ino, pid: task.tg.pid.nr });
}

function joinOther(task: Task, target: Namespace): void {
  const { cred, ns } = task;
  if (target instanceof TimeNamespace && task.tg.threads.size > 1) throw EUSERS;
  if (target.owner === undefined || !nsCapable(cred, target.owner, CAP_SYS_ADMIN)) throw EPERM;
  if (!nsCapable(cred, cred.userNs, CAP_SYS_ADMIN)) throw EPERM;
  if (target instanceof PidNamespace) {
    for (let ns: PidNamespace | undefined = target; ns !== task.pidNs; ns = ns.parent) if (ns === undefined) throw EINVAL;
    switchTo(task, new NsProxy({ ...setOf(ns), pidForChildren: target }));
  } else if (target instanceof MountNamespace) {
    if (!nsCapable(cred, cred.userNs, CAP_SYS_CHROOT)) throw EPERM;
    if (task.tg.threads.size > 1) throw EINVAL;
    switchTo(task, new NsProxy({ ...setOf(ns), mnt: target }));
    // Root and working directory become those of the namespace: the topmost mount over its root.
    const { top } = target;
    task.fs = new FsStruct(top, top, task.fs.umask);
    task.system.mounts.sweep();
  } else if (target instanceof TimeNamespace) {
    target.frozen = true;
    switchTo(task, new NsProxy({ ...setOf(ns), time: target, timeForChildren: target }));
  } else {
    if (target instanceof IpcNamespace) task.tg.semUndo?.exit();
    switchTo(task, new NsProxy({ ...setOf(ns), [target.kind]: target }));
  }
}

function setOf(ns: NsProxy<MountNamespace>): NamespaceSet<MountNamespace> {
  const { uts, ipc, net, cgroup, time, timeForChildren, mnt, pidForChildren } = ns;
  return { uts, ipc, net, cgroup, time, timeForChildren, mnt, pidForChildren };
}

function joinUserNamespace(task: Task, target: UserNamespace): void {
  if (target === task.cred.userNs) throw EINVAL;
  if (task.tg.threads.size > 1) throw EINVAL;
  if (!nsCapable(task.cred, target, CAP_SYS_ADMIN)) throw EPERM;
  task.cred = allCapabilitiesIn(target, task.cred);
}

/** The namespace of a kind that a task is in, or that its children will be in. */
export function namespaceOf(task: Task, kind: NamespaceKind | "pid_for_children" | "time_for_children"): Namespace {
  if (kind === "pid") return task.pidNs;
  if (kind === "user") return task.cred.userNs;
  if (kind === "pid_for_children") return task.ns.pidForChildren;
  if (kind === "time_for_children") return task.ns.timeForChildren;
  return task.ns[kind];
}
