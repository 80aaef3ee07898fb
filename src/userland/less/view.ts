/** What less shows: lines cut into rows of the screen, the position in them, and matches of the search. Pure. */

import type { Regex } from "../libc/regex.ts";
import { wcwidth } from "../libc/wcwidth.ts";

export interface ViewOptions {
  /** -S: long lines are cut instead of folded. */
  chop: boolean;
  /** -N. */
  numbers: boolean;
  /** -R: colours pass; other control characters are still shown as ^X. */
  colors: boolean;
  /** -r: everything passes. */
  raw: boolean;
  /** -~: nothing instead of tildes after the end. */
  tildes: boolean;
}

/** A place on the screen: a line and the row of it. */
export interface Position {
  readonly line: number;
  readonly row: number;
}

interface Cell {
  /** With the escape sequences before it. */
  readonly text: string;
  readonly width: number;
  /** Index in the line's text, for matches. */
  readonly at: number;
}

const REVERSE = "\x1b[7m";
const NORMAL = "\x1b[27m";

export class View {
  top: Position = { line: 0, row: 0 };
  /** Columns by which everything is shifted to the left. */
  shift = 0;
  rows = 23;
  cols = 80;
  search: Regex | undefined;

  constructor(
    public lines: readonly string[],
    readonly options: ViewOptions,
  ) {}

  private get width(): number {
    return Math.max(1, this.cols - (this.options.numbers ? 8 : 0));
  }

  /** A line as cells: tabs expanded, control characters made visible. */
  private cells(line: string): Cell[] {
    const cells: Cell[] = [];
    let column = 0;
    let prefix = "";
    for (let at = 0; at < line.length; ) {
      const escape =
        line[at] === "\x1b" && (this.options.colors || this.options.raw) ? /^\x1b\[[0-9;:]*m/.exec(line.slice(at, at + 64)) : null;
      if (escape !== null) {
        prefix += escape[0];
        at += escape[0].length;
        continue;
      }
      const code = line.codePointAt(at) as number;
      const ch = String.fromCodePoint(code);
      let text = ch;
      let width = wcwidth(code);
      if (ch === "\t") {
        width = 8 - (column % 8);
        text = " ".repeat(width);
      } else if ((width < 0 || code === 0) && !this.options.raw) {
        text =
          code < 0x20
            ? `^${String.fromCharCode(code + 64)}`
            : code === 0x7f
              ? "^?"
              : code >= 0xdc80 && code <= 0xdcff
                ? `<${(code - 0xdc00).toString(16).toUpperCase()}>`
                : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
        width = text.length;
        text = REVERSE + text + NORMAL;
      } else if (width < 0) width = 0;
      // A carriage return at the end of a line is not shown.
      if (!(ch === "\r" && at === line.length - 1)) cells.push({ text: prefix + text, width, at });
      prefix = "";
      column += width;
      at += ch.length;
    }
    if (prefix !== "") cells.push({ text: prefix, width: 0, at: line.length });
    return cells;
  }

  /** The rows that a line takes, as text for the terminal. */
  rowsOf(index: number): string[] {
    const line = this.lines[index];
    if (line === undefined) return [];
    const hits = this.hits(line);
    const rows: string[] = [];
    let row = "";
    let column = 0;
    let skipped = 0;
    let lit = false;
    for (const cell of this.cells(line)) {
      if (this.options.chop && skipped < this.shift) {
        skipped += cell.width;
        continue;
      }
      if (column + cell.width > this.width) {
        if (this.options.chop) {
          // The last column says that there is more.
          row = `${row}${lit ? NORMAL : ""}`;
          lit = false;
          column = this.width + 1;
          break;
        }
        rows.push(row + (lit ? NORMAL : ""));
        row = "";
        column = 0;
        lit = false;
      }
      const hit = hits.some(([start, end]) => cell.at >= start && cell.at < end);
      if (hit !== lit) row += hit ? REVERSE : NORMAL;
      lit = hit;
      row += cell.text;
      column += cell.width;
    }
    rows.push(row + (lit ? NORMAL : "") + (this.options.colors && row.includes("\x1b[") ? "\x1b[m" : ""));
    if (!this.options.numbers) return rows;
    return rows.map((text, i) => (i === 0 ? `${`${index + 1}`.padStart(7)} ` : " ".repeat(8)) + text);
  }

  private hits(line: string): (readonly [number, number])[] {
    if (this.search === undefined) return [];
    const hits: (readonly [number, number])[] = [];
    for (let at = 0; at <= line.length; ) {
      const match = this.search.exec(line, at);
      if (match === undefined) break;
      if (match.end > match.start) hits.push([match.start, match.end]);
      at = match.end > match.start ? match.end : match.end + 1;
    }
    return hits;
  }

  /** `count` rows after a position; undefined where the lines known so far end before. */
  forward(from: Position, count: number): Position | undefined {
    let { line, row } = from;
    for (let left = count; left > 0; left--) {
      row++;
      if (row >= this.rowsOf(line).length) {
        line++;
        row = 0;
        if (line >= this.lines.length) return undefined;
      }
    }
    return { line, row };
  }

  /** `count` rows before a position, at most to the beginning. */
  backward(from: Position, count: number): Position {
    let { line, row } = from;
    for (let left = count; left > 0; left--) {
      if (row > 0) row--;
      else if (line > 0) {
        line--;
        row = Math.max(0, this.rowsOf(line).length - 1);
      } else break;
    }
    return { line, row };
  }

  /** The top of the last full screen. */
  lastTop(): Position {
    if (this.lines.length === 0) return { line: 0, row: 0 };
    const line = this.lines.length - 1;
    return this.backward({ line, row: Math.max(0, this.rowsOf(line).length - 1) }, this.rows - 1);
  }

  /** The rows of the screen; past the end a tilde each. */
  screen(): { readonly rows: string[]; readonly bottomLine: number; readonly atEnd: boolean } {
    const rows: string[] = [];
    let bottomLine = this.top.line;
    let atEnd = false;
    for (let line = this.top.line; rows.length < this.rows; line++) {
      if (line >= this.lines.length) {
        atEnd = true;
        break;
      }
      const all = this.rowsOf(line);
      const from = line === this.top.line ? this.top.row : 0;
      for (let i = from; i < all.length && rows.length < this.rows; i++) {
        rows.push(all[i] as string);
        bottomLine = line;
        if (line === this.lines.length - 1 && i === all.length - 1) atEnd = true;
      }
    }
    while (rows.length < this.rows) rows.push(this.options.tildes ? "~" : "");
    return { rows, bottomLine, atEnd };
  }

  /** The next line that matches, looking forward or backward from `line` (which is not looked at). */
  findLine(regex: Regex, line: number, direction: 1 | -1, invert: boolean): number | undefined {
    for (let i = line; i >= 0 && i < this.lines.length; i += direction) if (regex.test(this.lines[i] as string) !== invert) return i;
    return undefined;
  }
}
