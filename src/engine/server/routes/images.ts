/** /images, /commit, /auth and /distribution. moby `api/server/router/{image,container,system,distribution}`. */

import type { Proc } from "../../../abi/sys.ts";
import { decodeUtf8 } from "../../../abi/utf8.ts";
import type { ByteSink } from "../../../userland/libc/stream.ts";
import type { AuthConfig } from "../../api/image.ts";
import type { ContainerConfig } from "../../api/container.ts";
import type { Filters } from "../../api/events.ts";
import { EngineError, invalidParameter, isFailure, systemError, wordsOf } from "../../errors.ts";
import { commitContainer, tagReference } from "../../images/commit.ts";
import { Images } from "../../images/images.ts";
import { importImage } from "../../images/import.ts";
import { imageHistory, inspectImage } from "../../images/inspect.ts";
import { listImages } from "../../images/list.ts";
import { loadImages } from "../../images/load.ts";
import { MessageStream } from "../../images/progress.ts";
import { pullImage, pullReference } from "../../images/pull.ts";
import { pushImage, pushReference } from "../../images/push.ts";
import { pruneImages, removeImage } from "../../images/remove.ts";
import { chooseImages } from "../../images/save.ts";
import { inspectDistribution, login, searchImages } from "../../images/search.ts";
import { decodeBase64 } from "../../images/tar-split.ts";
import type { AnswerStream, Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";

/** The images of this daemon, as the class that they are. */
function imagesOf({ daemon }: Exchange): Images {
  if (!(daemon.images instanceof Images)) throw systemError("no image store");
  return daemon.images;
}

/** Bad JSON in `filters` is no fault of the parameter's, for images. */
function filtersOf(x: Exchange): Filters {
  try {
    return x.filters();
  } catch (e) {
    if (e instanceof EngineError) throw systemError(e.message);
    throw e;
  }
}

/** X-Registry-Auth; what cannot be read counts for nothing. */
function authOf({ head }: Exchange): AuthConfig {
  try {
    return (JSON.parse(decodeUtf8(decodeBase64(head.headers.get("X-Registry-Auth") ?? ""))) as AuthConfig | null) ?? {};
  } catch {
    return {};
  }
}

/** An answer of JSON messages: a failure before the first has a status of its own, one after it is the last message. */
function* withMessages(x: Exchange, body: (output: MessageStream) => Proc<void>): Proc<void> {
  let stream: AnswerStream | undefined;
  const output = new MessageStream(x.daemon.sys, function* (): Proc<ByteSink> {
    stream = yield* x.streaming(200, "application/json");
    return stream;
  });
  try {
    yield* body(output);
  } catch (e) {
    if (!isFailure(e) || !output.begun) throw e;
    yield* output.error(wordsOf(e));
  }
  if (output.broken) x.finished = true;
  else if (stream !== undefined) yield* stream.end();
  else if (!x.answered) yield* x.empty(200);
}

function* create(x: Exchange): Proc<void> {
  const images = imagesOf(x);
  const { query } = x;
  const text = (name: string): string => query.get(name) ?? "";
  const platform = x.apiVersion < 32 ? undefined : x.platform();
  yield* withMessages(x, function* (output) {
    const image = text("fromImage");
    if (image !== "") yield* pullImage(images, pullReference(image, text("tag")), platform, authOf(x), output);
    else
      yield* importImage(
        images,
        {
          source: text("fromSrc"),
          repository: text("repo"),
          tag: text("tag"),
          message: text("message"),
          changes: query.all("changes"),
          os: platform?.os ?? "",
        },
        x.body,
        output,
      );
  });
}

function* push(x: Exchange): Proc<void> {
  if (!x.head.headers.has("X-Registry-Auth")) {
    const body = yield* x.json<AuthConfig>();
    if (body === undefined) throw invalidParameter("Bad parameters and missing X-Registry-Auth: EOF");
  }
  const reference = pushReference(x.var("name"), x.query.get("tag") ?? "");
  yield* withMessages(x, (output) => pushImage(imagesOf(x), reference, authOf(x), output));
}

function* get(x: Exchange): Proc<void> {
  const names = x.vars.name === undefined ? x.query.all("names") : [x.var("name")];
  const session = chooseImages(imagesOf(x), names);
  const stream = yield* x.streaming(200, "application/x-tar");
  try {
    yield* session.write(stream);
    yield* stream.end();
  } catch (e) {
    if (!isFailure(e)) throw e;
    // The archive ends too early, which the client sees.
    x.finished = true;
    yield* x.daemon.log("error", `Error saving images: ${wordsOf(e)}`);
  }
}

function* load(x: Exchange): Proc<void> {
  const quiet = x.flag("quiet", true);
  yield* withMessages(x, function* (output) {
    try {
      yield* loadImages(imagesOf(x), x.body, output, quiet);
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* output.error(wordsOf(e));
    }
  });
}

function* remove(x: Exchange): Proc<void> {
  const name = x.var("name");
  if (name.trim() === "") throw invalidParameter("image name cannot be blank");
  yield* x.send(200, yield* removeImage(imagesOf(x), name, x.flag("force"), !x.flag("noprune")));
}

function* tag(x: Exchange): Proc<void> {
  const images = imagesOf(x);
  const { id } = images.require(x.var("name"));
  yield* images.tag(id, tagReference(x.query.get("repo") ?? "", x.query.get("tag") ?? ""));
  yield* x.empty(201);
}

function* list(x: Exchange): Proc<void> {
  const filters = filtersOf(x);
  const old = x.query.get("filter") ?? "";
  if (x.apiVersion < 41 && old !== "") filters.reference = [...(filters.reference ?? []), old];
  yield* x.send(200, listImages(imagesOf(x), filters, x.flag("all")));
}

function* search(x: Exchange): Proc<void> {
  const limit = x.int("limit") ?? 25;
  yield* x.send(200, yield* searchImages(imagesOf(x), x.query.get("term") ?? "", limit, filtersOf(x), authOf(x)));
}

function* commit(x: Exchange): Proc<void> {
  const text = (name: string): string => x.query.get(name) ?? "";
  const config = yield* x.json<Partial<ContainerConfig> | null>();
  const id = yield* commitContainer(imagesOf(x), {
    container: text("container"),
    repository: text("repo"),
    tag: text("tag"),
    comment: text("comment"),
    author: text("author"),
    pause: text("pause") === "" || x.flag("pause"),
    changes: x.query.all("changes"),
    config: config == null || Object.keys(config).length === 0 ? undefined : config,
  });
  yield* x.send(201, { Id: id });
}

function* auth(x: Exchange): Proc<void> {
  yield* x.send(200, yield* login(imagesOf(x), (yield* x.json<AuthConfig>()) ?? {}));
}

export const imageRoutes: readonly Route[] = [
  { method: "GET", path: "/images/json", handler: list },
  { method: "GET", path: "/images/search", handler: search },
  { method: "GET", path: "/images/get", handler: get },
  { method: "GET", path: "/images/{name:.*}/get", handler: get },
  { method: "GET", path: "/images/{name:.*}/history", handler: (x) => x.send(200, imageHistory(imagesOf(x), x.var("name"))) },
  {
    method: "GET",
    path: "/images/{name:.*}/json",
    *handler(x) {
      yield* x.send(200, yield* inspectImage(imagesOf(x), x.var("name")));
    },
  },
  { method: "POST", path: "/images/load", handler: load },
  { method: "POST", path: "/images/create", handler: create },
  { method: "POST", path: "/images/{name:.*}/push", handler: push },
  { method: "POST", path: "/images/{name:.*}/tag", handler: tag },
  {
    method: "POST",
    path: "/images/prune",
    *handler(x) {
      yield* x.send(200, yield* pruneImages(imagesOf(x), filtersOf(x)));
    },
  },
  { method: "DELETE", path: "/images/{name:.*}", handler: remove },
  { method: "POST", path: "/commit", handler: commit },
  { method: "POST", path: "/auth", handler: auth },
  {
    method: "GET",
    path: "/distribution/{name:.*}/json",
    *handler(x) {
      yield* x.send(200, yield* inspectDistribution(imagesOf(x), x.var("name"), authOf(x)));
    },
  },
];
