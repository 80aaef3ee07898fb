/** What happens when a container's first process ends: its state, its remains, and whether it starts again. moby `daemon/monitor.go`. */

import type { Proc } from "../../abi/sys.ts";
import { optional, readText } from "../../userland/libc/unistd.ts";
import { formatTime } from "../daemon.ts";
import { isFailure } from "../errors.ts";
import type { ExitReport } from "../shim/protocol.ts";
import { startThread } from "../sync.ts";
import type { Container } from "./container.ts";
import type { Containers } from "./containers.ts";
import { cleanUp, launch, monotonic } from "./lifecycle.ts";
import { type ShimClient, ShimError, ShimGone } from "./shim-client.ts";
import { cgroupsPath } from "./spec.ts";

/** How long output may still be on its way after the end. */
const DRAIN_NS = 2e9;

/** A thread per run: waits for the end. */
export function* watchExit(containers: Containers, container: Container, shim: ShimClient): Proc<number> {
  let exit: ExitReport;
  try {
    const answer = yield* shim.ask({ method: "wait" });
    exit = answer.exit ?? { status: 255, exitedSec: 0, exitedNsec: 0 };
  } catch (e) {
    if (!(e instanceof ShimError || e instanceof ShimGone || isFailure(e))) throw e;
    // The shim was killed; nobody knows how the container ended.
    const now = yield* containers.daemon.sys.clock_gettime(0);
    exit = { status: 137, exitedSec: now.sec, exitedNsec: now.nsec };
  }
  yield* handleExit(containers, container, shim, exit);
  return 0;
}

export function* handleExit(containers: Containers, container: Container, shim: ShimClient, exit: ExitReport): Proc<void> {
  const { daemon } = containers;
  yield* container.lock.lock();
  const oomKilled = yield* wasOomKilled(container);
  if (oomKilled) yield* containers.event(container, "oom");
  yield* shim.dismiss();
  yield* container.streams.drain(DRAIN_NS);
  const ranNs = (yield* monotonic(container)) - container.startedNs;
  const manually = daemon.shuttingDown || container.hasBeenManuallyStopped;
  const delayNs = container.removing ? undefined : container.restartManager.next(exit.status, manually, ranNs);
  container.pid = 0;
  container.exitCode = exit.status;
  container.error = "";
  container.oomKilled = oomKilled;
  container.finishedAt = formatTime(exit.exitedSec, exit.exitedNsec);
  if (delayNs !== undefined) {
    container.restartCount++;
    container.phase = "restarting";
  } else container.phase = "exited";
  yield* container.healthMonitor?.stop() ?? nothing();
  container.healthMonitor = undefined;
  yield* containers.event(container, "die", { exitCode: String(exit.status) });
  yield* cleanUp(container);
  yield* container.save();
  container.exits++;
  yield* container.lock.unlock();
  yield* container.announce();
  if (delayNs !== undefined) yield* startThread(daemon.sys, () => startLater(containers, container, delayNs));
  else yield* autoRemove(containers, container);
}

function* nothing(): Proc<void> {}

function* startLater(containers: Containers, container: Container, delayNs: number): Proc<number> {
  const go = yield* container.restartManager.wait(delayNs);
  try {
    if (go && container.restarting) {
      yield* launch(containers, container, false);
      return 0;
    }
  } catch (e) {
    if (!isFailure(e)) throw e;
    yield* containers.daemon.log("error", "restart manger wait error", { container: container.id, error: e.message });
  }
  if (container.restarting) {
    container.phase = "exited";
    yield* container.save();
    yield* container.announce();
    yield* autoRemove(containers, container);
  }
  return 0;
}

function* autoRemove(containers: Containers, container: Container): Proc<void> {
  if (!container.hostConfig.AutoRemove || container.removing) return;
  try {
    yield* containers.remove(container, { force: true, volumes: true });
  } catch (e) {
    if (!isFailure(e)) throw e;
    yield* containers.daemon.log("error", "error removing container", { container: container.id, error: e.message });
  }
}

/** As the control group counts it. */
function* wasOomKilled(container: Container): Proc<boolean> {
  const events = yield* optional(readText(container.daemon.sys, `/sys/fs/cgroup${cgroupsPath(container)}/memory.events`));
  return Number(/^oom_kill (\d+)$/m.exec(events ?? "")?.[1] ?? "0") > 0;
}
