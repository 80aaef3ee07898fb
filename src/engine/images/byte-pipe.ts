/** Bytes from one thread to another: Go's io.Pipe with a little room. What writes and what reads need not know of each other. */

import { EPIPE } from "../../abi/errno.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import type { ByteSink, ByteSource } from "../../userland/libc/stream.ts";
import { isFailure } from "../errors.ts";
import { Condition, startThread } from "../sync.ts";

const ROOM_BYTES = 256 * 1024;

class BytePipe implements ByteSource, ByteSink {
  private readonly chunks: Uint8Array[] = [];
  private readonly changed: Condition;
  private queued = 0;
  private ended = false;
  private failure: unknown;
  private abandoned = false;

  constructor(sys: Sys) {
    this.changed = new Condition(sys);
  }

  *write(bytes: Uint8Array): Proc<void> {
    while (this.queued >= ROOM_BYTES && !this.abandoned) yield* this.changed.wait();
    if (this.abandoned) throw EPIPE;
    this.chunks.push(bytes.slice());
    this.queued += bytes.length;
    yield* this.changed.broadcast();
  }

  *read(): Proc<Uint8Array | undefined> {
    while (this.chunks.length === 0 && !this.ended) yield* this.changed.wait();
    const chunk = this.chunks.shift();
    if (chunk === undefined) {
      if (this.failure !== undefined) throw this.failure;
      return undefined;
    }
    this.queued -= chunk.length;
    yield* this.changed.broadcast();
    return chunk;
  }

  /** No more comes; with a `failure` that is what the reader gets. */
  *end(failure?: unknown): Proc<void> {
    this.ended = true;
    this.failure = failure;
    yield* this.changed.broadcast();
  }

  /** Nobody reads any more. */
  *abandon(): Proc<void> {
    this.abandoned = true;
    yield* this.changed.broadcast();
  }

  /** Blocks until the writer has ended. */
  *drained(): Proc<void> {
    while (!this.ended) yield* this.changed.wait();
  }
}

/** What `produce` writes, in a thread of its own, `consume` reads. Returns what that returns. Errors: those of both. Blocks. */
export function* piped<T>(sys: Sys, produce: (sink: ByteSink) => Proc<void>, consume: (source: ByteSource) => Proc<T>): Proc<T> {
  const pipe = new BytePipe(sys);
  yield* startThread(sys, function* () {
    try {
      yield* produce(pipe);
      yield* pipe.end();
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* pipe.end(e);
    }
    return 0;
  });
  try {
    return yield* consume(pipe);
  } finally {
    yield* pipe.abandon();
    yield* pipe.drained();
  }
}
