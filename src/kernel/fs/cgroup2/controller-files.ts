/**
 * cpu.*, cpuset.*, io.*, memory.*, pids.*: "Controllers" of Documentation/admin-guide/cgroup-v2.rst, as 6.1 has them.
 * Left out: cpu.uclamp.*, memory.zswap.*, memory.numa_stat, io.latency and io.cost.*, whose features are not configured.
 */

import { EAGAIN, EINVAL, ENODEV, ERANGE } from "../../../abi/errno.ts";
import type { Cgroup, ControllerName } from "../../cgroup/cgroup.ts";
import { parseList, showList } from "../../cgroup/cpuset.ts";
import type { MemoryController, MemoryEvents } from "../../cgroup/memory.ts";
import { type CgroupFile, parseBytes, parseInteger, parseUnsigned, showLimit } from "./entry.ts";

const USEC = 1000;
/** PIDS_MAX: PID_MAX_LIMIT and one. */
const PIDS_MAX = 4_194_305;
const CGROUP_WEIGHT_MIN = 1;
const CGROUP_WEIGHT_MAX = 10_000;

/** A file that can be read and written on all but the root. */
function setting(
  controller: ControllerName,
  name: string,
  read: (c: Cgroup) => string,
  write: (c: Cgroup, text: string) => void,
): CgroupFile {
  return {
    name,
    mode: 0o644,
    controller,
    root: "no",
    read,
    write(c, text) {
      write(c, text);
      c.version++;
    },
  };
}

// ── cpu ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Linux `cpu_period_quota_parse`: `$MAX [$PERIOD]` as sscanf reads it. Errors: EINVAL. */
function setMax({ cpu }: Cgroup, text: string): void {
  const match = /^(\S{1,20})(?:\s*(-?\d+))?/.exec(text);
  if (match === null) throw EINVAL;
  const [, quota, period] = match as unknown as [string, string, string | undefined];
  const number = /^[+-]?\d+/.exec(quota)?.[0];
  if (number === undefined && quota !== "max") throw EINVAL;
  const quotaNs = number === undefined ? Number.POSITIVE_INFINITY : Number(number) * USEC;
  cpu.setBandwidth(quotaNs, period === undefined ? cpu.periodNs : Number(period) * USEC, cpu.burstNs);
}

const cpuFiles: readonly CgroupFile[] = [
  setting(
    "cpu",
    "cpu.weight",
    (c) => `${c.cpu.weight}\n`,
    (c, text) => {
      const weight = parseUnsigned(text);
      if (weight < CGROUP_WEIGHT_MIN || weight > CGROUP_WEIGHT_MAX) throw ERANGE;
      c.cpu.setWeight(weight);
    },
  ),
  setting(
    "cpu",
    "cpu.weight.nice",
    (c) => `${c.cpu.weightNice}\n`,
    (c, text) => {
      const nice = parseInteger(text, Number.MAX_SAFE_INTEGER);
      if (nice < -20 || nice > 19) throw ERANGE;
      c.cpu.setWeightNice(nice);
    },
  ),
  setting(
    "cpu",
    "cpu.idle",
    (c) => `${c.cpu.idle ? 1 : 0}\n`,
    (c, text) => {
      const idle = parseInteger(text, Number.MAX_SAFE_INTEGER);
      if (idle !== 0 && idle !== 1) throw EINVAL;
      c.cpu.setIdle(idle === 1);
    },
  ),
  setting("cpu", "cpu.max", ({ cpu }) => `${Number.isFinite(cpu.quotaNs) ? cpu.quotaNs / USEC : "max"} ${cpu.periodNs / USEC}\n`, setMax),
  setting(
    "cpu",
    "cpu.max.burst",
    (c) => `${c.cpu.burstNs / USEC}\n`,
    ({ cpu }, text) => cpu.setBandwidth(cpu.quotaNs, cpu.periodNs, parseUnsigned(text) * USEC),
  ),
];

// ── cpuset ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const cpusetFiles: readonly CgroupFile[] = [
  setting(
    "cpuset",
    "cpuset.cpus",
    (c) => `${showList(c.cpuset.cpus)}\n`,
    (c, text) => {
      c.cpuset.cpus = parseList(text, c.tree.sched.cpus.length);
      c.tree.applyCpus(c);
    },
  ),
  setting(
    "cpuset",
    "cpuset.mems",
    (c) => `${showList(c.cpuset.mems)}\n`,
    (c, text) => {
      c.cpuset.mems = parseList(text, 1);
    },
  ),
  { name: "cpuset.cpus.effective", mode: 0o444, controller: "cpuset", root: "yes", read: (c) => `${showList(c.effectiveCpus)}\n` },
  { name: "cpuset.mems.effective", mode: 0o444, controller: "cpuset", root: "yes", read: () => "0\n" },
  setting(
    "cpuset",
    "cpuset.cpus.partition",
    () => "member\n",
    (_c, text) => {
      // Differs from Linux: `root` and `isolated` are refused, where Linux shows why a partition is invalid.
      if (text !== "member") throw EINVAL;
    },
  ),
];

// ── io ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Linux `blkg_conf_prep`. There is no block device whose traffic could be limited or counted. Errors: EINVAL, ENODEV. */
function refuseDevice(text: string): never {
  if (!/^\d+:\d+\s/.test(text)) throw EINVAL;
  throw ENODEV;
}

const ioFiles: readonly CgroupFile[] = [
  { name: "io.stat", mode: 0o444, controller: "io", root: "yes", read: () => "" },
  setting(
    "io",
    "io.max",
    () => "",
    (_c, text) => refuseDevice(text),
  ),
  setting(
    "io",
    "io.weight",
    (c) => `default ${c.ioWeight}\n`,
    (c, text) => {
      if (text.includes(":")) refuseDevice(text);
      const match = /^(?:default +)?(\d+)/.exec(text);
      const weight = Number(match?.[1] ?? 0);
      if (weight < CGROUP_WEIGHT_MIN || weight > CGROUP_WEIGHT_MAX) throw EINVAL;
      c.ioWeight = weight;
    },
  ),
];

// ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────

type MemoryLimit = "min" | "low" | "high" | "max" | "swapHigh" | "swapMax";

const limit = (name: string, field: MemoryLimit, changed?: (c: Cgroup) => void): CgroupFile =>
  setting(
    "memory",
    name,
    (c) => showLimit(c.memory[field]),
    (c, text) => {
      c.memory[field] = parseBytes(text);
      changed?.(c);
    },
  );

const number = (name: string, value: (m: MemoryController) => number): CgroupFile => ({
  name,
  mode: 0o444,
  controller: "memory",
  root: "no",
  read: (c) => `${value(c.memory)}\n`,
});

const events = (name: string, of: (m: MemoryController) => MemoryEvents): CgroupFile => ({
  name,
  mode: 0o444,
  controller: "memory",
  root: "no",
  read: (c) =>
    Object.entries(of(c.memory))
      .map(([key, count]) => `${key} ${count}\n`)
      .join(""),
});

/** Linux `memory_reclaim`: nothing can be taken back, so it answers as where it got less than was asked for. */
function reclaim(text: string): void {
  if (parseBytes(text) > 0) throw EAGAIN;
}

const memoryFiles: readonly CgroupFile[] = [
  number("memory.current", (m) => m.current),
  number("memory.peak", (m) => m.peak),
  limit("memory.min", "min"),
  limit("memory.low", "low"),
  limit("memory.high", "high"),
  limit("memory.max", "max", (c) => c.tree.enforceMax(c.memory)),
  events("memory.events", (m) => m.events),
  events("memory.events.local", (m) => m.localEvents),
  { name: "memory.stat", mode: 0o444, controller: "memory", root: "yes", read: (c) => c.memory.stat() },
  setting(
    "memory",
    "memory.oom.group",
    (c) => `${c.memory.oomGroup ? 1 : 0}\n`,
    (c, text) => {
      if (text === "") throw EINVAL;
      const on = parseInteger(text);
      if (on !== 0 && on !== 1) throw EINVAL;
      c.memory.oomGroup = on === 1;
    },
  ),
  { name: "memory.reclaim", mode: 0o200, controller: "memory", root: "yes", write: (_c, text) => reclaim(text) },
  // There is no swap, as on a machine without a swap device: nothing is ever in it, whatever the limits.
  number("memory.swap.current", () => 0),
  limit("memory.swap.high", "swapHigh"),
  limit("memory.swap.max", "swapMax"),
  { name: "memory.swap.events", mode: 0o444, controller: "memory", root: "no", read: () => "high 0\nmax 0\nfail 0\n" },
];

// ── pids ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Linux `pids_max_write`. Errors: EINVAL. */
function setPidsMax(c: Cgroup, text: string): void {
  if (text === "max") c.pids.max = Number.POSITIVE_INFINITY;
  else {
    const max = parseInteger(text, Number.MAX_SAFE_INTEGER);
    if (max < 0 || max >= PIDS_MAX) throw EINVAL;
    c.pids.max = max;
  }
}

const pidsFiles: readonly CgroupFile[] = [
  setting("pids", "pids.max", (c) => showLimit(c.pids.max), setPidsMax),
  { name: "pids.current", mode: 0o444, controller: "pids", root: "no", read: (c) => `${c.pids.current}\n` },
  { name: "pids.peak", mode: 0o444, controller: "pids", root: "no", read: (c) => `${c.pids.peak}\n` },
  { name: "pids.events", mode: 0o444, controller: "pids", root: "no", read: (c) => `max ${c.pids.maxEvents}\n` },
];

export const controllerFiles: readonly CgroupFile[] = [...cpuFiles, ...cpusetFiles, ...ioFiles, ...memoryFiles, ...pidsFiles];
