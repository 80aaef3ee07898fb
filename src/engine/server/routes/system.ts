/** /_ping, /version, /info, /events. moby `api/server/router/system`. */

import type { Proc } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import type { Filters } from "../../api/events.ts";
import { invalidParameter } from "../../errors.ts";
import { info, version } from "../../info.ts";
import { parseTimestamp } from "../../timestamp.ts";
import { watchForEnd } from "../connection.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";

export const systemRoutes: readonly Route[] = [
  { method: "GET", path: "/_ping", handler: ping },
  { method: "HEAD", path: "/_ping", handler: ping },
  {
    method: "GET",
    path: "/version",
    *handler(x) {
      yield* x.bytes(200, encodeUtf8(`${JSON.stringify(yield* version(x.daemon))}\n`), "application/json");
    },
  },
  {
    method: "GET",
    path: "/info",
    *handler(x) {
      yield* x.send(200, yield* info(x.daemon));
    },
  },
  { method: "GET", path: "/events", handler: events },
];

function* ping(x: Exchange): Proc<void> {
  x.headers.set("Cache-Control", "no-cache, no-store, must-revalidate");
  x.headers.set("Pragma", "no-cache");
  yield* x.text(200, "OK");
}

const EVENT_FILTERS = [
  "container",
  "daemon",
  "event",
  "image",
  "label",
  "network",
  "plugin",
  "scope",
  "type",
  "volume",
  "node",
  "service",
  "secret",
  "config",
];

function checkFilters(filters: Filters): void {
  for (const name of Object.keys(filters)) if (!EVENT_FILTERS.includes(name)) throw invalidParameter(`Invalid filter '${name}'`);
}

function* events(x: Exchange): Proc<void> {
  const { daemon } = x;
  const since = parseTimestamp(x.query.get("since"));
  const until = parseTimestamp(x.query.get("until"));
  if (since !== undefined && until !== undefined && since > until)
    throw invalidParameter(`\`since\` time (${x.query.get("since")}) cannot be after \`until\` time (${x.query.get("until")})`);
  const filters = x.filters();
  checkFilters(filters);
  const subscription = daemon.events.subscribe(filters);
  const stream = yield* x.streaming(200, "application/json");
  const watch = yield* watchForEnd(x, () => subscription.close());
  try {
    if (since !== undefined)
      for (const event of subscription.past(since, until ?? Number.POSITIVE_INFINITY)) yield* stream.write(line(event));
    for (;;) {
      const leftNs = until === undefined ? undefined : until - (yield* daemon.now());
      if (leftNs !== undefined && leftNs <= 0) break;
      const event = yield* subscription.next(leftNs);
      if (event === undefined) break;
      yield* stream.write(line(event));
    }
    yield* stream.end();
  } finally {
    yield* subscription.close();
    yield* watch.stop();
  }
}

const line = (event: object): Uint8Array => encodeUtf8(`${JSON.stringify(event)}\n`);
