/**
 * File names and arguments made safe to show: gnulib's quotearg. GNU tools put names into messages with `quoteaf`
 * (shell syntax, always quoted) and words that are no names with `quote` (‘…’); ls chooses a style by option.
 */

import { wcwidth } from "./wcwidth.ts";

export type QuotingStyle =
  | "literal"
  | "shell"
  | "shell-always"
  | "shell-escape"
  | "shell-escape-always"
  | "c"
  | "c-maybe"
  | "escape"
  | "locale"
  | "clocale";

export const quotingStyles: readonly QuotingStyle[] = [
  "literal",
  "shell",
  "shell-always",
  "shell-escape",
  "shell-escape-always",
  "c",
  "c-maybe",
  "escape",
  "locale",
  "clocale",
];

const letters: ReadonlyMap<string, string> = new Map([
  ["\x07", "a"],
  ["\b", "b"],
  ["\f", "f"],
  ["\n", "n"],
  ["\r", "r"],
  ["\t", "t"],
  ["\v", "v"],
]);

const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, "0")}`;

/** The bytes of a character that cannot be printed, as octal escapes. */
function octalEscapes(ch: string): string {
  const code = ch.codePointAt(0) as number;
  if (code >= 0xdc80 && code <= 0xdcff) return octal(code - 0xdc00);
  if (code < 0x80) return octal(code);
  if (code < 0x800) return octal(0xc0 | (code >> 6)) + octal(0x80 | (code & 63));
  return octal(0xe0 | (code >> 12)) + octal(0x80 | ((code >> 6) & 63)) + octal(0x80 | (code & 63));
}

export function isPrintable(ch: string): boolean {
  return wcwidth(ch.codePointAt(0) as number) >= 0;
}

/** Whether the shell would take `text` apart or expand it. */
function specialWord(text: string): boolean {
  if (text === "" || text === "{" || text === "}" || text[0] === "#" || text[0] === "~") return true;
  return /[ !"$&()*;<=>[^`|'?\\\t\n]/.test(text);
}

/** Whether `text` needs quotes to be read and pasted back. */
const shellSpecial = (text: string): boolean => specialWord(text) || hasUnprintable(text);

function hasUnprintable(text: string): boolean {
  if (/^[ -~]*$/.test(text)) return false;
  for (const ch of text) if (!isPrintable(ch)) return true;
  return false;
}

/** Text that means the same between double quotes in C and in the shell. */
const doubleQuotable = /^[#~]?[ '%+,\-./0-9:@A-Z\]_a-z\u00a0-\ud7ff\ue000-\u{10ffff}]*$/u;

function shellQuote(text: string, escape: boolean): string {
  if (text.includes("'") && doubleQuotable.test(text) && !hasUnprintable(text)) return `"${text}"`;
  let out = "'";
  let escaping = false;
  for (const ch of text) {
    if (escape && !isPrintable(ch)) {
      if (!escaping) out += "'$'";
      escaping = true;
      const letter = letters.get(ch);
      out += letter === undefined ? octalEscapes(ch) : `\\${letter}`;
      continue;
    }
    if (ch === "'") {
      out += "'\\''";
      escaping = false;
      continue;
    }
    if (escaping) out += "''";
    escaping = false;
    out += ch;
  }
  return `${out}'`;
}

function cEscape(text: string, also: string): string {
  let out = "";
  for (const ch of text) {
    const letter = letters.get(ch);
    if (ch === "\\" || also.includes(ch)) out += `\\${ch}`;
    else if (letter !== undefined) out += `\\${letter}`;
    else out += isPrintable(ch) ? ch : octalEscapes(ch);
  }
  return out;
}

/** `text` in the given style. */
export function quotearg(text: string, style: QuotingStyle): string {
  switch (style) {
    case "literal":
      return text;
    case "shell":
      return specialWord(text) ? shellQuote(text, false) : text;
    case "shell-always":
      return shellQuote(text, false);
    case "shell-escape":
      return shellSpecial(text) ? shellQuote(text, true) : text;
    case "shell-escape-always":
      return shellQuote(text, true);
    case "c":
      return `"${cEscape(text, '"')}"`;
    case "c-maybe":
      return /["\\]/.test(text) || hasUnprintable(text) ? `"${cEscape(text, '"')}"` : text;
    case "escape":
      return cEscape(text, " ");
    case "locale":
    case "clocale":
      return `‘${cEscape(text, "’")}’`;
  }
}

/** A file name in a message: `'name'`. */
export const quoteaf = (name: string): string => shellQuote(name, true);

/** A word in a message: `‘word’`. */
export const quote = (word: string): string => quotearg(word, "locale");

/** A file name before a colon: quoted only where it must be (quotef). */
export const quotef = (name: string): string => (shellSpecial(name) || name.includes(":") ? shellQuote(name, true) : name);
