/** Reads base64, standard or for URLs, as headers carry it. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** What is no letter of the alphabet ends it. */
export function decodeBase64(text: string): Uint8Array {
  const out: number[] = [];
  let word = 0;
  let bits = 0;
  for (const letter of text.replaceAll("-", "+").replaceAll("_", "/")) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) break;
    word = ((word << 6) | value) & 0xffffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push((word >> bits) & 0xff);
  }
  return Uint8Array.from(out);
}
