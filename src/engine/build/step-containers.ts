/** The containers in which steps run, and which go when the steps are done. moby `builder/dockerfile/containerbackend.go`. */

import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { ContainerConfig, HostConfig } from "../api/container.ts";
import type { Container } from "../containers/container.ts";
import type { Containers } from "../containers/containers.ts";
import { killNow } from "../containers/lifecycle.ts";
import type { Listener, StreamName } from "../containers/stream-hub.ts";
import type { Daemon } from "../daemon.ts";
import { isFailure, systemError, wordsOf } from "../errors.ts";
import { shortId } from "../images/files.ts";
import type { BuildOutput } from "./output.ts";

export class StepContainers {
  private readonly made = new Set<Container>();
  private running: Container | undefined;
  private cancelled = false;

  constructor(
    private readonly daemon: Daemon,
    private readonly output: BuildOutput,
    private readonly hostConfig: Partial<HostConfig>,
  ) {}

  private get containers(): Containers {
    return this.daemon.containers as Containers;
  }

  *create(config: Partial<ContainerConfig>): Proc<Container> {
    const { container, warnings } = yield* this.containers.create(undefined, { ...config, HostConfig: { ...this.hostConfig } });
    const own = this.containers.own(container);
    this.made.add(own);
    for (const warning of warnings) yield* this.output.stdout(` ---> [Warning] ${warning}\n`);
    yield* this.output.stdout(` ---> Running in ${shortId(own.id)}\n`);
    return own;
  }

  /** Its exit code. What it writes is passed on. Errors: systemError where it cannot start or the build is cancelled. Blocks. */
  *run(container: Container): Proc<number> {
    const { output } = this;
    const listener: Listener = {
      stdout: true,
      stderr: true,
      write: (stream: StreamName, bytes: Uint8Array) => output[stream](decodeUtf8(bytes)),
      *ended() {},
    };
    container.streams.add(listener);
    this.running = container;
    try {
      if (this.cancelled) throw systemError("build cancelled");
      yield* this.containers.event(container, "attach");
      yield* this.containers.start(container);
      const code = yield* this.containers.waitStopped(container);
      if (this.cancelled) throw systemError("build cancelled");
      return code;
    } catch (e) {
      if (this.cancelled && isFailure(e)) yield* this.remove(container);
      throw e;
    } finally {
      this.running = undefined;
    }
  }

  /** Nobody waits for the result any more. */
  *cancel(): Proc<void> {
    this.cancelled = true;
    const container = this.running;
    if (container === undefined) return;
    try {
      yield* killNow(this.containers, container);
    } catch (e) {
      // It has just ended, or has not begun: then it is looked after by run().
      if (!isFailure(e)) throw e;
    }
  }

  private *remove(container: Container): Proc<boolean> {
    this.made.delete(container);
    try {
      yield* this.containers.remove(container, { force: true, volumes: true });
      return true;
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* this.output.stdout(`Error removing intermediate container ${shortId(container.id)}: ${wordsOf(e)}\n`);
      return false;
    }
  }

  *removeAll(): Proc<void> {
    for (const container of [...this.made]) {
      if (!(yield* this.remove(container))) return;
      yield* this.output.stdout(`Removing intermediate container ${shortId(container.id)}\n`);
    }
  }
}
