/** A machine for tests: boots at once, runs shell text, moves files, opens terminals. Synchronous. */

import type { SessionConfig } from "../bridge/messages.ts";
import { Agent, type RunAnswer } from "./agent.ts";
import { DEFAULT_CONFIG, Machine } from "./boot.ts";
import { checkInvariants } from "./invariants.ts";
import { loadAllPrograms } from "./programs.ts";

await loadAllPrograms();

/** As a person sees it: what was typed, and what came back. */
export class TestTerminal {
  private seen = "";

  constructor(
    private readonly machine: Machine,
    private readonly id: number,
  ) {}

  /** Types, and lets `ms` virtual milliseconds go by. Returns the output since the last call. */
  type(text: string, ms = 1000): string {
    this.machine.take({ type: "type", terminal: this.id, text });
    return this.wait(ms);
  }

  wait(ms: number): string {
    this.machine.run(this.machine.nowNs + ms * 1e6);
    const bytes = this.machine.terminals.get(this.id)?.takeOutput() ?? new Uint8Array();
    const text = new TextDecoder().decode(bytes);
    this.seen += text;
    return text;
  }

  resize(rows: number, cols: number): void {
    this.machine.take({ type: "resize", terminal: this.id, rows, cols });
  }

  /** Everything that came back so far. */
  get output(): string {
    return this.seen;
  }
}

export class TestMachine {
  private readonly agent: Agent;
  private nextTerminal = 1;

  constructor(readonly machine: Machine) {
    this.agent = new Agent(machine);
  }

  /** Runs shell text in the machine's persistent root login shell. */
  run(text: string, options: { limitNs?: number } = {}): RunAnswer {
    return this.agent.run(text, options.limitNs);
  }

  /** Runs one program without a shell, with its standard input given. */
  exec(argv: readonly string[], stdin?: string): RunAnswer {
    return this.agent.exec(argv, stdin);
  }

  write(path: string, content: string | Uint8Array): void {
    this.agent.write(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }

  read(path: string): string {
    return new TextDecoder().decode(this.agent.read(path));
  }

  /** Opens a terminal and waits for its prompt. */
  terminal(rows = 24, cols = 80): TestTerminal {
    const id = this.nextTerminal++;
    this.machine.take({ type: "open", terminal: id, rows, cols });
    const terminal = new TestTerminal(this.machine, id);
    terminal.wait(2000);
    return terminal;
  }

  /** Throws where the kernel's books do not balance, or a program of ours had a bug. */
  check(): void {
    checkInvariants(this.machine.kernel);
  }
}

export function boot(config: Partial<SessionConfig> = {}): TestMachine {
  return new TestMachine(new Machine({ ...DEFAULT_CONFIG, ...config }));
}
