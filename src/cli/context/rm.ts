/** `docker context rm`. Real counterpart: docker/cli `cli/command/context/remove.go`. */

import { optional, rename, stat } from "../../userland/libc/unistd.ts";
import { removeTree } from "../files.ts";
import { atLeast, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool } from "../flags.ts";
import { contextDir, currentContext, DEFAULT_CONTEXT } from "./store.ts";
import { choose } from "./use.ts";

export const rm = defineCommand({
  use: "rm CONTEXT [CONTEXT...]",
  short: "Remove contexts",
  names: ["remove"],
  args: atLeast(1),
  flags: {
    force: bool("Remove even the context in force", { short: "f" }),
  },
  completes: "contexts",
  *run({ cli, o, args }) {
    const current = yield* currentContext(cli);
    const errors: string[] = [];
    for (const name of args) {
      const dir = contextDir(cli, "meta", name);
      if (name === DEFAULT_CONTEXT) errors.push(`context "default" cannot be removed`);
      else if ((yield* optional(stat(cli.sys, dir))) === undefined) {
        if (!o.force) errors.push(`context ${JSON.stringify(name)} does not exist`);
      } else if (name === current && !o.force) errors.push(`context ${JSON.stringify(name)} is in use, set -f flag to force remove`);
      else {
        if (name === current) yield* choose(cli, DEFAULT_CONTEXT);
        // Out of sight at once, then away.
        yield* rename(cli.sys, dir, `${dir}.removed`);
        yield* removeTree(cli.sys, `${dir}.removed`);
        yield* cli.print(`${name}\n`);
      }
    }
    if (errors.length > 0) throw new CliError(errors.join("\n"));
  },
});
