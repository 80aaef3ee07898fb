/** `docker logs`. Real counterpart: docker/cli `cli/command/container/logs.go`. */

import type { ContainerInspect } from "../../engine/api/container.ts";
import { defineCommand, exactly } from "../command.ts";
import { bool, string } from "../flags.ts";
import { copyAll, stdCopy } from "../stdcopy.ts";
import { timeParameter } from "../timestamp.ts";

export const logs = defineCommand({
  use: "logs [OPTIONS] CONTAINER",
  short: "Fetch the logs of a container",
  aliases: ["docker container logs", "docker logs"],
  args: exactly(1),
  flags: {
    details: bool("Show what the log driver adds"),
    follow: bool("Follow the output", { short: "f" }),
    since: string('Show what is newer than a time (such as "2013-01-02T13:23:37Z") or age (such as "42m")'),
    tail: string("Number of lines from the end", { short: "n", default: "all" }),
    timestamps: bool("Show the times", { short: "t" }),
    until: string('Show what is older than a time (such as "2013-01-02T13:23:37Z") or age (such as "42m")'),
  },
  completes: "all containers",
  *run({ cli, o, args }) {
    const client = yield* cli.client();
    const { Id, Config } = yield* client.json<ContainerInspect>("GET", `/containers/${args[0]}/json`);
    const now = yield* cli.now();
    const { body } = yield* client.request("GET", `/containers/${Id}/logs`, {
      query: {
        details: o.details,
        follow: o.follow,
        since: timeParameter("since", o.since, now),
        stderr: true,
        stdout: true,
        tail: o.tail,
        timestamps: o.timestamps,
        until: timeParameter("until", o.until, now),
      },
    });
    yield* Config.Tty ? copyAll(body, cli.stdout) : stdCopy(body, cli.stdout, cli.stderr);
  },
});
