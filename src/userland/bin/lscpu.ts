/** lscpu(1) of util-linux, as far as /proc/cpuinfo tells. Left out: caches, NUMA, vulnerabilities, and what needs /sys. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { readProcFile } from "../libc/libproc.ts";
import { tableText } from "../libc/smartcols.ts";
import { badUsage } from "../libc/utillinux.ts";
import { cpuList } from "./taskset.ts";

const usage = `lscpu [OPTIONS]
Show what is known about the CPUs.

  -a, --all             does nothing: no CPU is offline
  -b, --online          does nothing: all CPUs are online
  -e, --extended        a table, one line a CPU
  -J, --json            JSON
  -p, --parse           for programs to read

  -h, --help            show this help
  -V, --version         show the version`;

type Cpu = ReadonlyMap<string, string>;

function parseCpuinfo(text: string): Cpu[] {
  return text
    .split("\n\n")
    .filter((block) => block.trim() !== "")
    .map((block) => {
      const cpu = new Map<string, string>();
      for (const line of block.split("\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) cpu.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
      }
      return cpu;
    });
}

function* summary(c: Command, cpus: readonly Cpu[]): Proc<[string, string][]> {
  const { machine } = yield* c.sys.uname();
  const first = cpus[0] ?? new Map<string, string>();
  const rows: [string, string][] = [["Architecture", machine]];
  const add = (name: string, key: string): void => {
    const value = first.get(key);
    if (value !== undefined && value !== "") rows.push([name, value]);
  };
  const flags = first.get("flags")?.split(" ") ?? [];
  if (machine === "x86_64") rows.push(["CPU op-mode(s)", "32-bit, 64-bit"]);
  add("Address sizes", "address sizes");
  rows.push(["Byte Order", "Little Endian"], ["CPU(s)", String(cpus.length)], ["On-line CPU(s) list", cpuList(cpus.map((_, i) => i))]);
  add("Vendor ID", "vendor_id");
  add("Model name", "model name");
  add("CPU family", "cpu family");
  add("Model", "model");
  const siblings = Number(first.get("siblings") ?? 0);
  const cores = Number(first.get("cpu cores") ?? 0);
  if (siblings > 0 && cores > 0) {
    rows.push(["Thread(s) per core", String(siblings / cores)], ["Core(s) per socket", String(cores)]);
    rows.push(["Socket(s)", String(Math.max(1, new Set(cpus.map((cpu) => cpu.get("physical id"))).size))]);
  }
  add("Stepping", "stepping");
  add("BogoMIPS", "bogomips");
  if (flags.length > 0) rows.push(["Flags", flags.join(" ")]);
  return rows;
}

function* run(c: Command): Proc<number> {
  let options: ReturnType<typeof getopt>["options"];
  try {
    ({ options } = getopt(c.args, {
      short: "abeJphV",
      long: [
        { name: "all", as: "a" },
        { name: "online", as: "b" },
        { name: "extended", as: "e" },
        { name: "json", as: "J" },
        { name: "parse", as: "p" },
        { name: "help", as: "h" },
        { name: "version", as: "V" },
      ],
    }));
  } catch (e) {
    if (e instanceof UsageError) return yield* badUsage(c, e.message);
    throw e;
  }
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print("lscpu from util-linux 2.38.1\n");
    return 0;
  }
  const cpus = parseCpuinfo((yield* readProcFile(c.sys, "/proc/cpuinfo")) ?? "");
  if (cpus.length === 0) return yield* c.fail("failed to determine number of CPUs: /proc/cpuinfo: No such file or directory");
  const socket = (cpu: Cpu): string => cpu.get("physical id") ?? "0";
  if (has("p")) {
    yield* c.print(
      "# The following is the parsable format, which can be fed to other\n# programs. Each different item in every column has an unique ID\n# starting usually from zero.\n# CPU,Core,Socket\n",
    );
    yield* c.print(cpus.map((cpu, i) => `${i},${i},${socket(cpu)}\n`).join(""));
  } else if (has("e")) {
    const columns = [
      { name: "CPU", right: true },
      { name: "SOCKET", right: true },
      { name: "CORE", right: true },
      { name: "ONLINE", right: true },
    ];
    yield* c.print(
      tableText(
        columns,
        cpus.map((cpu, i) => [String(i), socket(cpu), String(i), "yes"]),
      ),
    );
  } else {
    const rows = yield* summary(c, cpus);
    if (has("J")) yield* c.print(`${JSON.stringify({ lscpu: rows.map(([field, data]) => ({ field: `${field}:`, data })) }, null, 3)}\n`);
    else {
      const width = Math.max(...rows.map(([name]) => name.length)) + 1;
      yield* c.print(rows.map(([name, value]) => `${`${name}:`.padEnd(width + 1)}${value}\n`).join(""));
    }
  }
  return 0;
}

export const lscpu: Executable = {
  name: "lscpu",
  main: command({ help: help(usage) }, run),
  paths: ["/usr/bin/lscpu"],
  needed: ["libsmartcols.so.1", "libc.so.6"],
  sizeBytes: 129344,
};
