/** Commands that exist by name and flags, and end with the reason why they do nothing. */

import { type AnyCommand, type CommandSpec, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import type { Flags } from "../flags.ts";

/** `what` is not there. */
export function refused<F extends Flags>(what: string, spec: Omit<CommandSpec<F>, "run">): AnyCommand {
  return defineCommand<F>({
    ...spec,
    completes: "nothing",
    *run() {
      throw new CliError(`not supported in Drydock: ${what}`);
    },
  });
}
