/** `docker import`: the contents of an archive as an image of one layer. moby `daemon/images/image_import.go`. */

import type { Proc } from "../../abi/sys.ts";
import { InvalidReference, parseNormalizedNamed, type Reference, withTag } from "../../image/reference.ts";
import type { ByteSource } from "../../userland/libc/stream.ts";
import { invalidParameter } from "../errors.ts";
import { ENGINE_VERSION } from "../version.ts";
import { decompressed } from "./archive.ts";
import { changedConfig, wholeConfig } from "./config.ts";
import { goJson, sortKeys } from "./go-json.ts";
import type { Images } from "./images.ts";
import type { MessageStream } from "./progress.ts";
import { ProgressSource } from "./progress.ts";
import { get } from "./registry/http-client.ts";

export interface ImportRequest {
  /** `-`: the body of the request; else a URL. */
  readonly source: string;
  readonly repository: string;
  readonly tag: string;
  readonly message: string;
  readonly changes: readonly string[];
  readonly os: string;
}

/** Errors: invalidParameter for a bad name or change; systemError. Blocks. */
export function* importImage(images: Images, request: ImportRequest, body: ByteSource, output: MessageStream): Proc<void> {
  const { daemon } = images;
  const reference = request.repository === "" ? undefined : importName(request.repository, request.tag);
  const config = changedConfig({}, request.changes);
  const { source, name } = request.source === "-" ? { source: body, name: "-" } : yield* fetch(images, request.source, output);
  const comment = request.message === "" ? `Imported from ${name}` : request.message;
  const layer = yield* images.layers.register(yield* decompressed(daemon.sys, source), undefined);
  try {
    const created = yield* daemon.timestamp();
    const raw = goJson(
      sortKeys({
        architecture: "amd64",
        comment,
        config: wholeConfig(config),
        container_config: wholeConfig({}),
        created,
        docker_version: ENGINE_VERSION,
        history: [{ created, comment }],
        os: request.os === "" ? "linux" : request.os,
        rootfs: { type: "layers", diff_ids: [layer.diffId] },
      }),
    );
    const { id } = yield* images.store.create(raw);
    if (reference !== undefined) yield* images.tag(id, reference);
    yield* images.event(id, id, "import");
    yield* output.status(id);
  } finally {
    yield* images.layers.release(layer);
  }
}

function importName(repository: string, tag: string): Reference {
  try {
    const reference = parseNormalizedNamed(repository);
    if (reference.digest !== undefined) throw invalidParameter("cannot import digest reference");
    return tag === "" ? reference : withTag(reference, tag);
  } catch (e) {
    if (e instanceof InvalidReference) throw invalidParameter(e.message);
    throw e;
  }
}

function* fetch({ daemon: { sys } }: Images, text: string, output: MessageStream): Proc<{ source: ByteSource; name: string }> {
  const url = text.includes("://") ? text : `http://${text}`;
  const answer = yield* get(sys, url);
  yield* output.status(`Downloading from ${url}`);
  return { source: new ProgressSource(sys, answer.body, output, answer.length ?? 0, "", "Importing"), name: url };
}
