/** runc run: create and start in one, and wait for the end unless detached. */

import { createContainer, destroyContainer, loadSpec, startContainer } from "../container/container.ts";
import { PR_SET_CHILD_SUBREAPER } from "../../abi/sched.ts";
import { holdSignals, hostTerminal, makePipes, relay } from "../container/relay.ts";
import type { Verb } from "./cli.ts";
import {
  bundleOf,
  bundleOption,
  checkTerminal,
  consoleSocketOption,
  detachOption,
  inherited,
  noPivotOption,
  pidFileOption,
  sendConsole,
  warnOfCapabilities,
  writePidFile,
} from "./common.ts";

export const run: Verb = {
  name: "run",
  summary: "create and run a container",
  usage: "<container-id>",
  options: [
    bundleOption,
    consoleSocketOption,
    detachOption,
    { name: "keep", usage: "do not delete the container after it has ended" },
    pidFileOption,
    { name: "no-subreaper", usage: "leave processes that lose their parent to init" },
    noPivotOption,
  ],
  args: { kind: "exact", count: 1 },
  *run(c) {
    const { sys, containers } = c;
    const bundle = yield* bundleOf(c);
    const spec = yield* loadSpec(sys, bundle);
    yield* warnOfCapabilities(c, spec.process);
    const terminal = spec.process?.terminal === true;
    const detached = c.has("detach");
    const socket = c.value("console-socket");
    checkTerminal(terminal, detached, socket);
    if (!detached && !c.has("no-subreaper")) yield* sys.prctl(PR_SET_CHILD_SUBREAPER, 1);
    const signals = detached ? undefined : yield* holdSignals(sys);
    const pipes = detached || terminal ? undefined : yield* makePipes(sys);
    const streams = pipes?.theirs ?? inherited;
    const host = terminal && !detached ? yield* hostTerminal(sys) : undefined;
    const { state, console } = yield* createContainer(sys, containers, {
      id: c.args[0] as string,
      bundle,
      streams,
      noPivot: c.has("no-pivot"),
    });
    if (pipes !== undefined) for (const fd of Object.values(pipes.theirs)) yield* sys.close(fd);
    if (detached && console !== undefined && socket !== undefined) yield* sendConsole(sys, socket, console);
    yield* writePidFile(c, state.initPid);
    yield* startContainer(sys, containers, state);
    if (signals === undefined) return 0;
    const status = yield* relay(
      sys,
      state.initPid,
      signals,
      pipes?.ours,
      host === undefined || console === undefined ? undefined : { console, host },
    );
    if (!c.has("keep")) yield* destroyContainer(sys, containers, state);
    return status;
  },
};
