/** `docker rmi`. Real counterpart: docker/cli `cli/command/image/remove.go`. */

import type { ImageDeleteItem } from "../../engine/api/image.ts";
import { atLeast, defineCommand } from "../command.ts";
import { isMissing } from "../each.ts";
import { CliError } from "../errors.ts";
import { bool, strings } from "../flags.ts";

export const rmi = defineCommand({
  use: "rmi [OPTIONS] IMAGE [IMAGE...]",
  short: "Remove images",
  aliases: ["docker image rm", "docker image remove", "docker rmi"],
  args: atLeast(1),
  flags: {
    force: bool("Remove the image whatever uses it", { short: "f" }),
    "no-prune": bool("Keep parents that have no tag"),
    platform: strings('Remove only that of one platform ("os[/arch[/variant]]")', { since: "1.50" }),
  },
  completes: "images",
  *run({ cli, o, args }) {
    const client = yield* cli.client();
    const errors: CliError[] = [];
    for (const name of args) {
      try {
        const items = yield* client.json<ImageDeleteItem[]>("DELETE", `/images/${name}`, {
          query: { force: o.force, noprune: o["no-prune"] },
        });
        const lines = items.map(({ Deleted, Untagged }) => (Deleted === undefined ? `Untagged: ${Untagged}\n` : `Deleted: ${Deleted}\n`));
        yield* cli.print(lines.join(""));
      } catch (e) {
        if (!(e instanceof CliError)) throw e;
        errors.push(e);
      }
    }
    if (errors.length === 0) return;
    const text = errors.map((e) => e.message).join("\n");
    if (!o.force || !errors.every(isMissing)) throw new CliError(text);
    yield* cli.eprint(`${text}\n`);
  },
});
