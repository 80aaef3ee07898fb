/** Where a registry's images are: what its API needs to know of them. */

import type { Document } from "../base/catalogue.ts";
import { digestOf, type Index, isIndexType, type Manifest } from "../oci.ts";
import type { SizedBody } from "./http.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";

export interface Blob {
  readonly mediaType: string;
  readonly content: Uint8Array | SizedBody;
}

/** What can be pulled. */
export interface RegistryStore {
  readonly repositories: readonly string[];
  findTags(repository: string): readonly string[] | undefined;
  /** By tag or digest. */
  findManifest(repository: string, reference: string): Document | undefined;
  findBlob(repository: string, digest: string): Blob | undefined;
}

interface Repository {
  readonly manifests: Map<string, Document>;
  readonly tags: Map<string, string>;
  readonly blobs: Set<string>;
}

/** Bytes on their way in. */
export interface Upload {
  readonly id: string;
  readonly repository: string;
  readonly parts: Uint8Array[];
  sizeBytes: number;
}

/** A registry that keeps what is pushed to it, as long as the machine is there. */
export class MemoryStore implements RegistryStore {
  private readonly byName = new Map<string, Repository>();
  private readonly blobs = new Map<string, Uint8Array>();
  private readonly uploads = new Map<string, Upload>();
  private uploadCount = 0;

  get repositories(): readonly string[] {
    return [...this.byName]
      .filter(([, { manifests }]) => manifests.size > 0)
      .map(([name]) => name)
      .sort();
  }

  findTags(repository: string): readonly string[] | undefined {
    const known = this.byName.get(repository);
    return known === undefined ? undefined : [...known.tags.keys()].sort();
  }

  findManifest(repository: string, reference: string): Document | undefined {
    const known = this.byName.get(repository);
    const digest = reference.includes(":") ? reference : known?.tags.get(reference);
    return digest === undefined ? undefined : known?.manifests.get(digest);
  }

  findBlob(repository: string, digest: string): Blob | undefined {
    const content = this.byName.get(repository)?.blobs.has(digest) ? this.blobs.get(digest) : undefined;
    return content === undefined ? undefined : { mediaType: "application/octet-stream", content };
  }

  /** The first of the documents and blobs that a manifest names and the repository does not have. */
  findMissing(repository: string, mediaType: string, manifest: Manifest | Index): string | undefined {
    const known = this.byName.get(repository);
    if (isIndexType(mediaType)) return (manifest as Index).manifests.map((m) => m.digest).find((digest) => !known?.manifests.has(digest));
    const { config, layers } = manifest as Manifest;
    return [config, ...layers].map((d) => d.digest).find((digest) => !known?.blobs.has(digest));
  }

  putManifest(repository: string, reference: string, mediaType: string, bytes: Uint8Array): string {
    const digest = digestOf(bytes);
    const known = this.repository(repository);
    known.manifests.set(digest, { mediaType, digest, bytes: bytes.slice() });
    if (!reference.includes(":")) known.tags.set(reference, digest);
    return digest;
  }

  deleteManifest(repository: string, digest: string): boolean {
    const known = this.byName.get(repository);
    if (known?.manifests.delete(digest) !== true) return false;
    for (const [tag, tagged] of known.tags) if (tagged === digest) known.tags.delete(tag);
    return true;
  }

  deleteBlob(repository: string, digest: string): boolean {
    return this.byName.get(repository)?.blobs.delete(digest) === true;
  }

  /** Makes a blob of one repository one of another. Returns false if it is not there. */
  mount(repository: string, digest: string, from: string): boolean {
    if (this.byName.get(from)?.blobs.has(digest) !== true) return false;
    this.repository(repository).blobs.add(digest);
    return true;
  }

  startUpload(repository: string): Upload {
    // Its place in the sequence in the form of a UUID.
    const number = (++this.uploadCount).toString(16).padStart(12, "0");
    const upload: Upload = { id: `00000000-0000-4000-8000-${number}`, repository, parts: [], sizeBytes: 0 };
    this.uploads.set(upload.id, upload);
    return upload;
  }

  findUpload(repository: string, id: string): Upload | undefined {
    const upload = this.uploads.get(id);
    return upload?.repository === repository ? upload : undefined;
  }

  dropUpload(upload: Upload): void {
    this.uploads.delete(upload.id);
  }

  /** Ends an upload. Returns false, and forgets it, if the bytes have another digest. */
  finishUpload(upload: Upload, digest: string): boolean {
    this.uploads.delete(upload.id);
    const bytes = new Uint8Array(upload.sizeBytes);
    let at = 0;
    for (const part of upload.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    if (digestOf(bytes) !== digest) return false;
    this.blobs.set(digest, bytes);
    this.repository(upload.repository).blobs.add(digest);
    return true;
  }

  private repository(name: string): Repository {
    let known = this.byName.get(name);
    if (known === undefined) {
      known = { manifests: new Map(), tags: new Map(), blobs: new Set() };
      this.byName.set(name, known);
    }
    return known;
  }
}

/** A manifest as it was sent; undefined if it is none. */
export function readManifest(bytes: Uint8Array): Manifest | Index | undefined {
  let content: unknown;
  try {
    content = JSON.parse(decodeUtf8(bytes));
  } catch {
    return undefined;
  }
  if (typeof content !== "object" || content === null || !("schemaVersion" in content) || content.schemaVersion !== 2) return undefined;
  if ("manifests" in content && Array.isArray(content.manifests)) return content as Index;
  if ("config" in content && "layers" in content && Array.isArray(content.layers)) return content as Manifest;
  return undefined;
}
