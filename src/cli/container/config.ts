/** From flags to what the daemon is asked for. Real counterpart: docker/cli `cli/command/container/opts.go`, parse(). Every fault is told in its words, as an Error. */

import type { Proc } from "../../abi/sys.ts";
import { Errno } from "../../abi/errno.ts";
import { readText } from "../../userland/libc/unistd.ts";
import type {
  ContainerConfig,
  ContainerCreateBody,
  EndpointSettings,
  HealthConfig,
  HostConfig,
  RestartPolicy,
  StringSet,
} from "../../engine/api/container.ts";
import type { Cli } from "../cli.ts";
import type { Invocation } from "../command.ts";
import { absolutePath } from "../files.ts";
import { cut } from "../flags.ts";
import { parseDevice } from "../opts/device.ts";
import { readVariables, toRecord } from "../opts/keyvalue.ts";
import { attachmentTo, type NetworkAttachment } from "../opts/network.ts";
import { parsePorts } from "../opts/ports.ts";
import { isMac } from "../opts/validate.ts";
import type { createFlags } from "./create-flags.ts";

type Call = Pick<Invocation<typeof createFlags>, "cli" | "o" | "given">;
type Values = Call["o"];

export interface ContainerRequest {
  readonly config: ContainerConfig;
  readonly hostConfig: Partial<HostConfig>;
  readonly endpoints: Record<string, Partial<EndpointSettings> | null>;
}

export const createBody = ({ config, hostConfig, endpoints }: ContainerRequest): ContainerCreateBody => ({
  ...config,
  HostConfig: hostConfig,
  NetworkingConfig: { EndpointsConfig: endpoints },
});

/** `no`, `always`, `unless-stopped`, `on-failure:3`. */
export function parseRestart(text: string): RestartPolicy {
  const [name, count] = cut(text, ":");
  if (count !== undefined && name === "") throw new Error("invalid restart policy format: no policy provided before colon");
  if (count !== undefined && count !== "" && !/^[+-]?\d+$/.test(count))
    throw new Error("invalid restart policy format: maximum retry count must be an integer");
  return { Name: name as RestartPolicy["Name"], MaximumRetryCount: Number(count ?? 0) };
}

/** What stands between colons; a single letter before one is a drive of Windows, here as well. */
function sections(spec: string): string[] {
  const parts: string[] = [];
  for (const part of spec.split(":")) {
    const last = parts[parts.length - 1];
    if (last !== undefined && /^[a-zA-Z]$/.test(last)) parts[parts.length - 1] = `${last}:${part}`;
    else parts.push(part);
  }
  return parts;
}

/** Directories of the host, and volumes that the image's metadata is to know. */
function* splitVolumes(cli: Cli, specs: readonly string[]): Proc<{ binds: string[]; volumes: StringSet }> {
  const binds: string[] = [];
  const volumes: StringSet = {};
  for (const spec of new Set(specs)) {
    if (spec === "") throw new Error("invalid empty volume spec");
    // One or two letters are a path, whatever they are.
    const parts = spec.length <= 2 ? [spec] : sections(spec);
    if (parts.includes("")) throw new Error(`invalid spec: ${spec}: empty section between colons`);
    if (parts.length > 3) throw new Error(`invalid spec: ${spec}: too many colons`);
    if (parts.length === 1) volumes[spec] = {};
    else if (spec.startsWith(".")) binds.push([yield* absolutePath(cli.sys, parts[0] as string), ...parts.slice(1)].join(":"));
    else binds.push(spec);
  }
  return { binds, volumes };
}

function healthcheck(o: Values): HealthConfig | undefined {
  const given =
    o["health-cmd"] !== "" ||
    [o["health-interval"], o["health-timeout"], o["health-start-period"], o["health-retries"], o["health-start-interval"]].some(
      (n) => n !== 0,
    );
  if (o["no-healthcheck"]) {
    if (given) throw new Error("--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!given) return undefined;
  for (const name of ["health-interval", "health-timeout", "health-retries", "health-start-period", "health-start-interval"] as const)
    if (o[name] < 0) throw new Error(`--${name} cannot be negative`);
  const numbers = {
    Interval: o["health-interval"],
    Timeout: o["health-timeout"],
    StartPeriod: o["health-start-period"],
    StartInterval: o["health-start-interval"],
    Retries: o["health-retries"],
  };
  return {
    ...(o["health-cmd"] === "" ? {} : { Test: ["CMD-SHELL", o["health-cmd"]] }),
    ...Object.fromEntries(Object.entries(numbers).filter(([, n]) => n !== 0)),
  };
}

/** A seccomp profile is read here and sent as a whole. `systempaths=unconfined` becomes empty lists of paths. */
function* securityOptions(cli: Cli, given: readonly string[]): Proc<{ options: string[]; unconfined: boolean }> {
  const options: string[] = [];
  for (const option of given) {
    let [key, value] = cut(option, "=");
    if (value === undefined && key !== "no-new-privileges") [key, value] = cut(option, ":");
    if ((value === undefined || value === "") && key !== "no-new-privileges")
      throw new Error(`Invalid --security-opt: ${JSON.stringify(option)}`);
    if (key === "seccomp" && value !== undefined && value !== "unconfined" && value !== "builtin") {
      let text: string;
      try {
        text = yield* readText(cli.sys, value);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        throw new Error(`opening seccomp profile (${value}) failed: open ${value}: ${e.message.toLowerCase()}`);
      }
      try {
        options.push(`seccomp=${JSON.stringify(JSON.parse(text))}`);
      } catch {
        throw new Error(`compacting json for seccomp profile (${value}) failed: invalid JSON`);
      }
    } else options.push(option);
  }
  const rest = options.filter((option) => option !== "systempaths=unconfined");
  return { options: rest, unconfined: rest.length < options.length };
}

const isUserDefined = (network: string): boolean =>
  !["default", "bridge", "host", "none"].includes(network) && !network.startsWith("container:");

/** What the flags of old say of the first network. */
function withOldFlags(at: NetworkAttachment, o: Values): NetworkAttachment {
  const conflict = (flag: string, what: string): Error =>
    new Error(`conflicting options: cannot specify both --${flag} and per-network ${what}`);
  const aliases = [...o["network-alias"], ...o["net-alias"]];
  if (at.aliases.length > 0 && aliases.length > 0) throw conflict("network-alias", "alias");
  if (at.ip !== "" && o.ip !== "") throw conflict("ip", "IPv4 address");
  if (at.ip6 !== "" && o.ip6 !== "") throw conflict("ip6", "IPv6 address");
  if (at.mac !== "" && o["mac-address"] !== "") throw conflict("mac-address", "MAC address");
  if (at.linkLocalIps.length > 0 && o["link-local-ip"].length > 0) throw conflict("link-local-ip", "link-local IP addresses");
  return {
    ...at,
    aliases: aliases.length > 0 ? aliases : at.aliases,
    links: isUserDefined(at.target) && o.link.length > 0 ? o.link : at.links,
    ip: o.ip === "" ? at.ip : o.ip,
    ip6: o.ip6 === "" ? at.ip6 : o.ip6,
    mac: o["mac-address"] === "" ? at.mac : o["mac-address"],
    linkLocalIps: o["link-local-ip"].length > 0 ? o["link-local-ip"] : at.linkLocalIps,
  };
}

function endpoint(at: NetworkAttachment): EndpointSettings & { GwPriority?: number } {
  if (at.target.trim() === "") throw new Error("no name set for network");
  if (!isUserDefined(at.target)) {
    if (at.aliases.length > 0) throw new Error("network-scoped aliases are only supported for user-defined networks");
    if (at.links.length > 0) throw new Error("links are only supported for user-defined networks");
  }
  if (at.mac !== "" && !isMac(at.mac.trim())) throw new Error(`${at.mac} is not a valid mac address`);
  const ipam = {
    ...(at.ip === "" ? {} : { IPv4Address: at.ip }),
    ...(at.ip6 === "" ? {} : { IPv6Address: at.ip6 }),
    ...(at.linkLocalIps.length === 0 ? {} : { LinkLocalIPs: [...at.linkLocalIps] }),
  };
  return {
    ...NO_ENDPOINT,
    IPAMConfig: Object.keys(ipam).length === 0 ? null : ipam,
    Links: orNull(at.links),
    Aliases: orNull(at.aliases),
    MacAddress: at.mac,
    DriverOpts: Object.keys(at.driverOpts).length === 0 ? null : { ...at.driverOpts },
    ...(at.gwPriority === 0 ? {} : { GwPriority: at.gwPriority }),
  };
}

/** What a place in a network is before the daemon fills it in. */
export const NO_ENDPOINT: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: "",
  DriverOpts: null,
  NetworkID: "",
  EndpointID: "",
  Gateway: "",
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
};

/** Whether nothing is asked of the network but to be in it. */
function isPlain(at: NetworkAttachment): boolean {
  const texts = at.ip + at.ip6 + at.mac;
  return (
    texts === "" && [...at.aliases, ...at.links, ...at.linkLocalIps, ...Object.keys(at.driverOpts)].length === 0 && at.gwPriority === 0
  );
}

function endpoints(o: Values, networks: readonly NetworkAttachment[]): ContainerRequest["endpoints"] {
  if (networks.length === 0) return { default: endpoint(withOldFlags(attachmentTo("default"), o)) };
  const found: ContainerRequest["endpoints"] = {};
  networks.forEach((network, i) => {
    const wanted = i === 0 ? withOldFlags(network, o) : network;
    const settings = endpoint(wanted);
    if (network.target in found) throw new Error(`network ${JSON.stringify(network.target)} is specified multiple times`);
    // A network of which nothing else is asked is known by the mode alone.
    if (networks.length > 1 || !isPlain(wanted)) found[network.target] = settings;
  });
  const kinds = new Set(networks.map(({ target }) => isUserDefined(target)));
  if (kinds.size > 1) throw new Error("conflicting options: cannot attach both user-defined and non-user-defined network-modes");
  return found;
}

/** Modes that the client itself checks. */
function checkModes(o: Values): void {
  if (!/^(host|container:.+)?$/.test(o.pid)) throw new Error("--pid: invalid PID mode");
  if (!/^(host)?$/.test(o.uts)) throw new Error("--uts: invalid UTS mode");
  if (!/^(host)?$/.test(o.userns)) throw new Error("--userns: invalid USER mode");
  if (!/^(host|private)?$/.test(o.cgroupns)) throw new Error("--cgroupns: invalid CGROUP mode");
  const swappiness = o["memory-swappiness"];
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100))
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
}

const orNull = <T>(items: readonly T[]): T[] | null => (items.length === 0 ? null : [...items]);

function capabilityNames(given: readonly string[]): string[] {
  const names = given
    .map((name) => name.trim().toUpperCase())
    .map((name) => (name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`));
  return names.includes("ALL") ? ["ALL"] : [...new Set(names)].sort();
}

/** Full names in order; what is added is not dropped. */
function capabilities(add: readonly string[], drop: readonly string[]): Pick<HostConfig, "CapAdd" | "CapDrop"> {
  const added = capabilityNames(add);
  return { CapAdd: orNull(added), CapDrop: orNull(capabilityNames(drop).filter((name) => !added.includes(name))) };
}

function storageOptions(given: readonly string[]): Record<string, string> {
  if (given.some((option) => !option.includes("="))) throw new Error("invalid storage option");
  return toRecord(given);
}

/** Resource limits, as `docker run` sends all of them. */
function limits(o: Values): Partial<HostConfig> {
  return {
    CpuShares: o["cpu-shares"],
    Memory: o.memory,
    NanoCpus: o.cpus,
    CgroupParent: o["cgroup-parent"],
    BlkioWeight: o["blkio-weight"],
    BlkioWeightDevice: [...o["blkio-weight-device"]],
    BlkioDeviceReadBps: [...o["device-read-bps"]],
    BlkioDeviceWriteBps: [...o["device-write-bps"]],
    BlkioDeviceReadIOps: [...o["device-read-iops"]],
    BlkioDeviceWriteIOps: [...o["device-write-iops"]],
    CpuPeriod: o["cpu-period"],
    CpuQuota: o["cpu-quota"],
    CpuRealtimePeriod: o["cpu-rt-period"],
    CpuRealtimeRuntime: o["cpu-rt-runtime"],
    CpusetCpus: o["cpuset-cpus"],
    CpusetMems: o["cpuset-mems"],
    Devices: o.device.map(parseDevice),
    DeviceCgroupRules: orNull(o["device-cgroup-rule"]),
    DeviceRequests: orNull(o.gpus),
    ...(o["kernel-memory"] === 0 ? {} : { KernelMemory: o["kernel-memory"] }),
    MemoryReservation: o["memory-reservation"],
    MemorySwap: o["memory-swap"],
    MemorySwappiness: o["memory-swappiness"],
    OomKillDisable: o["oom-kill-disable"],
    PidsLimit: o["pids-limit"],
    Ulimits: [...o.ulimit],
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

/** Errors: Error. */
export function* containerRequest({ cli, o, given }: Call, image: string, command: readonly string[]): Proc<ContainerRequest> {
  const attach = new Set(o.attach);
  if (o["mac-address"] !== "" && !isMac(o["mac-address"].trim())) throw new Error(`${o["mac-address"]} is not a valid mac address`);
  checkModes(o);
  const { binds, volumes } = yield* splitVolumes(cli, o.volume);
  const ports = parsePorts(o.publish, o.expose);
  const resources = limits(o);
  const env = o.env.map((text) => (text.includes("=") || !cli.env.has(text) ? text : `${text}=${cli.env.get(text) ?? ""}`));
  const variables = yield* readVariables(cli.sys, o["env-file"], env, (key) => cli.env.get(key));
  const labels = yield* readVariables(cli.sys, o["label-file"], o.label);
  const restart = parseRestart(o.restart);
  if (o["log-driver"] === "none" && o["log-opt"].length > 0) throw new Error("invalid logging opts for driver none");
  const security = yield* securityOptions(cli, o["security-opt"]);
  const health = healthcheck(o);
  const networks = [...o.network, ...o.net];
  const attachStdin = attach.has("stdin") || o.interactive;
  const config: ContainerConfig = {
    Hostname: o.hostname,
    Domainname: o.domainname,
    User: o.user,
    AttachStdin: attachStdin,
    AttachStdout: attach.size === 0 || attach.has("stdout"),
    AttachStderr: attach.size === 0 || attach.has("stderr"),
    ...(Object.keys(ports.exposed).length === 0 ? {} : { ExposedPorts: ports.exposed }),
    Tty: o.tty,
    OpenStdin: o.interactive,
    StdinOnce: o.interactive && attachStdin,
    Env: orNull(variables),
    Cmd: orNull(command),
    ...(health === undefined ? {} : { Healthcheck: health }),
    Image: image,
    Volumes: volumes,
    WorkingDir: o.workdir,
    Entrypoint: o.entrypoint === "" ? (given("entrypoint") ? [""] : null) : [o.entrypoint],
    ...(o["mac-address"] === "" ? {} : { MacAddress: o["mac-address"] }),
    OnBuild: null,
    Labels: toRecord(labels),
    ...(o["stop-signal"] === "" ? {} : { StopSignal: o["stop-signal"] }),
    ...(given("stop-timeout") ? { StopTimeout: o["stop-timeout"] } : {}),
  };
  const mounts = [];
  for (const mount of o.mount)
    mounts.push(mount.Source?.startsWith(".") === true ? { ...mount, Source: yield* absolutePath(cli.sys, mount.Source) } : mount);
  const hostConfig: Partial<HostConfig> = {
    Binds: orNull(binds),
    ContainerIDFile: o.cidfile,
    LogConfig: { Type: o["log-driver"], Config: toRecord(o["log-opt"]) },
    NetworkMode: networks[0]?.target ?? "default",
    PortBindings: ports.bindings,
    RestartPolicy: restart,
    AutoRemove: o.rm,
    VolumeDriver: o["volume-driver"],
    VolumesFrom: orNull(o["volumes-from"]),
    ConsoleSize: [0, 0],
    ...capabilities(o["cap-add"], o["cap-drop"]),
    CgroupnsMode: o.cgroupns,
    Dns: [...o.dns],
    DnsOptions: [...o["dns-option"], ...o["dns-opt"]],
    DnsSearch: [...o["dns-search"]],
    ExtraHosts: orNull(o["add-host"]),
    GroupAdd: orNull(o["group-add"]),
    IpcMode: o.ipc,
    Cgroup: "",
    Links: orNull(o.link),
    OomScoreAdj: o["oom-score-adj"],
    PidMode: o.pid,
    Privileged: o.privileged,
    PublishAllPorts: o["publish-all"],
    ReadonlyRootfs: o["read-only"],
    SecurityOpt: o["security-opt"].length === 0 ? null : security.options,
    ...(o["storage-opt"].length === 0 ? {} : { StorageOpt: storageOptions(o["storage-opt"]) }),
    ...(o.tmpfs.length === 0
      ? {}
      : { Tmpfs: Object.fromEntries(o.tmpfs.map((text) => cut(text, ":")).map(([path, options]) => [path, options ?? ""])) }),
    UTSMode: o.uts,
    UsernsMode: o.userns,
    ShmSize: o["shm-size"],
    ...(o.sysctl.size === 0 ? {} : { Sysctls: Object.fromEntries(o.sysctl) }),
    ...(o.runtime === "" ? {} : { Runtime: o.runtime }),
    Isolation: o.isolation,
    ...resources,
    ...(mounts.length === 0 ? {} : { Mounts: mounts }),
    MaskedPaths: security.unconfined ? [] : null,
    ReadonlyPaths: security.unconfined ? [] : null,
    ...(given("init") ? { Init: o.init } : {}),
    ...(o.annotation.size === 0 ? {} : { Annotations: Object.fromEntries(o.annotation) }),
  };
  if (o.rm && restart.Name !== "" && restart.Name !== "no") throw new Error("conflicting options: cannot specify both --restart and --rm");
  return { config, hostConfig, endpoints: endpoints(o, networks) };
}
