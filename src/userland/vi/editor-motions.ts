/** vi's motions as they are typed, and the commands that move the window. Where a motion leads is worked out in `motions.ts`. */

import type { Key } from "../tui/terminal.ts";
import { charClass, columnAt, type Cursor, displayColumn, firstNonBlank, nextCol, prevCol } from "./buffer.ts";
import { Abort, EditorState, type Keys, type Prefix } from "./editor-state.ts";
import * as motions from "./motions.ts";

export abstract class MotionEditor extends EditorState {
  /** The motion that a key begins; undefined if it leads nowhere. */
  protected *motion(key: Key, count: number | undefined, operator = false): Keys<motions.Motion | undefined> {
    const b = this.buffer;
    const n = count ?? 1;
    const { line, col } = b.cursor;
    const text = b.line();
    const keepsColumn = ["j", "k", "<down>", "<up>", "\x0e", "\x10", "\n"].includes(key);
    if (!keepsColumn && key !== "$" && key !== "<end>") this.wantedCol = undefined;
    const repeat = (call: (c: Cursor) => Cursor, kind: motions.Motion["kind"]): motions.Motion => {
      let at = b.cursor;
      for (let i = 0; i < n; i++) at = call(at);
      return { to: at, kind };
    };
    switch (key) {
      case "h":
      case "<left>":
      case "\b":
      case "\x7f": {
        if (col === 0) return undefined;
        return repeat((c) => ({ line: c.line, col: prevCol(text, c.col) }), "exclusive");
      }
      case "l":
      case "<right>":
      case " ": {
        const limit = operator || this.mode === "visual" ? text.length : text === "" ? 0 : prevCol(text, text.length);
        if (col >= limit && !operator) return undefined;
        return repeat((c) => ({ line: c.line, col: Math.min(limit, nextCol(text, c.col)) }), "exclusive");
      }
      case "j":
      case "<down>":
      case "\x0e":
      case "\n":
        return this.vertical(line + n);
      case "k":
      case "<up>":
      case "\x10":
        return this.vertical(line - n);
      case "+":
      case "\r":
        return line + n < b.lines.length ? this.toLine(line + n) : undefined;
      case "-":
        return line - n >= 0 ? this.toLine(line - n) : undefined;
      case "_":
        return line + n - 1 < b.lines.length ? this.toLine(line + n - 1) : undefined;
      case "0":
      case "<home>":
        return { to: { line, col: 0 }, kind: "exclusive" };
      case "^":
        return { to: { line, col: firstNonBlank(text) }, kind: "exclusive" };
      case "$":
      case "<end>": {
        const target = Math.min(line + n - 1, b.lines.length - 1);
        this.wantedCol = "end";
        const end = b.line(target);
        return { to: { line: target, col: end === "" ? 0 : prevCol(end, end.length) }, kind: end === "" ? "exclusive" : "inclusive" };
      }
      case "|":
        return { to: { line, col: Math.min(n - 1, Math.max(0, text.length - 1)) }, kind: "exclusive" };
      case "w":
      case "W":
        if (line === b.lines.length - 1 && col >= prevCol(text, text.length) && !operator) return undefined;
        return repeat((c) => motions.wordForward(b, c, key === "W"), "exclusive");
      case "b":
      case "B":
        return line === 0 && col === 0 ? undefined : repeat((c) => motions.wordBackward(b, c, key === "B"), "exclusive");
      case "e":
      case "E":
        return repeat((c) => motions.wordEnd(b, c, key === "E"), "inclusive");
      case "}":
      case "{":
        return repeat((c) => motions.paragraph(b, c, key === "}" ? 1 : -1), "exclusive");
      case "G":
        return this.jump(this.toLine(Math.min(b.lines.length, count ?? b.lines.length) - 1));
      case "H":
        return this.jump(this.toLine(Math.min(b.lines.length - 1, this.top + n - 1)));
      case "M":
        return this.jump(
          this.toLine(Math.min(b.lines.length - 1, this.top + Math.floor((Math.min(this.height, b.lines.length - this.top) - 1) / 2))),
        );
      case "L":
        return this.jump(this.toLine(Math.max(0, Math.min(b.lines.length, this.top + this.height) - n)));
    }
    return yield* this.searchMotion(key, n, count);
  }

  protected *searchMotion(key: Key, n: number, count: number | undefined): Keys<motions.Motion | undefined> {
    const b = this.buffer;
    switch (key) {
      case "f":
      case "F":
      case "t":
      case "T": {
        const ch = yield* this.key();
        if (ch === "\x1b") return undefined;
        this.lastFind = { ch, kind: key };
        return this.charMotion(key, n, false);
      }
      case ";":
        return this.lastFind === undefined ? undefined : this.charMotion(this.lastFind.kind, n, true);
      case ",": {
        if (this.lastFind === undefined) return undefined;
        const { kind } = this.lastFind;
        return this.charMotion(({ f: "F", F: "f", t: "T", T: "t" } as const)[kind], n, true);
      }
      case "%": {
        if (count !== undefined) return this.jump(this.toLine(Math.min(b.lines.length - 1, Math.ceil((count * b.lines.length) / 100) - 1)));
        const to = motions.matchBracket(b, b.cursor);
        return to === undefined ? undefined : this.jump({ to, kind: "inclusive" });
      }
      case "/":
      case "?": {
        const pattern = yield* this.readLine(key);
        if (pattern === undefined) throw new Abort();
        this.searchDirection = key === "/" ? 1 : -1;
        return this.searchFor(pattern.replace(new RegExp(`\\${key}[^\\${key}]*$`), ""), this.searchDirection, n);
      }
      case "n":
      case "N":
        return this.searchFor("", key === "n" ? this.searchDirection : this.searchDirection === 1 ? -1 : 1, n);
      case "*":
      case "#": {
        const line = b.line();
        let start = b.cursor.col;
        while (start < line.length && charClass(line[start] ?? "") !== 1) start++;
        while (start > 0 && charClass(line[start - 1] ?? "") === 1) start--;
        const word = /^[\p{L}\p{N}_]+/u.exec(line.slice(start))?.[0];
        if (word === undefined) {
          this.message = "E348: No string under cursor";
          return undefined;
        }
        this.searchDirection = key === "*" ? 1 : -1;
        b.cursor = { line: b.cursor.line, col: start };
        return this.searchFor(`\\<${word}\\>`, this.searchDirection, n);
      }
      case "'":
      case "`": {
        const name = yield* this.key();
        const mark = name === "'" || name === "`" ? (this.marks.get("'") ?? { line: 0, col: 0 }) : this.marks.get(name);
        if (mark === undefined || mark.line >= b.lines.length) {
          this.message = "E20: Mark not set";
          return undefined;
        }
        return this.jump(key === "'" ? this.toLine(mark.line) : { to: mark, kind: "exclusive" });
      }
      case "g": {
        const second = yield* this.key();
        if (second === "g") return this.jump(this.toLine(Math.min(b.lines.length, n) - 1));
        if (second === "e" || second === "E") return { to: motions.wordEndBackward(b, b.cursor, second === "E"), kind: "inclusive" };
        if (second === "_") {
          const end = b.line().trimEnd();
          return { to: { line: b.cursor.line, col: Math.max(0, end.length - 1) }, kind: "inclusive" };
        }
        return undefined;
      }
    }
    return undefined;
  }
  protected vertical(line: number): motions.Motion | undefined {
    const b = this.buffer;
    const target = Math.max(0, Math.min(b.lines.length - 1, line));
    if (target === b.cursor.line) return undefined;
    const { tabstop } = this.options;
    this.wantedCol ??= displayColumn(b.line(), b.cursor.col, tabstop);
    const text = b.line(target);
    const last = text === "" ? 0 : prevCol(text, text.length);
    return {
      to: { line: target, col: this.wantedCol === "end" ? last : Math.min(columnAt(text, this.wantedCol, tabstop), last) },
      kind: "linewise",
    };
  }

  protected charMotion(kind: "f" | "F" | "t" | "T", n: number, again: boolean): motions.Motion | undefined {
    const to = motions.findChar(this.buffer, this.buffer.cursor, this.lastFind?.ch ?? "", kind, n, again);
    return to === undefined ? undefined : { to, kind: kind === "f" || kind === "t" ? "inclusive" : "exclusive" };
  }
  protected *windowCommand(key: Key, prefix: Prefix): Keys<boolean> {
    const b = this.buffer;
    const last = b.lines.length - 1;
    const half = prefix.count ?? Math.max(1, Math.floor(this.height / 2));
    const page = Math.max(1, this.height - 2) * (prefix.count ?? 1);
    const go = (line: number): void => {
      const target = Math.max(0, Math.min(last, line));
      b.cursor = { line: target, col: firstNonBlank(b.line(target)) };
    };
    switch (key) {
      case "\x06":
      case "<pagedown>":
        this.top = Math.min(last, this.top + page);
        go(Math.max(b.cursor.line, this.top));
        return true;
      case "\x02":
      case "<pageup>":
        this.top = Math.max(0, this.top - page);
        go(Math.min(b.cursor.line, this.top + this.height - 1));
        return true;
      case "\x04":
        this.top = Math.min(Math.max(0, last - this.height + 1), this.top + half);
        go(b.cursor.line + half);
        return true;
      case "\x15":
        this.top = Math.max(0, this.top - half);
        go(b.cursor.line - half);
        return true;
      case "\x05":
        this.top = Math.min(last, this.top + (prefix.count ?? 1));
        if (b.cursor.line < this.top) go(this.top);
        return true;
      case "\x19":
        this.top = Math.max(0, this.top - (prefix.count ?? 1));
        if (b.cursor.line >= this.top + this.height) go(this.top + this.height - 1);
        return true;
      case "z": {
        const where = yield* this.key();
        const { line } = b.cursor;
        if (where === "t" || where === "\r") this.top = line;
        else if (where === "z" || where === ".") this.top = Math.max(0, line - Math.floor(this.height / 2));
        else if (where === "b" || where === "-") this.top = Math.max(0, line - this.height + 1);
        else this.bell();
        return true;
      }
      case "\x07":
        this.effects.push({ kind: "ex", line: "f", range: undefined });
        return true;
      case "\x0c":
        this.effects.push({ kind: "redraw" });
        return true;
      case "\x1a":
        this.effects.push({ kind: "suspend" });
        return true;
      case "<resize>":
      case "<timeout>":
      case "<unknown>":
        return true;
      case "\x1b":
      case "\x03":
        if (key === "\x03") this.message = "Type  :qa  and press <Enter> to exit Vim";
        return true;
    }
    return false;
  }
}
