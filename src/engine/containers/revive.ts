/** What a new daemon does with a container that it finds in the files: one that ran may have ended meanwhile, or still run without a daemon. moby `daemon.restore`. */

import type { Proc } from "../../abi/sys.ts";
import { MNT_DETACH } from "../../abi/mount.ts";
import { optional } from "../../userland/libc/unistd.ts";
import { EINVAL, ENOENT } from "../../abi/errno.ts";
import { isFailure } from "../errors.ts";
import type { ShimState } from "../shim/protocol.ts";
import { startThread } from "../sync.ts";
import type { Container } from "./container.ts";
import type { Containers } from "./containers.ts";
import { cleanUp, monotonic, pipeDir, shimOf, stopContainer, waitNotRunning } from "./lifecycle.ts";
import { LogCopier, LogDriver } from "./log.ts";
import { handleExit, watchExit } from "./monitor.ts";
import { removeContainer } from "./remove.ts";
import { ShimError, ShimGone } from "./shim-client.ts";

export function* reviveContainer(containers: Containers, container: Container): Proc<void> {
  const { daemon } = containers;
  if (container.removing || container.phase === "dead") {
    container.removing = false;
    if (container.running) container.phase = "exited";
    yield* removeContainer(containers, container, { force: true, volumes: true });
    return;
  }
  const shim = shimOf(container);
  let state: ShimState | undefined;
  try {
    ({ state } = yield* shim.ask({ method: "state" }));
  } catch (e) {
    if (!(e instanceof ShimError || e instanceof ShimGone || isFailure(e))) throw e;
  }
  const taken = container.running || state !== undefined;
  if (!taken) return;
  // The mounts of the old daemon are there still; the parts count them anew.
  container.mounted = true;
  container.networked = true;
  container.shmMounted = container.hostConfig.IpcMode === "shareable";
  container.startedNs = yield* monotonic(container);
  yield* adoptLayer(container);
  if (state === undefined || state.pid === 0 || !state.started) {
    yield* bury(containers, container, state);
    return;
  }
  yield* adopt(container, state);
  yield* startThread(daemon.sys, () => watchExit(containers, container, shim));
  if (daemon.config.liveRestore) return;
  const { restartManager } = container;
  yield* stopContainer(containers, container, undefined);
  yield* waitNotRunning(container, undefined);
  // It was the daemon that stopped it: its policy holds.
  container.hasBeenManuallyStopped = false;
  restartManager.reset();
  yield* container.save();
}

/** Its root filesystem is mounted, by the daemon that is gone. */
function* adoptLayer(container: Container): Proc<void> {
  const { daemon, id } = container;
  const { MergedDir } = daemon.images.graphDriver(id).Data ?? {};
  if (MergedDir !== undefined) yield* optional(daemon.sys.umount2(MergedDir, MNT_DETACH), [EINVAL, ENOENT]);
  yield* daemon.images.mountLayer(id);
}

/** It runs: its streams are taken up again. */
function* adopt(container: Container, state: ShimState): Proc<void> {
  const { daemon, config } = container;
  container.pid = state.pid;
  if (container.phase !== "paused") container.phase = "running";
  if (container.hostConfig.LogConfig.Type !== "none") {
    container.logPath = `${container.root}/${container.id}-json.log`;
    container.log = new LogDriver(daemon, container.logPath, container.hostConfig.LogConfig.Config, undefined);
    yield* container.log.open();
    container.streams.addFirst(new LogCopier(container.log));
  }
  const path = (name: string): string => `${pipeDir(container)}/init-${name}`;
  yield* container.streams.reopen(pipeDir(container), {
    ...(config.OpenStdin ? { stdin: path("stdin") } : {}),
    stdout: path("stdout"),
    ...(config.Tty ? {} : { stderr: path("stderr") }),
    terminal: config.Tty,
  });
  yield* container.streams.begin();
  yield* container.save();
}

/** It has ended while nobody looked, or never began. */
function* bury(containers: Containers, container: Container, state: ShimState | undefined): Proc<void> {
  const shim = shimOf(container);
  if (container.running) {
    const { sec, nsec } = yield* containers.daemon.sys.clock_gettime(0);
    const exit = state?.exit ?? { status: 255, exitedSec: sec, exitedNsec: nsec };
    const { restartManager } = container;
    yield* restartManager.cancel();
    yield* handleExit(containers, container, shim, exit);
    restartManager.reset();
    return;
  }
  yield* shim.dismiss();
  yield* cleanUp(container);
  yield* container.save();
}
