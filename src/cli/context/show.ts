/** `docker context show`. Real counterpart: docker/cli `cli/command/context/show.go`. */

import { defineCommand, noArgs } from "../command.ts";
import { currentContext } from "./store.ts";

export const show = defineCommand({
  use: "show",
  short: "Print the name of the context in force",
  args: noArgs,
  flags: {},
  *run({ cli }) {
    yield* cli.print(`${yield* currentContext(cli)}\n`);
  },
});
