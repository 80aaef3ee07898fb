/** `docker start`. Real counterpart: docker/cli `cli/command/container/start.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { ContainerInspect } from "../../engine/api/container.ts";
import type { Cli } from "../cli.ts";
import { atLeast, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { attachTo } from "./attach.ts";
import { followSize, forwardSignals } from "./signals.ts";
import { waitForExit } from "./wait.ts";

export const start = defineCommand({
  use: "start [OPTIONS] CONTAINER [CONTAINER...]",
  short: "Start stopped containers",
  aliases: ["docker container start", "docker start"],
  args: atLeast(1),
  flags: {
    attach: bool("Attach STDOUT and STDERR and pass on signals", { short: "a" }),
    checkpoint: string("Restore from this checkpoint", { only: "experimental" }),
    "checkpoint-dir": string("Directory of the checkpoints", { only: "experimental" }),
    "detach-keys": string("The keys that leave the container"),
    interactive: bool("Attach the container's STDIN", { short: "i" }),
  },
  completes: "all containers",
  *run({ cli, o, args }) {
    if (o.attach || o.interactive) {
      if (args.length > 1) throw new CliError("you cannot start and attach multiple containers at once");
      return yield* startAttached(cli, args[0] as string, o.interactive, o["detach-keys"]);
    }
    const client = yield* cli.client();
    const failed: string[] = [];
    for (const name of args) {
      try {
        yield* client.send("POST", `/containers/${name}/start`);
        yield* cli.print(`${name}\n`);
      } catch (e) {
        if (!(e instanceof CliError)) throw e;
        yield* cli.eprint(`${e.message}\n`);
        failed.push(name);
      }
    }
    if (failed.length > 0) throw new CliError(`Error: failed to start containers: ${failed.join(", ")}`);
    return 0;
  },
});

function* startAttached(cli: Cli, name: string, interactive: boolean, keys: string): Proc<number> {
  const client = yield* cli.client();
  const { Id, Config, HostConfig } = yield* client.json<ContainerInspect>("GET", `/containers/${name}/json`);
  if (!Config.Tty) yield* forwardSignals(cli, Id);
  const coupled = yield* attachTo(cli, Id, {
    tty: Config.Tty,
    stdin: interactive && Config.OpenStdin,
    stdout: true,
    stderr: true,
    detachKeys: keys === "" ? ((yield* cli.configFile()).detachKeys ?? "") : keys,
  });
  try {
    const status = yield* waitForExit(cli, Id, HostConfig.AutoRemove ? "removed" : "next-exit");
    yield* client.send("POST", `/containers/${Id}/start`);
    if (Config.Tty && (yield* cli.isTerminal(1))) yield* followSize(cli, { kind: "containers", id: Id });
    if ((yield* coupled.end.get()) === "detached") return 0;
    yield* coupled.restore();
    return yield* status.get();
  } finally {
    yield* coupled.restore();
  }
}
