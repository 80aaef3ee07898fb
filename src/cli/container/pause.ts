/** `docker pause`. Real counterpart: docker/cli `cli/command/container/pause.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { forEach } from "../each.ts";

export const pause = defineCommand({
  use: "pause CONTAINER [CONTAINER...]",
  short: "Pause all processes in containers",
  aliases: ["docker container pause", "docker pause"],
  args: atLeast(1),
  flags: {},
  completes: "containers",
  run: ({ cli, args }) => forEach(cli, args, (client, name) => client.send("POST", `/containers/${name}/pause`)),
});
