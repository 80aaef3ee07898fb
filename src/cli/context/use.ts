/** `docker context use`. Real counterpart: docker/cli `cli/command/context/use.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { Cli } from "../cli.ts";
import { defineCommand, exactly } from "../command.ts";
import { writeConfig } from "./config.ts";
import { DEFAULT_CONTEXT, requireContext } from "./store.ts";

export function* choose(cli: Cli, name: string): Proc<void> {
  const { currentContext: _, ...others } = yield* cli.configFile();
  yield* writeConfig(cli.sys, cli.options.configDir, name === DEFAULT_CONTEXT ? others : { ...others, currentContext: name });
}

export const use = defineCommand({
  use: "use CONTEXT",
  short: "Choose the context to work with",
  args: exactly(1),
  flags: {},
  completes: "contexts",
  *run({ cli, args }) {
    const name = args[0] as string;
    yield* requireContext(cli, name);
    yield* choose(cli, name);
    yield* cli.print(`${name}\n`);
    yield* cli.eprint(`Current context is now "${name}"\n`);
    if (name !== DEFAULT_CONTEXT && (cli.env.get("DOCKER_HOST") ?? "") !== "") {
      const advice = `To use ${JSON.stringify(name)}, either set the global --context flag, or unset DOCKER_HOST environment variable.`;
      yield* cli.eprint(`Warning: DOCKER_HOST environment variable overrides the active context. ${advice}\n`);
    }
  },
});
