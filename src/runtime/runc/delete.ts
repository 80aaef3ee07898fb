/** runc delete: forgets a container that has ended. */

import { deleteContainer } from "../container/container.ts";
import type { ContainerState } from "../container/state-file.ts";
import { RuncError } from "../error.ts";
import type { Verb } from "./cli.ts";

export const deleteVerb: Verb = {
  name: "delete",
  summary: "delete any resources held by the container often used with detached container",
  usage: "<container-id>",
  options: [{ name: "force", short: "f", usage: "kill the container with SIGKILL first, if it still runs" }],
  args: { kind: "exact", count: 1 },
  *run(c) {
    const force = c.has("force");
    let container: ContainerState;
    try {
      container = yield* c.containers.load(c.args[0] as string);
    } catch (e) {
      if (force && e instanceof RuncError && e.message === "container does not exist") return 0;
      throw e;
    }
    yield* deleteContainer(c.sys, c.containers, container, force);
    return 0;
  },
};
