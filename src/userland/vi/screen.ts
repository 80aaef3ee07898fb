/** How vi's window looks: lines folded into rows, tildes, the status line. Pure. */

import { wcwidth } from "../libc/wcwidth.ts";
import type { Editor } from "./editor.ts";
import { matchStarts } from "./editor-state.ts";

export interface Screen {
  readonly rows: readonly string[];
  readonly status: string;
  /** From 0. */
  readonly cursorRow: number;
  readonly cursorCol: number;
}

const REVERSE = "\x1b[7m";
const NORMAL = "\x1b[27m";

interface Folded {
  readonly rows: string[];
  /** Row and column of the cursor, where it is in this line. */
  readonly cursor: { readonly row: number; readonly col: number } | undefined;
}

interface Look {
  readonly width: number;
  readonly tabstop: number;
  readonly list: boolean;
  readonly wrap: boolean;
  /** Columns (UTF-16 units) in reverse. */
  readonly lit: (col: number) => boolean;
}

/** One line as rows. */
function fold(text: string, look: Look, cursorCol: number | undefined): Folded {
  const rows: string[] = [];
  let row = "";
  let column = 0;
  let total = 0;
  let lit = false;
  let cursor: Folded["cursor"];
  const put = (piece: string, width: number): void => {
    if (column + width > look.width && look.wrap) {
      rows.push(row + (lit ? NORMAL : ""));
      row = lit ? REVERSE : "";
      column = 0;
    }
    if (column + width <= look.width) row += piece;
    column += width;
    total += width;
  };
  for (let at = 0; at < text.length; ) {
    const code = text.codePointAt(at) as number;
    const ch = String.fromCodePoint(code);
    const want = look.lit(at);
    if (want !== lit) row += want ? REVERSE : NORMAL;
    lit = want;
    const before = { row: rows.length, col: column };
    const wide = code === 0 ? -1 : wcwidth(code);
    if (ch === "\t" && !look.list) {
      const width = look.tabstop - (total % look.tabstop);
      for (let i = 0; i < width; i++) put(" ", 1);
      // In normal mode the cursor stands at the end of a tab.
      if (at === cursorCol) cursor = { row: rows.length, col: column - 1 };
    } else {
      const shown =
        wide >= 0
          ? ch
          : code >= 0xdc80 && code <= 0xdcff
            ? `<${(code - 0xdc00).toString(16)}>`
            : code === 0x7f
              ? "^?"
              : `^${String.fromCharCode(code + 64)}`;
      const width = wide >= 0 ? wide : shown.length;
      put(shown, width);
      if (at === cursorCol) cursor = before.col + width > look.width && look.wrap ? { row: rows.length, col: 0 } : before;
    }
    at += ch.length;
  }
  if (look.list) put("$", 1);
  if (cursorCol !== undefined && cursorCol >= text.length) {
    if (column >= look.width && look.wrap && cursorCol > 0) {
      rows.push(row);
      row = "";
      column = 0;
    }
    cursor = { row: rows.length, col: look.list ? Math.max(0, column - 1) : column };
  }
  rows.push(row + (lit ? NORMAL : ""));
  return { rows, cursor };
}

/** Draws the window; moves the editor's top so that the cursor is in it. */
export function layout(editor: Editor, height: number, width: number, fileLabel: string, busybox: boolean): Screen {
  const { buffer, options } = editor;
  editor.height = height;
  const gutter = options.number ? Math.max(4, `${buffer.lines.length}`.length + 1) : 0;
  const selected = selectionTest(editor);
  const highlighted = options.hlsearch && !editor.highlightOff ? editor.search : undefined;
  const foldLine = (line: number): Folded => {
    const text = buffer.line(line);
    const hits =
      highlighted === undefined
        ? []
        : matchStarts(highlighted, text).map((start) => [start, highlighted.exec(text, start)?.end ?? start] as const);
    const look: Look = {
      width: Math.max(1, width - gutter),
      tabstop: options.tabstop,
      list: options.list,
      wrap: options.wrap,
      lit: (col) => selected(line, col) || hits.some(([from, to]) => col >= from && col < to),
    };
    return fold(text, look, line === buffer.cursor.line ? buffer.cursor.col : undefined);
  };
  scroll(editor, height, (line) => foldLine(line).rows.length);
  const rows: string[] = [];
  let cursorRow = 0;
  let cursorCol = 0;
  for (let line = editor.top; line < buffer.lines.length && rows.length < height; line++) {
    const folded = foldLine(line);
    if (rows.length + folded.rows.length > height && rows.length > 0) {
      // A line that does not fit is not begun.
      while (rows.length < height) rows.push("@");
      break;
    }
    if (folded.cursor !== undefined) {
      cursorRow = rows.length + folded.cursor.row;
      cursorCol = Math.min(width - 1, gutter + folded.cursor.col);
    }
    for (const [i, row] of folded.rows.entries()) {
      if (rows.length === height) break;
      rows.push(gutter === 0 ? row : (i === 0 ? `${`${line + 1}`.padStart(gutter - 1)} ` : " ".repeat(gutter)) + row);
    }
  }
  while (rows.length < height) rows.push("~");
  const status = busybox ? busyboxStatus(editor, fileLabel) : vimStatus(editor, height, width);
  if (editor.commandLine !== undefined)
    return { rows, status: editor.commandLine, cursorRow: height, cursorCol: Math.min(width - 1, editor.commandLine.length) };
  return { rows, status: cut(status, width), cursorRow: Math.min(cursorRow, height - 1), cursorCol };
}

const cut = (text: string, width: number): string => (text.length < width ? text : text.slice(0, Math.max(0, width - 1)));

/** Moves the top by as little as shows the cursor; by half a window where that is far. */
function scroll(editor: Editor, height: number, rowsOf: (line: number) => number): void {
  const { line } = editor.buffer.cursor;
  editor.top = Math.max(0, Math.min(editor.top, editor.buffer.lines.length - 1));
  if (line < editor.top) {
    editor.top = editor.top - line > height ? Math.max(0, line - Math.floor(height / 2)) : line;
    return;
  }
  if (line - editor.top > 2 * height)
    editor.top = Math.max(0, Math.min(line - Math.floor(height / 2), editor.buffer.lines.length - height));
  for (;;) {
    let used = 0;
    for (let at = editor.top; at <= line && used <= height; at++) used += rowsOf(at);
    if (used <= height || editor.top >= line) return;
    editor.top++;
  }
}

function selectionTest(editor: Editor): (line: number, col: number) => boolean {
  if (editor.mode !== "visual" && editor.mode !== "visual-line") return () => false;
  const { from, to } = editor.selection();
  if (editor.mode === "visual-line") return (line) => line >= from.line && line <= to.line;
  return (line, col) =>
    (line > from.line || (line === from.line && col >= from.col)) && (line < to.line || (line === to.line && col <= to.col));
}

const MODE_TEXT: Readonly<Record<string, string>> = {
  insert: "-- INSERT --",
  replace: "-- REPLACE --",
  visual: "-- VISUAL --",
  "visual-line": "-- VISUAL LINE --",
};

function vimStatus(editor: Editor, height: number, width: number): string {
  const { buffer } = editor;
  const { line, col } = buffer.cursor;
  const recording = editor.recordingName === undefined ? "" : `recording @${editor.recordingName}`;
  const left = editor.message !== "" ? editor.message : `${MODE_TEXT[editor.mode] ?? ""}${recording}`;
  if (width < 40) return left;
  const total = buffer.lines.length;
  const all = total <= height;
  const where = all
    ? "All"
    : editor.top === 0
      ? "Top"
      : editor.top + height >= total
        ? "Bot"
        : `${Math.floor((editor.top * 100) / (total - height))}%`;
  const text = buffer.line();
  let shown = 0;
  for (const ch of text.slice(0, col))
    shown += ch === "\t" ? editor.options.tabstop - (shown % editor.options.tabstop) : Math.max(0, wcwidth(ch.codePointAt(0) as number));
  if (text[col] === "\t" && editor.mode === "normal") shown += editor.options.tabstop - (shown % editor.options.tabstop) - 1;
  const place = text === "" ? "0-1" : shown === col ? `${col + 1}` : `${col + 1}-${shown + 1}`;
  const ruler = `${total === 1 && text === "" ? `${line},0-1` : `${line + 1},${place}`}`.padEnd(14) + where;
  const keys = editor.pendingKeys.replace(/[\x00-\x1f]/g, (ch) => `^${String.fromCharCode(ch.charCodeAt(0) + 64)}`).slice(-10);
  const start = width - 18;
  const room = start - 12;
  return left.length > room ? left : left.padEnd(room + 1) + keys.padEnd(11) + ruler;
}

function busyboxStatus(editor: Editor, fileLabel: string): string {
  if (editor.message !== "") return editor.message;
  const { buffer } = editor;
  const letter = editor.mode === "insert" ? "I" : editor.mode === "replace" ? "R" : "-";
  const percent = Math.floor((100 * (buffer.cursor.line + 1)) / buffer.lines.length);
  const flags = `${editor.options.readonly ? " [Readonly]" : ""}${buffer.modified ? " [Modified]" : ""}`;
  return `${letter} ${fileLabel}${flags} ${buffer.cursor.line + 1}/${buffer.lines.length} ${percent}%`;
}
