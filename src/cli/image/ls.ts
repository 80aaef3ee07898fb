/** `docker images`. Real counterparts: docker/cli `cli/command/image/list.go`, `cli/command/formatter/image.go`. */

import type { ImageSummary } from "../../engine/api/image.ts";
import { familiarName, parseNormalizedNamed, type Reference } from "../../image/reference.ts";
import { filtersParameter } from "../client.ts";
import { atMost, defineCommand } from "../command.ts";
import { bool, filter, string } from "../flags.ts";
import { FORMAT_HELP } from "../format/help.ts";
import { columnsOf, field, type Fields, formatList, shortId } from "../format/table.ts";
import { ago, goTime } from "../format/time.ts";
import { humanSize } from "../format/units.ts";

const NONE = "<none>";

interface Row {
  readonly image: ImageSummary;
  readonly repo: string;
  readonly tag: string;
  readonly digest: string;
  readonly trunc: boolean;
  readonly now: number;
}

/** A number that the daemon may not have counted. */
const counted = (n: number, show: (n: number) => string): string => (n === -1 ? "N/A" : show(n));

export const imageFields: Fields<Row> = {
  typeName: "*formatter.imageContext",
  fields: {
    ID: field("IMAGE ID", ({ image, trunc }) => (trunc ? shortId(image.Id) : image.Id)),
    Repository: field("REPOSITORY", ({ repo }) => repo),
    Tag: field("TAG", ({ tag }) => tag),
    Digest: field("DIGEST", ({ digest }) => digest),
    CreatedSince: field("CREATED", ({ image, now }) => ago(image.Created, now)),
    CreatedAt: field("CREATED AT", ({ image }) => goTime(image.Created)),
    Size: field("SIZE", ({ image }) => humanSize(image.Size, 3)),
    Containers: field("CONTAINERS", ({ image }) => counted(image.Containers, String)),
    VirtualSize: field("SIZE", ({ image }) => humanSize(image.Size)),
    SharedSize: field("SHARED SIZE", ({ image }) => counted(image.SharedSize, humanSize)),
    UniqueSize: field("UNIQUE SIZE", ({ image }) => counted(image.SharedSize, (shared) => humanSize(image.Size - shared))),
  },
};

export const IMAGE_COLUMNS = ["Repository", "Tag", "ID", "CreatedSince", "Size"];

function parse(texts: readonly string[] | null): Reference[] {
  return (texts ?? []).flatMap((text) => {
    try {
      return [parseNormalizedNamed(text, "client")];
    } catch {
      return [];
    }
  });
}

function isDangling({ RepoTags, RepoDigests }: ImageSummary): boolean {
  const tags = RepoTags ?? [];
  const digests = RepoDigests ?? [];
  if (tags.length === 0 && digests.length === 0) return true;
  return tags.length === 1 && tags[0] === "<none>:<none>" && digests.length === 1 && digests[0] === "<none>@<none>";
}

/** One row a tag; digests beside them, or in rows of their own where there is no tag. */
export function imageRows(image: ImageSummary, withDigest: boolean, trunc: boolean, now: number): Row[] {
  const row = (repo: string, tag: string, digest: string): Row => ({ image, repo, tag, digest, trunc, now });
  if (isDangling(image)) return [row(NONE, NONE, NONE)];
  const digests = parse(image.RepoDigests);
  const tags = parse(image.RepoTags).filter((reference) => reference.tag !== undefined);
  const rows: Row[] = [];
  for (const tagged of tags) {
    const own = digests.filter((reference) => familiarName(reference) === familiarName(tagged) && reference.digest !== undefined);
    const shown = withDigest && own.length > 0 ? own.map(({ digest }) => digest as string) : [NONE];
    for (const digest of shown) rows.push(row(familiarName(tagged), tagged.tag as string, digest));
  }
  const named = new Set(tags.map(familiarName));
  const rest = digests.filter((reference) => !named.has(familiarName(reference)));
  if (withDigest) rows.push(...rest.map((reference) => row(familiarName(reference), NONE, reference.digest ?? NONE)));
  else rows.push(...[...new Set(rest.map(familiarName))].map((name) => row(name, NONE, "")));
  return rows;
}

/** Words that someone may have meant as commands. */
const AMBIGUOUS = "images ls list rm build history import inspect load prune pull push rmi save tag".split(" ");

export const images = defineCommand({
  use: "images [OPTIONS] [REPOSITORY[:TAG]]",
  short: "List images",
  aliases: ["docker image ls", "docker image list", "docker images"],
  args: atMost(1),
  flags: {
    all: bool("Show all images (default hides intermediate images)", { short: "a" }),
    digests: bool("Show digests"),
    filter: filter("Conditions on what is shown", { short: "f" }),
    format: string(FORMAT_HELP),
    "no-trunc": bool("Do not shorten anything"),
    quiet: bool("Show only image IDs", { short: "q" }),
    tree: bool("Show images of several platforms as a tree", { since: "1.47", only: "experimental client" }),
  },
  topic: "common",
  completes: "images",
  *run({ cli, o, args, path }) {
    const [name = ""] = args;
    const filters = name === "" ? o.filter : { ...o.filter, reference: [...(o.filter.reference ?? []), name] };
    const client = yield* cli.client();
    const list = yield* client.json<ImageSummary[]>("GET", "/images/json", {
      query: { all: o.all, filters: filtersParameter(filters) },
    });
    const own = o.format === "" && !o.quiet ? ((yield* cli.configFile()).imagesFormat ?? "") : o.format;
    const columns = columnsOf(...(o.digests ? ["Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"] : IMAGE_COLUMNS));
    const format = own === "" ? (o.quiet ? "{{.ID}}" : "table") : own;
    const now = yield* cli.now();
    const rows = list.flatMap((image) => imageRows(image, o.digests || format.includes("{{.Digest}}"), !o["no-trunc"], now));
    yield* cli.print(formatList(imageFields, rows, format, columns));
    if (name !== "" && list.length === 0 && path === "docker images" && AMBIGUOUS.includes(name))
      yield* cli.eprint(`\nNo images found matching "${name}": did you mean "docker image ${name}"?\n`);
  },
});
