/** How getfattr(1) writes values and setfattr(1) reads them: the attr package's `tools/getfattr.c:encode`, `setfattr.c:decode`. */

import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";

export type Encoding = "text" | "hex" | "base64";

/** At most one character in eight is not printable; a final NUL does not count. */
function isPrintableEnough(value: Uint8Array): boolean {
  const size = value[value.length - 1] === 0 ? value.length - 1 : value.length;
  let others = 0;
  for (let i = 0; i < size; i++) if ((value[i] as number) < 0x20 || (value[i] as number) > 0x7e) others++;
  return size >= others * 8;
}

const octal = (c: string): string => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`;

/** As shown after the name; `encoding` undefined chooses text where that can be read. */
export function encodeValue(value: Uint8Array, encoding: Encoding | undefined): string {
  const chosen = encoding ?? (isPrintableEnough(value) ? "text" : "base64");
  if (chosen === "hex") return `0x${[...value].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
  if (chosen === "base64") return `0s${toBase64(value)}`;
  return `"${decodeUtf8(value)
    .replace(/["\\]/g, "\\$&")
    .replace(/[\0\n\r]/g, octal)}"`;
}

/** The bytes that an argument stands for: 0x… hexadecimal, 0s… base64, else text, in quotes or not. Undefined for a bad encoding. */
export function decodeValue(text: string): Uint8Array | undefined {
  if (/^0x/i.test(text)) {
    const digits = text.slice(2).replace(/\s/g, "");
    if (!/^([0-9a-f]{2})*$/i.test(digits)) return undefined;
    return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  }
  if (/^0s/i.test(text)) {
    const letters = text.slice(2).replace(/\s/g, "");
    if (letters.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(letters)) return undefined;
    return fromBase64(letters);
  }
  const inner = /^"(.*)"$/s.exec(text)?.[1] ?? text;
  const unquoted = inner.replace(/\\(?:([0-7]{3})|([\\"]))/g, (_, digits: string | undefined, c: string | undefined) =>
    digits === undefined ? (c as string) : String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return encodeUtf8(unquoted);
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function toBase64(value: Uint8Array): string {
  let text = "";
  for (let i = 0; i < value.length; i += 3) {
    const [a = 0, b = 0, c = 0] = value.subarray(i, i + 3);
    const bits = (a << 16) | (b << 8) | c;
    const letters = [18, 12, 6, 0].map((shift) => LETTERS[(bits >> shift) & 63]).join("");
    text += letters.slice(0, Math.min(value.length - i, 3) + 1).padEnd(4, "=");
  }
  return text;
}

/** `text` has whole groups of four. */
function fromBase64(text: string): Uint8Array {
  const padding = text.length - text.replace(/=+$/, "").length;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let i = 0; i < text.length; i += 4) {
    const bits = [...text.slice(i, i + 4)].reduce((n, letter) => (n << 6) | Math.max(0, LETTERS.indexOf(letter)), 0);
    for (let k = 0; k < 3 && (i / 4) * 3 + k < bytes.length; k++) bytes[(i / 4) * 3 + k] = (bits >> (16 - 8 * k)) & 0xff;
  }
  return bytes;
}
