/** `docker top`. Real counterpart: docker/cli `cli/command/container/top.go`. */

import type { ContainerTop } from "../../engine/api/container.ts";
import { atLeast, defineCommand } from "../command.ts";
import { alignColumns } from "../format/tabwriter.ts";

export const top = defineCommand({
  use: "top CONTAINER [ps OPTIONS]",
  short: "Show the running processes of a container",
  aliases: ["docker container top", "docker top"],
  args: atLeast(1),
  flagsFirst: true,
  flags: {},
  completes: "containers",
  *run({ cli, args }) {
    const [name, ...options] = args;
    const client = yield* cli.client();
    const { Titles, Processes } = yield* client.json<ContainerTop>("GET", `/containers/${name}/top`, {
      query: { ps_args: options.join(" ") },
    });
    const lines = [Titles, ...(Processes ?? [])].map((cells) => `${cells.join("\t")}\n`);
    yield* cli.print(alignColumns(lines.join(""), { minWidth: 20, padding: 3 }));
  },
});
