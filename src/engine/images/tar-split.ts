/**
 * What it takes to write a layer's tar archive again, byte for byte, from the files that were unpacked of it: everything in it but the
 * contents of files, as JSON lines. The format of vbatts/tar-split, which moby keeps as `tar-split.json.gz`.
 */

import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { encodeBase64 } from "../../userland/libc/base64.ts";
import type { ByteSink, ByteSource } from "../../userland/libc/stream.ts";
import { systemError } from "../errors.ts";

const BLOCK = 512;
const SEGMENT = 2;
const FILE = 1;
/** A long name or a pax header above this is not looked into. */
const MAX_EXTENSION = 1 << 20;

/** A line of the file. */
interface SplitEntry {
  readonly type: typeof FILE | typeof SEGMENT;
  readonly name?: string;
  readonly size?: number;
  /** Base64: bytes of the archive, or the CRC-64 of a file's content. */
  readonly payload: string | null;
  readonly position: number;
}

/** Passes an archive through and writes what it learns of it to `packer`. Once read() has given undefined, finish() writes the rest. */
export class TarSplitSource implements ByteSource {
  private readonly state: Splitter;

  constructor(
    private readonly source: ByteSource,
    private readonly packer: ByteSink,
  ) {
    this.state = new Splitter();
  }

  *read(): Proc<Uint8Array | undefined> {
    const chunk = yield* this.source.read();
    if (chunk === undefined) return undefined;
    this.state.feed(chunk);
    yield* this.spill();
    return chunk;
  }

  /** Blocks while it reads what is left. */
  *finish(): Proc<void> {
    while ((yield* this.read()) !== undefined);
    this.state.end();
    yield* this.spill();
  }

  private *spill(): Proc<void> {
    const text = this.state.takeLines();
    if (text !== "") yield* this.packer.write(encodeUtf8(text));
  }
}

/** Cuts an archive into headers and contents as it comes. */
class Splitter {
  private lines = "";
  private position = 0;
  private raw: Uint8Array[] = [];
  private readonly header = new Uint8Array(BLOCK);
  private headerFill = 0;
  /** Bytes that come before the next header: of content, of an extension, of padding; after the end everything. */
  private mode: "header" | "content" | "extension" | "padding" | "rest" = "header";
  private left = 0;
  private padding = 0;
  private name = "";
  private size = 0;
  private crc = new Crc64();
  private extension: Uint8Array[] = [];
  private extensionType = "";
  /** Of extension headers, for the next entry. */
  private longName: string | undefined;
  private longSize: number | undefined;

  feed(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const rest = chunk.length - at;
      const n = this.mode === "rest" ? rest : this.mode === "header" ? Math.min(rest, BLOCK - this.headerFill) : Math.min(rest, this.left);
      const part = chunk.subarray(at, at + n);
      at += n;
      this.take(part);
    }
  }

  private take(part: Uint8Array): void {
    switch (this.mode) {
      case "content":
        this.crc.update(part);
        this.left -= part.length;
        if (this.left === 0) this.endContent();
        return;
      case "header":
        this.header.set(part, this.headerFill);
        this.headerFill += part.length;
        if (this.headerFill < BLOCK) return;
        this.headerFill = 0;
        this.raw.push(this.header.slice());
        this.startEntry();
        return;
      case "rest":
        this.raw.push(part.slice());
        return;
      default:
        this.raw.push(part.slice());
        if (this.mode === "extension") this.extension.push(part.slice());
        this.left -= part.length;
        if (this.left > 0) return;
        if (this.mode === "extension") this.endExtension();
        else this.mode = "header";
    }
  }

  private startEntry(): void {
    const { header } = this;
    if (header.every((byte) => byte === 0)) {
      this.mode = "rest";
      return;
    }
    const type = String.fromCharCode(header[156] as number);
    const size = numberAt(header, 124, 12);
    if ("xgLK".includes(type)) {
      this.extensionType = type;
      this.extension = [];
      this.left = size;
      this.padding = padOf(size);
      this.mode = "extension";
      if (size === 0) this.endExtension();
      return;
    }
    this.name = this.longName ?? nameOf(header);
    this.size = "123456".includes(type) ? 0 : (this.longSize ?? size);
    this.longName = undefined;
    this.longSize = undefined;
    this.flushRaw();
    this.crc = new Crc64();
    this.left = this.size;
    this.padding = padOf(this.size);
    this.mode = "content";
    if (this.size === 0) this.endContent();
  }

  private endContent(): void {
    const payload = this.size === 0 ? null : encodeBase64(this.crc.digest());
    const entry: Omit<SplitEntry, "position"> = { type: FILE, name: this.name, ...(this.size === 0 ? {} : { size: this.size }), payload };
    this.add(entry);
    this.toPadding();
  }

  private endExtension(): void {
    const length = this.extension.reduce((sum, part) => sum + part.length, 0);
    if (length <= MAX_EXTENSION) this.readExtension(decodeUtf8(joined(this.extension, length)));
    this.extension = [];
    this.toPadding();
  }

  private readExtension(text: string): void {
    if (this.extensionType === "L") this.longName = text.replace(/\0[\s\S]*$/, "");
    if (this.extensionType !== "x") return;
    this.longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text)?.[1] ?? this.longName;
    const size = /(?:^|\n)\d+ size=(\d+)\n/.exec(text)?.[1];
    if (size !== undefined) this.longSize = Number(size);
  }

  private toPadding(): void {
    this.left = this.padding;
    this.mode = this.left > 0 ? "padding" : "header";
  }

  /** The archive is over. */
  end(): void {
    if (this.mode === "header" && this.headerFill > 0) this.raw.push(this.header.slice(0, this.headerFill));
    this.flushRaw();
  }

  private flushRaw(): void {
    if (this.raw.length === 0) return;
    const length = this.raw.reduce((sum, part) => sum + part.length, 0);
    this.add({ type: SEGMENT, payload: encodeBase64(joined(this.raw, length)) });
    this.raw = [];
  }

  private add(entry: Omit<SplitEntry, "position">): void {
    this.lines += `${JSON.stringify({ ...entry, position: this.position++ })}\n`;
  }

  takeLines(): string {
    const { lines } = this;
    this.lines = "";
    return lines;
  }
}

/** Where the assembler finds contents. */
export interface ContentStore {
  /** Opens the content of an entry. Errors: those of open(2). */
  open(name: string): Proc<{ read(limit: number): Proc<Uint8Array | undefined>; close(): Proc<void> }>;
}

/** Writes an archive again. `lines` gives the file's text. Errors: systemError where a content is not what it was. Blocks. */
export function* assembleTar(sys: Sys, lines: ByteSource, contents: ContentStore, sink: ByteSink): Proc<void> {
  const reader = new LineReader(lines);
  for (let line = yield* reader.next(); line !== undefined; line = yield* reader.next()) {
    yield* assembleEntry(JSON.parse(line) as SplitEntry, contents, sink);
    yield* sys.spend(line.length);
  }
}

/** Bytes of the archive. Blocks. */
export function* assembledSize(lines: ByteSource): Proc<number> {
  const reader = new LineReader(lines);
  let size = 0;
  for (let line = yield* reader.next(); line !== undefined; line = yield* reader.next()) {
    const entry = JSON.parse(line) as SplitEntry;
    size += entry.type === SEGMENT ? decodedLength(entry.payload ?? "") : (entry.size ?? 0);
  }
  return size;
}

/** The file's lines, decoded. */
class LineReader {
  private rest = "";
  private lines: string[] = [];

  constructor(private readonly source: ByteSource) {}

  *next(): Proc<string | undefined> {
    while (this.lines.length === 0) {
      const chunk = yield* this.source.read();
      if (chunk === undefined) {
        const last = this.rest;
        this.rest = "";
        return last === "" ? undefined : fromLatin1(last);
      }
      // Kept as bytes until a line is whole: a name in UTF-8 may be cut between two chunks.
      this.lines = (this.rest + latin1(chunk)).split("\n");
      this.rest = this.lines.pop() ?? "";
      this.lines.reverse();
    }
    return fromLatin1(this.lines.pop() ?? "");
  }
}

const decodedLength = (base64: string): number => Math.floor((base64.replace(/=+$/, "").length * 3) / 4);

const fromLatin1 = (text: string): string => decodeUtf8(Uint8Array.from(text, (ch) => ch.charCodeAt(0)));

function* assembleEntry(entry: SplitEntry, contents: ContentStore, sink: ByteSink): Proc<void> {
  if (entry.type === SEGMENT) {
    yield* sink.write(decodeBase64(entry.payload ?? ""));
    return;
  }
  let left = entry.size ?? 0;
  if (left === 0) return;
  const file = yield* contents.open(entry.name ?? "");
  const crc = new Crc64();
  try {
    while (left > 0) {
      const part = yield* file.read(left);
      if (part === undefined) break;
      crc.update(part);
      left -= part.length;
      yield* sink.write(part);
    }
  } finally {
    yield* file.close();
  }
  if (left > 0 || encodeBase64(crc.digest()) !== entry.payload)
    throw systemError(`file integrity checksum failed for ${JSON.stringify(entry.name ?? "")}`);
}

const padOf = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function textAt(header: Uint8Array, at: number, length: number): string {
  let end = at;
  while (end < at + length && header[end] !== 0) end++;
  return decodeUtf8(header, at, end);
}

function nameOf(header: Uint8Array): string {
  const prefix = textAt(header, 257, 5) === "ustar" && header[262] === 0 ? textAt(header, 345, 155) : "";
  return prefix === "" ? textAt(header, 0, 100) : `${prefix}/${textAt(header, 0, 100)}`;
}

function numberAt(header: Uint8Array, at: number, length: number): number {
  if ((header[at] as number) & 0x80) {
    let value = (header[at] as number) & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + (header[at + i] as number);
    return value;
  }
  const digits = /^ *([0-7]*)/.exec(textAt(header, at, length))?.[1];
  return digits ? Number.parseInt(digits, 8) : 0;
}

export function decodeBase64(text: string): Uint8Array {
  const clean = text.replace(/[=\s]+$/, "");
  const bytes = new Uint8Array(Math.floor((clean.length * 3) / 4));
  let word = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < clean.length; i++) {
    word = ((word << 6) | (SEXTETS[clean.charCodeAt(i)] ?? 0)) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (word >>> bits) & 0xff;
    }
  }
  return bytes;
}

const SEXTETS = ((): Uint8Array => {
  const table = new Uint8Array(128);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (let i = 0; i < 64; i++) table[alphabet.charCodeAt(i)] = i;
  table["-".charCodeAt(0)] = 62;
  table["_".charCodeAt(0)] = 63;
  return table;
})();

/** CRC-64 with ISO 3309's polynomial, as Go's `crc64.ISO`. */
class Crc64 {
  private high = 0xffffffff | 0;
  private low = 0xffffffff | 0;

  update(bytes: Uint8Array): void {
    let { high, low } = this;
    for (let i = 0; i < bytes.length; i++) {
      const index = (low ^ (bytes[i] as number)) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ (CRC_LOW[index] as number);
      high = (high >>> 8) ^ (CRC_HIGH[index] as number);
    }
    this.high = high;
    this.low = low;
  }

  digest(): Uint8Array {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, ~this.high >>> 0);
    view.setUint32(4, ~this.low >>> 0);
    return bytes;
  }
}

const CRC_HIGH = new Int32Array(256);
const CRC_LOW = new Int32Array(256);
for (let i = 0; i < 256; i++) {
  let high = 0;
  let low = i;
  for (let bit = 0; bit < 8; bit++) {
    const odd = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (odd) high ^= 0xd8000000;
  }
  CRC_HIGH[i] = high;
  CRC_LOW[i] = low;
}
