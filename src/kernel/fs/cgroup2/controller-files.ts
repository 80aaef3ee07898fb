/** cpu.*, cpuset.*, io.*, memory.*, pids.*: "Controllers" of Documentation/admin-guide/cgroup-v2.rst. */

import { EAGAIN, EINVAL, ENODEV, ERANGE } from "../../../abi/errno.ts";
import type { Cgroup } from "../../cgroup/cgroup.ts";
import type { MemoryController, MemoryEvents } from "../../cgroup/memory.ts";
import { CPU_WEIGHT_DEFAULT } from "../../cgroup/cpu.ts";
import { NICE_0_WEIGHT, niceWeight } from "../../sched/entity.ts";
import { type CgroupFile, parseLimit, showLimit } from "./entry.ts";

const PAGE_SIZE = 4096;
const USEC = 1000;
/** Bounds of cpu.max: 1 ms and 1 s (MIN_CFS_QUOTA_PERIOD, max_cfs_quota_period). */
const MIN_PERIOD_NS = 1_000_000;
const MAX_PERIOD_NS = 1_000_000_000;

function parseNumber(text: string): number {
  const word = text.trim();
  if (!/^-?\d+$/.test(word)) throw EINVAL;
  return Number(word);
}

// ── cpu ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function setMax(cgroup: Cgroup, text: string): void {
  const words = text.trim().split(/\s+/);
  const [quota, period] = words;
  if (quota === undefined || quota === "" || words.length > 2) throw EINVAL;
  const quotaNs = quota === "max" ? Number.POSITIVE_INFINITY : parseNumber(quota) * USEC;
  const periodNs = period === undefined ? cgroup.cpu.periodNs : parseNumber(period) * USEC;
  if (quotaNs < MIN_PERIOD_NS || periodNs < MIN_PERIOD_NS || periodNs > MAX_PERIOD_NS) throw EINVAL;
  if (Number.isFinite(quotaNs) && cgroup.cpu.burstNs > quotaNs) throw EINVAL;
  cgroup.cpu.setBandwidth(quotaNs, periodNs);
}

const cpuFiles: readonly CgroupFile[] = [
  { name: "cpu.stat", mode: 0o444, root: "yes", read: (c) => c.cpu.stat() },
  {
    name: "cpu.weight",
    mode: 0o644,
    controller: "cpu",
    root: "no",
    read: (c) => `${c.cpu.idle ? 0 : c.cpu.weight}\n`,
    write(c, text) {
      const weight = parseNumber(text);
      if (weight < 1 || weight > 10_000) throw ERANGE;
      c.cpu.setWeight(weight);
    },
  },
  {
    name: "cpu.weight.nice",
    mode: 0o644,
    controller: "cpu",
    root: "no",
    read: (c) => `${c.cpu.weightNice}\n`,
    write(c, text) {
      const nice = parseNumber(text);
      if (nice < -20 || nice > 19) throw ERANGE;
      c.cpu.setWeight(Math.max(1, Math.round((niceWeight(nice) * CPU_WEIGHT_DEFAULT) / NICE_0_WEIGHT)));
    },
  },
  {
    name: "cpu.max",
    mode: 0o644,
    controller: "cpu",
    root: "no",
    read: ({ cpu }) => `${Number.isFinite(cpu.quotaNs) ? cpu.quotaNs / USEC : "max"} ${cpu.periodNs / USEC}\n`,
    write: setMax,
  },
  {
    name: "cpu.max.burst",
    mode: 0o644,
    controller: "cpu",
    root: "no",
    read: (c) => `${c.cpu.burstNs / USEC}\n`,
    write(c, text) {
      const burstNs = parseNumber(text) * USEC;
      if (burstNs < 0 || (Number.isFinite(c.cpu.quotaNs) && burstNs > c.cpu.quotaNs)) throw EINVAL;
      c.cpu.burstNs = burstNs;
    },
  },
  {
    name: "cpu.idle",
    mode: 0o644,
    controller: "cpu",
    root: "no",
    read: (c) => `${c.cpu.idle ? 1 : 0}\n`,
    write(c, text) {
      const idle = parseNumber(text);
      if (idle !== 0 && idle !== 1) throw ERANGE;
      c.cpu.setIdle(idle === 1);
    },
  },
  { name: "cpu.pressure", mode: 0o444, root: "yes", read: (c) => c.cpu.pressure.text() },
];

// ── cpuset ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `0-2,4` as a bit mask. Errors: EINVAL. */
function parseCpuList(text: string): number {
  let mask = 0;
  for (const part of text.trim().split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) throw EINVAL;
    const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (to < from || to > 30) throw EINVAL;
    for (let cpu = from; cpu <= to; cpu++) mask |= 1 << cpu;
  }
  return mask;
}

export function showCpuList(mask: number): string {
  const parts: string[] = [];
  for (let cpu = 0; cpu < 31; cpu++) {
    if ((mask & (1 << cpu)) === 0) continue;
    let to = cpu;
    while ((mask & (1 << (to + 1))) !== 0) to++;
    parts.push(to === cpu ? `${cpu}` : `${cpu}-${to}`);
    cpu = to;
  }
  return parts.join(",");
}

function setCpus(cgroup: Cgroup, text: string): void {
  if (text.trim() === "") {
    cgroup.cpus = undefined;
    cgroup.cpusText = "";
  } else {
    const mask = parseCpuList(text);
    if ((mask & ~(2 ** cgroup.tree.sched.cpus.length - 1)) !== 0) throw EINVAL;
    cgroup.cpus = mask;
    cgroup.cpusText = showCpuList(mask);
  }
  cgroup.tree.applyCpus(cgroup);
}

const cpusetFiles: readonly CgroupFile[] = [
  { name: "cpuset.cpus", mode: 0o644, controller: "cpuset", root: "no", read: (c) => `${c.cpusText}\n`, write: setCpus },
  { name: "cpuset.cpus.effective", mode: 0o444, controller: "cpuset", root: "yes", read: (c) => `${showCpuList(c.effectiveCpus)}\n` },
  {
    name: "cpuset.mems",
    mode: 0o644,
    controller: "cpuset",
    root: "no",
    read: (c) => `${c.memsText}\n`,
    write(c, text) {
      // There is one memory node.
      const word = text.trim();
      if (word !== "" && word !== "0") throw EINVAL;
      c.memsText = word;
    },
  },
  { name: "cpuset.mems.effective", mode: 0o444, controller: "cpuset", root: "yes", read: () => "0\n" },
];

// ── io ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** There is no block device whose traffic could be limited or counted. */
function refuseDevice(_cgroup: Cgroup, text: string): void {
  if (!/^\d+:\d+(\s+\S+=\S+)+$/.test(text.trim())) throw EINVAL;
  throw ENODEV;
}

const ioFiles: readonly CgroupFile[] = [
  { name: "io.stat", mode: 0o444, controller: "io", root: "yes", read: () => "" },
  { name: "io.max", mode: 0o644, controller: "io", root: "no", read: () => "", write: refuseDevice },
];

// ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────

type MemoryLimit = "min" | "low" | "high" | "max" | "swapHigh" | "swapMax";

function limit(name: string, field: MemoryLimit, changed?: (c: Cgroup) => void): CgroupFile {
  return {
    name,
    mode: 0o644,
    controller: "memory",
    root: "no",
    read: (c) => showLimit(c.memory[field]),
    write(c, text) {
      c.memory[field] = Math.floor(parseLimit(text, true) / PAGE_SIZE) * PAGE_SIZE;
      changed?.(c);
    },
  };
}

const number = (name: string, value: (m: MemoryController) => number): CgroupFile => ({
  name,
  mode: 0o444,
  controller: "memory",
  root: "no",
  read: (c) => `${value(c.memory)}\n`,
});

function events(name: string, of: (m: MemoryController) => MemoryEvents): CgroupFile {
  const keys = ["low", "high", "max", "oom", "oom_kill", "oom_group_kill"] as const;
  return {
    name,
    mode: 0o444,
    controller: "memory",
    root: "no",
    read: (c) => keys.map((key) => `${key} ${of(c.memory)[key]}\n`).join(""),
    version: (c) => keys.reduce((n, key) => n + of(c.memory)[key], 0),
  };
}

/** Lowering memory.max below what is used kills until it fits, as nothing can be reclaimed. */
function enforceMax(cgroup: Cgroup): void {
  while (cgroup.memory.current > cgroup.memory.max) {
    cgroup.tree.noteEvent(cgroup, "oom");
    if (!cgroup.tree.hooks.outOfMemory(cgroup)) return;
  }
}

const memoryFiles: readonly CgroupFile[] = [
  number("memory.current", (m) => m.current),
  number("memory.peak", (m) => m.peak),
  limit("memory.min", "min"),
  limit("memory.low", "low"),
  limit("memory.high", "high"),
  limit("memory.max", "max", enforceMax),
  events("memory.events", (m) => m.events),
  events("memory.events.local", (m) => m.localEvents),
  { name: "memory.stat", mode: 0o444, controller: "memory", root: "yes", read: (c) => c.memory.stat() },
  {
    name: "memory.oom.group",
    mode: 0o644,
    controller: "memory",
    root: "no",
    read: (c) => `${c.memory.oomGroup ? 1 : 0}\n`,
    write(c, text) {
      const on = parseNumber(text);
      if (on !== 0 && on !== 1) throw EINVAL;
      c.memory.oomGroup = on === 1;
    },
  },
  {
    name: "memory.reclaim",
    mode: 0o200,
    controller: "memory",
    root: "yes",
    write(_c, text) {
      // Nothing can be reclaimed; Linux answers so where it got less than was asked for.
      if (parseLimit(text, true) > 0) throw EAGAIN;
    },
  },
  number("memory.swap.current", () => 0),
  limit("memory.swap.high", "swapHigh"),
  limit("memory.swap.max", "swapMax"),
  { name: "memory.pressure", mode: 0o444, root: "yes", read: (c) => c.memory.pressure.text() },
];

// ── pids ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const pidsFiles: readonly CgroupFile[] = [
  {
    name: "pids.max",
    mode: 0o644,
    controller: "pids",
    root: "no",
    read: (c) => showLimit(c.pids.max),
    write(c, text) {
      c.pids.max = parseLimit(text, false);
    },
  },
  { name: "pids.current", mode: 0o444, controller: "pids", root: "no", read: (c) => `${c.pids.current}\n` },
  { name: "pids.peak", mode: 0o444, controller: "pids", root: "no", read: (c) => `${c.pids.peak}\n` },
  {
    name: "pids.events",
    mode: 0o444,
    controller: "pids",
    root: "no",
    read: (c) => `max ${c.pids.maxEvents}\n`,
    version: (c) => c.pids.maxEvents,
  },
];

export const controllerFiles: readonly CgroupFile[] = [...cpuFiles, ...cpusetFiles, ...ioFiles, ...memoryFiles, ...pidsFiles];
