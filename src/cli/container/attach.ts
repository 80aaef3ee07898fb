/** `docker attach`: the visitor's streams on those of a running container. Real counterpart: docker/cli `cli/command/container/attach.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { ContainerInspect } from "../../engine/api/container.ts";
import type { Cli } from "../cli.ts";
import { defineCommand, exactly } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { followSize, forwardSignals, resize } from "./signals.ts";
import { type Coupled, type Coupling, couple } from "./stream.ts";
import { checkTty } from "./tty.ts";
import { waitForExit } from "./wait.ts";

/** Couples the streams with a container's. Errors: CliError. */
export function* attachTo(cli: Cli, id: string, options: Coupling): Proc<Coupled> {
  const client = yield* cli.client();
  const hijacked = yield* client.hijack(`/containers/${id}/attach`, {
    query: {
      detachKeys: options.detachKeys,
      stderr: options.stderr,
      stdin: options.stdin,
      stdout: options.stdout,
      stream: true,
    },
    headers: { "Content-Type": "text/plain" },
  });
  return yield* couple(cli, hijacked, options);
}

function* requireRunning(cli: Cli, name: string): Proc<ContainerInspect> {
  const found = yield* (yield* cli.client()).json<ContainerInspect>("GET", `/containers/${name}/json`);
  const { Running, Paused, Restarting } = found.State;
  if (!Running) throw new CliError("You cannot attach to a stopped container, start it first");
  if (Paused) throw new CliError("You cannot attach to a paused container, unpause it first");
  if (Restarting) throw new CliError("You cannot attach to a restarting container, wait until it is running");
  return found;
}

export const attach = defineCommand({
  use: "attach [OPTIONS] CONTAINER",
  short: "Attach the terminal's input, output and errors to a running container",
  aliases: ["docker container attach", "docker attach"],
  args: exactly(1),
  flags: {
    "detach-keys": string("The keys that leave the container"),
    "no-stdin": bool("Do not attach STDIN"),
    "sig-proxy": bool("Pass on signals to the process", { default: true }),
  },
  completes: "containers",
  *run({ cli, o, args }) {
    const { Config, Id } = yield* requireRunning(cli, args[0] as string);
    yield* checkTty(cli, !o["no-stdin"], Config.Tty);
    const status = yield* waitForExit(cli, Id, "not-running");
    if (o["sig-proxy"] && !Config.Tty) yield* forwardSignals(cli, Id);
    const coupled = yield* attachTo(cli, Id, {
      tty: Config.Tty,
      stdin: !o["no-stdin"] && Config.OpenStdin,
      stdout: true,
      stderr: true,
      detachKeys: o["detach-keys"] === "" ? ((yield* cli.configFile()).detachKeys ?? "") : o["detach-keys"],
    });
    try {
      yield* requireRunning(cli, Id);
      if (Config.Tty && (yield* cli.isTerminal(1))) {
        // A size that changes makes the program inside draw its screen anew.
        yield* resize(cli, { kind: "containers", id: Id }, 1);
        yield* followSize(cli, { kind: "containers", id: Id });
      }
      const end = yield* coupled.end.get();
      yield* coupled.restore();
      if (end === "detached") throw new CliError("read escape sequence");
      return yield* status.get();
    } finally {
      yield* coupled.restore();
    }
  },
});
