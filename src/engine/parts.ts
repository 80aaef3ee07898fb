/**
 * The parts of the engine as they see each other. `daemon.ts` holds one of each; who implements which stands in README.md.
 * What may fail throws an EngineError in the words that the client is shown.
 */

import type { Proc } from "../abi/sys.ts";
import type { Platform } from "../image/oci.ts";
import type { SpecMount } from "../runtime/spec.ts";
import type {
  ContainerConfig,
  ContainerCreateBody,
  ContainerStatus,
  FilesystemChange,
  GraphDriverJson,
  HostConfig,
  MountPoint,
  NetworkSettings,
  PortSummary,
} from "./api/container.ts";
import type { EngineEvent, EventType, Filters } from "./api/events.ts";
import type { Mutex } from "./sync.ts";

// ── Images ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** An image as containers need it. */
export interface ImageForContainer {
  /** `sha256:…`. */
  readonly id: string;
  /** `config` of the image's configuration: defaults of the container. */
  readonly config: Partial<ContainerConfig>;
  readonly platform: Platform;
}

/** Implemented in `images/`. */
export interface ImageService {
  /** At the daemon's start, before containers are loaded. */
  restore(): Proc<void>;
  /** By name, id or id prefix. Errors: notFound `No such image: alpine:latest`. */
  resolve(reference: string): Proc<ImageForContainer>;
  /** The image of an id, where it is still there. */
  findById(id: string): ImageForContainer | undefined;
  /** How many there are, for `docker info`. */
  count(): number;

  /** Makes the writable layer of a container (and its init layer: empty /etc/hosts, /dev/console …). `imageId` undefined: from scratch. */
  createLayer(containerId: string, imageId: string | undefined, storageOpt?: Readonly<Record<string, string>>): Proc<void>;
  /** Mounts it, counted, and returns the merged root filesystem. */
  mountLayer(containerId: string): Proc<string>;
  /** One mount less; after the last one it is unmounted. */
  unmountLayer(containerId: string): Proc<void>;
  /** Layers of containers that a killed daemon has begun to make. Differs from Docker: moby leaves them for good. */
  removeLayersBut(isKnown: (containerId: string) => boolean): Proc<void>;
  removeLayer(containerId: string): Proc<void>;
  /** Bytes of the writable layer, and of it with the image. */
  layerSize(containerId: string): Proc<{ readonly rw: number; readonly rootFs: number }>;
  graphDriver(containerId: string): GraphDriverJson;
  /** As GET …/changes, sorted by path. */
  changes(containerId: string): Proc<FilesystemChange[]>;
}

// ── Networks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the container's network namespace is to be. */
export type NetworkSandbox =
  /** Joined by path: /var/run/docker/netns/<id>, or /proc/<pid>/ns/net of another container. */
  | { readonly kind: "path"; readonly path: string }
  /** The host's own. */
  | { readonly kind: "host" }
  /** A new one that only the container's own processes hold. */
  | { readonly kind: "private" };

/** Implemented in `networks/`. */
export interface NetworkService {
  /** At the daemon's start, after containers are loaded: networks, chains, addresses of those that still run (`active`). */
  restore(active: readonly Container[]): Proc<void>;
  shutdown(): Proc<void>;
  /** At creation: checks the mode and what was asked for, and fills `container.networkSettings.Networks`. */
  prepare(container: Container, networking: ContainerCreateBody["NetworkingConfig"]): Proc<void>;
  /** Before the start: makes the sandbox and connects it, publishes ports, fills the rest of `container.networkSettings`, writes `hosts` and `resolv.conf`. */
  allocate(container: Container): Proc<NetworkSandbox>;
  /** After the end, and where a start fails: everything of allocate() is undone; ports and addresses are free again. */
  release(container: Container): Proc<void>;
  /** The container is being removed. */
  forget(container: Container): Proc<void>;
  /** For `docker ps`. */
  ports(container: Container): PortSummary[];
  /** `WEB_PORT=tcp://…`: variables of `--link` on the default bridge. */
  linkEnvironment(container: Container): string[];
}

// ── Volumes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Implemented in `volumes/`. */
export interface VolumeService {
  /** At the daemon's start, before containers are loaded. */
  restore(): Proc<void>;
  /** At creation: parses and checks Binds, Mounts, VolumesFrom and Config.Volumes, makes volumes, and fills `container.mounts`. */
  prepare(container: Container): Proc<void>;
  /** At creation, with the root filesystem mounted at `rootfs`: what the image has at a new volume's place is copied into the volume. */
  populate(container: Container, rootfs: string): Proc<void>;
  /** Before the start: mounts for the OCI configuration, shorter destinations first (tmpfs of HostConfig.Tmpfs and Mounts included); makes missing bind sources. */
  setup(container: Container): Proc<SpecMount[]>;
  /** After the end. */
  release(container: Container): Proc<void>;
  /** The container is removed; with `anonymous` its anonymous volumes are too. */
  forget(container: Container, anonymous: boolean): Proc<void>;
}

// ── Containers ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** A mount point as the daemon keeps it: what clients see and what `volumes/` needs to know besides. */
export interface ContainerMount extends MountPoint {
  /** As asked for: the text of a bind, or the Mount. */
  readonly Spec: unknown;
  /** A volume that was made for this container alone. */
  readonly Anonymous?: boolean;
  /** What the image has there is copied into a new volume. */
  CopyData?: boolean;
}

/** A container; `containers/container.ts` is the class. Whoever changes it holds `lock` and calls save(). */
export interface Container {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** Without the slash in front. */
  readonly name: string;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  /** `sha256:…`; empty for one from scratch. */
  readonly imageId: string;
  /** /var/lib/docker/containers/<id>. */
  readonly root: string;
  readonly status: ContainerStatus;
  /** 0 unless it runs, as seen by the daemon. */
  readonly pid: number;
  readonly lock: Mutex;
  /** Written by `networks/`. */
  networkSettings: NetworkSettings;
  /** By destination. Written by `volumes/`. */
  mounts: Record<string, ContainerMount>;
  readonly running: boolean;
  readonly paused: boolean;
  /** Files that are mounted over those in /etc; empty until the first start. Written by `networks/` (hosts, resolv.conf) and the start (hostname). */
  hostnamePath: string;
  hostsPath: string;
  resolvConfPath: string;
  /** Writes config.v2.json and hostconfig.json. */
  save(): Proc<void>;
}

/** Implemented in `containers/`. */
export interface ContainerService {
  /** At the daemon's start. */
  restore(): Proc<void>;
  shutdown(): Proc<void>;
  /** In order of creation. */
  list(): Container[];
  /** By id, name or id prefix. Errors: notFound `No such container: x`, invalidParameter for an ambiguous prefix. */
  require(reference: string): Container;
  find(reference: string): Container | undefined;
  /** Returns it with the warnings. */
  create(name: string | undefined, body: ContainerCreateBody, platform?: Platform): Proc<{ container: Container; warnings: string[] }>;
  start(container: Container): Proc<void>;
  /** Seconds until SIGKILL; undefined: as the container's configuration says. */
  stop(container: Container, timeoutSec?: number): Proc<void>;
  pause(container: Container): Proc<void>;
  unpause(container: Container): Proc<void>;
  /** Blocks until it does not run; its exit code. */
  waitStopped(container: Container): Proc<number>;
  remove(container: Container, options: { force?: boolean; volumes?: boolean }): Proc<void>;
  /** A container event with the usual attributes (image, name, labels) and more. */
  event(container: Container, action: string, attributes?: Readonly<Record<string, string>>): Proc<void>;
}

// ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface EventService {
  /** Tells whoever listens, and keeps the last 256. */
  log(type: EventType, action: string, id: string, attributes: Readonly<Record<string, string>>): Proc<void>;
  /** Past ones from `sinceNs` on, then those to come. */
  subscribe(filters: Filters): EventSubscription;
  readonly listeners: number;
}

export interface EventSubscription {
  /** Those that were kept, oldest first, that the filters accept. */
  past(sinceNs: number, untilNs: number): EngineEvent[];
  /** Blocks until the next, or for `timeoutNs` (undefined then, and once closed). */
  next(timeoutNs?: number): Proc<EngineEvent | undefined>;
  close(): Proc<void>;
}
