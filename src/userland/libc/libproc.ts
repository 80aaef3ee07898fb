/**
 * Reading /proc: the part of libproc2 that ps, top, pgrep, free and their kin share. proc(5).
 * A process that ends while it is read is left out, as there.
 */

import { EACCES, EINVAL, EIO, ENOENT, ENOTDIR, EPERM, ESRCH, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../abi/fcntl.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";

/** Clock ticks a second: sysconf(_SC_CLK_TCK). */
export const HZ = 100;
export const PAGE_KIB = 4;

/** Fields of /proc/PID/stat that somebody shows. Times are in clock ticks. */
export interface ProcessStat {
  /** The thread, of /proc/PID/task/TID/stat; otherwise the process. */
  readonly tid: number;
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  /** Device number; 0 for none. */
  readonly tty: number;
  readonly tpgid: number;
  readonly flags: number;
  readonly minflt: number;
  readonly majflt: number;
  readonly utime: number;
  readonly stime: number;
  readonly cutime: number;
  readonly cstime: number;
  readonly priority: number;
  readonly nice: number;
  readonly threads: number;
  /** After boot. */
  readonly startTicks: number;
  readonly vsizeBytes: number;
  readonly rssPages: number;
  readonly startCode: number;
  readonly endCode: number;
  readonly startStack: number;
  readonly exitSignal: number;
  readonly processor: number;
  readonly rtPriority: number;
  readonly policy: number;
}

/** One process, or one of its threads. */
export interface Process extends ProcessStat {
  /** The process (thread group). */
  readonly pid: number;
  /** Values of /proc/PID/status by key; empty unless asked for. */
  readonly status: ReadonlyMap<string, string>;
  /** Empty for kernel threads and zombies. */
  readonly cmdline: readonly string[];
  readonly environ: readonly string[];
}

const gone = (e: unknown): boolean => e === ENOENT || e === ESRCH || e === ENOTDIR;
const closed = (e: unknown): boolean => gone(e) || e === EACCES || e === EPERM || e === EINVAL || e === EIO;

/** The bytes of a pseudo-file as text; undefined where it is not there any more, or not for us to read. */
export function* readProcFile(sys: Sys, path: string): Proc<string | undefined> {
  let fd: number;
  try {
    fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  } catch (e) {
    if (closed(e)) return undefined;
    throw e;
  }
  try {
    const buf = new Uint8Array(4096);
    let text = "";
    for (;;) {
      const n = yield* sys.read(fd, buf);
      if (n === 0) return text;
      // Only ASCII can be cut anywhere; names that are not come in one piece.
      text += decodeUtf8(buf, 0, n);
    }
  } catch (e) {
    if (closed(e)) return undefined;
    throw e;
  } finally {
    yield* sys.close(fd);
  }
}

/** The names in a directory of /proc; none where it is gone. */
export function* readProcDir(sys: Sys, path: string): Proc<string[]> {
  let fd: number;
  try {
    fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  } catch (e) {
    if (closed(e)) return [];
    throw e;
  }
  const names: string[] = [];
  try {
    for (;;) {
      const some = yield* sys.getdents64(fd);
      if (some.length === 0) return names;
      for (const { name } of some) if (name !== "." && name !== "..") names.push(name);
    }
  } catch (e) {
    if (closed(e)) return names;
    throw e;
  } finally {
    yield* sys.close(fd);
  }
}

/** What a link of /proc (exe, cwd, ns/*, fd/*) points to; undefined where we may not know. */
export function* readProcLink(sys: Sys, path: string): Proc<string | undefined> {
  try {
    return yield* sys.readlinkat(AT_FDCWD, path);
  } catch (e) {
    if (e instanceof Errno) return undefined;
    throw e;
  }
}

function parseStat(text: string): ProcessStat {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  const f = text.slice(close + 2).split(" ");
  // Numbered as in proc(5): f[0] is field 3.
  const n = (field: number): number => Number(f[field - 3] ?? 0);
  return {
    tid: Number(text.slice(0, open)),
    comm: text.slice(open + 1, close),
    state: f[0] ?? "?",
    ppid: n(4),
    pgrp: n(5),
    session: n(6),
    tty: n(7),
    tpgid: n(8),
    flags: n(9),
    minflt: n(10),
    majflt: n(12),
    utime: n(14),
    stime: n(15),
    cutime: n(16),
    cstime: n(17),
    priority: n(18),
    nice: n(19),
    threads: n(20),
    startTicks: n(22),
    vsizeBytes: n(23),
    rssPages: n(24),
    startCode: n(26),
    endCode: n(27),
    startStack: n(28),
    exitSignal: n(38),
    processor: n(39),
    rtPriority: n(40),
    policy: n(41),
  };
}

function parseStatus(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return values;
}

const words = (text: string): string[] => (text === "" ? [] : text.replace(/\0$/, "").split("\0"));

/** What to read of each process besides stat. */
export interface Wanted {
  readonly status?: boolean;
  readonly cmdline?: boolean;
  readonly environ?: boolean;
  /** One entry a thread, from /proc/PID/task. */
  readonly threads?: boolean;
}

const noStatus: ReadonlyMap<string, string> = new Map();

function* readOne(sys: Sys, pid: number, dir: string, wanted: Wanted): Proc<Process | undefined> {
  const stat = yield* readProcFile(sys, `${dir}/stat`);
  if (stat === undefined || stat === "") return undefined;
  const status = wanted.status ? yield* readProcFile(sys, `${dir}/status`) : undefined;
  if (wanted.status && status === undefined) return undefined;
  const cmdline = wanted.cmdline ? yield* readProcFile(sys, `${dir}/cmdline`) : undefined;
  const environ = wanted.environ ? yield* readProcFile(sys, `${dir}/environ`) : undefined;
  return {
    pid,
    ...parseStat(stat),
    status: status === undefined ? noStatus : parseStatus(status),
    cmdline: words(cmdline ?? ""),
    environ: words(environ ?? ""),
  };
}

/** One process; undefined where there is none. */
export function* readProcess(sys: Sys, pid: number, wanted: Wanted = {}): Proc<Process | undefined> {
  return yield* readOne(sys, pid, `/proc/${pid}`, wanted);
}

/** Every process, by ascending PID; with `threads` every thread. */
export function* readProcesses(sys: Sys, wanted: Wanted = {}): Proc<Process[]> {
  const pids = (yield* readProcDir(sys, "/proc")).filter((name) => /^[0-9]+$/.test(name)).map(Number);
  pids.sort((a, b) => a - b);
  const all: Process[] = [];
  for (const pid of pids) {
    if (!wanted.threads) {
      const one = yield* readOne(sys, pid, `/proc/${pid}`, wanted);
      if (one !== undefined) all.push(one);
      continue;
    }
    for (const tid of yield* readProcDir(sys, `/proc/${pid}/task`)) {
      const one = yield* readOne(sys, pid, `/proc/${pid}/task/${tid}`, wanted);
      if (one !== undefined) all.push(one);
    }
  }
  return all;
}

/** Real, effective, saved and filesystem id from a line like `Uid:\t0\t0\t0\t0`. */
export function idsOf(process: Process, key: "Uid" | "Gid"): readonly [number, number, number, number] {
  const [real = 0, effective = 0, saved = 0, fs = 0] = (process.status.get(key) ?? "").split(/\s+/).map(Number);
  return [real, effective, saved, fs];
}

/** The terminal's name below /dev, such as `pts/0`; undefined for none. Linux `Documentation/admin-guide/devices.txt`. */
export function ttyName(device: number): string | undefined {
  if (device === 0) return undefined;
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major === 5 && minor === 1) return "console";
  if (major === 5 && minor === 0) return "tty";
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  if (major === 229) return `hvc${minor}`;
  return undefined;
}

/** Seconds since boot, and the seconds that all CPUs together were idle. */
export function* readUptime(sys: Sys): Proc<{ readonly uptimeSec: number; readonly idleSec: number }> {
  const [uptime, idle] = ((yield* readProcFile(sys, "/proc/uptime")) ?? "").split(" ").map(Number);
  return { uptimeSec: uptime ?? 0, idleSec: idle ?? 0 };
}

/** Values of /proc/meminfo in KiB, by key. */
export function* readMeminfo(sys: Sys): Proc<ReadonlyMap<string, number>> {
  const values = new Map<string, number>();
  for (const line of ((yield* readProcFile(sys, "/proc/meminfo")) ?? "").split("\n")) {
    const match = /^([^:]+):\s*([0-9]+)/.exec(line);
    if (match !== null) values.set(match[1] as string, Number(match[2]));
  }
  return values;
}

/** Ticks that one CPU, or all together, spent in each mode. */
export interface CpuTicks {
  readonly user: number;
  readonly nice: number;
  readonly system: number;
  readonly idle: number;
  readonly iowait: number;
  readonly irq: number;
  readonly softirq: number;
  readonly steal: number;
  readonly guest: number;
}

export interface SystemStat {
  readonly total: CpuTicks;
  readonly cpus: readonly CpuTicks[];
  /** Seconds since 1970. */
  readonly bootSec: number;
  readonly contextSwitches: number;
  readonly interrupts: number;
  readonly forks: number;
  readonly running: number;
  readonly blocked: number;
}

function parseCpu(line: string | undefined): CpuTicks {
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0, guest = 0] = (line ?? "")
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return { user, nice, system, idle, iowait, irq, softirq, steal, guest };
}

/** /proc/stat. */
export function* readSystemStat(sys: Sys): Proc<SystemStat> {
  const lines = ((yield* readProcFile(sys, "/proc/stat")) ?? "").split("\n");
  const value = (key: string): number => Number(lines.find((line) => line.startsWith(`${key} `))?.split(" ")[1] ?? 0);
  return {
    total: parseCpu(lines.find((line) => line.startsWith("cpu "))),
    cpus: lines.filter((line) => /^cpu[0-9]/.test(line)).map(parseCpu),
    bootSec: value("btime"),
    contextSwitches: value("ctxt"),
    interrupts: value("intr"),
    forks: value("processes"),
    running: value("procs_running"),
    blocked: value("procs_blocked"),
  };
}

/** The three load averages as /proc/loadavg writes them, and the rest of its fields. */
export function* readLoadavg(sys: Sys): Proc<readonly string[]> {
  return ((yield* readProcFile(sys, "/proc/loadavg")) ?? "0.00 0.00 0.00 0/0 0").trim().split(" ");
}

/** ` 23:34:34 up 24 min,  0 user,  load average: 0.04, 0.01, 0.00`: the line of uptime, w and top. */
export function uptimeText(uptimeSec: number): string {
  const days = Math.floor(uptimeSec / 86400);
  const hours = Math.floor(uptimeSec / 3600) % 24;
  const minutes = Math.floor(uptimeSec / 60) % 60;
  const text = days > 0 ? `${days} ${days > 1 ? "days" : "day"}, ` : "";
  return text + (hours > 0 ? `${String(hours).padStart(2)}:${String(minutes).padStart(2, "0")}` : `${minutes} min`);
}

/** How wide a column of PIDs is: the digits of pid_max, at least 5. */
export function* pidWidth(sys: Sys): Proc<number> {
  const max = Number(((yield* readProcFile(sys, "/proc/sys/kernel/pid_max")) ?? "32768").trim());
  return Math.max(5, String(max - 1).length);
}
