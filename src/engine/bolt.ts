/**
 * Files of bolt, the key-value store in which the engine keeps networks and volumes: go.etcd.io/bbolt `page.go`, `db.go`. Read and written whole: one bucket,
 * whose entries are in one leaf page with as many pages more as they need. The real engine reads them; of files that the real one has written, inline buckets
 * and trees are read, too.
 */

import { decodeUtf8, encodeUtf8 } from "../abi/utf8.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { optional, readFile } from "../userland/libc/unistd.ts";
import { writeAtomically } from "./files.ts";

const PAGE = 4096;
const PAGE_HEADER = 16;
const ELEMENT = 16;
const MAGIC = 0xed0cdaed;
const VERSION = 2;
const BRANCH = 1;
const LEAF = 2;
const META = 4;
const FREELIST = 0x10;
/** Of a leaf's element: a bucket. */
const IS_BUCKET = 1;
const META_BYTES = 56;
/** As small as a file gets. */
const MIN_BYTES = 8 * PAGE;

type Entry = readonly [key: string, value: Uint8Array];

/** FNV-1a, 64 bits. */
function checksum(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

// ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The bytes of a leaf: header, elements, keys and values. */
function leaf(id: number, entries: readonly (readonly [key: Uint8Array, value: Uint8Array, flags: number])[]): Uint8Array {
  const size = entries.reduce((sum, [key, value]) => sum + ELEMENT + key.length + value.length, PAGE_HEADER);
  const pages = Math.max(1, Math.ceil(size / PAGE));
  const bytes = new Uint8Array(pages * PAGE);
  const view = new DataView(bytes.buffer);
  header(view, 0, id, LEAF, entries.length, pages - 1);
  let at = PAGE_HEADER + ELEMENT * entries.length;
  for (const [i, [key, value, flags]] of entries.entries()) {
    const element = PAGE_HEADER + ELEMENT * i;
    view.setUint32(element, flags, true);
    view.setUint32(element + 4, at - element, true);
    view.setUint32(element + 8, key.length, true);
    view.setUint32(element + 12, value.length, true);
    bytes.set(key, at);
    bytes.set(value, at + key.length);
    at += key.length + value.length;
  }
  return bytes;
}

function header(view: DataView, at: number, id: number, flags: number, count: number, overflow: number): void {
  view.setBigUint64(at, BigInt(id), true);
  view.setUint16(at + 8, flags, true);
  view.setUint16(at + 10, count, true);
  view.setUint32(at + 12, overflow, true);
}

/** The bytes of a file with these entries. */
export function encodeBolt(bucket: string, entries: readonly Entry[]): Uint8Array {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const [rootId, dataId] = [3, 4];
  const data = leaf(
    dataId,
    sorted.map(([key, value]) => [encodeUtf8(key), value, 0]),
  );
  const bucketHeader = new Uint8Array(16);
  new DataView(bucketHeader.buffer).setBigUint64(0, BigInt(dataId), true);
  const root = leaf(rootId, [[encodeUtf8(bucket), bucketHeader, IS_BUCKET]]);
  const used = dataId * PAGE + data.length;
  const bytes = new Uint8Array(Math.max(MIN_BYTES, used));
  const view = new DataView(bytes.buffer);
  for (const id of [0, 1]) {
    const at = id * PAGE;
    header(view, at, id, META, 0, 0);
    const meta = at + PAGE_HEADER;
    for (const [i, value] of [MAGIC, VERSION, PAGE, 0].entries()) view.setUint32(meta + 4 * i, value, true);
    // Root bucket, its sequence, the free list's page, the first page beyond, the transaction.
    for (const [i, value] of [rootId, 0, 2, used / PAGE, id].entries()) view.setBigUint64(meta + 16 + 8 * i, BigInt(value), true);
    view.setBigUint64(meta + META_BYTES, checksum(bytes.subarray(meta, meta + META_BYTES)), true);
  }
  header(view, 2 * PAGE, 2, FREELIST, 0, 0);
  bytes.set(root, rootId * PAGE);
  bytes.set(data, dataId * PAGE);
  return bytes;
}

// ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The entries of a bucket in a file; none for what is no such file. */
export function decodeBolt(bytes: Uint8Array, bucket: string): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<string, Uint8Array>();
  const metas = [0, PAGE].filter((at) => at + PAGE <= bytes.length && view.getUint32(at + PAGE_HEADER, true) === MAGIC);
  if (metas.length === 0) return found;
  const txid = (at: number): bigint => view.getBigUint64(at + PAGE_HEADER + 48, true);
  const meta = metas.reduce((best, at) => (txid(at) > txid(best) ? at : best)) + PAGE_HEADER;

  const walk = (at: number, visit: (key: Uint8Array, value: Uint8Array, flags: number) => void, depth = 0): void => {
    if (at + PAGE_HEADER > bytes.length || depth > 16) return;
    const flags = view.getUint16(at + 8, true);
    for (let i = 0; i < view.getUint16(at + 10, true); i++) {
      const element = at + PAGE_HEADER + ELEMENT * i;
      if ((flags & BRANCH) !== 0) walk(Number(view.getBigUint64(element + 8, true)) * PAGE, visit, depth + 1);
      else {
        const key = element + view.getUint32(element + 4, true);
        const value = key + view.getUint32(element + 8, true);
        visit(bytes.slice(key, value), bytes.slice(value, value + view.getUint32(element + 12, true)), view.getUint32(element, true));
      }
    }
  };
  walk(Number(view.getBigUint64(meta + 16, true)) * PAGE, (key, value, flags) => {
    if (flags !== IS_BUCKET || decodeUtf8(key) !== bucket) return;
    const page = Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true));
    // A small bucket lies in its element, behind its header.
    if (page === 0) for (const [name, content] of decodeInline(value.subarray(16))) found.set(name, content);
    else walk(page * PAGE, (name, content) => found.set(decodeUtf8(name), content));
  });
  return found;
}

function decodeInline(page: Uint8Array): Entry[] {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  return Array.from({ length: view.getUint16(10, true) }, (_, i): Entry => {
    const element = PAGE_HEADER + ELEMENT * i;
    const key = element + view.getUint32(element + 4, true);
    const value = key + view.getUint32(element + 8, true);
    return [decodeUtf8(page.subarray(key, value)), page.slice(value, value + view.getUint32(element + 12, true))];
  });
}

// ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function* readBolt(sys: Sys, path: string, bucket: string): Proc<Map<string, Uint8Array>> {
  const bytes = yield* optional(readFile(sys, path));
  return bytes === undefined ? new Map() : decodeBolt(bytes, bucket);
}

export function* writeBolt(sys: Sys, path: string, bucket: string, entries: readonly Entry[], mode = 0o600): Proc<void> {
  yield* writeAtomically(sys, path, encodeBolt(bucket, entries), mode);
}
