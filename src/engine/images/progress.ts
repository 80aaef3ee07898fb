/** What clients are told while something takes long: JSON messages, one a line. moby `pkg/streamformatter`, `pkg/progress`, `pkg/jsonmessage`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { nowMs } from "../../userland/libc/inet.ts";
import type { ByteSink, ByteSource } from "../../userland/libc/stream.ts";
import { isFailure } from "../errors.ts";
import { Mutex } from "../sync.ts";
import { goJson } from "./go-json.ts";

/** A message for the reader, or how far an action has come. */
export type Progress =
  | { readonly id: string; readonly message: string }
  | { readonly id: string; readonly action: string; readonly current?: number; readonly total?: number }
  | { readonly aux: unknown };

/** Whoever is told. */
export interface ProgressOutput {
  report(progress: Progress): Proc<void>;
  /** Nobody listens any more. */
  readonly broken?: boolean;
}

/** Tells nobody. */
export const silent: ProgressOutput = { *report() {} };

/** The answer to a request, as JSON messages. It begins with the first of them: until then a failure may still be answered with a status of its own. */
export class MessageStream implements ProgressOutput {
  private readonly lock: Mutex;
  private sink: ByteSink | undefined;
  /** The client is gone. */
  broken = false;

  constructor(
    sys: Sys,
    /** Sends the head of the answer. */
    private readonly begin: () => Proc<ByteSink>,
  ) {
    this.lock = new Mutex(sys);
  }

  get begun(): boolean {
    return this.sink !== undefined;
  }

  *report(progress: Progress): Proc<void> {
    yield* this.send(messageOf(progress));
  }

  *status(text: string): Proc<void> {
    yield* this.send({ status: text });
  }

  /** A line of text that the client prints as it is. */
  *text(text: string): Proc<void> {
    yield* this.send({ stream: text });
  }

  *error(message: string): Proc<void> {
    yield* this.send({ errorDetail: { message }, error: message });
  }

  /** Any other message. */
  message(message: object): Proc<void> {
    return this.send(message);
  }

  private *send(message: object): Proc<void> {
    yield* this.lock.hold(() => this.write(encodeUtf8(`${goJson(message)}\r\n`)));
  }

  private *write(bytes: Uint8Array): Proc<void> {
    if (this.broken) return;
    try {
      this.sink ??= yield* this.begin();
      yield* this.sink.write(bytes);
    } catch (e) {
      if (!isFailure(e)) throw e;
      this.broken = true;
    }
  }
}

/** A progress as the client gets it; fields as Go omits them. */
function messageOf(progress: Progress): object {
  if ("message" in progress) return { status: progress.message, ...(progress.id === "" ? {} : { id: progress.id }) };
  if ("aux" in progress) return { progressDetail: {}, aux: progress.aux };
  const { id, action, current = 0, total = 0 } = progress;
  const bar = progressBar(current, total);
  return {
    status: action,
    progressDetail: { ...(current === 0 ? {} : { current }), ...(total === 0 ? {} : { total }) },
    ...(bar === "" ? {} : { progress: bar }),
    ...(id === "" ? {} : { id }),
  };
}

/** `[=====>      ]  1.2MB/3.4MB`. */
export function progressBar(current: number, total: number): string {
  if (current <= 0 && total <= 0) return "";
  const now = decimalSize(current).padStart(8);
  if (total <= 0) return now;
  const filled = Math.min(50, Math.floor(Math.trunc((current / total) * 100) / 2));
  const numbers = current > total ? now : `${now}/${decimalSize(total)}`;
  return `[${"=".repeat(filled)}>${" ".repeat(50 - filled)}] ${numbers}`;
}

/** go-units' HumanSize(): four digits, powers of 1000. */
export function decimalSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${Number(size.toPrecision(4))}${units[unit]}`;
}

const UPDATE_BYTES = 512 * 1024;
const UPDATE_MS = 100;

/** Passes bytes on and tells how many, at most ten times a second. */
export class ProgressSource implements ByteSource {
  private current = 0;
  private told = 0;
  private toldMs = Number.NEGATIVE_INFINITY;
  private ended = false;

  constructor(
    private readonly sys: Sys,
    private readonly source: ByteSource,
    private readonly output: ProgressOutput,
    /** 0 if nobody knows. */
    private readonly total: number,
    private readonly id: string,
    private readonly action: string,
  ) {}

  *read(): Proc<Uint8Array | undefined> {
    if (this.ended) return undefined;
    const bytes = yield* this.source.read();
    this.ended = bytes === undefined;
    this.current += bytes?.length ?? 0;
    const every = this.total > 0 ? Math.min(UPDATE_BYTES, Math.trunc(this.total * 0.01)) : UPDATE_BYTES;
    if (this.current - this.told > every || bytes === undefined) {
      yield* this.update(bytes === undefined);
      this.told = this.current;
    }
    return bytes;
  }

  private *update(last: boolean): Proc<void> {
    if (!last && this.current !== this.total) {
      const now = yield* nowMs(this.sys);
      if (now - this.toldMs < UPDATE_MS) return;
      this.toldMs = now;
    }
    yield* this.output.report({ id: this.id, action: this.action, current: this.current, total: this.total });
  }
}
