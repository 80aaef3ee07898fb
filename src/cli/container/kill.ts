/** `docker kill`. Real counterpart: docker/cli `cli/command/container/kill.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { forEach } from "../each.ts";
import { string } from "../flags.ts";

export const kill = defineCommand({
  use: "kill [OPTIONS] CONTAINER [CONTAINER...]",
  short: "Kill running containers",
  aliases: ["docker container kill", "docker kill"],
  args: atLeast(1),
  flags: {
    signal: string("Signal to send to the container", { short: "s" }),
  },
  completes: "containers",
  run: ({ cli, o, args }) =>
    forEach(cli, args, (client, name) => client.send("POST", `/containers/${name}/kill`, { query: { signal: o.signal } })),
});
