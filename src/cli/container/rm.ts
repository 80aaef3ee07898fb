/** `docker rm`. Real counterpart: docker/cli `cli/command/container/rm.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { forEach, isMissing } from "../each.ts";
import { CliError } from "../errors.ts";
import { bool } from "../flags.ts";

export const rm = defineCommand({
  use: "rm [OPTIONS] CONTAINER [CONTAINER...]",
  short: "Remove containers",
  names: ["remove"],
  aliases: ["docker container rm", "docker container remove", "docker rm"],
  args: atLeast(1),
  flags: {
    force: bool("Remove even a running container (by SIGKILL)", { short: "f" }),
    link: bool("Remove this link", { short: "l" }),
    volumes: bool("Remove its anonymous volumes as well", { short: "v" }),
  },
  completes: "all containers",
  run: ({ cli, o, args }) =>
    forEach(
      cli,
      args,
      (client, name) => {
        const bare = name.replace(/^\/+|\/+$/g, "");
        if (bare === "") throw new CliError("container name cannot be empty");
        return client.send("DELETE", `/containers/${bare}`, { query: { force: o.force, link: o.link, v: o.volumes } });
      },
      (e) => o.force && isMissing(e),
    ),
});
