/** `docker unpause`. Real counterpart: docker/cli `cli/command/container/unpause.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { forEach } from "../each.ts";

export const unpause = defineCommand({
  use: "unpause CONTAINER [CONTAINER...]",
  short: "Let all processes in paused containers go on",
  aliases: ["docker container unpause", "docker unpause"],
  args: atLeast(1),
  flags: {},
  completes: "containers",
  run: ({ cli, args }) => forEach(cli, args, (client, name) => client.send("POST", `/containers/${name}/unpause`)),
});
