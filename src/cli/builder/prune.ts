/** `docker builder prune`. Real counterpart: docker/cli `cli/command/builder/prune.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { Cli } from "../cli.ts";
import { filtersParameter } from "../client.ts";
import { defineCommand, noArgs } from "../command.ts";
import { bool, bytes, filter, type FilterValues } from "../flags.ts";
import { humanSize } from "../format/units.ts";
import { confirmPrune, type Pruned, pruneFilters } from "../prune.ts";

export function* pruneBuildCache(cli: Cli, all: boolean, filters: FilterValues, keepBytes = 0): Proc<Pruned> {
  const answer = yield* (yield* cli.client()).json<{ CachesDeleted: string[] | null; SpaceReclaimed: number }>("POST", "/build/prune", {
    query: { all, filters: filtersParameter(yield* pruneFilters(cli, filters)), "keep-storage": keepBytes === 0 ? undefined : keepBytes },
  });
  const ids = answer.CachesDeleted ?? [];
  const output = ids.length === 0 ? "" : `Deleted build cache objects:\n${ids.map((id) => `${id}\n`).join("")}`;
  return { output, spaceReclaimed: answer.SpaceReclaimed };
}

export const prune = defineCommand({
  use: "prune",
  short: "Remove what builds have cached",
  args: noArgs,
  flags: {
    all: bool("Remove all unused caches, not only dangling ones", { short: "a" }),
    filter: filter('Conditions on what is removed (such as "until=24h")'),
    force: bool("Do not ask", { short: "f" }),
    "keep-storage": bytes("Bytes of the cache to keep"),
  },
  *run({ cli, o }) {
    const what = o.all ? "all build cache" : "all dangling build cache";
    yield* confirmPrune(cli, o.force, `WARNING! This will remove ${what}. Are you sure you want to continue?`);
    const { output, spaceReclaimed } = yield* pruneBuildCache(cli, o.all, o.filter, o["keep-storage"]);
    if (output !== "") yield* cli.print(`${output}\n`);
    yield* cli.print(`Total reclaimed space: ${humanSize(spaceReclaimed)}\n`);
  },
});
