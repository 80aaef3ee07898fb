/** runc create: all of a container but its program. */

import { createContainer, loadSpec } from "../container/container.ts";
import type { Verb } from "./cli.ts";
import {
  bundleOf,
  bundleOption,
  checkTerminal,
  consoleSocketOption,
  inherited,
  noPivotOption,
  pidFileOption,
  sendConsole,
  warnOfCapabilities,
  writePidFile,
} from "./common.ts";

export const create: Verb = {
  name: "create",
  summary: "create a container",
  usage: "<container-id>",
  options: [bundleOption, consoleSocketOption, pidFileOption, noPivotOption],
  args: { kind: "exact", count: 1 },
  *run(c) {
    const bundle = yield* bundleOf(c);
    const spec = yield* loadSpec(c.sys, bundle);
    yield* warnOfCapabilities(c, spec.process);
    const socket = c.value("console-socket");
    checkTerminal(spec.process?.terminal === true, true, socket);
    const noPivot = c.has("no-pivot");
    const { state, console } = yield* createContainer(c.sys, c.containers, {
      id: c.args[0] as string,
      bundle,
      streams: inherited,
      noPivot,
    });
    if (console !== undefined && socket !== undefined) yield* sendConsole(c.sys, socket, console);
    yield* writePidFile(c, state.initPid);
    return 0;
  },
};
