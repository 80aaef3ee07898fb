/** runc state: the state of a container as the specification has it, and what runc adds. */

import type { Verb } from "./cli.ts";

export const state: Verb = {
  name: "state",
  summary: "output the state of a container",
  usage: "<container-id>",
  options: [],
  args: { kind: "exact", count: 1 },
  *run(c) {
    const container = yield* c.containers.load(c.args[0] as string);
    const { ociVersion, id, pid, status, bundle, annotations } = yield* c.containers.describe(container);
    const shown = {
      ...{ ociVersion, id, pid, status, bundle, rootfs: container.rootfs, created: container.created },
      ...(annotations === undefined ? {} : { annotations }),
      owner: "",
    };
    yield* c.out.print(JSON.stringify(shown, undefined, 2));
    return 0;
  },
};
