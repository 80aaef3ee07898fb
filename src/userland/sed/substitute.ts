/** The `s` command on one pattern space, and the text that `l` shows. */

import { encodeUtf8 } from "../../abi/utf8.ts";
import type { Match, Regex } from "../libc/regex.ts";
import type { Substitution } from "./script.ts";

/** The new pattern space, or undefined where nothing was replaced. */
export function substitute(text: string, s: Substitution, regex: Regex): string | undefined {
  let out = "";
  let start = 0;
  let copied = 0;
  let count = 0;
  let lastEnd = -1;
  let replaced = false;
  while (start <= text.length) {
    const match = regex.exec(text, start);
    if (match === undefined) break;
    const empty = match.end === match.start;
    // An empty match right behind the one before does not count: `baaac` with s/a*/x/g is `xbxcx`.
    if (!(empty && match.start === lastEnd)) {
      count++;
      if (count >= s.number) {
        out += text.slice(copied, match.start) + expand(s, match);
        copied = match.end;
        replaced = true;
        if (!s.global) break;
      }
    }
    lastEnd = match.end;
    start = empty ? match.end + ((text.codePointAt(match.end) ?? 0) > 0xffff ? 2 : 1) : match.end;
  }
  return replaced ? out + text.slice(copied) : undefined;
}

function expand(s: Substitution, match: Match): string {
  if (!s.converts) {
    let text = "";
    for (const part of s.parts) text += part.group < 0 ? part.literal : part.literal + (match.groups[part.group] ?? "");
    return text;
  }
  let text = "";
  let mode: "U" | "L" | "" = "";
  let once: "u" | "l" | "" = "";
  const add = (piece: string): void => {
    if (piece === "") return;
    let changed = mode === "U" ? piece.toUpperCase() : mode === "L" ? piece.toLowerCase() : piece;
    if (once !== "") {
      const first = String.fromCodePoint(piece.codePointAt(0) as number);
      changed = (once === "u" ? first.toUpperCase() : first.toLowerCase()) + changed.slice(first.length);
      once = "";
    }
    text += changed;
  };
  for (const part of s.parts) {
    if (part.convert === "U" || part.convert === "L") mode = part.convert;
    else if (part.convert === "E") mode = "";
    else if (part.convert !== "") once = part.convert;
    add(part.literal);
    if (part.group >= 0) add(match.groups[part.group] ?? "");
  }
  return text;
}

const letters: Readonly<Record<number, string>> = { 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 92: "\\\\" };

/** The text unambiguously, as `l` prints it, wrapped at `width` columns (1 or less: not at all). */
export function listed(text: string, width: number): string {
  let out = "";
  let column = 0;
  for (const byte of encodeUtf8(text)) {
    const shown = letters[byte] ?? (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`);
    if (width > 1 && column + shown.length > width - 1) {
      out += "\\\n";
      column = 0;
    }
    out += shown;
    column += shown.length;
  }
  return `${out}$\n`;
}
