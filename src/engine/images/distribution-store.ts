/**
 * Which blobs of registries hold which layers: /var/lib/docker/image/overlay2/distribution/{diffid-by-digest,v2metadata-by-diffid}/sha256/<digest>.
 * What was pulled or pushed once is found by it. moby `distribution/metadata/v2_metadata_service.go`.
 * Left out: the HMAC that tells entries of one login from those of another.
 */

import type { Proc, Sys } from "../../abi/sys.ts";
import { dirname } from "../../userland/libc/unistd.ts";
import { makeDirs, readJson, removeAll, writeAtomically } from "../files.ts";
import { hexOf, readIfThere } from "./files.ts";
import { goJson } from "./go-json.ts";

export interface BlobSource {
  /** Of the blob, compressed as it was sent. */
  readonly Digest: string;
  /** `docker.io/library/alpine`. */
  readonly SourceRepository: string;
  readonly HMAC: string;
}

const MAX_SOURCES = 50;

export class DistributionStore {
  constructor(
    private readonly sys: Sys,
    private readonly root: string,
  ) {}

  private sourcesPath(diffId: string): string {
    return `${this.root}/v2metadata-by-diffid/sha256/${hexOf(diffId)}`;
  }

  private diffIdPath(digest: string): string {
    return `${this.root}/diffid-by-digest/sha256/${hexOf(digest)}`;
  }

  /** The layer that a blob was found to hold. */
  diffId(digest: string): Proc<string | undefined> {
    return readIfThere(this.sys, this.diffIdPath(digest));
  }

  /** Where a layer can be had, the oldest first. */
  *sources(diffId: string): Proc<readonly BlobSource[]> {
    return (yield* readJson<BlobSource[]>(this.sys, this.sourcesPath(diffId))) ?? [];
  }

  *add(diffId: string, digest: string, repository: string): Proc<void> {
    const old = (yield* this.sources(diffId)).filter((source) => source.Digest !== digest || source.SourceRepository !== repository);
    const sources = [...old, { Digest: digest, SourceRepository: repository, HMAC: "" }].slice(-MAX_SOURCES);
    yield* this.write(this.sourcesPath(diffId), goJson(sources));
    yield* this.write(this.diffIdPath(digest), diffId);
  }

  /** A registry does not have it any more. */
  *remove(diffId: string, { Digest, SourceRepository }: BlobSource): Proc<void> {
    const all = yield* this.sources(diffId);
    const sources = all.filter((source) => source.Digest !== Digest || source.SourceRepository !== SourceRepository);
    if (sources.length === 0) yield* removeAll(this.sys, this.sourcesPath(diffId));
    else yield* this.write(this.sourcesPath(diffId), goJson(sources));
  }

  private *write(path: string, content: string): Proc<void> {
    yield* makeDirs(this.sys, dirname(path), 0o700);
    yield* writeAtomically(this.sys, path, content, 0o644);
  }
}
