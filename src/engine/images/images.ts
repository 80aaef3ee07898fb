/**
 * Images and layers of the engine: the stores below /var/lib/docker/image/overlay2 and /var/lib/docker/overlay2, and what containers need of them.
 * What clients ask for is in the files beside: pull.ts, push.ts, remove.ts, list.ts, …. moby `daemon/images`.
 */

import type { Proc } from "../../abi/sys.ts";
import { familiarString, parseAnyReference, type Reference, InvalidReference, tagNameOnly } from "../../image/reference.ts";
import type { ByteSink } from "../../userland/libc/stream.ts";
import type { FilesystemChange, GraphDriverJson } from "../api/container.ts";
import type { Daemon } from "../daemon.ts";
import { invalidParameter, isFailure, notFound, systemError } from "../errors.ts";
import { makeDirs } from "../files.ts";
import type { ImageForContainer, ImageService } from "../parts.ts";
import { DistributionStore } from "./distribution-store.ts";
import { type Image, ImageStore } from "./image-store.ts";
import { LayerStore, totalSize } from "./layer-store.ts";
import { Overlay2 } from "./overlay2.ts";
import { ReferenceStore } from "./reference-store.ts";
import { Transfers } from "./transfer.ts";

export class Images implements ImageService {
  readonly layers: LayerStore;
  readonly store: ImageStore;
  readonly references: ReferenceStore;
  /** Which blobs of which registry are which layers. */
  readonly distribution: DistributionStore;
  readonly downloads: Transfers;
  readonly uploads: Transfers;
  private readonly driver: Overlay2;
  private readonly root: string;
  /** Somebody prunes. */
  pruning = false;

  constructor(readonly daemon: Daemon) {
    const { sys, config } = daemon;
    this.root = `${config.root}/image/overlay2`;
    this.driver = new Overlay2(sys, `${config.root}/overlay2`);
    this.layers = new LayerStore(sys, `${this.root}/layerdb`, this.driver);
    this.store = new ImageStore(sys, `${this.root}/imagedb`, this.layers);
    this.references = new ReferenceStore(sys, `${this.root}/repositories.json`);
    this.distribution = new DistributionStore(sys, `${this.root}/distribution`);
    this.downloads = new Transfers(sys, 3);
    this.uploads = new Transfers(sys, 5);
  }

  /** Where archives are unpacked for a while: /var/lib/docker/tmp. */
  get tempDir(): string {
    return `${this.daemon.config.root}/tmp`;
  }

  *restore(): Proc<void> {
    yield* makeDirs(this.daemon.sys, this.root, 0o700);
    yield* makeDirs(this.daemon.sys, this.tempDir, 0o700);
    yield* this.driver.start();
    yield* this.layers.restore();
    for (const complaint of yield* this.store.restore()) yield* this.daemon.log("error", complaint);
    yield* this.references.restore();
  }

  // ── Looking up ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** By name, id or the beginning of an id. Errors: invalidParameter for what is no reference; notFound. */
  require(text: string): Image {
    const reference = anyReference(text);
    const image = this.lookUp(text, reference);
    if (image === undefined) throw noSuchImage(reference);
    return image;
  }

  private lookUp(text: string, reference: Reference | { readonly digest: string }): Image | undefined {
    if (!("path" in reference)) return this.store.find(reference.digest);
    const id = this.references.get(reference);
    return (id === undefined ? undefined : this.store.find(id)) ?? this.store.search(text);
  }

  *resolve(text: string): Proc<ImageForContainer> {
    return forContainer(this.require(text));
  }

  findById(id: string): ImageForContainer | undefined {
    const image = this.store.find(id);
    return image === undefined ? undefined : forContainer(image);
  }

  count(): number {
    return this.store.count;
  }

  /** Bytes of all its layers. */
  sizeOf(image: Image): number {
    return image.chainId === "" ? 0 : totalSize(this.layers.peek(image.chainId));
  }

  /** Bytes of all layers together, each once. */
  layersSize(): number {
    return this.layers.list().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** An event of an image; its labels go with it as long as it is there. */
  *event(imageId: string, name: string, action: string): Proc<void> {
    const labels = this.lookUpQuietly(imageId)?.config.config?.Labels ?? {};
    yield* this.daemon.events.log("image", action, imageId, { ...labels, ...(name === "" ? {} : { name }) });
  }

  private lookUpQuietly(text: string): Image | undefined {
    try {
      return this.lookUp(text, anyReference(text));
    } catch {
      return undefined;
    }
  }

  /** Gives an image a name. */
  *tag(id: string, reference: Reference): Proc<void> {
    yield* this.references.addTag(reference, id);
    yield* this.store.setLastUpdated(id, yield* this.daemon.timestamp());
    yield* this.event(id, familiarString(reference), "tag");
  }

  // ── Layers of containers ───────────────────────────────────────────────────────────────────────────────────────────

  *createLayer(containerId: string, imageId: string | undefined, storageOpt: Readonly<Record<string, string>> = {}): Proc<void> {
    if ("size" in storageOpt) throw systemError("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
    const [unknown] = Object.keys(storageOpt);
    if (unknown !== undefined) throw systemError(`Unknown option ${unknown}`);
    const chain = imageId === undefined ? "" : (this.store.find(imageId)?.chainId ?? "");
    yield* this.layers.createWritable(containerId, chain === "" ? undefined : chain);
  }

  mountLayer(containerId: string): Proc<string> {
    return this.layers.mount(containerId);
  }

  unmountLayer(containerId: string): Proc<void> {
    return this.layers.unmount(containerId);
  }

  *removeLayersBut(isKnown: (containerId: string) => boolean): Proc<void> {
    for (const id of this.layers.writableNames()) {
      if (isKnown(id)) continue;
      try {
        yield* this.layers.removeWritable(id);
      } catch (e) {
        if (!isFailure(e)) throw e;
        yield* this.daemon.log("error", `failed to remove the layer of ${id}: ${e.message}`);
      }
    }
  }

  removeLayer(containerId: string): Proc<void> {
    return this.layers.removeWritable(containerId);
  }

  layerSize(containerId: string): Proc<{ readonly rw: number; readonly rootFs: number }> {
    return this.layers.writableSize(containerId);
  }

  graphDriver(containerId: string): GraphDriverJson {
    return this.layers.writableDriver(containerId);
  }

  changes(containerId: string): Proc<FilesystemChange[]> {
    return this.layers.changes(containerId);
  }

  /** `docker export`: the whole root filesystem as an archive. Blocks. */
  *exportLayer(containerId: string, sink: ByteSink): Proc<void> {
    yield* this.layers.exportWritable(containerId, sink);
  }
}

function forContainer({ id, config }: Image): ImageForContainer {
  const { os = "linux", architecture = "amd64", variant } = config;
  return { id, config: config.config ?? {}, platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } };
}

/** Errors: invalidParameter. */
export function anyReference(text: string): Reference | { readonly digest: string } {
  try {
    return parseAnyReference(text);
  } catch (e) {
    if (e instanceof InvalidReference) throw invalidParameter(e.message);
    throw e;
  }
}

export function noSuchImage(reference: Reference | { readonly digest: string }): Error {
  return notFound(`No such image: ${"path" in reference ? familiarString(tagNameOnly(reference)) : reference.digest}`);
}
