/** `docker pull`. moby `distribution/pull_v2.go`, `distribution/xfer/download.go`. Left out: resuming a broken download in the middle, schema 1. */

import { O_CLOEXEC, O_CREAT, O_EXCL, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import {
  chainId,
  type Descriptor,
  Digester,
  digestOf,
  type Index,
  isIndexType,
  isManifestType,
  type Manifest,
  type Platform,
} from "../../image/oci.ts";
import { formatPlatform, suits } from "../../image/platform.ts";
import {
  digestFault,
  familiarName,
  familiarString,
  InvalidReference,
  normalizedName,
  parseNormalizedNamed,
  type Reference,
  withDigest,
  withTag,
} from "../../image/reference.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import { open, optional, unlink } from "../../userland/libc/unistd.ts";
import type { AuthConfig } from "../api/image.ts";
import { EngineError, forbidden, invalidParameter, isFailure, systemError, wordsOf } from "../errors.ts";
import { decompressed, openSource } from "./archive.ts";
import { piped } from "./byte-pipe.ts";
import { shortId } from "./files.ts";
import { parseImage } from "./image-store.ts";
import type { Images } from "./images.ts";
import type { Layer } from "./layer-store.ts";
import { type MessageStream, ProgressSource } from "./progress.ts";
import { withRepository } from "./registry/endpoints.ts";
import { readText } from "./registry/http-client.ts";
import { isFinal, pullError } from "./registry/registry-error.ts";
import { parseJson, type Repository, UNKNOWN_BLOB } from "./registry/repository.ts";
import type { Slot, Transfer } from "./transfer.ts";

const OWN_PLATFORM: Platform = { os: "linux", architecture: "amd64" };
const MAX_ATTEMPTS = 5;
const RETRY_STEP_SEC = 5;

/** A name and tag, or digest, as clients send them. Errors: invalidParameter. */
export function pullReference(image: string, tag: string): Reference {
  try {
    const reference = parseNormalizedNamed(image.replace(/:$/, ""));
    if (tag === "") return reference;
    return digestFault(tag) === undefined ? withDigest(reference, tag) : withTag(reference, tag);
  } catch (e) {
    if (e instanceof InvalidReference) throw invalidParameter(e.message);
    throw e;
  }
}

/** Pulls one image, or without tag and digest all of the repository. Errors: notFound, systemError in the words of registries. Blocks. */
export function* pullImage(
  images: Images,
  reference: Reference,
  platform: Platform | undefined,
  auth: AuthConfig,
  output: MessageStream,
): Proc<void> {
  if (familiarName(reference) === "scratch") throw forbidden("'scratch' is a reserved name");
  try {
    yield* withRepository(images.daemon, reference, auth, "pull", function* (repository) {
      const pull = new Pull(images, repository, reference, platform, output);
      let fresh = false;
      if (reference.tag === undefined && reference.digest === undefined)
        for (const tag of yield* repository.tags()) fresh = (yield* pull.one(withTag(reference, tag))) || fresh;
      else fresh = yield* pull.one(reference);
      const what = fresh ? "Downloaded newer image for" : "Image is up to date for";
      yield* output.report({ id: "", message: `Status: ${what} ${familiarString(reference)}` });
    });
  } catch (e) {
    throw e instanceof EngineError ? pullError(e, reference) : e;
  }
  yield* images.event(familiarString(reference), familiarName(reference), "pull");
}

class Pull {
  constructor(
    private readonly images: Images,
    private readonly repository: Repository,
    private readonly name: Reference,
    private readonly platform: Platform | undefined,
    private readonly output: MessageStream,
  ) {}

  /** Returns whether the name means something new now. */
  *one(reference: Reference): Proc<boolean> {
    const { repository, output, images } = this;
    const digest = reference.digest ?? (yield* repository.resolveTag(reference.tag as string)).digest;
    const manifest = yield* repository.manifest(digest);
    const shown = reference.digest === undefined ? (reference.tag as string) : familiarStringOf(reference);
    yield* output.report({ id: shown, message: `Pulling from ${repository.path}` });
    const id = yield* this.image(manifest);
    yield* output.report({ id: "", message: `Digest: ${digest}` });
    const { references } = images;
    if (references.get(reference) === id) {
      yield* references.addDigest(withDigest(reference, digest), id);
      return false;
    }
    yield* references.addDigest(withDigest(reference, digest), id);
    if (reference.digest === undefined) yield* references.addTag(reference, id);
    return true;
  }

  private *image({ mediaType, text }: { readonly mediaType: string; readonly text: string }): Proc<string> {
    if (isIndexType(mediaType)) {
      const { manifests } = parseJson<Index>(text, "");
      const wanted = this.platform ?? OWN_PLATFORM;
      const match = manifests.find(
        ({ platform, mediaType: type }) =>
          (type === undefined || isManifestType(type)) && platform !== undefined && suits(platform, wanted),
      );
      if (match === undefined) throw systemError(`no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`);
      return yield* this.image(yield* this.repository.manifest(match.digest));
    }
    if (!isManifestType(mediaType)) throw invalidParameter("unsupported manifest format");
    return yield* this.layers(parseJson<Manifest>(text, ""));
  }

  private *layers({ config, layers }: Manifest): Proc<string> {
    const { images, output } = this;
    if (images.store.find(config.digest) !== undefined) return config.digest;
    const fault = layers.map(({ digest }) => digestFault(digest)).find((one) => one !== undefined);
    if (fault !== undefined) throw systemError(`could not validate layer digest ${JSON.stringify(layers[0]?.digest ?? "")}: ${fault}`);
    const download = new LayerDownload(images, this.repository, this.name, output);
    try {
      yield* download.start(layers);
      // The configuration comes while layers do.
      const raw = yield* this.config(config.digest);
      const image = parseImage(config.digest, raw);
      if (typeof image === "string") throw systemError(image);
      const diffIds = yield* download.finish();
      const expected = image.config.rootfs.diff_ids;
      if (diffIds.length !== expected.length || diffIds.some((diffId, i) => diffId !== expected[i]))
        throw systemError("layers from manifest don't match image configuration");
      return (yield* images.store.create(raw)).id;
    } finally {
      yield* download.close();
    }
  }

  private *config(digest: string): Proc<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        const raw = yield* readText(yield* this.repository.blob(digest));
        if (digestOf(raw) !== digest) throw systemError(`image config verification failed for digest ${digest}`);
        return raw;
      } catch (e) {
        if (!isFailure(e)) throw e;
        if (isFinal(e) || wordsOf(e) === UNKNOWN_BLOB || attempt === MAX_ATTEMPTS)
          throw systemError(`error pulling image configuration: download failed after attempts=${attempt}: ${wordsOf(e)}`);
        yield* this.images.daemon.sys.nanosleep(250e6 * 2 ** (attempt - 1));
      }
    }
  }
}

const familiarStringOf = (reference: Reference): string => `${familiarName(reference)}@${reference.digest ?? ""}`;

/** The layers of one image: those that are not there yet, fetched at once and unpacked one after the other. */
class LayerDownload {
  private readonly diffIds: string[] = [];
  private readonly transfers: Transfer<Layer>[] = [];
  private base: Layer | undefined;

  constructor(
    private readonly images: Images,
    private readonly repository: Repository,
    private readonly name: Reference,
    private readonly output: MessageStream,
  ) {}

  *start(descriptors: readonly Descriptor[]): Proc<void> {
    const { images, output } = this;
    let key = "";
    let missing = false;
    let below: Transfer<Layer> | undefined;
    const byDigest = new Map<string, Transfer<Layer>>();
    for (const descriptor of descriptors) {
      key += `v2:${descriptor.digest}`;
      const id = shortId(descriptor.digest);
      const diffId = missing ? undefined : yield* images.distribution.diffId(descriptor.digest);
      const there = diffId === undefined ? undefined : images.layers.get(chainId([...this.diffIds, diffId]));
      if (there !== undefined && diffId !== undefined) {
        yield* output.report({ id, action: "Already exists" });
        if (this.base !== undefined) yield* images.layers.release(this.base);
        this.base = there;
        this.diffIds.push(diffId);
        yield* images.distribution.add(diffId, descriptor.digest, normalizedName(this.name));
        continue;
      }
      missing = true;
      // The same blob once more in the same image is not fetched again.
      const same = byDigest.get(descriptor.digest);
      if (same === undefined) yield* output.report({ id, action: "Pulling fs layer" });
      const job = new LayerJob(images, this.repository, this.name, descriptor, this.base?.chainId, below);
      below = yield* images.downloads.start<Layer>(key, output, (transfer, slot) =>
        same === undefined ? job.run(transfer, slot) : job.copy(same),
      );
      byDigest.set(descriptor.digest, same ?? below);
      this.transfers.push(below);
    }
  }

  /** Blocks until all are there; their digests. Errors: what the first one failed with. */
  *finish(): Proc<readonly string[]> {
    for (const transfer of this.transfers) this.diffIds.push((yield* transfer.result()).diffId);
    return this.diffIds;
  }

  /** Lets go of the layers: the image holds them now, or nobody does. Blocks until what is under way has ended. */
  *close(): Proc<void> {
    const left = this.transfers.filter((transfer) => transfer.leave(this.output));
    for (const transfer of left.reverse()) {
      try {
        yield* this.images.layers.release(yield* transfer.result());
      } catch (e) {
        if (!isFailure(e)) throw e;
      }
    }
    if (this.base !== undefined) yield* this.images.layers.release(this.base);
  }
}

/** One layer: fetched into a file, checked, and unpacked once the one below is there. */
class LayerJob {
  constructor(
    private readonly images: Images,
    private readonly repository: Repository,
    private readonly name: Reference,
    private readonly descriptor: Descriptor,
    private readonly parentId: string | undefined,
    private readonly below: Transfer<Layer> | undefined,
  ) {}

  *run(transfer: Transfer<Layer>, slot: Slot): Proc<Layer> {
    const { images, descriptor } = this;
    const { sys } = images.daemon;
    const id = shortId(descriptor.digest);
    yield* slot.acquire(() => transfer.report({ id, action: "Waiting" }));
    const path = yield* this.download(transfer);
    try {
      yield* slot.release();
      const parentId = this.below === undefined ? this.parentId : (yield* this.below.result()).chainId;
      const file = yield* openSource(sys, path);
      try {
        const source = new ProgressSource(sys, file, transfer, file.sizeBytes, id, "Extracting");
        const layer = yield* this.register(yield* decompressed(sys, source), parentId);
        yield* transfer.report({ id, action: "Pull complete" });
        yield* images.distribution.add(layer.diffId, descriptor.digest, normalizedName(this.name));
        return layer;
      } finally {
        yield* file.close();
      }
    } finally {
      yield* optional(unlink(sys, path));
    }
  }

  /** Unpacks again what is a layer further down already. */
  *copy(same: Transfer<Layer>): Proc<Layer> {
    const { layers, daemon } = this.images;
    const parentId = this.below === undefined ? this.parentId : (yield* this.below.result()).chainId;
    const original = yield* same.result();
    const layer = yield* piped(
      daemon.sys,
      (sink) => layers.writeTar(original, sink),
      (source) => this.register(source, parentId),
    );
    yield* this.images.distribution.add(layer.diffId, this.descriptor.digest, normalizedName(this.name));
    return layer;
  }

  private *register(source: Parameters<Images["layers"]["register"]>[0], parentId: string | undefined): Proc<Layer> {
    try {
      return yield* this.images.layers.register(source, parentId);
    } catch (e) {
      if (isFailure(e)) throw systemError(`failed to register layer: ${wordsOf(e)}`);
      throw e;
    }
  }

  /** Returns the path of the file. Tries several times. */
  private *download(transfer: Transfer<Layer>): Proc<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return yield* this.fetch(transfer);
      } catch (e) {
        if (!isFailure(e)) throw e;
        const hopeless = isFinal(e) || wordsOf(e) === UNKNOWN_BLOB || e instanceof VerificationFailure || transfer.cancelled;
        if (hopeless || attempt > MAX_ATTEMPTS) {
          yield* this.images.daemon.log("error", `Download failed after ${attempt} attempts: ${wordsOf(e)}`);
          throw e;
        }
        yield* this.images.daemon.log("info", `Download failed, retrying (${attempt}/${MAX_ATTEMPTS}): ${wordsOf(e)}`);
        for (let left = attempt * RETRY_STEP_SEC; left > 0; left--) {
          yield* transfer.report({ id: shortId(this.descriptor.digest), action: `Retrying in ${left} second${left === 1 ? "" : "s"}` });
          yield* this.images.daemon.sys.nanosleep(1e9);
          if (transfer.cancelled) throw systemError("download cancelled during retry delay");
        }
      }
    }
  }

  private *fetch(transfer: Transfer<Layer>): Proc<string> {
    const { sys } = this.images.daemon;
    const { digest } = this.descriptor;
    const id = shortId(digest);
    const answer = yield* this.repository.blob(digest);
    const path = `${this.images.tempDir}/GetImageBlob${yield* this.images.daemon.randomHex(5)}`;
    const fd = yield* open(sys, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600);
    try {
      const source = new ProgressSource(sys, answer.body, transfer, answer.length ?? 0, id, "Downloading");
      const digester = new Digester();
      for (let part = yield* source.read(); part !== undefined; part = yield* source.read()) {
        if (transfer.cancelled) throw systemError("context canceled");
        yield* digester.absorb(sys, part);
        yield* writeAll(sys, fd, part);
      }
      yield* transfer.report({ id, action: "Verifying Checksum" });
      if (digester.digest() !== digest)
        throw new VerificationFailure("system", `filesystem layer verification failed for digest ${digest}`);
      yield* transfer.report({ id, action: "Download complete" });
      return path;
    } catch (e) {
      yield* optional(unlink(sys, path));
      throw e;
    } finally {
      yield* sys.close(fd);
      yield* answer.close();
    }
  }
}

/** What came is not what was asked for: it will not be better the next time. */
class VerificationFailure extends EngineError {}
