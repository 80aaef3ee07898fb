/** `docker volume inspect`. Real counterpart: docker/cli `cli/command/volume/inspect.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { string } from "../flags.ts";
import { INSPECT_FORMAT_HELP } from "../format/help.ts";
import { inspectAll } from "../inspect.ts";

export const inspect = defineCommand({
  use: "inspect [OPTIONS] VOLUME [VOLUME...]",
  short: "Show all details of volumes",
  args: atLeast(1),
  flags: {
    format: string(INSPECT_FORMAT_HELP, { short: "f" }),
  },
  completes: "volumes",
  *run({ cli, o, args }) {
    const client = yield* cli.client();
    yield* inspectAll(cli, args, o.format, (name) => client.text("GET", `/volumes/${name}`));
  },
});
