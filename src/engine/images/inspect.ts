/** `docker image inspect` and `docker history`. moby `daemon/images/image_inspect.go`, `image_history.go`. */

import type { Proc } from "../../abi/sys.ts";
import { chainIds } from "../../image/oci.ts";
import { familiarString } from "../../image/reference.ts";
import type { ImageHistoryItem, ImageInspect } from "../api/image.ts";
import { NO_TIME } from "../daemon.ts";
import { isFailure, systemError, withContext } from "../errors.ts";
import { wholeConfig } from "./config.ts";
import type { Image } from "./image-store.ts";
import type { Images } from "./images.ts";
import { parseRfc3339 } from "./times.ts";

/** Errors: notFound, invalidParameter, both with `no such image` in front. */
export function* inspectImage(images: Images, name: string): Proc<ImageInspect> {
  const image = requireNamed(images, name);
  const { config } = image;
  const references = images.references.references(image.id);
  const layer = image.chainId === "" ? undefined : images.layers.peek(image.chainId);
  const size = images.sizeOf(image);
  const history = config.history ?? [];
  return {
    Id: image.id,
    RepoTags: references.filter(({ digest }) => digest === undefined).map(familiarString),
    RepoDigests: references.filter(({ digest }) => digest !== undefined).map(familiarString),
    Parent: image.parent ?? "",
    Comment: (config.comment ?? "") === "" ? (history[history.length - 1]?.comment ?? "") : (config.comment as string),
    Created: formatCreated(config.created),
    Container: config.container ?? "",
    ContainerConfig: wholeConfig(config.container_config),
    DockerVersion: config.docker_version ?? "",
    Author: config.author ?? "",
    Config: config.config == null ? null : wholeConfig(config.config),
    Architecture: config.architecture ?? "",
    ...(config.variant === undefined || config.variant === "" ? {} : { Variant: config.variant }),
    Os: (config.os ?? "") === "" ? "linux" : config.os,
    ...(config["os.version"] === undefined ? {} : { OsVersion: config["os.version"] }),
    Size: size,
    VirtualSize: size,
    GraphDriver: layer === undefined ? { Data: null, Name: "overlay2" } : yield* images.layers.graphDriver(layer),
    RootFS: { Type: config.rootfs.type, ...(config.rootfs.diff_ids.length === 0 ? {} : { Layers: [...config.rootfs.diff_ids] }) },
    Metadata: { LastTagTime: (yield* images.store.lastUpdated(image.id)) ?? NO_TIME },
  };
}

function requireNamed(images: Images, name: string): Image {
  try {
    return images.require(name);
  } catch (e) {
    if (isFailure(e)) throw withContext(`no such image: ${name}`, e);
    throw e;
  }
}

/** RFC3339Nano: without zeros at the end. */
function formatCreated(text: string | undefined): string {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text ?? "");
  if (match === null) return NO_TIME;
  const fraction = (match[2] ?? "").slice(0, 9).replace(/0+$/, "");
  return `${match[1]}${fraction === "" ? "" : `.${fraction}`}${match[3]}`;
}

/** The newest step first. Errors: notFound. */
export function imageHistory(images: Images, name: string): ImageHistoryItem[] {
  const image = images.require(name);
  const chains = chainIds(image.config.rootfs.diff_ids);
  let next = 0;
  const items = (image.config.history ?? []).map((step): ImageHistoryItem => {
    let size = 0;
    if (step.empty_layer !== true) {
      const chain = chains[next++];
      if (chain === undefined) throw systemError("too many non-empty layers in History section");
      size = images.layers.peek(chain)?.sizeBytes ?? 0;
    }
    const created = parseRfc3339(step.created).sec;
    return { Comment: step.comment ?? "", Created: created, CreatedBy: step.created_by ?? "", Id: "<missing>", Size: size, Tags: null };
  });
  items.reverse();
  let at: Image | undefined = image;
  for (const item of items) {
    if (at === undefined) break;
    item.Id = at.id;
    const tags = images.references.references(at.id).filter(({ digest }) => digest === undefined);
    item.Tags = tags.length === 0 ? null : tags.map(familiarString);
    at = at.parent === undefined ? undefined : images.store.find(at.parent);
  }
  return items;
}
