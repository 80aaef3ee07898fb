/** Start, stop, kill, restart, pause. moby `daemon/{start,stop,kill,restart,pause,unpause}.go`. */

import { ESRCH } from "../../abi/errno.ts";
import { CLOCK_MONOTONIC } from "../../abi/time.ts";
import { SIGKILL, SIGTERM } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { MNT_DETACH, MS_NODEV, MS_NOEXEC, MS_NOSUID } from "../../abi/mount.ts";
import { optional, writeFile } from "../../userland/libc/unistd.ts";
import { conflict, EngineError, invalidParameter, isFailure, notModified, systemError, withContext, wordsOf } from "../errors.ts";
import { makeDirs, removeAll } from "../files.ts";
import { startThread } from "../sync.ts";
import type { Container } from "./container.ts";
import type { Containers } from "./containers.ts";
import { HealthMonitor } from "./health.ts";
import { LogCopier, LogDriver } from "./log.ts";
import { watchExit } from "./monitor.ts";
import { ShimClient, ShimError, ShimGone } from "./shim-client.ts";
import { buildSpec } from "./spec.ts";
import { parseSignal } from "./verify.ts";

export const shimOf = ({ daemon, id }: Container): ShimClient => new ShimClient(daemon.sys, daemon.config.execRoot, id);
/** Where the named pipes of its processes are. */
export const pipeDir = ({ daemon, id }: Container): string => `${daemon.config.execRoot}/containerd/${id}`;

// ── Start ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** As a client asks for it. Errors: notModified if it runs, conflict. */
export function* startContainer(containers: Containers, container: Container): Proc<void> {
  if (container.paused) throw conflict("cannot start a paused container, try unpause instead");
  if (container.running && !container.restarting) throw notModified("Container is already running");
  if (container.removing || container.phase === "dead") throw conflict("container is marked for removal and cannot be started");
  yield* launch(containers, container, true);
}

/** `reset`: someone asks for it, rather than the restart policy. */
export function* launch(containers: Containers, container: Container, reset: boolean): Proc<void> {
  let failure: unknown;
  yield* container.lock.hold(function* () {
    // Another thread may have been quicker.
    if (reset && container.running && !container.restarting) return;
    if (container.removing || container.phase === "dead") throw conflict("container is marked for removal and cannot be started");
    if (reset) {
      container.restartManager.reset();
      container.hasBeenManuallyStopped = false;
    }
    try {
      yield* begin(containers, container);
    } catch (e) {
      if (!isFailure(e)) throw e;
      failure = e;
      container.error = wordsOf(e);
      if (container.exitCode === 0) container.exitCode = 128;
      yield* cleanUp(container);
      container.phase = container.hasBeenStartedBefore ? "exited" : "created";
      container.pid = 0;
      yield* container.save();
      yield* container.announce();
    }
  });
  if (failure === undefined) return;
  if (container.hostConfig.AutoRemove) yield* containers.remove(container, { force: true, volumes: true });
  throw failure;
}

function* begin(containers: Containers, container: Container): Proc<void> {
  const { daemon, hostConfig: host, config } = container;
  if (host.DeviceRequests !== null && host.DeviceRequests.length > 0) {
    const { Driver, Capabilities } = host.DeviceRequests[0] as (typeof host.DeviceRequests)[number];
    throw systemError(
      `could not select device driver ${JSON.stringify(Driver)} with capabilities: [${(Capabilities ?? []).map((all) => `[${all.join(" ")}]`).join(" ")}]`,
    );
  }
  container.exitCode = 0;
  container.error = "";
  const { startedAt } = container;
  const rootfs = yield* daemon.images.mountLayer(container.id);
  container.mounted = true;
  const sandbox = yield* daemon.networks.allocate(container);
  container.networked = true;
  container.hostnamePath = `${container.root}/hostname`;
  yield* writeFile(daemon.sys, container.hostnamePath, `${config.Hostname}\n`, 0o644);
  const shmPath = yield* setupShm(container);
  const mounts = yield* daemon.volumes.setup(container);
  const spec = yield* buildSpec(container, { rootfs, sandbox, mounts, shmPath });
  yield* openLog(container);
  const shim = shimOf(container);
  const paths = yield* container.streams.make(pipeDir(container), "init", {
    stdin: config.OpenStdin,
    stdout: true,
    stderr: true,
    terminal: config.Tty,
  });
  if (container.log !== undefined) container.streams.addFirst(new LogCopier(container.log));
  yield* shim.launch(JSON.stringify(spec));
  let pid: number;
  try {
    ({ pid = 0 } = yield* shim.ask({ method: "create", streams: paths }));
    yield* container.streams.begin();
    container.startedAt = yield* daemon.timestamp();
    yield* shim.ask({ method: "start" });
  } catch (e) {
    container.startedAt = startedAt;
    yield* shim.dismiss();
    throw translateStart(container, e);
  }
  container.phase = "running";
  container.pid = pid;
  container.oomKilled = false;
  container.startedNs = yield* monotonic(container);
  container.hasBeenStartedBefore = true;
  yield* container.save();
  yield* startThread(daemon.sys, () => watchExit(containers, container, shim));
  container.healthMonitor = HealthMonitor.of(containers, container);
  if (container.healthMonitor !== undefined) yield* container.healthMonitor.start();
  yield* container.announce();
  yield* containers.event(container, "start");
}

export function* monotonic({ daemon }: Container): Proc<number> {
  const { sec, nsec } = yield* daemon.sys.clock_gettime(CLOCK_MONOTONIC);
  return sec * 1e9 + nsec;
}

function* openLog(container: Container): Proc<void> {
  const { Type, Config } = container.hostConfig.LogConfig;
  if (Type === "none") return;
  container.logPath = `${container.root}/${container.id}-json.log`;
  const attrs = logAttributes(container, Config);
  const log = new LogDriver(container.daemon, container.logPath, Config, attrs);
  yield* log.open();
  container.log = log;
}

/** Labels and variables that are to be kept with each line. */
function logAttributes({ config, name }: Container, options: Readonly<Record<string, string>>): Record<string, string> | undefined {
  const attrs: Record<string, string> = {};
  for (const label of (options.labels ?? "").split(","))
    if (config.Labels[label] !== undefined) attrs[label] = config.Labels[label] as string;
  for (const variable of (options.env ?? "").split(",")) {
    const entry = (config.Env ?? []).find((one) => one.startsWith(`${variable}=`));
    if (variable !== "" && entry !== undefined) attrs[variable] = entry.slice(variable.length + 1);
  }
  if (options.tag !== undefined) attrs.tag = options.tag.replaceAll("{{.Name}}", name);
  return Object.keys(attrs).length === 0 ? undefined : attrs;
}

/** What /dev/shm is where it is shared: the host's, another container's, or one that others may join. */
function* setupShm(container: Container): Proc<string | undefined> {
  const { hostConfig: host, daemon } = container;
  if (host.IpcMode === "host") return "/dev/shm";
  if (host.IpcMode.startsWith("container:")) {
    const name = host.IpcMode.slice("container:".length);
    const cannot = `can't join IPC of container ${name}`;
    if (name === "") throw systemError(`${cannot}: invalid name or ID supplied: ""`);
    const other = daemon.containers.require(name);
    if (!other.running) throw conflict(`${cannot}: container ${other.id} is not running`);
    if (other.hostConfig.IpcMode !== "shareable")
      throw systemError(`${cannot}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`);
    return `${other.root}/mounts/shm`;
  }
  if (host.IpcMode === "private" || host.IpcMode === "none") return undefined;
  if (host.IpcMode !== "shareable") throw systemError(`Invalid IPC mode: ${host.IpcMode}`);
  const path = `${container.root}/mounts/shm`;
  yield* makeDirs(daemon.sys, path, 0o700);
  yield* daemon.sys.mount("shm", path, "tmpfs", MS_NOEXEC | MS_NOSUID | MS_NODEV, `mode=1777,size=${host.ShmSize}`);
  container.shmMounted = true;
  return path;
}

/** After the end, or where a start fails: what the start has taken is given back. moby Cleanup. */
export function* cleanUp(container: Container): Proc<void> {
  const { daemon } = container;
  yield* container.streams.close();
  if (container.log !== undefined) yield* container.log.close();
  container.log = undefined;
  const steps: [wanted: boolean, act: () => Proc<unknown>][] = [
    [container.networked, () => daemon.networks.release(container)],
    [container.shmMounted, () => daemon.sys.umount2(`${container.root}/mounts/shm`, MNT_DETACH)],
    [container.mounted, () => daemon.volumes.release(container)],
    [container.mounted, () => daemon.images.unmountLayer(container.id)],
  ];
  container.networked = false;
  container.shmMounted = false;
  container.mounted = false;
  for (const [wanted, act] of steps) {
    if (!wanted) continue;
    try {
      yield* act();
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* daemon.log("warning", `${container.id} cleanup: ${wordsOf(e)}`);
    }
  }
  yield* removeAll(daemon.sys, pipeDir(container));
}

/** The words of runc for the client, and the exit code that goes with them. moby translateContainerdStartErr. */
function translateStart(container: Container, e: unknown): unknown {
  if (!(e instanceof ShimError || e instanceof ShimGone)) return e;
  const words = e instanceof ShimGone ? "shim died" : `OCI runtime create failed: ${e.message}: unknown`;
  let message = `failed to create shim task: ${words}`;
  const command = container.path;
  const names = (text: string): boolean => message.toLowerCase().includes(text);
  if (message.includes(command) && (names("executable file not found") || names("no such file or directory"))) {
    container.exitCode = 127;
    return invalidParameter(message);
  }
  if (names("permission denied")) {
    container.exitCode = 126;
    return invalidParameter(message);
  }
  if (names("not a directory")) {
    message +=
      ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";
    container.exitCode = 127;
    return invalidParameter(message);
  }
  return systemError(message);
}

// ── Stop and kill ────────────────────────────────────────────────────────────────────────────────────────────────────

export const stopSignalOf = ({ config }: Container): number => (config.StopSignal ? parseSignal(config.StopSignal) : SIGTERM);
const stopTimeoutOf = ({ config }: Container): number => config.StopTimeout ?? 10;

/** Errors: notModified unless it runs. */
export function* stopContainer(containers: Containers, container: Container, timeoutSec: number | undefined): Proc<void> {
  if (!container.running) throw notModified(`Container ${container.id} is already stopped`);
  const timeout = timeoutSec ?? stopTimeoutOf(container);
  try {
    yield* sendSignal(containers, container, stopSignalOf(container));
  } catch (e) {
    if (!isFailure(e)) throw e;
    // It may have ended by itself; or it cannot be reached, and is killed.
    yield* waitNotRunning(container, 2e9);
  }
  if (!(yield* waitNotRunning(container, timeout < 0 ? undefined : timeout * 1e9))) {
    yield* containers.daemon.log(
      "info",
      `Container failed to exit within ${timeout}s of signal ${stopSignalOf(container)} - using the force`,
      {
        container: container.id,
      },
    );
    yield* killNow(containers, container);
  }
  yield* containers.event(container, "stop");
}

/** Blocks until it does not run, or for that time; false if it still does. */
export function* waitNotRunning(container: Container, timeoutNs: number | undefined): Proc<boolean> {
  const end = timeoutNs === undefined ? Number.POSITIVE_INFINITY : (yield* monotonic(container)) + timeoutNs;
  while (container.running) {
    const left = timeoutNs === undefined ? undefined : end - (yield* monotonic(container));
    if (left !== undefined && left <= 0) return false;
    yield* container.changed.wait(left);
  }
  return true;
}

/** moby killWithSignal. Errors: conflict unless it runs. */
export function* sendSignal(containers: Containers, container: Container, signal: number): Proc<void> {
  yield* container.lock.lock();
  try {
    container.requireRunning();
    const last = signal === SIGKILL || signal === stopSignalOf(container) || container.config.StopSignal === undefined;
    if (last) yield* container.restartManager.cancel();
    if (!containers.daemon.shuttingDown && last) {
      container.hasBeenManuallyStopped = true;
      yield* container.save();
    }
    // Its monitor ends the waiting.
    if (container.restarting) return;
    const unpause = last && container.paused;
    yield* deliver(container, signal);
    yield* containers.event(container, "kill", { signal: String(signal) });
    if (unpause) yield* resumeKilled(containers, container);
  } finally {
    yield* container.lock.unlock();
  }
}

/** Errors: system. */
function* deliver(container: Container, signal: number): Proc<void> {
  try {
    yield* shimOf(container).ask({ method: "kill", signal });
  } catch (e) {
    if (e instanceof ShimGone) return;
    if (!(e instanceof ShimError)) throw e;
    // Its end is on the way to us.
    if (/already finished|not running|no such process/.test(e.message)) return;
    throw systemError(`Cannot kill container ${container.id}: ${e.message}: unknown`);
  }
}

/** SIGKILL, and waits for the end. */
export function* killNow(containers: Containers, container: Container): Proc<void> {
  container.requireRunning();
  yield* sendSignal(containers, container, SIGKILL);
  if (!(yield* waitNotRunning(container, 10e9))) {
    // Lost: its shim is gone, or it cannot be killed.
    yield* containers.daemon.log("warning", "Container failed to exit within 10 seconds of kill - trying direct SIGKILL", {
      container: container.id,
    });
    yield* optional(containers.daemon.sys.kill(container.pid, SIGKILL), [ESRCH]);
    yield* waitNotRunning(container, 2e9);
  }
}

/** As a client asks. Errors: conflict, in its words. */
export function* killContainer(containers: Containers, container: Container, signal: number, reference: string): Proc<void> {
  try {
    if (signal === SIGKILL) yield* killNow(containers, container);
    else yield* sendSignal(containers, container, signal);
  } catch (e) {
    if (!(e instanceof EngineError)) throw e;
    throw withContext(`Cannot kill container: ${reference}`, e);
  }
}

export function* restartContainer(containers: Containers, container: Container, timeoutSec: number | undefined): Proc<void> {
  // It is not to be removed in between.
  const { AutoRemove } = container.hostConfig;
  if (container.running) {
    container.hostConfig.AutoRemove = false;
    try {
      yield* stopContainer(containers, container, timeoutSec);
    } finally {
      container.hostConfig.AutoRemove = AutoRemove;
    }
  }
  yield* launch(containers, container, true);
  yield* containers.event(container, "restart");
}

// ── Pause ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function* pauseContainer(containers: Containers, container: Container): Proc<void> {
  yield* container.lock.lock();
  try {
    container.requireRunning();
    if (container.paused) throw conflict(`Container ${container.id} is already paused`);
    if (container.restarting) throw conflict(`Container ${container.id} is restarting, wait until the container is running`);
    yield* askOr(container, "pause", `Cannot pause container ${container.id}`);
    container.phase = "paused";
    yield* container.save();
    yield* container.announce();
    yield* containers.event(container, "pause");
  } finally {
    yield* container.lock.unlock();
  }
}

export function* unpauseContainer(containers: Containers, container: Container): Proc<void> {
  yield* container.lock.lock();
  try {
    if (!container.paused) throw systemError(`Container ${container.id} is not paused`);
    yield* resume(containers, container);
  } finally {
    yield* container.lock.unlock();
  }
}

/** With the lock. */
function* resume(containers: Containers, container: Container): Proc<void> {
  yield* askOr(container, "resume", `Cannot unpause container ${container.id}`);
  container.phase = "running";
  yield* container.save();
  yield* container.announce();
  yield* containers.event(container, "unpause");
}

/** With the lock. What was killed while it was frozen may be gone already. */
function* resumeKilled(containers: Containers, container: Container): Proc<void> {
  try {
    yield* resume(containers, container);
  } catch (e) {
    if (!isFailure(e)) throw e;
    yield* containers.daemon.log("warning", e.message);
  }
}

function* askOr(container: Container, method: "pause" | "resume", context: string): Proc<void> {
  try {
    yield* shimOf(container).ask({ method });
  } catch (e) {
    if (!(e instanceof ShimError || e instanceof ShimGone)) throw e;
    throw systemError(`${context}: ${e instanceof ShimError ? e.message : "shim died"}`);
  }
}
