/**
 * The columns of top: procps-ng 4.0 `src/top/top.c`, its Fieldstab, in its order and with its widths.
 * Left out: columns whose numbers the machine does not keep (PSS and its kin, dirty pages, I/O bytes, autogroups, utilization)
 * and names of other ids than the effective user's.
 */

import { idsOf, ttyName } from "../libc/libproc.ts";
import type { Task } from "./sample.ts";

export interface Field {
  readonly name: string;
  readonly description: string;
  /** Columns; "pid" for the digits of the largest pid, "rest" for a share of what the others leave. */
  readonly width: number | "pid" | "rest";
  readonly left?: boolean;
  readonly text: (t: Task, at: FieldContext) => string;
  readonly key: (t: Task) => number | string;
}

export interface FieldContext {
  /** `I`: the share of all CPUs, not of one. */
  readonly solaris: boolean;
  readonly cpus: number;
  readonly commandLine: boolean;
  /** `e`: the least unit of the tasks' memory, an index of "kmgtp". */
  readonly unit: number;
}

/** KiB in at most `width` characters, with m, g, t where it must be, or where `unit` asks for it. */
function scaled(kib: number, width: number, unit: number): string {
  if (unit === 0 && String(kib).length <= width) return String(kib);
  let value = kib;
  for (const [i, suffix] of ["m", "g", "t", "p"].entries()) {
    value /= 1024;
    if (i + 1 < unit) continue;
    const text = `${value.toFixed(1)}${suffix}`;
    if (text.length <= width) return text;
    if (`${Math.round(value)}${suffix}`.length <= width && value >= 1000) return `${Math.round(value)}${suffix}`;
  }
  return "?";
}

function timePlus(ticks: number): string {
  const minutes = Math.floor(ticks / 6000);
  return `${minutes}:${String(Math.floor(ticks / 100) % 60).padStart(2, "0")}.${String(ticks % 100).padStart(2, "0")}`;
}

const percent = (n: number): string => (n >= 999.95 ? String(Math.round(n)) : n.toFixed(1));

const statusKib = (t: Task, key: string): number => Number((t.p.status.get(key) ?? "0").split(" ")[0]);

function command(t: Task, whole: boolean): string {
  if (!whole) return t.p.comm;
  return t.p.cmdline.length > 0 ? t.p.cmdline.join(" ") : `[${t.p.comm}]`;
}

/** A number that stands as it is. */
const number = (name: string, description: string, width: number | "pid", of: (t: Task) => number): Field => ({
  name,
  description,
  width,
  text: (t) => String(of(t)),
  key: of,
});

const memory = (name: string, description: string, width: number, kib: (t: Task) => number): Field => ({
  name,
  description,
  width,
  text: (t, at) => scaled(kib(t), width, at.unit),
  key: kib,
});

const words = (name: string, description: string, width: number | "rest", of: (t: Task) => string): Field => ({
  name,
  description,
  width,
  left: true,
  text: of,
  key: of,
});

const namespace = (name: string, kind: string, link: string): Field => ({
  name,
  description: `${kind} namespace Inode`,
  width: 10,
  text: (t) => t.namespaces.get(link) ?? "-",
  key: (t) => Number(t.namespaces.get(link) ?? 0),
});

/** The name of the systemd hierarchy's group; where there is only the one hierarchy, all that the file says. */
const groupName = (t: Task): string => /:name=([^,]*)/.exec(t.cgroup)?.[1] ?? t.cgroup;

export const fieldTable: readonly Field[] = [
  number("PID", "Process Id", "pid", (t) => t.p.tid),
  words("USER", "Effective User Name", 8, (t) => t.user),
  {
    name: "PR",
    description: "Priority",
    width: 3,
    text: (t) => (t.p.priority < -99 ? "rt" : String(t.p.priority)),
    key: (t) => t.p.priority,
  },
  number("NI", "Nice Value", 3, (t) => t.p.nice),
  memory("VIRT", "Virtual Image (KiB)", 7, (t) => t.virtKib),
  memory("RES", "Resident Size (KiB)", 6, (t) => t.resKib),
  memory("SHR", "Shared Memory (KiB)", 6, (t) => t.sharedKib),
  words("S", "Process Status", 1, (t) => t.p.state),
  {
    name: "%CPU",
    description: "CPU Usage",
    width: 5,
    text: (t, at) => percent(at.solaris ? t.cpu / at.cpus : t.cpu),
    key: (t) => t.cpu,
  },
  { name: "%MEM", description: "Memory Usage (RES)", width: 5, text: (t) => percent(t.mem), key: (t) => t.resKib },
  { name: "TIME+", description: "CPU Time, hundredths", width: 9, text: (t) => timePlus(t.ticks), key: (t) => t.ticks },
  {
    name: "COMMAND",
    description: "Command Name/Line",
    width: "rest",
    left: true,
    text: (t, at) => command(t, at.commandLine),
    key: (t) => t.p.comm,
  },
  number("PPID", "Parent Process pid", "pid", (t) => t.p.ppid),
  number("UID", "Effective User Id", 5, (t) => idsOf(t.p, "Uid")[1]),
  number("RUID", "Real User Id", 5, (t) => idsOf(t.p, "Uid")[0]),
  number("SUID", "Saved User Id", 5, (t) => idsOf(t.p, "Uid")[2]),
  number("GID", "Group Id", 5, (t) => idsOf(t.p, "Gid")[1]),
  number("PGRP", "Process Group Id", "pid", (t) => t.p.pgrp),
  words("TTY", "Controlling Tty", 8, (t) => ttyName(t.p.tty) ?? "?"),
  number("TPGID", "Tty Process Grp Id", "pid", (t) => t.p.tpgid),
  number("SID", "Session Id", "pid", (t) => t.p.session),
  number("nTH", "Number of Threads", 3, (t) => t.p.threads),
  number("P", "Last Used Cpu (SMP)", 2, (t) => t.p.processor),
  {
    name: "TIME",
    description: "CPU Time",
    width: 6,
    text: (t) => timePlus(t.ticks).slice(0, -3),
    key: (t) => t.ticks,
  },
  memory("SWAP", "Swapped Size (KiB)", 6, (t) => statusKib(t, "VmSwap")),
  number("nMaj", "Major Page Faults", 4, (t) => t.p.majflt),
  number("nMin", "Minor Page Faults", 4, (t) => t.p.minflt),
  words("CGROUPS", "Control Groups", "rest", (t) => t.cgroup),
  number("TGID", "Thread Group Id", "pid", (t) => t.p.pid),
  memory("USED", "Res+Swap Size (KiB)", 6, (t) => t.resKib + statusKib(t, "VmSwap")),
  namespace("nsIPC", "IPC", "ipc"),
  namespace("nsMNT", "MNT", "mnt"),
  namespace("nsNET", "NET", "net"),
  namespace("nsPID", "PID", "pid"),
  namespace("nsUSER", "USER", "user"),
  namespace("nsUTS", "UTS", "uts"),
  words("CGNAME", "Control Group name", "rest", groupName),
  namespace("nsCGROUP", "CGRP", "cgroup"),
  namespace("nsTIME", "TIME", "time"),
];

const byName: ReadonlyMap<string, Field> = new Map(fieldTable.map((f) => [f.name, f]));

export const findField = (name: string): Field | undefined => byName.get(name);

/** The columns that are shown at the start. */
export const defaultFields: readonly string[] = fieldTable.slice(0, 12).map((f) => f.name);
