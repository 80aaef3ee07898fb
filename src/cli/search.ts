/** `docker search`. Real counterparts: docker/cli `cli/command/registry/search.go`, `formatter_search.go`. */

import type { ImageSearchResult } from "../engine/api/image.ts";
import { filtersParameter, NO_AUTH } from "./client.ts";
import { defineCommand, exactly } from "./command.ts";
import { CliError } from "./errors.ts";
import { bool, filter, int, string } from "./flags.ts";
import { columnsOf, ellipsis, field, type Fields, formatList } from "./format/table.ts";

interface Row {
  readonly result: ImageSearchResult;
  readonly trunc: boolean;
}

const mark = (value: boolean): string => (value ? "[OK]" : "");

const fields: Fields<Row> = {
  typeName: "*registry.searchContext",
  fields: {
    Name: field("NAME", ({ result }) => result.name),
    Description: field("DESCRIPTION", ({ result, trunc }) => {
      const text = result.description.replace(/[\n\r]/g, " ");
      return trunc ? ellipsis(text, 45) : text;
    }),
    StarCount: field("STARS", ({ result }) => String(result.star_count)),
    IsOfficial: field("OFFICIAL", ({ result }) => mark(result.is_official)),
    IsAutomated: field("AUTOMATED", ({ result }) => mark(result.is_automated)),
  },
};

export const search = defineCommand({
  use: "search [OPTIONS] TERM",
  short: "Search Docker Hub for images",
  args: exactly(1),
  flags: {
    filter: filter("Conditions on what is shown", { short: "f" }),
    format: string("Print each result by a Go template"),
    limit: int("Most results"),
    "no-trunc": bool("Do not shorten anything"),
  },
  topic: "common",
  completes: "nothing",
  *run({ cli, o, args }) {
    if (o.filter["is-automated"] !== undefined)
      yield* cli.eprint(
        'WARNING: the "is-automated" filter is deprecated, and searching for "is-automated=true" will not yield any results in future.\n',
      );
    const client = yield* cli.client();
    const results = yield* client.json<ImageSearchResult[] | null>("GET", "/images/search", {
      query: { term: args[0], limit: o.limit > 0 ? o.limit : undefined, filters: filtersParameter(o.filter) },
      headers: { "X-Registry-Auth": NO_AUTH },
    });
    if (o.limit < 0) throw new CliError(`limit ${o.limit} is outside the range of [1, 100]`);
    const rows = [...(results ?? [])].sort((a, b) => b.star_count - a.star_count).map((result): Row => ({ result, trunc: !o["no-trunc"] }));
    const columns = columnsOf("Name", "Description", "StarCount", "IsOfficial");
    yield* cli.print(formatList(fields, rows, o.format === "" ? "table" : o.format, columns));
  },
});
