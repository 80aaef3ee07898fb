/** Page faults and the OOM killer: Linux `mm/memory.c`, `mm/memcontrol.c`, `mm/oom_kill.c`. Its report is in `oom-report.ts`. */

import { EINVAL } from "../../abi/errno.ts";
import { SIGKILL, SIGSEGV } from "../../abi/signal.ts";
import type { MemoryController } from "../cgroup/memory.ts";
import { PAGE_FAULT_NS } from "../params.ts";
import { reportGroupKill, reportKill, reportNobody, reportOom } from "./oom-report.ts";
import type { System } from "./system.ts";
import type { Task, ThreadGroup } from "./task.ts";

/** Makes pages resident for the current task; SIGSEGV outside its mappings, the OOM killer where memory is exhausted. */
export function memoryFault(system: System, task: Task, addr: number, length: number): number {
  let pages: number;
  try {
    pages = task.mm.touch(addr, length);
  } catch (e) {
    if (e !== EINVAL) throw e;
    system.signals.sendToTask(SIGSEGV, task);
    return 0;
  }
  if (pages <= 0) return 0;
  system.sched.clockNs += pages * PAGE_FAULT_NS;
  return highDelayNs(task.cgroup.memcg, pages);
}

/** Longest delay for one allocation over memory.high (MEMCG_MAX_HIGH_DELAY_JIFFIES). */
const MAX_HIGH_DELAY_NS = 2_000_000_000;

/** Linux `calculate_high_delay`: the square of how far the limit is exceeded, for each batch of 64 pages. */
function highDelayNs(memcg: MemoryController, pages: number): number {
  let ratio = 0;
  for (let at: MemoryController | undefined = memcg; at !== undefined; at = at.parent) {
    if (at.current > at.high) ratio = Math.max(ratio, (at.current - at.high) / Math.max(at.high, 4096));
  }
  return ratio === 0 ? 0 : Math.min(MAX_HIGH_DELAY_NS, ratio * ratio * pages * 1e9);
}

/** Linux `mem_cgroup_get_oom_group`: the topmost cgroup with memory.oom.group between the victim and the one whose limit was hit. */
function oomGroupOf(victim: Task, domain: MemoryController | undefined): MemoryController | undefined {
  let found: MemoryController | undefined;
  for (let at: MemoryController | undefined = victim.cgroup.memcg; at !== undefined; at = at.parent) {
    if (at.oomGroup) found = at;
    if (at === domain) break;
  }
  return found;
}

/** Linux `oom_badness`: resident memory and page tables, in pages, shifted by thousandths of what there is. -Infinity: never killed. */
export function oomBadness(system: System, task: Task, totalBytes: number = system.memory.totalBytes): number {
  const adj = task.tg.oomScoreAdj;
  if (adj === -1000 || task.tg === system.init) return Number.NEGATIVE_INFINITY;
  const total = Math.floor(totalBytes / 4096);
  return (task.mm.residentBytes + task.mm.pageTableBytes) / 4096 + adj * Math.floor(total / 1000);
}

/** Processes that the OOM killer may look at, by their first living thread. */
export function oomCandidates(system: System, domain: MemoryController | undefined): Task[] {
  const found: Task[] = [];
  for (const task of system.tasks) {
    if (!task.isLeader || task.state === "dead") continue;
    if (domain === undefined || task.cgroup.isWithin(domain.cgroup)) found.push(task);
  }
  return found;
}

/**
 * Kills the process with the highest badness and frees its memory: of the machine, or of the cgroup whose memory.max stands against a charge.
 * Returns false where there is none to kill, or where it is the caller itself.
 */
export function outOfMemory(system: System, domain?: MemoryController): boolean {
  const candidates = oomCandidates(system, domain);
  const totalBytes = domain === undefined ? system.memory.totalBytes : Math.min(domain.max, system.memory.totalBytes);
  const current = system.sched.current as Task | undefined;
  // Who is being killed already will give memory back.
  if (current?.killPending === true) return false;
  let victim: Task | undefined;
  let worst = Number.NEGATIVE_INFINITY;
  for (const task of candidates) {
    if (task.killPending) continue;
    const badness = oomBadness(system, task, totalBytes);
    if (badness === Number.NEGATIVE_INFINITY || badness < worst) continue;
    worst = badness;
    victim = task;
  }
  reportOom(system, candidates, domain, victim);
  if (victim === undefined) {
    reportNobody(system);
    return false;
  }
  const group = domain === undefined && !victim.cgroup.has("memory") ? undefined : oomGroupOf(victim, domain);
  const message = domain === undefined ? "Out of memory" : "Memory cgroup out of memory";
  let usable = kill(system, victim, message);
  if (group === undefined) return usable;
  group.note("oom_group_kill");
  reportGroupKill(system, group);
  for (const below of group.cgroup.subtree()) {
    const processes = new Set([...below.tasks].map((t) => t.process as ThreadGroup));
    for (const { leader } of processes) {
      if (leader.killPending || leader.tg.oomScoreAdj === -1000 || leader.tg === system.init) continue;
      usable = kill(system, leader, message) && usable;
    }
  }
  return usable;
}

/** Linux `__oom_kill_process`. Returns whether its memory has come back: not yet that of the caller. */
function kill(system: System, victim: Task, message: string): boolean {
  victim.cgroup.memcg.note("oom_kill");
  const rssBytes = victim.mm.residentBytes;
  system.trace.emit({ name: "mm_oom_kill", pid: victim.pid.nr, comm: victim.comm, rssBytes, cgroup: victim.cgroup.ino });
  reportKill(system, victim, message);
  system.signals.sendToProcess(SIGKILL, victim.tg);
  if (victim.mm === (system.sched.current as Task | undefined)?.mm) return false;
  // As the oom_reaper: the memory comes back before the victim has run again.
  victim.mm.free();
  return true;
}
