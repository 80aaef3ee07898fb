/** `docker volume create`. Real counterpart: docker/cli `cli/command/volume/create.go`. */

import type { VolumeResource } from "./resource.ts";
import { atMost, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { bytes, type FlagOptions, list, map, string } from "../flags.ts";
import { toRecord } from "../opts/keyvalue.ts";
import { checkLabel } from "../opts/validate.ts";

const cluster = { since: "1.42", only: "swarm" } as const satisfies FlagOptions<never>;

export const create = defineCommand({
  use: "create [OPTIONS] [VOLUME]",
  short: "Create a volume",
  args: atMost(1),
  flags: {
    availability: string('Availability in the cluster ("active", "pause", "drain")', { ...cluster, default: "active" }),
    driver: string("Driver of the volume", { short: "d", default: "local" }),
    group: string("Group in the cluster", cluster),
    label: list("Set metadata", { check: checkLabel }),
    "limit-bytes": bytes("Most bytes of a volume of the cluster", cluster),
    name: string("Name of the volume", { hidden: true }),
    opt: map("Options of the driver", { short: "o" }),
    "required-bytes": bytes("Fewest bytes of a volume of the cluster", cluster),
    scope: string('Access in the cluster ("single", "multi")', { ...cluster, default: "single" }),
    secret: map("Secrets of the cluster", cluster),
    sharing: string('Sharing in the cluster ("none", "readonly", "onewriter", "all")', { ...cluster, default: "none" }),
    "topology-preferred": list("Where in the cluster it best is", cluster),
    "topology-required": list("Where in the cluster it must be", cluster),
    type: string('Kind of access in the cluster ("mount", "block")', { ...cluster, default: "block" }),
  },
  *run({ cli, o, args }) {
    if (args.length === 1 && o.name !== "")
      throw new CliError("conflicting options: cannot specify a volume-name through both --name and as a positional arg");
    const body = {
      Driver: o.driver,
      // What is empty is left out, so that the volume has none.
      ...(o.opt.size === 0 ? {} : { DriverOpts: Object.fromEntries(o.opt) }),
      ...(o.label.length === 0 ? {} : { Labels: toRecord(o.label) }),
      Name: args[0] ?? o.name,
    };
    const client = yield* cli.client();
    const { Name } = yield* client.json<VolumeResource>("POST", "/volumes/create", { body });
    yield* cli.print(`${Name}\n`);
  },
});
