/**
 * Buffered streams over descriptors: stdio(3). An Output on a terminal is line buffered, otherwise it is flushed at
 * 4096 bytes, on flush() and at the program's end, as in glibc; so the order of output and the moment of SIGPIPE are real.
 */

import { ENOTTY, EINVAL, Errno } from "../../abi/errno.ts";
import { POLLIN } from "../../abi/poll.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";

export const BUFSIZ = 4096;

/** Writes all of `bytes`. Blocks while the reader is slow. */
export function* writeAll(sys: Sys, fd: number, bytes: Uint8Array): Proc<void> {
  let at = 0;
  while (at < bytes.length) at += yield* sys.write(fd, at === 0 ? bytes : bytes.subarray(at));
}

export function* isatty(sys: Sys, fd: number): Proc<boolean> {
  try {
    yield* sys.ioctl(fd, "TCGETS");
    return true;
  } catch (e) {
    if (e === ENOTTY || e === EINVAL) return false;
    throw e;
  }
}

/** A FILE opened for writing. */
export class Output {
  private text = "";
  private chunks: Uint8Array[] = [];
  private size = 0;
  /** Unknown until the first write asks. */
  private mode: "unknown" | "full" | "line" | "none";
  /** What the last write failed with: tells the error of an output from those of inputs. Written by `put`. */
  failure: Errno | undefined;

  constructor(
    private readonly sys: Sys,
    readonly fd: number,
    mode: "auto" | "full" | "line" | "none" = "auto",
  ) {
    this.mode = mode === "auto" ? "unknown" : mode;
  }

  /** Adds text. May flush, so may block. */
  *print(text: string): Proc<void> {
    if (text === "") return;
    if (this.mode === "unknown") yield* this.findMode();
    this.text += text;
    this.size += text.length;
    if (this.mode === "none" || this.size >= BUFSIZ || (this.mode === "line" && text.includes("\n"))) yield* this.flush();
  }

  /** Adds bytes; they are copied if they stay in the buffer. */
  *write(bytes: Uint8Array): Proc<void> {
    if (bytes.length === 0) return;
    if (this.mode === "unknown") yield* this.findMode();
    if (this.mode === "none" || this.size + bytes.length >= BUFSIZ || this.mode === "line") {
      yield* this.flush();
      yield* this.put(bytes);
      return;
    }
    this.spill();
    this.chunks.push(bytes.slice());
    this.size += bytes.length;
  }

  *flush(): Proc<void> {
    if (this.size === 0) return;
    this.spill();
    const chunks = this.chunks;
    this.chunks = [];
    this.size = 0;
    const only = chunks[0];
    yield* this.put(chunks.length === 1 && only !== undefined ? only : concat(chunks));
  }

  /** Writes past the buffer. Blocks while the reader is slow. */
  *put(bytes: Uint8Array): Proc<void> {
    try {
      yield* writeAll(this.sys, this.fd, bytes);
    } catch (e) {
      if (e instanceof Errno) this.failure = e;
      throw e;
    }
  }

  /** Forgets what is buffered: a forked child does so with its parent's buffers. */
  discard(): void {
    this.text = "";
    this.chunks = [];
    this.size = 0;
  }

  private spill(): void {
    if (this.text === "") return;
    this.chunks.push(encodeUtf8(this.text));
    this.text = "";
  }

  private *findMode(): Proc<void> {
    this.mode = (yield* isatty(this.sys, this.fd)) ? "line" : "full";
  }
}

/** A FILE opened for reading. */
export class Input {
  private buffer = new Uint8Array(0);
  private start = 0;
  private end = 0;
  private ended = false;

  constructor(
    private readonly sys: Sys,
    readonly fd: number,
    private readonly blockSize = 65536,
  ) {}

  /** The next bytes as they come, at most one block; undefined at the end. The array stays valid until the next call. */
  *read(): Proc<Uint8Array | undefined> {
    if (this.start === this.end && !(yield* this.fill())) return undefined;
    const bytes = this.buffer.subarray(this.start, this.end);
    this.start = this.end;
    return bytes;
  }

  /** The next line with its delimiter (absent at an unterminated end), as bytes of its own; undefined at the end. */
  *readDelimited(delimiter: number): Proc<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    for (;;) {
      if (this.start === this.end && !(yield* this.fill())) {
        return parts.length === 0 ? undefined : concat(parts);
      }
      const at = this.buffer.subarray(0, this.end).indexOf(delimiter, this.start);
      if (at >= 0) {
        const last = this.buffer.slice(this.start, at + 1);
        this.start = at + 1;
        return parts.length === 0 ? last : concat([...parts, last]);
      }
      parts.push(this.buffer.slice(this.start, this.end));
      this.start = this.end;
    }
  }

  /** The next line without its newline; undefined at the end. */
  *readLine(): Proc<string | undefined> {
    if (this.start < this.end) {
      const at = this.buffer.subarray(0, this.end).indexOf(10, this.start);
      if (at >= 0) {
        const line = decodeUtf8(this.buffer, this.start, at);
        this.start = at + 1;
        return line;
      }
    }
    const bytes = yield* this.readDelimited(10);
    if (bytes === undefined) return undefined;
    return decodeUtf8(bytes, 0, bytes[bytes.length - 1] === 10 ? bytes.length - 1 : bytes.length);
  }

  /** Everything up to the end. */
  *readAll(): Proc<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const part = yield* this.read();
      if (part === undefined) return concat(parts);
      parts.push(part.slice());
    }
  }

  /** Whether a read would not block. */
  *ready(): Proc<boolean> {
    if (this.start < this.end || this.ended) return true;
    return (yield* this.sys.poll([{ fd: this.fd, events: POLLIN, revents: 0 }], 0)) > 0;
  }

  private *fill(): Proc<boolean> {
    if (this.ended) return false;
    if (this.buffer.length === 0) this.buffer = new Uint8Array(this.blockSize);
    const n = yield* this.sys.read(this.fd, this.buffer);
    this.start = 0;
    this.end = n;
    // A terminal may give more after an end-of-file; glibc's streams stay at the end, and so do ours.
    if (n === 0) this.ended = true;
    return n > 0;
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
