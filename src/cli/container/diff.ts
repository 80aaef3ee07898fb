/** `docker diff`: what changed in a container's filesystem. Real counterpart: docker/cli `cli/command/container/diff.go`. */

import type { FilesystemChange } from "../../engine/api/container.ts";
import { defineCommand, exactly } from "../command.ts";

const LETTERS = ["C", "A", "D"];

export const diff = defineCommand({
  use: "diff CONTAINER",
  short: "Show what changed in a container's filesystem",
  aliases: ["docker container diff", "docker diff"],
  args: exactly(1),
  flags: {},
  completes: "all containers",
  *run({ cli, args }) {
    const client = yield* cli.client();
    const changes = yield* client.json<FilesystemChange[] | null>("GET", `/containers/${args[0]}/changes`);
    yield* cli.print((changes ?? []).map(({ Kind, Path }) => `${LETTERS[Kind]} ${Path}\n`).join(""));
  },
});
