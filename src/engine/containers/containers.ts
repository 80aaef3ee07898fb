/** All containers of the daemon: by id and name; what the other parts and the routes ask of them. moby `container/view.go`, `daemon/container.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { Platform } from "../../image/oci.ts";
import { optional, readDir } from "../../userland/libc/unistd.ts";
import type { ContainerCreateBody, HostConfig } from "../api/container.ts";
import type { Daemon } from "../daemon.ts";
import { conflict, invalidParameter, isFailure, notFound } from "../errors.ts";
import { makeDirs, readJson, removeAll, removeTemporaries } from "../files.ts";
import type { Container as ContainerView, ContainerService } from "../parts.ts";
import { startThread, WaitGroup } from "../sync.ts";
import { type Container, type ContainerFile, containerOfFile } from "./container.ts";
import { createContainer } from "./create.ts";
import type { Exec } from "./exec.ts";
import { pauseContainer, startContainer, stopContainer, unpauseContainer } from "./lifecycle.ts";
import { isValidName, makeUpName } from "./names.ts";
import { removeContainer } from "./remove.ts";
import { reviveContainer } from "./revive.ts";

export class Containers implements ContainerService {
  private readonly byId = new Map<string, Container>();
  /** Names, also of containers that are being made. */
  private readonly names = new Map<string, string>();
  readonly execs = new Map<string, Exec>();

  constructor(readonly daemon: Daemon) {}

  // ── Finding ────────────────────────────────────────────────────────────────────────────────────────────────────────

  list(): Container[] {
    return [...this.byId.values()].sort((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : 0));
  }

  /** moby GetContainer: id, then name, then a prefix of an id. */
  find(reference: string): Container | undefined {
    const exact = this.byId.get(reference);
    if (exact !== undefined) return exact;
    const named = this.names.get(reference.replace(/^\//, ""));
    if (named !== undefined) return this.byId.get(named);
    const candidates = this.withPrefix(reference);
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  private withPrefix(prefix: string): Container[] {
    return prefix === "" || !/^[0-9a-f]+$/.test(prefix) ? [] : [...this.byId.values()].filter(({ id }) => id.startsWith(prefix));
  }

  require(reference: string): Container {
    const found = this.find(reference);
    if (found !== undefined) return found;
    if (this.withPrefix(reference).length > 1) throw invalidParameter(`Multiple IDs found with provided prefix: ${reference}`);
    if (reference === "") throw invalidParameter('invalid name or ID supplied: ""');
    throw notFound(`No such container: ${reference}`);
  }

  /** Of the class itself, for those who get the view. */
  own(view: ContainerView): Container {
    return view as Container;
  }

  // ── Names ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes `name`, or one that is made up. Errors: invalidParameter, conflict. */
  *reserveName(name: string | undefined, id: string): Proc<string> {
    if (name === undefined || name === "") {
      const made = yield* makeUpName(this.daemon.sys, (candidate) => !this.names.has(candidate));
      const taken = made ?? id.slice(0, 12);
      this.names.set(taken, id);
      return taken;
    }
    const bare = name.replace(/^\//, "");
    if (!isValidName(bare)) throw invalidParameter(`Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
    const holder = this.names.get(bare);
    if (holder !== undefined)
      throw conflict(
        `Conflict. The container name "/${bare}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    this.names.set(bare, id);
    return bare;
  }

  releaseName(name: string, id: string): void {
    if (this.names.get(name) === id) this.names.delete(name);
  }

  register(container: Container): void {
    this.byId.set(container.id, container);
    this.names.set(container.name, container.id);
  }

  /** It is no longer found. */
  unregister(container: Container): void {
    this.byId.delete(container.id);
    this.releaseName(container.name, container.id);
    for (const exec of container.execs.keys()) this.execs.delete(exec);
  }

  /** What is below /var/lib/docker/containers/<id>. */
  *removeFiles(container: Container): Proc<void> {
    yield* removeAll(this.daemon.sys, container.root);
  }

  // ── The service ────────────────────────────────────────────────────────────────────────────────────────────────────

  create(name: string | undefined, body: ContainerCreateBody, platform?: Platform): Proc<{ container: Container; warnings: string[] }> {
    return createContainer(this, name, body, platform);
  }

  start(container: ContainerView): Proc<void> {
    return startContainer(this, this.own(container));
  }

  stop(container: ContainerView, timeoutSec?: number): Proc<void> {
    return stopContainer(this, this.own(container), timeoutSec);
  }

  pause(container: ContainerView): Proc<void> {
    return pauseContainer(this, this.own(container));
  }

  unpause(container: ContainerView): Proc<void> {
    return unpauseContainer(this, this.own(container));
  }

  *waitStopped(view: ContainerView): Proc<number> {
    const container = this.own(view);
    while (container.running) yield* container.changed.wait();
    return container.exitCode;
  }

  remove(container: ContainerView, options: { force?: boolean; volumes?: boolean }): Proc<void> {
    return removeContainer(this, this.own(container), options);
  }

  *event(container: ContainerView, action: string, attributes: Readonly<Record<string, string>> = {}): Proc<void> {
    const { config, name, id } = container;
    const image = config.Image === "" ? {} : { image: config.Image };
    yield* this.daemon.events.log("container", action, id, { ...config.Labels, ...attributes, ...image, name });
  }

  // ── The daemon's start and end ─────────────────────────────────────────────────────────────────────────────────────

  *restore(): Proc<void> {
    const { sys, config } = this.daemon;
    const dir = `${config.root}/containers`;
    yield* makeDirs(sys, dir, 0o710);
    const found: Container[] = [];
    for (const { name } of (yield* optional(readDir(sys, dir))) ?? []) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      const file = yield* readJson<ContainerFile>(sys, `${dir}/${name}/config.v2.json`);
      const hostConfig = yield* readJson<HostConfig>(sys, `${dir}/${name}/hostconfig.json`);
      if (file === undefined || hostConfig === undefined) {
        // Killed before it was reported created: nothing is left of it.
        yield* this.daemon.log("error", "failed to load container", {
          container: name,
          error: `open ${dir}/${name}/config.v2.json: no such file or directory`,
        });
        yield* removeAll(sys, `${dir}/${name}`);
        try {
          yield* this.daemon.images.removeLayer(name);
        } catch (e) {
          if (!isFailure(e)) throw e;
        }
        continue;
      }
      yield* removeTemporaries(sys, `${dir}/${name}`);
      const container = containerOfFile(this.daemon, file, hostConfig);
      this.register(container);
      found.push(container);
    }
    yield* this.daemon.images.removeLayersBut((id) => this.byId.has(id));
    yield* this.daemon.networks.restore(found.filter(({ running }) => running));
    yield* this.daemon.log("info", "Loading containers: start.");
    yield* this.atOnce(found, (container) => reviveContainer(this, container));
    for (const container of found) if (this.shouldStart(container)) yield* this.startAgain(container);
    yield* this.daemon.log("info", "Loading containers: done.");
  }

  /** By its restart policy, when the daemon comes up. */
  private shouldStart({ hostConfig, hasBeenManuallyStopped, hasBeenStartedBefore, running, exitCode, removing }: Container): boolean {
    if (running || !hasBeenStartedBefore || removing) return false;
    const { Name } = hostConfig.RestartPolicy;
    return Name === "always" || (Name === "unless-stopped" && !hasBeenManuallyStopped) || (Name === "on-failure" && exitCode !== 0);
  }

  private *startAgain(container: Container): Proc<void> {
    try {
      yield* startContainer(this, container);
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* this.daemon.log("error", "failed to start container", { container: container.id, error: e.message });
    }
  }

  /** Each in a thread of its own. Blocks until all are done. */
  private *atOnce(containers: readonly Container[], act: (container: Container) => Proc<void>): Proc<void> {
    const group = new WaitGroup(this.daemon.sys);
    group.add(containers.length);
    for (const container of containers) yield* startThread(this.daemon.sys, () => this.guarded(container, act, group));
    yield* group.wait();
  }

  private *guarded(container: Container, act: (container: Container) => Proc<void>, group: WaitGroup): Proc<number> {
    try {
      yield* act(container);
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* this.daemon.log("error", e.message, { container: container.id });
    }
    yield* group.finish();
    return 0;
  }

  *shutdown(): Proc<void> {
    if (this.daemon.config.liveRestore && this.list().some(({ running }) => running)) return;
    const running = this.list().filter((container) => container.running);
    yield* this.atOnce(running, (container) => this.shutDown(container));
  }

  private *shutDown(container: Container): Proc<void> {
    yield* container.restartManager.cancel();
    if (container.paused) yield* unpauseContainer(this, container);
    yield* stopContainer(this, container, undefined);
    yield* this.waitStopped(container);
  }
}
