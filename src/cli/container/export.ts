/** `docker export`. Real counterpart: docker/cli `cli/command/container/export.go`. */

import { defineCommand, exactly } from "../command.ts";
import { CliError } from "../errors.ts";
import { string } from "../flags.ts";
import { saveTo } from "../output-file.ts";

export const exportContainer = defineCommand({
  use: "export [OPTIONS] CONTAINER",
  short: "Write a container's filesystem as a tar archive",
  aliases: ["docker container export", "docker export"],
  args: exactly(1),
  flags: {
    output: string("Write to a file instead of STDOUT", { short: "o" }),
  },
  completes: "all containers",
  *run({ cli, o, args }) {
    if (o.output === "" && (yield* cli.isTerminal(1)))
      throw new CliError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    const client = yield* cli.client();
    yield* saveTo(cli, o.output, "failed to export container", () => client.request("GET", `/containers/${args[0]}/export`));
  },
});
