/**
 * Job control: who may use a terminal, credentials(7), tcsetpgrp(3), Linux `drivers/tty/tty_jobctrl.c`.
 */

import { CAP_SYS_ADMIN } from "../../abi/capability.ts";
import { EINVAL, EIO, ENOTTY, EPERM, ESRCH } from "../../abi/errno.ts";
import { SIG_IGN, SIGCONT, SIGHUP, SIGTTIN, sigBit } from "../../abi/signal.ts";
import { nsCapable } from "../ns/user.ts";
import { ERESTARTSYS } from "../restart.ts";
import { isOrphaned } from "../task/signals.ts";
import type { Pid } from "../ns/pid.ts";
import type { Task, ThreadGroup } from "../task/task.ts";
import type { Tty } from "./tty.ts";

function isIgnored(task: Task, sig: number): boolean {
  return (task.blocked & sigBit(sig)) !== 0n || task.tg.sighand.get(sig).handler === SIG_IGN;
}

/**
 * tty_check_change(): a background process that reads (SIGTTIN) or changes (SIGTTOU) its terminal is stopped with its group.
 * Errors: EIO where stopping would be for ever, or where SIGTTIN is ignored.
 */
export function checkForeground(tty: Tty, task: Task, sig: number): void {
  const { tg } = task;
  if (tg.tty !== tty || tty.foreground === undefined || tty.foreground === tg.pgrp) return;
  if (isIgnored(task, sig)) {
    if (sig === SIGTTIN) throw EIO;
    return;
  }
  if (isOrphaned(tg.pgrp)) throw EIO;
  task.system.signals.sendToPgrp(sig, tg.pgrp);
  throw ERESTARTSYS;
}

function members(session: Pid): readonly ThreadGroup[] {
  return [...session.sessionMembers] as ThreadGroup[];
}

const isSessionLeader = (tg: ThreadGroup): boolean => tg.session === tg.pid;

/** The session's processes have no terminal any more. */
function clearSession(tty: Tty): void {
  if (tty.session !== undefined) for (const tg of members(tty.session)) if (tg.tty === tty) tg.tty = undefined;
  tty.session = undefined;
  tty.foreground = undefined;
}

/** Gives the terminal to the session of `task`: TIOCSCTTY, or the open of a session leader that has none. */
function setControlling(tty: Tty, task: Task): void {
  tty.session = task.tg.session;
  tty.foreground = task.tg.pgrp;
  task.tg.tty = tty;
  task.tg.ttyOldPgrp = undefined;
}

/** open(2) without O_NOCTTY: a session leader without a terminal gets a free one as its own. */
export function acquireOnOpen(tty: Tty, task: Task): void {
  if (isSessionLeader(task.tg) && task.tg.tty === undefined && tty.session === undefined) setControlling(tty, task);
}

/** TIOCSCTTY. Errors: EPERM. */
export function tiocsctty(tty: Tty, task: Task, steal: boolean, readable: boolean): void {
  const { tg } = task;
  if (isSessionLeader(tg) && tty.session === tg.session) return;
  if (!isSessionLeader(tg) || tg.tty !== undefined) throw EPERM;
  const admin = nsCapable(task.cred, task.system.initUserNs, CAP_SYS_ADMIN);
  if (tty.session !== undefined) {
    if (!steal || !admin) throw EPERM;
    clearSession(tty);
  }
  if (!readable && !admin) throw EPERM;
  setControlling(tty, task);
}

/** TIOCNOTTY: the process lets go; a session leader does so for its session. Errors: ENOTTY. */
export function tiocnotty(tty: Tty, task: Task): void {
  if (task.tg.tty !== tty) throw ENOTTY;
  if (isSessionLeader(task.tg)) {
    signalForeground(tty, SIGHUP, SIGCONT);
    clearSession(tty);
  }
  task.tg.tty = undefined;
}

function signalForeground(tty: Tty, ...signals: number[]): void {
  for (const sig of signals) tty.signal(sig);
}

/** disassociate_ctty(1): the leader exits. A pty's foreground group gets SIGHUP; a real line is hung up. */
export function leaderExits(tty: Tty): void {
  if (tty.driver.pty) {
    signalForeground(tty, SIGHUP);
    clearSession(tty);
    return;
  }
  const { foreground } = tty;
  tty.hangup();
  if (foreground !== undefined) tty.system.signals.sendToPgrp(SIGHUP, foreground);
}

/** tty_signal_session_leader(): at hangup. What was in the foreground is told when the leader exits. */
export function hangupSession(tty: Tty): void {
  const { session, foreground } = tty;
  if (session === undefined) return;
  for (const tg of members(session)) {
    if (tg.tty === tty) tg.tty = undefined;
    if (!isSessionLeader(tg) || tg.zombie) continue;
    tty.system.signals.sendToProcess(SIGHUP, tg);
    tty.system.signals.sendToProcess(SIGCONT, tg);
    tg.ttyOldPgrp = foreground;
  }
  tty.session = undefined;
  tty.foreground = undefined;
}

/** TIOCGPGRP. `asMaster`: through the pty's master, where no controlling terminal is needed. Errors: ENOTTY. */
export function tiocgpgrp(tty: Tty, task: Task, asMaster: boolean): number {
  if (!asMaster && task.tg.tty !== tty) throw ENOTTY;
  return tty.foreground?.nrIn(task.pidNs) ?? 0;
}

/** TIOCGSID. Errors: ENOTTY. */
export function tiocgsid(tty: Tty, task: Task, asMaster: boolean): number {
  if ((!asMaster && task.tg.tty !== tty) || tty.session === undefined) throw ENOTTY;
  return tty.session.nrIn(task.pidNs);
}

/** TIOCSPGRP. Errors: ENOTTY if it is not the caller's terminal, EINVAL, ESRCH, EPERM if the group is in another session. */
export function tiocspgrp(tty: Tty, task: Task, nr: number, sigttou: number): void {
  try {
    checkForeground(tty, task, sigttou);
  } catch (e) {
    throw e === EIO ? ENOTTY : e;
  }
  if (task.tg.tty !== tty || tty.session !== task.tg.session) throw ENOTTY;
  if (nr < 0) throw EINVAL;
  const pgrp = task.pidNs.find(nr);
  if (pgrp === undefined) throw ESRCH;
  const [member] = pgrp.groupMembers as Set<ThreadGroup>;
  if (member === undefined || member.session !== task.tg.session) throw EPERM;
  tty.foreground = pgrp;
}
