/**
 * File content: a rope of extents over immutable or privately owned chunks, shared by copy-on-write. Stands for the page cache
 * pages of a file (Linux `mm/shmem.c`) and for reflinks (copy_file_range(2)).
 *
 * An extent is real bytes, allocated zeros (fallocate, written zeros: they weigh nothing on the host), or synthetic: bytes
 * computed from a seed, so that an image weighs megabytes inside and nothing outside. What no extent covers is a hole.
 * Synthetic blocks are recognised when they are written, too: a layer that came over the network takes no room either.
 *
 * Differs from Linux: pages of such blocks are not charged as memory of the one who wrote them.
 */

import {
  fillPacked,
  fillSynthetic,
  looksSynthetic,
  recogniseSynthetic,
  SYNTHETIC_LOOK_BYTES,
  type SyntheticPage,
} from "../../abi/synthetic.ts";
import { PAGE_SIZE } from "../params.ts";

/** Chunks grow up to it by doubling while a file is appended to. */
const CHUNK_BYTES = 65_536;
const COPY_LOOP_BYTES = 48;

interface Chunk {
  bytes: Uint8Array;
  /** Extents that refer to it; with one alone it may be written in place. */
  refs: number;
}

interface Extent {
  readonly kind: "bytes" | "zero" | "synthetic" | "packed";
  readonly start: number;
  /** Bytes; grows only while the extent is the tail of its file. */
  length: number;
  /** Of `bytes` extents. */
  readonly chunk: Chunk | undefined;
  /** Where the extent begins in its chunk, or in its synthetic stream. */
  readonly at: number;
  /** Of `synthetic` extents, and of `packed` ones, which hold the compressed form of such a stream. */
  readonly seed: number;
}

/** How many real bytes all contents of a machine keep in the visitor's browser. */
export class ContentStore {
  /** Written by Content. */
  hostBytes = 0;

  constructor(readonly limitBytes: number) {}

  /** Whether `bytes` more may be kept. */
  hasRoom(bytes: number): boolean {
    return this.hostBytes + bytes <= this.limitBytes;
  }
}

/** Pages of a range: with anything in them, and with memory behind them (all but synthetic ones). */
export interface PageCount {
  readonly allocated: number;
  readonly resident: number;
}

/** The first bytes of a page that was written before. */
const pageStart = new Uint8Array(SYNTHETIC_LOOK_BYTES);

const isSynthetic = (e: Extent): boolean => e.kind === "synthetic" || e.kind === "packed";

const pageFloor = (n: number): number => n - (n % PAGE_SIZE);
const pageCeil = (n: number): number => Math.ceil(n / PAGE_SIZE) * PAGE_SIZE;

export class Content {
  private extents: Extent[] = [];
  private length = 0;
  /** Pages that hold anything, for st_blocks and the size of the filesystem. */
  allocatedPages = 0;
  /** Pages that are charged as memory. */
  residentPages = 0;

  constructor(private readonly store: ContentStore) {}

  get size(): number {
    return this.length;
  }

  /** Copies bytes from `at` on into `buf`; returns how many, 0 at or after the end. */
  read(buf: Uint8Array, at: number): number {
    const count = Math.min(buf.length, this.length - at);
    if (count <= 0) return 0;
    const end = at + count;
    let pos = at;
    for (let i = this.find(at); pos < end; i++) {
      const e = this.extents[i];
      if (e === undefined || e.start >= end) {
        buf.fill(0, pos - at, count);
        break;
      }
      if (e.start > pos) {
        buf.fill(0, pos - at, e.start - at);
        pos = e.start;
      }
      const upTo = Math.min(end, e.start + e.length);
      copyExtent(e, pos - e.start, buf, pos - at, upTo - pos);
      pos = upTo;
    }
    return count;
  }

  /** Writes all of `buf` at `at`; a gap before it becomes a hole. Room was made sure of by the caller. */
  write(buf: Uint8Array, at: number): void {
    const inPage = at % PAGE_SIZE;
    if (inPage + buf.length >= PAGE_SIZE) this.writePages(buf, at, inPage);
    else this.writeBytes(buf, at);
  }

  /** Writes what fills at least one page. Full pages that are blocks of a synthetic stream are kept as such. */
  private writePages(buf: Uint8Array, at: number, inPage: number): void {
    // What of `buf` up to here is written.
    let done = 0;
    let from = 0;
    if (inPage > 0) {
      from = PAGE_SIZE - inPage;
      const page = at - inPage;
      this.read(pageStart, page);
      for (let i = inPage; i < SYNTHETIC_LOOK_BYTES; i++) pageStart[i] = buf[i - inPage] as number;
      if (looksSynthetic(pageStart, 0)) {
        const whole = new Uint8Array(PAGE_SIZE);
        this.read(whole.subarray(0, inPage), page);
        whole.set(buf.subarray(0, from), inPage);
        const found = recogniseSynthetic(whole, 0);
        if (found !== undefined) {
          this.writeSynthetic(page, found);
          done = from;
        }
      }
    }
    for (; from + PAGE_SIZE <= buf.length; from += PAGE_SIZE) {
      if (!looksSynthetic(buf, from)) continue;
      const found = recogniseSynthetic(buf, from);
      if (found === undefined) continue;
      if (done < from) this.writeBytes(buf.subarray(done, from), at + done);
      this.writeSynthetic(at + from, found);
      done = from + PAGE_SIZE;
    }
    if (done < buf.length) this.writeBytes(done === 0 ? buf : buf.subarray(done), at + done);
  }

  /** Makes the page at `start` a block of a synthetic stream; the next of its neighbour before it, as in a stream that is written, only prolongs that. */
  private writeSynthetic(start: number, { kind, seed, at }: SyntheticPage): void {
    const end = start + PAGE_SIZE;
    const last = this.extents[this.extents.length - 1];
    if (last?.kind === kind && last.start + last.length === start && last.seed === seed && last.at + last.length === at) {
      last.length += PAGE_SIZE;
      this.allocatedPages += 1;
    } else this.replace(start, end, [{ kind, start, length: PAGE_SIZE, chunk: undefined, at, seed }]);
    if (end > this.length) this.length = end;
    this.joinTail();
  }

  /** Joins the last two extents where they are one stretch of a synthetic stream: what arrived in pieces that straddle pages. */
  private joinTail(): void {
    const { extents } = this;
    const b = extents[extents.length - 1];
    const a = extents[extents.length - 2];
    if (a === undefined || b === undefined || a.kind !== b.kind || !isSynthetic(a) || a.seed !== b.seed) return;
    if (a.start + a.length !== b.start || a.at + a.length !== b.at) return;
    a.length += b.length;
    extents.pop();
  }

  private writeBytes(buf: Uint8Array, at: number): void {
    if (buf.length === 0) return;
    const end = at + buf.length;
    const last = this.extents[this.extents.length - 1];
    if (last !== undefined && last.start + last.length === at && last.kind === "bytes" && this.append(last, buf)) {
      this.notePages(pageCeil(at), pageCeil(end));
    } else if (buf.length >= PAGE_SIZE && isZero(buf)) {
      this.replace(at, end, [{ kind: "zero", start: at, length: buf.length, chunk: undefined, at: 0, seed: 0 }]);
    } else if (!this.overwrite(buf, at)) {
      const appending = last !== undefined && last.start + last.length === at;
      const from = appending ? at : pageFloor(at);
      const to = Math.min(pageCeil(end), Math.max(this.length, end));
      const bytes = new Uint8Array(to - from);
      if (from < at) this.read(bytes.subarray(0, at - from), from);
      if (to > end) this.read(bytes.subarray(end - from), end);
      bytes.set(buf, at - from);
      this.replace(from, to, [{ kind: "bytes", start: from, length: bytes.length, chunk: this.newChunk(bytes), at: 0, seed: 0 }]);
    }
    if (end > this.length) this.length = end;
  }

  /** Sets the size: cuts, or extends by a hole. */
  truncate(length: number): void {
    this.replace(length, Number.POSITIVE_INFINITY, []);
    this.length = length;
    const last = this.extents[this.extents.length - 1];
    if (
      last?.chunk !== undefined &&
      last.chunk.refs === 1 &&
      last.chunk.bytes.length > CHUNK_BYTES &&
      last.length < last.chunk.bytes.length / 4
    ) {
      const chunk = this.newChunk(last.chunk.bytes.slice(last.at, last.at + last.length));
      this.unref(last);
      this.extents[this.extents.length - 1] = { ...last, chunk, at: 0 };
      chunk.refs = 1;
    }
  }

  /** Makes a hole of the whole pages in a range; parts of pages at its ends become zeros. The size stays. */
  punch(from: number, to: number): void {
    const first = pageCeil(from);
    const last = pageFloor(to);
    if (first > last) {
      this.zero(from, to);
      return;
    }
    this.zero(from, first);
    this.replace(first, last, []);
    this.zero(last, to);
  }

  /** Puts zeros in the place of what is allocated in a range. */
  private zero(from: number, to: number): void {
    for (let i = this.find(from); i < this.extents.length; i++) {
      const e = this.extents[i] as Extent;
      if (e.start >= to) return;
      const start = Math.max(e.start, from);
      const end = Math.min(e.start + e.length, to);
      if (e.kind === "zero" || start >= end) continue;
      this.replace(start, end, [{ kind: "zero", start, length: end - start, chunk: undefined, at: 0, seed: 0 }]);
      i = this.find(end) - 1;
    }
  }

  /** Allocates what is not: holes in the range become allocated zeros. The size stays. */
  allocate(from: number, to: number): void {
    const zeros: [number, number][] = [];
    let pos = from;
    for (let i = this.find(from); pos < to; i++) {
      const e = this.extents[i];
      const start = e === undefined ? to : Math.min(e.start, to);
      if (start > pos) zeros.push([pos, start]);
      if (e === undefined) break;
      pos = Math.max(pos, e.start + e.length);
    }
    for (const [start, end] of zeros)
      this.replace(start, end, [{ kind: "zero", start, length: end - start, chunk: undefined, at: 0, seed: 0 }]);
  }

  /** Appends `length` bytes that are computed from `seed` and are never kept. */
  appendSynthetic(seed: number, length: number): void {
    if (length <= 0) return;
    const start = this.length;
    this.replace(start, start + length, [{ kind: "synthetic", start, length, chunk: undefined, at: start, seed: seed >>> 0 }]);
    this.length = start + length;
  }

  /** Makes `[to, to + length)` the same as `[from, from + length)` of `source`, which must lie within its size, without copying. */
  cloneRange(source: Content, from: number, length: number, to: number): void {
    const shared: Extent[] = [];
    for (let i = source.find(from); i < source.extents.length; i++) {
      const e = source.extents[i] as Extent;
      if (e.start >= from + length) break;
      const start = Math.max(e.start, from);
      const end = Math.min(e.start + e.length, from + length);
      shared.push(cut(e, start, end, to - from));
    }
    this.replace(to, to + length, shared);
    if (to + length > this.length) this.length = to + length;
  }

  /** The first byte from `at` on that is no hole; undefined after the last. SEEK_DATA. */
  seekData(at: number): number | undefined {
    const e = this.extents[this.find(at)];
    if (e === undefined || pageFloor(e.start) >= this.length) return undefined;
    return Math.max(at, pageFloor(e.start));
  }

  /** The first hole from `at` on; the end of the file counts as one. SEEK_HOLE. */
  seekHole(at: number): number {
    let pos = at;
    for (let i = this.find(at); i < this.extents.length; i++) {
      const e = this.extents[i] as Extent;
      if (pageFloor(e.start) > pos) break;
      pos = pageCeil(e.start + e.length);
    }
    return Math.min(pos, this.length);
  }

  /** Pages that touch `[from, to)`. */
  countPages(from: number, to: number): PageCount {
    let allocated = 0;
    let resident = 0;
    // Pages below these were counted.
    let allocatedTo = Math.floor(from / PAGE_SIZE);
    let residentTo = allocatedTo;
    const endPage = Math.ceil(to / PAGE_SIZE);
    for (let i = this.find(pageFloor(from)); i < this.extents.length; i++) {
      const e = this.extents[i] as Extent;
      const first = Math.floor(e.start / PAGE_SIZE);
      if (first >= endPage) break;
      const end = Math.min(Math.ceil((e.start + e.length) / PAGE_SIZE), endPage);
      allocated += Math.max(0, end - Math.max(first, allocatedTo));
      allocatedTo = Math.max(allocatedTo, end);
      if (isSynthetic(e)) continue;
      resident += Math.max(0, end - Math.max(first, residentTo));
      residentTo = Math.max(residentTo, end);
    }
    return { allocated, resident };
  }

  /** Gives everything back. */
  release(): void {
    this.truncate(0);
  }

  // ── Extents ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The index of the first extent that ends after `at`. */
  private find(at: number): number {
    const extents = this.extents;
    let low = 0;
    let high = extents.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const e = extents[middle] as Extent;
      if (e.start + e.length > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private newChunk(bytes: Uint8Array): Chunk {
    this.store.hostBytes += bytes.length;
    return { bytes, refs: 0 };
  }

  private unref(e: Extent): void {
    if (e.chunk !== undefined && --e.chunk.refs === 0) this.store.hostBytes -= e.chunk.bytes.length;
  }

  /** Grows the tail extent in place. Returns false where its chunk is shared or full. */
  private append(last: Extent, buf: Uint8Array): boolean {
    const chunk = last.chunk as Chunk;
    const used = last.at + last.length;
    if (chunk.refs !== 1) return false;
    if (used + buf.length > chunk.bytes.length) {
      if (used + buf.length > CHUNK_BYTES) return false;
      const grown = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(used + buf.length, chunk.bytes.length * 2, 256)));
      grown.set(used === chunk.bytes.length ? chunk.bytes : chunk.bytes.subarray(0, used));
      this.store.hostBytes += grown.length - chunk.bytes.length;
      chunk.bytes = grown;
    }
    copyBytes(buf, 0, chunk.bytes, used, buf.length);
    last.length += buf.length;
    return true;
  }

  /** Pages from one page boundary to another have become resident, none of them was allocated. */
  private notePages(from: number, to: number): void {
    const pages = (to - from) / PAGE_SIZE;
    this.allocatedPages += pages;
    this.residentPages += pages;
  }

  /** Writes where one unshared chunk holds the whole range. Returns false otherwise. */
  private overwrite(buf: Uint8Array, at: number): boolean {
    const e = this.extents[this.find(at)];
    if (e?.chunk === undefined || e.chunk.refs !== 1 || e.start > at || at + buf.length > e.start + e.length) return false;
    copyBytes(buf, 0, e.chunk.bytes, e.at + (at - e.start), buf.length);
    return true;
  }

  /** Puts `extents` in the place of whatever is in `[from, to)`. */
  private replace(from: number, to: number, extents: readonly Extent[]): void {
    for (const e of extents) if (e.chunk !== undefined) e.chunk.refs++;
    const first = this.find(from);
    let after = first;
    while (after < this.extents.length && (this.extents[after] as Extent).start < to) after++;
    if (after === first && extents.length === 0) return;
    const windowEnd = to === Number.POSITIVE_INFINITY ? this.endOfExtents() : to;
    const before = this.countPages(from, windowEnd);
    const parts: Extent[] = [];
    const head = this.extents[first];
    if (after > first && head !== undefined && head.start < from) parts.push(cut(head, head.start, from, 0));
    parts.push(...extents);
    const tail = this.extents[after - 1];
    if (after > first && tail !== undefined && tail.start + tail.length > to) parts.push(cut(tail, to, tail.start + tail.length, 0));
    for (const e of parts) if (e.chunk !== undefined) e.chunk.refs++;
    for (const e of extents) if (e.chunk !== undefined) e.chunk.refs--;
    for (const e of this.extents.splice(first, after - first, ...parts)) this.unref(e);
    const now = this.countPages(from, windowEnd);
    this.allocatedPages += now.allocated - before.allocated;
    this.residentPages += now.resident - before.resident;
  }

  private endOfExtents(): number {
    const last = this.extents[this.extents.length - 1];
    return last === undefined ? 0 : last.start + last.length;
  }
}

/** The part of `e` from `start` to `end` (file offsets), moved by `shift`. */
function cut(e: Extent, start: number, end: number, shift: number): Extent {
  return { kind: e.kind, start: start + shift, length: end - start, chunk: e.chunk, at: e.at + (start - e.start), seed: e.seed };
}

function copyExtent(e: Extent, from: number, buf: Uint8Array, to: number, count: number): void {
  if (e.chunk !== undefined) copyBytes(e.chunk.bytes, e.at + from, buf, to, count);
  else if (e.kind === "zero") buf.fill(0, to, to + count);
  else if (e.kind === "packed") fillPacked(e.seed, e.at + from, buf, to, count);
  else fillSynthetic(e.seed, e.at + from, buf, to, count);
}

/** For a few bytes a loop is faster than making a view. */
function copyBytes(source: Uint8Array, from: number, target: Uint8Array, to: number, count: number): void {
  if (count <= COPY_LOOP_BYTES) for (let i = 0; i < count; i++) target[to + i] = source[from + i] as number;
  else target.set(from === 0 && count === source.length ? source : source.subarray(from, from + count), to);
}

function isZero(buf: Uint8Array): boolean {
  if (buf[0] !== 0 || buf[buf.length - 1] !== 0) return false;
  let i = 0;
  if ((buf.byteOffset & 3) === 0) {
    const words = new Int32Array(buf.buffer, buf.byteOffset, buf.length >> 2);
    for (let w = 0; w < words.length; w++) if (words[w] !== 0) return false;
    i = words.length * 4;
  }
  for (; i < buf.length; i++) if (buf[i] !== 0) return false;
  return true;
}
