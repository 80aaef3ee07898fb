/** `docker rename`. Real counterpart: docker/cli `cli/command/container/rename.go`. */

import { defineCommand, exactly } from "../command.ts";
import { CliError } from "../errors.ts";

export const rename = defineCommand({
  use: "rename CONTAINER NEW_NAME",
  short: "Rename a container",
  aliases: ["docker container rename", "docker rename"],
  args: exactly(2),
  flags: {},
  completes: "all containers",
  *run({ cli, args }) {
    const [from, to] = args.map((name) => name.trim()) as [string, string];
    if (from === "" || to === "") throw new CliError("Error: Neither old nor new names may be empty");
    const client = yield* cli.client();
    try {
      yield* client.send("POST", `/containers/${from}/rename`, { query: { name: to } });
    } catch (e) {
      if (!(e instanceof CliError)) throw e;
      yield* cli.eprint(`${e.message}\n`);
      throw new CliError(`Error: failed to rename container named ${from}`);
    }
  },
});
