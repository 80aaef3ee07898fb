/**
 * Docker's containers and images, for frames: what dockerd has written below /var/lib/docker, read as anybody could who is root, and without a trace in the machine. The
 * page so shows what the engine itself will find again when it starts anew. dockerd replaces its files whole: another inode is news, the same one is not.
 */

import type { ContainerEntity, ImageEntity, StringDelta } from "../../bridge/messages.ts";
import type { Cgroup } from "../../kernel/cgroup/cgroup.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Inode } from "../../kernel/vfs/inode.ts";
import { peekNames, peekText } from "../inspect.ts";

/** Frames from one look to the next: some five looks a second; none while nothing runs. */
const EVERY_FRAMES = 12;
const CONTAINERS = "/var/lib/docker/containers";
const IMAGES = "/var/lib/docker/image/overlay2";
/** Containers and images that are told of: a page draws no more. */
const MAX_THINGS = 5000;

interface Seen<T> {
  readonly inodes: readonly (Inode | undefined)[];
  /** Undefined where the files are none of dockerd's. */
  readonly entity: T | undefined;
}

export class ContainerSource {
  private readonly containers = new Map<string, Seen<ContainerEntity>>();
  private readonly images = new Map<string, Seen<ImageEntity>>();
  private frames = 0;
  private usedNs = -1;
  private tags: { readonly inode: Inode | undefined; readonly byId: ReadonlyMap<string, readonly string[]> } = {
    inode: undefined,
    byId: new Map(),
  };

  constructor(private readonly kernel: Kernel) {}

  /** Containers and images that changed; undefined where none did. */
  collect(): { readonly containers?: StringDelta<ContainerEntity>; readonly images?: StringDelta<ImageEntity> } {
    if (this.frames++ % EVERY_FRAMES !== 0) return {};
    const usedNs = usageOf(this.kernel.cgroups.root);
    if (usedNs === this.usedNs) return {};
    this.usedNs = usedNs;
    const containers = this.compare(this.containers, CONTAINERS, (id) => this.lookAtContainer(id));
    const retagged = this.readTags();
    const images = this.compare(this.images, `${IMAGES}/imagedb/content/sha256`, (id) => this.lookAtImage(id, retagged));
    return { ...(containers === undefined ? {} : { containers }), ...(images === undefined ? {} : { images }) };
  }

  private compare<T>(seen: Map<string, Seen<T>>, directory: string, look: (id: string) => Seen<T>): StringDelta<T> | undefined {
    const names = peekNames(this.kernel, directory).filter((name) => /^[0-9a-f]{64}$/.test(name));
    const there = new Set(names.slice(0, MAX_THINGS));
    const upsert: T[] = [];
    const remove: string[] = [];
    for (const [id, { entity }] of seen) {
      if (there.has(id)) continue;
      seen.delete(id);
      if (entity !== undefined) remove.push(id);
    }
    for (const id of there) {
      const before = seen.get(id);
      const now = look(id);
      if (now === before) continue;
      seen.set(id, now);
      if (now.entity !== undefined) upsert.push(now.entity);
      else if (before?.entity !== undefined) remove.push(id);
    }
    return upsert.length + remove.length === 0 ? undefined : { upsert, remove };
  }

  private lookAtContainer(id: string): Seen<ContainerEntity> {
    const before = this.containers.get(id);
    const config = peekText(this.kernel, `${CONTAINERS}/${id}/config.v2.json`, before?.inodes[0]);
    const host = peekText(this.kernel, `${CONTAINERS}/${id}/hostconfig.json`, before?.inodes[1]);
    const inodes = [config?.inode, host?.inode];
    if (before !== undefined && inodes.every((inode, i) => inode === before.inodes[i])) return before;
    // Only one of them may be new: both are read.
    const entity = describeContainer(
      id,
      peekText(this.kernel, `${CONTAINERS}/${id}/config.v2.json`)?.text,
      peekText(this.kernel, `${CONTAINERS}/${id}/hostconfig.json`)?.text,
    );
    return { inodes, entity };
  }

  private lookAtImage(id: string, retagged: boolean): Seen<ImageEntity> {
    const before = this.images.get(id);
    const config = peekText(this.kernel, `${IMAGES}/imagedb/content/sha256/${id}`, before?.inodes[0]);
    if (before !== undefined && config?.inode === before.inodes[0]) {
      const tags = this.tags.byId.get(id) ?? [];
      if (!retagged || before.entity === undefined || String(before.entity.tags) === String(tags)) return before;
      return { inodes: before.inodes, entity: { ...before.entity, tags } };
    }
    return { inodes: [config?.inode], entity: describeImage(id, config?.text, this.tags.byId.get(id) ?? []) };
  }

  /** Whether the names are other ones than before. */
  private readTags(): boolean {
    const file = peekText(this.kernel, `${IMAGES}/repositories.json`, this.tags.inode);
    if (file === undefined || file.inode === this.tags.inode) return false;
    const byId = new Map<string, string[]>();
    const repositories = parse(file.text)?.Repositories;
    for (const names of Object.values(asObject(repositories)))
      for (const [name, id] of Object.entries(asObject(names))) {
        if (name.includes("@")) continue;
        const hex = asText(id).replace(/^sha256:/, "");
        byId.set(hex, [...(byId.get(hex) ?? []), familiar(name)]);
      }
    this.tags = { inode: file.inode, byId };
    return true;
  }
}

function usageOf({ cpu }: Cgroup): number {
  return cpu.userNs + cpu.systemNs;
}

// ── Files that may hold anything ─────────────────────────────────────────────────────────────────────────────────────

type Json = Readonly<Record<string, unknown>>;

function parse(text: string | undefined): Json | undefined {
  if (text === undefined) return undefined;
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const asObject = (value: unknown): Json => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {});
const asText = (value: unknown): string => (typeof value === "string" ? value : "");
const asNumber = (value: unknown): number => (typeof value === "number" ? value : 0);
const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A name as people write it: without `docker.io/library/`. */
const familiar = (name: string): string => name.replace(/^docker\.io\/(library\/)?/, "");

function describeContainer(id: string, configText: string | undefined, hostText: string | undefined): ContainerEntity | undefined {
  const config = parse(configText);
  if (config === undefined || config.ID !== id) return undefined;
  const host = parse(hostText) ?? {};
  const state = asObject(config.State);
  const settings = asObject(config.NetworkSettings);
  const wanted = asObject(config.Config);
  return {
    id,
    name: asText(config.Name).replace(/^\//, ""),
    image: asText(wanted.Image),
    imageId: asText(config.Image).replace(/^sha256:/, ""),
    command: [asText(config.Path), ...asList(config.Args).map(asText)].join(" ").trim(),
    state: stateOf(state),
    pid: asNumber(state.Pid),
    exitCode: asNumber(state.ExitCode),
    oomKilled: state.OOMKilled === true,
    health: asText(asObject(state.Health).Status),
    created: asText(config.Created),
    started: asText(state.StartedAt),
    finished: asText(state.FinishedAt),
    restartCount: asNumber(config.RestartCount),
    tty: wanted.Tty === true,
    networkMode: asText(host.NetworkMode),
    networks: Object.entries(asObject(settings.Networks)).map(([name, endpoint]) => ({
      name,
      address: asText(asObject(endpoint).IPAddress),
    })),
    ports: Object.entries(asObject(settings.Ports)).flatMap(([port, bindings]) =>
      asList(bindings).map((binding) => ({
        container: port,
        hostIp: asText(asObject(binding).HostIp),
        hostPort: Number(asText(asObject(binding).HostPort)),
      })),
    ),
    mounts: Object.values(asObject(config.MountPoints)).map((mount) => {
      const { Type, Name, Source, Destination, RW } = asObject(mount);
      return { type: asText(Type), name: asText(Name), source: asText(Source), destination: asText(Destination), writable: RW !== false };
    }),
    limits: {
      memoryBytes: asNumber(host.Memory),
      cpus: asNumber(host.NanoCpus) / 1e9 || asNumber(host.CpuQuota) / (asNumber(host.CpuPeriod) || 100_000),
      pids: Math.max(0, asNumber(host.PidsLimit)),
    },
  };
}

function stateOf(state: Json): ContainerEntity["state"] {
  if (state.Dead === true) return "dead";
  if (state.RemovalInProgress === true) return "removing";
  if (state.Restarting === true) return "restarting";
  if (state.Paused === true) return "paused";
  if (state.Running === true) return "running";
  return asText(state.StartedAt).startsWith("0001-") ? "created" : "exited";
}

function describeImage(id: string, text: string | undefined, tags: readonly string[]): ImageEntity | undefined {
  const image = parse(text);
  if (image === undefined) return undefined;
  return {
    id,
    tags,
    created: asText(image.created),
    diffIds: asList(asObject(image.rootfs).diff_ids).map(asText),
    history: asList(image.history).map((entry) => {
      const { created_by, comment, empty_layer } = asObject(entry);
      return { createdBy: asText(created_by), comment: asText(comment), empty: empty_layer === true };
    }),
  };
}
