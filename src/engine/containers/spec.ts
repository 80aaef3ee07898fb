/** The OCI configuration of a container: what runc is told. moby `daemon/oci_linux.go`, `oci/defaults.go`. */

import { ENOENT } from "../../abi/errno.ts";
import { major, minor, S_IFBLK, S_IFCHR, S_IFDIR, S_IFMT, type Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import {
  OCI_VERSION,
  type Resources,
  type Spec,
  type SpecDevice,
  type SpecMount,
  type SpecNamespace,
  type SpecProcess,
  type SpecSeccomp,
} from "../../runtime/spec.ts";
import { lstat, optional, readDir, stat } from "../../userland/libc/unistd.ts";
import type { HostConfig, ResourceLimits } from "../api/container.ts";
import { conflict, systemError } from "../errors.ts";
import type { NetworkSandbox } from "../parts.ts";
import { capabilitiesOf } from "./capabilities.ts";
import type { Container } from "./container.ts";
import { seccompOf } from "./security.ts";
import { findUser } from "./user.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const CPU_PERIOD_US = 100_000;

export interface SpecParts {
  readonly rootfs: string;
  readonly sandbox: NetworkSandbox;
  /** Of volumes/. */
  readonly mounts: readonly SpecMount[];
  /** Where a shm that is shared is mounted on the host. */
  readonly shmPath: string | undefined;
}

export function* buildSpec(container: Container, parts: SpecParts): Proc<Spec> {
  const { hostConfig: host, daemon } = container;
  const { sys } = daemon;
  const hostname = container.config.Hostname;
  return {
    ociVersion: OCI_VERSION,
    process: yield* buildProcess(container, parts.rootfs),
    root: { path: parts.rootfs, ...(host.ReadonlyRootfs ? { readonly: true } : {}) },
    ...(host.UTSMode === "host" ? {} : { hostname }),
    mounts: yield* buildMounts(container, parts),
    linux: {
      sysctl: yield* sysctlsOf(container),
      resources: resourcesOf(host, true),
      cgroupsPath: cgroupsPath(container),
      namespaces: yield* namespacesOf(container, parts.sandbox),
      ...optionalField("devices", yield* devicesOf(sys, host)),
      ...optionalField("seccomp", seccompFor(container)),
      ...(host.MaskedPaths === null ? {} : { maskedPaths: host.MaskedPaths }),
      ...(host.ReadonlyPaths === null ? {} : { readonlyPaths: host.ReadonlyPaths }),
    },
  };
}

const optionalField = <K extends string, V>(key: K, value: V | undefined): Record<K, V> | object =>
  value === undefined ? {} : { [key]: value };

export function cgroupsPath({ id, hostConfig, daemon }: Container): string {
  const parent = hostConfig.CgroupParent || daemon.config.cgroupParent || "/docker";
  return `/${parent.replace(/^\/+|\/+$/g, "")}/${id}`;
}

function seccompFor(container: Container): SpecSeccomp | undefined {
  const { hostConfig: host } = container;
  return host.Privileged ? undefined : seccompOf(host, capabilitiesOf(host.CapAdd ?? [], host.CapDrop ?? [], false));
}

// ── The process ──────────────────────────────────────────────────────────────────────────────────────────────────────

function* buildProcess(container: Container, rootfs: string): Proc<SpecProcess> {
  const { config, hostConfig: host, daemon } = container;
  const user = yield* findUser(daemon.sys, rootfs, config.User, host.GroupAdd ?? []);
  const command = [container.path, ...container.args];
  const limits = { ...daemon.config.defaultUlimits, ...Object.fromEntries((host.Ulimits ?? []).map((limit) => [limit.Name, limit])) };
  const rlimits = Object.values(limits).map(({ Name, Hard, Soft }) => ({ type: `RLIMIT_${Name.toUpperCase()}`, hard: Hard, soft: Soft }));
  return {
    ...(config.Tty ? { terminal: true, ...optionalField("consoleSize", consoleSize(container)) } : {}),
    user,
    args: wantsInit(container) ? ["/sbin/docker-init", "--", ...command] : command,
    env: environmentOf(container),
    cwd: config.WorkingDir === "" ? "/" : config.WorkingDir,
    capabilities: capabilitySets(capabilitiesOf(host.CapAdd ?? [], host.CapDrop ?? [], host.Privileged), user.uid),
    ...(rlimits.length === 0 ? {} : { rlimits }),
    ...(noNewPrivileges(host) ? { noNewPrivileges: true } : {}),
    oomScoreAdj: host.OomScoreAdj,
  };
}

function consoleSize({ terminalSize, hostConfig }: Container): { height: number; width: number } | undefined {
  if (terminalSize !== undefined) return { height: terminalSize.rows, width: terminalSize.cols };
  const [height, width] = hostConfig.ConsoleSize;
  return height > 0 && width > 0 ? { height, width } : undefined;
}

/** Without root, only the bounds: the kernel takes the rest away at exec. */
export const capabilitySets = (names: readonly string[], uid: number): NonNullable<SpecProcess["capabilities"]> =>
  uid === 0 ? { bounding: names, effective: names, permitted: names } : { bounding: names };

export const noNewPrivileges = (host: HostConfig): boolean =>
  (host.SecurityOpt ?? []).some((option) => /^no-new-privileges([=:]true)?$/.test(option));

/** Whether docker-init is its first process. */
function wantsInit({ hostConfig: host, daemon }: Container): boolean {
  const asked = host.Init === true || (host.Init === undefined && daemon.config.init);
  return asked && host.PidMode === "";
}

/** PATH, HOSTNAME and TERM, then what was asked for. */
export function environmentOf(container: Container, tty = container.config.Tty, more: readonly string[] = []): string[] {
  const { config, daemon } = container;
  const env = new Map<string, string>();
  const add = (entry: string): void => {
    const name = entry.split("=", 1)[0] as string;
    // A name alone takes a variable away.
    if (entry.includes("=")) env.set(name, entry);
    else env.delete(name);
  };
  add(`PATH=${DEFAULT_PATH}`);
  add(`HOSTNAME=${config.Hostname}`);
  if (tty) add("TERM=xterm");
  for (const entry of [...daemon.networks.linkEnvironment(container), ...(config.Env ?? []), ...more]) add(entry);
  return [...env.values()];
}

// ── Mounts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function* buildMounts(container: Container, { mounts: own, shmPath }: SpecParts): Proc<SpecMount[]> {
  const { hostConfig: host } = container;
  const replaced = new Set(own.map(({ destination }) => destination));
  const access = host.Privileged ? "rw" : "ro";
  const mounts: SpecMount[] = [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", access] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [access, "nosuid", "noexec", "nodev"] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  ];
  if (shmPath !== undefined) mounts.push({ destination: "/dev/shm", type: "bind", source: shmPath, options: ["rbind", "rprivate"] });
  else if (host.IpcMode !== "none")
    mounts.push({
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", `size=${host.ShmSize}`],
    });
  // In a host's or another's namespace of IPC, its queues are seen.
  const shown = host.IpcMode === "host" ? mounts.filter(({ destination }) => destination !== "/dev/mqueue") : mounts;
  if (host.IpcMode === "host")
    shown.push({ destination: "/dev/mqueue", type: "bind", source: "/dev/mqueue", options: ["rbind", "nosuid", "noexec", "nodev"] });
  const files: SpecMount[] = [
    ["/etc/resolv.conf", container.resolvConfPath],
    ["/etc/hostname", container.hostnamePath],
    ["/etc/hosts", container.hostsPath],
  ]
    .filter(([destination, source]) => source !== "" && !replaced.has(destination as string))
    .map(([destination, source]) => ({
      destination: destination as string,
      type: "bind",
      source: source as string,
      options: [...(host.ReadonlyRootfs ? ["ro"] : []), "rbind", "rprivate"],
    }));
  const init: SpecMount[] = wantsInit(container)
    ? [{ destination: "/sbin/docker-init", type: "bind", source: "/usr/bin/docker-init", options: ["bind", "ro"] }]
    : [];
  const rest = [...own, ...files].sort((a, b) => depth(a.destination) - depth(b.destination));
  return [...shown.filter(({ destination }) => !replaced.has(destination)), ...rest, ...init];
}

const depth = (path: string): number => path.split("/").filter((part) => part !== "").length;

// ── Namespaces ───────────────────────────────────────────────────────────────────────────────────────────────────────

function* namespacesOf(container: Container, sandbox: NetworkSandbox): Proc<SpecNamespace[]> {
  const { hostConfig: host } = container;
  const namespaces: SpecNamespace[] = [{ type: "mount" }];
  if (sandbox.kind === "path") namespaces.push({ type: "network", path: sandbox.path });
  else if (sandbox.kind === "private") namespaces.push({ type: "network" });
  if (host.UTSMode !== "host") namespaces.push({ type: "uts" });
  if (host.PidMode.startsWith("container:")) namespaces.push({ type: "pid", path: `/proc/${otherPid(container, host.PidMode)}/ns/pid` });
  else if (host.PidMode !== "host") namespaces.push({ type: "pid" });
  if (host.IpcMode.startsWith("container:")) namespaces.push({ type: "ipc", path: `/proc/${otherPid(container, host.IpcMode)}/ns/ipc` });
  else if (host.IpcMode !== "host") namespaces.push({ type: "ipc" });
  if (host.CgroupnsMode !== "host") namespaces.push({ type: "cgroup" });
  return namespaces;
}

/** The other container of a mode `container:NAME`. Errors: conflict unless it runs. */
function otherPid({ daemon }: Container, mode: string): number {
  const other = daemon.containers.require(mode.slice("container:".length));
  if (!other.running) throw conflict(`container ${other.id} is not running`);
  return other.pid;
}

function* sysctlsOf({ daemon, config, hostConfig: host }: Container): Proc<Record<string, string>> {
  const sysctls: Record<string, string> = {};
  if (config.Domainname !== "") sysctls["kernel.domainname"] = config.Domainname;
  if (host.NetworkMode !== "host") {
    // Ports below 1024 and ping are for everybody in a network of one's own.
    for (const [name, value] of [
      ["net.ipv4.ip_unprivileged_port_start", "0"],
      ["net.ipv4.ping_group_range", "0 2147483647"],
    ] as const)
      if ((yield* optional(stat(daemon.sys, `/proc/sys/${name.replaceAll(".", "/")}`))) !== undefined) sysctls[name] = value;
  }
  return { ...sysctls, ...host.Sysctls };
}

// ── Resources ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** With `devices`, what may be opened: of no effect on cgroup v2 here, but told as it is. */
export function resourcesOf(r: ResourceLimits, devices = false): Resources {
  const quota = r.NanoCpus > 0 ? Math.floor((r.NanoCpus * CPU_PERIOD_US) / 1e9) : r.CpuQuota;
  const period = r.NanoCpus > 0 ? CPU_PERIOD_US : r.CpuPeriod;
  return {
    ...(devices ? { devices: deviceRules } : {}),
    memory: {
      ...(r.Memory > 0 ? { limit: r.Memory } : {}),
      ...(r.MemoryReservation > 0 ? { reservation: r.MemoryReservation } : {}),
      ...(r.MemorySwap !== 0 ? { swap: r.MemorySwap } : {}),
      ...(r.OomKillDisable === null ? {} : { disableOOMKiller: r.OomKillDisable }),
    },
    cpu: {
      shares: Math.max(0, r.CpuShares),
      ...(quota > 0 ? { quota } : {}),
      ...(period > 0 ? { period } : {}),
      ...(r.CpusetCpus === "" ? {} : { cpus: r.CpusetCpus }),
      ...(r.CpusetMems === "" ? {} : { mems: r.CpusetMems }),
    },
    ...(r.PidsLimit === null || r.PidsLimit === 0 ? {} : { pids: { limit: r.PidsLimit } }),
    blockIO: { weight: r.BlkioWeight },
  };
}

const deviceRules: NonNullable<Resources["devices"]> = [
  { allow: false, access: "rwm" },
  ...[
    [1, 5],
    [1, 3],
    [1, 9],
    [1, 8],
    [5, 0],
    [5, 1],
  ].map(([major, minor]) => ({ allow: true, type: "c", major: major as number, minor: minor as number, access: "rwm" })),
  { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
];

function* devicesOf(sys: Sys, host: HostConfig): Proc<SpecDevice[] | undefined> {
  const devices: SpecDevice[] = [];
  if (host.Privileged) devices.push(...(yield* hostDevices(sys, "/dev")));
  for (const { PathOnHost, PathInContainer } of host.Devices ?? []) {
    const found = yield* optional(stat(sys, PathOnHost), [ENOENT]);
    const kind = found === undefined ? undefined : found.mode & S_IFMT;
    if (found !== undefined && kind === S_IFDIR) {
      for (const device of yield* hostDevices(sys, PathOnHost))
        devices.push({ ...device, path: device.path.replace(PathOnHost, PathInContainer) });
      continue;
    }
    if (found === undefined)
      throw systemError(
        `error gathering device information while adding custom device ${JSON.stringify(PathOnHost)}: no such file or directory`,
      );
    if (kind !== S_IFCHR && kind !== S_IFBLK)
      throw systemError(`error gathering device information while adding custom device ${JSON.stringify(PathOnHost)}: not a device node`);
    devices.push(deviceOf(PathInContainer, found));
  }
  return devices.length === 0 ? undefined : devices;
}

const deviceOf = (path: string, { mode, rdev, uid, gid }: Stat): SpecDevice => ({
  path,
  type: (mode & S_IFMT) === S_IFBLK ? "b" : "c",
  major: major(rdev),
  minor: minor(rdev),
  fileMode: mode & 0o7777,
  uid,
  gid,
});

const OWN = new Set([".", "..", "pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console"]);

function* hostDevices(sys: Sys, dir: string): Proc<SpecDevice[]> {
  const devices: SpecDevice[] = [];
  for (const { name } of (yield* optional(readDir(sys, dir))) ?? []) {
    if (OWN.has(name)) continue;
    const path = `${dir}/${name}`;
    const found = yield* optional(lstat(sys, path));
    const kind = (found?.mode ?? 0) & S_IFMT;
    if (kind === S_IFDIR) devices.push(...(yield* hostDevices(sys, path)));
    else if (found !== undefined && (kind === S_IFCHR || kind === S_IFBLK)) devices.push(deviceOf(path, found));
  }
  return devices;
}
