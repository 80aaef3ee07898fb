/** `docker restart`. Real counterpart: docker/cli `cli/command/container/restart.go`. */

import { olderThan } from "../client.ts";
import { atLeast, defineCommand } from "../command.ts";
import { forEach } from "../each.ts";
import { int, nullable, string } from "../flags.ts";

export const restart = defineCommand({
  use: "restart [OPTIONS] CONTAINER [CONTAINER...]",
  short: "Restart containers",
  aliases: ["docker container restart", "docker restart"],
  args: atLeast(1),
  flags: {
    signal: string("Signal to send to the container", { short: "s" }),
    time: nullable(int("As --timeout", { deprecated: "use --timeout instead" })),
    timeout: nullable(int("Seconds to wait before the container is killed", { short: "t", shown: "" })),
  },
  completes: "all containers",
  run: ({ cli, o, args }) =>
    forEach(cli, args, (client, name) =>
      client.send("POST", `/containers/${name}/restart`, {
        // Older daemons know of no signal.
        query: { signal: olderThan(client.version, "1.42") ? "" : o.signal, t: o.timeout ?? o.time },
      }),
    ),
});
