/** `docker container prune`. Real counterpart: docker/cli `cli/command/container/prune.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { Cli } from "../cli.ts";
import { filtersParameter } from "../client.ts";
import { defineCommand, noArgs } from "../command.ts";
import { bool, filter, type FilterValues } from "../flags.ts";
import { confirmPrune, type Pruned, printPruned, pruneFilters } from "../prune.ts";

export function* pruneContainers(cli: Cli, filters: FilterValues): Proc<Pruned> {
  const client = yield* cli.client();
  const answer = yield* client.json<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>("POST", "/containers/prune", {
    query: { filters: filtersParameter(yield* pruneFilters(cli, filters)) },
  });
  const ids = answer.ContainersDeleted ?? [];
  return ids.length === 0
    ? { output: "", spaceReclaimed: 0 }
    : { output: `Deleted Containers:\n${ids.map((id) => `${id}\n`).join("")}`, spaceReclaimed: answer.SpaceReclaimed };
}

export const prune = defineCommand({
  use: "prune [OPTIONS]",
  short: "Remove all stopped containers",
  args: noArgs,
  flags: {
    filter: filter('Conditions on what is removed (such as "until=<timestamp>")'),
    force: bool("Do not ask", { short: "f" }),
  },
  *run({ cli, o }) {
    yield* confirmPrune(cli, o.force, "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?");
    yield* printPruned(cli, yield* pruneContainers(cli, o.filter));
  },
});
