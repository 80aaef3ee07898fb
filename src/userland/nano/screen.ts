/** How nano's screen looks: title, text, status line, shortcuts. Pure. */

import { wcwidth } from "../libc/wcwidth.ts";
import type { Text } from "./text.ts";

const TAB = 8;
const reverse = (text: string): string => `\x1b[7m${text}\x1b[27m`;

export type Shortcut = readonly [key: string, label: string];

/** Two rows of shortcuts, one above the other in columns. */
export function shortcutRows(items: readonly Shortcut[], cols: number): [string, string] {
  const columns = Math.max(1, Math.ceil(items.length / 2));
  const width = Math.floor(cols / columns);
  const row = (from: number): string => {
    let out = "";
    for (let i = from; i < items.length; i += 2) {
      const [key, label] = items[i] as Shortcut;
      const text = ` ${label}`.slice(0, Math.max(0, width - key.length));
      out += reverse(key) + text.padEnd(Math.max(0, width - key.length));
    }
    return out.trimEnd();
  };
  return [row(0), row(1)];
}

export function titleRow(name: string, modified: boolean, cols: number): string {
  const at = Math.max(14, Math.floor((cols - name.length) / 2) + 2);
  let row = "  GNU nano 7.2".padEnd(at) + name;
  if (modified) row = `${row.padEnd(cols - 10).slice(0, cols - 10)}Modified`;
  return reverse(row.slice(0, cols).padEnd(cols));
}

export const centered = (message: string, cols: number): string =>
  " ".repeat(Math.max(0, Math.floor((cols - message.length - 4) / 2))) + reverse(`[ ${message} ]`);

/** Column of the screen at which a place of a line is shown. */
export function columnOf(line: string, col: number): number {
  let at = 0;
  for (const ch of line.slice(0, col)) at += ch === "\t" ? TAB - (at % TAB) : controlWidth(ch);
  return at;
}

const isControl = (ch: string): boolean => ch < " " || ch === "\x7f";
const controlWidth = (ch: string): number => (isControl(ch) ? 2 : Math.max(0, wcwidth(ch.codePointAt(0) as number)));

/** The place of a line that is shown at a column, or its end. */
export function placeAt(line: string, column: number): number {
  let at = 0;
  let col = 0;
  for (const ch of line) {
    at += ch === "\t" ? TAB - (at % TAB) : controlWidth(ch);
    if (at > column) return col;
    col += ch.length;
  }
  return line.length;
}

/** The first column that is shown of the line that the cursor is in. */
export function pageStart(column: number, cols: number): number {
  if (column + 2 < cols || cols <= 8) return 0;
  return column - 6 - ((column - 6) % (cols - 8));
}

/** A line from a column on, with marks where it goes on. */
function textRow(line: string, start: number, cols: number): string {
  let out = "";
  let at = 0;
  for (const ch of line) {
    const width = ch === "\t" ? TAB - (at % TAB) : controlWidth(ch);
    const shown = ch === "\t" ? " ".repeat(width) : isControl(ch) ? `^${String.fromCharCode(ch.charCodeAt(0) ^ 64)}` : ch;
    if (at >= start && at + width - start <= cols) out += shown;
    at += width;
  }
  if (start > 0) out = `<${Array.from(out).slice(1).join("")}`;
  if (at - start > cols)
    out = `${Array.from(out)
      .slice(0, cols - 1)
      .join("")}>`;
  return out;
}

/** The rows of the text, `top` being the first line. */
export function bodyRows(text: Text, top: number, rows: number, cols: number): string[] {
  const body: string[] = [];
  for (let i = 0; i < rows; i++) {
    const line = text.lines[top + i];
    const start = top + i === text.cursor.line ? pageStart(columnOf(text.line(), text.cursor.col), cols) : 0;
    body.push(line === undefined ? "" : textRow(line, start, cols));
  }
  return body;
}
