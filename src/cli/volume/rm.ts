/** `docker volume rm`. Real counterpart: docker/cli `cli/command/volume/remove.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool } from "../flags.ts";

export const rm = defineCommand({
  use: "rm [OPTIONS] VOLUME [VOLUME...]",
  short: "Remove volumes",
  long: "Remove volumes that no container uses.",
  names: ["remove"],
  args: atLeast(1),
  flags: {
    force: bool("Do not complain of what is not there", { short: "f" }),
  },
  completes: "volumes",
  *run({ cli, o, args }) {
    const client = yield* cli.client();
    const errors: string[] = [];
    for (const name of args) {
      try {
        yield* client.send("DELETE", `/volumes/${name}`, { query: { force: o.force } });
        yield* cli.print(`${name}\n`);
      } catch (e) {
        if (!(e instanceof CliError)) throw e;
        errors.push(e.message);
      }
    }
    if (errors.length > 0) throw new CliError(errors.join("\n"));
  },
});
