/** docker stats: what a container's control group and its network devices count. moby `daemon/stats`, `daemon/stats_unix.go`, on cgroup v2. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { optional, readText } from "../../userland/libc/unistd.ts";
import type { BlkioEntry, ContainerStats, CpuStats } from "../api/container.ts";
import { NO_TIME } from "../daemon.ts";
import { watchForEnd } from "../server/connection.ts";
import type { Exchange } from "../server/exchange.ts";
import { Condition } from "../sync.ts";
import type { Container } from "./container.ts";
import { cgroupsPath } from "./spec.ts";

const INTERVAL_NS = 1e9;
const BLKIO = [
  "io_service_bytes_recursive",
  "io_serviced_recursive",
  "io_queue_recursive",
  "io_service_time_recursive",
  "io_wait_time_recursive",
  "io_merged_recursive",
  "io_time_recursive",
  "sectors_recursive",
];

const noCpu: CpuStats = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/** Writes one sample, or one a second until the client or the container goes away. */
export function* containerStats(x: Exchange, container: Container, stream: boolean, oneShot: boolean): Proc<void> {
  const { daemon } = x;
  let last = stream || oneShot || !container.running ? undefined : yield* sample(container, undefined);
  if (last !== undefined) yield* daemon.sys.nanosleep(INTERVAL_NS);
  if (!stream) {
    yield* x.bytes(200, encode(yield* sample(container, last)), "application/json");
    return;
  }
  const out = yield* x.streaming(200, "application/json");
  let gone = false;
  const wake = new Condition(daemon.sys);
  const watch = yield* watchForEnd(x, function* () {
    gone = true;
    yield* wake.broadcast();
  });
  while (!gone && !container.removed) {
    last = yield* sample(container, last);
    yield* out.write(encode(last));
    yield* wake.wait(INTERVAL_NS);
  }
  yield* watch.stop();
  if (!gone) yield* out.end();
}

/** A limit of `max` is the largest of Go's numbers, which is none of ours. */
const NO_LIMIT = 2 ** 64;

const encode = (stats: ContainerStats): Uint8Array =>
  encodeUtf8(`${JSON.stringify(stats).replaceAll(String(NO_LIMIT), "18446744073709551615")}\n`);

/** What differs from sample to sample. */
interface Filled {
  readonly read: string;
  readonly preread: string;
  readonly pids: ContainerStats["pids_stats"];
  readonly cpu: CpuStats;
  readonly precpu: CpuStats;
  readonly memory: ContainerStats["memory_stats"];
  readonly networks: ContainerStats["networks"];
}

function* sample(container: Container, last: ContainerStats | undefined): Proc<ContainerStats> {
  const blkio = Object.fromEntries(BLKIO.map((name) => [name, null])) as Record<string, BlkioEntry[] | null>;
  const { name, id } = container;
  const shape = (filled: Filled): ContainerStats => ({
    read: filled.read,
    preread: filled.preread,
    pids_stats: filled.pids,
    blkio_stats: blkio,
    num_procs: 0,
    storage_stats: {},
    cpu_stats: filled.cpu,
    precpu_stats: filled.precpu,
    memory_stats: filled.memory,
    name: `/${name}`,
    id,
    ...(filled.networks === undefined ? {} : { networks: filled.networks }),
  });
  if (!container.running || container.restarting)
    return shape({ read: NO_TIME, preread: NO_TIME, pids: {}, cpu: noCpu, precpu: noCpu, memory: {}, networks: undefined });
  const { sys } = container.daemon;
  const dir = `/sys/fs/cgroup${cgroupsPath(container)}`;
  const text = function* (file: string): Proc<string> {
    return (yield* optional(readText(sys, `${dir}/${file}`))) ?? "";
  };
  const bytes = yield* text("io.stat");
  if (bytes !== "") blkio.io_service_bytes_recursive = ioEntries(bytes);
  const networks = yield* networkStats(sys, container.pid);
  const pidsMax = (yield* text("pids.max")).trim();
  return shape({
    read: yield* container.daemon.timestamp(),
    preread: last?.read ?? NO_TIME,
    pids: {
      current: Number(yield* text("pids.current")),
      limit: pidsMax === "max" || pidsMax === "" ? NO_LIMIT : Number(pidsMax),
    },
    cpu: yield* cpuStats(sys, yield* text("cpu.stat")),
    precpu: last?.cpu_stats ?? noCpu,
    memory: yield* memoryStats(sys, text),
    networks,
  });
}

const counters = (text: string): Map<string, number> =>
  new Map(text.split("\n").flatMap((line) => (line === "" ? [] : [[line.split(" ")[0] as string, Number(line.split(" ")[1])] as const])));

function* cpuStats(sys: Sys, text: string): Proc<CpuStats> {
  const counts = counters(text);
  const ns = (name: string): number => (counts.get(name) ?? 0) * 1000;
  // Jiffies of all CPUs, idle ones included, in nanoseconds.
  const [, ...jiffies] = ((yield* optional(readText(sys, "/proc/stat"))) ?? "").split("\n")[0]?.trim().split(/\s+/) ?? [];
  const system = jiffies.slice(0, 8).reduce((sum, value) => sum + Number(value), 0) * 1e7;
  return {
    cpu_usage: { total_usage: ns("usage_usec"), usage_in_kernelmode: ns("system_usec"), usage_in_usermode: ns("user_usec") },
    system_cpu_usage: system,
    online_cpus: (yield* sys.sched_getaffinity(0)).length,
    throttling_data: {
      periods: counts.get("nr_periods") ?? 0,
      throttled_periods: counts.get("nr_throttled") ?? 0,
      throttled_time: ns("throttled_usec"),
    },
  };
}

function* memoryStats(sys: Sys, text: (name: string) => Proc<string>): Proc<ContainerStats["memory_stats"]> {
  const max = (yield* text("memory.max")).trim();
  const { totalram } = yield* sys.sysinfo();
  const limit = max === "max" || max === "" ? totalram : Math.min(Number(max), totalram);
  return { usage: Number(yield* text("memory.current")), stats: Object.fromEntries(counters(yield* text("memory.stat"))), limit };
}

/** `8:0 rbytes=1 wbytes=2 …`. */
function ioEntries(text: string): BlkioEntry[] {
  return text.split("\n").flatMap((line) => {
    const match = /^(\d+):(\d+) (.*)$/.exec(line);
    if (match === null) return [];
    const fields = new Map((match[3] as string).split(" ").map((field) => field.split("=") as [string, string]));
    const device = { major: Number(match[1]), minor: Number(match[2]) };
    return [
      { ...device, op: "read", value: Number(fields.get("rbytes") ?? "0") },
      { ...device, op: "write", value: Number(fields.get("wbytes") ?? "0") },
    ];
  });
}

/** The devices in its network namespace, lo left out. */
function* networkStats(sys: Sys, pid: number): Proc<ContainerStats["networks"]> {
  const text = yield* optional(readText(sys, `/proc/${pid}/net/dev`));
  if (text === undefined) return undefined;
  const networks: NonNullable<ContainerStats["networks"]> = {};
  for (const line of text.split("\n").slice(2)) {
    const [name = "", rest = ""] = line.split(":");
    if (name.trim() === "" || name.trim() === "lo") continue;
    const n = rest.trim().split(/\s+/).map(Number);
    networks[name.trim()] = {
      rx_bytes: n[0] ?? 0,
      rx_packets: n[1] ?? 0,
      rx_errors: n[2] ?? 0,
      rx_dropped: n[3] ?? 0,
      tx_bytes: n[8] ?? 0,
      tx_packets: n[9] ?? 0,
      tx_errors: n[10] ?? 0,
      tx_dropped: n[11] ?? 0,
    };
  }
  return Object.keys(networks).length === 0 ? undefined : networks;
}
