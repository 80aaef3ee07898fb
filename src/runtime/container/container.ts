/** A container's life: created, running, paused, stopped; what may follow what. runc `libcontainer/container_linux.go`, `utils_linux.go`. */

import { ENOENT, Errno, ESRCH } from "../../abi/errno.ts";
import { SIGKILL } from "../../abi/signal.ts";
import { S_IFIFO } from "../../abi/stat.ts";
import { AT_FDCWD, O_RDONLY } from "../../abi/fcntl.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { strftime } from "../../userland/libc/strftime.ts";
import { open, optional, readText, stat, unlink } from "../../userland/libc/unistd.ts";
import { goError, RuncError, withPath } from "../error.ts";
import type { Spec, SpecProcess } from "../spec.ts";
import { validateProcess, validateSpec } from "../validate.ts";
import { cgroupPath, cgroupPids, createCgroup, removeCgroup, setFrozen, setResources, sleep, writeCgroupFile } from "./cgroup.ts";
import { rlimitNumber } from "./finalize.ts";
import { runHooks } from "./hooks.ts";
import { NAMESPACES, namespacePlan, type Started, startProcess, type Streams } from "./process.ts";
import { type Containers, type ContainerState, startTime } from "./state-file.ts";

/** config.json of a bundle, with its absolute path. Errors: RuncError. */
export function* loadSpec(sys: Sys, bundle: string): Proc<Spec> {
  const text = yield* optional(readText(sys, `${bundle}/config.json`));
  if (text === undefined) throw new RuncError("JSON specification file config.json not found");
  try {
    return JSON.parse(text) as Spec;
  } catch {
    throw new RuncError(
      text.trim() === "" ? "EOF" : /^\s*[{[]/.test(text) && !/[}\]]\s*$/.test(text) ? "unexpected EOF" : "invalid character in config.json",
    );
  }
}

export interface Creation {
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  readonly streams: Streams;
  readonly noPivot: boolean;
}

/** Everything up to the user's program, which waits to be started. Errors: RuncError; then nothing is left of it. */
export function* createContainer(
  sys: Sys,
  containers: Containers,
  { id, bundle, streams, noPivot }: Creation,
): Proc<{ state: ContainerState } & Started> {
  const spec = yield* loadSpec(sys, bundle);
  validateProcess(spec.process);
  const { process } = spec;
  if (spec.root === undefined) throw new RuncError("root must be specified");
  const rootfs = spec.root.path.startsWith("/") ? spec.root.path : `${bundle}/${spec.root.path}`;
  yield* validateSpec(sys, spec, rootfs);
  for (const { type } of process.rlimits ?? []) rlimitNumber(type);
  yield* containers.reserve(id);
  let cgroup: string | undefined;
  try {
    cgroup = yield* cgroupPath(sys, id, spec.linux?.cgroupsPath);
    const plan = yield* namespacePlan(sys, spec.linux?.namespaces ?? []);
    yield* createCgroup(sys, cgroup);
    const fifo = containers.fifoOf(id);
    // Whoever the process is to be, it must be able to open it.
    const mask = yield* sys.umask(0);
    yield* sys.mknodat(AT_FDCWD, fifo, S_IFIFO | 0o622, 0);
    yield* sys.umask(mask);
    const base = { id, created: yield* now(sys), bundle, rootfs, cgroup, spec };
    const stateOf = function* (pid: number): Proc<ContainerState> {
      return { ...base, initPid: pid, initStartTime: (yield* startTime(sys, pid)) ?? 0 };
    };
    const dir = cgroup;
    const started = yield* startProcess(sys, {
      bootstrap: { kind: "standard", ...plan, spec, process, rootfs, cgroup, noPivot, fifo },
      streams,
      uidMappings: spec.linux?.uidMappings ?? [],
      gidMappings: spec.linux?.gidMappings ?? [],
      *beforeRoot(pid) {
        const state = yield* containers.describe(yield* stateOf(pid), "creating");
        yield* runHooks(sys, [...(spec.hooks?.prestart ?? []), ...(spec.hooks?.createRuntime ?? [])], state);
      },
      *beforeStart() {
        yield* setResources(sys, dir, spec.linux?.resources);
      },
    });
    const state = yield* stateOf(started.pid);
    yield* containers.save(state);
    return { ...started, state };
  } catch (e) {
    if (cgroup !== undefined) yield* removeCgroup(sys, cgroup);
    yield* containers.remove(id);
    if (e instanceof Errno) throw new RuncError(goError(e));
    throw e;
  }
}

/** RFC 3339 with the nanoseconds that are not zero, as Go prints times. */
function* now(sys: Sys): Proc<string> {
  const at = yield* sys.clock_gettime(CLOCK_REALTIME);
  const fraction = String(at.nsec).padStart(9, "0").replace(/0+$/, "");
  return `${strftime("%Y-%m-%dT%H:%M:%S", at)}${fraction === "" ? "" : `.${fraction}`}Z`;
}

/** Lets the program of a created container begin. Errors: RuncError. */
export function* startContainer(sys: Sys, containers: Containers, state: ContainerState): Proc<void> {
  switch (yield* containers.status(state)) {
    case "created":
      break;
    case "stopped":
      throw new RuncError("cannot start a container that has stopped");
    default:
      throw new RuncError("cannot start an already running container");
  }
  const fifo = containers.fifoOf(state.id);
  const fd = yield* withPath("open", fifo, open(sys, fifo, O_RDONLY));
  yield* sys.read(fd, new Uint8Array(8));
  yield* sys.close(fd);
  yield* unlink(sys, fifo);
  yield* runHooks(sys, state.spec.hooks?.poststart, yield* containers.describe(state));
}

/** One more process in a running container. */
export function* execInContainer(sys: Sys, state: ContainerState, process: SpecProcess, cgroup: string, streams: Streams): Proc<Started> {
  validateProcess(process);
  const join: [number, string][] = [];
  for (const [type, flag, name] of NAMESPACES) {
    if (!(state.spec.linux?.namespaces ?? []).some((namespace) => namespace.type === type)) continue;
    const path = `/proc/${state.initPid}/ns/${name}`;
    if ((yield* optional(stat(sys, path))) === undefined) throw new RuncError("container not running");
    join.push([flag, path]);
  }
  return yield* startProcess(sys, {
    bootstrap: {
      kind: "setns",
      cloneFlags: 0,
      join,
      spec: state.spec,
      process,
      rootfs: state.rootfs,
      cgroup,
      noPivot: false,
    },
    streams,
    uidMappings: [],
    gidMappings: [],
    *beforeRoot() {},
    *beforeStart() {},
  });
}

/** Errors: RuncError if it does not run. */
export function* signalContainer(sys: Sys, containers: Containers, state: ContainerState, sig: number, all: boolean): Proc<void> {
  const status = yield* containers.status(state);
  if (all) {
    // Frozen, so that nobody is born meanwhile.
    if (sig === SIGKILL) yield* writeCgroupFile(sys, state.cgroup, "cgroup.kill", "1");
    else for (const pid of yield* cgroupPids(sys, state.cgroup)) yield* optional(sys.kill(pid, sig), [ESRCH]);
    return;
  }
  if (status === "stopped") throw new RuncError("container not running");
  yield* sys.kill(state.initPid, sig);
}

/** Removes what is left of a stopped one; with `force` stops it first. Errors: RuncError. */
export function* deleteContainer(sys: Sys, containers: Containers, state: ContainerState, force: boolean): Proc<void> {
  const status = yield* containers.status(state);
  if (status === "created" || (force && status !== "stopped")) yield* killContainer(sys, containers, state);
  else if (status !== "stopped") throw new RuncError(`cannot delete container ${state.id} that is not stopped: ${status}`);
  yield* destroyContainer(sys, containers, state);
}

function* killContainer(sys: Sys, containers: Containers, state: ContainerState): Proc<void> {
  yield* optional(sys.kill(state.initPid, SIGKILL), [ESRCH]);
  if ((yield* containers.status(state)) === "paused") yield* setFrozen(sys, state.cgroup, false);
  for (let tries = 0; tries < 100; tries++) {
    if ((yield* containers.status(state)) === "stopped") return;
    yield* sleep(sys, 100e6);
  }
  throw new RuncError("container init still running");
}

/** After its end: processes that it has left behind without a PID namespace, its cgroup, its directory. */
export function* destroyContainer(sys: Sys, containers: Containers, state: ContainerState): Proc<void> {
  const stopped = yield* containers.describe(state, "stopped");
  const left = yield* cgroupPids(sys, state.cgroup);
  if (left.length > 0) yield* writeCgroupFile(sys, state.cgroup, "cgroup.kill", "1");
  yield* optional(removeCgroup(sys, state.cgroup), [ENOENT]);
  yield* containers.remove(state.id);
  yield* runHooks(sys, state.spec.hooks?.poststop, stopped);
}
