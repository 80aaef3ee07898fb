/**
 * systemd-cgtop(1) of systemd 252: cgroups by their use of CPU time, memory and tasks. Left out: keys while it runs (but for q), machines, and
 * input and output, which no disk does here.
 */

import { Errno } from "../../abi/errno.ts";
import { CLOCK_MONOTONIC } from "../../abi/time.ts";
import { O_DIRECTORY, O_RDONLY } from "../../abi/fcntl.ts";
import { POLLIN } from "../../abi/poll.ts";
import { DT_DIR } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { ECHO, ICANON, VMIN, VTIME } from "../../abi/termios.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { type Parsed, UsageError } from "../libc/getopt.ts";
import { readProcFile } from "../libc/libproc.ts";
import { open } from "../libc/unistd.ts";

const ROOT = "/sys/fs/cgroup";
const NS = 1e9;

const usage = `systemd-cgtop [OPTIONS...] [CGROUP]

Show which control groups use most.

  -h --help            show this help
     --version         show the version
  -p --order=path      by path
  -t --order=tasks     by number of tasks
  -c --order=cpu       by CPU load (default)
  -m --order=memory    by memory
  -r --raw             numbers as they are
     --cpu=percentage  CPU load of the last interval (default)
     --cpu=time        CPU time used
  -d --delay=DELAY     seconds between updates
  -n --iterations=N    how often
  -1                   once
  -b --batch           takes no input
     --depth=DEPTH     how deep to look (default: 3)`;

type Order = "path" | "tasks" | "cpu" | "memory";

interface Settings {
  order: Order;
  raw: boolean;
  time: boolean;
  delayNs: number;
  iterations: number;
  batch: boolean;
  depth: number;
  root: string;
}

interface Group {
  readonly path: string;
  readonly tasks: number | undefined;
  readonly usageNs: number | undefined;
  /** Of one CPU, in the last interval. */
  readonly share: number | undefined;
  readonly memory: number | undefined;
}

/** systemd's format_bytes() with binary units: one digit after the point, cut. */
function formatBytes(bytes: number): string {
  for (const [i, unit] of ["E", "P", "T", "G", "M", "K"].entries()) {
    const factor = 1024 ** (6 - i);
    if (bytes >= factor) return `${Math.floor(bytes / factor)}.${Math.floor(((bytes % factor) * 10) / factor)}${unit}`;
  }
  return `${bytes}B`;
}

/** format_timespan() in whole seconds, as far as the column needs it. */
function formatTime(ns: number): string {
  const sec = ns / NS;
  if (sec < 60) return `${sec.toFixed(3).replace(/\.?0+$/, "")}s`;
  const [h, m, s] = [Math.floor(sec / 3600), Math.floor(sec / 60) % 60, Math.floor(sec) % 60];
  return `${h > 0 ? `${h}h ` : ""}${m}min${s > 0 ? ` ${s}s` : ""}`;
}

class Top {
  private readonly before = new Map<string, number>();
  private beforeNs = 0;

  constructor(
    private readonly c: Command,
    private readonly s: Settings,
  ) {}

  *sample(): Proc<Group[]> {
    const { sec, nsec } = yield* this.c.sys.clock_gettime(CLOCK_MONOTONIC);
    const now = sec * NS + nsec;
    const groups: Group[] = [];
    yield* this.visit(this.s.root, 0, now - this.beforeNs, groups);
    this.beforeNs = now;
    return groups;
  }

  private *visit(path: string, depth: number, spanNs: number, out: Group[]): Proc<void> {
    const { sys } = this.c;
    const usageNs = yield* this.usage(path);
    const last = this.before.get(path);
    if (usageNs !== undefined) this.before.set(path, usageNs);
    out.push({
      path,
      tasks: yield* this.number(path === "/" ? undefined : `${ROOT}${path}/pids.current`, () => this.allTasks()),
      usageNs,
      share: usageNs === undefined || last === undefined ? undefined : (usageNs - last) / spanNs,
      memory: yield* this.number(path === "/" ? undefined : `${ROOT}${path}/memory.current`, () => this.usedMemory()),
    });
    if (depth >= this.s.depth) return;
    const fd = yield* open(sys, path === "/" ? ROOT : ROOT + path, O_RDONLY | O_DIRECTORY);
    const names: string[] = [];
    for (let entries = yield* sys.getdents64(fd); entries.length > 0; entries = yield* sys.getdents64(fd))
      for (const { name, type } of entries) if (type === DT_DIR && name !== "." && name !== "..") names.push(name);
    yield* sys.close(fd);
    for (const name of names) yield* this.visit(path === "/" ? `/${name}` : `${path}/${name}`, depth + 1, spanNs, out);
  }

  /** A file's number, or for the root, which has no such file, the machine's. */
  private *number(path: string | undefined, machine: () => Proc<number>): Proc<number | undefined> {
    if (path === undefined) return yield* machine();
    const text = yield* readProcFile(this.c.sys, path);
    return text === undefined ? undefined : Number(text.trim());
  }

  private *usage(path: string): Proc<number | undefined> {
    const text = yield* readProcFile(this.c.sys, `${path === "/" ? ROOT : ROOT + path}/cpu.stat`);
    const usec = /^usage_usec (\d+)/m.exec(text ?? "")?.[1];
    return usec === undefined ? undefined : Number(usec) * 1000;
  }

  private *allTasks(): Proc<number> {
    return Number(/\/(\d+)/.exec((yield* readProcFile(this.c.sys, "/proc/loadavg")) ?? "")?.[1] ?? 0);
  }

  private *usedMemory(): Proc<number> {
    const text = (yield* readProcFile(this.c.sys, "/proc/meminfo")) ?? "";
    const kib = (name: string): number => Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(text)?.[1] ?? 0);
    return (kib("MemTotal") - kib("MemAvailable")) * 1024;
  }

  /** Parents before their children, the rest by what was asked for. */
  private sort(groups: Group[]): Group[] {
    const isBelow = (a: Group, b: Group): boolean => b.path === "/" || a.path.startsWith(`${b.path}/`);
    const key = (g: Group): number => {
      const { order, time } = this.s;
      if (order === "path") return 0;
      return (order === "tasks" ? g.tasks : order === "memory" ? g.memory : time ? g.usageNs : g.share) ?? -1;
    };
    const compare = (a: Group, b: Group): number => {
      if (a === b) return 0;
      if (isBelow(b, a)) return -1;
      if (isBelow(a, b)) return 1;
      return key(b) - key(a) || (a.path < b.path ? -1 : 1);
    };
    return groups.sort(compare);
  }

  render(groups: Group[], rows: number, columns: number): string {
    const { s } = this;
    // Of which nothing is known, neither from a controller nor from an interval, is not shown.
    const sorted = this.sort(groups.filter((g) => g.tasks !== undefined || g.share !== undefined || g.memory !== undefined));
    const cpuWidth = s.time ? Math.max(8, ...sorted.map((g) => formatTime(g.usageNs ?? 0).length)) : 6;
    const width = s.batch ? Math.max(...sorted.map((g) => g.path.length)) : Math.max(10, columns - 36 - cpuWidth);
    const bytes = (n: number | undefined): string => (n === undefined ? "-" : s.raw ? String(n) : formatBytes(n)).padStart(8);
    const cpu = (g: Group): string => {
      const text = s.time
        ? g.usageNs === undefined
          ? "-"
          : formatTime(g.usageNs)
        : g.share === undefined
          ? "-"
          : (g.share * 100).toFixed(1);
      return text.padStart(cpuWidth);
    };
    const row = (g: Group): string => {
      const path = g.path.length > width ? `${g.path.slice(0, width - 1)}…` : g.path;
      return `${path.padEnd(width)} ${String(g.tasks ?? "-").padStart(7)} ${cpu(g)} ${bytes(g.memory)} ${"-".padStart(8)} ${"-".padStart(8)}\n`;
    };
    if (s.batch) return sorted.map(row).join("");
    const title = (text: string, order: Order): string => (s.order === order ? `\x1b[0;1;39m\x1b[0;4m${text}\x1b[0m\x1b[0;4m` : text);
    const head =
      title("Control Group".padEnd(width), "path") +
      title("   Tasks ", "tasks") +
      title((s.time ? "CPU Time" : "%CPU").padStart(cpuWidth), "cpu") +
      title("   Memory", "memory");
    const shown = sorted.slice(0, Math.max(1, rows - 6)).map(row);
    return `\x1b[H\x1b[2J\x1b[0m\x1b[0;4m${head}  Input/s Output/s\x1b[0m\n${shown.join("")}`;
  }
}

/** Ends as systemd's tools do: the message alone, status 1. */
function* die(c: Command, message: string): Proc<never> {
  yield* c.eprint(`${message}\n`);
  throw new Exit(1);
}

const ORDERS: Readonly<Record<string, Order>> = { p: "path", t: "tasks", c: "cpu", m: "memory" };

function* settingsOf(c: Command, parsed: Parsed): Proc<Settings> {
  const s: Settings = { order: "cpu", raw: false, time: false, delayNs: NS, iterations: 0, batch: false, depth: 3, root: "/" };
  const number = function* (what: string, text: string): Proc<number> {
    if (!/^\d+(\.\d+)?s?$/.test(text)) return yield* die(c, `Failed to parse ${what} parameter '${text}': Invalid argument`);
    return Number.parseFloat(text);
  };
  for (const { name, arg } of parsed.options) {
    const order = ORDERS[name];
    if (order !== undefined) s.order = order;
    else if (name === "order") {
      if (!["path", "tasks", "cpu", "memory"].includes(arg)) yield* die(c, `Invalid argument to --order=: ${arg}`);
      s.order = arg as Order;
    } else if (name === "cpu") {
      if (!["", "time", "percentage"].includes(arg)) yield* die(c, `Unknown argument to --cpu=: ${arg}`);
      s.time = arg === "time";
    } else if (name === "r") s.raw = true;
    else if (name === "b") s.batch = true;
    else if (name === "1") s.iterations = 1;
    else if (name === "n") s.iterations = yield* number("iterations", arg);
    else if (name === "d") s.delayNs = (yield* number("delay", arg)) * NS;
    else if (name === "depth") s.depth = yield* number("depth", arg);
  }
  if (parsed.operands.length > 1) yield* die(c, "Too many arguments.");
  const [root] = parsed.operands;
  if (root !== undefined) s.root = root.startsWith("/") ? root : `/${root}`;
  return s;
}

/** Waits for the next turn. Returns whether q or ^D asked for the end. */
function* pause(c: Command, s: Settings, interactive: boolean): Proc<boolean> {
  if (!interactive) {
    yield* c.sys.nanosleep(s.delayNs);
    return false;
  }
  const before = yield* c.sys.ioctl(0, "TCGETS");
  const cc = [...before.cc];
  cc[VMIN] = 1;
  cc[VTIME] = 0;
  yield* c.sys.ioctl(0, "TCSETSW", { ...before, lflag: before.lflag & ~(ICANON | ECHO), cc });
  try {
    const ready = yield* c.sys.poll([{ fd: 0, events: POLLIN, revents: 0 }], s.delayNs / 1e6);
    if (ready === 0) return false;
    const key = new Uint8Array(1);
    return (yield* c.sys.read(0, key)) === 0 || key[0] === 0x71 || key[0] === 4;
  } finally {
    yield* c.sys.ioctl(0, "TCSETSW", before);
  }
}

function* isTerminal(c: Command): Proc<{ readonly rows: number; readonly cols: number } | undefined> {
  try {
    return yield* c.sys.ioctl(1, "TIOCGWINSZ");
  } catch (e) {
    if (e instanceof Errno) return undefined;
    throw e;
  }
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    const long = [
      { name: "delay", arg: "required", as: "d" },
      { name: "iterations", arg: "required", as: "n" },
      { name: "batch", as: "b" },
      { name: "raw", as: "r" },
      { name: "depth", arg: "required" },
      { name: "cpu", arg: "optional" },
      { name: "order", arg: "required" },
      { name: "help", as: "h" },
      { name: "version" },
    ] as const;
    parsed = yield* c.getopt({ short: "hptcmrb1n:d:", long });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    return yield* c.fail(e.message);
  }
  if (parsed.options.some(({ name }) => name === "h")) return yield* c.help();
  if (parsed.options.some(({ name }) => name === "version")) {
    yield* c.print("systemd 252 (252.39-1~deb12u2)\n");
    return 0;
  }
  const s = yield* settingsOf(c, parsed);
  const size = yield* isTerminal(c);
  if (size === undefined) s.batch = true;
  const rounds = s.iterations > 0 ? s.iterations : s.batch && size === undefined ? 1 : Number.POSITIVE_INFINITY;
  const top = new Top(c, s);
  for (let round = 1; ; round++) {
    yield* c.print(top.render(yield* top.sample(), size?.rows ?? 24, size?.cols ?? 80));
    yield* c.stdout.flush();
    if (round >= rounds || (yield* pause(c, s, !s.batch))) return 0;
    if (s.batch) yield* c.print("\n");
  }
}

export const systemdCgtop: Executable = {
  name: "systemd-cgtop",
  main: command({ help: usage }, run),
  paths: ["/usr/bin/systemd-cgtop"],
  sizeBytes: 39320,
};
