/** `docker tag`. Real counterpart: docker/cli `cli/command/image/tag.go`. */

import { normalizedName, parseAnyReference, parseNormalizedNamed } from "../../image/reference.ts";
import { defineCommand, exactly } from "../command.ts";
import { CliError } from "../errors.ts";

export const tag = defineCommand({
  use: "tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  short: "Give an image another name",
  aliases: ["docker image tag", "docker tag"],
  args: exactly(2),
  flagsFirst: true,
  flags: {},
  completes: "images",
  *run({ cli, args }) {
    const [source, target] = args as [string, string];
    let query: { repo: string; tag: string };
    try {
      parseAnyReference(source, "client");
    } catch (e) {
      throw new CliError(`Error parsing reference: ${JSON.stringify(source)} is not a valid repository/tag: ${(e as Error).message}`);
    }
    try {
      const reference = parseNormalizedNamed(target, "client");
      if (reference.digest !== undefined) throw new CliError("refusing to create a tag with a digest reference");
      query = { repo: normalizedName(reference), tag: reference.tag ?? "latest" };
    } catch (e) {
      if (e instanceof CliError) throw e;
      throw new CliError(`Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag: ${(e as Error).message}`);
    }
    yield* (yield* cli.client()).send("POST", `/images/${source}/tag`, { query });
  },
});
