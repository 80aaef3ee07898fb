/** `docker image inspect`. Real counterpart: docker/cli `cli/command/image/inspect.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { string } from "../flags.ts";
import { INSPECT_FORMAT_HELP } from "../format/help.ts";
import { inspectAll } from "../inspect.ts";

export const inspect = defineCommand({
  use: "inspect [OPTIONS] IMAGE [IMAGE...]",
  short: "Show all details of images",
  args: atLeast(1),
  flags: {
    format: string(INSPECT_FORMAT_HELP, { short: "f" }),
    platform: string('Inspect that of one platform ("os[/arch[/variant]]")', { since: "1.49" }),
  },
  completes: "images",
  *run({ cli, o, args }) {
    const client = yield* cli.client();
    yield* inspectAll(cli, args, o.format, (name) => client.text("GET", `/images/${name}/json`));
  },
});
