/** `docker network rm`. Real counterpart: docker/cli `cli/command/network/remove.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { isMissing } from "../each.ts";
import { CliError } from "../errors.ts";
import { bool } from "../flags.ts";

export const rm = defineCommand({
  use: "rm NETWORK [NETWORK...]",
  short: "Remove networks",
  names: ["remove"],
  args: atLeast(1),
  flags: {
    force: bool("Do not complain of what is not there", { short: "f" }),
  },
  completes: "networks",
  *run({ cli, o, args }) {
    const client = yield* cli.client();
    let failed = false;
    for (const name of args) {
      try {
        yield* client.send("DELETE", `/networks/${name}`);
        yield* cli.print(`${name}\n`);
      } catch (e) {
        if (!(e instanceof CliError)) throw e;
        if (o.force && isMissing(e)) continue;
        yield* cli.eprint(`${e.message}\n`);
        failed = true;
      }
    }
    if (failed) throw new CliError("exit status 1");
  },
});
