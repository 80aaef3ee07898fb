/** vmstat(8) of procps-ng: processes, memory, system and CPU activity. Left out: -d, -D, -p (there are no disks), -m. */

import type { Proc } from "../../abi/sys.ts";
import { NS_PER_SEC } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { clock } from "../libc/clock.ts";
import { type Command, command } from "../libc/command.ts";
import { HZ, readMeminfo, readProcFile, readSystemStat, readUptime, type SystemStat } from "../libc/libproc.ts";
import { procpsGetopt, usageTail } from "../libc/procps.ts";
import { strftime } from "../libc/strftime.ts";

const usage = `
Usage:
 vmstat [options] [delay [count]]

Options:
 -a, --active           active/inactive memory
 -f, --forks            number of forks since boot
 -n, --one-header       do not redisplay header
 -s, --stats            event counter statistics
 -S, --unit <char>      define display unit
 -w, --wide             wide output
 -t, --timestamp        show timestamp
${usageTail("vmstat").replace("vmstat(1)", "vmstat(8)")}`;

interface Snapshot {
  readonly stat: SystemStat;
  readonly memory: ReadonlyMap<string, number>;
  readonly vm: ReadonlyMap<string, number>;
  readonly uptimeSec: number;
}

function* take(c: Command): Proc<Snapshot> {
  const vm = new Map<string, number>();
  for (const line of ((yield* readProcFile(c.sys, "/proc/vmstat")) ?? "").split("\n")) {
    const [key = "", value] = line.split(" ");
    vm.set(key, Number(value ?? 0));
  }
  return { stat: yield* readSystemStat(c.sys), memory: yield* readMeminfo(c.sys), vm, uptimeSec: (yield* readUptime(c.sys)).uptimeSec };
}

interface Look {
  readonly unit: number;
  readonly wide: boolean;
  readonly active: boolean;
  readonly stamp: boolean;
}

function header({ wide, active, stamp }: Look): string {
  const [a, b] = active ? ["inact", "active"] : ["buff", "cache"];
  if (wide)
    return (
      `--procs-- -----------------------memory---------------------- ---swap-- -----io---- -system-- ----------cpu----------${stamp ? " -----timestamp-----" : ""}\n` +
      `   r    b         swpd         free ${a.padStart(12)} ${b.padStart(12)}   si   so    bi    bo   in   cs  us  sy  id  wa  st  gu${stamp ? "                 UTC" : ""}\n`
    );
  return (
    `procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----${stamp ? " -----timestamp-----" : ""}\n` +
    ` r  b   swpd   free ${a.padStart(6)} ${b.padStart(6)}   si   so    bi    bo   in   cs us sy id wa st${stamp ? "                 UTC" : ""}\n`
  );
}

/** Columns keep their place: what is too wide takes blanks from the next. */
function columns(cells: readonly (readonly [value: string | number, width: number])[]): string {
  let text = "";
  let due = 0;
  for (const [i, [value, width]] of cells.entries()) {
    due += width + (i > 0 ? 1 : 0);
    const cell = String(value);
    text += " ".repeat(Math.max(i > 0 ? 1 : 0, due - text.length - cell.length)) + cell;
  }
  return text;
}

function* row(c: Command, now: Snapshot, before: Snapshot | undefined, look: Look): Proc<string> {
  const kib = (n: number): number => Math.floor((n * 1024) / look.unit);
  const m = (key: string): number => kib(now.memory.get(key) ?? 0);
  const span = Math.max(1 / HZ, now.uptimeSec - (before?.uptimeSec ?? 0));
  const rate = (of: (s: Snapshot) => number): number => Math.round((of(now) - (before === undefined ? 0 : of(before))) / span);
  const ticks = (of: (s: SystemStat) => number): number => of(now.stat) - (before === undefined ? 0 : of(before.stat));
  const user = ticks((s) => s.total.user + s.total.nice);
  const system = ticks((s) => s.total.system + s.total.irq + s.total.softirq);
  const idle = ticks((s) => s.total.idle);
  const wait = ticks((s) => s.total.iowait);
  const steal = ticks((s) => s.total.steal);
  const all = Math.max(1, user + system + idle + wait + steal);
  const percent = (n: number): number => Math.round((100 * n) / all);
  const [pw, mw, cw] = look.wide ? [4, 12, 3] : [2, 6, 2];
  const cached = m("Cached") + m("SReclaimable");
  const pair = look.active ? [m("Inactive"), m("Active")] : [m("Buffers"), cached];
  const line = columns([
    [now.stat.running, pw],
    [now.stat.blocked, pw],
    [m("SwapTotal") - m("SwapFree"), mw],
    [m("MemFree"), mw],
    [pair[0] ?? 0, mw],
    [pair[1] ?? 0, mw],
    [rate((s) => kib((s.vm.get("pswpin") ?? 0) * 4)), 4],
    [rate((s) => kib((s.vm.get("pswpout") ?? 0) * 4)), 4],
    [rate((s) => s.vm.get("pgpgin") ?? 0), 5],
    [rate((s) => s.vm.get("pgpgout") ?? 0), 5],
    [rate((s) => s.stat.interrupts), 4],
    [rate((s) => s.stat.contextSwitches), 4],
    [percent(user), cw],
    [percent(system), cw],
    [percent(idle), cw],
    [percent(wait), cw],
    [percent(steal), cw],
    ...(look.wide ? ([[0, cw]] as const) : []),
  ]);
  if (!look.stamp) return `${line}\n`;
  return `${line} ${strftime("%Y-%m-%d %H:%M:%S", { sec: Math.floor(yield* clock(c.sys)), nsec: 0 })}\n`;
}

function statistics({ stat, memory, vm }: Snapshot, unit: number): string {
  const letter = unit === 1000 ? "k" : unit === 1024 ? "K" : unit === 1_000_000 ? "m" : "M";
  const m = (key: string): number => Math.floor(((memory.get(key) ?? 0) * 1024) / unit);
  const v = (key: string): number => vm.get(key) ?? 0;
  const { total } = stat;
  const lines: readonly (readonly [number, string])[] = [
    [m("MemTotal"), `${letter} total memory`],
    [m("MemTotal") - m("MemAvailable"), `${letter} used memory`],
    [m("Active"), `${letter} active memory`],
    [m("Inactive"), `${letter} inactive memory`],
    [m("MemFree"), `${letter} free memory`],
    [m("Buffers"), `${letter} buffer memory`],
    [m("Cached") + m("SReclaimable"), `${letter} swap cache`],
    [m("SwapTotal"), `${letter} total swap`],
    [m("SwapTotal") - m("SwapFree"), `${letter} used swap`],
    [m("SwapFree"), `${letter} free swap`],
    [total.user, "non-nice user cpu ticks"],
    [total.nice, "nice user cpu ticks"],
    [total.system, "system cpu ticks"],
    [total.idle, "idle cpu ticks"],
    [total.iowait, "IO-wait cpu ticks"],
    [total.irq, "IRQ cpu ticks"],
    [total.softirq, "softirq cpu ticks"],
    [total.steal, "stolen cpu ticks"],
    [0, "non-nice guest cpu ticks"],
    [0, "nice guest cpu ticks"],
    [v("pgpgin"), "K paged in"],
    [v("pgpgout"), "K paged out"],
    [v("pswpin"), "pages swapped in"],
    [v("pswpout"), "pages swapped out"],
    [stat.interrupts, "interrupts"],
    [stat.contextSwitches, "CPU context switches"],
    [stat.bootSec, "boot time"],
    [stat.forks, "forks"],
  ];
  return lines.map(([n, text]) => `${String(n).padStart(13)} ${text}\n`).join("");
}

const units: Readonly<Record<string, number>> = { k: 1000, K: 1024, m: 1_000_000, M: 1024 * 1024 };

function* run(c: Command): Proc<number> {
  const { options, operands } = yield* procpsGetopt(
    c,
    {
      short: "afnsS:wthV",
      long: [
        { name: "active", as: "a" },
        { name: "forks", as: "f" },
        { name: "one-header", as: "n" },
        { name: "stats", as: "s" },
        { name: "unit", as: "S", arg: "required" },
        { name: "wide", as: "w" },
        { name: "timestamp", as: "t" },
      ],
    },
    usage,
  );
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) {
    yield* c.print(usage);
    return 0;
  }
  const unit = units[options.findLast((o) => o.name === "S")?.arg ?? "K"];
  if (unit === undefined) return yield* c.fail("-S requires k, K, m or M (default is KiB)");
  for (const word of operands) if (!/^[0-9]+$/.test(word)) return yield* c.fail(`failed to parse argument: '${word}'`);
  const delay = Number(operands[0] ?? 1);
  if (delay < 1) return yield* c.fail("delay must be positive integer");
  if (has("f")) {
    yield* c.print(`${String((yield* readSystemStat(c.sys)).forks).padStart(13)} forks\n`);
    return 0;
  }
  if (has("s")) {
    yield* c.print(statistics(yield* take(c), unit));
    return 0;
  }
  const look = { unit, wide: has("w"), active: has("a"), stamp: has("t") };
  const count = operands.length === 0 ? 1 : Number(operands[1] ?? Number.POSITIVE_INFINITY);
  let before: Snapshot | undefined;
  for (let i = 0; i < count; i++) {
    if (i > 0) yield* c.sys.nanosleep(delay * NS_PER_SEC);
    if (i === 0 || (i % 21 === 0 && !has("n"))) yield* c.print(header(look));
    const now = yield* take(c);
    yield* c.print(yield* row(c, now, before, look));
    yield* c.stdout.flush();
    before = now;
  }
  return 0;
}

export const vmstat: Executable = {
  name: "vmstat",
  main: command({ help: usage }, run),
  paths: ["/usr/bin/vmstat"],
  needed: ["libproc2.so.0", "libc.so.6"],
  sizeBytes: 35552,
};
