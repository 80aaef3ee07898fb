/** runc kill: a signal for a container's first process, or for all of them. */

import { findSignalNumber } from "../../abi/signal.ts";
import { signalContainer } from "../container/container.ts";
import { RuncError } from "../error.ts";
import type { Verb } from "./cli.ts";

export const kill: Verb = {
  name: "kill",
  summary: "kill sends the specified signal (default: SIGTERM) to the container's init process",
  usage: "<container-id> [signal]",
  options: [{ name: "all", short: "a", usage: "send the signal to all processes inside the container" }],
  args: { kind: "min", count: 1 },
  *run(c) {
    const container = yield* c.containers.load(c.args[0] as string);
    const name = c.args[1] ?? "SIGTERM";
    const sig = /^[0-9]+$/.test(name) ? Number(name) : findSignalNumber(name);
    if (sig === undefined) throw new RuncError(`unknown signal ${JSON.stringify(name)}`);
    yield* signalContainer(c.sys, c.containers, container, sig, c.has("all"));
    return 0;
  },
};
