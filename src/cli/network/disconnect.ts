/** `docker network disconnect`. Real counterpart: docker/cli `cli/command/network/disconnect.go`. */

import { defineCommand, exactly } from "../command.ts";
import { bool } from "../flags.ts";

export const disconnect = defineCommand({
  use: "disconnect [OPTIONS] NETWORK CONTAINER",
  short: "Disconnect a container from a network",
  args: exactly(2),
  flags: {
    force: bool("Disconnect the container in any case", { short: "f" }),
  },
  completes: "networks",
  *run({ cli, o, args }) {
    const body = { Container: args[1], Force: o.force };
    yield* (yield* cli.client()).send("POST", `/networks/${args[0]}/disconnect`, { body });
  },
});
