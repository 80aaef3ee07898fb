/** `docker image prune`. Real counterpart: docker/cli `cli/command/image/prune.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { ImagesPruneAnswer } from "../../engine/api/image.ts";
import type { Cli } from "../cli.ts";
import { filtersParameter } from "../client.ts";
import { defineCommand, noArgs } from "../command.ts";
import { bool, filter, type FilterValues } from "../flags.ts";
import { confirmPrune, type Pruned, printPruned, pruneFilters } from "../prune.ts";

export function* pruneImages(cli: Cli, all: boolean, filters: FilterValues): Proc<Pruned> {
  const client = yield* cli.client();
  const answer = yield* client.json<ImagesPruneAnswer>("POST", "/images/prune", {
    query: { filters: filtersParameter(yield* pruneFilters(cli, { ...filters, dangling: [String(!all)] })) },
  });
  const items = answer.ImagesDeleted ?? [];
  if (items.length === 0) return { output: "", spaceReclaimed: 0 };
  const lines = items.map(({ Untagged, Deleted }) => (Untagged === undefined ? `deleted: ${Deleted}\n` : `untagged: ${Untagged}\n`));
  return { output: `Deleted Images:\n${lines.join("")}`, spaceReclaimed: answer.SpaceReclaimed };
}

export const prune = defineCommand({
  use: "prune [OPTIONS]",
  short: "Remove unused images",
  args: noArgs,
  flags: {
    all: bool("Remove all unused images, not only dangling ones", { short: "a" }),
    filter: filter('Conditions on what is removed (such as "until=<timestamp>")'),
    force: bool("Do not ask", { short: "f" }),
  },
  *run({ cli, o }) {
    const what = o.all ? "images without at least one container associated to them" : "dangling images";
    yield* confirmPrune(cli, o.force, `WARNING! This will remove all ${what}.\nAre you sure you want to continue?`);
    yield* printPruned(cli, yield* pruneImages(cli, o.all, o.filter));
  },
});
