/** Page faults and the OOM killer: Linux `mm/memory.c`, `mm/oom_kill.c`. */

import { EINVAL } from "../../abi/errno.ts";
import { SIGKILL, SIGSEGV } from "../../abi/signal.ts";
import { PAGE_FAULT_NS } from "../params.ts";
import type { Cgroup } from "../cgroup/cgroup.ts";
import type { System } from "./system.ts";
import type { Task } from "./task.ts";

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
  return highDelayNs(task.cgroup, pages);
}

/** Longest delay for one allocation over memory.high (MEMCG_MAX_HIGH_DELAY_JIFFIES). */
const MAX_HIGH_DELAY_NS = 2_000_000_000;

/** Linux `calculate_high_delay`: the square of how far the limit is exceeded, for each batch of 64 pages. */
function highDelayNs(cgroup: Cgroup, pages: number): number {
  let ratio = 0;
  for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent) {
    if (up.isRoot || !up.has("memory") || up.memory.current <= up.memory.high) continue;
    ratio = Math.max(ratio, (up.memory.current - up.memory.high) / Math.max(up.memory.high, 4096));
  }
  return ratio === 0 ? 0 : Math.min(MAX_HIGH_DELAY_NS, ratio * ratio * pages * 1e9);
}

/** The topmost cgroup with memory.oom.group between the victim and the one whose limit was hit. */
function oomGroupOf(from: Cgroup, top: Cgroup): Cgroup | undefined {
  let found: Cgroup | undefined;
  for (const up of from.ancestors()) {
    if (up.memory.oomGroup && up.has("memory")) found = up;
    if (up === top) break;
  }
  return found;
}

function isWithin(cgroup: Cgroup, top: Cgroup): boolean {
  for (const up of cgroup.ancestors()) if (up === top) return true;
  return false;
}

const kib = (bytes: number): string => `${Math.floor(bytes / 1024)}kB`;

/** Badness as oom_badness(): resident memory, shifted by oom_score_adj thousandths of all memory. */
export function oomBadness(system: System, task: Task): number {
  const adj = task.tg.oomScoreAdj;
  if (adj === -1000) return Number.NEGATIVE_INFINITY;
  return task.mm.residentBytes + (adj / 1000) * system.memory.totalBytes;
}

/** Kills the process with the highest badness and frees its memory. Returns false where there is none to kill. */
export function outOfMemory(system: System, within?: Cgroup): boolean {
  let victim: Task | undefined;
  let worst = 0;
  for (const task of system.tasks) {
    if (!task.isLeader || task.state === "dead" || task.killPending || task.tg === system.init) continue;
    if (within !== undefined && !isWithin(task.cgroup, within)) continue;
    const badness = oomBadness(system, task);
    if (badness > worst) {
      worst = badness;
      victim = task;
    }
  }
  if (victim === undefined) return false;
  report(system, victim);
  if (within !== undefined) {
    system.cgroups.noteEvent(victim.cgroup, "oom_kill");
    const group = oomGroupOf(victim.cgroup, within);
    if (group !== undefined) {
      system.cgroups.noteEvent(group, "oom_group_kill");
      for (const below of group.subtree())
        for (const t of [...below.tasks]) if (t !== victim) system.signals.sendToProcess(SIGKILL, (t as Task).tg);
    }
  }
  system.trace.emit({ name: "mm_oom_kill", pid: victim.pid.nr, comm: victim.comm, rssBytes: victim.mm.residentBytes });
  system.signals.sendToProcess(SIGKILL, victim.tg);
  if (victim === system.sched.current) return false;
  // As the oom_reaper: the memory comes back before the victim has run again.
  victim.mm.free();
  return true;
}

function report(system: System, victim: Task): void {
  const { log, memory } = system;
  const invoker = system.sched.current as Task | undefined;
  log.printk(
    4,
    `${invoker?.comm ?? "swapper"} invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), order=0, oom_score_adj=${invoker?.tg.oomScoreAdj ?? 0}`,
  );
  const u = memory.usedBytes;
  log.printk(4, `Mem-Info:\nactive_anon:${u.anon / 4096} shmem:${u.shmem / 4096} free:${Math.floor(memory.freeBytes / 4096)}`);
  log.printk(6, "Tasks state (memory values in pages):");
  log.printk(6, "[  pid  ]   uid  tgid total_vm      rss oom_score_adj name");
  for (const t of system.tasks) {
    if (!t.isLeader || t.state === "dead") continue;
    const pid = String(t.pid.nr).padStart(7);
    const row = [
      String(t.cred.uid).padStart(5),
      String(t.pid.nr).padStart(5),
      String(t.mm.virtualBytes / 4096).padStart(8),
      String(t.mm.residentBytes / 4096).padStart(8),
    ];
    log.printk(6, `[${pid}] ${row.join(" ")} ${String(t.tg.oomScoreAdj).padStart(13)} ${t.comm}`);
  }
  const mm = victim.mm;
  log.printk(
    3,
    `Out of memory: Killed process ${victim.pid.nr} (${victim.comm}) total-vm:${kib(mm.virtualBytes)}, anon-rss:${kib(mm.residentBytes)}, file-rss:0kB, shmem-rss:0kB, UID:${victim.cred.uid} pgtables:${kib(mm.residentBytes / 512)} oom_score_adj:${victim.tg.oomScoreAdj}`,
  );
}
