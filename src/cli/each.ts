/** One request for each operand, all at once, told in their order. Real counterpart: docker/cli `parallelOperation`. */

import type { Proc } from "../abi/sys.ts";
import type { Cli } from "./cli.ts";
import type { Client } from "./client.ts";
import { ApiError, CliError } from "./errors.ts";
import { type Future, start } from "./thread.ts";

/**
 * Prints the name of each that succeeded. `forgiven` errors are printed and do not count. Blocks. Errors: CliError with all messages.
 */
export function* forEach(
  cli: Cli,
  names: readonly string[],
  operation: (client: Client, name: string) => Proc<unknown>,
  forgiven: (e: CliError) => boolean = () => false,
): Proc<void> {
  const runs: (() => Proc<unknown>)[] = [];
  const [first] = names;
  if (names.length === 1 && first !== undefined) {
    const client = yield* cli.client();
    yield* client.ping();
    runs.push(() => operation(client, first));
  } else {
    yield* (yield* cli.client()).ping();
    for (const name of names) {
      const client = yield* cli.anotherClient();
      const future: Future<unknown> = yield* start(cli.sys, () => operation(client, name));
      runs.push(() => future.get());
    }
  }
  const errors: string[] = [];
  for (const [i, name] of names.entries()) {
    try {
      yield* (runs[i] as () => Proc<unknown>)();
      yield* cli.print(`${name}\n`);
    } catch (e) {
      if (!(e instanceof CliError)) throw e;
      if (forgiven(e)) yield* cli.eprint(`${e.message}\n`);
      else errors.push(e.message);
    }
  }
  if (errors.length > 0) throw new CliError(errors.join("\n"));
}

export const isMissing = (e: CliError): boolean => e instanceof ApiError && e.isNotFound;
