/** /networks. moby `api/server/router/network`. */

import type { Proc } from "../../../abi/sys.ts";
import type { NetworkConnectBody, NetworkCreateBody, NetworkCreated, NetworkDisconnectBody, NetworksPruned } from "../../api/network.ts";
import type { Filters } from "../../api/events.ts";
import { formatTime } from "../../daemon.ts";
import { findDuration } from "../../duration.ts";
import { invalidParameter, isFailure, notFound, systemError } from "../../errors.ts";
import { checkFilters, flagFilter, hasLabels, labelsAccepted, matchesName } from "../../filters.ts";
import { isPredefined } from "../../networks/catalog.ts";
import type { Network } from "../../networks/network.ts";
import type { Networks } from "../../networks/networks.ts";
import { parseTimestamp } from "../../timestamp.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";

const LIST_FILTERS = ["dangling", "driver", "id", "label", "name", "scope", "type"];
const PRUNE_FILTERS = ["label", "label!", "until"];

const networksOf = (x: Exchange): Networks => x.daemon.networks as Networks;

/** filterNetworks(). Errors: systemError, invalidParameter for values that no filter has. */
function selector(filters: Filters): (network: Network) => boolean {
  const dangling = flagFilter(filters, "dangling", () =>
    invalidParameter(`invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`),
  );
  for (const type of filters.type ?? []) if (type !== "builtin" && type !== "custom") throw systemError(`invalid filter: 'type'='${type}'`);
  const one = (values: readonly string[] | undefined, value: string): boolean => values === undefined || values.includes(value);
  return ({ id, name, config, endpoints }) =>
    one(filters.driver, config.driver) &&
    one(filters.scope, "local") &&
    one(filters.type, isPredefined(name) ? "builtin" : "custom") &&
    matchesName(filters.name, name) &&
    matchesName(filters.id, id) &&
    (filters.label === undefined || hasLabels(filters.label, config.labels)) &&
    (dangling === undefined || dangling === (endpoints.size === 0 && !isPredefined(name)));
}

function* list(x: Exchange): Proc<void> {
  const filters = x.filters();
  checkFilters(filters, LIST_FILTERS);
  const chosen = networksOf(x).catalog.list().filter(selector(filters));
  yield* x.send(
    200,
    chosen.map((network) => network.resource(false)),
  );
}

function* inspect(x: Exchange): Proc<void> {
  const id = x.var("id");
  const scope = x.query.get("scope") ?? "";
  if (scope !== "" && scope !== "local") throw notFound(`network ${id} not found`);
  yield* x.send(200, networksOf(x).catalog.require(id).resource(true));
}

function* create(x: Exchange): Proc<void> {
  const body = yield* x.json<NetworkCreateBody>();
  const { network, warning } = yield* networksOf(x).create(body ?? {});
  const answer: NetworkCreated = { Id: network.id, Warning: warning };
  yield* x.send(201, answer);
}

function* connect(x: Exchange): Proc<void> {
  const body = yield* x.json<NetworkConnectBody>();
  const container = x.daemon.containers.require(body?.Container ?? "");
  yield* networksOf(x).connect(container, x.var("id"), body?.EndpointConfig);
  yield* x.empty(200);
}

function* disconnect(x: Exchange): Proc<void> {
  const body = yield* x.json<NetworkDisconnectBody>();
  const container = x.daemon.containers.require(body?.Container ?? "");
  yield* networksOf(x).disconnect(container, x.var("id"), body?.Force ?? false);
  yield* x.empty(200);
}

function* remove(x: Exchange): Proc<void> {
  yield* networksOf(x).remove(x.var("id"));
  yield* x.empty(204);
}

/** A time that compares as text with those of networks: a date, seconds since 1970, or a span before now. Errors: invalidParameter. */
function* untilTime(x: Exchange, values: readonly string[] | undefined): Proc<string | undefined> {
  if (values === undefined) return undefined;
  const [text = ""] = values;
  if (values.length > 1) throw invalidParameter("more than one until filter specified");
  if (/^\d{4}-/.test(text)) return text;
  const ago = findDuration(text);
  const ns = ago === undefined ? parseTimestamp(text) : (yield* x.daemon.now()) - ago;
  return ns === undefined ? undefined : formatTime(Math.floor(ns / 1e9), Math.round(ns % 1e9));
}

function* prune(x: Exchange): Proc<void> {
  const filters = x.filters();
  checkFilters(filters, PRUNE_FILTERS);
  const networks = networksOf(x);
  const until = yield* untilTime(x, filters.until);
  const pruned: string[] = [];
  for (const { id, name, config, endpoints } of networks.catalog.list()) {
    if (isPredefined(name) || config.configOnly || endpoints.size > 0) continue;
    if (!labelsAccepted(filters, config.labels)) continue;
    if (until !== undefined && config.created > until) continue;
    try {
      yield* networks.remove(id);
      pruned.push(name);
    } catch (e) {
      // Somebody has connected to it meanwhile.
      if (!isFailure(e)) throw e;
    }
  }
  yield* x.daemon.events.log("network", "prune", "", { reclaimed: "0" });
  const answer: NetworksPruned = { NetworksDeleted: pruned.length === 0 ? null : pruned };
  yield* x.send(200, answer);
}

export const networkRoutes: readonly Route[] = [
  { method: "GET", path: "/networks", handler: list },
  { method: "GET", path: "/networks/", handler: list },
  { method: "GET", path: "/networks/{id:.*}", handler: inspect },
  { method: "POST", path: "/networks/create", handler: create },
  { method: "POST", path: "/networks/prune", handler: prune },
  { method: "POST", path: "/networks/{id:.*}/connect", handler: connect },
  { method: "POST", path: "/networks/{id:.*}/disconnect", handler: disconnect },
  { method: "DELETE", path: "/networks/{id:.*}", handler: remove },
];
