/** `docker push`. Real counterpart: docker/cli `cli/command/image/push.go`. */

import { normalizedName, parseNormalizedNamed } from "../../image/reference.ts";
import { NO_AUTH } from "../client.ts";
import { defineCommand, exactly } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { showProgress } from "./progress.ts";
import { parseName } from "./pull.ts";

export const push = defineCommand({
  use: "push [OPTIONS] NAME[:TAG]",
  short: "Upload an image to a registry",
  aliases: ["docker image push", "docker push"],
  args: exactly(1),
  flags: {
    "all-tags": bool("Push all tags of the image", { short: "a" }),
    "disable-content-trust": bool("Skip the signing of the image", { default: true }),
    platform: string("Push only that of one platform", { since: "1.46" }),
    quiet: bool("Show no progress", { short: "q" }),
  },
  topic: "common",
  completes: "images",
  *run({ cli, o, args }) {
    const name = args[0] as string;
    const { full, defaulted } = parseName(name, o["all-tags"]);
    if (!o["disable-content-trust"]) throw new CliError("not supported in Drydock: content trust");
    if (defaulted && !o.quiet) yield* cli.print("Using default tag: latest\n");
    const reference = parseNormalizedNamed(name, "client");
    const client = yield* cli.client();
    const { body } = yield* client.request("POST", `/images/${normalizedName(reference)}/push`, {
      query: { tag: o["all-tags"] ? undefined : (reference.tag ?? "latest") },
      headers: { "X-Registry-Auth": NO_AUTH },
    });
    yield* showProgress(cli, body, { to: "stdout", quiet: o.quiet });
    if (o.quiet) yield* cli.print(`${full}\n`);
  },
});
