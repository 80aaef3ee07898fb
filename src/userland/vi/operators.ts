/** Changes that vi's operators and small commands make. */

import { type Buffer, type Cursor, firstNonBlank, nextCol } from "./buffer.ts";
import type { Options, Register } from "./editor-state.ts";
import type { Span } from "./motions.ts";

export const indentOf = (text: string): string => /^[ \t]*/.exec(text)?.[0] ?? "";

/** One more (or less) level of indentation. */
export function shiftLine(text: string, levels: number, options: Options): string {
  if (text === "") return text;
  const indent = indentOf(text);
  let width = 0;
  for (const ch of indent) width += ch === "\t" ? options.tabstop - (width % options.tabstop) : 1;
  const want = Math.max(0, width + levels * options.shiftwidth);
  const tabs = options.expandtab ? 0 : Math.floor(want / options.tabstop);
  return "\t".repeat(tabs) + " ".repeat(want - tabs * options.tabstop) + text.slice(indent.length);
}

/** Applies `> < = g~ gu gU r<char>` to a span; `to` is behind its last character. */
export function applyOperator(b: Buffer, key: string, span: Span, options: Options): void {
  const { from } = span;
  const to: Cursor = span.kind === "inclusive" ? { line: span.to.line, col: nextCol(b.line(span.to.line), span.to.col) } : span.to;
  if (key === ">" || key === "<" || key === "=") {
    for (let line = from.line; line <= to.line; line++) {
      const text = b.line(line);
      // Differs from Linux: `=` takes the indentation of the line above, there is no knowledge of languages.
      const next =
        key === "=" ? (line === 0 ? text : indentOf(b.line(line - 1)) + text.trimStart()) : shiftLine(text, key === ">" ? 1 : -1, options);
      b.setLine(line, next);
    }
    b.cursor = { line: from.line, col: firstNonBlank(b.line(from.line)) };
    return;
  }
  const convert = converter(key);
  for (let line = from.line; line <= to.line; line++) {
    const text = b.line(line);
    const start = span.kind === "linewise" || line > from.line ? 0 : from.col;
    const end = span.kind === "linewise" || line < to.line ? text.length : to.col;
    b.setLine(line, text.slice(0, start) + convert(text.slice(start, end)) + text.slice(end));
  }
  b.cursor = span.kind === "linewise" ? { line: from.line, col: Math.min(b.cursor.col, b.line(from.line).length) } : from;
}

const swapCase = (text: string): string =>
  Array.from(text, (ch) => (ch === ch.toLowerCase() ? ch.toUpperCase() : ch.toLowerCase())).join("");

function converter(key: string): (text: string) => string {
  if (key === "gu") return (text) => text.toLowerCase();
  if (key === "gU") return (text) => text.toUpperCase();
  if (key === "g~") return swapCase;
  return (text) => Array.from(text, () => key.slice(1)).join("");
}

/** `~`: swaps the case of characters and moves on. */
export function toggleCase(b: Buffer, count: number): void {
  const { line, col } = b.cursor;
  const text = b.line();
  let end = col;
  for (let i = 0; i < count && end < text.length; i++) end = nextCol(text, end);
  b.setLine(line, text.slice(0, col) + swapCase(text.slice(col, end)) + text.slice(end));
  b.cursor = { line, col: end };
}

/** `p`, `P`. */
export function putRegister(b: Buffer, register: Register, after: boolean, count: number): void {
  const { line, col } = b.cursor;
  if (register.linewise) {
    const at = after ? line + 1 : line;
    const lines: string[] = [];
    for (let i = 0; i < count; i++) lines.push(...register.text);
    b.insertLines(Math.min(at, b.lines.length), lines);
    const first = Math.min(at, b.lines.length - 1);
    b.cursor = { line: first, col: firstNonBlank(b.line(first)) };
    return;
  }
  const text = b.line();
  const start: Cursor = { line, col: after && text !== "" ? Math.min(text.length, nextCol(text, col)) : col };
  let end = start;
  for (let i = 0; i < count; i++) end = b.insertText(end, register.text);
  b.cursor = register.text.length > 1 ? start : { line: end.line, col: Math.max(start.col, end.col - 1) };
}

/** `^A`, `^X`: the number at or after the cursor; false if there is none. */
export function changeNumber(b: Buffer, by: number): boolean {
  const { line, col } = b.cursor;
  const text = b.line();
  const numbers = /-?[0-9]+/g;
  for (let match = numbers.exec(text); match !== null; match = numbers.exec(text)) {
    if (match.index + match[0].length <= col) continue;
    const start = match.index;
    const value = `${Number(text.slice(start, match.index + match[0].length)) + by}`;
    b.setLine(line, text.slice(0, start) + value + text.slice(match.index + match[0].length));
    b.cursor = { line, col: start + value.length - 1 };
    return true;
  }
  return false;
}
