/** What is refused, or told, of a configuration before a container is made of it. moby `daemon/container.go`, `daemon/daemon_unix.go`; the words are theirs. */

import { capNames } from "../../abi/capability.ts";
import { findSignalNumber } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { optional, readText } from "../../userland/libc/unistd.ts";
import type { ContainerConfig, HealthConfig, HostConfig, ResourceLimits, RestartPolicy } from "../api/container.ts";
import type { Daemon } from "../daemon.ts";
import { invalidParameter, systemError } from "../errors.ts";
import { checkLogConfig } from "./log-options.ts";

const MIB = 1024 ** 2;
const SIX_MB = 6 * MIB;

/** Of the portable part. Errors: invalidParameter. */
export function verifyConfig(config: ContainerConfig): void {
  const { WorkingDir } = config;
  if (WorkingDir !== "" && !WorkingDir.startsWith("/"))
    throw invalidParameter(`the working directory '${WorkingDir}' is invalid, it needs to be an absolute path`);
  if (config.StopSignal) parseSignal(config.StopSignal);
  for (const entry of config.Env ?? [])
    if (entry === "" || entry.startsWith("=")) throw invalidParameter(`invalid environment variable: ${entry}`);
  verifyHealth(config.Healthcheck);
}

/** Errors: invalidParameter `Invalid signal: x`. */
export function parseSignal(text: string): number {
  const sig = findSignalNumber(text);
  if (sig === undefined || (sig === 0 && !/^0+$/.test(text)) || /^0+$/.test(text) || /^(EXIT|SIGEXIT)$/i.test(text))
    throw invalidParameter(`Invalid signal: ${text}`);
  return sig;
}

function verifyHealth(health: HealthConfig | undefined): void {
  if (health === undefined) return;
  for (const [name, value] of [
    ["Interval", health.Interval],
    ["Timeout", health.Timeout],
    ["StartPeriod", health.StartPeriod],
  ] as const)
    if (value !== undefined && value !== 0 && value < 1e6) throw invalidParameter(`${name} in Healthcheck cannot be less than 1ms`);
  if ((health.Retries ?? 0) < 0) throw invalidParameter("Retries in Healthcheck cannot be negative");
}

export function verifyRestartPolicy(policy: RestartPolicy): void {
  switch (policy.Name) {
    case "always":
    case "unless-stopped":
    case "no":
      if (policy.MaximumRetryCount !== 0) throw invalidParameter(`maximum retry count cannot be used with restart policy '${policy.Name}'`);
      return;
    case "on-failure":
      if (policy.MaximumRetryCount < 0) throw invalidParameter("maximum retry count cannot be negative");
      return;
    case "":
      return;
    default:
      throw invalidParameter(`invalid restart policy '${String(policy.Name)}'`);
  }
}

/** Of the host's part; what is only warned of is returned, and discarded from it. Errors: EngineError. */
export function* verifyHostConfig(daemon: Daemon, host: HostConfig): Proc<string[]> {
  if (host.AutoRemove && !["", "no"].includes(host.RestartPolicy.Name))
    throw invalidParameter("can't create 'AutoRemove' container with restart policy");
  for (const extra of host.ExtraHosts ?? [])
    if (!/^[^:]+:.+$/.test(extra)) throw invalidParameter(`bad format for add-host: ${JSON.stringify(extra)}`);
  for (const bindings of Object.values(host.PortBindings ?? {}))
    for (const { HostPort } of bindings ?? [])
      if (HostPort !== "" && !isPortRange(HostPort)) throw invalidParameter(`invalid port specification: ${JSON.stringify(HostPort)}`);
  verifyRestartPolicy(host.RestartPolicy);
  normaliseCapabilities(host);
  if (host.Isolation !== "" && host.Isolation !== "default")
    throw systemError(`Invalid isolation: ${JSON.stringify(host.Isolation)} - linux only supports 'default'`);
  checkLogConfig(host.LogConfig);
  const warnings = yield* verifyResources(daemon, host);
  if (host.ShmSize < 0) throw invalidParameter("SHM size can not be less than 0");
  if (host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000)
    throw invalidParameter(`Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  if (!["", "host", "private"].includes(host.CgroupnsMode)) throw invalidParameter(`invalid cgroup namespace mode: ${host.CgroupnsMode}`);
  if (host.Runtime !== undefined && !["", "runc", "io.containerd.runc.v2", "io.containerd.runtime.v1.linux"].includes(host.Runtime))
    throw invalidParameter(`Unknown runtime specified ${host.Runtime}`);
  for (const dest of Object.keys(host.Tmpfs ?? {}))
    if (!dest.startsWith("/")) throw invalidParameter(`invalid mount path: '${dest}' mount path must be absolute`);
  if (host.NetworkMode === "host" && Object.keys(host.PortBindings ?? {}).length > 0)
    warnings.push("Published ports are discarded when using host network mode");
  return warnings;
}

/** What does not go with another's or the host's namespaces. moby `runconfig/hostconfig_unix.go` validateNetMode. Errors: invalidParameter. */
export function verifyModes(host: HostConfig, config: ContainerConfig): void {
  const refuse = (what: string): never => {
    throw invalidParameter(`conflicting options: ${what}`);
  };
  const undefinedBehaviour = "This would result in undefined behavior";
  const links = (host.Links ?? []).length > 0;
  const shared = /^container(:|$)/.test(host.NetworkMode);
  if (shared) {
    if (!/^container:[^:]/.test(host.NetworkMode))
      throw invalidParameter("Invalid network mode: invalid container format container:<name|id>");
    if (config.Hostname !== "") refuse("hostname and the network mode");
    if (links) refuse(`container type network can't be used with links. ${undefinedBehaviour}`);
    if ((host.Dns ?? []).length > 0) refuse("dns and the network mode");
    if ((host.ExtraHosts ?? []).length > 0) refuse("custom host-to-IP mapping and the network mode");
  }
  if ((shared || host.NetworkMode === "host") && config.MacAddress) refuse("mac-address and the network mode");
  if (shared) {
    if (Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts)
      refuse("port publishing and the container type network mode");
    if (Object.keys(config.ExposedPorts ?? {}).length > 0) refuse("port exposing and the container type network mode");
  }
  if (host.UTSMode === "host" && config.Hostname !== "") refuse("hostname and the UTS mode");
  if (host.NetworkMode === "host" && links) refuse(`host type networking can't be used with links. ${undefinedBehaviour}`);
}

const isPortRange = (text: string): boolean =>
  /^\d+(-\d+)?$/.test(text) &&
  text.split("-").every((port) => Number(port) <= 65_535) &&
  Number(text.split("-")[0]) <= Number(text.split("-").at(-1));

/** `net_admin` becomes `CAP_NET_ADMIN`. */
function normaliseCapabilities(host: HostConfig): void {
  const normal = (names: string[] | null, field: string): string[] | null =>
    names === null
      ? null
      : names.map((name) => {
          const upper = name.toUpperCase();
          if (upper === "ALL") return "ALL";
          const full = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
          if (!capNames.includes(full.slice(4).toLowerCase()))
            throw invalidParameter(`invalid ${field}: unknown capability: ${JSON.stringify(full)}`);
          return full;
        });
  host.CapAdd = normal(host.CapAdd, "CapAdd");
  host.CapDrop = normal(host.CapDrop, "CapDrop");
}

/** Errors: invalidParameter. */
export function* verifyResources(daemon: Daemon, r: ResourceLimits): Proc<string[]> {
  const warnings: string[] = [];
  verifyMemory(r, warnings);
  if (r.PidsLimit !== null && r.PidsLimit < 0) r.PidsLimit = -1;
  if (r.NanoCpus !== 0) {
    if (r.CpuPeriod > 0) throw invalidParameter("Conflicting options: Nano CPUs and CPU Period cannot both be set");
    if (r.CpuQuota > 0) throw invalidParameter("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
    const cpus = (yield* daemon.sys.sched_getaffinity(0)).length;
    if (r.NanoCpus < 0 || r.NanoCpus > cpus * 1e9)
      throw invalidParameter(`Range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`);
  }
  if (r.CpuPeriod !== 0 && (r.CpuPeriod < 1000 || r.CpuPeriod > 1_000_000))
    throw invalidParameter("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  if (r.CpuQuota > 0 && r.CpuQuota < 1000) throw invalidParameter("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  yield* verifyCpuset(daemon, r);
  if (r.KernelMemory > 0) {
    if (r.KernelMemory < SIX_MB) throw invalidParameter("Minimum kernel memory limit allowed is 6MB");
    warnings.push("Your kernel does not support kernel memory limit capabilities or the cgroup is not mounted. Limitation discarded.");
    r.KernelMemory = 0;
  }
  if (r.BlkioWeight > 0) {
    const weight = yield* optional(readText(daemon.sys, "/sys/fs/cgroup/cgroup.controllers"));
    if (!(weight ?? "").split(/\s+/).includes("io")) {
      warnings.push("Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.");
      r.BlkioWeight = 0;
    } else if (r.BlkioWeight < 10 || r.BlkioWeight > 1000) throw invalidParameter("Range of blkio weight is from 10 to 1000");
  }
  return warnings;
}

function verifyMemory(r: ResourceLimits, warnings: string[]): void {
  if (r.Memory !== 0 && r.Memory < SIX_MB) throw invalidParameter("Minimum memory limit allowed is 6MB");
  if (r.Memory > 0 && r.MemorySwap > 0 && r.MemorySwap < r.Memory)
    throw invalidParameter("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (r.Memory === 0 && r.MemorySwap > 0)
    throw invalidParameter("You should always set the Memory limit when using Memoryswap limit, see usage");
  if (r.MemorySwappiness !== null && r.MemorySwappiness !== -1) {
    if (r.MemorySwappiness < 0 || r.MemorySwappiness > 100)
      throw invalidParameter(`Invalid value: ${r.MemorySwappiness}, valid memory swappiness range is 0-100`);
    warnings.push("Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.");
    r.MemorySwappiness = null;
  }
  if (r.MemoryReservation > 0 && r.MemoryReservation < SIX_MB) throw invalidParameter("Minimum memory reservation allowed is 6MB");
  if (r.Memory > 0 && r.MemoryReservation > 0 && r.Memory < r.MemoryReservation)
    throw invalidParameter("Minimum memory limit can not be less than memory reservation limit, see usage");
  if (r.OomKillDisable === true) {
    // cgroup v2 has no such thing.
    warnings.push("Your kernel does not support OomKillDisable. OomKillDisable discarded.");
    r.OomKillDisable = null;
  }
}

/** `0-2,4`; undefined if it is no such list. */
export function parseCpuList(text: string): number[] | undefined {
  const all: number[] = [];
  for (const part of text.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) return undefined;
    const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (to < from || to > 8192) return undefined;
    for (let n = from; n <= to; n++) all.push(n);
  }
  return all;
}

function* verifyCpuset(daemon: Daemon, r: ResourceLimits): Proc<void> {
  for (const [text, what, file, nouns] of [
    [r.CpusetCpus, "cpus", "cpuset.cpus.effective", "CPUs"],
    [r.CpusetMems, "mems", "cpuset.mems.effective", "memory nodes"],
  ] as const) {
    if (text === "") continue;
    const wanted = parseCpuList(text);
    if (wanted === undefined) throw invalidParameter(`Invalid value ${text} for cpuset ${what}: invalid format: ${text}`);
    const available = ((yield* optional(readText(daemon.sys, `/sys/fs/cgroup/${file}`))) ?? "0").trim();
    const there = parseCpuList(available) ?? [0];
    if (wanted.some((n) => !there.includes(n)))
      throw invalidParameter(`Requested ${nouns} are not available - requested ${text}, available: ${available}`);
  }
}
