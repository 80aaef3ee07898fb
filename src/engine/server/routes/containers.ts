/** /containers. moby `api/server/router/container`. */

import { SIGKILL } from "../../../abi/signal.ts";
import type { Proc } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import type { ContainerCreateBody, ContainerUpdateBody } from "../../api/container.ts";
import { archiveRoutes } from "./archive.ts";
import { attachContainer, containerLogs } from "./streams.ts";
import { execRoutes } from "./exec.ts";
import type { Container } from "../../containers/container.ts";
import type { Containers } from "../../containers/containers.ts";
import { inspectContainer, listContainers } from "../../containers/inspect.ts";
import { killContainer, restartContainer } from "../../containers/lifecycle.ts";
import { pruneContainers } from "../../containers/prune.ts";
import { renameContainer } from "../../containers/rename.ts";
import { containerStats } from "../../containers/stats.ts";
import { topContainer } from "../../containers/top.ts";
import { updateContainer } from "../../containers/update.ts";
import { parseSignal } from "../../containers/verify.ts";
import { shimOf } from "../../containers/lifecycle.ts";
import { ShimError, ShimGone } from "../../containers/shim-client.ts";
import { invalidParameter, isFailure, notFound, systemError } from "../../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";
import { watchForEnd } from "../connection.ts";

export const all = ({ daemon }: Exchange): Containers => daemon.containers as Containers;
/** The container of the path. Errors: notFound. */
export const named = (x: Exchange): Container => all(x).require(x.var("name"));

export const containerRoutes: readonly Route[] = [
  { method: "GET", path: "/containers/json", handler: list },
  { method: "POST", path: "/containers/create", handler: create },
  { method: "POST", path: "/containers/prune", handler: prune },
  ...archiveRoutes,
  {
    method: "GET",
    path: "/containers/{name:.*}/json",
    *handler(x) {
      yield* x.send(200, yield* inspectContainer(named(x), x.flag("size")));
    },
  },
  {
    method: "GET",
    path: "/containers/{name:.*}/changes",
    *handler(x) {
      const { id } = named(x);
      const changes = yield* x.daemon.images.changes(id);
      yield* x.send(200, changes.length === 0 ? null : changes);
    },
  },
  { method: "GET", path: "/containers/{name:.*}/top", handler: top },
  { method: "GET", path: "/containers/{name:.*}/logs", handler: containerLogs },
  { method: "GET", path: "/containers/{name:.*}/stats", handler: stats },
  { method: "POST", path: "/containers/{name:.*}/attach", handler: attachContainer },
  {
    method: "POST",
    path: "/containers/{name:.*}/start",
    *handler(x) {
      yield* x.daemon.containers.start(named(x));
      yield* x.empty(204);
    },
  },
  {
    method: "POST",
    path: "/containers/{name:.*}/stop",
    *handler(x) {
      yield* x.daemon.containers.stop(named(x), x.int("t"));
      yield* x.empty(204);
    },
  },
  {
    method: "POST",
    path: "/containers/{name:.*}/restart",
    *handler(x) {
      const timeout = x.int("t");
      const container = named(x);
      try {
        yield* restartContainer(all(x), container, timeout);
      } catch (e) {
        if (!isFailure(e)) throw e;
        throw systemError(`Cannot restart container ${x.var("name")}: ${e.message}`);
      }
      yield* x.empty(204);
    },
  },
  { method: "POST", path: "/containers/{name:.*}/kill", handler: kill },
  {
    method: "POST",
    path: "/containers/{name:.*}/pause",
    *handler(x) {
      yield* x.daemon.containers.pause(named(x));
      yield* x.empty(204);
    },
  },
  {
    method: "POST",
    path: "/containers/{name:.*}/unpause",
    *handler(x) {
      yield* x.daemon.containers.unpause(named(x));
      yield* x.empty(204);
    },
  },
  { method: "POST", path: "/containers/{name:.*}/wait", handler: wait },
  { method: "POST", path: "/containers/{name:.*}/resize", handler: resize },
  {
    method: "POST",
    path: "/containers/{name:.*}/rename",
    *handler(x) {
      yield* renameContainer(all(x), named(x), x.query.get("name") ?? "", x.var("name"));
      yield* x.empty(204);
    },
  },
  {
    method: "POST",
    path: "/containers/{name:.*}/update",
    *handler(x) {
      const body = (yield* x.json<ContainerUpdateBody>()) ?? {};
      const warnings = yield* updateContainer(all(x), named(x), body);
      yield* x.send(200, { Warnings: warnings.length === 0 ? null : warnings });
    },
  },
  ...execRoutes,
  {
    method: "DELETE",
    path: "/containers/{name:.*}",
    *handler(x) {
      yield* x.daemon.containers.remove(named(x), { force: x.flag("force"), volumes: x.flag("v") });
      yield* x.empty(204);
    },
  },
];

function* list(x: Exchange): Proc<void> {
  const limit = x.int("limit") ?? 0;
  const options = { all: x.flag("all"), size: x.flag("size"), limit, filters: x.filters() };
  yield* x.send(200, yield* listContainers(all(x), options));
}

function* create(x: Exchange): Proc<void> {
  const body = yield* x.json<ContainerCreateBody>();
  if (body === undefined) throw systemError("EOF");
  if (Object.keys(body).every((key) => key === "HostConfig" || key === "NetworkingConfig"))
    throw invalidParameter("Config cannot be empty in order to create a container");
  const name = x.query.get("name");
  const { container, warnings } = yield* x.daemon.containers.create(name === "" ? undefined : name, body, x.platform());
  yield* x.send(201, { Id: container.id, Warnings: warnings });
}

function* prune(x: Exchange): Proc<void> {
  yield* x.send(200, yield* pruneContainers(all(x), x.filters()));
}

function* top(x: Exchange): Proc<void> {
  yield* x.send(200, yield* topContainer(all(x), named(x), x.query.get("ps_args") ?? ""));
}

function* stats(x: Exchange): Proc<void> {
  yield* containerStats(x, named(x), x.flag("stream", true), x.flag("one-shot"));
}

function* kill(x: Exchange): Proc<void> {
  const text = x.query.get("signal") ?? "";
  const signal = text === "" ? SIGKILL : parseSignal(text);
  const reference = x.var("name");
  const container = all(x).find(reference);
  if (container === undefined) throw notFound(`Cannot kill container: ${reference}: No such container: ${reference}`);
  yield* killContainer(all(x), container, signal, reference);
  yield* x.empty(204);
}

function* resize(x: Exchange): Proc<void> {
  const size = requireSize(x);
  const container = named(x);
  container.requireRunning();
  try {
    yield* shimOf(container).ask({ method: "resize", ...size });
  } catch (e) {
    if (!(e instanceof ShimError || e instanceof ShimGone)) throw e;
  }
  yield* all(x).event(container, "resize", { height: String(size.rows), width: String(size.cols) });
  yield* x.empty(200);
}

/** Rows and columns of `h` and `w`. Errors: invalidParameter. */
export function requireSize(x: Exchange): { rows: number; cols: number } {
  const number = (name: string): number => {
    const text = x.query.get(name) ?? "";
    if (!/^\d+$/.test(text)) throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
    return Number(text);
  };
  return { rows: number("h"), cols: number("w") };
}

/** The answer's head comes at once, so that the client knows that it is waited; the rest with the end. */
function* wait(x: Exchange): Proc<void> {
  const container = named(x);
  const condition = x.query.get("condition") ?? "";
  const exits = container.exits;
  const stream = yield* x.streaming(200, "application/json");
  let gone = false;
  const watch = yield* watchForEnd(x, function* () {
    gone = true;
    yield* container.announce();
  });
  const due = (): boolean =>
    condition === "removed"
      ? container.removed
      : condition === "next-exit"
        ? container.exits > exits || container.removed
        : !container.running;
  while (!due() && !gone) yield* container.changed.wait();
  yield* watch.stop();
  if (gone) return;
  yield* stream.write(encodeUtf8(`${JSON.stringify({ Error: null, StatusCode: container.exitCode })}\n`));
  yield* stream.end();
}
