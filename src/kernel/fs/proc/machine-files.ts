/** Files of /proc about the whole machine: proc_meminfo(5), proc_stat(5), …; Linux `fs/proc/{meminfo,stat,loadavg,uptime,…}.c`. */

import { major } from "../../../abi/stat.ts";
import { NS_PER_SEC } from "../../../abi/time.ts";
import { PAGE_SIZE, USER_HZ, UTS_RELEASE, UTS_VERSION } from "../../params.ts";
import type { Cpu } from "../../sched/scheduler.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { FileEntry, Machine } from "./entry.ts";

type MachineFile = FileEntry<Machine>;

const file = (name: string, read: (machine: Machine, reader: Task) => string): MachineFile => ({ kind: "file", name, mode: 0o444, read });

const kib = (bytes: number): string => `${String(Math.floor(bytes / 1024)).padStart(8)} kB`;

/** Only what the machine knows: there are no page lists by age, no reserves, no huge pages. */
function meminfo({ system }: Machine): string {
  const { memory } = system;
  const used = memory.usedBytes;
  let committed = 0;
  for (const task of system.tasks) if (task.isLeader && !task.tg.zombie) committed += task.mm.virtualBytes;
  const rows: readonly (readonly [string, number])[] = [
    ["MemTotal", memory.totalBytes],
    ["MemFree", memory.freeBytes],
    ["MemAvailable", memory.freeBytes],
    ["Buffers", 0],
    // The page cache is what tmpfs holds.
    ["Cached", used.shmem],
    ["SwapCached", 0],
    ["SwapTotal", 0],
    ["SwapFree", 0],
    ["Dirty", 0],
    ["Writeback", 0],
    ["AnonPages", used.anon],
    ["Shmem", used.shmem],
    ["KReclaimable", 0],
    ["Slab", used.slab],
    ["SReclaimable", 0],
    ["SUnreclaim", used.slab],
    ["KernelStack", used.kernel],
    ["Committed_AS", committed],
  ];
  return rows.map(([name, bytes]) => `${`${name}:`.padEnd(15)} ${kib(bytes)}\n`).join("");
}

function cpuinfo({ system }: Machine): string {
  const { cpus } = system.config;
  const block = (id: number): string =>
    [
      ["processor", id],
      ["vendor_id", "Drydock"],
      ["model name", "Drydock Virtual CPU"],
      ["physical id", 0],
      ["siblings", cpus],
      ["core id", id],
      ["cpu cores", cpus],
    ]
      .map(([name, value]) => `${name}${String(name).length < 8 ? "\t\t" : "\t"}: ${value}\n`)
      .join("");
  return Array.from({ length: cpus }, (_, id) => `${block(id)}\n`).join("");
}

const ticks = (ns: number): number => Math.floor((ns * USER_HZ) / NS_PER_SEC);

function idleNs(system: System, cpu: Cpu): number {
  return Math.max(0, system.sched.clockNs - cpu.busyNs);
}

/** When the machine started by the reader's boot time clock, seconds since 1970. */
function btime(system: System, reader: Task): number {
  const { sec, nsec } = system.realtimeOffset;
  return sec + Math.floor((nsec - reader.ns.time.boottimeNs) / NS_PER_SEC);
}

/** Interrupts are not modelled: their lines are absent. */
function stat({ system }: Machine, reader: Task): string {
  const { sched } = system;
  sched.account();
  const line = (name: string, cpus: readonly Cpu[]): string => {
    const sum = (of: (cpu: Cpu) => number): number => cpus.reduce((total, cpu) => total + ticks(of(cpu)), 0);
    return `${name} ${sum((c) => c.userNs)} ${sum((c) => c.niceNs)} ${sum((c) => c.systemNs)} ${sum((c) => idleNs(system, c))} 0 0 0 0 0 0\n`;
  };
  return [
    line("cpu ", sched.cpus),
    ...sched.cpus.map((cpu) => line(`cpu${cpu.id}`, [cpu])),
    `ctxt ${sched.contextSwitches}\n`,
    `btime ${btime(system, reader)}\n`,
    `processes ${system.forks}\n`,
    `procs_running ${sched.root.runnable}\n`,
    "procs_blocked 0\n",
  ].join("");
}

function loadavg({ system, ns }: Machine): string {
  const loads = system.loads.map((load) => load.toFixed(2)).join(" ");
  return `${loads} ${system.sched.root.runnable}/${system.tasks.size} ${ns.lastPid}\n`;
}

/** Of the reader's boot time clock. */
function uptime({ system }: Machine, reader: Task): string {
  const { sched } = system;
  sched.account();
  const idle = sched.cpus.reduce((sum, cpu) => sum + idleNs(system, cpu), 0);
  const seconds = (ns: number): string => {
    const hundredths = Math.floor((ns * 100) / NS_PER_SEC);
    return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`;
  };
  return `${seconds(sched.clockNs + reader.ns.time.boottimeNs)} ${seconds(idle)}\n`;
}

/** Drivers under the names of their major numbers; the single memory devices are one driver there. */
function devices({ system }: Machine): string {
  const rows = new Set<string>();
  const sorted = [...system.charDevices].sort(([a], [b]) => a - b);
  for (const [dev, driver] of sorted) {
    // A whole major number is registered as its minor -1.
    const number = (dev + 1) % 0x100000 === 0 ? major(dev + 1) : major(dev);
    rows.add(`${String(number).padStart(3)} ${number === 1 ? "mem" : driver.name}\n`);
  }
  return `Character devices:\n${[...rows].join("")}\nBlock devices:\n`;
}

function vmstat({ system }: Machine): string {
  const { memory } = system;
  const pages = (bytes: number): number => Math.floor(bytes / PAGE_SIZE);
  const used = memory.usedBytes;
  return `nr_free_pages ${pages(memory.freeBytes)}\nnr_anon_pages ${pages(used.anon)}\nnr_file_pages ${pages(used.shmem)}\nnr_shmem ${pages(used.shmem)}\n`;
}

export const machineFiles: readonly MachineFile[] = [
  // The kernel was started without arguments.
  file("cmdline", () => "\n"),
  file("cpuinfo", cpuinfo),
  file("devices", devices),
  file("filesystems", ({ system }) => [...system.filesystems.values()].map((t) => `${t.nodev ? "nodev" : ""}\t${t.name}\n`).join("")),
  file("loadavg", loadavg),
  file("meminfo", meminfo),
  file("stat", stat),
  file("swaps", () => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
  file("uptime", uptime),
  file("version", () => `Linux version ${UTS_RELEASE} (drydock) ${UTS_VERSION}\n`),
  file("vmstat", vmstat),
];
