/** `docker ps`. Real counterparts: docker/cli `cli/command/container/list.go`, `cli/command/formatter/container.go`. */

import type { ContainerSummary } from "../../engine/api/container.ts";
import { familiarString, parseNormalizedNamed, trimNamed } from "../../image/reference.ts";
import { filtersParameter } from "../client.ts";
import { defineCommand, noArgs } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, filter, int, string } from "../flags.ts";
import { FORMAT_HELP } from "../format/help.ts";
import { displayPorts } from "../format/ports.ts";
import { columnsOf, compile, ellipsis, execute, field, type Fields, formatList, labelText, rowContext, shortId } from "../format/table.ts";
import { ago, goTime } from "../format/time.ts";
import { humanSize } from "../format/units.ts";

interface Row {
  readonly c: ContainerSummary;
  readonly trunc: boolean;
  readonly now: number;
  /** Called when a template asks for the size. */
  readonly onSize?: () => void;
}

function names({ c, trunc }: Row): string {
  const bare = c.Names.map((name) => name.replace(/^\//, ""));
  const own = trunc ? bare.find((name) => !name.includes("/")) : undefined;
  return own ?? bare.join(",");
}

function image({ c, trunc }: Row): string {
  if (c.Image === "") return "<no image>";
  if (!trunc) return c.Image;
  if (shortId(c.ImageID) === shortId(c.Image)) return shortId(c.Image);
  try {
    const reference = parseNormalizedNamed(c.Image, "client");
    const named = trimNamed(reference);
    return familiarString(reference.tag === undefined ? named : { ...named, tag: reference.tag });
  } catch {
    return c.Image;
  }
}

function size({ c, onSize }: Row): string {
  onSize?.();
  const written = humanSize(c.SizeRw ?? 0, 3);
  const whole = c.SizeRootFs ?? 0;
  return whole > 0 ? `${written} (virtual ${humanSize(whole, 3)})` : written;
}

export const containerFields: Fields<Row> = {
  typeName: "*formatter.ContainerContext",
  fields: {
    ID: field("CONTAINER ID", ({ c, trunc }) => (trunc ? shortId(c.Id) : c.Id)),
    Names: field("NAMES", names),
    Image: field("IMAGE", image),
    Command: field("COMMAND", ({ c, trunc }) => JSON.stringify(trunc ? ellipsis(c.Command, 20) : c.Command)),
    CreatedAt: field("CREATED AT", ({ c }) => goTime(c.Created)),
    RunningFor: field("CREATED", ({ c, now }) => ago(c.Created, now)),
    Ports: field("PORTS", ({ c }) => displayPorts(c.Ports ?? [])),
    State: field("STATE", ({ c }) => c.State),
    Status: field("STATUS", ({ c }) => c.Status),
    Size: field("SIZE", size),
    Labels: field("LABELS", ({ c }) => labelText(c.Labels).split(",").sort().join(",")),
    Mounts: field("MOUNTS", ({ c, trunc }) =>
      (c.Mounts ?? [])
        .map((mount) => (mount.Name === undefined || mount.Name === "" ? mount.Source : mount.Name))
        .map((name) => (trunc ? ellipsis(name, 15) : name))
        .join(","),
    ),
    LocalVolumes: field("LOCAL VOLUMES", ({ c }) => String((c.Mounts ?? []).filter((mount) => mount.Driver === "local").length)),
    Networks: field("NETWORKS", ({ c }) => Object.keys(c.NetworkSettings?.Networks ?? {}).join(",")),
    Platform: field("PLATFORM", () => null),
  },
  labels: ({ c }) => c.Labels,
};

/** A container without anything, to try templates on. */
const EMPTY: ContainerSummary = {
  Id: "",
  Names: [],
  Image: "",
  ImageID: "",
  Command: "",
  Created: 0,
  Ports: [],
  Labels: {},
  State: "created",
  Status: "",
  HostConfig: {},
  NetworkSettings: null,
  Mounts: [],
};

const COLUMNS = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"];

/** This trial has words of its own. */
function rewording<T>(step: "parse" | "execute", body: () => T): T {
  try {
    return body();
  } catch (e) {
    if (!(e instanceof CliError)) throw e;
    throw new CliError(e.message.replace(/^template parsing error/, `failed to ${step} template`));
  }
}

/** Whether a template shows the size, which is costly to know. */
function showsSize(format: string): boolean {
  let shown = false;
  const source = format.replace(/^table/, "").trim();
  const row: Row = {
    c: EMPTY,
    trunc: true,
    now: 0,
    onSize: () => {
      shown = true;
    },
  };
  if (source === "" || source === "json") return false;
  const template = rewording("parse", () => compile(source));
  rewording("execute", () => execute(template, rowContext(containerFields, row)));
  return shown;
}

export const ps = defineCommand({
  use: "ps [OPTIONS]",
  short: "List containers",
  aliases: ["docker container ls", "docker container list", "docker container ps", "docker ps"],
  args: noArgs,
  flags: {
    all: bool("Show all containers (default shows just running)", { short: "a" }),
    filter: filter("Conditions on what is shown", { short: "f" }),
    format: string(FORMAT_HELP),
    last: int("Show the last created containers, in whatever state", { short: "n", default: -1 }),
    latest: bool("Show the last created container, in whatever state", { short: "l" }),
    "no-trunc": bool("Do not shorten anything"),
    quiet: bool("Show only container IDs", { short: "q" }),
    size: bool("Show sizes", { short: "s" }),
  },
  topic: "common",
  *run({ cli, o, given }) {
    let { format } = o;
    if (format === "") format = (yield* cli.configFile()).psFormat ?? "";
    else if (o.quiet) yield* cli.eprint("WARNING: Ignoring custom format, because both --format and --quiet are set.\n");
    const size = o.size || (!o.quiet && !given("size") && format !== "" && showsSize(format));
    const client = yield* cli.client();
    const limit = o.latest && o.last === -1 ? 1 : o.last;
    const list = yield* client.json<ContainerSummary[]>("GET", "/containers/json", {
      query: { all: o.all, filters: filtersParameter(o.filter), limit: limit > 0 ? limit : undefined, size },
    });
    const now = yield* cli.now();
    const rows = list.map((c): Row => ({ c, trunc: !o["no-trunc"], now }));
    const columns = columnsOf(...COLUMNS, ...(size ? ["Size"] : []));
    yield* cli.print(formatList(containerFields, rows, o.quiet ? "{{.ID}}" : format === "" ? "table" : format, columns));
  },
});
