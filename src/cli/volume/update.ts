/** `docker volume update`, which is for volumes of a cluster only. Real counterpart: docker/cli `cli/command/volume/update.go`. */

import { defineCommand, exactly } from "../command.ts";
import { CliError } from "../errors.ts";
import { string } from "../flags.ts";

export const update = defineCommand({
  use: "update [OPTIONS] [VOLUME]",
  short: "Update a volume of a cluster",
  args: exactly(1),
  flags: {
    availability: string('Availability in the cluster ("active", "pause", "drain")', { since: "1.42", only: "swarm", default: "active" }),
  },
  hidden: true,
  completes: "volumes",
  *run({ cli, args }) {
    yield* (yield* cli.client()).send("GET", `/volumes/${args[0]}`);
    throw new CliError("can only update cluster volumes");
  },
});
