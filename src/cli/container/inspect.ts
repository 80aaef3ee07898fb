/** `docker container inspect`. Real counterpart: docker/cli `cli/command/container/inspect.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { bool, string } from "../flags.ts";
import { INSPECT_FORMAT_HELP } from "../format/help.ts";
import { inspectAll } from "../inspect.ts";

export const inspect = defineCommand({
  use: "inspect [OPTIONS] CONTAINER [CONTAINER...]",
  short: "Show all details of containers",
  args: atLeast(1),
  flags: {
    format: string(INSPECT_FORMAT_HELP, { short: "f" }),
    size: bool("Show sizes", { short: "s" }),
  },
  completes: "all containers",
  *run({ cli, o, args }) {
    const client = yield* cli.client();
    yield* inspectAll(cli, args, o.format, (name) => client.text("GET", `/containers/${name}/json`, { query: { size: o.size } }));
  },
});
