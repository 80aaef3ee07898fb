/** free(1) of procps-ng: memory and swap, from /proc/meminfo. */

import type { Proc } from "../../abi/sys.ts";
import { NS_PER_SEC } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help as helpOf } from "../libc/help.ts";
import { busyboxSize } from "../libc/humansize.ts";
import { readMeminfo } from "../libc/libproc.ts";
import { procpsGetopt } from "../libc/procps.ts";

const usage = `
Usage:
 free [options]

Options:
 -b, --bytes         show output in bytes
     --kilo          show output in kilobytes
     --mega          show output in megabytes
     --giga          show output in gigabytes
     --tera          show output in terabytes
     --peta          show output in petabytes
 -k, --kibi          show output in kibibytes
 -m, --mebi          show output in mebibytes
 -g, --gibi          show output in gibibytes
     --tebi          show output in tebibytes
     --pebi          show output in pebibytes
 -h, --human         show human-readable output
     --si            use powers of 1000 not 1024
 -l, --lohi          show detailed low and high memory statistics
 -t, --total         show total for RAM + swap
 -v, --committed     show committed memory and commit limit
 -s N, --seconds N   repeat printing every N seconds
 -c N, --count N     repeat printing N times, then exit
 -w, --wide          wide output

     --help     display this help and exit
 -V, --version  output version information and exit

For more details see free(1).
`;

const busyboxUsage = "free [-bkmgh]\n\nDisplay free and used memory";
const units = ["kilo", "mega", "giga", "tera", "peta"];
const binaryUnits = ["kibi", "mebi", "gibi", "tebi", "pebi"];

/** How numbers of KiB are shown. */
interface Scale {
  readonly human: boolean;
  readonly si: boolean;
  /** Bytes a unit. */
  readonly unit: number;
}

function scaled(kib: number, { human, si, unit }: Scale): string {
  const bytes = kib * 1024;
  if (!human) return String(Math.floor(bytes / unit));
  if (`${bytes}B`.length <= 4) return `${bytes}B`;
  const base = si ? 1000 : 1024;
  const room = si ? 4 : 5;
  for (let power = 1; power <= 5; power++) {
    const value = bytes / base ** power;
    const suffix = `${"KMGTP"[power - 1]}${si ? "" : "i"}`;
    for (const text of [`${value.toFixed(1)}${suffix}`, `${Math.floor(value)}${suffix}`]) if (text.length <= room) return text;
  }
  return String(bytes);
}

interface Memory {
  readonly total: number;
  readonly used: number;
  readonly free: number;
  readonly shared: number;
  readonly buffers: number;
  readonly cache: number;
  readonly available: number;
  readonly swapTotal: number;
  readonly swapFree: number;
  readonly limit: number;
  readonly committed: number;
}

function* readMemory(c: Command): Proc<Memory> {
  const info = yield* readMeminfo(c.sys);
  const get = (key: string): number => info.get(key) ?? 0;
  const total = get("MemTotal");
  const available = info.get("MemAvailable") ?? get("MemFree");
  return {
    total,
    used: total - available,
    free: get("MemFree"),
    shared: get("Shmem"),
    buffers: get("Buffers"),
    cache: get("Cached") + get("SReclaimable"),
    available,
    swapTotal: get("SwapTotal"),
    swapFree: get("SwapFree"),
    limit: get("CommitLimit"),
    committed: get("Committed_AS"),
  };
}

interface Shown {
  readonly scale: Scale;
  readonly wide: boolean;
  readonly lohi: boolean;
  readonly total: boolean;
  readonly committed: boolean;
}

function report(m: Memory, o: Shown): string {
  const row = (head: string, values: readonly number[]): string =>
    `${head.padEnd(9)}${values.map((v) => scaled(v, o.scale).padStart(11)).join(" ")}\n`;
  const heads = ["total", "used", "free", "shared", ...(o.wide ? ["buffers", "cache"] : ["buff/cache"]), "available"];
  const swapUsed = m.swapTotal - m.swapFree;
  return (
    `${" ".repeat(9)}${heads.map((head) => head.padStart(11)).join(" ")}\n` +
    row("Mem:", [m.total, m.used, m.free, m.shared, ...(o.wide ? [m.buffers, m.cache] : [m.buffers + m.cache]), m.available]) +
    (o.lohi ? row("Low:", [m.total, m.total - m.free, m.free]) + row("High:", [0, 0, 0]) : "") +
    row("Swap:", [m.swapTotal, swapUsed, m.swapFree]) +
    (o.total ? row("Total:", [m.total + m.swapTotal, m.used + swapUsed, m.free + m.swapFree]) : "") +
    (o.committed ? row("Comm:", [m.limit, m.committed, m.limit - m.committed]) : "")
  );
}

function* procpsFree(c: Command): Proc<number> {
  const long = [...units, ...binaryUnits, "si"].map((name) => ({ name }));
  const { options } = yield* procpsGetopt(
    c,
    {
      short: "bkmghltvc:s:wV",
      long: [
        ...long,
        { name: "bytes", as: "b" },
        { name: "human", as: "h" },
        { name: "lohi", as: "l" },
        { name: "total", as: "t" },
        { name: "committed", as: "v" },
        { name: "seconds", as: "s", arg: "required" },
        { name: "count", as: "c", arg: "required" },
        { name: "wide", as: "w" },
      ],
    },
    usage,
  );
  let unit = 1024;
  let seconds: number | undefined;
  let count: number | undefined;
  const has = (name: string): boolean => options.some((option) => option.name === name);
  for (const { name, arg } of options) {
    const decimal = units.indexOf(name);
    const binary = binaryUnits.indexOf(name);
    if (decimal >= 0) unit = 1000 ** (decimal + 1);
    else if (binary >= 0) unit = 1024 ** (binary + 1);
    else if ("bkmg".includes(name)) unit = (has("si") ? 1000 : 1024) ** "bkmg".indexOf(name);
    else if (name === "s") {
      seconds = Number(arg);
      if (!/^[0-9.]+$/.test(arg)) return yield* c.fail(`seconds argument failed: '${arg}': Invalid argument`);
      if (seconds <= 0) return yield* c.fail(`seconds argument \`${arg}' is not positive number`);
    } else if (name === "c") {
      count = Number(arg);
      if (!/^[0-9]+$/.test(arg)) return yield* c.fail(`failed to parse count argument: '${arg}'`);
      if (count < 1) return yield* c.fail(`failed to parse count argument: '${arg}': Numerical result out of range`);
    }
  }
  const scale = { human: has("h"), si: has("si"), unit };
  const shown = { scale, wide: has("w"), lohi: has("l"), total: has("t"), committed: has("v") };
  const times = count ?? (seconds === undefined ? 1 : Number.POSITIVE_INFINITY);
  for (let i = 0; i < times; i++) {
    if (i > 0) yield* c.print("\n");
    yield* c.print(report(yield* readMemory(c), shown));
    yield* c.stdout.flush();
    if (i + 1 < times) yield* c.sys.nanosleep((seconds ?? 1) * NS_PER_SEC);
  }
  return 0;
}

function* busyboxFree(c: Command): Proc<number> {
  const { options } = yield* c.getopt({ short: "bkmgh" });
  const last = options.at(-1)?.name ?? "k";
  const unit = 1024 ** Math.max(0, "bkmg".indexOf(last));
  const show = (kib: number): string =>
    last === "h" ? (kib === 0 ? "0" : busyboxSize(kib * 1024)) : String(Math.floor((kib * 1024) / unit));
  const m = yield* readMemory(c);
  const row = (head: string, values: readonly number[]): string => `${head.padEnd(7)}${values.map((v) => show(v).padStart(12)).join("")}\n`;
  const cache = m.buffers + m.cache;
  yield* c.print("              total        used        free      shared  buff/cache   available\n");
  yield* c.print(row("Mem:", [m.total, m.total - m.free - cache, m.free, m.shared, cache, m.available]));
  yield* c.print(row("Swap:", [m.swapTotal, m.swapTotal - m.swapFree, m.swapFree]));
  return 0;
}

export const free: Executable = {
  name: "free",
  main: command({ help: helpOf("free [options]", busyboxUsage) }, (c) => (c.voice === "busybox" ? busyboxFree(c) : procpsFree(c))),
  paths: ["/usr/bin/free"],
  needed: ["libproc2.so.0", "libc.so.6"],
  sizeBytes: 26936,
  applet: "/usr/bin/free",
};
