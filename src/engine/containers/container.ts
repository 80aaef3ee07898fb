/** One container: its configuration, its state, and how both are kept in files. moby `container/container.go`, `container/state.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { ContainerConfig, ContainerStateJson, ContainerStatus, Health, HostConfig, NetworkSettings } from "../api/container.ts";
import { type Daemon, NO_TIME } from "../daemon.ts";
import { conflict, type EngineError } from "../errors.ts";
import { writeAtomically } from "../files.ts";
import type { Container as ContainerView, ContainerMount } from "../parts.ts";
import { Condition, Mutex } from "../sync.ts";
import type { Exec } from "./exec.ts";
import type { HealthMonitor } from "./health.ts";
import type { LogDriver } from "./log.ts";
import { RestartManager } from "./restart.ts";
import { StreamHub } from "./stream-hub.ts";

/** What it is in, besides being removed. `dead`: its removal has failed. */
export type Phase = "created" | "running" | "paused" | "restarting" | "exited" | "dead";

/** config.v2.json. */
export interface ContainerFile {
  StreamConfig: Record<string, never>;
  State: {
    Running: boolean;
    Paused: boolean;
    Restarting: boolean;
    OOMKilled: boolean;
    RemovalInProgress: boolean;
    Dead: boolean;
    Pid: number;
    ExitCode: number;
    Error: string;
    StartedAt: string;
    FinishedAt: string;
    Health: Health | null;
  };
  ID: string;
  Created: string;
  Managed: boolean;
  Path: string;
  Args: string[];
  Config: ContainerConfig;
  Image: string;
  NetworkSettings: NetworkSettings & { Service: null; IsAnonymousEndpoint: boolean; HasSwarmEndpoint: boolean };
  LogPath: string;
  Name: string;
  Driver: string;
  OS: string;
  MountLabel: string;
  ProcessLabel: string;
  RestartCount: number;
  HasBeenStartedBefore: boolean;
  HasBeenManuallyStopped: boolean;
  MountPoints: Record<string, ContainerMount>;
  SecretReferences: null;
  ConfigReferences: null;
  AppArmorProfile: string;
  HostnamePath: string;
  HostsPath: string;
  ShmPath: string;
  ResolvConfPath: string;
  SeccompProfile: string;
  NoNewPrivileges: boolean;
  LocalLogCacheMeta: { HaveNotifyEnabled: boolean };
}

export interface NewContainer {
  readonly id: string;
  readonly name: string;
  readonly created: string;
  readonly path: string;
  readonly args: string[];
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly imageId: string;
  /** Its name was made up. */
  readonly anonymous: boolean;
}

export const noNetworkSettings = (): NetworkSettings => ({
  Bridge: "",
  SandboxID: "",
  HairpinMode: false,
  LinkLocalIPv6Address: "",
  LinkLocalIPv6PrefixLen: 0,
  Ports: {},
  SandboxKey: "",
  SecondaryIPAddresses: null,
  SecondaryIPv6Addresses: null,
  EndpointID: "",
  Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
  MacAddress: "",
  Networks: {},
});

export class Container implements ContainerView {
  readonly id: string;
  name: string;
  readonly created: string;
  readonly path: string;
  readonly args: string[];
  readonly config: ContainerConfig;
  hostConfig: HostConfig;
  readonly imageId: string;
  readonly anonymous: boolean;
  readonly root: string;
  readonly lock: Mutex;
  /** Anyone who waits for a change of state; broadcast after each. */
  readonly changed: Condition;
  readonly streams: StreamHub;
  readonly restartManager: RestartManager;
  readonly execs = new Map<string, Exec>();

  phase: Phase = "created";
  /** Someone removes it. */
  removing = false;
  /** It is gone: for those who wait for that. */
  removed = false;
  /** Counts the ends of runs: what the wait condition next-exit looks at. */
  exits = 0;
  pid = 0;
  exitCode = 0;
  error = "";
  oomKilled = false;
  startedAt = NO_TIME;
  finishedAt = NO_TIME;
  /** Nanoseconds of the engine's clock. */
  startedNs = 0;
  restartCount = 0;
  hasBeenStartedBefore = false;
  hasBeenManuallyStopped = false;
  health: Health | undefined;
  healthMonitor: HealthMonitor | undefined;
  log: LogDriver | undefined;
  /** What the present run has taken: the root filesystem, the network, a shm of its own. */
  mounted = false;
  networked = false;
  shmMounted = false;
  logPath = "";
  networkSettings: NetworkSettings = noNetworkSettings();
  mounts: Record<string, ContainerMount> = {};
  hostnamePath = "";
  hostsPath = "";
  resolvConfPath = "";
  /** Size of its terminal as last asked for. */
  terminalSize: { rows: number; cols: number } | undefined;

  constructor(
    readonly daemon: Daemon,
    n: NewContainer,
  ) {
    this.id = n.id;
    this.name = n.name;
    this.created = n.created;
    this.path = n.path;
    this.args = n.args;
    this.config = n.config;
    this.hostConfig = n.hostConfig;
    this.imageId = n.imageId;
    this.anonymous = n.anonymous;
    this.root = `${daemon.config.root}/containers/${n.id}`;
    this.lock = new Mutex(daemon.sys);
    this.changed = new Condition(daemon.sys);
    this.streams = new StreamHub(daemon.sys);
    this.restartManager = new RestartManager(daemon.sys, n.hostConfig.RestartPolicy);
  }

  get running(): boolean {
    return this.phase === "running" || this.phase === "paused" || this.phase === "restarting";
  }

  get paused(): boolean {
    return this.phase === "paused";
  }

  get restarting(): boolean {
    return this.phase === "restarting";
  }

  get status(): ContainerStatus {
    if (this.running) return this.phase;
    if (this.removing) return "removing";
    return this.phase;
  }

  /** As clients see it. */
  get state(): ContainerStateJson {
    return {
      Status: this.status,
      Running: this.running,
      Paused: this.paused,
      Restarting: this.restarting,
      OOMKilled: this.oomKilled,
      Dead: this.phase === "dead",
      Pid: this.pid,
      ExitCode: this.exitCode,
      Error: this.error,
      StartedAt: this.startedAt,
      FinishedAt: this.finishedAt,
      ...(this.health === undefined ? {} : { Health: this.health }),
    };
  }

  /** Errors: conflict `Container … is not running`. */
  requireRunning(): void {
    if (!this.running) throw this.notRunning();
  }

  notRunning(): EngineError {
    return conflict(`Container ${this.id} is not running`);
  }

  /** Wakes those who wait for a change. */
  announce(): Proc<void> {
    return this.changed.broadcast();
  }

  *save(): Proc<void> {
    const { sys } = this.daemon;
    yield* writeAtomically(sys, `${this.root}/hostconfig.json`, `${JSON.stringify(this.hostConfig)}\n`, 0o644);
    yield* writeAtomically(sys, `${this.root}/config.v2.json`, JSON.stringify(this.toFile()), 0o600);
  }

  private toFile(): ContainerFile {
    return {
      StreamConfig: {},
      State: {
        Running: this.running,
        Paused: this.paused,
        Restarting: this.restarting,
        OOMKilled: this.oomKilled,
        RemovalInProgress: this.removing,
        Dead: this.phase === "dead",
        Pid: this.pid,
        ExitCode: this.exitCode,
        Error: this.error,
        StartedAt: this.startedAt,
        FinishedAt: this.finishedAt,
        Health: this.health ?? null,
      },
      ID: this.id,
      Created: this.created,
      Managed: false,
      Path: this.path,
      Args: this.args,
      Config: this.config,
      Image: this.imageId,
      NetworkSettings: { ...this.networkSettings, Service: null, IsAnonymousEndpoint: this.anonymous, HasSwarmEndpoint: false },
      LogPath: this.logPath,
      Name: `/${this.name}`,
      Driver: "overlay2",
      OS: "linux",
      MountLabel: "",
      ProcessLabel: "",
      RestartCount: this.restartCount,
      HasBeenStartedBefore: this.hasBeenStartedBefore,
      HasBeenManuallyStopped: this.hasBeenManuallyStopped,
      MountPoints: this.mounts,
      SecretReferences: null,
      ConfigReferences: null,
      AppArmorProfile: "",
      HostnamePath: this.hostnamePath,
      HostsPath: this.hostsPath,
      ShmPath: "",
      ResolvConfPath: this.resolvConfPath,
      SeccompProfile: "",
      NoNewPrivileges: false,
      LocalLogCacheMeta: { HaveNotifyEnabled: false },
    };
  }
}

/** A container of its files. What it was when they were written is in `phase`; whether that still holds is for restore() to find out. */
export function containerOfFile(daemon: Daemon, file: ContainerFile, hostConfig: HostConfig): Container {
  const container = new Container(daemon, {
    id: file.ID,
    name: file.Name.replace(/^\//, ""),
    created: file.Created,
    path: file.Path,
    args: file.Args,
    config: file.Config,
    hostConfig,
    imageId: file.Image,
    anonymous: file.NetworkSettings.IsAnonymousEndpoint,
  });
  const { State: state } = file;
  container.phase = state.Restarting
    ? "restarting"
    : state.Paused
      ? "paused"
      : state.Running
        ? "running"
        : state.Dead
          ? "dead"
          : state.StartedAt === NO_TIME
            ? "created"
            : "exited";
  container.removing = state.RemovalInProgress;
  container.pid = state.Pid;
  container.exitCode = state.ExitCode;
  container.error = state.Error;
  container.oomKilled = state.OOMKilled;
  container.startedAt = state.StartedAt;
  container.finishedAt = state.FinishedAt;
  container.health = state.Health ?? undefined;
  container.restartCount = file.RestartCount;
  container.hasBeenStartedBefore = file.HasBeenStartedBefore;
  container.hasBeenManuallyStopped = file.HasBeenManuallyStopped;
  container.mounts = file.MountPoints;
  container.logPath = file.LogPath;
  container.hostnamePath = file.HostnamePath;
  container.hostsPath = file.HostsPath;
  container.resolvConfPath = file.ResolvConfPath;
  const { Service: _service, IsAnonymousEndpoint: _anonymous, HasSwarmEndpoint: _swarm, ...networkSettings } = file.NetworkSettings;
  container.networkSettings = networkSettings;
  return container;
}
