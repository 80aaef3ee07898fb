/** `docker commit`: an image from a container. Real counterpart: docker/cli `cli/command/container/commit.go`. */

import { normalizedName, parseNormalizedNamed } from "../../image/reference.ts";
import { between, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, list, string } from "../flags.ts";

export const commit = defineCommand({
  use: "commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  short: "Create an image from a container's changes",
  aliases: ["docker container commit", "docker commit"],
  args: between(1, 2),
  flagsFirst: true,
  flags: {
    author: string('Author (such as "John Hannibal Smith <hannibal@a-team.com>")', { short: "a" }),
    change: list("Apply an instruction of a Dockerfile to the image", { short: "c" }),
    message: string("Commit message", { short: "m" }),
    pause: bool("Pause the container meanwhile", { short: "p", default: true }),
  },
  completes: "all containers",
  *run({ cli, o, args }) {
    const [container, name] = args as [string, string?];
    let repo = "";
    let tag = "";
    if (name !== undefined && name !== "") {
      try {
        const reference = parseNormalizedNamed(name, "client");
        if (reference.digest !== undefined) throw new Error("refusing to create a tag with a digest reference");
        repo = normalizedName(reference);
        tag = reference.tag ?? "latest";
      } catch (e) {
        throw new CliError((e as Error).message);
      }
    }
    const client = yield* cli.client();
    const { Id } = yield* client.json<{ Id: string }>("POST", "/commit", {
      query: { author: o.author, changes: o.change, comment: o.message, container, pause: o.pause ? undefined : "0", repo, tag },
    });
    yield* cli.print(`${Id}\n`);
  },
});
