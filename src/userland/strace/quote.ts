/** Strings and buffers between quotes as strace writes them: C escapes, octal for the rest, `...` after a cut. */

import { encodeUtf8 } from "../../abi/utf8.ts";

/** Hexadecimal escapes: never, where the text has bytes that cannot be printed (-x), always (-xx). */
export type HexMode = 0 | 1 | 2;

const letters: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\" };

export function quoteBytes(bytes: Uint8Array, max: number, hex: HexMode, more = bytes.length > max): string {
  const shown = bytes.length > max ? bytes.subarray(0, max) : bytes;
  const strange = shown.some((b) => (b < 32 && !(b >= 9 && b <= 13)) || b > 126);
  let text = "";
  if (hex === 2 || (hex === 1 && strange)) for (const b of shown) text += `\\x${b.toString(16).padStart(2, "0")}`;
  else {
    for (const [i, b] of shown.entries()) {
      const letter = letters[b];
      if (letter !== undefined) text += letter;
      else if (b >= 32 && b <= 126) text += String.fromCharCode(b);
      else {
        const next = shown[i + 1];
        // As short as it may be: a digit that follows would be taken for part of the number.
        const octal = b.toString(8);
        text += `\\${next !== undefined && next >= 48 && next <= 57 ? octal.padStart(3, "0") : octal}`;
      }
    }
  }
  return `"${text}"${more ? "..." : ""}`;
}

export const quoteText = (text: string, max: number, hex: HexMode): string => quoteBytes(encodeUtf8(text), max, hex);
