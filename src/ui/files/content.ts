/** Bytes of a file as lines to look at. */

/** Lines of hexadecimal, at most. */
const HEX_LINES = 256;
const ROW = 16;

/** Whether it reads as text: no NUL, and hardly anything but UTF-8. */
export function isBinary(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 1024);
  if (head.includes(0)) return true;
  const strange = new TextDecoder().decode(head).match(/[\ufffd\u0001-\u0006\u000e-\u001a]/g)?.length ?? 0;
  return strange > head.length / 10;
}

/** Text with control characters as the pictures that Unicode has for them, and characters that turn the direction as escapes. */
export function renderText(bytes: Uint8Array): string {
  return new TextDecoder()
    .decode(bytes)
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replaceAll("\u007f", "\u2421")
    .replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
}

/** As `hexdump -C`. */
export function renderHex(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length && lines.length < HEX_LINES; at += ROW) {
    const row = [...bytes.subarray(at, at + ROW)];
    const hex = row.map((byte, i) => `${i === 8 ? " " : ""}${byte.toString(16).padStart(2, "0")}`).join(" ");
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(49)} |${text}|`);
  }
  return lines.join("\n");
}
