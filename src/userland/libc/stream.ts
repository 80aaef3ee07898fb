/** Where bytes come from and go to, whatever carries them: a descriptor, a decompressor, a tar member, memory. */

import type { Proc } from "../../abi/sys.ts";

/** `Input` of stdio.ts is one. */
export interface ByteSource {
  /** The next bytes as they come, undefined at the end. The array stays valid until the next call. May block. */
  read(): Proc<Uint8Array | undefined>;
}

/** `Output` of stdio.ts is one. */
export interface ByteSink {
  /** Takes all of `bytes`; they may be changed afterwards. May block. */
  write(bytes: Uint8Array): Proc<void>;
}

/** Everything up to the end; undefined if that is more than `limit` bytes. Blocks. */
export function* readUpTo(source: ByteSource, limit: number): Proc<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let part = yield* source.read(); part !== undefined; part = yield* source.read()) {
    length += part.length;
    if (length > limit) return undefined;
    parts.push(part.slice());
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A source that cuts another one into exact pieces. */
export class ExactSource {
  private chunk = new Uint8Array(0) as Uint8Array;
  private at = 0;
  /** Bytes delivered so far. */
  position = 0;

  constructor(private readonly source: ByteSource) {}

  /** Fills `buf`; fewer bytes than its length only at the end. */
  *fill(buf: Uint8Array): Proc<number> {
    let n = 0;
    while (n < buf.length) {
      const part = yield* this.some(buf.length - n);
      if (part === undefined) break;
      buf.set(part, n);
      n += part.length;
    }
    return n;
  }

  /** At most `limit` of the next bytes, without copying; undefined at the end. Valid until the next call. */
  *some(limit: number): Proc<Uint8Array | undefined> {
    while (this.at === this.chunk.length) {
      const chunk = yield* this.source.read();
      if (chunk === undefined) return undefined;
      this.chunk = chunk;
      this.at = 0;
    }
    const part = this.chunk.subarray(this.at, Math.min(this.chunk.length, this.at + limit));
    this.at += part.length;
    this.position += part.length;
    return part;
  }

  /** Puts the last bytes delivered back in front. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const rest = this.chunk.subarray(this.at);
    const chunk = new Uint8Array(bytes.length + rest.length);
    chunk.set(bytes);
    chunk.set(rest, bytes.length);
    this.chunk = chunk;
    this.at = 0;
    this.position -= bytes.length;
  }
}
