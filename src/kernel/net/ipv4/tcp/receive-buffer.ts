/** What came in: bytes in order that nobody has read yet (`sk_receive_queue`), and segments after a gap (`out_of_order_queue`). */

import { after, before, seqDiff } from "./seq.ts";

interface Early {
  readonly seq: number;
  readonly endSeq: number;
  readonly payload: Uint8Array;
  readonly fin: boolean;
}

export class ReceiveBuffer {
  private chunks: Uint8Array[] = [];
  private first = 0;
  private offset = 0;
  /** Bytes that can be read. */
  length = 0;
  /** By sequence number; they may overlap. */
  early: Early[] = [];
  /** Bytes in `early`. */
  earlyLength = 0;
  /** The block that grew last, which SACK names first. */
  private latest = 0;

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.chunks.push(bytes);
    this.length += bytes.length;
  }

  /** Copies out as much as there is room for; without `peek` it is read then. */
  read(buf: Uint8Array, peek: boolean): number {
    let at = 0;
    let { first, offset } = this;
    while (at < buf.length && first < this.chunks.length) {
      const chunk = this.chunks[first] as Uint8Array;
      const n = Math.min(buf.length - at, chunk.length - offset);
      buf.set(n === chunk.length ? chunk : chunk.subarray(offset, offset + n), at);
      at += n;
      offset += n;
      if (offset === chunk.length) {
        first++;
        offset = 0;
      }
    }
    if (peek) return at;
    this.length -= at;
    this.first = first;
    this.offset = offset;
    if (first === this.chunks.length) {
      this.chunks = [];
      this.first = 0;
    } else if (first >= 64) {
      this.chunks.splice(0, first);
      this.first = 0;
    }
    return at;
  }

  /** Takes the next piece as it came, for readers inside the kernel. */
  takeChunk(): Uint8Array | undefined {
    const chunk = this.chunks[this.first];
    if (chunk === undefined) return undefined;
    const rest = chunk.subarray(this.offset);
    this.length -= rest.length;
    this.offset = 0;
    this.chunks.splice(0, this.first + 1);
    this.first = 0;
    return rest;
  }

  /** Keeps a segment that came before its turn. */
  insertEarly(seq: number, endSeq: number, payload: Uint8Array, fin: boolean): void {
    this.latest = seq;
    let at = this.early.length;
    while (at > 0 && before(seq, (this.early[at - 1] as Early).seq)) at--;
    const left = this.early[at - 1];
    if (left !== undefined && !after(endSeq, left.endSeq)) return;
    // What lies wholly within the new one is of no use any more.
    let covered = 0;
    for (let next = this.early[at]; next !== undefined && !after(next.endSeq, endSeq); next = this.early[at + covered]) {
      this.earlyLength -= next.payload.length;
      covered++;
    }
    this.early.splice(at, covered, { seq, endSeq, payload, fin });
    this.earlyLength += payload.length;
  }

  /** Moves what has become due to the readable part. Returns the next sequence number, and whether a FIN was among it. */
  advance(rcvNxt: number): { readonly rcvNxt: number; readonly fin: boolean } {
    let next = rcvNxt;
    for (let first = this.early[0]; first !== undefined && !after(first.seq, next); first = this.early[0]) {
      this.early.shift();
      this.earlyLength -= first.payload.length;
      if (!after(first.endSeq, next)) continue;
      this.push(first.payload.subarray(seqDiff(next, first.seq)));
      next = first.endSeq;
      if (first.fin) return { rcvNxt: next, fin: true };
    }
    return { rcvNxt: next, fin: false };
  }

  /** SACK blocks, the latest first, at most `most`. */
  sackBlocks(most: number): readonly (readonly [number, number])[] {
    const blocks: [number, number][] = [];
    for (const { seq, endSeq } of this.early) {
      const last = blocks[blocks.length - 1];
      if (last === undefined || after(seq, last[1])) blocks.push([seq, endSeq]);
      else if (after(endSeq, last[1])) last[1] = endSeq;
    }
    const recent = blocks.findIndex(([start, end]) => !before(this.latest, start) && before(this.latest, end));
    if (recent > 0) blocks.unshift(...blocks.splice(recent, 1));
    return blocks.slice(0, most);
  }

  dropEarly(): void {
    this.early = [];
    this.earlyLength = 0;
  }

  clear(): void {
    this.chunks = [];
    this.first = 0;
    this.offset = 0;
    this.length = 0;
    this.dropEarly();
  }
}
