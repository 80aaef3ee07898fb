/** The screen of top as lines of text: procps-ng 4.0 `src/top/top.c`. */

import { uptimeText } from "../libc/libproc.ts";
import { strftime } from "../libc/strftime.ts";
import { defaultFields, type Field, fieldTable, findField } from "./fields.ts";
import type { CpuShare, Sample, Task } from "./sample.ts";

export interface View {
  /** All columns, in the order that they were moved to. */
  order: readonly string[];
  shown: ReadonlySet<string>;
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
  /** `e`: least unit of the tasks' memory, an index of "kmgtp". */
  taskUnit: number;
  user: string | undefined;
  pids: readonly number[];
  /** `n`: at most so many tasks; 0 for all. */
  maxTasks: number;
}

export const defaultView = (): View => ({
  order: fieldTable.map((f) => f.name),
  shown: new Set(defaultFields),
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
  taskUnit: 0,
  user: undefined,
  pids: [],
  maxTasks: 0,
});

/** The columns in their order, as far as shown. */
const shownFields = (view: View): readonly Field[] =>
  view.order.filter((name) => view.shown.has(name)).flatMap((name) => findField(name) ?? []);

export function sortTasks(tasks: readonly Task[], view: View): Task[] {
  const key = findField(view.sortBy)?.key ?? ((t: Task) => t.cpu);
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

/** The least width of a column that takes what is left: as wide as "COMMAND". */
const LEAST_REST = 7;

interface Column {
  readonly field: Field;
  readonly width: number;
}

/** What does not fit at the right is left out; what the fixed columns leave is shared evenly. */
function layOut(all: readonly Field[], cols: number, pidWidth: number): readonly Column[] {
  const widthOf = (f: Field): number => (f.width === "pid" ? pidWidth : f.width === "rest" ? LEAST_REST : f.width);
  const least = (f: Field): number => Math.max(widthOf(f), f.left ? 0 : f.name.length);
  const shown: Field[] = [];
  let used = -1;
  for (const field of all) {
    if (used + 1 + least(field) > cols) break;
    shown.push(field);
    used += 1 + least(field);
  }
  const sharers = shown.filter((f) => f.width === "rest").length;
  const extra = sharers === 0 ? 0 : Math.floor((cols - used) / sharers);
  return shown.map((field) => ({ field, width: least(field) + (field.width === "rest" ? extra : 0) }));
}

function align(field: Field, text: string, width: number): string {
  const fits = text.length > width && field.left ? `${text.slice(0, Math.max(0, width - 1))}+` : text;
  return field.left ? fits.padEnd(width) : fits.padStart(width);
}

export function taskLines(sample: Sample, view: View, cols: number, rows: number, pidWidth: number): TaskLines {
  const columns = layOut(shownFields(view), cols, pidWidth);
  const context = { solaris: view.solaris, cpus: Math.max(1, sample.cpus.length), commandLine: view.commandLine, unit: view.taskUnit };
  let tasks = sample.tasks.filter((t) => view.pids.length === 0 || view.pids.includes(t.p.pid));
  if (view.user !== undefined) tasks = tasks.filter((t) => t.user === view.user);
  if (view.activeOnly) tasks = tasks.filter((t) => t.cpu > 0);
  const sorted = sortTasks(tasks, view);
  const limit = Math.min(rows, view.maxTasks > 0 ? view.maxTasks : rows);
  return {
    // The last name stands as it is: nothing follows it.
    heading: columns
      .map(({ field, width }) => align(field, field.name, width))
      .join(" ")
      .trimEnd(),
    rows: sorted.slice(0, limit).map((t) => ({
      text: columns.map(({ field, width }) => align(field, field.text(t, context), width)).join(" "),
      running: t.p.state === "R",
    })),
  };
}
