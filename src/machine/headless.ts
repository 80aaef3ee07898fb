/**
 * The machine in Node: `npm run -s machine` opens it in this terminal; with `--json` it answers JSON lines (see README.md); with `--serve PORT` its
 * Docker engine answers clients of this host. Options: --seed N --cpus N --memory BYTES[KMG] --trace FILE.
 */

import { createWriteStream, type WriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { SessionConfig } from "../bridge/messages.ts";
import { Agent } from "./agent.ts";
import { DEFAULT_CONFIG, Machine } from "./boot.ts";
import { loadAllPrograms } from "./programs.ts";
import { serve } from "./serve.ts";

await loadAllPrograms();

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    seed: { type: "string" },
    cpus: { type: "string" },
    memory: { type: "string" },
    trace: { type: "string" },
    serve: { type: "string" },
    help: { type: "boolean" },
  },
});

/** `512M` in bytes. Throws for what is no size. */
function parseSize(text: string): number {
  const match = /^([0-9]+)([KMG]?)$/i.exec(text);
  if (match === null) throw new Error(`not a size: ${text}`);
  return Number(match[1]) * 1024 ** ["", "K", "M", "G"].indexOf((match[2] as string).toUpperCase());
}

interface Options {
  seed?: number | string;
  cpus?: number | string;
  memory?: number | string;
}

function requireCount(name: string, value: number | string, max: number): number {
  const n = Number(value);
  if (!Number.isInteger(n) || n < 0 || n > max) throw new Error(`bad ${name}: ${value}`);
  return n;
}

function configOf(o: Options): SessionConfig {
  return {
    ...DEFAULT_CONFIG,
    ...(o.seed === undefined ? {} : { seed: requireCount("seed", o.seed, 2 ** 32 - 1) }),
    ...(o.cpus === undefined ? {} : { cpus: Math.max(1, requireCount("cpus", o.cpus, 31)) }),
    ...(o.memory === undefined ? {} : { memoryBytes: parseSize(String(o.memory)) }),
  };
}

function startTrace(machine: Machine, file: WriteStream | undefined): void {
  if (file === undefined) return;
  machine.kernel.trace.syscalls = true;
  machine.kernel.trace.listen((event) =>
    file.write(`${JSON.stringify(event, (_, v: unknown) => (typeof v === "bigint" ? v.toString() : v))}\n`),
  );
}

// ── Scripted ─────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Request {
  readonly run?: string;
  readonly limitNs?: number;
  readonly write?: string;
  readonly content?: string;
  readonly base64?: string;
  readonly read?: string;
  readonly reset?: Options;
  readonly trace?: boolean;
}

class Session {
  private machine!: Machine;
  private agent!: Agent;
  private counting = false;
  private syscalls = 0;

  constructor(
    options: Options,
    private readonly traceFile: WriteStream | undefined,
  ) {
    this.reset(options);
  }

  private reset(options: Options): void {
    this.machine = new Machine(configOf(options));
    this.agent = new Agent(this.machine);
    startTrace(this.machine, this.traceFile);
    this.count();
  }

  private count(): void {
    if (!this.counting) return;
    this.machine.kernel.trace.syscalls = true;
    this.machine.kernel.trace.listen((event) => {
      if (event.name === "sys_enter") this.syscalls++;
    });
  }

  answer(request: Request): object {
    const startNs = this.machine.nowNs;
    this.syscalls = 0;
    const answer = this.act(request);
    if (!this.counting || request.trace !== undefined) return answer;
    return { ...answer, syscalls: this.syscalls, virtualNs: Math.max(0, this.machine.nowNs - startNs) };
  }

  private act(request: Request): object {
    if (request.run !== undefined) return this.agent.run(request.run, request.limitNs);
    if (request.write !== undefined) {
      const bytes = request.base64 !== undefined ? Buffer.from(request.base64, "base64") : Buffer.from(request.content ?? "", "utf8");
      this.agent.write(request.write, bytes);
      return {};
    }
    if (request.read !== undefined) {
      const bytes = Buffer.from(this.agent.read(request.read));
      const content = bytes.toString("utf8");
      // Bytes that are no text would not survive: they come as base64.
      return Buffer.from(content, "utf8").equals(bytes) ? { content } : { base64: bytes.toString("base64") };
    }
    if (request.reset !== undefined) {
      this.reset(request.reset);
      return {};
    }
    if (request.trace !== undefined) {
      if (request.trace && !this.counting) {
        this.counting = true;
        this.count();
      } else if (!request.trace) this.counting = false;
      return {};
    }
    return { error: "unknown request" };
  }
}

function serveJson(options: Options, traceFile: WriteStream | undefined): void {
  const session = new Session(options, traceFile);
  createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) => {
    if (line.trim() === "") return;
    let answer: object;
    try {
      answer = session.answer(JSON.parse(line) as Request);
    } catch (e) {
      answer = { error: e instanceof Error ? e.message : String(e) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  });
}

// ── Interactive ──────────────────────────────────────────────────────────────────────────────────────────────────────

const FRAME_MS = 10;
const TERMINAL = 1;

function openHere(options: Options, traceFile: WriteStream | undefined): void {
  const machine = new Machine({ ...configOf({ seed: (Date.now() & 0xffffffff) >>> 0, ...options }), services: ["docker"] });
  startTrace(machine, traceFile);
  const size = (): { rows: number; cols: number } => ({ rows: process.stdout.rows ?? 24, cols: process.stdout.columns ?? 80 });
  const end = (status: number): never => {
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.exit(status);
  };
  machine.take({ type: "open", terminal: TERMINAL, ...size() });
  let hungUp = false;
  machine.onHangup = () => {
    hungUp = true;
  };
  if (process.stdin.isTTY) process.stdin.setRawMode(true);
  process.stdin.on("data", (data) => machine.take({ type: "type", terminal: TERMINAL, text: data.toString("utf8") }));
  process.stdin.on("end", () => machine.take({ type: "type", terminal: TERMINAL, text: "\x04" }));
  process.stdout.on("resize", () => machine.take({ type: "resize", terminal: TERMINAL, ...size() }));
  let last = performance.now();
  let targetNs = 0;
  const tick = (): void => {
    const now = performance.now();
    targetNs = Math.max(targetNs, machine.nowNs) + Math.min(now - last, 100) * 1e6;
    last = now;
    machine.run(targetNs, () => performance.now() > now + 100);
    if (machine.nowNs < targetNs) targetNs = machine.nowNs;
    const bytes = machine.terminals.get(TERMINAL)?.takeOutput();
    const drained = bytes === undefined || bytes.length === 0 || process.stdout.write(bytes);
    const { panic, halted } = machine.kernel;
    if (panic !== undefined || halted !== undefined) {
      process.stdout.write(`\r\n${(panic ?? halted ?? "").replaceAll("\n", "\r\n")}\r\n`);
      end(panic === undefined ? 0 : 1);
    }
    if (hungUp) end(0);
    if (drained) setTimeout(tick, FRAME_MS);
    else process.stdout.once("drain", () => setTimeout(tick, 0));
  };
  tick();
}

if (values.help === true) {
  process.stdout.write("Usage: npm run -s machine -- [--json | --serve PORT] [--seed N] [--cpus N] [--memory SIZE] [--trace FILE]\n");
} else {
  const options: Options = {
    ...(values.seed === undefined ? {} : { seed: values.seed }),
    ...(values.cpus === undefined ? {} : { cpus: values.cpus }),
    ...(values.memory === undefined ? {} : { memory: values.memory }),
  };
  const traceFile = values.trace === undefined ? undefined : createWriteStream(values.trace);
  if (values.serve !== undefined) {
    const port = requireCount("port", values.serve, 65_535);
    // Clients reckon with their own clock: `--since 10m` is a time of day when it arrives.
    const machine = new Machine({ ...configOf(options), startSec: Math.floor(Date.now() / 1000) });
    startTrace(machine, traceFile);
    serve(machine, port, () => process.stderr.write(`DOCKER_HOST=tcp://127.0.0.1:${port}\n`));
  } else if (values.json === true) serveJson(options, traceFile);
  else openHere(options, traceFile);
}
