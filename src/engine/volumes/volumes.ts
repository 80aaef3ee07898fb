/** Volumes, and the mounts of containers: made at a container's creation, mounted for its start, released at its end. moby `volume/service`, `daemon/volumes_unix.go`. */

import { EEXIST, Errno } from "../../abi/errno.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { type MountInfo, readMountinfo } from "../../userland/libc/mountinfo.ts";
import { optional, stat } from "../../userland/libc/unistd.ts";
import type { SpecMount } from "../../runtime/spec.ts";
import type { Mount } from "../api/container.ts";
import type { VolumeCreateBody } from "../api/volume.ts";
import { readBolt, writeBolt } from "../bolt.ts";
import type { Daemon } from "../daemon.ts";
import { asked, conflict, EngineError, invalidParameter, isFailure, notFound, systemError } from "../errors.ts";
import { makeDirs } from "../files.ts";
import type { Container, ContainerMount, VolumeService } from "../parts.ts";
import { pathInRoot } from "../rootfs-path.ts";
import { Mutex } from "../sync.ts";
import { copyContents } from "./copy-up.ts";
import { LocalDriver, type LocalVolume } from "./local-driver.ts";
import { checkDestination, cleanPath, mergeTmpfsOptions, parseBind, parseMount, parseVolumesFrom, tmpfsData } from "./mount-spec.ts";

const BUCKET = "volumes";

/** A volume as metadata.db has it. */
interface VolumeRecord {
  readonly Name: string;
  readonly Driver: string;
  readonly Labels: Record<string, string> | null;
  readonly Options: Record<string, string> | null;
}

export class Volumes implements VolumeService {
  readonly driver: LocalDriver;
  private readonly volumes = new Map<string, LocalVolume>();
  /** Containers that are being made, by volume: they are in no list yet. */
  private readonly pending = new Map<string, Set<string>>();
  private readonly lock: Mutex;

  constructor(readonly daemon: Daemon) {
    this.driver = new LocalDriver(daemon);
    this.lock = new Mutex(daemon.sys);
  }

  private get store(): string {
    return `${this.driver.root}/metadata.db`;
  }

  *restore(): Proc<void> {
    const { sys } = this.daemon;
    yield* this.driver.start();
    const records = yield* readBolt(sys, this.store, BUCKET);
    for (const name of yield* this.driver.names()) {
      const bytes = records.get(name);
      const record = bytes === undefined ? undefined : (JSON.parse(decodeUtf8(bytes)) as VolumeRecord);
      this.volumes.set(name, yield* this.driver.open(name, record?.Options ?? null, record?.Labels ?? null));
    }
    yield* this.save();
  }

  private *save(): Proc<void> {
    const entries = this.list().map(({ name, labels, options }): [string, Uint8Array] => {
      const record: VolumeRecord = { Name: name, Driver: "local", Labels: labels, Options: options };
      return [name, encodeUtf8(JSON.stringify(record))];
    });
    yield* writeBolt(this.daemon.sys, this.store, BUCKET, entries);
  }

  // ── Volumes themselves ───────────────────────────────────────────────────────────────────────────────────────────

  /** By name. */
  list(): LocalVolume[] {
    return [...this.volumes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Errors: notFound. */
  require(name: string): LocalVolume {
    const volume = this.volumes.get(name);
    if (volume === undefined) throw notFound(`get ${name}: no such volume`);
    return volume;
  }

  /** The containers that have it. */
  users(name: string): string[] {
    const own = this.daemon.containers
      .list()
      .filter(({ mounts }) => Object.values(mounts).some((mount) => mount.Type === "volume" && mount.Name === name))
      .map(({ id }) => id);
    return [...new Set([...own, ...(this.pending.get(name) ?? [])])];
  }

  /** Makes a volume, or finds that of the name. Errors: invalidParameter, notFound for drivers. */
  *create({ Name = "", Driver = "", DriverOpts = null, Labels = null }: VolumeCreateBody): Proc<LocalVolume> {
    const name = Name === "" ? yield* this.daemon.randomHex() : Name;
    if (Driver !== "" && Driver !== "local")
      throw notFound(`create ${name}: error looking up volume plugin ${Driver}: plugin "${Driver}" not found`);
    const volume = yield* this.lock.hold(() => this.make(name, DriverOpts, Labels));
    yield* this.event(name, "create");
    return volume;
  }

  private *make(name: string, options: Record<string, string> | null, labels: Record<string, string> | null): Proc<LocalVolume> {
    const present = this.volumes.get(name);
    if (present !== undefined) return present;
    try {
      const volume = yield* this.driver.create(name, options, labels);
      this.volumes.set(name, volume);
      yield* this.save();
      return volume;
    } catch (e) {
      if (e instanceof EngineError) throw new EngineError(e.category, `create ${name}: ${e.message}`);
      throw e;
    }
  }

  /** Errors: notFound; conflict while containers have it. */
  *remove(name: string, force: boolean): Proc<void> {
    const volume = this.volumes.get(name);
    if (volume === undefined && force) return;
    const found = this.require(name);
    const users = this.users(name);
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(", ")}]`);
    yield* this.lock.hold(() => this.erase(found));
    yield* this.event(name, "destroy");
  }

  private *erase(volume: LocalVolume): Proc<void> {
    this.volumes.delete(volume.name);
    yield* this.driver.remove(volume);
    yield* this.save();
  }

  private *event(name: string, action: string, attributes: Readonly<Record<string, string>> = {}): Proc<void> {
    yield* this.daemon.events.log("volume", action, name, { ...attributes, driver: "local" });
  }

  // ── A container's creation ───────────────────────────────────────────────────────────────────────────────────────

  *prepare(container: Container): Proc<void> {
    const { hostConfig, config, mounts } = container;
    for (const destination of Object.keys(hostConfig.Tmpfs ?? {})) checkDestination(destination);
    for (const text of hostConfig.VolumesFrom ?? []) yield* this.mountsFrom(container, text);
    const taken = new Set<string>();
    const take = (destination: string, shown: string): void => {
      if (taken.has(destination) || hostConfig.Tmpfs?.[destination] !== undefined)
        throw invalidParameter(`Duplicate mount point: ${shown}`);
      taken.add(destination);
    };
    for (const raw of hostConfig.Binds ?? []) {
      const { mount, spec } = parseBind(raw, hostConfig.VolumeDriver);
      this.guardRoot(mount, spec);
      take(mount.Destination, mount.Destination);
      yield* this.add(container, mount, spec);
    }
    for (const asked of hostConfig.Mounts ?? []) {
      const { mount, spec } = yield* parseMount(this.daemon.sys, asked);
      this.guardRoot(mount, spec);
      take(mount.Destination, spec.Target ?? "");
      yield* this.add(container, mount, spec);
    }
    for (const path of Object.keys(config.Volumes ?? {})) {
      const destination = cleanPath(path);
      if (mounts[destination] !== undefined) continue;
      const { name, mountpoint } = yield* this.createFor(container, { Driver: hostConfig.VolumeDriver });
      const base = { Type: "volume", Name: name, Source: mountpoint, Destination: destination, Driver: "local", Mode: "", RW: true };
      mounts[destination] = { ...base, Propagation: "", Spec: {}, Anonymous: true, CopyData: true };
    }
  }

  /** A mount, and the volume that it needs. */
  private *add(container: Container, mount: ContainerMount, spec: Mount): Proc<void> {
    let made = mount;
    if (mount.Type === "volume") {
      const { VolumeOptions } = spec;
      const { name, mountpoint } = yield* this.createFor(container, {
        Name: spec.Source ?? "",
        Driver: mount.Driver ?? "",
        DriverOpts: VolumeOptions?.DriverConfig?.Options ?? null,
        Labels: VolumeOptions?.Labels ?? null,
      });
      const anonymous = spec.Source === undefined || spec.Source === "";
      made = {
        ...mount,
        Name: name,
        Source: mountpoint,
        Driver: "local",
        Mode: mount.Mode === "" ? "z" : mount.Mode,
        Anonymous: anonymous,
      };
    }
    container.mounts[mount.Destination] = made;
  }

  /** A volume that the container has from now on, before it is in any list. */
  private *createFor(container: Container, body: VolumeCreateBody): Proc<LocalVolume> {
    const volume = yield* this.create(body);
    const users = this.pending.get(volume.name) ?? new Set();
    this.pending.set(volume.name, users.add(container.id));
    return volume;
  }

  private *mountsFrom(container: Container, text: string): Proc<void> {
    const { container: other, readOnly } = parseVolumesFrom(text);
    for (const mount of Object.values(asked(() => this.daemon.containers.require(other)).mounts)) {
      const RW = mount.RW && !readOnly;
      container.mounts[mount.Destination] = { ...mount, Mode: "", RW, CopyData: false };
      if (mount.Type !== "volume" || mount.Name === undefined) continue;
      const users = this.pending.get(mount.Name) ?? new Set();
      this.pending.set(mount.Name, users.add(container.id));
    }
  }

  /** A bind that holds the daemon's own directory, or is in it, must not keep what is mounted there: validateBindDaemonRoot(). */
  private guardRoot(mount: ContainerMount, spec: Mount): void {
    const { root } = this.daemon.config;
    if (mount.Type !== "bind" || (!mount.Source.startsWith(root) && !root.startsWith(mount.Source))) return;
    const asked = spec.BindOptions?.Propagation ?? "";
    if (asked === "") mount.Propagation = "rslave";
    else if (asked !== "rslave" && asked !== "rshared")
      throw invalidParameter(
        `invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, daemon root: ${JSON.stringify(root)}, bind mount source: ${JSON.stringify(spec.Source)}, propagation: ${JSON.stringify(asked)}`,
      );
  }

  *populate(container: Container, rootfs: string): Proc<void> {
    const { sys } = this.daemon;
    for (const mount of Object.values(container.mounts)) {
      if (mount.Type !== "volume" || mount.CopyData !== true) continue;
      const from = yield* pathInRoot(sys, rootfs, mount.Destination);
      const found = yield* optional(stat(sys, from));
      if (mount.Anonymous === true && found !== undefined && !isDir(found.mode))
        throw systemError(`cannot mount volume over existing file, file exists ${from}`);
      if (found === undefined || !isDir(found.mode)) continue;
      const volume = this.require(mount.Name ?? "");
      yield* this.driver.mount(volume);
      try {
        yield* copyContents(sys, from, volume.mountpoint);
      } finally {
        yield* this.driver.unmount(volume);
      }
      mount.CopyData = false;
    }
  }

  // ── Start and end ────────────────────────────────────────────────────────────────────────────────────────────────

  *setup(container: Container): Proc<SpecMount[]> {
    const { hostConfig, mounts } = container;
    const tmpfs = new Map(Object.entries(hostConfig.Tmpfs ?? {}));
    for (const { Type, Destination, Spec } of Object.values(mounts)) if (Type === "tmpfs") tmpfs.set(Destination, tmpfsData(Spec as Mount));
    const result = [...tmpfs].map(([destination, data]) => tmpfsMount(destination, data));
    const begun: ContainerMount[] = [];
    try {
      for (const mount of Object.values(mounts)) {
        if (tmpfs.has(mount.Destination)) continue;
        result.push(yield* this.setUpMount(container, mount));
        begun.push(mount);
      }
      return result.sort((a, b) => depth(a.destination) - depth(b.destination));
    } catch (e) {
      if (isFailure(e)) for (const mount of begun) yield* this.tearDown(container, mount);
      throw e;
    }
  }

  private *setUpMount(container: Container, mount: ContainerMount): Proc<SpecMount> {
    const { sys } = this.daemon;
    const spec = mount.Spec as Mount;
    if (mount.Type === "volume") {
      const volume = this.require(mount.Name ?? "");
      yield* this.driver.mount(volume);
      const attributes = {
        container: container.id,
        destination: mount.Destination,
        propagation: mount.Propagation,
        "read/write": String(mount.RW),
      };
      yield* this.event(volume.name, "mount", attributes);
    } else if (!(container.hostConfig.Mounts ?? []).some(({ Target }) => cleanPath(Target ?? "") === mount.Destination)) {
      yield* this.makeSource(mount.Source);
    }
    const propagation = yield* checkPropagation(this.daemon, mount, yield* readMountinfo(sys));
    const recursive = spec.BindOptions?.NonRecursive === true ? "bind" : "rbind";
    return {
      destination: mount.Destination,
      type: "bind",
      source: mount.Source,
      options: [recursive, ...(mount.RW ? [] : ["ro"]), ...(propagation === "" ? [] : [propagation])],
    };
  }

  /** `-v` makes what is not there. */
  private *makeSource(path: string): Proc<void> {
    const { sys } = this.daemon;
    try {
      if ((yield* optional(stat(sys, path), [])) !== undefined) return;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
    try {
      yield* optional(makeDirs(sys, path, 0o755), [EEXIST]);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      throw systemError(`error while creating mount source path '${path}': mkdir ${path}: ${e.message.toLowerCase()}`);
    }
  }

  *release(container: Container): Proc<void> {
    for (const mount of Object.values(container.mounts)) yield* this.tearDown(container, mount);
  }

  private *tearDown(container: Container, mount: ContainerMount): Proc<void> {
    const volume = mount.Type === "volume" ? this.volumes.get(mount.Name ?? "") : undefined;
    if (volume === undefined) return;
    yield* this.driver.unmount(volume);
    yield* this.event(volume.name, "unmount", { container: container.id });
  }

  *forget(container: Container, anonymous: boolean): Proc<void> {
    const { id, mounts } = container;
    for (const users of this.pending.values()) users.delete(id);
    if (!anonymous) return;
    for (const mount of Object.values(mounts)) {
      const name = mount.Name ?? "";
      if (mount.Type !== "volume" || mount.Anonymous !== true || !this.volumes.has(name)) continue;
      if (this.users(name).some((user) => user !== id)) continue;
      yield* this.lock.hold(() => this.erase(this.require(name)));
      yield* this.event(name, "destroy");
    }
  }
}

const depth = (path: string): number => path.split("/").filter((part) => part !== "").length;

const tmpfsMount = (destination: string, data: string): SpecMount => ({
  destination,
  type: "tmpfs",
  source: "tmpfs",
  options: mergeTmpfsOptions(["noexec", "nosuid", "nodev", "rprivate", ...(data === "" ? [] : data.split(","))]),
});

/** ensureShared(), ensureSharedOrSlave(): what is to be propagated must be able to. The propagation that is used; empty for volumes. Errors: systemError. */
function* checkPropagation(daemon: Daemon, mount: ContainerMount, all: readonly MountInfo[]): Proc<string> {
  const { Propagation: asked, Source: source } = mount;
  if (asked === "" || asked.endsWith("private")) return asked;
  const around = all.filter(({ target }) => target === source || target === "/" || source.startsWith(`${target}/`));
  const below = around.reduce((best, one) => (one.target.length >= best.target.length ? one : best), around[0] as MountInfo);
  const shared = below.tags.some((tag) => tag.startsWith("shared:"));
  const slave = below.tags.some((tag) => tag.startsWith("master:"));
  if (shared || (slave && asked.endsWith("slave"))) return asked;
  const where = `path ${source} is mounted on ${below.target} but it is not a shared`;
  if (asked.endsWith("shared")) throw systemError(`${where} mount`);
  // Where the daemon has chosen itself, it falls back.
  const { root } = daemon.config;
  const chosen = ((mount.Spec as Mount).BindOptions?.Propagation ?? "") === "";
  if (chosen && (source.startsWith(root) || root.startsWith(source))) return "rslave";
  throw systemError(`${where} or slave mount`);
}
