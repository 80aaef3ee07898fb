/** The text that vi edits: lines, cursor, undo. Pure. Columns count UTF-16 units and stand at the beginning of a character. */

import { wcwidth } from "../libc/wcwidth.ts";

export interface Cursor {
  readonly line: number;
  readonly col: number;
}

interface Snapshot {
  readonly lines: readonly string[];
  readonly cursor: Cursor;
  /** Which state of the file this is; equal to `savedState` if it was written. */
  readonly state: number;
  readonly empty: boolean;
}

const UNDO_LEVELS = 1000;

/** A line of letters, digits and `_` is one kind of word, other visible characters another; blanks are none. */
export type CharClass = 0 | 1 | 2;

export function charClass(ch: string, big = false): CharClass {
  if (ch === "" || ch === " " || ch === "\t") return 0;
  if (big) return 1;
  return /[\p{L}\p{N}_]/u.test(ch) ? 1 : 2;
}

export const nextCol = (line: string, col: number): number => {
  const code = line.charCodeAt(col);
  return col + (code >= 0xd800 && code <= 0xdbff && col + 1 < line.length ? 2 : 1);
};

export const prevCol = (line: string, col: number): number => {
  const code = line.charCodeAt(col - 1);
  return Math.max(0, col - (code >= 0xdc00 && code <= 0xdfff && /[\ud800-\udbff]/.test(line[col - 2] ?? "") ? 2 : 1));
};

/** The column of the first character that is no blank (the last column if there is none). */
export const firstNonBlank = (line: string): number => {
  const at = line.search(/[^ \t]/);
  return at < 0 ? Math.max(0, line.length - 1) : at;
};

const widthOf = (ch: string, at: number, tabstop: number): number =>
  ch === "\t" ? tabstop - (at % tabstop) : Math.max(1, wcwidth(ch.codePointAt(0) as number));

/** Where a character ends up on the screen; for a tab its last column, where the cursor stands on it. */
export function displayColumn(text: string, col: number, tabstop: number): number {
  let at = 0;
  for (let i = 0; i < col; i = nextCol(text, i)) at += widthOf(text.slice(i, nextCol(text, i)), at, tabstop);
  return text[col] === "\t" ? at + tabstop - (at % tabstop) - 1 : at;
}

/** The column of the character that is shown at a column of the screen, or the last one. */
export function columnAt(text: string, wanted: number, tabstop: number): number {
  let at = 0;
  for (let col = 0; col < text.length; col = nextCol(text, col)) {
    at += widthOf(text.slice(col, nextCol(text, col)), at, tabstop);
    if (at > wanted) return col;
  }
  return text.length;
}

export class Buffer {
  lines: string[] = [""];
  cursor: Cursor = { line: 0, col: 0 };
  /** The last line has no newline in the file. */
  noEol = false;
  /** There are no lines at all: the one empty line is only there for the cursor. */
  private empty = true;
  private undoStack: Snapshot[] = [];
  private redoStack: Snapshot[] = [];
  private state = 0;
  private nextState = 1;
  private savedState = 0;
  /** The command that runs has saved the text already. */
  private open = false;

  /** Replaces everything: a file was read. */
  load(text: string): void {
    const lines = text.split("\n");
    this.noEol = text !== "" && lines.at(-1) !== "";
    if (!this.noEol && lines.length > 1) lines.pop();
    this.lines = lines;
    this.empty = text === "";
    this.cursor = { line: 0, col: 0 };
    this.undoStack = [];
    this.redoStack = [];
    this.state = this.savedState = 0;
    this.nextState = 1;
  }

  get text(): string {
    if (this.empty && this.lines.length === 1 && this.lines[0] === "") return "";
    return this.lines.join("\n") + (this.noEol ? "" : "\n");
  }

  get modified(): boolean {
    return this.state !== this.savedState;
  }

  markSaved(): void {
    this.savedState = this.state;
  }

  line(at = this.cursor.line): string {
    return this.lines[at] ?? "";
  }

  /** Before a change: what undo goes back to. One snapshot a command. */
  begin(): void {
    const { empty } = this;
    this.empty = false;
    if (this.open) {
      this.state = this.nextState++;
      return;
    }
    this.open = true;
    this.undoStack.push({ lines: [...this.lines], cursor: this.cursor, state: this.state, empty });
    if (this.undoStack.length > UNDO_LEVELS) this.undoStack.shift();
    this.redoStack = [];
    this.state = this.nextState++;
  }

  /** A command is over; the next change is undone by itself. */
  end(): void {
    this.open = false;
  }

  /** False if there is nothing to undo. */
  undo(): boolean {
    return this.restore(this.undoStack, this.redoStack);
  }

  redo(): boolean {
    return this.restore(this.redoStack, this.undoStack);
  }

  private restore(from: Snapshot[], to: Snapshot[]): boolean {
    const snapshot = from.pop();
    if (snapshot === undefined) return false;
    to.push({ lines: this.lines, cursor: this.cursor, state: this.state, empty: this.empty });
    // The cursor goes to the first line that differs.
    let first = 0;
    while (first < snapshot.lines.length && first < this.lines.length && snapshot.lines[first] === this.lines[first]) first++;
    this.lines = [...snapshot.lines];
    this.state = snapshot.state;
    this.empty = snapshot.empty;
    const line = Math.min(first, this.lines.length - 1);
    this.cursor = line === snapshot.cursor.line ? snapshot.cursor : { line, col: firstNonBlank(this.lines[line] ?? "") };
    return true;
  }

  setLine(at: number, text: string): void {
    this.begin();
    this.lines[at] = text;
  }

  /** Puts lines in front of line `at`. */
  insertLines(at: number, lines: readonly string[]): void {
    this.begin();
    this.lines.splice(at, 0, ...lines);
  }

  /** Removes lines; one empty line stays in any case. */
  deleteLines(from: number, count: number): string[] {
    this.begin();
    const gone = this.lines.splice(from, count);
    if (this.lines.length === 0) {
      this.lines.push("");
      this.empty = true;
    }
    return gone;
  }

  /** The text between two places, the second not included. */
  getText(from: Cursor, to: Cursor): string[] {
    if (from.line === to.line) return [this.line(from.line).slice(from.col, to.col)];
    return [this.line(from.line).slice(from.col), ...this.lines.slice(from.line + 1, to.line), this.line(to.line).slice(0, to.col)];
  }

  deleteText(from: Cursor, to: Cursor): string[] {
    const gone = this.getText(from, to);
    this.begin();
    this.lines.splice(from.line, to.line - from.line + 1, this.line(from.line).slice(0, from.col) + this.line(to.line).slice(to.col));
    return gone;
  }

  /** Puts text at a place; returns the place behind it. */
  insertText(at: Cursor, text: readonly string[]): Cursor {
    this.begin();
    const line = this.line(at.line);
    const head = line.slice(0, at.col);
    const tail = line.slice(at.col);
    if (text.length === 1) {
      this.lines[at.line] = head + text[0] + tail;
      return { line: at.line, col: at.col + (text[0]?.length ?? 0) };
    }
    const last = text.at(-1) ?? "";
    this.lines.splice(at.line, 1, head + text[0], ...text.slice(1, -1), last + tail);
    return { line: at.line + text.length - 1, col: last.length };
  }

  /** The cursor inside the text; in insert mode it may stand behind the last character. */
  clamp(insert = false): void {
    const line = Math.max(0, Math.min(this.cursor.line, this.lines.length - 1));
    const text = this.line(line);
    const last = insert ? text.length : text === "" ? 0 : prevCol(text, text.length);
    this.cursor = { line, col: Math.max(0, Math.min(this.cursor.col, last)) };
  }
}
