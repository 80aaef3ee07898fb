/**
 * The composition root: a kernel, a root filesystem with the programs of `userland/bin`, and the ways in and out. What
 * comes from outside is an input with a virtual time; applied as a timer, so that a replay meets it at the same instant.
 */

import { encodeUtf8 } from "../abi/utf8.ts";
import type { Input, InputLog, SessionConfig } from "../bridge/messages.ts";
import { OutsidePort } from "../kernel/fs/devtmpfs/vport.ts";
import { fillTmpfs } from "../kernel/fs/tmpfs/fill.ts";
import { Kernel, type RunResult } from "../kernel/kernel.ts";
import { Timer } from "../kernel/sched/timer.ts";
import { executables } from "./executables.ts";
import { later } from "./later.ts";
import { findProgram } from "./programs.ts";
import { buildRootfs } from "./rootfs.ts";
import { Terminal } from "./terminal.ts";

export const DEFAULT_CONFIG: SessionConfig = {
  seed: 1,
  startSec: 1_767_225_600, // 2026-01-01
  cpus: 4,
  memoryBytes: 2 * 1024 ** 3,
  hostname: "drydock",
};

export class Machine {
  readonly kernel: Kernel;
  readonly inputs: Input[] = [];
  readonly terminals = new Map<number, Terminal>();
  /** Called when the login shell of a terminal has ended. */
  onHangup: (terminal: number) => void = () => {};
  readonly ports: ReadonlyMap<number, OutsidePort>;
  /** Time up to which run() was asked to go; inputs come after it. */
  private reachedNs = 0;

  constructor(readonly config: SessionConfig) {
    this.kernel = new Kernel(config, findProgram, (module) => later?.findModule(module));
    fillTmpfs(this.kernel.rootfs, buildRootfs(executables, config.hostname, config.services));
    this.ports = new Map([1, 2, 3, 4, 5].map((n) => [n, new OutsidePort(this.kernel, n)]));
    this.port(1).onData((bytes) => this.heard(bytes));
    this.kernel.boot();
  }

  port(n: number): OutsidePort {
    const port = this.ports.get(n);
    if (port === undefined) throw new Error(`no port ${n}`);
    return port;
  }

  /** Virtual now: what has run, or, for an idle machine, how far it was asked to go. */
  get nowNs(): number {
    return Math.max(this.kernel.sched.latestNs, this.reachedNs);
  }

  get log(): InputLog {
    return { version: 1, config: this.config, inputs: this.inputs };
  }

  /** See Kernel.run. */
  run(untilNs: number, spent: () => boolean = () => false): RunResult {
    const result = this.kernel.run(untilNs, spent);
    if (result === "until" && Number.isFinite(untilNs)) this.reachedNs = Math.max(this.reachedNs, untilNs);
    return result;
  }

  /** Runs one system call, or one stretch of user-mode time, wherever it comes next. */
  stepSyscall(): void {
    const { kernel } = this;
    const { sched } = kernel;
    const fromNs = this.nowNs;
    sched.single = true;
    // What takes no time is no step: keys that come in, and the rest of a call that has waited for code.
    let result: RunResult;
    do result = kernel.run(Number.POSITIVE_INFINITY, () => true);
    while (result === "budget" && kernel.stalledFor === undefined && this.nowNs === fromNs);
    sched.single = false;
  }

  /** Takes an input that comes now; it is in the log from here on. */
  take(input: WithoutTime<Input>): void {
    const timed = { ...input, atNs: this.nowNs + 1 } as Input;
    this.reachedNs = timed.atNs;
    this.schedule(timed);
  }

  /** Takes an input of a log that is replayed. */
  schedule(input: Input): void {
    this.inputs.push(input);
    this.at(input.atNs, () => this.apply(input));
  }

  /** Calls `act` at a virtual time, outside of any task: an interrupt. */
  at(atNs: number, act: () => void): void {
    const { sched } = this.kernel;
    sched.timers.arm(new Timer(act), atNs);
    sched.limitQuantum(atNs);
  }

  private apply(input: Input): void {
    const terminal = this.terminals.get(input.terminal);
    switch (input.type) {
      case "open": {
        if (terminal !== undefined) return;
        const opened = new Terminal(this.kernel, input.rows, input.cols);
        this.terminals.set(input.terminal, opened);
        this.port(1).push(`open ${opened.index}\n`);
        return;
      }
      case "close":
        terminal?.close();
        this.terminals.delete(input.terminal);
        return;
      case "type":
        terminal?.input(encodeUtf8(input.text));
        return;
      case "resize":
        terminal?.resize(input.rows, input.cols);
    }
  }

  /** What init says on its port: `closed N`. */
  private heard(bytes: Uint8Array): void {
    for (const line of new TextDecoder().decode(bytes).split("\n")) {
      const index = /^closed (\d+)$/.exec(line)?.[1];
      if (index === undefined) continue;
      for (const [id, terminal] of this.terminals) if (terminal.index === Number(index)) this.onHangup(id);
    }
  }
}

type WithoutTime<T> = T extends unknown ? Omit<T, "atNs"> : never;
