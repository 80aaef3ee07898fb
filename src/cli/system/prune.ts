/** `docker system prune`. Real counterpart: docker/cli `cli/command/system/prune.go`. */

import type { Proc } from "../../abi/sys.ts";
import { pruneBuildCache } from "../builder/prune.ts";
import { defineCommand, noArgs } from "../command.ts";
import { pruneContainers } from "../container/prune.ts";
import { CliError } from "../errors.ts";
import { bool, filter } from "../flags.ts";
import { naturalLess } from "../format/natural.ts";
import { humanSize } from "../format/units.ts";
import { pruneImages } from "../image/prune.ts";
import { pruneNetworks } from "../network/prune.ts";
import { confirmPrune, type Pruned, pruneFilters } from "../prune.ts";
import { pruneVolumes } from "../volume/prune.ts";

export const prune = defineCommand({
  use: "prune [OPTIONS]",
  short: "Remove all that is unused",
  args: noArgs,
  flags: {
    all: bool("Remove all unused images, not only dangling ones", { short: "a" }),
    filter: filter('Conditions on what is removed (such as "label=<key>=<value>")'),
    force: bool("Do not ask", { short: "f" }),
    volumes: bool("Remove anonymous volumes as well"),
  },
  *run({ cli, o }) {
    if (o.volumes && o.filter.until !== undefined) throw new CliError('ERROR: The "until" filter is not supported with "--volumes"');
    const filters = yield* pruneFilters(cli, o.filter);
    const shown = ["label", "label!", "until"]
      .flatMap((name) => (filters[name] ?? []).map((value) => `${name}=${value}`))
      .sort(naturalLess);
    const what = [
      "all stopped containers",
      "all networks not used by at least one container",
      ...(o.volumes ? ["all anonymous volumes not used by at least one container"] : []),
      o.all ? "all images without at least one container associated to them" : "all dangling images",
      o.all ? "all build cache" : "unused build cache",
    ];
    const conditions =
      shown.length === 0 ? "" : `\n  Items to be pruned will be filtered with:${shown.map((item) => `\n  - ${item}`).join("")}\n`;
    const warning = `WARNING! This will remove:${what.map((item) => `\n  - ${item}`).join("")}\n${conditions}\nAre you sure you want to continue?`;
    yield* confirmPrune(cli, o.force, warning);
    const steps: (() => Proc<Pruned>)[] = [
      () => pruneContainers(cli, o.filter),
      () => pruneNetworks(cli, o.filter),
      ...(o.volumes ? [() => pruneVolumes(cli, o.filter)] : []),
      () => pruneImages(cli, o.all, o.filter),
      () => pruneBuildCache(cli, o.all, o.filter),
    ];
    let reclaimed = 0;
    for (const step of steps) {
      const { output, spaceReclaimed } = yield* step();
      reclaimed += spaceReclaimed;
      if (output !== "") yield* cli.print(`${output}\n`);
    }
    yield* cli.print(`Total reclaimed space: ${humanSize(reclaimed)}\n`);
  },
});
