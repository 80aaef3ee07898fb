/** `docker volume prune`. Real counterpart: docker/cli `cli/command/volume/prune.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { Cli } from "../cli.ts";
import { filtersParameter, olderThan } from "../client.ts";
import { defineCommand, noArgs } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, filter, type FilterValues } from "../flags.ts";
import { confirmPrune, type Pruned, printPruned, pruneFilters } from "../prune.ts";

export function* pruneVolumes(cli: Cli, filters: FilterValues): Proc<Pruned> {
  const client = yield* cli.client();
  const answer = yield* client.json<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }>("POST", "/volumes/prune", {
    query: { filters: filtersParameter(yield* pruneFilters(cli, filters)) },
  });
  const names = answer.VolumesDeleted ?? [];
  return names.length === 0
    ? { output: "", spaceReclaimed: 0 }
    : { output: `Deleted Volumes:\n${names.map((name) => `${name}\n`).join("")}`, spaceReclaimed: answer.SpaceReclaimed };
}

/** Since this version of the API, named volumes go only with `--all`. */
const KEEPS_NAMED = "1.42";

export const prune = defineCommand({
  use: "prune [OPTIONS]",
  short: "Remove unused local volumes",
  args: noArgs,
  flags: {
    all: bool("Remove all unused volumes, not only anonymous ones", { short: "a", since: KEEPS_NAMED }),
    filter: filter('Conditions on what is removed (such as "label=<label>")'),
    force: bool("Do not ask", { short: "f" }),
  },
  *run({ cli, o }) {
    const client = yield* cli.client();
    yield* client.ping();
    const older = olderThan(client.version, KEEPS_NAMED);
    if (o.all && o.filter.all !== undefined) throw new CliError("conflicting options: cannot specify both --all and --filter all=1");
    const filters = o.all ? { ...o.filter, all: ["true"] } : o.filter;
    const what = older || o.all ? "all local volumes" : "anonymous local volumes";
    const warning = `WARNING! This will remove ${what} not used by at least one container.\nAre you sure you want to continue?`;
    yield* confirmPrune(cli, o.force, warning);
    yield* printPruned(cli, yield* pruneVolumes(cli, filters));
  },
});
