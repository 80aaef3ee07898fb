/** One column of ps: how a value becomes text. procps `src/ps/output.c`; widths and headings are those of its table. */

import { strftime, UTC } from "../libc/strftime.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { HZ, idsOf, PAGE_KIB, type Process, readProcFile, readProcLink, ttyName } from "../libc/libproc.ts";
import type { IdNames } from "../libc/passwd.ts";

/** What every column may need besides its process. */
export interface PsContext {
  readonly sys: Sys;
  readonly names: IdNames;
  readonly pidWidth: number;
  readonly bootSec: number;
  readonly uptimeSec: number;
  readonly nowSec: number;
  readonly memTotalKib: number;
  /** BSD `c`: the true name instead of the command line. */
  readonly trueName: boolean;
  /** BSD `e`: the environment after the command line. */
  readonly environment: boolean;
  /** BSD `n`, `S`. */
  readonly numeric: boolean;
  readonly withChildren: boolean;
}

export type Justify = "left" | "right" | "user" | "unlimited";

/** Whether a column shows something in a row of a process, in one of a thread below it, or in both. */
export type Rows = "process" | "thread" | "both";

export interface Column {
  readonly name: string;
  readonly head: string;
  readonly width: number;
  readonly justify: Justify;
  readonly rows: Rows;
  /** The text for a process; `tree` is what `f` or `-H` draws before the command. */
  readonly show: (p: Process, x: PsContext, tree: string) => Proc<string>;
  /** What `--sort` compares. */
  readonly key?: (p: Process, x: PsContext) => Proc<number | string>;
}

/** CPU time in ticks, with that of dead children under `S`. */
export const cpuTicks = (p: Process, x: PsContext): number => p.utime + p.stime + (x.withChildren ? p.cutime + p.cstime : 0);

/** Seconds since the process began. */
export const elapsed = (p: Process, x: PsContext): number => Math.max(0, x.uptimeSec - p.startTicks / HZ);

/** Share of one CPU over its life, in tenths of a percent. */
export function cpuTenths(p: Process, x: PsContext): number {
  const seconds = elapsed(p, x);
  return seconds > 0 ? Math.floor(((cpuTicks(p, x) / HZ) * 1000) / seconds) : 0;
}

export const startSec = (p: Process, x: PsContext): number => x.bootSec + p.startTicks / HZ;

export function memTenths(p: Process, x: PsContext): number {
  return x.memTotalKib === 0 ? 0 : Math.min(999, Math.floor((p.rssPages * PAGE_KIB * 1000) / x.memTotalKib));
}

const two = (n: number): string => String(n).padStart(2, "0");

/** `[DD-]HH:MM:SS`. */
export function clockTime(seconds: number): string {
  const s = Math.floor(seconds);
  const days = Math.floor(s / 86400);
  return `${days > 0 ? `${days}-` : ""}${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** `[[DD-]HH:]MM:SS`. */
export function elapsedTime(seconds: number): string {
  const s = Math.floor(seconds);
  const days = Math.floor(s / 86400);
  const hours = Math.floor(s / 3600) % 24;
  const head = days > 0 ? `${days}-${two(hours)}:` : hours > 0 ? `${two(hours)}:` : "";
  return `${head}${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** The `STAT` of BSD: the state and what is special about the process. */
export function statLetters(p: Process): string {
  const locked = Number((p.status.get("VmLck") ?? "0").split(" ")[0]) > 0;
  return (
    p.state +
    (p.nice < 0 ? "<" : p.nice > 0 ? "N" : "") +
    (locked ? "L" : "") +
    (p.session === p.pid ? "s" : "") +
    (p.threads > 1 ? "l" : "") +
    (p.tpgid === p.pgrp && p.tpgid !== -1 ? "+" : "")
  );
}

const policies: readonly string[] = ["TS", "FF", "RR", "B", "ISO", "IDL", "DLN"];
const sized = (text: string | undefined): number => Number((text ?? "0").split(" ")[0]);

/** The command as `args` shows it. */
export function commandLine(p: Process, x: PsContext): string {
  if (x.trueName) return p.comm;
  const line = p.cmdline.length === 0 ? `[${p.comm}]${p.state === "Z" ? " <defunct>" : ""}` : p.cmdline.join(" ");
  const env = x.environment && p.environ.length > 0 ? ` ${p.environ.join(" ")}` : "";
  return (line + env).replace(/[\x00-\x1f\x7f]/g, "?");
}

function* userText(x: PsContext, uid: number): Proc<string> {
  return x.numeric ? `${uid}` : ((yield* x.names.user(uid)) ?? `${uid}`);
}

function* groupText(x: PsContext, gid: number): Proc<string> {
  return x.numeric ? `${gid}` : ((yield* x.names.group(gid)) ?? `${gid}`);
}

function* wchan(p: Process, x: PsContext): Proc<string> {
  const text = ((yield* readProcFile(x.sys, `/proc/${p.pid}/wchan`)) ?? "0").trim();
  if (text === "" || text === "0") return "-";
  return text.replace(/^[._]+/, "").slice(0, 6);
}

function startText(p: Process, x: PsContext, format: "stime" | "bsdstart" | "start"): string {
  const sec = startSec(p, x);
  const at = (f: string): string => strftime(f, { sec: Math.floor(sec), nsec: 0 }, UTC);
  const today = Math.floor(sec / 86400) === Math.floor(x.nowSec / 86400);
  if (format === "stime") {
    if (strftime("%Y", { sec: Math.floor(x.nowSec), nsec: 0 }, UTC) !== at("%Y")) return at("%Y");
    return at(today ? "%H:%M" : "%b%d");
  }
  const recent = x.nowSec - sec < 24 * 3600;
  if (format === "start") return recent ? at("%H:%M:%S") : at("  %b %d");
  return recent ? at("%H:%M") : at(" %b %d").slice(1);
}

function* cgroupText(p: Process, x: PsContext): Proc<string> {
  const text = ((yield* readProcFile(x.sys, `/proc/${p.pid}/cgroup`)) ?? "").trim();
  return text === "" || text === "0::/" ? "-" : text.split("\n").join(",");
}

function* namespace(p: Process, x: PsContext, name: string): Proc<string> {
  const link = yield* readProcLink(x.sys, `/proc/${p.pid}/ns/${name}`);
  return /\[([0-9]+)\]/.exec(link ?? "")?.[1] ?? "-";
}

type Text = (p: Process, x: PsContext, tree: string) => Proc<string>;
type Key = (p: Process, x: PsContext) => Proc<number | string>;

const plain = (f: (p: Process, x: PsContext, tree: string) => string | number): Text =>
  function* (p, x, tree) {
    return String(f(p, x, tree));
  };
const by = (f: (p: Process, x: PsContext) => number | string): Key =>
  function* (p, x) {
    return f(p, x);
  };
const signals = (key: string): Text => plain((p) => p.status.get(key) ?? "-");
const user = (i: 0 | 1 | 2 | 3): Text =>
  function* (p, x) {
    return yield* userText(x, idsOf(p, "Uid")[i]);
  };
const group = (i: 0 | 1 | 2 | 3): Text =>
  function* (p, x) {
    return yield* groupText(x, idsOf(p, "Gid")[i]);
  };
const dash: Text = plain(() => "-");

const args: Text = plain((p, x, tree) => tree + commandLine(p, x));
const comm: Text = plain((p, _x, tree) => tree + p.comm);
const pcpu: Text = plain((p, x) => {
  const tenths = cpuTenths(p, x);
  return tenths > 999 ? `${Math.floor(tenths / 10)}` : (tenths / 10).toFixed(1);
});
const pmem: Text = plain((p, x) => (memTenths(p, x) / 10).toFixed(1));
const time: Text = plain((p, x) => clockTime(cpuTicks(p, x) / HZ));
const bsdtime: Text = plain((p, x) => {
  const s = Math.floor(cpuTicks(p, x) / HZ);
  return `${String(Math.floor(s / 60)).padStart(3)}:${two(s % 60)}`;
});
const tty8: Text = plain((p) => ttyName(p.tty) ?? "?");
const rss: Text = plain((p) => p.rssPages * PAGE_KIB);
const vsz: Text = plain((p) => Math.floor(p.vsizeBytes / 1024));
const trs: Text = plain((p) => Math.floor((p.endCode - p.startCode) / 1024));
const drs: Text = plain((p) => Math.floor((p.vsizeBytes - (p.endCode - p.startCode)) / 1024));
const nice: Text = plain((p) => (p.policy === 1 || p.policy === 2 || p.policy === 6 ? "-" : p.nice));
const flags: Text = plain((p) => ((Math.floor(p.flags / 64) & 7) >>> 0).toString(8).slice(-1));
const klass: Text = plain((p) => policies[p.policy] ?? "?");
const c: Text = plain((p, x) => Math.min(99, Math.floor(cpuTenths(p, x) / 10)));
const address: Text = plain((p) => p.startStack.toString(16).padStart(16, "0"));
const ioOf = (key: string): Text =>
  function* (p, x) {
    const io = (yield* readProcFile(x.sys, `/proc/${p.pid}/io`)) ?? "";
    return new RegExp(`^${key}: ([0-9]+)`, "m").exec(io)?.[1] ?? "-";
  };
const ns = (name: string): Text =>
  function* (p, x) {
    return yield* namespace(p, x, name);
  };
const numbersOf = (f: (p: Process, x: PsContext) => number): readonly [Text, Key] => [plain(f), by(f)];

const pid = numbersOf((p) => p.pid);
const tid = numbersOf((p) => p.tid);
const ppid = numbersOf((p) => p.ppid);
const pgid = numbersOf((p) => p.pgrp);
const sid = numbersOf((p) => p.session);
const ruid = numbersOf((p) => idsOf(p, "Uid")[0]);
const euid = numbersOf((p) => idsOf(p, "Uid")[1]);
const suid = numbersOf((p) => idsOf(p, "Uid")[2]);
const fuid = numbersOf((p) => idsOf(p, "Uid")[3]);
const rgid = numbersOf((p) => idsOf(p, "Gid")[0]);
const egid = numbersOf((p) => idsOf(p, "Gid")[1]);
const sgid = numbersOf((p) => idsOf(p, "Gid")[2]);
const fgid = numbersOf((p) => idsOf(p, "Gid")[3]);
const majflt = numbersOf((p) => p.majflt);
const minflt = numbersOf((p) => p.minflt);
const cpuKey = by((p, x) => cpuTenths(p, x));
const timeKey = by((p, x) => cpuTicks(p, x));
const startKey = by((p) => p.startTicks);
const rssKey = by((p) => p.rssPages);
const vszKey = by((p) => p.vsizeBytes);
const commKey = by((p) => p.comm);
const argsKey = by((p, x) => commandLine(p, x));
const ttyKey = by((p) => p.tty);
const niceKey = by((p) => p.nice);
const stateKey = by((p) => p.state);
const priKey = by((p) => p.priority);
const cpuNumber = numbersOf((p) => p.processor);
const threadsKey = numbersOf((p) => p.threads);

/** Names that share a width are listed together: `names|head|width|justify|rows`. */
const specs: readonly (readonly [names: string, head: string, width: number, justify: Justify, rows: Rows, show: Text, key?: Key])[] = [
  ["%cpu pcpu", "%CPU", 4, "right", "both", pcpu, cpuKey],
  ["%mem pmem", "%MEM", 4, "right", "process", pmem, rssKey],
  ["addr_1", "ADDR", 1, "left", "both", dash],
  ["alarm", "ALARM", 5, "right", "both", dash],
  ["args command", "COMMAND", 27, "unlimited", "process", args, argsKey],
  ["cmd", "CMD", 27, "unlimited", "process", args, argsKey],
  ["atime cputime time", "TIME", 8, "right", "both", time, timeKey],
  ["cputimes times", "TIME", 8, "right", "both", plain((p, x) => Math.floor(cpuTicks(p, x) / HZ)), timeKey],
  ["blocked sigmask", "BLOCKED", 16, "right", "thread", signals("SigBlk")],
  ["sig_block", "BLOCKED", 16, "right", "thread", signals("SigBlk")],
  ["bsdstart", "START", 6, "right", "both", plain((p, x) => startText(p, x, "bsdstart")), startKey],
  ["bsdtime", "TIME", 6, "right", "both", bsdtime, timeKey],
  ["c util", "C", 2, "right", "both", c, cpuKey],
  ["cp", "CP", 3, "right", "both", plain((p, x) => Math.min(999, cpuTenths(p, x))), cpuKey],
  ["caught sigcatch", "CAUGHT", 16, "right", "thread", signals("SigCgt")],
  ["sig_catch", "CATCHED", 16, "right", "thread", signals("SigCgt")],
  ["cgroup", "CGROUP", 27, "unlimited", "process", cgroupText],
  ["cgname", "CGNAME", 27, "unlimited", "process", cgroupText],
  ["cgroupns", "CGROUPNS", 10, "right", "both", ns("cgroup")],
  ["class policy", "CLS", 3, "left", "thread", klass, by((p) => p.policy)],
  ["cls", "CLS", 3, "right", "thread", klass, by((p) => p.policy)],
  ["comm ucomm", "COMMAND", 15, "unlimited", "process", comm, commKey],
  ["ucmd", "CMD", 15, "unlimited", "process", comm, commKey],
  ["fname", "COMMAND", 8, "left", "process", plain((p) => p.comm.slice(0, 8)), commKey],
  ["context label", "CONTEXT", 31, "left", "both", dash],
  ["cpuid", "CPUID", 5, "right", "thread", ...cpuNumber],
  ["drs m_drs", "DRS", 5, "right", "process", drs, vszKey],
  ["dsiz", "DSIZ", 4, "right", "process", drs, vszKey],
  ["egid", "EGID", 5, "right", "both", ...egid],
  ["gid", "GID", 5, "right", "both", ...egid],
  ["egroup", "EGROUP", 8, "user", "both", group(1)],
  ["group", "GROUP", 8, "user", "both", group(1)],
  ["eip", "EIP", 16, "right", "thread", plain(() => "0".repeat(16))],
  ["esp", "ESP", 16, "right", "thread", plain(() => "0".repeat(16))],
  ["environ", "ENVIRONMENT", 31, "unlimited", "process", plain((p) => (p.environ.length === 0 ? "-" : p.environ.join(" ")))],
  ["etime", "ELAPSED", 11, "right", "both", plain((p, x) => elapsedTime(elapsed(p, x))), by((p, x) => elapsed(p, x))],
  ["etimes", "ELAPSED", 7, "right", "both", plain((p, x) => Math.floor(elapsed(p, x))), by((p, x) => elapsed(p, x))],
  ["euid", "EUID", 5, "right", "both", ...euid],
  ["uid", "UID", 5, "right", "both", ...euid],
  ["euser", "EUSER", 8, "user", "both", user(1), by((p) => idsOf(p, "Uid")[1])],
  ["user uname", "USER", 8, "user", "both", user(1), by((p) => idsOf(p, "Uid")[1])],
  ["uid_hack", "UID", 8, "user", "both", user(1), by((p) => idsOf(p, "Uid")[1])],
  ["exe", "EXE", 27, "unlimited", "process", exe],
  ["f flag flags", "F", 1, "right", "both", flags],
  ["fgid fsgid", "FGID", 5, "right", "both", ...fgid],
  ["fgroup fsgroup", "FGROUP", 8, "user", "both", group(3)],
  ["fuid fsuid", "FUID", 5, "right", "both", ...fuid],
  ["fuser fsuser", "FUSER", 8, "user", "both", user(3)],
  ["ignored sigignore sig_ignore", "IGNORED", 16, "right", "thread", signals("SigIgn")],
  ["intpri opri", "PRI", 3, "right", "thread", plain((p) => 60 + p.priority), priKey],
  ["ipcns", "IPCNS", 10, "right", "both", ns("ipc")],
  ["lastcpu", "C", 3, "right", "thread", ...cpuNumber],
  ["lstart", "STARTED", 24, "right", "both", lstart, startKey],
  ["lwp", "LWP", -1, "right", "thread", ...tid],
  ["spid", "SPID", -1, "right", "thread", ...tid],
  ["tid", "TID", -1, "right", "thread", ...tid],
  // Nobody here keeps sessions, seats or units.
  ["lsession", "SESSION", 11, "left", "process", dash],
  ["seat", "SEAT", 11, "left", "process", dash],
  ["unit", "UNIT", 31, "left", "process", dash],
  ["uunit", "UUNIT", 31, "left", "process", dash],
  ["machine", "MACHINE", 31, "left", "process", dash],
  ["ouid", "OWNER", 5, "left", "process", dash],
  ["lxc", "LXC", 8, "left", "process", dash],
  ["numa", "NUMA", 4, "right", "thread", plain(() => 0)],
  ["m_size", "SIZE", 5, "right", "process", plain((p) => p.vsizeBytes), vszKey],
  ["maj_flt", "MAJFL", 6, "right", "both", ...majflt],
  ["majflt", "MAJFLT", 6, "right", "both", ...majflt],
  ["min_flt", "MINFL", 6, "right", "both", ...minflt],
  ["minflt", "MINFLT", 6, "right", "both", ...minflt],
  ["mntns", "MNTNS", 10, "right", "both", ns("mnt")],
  ["netns", "NETNS", 10, "right", "both", ns("net")],
  ["ni nice", "NI", 3, "right", "thread", nice, niceKey],
  ["nlwp", "NLWP", 4, "right", "process", ...threadsKey],
  ["thcount", "THCNT", 5, "right", "process", ...threadsKey],
  ["nwchan", "WCHAN", 6, "right", "thread", dash],
  ["oom", "OOM", 4, "right", "thread", oom("oom_score")],
  ["oomadj", "OOMADJ", 5, "right", "thread", oom("oom_score_adj")],
  ["pagein", "PAGEIN", 6, "right", "both", ...majflt],
  ["pending sig", "PENDING", 16, "right", "both", signals("ShdPnd")],
  ["sig_pend", "SIGNAL", 16, "right", "both", signals("ShdPnd")],
  ["tsig", "PENDING", 16, "right", "both", signals("SigPnd")],
  ["pgid", "PGID", -1, "right", "process", ...pgid],
  ["pgrp", "PGRP", -1, "right", "process", ...pgid],
  ["pid", "PID", -1, "right", "process", ...pid],
  ["tgid", "TGID", -1, "right", "process", ...pid],
  ["pidns", "PIDNS", 10, "right", "both", ns("pid")],
  ["ppid", "PPID", -1, "right", "process", ...ppid],
  ["pri", "PRI", 3, "right", "thread", plain((p) => 39 - p.priority), priKey],
  ["pri_api", "API", 3, "right", "thread", plain((p) => -1 - p.priority), priKey],
  ["pri_bar", "BAR", 3, "right", "thread", plain((p) => p.priority + 1), priKey],
  ["pri_baz", "BAZ", 3, "right", "thread", plain((p) => p.priority + 100), priKey],
  ["pri_foo", "FOO", 3, "right", "thread", plain((p) => p.priority - 20), priKey],
  ["priority", "PRI", 3, "right", "thread", plain((p) => p.priority), priKey],
  ["psr", "PSR", 3, "right", "thread", ...cpuNumber],
  ["rbytes", "RBYTES", 5, "right", "thread", ioOf("read_bytes")],
  ["rchars", "RCHARS", 5, "right", "thread", ioOf("rchar")],
  ["rops", "ROPS", 5, "right", "thread", ioOf("syscr")],
  ["wbytes", "WBYTES", 5, "right", "thread", ioOf("write_bytes")],
  ["wchars", "WCHARS", 5, "right", "thread", ioOf("wchar")],
  ["wops", "WOPS", 5, "right", "thread", ioOf("syscw")],
  ["rgid", "RGID", 5, "right", "both", ...rgid],
  ["rgroup", "RGROUP", 8, "user", "both", group(0)],
  ["rss rssize", "RSS", 5, "right", "process", rss, rssKey],
  ["rsz", "RSZ", 5, "right", "process", rss, rssKey],
  ["rtprio", "RTPRIO", 6, "right", "thread", plain((p) => (p.policy === 1 || p.policy === 2 ? p.rtPriority : "-"))],
  ["ruid", "RUID", 5, "right", "both", ...ruid],
  ["ruser", "RUSER", 8, "user", "both", user(0)],
  ["s state", "S", 1, "left", "thread", plain((p) => p.state), stateKey],
  ["sched", "SCH", 3, "right", "thread", plain((p) => p.policy)],
  ["sess session", "SESS", -1, "right", "process", ...sid],
  ["sid", "SID", -1, "right", "process", ...sid],
  ["sgi_p", "P", 1, "right", "thread", plain((p) => (p.state === "R" ? p.processor : "*"))],
  ["sgid", "SGID", 5, "right", "both", ...sgid],
  ["svgid", "SVGID", 5, "right", "both", ...sgid],
  ["sgroup", "SGROUP", 8, "user", "both", group(2)],
  ["svgroup", "SVGROUP", 8, "user", "both", group(2)],
  ["size", "SIZE", 5, "right", "process", plain((p) => sized(p.status.get("VmData")) + sized(p.status.get("VmStk")))],
  ["stackp start_stack", "STACKP", 16, "right", "process", address],
  ["start", "STARTED", 8, "right", "both", plain((p, x) => startText(p, x, "start")), startKey],
  ["start_time", "START", 5, "right", "both", plain((p, x) => startText(p, x, "stime")), startKey],
  ["stime", "STIME", 5, "right", "both", plain((p, x) => startText(p, x, "stime")), startKey],
  ["stat", "STAT", 4, "left", "thread", plain(statLetters), stateKey],
  ["suid", "SUID", 5, "right", "both", ...suid],
  ["svuid", "SVUID", 5, "right", "both", ...suid],
  ["supgid", "SUPGID", 20, "unlimited", "process", plain((p) => p.status.get("Groups")?.split(/\s+/).join(",") || "-")],
  ["suser", "SUSER", 8, "user", "both", user(2)],
  ["svuser", "SVUSER", 8, "user", "both", user(2)],
  ["sz", "SZ", 5, "right", "process", plain((p) => Math.floor(p.vsizeBytes / 4096)), vszKey],
  ["timens", "TIMENS", 10, "right", "both", ns("time")],
  ["timeout tmout", "TMOUT", 5, "right", "both", dash],
  ["longtname tname tty8", "TTY", 8, "left", "process", tty8, ttyKey],
  ["tt tty", "TT", 8, "left", "process", tty8, ttyKey],
  ["tty4", "TTY", 4, "left", "process", plain((p) => (ttyName(p.tty) ?? "?").replace("pts/", "")), ttyKey],
  ["tpgid", "TPGID", -1, "right", "process", plain((p) => p.tpgid), by((p) => p.tpgid)],
  ["trs", "TRS", 4, "right", "process", trs],
  ["m_trs", "TRS", 5, "right", "process", trs],
  ["trss", "TRSS", 4, "right", "process", trs],
  ["tsiz", "TSIZ", 4, "right", "process", trs],
  ["userns", "USERNS", 10, "right", "both", ns("user")],
  ["utsns", "UTSNS", 10, "right", "both", ns("uts")],
  ["vsize vsz", "VSZ", 6, "right", "process", vsz, vszKey],
  ["wchan wname", "WCHAN", 6, "left", "thread", wchan],
];

function oom(file: string): Text {
  return function* (p, x) {
    return ((yield* readProcFile(x.sys, `/proc/${p.pid}/${file}`)) ?? "-").trim();
  };
}

function* exe(p: Process, x: PsContext): Proc<string> {
  return (yield* readProcLink(x.sys, `/proc/${p.pid}/exe`)) ?? "-";
}

function* lstart(p: Process, x: PsContext): Proc<string> {
  return strftime("%a %b %e %H:%M:%S %Y", { sec: Math.floor(startSec(p, x)), nsec: 0 }, UTC);
}

/** Every column by name; a width of -1 is that of a PID. */
export const columns: ReadonlyMap<string, Column> = new Map(
  specs.flatMap(([names, head, width, justify, rows, show, key]) =>
    names.split(" ").map((name): [string, Column] => {
      const heading = name === "label" ? "LABEL" : name === "policy" ? "POL" : name.startsWith("fs") ? name.toUpperCase() : head;
      return [name, { name, head: heading, width, justify, rows, show, ...(key === undefined ? {} : { key }) }];
    }),
  ),
);

/** `%c` of AIX descriptors. */
export const aixNames: ReadonlyMap<string, string> = new Map([
  ["C", "pcpu"],
  ["G", "group"],
  ["P", "ppid"],
  ["U", "user"],
  ["a", "args"],
  ["c", "comm"],
  ["g", "rgroup"],
  ["n", "nice"],
  ["p", "pid"],
  ["r", "pgid"],
  ["t", "etime"],
  ["u", "ruser"],
  ["x", "time"],
  ["y", "tty"],
  ["z", "vsz"],
]);

/** Letters that BSD's `k` and `O` take for sort keys. */
export const shortKeys: ReadonlyMap<string, string> = new Map([
  ["C", "pcpu"],
  ["G", "tpgid"],
  ["J", "cutime"],
  ["M", "maj_flt"],
  ["N", "cmin_flt"],
  ["P", "ppid"],
  ["R", "rss"],
  ["S", "share"],
  ["T", "start_time"],
  ["U", "uid"],
  ["c", "cmd"],
  ["f", "flags"],
  ["g", "pgrp"],
  ["j", "cutime"],
  ["k", "time"],
  ["m", "min_flt"],
  ["o", "session"],
  ["p", "pid"],
  ["r", "rss"],
  ["s", "size"],
  ["t", "tty"],
  ["u", "user"],
  ["v", "vsize"],
  ["y", "priority"],
]);
