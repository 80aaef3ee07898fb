/** How variables and words are printed so that the shell reads them again: `declare -p`, `set`, `${v@Q}`, `printf %q`. */

import { keysOf } from "./parameter.ts";
import type { Shell } from "./shell.ts";
import { BARE, DYNAMIC, EXPORT, INTEGER, LOWER, NAMEREF, READONLY, TRACE, UPPER, type Variable } from "./variables.ts";

const controls: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\x1b": "\\E",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

const needsAnsi = /[\x00-\x1f\x7f\udc80-\udcff]/;

/** `$'…'` of a text. */
export function ansiQuote(text: string): string {
  let out = "$'";
  for (const c of text) {
    const code = c.charCodeAt(0);
    if (c === "'" || c === "\\") out += `\\${c}`;
    else if (controls[c] !== undefined) out += controls[c];
    else if (code < 32 || code === 127) out += `\\${code.toString(8).padStart(3, "0")}`;
    else if (c.length === 1 && code >= 0xdc80 && code <= 0xdcff) out += `\\${(code - 0xdc00).toString(8)}`;
    else out += c;
  }
  return `${out}'`;
}

/** A word in single quotes where it needs them (always with `force`), or in `$'…'` for control characters. */
export function quoteWord(text: string, force = false): string {
  if (needsAnsi.test(text)) return ansiQuote(text);
  if (!force && text !== "" && !/[^A-Za-z0-9_./:,@%^+=-]/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** As `set` and `xtrace` quote: only what the shell would read differently. */
export function quoteIfNeeded(text: string): string {
  if (text === "") return "''";
  if (needsAnsi.test(text)) return ansiQuote(text);
  if (/[ '"\\|&;()<>!{}*?[\]^$`]/.test(text) || /^[~#]/.test(text)) {
    return `'${text.replaceAll("'", "'\\''")}'`;
  }
  return text;
}

/** As `set -x` shows a word: blanks and newlines stay as they are. */
export function quoteForTrace(text: string): string {
  return /[\t\n]/.test(text) && !needsAnsi.test(text.replace(/[\t\n]/g, "")) ? `'${text.replaceAll("'", "'\\''")}'` : quoteIfNeeded(text);
}

/** As printf's `%q`: backslashes. */
export function quoteBackslash(text: string): string {
  if (text === "") return "''";
  if (needsAnsi.test(text)) return ansiQuote(text);
  return text.replace(/[^A-Za-z0-9_./:%@+=\u0080-\uffff-]|^[~#]/g, (c) => (c === "," ? "\\," : c === "^" ? "\\^" : `\\${c}`));
}

function doubleQuote(text: string): string {
  return needsAnsi.test(text) ? ansiQuote(text) : `"${text.replace(/[$`"\\]/g, "\\$&")}"`;
}

/** The letters of `declare`. */
export function attributeLetters(v: Variable): string {
  let letters = "";
  if (v.array !== undefined) letters += "a";
  if (v.assoc !== undefined) letters += "A";
  if (v.flags & INTEGER) letters += "i";
  if (v.flags & NAMEREF) letters += "n";
  if (v.flags & READONLY) letters += "r";
  if (v.flags & TRACE) letters += "t";
  if (v.flags & EXPORT) letters += "x";
  if (v.flags & LOWER) letters += "l";
  if (v.flags & UPPER) letters += "u";
  return letters;
}

/** `(…)` of an array, with quoted elements. */
export function arrayText(v: Variable): string {
  if (v.assoc !== undefined) {
    let out = "(";
    for (const [key, value] of v.assoc) out += `[${/^[A-Za-z0-9_]+$/.test(key) ? key : doubleQuote(key)}]=${doubleQuote(value)} `;
    return `${out})`;
  }
  const parts: string[] = [];
  v.array?.forEach((value, i) => {
    parts.push(`[${i}]=${doubleQuote(value)}`);
  });
  return `(${parts.join(" ")})`;
}

/** One line of `declare -p`. */
export function declaration(sh: Shell, v: Variable): string {
  const letters = attributeLetters(v);
  const head = `declare -${letters === "" ? "-" : letters} ${v.name}`;
  if (v.flags & BARE && (v.array?.length ?? v.assoc?.size) === 0) return head;
  if (v.assoc !== undefined || v.array !== undefined) return `${head}=${arrayText(v)}`;
  const value = v.flags & DYNAMIC ? sh.get(v.name) : v.value;
  return value === undefined ? head : `${head}=${doubleQuote(value)}`;
}

/** `${v@a}`, `${v@A}`, `${v@K}`. */
export function describeAttributes(sh: Shell, name: string, letter: string): string {
  const v = sh.vars.find(name);
  if (v === undefined) return "";
  const letters = attributeLetters(v);
  if (letter === "a") return letters;
  if (letter === "A") {
    if (v.array !== undefined || v.assoc !== undefined) return declaration(sh, v);
    const value = sh.get(name);
    if (value === undefined) return letters === "" ? "" : `declare -${letters} ${name}`;
    return letters === "" ? `${name}=${quoteWord(value, true)}` : `declare -${letters} ${name}=${quoteWord(value, true)}`;
  }
  const pairs: string[] = [];
  for (const key of keysOf(sh, name)) pairs.push(`${key} ${doubleQuote(sh.getElement(name, key) ?? "")}`);
  return pairs.join(" ");
}
