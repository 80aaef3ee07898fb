/**
 * All base images, and the documents of the registry that describe them: configuration, manifest and index of each, made when somebody asks. Only
 * linux/amd64 is there, so an index names that alone.
 */

import { encodeUtf8 } from "../../abi/utf8.ts";
import { type Descriptor, digestOf, type ImageConfig, type Index, type Manifest, mediaTypes } from "../oci.ts";
import { alpineImages } from "./alpine.ts";
import { type Digests, LayerArchive } from "./archive.ts";
import { busyboxImages, helloImages } from "./busybox.ts";
import { debianImages } from "./debian.ts";
import type { BaseImage, BaseLayer } from "./image.ts";
import { nodeImages, pythonImages } from "./languages.ts";
import { httpdImages, nginxImages, redisImages, registryImages } from "./servers.ts";
import type { Software } from "./software.ts";
import { ubuntuImages } from "./ubuntu.ts";

const families: readonly ((software: Software) => BaseImage[])[] = [
  alpineImages,
  busyboxImages,
  debianImages,
  helloImages,
  httpdImages,
  nginxImages,
  nodeImages,
  pythonImages,
  redisImages,
  registryImages,
  ubuntuImages,
];

/** What was worked out before: a layer's fingerprint → DiffID, digest (both without `sha256:`), CRC-32. */
export type RecordedDigests = Readonly<Record<string, readonly [diffId: string, digest: string, crc32: number]>>;

export interface Document {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** An image with everything that names it. */
export interface Published {
  readonly image: BaseImage;
  readonly index: Document;
  readonly manifest: Document;
  readonly config: Document;
  /** By digest of their compressed form. */
  readonly layers: ReadonlyMap<string, LayerArchive>;
}

export class Catalogue {
  /** Every image, as declared. */
  readonly images: readonly BaseImage[];
  private readonly archives = new Map<string, LayerArchive>();
  private readonly published = new Map<BaseImage, Published>();

  constructor(
    software: Software,
    private readonly recorded: RecordedDigests,
  ) {
    this.images = families.flatMap((family) => family(software));
  }

  get repositories(): string[] {
    return [...new Set(this.images.map(({ repository }) => repository))].sort();
  }

  /** The tags of a repository in the order of their names; undefined if there is no such repository. */
  findTags(repository: string): string[] | undefined {
    const tags = this.images.filter((image) => image.repository === repository).flatMap((image) => image.tags);
    return tags.length === 0 ? undefined : tags.sort();
  }

  /** The index behind a tag, or the index or manifest with a digest. */
  findManifest(repository: string, reference: string): Document | undefined {
    const images = this.images.filter((image) => image.repository === repository);
    if (!reference.includes(":")) {
      const image = images.find(({ tags }) => tags.includes(reference));
      return image === undefined ? undefined : this.publish(image).index;
    }
    return this.findPublished(images, ({ index, manifest }) => [index, manifest].find(({ digest }) => digest === reference));
  }

  /** A configuration or a layer. */
  findBlob(repository: string, digest: string): Document | LayerArchive | undefined {
    const images = this.images.filter((image) => image.repository === repository);
    return this.findPublished(images, ({ config, layers }) => (config.digest === digest ? config : layers.get(digest)));
  }

  /** Looks at the images that are worked out already before it works out others. */
  private findPublished<T>(images: readonly BaseImage[], look: (published: Published) => T | undefined): T | undefined {
    for (const image of images) {
      const known = this.published.get(image);
      const found = known === undefined ? undefined : look(known);
      if (found !== undefined) return found;
    }
    for (const image of images) {
      if (this.published.has(image)) continue;
      const found = look(this.publish(image));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  archiveOf(layer: BaseLayer): LayerArchive {
    let archive = this.archives.get(layer.key);
    if (archive === undefined) {
      archive = new LayerArchive(layer.tree().entries, (fingerprint) => this.lookUp(fingerprint));
      this.archives.set(layer.key, archive);
    }
    return archive;
  }

  private lookUp(fingerprint: string): Digests | undefined {
    const row = this.recorded[fingerprint];
    return row === undefined ? undefined : { diffId: `sha256:${row[0]}`, digest: `sha256:${row[1]}`, crc32: row[2] };
  }

  /** Makes the documents of an image; takes a while where digests are not recorded. */
  publish(image: BaseImage): Published {
    const known = this.published.get(image);
    if (known !== undefined) return known;
    const archives = image.steps.flatMap(({ layer }) => (layer === undefined ? [] : [this.archiveOf(layer)]));
    const configuration: ImageConfig = {
      architecture: "amd64",
      config: image.config,
      created: image.created,
      history: image.steps.map(({ createdBy, comment, layer }) => ({
        created: image.created,
        created_by: createdBy,
        ...(comment === undefined ? {} : { comment }),
        ...(layer === undefined ? { empty_layer: true } : {}),
      })),
      os: "linux",
      rootfs: { type: "layers", diff_ids: archives.map((archive) => archive.identify().diffId) },
    };
    const config = document(mediaTypes.config, configuration);
    const manifest = document(mediaTypes.manifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: descriptorOf(config),
      layers: archives.map((archive) => ({ mediaType: mediaTypes.layerGzip, digest: archive.identify().digest, size: archive.gzipBytes })),
    } satisfies Manifest);
    const index = document(mediaTypes.index, {
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [{ ...descriptorOf(manifest), platform: { architecture: "amd64", os: "linux" } }],
    } satisfies Index);
    const layers = new Map(archives.map((archive) => [archive.identify().digest, archive]));
    const published = { image, index, manifest, config, layers };
    this.published.set(image, published);
    return published;
  }
}

function document(mediaType: string, content: unknown): Document {
  const bytes = encodeUtf8(JSON.stringify(content));
  return { mediaType, digest: digestOf(bytes), bytes };
}

const descriptorOf = ({ mediaType, digest, bytes }: Document): Descriptor => ({ mediaType, digest, size: bytes.length });
