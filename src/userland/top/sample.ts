/** What top shows at one instant, as differences from the instant before. */

import type { Proc, Sys } from "../../abi/sys.ts";
import {
  type CpuTicks,
  HZ,
  idsOf,
  type Process,
  readLoadavg,
  readMeminfo,
  readProcesses,
  readProcFile,
  readProcLink,
  readSystemStat,
  readUptime,
} from "../libc/libproc.ts";
import type { IdNames } from "../libc/passwd.ts";

/** One line of top. */
export interface Task {
  readonly p: Process;
  readonly user: string;
  /** Percent of one CPU since the last sample. */
  readonly cpu: number;
  readonly virtKib: number;
  readonly resKib: number;
  readonly sharedKib: number;
  /** Percent of all memory. */
  readonly mem: number;
  readonly ticks: number;
  /** /proc/PID/cgroup, its lines joined by commas; empty unless asked for. */
  readonly cgroup: string;
  /** Inode numbers by the names in /proc/PID/ns; empty unless asked for. */
  readonly namespaces: ReadonlyMap<string, string>;
}

/** What costs more system calls for each task. */
export interface Extras {
  readonly cgroup: boolean;
  readonly namespaces: boolean;
}

/** Shares in percent. */
export interface CpuShare {
  readonly us: number;
  readonly sy: number;
  readonly ni: number;
  readonly id: number;
  readonly wa: number;
  readonly hi: number;
  readonly si: number;
  readonly st: number;
}

export interface Sample {
  readonly tasks: readonly Task[];
  readonly total: CpuShare;
  readonly cpus: readonly CpuShare[];
  readonly memory: ReadonlyMap<string, number>;
  readonly loads: readonly string[];
  readonly uptimeSec: number;
}

const shares = (now: CpuTicks, before: CpuTicks | undefined): CpuShare => {
  const d = (key: keyof CpuTicks): number => Math.max(0, now[key] - (before?.[key] ?? 0));
  const all = d("user") + d("nice") + d("system") + d("idle") + d("iowait") + d("irq") + d("softirq") + d("steal");
  const share = (key: keyof CpuTicks): number => (all === 0 ? (key === "idle" ? 100 : 0) : (100 * d(key)) / all);
  return {
    us: share("user"),
    sy: share("system"),
    ni: share("nice"),
    id: share("idle"),
    wa: share("iowait"),
    hi: share("irq"),
    si: share("softirq"),
    st: share("steal"),
  };
};

const none: ReadonlyMap<string, string> = new Map();

function* readCgroup(sys: Sys, pid: number): Proc<string> {
  const text = ((yield* readProcFile(sys, `/proc/${pid}/cgroup`)) ?? "").trim();
  return text === "" ? "-" : text.split("\n").join(",");
}

function* readNamespaces(sys: Sys, pid: number): Proc<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const name of ["ipc", "mnt", "net", "pid", "user", "uts", "cgroup", "time"]) {
    const inode = /\[([0-9]+)\]/.exec((yield* readProcLink(sys, `/proc/${pid}/ns/${name}`)) ?? "")?.[1];
    if (inode !== undefined) found.set(name, inode);
  }
  return found;
}

export class Sampler {
  private ticks = new Map<number, number>();
  private lastSec: number | undefined;
  private total: CpuTicks | undefined;
  private cpus: readonly CpuTicks[] = [];

  constructor(
    private readonly sys: Sys,
    private readonly names: IdNames,
  ) {}

  *take(threads: boolean, extras: Extras = { cgroup: false, namespaces: false }): Proc<Sample> {
    const { sys } = this;
    const { uptimeSec } = yield* readUptime(sys);
    const memory = yield* readMeminfo(sys);
    const stat = yield* readSystemStat(sys);
    const span = Math.max(1 / HZ, uptimeSec - (this.lastSec ?? 0));
    const totalKib = memory.get("MemTotal") ?? 1;
    const tasks: Task[] = [];
    const ticks = new Map<number, number>();
    for (const p of yield* readProcesses(sys, { status: true, cmdline: true, threads })) {
      const used = p.utime + p.stime;
      // A process that began since the last sample used all its time since then.
      const before = this.lastSec === undefined ? 0 : (this.ticks.get(p.tid) ?? 0);
      ticks.set(p.tid, used);
      const resKib = p.rssPages * 4;
      const statm = ((yield* readProcFile(sys, `/proc/${p.pid}/statm`)) ?? "").split(" ");
      const uid = idsOf(p, "Uid")[1];
      tasks.push({
        p,
        user: (yield* this.names.user(uid)) ?? String(uid),
        // Ticks are coarse: no more is shown than its threads can use.
        cpu: Math.min(100 * Math.min(p.threads, stat.cpus.length), (100 * Math.max(0, used - before)) / HZ / span),
        virtKib: Math.floor(p.vsizeBytes / 1024),
        resKib,
        sharedKib: Number(statm[2] ?? 0) * 4,
        mem: (100 * resKib) / totalKib,
        ticks: used,
        cgroup: extras.cgroup ? yield* readCgroup(sys, p.pid) : "",
        namespaces: extras.namespaces ? yield* readNamespaces(sys, p.pid) : none,
      });
      yield* sys.spend(1500);
    }
    const sample = {
      tasks,
      total: shares(stat.total, this.total),
      cpus: stat.cpus.map((cpu, i) => shares(cpu, this.cpus[i])),
      memory,
      loads: yield* readLoadavg(sys),
      uptimeSec,
    };
    this.ticks = ticks;
    this.lastSec = uptimeSec;
    this.total = stat.total;
    this.cpus = stat.cpus;
    return sample;
  }
}
