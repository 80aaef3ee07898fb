/** `docker save`. Real counterpart: docker/cli `cli/command/image/save.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { string } from "../flags.ts";
import { saveTo } from "../output-file.ts";

export const save = defineCommand({
  use: "save [OPTIONS] IMAGE [IMAGE...]",
  short: "Write images to a tar archive (to STDOUT if nothing else is said)",
  aliases: ["docker image save", "docker save"],
  args: atLeast(1),
  flags: {
    output: string("Write to a file instead of STDOUT", { short: "o" }),
    platform: string('Save only that of one platform ("os[/arch[/variant]]")', { since: "1.48" }),
  },
  completes: "images",
  *run({ cli, o, args }) {
    if (o.output === "" && (yield* cli.isTerminal(1)))
      throw new CliError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    const client = yield* cli.client();
    yield* saveTo(cli, o.output, "failed to save image", () => client.request("GET", "/images/get", { query: { names: args } }));
  },
});
