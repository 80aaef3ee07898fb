/**
 * Bytes and text. Linux file names, arguments and environment are bytes; inside the machine they are JavaScript
 * strings. A byte that is not valid UTF-8 becomes the lone surrogate U+DC00+byte and turns back into that byte,
 * so every byte string survives the round trip (the scheme of Python's "surrogateescape", PEP 383).
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The text of `bytes`; invalid bytes become lone surrogates U+DC80…U+DCFF. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const length = end - start;
  if (length <= 0) return "";
  if (length <= 64) {
    let ascii = "";
    let i = start;
    for (; i < end; i++) {
      const b = bytes[i] as number;
      if (b >= 0x80) break;
      ascii += String.fromCharCode(b);
    }
    if (i === end) return ascii;
  }
  const slice = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
  try {
    return strict.decode(slice);
  } catch {
    return decodeEscaping(slice);
  }
}

/** How many bytes the well-formed sequence at `i` has; 0 if there is none. */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const b = bytes[i] as number;
  if (b < 0x80) return 1;
  const more = b >= 0xc2 && b <= 0xdf ? 1 : b >= 0xe0 && b <= 0xef ? 2 : b >= 0xf0 && b <= 0xf4 ? 3 : 0;
  if (more === 0 || i + more >= bytes.length) return 0;
  const next = bytes[i + 1] as number;
  if (b === 0xe0 && next < 0xa0) return 0;
  if (b === 0xed && next > 0x9f) return 0;
  if (b === 0xf0 && next < 0x90) return 0;
  if (b === 0xf4 && next > 0x8f) return 0;
  for (let k = 1; k <= more; k++) if (((bytes[i + k] as number) & 0xc0) !== 0x80) return 0;
  return more + 1;
}

function decodeEscaping(bytes: Uint8Array): string {
  let text = "";
  let start = 0;
  let i = 0;
  while (i < bytes.length) {
    const n = sequenceLength(bytes, i);
    if (n > 0) {
      i += n;
      continue;
    }
    if (i > start) text += strict.decode(bytes.subarray(start, i));
    text += String.fromCharCode(0xdc00 + (bytes[i] as number));
    start = ++i;
  }
  return start < i ? text + strict.decode(bytes.subarray(start, i)) : text;
}

/** The bytes of `text`; lone surrogates U+DC80…U+DCFF become the byte that they stand for, other lone ones U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const n = text.length;
  if (n <= 256) {
    let i = 0;
    const small = new Uint8Array(n);
    for (; i < n; i++) {
      const c = text.charCodeAt(i);
      if (c >= 0x80) break;
      small[i] = c;
    }
    if (i === n) return small;
  }
  return /[\udc80-\udcff]/.test(text) ? encodeEscaping(text) : encoder.encode(text);
}

function encodeEscaping(text: string): Uint8Array {
  const out = new Uint8Array(text.length * 3);
  let length = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 0xd800 && c <= 0xdbff) {
      i++; // A high surrogate and what follows it are left to TextEncoder.
      continue;
    }
    if (c < 0xdc80 || c > 0xdcff) continue;
    length += encoder.encodeInto(text.slice(start, i), out.subarray(length)).written;
    out[length++] = c - 0xdc00;
    start = i + 1;
  }
  length += encoder.encodeInto(text.slice(start), out.subarray(length)).written;
  return out.slice(0, length);
}

/** The number of bytes that `text` has in the machine. */
export function byteLength(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return encodeUtf8(text).length;
  return text.length;
}
