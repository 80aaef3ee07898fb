/** `docker network inspect`. Real counterpart: docker/cli `cli/command/network/inspect.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { bool, string } from "../flags.ts";
import { INSPECT_FORMAT_HELP } from "../format/help.ts";
import { inspectAll } from "../inspect.ts";

export const inspect = defineCommand({
  use: "inspect [OPTIONS] NETWORK [NETWORK...]",
  short: "Show all details of networks",
  args: atLeast(1),
  flags: {
    format: string(INSPECT_FORMAT_HELP, { short: "f" }),
    verbose: bool("Show more, for diagnosis", { short: "v" }),
  },
  completes: "networks",
  *run({ cli, o, args }) {
    const client = yield* cli.client();
    yield* inspectAll(cli, args, o.format, (name) =>
      client.text("GET", `/networks/${name}`, { query: { verbose: o.verbose ? "true" : undefined } }),
    );
  },
});
