/**
 * Bytes that stand for what the machine does not model (the code of a library, the text of a manual): a stream computed from a seed, so that a file
 * weighs megabytes to everything inside the machine and nothing to the visitor's browser.
 *
 * The stream describes itself: each block says which one of which stream it is. Whoever keeps files can therefore recognise it in what is written to
 * them, wherever the bytes have travelled, and keep the seed in their place. About three eighths of a block vary, the rest are zeros: it compresses as
 * executables do.
 */

export const SYNTHETIC_BLOCK_BYTES = 4096;
/** The first bytes of each block that may be other than zero. */
export const SYNTHETIC_DENSE_BYTES = 1536;
/** The first word of each block, little-endian: "~dry". */
export const SYNTHETIC_MAGIC = 0x7972_647e;

const WORDS = SYNTHETIC_BLOCK_BYTES / 4;
const DENSE_WORDS = SYNTHETIC_DENSE_BYTES / 4;

const block = new Uint32Array(WORDS);
const blockBytes = new Uint8Array(block.buffer);
/** Which block `block` holds. */
let heldSeed = -1;
let heldIndex = -1;

/** Makes `block` the block `index` of the stream of `seed`: magic, seed, index, and a xorshift of both. */
function hold(seed: number, index: number): void {
  if (heldSeed === seed && heldIndex === index) return;
  heldSeed = seed;
  heldIndex = index;
  block[0] = SYNTHETIC_MAGIC;
  block[1] = seed;
  block[2] = index;
  let x = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(index + 1, 0xc2b2_ae35);
  x = (x ^ (x >>> 15)) | 1;
  for (let i = 3; i < DENSE_WORDS; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    block[i] = x;
  }
}

/** The bytes of a stream from `at` on: `count` of them into `buf` from `to` on. */
export function fillSynthetic(seed: number, at: number, buf: Uint8Array, to: number, count: number): void {
  const end = at + count;
  for (let pos = at, out = to; pos < end; ) {
    const index = Math.floor(pos / SYNTHETIC_BLOCK_BYTES);
    const from = pos - index * SYNTHETIC_BLOCK_BYTES;
    const n = Math.min(SYNTHETIC_BLOCK_BYTES - from, end - pos);
    hold(seed >>> 0, index >>> 0);
    buf.set(n === SYNTHETIC_BLOCK_BYTES ? blockBytes : blockBytes.subarray(from, from + n), out);
    pos += n;
    out += n;
  }
}

/** Whether a block may begin at `at`: a look at four bytes. */
export function looksSynthetic(buf: Uint8Array, at: number): boolean {
  return buf[at] === 0x7e && buf[at + 1] === 0x64 && buf[at + 2] === 0x72 && buf[at + 3] === 0x79;
}

const aligned = new Uint32Array(WORDS);
const alignedBytes = new Uint8Array(aligned.buffer);

/** Which block of which stream the bytes at `at` are, every one of them compared; undefined if they are none. */
export function recogniseSynthetic(buf: Uint8Array, at: number): { readonly seed: number; readonly index: number } | undefined {
  if (at + SYNTHETIC_BLOCK_BYTES > buf.length || !looksSynthetic(buf, at)) return undefined;
  alignedBytes.set(buf.subarray(at, at + SYNTHETIC_BLOCK_BYTES));
  const seed = aligned[1] as number;
  const index = aligned[2] as number;
  hold(seed, index);
  for (let i = 3; i < WORDS; i++) if (aligned[i] !== block[i]) return undefined;
  return { seed, index };
}

/** FNV-1a: a seed for the stream of a file, from its name and whatever else tells it from others. */
export function syntheticSeed(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
