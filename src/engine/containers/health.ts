/** Health checks: a command that is run in the container again and again. moby `daemon/health.go`. */

import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { HealthConfig } from "../api/container.ts";
import { isFailure, wordsOf } from "../errors.ts";
import { Condition, startThread } from "../sync.ts";
import type { Container } from "./container.ts";
import type { Containers } from "./containers.ts";
import { createExec, type Exec, startExec } from "./exec.ts";
import { monotonic, shimOf } from "./lifecycle.ts";
import { ShimError, ShimGone } from "./shim-client.ts";
import type { StreamName } from "./stream-hub.ts";

const INTERVAL_NS = 30e9;
const TIMEOUT_NS = 30e9;
const RETRIES = 3;
/** Results and bytes of output that are kept. */
const KEPT = 5;
const OUTPUT_BYTES = 4096;

interface Result {
  readonly start: string;
  readonly end: string;
  readonly exitCode: number;
  readonly output: string;
}

export class HealthMonitor {
  private stopped = false;
  private readonly wake: Condition;

  private constructor(
    private readonly containers: Containers,
    private readonly container: Container,
    private readonly config: HealthConfig,
    private readonly command: readonly string[],
  ) {
    this.wake = new Condition(container.daemon.sys);
  }

  /** Undefined where nothing is to be checked. */
  static of(containers: Containers, container: Container): HealthMonitor | undefined {
    const config = container.config.Healthcheck;
    const [kind, ...words] = config?.Test ?? [];
    if (config === undefined || kind === undefined || kind === "NONE") return undefined;
    if (kind === "CMD") return new HealthMonitor(containers, container, config, words);
    if (kind === "CMD-SHELL")
      return new HealthMonitor(containers, container, config, [...(container.config.Shell ?? ["/bin/sh", "-c"]), ...words]);
    return undefined;
  }

  *start(): Proc<void> {
    this.container.health = { Status: "starting", FailingStreak: 0, Log: [] };
    yield* startThread(this.container.daemon.sys, () => this.run());
  }

  *stop(): Proc<void> {
    this.stopped = true;
    yield* this.wake.broadcast();
  }

  private *run(): Proc<number> {
    const intervalNs = this.config.Interval || INTERVAL_NS;
    for (;;) {
      if (!this.stopped) yield* this.wake.wait(intervalNs);
      if (this.stopped) return 0;
      if (this.container.paused) continue;
      const result = yield* this.probe();
      if (this.stopped) return 0;
      yield* this.record(result);
    }
  }

  private *probe(): Proc<Result> {
    const { containers, container, config } = this;
    const { daemon } = container;
    const start = yield* daemon.timestamp();
    const timeoutNs = config.Timeout || TIMEOUT_NS;
    let output = "";
    let exec: Exec;
    try {
      exec = yield* createExec(containers, container, { Cmd: [...this.command], AttachStdout: true, AttachStderr: true }, container.name);
      exec.streams.add({
        stdout: true,
        stderr: true,
        *write(_stream: StreamName, bytes: Uint8Array) {
          if (output.length < OUTPUT_BYTES) output = (output + decodeUtf8(bytes)).slice(0, OUTPUT_BYTES);
        },
        *ended() {},
      });
      yield* startExec(containers, exec);
    } catch (e) {
      if (!isFailure(e)) throw e;
      return { start, end: yield* daemon.timestamp(), exitCode: -1, output: wordsOf(e) };
    }
    const end = (yield* monotonic(container)) + timeoutNs;
    while (exec.state === "running") {
      const left = end - (yield* monotonic(container));
      if (left > 0) {
        yield* exec.changed.wait(left);
        continue;
      }
      try {
        yield* shimOf(container).ask({ method: "kill", exec: exec.id, signal: 9 });
      } catch (e) {
        if (!(e instanceof ShimError || e instanceof ShimGone)) throw e;
      }
      return { start, end: yield* daemon.timestamp(), exitCode: -1, output: `Health check exceeded timeout (${goDuration(timeoutNs)})` };
    }
    container.execs.delete(exec.id);
    containers.execs.delete(exec.id);
    return { start, end: yield* daemon.timestamp(), exitCode: exec.exitCode ?? -1, output };
  }

  private *record({ start, end, exitCode, output }: Result): Proc<void> {
    const { container, config, containers } = this;
    const health = container.health ?? { Status: "starting", FailingStreak: 0, Log: [] };
    const before = health.Status;
    const entry = { Start: start, End: end, ExitCode: exitCode, Output: output };
    const Log = [...(health.Log ?? []), entry].slice(-KEPT);
    let { Status, FailingStreak } = health;
    if (exitCode === 0) {
      FailingStreak = 0;
      Status = "healthy";
    } else {
      const ranNs = (yield* monotonic(container)) - container.startedNs;
      const inStartPeriod = Status === "starting" && ranNs < (config.StartPeriod ?? 0);
      if (!inStartPeriod) {
        FailingStreak++;
        if (FailingStreak >= (config.Retries || RETRIES)) Status = "unhealthy";
      }
    }
    container.health = { Status, FailingStreak, Log };
    yield* container.save();
    yield* container.announce();
    if (Status !== before) yield* containers.event(container, `health_status: ${Status}`);
  }
}

/** Go's time.Duration as text, for whole and fractional seconds. */
export function goDuration(ns: number): string {
  if (ns < 1e9) return ns < 1e6 ? `${ns / 1e3}µs` : `${ns / 1e6}ms`;
  const sec = ns / 1e9;
  const h = Math.floor(sec / 3600);
  const m = Math.floor((sec % 3600) / 60);
  const s = Math.round((sec % 60) * 1e9) / 1e9;
  return `${h > 0 ? `${h}h` : ""}${h > 0 || m > 0 ? `${m}m` : ""}${s}s`;
}
