/** `docker network prune`. Real counterpart: docker/cli `cli/command/network/prune.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { NetworksPruned } from "../../engine/api/network.ts";
import type { Cli } from "../cli.ts";
import { filtersParameter } from "../client.ts";
import { defineCommand, noArgs } from "../command.ts";
import { bool, filter, type FilterValues } from "../flags.ts";
import { confirmPrune, type Pruned, pruneFilters } from "../prune.ts";

export function* pruneNetworks(cli: Cli, filters: FilterValues): Proc<Pruned> {
  const client = yield* cli.client();
  const { NetworksDeleted } = yield* client.json<NetworksPruned>("POST", "/networks/prune", {
    query: { filters: filtersParameter(yield* pruneFilters(cli, filters)) },
  });
  const names = NetworksDeleted ?? [];
  return { output: names.length === 0 ? "" : `Deleted Networks:\n${names.map((name) => `${name}\n`).join("")}`, spaceReclaimed: 0 };
}

export const prune = defineCommand({
  use: "prune [OPTIONS]",
  short: "Remove all unused networks",
  args: noArgs,
  flags: {
    filter: filter('Conditions on what is removed (such as "until=<timestamp>")'),
    force: bool("Do not ask", { short: "f" }),
  },
  *run({ cli, o }) {
    const what = "all custom networks not used by at least one container";
    yield* confirmPrune(cli, o.force, `WARNING! This will remove ${what}.\nAre you sure you want to continue?`);
    const { output } = yield* pruneNetworks(cli, o.filter);
    if (output !== "") yield* cli.print(`${output}\n`);
  },
});
