/** The screen of top as lines of text: procps-ng 4.0 `src/top/top.c`. */

import { ttyName, uptimeText } from "../libc/libproc.ts";
import { strftime } from "../libc/strftime.ts";
import type { CpuShare, Sample, Task } from "./sample.ts";

export interface View {
  sortBy: string;
  /** High values first. */
  descending: boolean;
  commandLine: boolean;
  perCpu: boolean;
  threads: boolean;
  /** `i`: without tasks that used no CPU time. */
  activeOnly: boolean;
  /** `I`: the share of all CPUs, not of one. */
  solaris: boolean;
  showLoad: boolean;
  showTasks: boolean;
  showMemory: boolean;
  /** `E`: unit of the memory lines, an index of "KMGTPE". */
  unit: number;
  user: string | undefined;
  pids: readonly number[];
  /** `n`: at most so many tasks; 0 for all. */
  maxTasks: number;
}

export const defaultView = (): View => ({
  sortBy: "%CPU",
  descending: true,
  commandLine: false,
  perCpu: false,
  threads: false,
  activeOnly: false,
  solaris: false,
  showLoad: true,
  showTasks: true,
  showMemory: true,
  unit: 1,
  user: undefined,
  pids: [],
  maxTasks: 0,
});

interface Field {
  readonly name: string;
  readonly width: number;
  readonly left?: boolean;
  readonly text: (t: Task) => string;
}

/** KiB in at most `width` characters, with m, g, t where it must be. */
function scaled(kib: number, width: number): string {
  if (String(kib).length <= width) return String(kib);
  let value = kib;
  for (const unit of ["m", "g", "t", "p"]) {
    value /= 1024;
    const text = `${value.toFixed(1)}${unit}`;
    if (text.length <= width) return text;
    if (`${Math.round(value)}${unit}`.length <= width && value >= 1000) return `${Math.round(value)}${unit}`;
  }
  return "?";
}

function timePlus(ticks: number): string {
  const minutes = Math.floor(ticks / 6000);
  return `${minutes}:${String(Math.floor(ticks / 100) % 60).padStart(2, "0")}.${String(ticks % 100).padStart(2, "0")}`;
}

const percent = (n: number): string => (n >= 999.95 ? String(Math.round(n)) : n.toFixed(1));

export function fields(view: View, pidWidth: number, cpus: number): readonly Field[] {
  const share = (t: Task): number => (view.solaris ? t.cpu / cpus : t.cpu);
  return [
    { name: "PID", width: pidWidth, text: (t) => String(t.p.tid) },
    { name: "USER", width: 8, left: true, text: (t) => (t.user.length > 8 ? `${t.user.slice(0, 7)}+` : t.user) },
    { name: "PR", width: 3, text: (t) => (t.p.priority < -99 ? "rt" : String(t.p.priority)) },
    { name: "NI", width: 3, text: (t) => String(t.p.nice) },
    { name: "VIRT", width: 7, text: (t) => scaled(t.virtKib, 7) },
    { name: "RES", width: 6, text: (t) => scaled(t.resKib, 6) },
    { name: "SHR", width: 6, text: (t) => scaled(t.sharedKib, 6) },
    { name: "S", width: 1, text: (t) => t.p.state },
    { name: "%CPU", width: 5, text: (t) => percent(share(t)) },
    { name: "%MEM", width: 5, text: (t) => percent(t.mem) },
    { name: "TIME+", width: 9, text: (t) => timePlus(t.ticks) },
  ];
}

const keys: Readonly<Record<string, (t: Task) => number | string>> = {
  PID: (t) => t.p.tid,
  PPID: (t) => t.p.ppid,
  PGRP: (t) => t.p.pgrp,
  SID: (t) => t.p.session,
  UID: (t) => t.user,
  USER: (t) => t.user,
  TTY: (t) => ttyName(t.p.tty) ?? "?",
  PR: (t) => t.p.priority,
  NI: (t) => t.p.nice,
  nTH: (t) => t.p.threads,
  P: (t) => t.p.processor,
  VIRT: (t) => t.virtKib,
  RES: (t) => t.resKib,
  SHR: (t) => t.sharedKib,
  S: (t) => t.p.state,
  "%CPU": (t) => t.cpu,
  "%MEM": (t) => t.resKib,
  TIME: (t) => t.ticks,
  "TIME+": (t) => t.ticks,
  COMMAND: (t) => t.p.comm,
};

export const isField = (name: string): boolean => Object.hasOwn(keys, name);

export function sortTasks(tasks: readonly Task[], view: View): Task[] {
  const key = keys[view.sortBy] ?? ((t: Task) => t.cpu);
  const sign = view.descending ? -1 : 1;
  return [...tasks].sort((a, b) => {
    const [u, v] = [key(a), key(b)];
    if (u !== v) return u < v ? -sign : sign;
    return a.p.tid - b.p.tid;
  });
}

function cpuLine(name: string, s: CpuShare): string {
  const n = (value: number): string => value.toFixed(1).padStart(5);
  return `${name}:${n(s.us)} us,${n(s.sy)} sy,${n(s.ni)} ni,${n(s.id)} id,${n(s.wa)} wa,${n(s.hi)} hi,${n(s.si)} si,${n(s.st)} st `;
}

function memoryLines(memory: ReadonlyMap<string, number>, unit: number): string[] {
  const name = `${"KMGTPE"[unit]}iB`;
  const m = (kib: number): string => (kib / 1024 ** unit).toFixed(unit === 0 ? 0 : 1).padStart(8);
  const get = (key: string): number => memory.get(key) ?? 0;
  const cache = get("Buffers") + get("Cached") + get("SReclaimable");
  const swapUsed = get("SwapTotal") - get("SwapFree");
  return [
    `${name} Mem : ${m(get("MemTotal"))} total, ${m(get("MemFree"))} free, ${m(get("MemTotal") - get("MemAvailable"))} used, ${m(cache)} buff/cache     `,
    `${name} Swap: ${m(get("SwapTotal"))} total, ${m(get("SwapFree"))} free, ${m(swapUsed)} used. ${m(get("MemAvailable"))} avail Mem `,
  ];
}

/** The lines above the tasks. */
export function summaryLines(sample: Sample, view: View, nowSec: number): string[] {
  const lines: string[] = [];
  const states = (letters: string): string => String(sample.tasks.filter((t) => letters.includes(t.p.state)).length).padStart(3);
  if (view.showLoad) {
    const time = strftime("%H:%M:%S", { sec: Math.floor(nowSec), nsec: 0 });
    lines.push(`top - ${time} up ${uptimeText(sample.uptimeSec)},  0 user,  load average: ${sample.loads.slice(0, 3).join(", ")}`);
  }
  if (view.showTasks) {
    const kind = view.threads ? "Threads" : "Tasks";
    const total = String(sample.tasks.length).padStart(3);
    lines.push(
      `${kind}: ${total} total, ${states("R")} running, ${states("SDI")} sleeping, ${states("Tt")} stopped, ${states("Z")} zombie`,
    );
    if (view.perCpu) for (const [i, cpu] of sample.cpus.entries()) lines.push(cpuLine(`%Cpu${i}`.padEnd(7), cpu));
    else lines.push(cpuLine("%Cpu(s)", sample.total));
  }
  if (view.showMemory) lines.push(...memoryLines(sample.memory, view.unit));
  return lines;
}

export interface TaskLines {
  readonly heading: string;
  readonly rows: readonly { readonly text: string; readonly running: boolean }[];
}

export function taskLines(sample: Sample, view: View, cols: number, rows: number, pidWidth: number): TaskLines {
  const all = fields(view, pidWidth, Math.max(1, sample.cpus.length));
  const shown: Field[] = [];
  let used = 0;
  // What does not fit at the right is left out.
  for (const field of all) {
    if (used + field.width > cols) break;
    shown.push(field);
    used += field.width + 1;
  }
  const room = shown.length === all.length ? cols - used : 0;
  const command = room >= 7;
  const head = shown.map((f) => (f.left ? f.name.padEnd(f.width) : f.name.padStart(f.width))).join(" ");
  let tasks = sample.tasks.filter((t) => view.pids.length === 0 || view.pids.includes(t.p.pid));
  if (view.user !== undefined) tasks = tasks.filter((t) => t.user === view.user);
  if (view.activeOnly) tasks = tasks.filter((t) => t.cpu > 0);
  const sorted = sortTasks(tasks, view);
  const limit = Math.min(rows, view.maxTasks > 0 ? view.maxTasks : rows);
  return {
    heading: command ? `${head} COMMAND` : head,
    rows: sorted.slice(0, limit).map((t) => {
      const cells = shown.map((f) => {
        const text = f.text(t);
        return f.left ? text.padEnd(f.width) : text.padStart(f.width);
      });
      if (command) {
        const name = view.commandLine && t.p.cmdline.length > 0 ? t.p.cmdline.join(" ") : view.commandLine ? `[${t.p.comm}]` : t.p.comm;
        cells.push(name.length > room ? `${name.slice(0, room - 1)}+` : name);
      }
      return { text: cells.join(" "), running: t.p.state === "R" };
    }),
  };
}
