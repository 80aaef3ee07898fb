/** A first-in first-out queue of bytes that grows up to a limit: what a terminal holds for a reader that is slow. */

const FIRST_SIZE = 1024;

export class ByteQueue {
  private bytes = new Uint8Array(0);
  /** Counts of bytes ever taken and ever added; their difference is the length. */
  private tail = 0;
  private head = 0;

  constructor(private readonly limitBytes: number) {}

  get length(): number {
    return this.head - this.tail;
  }

  get room(): number {
    return this.limitBytes - this.length;
  }

  /** Adds one byte; the caller knows that there is room. */
  push(byte: number): void {
    if (this.length === this.bytes.length) this.grow(1);
    this.bytes[this.head++ & (this.bytes.length - 1)] = byte;
  }

  /** Adds bytes from `start` on as far as there is room; returns how many. */
  pushAll(from: Uint8Array, start: number, end: number): number {
    const n = Math.min(end - start, this.room);
    if (n === 0) return 0;
    if (this.length + n > this.bytes.length) this.grow(n);
    const at = this.head & (this.bytes.length - 1);
    const first = Math.min(n, this.bytes.length - at);
    this.bytes.set(from.subarray(start, start + first), at);
    if (n > first) this.bytes.set(from.subarray(start + first, start + n), 0);
    this.head += n;
    return n;
  }

  /** Copies the first bytes into `to`; returns how many. */
  peek(to: Uint8Array): number {
    const n = Math.min(to.length, this.length);
    if (n === 0) return 0;
    const at = this.tail & (this.bytes.length - 1);
    const first = Math.min(n, this.bytes.length - at);
    to.set(this.bytes.subarray(at, at + first));
    if (n > first) to.set(this.bytes.subarray(0, n - first), first);
    return n;
  }

  /** Drops the first `n` bytes. */
  skip(n: number): void {
    this.tail += n;
    if (this.tail === this.head && this.bytes.length > FIRST_SIZE) this.bytes = new Uint8Array(0);
  }

  /** Moves bytes into `to`; returns how many. */
  take(to: Uint8Array): number {
    const n = this.peek(to);
    this.skip(n);
    return n;
  }

  /** Forgets all but the first `keep` bytes. */
  truncate(keep: number): void {
    this.head = Math.min(this.head, this.tail + keep);
  }

  private grow(more: number): void {
    let size = Math.max(FIRST_SIZE, this.bytes.length);
    while (size < this.length + more) size *= 2;
    const bigger = new Uint8Array(size);
    const length = this.length;
    const mask = this.bytes.length - 1;
    for (let i = 0; i < length; i++) bigger[i] = this.bytes[(this.tail + i) & mask] as number;
    this.bytes = bigger;
    this.tail = 0;
    this.head = length;
  }
}
