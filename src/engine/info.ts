/** What the engine says of itself and its host: /version and /info. moby `daemon/info.go`. */

import type { Proc, Sys } from "../abi/sys.ts";
import { optional, readDir, readText } from "../userland/libc/unistd.ts";
import type { InfoAnswer, VersionAnswer } from "./api/system.ts";
import type { Daemon } from "./daemon.ts";
import {
  API_MIN,
  API_VERSION,
  BUILD_TIME,
  CONTAINERD_COMMIT,
  CONTAINERD_VERSION,
  ENGINE_VERSION,
  GIT_COMMIT,
  GO_VERSION,
  INIT_VERSION,
  RUNC_COMMIT,
  RUNC_VERSION,
} from "./version.ts";

export function* version({ sys }: Daemon): Proc<VersionAnswer> {
  const { release } = yield* sys.uname();
  return {
    Platform: { Name: "" },
    Components: [
      {
        Name: "Engine",
        Version: ENGINE_VERSION,
        Details: {
          ApiVersion: API_VERSION,
          Arch: "amd64",
          BuildTime: BUILD_TIME,
          Experimental: "false",
          GitCommit: GIT_COMMIT,
          GoVersion: GO_VERSION,
          KernelVersion: release,
          MinAPIVersion: API_MIN,
          Os: "linux",
        },
      },
      { Name: "containerd", Version: CONTAINERD_VERSION, Details: { GitCommit: CONTAINERD_COMMIT } },
      { Name: "runc", Version: RUNC_VERSION, Details: { GitCommit: RUNC_COMMIT } },
      { Name: "docker-init", Version: INIT_VERSION, Details: { GitCommit: "" } },
    ],
    Version: ENGINE_VERSION,
    ApiVersion: API_VERSION,
    MinAPIVersion: API_MIN,
    GitCommit: GIT_COMMIT,
    GoVersion: GO_VERSION,
    Os: "linux",
    Arch: "amd64",
    KernelVersion: release,
    BuildTime: BUILD_TIME,
  };
}

function* osRelease(sys: Sys): Proc<Map<string, string>> {
  const text = (yield* optional(readText(sys, "/etc/os-release"))) ?? "";
  const fields = text.split("\n").map((line) => /^(\w+)="?(.*?)"?$/.exec(line));
  return new Map(fields.flatMap((field) => (field === null ? [] : [[field[1] as string, field[2] as string] as const])));
}

function* isOne(sys: Sys, path: string): Proc<boolean> {
  return ((yield* optional(readText(sys, path))) ?? "").trim() === "1";
}

export function* info(daemon: Daemon): Proc<InfoAnswer> {
  const { sys, config } = daemon;
  const { release, nodename, machine } = yield* sys.uname();
  const { totalram } = yield* sys.sysinfo();
  const os = yield* osRelease(sys);
  const cpus = (yield* sys.sched_getaffinity(0)).length;
  const controllers = new Set(((yield* optional(readText(sys, "/sys/fs/cgroup/cgroup.controllers"))) ?? "").trim().split(" "));
  const fds = (yield* readDir(sys, "/proc/self/fd")).length - 2;
  const threads = (yield* readDir(sys, "/proc/self/task")).length - 2;
  const containers = daemon.containers.list();
  const bridged = yield* isOne(sys, "/proc/sys/net/bridge/bridge-nf-call-iptables");
  const bridged6 = yield* isOne(sys, "/proc/sys/net/bridge/bridge-nf-call-ip6tables");
  const forwarding = yield* isOne(sys, "/proc/sys/net/ipv4/ip_forward");
  const warnings = [
    ...(forwarding ? [] : ["WARNING: IPv4 forwarding is disabled"]),
    ...(bridged ? [] : ["WARNING: bridge-nf-call-iptables is disabled"]),
    ...(bridged6 ? [] : ["WARNING: bridge-nf-call-ip6tables is disabled"]),
  ];
  return {
    ID: daemon.id,
    Containers: containers.length,
    ContainersRunning: containers.filter(({ running, paused }) => running && !paused).length,
    ContainersPaused: containers.filter(({ paused }) => paused).length,
    ContainersStopped: containers.filter(({ running }) => !running).length,
    Images: daemon.images.count(),
    Driver: "overlay2",
    DriverStatus: [
      ["Backing Filesystem", "tmpfs"],
      ["Supports d_type", "true"],
      ["Native Overlay Diff", "true"],
      ["userxattr", "false"],
    ],
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "null"],
      Authorization: null,
      Log: ["json-file", "none"],
    },
    MemoryLimit: controllers.has("memory"),
    SwapLimit: controllers.has("memory"),
    KernelMemory: false,
    KernelMemoryTCP: false,
    CpuCfsPeriod: controllers.has("cpu"),
    CpuCfsQuota: controllers.has("cpu"),
    CPUShares: controllers.has("cpu"),
    CPUSet: controllers.has("cpuset"),
    PidsLimit: controllers.has("pids"),
    IPv4Forwarding: forwarding,
    BridgeNfIptables: bridged,
    BridgeNfIp6tables: bridged6,
    Debug: config.debug,
    NFd: fds,
    OomKillDisable: false,
    NGoroutines: threads,
    SystemTime: yield* daemon.timestamp(),
    LoggingDriver: config.logDriver,
    CgroupDriver: "cgroupfs",
    CgroupVersion: "2",
    NEventsListener: daemon.events.listeners,
    KernelVersion: release,
    OperatingSystem: os.get("PRETTY_NAME") ?? "Linux",
    OSVersion: os.get("VERSION_ID") ?? "",
    OSType: "linux",
    Architecture: machine,
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: {
      AllowNondistributableArtifactsCIDRs: [],
      AllowNondistributableArtifactsHostnames: [],
      InsecureRegistryCIDRs: ["127.0.0.0/8"],
      IndexConfigs: {
        "docker.io": { Name: "docker.io", Mirrors: [...config.registryMirrors], Secure: true, Official: true },
        ...Object.fromEntries(config.insecureRegistries.map((name) => [name, { Name: name, Mirrors: [], Secure: false, Official: false }])),
      },
      Mirrors: [...config.registryMirrors],
    },
    NCPU: cpus,
    MemTotal: totalram,
    GenericResources: null,
    DockerRootDir: config.root,
    HttpProxy: daemon.env.get("HTTP_PROXY") ?? "",
    HttpsProxy: daemon.env.get("HTTPS_PROXY") ?? "",
    NoProxy: daemon.env.get("NO_PROXY") ?? "",
    Name: nodename,
    Labels: [...config.labels],
    ExperimentalBuild: false,
    ServerVersion: ENGINE_VERSION,
    Runtimes: { "io.containerd.runc.v2": { path: "runc" }, "io.containerd.runtime.v1.linux": { path: "runc" }, runc: { path: "runc" } },
    DefaultRuntime: "runc",
    Swarm: { NodeID: "", NodeAddr: "", LocalNodeState: "inactive", ControlAvailable: false, Error: "", RemoteManagers: null },
    LiveRestoreEnabled: config.liveRestore,
    Isolation: "",
    InitBinary: "docker-init",
    ContainerdCommit: { ID: CONTAINERD_COMMIT, Expected: CONTAINERD_COMMIT },
    RuncCommit: { ID: RUNC_COMMIT, Expected: RUNC_COMMIT },
    InitCommit: { ID: "", Expected: "" },
    SecurityOptions: ["name=seccomp,profile=default", "name=cgroupns"],
    Warnings: warnings.length === 0 ? null : warnings,
  };
}
