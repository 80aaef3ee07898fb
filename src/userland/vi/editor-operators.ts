/** vi's operators with what they work on: motions, text objects, visual selections. */

import type { Key } from "../tui/terminal.ts";
import { charClass, type Cursor, firstNonBlank, nextCol, prevCol } from "./buffer.ts";
import { InsertEditor } from "./editor-insert.ts";
import { Abort, type Keys, type Prefix } from "./editor-state.ts";
import * as motions from "./motions.ts";
import { applyOperator, indentOf, putRegister } from "./operators.ts";

export abstract class OperatorEditor extends InsertEditor {
  protected abstract moveTo(motion: motions.Motion): void;
  protected abstract exCommand(range: string): Keys<void>;

  protected *operator(key: string, prefix: Prefix): Keys<void> {
    const b = this.buffer;
    const start = b.cursor;
    const { key: second, prefix: inner } = yield* this.prefix();
    const count = prefix.count === undefined && inner.count === undefined ? undefined : (prefix.count ?? 1) * (inner.count ?? 1);
    let span: motions.Span | undefined;
    const doubled = second === key || (key.length === 2 && (second === key[1] || second === key));
    if (doubled) {
      const last = Math.min(b.lines.length - 1, start.line + (count ?? 1) - 1);
      if (start.line + (count ?? 1) > b.lines.length && (count ?? 1) > 1 && start.line === b.lines.length - 1) throw new Abort();
      span = { from: { line: start.line, col: 0 }, to: { line: last, col: 0 }, kind: "linewise" };
    } else if (second === "i" || second === "a") {
      span = motions.textObject(b, start, second === "a", yield* this.key(), count ?? 1);
    } else {
      // cw changes the word without the blanks behind it.
      const onWord = charClass(b.line().slice(start.col, nextCol(b.line(), start.col))) !== 0;
      const asEnd = key === "c" && (second === "w" || second === "W") && onWord;
      const motion = asEnd ? this.changeWord(second === "W", count ?? 1) : yield* this.motion(second, count, true);
      if (motion !== undefined) span = this.spanOf(start, motion, second);
    }
    if (span === undefined) throw new Abort();
    if (key !== "y") this.change();
    this.wantedCol = undefined;
    yield* this.operate(key, key === "d" ? this.widen(span) : span, prefix.register ?? inner.register);
  }

  /** A deletion over several lines with only blanks around it takes whole lines (":help d-special"). */
  protected widen(span: motions.Span): motions.Span {
    const { from, to, kind } = span;
    if (kind === "linewise" || from.line === to.line) return span;
    const last = this.buffer.line(to.line);
    const behind = last.slice(kind === "inclusive" ? nextCol(last, to.col) : to.col);
    const before = this.buffer.line(from.line).slice(0, from.col);
    return /^[ \t]*$/.test(before) && /^[ \t]*$/.test(behind) ? { from, to, kind: "linewise" } : span;
  }

  protected changeWord(big: boolean, count: number): motions.Motion {
    const b = this.buffer;
    let at = b.cursor;
    const line = b.line();
    // On the last letter of a word e would go to the next one.
    const kind = charClass(line.slice(at.col, nextCol(line, at.col)), big);
    const next = nextCol(line, at.col);
    let left = count;
    if (next >= line.length || charClass(line.slice(next, nextCol(line, next)), big) !== kind) left--;
    for (; left > 0; left--) at = motions.wordEnd(b, at, big);
    return { to: at, kind: "inclusive" };
  }

  /** From the cursor to where a motion leads, in order, with vi's exceptions. */
  protected spanOf(start: Cursor, motion: motions.Motion, key: Key): motions.Span {
    const b = this.buffer;
    const forward = motion.to.line > start.line || (motion.to.line === start.line && motion.to.col >= start.col);
    let [from, to] = forward ? [start, motion.to] : [motion.to, start];
    let { kind } = motion;
    // dw on the last word of a line stays in the line.
    const lastWord = to.line > from.line && b.line(to.line - 1) !== "" && /^[ \t]*$/.test(b.line(to.line).slice(0, to.col));
    if ((key === "w" || key === "W") && lastWord) {
      to = { line: to.line - 1, col: b.line(to.line - 1).length };
    } else if (kind === "exclusive" && to.col === 0 && to.line > from.line) {
      to = { line: to.line - 1, col: b.line(to.line - 1).length };
      if (/^[ \t]*$/.test(b.line(from.line).slice(0, from.col))) kind = "linewise";
    }
    return { from, to, kind };
  }

  protected *operate(key: string, span: motions.Span, register: string | undefined): Keys<void> {
    const b = this.buffer;
    const { kind } = span;
    const to = kind === "inclusive" ? { line: span.to.line, col: nextCol(b.line(span.to.line), span.to.col) } : span.to;
    const from = span.from;
    if (key === "d" || key === "c" || key === "y") {
      const text = kind === "linewise" ? b.lines.slice(from.line, to.line + 1) : b.getText(from, to);
      this.store(register, { text, linewise: kind === "linewise" }, key === "y");
    }
    if (key === "y") {
      b.cursor =
        kind === "linewise"
          ? { line: from.line, col: from.line === b.cursor.line ? b.cursor.col : firstNonBlank(b.line(from.line)) }
          : from;
      const lines = to.line - from.line + 1;
      if (lines > 2) this.message = `${lines} lines yanked`;
      return;
    }
    if (key === "d" || key === "c") {
      if (kind !== "linewise") {
        b.deleteText(from, to);
        b.cursor = from;
      } else if (key === "c") {
        const indent = this.options.autoindent ? indentOf(b.line(from.line)) : "";
        b.deleteLines(from.line, to.line - from.line + 1);
        // The one empty line that always stays serves where everything went.
        if (b.lines.length === 1 && b.line(0) === "" && from.line === 0) b.setLine(0, indent);
        else b.insertLines(from.line, [indent]);
        b.cursor = { line: from.line, col: indent.length };
      } else {
        const gone = b.deleteLines(from.line, to.line - from.line + 1);
        const line = Math.min(from.line, b.lines.length - 1);
        b.cursor = { line, col: firstNonBlank(b.line(line)) };
        if (gone.length > 2) this.message = `${gone.length} fewer lines`;
        if (b.lines.length === 1 && b.line(0) === "") this.message = "--No lines in buffer--";
      }
      if (key === "c") {
        b.clamp(true);
        yield* this.insert(1);
      }
      return;
    }
    applyOperator(b, key, { from, to, kind: kind === "linewise" ? kind : "exclusive" }, this.options);
  }

  protected *visualCommand(): Keys<void> {
    const { key, prefix } = yield* this.prefix();
    const b = this.buffer;
    this.message = "";
    if (key === "\x1b" || key === "\x03" || (key === "v" && this.mode === "visual") || (key === "V" && this.mode === "visual-line")) {
      this.mode = "normal";
      return;
    }
    if (key === "v" || key === "V") {
      this.mode = key === "v" ? "visual" : "visual-line";
      return;
    }
    if (key === "o" || key === "O") {
      const { cursor } = b;
      b.cursor = this.anchor;
      this.anchor = cursor;
      return;
    }
    const { from, to } = this.selection();
    const linewise = this.mode === "visual-line";
    // After $ the end of the line belongs to it.
    const wholeLine = !linewise && this.wantedCol === "end" && to.line + 1 < b.lines.length;
    const span: motions.Span = wholeLine
      ? { from, to: { line: to.line + 1, col: 0 }, kind: "exclusive" }
      : { from, to, kind: linewise ? "linewise" : "inclusive" };
    const lines: motions.Span = { ...span, kind: "linewise" };
    this.marks.set("<", from);
    this.marks.set(">", to);
    const leave = (): void => {
      this.mode = "normal";
      b.cursor = from;
      this.wantedCol = undefined;
      this.change();
      // `.` does the same to as much text from the cursor on.
      const down = to.line - from.line;
      const across = linewise ? "" : down > 0 ? `0${to.col > 0 ? `${to.col}l` : ""}` : to.col > from.col ? `${to.col - from.col}l` : "";
      this.typed.unshift(...`${linewise ? "V" : "v"}${down > 0 ? `${down}j` : ""}${across}`);
    };
    const operators: Readonly<Record<string, readonly [string, motions.Span]>> = {
      d: ["d", span],
      x: ["d", span],
      "<delete>": ["d", span],
      c: ["c", span],
      s: ["c", span],
      y: ["y", span],
      X: ["d", lines],
      D: ["d", lines],
      Y: ["y", lines],
      S: ["c", lines],
      C: ["c", lines],
      R: ["c", lines],
      ">": [">", lines],
      "<": ["<", lines],
      "=": ["=", lines],
      "~": ["g~", span],
      u: ["gu", span],
      U: ["gU", span],
    };
    const operator = operators[key];
    if (operator !== undefined) {
      leave();
      return yield* this.operate(operator[0], operator[1], prefix.register);
    }
    if (key === "J") {
      leave();
      return this.join(from.line, Math.max(2, to.line - from.line + 1), true);
    }
    if (key === "r") {
      const ch = yield* this.key();
      leave();
      return applyOperator(b, `r${ch}`, span, this.options);
    }
    if (key === "p" || key === "P") {
      const register = this.register(prefix.register);
      leave();
      yield* this.operate("d", span, undefined);
      if (register === undefined) {
        this.message = 'E353: Nothing in register "';
        return;
      }
      const atEnd = linewise ? from.line >= b.lines.length : from.col >= b.line(from.line).length;
      return putRegister(b, register, atEnd, 1);
    }
    if (key === ":") {
      this.mode = "normal";
      return yield* this.exCommand("'<,'>");
    }
    if (key === "i" || key === "a") {
      const object = motions.textObject(b, b.cursor, key === "a", yield* this.key(), prefix.count ?? 1);
      if (object === undefined) return this.bell();
      this.mode = object.kind === "linewise" ? "visual-line" : "visual";
      this.anchor = object.from;
      b.cursor = object.kind === "exclusive" ? { line: object.to.line, col: prevCol(b.line(object.to.line), object.to.col) } : object.to;
      return;
    }
    if (key === "m") {
      this.marks.set(yield* this.key(), b.cursor);
      return;
    }
    if (yield* this.windowCommand(key, prefix)) return;
    const motion = yield* this.motion(key, prefix.count);
    if (motion === undefined) return this.bell();
    this.moveTo(motion);
  }

  /** `J`: lines become one, with a blank between them where it is due. */
  join(from: number, count: number, blanks: boolean): void {
    const b = this.buffer;
    const last = Math.min(from + count - 1, b.lines.length - 1);
    if (last === from) {
      this.bell();
      return;
    }
    let text = b.line(from);
    let col = 0;
    for (let i = from + 1; i <= last; i++) {
      const next = blanks ? b.line(i).trimStart() : b.line(i);
      const gap = !blanks || next === "" || next.startsWith(")") || /[ \t]$/.test(text) || text === "" ? "" : " ";
      col = text.length - (gap === "" && text !== "" ? 1 : 0);
      text += gap + next;
    }
    b.deleteLines(from + 1, last - from);
    b.setLine(from, text);
    b.cursor = { line: from, col: Math.max(0, col) };
  }
}
