/** `docker stop`. Real counterpart: docker/cli `cli/command/container/stop.go`. */

import { olderThan } from "../client.ts";
import { atLeast, defineCommand } from "../command.ts";
import { forEach } from "../each.ts";
import { int, nullable, string } from "../flags.ts";

export const stop = defineCommand({
  use: "stop [OPTIONS] CONTAINER [CONTAINER...]",
  short: "Stop running containers",
  aliases: ["docker container stop", "docker stop"],
  args: atLeast(1),
  flags: {
    signal: string("Signal to send to the container", { short: "s" }),
    time: nullable(int("As --timeout", { deprecated: "use --timeout instead" })),
    timeout: nullable(int("Seconds to wait before the container is killed", { short: "t", shown: "" })),
  },
  completes: "containers",
  run: ({ cli, o, args }) =>
    forEach(cli, args, (client, name) =>
      client.send("POST", `/containers/${name}/stop`, {
        // Older daemons know of no signal.
        query: { signal: olderThan(client.version, "1.42") ? "" : o.signal, t: o.timeout ?? o.time },
      }),
    ),
});
