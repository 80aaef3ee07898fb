/** `docker load`. Real counterpart: docker/cli `cli/command/image/load.go`. */

import { Input } from "../../userland/libc/stdio.ts";
import { defineCommand, noArgs } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { openInput } from "../input-file.ts";
import { copyAll } from "../stdcopy.ts";
import { showProgress } from "./progress.ts";

export const load = defineCommand({
  use: "load [OPTIONS]",
  short: "Load images from a tar archive or STDIN",
  aliases: ["docker image load", "docker load"],
  args: noArgs,
  flags: {
    input: string("Read a file instead of STDIN", { short: "i" }),
    platform: string('Load only that of one platform ("os[/arch[/variant]]")', { since: "1.48" }),
    quiet: bool("Show no progress", { short: "q" }),
  },
  completes: "files",
  *run({ cli, o }) {
    if (o.input === "" && (yield* cli.isTerminal(0))) throw new CliError("requested load from stdin, but stdin is empty");
    const source = o.input === "" ? new Input(cli.sys, 0) : yield* openInput(cli.sys, o.input);
    const quiet = o.quiet || !(yield* cli.isTerminal(1));
    const client = yield* cli.client();
    const { head, body } = yield* client.request("POST", "/images/load", {
      query: { quiet: quiet ? true : "0" },
      stream: { type: "application/x-tar", write: (sink) => copyAll(source, sink) },
    });
    if (head.headers.get("Content-Type") === "application/json") yield* showProgress(cli, body, { to: "stdout" });
    else yield* copyAll(body, cli.stdout);
  },
});
