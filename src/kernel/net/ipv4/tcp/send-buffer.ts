/** Bytes of a stream that were written and not yet sent: the unsent part of Linux's `sk_write_queue`. */

const NOTHING = new Uint8Array(0);

export class SendBuffer {
  private chunks: Uint8Array[] = [];
  /** Index of the first chunk, and bytes of it that are gone. */
  private first = 0;
  private offset = 0;
  length = 0;

  /** The bytes are the buffer's now: nobody may write into them. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.chunks.push(bytes);
    this.length += bytes.length;
  }

  /** Takes the first `count` bytes out; without a copy where they lie in one piece. */
  take(count: number): Uint8Array {
    if (count === 0) return NOTHING;
    const head = this.chunks[this.first] as Uint8Array;
    this.length -= count;
    if (this.offset + count <= head.length) {
      const part = head.subarray(this.offset, this.offset + count);
      this.skip(count);
      return part;
    }
    const joined = new Uint8Array(count);
    for (let at = 0; at < count; ) {
      const chunk = this.chunks[this.first] as Uint8Array;
      const n = Math.min(count - at, chunk.length - this.offset);
      joined.set(chunk.subarray(this.offset, this.offset + n), at);
      this.skip(n);
      at += n;
    }
    return joined;
  }

  private skip(count: number): void {
    this.offset += count;
    if (this.offset < (this.chunks[this.first] as Uint8Array).length) return;
    this.offset = 0;
    this.first++;
    if (this.first < 32 && this.first < this.chunks.length) return;
    this.chunks.splice(0, this.first);
    this.first = 0;
  }

  clear(): void {
    this.chunks = [];
    this.first = 0;
    this.offset = 0;
    this.length = 0;
  }
}
