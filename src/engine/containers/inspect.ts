/** docker inspect, and docker ps. moby `daemon/inspect.go`, `daemon/list.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { ContainerInspect, ContainerSummary, MountPoint } from "../api/container.ts";
import type { Filters } from "../api/events.ts";
import { invalidParameter, isFailure, notFound } from "../errors.ts";
import { type Daemon, NO_TIME } from "../daemon.ts";
import type { Container } from "./container.ts";
import type { Containers } from "./containers.ts";

/** As clients see them: without what the daemon keeps for itself. */
export function mountPoints(container: Container): MountPoint[] {
  return Object.values(container.mounts).map(({ Type, Name, Source, Destination, Driver, Mode, RW, Propagation }) => ({
    Type,
    ...(Name ? { Name } : {}),
    Source,
    Destination,
    ...(Driver ? { Driver } : {}),
    Mode,
    RW,
    Propagation,
  }));
}

export function* inspectContainer(container: Container, size: boolean): Proc<ContainerInspect> {
  const { images } = container.daemon;
  const sizes = size ? yield* images.layerSize(container.id) : undefined;
  const execs = [...container.execs.values()].filter(({ state }) => state !== "exited").map(({ id }) => id);
  return {
    Id: container.id,
    Created: container.created,
    Path: container.path,
    Args: container.args,
    State: container.state,
    Image: container.imageId,
    ResolvConfPath: container.resolvConfPath,
    HostnamePath: container.hostnamePath,
    HostsPath: container.hostsPath,
    LogPath: container.logPath,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: execs.length === 0 ? null : execs,
    HostConfig: container.hostConfig,
    GraphDriver: images.graphDriver(container.id),
    ...(sizes === undefined ? {} : { SizeRw: sizes.rw, SizeRootFs: sizes.rootFs }),
    Mounts: mountPoints(container),
    Config: container.config,
    NetworkSettings: container.networkSettings,
  };
}

// ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const FILTERS = [
  "ancestor",
  "before",
  "exited",
  "expose",
  "health",
  "id",
  "is-task",
  "isolation",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
];

const STATES = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];
const HEALTH = ["none", "starting", "healthy", "unhealthy"];

export interface ListOptions {
  readonly all: boolean;
  readonly size: boolean;
  /** Newest ones; 0 or less: all. */
  readonly limit: number;
  readonly filters: Filters;
}

export function* listContainers(containers: Containers, { all, size, limit, filters }: ListOptions): Proc<ContainerSummary[]> {
  const matching = yield* matcher(containers, filters);
  const stopped =
    all ||
    limit > 0 ||
    (filters.status ?? []).length > 0 ||
    filters.exited !== undefined ||
    filters.before !== undefined ||
    filters.since !== undefined;
  let chosen = containers
    .list()
    .reverse()
    .filter((container) => (stopped || container.running) && matching(container));
  if (limit > 0) chosen = chosen.slice(0, limit);
  const now = yield* containers.daemon.now();
  const summaries: ContainerSummary[] = [];
  for (const container of chosen) {
    let sizes: { rw: number; rootFs: number } | undefined;
    if (size)
      try {
        sizes = yield* containers.daemon.images.layerSize(container.id);
      } catch (e) {
        // Removed meanwhile.
        if (!isFailure(e)) throw e;
        continue;
      }
    summaries.push(yield* summarise(container, now, sizes));
  }
  return summaries;
}

function* summarise(container: Container, nowNs: number, sizes: { rw: number; rootFs: number } | undefined): Proc<ContainerSummary> {
  const { daemon, config } = container;
  const words = [container.path, ...container.args];
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: yield* imageName(daemon, container),
    ImageID: container.imageId,
    Command: words.map((word, i) => (i > 0 && word.includes(" ") ? `'${word.replaceAll("'", "\\'")}'` : word)).join(" "),
    Created: Math.floor(parseTime(container.created) / 1e9),
    Ports: daemon.networks.ports(container),
    ...(sizes === undefined || sizes.rw === 0 ? {} : { SizeRw: sizes.rw }),
    ...(sizes === undefined || sizes.rootFs === 0 ? {} : { SizeRootFs: sizes.rootFs }),
    Labels: config.Labels,
    State: container.status,
    Status: statusText(container, nowNs),
    HostConfig: { NetworkMode: container.hostConfig.NetworkMode },
    NetworkSettings: { Networks: container.networkSettings.Networks },
    Mounts: mountPoints(container),
  };
}

/** What was asked for, if that still is its image; the id otherwise. */
function* imageName(daemon: Daemon, { config, imageId }: Container): Proc<string> {
  if (imageId === "") return "";
  try {
    if ((yield* daemon.images.resolve(config.Image)).id === imageId) return config.Image;
  } catch (e) {
    if (!isFailure(e)) throw e;
  }
  return imageId;
}

/** RFC 3339 in nanoseconds since 1970. */
export function parseTime(text: string): number {
  const match = /^(\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z$/.exec(text);
  if (match === null) return 0;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  // Days from civil, as Howard Hinnant has it.
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yoe = y - era * 400;
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const days = era * 146_097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719_468;
  return (days * 86_400 + hour * 3600 + minute * 60 + second) * 1e9 + Number((match[7] ?? "").padEnd(9, "0").slice(0, 9));
}

/** moby State.String(). */
export function statusText(container: Container, nowNs: number): string {
  const since = (time: string): string => humanDuration(nowNs - parseTime(time));
  if (container.running) {
    if (container.paused) return `Up ${since(container.startedAt)} (Paused)`;
    if (container.restarting) return `Restarting (${container.exitCode}) ${since(container.finishedAt)} ago`;
    const health = container.health;
    const checked = health === undefined ? "" : ` (${health.Status === "starting" ? "health: starting" : health.Status})`;
    return `Up ${since(container.startedAt)}${checked}`;
  }
  if (container.removing) return "Removal In Progress";
  if (container.phase === "dead") return "Dead";
  if (container.startedAt === NO_TIME) return "Created";
  if (container.finishedAt === NO_TIME) return "";
  return `Exited (${container.exitCode}) ${since(container.finishedAt)} ago`;
}

/** go-units' HumanDuration. */
export function humanDuration(ns: number): string {
  const seconds = Math.floor(ns / 1e9);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(ns / 3600e9 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/** Errors: invalidParameter for filters that are none. */
function* matcher(containers: Containers, filters: Filters): Proc<(container: Container) => boolean> {
  for (const name of Object.keys(filters)) if (!FILTERS.includes(name)) throw invalidParameter(`Invalid filter '${name}'`);
  const values = (name: string): readonly string[] => filters[name] ?? [];
  for (const status of values("status")) if (!STATES.includes(status)) throw invalidParameter(`Invalid filter 'status=${status}'`);
  for (const health of values("health"))
    if (!HEALTH.includes(health)) throw invalidParameter(`Unrecognised filter value for health: ${health}`);
  for (const code of values("exited"))
    if (!/^-?\d+$/.test(code)) throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(code)}: invalid syntax`);
  const marker = (name: string): Container | undefined => {
    const reference = values(name)[0];
    if (reference === undefined) return undefined;
    const found = containers.find(reference);
    if (found === undefined) throw notFound(`no such container ${reference}`);
    return found;
  };
  const before = marker("before");
  const since = marker("since");
  const ancestors = new Set<string>();
  for (const reference of values("ancestor")) {
    try {
      ancestors.add((yield* containers.daemon.images.resolve(reference)).id);
    } catch (e) {
      if (!isFailure(e)) throw e;
    }
  }
  const some = (name: string, test: (value: string) => boolean): boolean =>
    filters[name] === undefined || values(name).length === 0 || values(name).some(test);
  const pattern = (value: string, text: string): boolean => {
    try {
      return new RegExp(value).test(text);
    } catch {
      return text.includes(value);
    }
  };
  return (container) => {
    const { config, hostConfig: host, networkSettings } = container;
    return (
      some("status", (value) => value === container.status) &&
      some("exited", (value) => !container.running && container.startedAt !== NO_TIME && Number(value) === container.exitCode) &&
      some("id", (value) => container.id.startsWith(value) || pattern(value, container.id)) &&
      some("name", (value) => pattern(value, container.name) || pattern(value, `/${container.name}`)) &&
      some("health", (value) => value === (container.health?.Status ?? "none")) &&
      some("isolation", (value) => value === "default" || value === "") &&
      some("is-task", (value) => !["1", "true"].includes(value)) &&
      values("label").every((value) => hasLabel(config.Labels, value)) &&
      (filters.ancestor === undefined || ancestors.has(container.imageId)) &&
      some("network", (value) =>
        Object.entries(networkSettings.Networks).some(
          ([name, { NetworkID }]) => name === value || (NetworkID !== "" && NetworkID.startsWith(value)),
        ),
      ) &&
      some("volume", (value) =>
        Object.values(container.mounts).some(
          ({ Name, Destination, Source }) => Name === value || Destination === value || Source === value,
        ),
      ) &&
      some("expose", (value) => Object.keys(config.ExposedPorts ?? {}).some((port) => inPorts(value, port))) &&
      some("publish", (value) =>
        Object.entries(host.PortBindings ?? {}).some(
          ([port, all]) =>
            inPorts(value, port) || (all ?? []).some(({ HostPort }) => inPorts(value, `${HostPort}/${port.split("/")[1] ?? "tcp"}`)),
        ),
      ) &&
      (before === undefined || container.created < before.created) &&
      (since === undefined || container.created > since.created)
    );
  };
}

/** Whether `80/tcp` is one of `80`, `80/tcp`, `80-90/tcp`. */
function inPorts(wanted: string, port: string): boolean {
  const [range = "", protocol = "tcp"] = wanted.split("/");
  const [number, own = "tcp"] = port.split("/");
  const [from = 0, to = from] = range.split("-").map(Number);
  return protocol === own && Number(number) >= from && Number(number) <= to;
}

export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  if (equals < 0) return labels[wanted] !== undefined;
  return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}
