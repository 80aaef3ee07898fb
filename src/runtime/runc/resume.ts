/** runc resume: the freezer lets go. */

import { setFrozen } from "../container/cgroup.ts";
import { RuncError } from "../error.ts";
import type { Verb } from "./cli.ts";

export const resume: Verb = {
  name: "resume",
  summary: "resumes all processes that have been previously paused",
  usage: "<container-id>",
  options: [],
  args: { kind: "exact", count: 1 },
  *run(c) {
    const container = yield* c.containers.load(c.args[0] as string);
    if ((yield* c.containers.status(container)) !== "paused") throw new RuncError("container not paused");
    yield* setFrozen(c.sys, container.cgroup, false);
    return 0;
  },
};
