/** The text that nano edits: lines, cursor, cut buffer, undo. Pure. A file's last newline shows as an empty last line. */

import { type Cursor, nextCol, prevCol } from "../vi/buffer.ts";

interface Snapshot {
  readonly lines: readonly string[];
  readonly cursor: Cursor;
  readonly modified: boolean;
  /** What nano calls the change that came after. */
  readonly label: string;
}

const UNDO_LEVELS = 1000;

export class Text {
  lines: string[] = [""];
  cursor: Cursor = { line: 0, col: 0 };
  modified = false;
  private cutLines: string[] = [];
  private cutting = false;
  private undoStack: Snapshot[] = [];
  private redoStack: Snapshot[] = [];
  /** What the last change was, so that typing is undone by runs and not by letters. */
  private lastChange = "";

  load(text: string): void {
    this.lines = text.split("\n");
    this.cursor = { line: 0, col: 0 };
    this.modified = false;
    this.undoStack = [];
    this.redoStack = [];
  }

  /** As it goes into a file: with a newline at the end. */
  get content(): string {
    const text = this.lines.join("\n");
    return text === "" || text.endsWith("\n") ? text : `${text}\n`;
  }

  /** Lines of the file: the empty line after the last newline does not count. */
  get lineCount(): number {
    return this.lines.length - (this.lines.at(-1) === "" ? 1 : 0);
  }

  line(at = this.cursor.line): string {
    return this.lines[at] ?? "";
  }

  /** Before a change; changes of the same kind in a row are undone together. */
  private begin(label: string, joins = true): void {
    if (label !== this.lastChange || !joins) {
      this.undoStack.push({ lines: [...this.lines], cursor: this.cursor, modified: this.modified, label });
      if (this.undoStack.length > UNDO_LEVELS) this.undoStack.shift();
    }
    this.lastChange = label;
    this.redoStack = [];
    this.modified = true;
  }

  /** A command that is no change has been given. */
  moved(): void {
    this.lastChange = "";
    this.cutting = false;
  }

  /** What was undone; undefined if there is nothing. */
  undo(): string | undefined {
    return this.restore(this.undoStack, this.redoStack);
  }

  redo(): string | undefined {
    return this.restore(this.redoStack, this.undoStack);
  }

  private restore(from: Snapshot[], to: Snapshot[]): string | undefined {
    const snapshot = from.pop();
    if (snapshot === undefined) return undefined;
    to.push({ lines: this.lines, cursor: this.cursor, modified: this.modified, label: snapshot.label });
    this.lines = [...snapshot.lines];
    this.cursor = snapshot.cursor;
    this.modified = snapshot.modified;
    this.lastChange = "";
    return snapshot.label;
  }

  insert(text: string): void {
    this.begin("addition");
    const { line, col } = this.cursor;
    const old = this.line();
    this.lines[line] = old.slice(0, col) + text + old.slice(col);
    this.cursor = { line, col: col + text.length };
  }

  newline(): void {
    this.begin("line break", false);
    const { line, col } = this.cursor;
    const old = this.line();
    this.lines.splice(line, 1, old.slice(0, col), old.slice(col));
    this.cursor = { line: line + 1, col: 0 };
  }

  /** Puts whole text at the cursor: a file that is read in. */
  insertBlock(text: string): void {
    this.begin("insertion", false);
    const { line, col } = this.cursor;
    const old = this.line();
    const pieces = (old.slice(0, col) + text + old.slice(col)).split("\n");
    this.lines.splice(line, 1, ...pieces);
    const added = text.split("\n");
    this.cursor = { line: line + added.length - 1, col: added.length === 1 ? col + text.length : (added.at(-1) ?? "").length };
  }

  backspace(): void {
    const { line, col } = this.cursor;
    if (col === 0 && line === 0) return;
    this.begin("deletion");
    const old = this.line();
    if (col > 0) {
      const at = prevCol(old, col);
      this.lines[line] = old.slice(0, at) + old.slice(col);
      this.cursor = { line, col: at };
    } else {
      const above = this.line(line - 1);
      this.lines.splice(line - 1, 2, above + old);
      this.cursor = { line: line - 1, col: above.length };
    }
  }

  delete(): void {
    const { line, col } = this.cursor;
    const old = this.line();
    if (col >= old.length && line + 1 >= this.lines.length) return;
    this.begin("deletion");
    if (col < old.length) this.lines[line] = old.slice(0, col) + old.slice(nextCol(old, col));
    else this.lines.splice(line, 2, old + this.line(line + 1));
  }

  /** `^K`: takes the line away; several in a row are kept together. */
  cut(): void {
    const { line } = this.cursor;
    if (line === this.lines.length - 1 && this.line() === "") return;
    this.begin("cut");
    if (!this.cutting) this.cutLines = [];
    this.cutting = true;
    const [gone = ""] = this.lines.splice(line, 1);
    this.cutLines.push(gone);
    if (line >= this.lines.length) this.lines.push("");
    this.cursor = { line, col: 0 };
  }

  /** `M-6`. */
  copy(): void {
    if (!this.cutting) this.cutLines = [];
    this.cutting = true;
    this.cutLines.push(this.line());
    this.cursor = { line: Math.min(this.lines.length - 1, this.cursor.line + 1), col: 0 };
  }

  /** `^U`; false if there is nothing to put. */
  paste(): boolean {
    if (this.cutLines.length === 0) return false;
    this.begin("paste", false);
    const { line, col } = this.cursor;
    const old = this.line();
    this.lines.splice(line, 1, ...`${old.slice(0, col)}${this.cutLines.join("\n")}\n${old.slice(col)}`.split("\n"));
    this.cursor = { line: line + this.cutLines.length, col: 0 };
    return true;
  }

  /** The next place where `wanted` stands, without regard to case, after the cursor and around the end. */
  find(wanted: string): { readonly at: Cursor; readonly wrapped: boolean } | undefined {
    const needle = wanted.toLowerCase();
    const total = this.lines.length;
    for (let i = 0; i <= total; i++) {
      const line = (this.cursor.line + i) % total;
      const text = this.line(line).toLowerCase();
      const col = text.indexOf(needle, i === 0 ? this.cursor.col + 1 : 0);
      if (col < 0 || (i === total && col > this.cursor.col)) continue;
      return { at: { line, col }, wrapped: this.cursor.line + i >= total };
    }
    return undefined;
  }

  /** Replaces what stands at the cursor and goes behind it. */
  replaceHere(length: number, text: string): void {
    this.begin("replacement", false);
    const { line, col } = this.cursor;
    const old = this.line();
    this.lines[line] = old.slice(0, col) + text + old.slice(col + length);
    this.cursor = { line, col: col + text.length };
  }

  move(line: number, col: number): void {
    const at = Math.max(0, Math.min(this.lines.length - 1, line));
    this.cursor = { line: at, col: Math.max(0, Math.min(col, this.line(at).length)) };
  }

  left(): void {
    const { line, col } = this.cursor;
    if (col > 0) this.cursor = { line, col: prevCol(this.line(), col) };
    else if (line > 0) this.cursor = { line: line - 1, col: this.line(line - 1).length };
  }

  right(): void {
    const { line, col } = this.cursor;
    if (col < this.line().length) this.cursor = { line, col: nextCol(this.line(), col) };
    else if (line + 1 < this.lines.length) this.cursor = { line: line + 1, col: 0 };
  }

  /** To the next or previous beginning of a word. */
  word(direction: 1 | -1): void {
    const isWord = (): boolean => /[\p{L}\p{N}]/u.test(this.line()[this.cursor.col] ?? "");
    const step = (): boolean => {
      const before = this.cursor;
      if (direction === 1) this.right();
      else this.left();
      return before !== this.cursor;
    };
    if (direction === 1) {
      while (isWord() && step());
      while (!isWord() && step());
      return;
    }
    step();
    while (!isWord() && step());
    for (;;) {
      const here = this.cursor;
      if (here.col === 0 || !step()) return;
      if (!isWord()) {
        this.cursor = here;
        return;
      }
    }
  }
}
