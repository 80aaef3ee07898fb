/** Process groups, sessions, users and groups: credentials(7), setpgid(2), setsid(2), setresuid(2), capget(2). */

import { CAP_SETGID, CAP_SETPCAP, CAP_SETUID } from "../../abi/capability.ts";
import { EACCES, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import { type IdKind, requireKernelId, shownId } from "../ns/idmap.ts";
import { type Cred, nsCapable } from "../ns/user.ts";
import { fixCapabilities } from "../task/capability.ts";
import { processOf, sessionMembers, type Task, type ThreadGroup } from "../task/task.ts";
import type { System } from "../task/system.ts";
import type { Handlers } from "./handler.ts";
import { requireTask } from "./process.ts";

function requireProcess(task: Task, pid: number): ThreadGroup {
  if (pid === 0) return task.tg;
  const tg = processOf(task.pidNs.find(pid));
  if (tg === undefined) throw ESRCH;
  return tg;
}

/** Linux `kernel/sys.c:setpgid`, in its order of checks. */
function setpgid(_system: System, task: Task, pid: number, pgid: number): void {
  if (pgid < 0) throw EINVAL;
  const tg = requireProcess(task, pid);
  if (tg.parent === task.tg) {
    if (tg.session !== task.tg.session) throw EPERM;
    if (tg.execed) throw EACCES;
  } else if (tg !== task.tg) throw ESRCH;
  if (tg.session === tg.pid) throw EPERM;
  const target = pgid === 0 ? tg.pid : task.pidNs.find(pgid);
  if (target === undefined) throw EPERM;
  if (target !== tg.pid) {
    const inSession = [...sessionMembers(task.tg.session)].some((other) => other.pgrp === target);
    if (!inSession) throw EPERM;
  }
  if (tg.pgrp === target) return;
  const old = tg.pgrp;
  old.groupMembers.delete(tg);
  tg.pgrp = target.get();
  target.groupMembers.add(tg);
  old.put();
}

function setsid(_system: System, task: Task): number {
  const { tg } = task;
  if (tg.pid.groupMembers.size > 0) throw EPERM;
  const { pgrp, session } = tg;
  pgrp.groupMembers.delete(tg);
  session.sessionMembers.delete(tg);
  tg.pgrp = tg.pid.get();
  tg.session = tg.pid.get();
  tg.pid.groupMembers.add(tg);
  tg.pid.sessionMembers.add(tg);
  tg.tty = undefined;
  pgrp.put();
  session.put();
  return tg.pid.nrIn(task.pidNs);
}

function setUids(task: Task, ruid: number, euid: number, suid: number, anyIsOwn: readonly number[]): void {
  const old = task.cred;
  const capable = nsCapable(old, old.userNs, CAP_SETUID);
  const allowed = (id: number): boolean => id === -1 || capable || anyIsOwn.includes(id);
  if (!allowed(ruid) || !allowed(euid) || !allowed(suid)) throw EPERM;
  const pick = (id: number, now: number): number => (id === -1 ? now : id);
  const now = { ...old, uid: pick(ruid, old.uid), euid: pick(euid, old.euid), suid: pick(suid, old.suid) };
  commit(task, fixCapabilities(old, { ...now, fsuid: now.euid }));
}

/** commit_creds(): whoever changes who he is, or gains a capability, gives up the signal at his parent's death. */
function commit(task: Task, now: Cred): void {
  const old = task.cred;
  if (old.euid !== now.euid || old.egid !== now.egid || (now.permitted & ~old.permitted) !== 0n) task.pdeathSignal = 0;
  task.cred = now;
}

function setGids(task: Task, rgid: number, egid: number, sgid: number, anyIsOwn: readonly number[]): void {
  const old = task.cred;
  const capable = nsCapable(old, old.userNs, CAP_SETGID);
  const allowed = (id: number): boolean => id === -1 || capable || anyIsOwn.includes(id);
  if (!allowed(rgid) || !allowed(egid) || !allowed(sgid)) throw EPERM;
  const pick = (id: number, now: number): number => (id === -1 ? now : id);
  const now = { ...old, gid: pick(rgid, old.gid), egid: pick(egid, old.egid), sgid: pick(sgid, old.sgid) };
  commit(task, { ...now, fsgid: now.egid });
}

const checkId = (id: number): void => {
  if (!Number.isInteger(id) || id < 0 || id > 0xfffffffe) throw EINVAL;
};

const shown = (cred: Cred, kind: IdKind, a: number, b: number, c: number): readonly [number, number, number] => [
  shownId(cred.userNs, kind, a),
  shownId(cred.userNs, kind, b),
  shownId(cred.userNs, kind, c),
];

export const idCalls: Handlers<
  | "getpgid"
  | "setpgid"
  | "getsid"
  | "setsid"
  | "getuid"
  | "geteuid"
  | "getgid"
  | "getegid"
  | "getresuid"
  | "getresgid"
  | "setuid"
  | "setgid"
  | "setreuid"
  | "setregid"
  | "setresuid"
  | "setresgid"
  | "getgroups"
  | "setgroups"
  | "capget"
  | "capset"
> = {
  getpgid: (_s, task, pid) => requireTask(task, pid).tg.pgrp.nrIn(task.pidNs),
  setpgid,
  getsid: (_s, task, pid) => requireTask(task, pid).tg.session.nrIn(task.pidNs),
  setsid,
  getuid: (_s, { cred }) => shownId(cred.userNs, "uidMap", cred.uid),
  geteuid: (_s, { cred }) => shownId(cred.userNs, "uidMap", cred.euid),
  getgid: (_s, { cred }) => shownId(cred.userNs, "gidMap", cred.gid),
  getegid: (_s, { cred }) => shownId(cred.userNs, "gidMap", cred.egid),
  getresuid: (_s, { cred }) => shown(cred, "uidMap", cred.uid, cred.euid, cred.suid),
  getresgid: (_s, { cred }) => shown(cred, "gidMap", cred.gid, cred.egid, cred.sgid),
  setuid: (_s, task, asked) => {
    checkId(asked);
    const uid = requireKernelId(task.cred.userNs, "uidMap", asked);
    const { cred } = task;
    if (nsCapable(cred, cred.userNs, CAP_SETUID)) setUids(task, uid, uid, uid, []);
    else setUids(task, -1, uid, -1, [cred.uid, cred.suid]);
  },
  setgid: (_s, task, asked) => {
    checkId(asked);
    const gid = requireKernelId(task.cred.userNs, "gidMap", asked);
    const { cred } = task;
    if (nsCapable(cred, cred.userNs, CAP_SETGID)) setGids(task, gid, gid, gid, []);
    else setGids(task, -1, gid, -1, [cred.gid, cred.sgid]);
  },
  setreuid: (_s, task, r, e) => {
    const { cred } = task;
    const [ruid, euid] = [requireKernelId(task.cred.userNs, "uidMap", r), requireKernelId(task.cred.userNs, "uidMap", e)];
    const suid = ruid !== -1 || (euid !== -1 && euid !== cred.uid) ? (euid === -1 ? cred.euid : euid) : -1;
    setUids(task, ruid, euid, -1, [cred.uid, cred.euid, cred.suid]);
    if (suid !== -1) task.cred = { ...task.cred, suid };
  },
  setregid: (_s, task, r, e) => {
    const { cred } = task;
    const [rgid, egid] = [requireKernelId(task.cred.userNs, "gidMap", r), requireKernelId(task.cred.userNs, "gidMap", e)];
    const sgid = rgid !== -1 || (egid !== -1 && egid !== cred.gid) ? (egid === -1 ? cred.egid : egid) : -1;
    setGids(task, rgid, egid, -1, [cred.gid, cred.egid, cred.sgid]);
    if (sgid !== -1) task.cred = { ...task.cred, sgid };
  },
  setresuid: (_s, task, ...ids) => {
    const [ruid, euid, suid] = ids.slice(0, 3).map((id) => requireKernelId(task.cred.userNs, "uidMap", id)) as [number, number, number];
    setUids(task, ruid, euid, suid, [task.cred.uid, task.cred.euid, task.cred.suid]);
  },
  setresgid: (_s, task, ...ids) => {
    const [rgid, egid, sgid] = ids.slice(0, 3).map((id) => requireKernelId(task.cred.userNs, "gidMap", id)) as [number, number, number];
    setGids(task, rgid, egid, sgid, [task.cred.gid, task.cred.egid, task.cred.sgid]);
  },
  getgroups: (_s, { cred }) => cred.groups.map((gid) => shownId(cred.userNs, "gidMap", gid)),
  setgroups: (_s, task, groups) => {
    if (!nsCapable(task.cred, task.cred.userNs, CAP_SETGID)) throw EPERM;
    if (groups.length > 65_536) throw EINVAL;
    if (!task.cred.userNs.setgroupsAllowed || task.cred.userNs.gidMap.length === 0) throw EPERM;
    for (const g of groups) checkId(g);
    const kernelGroups = groups.map((gid) => requireKernelId(task.cred.userNs, "gidMap", gid));
    task.cred = { ...task.cred, groups: kernelGroups.sort((a, b) => a - b) };
  },
  capget: (_s, task, pid) => {
    const { effective, permitted, inheritable } = requireTask(task, pid).cred;
    return { effective, permitted, inheritable };
  },
  capset: (_s, task, data) => {
    const { cred } = task;
    if ((data.effective & ~data.permitted) !== 0n || (data.permitted & ~cred.permitted) !== 0n) throw EPERM;
    const capable = nsCapable(cred, cred.userNs, CAP_SETPCAP);
    if (!capable && (data.inheritable & ~(cred.inheritable | cred.permitted)) !== 0n) throw EPERM;
    if ((data.inheritable & ~(cred.inheritable | cred.bounding)) !== 0n) throw EPERM;
    task.cred = { ...cred, ...data, ambient: cred.ambient & data.permitted & data.inheritable };
  },
};
