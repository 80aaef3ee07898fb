/** Swarm and plugins, of which this engine has none: the answers of an engine that is in no swarm. moby `api/server/router/{swarm,plugin}`, `daemon/cluster/errors.go`. */

import { notFound, notImplemented, unavailable } from "../../errors.ts";
import type { Handler, Route } from "../router.ts";

const NO_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

const noManager: Handler = () => {
  throw unavailable(NO_MANAGER);
};
// Differs from Linux: there is no swarm to begin or to join.
const notBuilt: Handler = () => {
  throw notImplemented("swarm mode is not built into this engine");
};

/** Nouns of a swarm that can be listed, looked at, changed and removed. */
const NOUNS = ["services", "secrets", "configs"];
const READ = [
  "/swarm",
  "/swarm/unlockkey",
  "/nodes",
  "/nodes/{id}",
  "/tasks",
  "/tasks/{id}",
  ...NOUNS.flatMap((noun) => [`/${noun}`, `/${noun}/{id}`]),
];
const CHANGED = [
  "/swarm/update",
  "/swarm/unlock",
  "/nodes/{id}/update",
  ...NOUNS.flatMap((noun) => [`/${noun}/create`, `/${noun}/{id}/update`]),
];

export const swarmRoutes: readonly Route[] = [
  ...READ.map((path): Route => ({ method: "GET", path, handler: noManager })),
  ...CHANGED.map((path): Route => ({ method: "POST", path, handler: noManager })),
  ...["nodes", ...NOUNS].map((noun): Route => ({ method: "DELETE", path: `/${noun}/{id}`, handler: noManager })),
  { method: "POST", path: "/swarm/init", handler: notBuilt },
  { method: "POST", path: "/swarm/join", handler: notBuilt },
  {
    method: "POST",
    path: "/swarm/leave",
    handler() {
      throw unavailable("This node is not part of a swarm");
    },
  },
  { method: "GET", path: "/plugins", handler: (x) => x.send(200, []) },
  {
    method: "GET",
    path: "/plugins/{name:.*}/json",
    handler(x) {
      throw notFound(`plugin ${JSON.stringify(x.var("name"))} not found`);
    },
  },
];
