/** `docker history`. Real counterparts: docker/cli `cli/command/image/history.go`, `formatter_history.go`. */

import type { ImageHistoryItem } from "../../engine/api/image.ts";
import { defineCommand, exactly } from "../command.ts";
import { bool, string } from "../flags.ts";
import { FORMAT_HELP } from "../format/help.ts";
import { columnsOf, ellipsis, field, type Fields, formatList, shortId } from "../format/table.ts";
import { ago, isoTime } from "../format/time.ts";
import { humanSize } from "../format/units.ts";

interface Row {
  readonly item: ImageHistoryItem;
  readonly trunc: boolean;
  readonly human: boolean;
  readonly now: number;
}

/** 2000-01-01: what is older has no date. */
const EPOCH = 946_684_800;

function createdSince({ item, human, now }: Row): string {
  if (!human) return isoTime(item.Created);
  return item.Created <= EPOCH ? "N/A" : ago(item.Created, now);
}

const fields: Fields<Row> = {
  typeName: "*image.historyContext",
  fields: {
    ID: field("IMAGE", ({ item, trunc }) => (trunc ? shortId(item.Id) : item.Id)),
    CreatedSince: field("CREATED", createdSince),
    CreatedAt: field("CREATED AT", ({ item }) => isoTime(item.Created)),
    CreatedBy: field("CREATED BY", ({ item, trunc }) => {
      const text = item.CreatedBy.replaceAll("\t", " ");
      return trunc ? ellipsis(text, 45) : text;
    }),
    Size: field("SIZE", ({ item, human }) => (human ? humanSize(item.Size, 3) : String(item.Size))),
    Comment: field("COMMENT", ({ item }) => item.Comment),
  },
};

export const history = defineCommand({
  use: "history [OPTIONS] IMAGE",
  short: "Show how an image came to be",
  aliases: ["docker image history", "docker history"],
  args: exactly(1),
  flags: {
    format: string(FORMAT_HELP),
    human: bool("Print sizes and dates for people", { short: "H", default: true }),
    "no-trunc": bool("Do not shorten anything"),
    platform: string('Show that of one platform ("os[/arch[/variant]]")', { since: "1.48" }),
    quiet: bool("Show only image IDs", { short: "q" }),
  },
  completes: "images",
  *run({ cli, o, args }) {
    const client = yield* cli.client();
    const list = yield* client.json<ImageHistoryItem[]>("GET", `/images/${args[0]}/history`);
    const now = yield* cli.now();
    const rows = list.map((item): Row => ({ item, trunc: !o["no-trunc"], human: o.human, now }));
    const columns = columnsOf("ID", o.human ? "CreatedSince" : "CreatedAt", "CreatedBy", "Size", "Comment");
    yield* cli.print(formatList(fields, rows, o.format === "" ? (o.quiet ? "{{.ID}}" : "table") : o.format, columns));
  },
});
