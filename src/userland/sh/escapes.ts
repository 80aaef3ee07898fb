/** Backslash escapes: of `$'…'`, of `echo -e` and printf's `%b`, and their reverse. */

import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";

/** Turns the escapes of `$'…'` into what they stand for. */
export function ansiUnescape(text: string): string {
  const out = unescape(text);
  // Bytes that were given one by one may be characters together.
  return /[\udc80-\udcff]/.test(out) ? decodeUtf8(encodeUtf8(out)) : out;
}

function unescape(text: string): string {
  return text.replace(/\\(x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|[0-7]{1,3}|c[\s\S]|[\s\S])/g, (all, e: string) => {
    const c = e[0] as string;
    if (c === "x") return e.length === 1 ? all : byteText(Number.parseInt(e.slice(1), 16));
    if (c === "u" || c === "U") return e.length === 1 ? all : String.fromCodePoint(Number.parseInt(e.slice(1), 16));
    if (c >= "0" && c <= "7") return byteText(Number.parseInt(e, 8) & 255);
    if (c === "c" && e.length === 2) return String.fromCharCode(e.charCodeAt(1) & 31);
    return simple[c] ?? all;
  });
}

const simple: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  e: "\x1b",
  E: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "?": "?",
};

/** One byte as text in the machine's encoding. */
export function byteText(byte: number): string {
  return byte < 0x80 ? String.fromCharCode(byte) : String.fromCharCode(0xdc00 + byte);
}
