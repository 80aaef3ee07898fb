/** `docker context ls`. Real counterpart: docker/cli `cli/command/context/list.go`. */

import { defineCommand, noArgs } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { FORMAT_HELP } from "../format/help.ts";
import { columnsOf, ellipsis, field, type Fields, formatList } from "../format/table.ts";
import { currentContext, DEFAULT_CONTEXT, listContexts, requireContext } from "./store.ts";

interface Row {
  readonly name: string;
  readonly current: boolean;
  readonly description: string;
  readonly endpoint: string;
  readonly error: string;
}

const fields: Fields<Row> = {
  typeName: "*formatter.clientContextContext",
  fields: {
    Name: field("NAME", ({ name }) => name),
    Current: field("CURRENT", ({ current }) => current),
    Description: field("DESCRIPTION", ({ description }) => description),
    DockerEndpoint: field("DOCKER ENDPOINT", ({ endpoint }) => endpoint),
    Error: field("ERROR", ({ error }) => ellipsis(error, 45)),
  },
};

/** The star belongs to the name's column. */
const COLUMNS = `{{.Name}}{{if .Current}} *{{end}}\t${columnsOf("Description", "DockerEndpoint", "Error")}`;
const DEFAULT_DESCRIPTION = "Current DOCKER_HOST based configuration";

export const ls = defineCommand({
  use: "ls [OPTIONS]",
  short: "List contexts",
  names: ["list"],
  args: noArgs,
  flags: {
    format: string(FORMAT_HELP),
    quiet: bool("Show only context names", { short: "q" }),
  },
  *run({ cli, o }) {
    const current = yield* currentContext(cli);
    const rows = (yield* listContexts(cli)).map(
      ({ Name, Metadata, Endpoints }): Row => ({
        name: Name,
        current: Name === current,
        description: Name === DEFAULT_CONTEXT ? DEFAULT_DESCRIPTION : (Metadata.Description ?? ""),
        endpoint: Endpoints.docker?.Host ?? "",
        error: "",
      }),
    );
    if (!rows.some((row) => row.current)) {
      let error = "";
      try {
        yield* requireContext(cli, current);
      } catch (e) {
        if (!(e instanceof CliError)) throw e;
        error = e.message;
      }
      rows.push({ name: current, current: true, description: "", endpoint: "", error });
      rows.sort((a, b) => (a.name < b.name ? -1 : 1));
    }
    const format = o.format === "" ? (o.quiet ? "{{.Name}}" : "table") : o.format;
    // A heading has no state: the star is of rows alone.
    const headed = formatList(fields, rows, format, COLUMNS).replace(/^NAME \*/, "NAME  ");
    yield* cli.print(headed);
    if ((cli.env.get("DOCKER_HOST") ?? "") === "") return;
    const advice = "To use a context, either set the global --context flag, or unset DOCKER_HOST environment variable.";
    yield* cli.eprint(`Warning: DOCKER_HOST environment variable overrides the active context. ${advice}\n`);
  },
});
