/** `docker pull`. Real counterpart: docker/cli `cli/command/image/pull.go`. */

import { normalizedString, parseNormalizedNamed, tagNameOnly } from "../../image/reference.ts";
import { defineCommand, exactly } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { pullImage } from "./progress.ts";

/** Errors: CliError. */
export function parseName(name: string, allTags: boolean): { full: string; defaulted: boolean } {
  try {
    const reference = parseNormalizedNamed(name, "client");
    const bare = reference.tag === undefined && reference.digest === undefined;
    if (allTags && !bare) throw new Error("tag can't be used with --all-tags/-a");
    return { full: normalizedString(allTags ? reference : tagNameOnly(reference)), defaulted: bare && !allTags };
  } catch (e) {
    throw new CliError((e as Error).message);
  }
}

export const pull = defineCommand({
  use: "pull [OPTIONS] NAME[:TAG|@DIGEST]",
  short: "Download an image from a registry",
  aliases: ["docker image pull", "docker pull"],
  args: exactly(1),
  flags: {
    "all-tags": bool("Download all tagged images of the repository", { short: "a" }),
    "disable-content-trust": bool("Skip the verification of signatures", { default: true }),
    platform: string("Platform of the image, where the server has several"),
    quiet: bool("Show no progress", { short: "q" }),
  },
  topic: "common",
  completes: "nothing",
  *run({ cli, o, args }) {
    const name = args[0] as string;
    const { full, defaulted } = parseName(name, o["all-tags"]);
    if (!o["disable-content-trust"]) throw new CliError("not supported in Drydock: content trust");
    if (defaulted && !o.quiet) yield* cli.print("Using default tag: latest\n");
    yield* pullImage(cli, name, { platform: o.platform, allTags: o["all-tags"], quiet: o.quiet, to: "stdout" });
    yield* cli.print(`${full}\n`);
  },
});
