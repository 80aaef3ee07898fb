/**
 * The gzip format: RFC 1952, as a streaming source and sink. Deflate itself is fflate's; headers, CRC-32, lengths, several
 * members and trailing garbage are handled here.
 *
 * Differs from Linux: compressed bytes are fflate's, not zlib's, so sizes differ by a few per cent; any inflater reads them.
 */

import { Deflate, Inflate } from "fflate";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { type ByteSink, type ByteSource, ExactSource } from "./stream.ts";

/** User CPU time a byte: of a 2 GHz machine running zlib. */
const INFLATE_NS_PER_BYTE = 4;
const DEFLATE_NS_PER_BYTE = [0, 12, 14, 18, 22, 28, 36, 44, 70, 90] as const;
/** Compressed bytes given to the inflater at once; they become at most 1000 times as many. Each time costs it a new window of 160 KB. */
const STEP = 32_768;

const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;

/** Why a stream cannot be decompressed; the words are gzip's. */
export class GzipError {
  constructor(
    readonly kind: "format" | "eof" | "crc" | "length" | "data",
    readonly message: string,
  ) {}
}

export interface GzipHeader {
  /** Original file name; undefined where none is stored. */
  readonly name?: string;
  /** Seconds; 0 where none is stored. */
  readonly mtime: number;
}

const crcTable = new Int32Array(256).map((_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

/** CRC-32 of `bytes` appended to what gave `crc`; start with 0. */
export function crc32(bytes: Uint8Array, crc = 0): number {
  let c = ~crc;
  for (let i = 0; i < bytes.length; i++) c = (c >>> 8) ^ (crcTable[(c ^ (bytes[i] as number)) & 0xff] as number);
  return ~c >>> 0;
}

/** What fflate keeps in an Inflate (version 0.8.3, pinned): whether the last block is complete, and the input it left. */
interface InflateState {
  readonly s: { readonly f?: number; readonly l?: unknown; readonly p?: number };
  readonly p: Uint8Array;
}

/** Decompresses all members of a gzip stream, as far as they are good. read() throws GzipError. */
export class GunzipSource implements ByteSource {
  private readonly source: ExactSource;
  private inflate: Inflate | undefined;
  private output: Uint8Array[] = [];
  private crc = 0;
  private size = 0;
  private members = 0;
  private ended = false;
  /** Of the first member, once something was read. */
  header: GzipHeader | undefined;
  /** What follows the last member is no gzip member (and not just zeros). */
  trailingGarbage = false;
  /** Bytes of the last member's header and trailer. */
  frameBytes = 0;
  /** Of the last member: the values of its trailer. */
  lastCrc = 0;

  constructor(
    private readonly sys: Sys,
    source: ByteSource,
  ) {
    this.source = new ExactSource(source);
  }

  /** Compressed bytes used so far. */
  get bytesIn(): number {
    return this.source.position;
  }

  *read(): Proc<Uint8Array | undefined> {
    for (;;) {
      const out = this.output.shift();
      if (out !== undefined) {
        this.crc = crc32(out, this.crc);
        this.size += out.length;
        yield* this.sys.spend(out.length * INFLATE_NS_PER_BYTE);
        return out;
      }
      if (this.ended) return undefined;
      if (this.inflate === undefined) {
        if (!(yield* this.startMember())) {
          this.ended = true;
          return undefined;
        }
      } else yield* this.step(this.inflate);
    }
  }

  /** Whether another member begins; reads its header. */
  private *startMember(): Proc<boolean> {
    const fixed = new Uint8Array(10);
    const start = this.source.position;
    let n = yield* this.source.fill(fixed);
    while (this.members > 0 && n > 0 && fixed[0] === 0) {
      // Zeros after a member are padding of a tape.
      const rest = fixed.findIndex((b, i) => b !== 0 && i < n);
      this.source.unread(rest < 0 ? new Uint8Array(0) : fixed.slice(rest, n));
      n = yield* this.source.fill(fixed);
    }
    if (n === 0 && this.members > 0) return false;
    if (n < 2 || fixed[0] !== 0x1f || fixed[1] !== 0x8b) {
      if (this.members === 0) {
        if (n < 2) throw new GzipError("eof", "unexpected end of file");
        throw new GzipError("format", "not in gzip format");
      }
      this.trailingGarbage = true;
      return false;
    }
    if (n < 10) throw new GzipError("eof", "unexpected end of file");
    if (fixed[2] !== 8) throw new GzipError("format", `unknown method ${fixed[2]} -- not supported`);
    const flags = fixed[3] as number;
    if (flags & FEXTRA) {
      const length = yield* this.exactly(2);
      yield* this.exactly((length[0] as number) | ((length[1] as number) << 8));
    }
    const name = flags & FNAME ? yield* this.string() : undefined;
    if (flags & FCOMMENT) yield* this.string();
    if (flags & FHCRC) yield* this.exactly(2);
    this.frameBytes = this.source.position - start + 8;
    const mtime = new DataView(fixed.buffer).getUint32(4, true);
    this.header ??= name === undefined ? { mtime } : { name, mtime };
    this.members++;
    this.crc = 0;
    this.size = 0;
    this.inflate = new Inflate((chunk) => {
      if (chunk.length > 0) this.output.push(chunk);
    });
    return true;
  }

  private *step(inflate: Inflate): Proc<void> {
    const state = inflate as unknown as InflateState;
    if (state.s.f && !state.s.l) {
      yield* this.endMember(state);
      return;
    }
    const chunk = yield* this.source.some(STEP);
    if (chunk === undefined) throw new GzipError("eof", "unexpected end of file");
    try {
      inflate.push(chunk.slice());
    } catch {
      throw new GzipError("data", "invalid compressed data--format violated");
    }
  }

  private *endMember(state: InflateState): Proc<void> {
    this.inflate = undefined;
    this.source.unread(state.p.subarray(state.s.p ? 1 : 0));
    const trailer = yield* this.exactly(8);
    const v = new DataView(trailer.buffer);
    this.lastCrc = v.getUint32(0, true);
    if (this.lastCrc !== this.crc) throw new GzipError("crc", "invalid compressed data--crc error");
    if (v.getUint32(4, true) !== this.size % 2 ** 32) throw new GzipError("length", "invalid compressed data--length error");
  }

  private *exactly(length: number): Proc<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    if ((yield* this.source.fill(bytes)) < length) throw new GzipError("eof", "unexpected end of file");
    return bytes;
  }

  private *string(): Proc<string> {
    const bytes: number[] = [];
    for (;;) {
      const b = (yield* this.exactly(1))[0] as number;
      if (b === 0) return decodeUtf8(Uint8Array.from(bytes));
      bytes.push(b);
    }
  }
}

/** Compresses what is written to it into one gzip member; finish() writes the rest. */
export class GzipSink implements ByteSink {
  private readonly deflate: Deflate;
  private output: Uint8Array[];
  private crc = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** Bytes of header and trailer. */
  readonly frameBytes: number;

  constructor(
    private readonly sys: Sys,
    private readonly sink: ByteSink,
    private readonly level = 6,
    header: GzipHeader = { mtime: 0 },
  ) {
    const head = encodeGzipHeader(header, level);
    this.output = [head];
    this.frameBytes = head.length + 8;
    this.deflate = new Deflate({ level: level as 6 }, (chunk) => {
      if (chunk.length > 0) this.output.push(chunk);
    });
  }

  *write(bytes: Uint8Array): Proc<void> {
    this.crc = crc32(bytes, this.crc);
    this.bytesIn += bytes.length;
    yield* this.sys.spend(bytes.length * (DEFLATE_NS_PER_BYTE[this.level] ?? 36));
    this.deflate.push(bytes.slice());
    yield* this.spill();
  }

  *finish(): Proc<void> {
    this.deflate.push(new Uint8Array(0), true);
    const trailer = new Uint8Array(8);
    const v = new DataView(trailer.buffer);
    v.setUint32(0, this.crc, true);
    v.setUint32(4, this.bytesIn % 2 ** 32, true);
    this.output.push(trailer);
    yield* this.spill();
  }

  private *spill(): Proc<void> {
    const chunks = this.output;
    this.output = [];
    for (const chunk of chunks) {
      this.bytesOut += chunk.length;
      yield* this.sink.write(chunk);
    }
  }
}

function encodeGzipHeader(header: GzipHeader, level: number): Uint8Array {
  const name = header.name === undefined ? new Uint8Array(0) : encodeUtf8(`${header.name}\0`);
  const bytes = new Uint8Array(10 + name.length);
  bytes.set([0x1f, 0x8b, 8, header.name === undefined ? 0 : FNAME]);
  const mtime = header.mtime >= 0 && header.mtime < 2 ** 32 ? header.mtime : 0;
  new DataView(bytes.buffer).setUint32(4, mtime, true);
  bytes[8] = level === 9 ? 2 : level === 1 ? 4 : 0;
  bytes[9] = 3; // Unix
  bytes.set(name, 10);
  return bytes;
}
