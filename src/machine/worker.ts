/**
 * The machine in a web worker: advances it with the wall clock and tells the page what changed, one frame at a time.
 * All that is asynchronous or knows wall time is here, outside of the machine.
 */

import type { Pace, PageMessage, WorkerMessage } from "../bridge/messages.ts";
import { FrameBuilder } from "./frame.ts";
import { Machine } from "./boot.ts";
import { loadLater } from "./later.ts";
import { loadAllPrograms, loadProgram } from "./programs.ts";

/** Time between two frames, and the share of it that the machine may use, real milliseconds. */
const FRAME_MS = 16;
const BUDGET_MS = 12;
/** Terminal output that the page has not drawn yet: beyond it the virtual clock stands still. */
const UNDRAWN_BYTES = 512 * 1024;
/** A page that draws nothing so long has no prompt to wait for. */
const PROMPT_MS = 2000;
/** Of a replay: how long it runs before its output is trimmed, and what a terminal keeps of it. */
const REPLAY_SLICE_MS = 50;
const REPLAY_OUTPUT_BYTES = 1024 * 1024;
/** A page that was hidden for long does not make the machine race. */
const MAX_STEP_MS = 100;

declare const self: {
  onmessage: ((event: { data: PageMessage }) => void) | null;
  postMessage(message: WorkerMessage, transfer?: Transferable[]): void;
};

let machine: Machine | undefined;
let frames: FrameBuilder | undefined;
let pace: Pace = { kind: "speed", factor: 1 };
let lastMs = 0;
/** Virtual time that the pace asks for. */
let targetNs = 0;
let achieved = 1;
let stopped = false;
/** The machine has booted, and replayed what it was given. */
let booted = false;
/** Code is on its way: the virtual clock stands still. */
let loading = false;
/** All programs and modules are there. */
let complete = false;
/** Inputs that came too early, in their order: any before the machine has booted, and from the first key, step or close on before all code is there. */
const held: PageInput[] = [];
/** What was printed first is on the screen. */
let promptIsDrawn = (): void => {};
const promptDrawn = new Promise<void>((resolve) => {
  promptIsDrawn = resolve;
});
let timer: ReturnType<typeof setTimeout> | undefined;
const undrawn = new Map<number, number>();

self.onmessage = ({ data }) => {
  if (data.type === "boot") {
    void boot(data);
    return;
  }
  if (machine === undefined) return;
  if (isInput(data) && (!booted || held.length > 0 || (wantsAll(data) && !complete))) {
    held.push(data);
    if (booted) void fetchAll();
    return;
  }
  receive(machine, data);
  // An answer to a key should not wait for the next frame.
  if (data.type === "type" || data.type === "open") schedule(0);
};

type PageInput = PageMessage & { type: "open" | "close" | "type" | "resize" | "step" };

function isInput(message: PageMessage): message is PageInput {
  return ["open", "close", "type", "resize", "step"].includes(message.type);
}

/** What may need code of which nothing is needed before the prompt. */
const wantsAll = ({ type }: PageInput): boolean => type === "type" || type === "step" || type === "close";

async function boot(message: PageMessage & { type: "boot" }): Promise<void> {
  const start = performance.now();
  machine = new Machine(message.config);
  frames = new FrameBuilder(machine);
  machine.onHangup = (terminal) => self.postMessage({ type: "hangup", terminal });
  const inputs = message.log?.inputs ?? [];
  for (const input of inputs) machine.schedule(input);
  const untilNs = message.untilNs ?? (inputs.length > 0 ? (inputs[inputs.length - 1]?.atNs ?? 0) + 1 : 0);
  if (inputs.length > 0) await fetchAll();
  await replay(machine, untilNs);
  booted = true;
  targetNs = machine.nowNs;
  self.postMessage({ type: "booted", bootMs: performance.now() - start });
  lastMs = performance.now();
  release(machine);
  // The prompt first, then the rest of the code; at once when somebody types.
  setTimeout(promptIsDrawn, PROMPT_MS);
  await promptDrawn;
  await fetchAll();
}

/** Runs to where the log ends. Of floods on the terminals only the end is kept. */
async function replay(m: Machine, untilNs: number): Promise<void> {
  for (;;) {
    const end = performance.now() + REPLAY_SLICE_MS;
    const result = m.run(untilNs, () => performance.now() > end);
    for (const terminal of m.terminals.values()) terminal.trimOutput(REPLAY_OUTPUT_BYTES);
    if (result === "stalled") await fetchCode(m);
    else if (result !== "budget") return;
  }
}

/** Takes the inputs that were held back, up to the first that still must wait. */
function release(m: Machine): void {
  while (held[0] !== undefined && (complete || !wantsAll(held[0]))) receive(m, held.shift() as PageInput);
  schedule(0);
}

/** Fetches all code that is not there yet. Offline it tries again each second, and what was typed waits. */
async function fetchAll(): Promise<void> {
  while (!complete) {
    try {
      await Promise.all([loadLater(), loadAllPrograms()]);
      complete = true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
  if (machine !== undefined && booted) release(machine);
}

function receive(m: Machine, message: Exclude<PageMessage, { type: "boot" }>): void {
  switch (message.type) {
    case "open":
    case "close":
    case "type":
    case "resize":
      m.take(message);
      targetNs = Math.max(targetNs, m.nowNs);
      return;
    case "drawn":
      promptIsDrawn();
      undrawn.set(message.terminal, Math.max(0, (undrawn.get(message.terminal) ?? 0) - message.bytes));
      return;
    case "pace":
      pace = message.pace;
      targetNs = m.nowNs;
      lastMs = performance.now();
      schedule(0);
      return;
    case "step":
      if (pace.kind === "paused") {
        m.stepSyscall();
        targetNs = m.nowNs;
        void fetchCode(m);
        schedule(0);
      }
      return;
    case "log":
      self.postMessage({ type: "log", log: m.log, nowNs: m.nowNs });
      return;
    case "query":
      void answer(m, message);
      return;
    case "watch":
      frames?.watchPackets(message.packets);
  }
}

/** Nobody asks before the first prompt: the code that answers comes with the first question. */
async function answer(m: Machine, { id, query }: PageMessage & { type: "query" }): Promise<void> {
  const { inspect } = await import("./inspect.ts");
  const found = inspect(m.kernel, query);
  self.postMessage({ type: "answer", id, answer: found }, found.kind === "file" ? [found.bytes.buffer as ArrayBuffer] : []);
}

function schedule(ms: number): void {
  if (stopped) return;
  clearTimeout(timer);
  timer = setTimeout(tick, ms);
}

function heldBack(): boolean {
  for (const bytes of undrawn.values()) if (bytes > UNDRAWN_BYTES) return true;
  return false;
}

function tick(): void {
  if (machine === undefined || frames === undefined || !booted) return;
  const m = machine;
  const start = performance.now();
  const elapsedMs = Math.min(start - lastMs, MAX_STEP_MS);
  lastMs = start;
  if (pace.kind !== "paused" && !heldBack() && !loading) advance(m, elapsedMs, start);
  const frame = frames.build(pace, achieved);
  for (const { terminal, bytes } of frame.output) undrawn.set(terminal, (undrawn.get(terminal) ?? 0) + bytes.length);
  self.postMessage(
    frame,
    frame.output.map((o) => o.bytes.buffer as ArrayBuffer),
  );
  if (m.kernel.panic !== undefined) {
    stopped = true;
    self.postMessage({ type: "panic", text: m.kernel.panic, log: m.log });
    return;
  }
  schedule(Math.max(0, FRAME_MS - (performance.now() - start)));
}

function advance(m: Machine, elapsedMs: number, startMs: number): void {
  const before = m.nowNs;
  if (pace.kind === "asap") {
    // As fast as the events come, but an idle machine does not race through empty time.
    targetNs = before + 1e9;
  } else if (pace.kind === "speed") targetNs += Math.round(elapsedMs * 1e6 * pace.factor);
  const end = startMs + BUDGET_MS;
  if (m.run(targetNs, () => performance.now() > end) === "stalled") void fetchCode(m);
  const gone = m.nowNs - before;
  // What could not be done in time is not owed: the virtual clock is slower, the page is not.
  if (m.nowNs < targetNs) targetNs = m.nowNs;
  if (elapsedMs > 0) achieved = achieved * 0.9 + (gone / (elapsedMs * 1e6)) * 0.1;
}

/** Fetches what a system call waits for. Offline, the visitor sees the clock stand still; the next frame tries again. */
async function fetchCode(m: Machine): Promise<void> {
  const wanted = m.kernel.stalledFor;
  if (wanted === undefined) return;
  loading = true;
  if (booted) await promptDrawn;
  try {
    await (wanted.kind === "program" ? loadProgram(wanted.name, wanted.argv) : loadLater());
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  loading = false;
  schedule(0);
}
