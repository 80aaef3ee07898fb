/** For tests of the kernel: bodies of code that run as processes of a booted machine, and talk to it by system calls only. */

import { Errno } from "../abi/errno.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import type { Task } from "../kernel/task/task.ts";
import { DEFAULT_CONFIG, Machine } from "./boot.ts";
import { checkInvariants } from "./invariants.ts";

/** Virtual time that run() gives a body before it counts as stuck. */
const PATIENCE_NS = 60e9;

/** A body on its way, or at its end. */
export interface Running<T> {
  readonly task: Task;
  readonly done: boolean;
  /** Throws what the body threw, or an Error while it has not ended. */
  readonly value: T;
}

export class KernelUnderTest {
  readonly machine = new Machine(DEFAULT_CONFIG);
  readonly kernel = this.machine.kernel;

  constructor() {
    this.advance(200);
  }

  /** Starts a process that runs `body`; nothing of it happens yet. */
  spawn<T>(body: (sys: Sys) => Proc<T>): Running<T> {
    const { sys } = this.kernel;
    let outcome: { readonly value: T } | { readonly thrown: unknown } | undefined;
    const task = this.kernel.spawnHelper("body", () =>
      (function* () {
        try {
          outcome = { value: yield* body(sys) };
          return 0;
        } catch (e) {
          outcome = { thrown: e };
          return 1;
        }
      })(),
    );
    return {
      task,
      get done() {
        return outcome !== undefined;
      },
      get value() {
        if (outcome === undefined) throw new Error("still running");
        if ("thrown" in outcome) throw outcome.thrown instanceof Errno ? new Error(outcome.thrown.name) : outcome.thrown;
        return outcome.value;
      },
    };
  }

  /** Runs `body` to its end. Throws what it threw. */
  run<T>(body: (sys: Sys) => Proc<T>): T {
    const running = this.spawn(body);
    const { machine } = this;
    const limit = machine.nowNs + PATIENCE_NS;
    while (!running.done && machine.nowNs < limit) machine.run(machine.nowNs + 10e6, () => running.done);
    return running.value;
  }

  /** Lets `ms` of virtual time go by. */
  advance(ms: number): void {
    this.machine.run(this.machine.nowNs + ms * 1e6);
    if (this.kernel.panic !== undefined) throw new Error(this.kernel.panic);
  }

  check(): void {
    checkInvariants(this.kernel);
  }
}
