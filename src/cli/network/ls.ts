/** `docker network ls`. Real counterparts: docker/cli `cli/command/network/list.go`, `formatter.go`. */

import type { NetworkResource } from "../../engine/api/network.ts";
import { filtersParameter } from "../client.ts";
import { defineCommand, noArgs } from "../command.ts";
import { bool, filter, string } from "../flags.ts";
import { FORMAT_HELP } from "../format/help.ts";
import { naturalLess } from "../format/natural.ts";
import { columnsOf, field, type Fields, formatList, labelText, shortId } from "../format/table.ts";

interface Row {
  /** EnableIPv4 is of later API versions. */
  readonly n: NetworkResource & { readonly EnableIPv4?: boolean };
  readonly trunc: boolean;
}

/** `2024-05-01T12:00:00.5Z` as time.Time prints itself. */
export function printedTime(text: string): string {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.exec(text);
  if (match === null) return text;
  const zone = match[4] === "Z" || match[4] === "+00:00" ? "+0000 UTC" : `${match[4]?.replace(":", "")} ${match[4]?.replace(":", "")}`;
  return `${match[1]} ${match[2]}${match[3] ?? ""} ${zone}`;
}

const fields: Fields<Row> = {
  typeName: "*network.networkContext",
  fields: {
    ID: field("NETWORK ID", ({ n, trunc }) => (trunc ? shortId(n.Id) : n.Id)),
    Name: field("NAME", ({ n }) => n.Name),
    Driver: field("DRIVER", ({ n }) => n.Driver),
    Scope: field("SCOPE", ({ n }) => n.Scope),
    IPv4: field("IPV4", ({ n }) => String(n.EnableIPv4 ?? false)),
    IPv6: field("IPV6", ({ n }) => String(n.EnableIPv6)),
    Internal: field("INTERNAL", ({ n }) => String(n.Internal)),
    Labels: field("LABELS", ({ n }) => labelText(n.Labels)),
    CreatedAt: field("CREATED AT", ({ n }) => printedTime(n.Created)),
  },
  labels: ({ n }) => n.Labels,
};

export const ls = defineCommand({
  use: "ls [OPTIONS]",
  short: "List networks",
  names: ["list"],
  args: noArgs,
  flags: {
    filter: filter('Conditions on what is shown (such as "driver=bridge")', { short: "f" }),
    format: string(FORMAT_HELP),
    "no-trunc": bool("Do not shorten anything"),
    quiet: bool("Show only network IDs", { short: "q" }),
  },
  *run({ cli, o }) {
    const client = yield* cli.client();
    const list = yield* client.json<NetworkResource[]>("GET", "/networks", { query: { filters: filtersParameter(o.filter) } });
    const own = o.format === "" && !o.quiet ? ((yield* cli.configFile()).networksFormat ?? "") : o.format;
    const rows = [...list].sort((a, b) => naturalLess(a.Name, b.Name)).map((n): Row => ({ n, trunc: !o["no-trunc"] }));
    const format = own === "" ? (o.quiet ? "{{.ID}}" : "table") : own;
    yield* cli.print(formatList(fields, rows, format, columnsOf("ID", "Name", "Driver", "Scope")));
  },
});
