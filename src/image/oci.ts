/**
 * Manifests, indexes and configurations of images: OCI image-spec 1.1 and Docker's image manifest version 2, schema 2, with the digests that name them.
 * The field names are those of the JSON documents.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import type { Proc, Sys } from "../abi/sys.ts";
import { encodeUtf8 } from "../abi/utf8.ts";
import type { ByteSink, ByteSource } from "../userland/libc/stream.ts";

export const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

export const isIndexType = (mediaType: string): boolean => mediaType === mediaTypes.index || mediaType === mediaTypes.dockerManifestList;
export const isManifestType = (mediaType: string): boolean => mediaType === mediaTypes.manifest || mediaType === mediaTypes.dockerManifest;
export const isGzipLayer = (mediaType: string): boolean => mediaType === mediaTypes.layerGzip || mediaType === mediaTypes.dockerLayerGzip;

export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly "os.version"?: string;
}

export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:…` of the bytes. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** One line of `docker history`, the oldest first in a configuration. */
export interface History {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  /** The step made no layer. */
  readonly empty_layer?: boolean;
}

export interface Healthcheck {
  readonly Test?: readonly string[];
  /** Nanoseconds. */
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** What containers of an image get unless they are told otherwise. Docker's own fields are below OCI's. */
export interface RunConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, Record<string, never>>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly ArgsEscaped?: boolean;
  readonly Healthcheck?: Healthcheck;
  readonly OnBuild?: readonly string[] | null;
  readonly Shell?: readonly string[];
}

export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly config?: RunConfig;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly string[] };
  readonly history?: readonly History[];
  // Of Docker alone: what `docker commit` and the classic builder record.
  readonly docker_version?: string;
  readonly container?: string;
  readonly container_config?: Readonly<Record<string, unknown>>;
}

/** User CPU time a byte: sha256 of a 2 GHz machine without extensions for it; the figure of sha256sum(1). */
const SHA256_NS_PER_BYTE = 4;

/** A running sha256. */
export class Digester {
  private readonly hash = sha256.create();
  /** Bytes taken so far. */
  sizeBytes = 0;

  /** Takes bytes at no cost: for those who are no task. */
  update(bytes: Uint8Array): void {
    this.hash.update(bytes);
    this.sizeBytes += bytes.length;
  }

  /** Takes bytes in the time that a processor needs for them. */
  *absorb(sys: Sys, bytes: Uint8Array): Proc<void> {
    this.update(bytes);
    yield* sys.spend(bytes.length * SHA256_NS_PER_BYTE);
  }

  /** `sha256:…` of what has been taken so far. */
  digest(): string {
    return `sha256:${hex(this.hash.clone().digest())}`;
  }
}

export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const b of bytes) text += b.toString(16).padStart(2, "0");
  return text;
}

/** `sha256:…` of a short text or of bytes, at no cost. */
export function digestOf(content: string | Uint8Array): string {
  const digester = new Digester();
  digester.update(typeof content === "string" ? encodeUtf8(content) : content);
  return digester.digest();
}

/** Passes bytes on and keeps their digest. */
export class DigestingSource implements ByteSource {
  readonly digester = new Digester();

  constructor(
    private readonly sys: Sys,
    private readonly source: ByteSource,
  ) {}

  *read(): Proc<Uint8Array | undefined> {
    const bytes = yield* this.source.read();
    if (bytes !== undefined) yield* this.digester.absorb(this.sys, bytes);
    return bytes;
  }
}

/** Passes bytes on and keeps their digest. */
export class DigestingSink implements ByteSink {
  readonly digester = new Digester();

  constructor(
    private readonly sys: Sys,
    private readonly sink: ByteSink,
  ) {}

  *write(bytes: Uint8Array): Proc<void> {
    yield* this.digester.absorb(this.sys, bytes);
    yield* this.sink.write(bytes);
  }
}

/** The name of a layer together with all below it: image-spec `config.md`, "Layer ChainID". The lowest layer's is its DiffID. */
export function chainId(diffIds: readonly string[]): string {
  const [first = "", ...others] = diffIds;
  return others.reduce((chain, diffId) => digestOf(`${chain} ${diffId}`), first);
}

/** The chain ids of every layer, the lowest first. */
export function chainIds(diffIds: readonly string[]): string[] {
  const all: string[] = [];
  for (const diffId of diffIds) all.push(all.length === 0 ? diffId : digestOf(`${all[all.length - 1]} ${diffId}`));
  return all;
}
