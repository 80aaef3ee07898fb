/** vi's insert and replace mode. */

import type { Key } from "../tui/terminal.ts";
import { nextCol, prevCol } from "./buffer.ts";
import type { Keys } from "./editor-state.ts";
import { MotionEditor } from "./editor-motions.ts";
import { indentOf } from "./operators.ts";

export abstract class InsertEditor extends MotionEditor {
  protected abstract normalCommand(): Keys<void>;

  /** Takes text until ESC; `count` times, each on a line of its own with `lines`. */
  protected *insert(count: number, lines = false): Keys<void> {
    this.change();
    this.mode = "insert";
    this.pendingKeys = "";
    const from = this.typed.length;
    yield* this.insertKeys(false);
    const keys = this.typed.slice(from, -1);
    for (let i = 1; i < count; i++) {
      if (lines) {
        this.buffer.cursor = { line: this.buffer.cursor.line, col: this.buffer.line().length };
        this.insertKey("\r", false);
      }
      for (const key of keys) this.insertKey(key, false);
    }
    this.leaveInsert();
  }

  protected *replaceMode(): Keys<void> {
    this.change();
    this.mode = "replace";
    yield* this.insertKeys(true);
    this.leaveInsert();
  }

  protected leaveInsert(): void {
    const b = this.buffer;
    const text = b.line();
    // Indentation that nothing was typed behind goes away.
    if (this.options.autoindent && /^[ \t]+$/.test(text)) b.setLine(b.cursor.line, "");
    b.cursor = { line: b.cursor.line, col: prevCol(text, b.cursor.col) };
    this.mode = "normal";
    b.clamp();
  }

  protected *insertKeys(replace: boolean): Keys<void> {
    for (;;) {
      const key = yield* this.key();
      if (key === "\x1b" || key === "\x03") return;
      if (key === "\x16") {
        const literal = yield* this.key();
        if (!literal.startsWith("<")) this.insertText(literal, replace);
      } else if (key === "\x0f") {
        // ^O: one command, then on.
        const mode = this.mode;
        this.mode = "normal";
        yield* this.normalCommand();
        this.mode = mode;
      } else this.insertKey(key, replace);
    }
  }

  protected insertText(text: string, replace: boolean): void {
    const b = this.buffer;
    const { line, col } = b.cursor;
    const old = b.line();
    b.setLine(line, old.slice(0, col) + text + old.slice(replace && col < old.length ? nextCol(old, col) : col));
    b.cursor = { line, col: col + text.length };
  }

  protected insertKey(key: Key, replace: boolean): void {
    const b = this.buffer;
    const { line, col } = b.cursor;
    const text = b.line();
    switch (key) {
      case "\r":
      case "\n": {
        const indent = this.options.autoindent ? indentOf(text.slice(0, col)) : "";
        b.insertText(b.cursor, ["", indent]);
        b.cursor = { line: line + 1, col: indent.length };
        return;
      }
      case "\x7f":
      case "\b":
        if (replace) b.cursor = { line, col: prevCol(text, col) };
        else if (col > 0) {
          const at = prevCol(text, col);
          b.setLine(line, text.slice(0, at) + text.slice(col));
          b.cursor = { line, col: at };
        } else if (line > 0) {
          const above = b.line(line - 1);
          b.deleteLines(line, 1);
          b.setLine(line - 1, above + text);
          b.cursor = { line: line - 1, col: above.length };
        }
        return;
      case "<delete>":
        if (col < text.length) b.setLine(line, text.slice(0, col) + text.slice(nextCol(text, col)));
        else if (line + 1 < b.lines.length) this.joinPlain(line);
        return;
      case "\x17": {
        const kept = text.slice(0, col).replace(/([\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]+)?\s*$/u, "");
        b.setLine(line, kept + text.slice(col));
        b.cursor = { line, col: kept.length };
        return;
      }
      case "\x15":
        b.setLine(line, text.slice(col));
        b.cursor = { line, col: 0 };
        return;
      case "\t": {
        const width = this.options.shiftwidth;
        this.insertText(this.options.expandtab ? " ".repeat(width - (col % width)) : "\t", replace);
        return;
      }
      case "<left>":
      case "<right>":
      case "<up>":
      case "<down>":
      case "<home>":
      case "<end>":
      case "<pageup>":
      case "<pagedown>":
        this.insertArrow(key);
        return;
    }
    if (!/^<.+>$/.test(key) && key >= " ") this.insertText(key, replace);
  }

  protected joinPlain(line: number): void {
    const b = this.buffer;
    const next = b.line(line + 1);
    b.setLine(line, b.line(line) + next);
    b.deleteLines(line + 1, 1);
  }

  protected insertArrow(key: Key): void {
    const b = this.buffer;
    const { line, col } = b.cursor;
    const text = b.line();
    if (key === "<left>") b.cursor = { line, col: prevCol(text, col) };
    else if (key === "<right>") b.cursor = { line, col: Math.min(text.length, nextCol(text, col)) };
    else if (key === "<home>") b.cursor = { line, col: 0 };
    else if (key === "<end>") b.cursor = { line, col: text.length };
    else {
      const rows = key.startsWith("<page") ? this.height - 2 : 1;
      b.cursor = { line: line + (key === "<up>" || key === "<pageup>" ? -rows : rows), col };
    }
    b.clamp(true);
  }
}
