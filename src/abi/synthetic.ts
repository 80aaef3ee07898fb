/**
 * Bytes that stand for what the machine does not model (the code of a library, the text of a manual): a stream computed from a seed, so that a file
 * weighs megabytes to everything inside the machine and nothing to the visitor's browser.
 *
 * The stream describes itself: each block says which one of which stream it is. Whoever keeps files can therefore recognise it in what is written to
 * them, wherever the bytes have travelled, and keep the seed in their place. About a third of a block varies, the rest are zeros: it compresses as executables
 * do. The compressed form (RFC 1951) describes itself as well: three blocks are a page of it.
 */

export const SYNTHETIC_BLOCK_BYTES = 4096;
/** The first bytes of each block that may be other than zero. */
export const SYNTHETIC_DENSE_BYTES = 1328;
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

// ── The compressed form ──────────────────────────────────────────────────────────────────────────────────────────────

/** Blocks of the stream that one page of its compressed form holds. */
export const PACKED_GROUP_BLOCKS = 3;

/** The zeros of a block as deflate has them (RFC 1951, 3.2.6): one zero, matches of it one byte back, an empty stored block to end on a byte. */
const ZEROS = packZeros(SYNTHETIC_BLOCK_BYTES - SYNTHETIC_DENSE_BYTES);
/** One block, compressed: its dense part stored, and the zeros. */
export const PACKED_BLOCK_BYTES = 5 + SYNTHETIC_DENSE_BYTES + ZEROS.length;

function packZeros(count: number): Uint8Array {
  const bits: number[] = [];
  const low = (value: number, n: number): void => {
    for (let i = 0; i < n; i++) bits.push((value >> i) & 1);
  };
  const code = (value: number, n: number): void => {
    for (let i = n - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  low(0b010, 3); // Not the last block, fixed codes.
  code(0x30, 8); // Literal 0.
  // Matches of 258 bytes, and of 227 to 257 for what those leave.
  let rest = count - 1;
  const match = (symbol: number): void => {
    code(0xc0 + symbol - 280, 8);
  };
  while (rest > 0) {
    const short = Math.ceil(rest / 257);
    if (rest < 227 * short || rest - 258 >= 227 * Math.ceil((rest - 258) / 257)) {
      match(285);
      rest -= 258;
    } else {
      const length = Math.max(227, Math.min(257, rest - 227 * (short - 1)));
      match(284);
      low(length - 227, 5);
      rest -= length;
    }
    code(0, 5); // One byte back.
  }
  code(0, 7); // End of block.
  low(0, 3);
  while (bits.length % 8 !== 0) bits.push(0);
  const bytes = new Uint8Array(bits.length / 8 + 4);
  bits.forEach((bit, i) => {
    bytes[i >> 3] = (bytes[i >> 3] as number) | (bit << (i & 7));
  });
  bytes.set([0, 0, 0xff, 0xff], bits.length / 8);
  return bytes;
}

/** `count` bytes of deflate that say nothing: empty stored blocks, of five bytes, and empty ones of both kinds, of six. For 20 bytes and more. */
export function packNothing(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  const long = count % 5;
  for (let i = 0, at = 0; at < count; i++) {
    bytes.set(i < long ? [2, 0, 0, 0, 0xff, 0xff] : [0, 0, 0, 0xff, 0xff], at);
    at += i < long ? 6 : 5;
  }
  return bytes;
}

const group = new Uint32Array(WORDS);
const groupBytes = new Uint8Array(group.buffer);
let heldGroupSeed = -1;
let heldGroup = -1;
for (let k = 0; k < PACKED_GROUP_BLOCKS; k++) {
  groupBytes.set(
    [0, SYNTHETIC_DENSE_BYTES & 0xff, SYNTHETIC_DENSE_BYTES >> 8, ~SYNTHETIC_DENSE_BYTES & 0xff, (~SYNTHETIC_DENSE_BYTES >> 8) & 0xff],
    k * PACKED_BLOCK_BYTES,
  );
  groupBytes.set(ZEROS, k * PACKED_BLOCK_BYTES + 5 + SYNTHETIC_DENSE_BYTES);
}
groupBytes.set(packNothing(SYNTHETIC_BLOCK_BYTES - PACKED_GROUP_BLOCKS * PACKED_BLOCK_BYTES), PACKED_GROUP_BLOCKS * PACKED_BLOCK_BYTES);

/** Makes `group` the page `page` of the compressed form of the stream of `seed`. */
function holdGroup(seed: number, page: number): void {
  if (heldGroupSeed === seed && heldGroup === page) return;
  heldGroupSeed = seed;
  heldGroup = page;
  for (let k = 0; k < PACKED_GROUP_BLOCKS; k++) {
    hold(seed, (page * PACKED_GROUP_BLOCKS + k) >>> 0);
    groupBytes.set(blockBytes.subarray(0, SYNTHETIC_DENSE_BYTES), k * PACKED_BLOCK_BYTES + 5);
  }
}

/** The bytes of the compressed form of a stream from `at` on: `count` of them into `buf` from `to` on. */
export function fillPacked(seed: number, at: number, buf: Uint8Array, to: number, count: number): void {
  const end = at + count;
  for (let pos = at, out = to; pos < end; ) {
    const page = Math.floor(pos / SYNTHETIC_BLOCK_BYTES);
    const from = pos - page * SYNTHETIC_BLOCK_BYTES;
    const n = Math.min(SYNTHETIC_BLOCK_BYTES - from, end - pos);
    holdGroup(seed >>> 0, page);
    buf.set(n === SYNTHETIC_BLOCK_BYTES ? groupBytes : groupBytes.subarray(from, from + n), out);
    pos += n;
    out += n;
  }
}

// ── Recognition ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** How much of a page `looksSynthetic` looks at, at most. */
export const SYNTHETIC_LOOK_BYTES = 9;

const isMagic = (buf: Uint8Array, at: number): boolean =>
  buf[at] === 0x7e && buf[at + 1] === 0x64 && buf[at + 2] === 0x72 && buf[at + 3] === 0x79;

/** Whether a block, or a page of the compressed form, may begin at `at`: a look at a few bytes. */
export function looksSynthetic(buf: Uint8Array, at: number): boolean {
  const first = buf[at];
  if (first === 0x7e) return isMagic(buf, at);
  return first === 0 && buf[at + 1] === groupBytes[1] && isMagic(buf, at + 5);
}

const aligned = new Uint32Array(WORDS);
const alignedBytes = new Uint8Array(aligned.buffer);

/** A page of a stream, or of its compressed form; `at` is where it begins in that. */
export interface SyntheticPage {
  readonly kind: "synthetic" | "packed";
  readonly seed: number;
  readonly at: number;
}

/** Which page of which stream the 4096 bytes at `at` are, every one of them compared; undefined if they are none. */
export function recogniseSynthetic(buf: Uint8Array, at: number): SyntheticPage | undefined {
  if (at + SYNTHETIC_BLOCK_BYTES > buf.length || !looksSynthetic(buf, at)) return undefined;
  alignedBytes.set(buf.subarray(at, at + SYNTHETIC_BLOCK_BYTES));
  if (alignedBytes[0] === 0) return recognisePacked();
  const seed = aligned[1] as number;
  const index = aligned[2] as number;
  hold(seed, index);
  for (let i = 3; i < WORDS; i++) if (aligned[i] !== block[i]) return undefined;
  return { kind: "synthetic", seed, at: index * SYNTHETIC_BLOCK_BYTES };
}

function recognisePacked(): SyntheticPage | undefined {
  const v = new DataView(aligned.buffer);
  const seed = v.getUint32(9, true);
  const page = v.getUint32(13, true) / PACKED_GROUP_BLOCKS;
  if (!Number.isInteger(page)) return undefined;
  holdGroup(seed, page);
  for (let i = 0; i < WORDS; i++) if (aligned[i] !== group[i]) return undefined;
  return { kind: "packed", seed, at: page * SYNTHETIC_BLOCK_BYTES };
}

/** FNV-1a: a seed for the stream of a file, from its name and whatever else tells it from others. */
export function syntheticSeed(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
