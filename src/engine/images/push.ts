/** `docker push`. moby `distribution/push_v2.go`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { type Descriptor, DigestingSource, digestOf, mediaTypes } from "../../image/oci.ts";
import {
  DEFAULT_DOMAIN,
  familiarName,
  familiarString,
  InvalidReference,
  normalizedName,
  parseNormalizedNamed,
  type Reference,
  withDigest,
  withTag,
} from "../../image/reference.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { GzipSink } from "../../userland/libc/gzip.ts";
import type { ByteSource } from "../../userland/libc/stream.ts";
import type { AuthConfig } from "../api/image.ts";
import { isFailure, systemError } from "../errors.ts";
import { piped } from "./byte-pipe.ts";
import { shortId } from "./files.ts";
import type { Image } from "./image-store.ts";
import type { Images } from "./images.ts";
import type { Layer } from "./layer-store.ts";
import { type MessageStream, ProgressSource } from "./progress.ts";
import { withRepository } from "./registry/endpoints.ts";
import { isFinal } from "./registry/registry-error.ts";
import type { Repository } from "./registry/repository.ts";
import type { Slot, Transfer } from "./transfer.ts";

const MAX_ATTEMPTS = 5;
const RETRY_STEP_SEC = 5;
/** Below these sizes less is tried to find a layer in the registry, as sending it costs little. */
const SMALL_LAYER = 100 * 1024;
const MIDDLE_LAYER = 10 * 1024 * 1024;

/** Errors: systemError, as moby has it, for a bad name. */
export function pushReference(image: string, tag: string): Reference {
  try {
    const reference = parseNormalizedNamed(image);
    return tag === "" ? reference : withTag(reference, tag);
  } catch (e) {
    if (e instanceof InvalidReference) throw systemError(e.message);
    throw e;
  }
}

/** Pushes one tag, or without one all of the repository. Errors: systemError, RegistryError. Blocks. */
export function* pushImage(images: Images, reference: Reference, auth: AuthConfig, output: MessageStream): Proc<void> {
  yield* output.report({ id: "", message: `The push refers to repository [${normalizedName(reference)}]` });
  if (images.references.byName(reference).length === 0)
    throw systemError(`An image does not exist locally with the tag: ${familiarName(reference)}`);
  yield* withRepository(images.daemon, reference, auth, "push,pull", function* (repository) {
    const push = new Push(images, repository, reference, output);
    if (reference.tag !== undefined) {
      const id = images.references.get(reference);
      if (id === undefined) throw systemError(`tag does not exist: ${familiarString(reference)}`);
      yield* push.one(reference, id);
      return;
    }
    if (reference.digest !== undefined) throw systemError("cannot push a digest reference");
    const tagged = images.references.byName(reference).filter((one) => one.reference.digest === undefined);
    if (tagged.length === 0) throw systemError(`no tags to push for ${familiarName(reference)}`);
    for (const one of tagged) yield* push.one(one.reference, one.id);
  });
  yield* images.event(familiarString(reference), familiarName(reference), "push");
}

class Push {
  /** Layers that are known to be there. */
  private readonly remote = new Map<string, Descriptor>();

  constructor(
    private readonly images: Images,
    private readonly repository: Repository,
    private readonly name: Reference,
    private readonly output: MessageStream,
  ) {}

  *one(reference: Reference, id: string): Proc<void> {
    const image = this.images.store.find(id);
    if (image === undefined) throw systemError(`could not find image from tag ${familiarString(reference)}: no such image`);
    const layers = yield* this.uploadAll(image);
    const config = yield* this.uploadConfig(image);
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config, layers }, undefined, 3);
    const tag = reference.tag as string;
    yield* this.repository.putManifest(tag, mediaTypes.dockerManifest, manifest);
    const digest = digestOf(manifest);
    const size = encodeUtf8(manifest).length;
    yield* this.output.report({ id: "", message: `${tag}: digest: ${digest} size: ${size}` });
    yield* this.images.references.addDigest(withDigest(reference, digest), id);
    yield* this.output.report({ aux: { Tag: tag, Digest: digest, Size: size } });
  }

  /** The lowest layer first in what is returned; the topmost is sent first. */
  private *uploadAll(image: Image): Proc<Descriptor[]> {
    const { images, output } = this;
    const chain: Layer[] = [];
    for (let at = images.layers.peek(image.chainId); at !== undefined; at = at.parent) chain.push(at);
    const transfers: Transfer<Descriptor>[] = [];
    const seen = new Set<string>();
    for (const layer of chain) {
      const key = `v2push:${normalizedName(this.name)} ${layer.diffId}`;
      if (!seen.has(layer.diffId)) yield* output.report({ id: shortId(layer.diffId), action: "Preparing" });
      seen.add(layer.diffId);
      transfers.push(yield* images.uploads.start<Descriptor>(key, output, (transfer, slot) => this.upload(layer, transfer, slot)));
    }
    const descriptors: Descriptor[] = [];
    try {
      for (const transfer of transfers) descriptors.unshift(yield* transfer.result());
    } finally {
      for (const transfer of transfers) transfer.leave(output);
    }
    return descriptors;
  }

  private *upload(layer: Layer, transfer: Transfer<Descriptor>, slot: Slot): Proc<Descriptor> {
    const { sys } = this.images.daemon;
    const id = shortId(layer.diffId);
    yield* slot.acquire(() => transfer.report({ id, action: "Waiting" }));
    for (let attempt = 1; ; attempt++) {
      try {
        const descriptor = yield* this.place(layer, transfer);
        this.remote.set(layer.diffId, descriptor);
        return descriptor;
      } catch (e) {
        if (!isFailure(e)) throw e;
        if (isFinal(e) || transfer.cancelled || attempt > MAX_ATTEMPTS) throw e;
        for (let left = attempt * RETRY_STEP_SEC; left > 0; left--) {
          yield* transfer.report({ id, action: `Retrying in ${left} second${left === 1 ? "" : "s"}` });
          yield* sys.nanosleep(1e9);
        }
      }
    }
  }

  /** Sees to it that the registry has the layer. */
  private *place(layer: Layer, transfer: Transfer<Descriptor>): Proc<Descriptor> {
    const { repository, images } = this;
    const id = shortId(layer.diffId);
    const known = this.remote.get(layer.diffId);
    if (known !== undefined) {
      yield* transfer.report({ id, action: "Layer already exists" });
      return known;
    }
    const own = normalizedName(this.name);
    // The youngest first.
    const sources = [...(yield* images.distribution.sources(layer.diffId))].reverse();
    const here = sources.find(({ SourceRepository }) => SourceRepository === own);
    const present = here === undefined ? undefined : yield* repository.statBlob(here.Digest);
    if (present !== undefined) {
      yield* transfer.report({ id, action: "Layer already exists" });
      return present;
    }
    if (here !== undefined) yield* images.distribution.remove(layer.diffId, here);
    const mountable = sources.filter((source) => source.SourceRepository !== own && domainOf(source.SourceRepository) === this.name.domain);
    const attempts = layer.sizeBytes > MIDDLE_LAYER ? 4 : layer.sizeBytes > SMALL_LAYER ? 3 : 1;
    let location: string | undefined;
    for (const { Digest, SourceRepository } of mountable.slice(0, attempts)) {
      const from = SourceRepository.slice(SourceRepository.indexOf("/") + 1);
      location = yield* repository.startUpload({ digest: Digest, from });
      if (location !== undefined) continue;
      const mounted = yield* repository.statBlob(Digest);
      yield* transfer.report({ id, action: `Mounted from ${from}` });
      yield* images.distribution.add(layer.diffId, Digest, own);
      return mounted ?? { mediaType: mediaTypes.dockerLayerGzip, digest: Digest, size: 0 };
    }
    location ??= yield* repository.startUpload();
    if (location === undefined) throw systemError("registry took an upload that had not begun");
    return yield* this.send(layer, location, transfer);
  }

  private *send(layer: Layer, location: string, transfer: Transfer<Descriptor>): Proc<Descriptor> {
    const { images, repository } = this;
    const { sys } = images.daemon;
    const id = shortId(layer.diffId);
    const descriptor = yield* piped(
      sys,
      (sink) => images.layers.writeTar(layer, sink),
      (tar) =>
        this.compressed(sys, new ProgressSource(sys, tar, transfer, layer.sizeBytes, id, "Pushing"), function* (blob) {
          const digesting = new DigestingSource(sys, blob);
          yield* repository.upload(location, digesting, () => digesting.digester.digest());
          return { mediaType: mediaTypes.dockerLayerGzip, size: digesting.digester.sizeBytes, digest: digesting.digester.digest() };
        }),
    );
    yield* transfer.report({ id, action: "Pushed" });
    yield* images.distribution.add(layer.diffId, descriptor.digest, normalizedName(this.name));
    return descriptor;
  }

  private compressed(sys: Sys, source: ByteSource, consume: (blob: ByteSource) => Proc<Descriptor>): Proc<Descriptor> {
    return piped(
      sys,
      function* (sink) {
        const gzip = new GzipSink(sys, sink);
        for (let part = yield* source.read(); part !== undefined; part = yield* source.read()) yield* gzip.write(part);
        yield* gzip.finish();
      },
      consume,
    );
  }

  private *uploadConfig({ raw, id }: Image): Proc<Descriptor> {
    const descriptor = { mediaType: mediaTypes.dockerConfig, size: encodeUtf8(raw).length, digest: id };
    if ((yield* this.repository.statBlob(id)) !== undefined) return descriptor;
    const location = yield* this.repository.startUpload();
    if (location === undefined) throw systemError("registry took an upload that had not begun");
    let bytes: Uint8Array | undefined = encodeUtf8(raw);
    const once: ByteSource = {
      *read() {
        const all = bytes;
        bytes = undefined;
        return all;
      },
    };
    yield* this.repository.upload(location, once, () => id);
    return descriptor;
  }
}

const domainOf = (repository: string): string => repository.slice(0, repository.indexOf("/")) || DEFAULT_DOMAIN;
