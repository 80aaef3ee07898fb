/** runc start: the program of a created container begins. */

import { startContainer } from "../container/container.ts";
import type { Verb } from "./cli.ts";

export const start: Verb = {
  name: "start",
  summary: "executes the user defined process in a created container",
  usage: "<container-id>",
  options: [],
  args: { kind: "exact", count: 1 },
  *run(c) {
    yield* startContainer(c.sys, c.containers, yield* c.containers.load(c.args[0] as string));
    return 0;
  },
};
