/**
 * pidstat(1) of sysstat 12.6: what processes use, since boot or from one interval to the next. Built: CPU (`-u`), memory (`-r`), context switches (`-w`).
 * Differs from Linux: without /proc/PID/schedstat the time that a task has waited for a CPU is not known, and %wait is 0.00 as on such a kernel.
 */

import { EINTR, Errno } from "../../abi/errno.ts";
import { CLOCK_BOOTTIME, CLOCK_REALTIME } from "../../abi/time.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { strftime } from "../libc/strftime.ts";
import { optional, readDir, readText } from "../libc/unistd.ts";

const usage = `Usage: pidstat [ options ] [ <interval> [ <count> ] ]
Options are:
[ -h ] [ -l ] [ -r ] [ -u ] [ -V ] [ -w ] [ -C <command> ] [ -p { <pid> [,...] | SELF | ALL } ]`;

interface Sample {
  readonly pid: number;
  readonly uid: number;
  readonly comm: string;
  readonly args: string;
  /** Where it ran last; -1 where that means nothing. */
  readonly cpu: number;
  /** Hundredths of a second. */
  readonly user: number;
  readonly system: number;
  readonly minflt: number;
  readonly majflt: number;
  readonly vszKiB: number;
  readonly rssKiB: number;
  readonly switches: number;
  readonly forced: number;
}

interface Plan {
  readonly reports: readonly Report[];
  readonly pids: ReadonlySet<number> | "all" | "active";
  readonly comm: string | undefined;
  readonly fullCommand: boolean;
  readonly oneTable: boolean;
}

/** Columns of a report and their values over `seconds`; `active` is what makes a process worth a line. */
interface Report {
  readonly heading: string;
  row(now: Sample, before: Sample | undefined, seconds: number, totalKiB: number): string;
  active(now: Sample, before: Sample | undefined): boolean;
}

const rate = (now: number, before: number | undefined, seconds: number): number => (now - (before ?? 0)) / seconds;
const column = (value: number, width: number, places = 2): string => ` ${value.toFixed(places).padStart(width)}`;

const cpuReport: Report = {
  heading: "    %usr %system  %guest   %wait    %CPU   CPU",
  row(now, before, seconds) {
    const user = rate(now.user, before?.user, seconds);
    const system = rate(now.system, before?.system, seconds);
    return (
      [user, system, 0, 0, user + system].map((value) => column(value, 7)).join("") + (now.cpu < 0 ? "-" : String(now.cpu)).padStart(6)
    );
  },
  active: (now, before) => now.user + now.system !== (before?.user ?? 0) + (before?.system ?? 0),
};

const memoryReport: Report = {
  heading: "  minflt/s  majflt/s     VSZ     RSS   %MEM",
  row(now, before, seconds, totalKiB) {
    const faults = column(rate(now.minflt, before?.minflt, seconds), 9) + column(rate(now.majflt, before?.majflt, seconds), 9);
    return faults + column(now.vszKiB, 7, 0) + column(now.rssKiB, 7, 0) + column((100 * now.rssKiB) / totalKiB, 6);
  },
  active: (now, before) => now.minflt + now.majflt !== (before?.minflt ?? 0) + (before?.majflt ?? 0),
};

const switchReport: Report = {
  heading: "   cswch/s nvcswch/s",
  row: (now, before, seconds) =>
    column(rate(now.switches, before?.switches, seconds), 9) + column(rate(now.forced, before?.forced, seconds), 9),
  active: (now, before) => now.switches + now.forced !== (before?.switches ?? 0) + (before?.forced ?? 0),
};

function* readSample(c: Command, pid: number): Proc<Sample | undefined> {
  const gone = yield* readAll(c, `/proc/${pid}/stat`);
  const status = yield* readAll(c, `/proc/${pid}/status`);
  const args = yield* readAll(c, `/proc/${pid}/cmdline`);
  if (gone === undefined || status === undefined || args === undefined) return undefined;
  const comm = gone.slice(gone.indexOf("(") + 1, gone.lastIndexOf(")"));
  const stat = gone
    .slice(gone.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const field = (at: number): number => stat[at - 3] ?? 0;
  const line = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return {
    ...{ pid, comm, uid: line("Uid"), args: args.replaceAll("\0", " ").trim() || comm, cpu: field(39), user: field(14), system: field(15) },
    ...{ minflt: field(10), majflt: field(12), vszKiB: Math.floor(field(23) / 1024), rssKiB: field(24) * 4 },
    ...{ switches: line("voluntary_ctxt_switches"), forced: line("nonvoluntary_ctxt_switches") },
  };
}

function* readAll(c: Command, path: string): Proc<string | undefined> {
  try {
    return yield* readText(c.sys, path);
  } catch (e) {
    if (e instanceof Errno) return undefined;
    throw e;
  }
}

function* sampleAll(c: Command, plan: Plan): Proc<Map<number, Sample>> {
  const found = new Map<number, Sample>();
  const names =
    plan.pids === "all" || plan.pids === "active" ? (yield* readDir(c.sys, "/proc")).map(({ name }) => name) : [...plan.pids].map(String);
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const sample = yield* readSample(c, Number(name));
    if (sample !== undefined && (plan.comm === undefined || sample.comm.includes(plan.comm))) found.set(sample.pid, sample);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

function* usageError(c: Command): Proc<never> {
  yield* c.eprint(`${usage}\n`);
  throw new Exit(1);
}

function* parse(c: Command): Proc<{ readonly plan: Plan; readonly interval: number; readonly count: number }> {
  const reports = new Set<Report>();
  let pids: Plan["pids"] = "active";
  let comm: string | undefined;
  let fullCommand = false;
  let oneTable = false;
  const numbers: number[] = [];
  const args = [...c.args];
  for (let word = args.shift(); word !== undefined; word = args.shift()) {
    if (word === "-p" || word === "-C") {
      const value = args.shift();
      if (value === undefined) return yield* usageError(c);
      if (word === "-C") comm = value;
      else if (value === "ALL") pids = "all";
      else pids = new Set(value.split(",").map((text) => (text === "SELF" ? -1 : /^\d+$/.test(text) ? Number(text) : 0)));
    } else if (/^-[hlruVw]+$/.test(word)) {
      for (const letter of word.slice(1)) {
        if (letter === "V") {
          yield* c.print("sysstat version 12.6.1\n");
          throw new Exit(0);
        }
        if (letter === "h") oneTable = true;
        if (letter === "l") fullCommand = true;
        if (letter === "u") reports.add(cpuReport);
        if (letter === "r") reports.add(memoryReport);
        if (letter === "w") reports.add(switchReport);
      }
    } else if (/^\d+$/.test(word) && numbers.length < 2) numbers.push(Number(word));
    else return yield* usageError(c);
  }
  if (pids instanceof Set && pids.has(-1)) {
    pids.delete(-1);
    pids.add(yield* c.sys.getpid());
  }
  if (pids instanceof Set && pids.has(0)) return yield* usageError(c);
  const order = [cpuReport, memoryReport, switchReport].filter((report) => reports.has(report));
  const [interval = 0, count = interval === 0 ? 1 : Number.POSITIVE_INFINITY] = numbers;
  return { plan: { reports: order.length === 0 ? [cpuReport] : order, pids, comm, fullCommand, oneTable }, interval, count };
}

function* print(
  c: Command,
  plan: Plan,
  time: string,
  now: Map<number, Sample>,
  before: ReadonlyMap<number, Sample>,
  seconds: number,
): Proc<void> {
  const totalKiB = Number(/^MemTotal:\s*(\d+)/m.exec((yield* optional(readText(c.sys, "/proc/meminfo"))) ?? "")?.[1] ?? 1);
  const groups = plan.oneTable ? [plan.reports] : plan.reports.map((report) => [report]);
  for (const reports of groups) {
    const head = plan.oneTable ? "# Time  " : time.padEnd(8);
    yield* c.print(`\n${head}      UID       PID${reports.map(({ heading }) => heading).join("")}  Command\n`);
    for (const sample of now.values()) {
      const old = before.get(sample.pid);
      if (plan.pids === "active" && !reports.some((report) => report.active(sample, old))) continue;
      const cells = reports.map((report) => report.row(sample, old, seconds, totalKiB)).join("");
      yield* c.print(
        `${time.padEnd(8)} ${column(sample.uid, 8, 0).slice(1)} ${column(sample.pid, 9, 0).slice(1)}${cells}  ${plan.fullCommand ? sample.args : sample.comm}\n`,
      );
    }
  }
}

/** CPUs that are on line, as /proc/stat lists them. */
function* countCpus(c: Command): Proc<number> {
  return ((yield* readAll(c, "/proc/stat")) ?? "").match(/^cpu\d+ /gm)?.length ?? 1;
}

function* sleep(c: Command, seconds: number): Proc<void> {
  try {
    yield* c.sys.nanosleep(seconds * 1e9);
  } catch (e) {
    if (e !== EINTR) throw e;
  }
}

function* run(c: Command): Proc<number> {
  const { plan, interval, count } = yield* parse(c);
  const { sys } = c;
  const { nodename, sysname, release, machine } = yield* sys.uname();
  const clock = function* (): Proc<string> {
    return strftime("%H:%M:%S", yield* sys.clock_gettime(CLOCK_REALTIME));
  };
  const date = strftime("%m/%d/%y", yield* sys.clock_gettime(CLOCK_REALTIME));
  yield* c.print(`${sysname} ${release} (${nodename}) \t${date} \t_${machine}_\t(${yield* countCpus(c)} CPU)\n`);
  if (interval === 0) {
    const { sec, nsec } = yield* sys.clock_gettime(CLOCK_BOOTTIME);
    yield* print(c, plan, yield* clock(), yield* sampleAll(c, plan), new Map(), Math.max(0.01, sec + nsec / 1e9));
    return 0;
  }
  const first = yield* sampleAll(c, plan);
  let before = first;
  for (let i = 0; i < count; i++) {
    yield* c.stdout.flush();
    yield* sleep(c, interval);
    const now = yield* sampleAll(c, plan);
    yield* print(c, plan, yield* clock(), now, before, interval);
    before = now;
  }
  // Over all of the time a process has no one CPU.
  const last = new Map([...before].map(([pid, sample]) => [pid, { ...sample, cpu: -1 }]));
  if (count > 1) yield* print(c, { ...plan, oneTable: false }, "Average:", last, first, interval * count);
  return 0;
}

export const pidstat: Executable = {
  name: "pidstat",
  main: command({ help: usage, usageStatus: 1 }, run),
  paths: ["/usr/bin/pidstat"],
  sizeBytes: 51_584,
};
