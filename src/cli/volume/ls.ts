/** `docker volume ls`. Real counterparts: docker/cli `cli/command/volume/list.go`, `cli/command/formatter/volume.go`. */

import type { VolumeResource } from "./resource.ts";
import { filtersParameter } from "../client.ts";
import { defineCommand, noArgs } from "../command.ts";
import { bool, filter, string } from "../flags.ts";
import { FORMAT_HELP } from "../format/help.ts";
import { naturalLess } from "../format/natural.ts";
import { columnsOf, field, type Fields, formatList, labelText } from "../format/table.ts";
import { humanSize } from "../format/units.ts";

export const volumeFields: Fields<VolumeResource> = {
  typeName: "*formatter.volumeContext",
  fields: {
    Name: field("VOLUME NAME", (v) => v.Name),
    Group: field("GROUP", () => "N/A"),
    Driver: field("DRIVER", (v) => v.Driver),
    Scope: field("SCOPE", (v) => v.Scope),
    Availability: field("AVAILABILITY", () => "N/A"),
    Mountpoint: field("MOUNTPOINT", (v) => v.Mountpoint),
    Labels: field("LABELS", (v) => labelText(v.Labels)),
    Links: field("LINKS", ({ UsageData }) => (UsageData === undefined || UsageData === null ? "N/A" : String(UsageData.RefCount))),
    Size: field("SIZE", ({ UsageData }) => (UsageData === undefined || UsageData === null ? "N/A" : humanSize(UsageData.Size))),
    Status: field("STATUS", () => "N/A"),
  },
  labels: (v) => v.Labels,
};

export const ls = defineCommand({
  use: "ls [OPTIONS]",
  short: "List volumes",
  names: ["list"],
  args: noArgs,
  flags: {
    cluster: bool("Show only volumes of the cluster", { since: "1.42", only: "swarm" }),
    filter: filter('Conditions on what is shown (such as "dangling=true")', { short: "f" }),
    format: string(FORMAT_HELP),
    quiet: bool("Show only volume names", { short: "q" }),
  },
  *run({ cli, o }) {
    const client = yield* cli.client();
    const { Volumes } = yield* client.json<{ Volumes: VolumeResource[] | null }>("GET", "/volumes", {
      query: { filters: filtersParameter(o.filter) },
    });
    const own = o.format === "" && !o.quiet ? ((yield* cli.configFile()).volumesFormat ?? "") : o.format;
    const rows = [...(Volumes ?? [])].sort((a, b) => naturalLess(a.Name, b.Name));
    yield* cli.print(formatList(volumeFields, rows, own === "" ? (o.quiet ? "{{.Name}}" : "table") : own, columnsOf("Driver", "Name")));
  },
});
