/** POST /build: the classic builder. moby `api/server/router/build`, `api/server/backend/build`. */

import type { Proc } from "../../../abi/sys.ts";
import {
  familiarString,
  InvalidReference,
  normalizedString,
  parseNormalizedNamed,
  type Reference,
  tagNameOnly,
} from "../../../image/reference.ts";
import type { ByteSink } from "../../../userland/libc/stream.ts";
import { BuilderCrash, ClassicBuild, type PathCache } from "../../build/builder.ts";
import { openContext } from "../../build/context.ts";
import { type BuildOptions, buildOptions } from "../../build/options.ts";
import { BuildOutput, StepFailure } from "../../build/output.ts";
import { invalidParameter, isFailure, systemError, wordsOf } from "../../errors.ts";
import { shortId } from "../../images/files.ts";
import { Images } from "../../images/images.ts";
import { MessageStream } from "../../images/progress.ts";
import { watchForEnd } from "../connection.ts";
import type { AnswerStream, Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";

/** By daemon, as long as it lives. */
const pathCaches = new WeakMap<object, PathCache>();

function pathCacheOf(images: Images): PathCache {
  const cache = pathCaches.get(images) ?? new Map<string, string>();
  pathCaches.set(images, cache);
  return cache;
}

/** The names for the result, each once. Errors: systemError. */
function tagsOf({ tags }: BuildOptions): Reference[] {
  const found = new Map<string, Reference>();
  for (const text of tags) {
    if (text === "") continue;
    try {
      const reference = parseNormalizedNamed(text);
      if (reference.digest !== undefined) throw systemError("build tag cannot contain a digest");
      const tagged = tagNameOnly(reference);
      found.set(normalizedString(tagged), tagged);
    } catch (e) {
      if (e instanceof InvalidReference) throw invalidParameter(e.message);
      throw e;
    }
  }
  return [...found.values()];
}

/** Keeps what a quiet build would have said. */
class Buffer implements ByteSink {
  private readonly parts: Uint8Array[] = [];

  *write(bytes: Uint8Array): Proc<void> {
    this.parts.push(bytes.slice());
  }

  *writeTo(sink: ByteSink): Proc<void> {
    for (const part of this.parts) yield* sink.write(part);
  }

  get isEmpty(): boolean {
    return this.parts.length === 0;
  }
}

function* build(x: Exchange): Proc<void> {
  const options = buildOptions(x);
  let stream: AnswerStream | undefined;
  const answer = function* (): Proc<AnswerStream> {
    stream ??= yield* x.streaming(200, "application/json");
    return stream;
  };
  const buffer = new Buffer();
  const messages = new MessageStream(x.daemon.sys, options.quiet ? buffered(buffer) : answer);
  const output = new BuildOutput(messages);
  try {
    const id = yield* perform(x, options, output);
    if (options.quiet) yield* (yield* answer()).json({ stream: `${id}\n` });
  } catch (e) {
    if (e instanceof BuilderCrash) {
      x.finished = true;
      return;
    }
    if (!isFailure(e) && !(e instanceof StepFailure)) throw e;
    const failure = e instanceof StepFailure ? e : undefined;
    if (options.quiet && !buffer.isEmpty) yield* buffer.writeTo(yield* answer());
    if (stream === undefined) throw failure === undefined ? e : systemError(failure.message);
    const told = options.quiet ? new BuildOutput(new MessageStream(x.daemon.sys, answer)) : output;
    if (failure !== undefined) yield* told.failure(failure);
    else yield* told.messages.error(wordsOf(e));
  }
  if (messages.broken || x.finished) x.finished = true;
  else if (stream !== undefined) yield* stream.end();
  else yield* x.empty(200);
}

const buffered = (buffer: Buffer) =>
  function* (): Proc<ByteSink> {
    return buffer;
  };

/** Returns the image's id. Errors: EngineError, StepFailure. Blocks. */
function* perform(x: Exchange, options: BuildOptions, output: BuildOutput): Proc<string> {
  const { daemon } = x;
  const { images } = daemon;
  if (!(images instanceof Images)) throw systemError("no image store");
  const tags = tagsOf(options);
  const context = yield* openContext(daemon, x.body, options.remote, options.dockerfile);
  const classic = new ClassicBuild(daemon, images, options, context, output, pathCacheOf(images));
  const watch = yield* watchForEnd(x, function* () {
    classic.cancelled = true;
    yield* classic.containers.cancel();
  });
  try {
    const id = yield* classic.run();
    yield* output.stdout(`Successfully built ${shortId(id)}\n`);
    for (const reference of tags) {
      yield* images.tag(id, reference);
      yield* output.stdout(`Successfully tagged ${familiarString(reference)}\n`);
    }
    return id;
  } finally {
    yield* watch.stop();
    yield* context.close();
  }
}

export const buildRoutes: readonly Route[] = [{ method: "POST", path: "/build", handler: build }];
