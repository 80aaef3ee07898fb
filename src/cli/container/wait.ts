/** `docker wait`, and how other commands learn that a container has ended. Real counterpart: docker/cli `wait.go`, `utils.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { ContainerWaitAnswer } from "../../engine/api/container.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { readUpTo } from "../../userland/libc/stream.ts";
import type { Cli } from "../cli.ts";
import { atLeast, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { type Future, start } from "../thread.ts";

const MAX_ANSWER = 1 << 20;

/** Starts to wait, and returns once the daemon has said that it does. The future is the status; 125 where the daemon cannot tell. */
export function* waitForExit(cli: Cli, id: string, condition: "next-exit" | "removed" | "not-running"): Proc<Future<number>> {
  const client = yield* cli.anotherClient();
  // The daemon answers the head at once and the body at the end.
  const { body } = yield* client.request("POST", `/containers/${id}/wait`, { query: { condition } });
  return yield* start(cli.sys, function* () {
    const bytes = (yield* readUpTo(body, MAX_ANSWER)) ?? new Uint8Array();
    const answer = JSON.parse(decodeUtf8(bytes)) as ContainerWaitAnswer;
    if (answer.Error === null || answer.Error === undefined) return answer.StatusCode;
    yield* cli.eprint(`Error waiting for container: ${answer.Error.Message}\n`);
    return 125;
  });
}

export const wait = defineCommand({
  use: "wait CONTAINER [CONTAINER...]",
  short: "Block until containers stop, then print their exit codes",
  aliases: ["docker container wait", "docker wait"],
  args: atLeast(1),
  flags: {},
  completes: "containers",
  *run({ cli, args }) {
    const client = yield* cli.client();
    const errors: string[] = [];
    for (const name of args) {
      try {
        const { StatusCode } = yield* client.json<ContainerWaitAnswer>("POST", `/containers/${name}/wait`);
        yield* cli.print(`${StatusCode}\n`);
      } catch (e) {
        if (!(e instanceof CliError)) throw e;
        errors.push(e.message);
      }
    }
    if (errors.length > 0) throw new CliError(errors.join("\n"));
  },
});
