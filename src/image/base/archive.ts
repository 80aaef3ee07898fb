/**
 * A declared layer as the bytes that travel: a tar archive, and that archive compressed by gzip. Nothing of either is kept: every piece of them is made
 * when somebody asks for it, from wherever it begins.
 *
 * The compression knows what it compresses: a synthetic block becomes its dense part, stored, and a run of zeros in fixed Huffman codes; all else is stored.
 */

import {
  fillPacked,
  fillSynthetic,
  PACKED_BLOCK_BYTES,
  PACKED_GROUP_BLOCKS,
  packNothing,
  SYNTHETIC_BLOCK_BYTES,
} from "../../abi/synthetic.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { crc32 } from "../../userland/libc/gzip.ts";
import { concat } from "../../userland/libc/stdio.ts";
import { BLOCKSIZE, DIRTYPE, emptyEntry, LNKTYPE, REGTYPE, SYMTYPE, type TarEntry, TarWriter } from "../../userland/libc/tar.ts";
import { Digester } from "../oci.ts";
import type { TreeEntry } from "./tree.ts";

/** Runs what cannot sleep. */
export function runAtOnce<T>(proc: Proc<T>): T {
  const step = proc[Symbol.iterator]().next();
  if (step.done !== true) throw new Error("it sleeps");
  return step.value;
}

/** A stretch of the archive. */
type Part = { readonly start: number; readonly length: number } & (
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "synthetic"; readonly seed: number; readonly at: number }
);

/** A stretch of the compressed archive. */
type Packed = { readonly start: number; readonly length: number } & (
  | { readonly kind: "frame"; readonly bytes: () => Uint8Array }
  /** A deflate block that holds bytes of the archive as they are. */
  | { readonly kind: "stored"; readonly from: number; readonly count: number }
  /** Single blocks of a synthetic stream. */
  | { readonly kind: "blocks"; readonly seed: number; readonly index: number }
  /** Pages of the compressed form of one, which begin on a page of the compressed archive: a file that keeps it will know them. */
  | { readonly kind: "pages"; readonly seed: number; readonly at: number }
);

/** What identifies the archive and its compressed form. */
export interface Digests {
  readonly diffId: string;
  /** Of the compressed archive. */
  readonly digest: string;
  readonly crc32: number;
}

const MAX_STORED = 65_535;
/** To begin on a page costs half a page of nothing, which is for files of this size. */
const MIN_GROUPED_BLOCKS = 32;
/** Less of nothing cannot be said. */
const MIN_NOTHING_BYTES = 20;
/** Part of what tells archives apart: to be changed with the bytes of synthetic streams, or with how they are compressed. */
const FORM = "2\n";
/** Most that is asked for at once when a whole archive is read. */
const PIECE_BYTES = 262_144;

export class LayerArchive {
  private readonly parts: readonly Part[];
  private readonly packed: readonly Packed[];
  /** Bytes of the archive, and of its compressed form. */
  readonly sizeBytes: number;
  readonly gzipBytes: number;
  private digests: Digests | undefined;

  /** `recorded` are the digests that were worked out before for the archive with this fingerprint, if any. */
  constructor(
    entries: readonly TreeEntry[],
    private readonly recorded: (fingerprint: string) => Digests | undefined,
  ) {
    this.parts = partsOf(entries);
    this.sizeBytes = endOf(this.parts);
    this.packed = packedOf(this.parts, () => this.identify().crc32);
    this.gzipBytes = endOf(this.packed);
  }

  /** Tells archives apart without making their bytes. */
  get fingerprint(): string {
    const digester = new Digester();
    digester.update(encodeUtf8(FORM));
    for (const part of this.parts)
      digester.update(part.kind === "bytes" ? part.bytes : encodeUtf8(`${part.seed} ${part.at} ${part.length}\n`));
    return digester.digest().slice("sha256:".length, "sha256:".length + 20);
  }

  /** Digests: as recorded, otherwise from all the bytes, which takes a while for a large layer. */
  identify(): Digests {
    this.digests ??= this.recorded(this.fingerprint) ?? this.compute();
    return this.digests;
  }

  private compute(): Digests {
    const plain = new Digester();
    let crc = 0;
    for (let at = 0; at < this.sizeBytes; at += PIECE_BYTES) {
      const piece = this.read(at, Math.min(PIECE_BYTES, this.sizeBytes - at));
      plain.update(piece);
      crc = crc32(piece, crc);
    }
    const digests = { diffId: plain.digest(), digest: "", crc32: crc };
    this.digests = digests;
    const packed = new Digester();
    for (let at = 0; at < this.gzipBytes; at += PIECE_BYTES) packed.update(this.readGzip(at, Math.min(PIECE_BYTES, this.gzipBytes - at)));
    return { ...digests, digest: packed.digest() };
  }

  /** Bytes of the archive. */
  read(offset: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    const end = offset + length;
    for (let i = find(this.parts, offset); i < this.parts.length; i++) {
      const part = this.parts[i] as Part;
      if (part.start >= end) break;
      const from = Math.max(part.start, offset);
      const to = Math.min(part.start + part.length, end);
      if (part.kind === "bytes") out.set(part.bytes.subarray(from - part.start, to - part.start), from - offset);
      else fillSynthetic(part.seed, part.at + (from - part.start), out, from - offset, to - from);
    }
    return out;
  }

  /** Bytes of the compressed archive. */
  readGzip(offset: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    const end = offset + length;
    for (let i = find(this.packed, offset); i < this.packed.length; i++) {
      const packed = this.packed[i] as Packed;
      if (packed.start >= end) break;
      const from = Math.max(packed.start, offset);
      const to = Math.min(packed.start + packed.length, end);
      if (packed.kind === "pages") fillPacked(packed.seed, packed.at + (from - packed.start), out, from - offset, to - from);
      else if (packed.kind === "blocks") {
        const first = Math.floor((from - packed.start) / PACKED_BLOCK_BYTES);
        for (let k = first; packed.start + k * PACKED_BLOCK_BYTES < to; k++)
          place(out, offset, packed.start + k * PACKED_BLOCK_BYTES, packBlock(packed.seed, packed.index + k));
      } else {
        const bytes = packed.kind === "frame" ? packed.bytes() : concat([storedHeader(packed.count), this.read(packed.from, packed.count)]);
        place(out, offset, packed.start, bytes);
      }
    }
    return out;
  }
}

/** Copies what of `bytes`, which begin at `start`, lies within `out`, which begins at `offset`. */
function place(out: Uint8Array, offset: number, start: number, bytes: Uint8Array): void {
  const from = Math.max(0, offset - start);
  const to = Math.min(bytes.length, offset + out.length - start);
  if (from < to) out.set(bytes.subarray(from, to), start + from - offset);
}

const endOf = (parts: readonly { readonly start: number; readonly length: number }[]): number => {
  const last = parts[parts.length - 1];
  return last === undefined ? 0 : last.start + last.length;
};

/** The index of the part that holds `at`. */
function find(parts: readonly { readonly start: number; readonly length: number }[], at: number): number {
  let low = 0;
  let high = parts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const part = parts[middle] as Part;
    if (part.start + part.length > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

// ── tar ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function partsOf(entries: readonly TreeEntry[]): Part[] {
  const parts: Part[] = [];
  let pending: Uint8Array[] = [];
  let at = 0;
  const flush = (): void => {
    const bytes = concat(pending);
    pending = [];
    if (bytes.length === 0) return;
    parts.push({ kind: "bytes", start: at, length: bytes.length, bytes });
    at += bytes.length;
  };
  for (const entry of entries) {
    pending.push(headerOf(entry));
    if (entry.kind !== "file") continue;
    pending.push(entry.head);
    const rest = entry.sizeBytes - entry.head.length;
    if (rest > 0) {
      flush();
      parts.push({ kind: "synthetic", start: at, length: rest, seed: entry.seed, at: entry.head.length });
      at += rest;
    }
    pending.push(new Uint8Array((BLOCKSIZE - (entry.sizeBytes % BLOCKSIZE)) % BLOCKSIZE));
  }
  pending.push(new Uint8Array(2 * BLOCKSIZE));
  flush();
  return parts;
}

function headerOf(entry: TreeEntry): Uint8Array {
  const { path, mode, uid, gid, mtimeSec } = entry;
  const common: TarEntry = { ...emptyEntry, name: path, mode, uid, gid, mtime: { sec: mtimeSec, nsec: 0 } };
  const parts: Uint8Array[] = [];
  const writer = new TarWriter(
    {
      *write(bytes) {
        parts.push(bytes.slice());
      },
    },
    "pax",
  );
  runAtOnce(writer.entry({ ...common, ...fieldsOf(entry) }));
  return concat(parts);
}

function fieldsOf(entry: TreeEntry): Partial<TarEntry> {
  switch (entry.kind) {
    case "dir":
      return { type: DIRTYPE, name: `${entry.path}/` };
    case "file":
      return { type: REGTYPE, size: entry.sizeBytes };
    case "symlink":
      return { type: SYMTYPE, linkname: entry.target };
    case "hardlink":
      return { type: LNKTYPE, linkname: entry.target };
  }
}

// ── gzip ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function packedOf(parts: readonly Part[], crc: () => number): Packed[] {
  const packed: Packed[] = [];
  let at = 0;
  const push = <P extends { kind: Packed["kind"]; length: number }>(p: P): void => {
    packed.push({ ...p, start: at } as unknown as Packed);
    at += p.length;
  };
  // Bytes of the archive from `from` to `to` that are to be stored.
  let from = 0;
  let to = 0;
  const store = (): void => {
    for (; from < to; from += MAX_STORED) {
      const count = Math.min(MAX_STORED, to - from);
      push({ kind: "stored", length: count + 5, from, count });
    }
    from = to;
  };
  push({ kind: "frame", length: GZIP_HEADER.length, bytes: () => GZIP_HEADER });
  for (const part of parts) {
    to = part.start + part.length;
    if (part.kind === "bytes") continue;
    const lead = (SYNTHETIC_BLOCK_BYTES - (part.at % SYNTHETIC_BLOCK_BYTES)) % SYNTHETIC_BLOCK_BYTES;
    const blocks = Math.floor((part.length - lead) / SYNTHETIC_BLOCK_BYTES);
    if (blocks <= 0) continue;
    to = part.start + lead;
    store();
    const index = (part.at + lead) / SYNTHETIC_BLOCK_BYTES;
    // Single blocks up to where a page of the compressed form begins, and after the last one.
    const before = Math.min(blocks, (PACKED_GROUP_BLOCKS - (index % PACKED_GROUP_BLOCKS)) % PACKED_GROUP_BLOCKS);
    const groups = blocks < MIN_GROUPED_BLOCKS ? 0 : Math.floor((blocks - before) / PACKED_GROUP_BLOCKS);
    const single = (first: number, count: number): void => {
      if (count > 0) push({ kind: "blocks", length: count * PACKED_BLOCK_BYTES, seed: part.seed, index: first });
    };
    single(index, groups === 0 ? blocks : before);
    if (groups > 0) {
      let nothing = (SYNTHETIC_BLOCK_BYTES - (at % SYNTHETIC_BLOCK_BYTES)) % SYNTHETIC_BLOCK_BYTES;
      if (nothing > 0 && nothing < MIN_NOTHING_BYTES) nothing += SYNTHETIC_BLOCK_BYTES;
      const bytes = packNothing(nothing);
      if (nothing > 0) push({ kind: "frame", length: nothing, bytes: () => bytes });
      const grouped = index + before;
      push({
        kind: "pages",
        length: groups * SYNTHETIC_BLOCK_BYTES,
        seed: part.seed,
        at: (grouped / PACKED_GROUP_BLOCKS) * SYNTHETIC_BLOCK_BYTES,
      });
      single(grouped + groups * PACKED_GROUP_BLOCKS, blocks - before - groups * PACKED_GROUP_BLOCKS);
    }
    from = to + blocks * SYNTHETIC_BLOCK_BYTES;
    to = part.start + part.length;
  }
  store();
  push({
    kind: "frame",
    length: 13,
    bytes: () => {
      const trailer = new Uint8Array(13);
      trailer.set([1, 0, 0, 0xff, 0xff]); // The last block: of nothing.
      const v = new DataView(trailer.buffer);
      v.setUint32(5, crc(), true);
      v.setUint32(9, endOf(parts) % 2 ** 32, true);
      return trailer;
    },
  });
  return packed;
}

/** RFC 1952: deflate, no flags, no time, of unknown origin; as Go's gzip writes it. */
const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);

function storedHeader(count: number): Uint8Array {
  return Uint8Array.of(0, count & 0xff, count >> 8, ~count & 0xff, (~count >> 8) & 0xff);
}

const onePacked = new Uint8Array(PACKED_BLOCK_BYTES);

/** One block of a stream, compressed. Valid until the next call. */
function packBlock(seed: number, index: number): Uint8Array {
  const group = Math.floor(index / PACKED_GROUP_BLOCKS);
  const at = group * SYNTHETIC_BLOCK_BYTES + (index - group * PACKED_GROUP_BLOCKS) * PACKED_BLOCK_BYTES;
  fillPacked(seed, at, onePacked, 0, PACKED_BLOCK_BYTES);
  return onePacked;
}
