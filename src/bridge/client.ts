/**
 * The page's end of the bridge: owns the worker that holds the machine, and speaks `messages.ts` with it.
 * Real counterpart: none; this is the serial line between the visitor and the machine.
 */
import type { Answer, InputLog, Pace, PageMessage, Query, SessionConfig, WorkerMessage } from "./messages.ts";

/** What of a Worker is used: tests put a scripted machine in its place. */
export interface WorkerLike {
  postMessage(message: PageMessage): void;
  terminate(): void;
  onmessage: ((event: MessageEvent) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

type Handlers = { readonly [K in Exclude<WorkerMessage["type"], "answer">]: (message: Extract<WorkerMessage, { type: K }>) => void };

/**
 * Starts the worker script: a module, whose later programs are chunks of their own. In a frame with an opaque origin (a sandboxed iframe) the
 * server's script is cross-origin and refused; a worker from a blob is not, and it may load the script classically.
 */
export function spawnWorker(url: string): Worker {
  const absolute = new URL(url, document.baseURI).href;
  if (self.origin !== "null") return new Worker(absolute, { name: "drydock", type: "module" });
  const blob = new Blob([`importScripts(${JSON.stringify(absolute)});`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(blob), { name: "drydock" });
}

export class MachineClient {
  private readonly worker: WorkerLike;
  private readonly handlers: Handlers;
  /** Who waits for the answer to which query. */
  private readonly asked = new Map<number, (answer: Answer) => void>();
  private queries = 0;

  constructor(worker: WorkerLike, handlers: Handlers, onFailure: (text: string) => void) {
    this.worker = worker;
    this.handlers = handlers;
    worker.onmessage = (event) => this.receive(event.data as WorkerMessage);
    worker.onerror = (event) => onFailure(event.message || "the worker could not be started");
  }

  boot(config: SessionConfig, log: InputLog | undefined, untilNs: number | undefined): void {
    this.worker.postMessage({
      type: "boot",
      config,
      ...(log === undefined ? {} : { log }),
      ...(untilNs === undefined ? {} : { untilNs }),
    });
  }

  open(terminal: number, rows: number, cols: number): void {
    this.worker.postMessage({ type: "open", terminal, rows, cols });
  }

  close(terminal: number): void {
    this.worker.postMessage({ type: "close", terminal });
  }

  type(terminal: number, text: string): void {
    this.worker.postMessage({ type: "type", terminal, text });
  }

  resize(terminal: number, rows: number, cols: number): void {
    this.worker.postMessage({ type: "resize", terminal, rows, cols });
  }

  /** Tells that bytes have been drawn, so that more may come. */
  acknowledge(terminal: number, bytes: number): void {
    this.worker.postMessage({ type: "drawn", terminal, bytes });
  }

  setPace(pace: Pace): void {
    this.worker.postMessage({ type: "pace", pace });
  }

  step(): void {
    this.worker.postMessage({ type: "step" });
  }

  /** Answered by a `log` message. */
  requestLog(): void {
    this.worker.postMessage({ type: "log" });
  }

  /** Whether frames tell of single packets. */
  watchPackets(packets: boolean): void {
    this.worker.postMessage({ type: "watch", packets });
  }

  /** Never settles once the machine has ended. */
  ask(query: Query): Promise<Answer> {
    const id = this.queries++;
    this.worker.postMessage({ type: "query", id, query });
    return new Promise((resolve) => this.asked.set(id, resolve));
  }

  /** Ends the machine; nothing more is heard from it. */
  end(): void {
    this.worker.onmessage = null;
    this.worker.onerror = null;
    this.worker.terminate();
  }

  private receive(message: WorkerMessage): void {
    if (message.type === "answer") {
      this.asked.get(message.id)?.(message.answer);
      this.asked.delete(message.id);
      return;
    }
    const handler = this.handlers[message.type] as (message: WorkerMessage) => void;
    handler(message);
  }
}
