/** Further processes in running containers. moby `daemon/exec.go`, `daemon/exec`. */

import type { Proc } from "../../abi/sys.ts";
import type { SpecProcess } from "../../runtime/spec.ts";
import type { ExecCreateBody, ExecInspect } from "../api/exec.ts";
import { conflict, type EngineError, invalidParameter, isFailure, notFound, systemError } from "../errors.ts";
import { Condition, startThread } from "../sync.ts";
import { allCapabilities, capabilitiesOf } from "./capabilities.ts";
import type { Container } from "./container.ts";
import type { Containers } from "./containers.ts";
import { pipeDir, shimOf } from "./lifecycle.ts";
import { ShimError, ShimGone } from "./shim-client.ts";
import { capabilitySets, environmentOf, noNewPrivileges } from "./spec.ts";
import { StreamHub } from "./stream-hub.ts";
import { findUser } from "./user.ts";

const DRAIN_NS = 2e9;

export class Exec {
  state: "created" | "running" | "exited" = "created";
  exitCode: number | null = null;
  pid = 0;
  readonly streams: StreamHub;
  readonly changed: Condition;
  terminalSize: { rows: number; cols: number } | undefined;

  constructor(
    readonly id: string,
    readonly container: Container,
    readonly config: ExecCreateBody,
    readonly command: readonly string[],
  ) {
    this.streams = new StreamHub(container.daemon.sys);
    this.changed = new Condition(container.daemon.sys);
  }

  get tty(): boolean {
    return this.config.Tty === true;
  }

  inspect(): ExecInspect {
    const { config, command } = this;
    return {
      ID: this.id,
      Running: this.state === "running",
      ExitCode: this.exitCode,
      ProcessConfig: {
        tty: this.tty,
        entrypoint: command[0] ?? "",
        arguments: command.slice(1),
        privileged: config.Privileged === true,
        ...(config.User ? { user: config.User } : {}),
      },
      OpenStdin: config.AttachStdin === true,
      OpenStderr: config.AttachStderr === true,
      OpenStdout: config.AttachStdout === true,
      CanRemove: false,
      ContainerID: this.container.id,
      DetachKeys: "",
      Pid: this.pid,
    };
  }
}

/** Errors: conflict unless it runs, invalidParameter without a command. */
export function* createExec(containers: Containers, container: Container, config: ExecCreateBody, reference: string): Proc<Exec> {
  if (!container.running) throw container.notRunning();
  if (container.paused) throw conflict(`Container ${reference} is paused, unpause the container before exec`);
  if (container.restarting) throw conflict(`Container ${reference} is restarting, wait until the container is running`);
  const command = config.Cmd ?? [];
  if (command.length === 0) throw invalidParameter("No exec command specified");
  const exec = new Exec(yield* containers.daemon.randomHex(32), container, config, command);
  container.execs.set(exec.id, exec);
  containers.execs.set(exec.id, exec);
  yield* execEvent(containers, exec, `exec_create: ${words(exec)}`);
  return exec;
}

const words = ({ command }: Exec): string => `${command[0]} ${command.slice(1).join(" ")}`;

const execEvent = (containers: Containers, exec: Exec, action: string, more: Readonly<Record<string, string>> = {}): Proc<void> =>
  containers.event(exec.container, action, { execID: exec.id, ...more });

/** Errors: notFound `No such exec instance: x`, conflict where its container does not run. */
export function requireExec(containers: Containers, id: string): Exec {
  const exec = containers.execs.get(id);
  if (exec === undefined) throw notFound(`No such exec instance: ${id}`);
  return exec;
}

/** What is said before the connection becomes a stream. Errors: conflict. */
export function requireStartable({ container }: Exec): void {
  if (!container.running) throw conflict(`Container ${container.id} is not running`);
  if (container.paused) throw conflict(`Container ${container.id} is paused, unpause the container before exec`);
}

/** What is said on the stream. Errors: conflict. */
function requireUnused(exec: Exec): void {
  if (exec.state === "exited") throw conflict(`Error: Exec command ${exec.id} has already run`);
  if (exec.state === "running") throw conflict(`Error: Exec command ${exec.id} is already running`);
}

/** Errors: EngineError in the words of runc; the exit code is 126 then. */
export function* startExec(containers: Containers, exec: Exec): Proc<void> {
  requireStartable(exec);
  requireUnused(exec);
  exec.state = "running";
  const { container, config } = exec;
  yield* execEvent(containers, exec, `exec_start: ${words(exec)}`);
  const shim = shimOf(container);
  try {
    const process = yield* processOf(exec);
    const streams = yield* exec.streams.make(pipeDir(container), exec.id, {
      stdin: config.AttachStdin === true,
      stdout: true,
      stderr: true,
      terminal: exec.tty,
    });
    const { pid = 0 } = yield* shim.ask({ method: "exec", exec: exec.id, process, streams });
    exec.pid = pid;
    yield* exec.streams.begin();
  } catch (e) {
    exec.state = "exited";
    exec.exitCode = 126;
    yield* exec.streams.close();
    yield* exec.changed.broadcast();
    throw translate(e);
  }
  yield* startThread(containers.daemon.sys, () => watch(containers, exec));
}

function translate(e: unknown): EngineError | unknown {
  if (e instanceof ShimGone) return systemError("shim died");
  if (!(e instanceof ShimError)) return e;
  const message = `OCI runtime exec failed: ${e.message}: unknown`;
  return /executable file not found|permission denied|no such file/.test(message) ? invalidParameter(message) : systemError(message);
}

function* watch(containers: Containers, exec: Exec): Proc<number> {
  const shim = shimOf(exec.container);
  let status = 137;
  try {
    const { exit } = yield* shim.ask({ method: "wait", exec: exec.id });
    status = exit?.status ?? 137;
    yield* shim.ask({ method: "delete", exec: exec.id });
  } catch (e) {
    // Its container has ended, and the shim with it.
    if (!(e instanceof ShimError || e instanceof ShimGone || isFailure(e))) throw e;
  }
  yield* exec.streams.drain(DRAIN_NS);
  exec.state = "exited";
  exec.exitCode = status;
  exec.pid = 0;
  yield* execEvent(containers, exec, "exec_die", { exitCode: String(status) });
  yield* exec.streams.close();
  yield* exec.changed.broadcast();
  return 0;
}

function* processOf(exec: Exec): Proc<SpecProcess> {
  const { container, config } = exec;
  const { hostConfig: host, daemon } = container;
  const rootfs = `/proc/${container.pid}/root`;
  const user = yield* findUser(daemon.sys, rootfs, config.User || container.config.User, host.GroupAdd ?? []);
  const privileged = host.Privileged || config.Privileged === true;
  const capabilities = privileged ? allCapabilities() : capabilitiesOf(host.CapAdd ?? [], host.CapDrop ?? [], false);
  const size = exec.terminalSize;
  return {
    ...(exec.tty ? { terminal: true, ...(size === undefined ? {} : { consoleSize: { height: size.rows, width: size.cols } }) } : {}),
    user,
    args: exec.command,
    env: environmentOf(container, exec.tty, config.Env ?? []),
    cwd: config.WorkingDir || container.config.WorkingDir || "/",
    capabilities: capabilitySets(capabilities, user.uid),
    ...(noNewPrivileges(host) ? { noNewPrivileges: true } : {}),
    oomScoreAdj: host.OomScoreAdj,
  };
}
