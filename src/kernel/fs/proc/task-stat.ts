/** /proc/PID/stat, statm, status: proc_pid_stat(5), proc_pid_status(5); Linux `fs/proc/array.c`, `fs/proc/task_mmu.c`. */

import type { CapSet } from "../../../abi/capability.ts";
import { PROT_EXEC, PROT_WRITE } from "../../../abi/mman.ts";
import { RLIMIT_RSS, RLIMIT_SIGPENDING } from "../../../abi/resource.ts";
import { SIG_DFL, SIG_IGN, type SigSet, sigBit } from "../../../abi/signal.ts";
import { major, minor } from "../../../abi/stat.ts";
import { NS_PER_SEC } from "../../../abi/time.ts";
import type { AddressSpace, Vma } from "../../mm/address-space.ts";
import { shownId } from "../../ns/idmap.ts";
import { PAGE_SIZE, USER_HZ } from "../../params.ts";
import { groupUsage, type SigPending, type Task, type ThreadGroup } from "../../task/task.ts";
import type { TaskSubject } from "./entry.ts";

const PF_EXITING = 0x4;
const PF_FORKNOEXEC = 0x40;
const SIGNALS = 64;
const UINT64_MAX = 18446744073709551615n;
/** A task's first descriptor table, and how it grows. */
const FD_TABLE_FIRST = 64;
const FD_TABLE_STEP = 128;

const ticks = (ns: number): number => Math.floor((ns * USER_HZ) / NS_PER_SEC);

/** The letter and the word of /proc/PID/status. */
export function stateOf(task: Task): readonly [letter: string, words: string] {
  switch (task.state) {
    case "running":
      return ["R", "R (running)"];
    case "sleeping":
      return ["S", "S (sleeping)"];
    case "stopped":
      return ["T", "T (stopped)"];
    case "traced":
      return ["t", "t (tracing stop)"];
    case "dead":
      return task.isLeader ? ["Z", "Z (zombie)"] : ["X", "X (dead)"];
  }
}

/** An address space, or undefined once the task has given it up. */
const mmOf = (task: Task): AddressSpace | undefined => (task.state === "dead" ? undefined : task.mm);

/** new_encode_dev(): how stat shows a device number. */
const encodeDev = (dev: number): number => (minor(dev) & 0xff) | (major(dev) << 8) | ((minor(dev) & ~0xff) << 12);

function signalSets({ sighand }: ThreadGroup): { ignored: SigSet; caught: SigSet } {
  let ignored = 0n;
  let caught = 0n;
  for (let sig = 1; sig <= SIGNALS; sig++) {
    const { handler } = sighand.get(sig);
    if (handler === SIG_IGN) ignored |= sigBit(sig);
    else if (handler !== SIG_DFL) caught |= sigBit(sig);
  }
  return { ignored, caught };
}

/** Linux shows the parent's id as 0 where it is outside of the namespace. */
function parentNr({ task, ns }: TaskSubject): number {
  return task.tg.parent?.pid.nrIn(ns) ?? 0;
}

const isText = (v: Vma): boolean => typeof v.name !== "string" && (v.prot & PROT_EXEC) !== 0;
const bytesOf = (v: Vma): number => v.end - v.start;

/**
 * proc_pid_stat(5). Differs from Linux: addresses of arguments, environment and stack pointer are 0, as it shows them to those who
 * may not trace the process.
 */
export function taskStat(subject: TaskSubject, reader: Task): string {
  const { task, ns, thread } = subject;
  const { tg } = task;
  const own = thread ? task.usage() : groupUsage(tg);
  const children = tg.childrenUsage;
  const { ignored, caught } = signalSets(tg);
  const mm = mmOf(task);
  const text = mm?.vmas.find(isText);
  const tty = tg.tty;
  const rss = tg.rlimits[RLIMIT_RSS]?.cur ?? Number.POSITIVE_INFINITY;
  const low = (set: SigSet): string => String(set & 0x7fffffffn);
  const fields = [
    stateOf(task)[0],
    parentNr(subject),
    tg.pgrp.nrIn(ns),
    tg.session.nrIn(ns),
    tty === undefined ? 0 : encodeDev(tty.dev),
    tty?.foreground === undefined ? -1 : tty.foreground.nrIn(ns),
    (task.state === "dead" ? PF_EXITING : 0) | (tg.execed ? 0 : PF_FORKNOEXEC),
    own.minflt,
    children.minflt,
    own.majflt,
    children.majflt,
    ticks(own.utimeNs),
    ticks(own.stimeNs),
    ticks(children.utimeNs),
    ticks(children.stimeNs),
    20 + task.nice,
    task.nice,
    tg.threads.size,
    0,
    ticks(task.startNs + reader.ns.time.boottimeNs),
    mm?.virtualBytes ?? 0,
    Math.floor((mm?.residentBytes ?? 0) / PAGE_SIZE),
    rss === Number.POSITIVE_INFINITY ? UINT64_MAX : rss,
    text?.start ?? 0,
    text?.end ?? 0,
    0,
    0,
    0,
    low(task.pending.set),
    low(task.blocked),
    low(ignored),
    low(caught),
    task.state === "running" ? 0 : 1,
    0,
    0,
    tg.exitSignal,
    task.cpu,
    0,
    task.policy,
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    tg.exitStatus ?? 0,
  ];
  return `${task.pid.nrIn(ns)} (${task.comm}) ${fields.join(" ")}\n`;
}

/** What kinds of memory the mappings are. */
function memoryOf(mm: AddressSpace): {
  anon: number;
  file: number;
  shared: number;
  data: number;
  stack: number;
  text: number;
  lib: number;
} {
  const sum = { anon: 0, file: 0, shared: 0, data: 0, stack: 0, text: 0, lib: 0 };
  let program: Vma | undefined;
  for (const v of mm.vmas) {
    if (v.shared) sum.shared += v.residentBytes;
    else if (typeof v.name === "string") sum.anon += v.residentBytes;
    else sum.file += v.residentBytes;
    if (v.name === "[stack]") sum.stack += bytesOf(v);
    else if ((v.prot & PROT_WRITE) !== 0 && !v.shared) sum.data += bytesOf(v);
    if (!isText(v)) continue;
    program ??= v;
    if (v === program) sum.text += bytesOf(v);
    else sum.lib += bytesOf(v);
  }
  return sum;
}

export function taskStatm({ task }: TaskSubject): string {
  const mm = mmOf(task);
  if (mm === undefined) return "0 0 0 0 0 0 0\n";
  const m = memoryOf(mm);
  const pages = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE);
  return `${pages(mm.virtualBytes)} ${pages(mm.residentBytes)} ${pages(m.file + m.shared)} ${pages(m.text)} 0 ${pages(m.data + m.stack)} 0\n`;
}

const hex16 = (set: SigSet | CapSet): string => set.toString(16).padStart(16, "0");

/** Linux counts the queued signals of a user. */
function queuedSignals({ task, system }: TaskSubject): number {
  const count = (pending: SigPending): number => pending.queue.length;
  let sum = 0;
  for (const t of system.tasks) {
    if (t.cred.uid !== task.cred.uid) continue;
    sum += count(t.pending) + (t.isLeader ? count(t.tg.pending) : 0);
  }
  return sum;
}

function fdTableSize(task: Task): number {
  let last = -1;
  for (const [fd] of task.files.entries()) last = fd;
  if (last < FD_TABLE_FIRST) return FD_TABLE_FIRST;
  return 2 ** Math.ceil(Math.log2(Math.floor(last / FD_TABLE_STEP) + 1)) * FD_TABLE_STEP;
}

/** `0-1,3`. */
export function cpuList(mask: number, cpus: number): string {
  const ranges: string[] = [];
  for (let cpu = 0; cpu < cpus; cpu++) {
    if (((mask >>> cpu) & 1) === 0) continue;
    let end = cpu;
    while (end + 1 < cpus && ((mask >>> (end + 1)) & 1) === 1) end++;
    ranges.push(end === cpu ? `${cpu}` : `${cpu}-${end}`);
    cpu = end;
  }
  return ranges.join(",");
}

/** The bytes that status and others escape in a name. */
const escapeName = (name: string): string => name.replace(/[\n\\]/g, (c) => (c === "\n" ? "\\n" : "\\\\"));

function memoryLines(mm: AddressSpace): string {
  const m = memoryOf(mm);
  const row = (name: string, bytes: number): string => `${name}:\t${String(Math.ceil(bytes / 1024)).padStart(8)} kB\n`;
  return [
    row("VmSize", mm.virtualBytes),
    row("VmLck", 0),
    row("VmPin", 0),
    row("VmHWM", mm.peakResidentBytes),
    row("VmRSS", mm.residentBytes),
    row("RssAnon", m.anon),
    row("RssFile", m.file),
    row("RssShmem", m.shared),
    row("VmData", m.data),
    row("VmStk", m.stack),
    row("VmExe", m.text),
    row("VmLib", m.lib),
    row("VmSwap", 0),
    row("HugetlbPages", 0),
    "CoreDumping:\t0\n",
    "THP_enabled:\t0\n",
  ].join("");
}

/** proc_pid_status(5). Differs from Linux: VmPeak, VmPTE and the mitigation lines are absent. */
export function taskStatus(subject: TaskSubject, reader: Task): string {
  const { task, ns, system } = subject;
  const { tg, cred } = task;
  const { userNs } = reader.cred;
  const mm = mmOf(task);
  const { ignored, caught } = signalSets(tg);
  // In each namespace from the reader's proc down to the task's own; 0 where a group or session lies outside.
  const nested = (of: Task["pid"]): string =>
    task.pid.numbers
      .slice(ns.level)
      .map((n) => `\t${of.nrIn(n.ns)}`)
      .join("");
  const sigLimit = tg.rlimits[RLIMIT_SIGPENDING]?.cur ?? Number.POSITIVE_INFINITY;
  const cpus = system.config.cpus;
  const affinity = task.affinity & (2 ** cpus - 1);
  return [
    `Name:\t${escapeName(task.comm)}\n`,
    `Umask:\t${task.fs.umask.toString(8).padStart(4, "0")}\n`,
    `State:\t${stateOf(task)[1]}\n`,
    `Tgid:\t${tg.pid.nrIn(ns)}\n`,
    "Ngid:\t0\n",
    `Pid:\t${task.pid.nrIn(ns)}\n`,
    `PPid:\t${parentNr(subject)}\n`,
    `TracerPid:\t${task.ptrace?.tracer.pid.nrIn(ns) ?? 0}\n`,
    `Uid:\t${[cred.uid, cred.euid, cred.suid, cred.fsuid].map((id) => shownId(userNs, "uidMap", id)).join("\t")}\n`,
    `Gid:\t${[cred.gid, cred.egid, cred.sgid, cred.fsgid].map((id) => shownId(userNs, "gidMap", id)).join("\t")}\n`,
    `FDSize:\t${task.state === "dead" ? 0 : fdTableSize(task)}\n`,
    `Groups:\t${cred.groups.map((gid) => `${shownId(userNs, "gidMap", gid)} `).join("")}\n`,
    `NStgid:${nested(tg.pid)}\nNSpid:${nested(task.pid)}\nNSpgid:${nested(tg.pgrp)}\nNSsid:${nested(tg.session)}\n`,
    mm === undefined ? "" : memoryLines(mm),
    `Threads:\t${tg.threads.size}\n`,
    `SigQ:\t${queuedSignals(subject)}/${sigLimit === Number.POSITIVE_INFINITY ? UINT64_MAX : sigLimit}\n`,
    `SigPnd:\t${hex16(task.pending.set)}\nShdPnd:\t${hex16(tg.pending.set)}\nSigBlk:\t${hex16(task.blocked)}\n`,
    `SigIgn:\t${hex16(ignored)}\nSigCgt:\t${hex16(caught)}\n`,
    `CapInh:\t${hex16(cred.inheritable)}\nCapPrm:\t${hex16(cred.permitted)}\nCapEff:\t${hex16(cred.effective)}\n`,
    `CapBnd:\t${hex16(cred.bounding)}\nCapAmb:\t${hex16(cred.ambient)}\n`,
    `NoNewPrivs:\t${cred.noNewPrivs ? 1 : 0}\n` +
      `Seccomp:\t${task.seccomp === undefined ? 0 : 2}\nSeccomp_filters:\t${task.seccomp?.filters.length ?? 0}\n`,
    `Cpus_allowed:\t${affinity.toString(16)}\nCpus_allowed_list:\t${cpuList(affinity, cpus)}\n`,
    "Mems_allowed:\t1\nMems_allowed_list:\t0\n",
    `voluntary_ctxt_switches:\t${task.nvcsw}\nnonvoluntary_ctxt_switches:\t${task.nivcsw}\n`,
  ].join("");
}
