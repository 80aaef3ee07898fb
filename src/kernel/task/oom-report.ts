/**
 * What the OOM killer says in the kernel log: Linux 6.1 `dump_header`, `dump_tasks`, `dump_oom_summary` of `mm/oom_kill.c`,
 * `mem_cgroup_print_oom_meminfo` of `mm/memcontrol.c`.
 *
 * Differs from Linux: no call trace and no hardware name, since there is neither; of the machine's memory a short form of Mem-Info.
 */

import type { MemoryController } from "../cgroup/memory.ts";
import { UTS_RELEASE, UTS_VERSION } from "../params.ts";
import type { System } from "./system.ts";
import type { Task } from "./task.ts";

const WARNING = 4;
const INFO = 6;
const ERROR = 3;
/** PAGE_COUNTER_MAX in kilobytes: what "no limit" looks like. */
const NO_LIMIT_KIB = "9007199254740988";

const kib = (bytes: number): string => (Number.isFinite(bytes) ? `${Math.floor(bytes / 1024)}` : NO_LIMIT_KIB);
const pages = (bytes: number): number => Math.floor(bytes / 4096);

/** Who ran out of memory, what there is, who could be killed, and who will be. */
export function reportOom(
  system: System,
  candidates: readonly Task[],
  domain: MemoryController | undefined,
  victim: Task | undefined,
): void {
  const { log, memory, sched } = system;
  const invoker = sched.current as Task | undefined;
  const comm = invoker?.comm ?? "swapper/0";
  const mask = domain === undefined ? "gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO)" : "gfp_mask=0xcc0(GFP_KERNEL)";
  log.printk(WARNING, `${comm} invoked oom-killer: ${mask}, order=0, oom_score_adj=${invoker?.tg.oomScoreAdj ?? 0}`);
  const [build] = UTS_VERSION.split(" ");
  log.printk(WARNING, `CPU: ${invoker?.cpu ?? 0} PID: ${invoker?.pid.nr ?? 0} Comm: ${comm} Not tainted ${UTS_RELEASE} ${build}`);
  if (domain !== undefined) reportCgroup(system, domain);
  else {
    const u = memory.usedBytes;
    log.printk(WARNING, `Mem-Info:\nactive_anon:${pages(u.anon)} shmem:${pages(u.shmem)} free:${pages(memory.freeBytes)}`);
  }
  log.printk(INFO, "Tasks state (memory values in pages):");
  log.printk(INFO, "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
  for (const task of candidates) log.printk(INFO, taskRow(task));
  if (victim !== undefined) log.printk(INFO, summary(domain, victim));
}

function reportCgroup({ log }: System, { current, max, failCount, swapMax, cgroup }: MemoryController): void {
  log.printk(INFO, `memory: usage ${kib(current)}kB, limit ${kib(max)}kB, failcnt ${failCount}`);
  log.printk(INFO, `swap: usage 0kB, limit ${kib(swapMax)}kB, failcnt 0`);
  log.printk(INFO, `Memory cgroup stats for ${cgroup.path}:`);
  log.printk(INFO, cgroup.memory.stat().trimEnd());
}

/** Linux `dump_task`. */
function taskRow({ pid, cred, tg, mm, comm }: Task): string {
  const columns: readonly (readonly [string | number, number])[] = [
    [cred.uid, 5],
    [tg.pid.nr, 5],
    [pages(mm.virtualBytes), 8],
    [pages(mm.residentBytes), 8],
    [mm.pageTableBytes, 8],
    [0, 8],
    [tg.oomScoreAdj, 13],
  ];
  const row = columns.map(([value, width]) => String(value).padStart(width)).join(" ");
  return `[${String(pid.nr).padStart(7)}] ${row} ${comm}`;
}

function summary(domain: MemoryController | undefined, victim: Task): string {
  const constraint = domain === undefined ? "CONSTRAINT_NONE" : "CONSTRAINT_MEMCG";
  const cpuset = victim.system.sched.current === undefined ? "/" : (victim.system.sched.current as Task).cgroup.effective("cpuset").name;
  const where = domain === undefined ? "global_oom" : `oom_memcg=${domain.cgroup.path}`;
  const { cgroup } = victim.cgroup.memcg;
  return (
    `oom-kill:constraint=${constraint},nodemask=(null),cpuset=${cpuset === "" ? "/" : cpuset},mems_allowed=0,${where},` +
    `task_memcg=${cgroup.path},task=${victim.comm},pid=${victim.pid.nr},uid=${victim.cred.uid}`
  );
}

export function reportKill({ log }: System, victim: Task, message: string): void {
  const { mm, pid, comm, cred, tg } = victim;
  log.printk(
    ERROR,
    `${message}: Killed process ${pid.nr} (${comm}) total-vm:${kib(mm.virtualBytes)}kB, anon-rss:${kib(mm.residentBytes)}kB, file-rss:0kB, ` +
      `shmem-rss:0kB, UID:${cred.uid} pgtables:${kib(mm.pageTableBytes)}kB oom_score_adj:${tg.oomScoreAdj}`,
  );
}

export function reportGroupKill({ log }: System, group: MemoryController): void {
  log.printk(INFO, `Tasks in ${group.cgroup.path} are going to be killed due to memory.oom.group set`);
}

export function reportNobody({ log }: System): void {
  log.printk(WARNING, "Out of memory and no killable processes...");
}
