/** From a request to a container that could be started: defaults, checks, the layer, volumes, networks. moby `daemon/create.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { ContainerConfig, ContainerCreateBody, HostConfig, StringSet } from "../api/container.ts";
import type { Daemon } from "../daemon.ts";
import { asked, invalidParameter, isFailure, notFound, systemError } from "../errors.ts";
import type { Platform } from "../../image/oci.ts";
import { formatPlatform, suits } from "../../image/platform.ts";
import { makeDirs } from "../files.ts";
import type { ImageForContainer } from "../parts.ts";
import { makeDirsInRoot } from "../rootfs-path.ts";
import { Container } from "./container.ts";
import type { Containers } from "./containers.ts";
import { verifyConfig, verifyHostConfig, verifyModes } from "./verify.ts";

const MASKED = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
];
const READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** Every field there, as Go's structs have them. */
function completeConfig(body: ContainerCreateBody): ContainerConfig {
  const { HostConfig: _host, NetworkingConfig: _networking, ...config } = body;
  return {
    ...config,
    Hostname: config.Hostname ?? "",
    Domainname: config.Domainname ?? "",
    User: config.User ?? "",
    AttachStdin: config.AttachStdin ?? false,
    AttachStdout: config.AttachStdout ?? false,
    AttachStderr: config.AttachStderr ?? false,
    Tty: config.Tty ?? false,
    OpenStdin: config.OpenStdin ?? false,
    StdinOnce: config.StdinOnce ?? false,
    Env: listOf(config.Env),
    Cmd: commandOf(config.Cmd),
    Image: config.Image ?? "",
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? "",
    Entrypoint: commandOf(config.Entrypoint),
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? {},
  };
}

const listOf = (list: string[] | null | undefined): string[] | null => list ?? null;

/** A command may be one text as well. */
const commandOf = (command: string[] | string | null | undefined): string[] | null =>
  command === null || command === undefined ? null : typeof command === "string" ? [command] : command;

/** What the request leaves open comes from the image. moby `daemon/commit.go` merge. */
function mergeImage(config: ContainerConfig, image: Partial<ContainerConfig>): void {
  if (config.User === "") config.User = image.User ?? "";
  const ports: StringSet = { ...image.ExposedPorts, ...config.ExposedPorts };
  if (Object.keys(ports).length > 0) config.ExposedPorts = ports;
  else delete config.ExposedPorts;
  const own = new Set((config.Env ?? []).map((entry) => entry.split("=")[0]));
  const inherited = (image.Env ?? []).filter((entry) => !own.has(entry.split("=")[0]));
  config.Env = config.Env === null && inherited.length === 0 ? (image.Env ?? null) : [...(config.Env ?? []), ...inherited];
  config.Labels = { ...image.Labels, ...config.Labels };
  if ((config.Entrypoint ?? []).length === 0) {
    if ((config.Cmd ?? []).length === 0) config.Cmd = image.Cmd ?? null;
    if (config.Entrypoint === null) config.Entrypoint = image.Entrypoint ?? null;
  }
  const health = config.Healthcheck;
  if (image.Healthcheck !== undefined && image.Healthcheck !== null) {
    if (health === undefined) config.Healthcheck = image.Healthcheck;
    else
      config.Healthcheck = {
        ...image.Healthcheck,
        ...Object.fromEntries(
          Object.entries(health).filter(([, value]) => value !== 0 && value !== null && !(Array.isArray(value) && value.length === 0)),
        ),
      };
  }
  if (config.WorkingDir === "") config.WorkingDir = image.WorkingDir ?? "";
  const volumes = { ...config.Volumes, ...image.Volumes };
  config.Volumes = Object.keys(volumes).length > 0 ? volumes : (image.Volumes ?? null);
  if (!config.StopSignal && image.StopSignal) config.StopSignal = image.StopSignal;
  if (config.Shell === undefined && image.Shell !== undefined) config.Shell = image.Shell;
}

/** The zero values of Go's HostConfig. */
const emptyHostConfig = (): HostConfig => ({
  Binds: null,
  ContainerIDFile: "",
  LogConfig: { Type: "", Config: {} },
  NetworkMode: "",
  PortBindings: null,
  RestartPolicy: { Name: "", MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: "",
  VolumesFrom: null,
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: "",
  Dns: null,
  DnsOptions: null,
  DnsSearch: null,
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: "",
  Cgroup: "",
  Links: null,
  OomScoreAdj: 0,
  PidMode: "",
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: "",
  UsernsMode: "",
  ShmSize: 0,
  ConsoleSize: [0, 0],
  Isolation: "",
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  KernelMemory: 0,
  KernelMemoryTCP: 0,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  MaskedPaths: null,
  ReadonlyPaths: null,
});

/** The fields that are left out while they are empty, by the one that they stand behind. */
const BEHIND: Partial<Record<keyof HostConfig, readonly (keyof HostConfig)[]>> = {
  SecurityOpt: ["StorageOpt", "Tmpfs"],
  ShmSize: ["Sysctls", "Runtime"],
  IOMaximumBandwidth: ["Mounts"],
  ReadonlyPaths: ["Init"],
};

/** The fields as moby's type has them one after another; what is none of its is dropped. */
function inOrder(host: HostConfig): HostConfig {
  const names = (Object.keys(emptyHostConfig()) as (keyof HostConfig)[]).flatMap((name) => [name, ...(BEHIND[name] ?? [])]);
  return Object.fromEntries(names.filter((name) => name in host).map((name) => [name, host[name]])) as unknown as HostConfig;
}

/** What the daemon has for what was left open. moby adaptContainerSettings. */
function completeHostConfig(daemon: Daemon, given: Partial<HostConfig> | undefined): HostConfig {
  const defined = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined));
  const nulls = new Set(["RestartPolicy", "LogConfig", "ConsoleSize"]);
  const host: HostConfig = {
    ...emptyHostConfig(),
    ...Object.fromEntries(Object.entries(defined).filter(([name, value]) => !(value === null && nulls.has(name)))),
  };
  const { config } = daemon;
  host.RestartPolicy = { Name: host.RestartPolicy.Name ?? "", MaximumRetryCount: host.RestartPolicy.MaximumRetryCount ?? 0 };
  if (host.LogConfig.Type === "" || host.LogConfig.Type === undefined)
    host.LogConfig = { Type: config.logDriver, Config: { ...config.logOpts, ...host.LogConfig.Config } };
  else host.LogConfig = { Type: host.LogConfig.Type, Config: host.LogConfig.Config ?? {} };
  if (host.NetworkMode === "") host.NetworkMode = "default";
  if (host.ShmSize === 0) host.ShmSize = config.defaultShmSize;
  if (host.IpcMode === "") host.IpcMode = "private";
  if (host.CgroupnsMode === "") host.CgroupnsMode = host.Privileged ? "host" : "private";
  if (given !== undefined && !host.Runtime) host.Runtime = "runc";
  if (host.Memory > 0 && host.MemorySwap === 0) host.MemorySwap = host.Memory * 2;
  if (host.MemorySwappiness === -1) host.MemorySwappiness = null;
  if (host.PidsLimit !== null && host.PidsLimit <= 0) host.PidsLimit = null;
  if (host.OomKillDisable === null) host.OomKillDisable = false;
  if (host.Privileged) {
    host.MaskedPaths ??= null;
    host.ReadonlyPaths ??= null;
  } else {
    host.MaskedPaths ??= MASKED;
    host.ReadonlyPaths ??= READONLY;
  }
  if (host.Init === null) delete host.Init;
  return inOrder(host);
}

/** Errors: system `invalid --security-opt 1: "x"`. */
function checkSecurityOpt(host: HostConfig): void {
  for (const option of host.SecurityOpt ?? []) {
    if (option === "no-new-privileges") continue;
    const [, key, value] = /^([^=:]+)[=:](.*)$/s.exec(option) ?? [];
    if (key === undefined) throw systemError(`invalid --security-opt 1: ${JSON.stringify(option)}`);
    if (!["label", "apparmor", "seccomp", "no-new-privileges"].includes(key))
      throw systemError(`invalid --security-opt 2: ${JSON.stringify(option)}`);
    if (key === "no-new-privileges" && value !== "true" && value !== "false")
      throw systemError(`invalid --security-opt 2: ${JSON.stringify(option)}`);
  }
}

/** Errors: notFound, so that the client pulls the one that it wants. */
function checkPlatform(reference: string, actual: Platform, wanted: Platform): void {
  if (suits(actual, wanted)) return;
  const [is, should] = [formatPlatform(actual), formatPlatform(wanted)];
  throw notFound(`image with reference ${reference} was found but does not match the specified platform: wanted ${should}, actual: ${is}`);
}

export interface Creation {
  readonly container: Container;
  readonly warnings: string[];
}

/** A container of the request, its image being for `platform` where one is asked for. Blocks. Errors: EngineError. */
export function* createContainer(
  containers: Containers,
  name: string | undefined,
  body: ContainerCreateBody,
  platform: Platform | undefined,
): Proc<Creation> {
  const { daemon } = containers;
  const config = completeConfig(body);
  const asGiven = completeHostConfig(daemon, body.HostConfig);
  verifyModes(asGiven, config);
  verifyConfig(config);
  const warnings = yield* verifyHostConfig(daemon, asGiven);
  const image = config.Image === "" ? undefined : yield* daemon.images.resolve(config.Image);
  if (image !== undefined && platform !== undefined) checkPlatform(config.Image, image.platform, platform);
  if (image !== undefined) mergeImage(config, image.config);
  // `--entrypoint ""` is for none, not even the image's.
  if (config.Entrypoint?.length === 1 && config.Entrypoint[0] === "") config.Entrypoint = null;
  if ((config.Entrypoint ?? []).length === 0 && (config.Cmd ?? []).length === 0) throw invalidParameter("No command specified");
  verifyConfig(config);
  const id = yield* daemon.randomHex(32);
  const reserved = yield* containers.reserveName(name, id);
  try {
    return { container: yield* build(containers, id, reserved, name === undefined, config, asGiven, image, body), warnings };
  } catch (e) {
    containers.releaseName(reserved, id);
    throw e;
  }
}

function* build(
  containers: Containers,
  id: string,
  name: string,
  anonymous: boolean,
  config: ContainerConfig,
  hostConfig: HostConfig,
  image: ImageForContainer | undefined,
  body: ContainerCreateBody,
): Proc<Container> {
  const { daemon } = containers;
  const { sys } = daemon;
  checkSecurityOpt(hostConfig);
  if (config.Hostname === "") config.Hostname = yield* defaultHostname(daemon, id, hostConfig);
  const words = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  const [path = "", ...args] = words;
  const container = new Container(daemon, {
    ...{ id, name, config, hostConfig, path, args, anonymous },
    created: yield* daemon.timestamp(),
    imageId: image?.id ?? "",
  });
  hostConfig.PidMode = withId(daemon, hostConfig.PidMode);
  hostConfig.IpcMode = withId(daemon, hostConfig.IpcMode);
  let layer = false;
  try {
    yield* daemon.images.createLayer(id, image?.id, hostConfig.StorageOpt);
    layer = true;
    yield* makeDirs(sys, container.root, 0o710);
    yield* makeDirs(sys, `${container.root}/checkpoints`, 0o700);
    yield* daemon.volumes.prepare(container);
    const rootfs = yield* daemon.images.mountLayer(id);
    try {
      if (config.WorkingDir !== "" && config.WorkingDir !== "/") yield* makeDirsInRoot(sys, rootfs, config.WorkingDir);
      yield* daemon.volumes.populate(container, rootfs);
    } finally {
      yield* daemon.images.unmountLayer(id);
    }
    yield* daemon.networks.prepare(container, body.NetworkingConfig);
    yield* container.save();
    containers.register(container);
  } catch (e) {
    yield* undo(containers, container, layer);
    throw e;
  }
  yield* containers.event(container, "create");
  return container;
}

/** Nothing is left of what could not be made. */
function* undo(containers: Containers, container: Container, layer: boolean): Proc<void> {
  const { daemon } = containers;
  try {
    yield* daemon.volumes.forget(container, true);
    if (layer) yield* daemon.images.removeLayer(container.id);
    yield* containers.removeFiles(container);
  } catch (e) {
    if (!isFailure(e)) throw e;
    yield* daemon.log("error", `failed to cleanup container on create error: ${e.message}`, { container: container.id });
  }
  if (layer) yield* containers.event(container, "destroy");
}

/** `container:NAME` as `container:ID`. Errors: invalidParameter `No such container: x`. */
function withId(daemon: Daemon, mode: string): string {
  if (!/^container:./.test(mode)) return mode;
  return `container:${asked(() => daemon.containers.require(mode.slice("container:".length))).id}`;
}

/** Who shares another's network gets its name at the start. */
function* defaultHostname(daemon: Daemon, id: string, { NetworkMode }: HostConfig): Proc<string> {
  return NetworkMode === "host" ? (yield* daemon.sys.uname()).nodename : id.slice(0, 12);
}
