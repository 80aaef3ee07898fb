/** `docker commit`: what a container has changed becomes a layer, and with its configuration an image. moby `daemon/commit.go`, `image/image.go`. */

import type { Proc } from "../../abi/sys.ts";
import { familiarString, InvalidReference, parseNormalizedNamed, type Reference, withTag } from "../../image/reference.ts";
import type { ContainerConfig } from "../api/container.ts";
import { conflict, isFailure, systemError } from "../errors.ts";
import { ENGINE_VERSION } from "../version.ts";
import { piped } from "./byte-pipe.ts";
import { changedConfig, wholeConfig } from "./config.ts";
import { goJson, sortKeys } from "./go-json.ts";
import type { Images } from "./images.ts";
import type { Image } from "./image-store.ts";
import { EMPTY_LAYER, type Layer } from "./layer-store.ts";

export interface CommitRequest {
  /** Id, name or id prefix. */
  readonly container: string;
  readonly repository: string;
  readonly tag: string;
  readonly comment: string;
  readonly author: string;
  readonly pause: boolean;
  readonly changes: readonly string[];
  /** Instead of the container's own. */
  readonly config: Partial<ContainerConfig> | undefined;
}

/** Returns the image's id. Errors: notFound, conflict, invalidParameter. Blocks. */
export function* commitContainer(images: Images, request: CommitRequest): Proc<string> {
  const { containers } = images.daemon;
  const container = containers.require(request.container);
  if (container.status === "dead") throw conflict(`You cannot commit container ${container.id} which is Dead`);
  if (container.status === "removing") throw conflict(`You cannot commit container ${container.id} which is being removed`);
  let paused = false;
  if (request.pause && container.running && !container.paused) {
    try {
      yield* containers.pause(container);
      paused = true;
    } catch (e) {
      if (!isFailure(e)) throw e;
    }
  }
  try {
    const config = mergedConfig(changedConfig(request.config ?? container.config, request.changes), container.config);
    const id = yield* commitLayer(images, container.id, container.imageId, {
      author: request.author,
      comment: request.comment,
      config,
      containerConfig: container.config,
    });
    let name = "";
    if (request.repository !== "") {
      const reference = tagReference(request.repository, request.tag);
      yield* images.tag(id, reference);
      name = familiarString(reference);
    }
    yield* containers.event(container, "commit", { comment: request.comment, imageID: id, imageRef: name });
    return id;
  } finally {
    if (paused) yield* containers.unpause(container);
  }
}

/** `docker tag`'s target. Errors: systemError, as moby has it, for a bad name. */
export function tagReference(repository: string, tag: string): Reference {
  try {
    const reference = parseNormalizedNamed(repository);
    return tag === "" ? reference : withTag(reference, tag);
  } catch (e) {
    if (e instanceof InvalidReference) throw systemError(e.message);
    throw e;
  }
}

export interface ChildImage {
  readonly author: string;
  readonly comment: string;
  readonly config: Partial<ContainerConfig>;
  readonly containerConfig: Partial<ContainerConfig>;
}

/** A new image of a container's layer on top of the container's image. Returns its id. Blocks. */
export function* commitLayer(images: Images, containerId: string, imageId: string, child: ChildImage): Proc<string> {
  const { layers, store, daemon } = images;
  const parent = imageId === "" ? undefined : store.find(imageId);
  if (imageId !== "" && parent === undefined) throw systemError(`unknown parent image ID ${imageId}`);
  const below = parent === undefined || parent.chainId === "" ? undefined : parent.chainId;
  yield* layers.mount(containerId);
  const layer = yield* (function* () {
    try {
      return yield* piped(
        daemon.sys,
        (sink) => layers.packWritable(containerId, sink),
        (source) => layers.register(source, below),
      );
    } finally {
      yield* layers.unmount(containerId);
    }
  })();
  try {
    return yield* createChild(images, layer, parent, child, containerId);
  } finally {
    yield* layers.release(layer);
  }
}

/** A new image of a layer on top of `parent`. `containerId`: whose layer that was; empty if nobody's. Returns its id. */
export function* createChild(
  { store, daemon }: Images,
  layer: Layer,
  parent: Image | undefined,
  { author, comment, config, containerConfig }: ChildImage,
  containerId: string,
): Proc<string> {
  const created = yield* daemon.timestamp();
  const empty = layer.diffId === EMPTY_LAYER;
  const step = {
    created,
    ...(author === "" ? {} : { author }),
    ...(containerConfig.Cmd == null || containerConfig.Cmd.length === 0 ? {} : { created_by: containerConfig.Cmd.join(" ") }),
    ...(comment === "" ? {} : { comment }),
    ...(empty ? { empty_layer: true } : {}),
  };
  const base = parent?.config;
  const raw = goJson(
    sortKeys({
      architecture: base?.architecture ?? "amd64",
      ...(base?.variant === undefined || base.variant === "" ? {} : { variant: base.variant }),
      ...(author === "" ? {} : { author }),
      config: wholeConfig(config),
      ...(containerId === "" ? {} : { container: containerId }),
      container_config: wholeConfig(containerConfig),
      created,
      docker_version: ENGINE_VERSION,
      history: [...(base?.history ?? []), step],
      os: "linux",
      ...(base?.["os.version"] === undefined ? {} : { "os.version": base["os.version"] }),
      ...(base?.["os.features"] === undefined ? {} : { "os.features": base["os.features"] }),
      rootfs: { type: "layers", diff_ids: [...(base?.rootfs.diff_ids ?? []), ...(empty ? [] : [layer.diffId])] },
    }),
  );
  const { id } = yield* store.create(raw);
  if (parent !== undefined) yield* store.setParent(id, parent.id);
  return id;
}

/** What the given configuration does not say is as in the container's. moby `daemon/commit.go:merge`. */
export function mergedConfig(given: Partial<ContainerConfig>, own: Partial<ContainerConfig>): Partial<ContainerConfig> {
  const merged: Partial<ContainerConfig> = { ...given };
  if ((merged.User ?? "") === "") merged.User = own.User ?? "";
  const ports = { ...(own.ExposedPorts ?? {}), ...(merged.ExposedPorts ?? {}) };
  if (Object.keys(ports).length > 0) merged.ExposedPorts = ports;
  const keys = new Set((merged.Env ?? []).map((entry) => entry.split("=")[0]));
  if (keys.size === 0) merged.Env = own.Env ?? null;
  else merged.Env = [...(merged.Env ?? []), ...(own.Env ?? []).filter((entry) => !keys.has(entry.split("=")[0]))];
  merged.Labels = { ...(own.Labels ?? {}), ...(merged.Labels ?? {}) };
  if ((merged.Entrypoint ?? []).length === 0) {
    if ((merged.Cmd ?? []).length === 0) merged.Cmd = own.Cmd ?? null;
    if (merged.Entrypoint == null) merged.Entrypoint = own.Entrypoint ?? null;
  }
  if (own.Healthcheck != null) merged.Healthcheck = mergedHealth(merged.Healthcheck ?? {}, own.Healthcheck);
  if ((merged.WorkingDir ?? "") === "") merged.WorkingDir = own.WorkingDir ?? "";
  const volumes = { ...(merged.Volumes ?? {}), ...(own.Volumes ?? {}) };
  merged.Volumes = Object.keys(volumes).length === 0 ? null : volumes;
  if ((merged.StopSignal ?? "") === "" && own.StopSignal !== undefined) merged.StopSignal = own.StopSignal;
  return merged;
}

type Health = NonNullable<ContainerConfig["Healthcheck"]>;

function mergedHealth(given: Health, own: Health): Health {
  const test = (given.Test ?? []).length === 0 ? own.Test : given.Test;
  const merged: Health = { ...own, ...given };
  for (const key of ["Interval", "Timeout", "StartPeriod", "Retries"] as const)
    if ((given[key] ?? 0) === 0 && own[key] !== undefined) merged[key] = own[key];
  return test === undefined ? merged : { ...merged, Test: test };
}
