/** runc pause: the freezer holds all processes of a container. */

import { setFrozen } from "../container/cgroup.ts";
import { RuncError } from "../error.ts";
import type { Verb } from "./cli.ts";

export const pause: Verb = {
  name: "pause",
  summary: "pause suspends all processes inside the container",
  usage: "<container-id>",
  options: [],
  args: { kind: "exact", count: 1 },
  *run(c) {
    const container = yield* c.containers.load(c.args[0] as string);
    const status = yield* c.containers.status(container);
    if (status !== "running" && status !== "created") throw new RuncError("container not running");
    yield* setFrozen(c.sys, container.cgroup, true);
    return 0;
  },
};
