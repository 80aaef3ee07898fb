/**
 * Image configurations by their digests: /var/lib/docker/image/overlay2/imagedb/{content,metadata}/sha256/<id>. Each holds its topmost layer.
 * moby `image/store.go`, `image/fs.go`.
 */

import type { Timespec } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { chainId, digestOf, type ImageConfig } from "../../image/oci.ts";
import type { ContainerConfig } from "../api/container.ts";
import { systemError } from "../errors.ts";
import { makeDirs, removeAll, writeAtomically } from "../files.ts";
import { hexOf, namesIn, readIfThere } from "./files.ts";
import type { Layer, LayerStore } from "./layer-store.ts";
import { parseRfc3339 } from "./times.ts";

/** What Docker knows of a configuration, beyond OCI's. */
export interface DockerImageConfig extends Omit<ImageConfig, "config" | "container_config"> {
  readonly config?: Partial<ContainerConfig> | null;
  readonly container_config?: Partial<ContainerConfig>;
  readonly comment?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

/** An image. Immutable but for `parent`. */
export interface Image {
  /** `sha256:…` of `raw`. */
  readonly id: string;
  readonly config: DockerImageConfig;
  /** The configuration's own bytes, as text. */
  readonly raw: string;
  readonly created: Timespec;
  /** Its topmost layer's name; empty for an image without layers. */
  readonly chainId: string;
  /** The image that it was made of here, by commit or build. */
  parent: string | undefined;
}

interface KeptImage extends Image {
  layer: Layer | undefined;
}

export class ImageStore {
  private readonly images = new Map<string, KeptImage>();

  constructor(
    private readonly sys: Sys,
    /** …/image/overlay2/imagedb */
    private readonly root: string,
    private readonly layers: LayerStore,
  ) {}

  /** Reads what is there. Images whose layers are gone are left out. Returns what to tell the log. */
  *restore(): Proc<string[]> {
    const complaints: string[] = [];
    yield* makeDirs(this.sys, `${this.root}/content/sha256`, 0o700);
    yield* makeDirs(this.sys, `${this.root}/metadata/sha256`, 0o700);
    for (const hex of yield* namesIn(this.sys, `${this.root}/content/sha256`)) {
      if (!/^[0-9a-f]{64}$/.test(hex)) continue;
      const id = `sha256:${hex}`;
      const raw = (yield* readIfThere(this.sys, this.contentPath(id))) ?? "";
      const image = digestOf(raw) === id ? parseImage(id, raw) : "failed to verify";
      if (typeof image === "string") {
        complaints.push(`invalid image ${id}, ${image}`);
        continue;
      }
      const layer = image.chainId === "" ? undefined : this.layers.get(image.chainId);
      if (layer === undefined && image.chainId !== "") {
        complaints.push(`layer does not exist, not restoring image ${id}, ${image.chainId}, linux`);
        continue;
      }
      const parent = yield* readIfThere(this.sys, `${this.metadataDir(id)}/parent`);
      this.images.set(id, { ...image, layer, parent });
    }
    return complaints;
  }

  private contentPath(id: string): string {
    return `${this.root}/content/sha256/${hexOf(id)}`;
  }

  private metadataDir(id: string): string {
    return `${this.root}/metadata/sha256/${hexOf(id)}`;
  }

  get count(): number {
    return this.images.size;
  }

  find(id: string): Image | undefined {
    return this.images.get(id);
  }

  list(): Image[] {
    return [...this.images.values()];
  }

  /** Those that no other image was made of. */
  heads(): Image[] {
    const parents = new Set([...this.images.values()].map(({ parent }) => parent));
    return this.list().filter(({ id }) => !parents.has(id));
  }

  children(id: string): Image[] {
    return this.list().filter(({ parent }) => parent === id);
  }

  /** The one image whose id, with or without algorithm, begins so. */
  search(prefix: string): Image | undefined {
    const colon = prefix.indexOf(":");
    if (colon >= 0 && prefix.slice(0, colon) !== "sha256") return undefined;
    const hex = prefix.slice(colon + 1);
    if (hex === "") return undefined;
    const found = this.list().filter(({ id }) => id.startsWith(`sha256:${hex}`));
    return found.length === 1 ? found[0] : undefined;
  }

  /** Keeps a configuration whose layers are there. Errors: systemError for one that is no good. */
  *create(raw: string): Proc<Image> {
    const id = digestOf(raw);
    const there = this.images.get(id);
    if (there !== undefined) return there;
    const image = parseImage(id, raw);
    if (typeof image === "string") throw systemError(image);
    const full = (image.config.history ?? []).filter(({ empty_layer }) => empty_layer !== true).length;
    if (full > image.config.rootfs.diff_ids.length) throw systemError("too many non-empty layers in History section");
    const layer = image.chainId === "" ? undefined : this.layers.get(image.chainId);
    if (layer === undefined && image.chainId !== "") throw systemError(`failed to get layer ${image.chainId}: layer does not exist`);
    const kept: KeptImage = { ...image, layer, parent: undefined };
    this.images.set(id, kept);
    yield* writeAtomically(this.sys, this.contentPath(id), raw, 0o600);
    return kept;
  }

  /** Forgets an image. Returns the layers that went with it. */
  *delete(id: string): Proc<Layer[]> {
    const image = this.images.get(id);
    if (image === undefined) throw systemError(`unrecognized image ID ${id}`);
    this.images.delete(id);
    for (const child of this.images.values()) {
      if (child.parent !== id) continue;
      child.parent = undefined;
      yield* removeAll(this.sys, `${this.metadataDir(child.id)}/parent`);
    }
    yield* removeAll(this.sys, this.contentPath(id));
    yield* removeAll(this.sys, this.metadataDir(id));
    return image.layer === undefined ? [] : yield* this.layers.release(image.layer);
  }

  *setParent(id: string, parent: string): Proc<void> {
    const image = this.images.get(id);
    if (image === undefined || !this.images.has(parent)) throw systemError(`unknown parent image ID ${parent}`);
    image.parent = parent;
    yield* this.writeMetadata(id, "parent", parent);
  }

  /** When it was tagged or loaded last. */
  *setLastUpdated(id: string, time: string): Proc<void> {
    yield* this.writeMetadata(id, "lastUpdated", time);
  }

  *lastUpdated(id: string): Proc<string | undefined> {
    return yield* readIfThere(this.sys, `${this.metadataDir(id)}/lastUpdated`);
  }

  private *writeMetadata(id: string, key: string, value: string): Proc<void> {
    yield* makeDirs(this.sys, this.metadataDir(id), 0o700);
    yield* writeAtomically(this.sys, `${this.metadataDir(id)}/${key}`, value, 0o644);
  }
}

/** Why not, where it is none. */
export function parseImage(id: string, raw: string): Image | string {
  let config: DockerImageConfig | null;
  try {
    config = JSON.parse(raw) as DockerImageConfig | null;
  } catch {
    const first = raw.trim()[0];
    if (first === undefined) return "unexpected end of JSON input";
    return /[[{"\d\-tfn]/.test(first) ? "unexpected end of JSON input" : `invalid character '${first}' looking for beginning of value`;
  }
  if (config === null || typeof config !== "object" || config.rootfs == null) return "invalid image JSON, no RootFS key";
  const diffIds = config.rootfs.diff_ids ?? [];
  if (!Array.isArray(diffIds) || !diffIds.every((diffId) => typeof diffId === "string")) return "invalid image JSON, no RootFS key";
  const whole = { ...config, rootfs: { ...config.rootfs, diff_ids: diffIds } };
  return { id, config: whole, raw, created: parseRfc3339(config.created), chainId: chainId(diffIds), parent: undefined };
}
